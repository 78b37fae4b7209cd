"""A quarter's analysis: number, quality and structure of people, against demand; who came and went; what comes next.

Everything of people is counted, then withheld by `suppression`; gaps and forecasts are computed from what is published,
so that they can't tell more. A figure that is withheld is None.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from dujiang.talent import forecast
from dujiang.talent.suppression import protect
from dujiang.talent.terms import Level

MINIMUM = 5
"""Figures of fewer people are withheld."""
HORIZON = 4
"""Quarters that demand and forecasts look ahead."""
_WAYS = ("industry", "city", "level")
_TABLES: tuple[tuple[str, ...], ...] = (
    (), ("industry",), ("city",), ("level",), ("industry", "city"), ("industry", "level"), ("city", "level"),
)  # fmt: skip


class Someone(NamedTuple):
    """A person as analyses count them; dates are those of coming to the province's pool and leaving it."""

    industry: str
    city: str
    level: str
    skills: tuple[str, ...]
    entered: date | None
    left: date | None


class Wanted(NamedTuple):
    """People who are wanted, by a vacancy's open places or by a task: each of them with all of the skills."""

    source: str
    industry: str
    city: str
    level: str
    skills: tuple[str, ...]
    number: int


class Growth(NamedTuple):
    """In a skill, people grow from a level to another in so many years."""

    skill: str
    start: str
    end: str
    years: float


class Seats(NamedTuple):
    """Places on courses that end within the horizon, by the skill and the level that they lead to."""

    skill: str
    level: str
    number: int


def quarter_days(quarter: str) -> tuple[date, date]:
    """Return the first and the last day of a quarter such as 2026Q3; raises ValueError."""
    found = re.fullmatch(r"(20\d\d)Q([1-4])", quarter)
    if not found:
        raise ValueError(quarter)
    year, number = int(found[1]), int(found[2])
    first = date(year, 3 * number - 2, 1)
    following = date(year + number // 4, 3 * number % 12 + 1, 1)
    return first, following - timedelta(days=1)


def next_quarter(quarter: str, ahead: int = 1) -> str:
    """Return the quarter so many after another."""
    whole = int(quarter[:4]) * 4 + int(quarter[5]) - 1 + ahead
    return f"{whole // 4}Q{whole % 4 + 1}"


def analyse(
    quarter: str,
    people: Iterable[Someone],
    wanted: Sequence[Wanted],
    paths: Sequence[Growth],
    seats: Sequence[Seats],
    before: Sequence[Mapping[str, Any]],
    minimum: int = MINIMUM,
) -> dict[str, Any]:
    """Return the analysis of a quarter; ``before`` are those of earlier quarters, in order, as they were published.

    ``people`` may be all who ever were in the pool; those who were there on the quarter's last day are the stock.
    """
    first, last = quarter_days(quarter)
    everyone = list(people)
    stock = [one for one in everyone if _there(one, last)]
    tables, withheld = _structure(stock, minimum)
    skills = _skills(stock, minimum)
    flows = _flows(everyone, stock, first, last, minimum)
    demand = _demand(wanted)
    return {
        "quarter": quarter,
        "minimum": minimum,
        "withheld": withheld,
        "tables": tables,
        "quality": _quality(tables),
        "skills": skills,
        "demand": demand,
        "gaps": _gaps(skills, wanted, paths, seats),
        "tightness": _tightness(tables, demand),
        "flows": flows,
        "forecast": _forecasts(quarter, tables, demand, before),
    }


def _there(one: Someone, day: date) -> bool:
    return (one.entered is None or one.entered <= day) and (one.left is None or one.left > day)


def _structure(stock: Sequence[Someone], minimum: int) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Return the tables by every one and two of industry, city and level, and how many figures are withheld."""
    counts = Counter((one.industry, one.city, one.level) for one in stock)
    values = [sorted({cell[way] for cell in counts}) for way in range(3)]
    groups: dict[tuple[Any, ...], list[tuple[str, str, str]]] = {}
    for cell in ((a, b, c) for a in values[0] for b in values[1] for c in values[2]):
        for table in _TABLES:
            key = (table, tuple(cell[_WAYS.index(way)] for way in table))
            groups.setdefault(key, []).append(cell)
    groups.setdefault(((), ()), [])
    withheld = protect(counts, groups, minimum)
    tables: dict[str, list[dict[str, Any]]] = {"-".join(table) or "total": [] for table in _TABLES}
    for (table, key), cells in groups.items():
        figure = None if (table, key) in withheld else sum(counts[cell] for cell in cells)
        tables["-".join(table) or "total"].append({**dict(zip(table, key, strict=True)), "count": figure})
    return tables, len(withheld)


def _quality(tables: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return by industry, and first over all, the share of people at senior levels, where all it needs is published."""
    senior = {Level.SENIOR, Level.CHIEF}
    found = []

    def share(whole: int | None, parts: list[dict[str, Any]]) -> float | None:
        high = [one["count"] for one in parts if one["level"] in senior]
        return None if not whole or None in high else sum(high) / whole

    found.append({"industry": "", "senior": share(tables["total"][0]["count"], tables["level"])})
    for one in tables["industry"]:
        parts = [each for each in tables["industry-level"] if each["industry"] == one["industry"]]
        found.append({"industry": one["industry"], "senior": share(one["count"], parts)})
    return found


def _skills(stock: Sequence[Someone], minimum: int) -> list[dict[str, Any]]:
    """Return people by skill and level; somebody counts in each of their skills, so skills don't add up to a total."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in stock:
        for skill in set(one.skills):
            counts[skill][one.level] += 1
    found = []
    for skill, levels in sorted(counts.items()):
        groups: dict[str, list[str]] = {level: [level] for level in Level}
        groups[""] = list(Level)
        withheld = protect(levels, groups, minimum)
        shown = {str(level): None if level in withheld else levels[level] for level in Level}
        found.append({"skill": skill, "count": None if "" in withheld else levels.total(), "levels": shown})
    return found


def _flows(
    everyone: Sequence[Someone], stock: Sequence[Someone], first: date, last: date, minimum: int
) -> dict[str, list[dict[str, Any]]]:
    """Return who came and who went in the quarter, by industry and by city.

    A reader has the stocks of both quarters, and so the difference of what came and went: that is known to them.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for one in everyone:
        if one.entered and first <= one.entered <= last:
            counts["in", one.industry, one.city] += 1
        if one.left and first <= one.left <= last:
            counts["out", one.industry, one.city] += 1
    industries = sorted({one.industry for one in stock} | {cell[1] for cell in counts})
    cities = sorted({one.city for one in stock} | {cell[2] for cell in counts})
    groups: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {
        (way, by, ""): [] for way in ("in", "out") for by in ("total",)
    }
    for way in ("in", "out"):
        for industry in industries:
            for city in cities:
                for by, key in (("total", ""), ("industry", industry), ("city", city)):
                    groups.setdefault((way, by, key), []).append((way, industry, city))
    known = []
    for by, key in {(by, key) for _, by, key in groups}:
        signed = dict.fromkeys(groups["in", by, key], 1) | dict.fromkeys(groups["out", by, key], -1)
        if signed:
            known.append((signed, sum(sign * counts[cell] for cell, sign in signed.items())))
    withheld = protect(counts, groups, minimum, known)
    found: dict[str, list[dict[str, Any]]] = {"in": [], "out": []}
    for (way, by, key), cells in groups.items():
        figure = None if (way, by, key) in withheld else sum(counts[cell] for cell in cells)
        found[way].append({"by": by, "key": key, "count": figure})
    return found


def _demand(wanted: Sequence[Wanted]) -> dict[str, Any]:
    """Return people wanted, over all and by source, industry, city and level."""
    by = {way: _added((getattr(one, way), one.number) for one in wanted) for way in ("source", *_WAYS)}
    return {"total": sum(one.number for one in wanted), **{way: dict(sorted(of.items())) for way, of in by.items()}}


def _added(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, number in pairs:
        found[key] += number
    return found


def _gaps(
    skills: Sequence[Mapping[str, Any]], wanted: Sequence[Wanted], paths: Sequence[Growth], seats: Sequence[Seats]
) -> list[dict[str, Any]]:
    """Return by skill and level what is wanted, what courses and growth will add within the horizon, and what is missing.

    Of n people at a level from which one grows in y years, n / y grow in a year. Where n is withheld, so is what
    depends on it.
    """
    stock = {(one["skill"], level): count for one in skills for level, count in one["levels"].items()}
    asked = _added(((skill, one.level), one.number) for one in wanted for skill in one.skills)
    trained = _added(((one.skill, one.level), one.number) for one in seats)
    growth: dict[tuple[str, str], list[Growth]] = defaultdict(list)
    for path in paths:
        growth[path.skill, path.end].append(path)
    found = []
    for (skill, level), number in sorted(asked.items()):
        grown: float | None = 0.0
        for path in growth[skill, level]:
            below = stock.get((skill, path.start), 0)
            grown = None if below is None or grown is None else grown + below * HORIZON / 4 / path.years
        coming = None if grown is None else grown + trained[skill, level]
        found.append(
            {
                "skill": skill, "level": level, "wanted": number, "stock": stock.get((skill, level), 0),
                "courses": trained[skill, level], "growth": grown,
                "gap": None if coming is None else max(0.0, number - coming),
            }
        )  # fmt: skip
    return sorted(found, key=lambda one: -(one["gap"] if one["gap"] is not None else one["wanted"]))


def _tightness(tables: Mapping[str, list[dict[str, Any]]], demand: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return by industry, city and level the people wanted for each hundred that there are."""
    found = []
    for way in _WAYS:
        stock = {one[way]: one["count"] for one in tables[way]}
        for key in sorted({*stock, *demand[way]}):
            there, asked = stock.get(key, 0), demand[way].get(key, 0)
            per_hundred = 100 * asked / there if there else None
            found.append({"by": way, "key": key, "stock": there, "wanted": asked, "per_hundred": per_hundred})
    return found


def _forecasts(
    quarter: str,
    tables: Mapping[str, list[dict[str, Any]]],
    demand: Mapping[str, Any],
    before: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return forecasts of people and demand, over all and by industry, of series that are published without a gap."""
    now = {"tables": tables, "demand": demand}
    series: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    reports = [*_unbroken(quarter, before), now]
    industries = [one["industry"] for one in tables["industry"]]
    for one in reports:
        by_industry = {each["industry"]: each["count"] for each in one["tables"]["industry"]}
        series["people", ""].append(one["tables"]["total"][0]["count"])
        series["demand", ""].append(one["demand"]["total"])
        for industry in industries:
            series["people", industry].append(by_industry.get(industry))
            series["demand", industry].append(one["demand"]["industry"].get(industry, 0))
    found = []
    for (what, industry), values in series.items():
        figures = _tail(values)
        steps = forecast.drift(figures, HORIZON)
        if steps is None:
            continue
        fared = forecast.record(figures)
        found.append(
            {
                "what": what, "industry": industry, "quarters": len(figures),
                "steps": [{"quarter": next_quarter(quarter, at), **step._asdict()} for at, step in enumerate(steps, 1)],
                "record": fared._asdict() if fared else None,
            }
        )  # fmt: skip
    return found


def _unbroken(quarter: str, before: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the earlier analyses that lead up to a quarter without a gap."""
    found: list[Mapping[str, Any]] = []
    for one in reversed(before):
        if one["quarter"] != next_quarter(quarter, -1 - len(found)):
            break
        found.insert(0, one)
    return found


def _tail(values: Sequence[float | None]) -> list[float]:
    """Return the last figures that follow each other without a withheld one."""
    found: list[float] = []
    for value in reversed(values):
        if value is None:
            break
        found.insert(0, value)
    return found
