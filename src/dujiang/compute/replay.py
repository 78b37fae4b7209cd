"""Replays a trace on a pool: until it is full, and in its own time.

*Until it is full*, by the protocol of Weng et al., USENIX ATC 2023, section 6.

Tasks are drawn from the trace with replacement in random order until the GPU that they ask for reaches 130 % of the pool's.
Each is placed when it arrives and stays; one that fits nowhere is lost. What share of the pool's GPU is unallocated is read
when the demand that has arrived reaches each of :data:`MARKS`. A policy knows the types of the trace's tasks and how often
they come, not what is drawn next.

*In its own time* tasks arrive when they did and run as long as they did. They queue by EASY backfill (Lifka 1995): the first
that does not fit is promised the node where it will fit earliest, and those behind it go ahead where they don't delay that.
How long a task runs is known when it starts, as if its limit were exact. A trace of a cluster that was never full has no
waits, so it runs on a sample of the nodes whose GPUs are a stated share of the most that the trace had in use at once.
"""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dujiang.compute.cluster import Floats, Ints, Nodes, Tasks, Workload, fits, give_back
from dujiang.compute.policies import DEFAULT, STRANDING
from dujiang.compute.scheduler import NOWHERE, Placement, Scheduler

MARKS = (0.8, 0.9, 1.0, 1.1, 1.3)
_STEP = 1000
_REHEARSAL = [2023]  # a seed that no replay has
_FEWEST, _MOST, _ENOUGH = 2, 12, 20_000  # how often, and until how many tasks: small pools vary more from draw to draw
_NOISE, _NEARLY = 0.0003, 0.001


@dataclass(frozen=True, slots=True)
class Filling:
    """How a policy filled the pool with one seed's tasks.

    ``unallocated``: share of the pool's GPU, 0 to 1, at each of :data:`MARKS`. ``lost``: tasks that fitted nowhere.
    ``used``: the policy that placed, which for the default is what :func:`rehearsed` chose. ``seconds``: CPU time of the
    decisions on one core, compilation and set-up left out.
    """

    policy: str
    used: str
    seed: int
    tasks: int
    lost: int
    unallocated: list[float]
    seconds: float

    @property
    def decisions_per_second(self) -> float:
        """Tasks placed or refused a second of one core."""
        return self.tasks / self.seconds if self.seconds else 0.0


def arrivals(known: Workload, capacity: int, seed: int) -> Ints:
    """Draw tasks until they ask for 130 % of ``capacity`` (milli of GPU); returns their types in the order of arrival.

    ValueError where no task asks for GPU, or the pool has none.
    """
    return _draw(known, capacity, np.random.default_rng(seed))


def _draw(known: Workload, capacity: int, random: np.random.Generator) -> Ints:
    demand, mean = known.types.demand, float(known.frequency @ known.types.demand)
    if mean <= 0 or capacity <= 0:
        raise ValueError("a replay until the GPUs are full needs GPUs, and tasks that ask for them")
    drawn, wanted = np.empty(0, dtype=np.int64), MARKS[-1] * capacity
    while demand[drawn].sum() < wanted:
        more = random.choice(len(demand), size=max(16, int(1.05 * wanted / mean)), p=known.frequency)
        drawn = np.concatenate([drawn, more])
    return drawn[: int(np.searchsorted(np.cumsum(demand[drawn]), wanted)) + 1]


def unallocated(types: Tasks, arrived: Ints, nodes: Ints, capacity: int) -> list[float]:
    """Return the share of ``capacity`` that no task holds when arrived demand reaches each mark."""
    demand = types.demand[arrived]
    reached = np.searchsorted(np.cumsum(demand), [mark * capacity for mark in MARKS])
    held = np.cumsum(np.where(nodes == NOWHERE, 0, demand))
    return [float(1 - held[min(at, len(held) - 1)] / capacity) for at in reached]


def fill(
    scheduler: Scheduler, arrived: Ints, policy: str, seed: int, progress: Callable[[int], None] = lambda count: None
) -> Filling:
    """Place tasks as they arrive on the empty pool and count.

    ``policy`` is what was asked for, ``progress`` hears how many were decided since it last heard.
    """
    scheduler.clear()
    # Numba compiles, or reads from its cache, at the first call; nothing arrives in this one.
    scheduler.place_all(arrived[:0])
    nodes, seconds = np.empty(len(arrived), dtype=np.int64), 0.0
    for first in range(0, len(arrived), _STEP):
        some = arrived[first : first + _STEP]
        started = time.process_time()
        nodes[first : first + len(some)] = scheduler.place_all(some)
        seconds += time.process_time() - started
        progress(len(some))
    shares = unallocated(scheduler.types, arrived, nodes, int(scheduler.capacity.gpu.sum()))
    return Filling(policy, scheduler.policy, seed, len(arrived), int((nodes == NOWHERE).sum()), shares, seconds)


def prepared(policy: str, capacity: Nodes, known: Workload) -> Scheduler:
    """Return an empty pool with a policy; the default one is :func:`rehearsed`."""
    return rehearsed(capacity, known) if policy == DEFAULT else Scheduler(capacity, known, policy)


def rehearsed(capacity: Nodes, known: Workload) -> Scheduler:
    """Return an empty pool with the default policy, set to what does best on tasks drawn from the pool's own workload.

    Its settings and ``fgd`` fill the empty pool with the same tasks, which are none of a replay's. A setting will do that
    at no mark does worse than ``fgd`` by more than a twentieth of what it gains on the mean; of those, the least that is
    within 0.1 % of the best on the mean is taken, since less stranding risks less. Where none will do, it is ``fgd``: the
    default was made for pools whose GPUs run short, and CPU may, in pools of mostly tasks without GPU. On OpenB's 1,523
    nodes this takes 3 s.
    """
    made = [
        *(Scheduler(capacity, known, DEFAULT, stranding) for stranding in STRANDING),
        Scheduler(capacity, known, "fgd"),
    ]
    size = int(capacity.gpu.sum())
    if not (size and known.types.demand.any()):
        return made[0]
    random = np.random.default_rng(_REHEARSAL)
    found = np.zeros((len(made), len(MARKS)))
    decided = times = 0
    while times < _FEWEST or (decided < _ENOUGH and times < _MOST):
        drawn = _draw(known, size, random)
        for number, one in enumerate(made):
            one.clear()
            found[number] += unallocated(known.types, drawn, one.place_all(drawn), size)
        decided, times = decided + len(drawn), times + 1
    worse = (found - found[-1]) / times
    mean = worse.mean(axis=1)
    will_do = (worse <= np.maximum(_NOISE, -mean[:, None] / 20)).all(axis=1)
    best = made[int(np.flatnonzero(will_do & (mean <= mean[will_do].min() + _NEARLY))[0])]
    best.clear()
    return best


def mean_unallocated(fillings: Sequence[Filling]) -> Floats:
    """Return the mean over seeds at each mark: float64 of shape (marks,)."""
    return np.mean([one.unallocated for one in fillings], axis=0)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long tasks waited in a replay in the trace's own time.

    ``nodes`` and ``gpus`` of the sample, ``tasks`` that started, ``never`` those that no node of it could hold;
    ``mean`` and the percentiles ``p50``, ``p95``, ``p99`` in s.
    """

    policy: str
    seed: int
    nodes: int
    gpus: int
    tasks: int
    never: int
    mean: float
    p50: float
    p95: float
    p99: float


def peak(demand: Ints, created: Ints, duration: Ints) -> int:
    """Return the most of ``demand`` (milli of GPU) that tasks had at once, had each started when it was created."""
    times = np.concatenate([created, created + duration])
    change = np.concatenate([demand, -demand])
    # What ends at an instant is free for what begins there.
    order = np.lexsort((change, times))
    return int(np.cumsum(change[order]).max(initial=0))


def sample(capacity: Nodes, milli: int, seed: int) -> Nodes:
    """Return nodes drawn without replacement until they have that many milli of GPU; all where they have fewer."""
    order = np.random.default_rng(seed).permutation(len(capacity.cpu))
    reached = int(np.searchsorted(np.cumsum(capacity.gpu[order].sum(axis=1)), milli)) + 1
    chosen = np.sort(order[:reached])
    return Nodes(*(np.ascontiguousarray(array[chosen]) for array in capacity))


class Reservation(NamedTuple):
    """What the first task in the queue is promised: to start on ``node`` by ``shadow`` (s)."""

    task: int
    node: int
    shadow: int


class Runs(NamedTuple):
    """When tasks started (s, of shape (tasks,); -1 for those that no node could hold), and what the first in line was promised."""

    started: Ints
    promised: list[Reservation]


class _Pool:
    """Tasks that run on a scheduler's nodes, and the reservation of the one that is first in line."""

    def __init__(self, scheduler: Scheduler, kinds: Ints, duration: Ints) -> None:
        self.scheduler, self.kinds, self.duration = scheduler, kinds, duration
        self.ending: list[tuple[int, int]] = []
        self.placed: dict[int, Placement] = {}
        self.ends: dict[int, int] = {}
        self.on: defaultdict[int, set[int]] = defaultdict(set)
        self.reservation: Reservation | None = None
        self.promised: list[Reservation] = []

    def end(self, now: int) -> bool:
        """Free what tasks that have ended held, and say whether there were any."""
        before = len(self.placed)
        while self.ending and self.ending[0][0] <= now:
            _, task = heapq.heappop(self.ending)
            placement = self.placed.pop(task)
            self.on[placement.node].remove(task)
            self.scheduler.release(placement)
        return len(self.placed) < before

    def start(self, task: int, now: int) -> bool:
        """Start a task now, if it fits and does not delay the one that holds the reservation."""
        kind, held = int(self.kinds[task]), self.reservation
        placed = self.scheduler.place(kind)
        ends = now + int(self.duration[task])
        if (
            placed
            and held
            and placed.node == held.node
            and held.task != task
            and ends > held.shadow
            and self._delays(held)
        ):
            self.scheduler.release(placed)
            placed = self.scheduler.place(kind, avoid=held.node)
        if placed is None:
            return False
        self.placed[task], self.ends[task] = placed, ends
        self.on[placed.node].add(task)
        heapq.heappush(self.ending, (ends, task))
        if held and held.task == task:
            self.reservation = None
        return True

    def serve(self, queue: Ints, new: int, now: int) -> NDArray[np.bool_]:
        """Start what may start of a queue, of which only those from ``new`` on have not been tried; returns which did."""
        started = np.zeros(len(queue), dtype=bool)
        first = 0
        # Nothing fits later in this pass that does not fit now.
        fits_now = self.scheduler.placeable()
        for place in new + np.flatnonzero(fits_now[self.kinds[queue[new:]]]):
            while first < place and started[first]:
                first += 1
            if self.reservation is None and first < place:
                self.promise(int(queue[first]))
            kind = self.kinds[queue[place]]
            if fits_now[kind]:
                started[place] = self.start(int(queue[place]), now)
                fits_now[kind] = started[place] or self.scheduler.scores(kind).min() < np.inf
        if self.reservation is None and not started.all():
            self.promise(int(queue[started.argmin()]))
        return started

    def _delays(self, held: Reservation) -> bool:
        """Whether the promised node, as it stands, will not have room in time."""
        then = Nodes(*(array[held.node : held.node + 1].copy() for array in self.scheduler.free))
        for task in self.on[held.node]:
            if self.ends[task] <= held.shadow:
                give_back(then, 0, self.scheduler.types, self.placed[task].type, self.placed[task].gpus)
        return not fits(then, 0, self.scheduler.types, int(self.kinds[held.task]))

    def promise(self, task: int) -> None:
        """Reserve for a task the node where it fits first as what runs ends; it fits on one when all has ended."""
        then, types = self.scheduler.free.copy(), self.scheduler.types
        for ends, other in sorted(self.ending):
            placement = self.placed[other]
            give_back(then, placement.node, types, placement.type, placement.gpus)
            if fits(then, placement.node, types, int(self.kinds[task])):
                self.reservation = Reservation(task, placement.node, ends)
                self.promised.append(self.reservation)
                return
        raise ValueError("a task that no node can hold can't be promised one")


def run(
    scheduler: Scheduler,
    kinds: Ints,
    created: Ints,
    duration: Ints,
    progress: Callable[[int], None] = lambda count: None,
) -> Runs:
    """Run a trace on the empty pool in its own time; ``kinds`` are its tasks' types, ``created`` and ``duration`` in s.

    ``progress`` hears how many tasks started since it last heard.
    """
    scheduler.clear()
    holdable = scheduler.placeable()[kinds]
    order = np.argsort(created, kind="stable")
    arriving = order[holdable[order]]
    times = created[arriving]
    pool, started = _Pool(scheduler, kinds, duration), np.full(len(kinds), -1, dtype=np.int64)
    queue = arriving[:0]
    at = 0
    while at < len(arriving) or len(queue):
        now = min([*(int(one) for one in times[at : at + 1]), *(ends for ends, _ in pool.ending[:1])])
        # What could not start before can't now, unless something has ended.
        new = 0 if pool.end(now) else len(queue)
        until = int(np.searchsorted(times, now, side="right"))
        queue, at = np.concatenate([queue, arriving[at:until]]), until
        begun = pool.serve(queue, new, now)
        started[queue[begun]] = now
        progress(int(begun.sum()))
        queue = queue[~begun]
    return Runs(started, pool.promised)


def wait(
    scheduler: Scheduler,
    kinds: Ints,
    created: Ints,
    duration: Ints,
    policy: str,
    seed: int,
    progress: Callable[[int], None] = lambda count: None,
) -> Waiting:
    """Run a trace as :func:`run` does, and count how long its tasks waited."""
    started = run(scheduler, kinds, created, duration, progress).started
    ran = started >= 0
    times = (started - created)[ran]
    percentiles = np.percentile(times, (50, 95, 99)) if len(times) else np.zeros(3)
    return Waiting(
        policy,
        seed,
        len(scheduler.capacity.cpu),
        int((scheduler.capacity.gpu > 0).sum()),
        int(ran.sum()),
        int((~ran).sum()),
        float(times.mean()) if len(times) else 0.0,
        *(float(one) for one in percentiles),
    )
