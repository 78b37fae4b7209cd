"""The dispatcher: places what is queued, starts it, watches it, and takes in how it ended. One works on a site.

It holds no state of its own: all is in the store and in the attempts' folders, so that killing it at any moment loses
nothing. Between placing an attempt and keeping its handle it can't know whether the executor has it; when it starts
again it asks the executor, which finds the attempt or sees to it that it never runs (`supervisor`).
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils import timezone

from dujiang.compute import actions
from dujiang.compute.executors import executor
from dujiang.compute.executors.base import Executor, Rejected, Standing, Task, Unreachable
from dujiang.compute.models import Attempt, Job, Pool
from dujiang.compute.requests import COMMAND, Limits
from dujiang.compute.states import State
from dujiang.messages import Text

POLL_SECONDS = 0.25
_QUEUE_AT_ONCE = 200
_WHOLE = ("pool__centre", "job__product")
_UNDER_WAY = (Attempt.State.PLACED, Attempt.State.RUNNING)
_log = logging.getLogger(__name__)


def lease(home: Path) -> IO[str] | None:
    """Take the site's lock of the dispatcher, which ends with the process; None where another one holds it."""
    file = (home / "dispatcher.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def work(*, until: Callable[[], bool] = lambda: False) -> None:
    """Dispatch until told to stop; while another dispatcher works, wait to take over from it."""
    while not until():
        if held := lease(settings.HOME):
            with held:
                actions.local_pool()
                dispatcher = Dispatcher()
                dispatcher.recover()
                while not until():
                    dispatcher.tick()
                    time.sleep(POLL_SECONDS)
        else:
            time.sleep(1)


class Dispatcher:
    """What one process needs to dispatch: the executors of the pools."""

    def __init__(self) -> None:
        self._executors: dict[str, Executor] = {}
        self._not_before: dict[str, float] = {}

    def recover(self, **where: object) -> None:
        """Find out what became of attempts that were placed, and may or may not have been started."""
        for attempt in Attempt.objects.filter(state=Attempt.State.PLACED, handle="", **where).select_related(*_WHOLE):
            with suppress(Unreachable):
                self._find(attempt)

    def _find(self, attempt: Attempt) -> None:
        handle = self._of(attempt.pool).find(attempt.folder)
        if handle is None:
            actions.withdrawn(attempt)
        else:
            actions.started(attempt, handle)

    def tick(self) -> None:
        """Go once over the pools that did not answer, over everything that is under way, then over the queue."""
        for pool in Pool.objects.exclude(gone_since=None):
            self._probe(pool)
        gone: set[int] = set()
        watched = Attempt.objects.filter(state__in=_UNDER_WAY, pool__gone_since=None).exclude(handle="")
        for attempt in watched.select_related(*_WHOLE):
            if attempt.pool_id in gone:
                continue
            try:
                self._watch(attempt)
            except Unreachable as error:
                gone.add(attempt.pool_id)
                self._missed(attempt.pool, error)
        self._queue(gone)

    def _of(self, pool: Pool) -> Executor:
        if pool.key not in self._executors:
            self._executors[pool.key] = executor(pool.kind, pool.settings)
        return self._executors[pool.key]

    def _watch(self, attempt: Attempt) -> None:
        runs = self._of(attempt.pool)
        standing = runs.poll(attempt.handle, attempt.folder)
        match standing:
            case Standing.RUNNING if attempt.state == Attempt.State.PLACED:
                actions.running(attempt)
            case Standing.ENDED:
                outcome = runs.usage(attempt.handle, attempt.folder)
                if outcome is None:
                    self._give_up(attempt, Text("没有留下结果", "it left no outcome"))
                else:
                    actions.ended(attempt, outcome)
                return
            case Standing.VANISHED:
                self._give_up(attempt, Text("运行中消失，没有留下结果", "it vanished and left no outcome"))
                return
        if attempt.job.cancel_asked:
            runs.cancel(attempt.handle, attempt.folder)

    def _queue(self, gone: set[int]) -> None:
        waiting = list(Job.objects.filter(state=State.QUEUED).order_by("id")[:_QUEUE_AT_ONCE])
        if not waiting:
            return
        found = Pool.objects.filter(state=Pool.State.OPEN, gone_since=None).exclude(pk__in=gone)
        pools = {one.key: one for one in found.select_related("centre").prefetch_related("groups")}
        using: dict[str, list[Limits]] = {key: [] for key in pools}
        for attempt in Attempt.objects.filter(state__in=_UNDER_WAY).select_related("job", "pool"):
            if attempt.pool.key in using:
                using[attempt.pool.key].append(attempt.job.limits)
        for job in waiting:
            # Its offers stand in the order of their price.
            open_to_it = [one["pool"] for one in job.offers if one["pool"] in pools]
            chosen = next((one for one in open_to_it if pools[one].place.has_room(job.limits, using[one])), None)
            if chosen is not None and self._start(job, pools[chosen]):
                using[chosen].append(job.limits)

    def _start(self, job: Job, pool: Pool) -> bool:
        attempt = actions.place(job, pool)
        if attempt is None:
            return False
        task = Task(
            # By it the centre finds the hold that its invoice names.
            name=attempt.job.hold_key or f"job:{job.pk}",
            argv=job.argv,
            seconds=job.seconds,
            memory_mib=job.memory_mib,
            cpus=job.cpus,
            gpu_milli=job.gpu_milli,
            gpu_kind=job.gpu_kind,
            environment=_environment(job),
        )
        try:
            handle = self._of(pool).submit(task, attempt.folder)
        except Unreachable as error:
            self._missed(pool, error)
            self.recover(pk=attempt.pk)
            return True
        except Rejected as error:
            actions.rejected(attempt, Text(f"算力池拒收：{error}", f"the pool did not take it: {error}"))
            return False
        actions.started(attempt, handle)
        return True

    def _missed(self, pool: Pool, error: Unreachable) -> None:
        _log.warning("pool %s does not answer: %s", pool.key, error)
        actions.unreachable(pool)

    def _probe(self, pool: Pool) -> None:
        """Ask a pool that did not answer again; after a while, take what ran there as lost."""
        runs = self._of(pool)
        asked = time.monotonic()
        if asked < self._not_before.get(pool.key, 0.0):
            return
        try:
            runs.ping()
        except Unreachable:
            # What does not answer takes its time; other pools are not to wait for it.
            self._not_before[pool.key] = time.monotonic() + 5 * (time.monotonic() - asked)
            if timezone.now() - pool.gone_since < timedelta(seconds=settings.COMPUTE_GIVE_UP_SECONDS):
                return
            for attempt in Attempt.objects.filter(state__in=_UNDER_WAY, pool=pool).select_related(*_WHOLE):
                self._give_up(attempt, Text(f"算力池 {pool.key} 失去联系", f"pool {pool.key} is gone"))
            return
        actions.reachable(pool)
        self.recover(pool=pool)
        # What was taken as lost may run on there; its job has been queued again or ended.
        for attempt in Attempt.objects.filter(state=Attempt.State.LOST, pool=pool).exclude(handle=""):
            with suppress(Unreachable):
                runs.cancel(attempt.handle, attempt.folder)

    def _give_up(self, attempt: Attempt, why: Text) -> None:
        """Take an attempt as lost, unless it never started and now never will."""
        try:
            handle = self._of(attempt.pool).find(attempt.folder)
        except Unreachable:
            handle = attempt.handle
        if handle is None:
            actions.withdrawn(attempt)
        else:
            actions.lost(attempt, why)


def _environment(job: Job) -> dict[str, str]:
    cores = str(job.cpus)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), cores)
    # Named work runs on the site's own Python, also where an executor hands on no environment.
    return threads if job.work == COMMAND else {**threads, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
