"""Nodes, tasks and what is free: plain arrays, no object a node.

CPU is in thousandths of a core, memory in MiB, a GPU in thousandths of itself (milli), as in Kubernetes and the OpenB
traces. A task asks for no GPU, for a share of one, or for some whole ones; its GPUs are of kinds that it names, or of any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

WHOLE = 1000
ANY_KIND = -1  # all bits set
MOST_KINDS = 62

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Nodes(NamedTuple):
    """Capacity of ``n`` nodes; what is free of them has the same form.

    ``cpu``, ``memory``: int64 of shape (n,). ``gpu``: int64 of shape (n, most GPUs of a node), milli of each GPU, 0
    where a node has fewer. ``kind``: int64 of shape (n,), the place of its GPUs' kind in the pool's list of kinds, -1
    without GPU.
    """

    cpu: Ints
    memory: Ints
    gpu: Ints
    kind: Ints

    def copy(self) -> Nodes:
        """Return the same with arrays of its own."""
        return Nodes(*(array.copy() for array in self))


class Tasks(NamedTuple):
    """Demand of ``n`` tasks, or of ``n`` types of task: int64 of shape (n,) each.

    ``gpus`` is how many GPUs, ``share`` the milli of each: below 1000 only where ``gpus`` is 1, and 0 where it is 0.
    ``allowed`` has bit ``k`` set where GPUs of kind ``k`` will do; it says nothing of a task without GPU.
    """

    cpu: Ints
    memory: Ints
    gpus: Ints
    share: Ints
    allowed: Ints

    @property
    def demand(self) -> Ints:
        """GPU that each asks for, milli."""
        return self.gpus * self.share

    def take(self, rows: Sequence[int] | Ints) -> Tasks:
        """Return some of them, by number."""
        return Tasks(*(array[rows] for array in self))


class Workload(NamedTuple):
    """Distinct types of task and how often each comes: ``frequency`` of shape (types,) sums to 1."""

    types: Tasks
    frequency: Floats


def tasks(rows: Iterable[tuple[int, int, int, int, int]]) -> Tasks:
    """Return tasks from rows of (cpu, memory, gpus, share, allowed); raises ValueError for one that makes no sense."""
    table = np.array([*rows], dtype=np.int64).reshape(-1, 5)
    made = Tasks(*(np.ascontiguousarray(column) for column in table.T))
    whole = (made.gpus >= 1) & (made.share == WHOLE)
    shared = (made.gpus == 1) & (made.share > 0) & (made.share < WHOLE)
    none = (made.gpus == 0) & (made.share == 0)
    if not np.all((whole | shared | none) & (made.cpu >= 0) & (made.memory >= 0)):
        raise ValueError("a task asks for no GPU, a share of one, or whole ones, and for no negative amount")
    return made


def allowed(kinds: Sequence[str], spec: str) -> int:
    """Return the bits of a constraint such as ``V100M16|V100M32`` (empty: any kind); unknown kinds have no bit."""
    if not spec:
        return ANY_KIND
    return sum(1 << kinds.index(kind) for kind in {*spec.split("|")} if kind in kinds)


def workload(seen: Tasks) -> tuple[Workload, Ints]:
    """Return the distinct types among tasks, most frequent first, and the type of each task."""
    rows, which, count = np.unique(np.stack(seen, axis=1), axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    types = Tasks(*(np.ascontiguousarray(column) for column in rows[order].T))
    return Workload(types, count[order] / max(1, count.sum())), place[which.reshape(-1)]


@njit(cache=True)
def fits(free: Nodes, node: int, task: Tasks, t: int) -> bool:
    """Whether task ``t`` could start on ``node`` now."""
    if free.cpu[node] < task.cpu[t] or free.memory[node] < task.memory[t]:
        return False
    wanted = task.gpus[t]
    if wanted == 0:
        return True
    if free.kind[node] < 0 or not (task.allowed[t] >> free.kind[node]) & 1:
        return False
    for g in range(free.gpu.shape[1]):
        if free.gpu[node, g] >= task.share[t]:
            wanted -= 1
            if wanted == 0:
                return True
    return False


@njit(cache=True)
def take(free: Nodes, node: int, task: Tasks, t: int, slot: int) -> int:
    """Give ``node``'s resources to task ``t``; returns the GPUs as bits.

    ``slot`` is the GPU of a task that asks for a share; whole GPUs are the first free ones.
    """
    free.cpu[node] -= task.cpu[t]
    free.memory[node] -= task.memory[t]
    if task.gpus[t] == 0:
        return 0
    if task.share[t] < WHOLE:
        free.gpu[node, slot] -= task.share[t]
        return 1 << slot
    held, wanted = 0, task.gpus[t]
    for g in range(free.gpu.shape[1]):
        if wanted and free.gpu[node, g] == WHOLE:
            free.gpu[node, g] = 0
            held |= 1 << g
            wanted -= 1
    return held


@njit(cache=True)
def give_back(free: Nodes, node: int, task: Tasks, t: int, held: int) -> None:
    """Take back what task ``t`` held on ``node``; ``held`` is what :func:`take` returned."""
    free.cpu[node] += task.cpu[t]
    free.memory[node] += task.memory[t]
    for g in range(free.gpu.shape[1]):
        if (held >> g) & 1:
            free.gpu[node, g] += task.share[t]
