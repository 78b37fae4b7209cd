"""Placing tasks on 1,523 nodes by policy, beside fgd written plainly in NumPy: all nodes scored anew at every decision."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = 5
PLAIN = 40
"""Decisions of the plain one, which is slow."""


def rows() -> list[dict[str, Any]]:
    """Fill the OpenB cluster until it is full, where DUJIANG_DATA names its files; else a made-up one of its size."""
    from dujiang.compute.cluster import workload
    from dujiang.compute.replay import arrivals, fill, mean_unallocated, prepared

    found = []
    for name, capacity, load in _pools():
        known, _ = workload(load)
        drawn = [arrivals(known, int(capacity.gpu.sum()), seed) for seed in range(SEEDS)]
        pools = {policy: prepared(policy, capacity, known) for policy in ("fgd", "dujiang")}
        made = {
            policy: [fill(pool, one, policy, seed) for seed, one in enumerate(drawn)] for policy, pool in pools.items()
        }
        plain = _plain(capacity, known, drawn[0][:PLAIN])
        for policy, fillings in made.items():
            speed = float(np.mean([one.decisions_per_second for one in fillings]))
            found.append(_row(f"{policy}, {name}", speed, plain, "fgd in plain NumPy", "decisions/s"))
        ours, peer = (100 * mean_unallocated(made[policy]) for policy in ("dujiang", "fgd"))
        for mark, a, b in zip(("100 %", "130 %"), ours[[2, 4]], peer[[2, 4]], strict=True):
            found.append(_row(f"GPU unallocated at {mark}, {name}", float(a), float(b), "fgd", "%"))
    return found


def _row(bench: str, ours: float, peer: float, peer_name: str, unit: str) -> dict[str, Any]:
    return {"bench": bench, "ours": ours, "peer": peer, "peer_name": peer_name, "unit": unit}


def _pools() -> list[tuple[str, Any, Any]]:
    from dujiang.compute.cluster import Nodes, tasks
    from dujiang.compute.openb import read_nodes, read_tasks

    if folder := os.environ.get("DUJIANG_DATA"):
        nodes = read_nodes(Path(folder) / "compute/openb_node_list_all_node.csv")
        files = {name: Path(folder) / f"compute/openb_pod_list_{name}.csv" for name in ("default", "gpuspec33")}
        return [(f"OpenB {name}", nodes.capacity, read_tasks(file, nodes.kinds).tasks) for name, file in files.items()]
    random = np.random.default_rng(0)
    count = 1523
    gpus = random.choice([0, 2, 4, 8], count, p=[0.2, 0.2, 0.2, 0.4])
    capacity = Nodes(
        random.choice([64000, 96000, 128000], count),
        random.choice([262144, 524288], count),
        np.where(np.arange(8) < gpus[:, None], 1000, 0),
        np.where(gpus, random.integers(0, 6, count), -1),
    )
    share = random.choice([250, 500, 1000], 2000)
    many = np.where(share == 1000, random.choice([1, 2, 4, 8], 2000, p=[0.7, 0.1, 0.1, 0.1]), 1)
    cpu = many * random.choice([2000, 4000, 8000], 2000)
    return [("made up", capacity, tasks(zip(cpu, cpu * 4, many, share, [-1] * 2000, strict=True)))]


def _plain(capacity: Any, known: Any, arrived: Any) -> float:
    """Return decisions a second of fgd as one writes it first: every type on every node, at every decision."""
    free = capacity.copy()
    types, frequency = known.types, known.frequency
    started = time.perf_counter()
    for t in arrived:
        before = _fragments(free.cpu, free.gpu, free.kind, types, frequency)
        best = (np.inf, -1, -1)
        slots = range(free.gpu.shape[1]) if types.gpus[t] == 1 else (0,)
        for slot in slots:
            gpu = free.gpu.copy()
            if types.gpus[t] == 1:
                gpu[:, slot] -= types.share[t]
                fits = gpu[:, slot] >= 0
            else:
                order = np.argsort(-gpu, axis=1)[:, : types.gpus[t]]
                taken = np.take_along_axis(gpu, order, 1)
                fits = (taken == 1000).all(axis=1)
                np.put_along_axis(gpu, order, 0, 1)
            fits &= (free.cpu >= types.cpu[t]) & (free.memory >= types.memory[t])
            if types.gpus[t]:
                fits &= (free.kind >= 0) & ((types.allowed[t] >> np.maximum(free.kind, 0)) & 1 == 1)
            after = _fragments(free.cpu - types.cpu[t], np.maximum(gpu, 0), free.kind, types, frequency)
            rise = np.where(fits, after - before, np.inf)
            node = int(rise.argmin())
            if rise[node] < best[0]:
                best = (rise[node], node, slot)
        _, node, slot = best
        if node >= 0:
            free.cpu[node] -= types.cpu[t]
            free.memory[node] -= types.memory[t]
            if types.gpus[t] == 1:
                free.gpu[node, slot] -= types.share[t]
            elif types.gpus[t]:
                free.gpu[node, np.flatnonzero(free.gpu[node] == 1000)[: types.gpus[t]]] = 0
    return len(arrived) / (time.perf_counter() - started)


def _fragments(cpu: Any, gpu: Any, kind: Any, types: Any, frequency: Any) -> Any:
    found = np.zeros(len(cpu))
    total = gpu.sum(axis=1)
    for t in np.flatnonzero(types.gpus):
        enough = ((gpu >= types.share[t]).sum(axis=1) >= types.gpus[t]) & (cpu >= types.cpu[t])
        enough &= (kind >= 0) & ((types.allowed[t] >> np.maximum(kind, 0)) & 1 == 1)
        found += frequency[t] * np.where(enough, np.where(gpu < types.share[t], gpu, 0).sum(axis=1), total)
    return found
