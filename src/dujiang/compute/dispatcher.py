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
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from dujiang.compute import actions
from dujiang.compute.backfill import STOPPING, Preemptible, Running, Timeline
from dujiang.compute.broker import Candidate, choose
from dujiang.compute.executors import executor
from dujiang.compute.executors.base import Executor, Rejected, Standing, Task, Unreachable
from dujiang.compute.fairshare import decayed, factors
from dujiang.compute.models import Attempt, Job, Pool
from dujiang.compute.places import amount
from dujiang.compute.requests import COMMAND
from dujiang.compute.states import State
from dujiang.messages import Text
from dujiang.vouchers import actions as vouchers

POLL_SECONDS = 0.25
_QUEUE_AT_ONCE = 200
_USAGE_SECONDS = 60.0
"""How long the holders' use of late is kept before it is summed up again."""
_SOON = 300.0
"""Seconds before a job's latest start from which it goes first, and may stop what is preemptible if it would be late."""
_SLACK = 10.0
"""Seconds that an end may take to be seen: a limit is enforced a little late, and the next tick comes after it."""
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
        self._usage: dict[str, float] = {}
        self._usage_until = 0.0
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
        if attempt.job.cancel_asked or attempt.preempted:
            runs.cancel(attempt.handle, attempt.folder)

    def _queue(self, gone: set[int]) -> None:
        waiting = _waiting()
        if not waiting:
            return
        found = Pool.objects.filter(state=Pool.State.OPEN, gone_since=None).exclude(pk__in=gone)
        pools = {one.key: one for one in found.select_related("centre").prefetch_related("groups")}
        now = timezone.now()
        running: dict[str, list[Attempt]] = {key: [] for key in pools}
        for attempt in Attempt.objects.filter(state__in=_UNDER_WAY).select_related("job", "pool"):
            if attempt.pool.key in running:
                running[attempt.pool.key].append(attempt)
        rooms = {
            key: Timeline(pool.place.capacity, [_running(one, now) for one in running[key]])
            for key, pool in pools.items()
        }
        for job in self._in_turn(waiting, now):
            held = amount(job.limits)
            judged = choose(self._candidates(job, pools, rooms), job.seconds, _due_in(job, now))
            if not judged:
                continue
            chosen = judged[0].pool
            room = rooms[chosen]
            if room.may_start(held, job.seconds):
                actions.judged(job, judged)
                if self._start(job, pools[chosen]):
                    room.start(held, job.seconds)
                continue
            # Who waits behind another's reservation could not use what is freed now.
            if room.reservation is None and self._urgent(job, now) and self._too_late(job, room, now):
                self._make_room(job, room, running[chosen], now)
            room.queue(held, job.seconds)

    def _in_turn(self, waiting: list[Job], now: datetime) -> list[Job]:
        """Return the queue in its order: what would be late soon, then by fair share between holders, then as it came."""
        shares = dict.fromkeys((job.holder for job in waiting), 1.0)
        if len(shares) > 1 and time.monotonic() >= self._usage_until:
            self._usage = {holder: decayed(uses) for holder, uses in actions.recent_use(now).items()}
            self._usage_until = time.monotonic() + _USAGE_SECONDS
        # All holders of late count, so that a factor says the same whoever waits.
        factor = factors(self._usage, {**dict.fromkeys(self._usage, 1.0), **shares})

        def turn(job: Job) -> tuple[bool, float, float, int]:
            urgent = self._urgent(job, now)
            return not urgent, (_due_in(job, now) or 0.0) if urgent else 0.0, -factor[job.holder], job.pk

        return sorted(waiting, key=turn)

    def _urgent(self, job: Job, now: datetime) -> bool:
        """Whether a job must start within `_SOON` to end in time, and still can."""
        due = _due_in(job, now)
        return due is not None and 0 <= due - job.seconds <= _SOON

    def _too_late(self, job: Job, room: Timeline, now: datetime) -> bool:
        """Whether a job that waits until enough has ended by its limit would miss its deadline."""
        wait, due = room.wait(amount(job.limits)), _due_in(job, now)
        return wait is not None and due is not None and wait + _SLACK + job.seconds > due

    def _candidates(self, job: Job, pools: dict[str, Pool], rooms: dict[str, Timeline]) -> list[Candidate]:
        left: int | None = None
        found = []
        for offer in job.offers:
            if offer["pool"] not in pools:
                continue
            wait = rooms[offer["pool"]].expected(amount(job.limits), job.seconds)
            if wait is None:
                continue
            payable = pools[offer["pool"]].centre.unit == job.provider
            if not payable:
                left = vouchers.balance(job.holder, job.product.key) if left is None else left
                # What is held for the pool's rival is free again when this one takes the job.
                payable = left + (job.most if job.hold_key else 0) >= offer["most"]
            found.append(Candidate(pool=offer["pool"], most=offer["most"], wait=wait, payable=payable))
        return found

    def _make_room(self, job: Job, room: Timeline, running: list[Attempt], now: datetime) -> None:
        """Stop what declared itself preemptible, as little as will do, for a job that would else be late."""
        if any(one.preempted for one in running):
            return  # what is being stopped comes first
        stoppable = [
            Preemptible(one.pk, (now - one.placed).total_seconds(), amount(one.job.limits))
            for one in running
            if one.job.preemptible and not one.job.exactly_once and one.handle
        ]
        wanted = room.stopped_for(amount(job.limits), stoppable)
        for one in running:
            if wanted and one.pk in wanted:
                # It is on record first; `_watch` then stops it, also where this dispatcher is killed in between.
                actions.preempted(one, job)
                room.stop(_running(one, now))

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
        except (Unreachable, FileNotFoundError):  # a folder that somebody removed tells nothing any more
            handle = attempt.handle
        if handle is None:
            actions.withdrawn(attempt)
        else:
            actions.lost(attempt, why)


def _running(attempt: Attempt, now: datetime) -> Running:
    """Return what an attempt holds, and until when at the latest."""
    left = max(attempt.job.seconds - (now - attempt.placed).total_seconds(), STOPPING)
    return Running(STOPPING if attempt.preempted else left, amount(attempt.job.limits))


def _waiting() -> list[Job]:
    """Return what may be next: the same number of each holder's, and what is due first.

    So nobody's jobs are out of sight behind another's many.
    """
    queued = Job.objects.filter(state=State.QUEUED)
    place = Window(RowNumber(), partition_by=F("holder"), order_by=F("id").asc())
    numbers = set(queued.annotate(place=place).order_by("place", "id").values_list("pk", flat=True)[:_QUEUE_AT_ONCE])
    due = queued.filter(deadline__gte=timezone.now()).order_by("deadline", "id")
    numbers.update(due.values_list("pk", flat=True)[:_QUEUE_AT_ONCE])
    return list(queued.filter(pk__in=numbers).order_by("id"))


def _due_in(job: Job, now: datetime) -> float | None:
    return (job.deadline - now).total_seconds() if job.deadline else None


def _environment(job: Job) -> dict[str, str]:
    cores = str(job.cpus)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), cores)
    # Named work runs on the site's own Python, also where an executor hands on no environment.
    return threads if job.work == COMMAND else {**threads, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
