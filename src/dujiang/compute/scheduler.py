"""Places tasks on the nodes of a pool: a table of costs, of which a placement changes one column."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dujiang.compute.cluster import ANY_KIND, WHOLE, Floats, Ints, Nodes, Tasks, Workload, fits, give_back, take
from dujiang.compute.policies import DEFAULT, POLICIES, PRICED, STRANDING, Measure, cost, measure, prices, rises, worth

NOWHERE = -1


class Costs(NamedTuple):
    """What each type of task costs on each node now, and on which GPU: shape (types, nodes); inf where it doesn't fit."""

    cost: Floats
    slot: Ints


class Placement(NamedTuple):
    """Where a task runs: its type, its node and its GPUs as bits."""

    type: int
    node: int
    gpus: int


class Scheduler:
    """A pool's nodes, what is free of them, and where the next task goes.

    The workload is what the pool's tasks are like, from its own past; policies that look ahead weigh by it. Tasks of
    types that it doesn't have are placed all the same.
    """

    def __init__(
        self, capacity: Nodes, workload: Workload, policy: str = DEFAULT, stranding: float = STRANDING[1]
    ) -> None:
        """Start with all nodes free; ValueError for a policy that doesn't exist."""
        self.workload, self.stranding = workload, stranding
        self.policy, self.capacity, self.free, self.types = policy, capacity, capacity.copy(), workload.types
        self.measure: Measure = measure(policy, capacity, workload, stranding)
        self.prices = prices(capacity, workload)
        self._spare = self.prices.spare.copy()
        self._policy = POLICIES.index(policy)
        self._known = {
            row: number for number, row in enumerate(zip(*(array.tolist() for array in self.types), strict=True))
        }
        shape = len(self.types.cpu), len(capacity.cpu)
        self._costs = Costs(np.empty(shape), np.empty(shape, dtype=np.int64))
        self._rescore(0)

    def clear(self) -> None:
        """Free all nodes."""
        for array, full in zip((*self.free, self.prices.spare), (*self.capacity, self._spare), strict=True):
            array[:] = full
        self._rescore(0)

    def on(self, capacity: Nodes) -> Scheduler:
        """Return one of the same policy for other nodes, all free."""
        return Scheduler(capacity, self.workload, self.policy, self.stranding)

    def _rescore(self, first: int) -> None:
        """Score all nodes for the types from number ``first`` on."""
        _rescore_all(self._policy, self.free, self.capacity, self.measure, self.types, first, self._costs)

    def type(self, cpu: int, memory: int, gpus: int = 0, share: int = 0, allowed: int = ANY_KIND) -> int:
        """Return the number of a type of task, new or known; a new one costs a pass over all nodes."""
        row = (cpu, memory, gpus, share, allowed)
        if row not in self._known:
            self._known[row] = number = len(self.types.cpu)
            self.types = Tasks(*(np.append(array, value) for array, value in zip(self.types, row, strict=True)))
            shape = 1, len(self.capacity.cpu)
            self._costs = Costs(
                np.concatenate([self._costs.cost, np.empty(shape)]),
                np.concatenate([self._costs.slot, np.empty(shape, dtype=np.int64)]),
            )
            self._rescore(number)
        return self._known[row]

    def place(self, kind: int, avoid: int = NOWHERE) -> Placement | None:
        """Place a task of a type and return where, None where it fits on no node now but the one to ``avoid``."""
        if avoid != NOWHERE:
            cell = self._costs.cost[kind, avoid]
            self._costs.cost[kind, avoid] = np.inf
            placed = self.place(kind)
            self._costs.cost[kind, avoid] = cell
            return placed
        node, gpus = _place(
            self._policy, self.free, self.capacity, self.measure, self.types, self._costs, self.prices, kind
        )
        return None if node == NOWHERE else Placement(kind, int(node), int(gpus))

    def place_all(self, kinds: Ints) -> Ints:
        """Place tasks one after the other; returns their nodes, -1 for one that fitted nowhere when its turn came."""
        return _place_all(
            self._policy, self.free, self.capacity, self.measure, self.types, self._costs, self.prices, kinds
        )

    def release(self, ended: Placement) -> None:
        """Give back what a placement holds."""
        give_back(self.free, ended.node, self.types, ended.type, ended.gpus)
        if self.types.gpus[ended.type]:
            self.prices.spare[self.free.kind[ended.node]] += self.types.demand[ended.type]
        _rescore(self._policy, self.free, self.capacity, self.measure, self.types, ended.node, 0, self._costs)

    def placeable(self) -> NDArray[np.bool_]:
        """Return of each type whether it fits on some node now: shape (types,)."""
        return self._costs.cost.min(axis=1) < np.inf

    def scores(self, kind: int) -> Floats:
        """Return a type's cost on every node, inf where it doesn't fit: float64 of shape (nodes,)."""
        return self._costs.cost[kind].copy()


@njit(cache=True)
def _rescore(policy, free, capacity, known, types, node, first, costs):  # type: ignore[no-untyped-def]
    gpus = free.gpu.shape[1]
    # GPUs with equal amounts left are one choice.
    choices = np.empty(gpus, dtype=np.int64)
    found = 0
    for g in range(gpus):
        new = free.gpu[node, g] > 0
        for other in range(found):
            new = new and free.gpu[node, choices[other]] != free.gpu[node, g]
        if new:
            choices[found] = g
            found += 1
    before = worth(policy, free, known, node)
    for t in range(first, len(types.cpu)):
        least, slot = np.inf, -1
        if fits(free, node, types, t):
            if types.gpus[t] == 1 and types.share[t] < WHOLE:
                for choice in range(found):
                    if free.gpu[node, choices[choice]] >= types.share[t]:
                        one = cost(policy, free, capacity, known, before, node, types, t, choices[choice])
                        if one < least:
                            least, slot = one, choices[choice]
            else:
                least = cost(policy, free, capacity, known, before, node, types, t, -1)
        costs.cost[t, node] = least
        costs.slot[t, node] = slot


@njit(cache=True)
def _rescore_all(policy, free, capacity, known, types, first, costs):  # type: ignore[no-untyped-def]
    for node in range(len(free.cpu)):
        _rescore(policy, free, capacity, known, types, node, first, costs)


@njit(cache=True)
def _choose(policy, free, types, costs, prices, t):  # type: ignore[no-untyped-def]
    """The node of least cost for a task of type ``t``, -1 where it fits on none."""
    if policy != PRICED or types.gpus[t] == 0:
        node = int(np.argmin(costs.cost[t]))
        return node if costs.cost[t, node] < np.inf else -1
    demand, rise = types.gpus[t] * types.share[t], rises(prices)
    least, node = np.inf, -1
    for other in range(len(free.cpu)):
        if costs.cost[t, other] < np.inf:
            one = costs.cost[t, other] + demand * rise[free.kind[other]]
            if one < least:
                least, node = one, other
    return node


@njit(cache=True)
def _place(policy, free, capacity, known, types, costs, prices, t):  # type: ignore[no-untyped-def]
    node = _choose(policy, free, types, costs, prices, t)
    if node < 0:
        return -1, 0
    held = take(free, node, types, t, costs.slot[t, node])
    if types.gpus[t] > 0:
        prices.spare[free.kind[node]] -= types.gpus[t] * types.share[t]
    _rescore(policy, free, capacity, known, types, node, 0, costs)
    return node, held


@njit(cache=True)
def _place_all(policy, free, capacity, known, types, costs, prices, kinds):  # type: ignore[no-untyped-def]
    nodes = np.empty(len(kinds), dtype=np.int64)
    for number in range(len(kinds)):
        nodes[number], _ = _place(policy, free, capacity, known, types, costs, prices, kinds[number])
    return nodes
