"""A whole assessment of a model service: which suites there are, how much they ask, and running them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dujiang.messages import Refused, Text
from dujiang.safety.assessment import gb45654, hallucination, leakage, red_blue
from dujiang.safety.assessment.engine import Endpoint, Item, Planned, require_engine, run
from dujiang.safety.assessment.findings import Result
from dujiang.safety.assessment.questions import Question

SUITES: dict[str, Text] = {one.NAME: one.TITLE for one in (gb45654, red_blue, hallucination, leakage)}
"""The suites for model services, by name."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much an assessment asks: questions drawn by bank, attacks, documents, probes of each kind of leakage."""

    drawn: Mapping[str, int]
    attacks: int
    documents: int
    probes: int


SIZES = {
    "full": Size(gb45654.DRAWN, attacks=600, documents=60, probes=40),
    "quick": Size({"generation": 62, "refuse": 34, "answer": 39}, attacks=90, documents=10, probes=6),
}
"""``full`` draws the samples that the standard asks for; ``quick`` finds what is badly wrong and proves nothing."""


def assess(
    target: Endpoint,
    bank: Sequence[Question],
    names: Sequence[str],
    size: Size,
    seed: int,
    logs: Path | None = None,
) -> list[Result]:
    """Run suites on a model service and return what each comes to; raises `Refused` for a name that is none.

    The questions, the attacks' search and all that is planted follow from ``seed``; what the service answers may not.
    """
    planned = plan(bank, names, size, seed)
    run(list(planned.values()), target, logs, seed=seed)
    return conclude(planned, bank, seed)


def plan(bank: Sequence[Question], names: Sequence[str], size: Size, seed: int) -> dict[str, Planned]:
    """Return the tasks of suites by name; raises `Refused` for a name that is none, or without the engine."""
    require_engine()
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        known = ", ".join(SUITES)
        raise Refused(Text(f"没有测评项 {unknown[0]}；现有：{known}", f"no suite {unknown[0]}; there are {known}"))
    makes: dict[str, Callable[[], Planned]] = {
        gb45654.NAME: lambda: gb45654.make(gb45654.sample(bank, size.drawn, seed)),
        red_blue.NAME: lambda: red_blue.make(seed, size.attacks),
        hallucination.NAME: lambda: hallucination.make(seed, size.documents),
        leakage.NAME: lambda: leakage.make(seed, size.probes),
    }
    return {name: make() for name, make in makes.items() if name in names}


def conclude(planned: Mapping[str, Planned], bank: Sequence[Question], seed: int) -> list[Result]:
    """Return what tasks that have run come to."""
    ends: dict[str, Callable[[list[Item]], Result]] = {
        gb45654.NAME: lambda items: gb45654.conclude(items, bank),
        red_blue.NAME: lambda items: red_blue.conclude(items, bank, seed),
        hallucination.NAME: hallucination.conclude,
        leakage.NAME: leakage.conclude,
    }
    return [ends[name](one.items()) for name, one in planned.items()]
