"""How much of a node's free GPU a workload can use, and so how much is fragments.

Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC
2023. For a node ``n`` with free GPUs ``R_g`` and a type ``m`` of task that asks for ``gpus`` GPUs of ``share`` each::

    F_n(m) = sum_g R_g                         where m has no GPU or could not start on n now
           = sum_g R_g where R_g < share       where it could
    F_n    = sum_m frequency_m F_n(m)

As in the paper's experiments a type is a demand for CPU and GPU and a constraint on kinds; memory is not in the measure.
What isn't a fragment is usable, ``U_n = sum_g R_g - F_n``, which splits into a term a GPU: a free GPU counts as often as
types come that its remaining share, and the node's CPU and kind, would serve. The terms are tabulated once a workload, so
a node's measure costs a look-up a GPU and not a pass over all types.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from dujiang.compute.cluster import WHOLE, Floats, Ints, Nodes, Workload


class Usability(NamedTuple):
    """Frequencies of a workload's types, cumulated over CPU and GPU demand, for each kind of node.

    ``cpus``: the distinct CPU demands, ascending, shape (c,). ``rank``: for each milli 0 to 1000 how many of the distinct
    shares are at most that, shape (1001,). ``single``: frequency of types with one GPU at most, of shape (kinds, c + 1,
    shares + 1). ``several``: frequency of types with 2 to ``k`` whole GPUs, shape (kinds, c + 1, most GPUs + 1).
    """

    cpus: Ints
    rank: Ints
    single: Floats
    several: Floats


def usability(workload: Workload, kinds: int, most_gpus: int) -> Usability:
    """Tabulate a workload for nodes of ``kinds`` kinds with at most ``most_gpus`` GPUs."""
    types = workload.types
    asks = types.gpus > 0
    cpus, cpu_at = np.unique(types.cpu, return_inverse=True)
    shares = np.unique(types.share[asks])
    rank = np.searchsorted(shares, np.arange(WHOLE + 1), side="right")
    single = np.zeros((max(1, kinds), len(cpus) + 1, len(shares) + 1))
    several = np.zeros((max(1, kinds), len(cpus) + 1, most_gpus + 1))
    for kind in range(kinds):
        served = asks & ((types.allowed >> kind) & 1 == 1)
        one, more = served & (types.gpus == 1), served & (types.gpus > 1) & (types.gpus <= most_gpus)
        np.add.at(single[kind], (cpu_at[one] + 1, rank[types.share[one]]), workload.frequency[one])
        np.add.at(several[kind], (cpu_at[more] + 1, types.gpus[more]), workload.frequency[more])
    return Usability(
        cpus, rank.astype(np.int64), single.cumsum(axis=1).cumsum(axis=2), several.cumsum(axis=1).cumsum(axis=2)
    )


@njit(cache=True)
def usable(table: Usability, free: Nodes, node: int, cpu: int, slot: int, share: int, wholes: int) -> float:
    """Return the expected usable milli of GPU on ``node``, were ``cpu`` left of it and some GPU taken besides.

    ``share`` of the GPU at ``slot`` (-1: none) and ``wholes`` whole ones are taken.
    """
    kind = free.kind[node]
    if kind < 0:
        return 0.0
    at = np.searchsorted(table.cpus, cpu, side="right")
    total, full = 0.0, -wholes
    for g in range(free.gpu.shape[1]):
        left = free.gpu[node, g]
        if g == slot:
            left -= share
        if left == WHOLE:
            full += 1
        elif left > 0:
            total += left * table.single[kind, at, table.rank[left]]
    return total + full * WHOLE * (table.single[kind, at, -1] + table.several[kind, at, full])


@njit(cache=True)
def fragments(table: Usability, free: Nodes) -> Floats:
    """Return ``F_n`` of every node, in milli of GPU: float64 of shape (nodes,)."""
    found = np.empty(len(free.cpu))
    for node in range(len(free.cpu)):
        found[node] = free.gpu[node].sum() - usable(table, free, node, free.cpu[node], -1, 0, 0)
    return found
