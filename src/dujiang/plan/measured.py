"""Indicators that a plane computes itself, from its own evidence rather than from an uploaded statistic.

A plane appends evidence of a kind that is tallied by subject, whose body holds ``value`` and ``unit`` (a normal unit of
`measures`). A row here says which goals are about that, by their words. A statistic that somebody vouches for stands
before it, since it may count what no plane of this site sees.
"""

from __future__ import annotations

from typing import NamedTuple

from dujiang.plan.indicators import Indicator
from dujiang.plan.measures import UNITS


class Measured(NamedTuple):
    """What a plane measures: its kind and subject of evidence, the normal unit, and the words of goals about it."""

    kind: str
    subject: str
    unit: str
    words: tuple[str, ...]


MEASURED = (
    Measured("compute.capacity", "intelligent", "FLOP/s", ("智算规模", "智能算力规模")),
    Measured("compute.capacity", "share", "%", ("智算占比", "智能算力占比")),
    Measured("support.standing", "landmarks", "个", ("标志性应用场景",)),
)


def measured_by(indicator: Indicator) -> Measured | None:
    """Return what measures an indicator: its words are there and its unit is one of the same; None where nothing does."""
    about = "".join(indicator.about.split())
    _, normal = UNITS.get(indicator.unit.lower(), (1.0, ""))
    return next((one for one in MEASURED if one.unit == normal and any(word in about for word in one.words)), None)


def in_unit_of(indicator: Indicator, value: float) -> float:
    """Return a value in normal units in the indicator's own unit."""
    factor, _ = UNITS[indicator.unit.lower()]
    return value / factor
