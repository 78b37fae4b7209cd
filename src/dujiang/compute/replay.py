"""Replays a trace on a pool: until it is full, and in its own time.

*Until it is full*, by the protocol of Weng et al., USENIX ATC 2023, section 6.

Tasks are drawn from the trace with replacement in random order until the GPU that they ask for reaches 130 % of the pool's.
Each is placed when it arrives and stays; one that fits nowhere is lost. What share of the pool's GPU is unallocated is read
when the demand that has arrived reaches each of :data:`MARKS`. A policy knows the types of the trace's tasks and how often
they come, not what is drawn next.

*In its own time* tasks arrive when they did and run as long as they did; one that does not fit waits, and those behind it
that fit go ahead. A trace of a cluster that was never full has no waits, so it runs on a sample of the nodes whose GPUs
are a stated share of the most that the trace had in use at once.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dujiang.compute.cluster import Floats, Ints, Nodes, Tasks, Workload
from dujiang.compute.policies import DEFAULT, STRANDING
from dujiang.compute.scheduler import NOWHERE, Placement, Scheduler

MARKS = (0.8, 0.9, 1.0, 1.1, 1.3)
_STEP = 1000
_REHEARSAL = [2023]  # a seed that no replay has
_NOISE = 0.001


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
    capacity: Nodes,
    known: Workload,
    arrived: Ints,
    policy: str,
    seed: int,
    progress: Callable[[int], None] = lambda count: None,
) -> Filling:
    """Place tasks as they arrive and count; ``progress`` hears how many were decided since it last heard."""
    scheduler = rehearsed(capacity, known) if policy == DEFAULT else Scheduler(capacity, known, policy)
    # Numba compiles, or reads from its cache, at the first call; nothing arrives in this one.
    scheduler.place_all(arrived[:0])
    nodes, seconds = np.empty(len(arrived), dtype=np.int64), 0.0
    for first in range(0, len(arrived), _STEP):
        some = arrived[first : first + _STEP]
        started = time.process_time()
        nodes[first : first + len(some)] = scheduler.place_all(some)
        seconds += time.process_time() - started
        progress(len(some))
    shares = unallocated(known.types, arrived, nodes, int(capacity.gpu.sum()))
    return Filling(policy, scheduler.policy, seed, len(arrived), int((nodes == NOWHERE).sum()), shares, seconds)


def rehearsed(capacity: Nodes, known: Workload) -> Scheduler:
    """Return an empty pool with the default policy, set to what does best on tasks drawn from the pool's own workload.

    The settings, and ``fgd``, fill the empty pool with the same tasks, which are none of a replay's; the least mean over
    the marks wins among those that do no worse than ``fgd`` at any. The default was made for pools whose GPUs are what runs
    short; where CPU does, in pools of mostly tasks without GPU, ``fgd`` itself can be the one.
    """
    made = [Scheduler(capacity, known, DEFAULT, stranding) for stranding in STRANDING]
    if not (capacity.gpu.any() and known.types.demand.any()):
        return made[0]
    made.append(Scheduler(capacity, known, "fgd"))
    size = int(capacity.gpu.sum())
    drawn = _draw(known, size, np.random.default_rng(_REHEARSAL))
    found = np.array([unallocated(known.types, drawn, one.place_all(drawn), size) for one in made])
    found[(found > found[-1] + _NOISE).any(axis=1)] = np.inf
    best = made[int(found.mean(axis=1).argmin())]
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


def wait(
    capacity: Nodes,
    known: Workload,
    kinds: Ints,
    created: Ints,
    duration: Ints,
    policy: str,
    seed: int,
    progress: Callable[[int], None] = lambda count: None,
) -> Waiting:
    """Run a trace in its own time; ``kinds`` are its tasks' types, ``created`` and ``duration`` in s.

    ``progress`` hears how many tasks started since it last heard.
    """
    scheduler = rehearsed(capacity, known) if policy == DEFAULT else Scheduler(capacity, known, policy)
    holdable = np.array([bool(np.isfinite(scheduler.scores(kind)).any()) for kind in range(len(known.types.cpu))])
    arriving = [int(one) for one in np.argsort(created, kind="stable") if holdable[kinds[one]]]
    waited = np.zeros(len(kinds))
    running: list[tuple[int, int, Placement]] = []
    queue: list[int] = []
    at = 0
    while at < len(arriving) or queue:
        coming = int(created[arriving[at]]) if at < len(arriving) else None
        now = (
            min(running[0][0], coming)
            if running and coming is not None
            else coming
            if coming is not None
            else running[0][0]
        )
        while running and running[0][0] <= now:
            scheduler.release(heapq.heappop(running)[2])
        while at < len(arriving) and created[arriving[at]] <= now:
            queue.append(arriving[at])
            at += 1
        full: set[int] = set()
        left: list[int] = []
        for task in queue:
            kind = int(kinds[task])
            placed = None if kind in full else scheduler.place(kind)
            if placed is None:
                # What did not fit does not fit again before something ends.
                full.add(kind)
                left.append(task)
                continue
            waited[task] = now - created[task]
            heapq.heappush(running, (now + int(duration[task]), task, placed))
        progress(len(queue) - len(left))
        queue = left
    times = waited[arriving]
    percentiles = np.percentile(times, (50, 95, 99)) if len(times) else np.zeros(3)
    return Waiting(
        policy,
        seed,
        len(capacity.cpu),
        int((capacity.gpu > 0).sum()),
        len(arriving),
        len(kinds) - len(arriving),
        float(times.mean()) if len(times) else 0.0,
        *(float(one) for one in percentiles),
    )
