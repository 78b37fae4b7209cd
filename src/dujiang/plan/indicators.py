"""Indicators: the plan's quantified goals as paths to their targets, and where a figure stands against its path."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np

from dujiang.messages import Refused, Text


class Status(StrEnum):
    """Where an indicator stands against its path."""

    REACHED = "reached"
    ON_PATH = "on-path"
    LATE = "late"
    NO_DATA = "no-data"

    @property
    def words(self) -> Text:
        """The status in words."""
        return _WORDS[self]


_WORDS = {
    Status.REACHED: Text("已达到", "reached"),
    Status.ON_PATH: Text("按序时", "on path"),
    Status.LATE: Text("滞后", "late"),
    Status.NO_DATA: Text("未报数据", "no data"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A goal's number for a year: ``value`` in the indicator's unit; of a range, its lower end.

    ``year`` is None where the plan gives none. ``goal`` is the goal's number in the programme.
    """

    goal: int
    year: int | None
    op: str
    value: float

    def met_by(self, value: float) -> bool:
        """Whether a figure meets the target. What must be equalled ("10个左右") is met when it is reached."""
        match self.op:
            case ">":
                return value > self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value
            case _:
                return value >= self.value


@dataclass(frozen=True, slots=True)
class Indicator:
    """Goals about the same thing in the same unit, by year.

    ``yearly`` targets start anew each January. ``per_industry`` ones are counted by the system itself: typical
    scenarios of each industry that ran through in the year.
    """

    key: str
    about: str
    unit: str
    yearly: bool
    per_industry: bool
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """A figure of an indicator at the end of a period, and the evidence record that holds it."""

    day: date
    value: float
    evidence: int
    source: str


def indicator_key(goal: Mapping[str, Any]) -> str:
    """Return the key of the indicator that a goal belongs to: what it is about, and the unit."""
    return f"{''.join((goal['about'] or '').split())}|{goal['unit'] or ''}"


def indicators(goals: Mapping[int, Mapping[str, Any]]) -> list[Indicator]:
    """Group the quantified goals (by number, as `plan read` gives them) into indicators, in the plan's order."""
    groups: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, goal in goals.items():
        if goal["op"] is not None:
            groups.setdefault(indicator_key(goal), []).append((number, goal))
    return [_indicator(key, group) for key, group in groups.items()]


def _indicator(key: str, group: list[tuple[int, Mapping[str, Any]]]) -> Indicator:
    first = group[0][1]
    yearly = first.get("period") == "year"
    targets = [
        Target(number, goal["year"], goal["op"], goal["low"] if goal["value"] is None else goal["value"])
        for number, goal in group
    ]
    targets.sort(key=lambda target: target.year or 9999)
    per_industry = yearly and "场景" in first["about"] and "行业" in first["text"]
    return Indicator(key, first["about"], first["unit"] or "", yearly, per_industry, tuple(targets))


def month_end(month: str) -> date:
    """Return the last day of a month written 2026-11; raises `Refused`."""
    match = re.fullmatch(r"([12][0-9]{3})-([0-9]{2})", month)
    if not match:
        raise Refused(Text(f"月份应写作 2026-11，实为 {month}", f"expected a month such as 2026-11, found {month}"))
    year, number = int(match[1]), int(match[2])
    if not 1 <= number <= 12:
        raise Refused(Text(f"没有 {number} 月", f"there is no month {number}"))
    return date(year, number, calendar.monthrange(year, number)[1])


def period_end(period: str) -> date:
    """Return the last day of a period: 2026, 2026-H1, 2026-Q3 or 2026-11; raises ValueError."""
    match = re.fullmatch(r"([12][0-9]{3})(?:-(?:H([12])|Q([1-4])|([0-9]{2})))?", period.strip().upper())
    if not match:
        raise ValueError(period)
    year, half, quarter, month = match.groups()
    number = int(month) if month else int(quarter) * 3 if quarter else int(half) * 6 if half else 12
    return month_end(f"{year}-{number:02d}")


def expected_on(day: date, start: Observation, targets: Sequence[Target]) -> float | None:
    """Return the value that the path asks for on a day, or None where no target has a year.

    The path is straight from the first figure on record to each target in turn, due at the end of its year.
    """
    points = [(start.day, start.value)]
    points += [
        (date(target.year, 12, 31), target.value)
        for target in targets
        if target.year is not None and date(target.year, 12, 31) > start.day
    ]
    if len(points) == 1:
        return None
    days, values = zip(*[(point.toordinal(), value) for point, value in points], strict=True)
    return float(np.interp(day.toordinal(), days, values))


def yearly_path(day: date, target: float) -> float:
    """Return what a target that starts anew each January asks for on a day: its share of the year elapsed."""
    days = 366 if calendar.isleap(day.year) else 365
    return target * day.timetuple().tm_yday / days


def next_target(day: date, targets: Sequence[Target]) -> Target:
    """Return the target that is due next; after the last year, the last one."""
    return next((target for target in targets if target.year is None or target.year >= day.year), targets[-1])


def status(value: float | None, target: Target, expected: float | None) -> Status:
    """Say where a figure stands: met, at least where the path asks it to be, behind it, or unknown."""
    if value is None:
        return Status.NO_DATA
    if target.met_by(value):
        return Status.REACHED
    if expected is None:
        return Status.ON_PATH
    # Figures are uploaded rounded; a path is not.
    slack = 1e-9 + 1e-6 * abs(expected)
    behind = value > expected + slack if target.op in ("<", "<=") else value < expected - slack
    return Status.LATE if behind else Status.ON_PATH
