"""Which pools can run a job, what each would ask, and which has room for it now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dujiang.compute import pricing
from dujiang.compute.pricing import Rate
from dujiang.compute.requests import Limits
from dujiang.messages import Refused, Text


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes that are alike: how many, and what one has."""

    count: int
    cpus: int
    memory_mib: int
    accelerator: str = ""
    accelerators: int = 0

    def holds(self, limits: Limits) -> bool:
        """Whether one node, empty, can run the job."""
        return (
            self.count > 0
            and limits.cpus <= self.cpus
            and limits.memory_mib <= self.memory_mib
            and (not limits.gpu_milli or limits.gpu_kind == self.accelerator)
            and limits.gpu_milli <= self.accelerators * 1000
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A pool with its nodes; ``centre`` is the key that prices name, ``unit`` who is paid."""

    pool: str
    centre: str
    unit: str
    nodes: Sequence[Nodes]

    def can_run(self, limits: Limits) -> bool:
        """Whether any of its nodes can run the job at all."""
        return any(one.holds(limits) for one in self.nodes)

    @property
    def capacity(self) -> dict[str, int]:
        """What its nodes have together, as `amount` says what a job holds."""
        total = {"cpus": 0, "memory_mib": 0}
        for one in self.nodes:
            total["cpus"] += one.count * one.cpus
            total["memory_mib"] += one.count * one.memory_mib
            if one.accelerator:
                name = f"gpu:{one.accelerator}"
                total[name] = total.get(name, 0) + one.count * one.accelerators * 1000
        return total


def amount(limits: Limits) -> dict[str, int]:
    """Return what a job holds while it runs: cores, MiB, and thousandths of cards of its kind."""
    held = {"cpus": limits.cpus, "memory_mib": limits.memory_mib}
    return {**held, f"gpu:{limits.gpu_kind}": limits.gpu_milli} if limits.gpu_milli else held


@dataclass(frozen=True, slots=True)
class Offer:
    """What a pool would ask for a job at most, in fen."""

    pool: str
    centre: str
    unit: str
    most: int


def offers(
    places: Iterable[Place], limits: Limits, rates: Sequence[Rate], now: datetime, wait: timedelta
) -> list[Offer]:
    """Return the offers of the pools that can run a job, the cheapest first, for a start within ``wait`` from ``now``.

    Raises `Refused` where there is none.
    """
    wanted = pricing.quantities(limits.cpus, limits.memory_mib, limits.gpu_milli, limits.gpu_kind)
    able = [one for one in places if one.can_run(limits)]
    if not able:
        raise Refused(
            Text(
                "没有可用的算力池能满足：" + _words(limits, "核", "张"),
                "no pool that may be used can hold this: " + _words(limits, " cores", " of"),
            )
        )
    found = []
    unpriced: Refused | None = None
    for one in able:
        try:
            most = pricing.most(wanted, now, limits.seconds, now + wait, rates, one.centre)
        except Refused as error:
            unpriced = error
            continue
        found.append(Offer(one.pool, one.centre, one.unit, most))
    if unpriced and not found:
        raise unpriced
    return sorted(found, key=lambda one: (one.most, one.pool))


def _words(limits: Limits, cores: str, cards: str) -> str:
    gpu = f"，{limits.gpu_milli / 1000:g}{cards} {limits.gpu_kind}" if limits.gpu_milli else ""
    return f"{limits.cpus}{cores}，{limits.memory_mib} MiB{gpu}"
