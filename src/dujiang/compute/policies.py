"""What a placement costs by each policy: the node of least cost gets the task, the first of equals.

Every policy is one function of the same signature. ``free`` and ``capacity`` are the pool's nodes, ``measure`` what the
policy knows of the workload, ``before`` the node's :func:`worth` as it stands, ``node``, ``task``, ``t`` and ``slot`` the
placement: the GPU for a task that asks for a share, -1 for any other. The placement is known to fit.

- ``fifo``: the first node where it fits.
- ``best-fit``: the node with least CPU and GPU left over, each as a share of the pool's largest node.
- ``dot-product``: the smallest product of what is asked and what is free, normalised likewise (after Tetris: Grandl et
  al., SIGCOMM 2014, as Weng et al. 2023 compare it).
- ``gpu-packing``: a GPU in use before an idle one, a node in use before an idle one (MLaaS: Weng et al., NSDI 2022).
- ``fgd``: steepest descent of fragmentation (Weng et al., USENIX ATC 2023), in the score of the artefact that they
  published: ``floor(100 / (1 + exp(-descent)))``, descent in whole GPUs. The rounding matters: without it some 0.5 % more
  of the GPUs stay unallocated on their trace, since differences smaller than noise then scatter tasks over nodes.
- ``dujiang``: fgd's measure, unrounded, with three things that fgd has no notion of.
  *Scarcity*: a type of task counts by its frequency over the share of the pool's GPUs that it may use by kind and size, so
  what some tasks can't do without is left to them. *Prices*: as kinds fill unevenly, each costs its rise in scarcity since
  the pool was empty (:class:`Prices`). *Stranding*: a node whose CPU is short for the GPUs it has free, by what the
  workload takes per GPU, is charged for what will be left over, so tasks with much CPU go where CPU is plentiful.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from dujiang.compute.cluster import WHOLE, Floats, Ints, Nodes, Workload, fits
from dujiang.compute.fragmentation import Usability, usability, usable

POLICIES = ("fifo", "best-fit", "dot-product", "gpu-packing", "fgd", "dujiang")
DEFAULT = "dujiang"
STRANDING = (0.1, 0.3, 1.0)
"""What a GPU left without CPU costs beside one that the workload can use; a rehearsal chooses.

The more it costs, the less is left over once the pool is full, but the earlier nodes are opened that tasks of 8 GPUs need."""
_FIFO, _BEST_FIT, _DOT_PRODUCT, _GPU_PACKING, _FGD, PRICED = range(6)


class Measure(NamedTuple):
    """What a policy knows of the workload and the pool: the largest node's CPU and GPU.

    ``milli_cpu_per_gpu``: what the workload's tasks with GPU take. ``stranding``: the weight of a GPU left without CPU.
    """

    usability: Usability
    milli_cpu_per_gpu: float
    stranding: float
    largest_cpu: float
    largest_gpu: float


class Prices(NamedTuple):
    """How scarce each kind of GPU is, as the pool fills.

    ``kinds``: the distinct constraints of the workload's types, as bits, shape (m,), and ``frequency`` how often tasks
    have each. ``spare``: milli of GPU free of each kind, shape (kinds,). ``opening``: the price of each kind when the pool
    was empty, shape (kinds,).

    The price of a kind is ``sum over constraints m that allow it of frequency_m * spare in all / spare that m allows``.
    """

    kinds: Ints
    frequency: Floats
    spare: Floats
    opening: Floats


def prices(capacity: Nodes, workload: Workload) -> Prices:
    """Return the prices of an empty pool."""
    count = int(capacity.kind.max(initial=-1)) + 1
    asks = workload.types.gpus > 0
    kinds, which = np.unique(workload.types.allowed[asks] & ((1 << count) - 1), return_inverse=True)
    frequency: Floats = np.bincount(which.reshape(-1), workload.frequency[asks], len(kinds)).astype(np.float64)
    spare = np.array([capacity.gpu[capacity.kind == kind].sum() for kind in range(count)], dtype=np.float64)
    made = Prices(kinds, frequency, spare, np.zeros(count))
    made.opening[:] = rises(made)
    return made


@njit(cache=True)
def rises(known: Prices) -> Floats:
    """Return each kind's price less its opening price."""
    found = -known.opening
    total = known.spare.sum()
    for m in range(len(known.kinds)):
        spare = 0.0
        for kind in range(len(found)):
            if (known.kinds[m] >> kind) & 1:
                spare += known.spare[kind]
        price = known.frequency[m] * total / max(spare, WHOLE)
        for kind in range(len(found)):
            if (known.kinds[m] >> kind) & 1:
                found[kind] += price
    return found


def measure(policy: str, capacity: Nodes, workload: Workload, stranding: float) -> Measure:
    """Return what ``policy`` is to know; ValueError for a policy that doesn't exist."""
    if policy not in POLICIES:
        raise ValueError(f"no policy {policy}: {', '.join(POLICIES)}")
    kinds = int(capacity.kind.max(initial=-1)) + 1
    known = workload if policy != DEFAULT else Workload(workload.types, scarcity(capacity, workload))
    types = workload.types
    demand = float(workload.frequency @ types.demand)
    cpu = float(workload.frequency @ np.where(types.gpus > 0, types.cpu, 0))
    return Measure(
        usability(known, kinds, capacity.gpu.shape[1]),
        cpu * WHOLE / demand if demand else math.inf,
        stranding,
        max(1.0, float(capacity.cpu.max())),
        max(1.0, float(capacity.gpu.sum(axis=1).max())),
    )


def scarcity(capacity: Nodes, workload: Workload) -> Floats:
    """Return types' frequencies over the share of the pool's GPUs that each may use; 0 for what can run nowhere.

    A type may use the GPUs of the nodes where it would fit, were they empty.
    """
    held = _usable_by(capacity, workload.types)
    share = held / max(1.0, float(capacity.gpu.sum()))
    weight: Floats = np.where(share > 0, workload.frequency / np.where(share > 0, share, 1.0), 0.0)
    return weight


@njit(cache=True)
def _usable_by(capacity, types):  # type: ignore[no-untyped-def]
    held = np.zeros(len(types.cpu))
    for t in range(len(types.cpu)):
        for node in range(len(capacity.cpu)):
            if types.gpus[t] > 0 and fits(capacity, node, types, t):
                held[t] += capacity.gpu[node].sum()
    return held


@njit(cache=True)
def _stranded(known: Measure, cpu: int, gpu: int) -> float:
    """Milli of GPU that ``cpu`` won't be enough for: ``max(0, gpu - cpu / cpu per GPU)``; none where GPUs need no CPU."""
    if known.milli_cpu_per_gpu == 0.0:
        return 0.0
    return max(0.0, gpu - cpu * WHOLE / known.milli_cpu_per_gpu)


@njit(cache=True)
def _first_fit(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    return 0.0


@njit(cache=True)
def _best_fit(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    cpu = (free.cpu[node] - task.cpu[t]) / known.largest_cpu
    gpu = (free.gpu[node].sum() - task.gpus[t] * task.share[t]) / known.largest_gpu
    return cpu + gpu + _snugness(free, node, slot)


@njit(cache=True)
def _dot_product(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    cpu = task.cpu[t] / known.largest_cpu * (free.cpu[node] / known.largest_cpu)
    gpu = task.gpus[t] * task.share[t] / known.largest_gpu * (free.gpu[node].sum() / known.largest_gpu)
    return cpu + gpu + _snugness(free, node, slot)


@njit(cache=True)
def _snugness(free, node, slot):  # type: ignore[no-untyped-def]
    """Decide among the GPUs of one node: the fullest that has enough."""
    return free.gpu[node, slot] * 1e-12 if slot >= 0 else 0.0


@njit(cache=True)
def _gpu_packing(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    if task.gpus[t] == 0:
        return 0.0
    if slot >= 0 and free.gpu[node, slot] < WHOLE:
        return free.gpu[node, slot] / (2.0 * WHOLE)
    idle, gpus = 0, 0
    for g in range(free.gpu.shape[1]):
        idle += free.gpu[node, g] == WHOLE
        gpus += capacity.gpu[node, g] == WHOLE
    return (2.0 + idle / 100.0) if idle == gpus else (1.0 + task.gpus[t] / 100.0)


@njit(cache=True)
def _fgd(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    wholes = task.gpus[t] if slot < 0 else 0
    after = usable(known.usability, free, node, free.cpu[node] - task.cpu[t], slot, task.share[t], wholes)
    # What goes of F_n = free - usable is the task's GPU less what was usable and no longer is.
    descent = (task.gpus[t] * task.share[t] - (before - after)) / WHOLE
    return -math.floor(100.0 / (1.0 + math.exp(-descent)))


@njit(cache=True)
def _dujiang(free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    wholes = task.gpus[t] if slot < 0 else 0
    cpu = free.cpu[node] - task.cpu[t]
    after = usable(known.usability, free, node, cpu, slot, task.share[t], wholes)
    left = free.gpu[node].sum() - task.gpus[t] * task.share[t]
    return before - (after - known.stranding * _stranded(known, cpu, left))


@njit(cache=True)
def worth(policy: int, free: Nodes, known: Measure, node: int) -> float:
    """Return what ``node`` is worth to the workload as it stands, milli of GPU; 0 for policies that don't ask."""
    if policy < _FGD:
        return 0.0
    found = usable(known.usability, free, node, free.cpu[node], -1, 0, 0)
    if policy == PRICED:
        found -= known.stranding * _stranded(known, free.cpu[node], free.gpu[node].sum())
    return found


@njit(cache=True)
def cost(policy, free, capacity, known, before, node, task, t, slot):  # type: ignore[no-untyped-def]
    """Return the cost of a placement by the policy of that number in :data:`POLICIES`."""
    if policy == _FIFO:
        return _first_fit(free, capacity, known, before, node, task, t, slot)
    if policy == _BEST_FIT:
        return _best_fit(free, capacity, known, before, node, task, t, slot)
    if policy == _DOT_PRODUCT:
        return _dot_product(free, capacity, known, before, node, task, t, slot)
    if policy == _GPU_PACKING:
        return _gpu_packing(free, capacity, known, before, node, task, t, slot)
    if policy == _FGD:
        return _fgd(free, capacity, known, before, node, task, t, slot)
    return _dujiang(free, capacity, known, before, node, task, t, slot)
