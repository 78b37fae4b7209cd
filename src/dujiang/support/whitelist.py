"""The white list for financing: criteria as data, what an enterprise meets by facts and evidence, and times measured.

A file of criteria is TOML beside those of measures: ``[facts.NAME]`` as there, ``[criteria.NAME]`` with ``zh``, ``en``,
``needs`` (conditions as there), ``required``, ``papers`` (titles of papers to be handed in) and ``records`` (kinds of
evidence of which one must name the enterprise). All required criteria must be met, and ``optional`` of the others.
A criterion is met where its conditions hold and its proof is there: a fact without proof is only claimed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Text
from dujiang.safety.workdays import is_workday
from dujiang.support.measures import Because, Condition, Fact, Facts, Reader, Standing

_NUMBERS = ("optional", "decide_workdays", "review_months", "bank_decides_workdays", "bank_pays_workdays")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What is asked: conditions on facts, and the proof of them."""

    name: str
    title: Text
    needs: tuple[Condition, ...]
    required: bool
    papers: tuple[str, ...]
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a criterion is met and why; ``lacks`` is the proof that is still missing."""

    criterion: Criterion
    standing: Standing
    because: tuple[Because, ...]
    lacks: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the criteria come to for an enterprise; ``missing`` are facts that were not given."""

    standing: Standing
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def reasons(self) -> list[Text]:
        """Why it is not met: the conditions that fail and the proof that lacks, of what counts."""
        found = []
        for one in self.findings:
            if one.standing is Standing.MAY:
                continue
            said = [reason.condition for reason in one.because if reason.holds is not True]
            parts = [*said, *one.lacks]
            found.append(
                Text(
                    f"{one.criterion.title.zh}：{'；'.join(part.zh for part in parts)}",
                    f"{one.criterion.title.en}: {'; '.join(part.en for part in parts)}",
                )
            )
        return found


@dataclass(frozen=True, slots=True)
class Criteria:
    """A file of criteria; numbers of working days and months as the file says."""

    title: Text
    source: str
    facts: Mapping[str, Fact]
    criteria: tuple[Criterion, ...]
    optional: int
    decide_workdays: int
    review_months: int
    bank_decides_workdays: int
    bank_pays_workdays: int

    def assess(self, facts: Facts, papers: Collection[str], records: Collection[str]) -> Assessment:
        """Return what is met by facts, the titles of papers handed in, and the kinds of evidence that name the enterprise."""
        findings = tuple(self._finding(one, facts, papers, records) for one in self.criteria)
        required = [one.standing for one in findings if one.criterion.required]
        others = [one.standing for one in findings if not one.criterion.required]
        met, possible = others.count(Standing.MAY), len(others) - others.count(Standing.MAY_NOT)
        if Standing.MAY_NOT in required or possible < self.optional:
            standing = Standing.MAY_NOT
        elif Standing.OPEN in required or met < self.optional:
            standing = Standing.OPEN
        else:
            standing = Standing.MAY
        asked = set().union(*(condition.asks() for one in self.criteria for condition in one.needs))
        return Assessment(standing, findings, tuple(sorted(asked - facts.keys())))

    def _finding(self, one: Criterion, facts: Facts, papers: Collection[str], records: Collection[str]) -> Finding:
        because = tuple(Because(need.said(self.facts), need.holds(facts)) for need in one.needs)
        held = [reason.holds for reason in because]
        lacks = [
            Text(f"缺少材料“{paper}”", f"the paper {paper!r} is missing") for paper in one.papers if paper not in papers
        ]
        if one.records and not set(one.records) & set(records):
            lacks.append(
                Text(f"没有 {'、'.join(one.records)} 存证", f"there is no evidence of {' or '.join(one.records)}")
            )
        standing = Standing.MAY_NOT if False in held else Standing.OPEN if None in held or lacks else Standing.MAY
        return Finding(one, standing, because, tuple(lacks))

    @property
    def papers(self) -> list[str]:
        """The titles of all papers that are asked for."""
        return list(dict.fromkeys(paper for one in self.criteria for paper in one.papers))


def read(path: Path) -> Criteria:
    """Read a file of criteria; raises `BadInput` that names the section and the key."""
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            path, expected=Text("TOML 格式的标准文件", "a TOML file of criteria"), found=str(error)
        ) from error
    reader = Reader(path)
    for key in _NUMBERS:
        if isinstance(given.get(key), bool) or not isinstance(given.get(key), int) or given[key] < 0:
            raise reader.bad("", key, Text("整数，不为负", "a whole number, not negative"), given.get(key, ""))
    facts = {name: reader.fact(name, table) for name, table in reader.table(given, "", "facts").items()}
    criteria = tuple(_criterion(reader, name, one, facts) for name, one in reader.table(given, "", "criteria").items())
    others = sum(not one.required for one in criteria)
    if given["optional"] > others:
        raise reader.bad("", "optional", Text(f"不超过 {others}", f"at most {others}"), given["optional"])
    return Criteria(
        reader.text(given, "", ("zh", "en")),
        str(given.get("source", "")),
        facts,
        criteria,
        *(given[key] for key in _NUMBERS),
    )


def _criterion(reader: Reader, name: str, given: Any, facts: Mapping[str, Fact]) -> Criterion:
    place = f"criteria.{name}"
    if not isinstance(given, dict):
        raise reader.bad(place, "", Text("一节", "a section"), given)
    for key in given:
        if key not in ("zh", "en", "needs", "required", "papers", "records"):
            raise reader.bad(place, key, Text("zh、en、needs、required、papers、records 之一", "a known key"), key)
    needs, required = given.get("needs"), given.get("required", False)
    if not isinstance(needs, list) or not needs:
        raise reader.bad(place, "needs", Text("至少一个条件", "at least one condition"), needs or "")
    if not isinstance(required, bool):
        raise reader.bad(place, "required", Text("true 或 false", "true or false"), required)
    lists = {}
    for key in ("papers", "records"):
        value = given.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise reader.bad(place, key, Text("一组文字", "a list of texts"), value)
        lists[key] = tuple(value)
    conditions = tuple(reader.condition(place, one, facts) for one in needs)
    return Criterion(
        name, reader.text(given, place, ("zh", "en")), conditions, required, lists["papers"], lists["records"]
    )


def workdays_between(first: date, last: date, own: Path | None = None) -> int:
    """Return how many working days lie after ``first`` up to and with ``last``; 0 on the same day."""
    return sum(is_workday(first + timedelta(days=one), own) for one in range(1, (last - first).days + 1))


def quantile(durations: Sequence[int], ended: Sequence[bool], share: float) -> int | None:
    """Return the least time by which a share of cases has ended, by Kaplan and Meier's estimator; None where none is known.

    A case that still runs has not ended after its time so far (censored), so leaving it out would flatter the figure.
    S(t) = prod over ended times u <= t of (1 - d_u / n_u); the quantile is the least t with 1 - S(t) >= share (Kaplan &
    Meier 1958). Without cases that run it is the plain order statistic of rank ceil(share x n).
    """
    if all(ended):
        ordered = sorted(durations)
        return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)] if ordered else None
    surviving = 1.0
    for time in sorted({time for time, over in zip(durations, ended, strict=True) if over}):
        at_risk = sum(one >= time for one in durations)
        done = sum(over and one == time for one, over in zip(durations, ended, strict=True))
        surviving *= 1 - done / at_risk
        if 1 - surviving >= share - 1e-9:
            return time
    return None
