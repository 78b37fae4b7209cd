"""Reads an official plan's text into goals, tasks, units, requirements and named systems.

It aims at the language of such documents: numbered headings of several levels, goals in clauses, responsible units in
brackets. Every item carries the span of the raw text that it came from; what is not understood is reported with its
span, never dropped or guessed silently.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dujiang.messages import Text
from dujiang.plan.documents import Document, document, text_of
from dujiang.plan.goals import Goal, goals, overlooked
from dujiang.plan.header import header
from dujiang.plan.headings import Heading, outline, unnumbered_items
from dujiang.plan.parts import parts
from dujiang.plan.responsibilities import LABEL, Responsible, Rule, places, responsible, rule_of
from dujiang.plan.systems import systems
from dujiang.plan.tables import indicators, task_rows

_GUESSED = Text(
    "文中未说明牵头单位的标法,按惯例以逗号前为牵头单位",
    "the document doesn't say how lead units are told; those before the comma are taken to lead, as is common",
)


@dataclass(slots=True)
class Plan:
    """A plan as read. The lists hold plain values under the keys of `as_json`; ``text`` is the raw text."""

    title: str | None
    issuer: str | None
    number: str | None
    date: str | None
    goals: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    requirements: list[dict[str, Any]]
    systems: list[dict[str, Any]]
    unread: list[dict[str, Any]]
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values under stable keys (docs/reference/json.md)."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read(path: Path | str) -> Plan:
    """Read a plan from a .txt, .docx or .pdf file; raises `BadInput` where it holds no text that can be read."""
    return read_text(text_of(Path(path)))


def read_text(raw: str) -> Plan:
    """Read a plan's text; never raises, whatever the text is."""
    return _Reading(document(raw)).plan()


class _Reading:
    """One reading of a document; collects what is found and what is not understood."""

    def __init__(self, read: Document) -> None:
        self.document = read
        self.norm = read.norm
        self.unread: list[dict[str, Any]] = []
        self.goals: list[dict[str, Any]] = []
        self.systems: list[dict[str, Any]] = []
        self.header = header(read)
        self.named = places(self.norm, self.header.body, self.header.end)
        self.rule: Rule = rule_of(self.norm, self.named)
        self.guessed = False

    def plan(self) -> Plan:
        head = self.header
        roots, gaps = outline(self.document, head.body, head.end)
        found = parts(
            roots,
            lambda start, end: bool(self._units_in(start, end)),
            lambda heading: unnumbered_items(self.document, heading),
        )
        if head.title is None:
            self._miss(0, min(len(self.norm), 40), Text("没有找到标题", "no title was found"))
        for start, end, why in gaps:
            self._miss(start, end, why)
        self.year = int(head.date[:4]) if head.date else None
        for start, end, dated in found.goals:
            self._collect(start, end, "goals", dated=dated)
        self._indicators()
        tasks = [self._item(number, one, "task") for number, one in enumerate(found.tasks, start=1)]
        tasks = self._from_tables(tasks)
        requirements = [
            self._item(number, one, "requirement") for number, one in enumerate(found.requirements, start=1)
        ]
        if not tasks:
            self._miss(head.body, head.body, Text("没有找到任务", "no tasks were found"))
        if not self.goals:
            self._miss(head.body, head.body, Text("没有找到目标", "no goals were found"))
        self.goals.sort(key=lambda goal: goal["span"][0])
        unread = sorted(self.unread, key=lambda one: one["span"][0])
        text = self.document.raw
        return Plan(
            head.title, head.issuer, head.number, head.date, self.goals, tasks, requirements, self.systems, unread, text
        )

    def _miss(self, start: int, end: int, why: Text) -> None:
        self.unread.append({"span": list(self.document.span(start, end)), "why": str(why)})

    def _units_in(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return where units are named between two positions."""
        return self.named[bisect_left(self.named, (start, 0)) : bisect_left(self.named, (end, 0))]

    # -- items -----------------------------------------------------------------------------------------------------

    def _collect(self, start: int, end: int, where: str, *, dated: bool = False) -> None:
        qualitative = where == "goals"
        found = list(goals(self.document, start, end, qualitative=qualitative, plan_year=self.year, dated=dated))
        found = [one for one in found if not self._in_units(one.start)]
        self.goals += [self._goal(one, where) for one in found]
        if qualitative:
            for place in overlooked(self.document, start, end, found):
                self._miss(*place, Text("带单位的数字没有读成目标", "a number with a unit that gave no goal"))
        number = int(where.split()[1]) if where.startswith("task") else None
        for one in systems(self.document, start, end):
            if self._in_units(one.start):
                continue
            self.systems.append(
                {
                    "name": self.document.text(one.start, one.end),
                    "kind": one.kind,
                    "task": number,
                    "where": where,
                    "span": list(self.document.span(one.start, one.end)),
                }
            )

    def _goal(self, one: Goal, where: str) -> dict[str, Any]:
        start, end = one.start, one.end
        while start < end and self.norm[start] in "、,: \n":
            start += 1
        quantity = one.quantity
        return {
            "year": one.year,
            "op": quantity.op if quantity else None,
            "value": quantity.value if quantity else None,
            "low": quantity.low if quantity else None,
            "high": quantity.high if quantity else None,
            "unit": self._unit(quantity.start, quantity.end, quantity.unit) if quantity else None,
            "normalised": quantity.normalised() if quantity else None,
            "approximate": quantity.approximate if quantity else False,
            "period": "year" if one.yearly else None,
            "about": one.about,
            "text": self.document.text(start, end),
            "span": list(self.document.span(start, end)),
            "where": where,
        }

    def _unit(self, start: int, end: int, unit: str) -> str:
        at = self.norm[start:end].lower().rfind(unit.lower())
        return self.document.text(start + at, start + at + len(unit)).replace("％", "%") if at >= 0 else unit

    def _in_units(self, at: int) -> bool:
        index = bisect_left(self.named, (at + 1, 0))
        return index > 0 and at < self.named[index - 1][1]

    # -- tables ----------------------------------------------------------------------------------------------------

    def _indicators(self) -> None:
        """Add the goals of tables with a column a year."""
        term = re.search(r"(20\d{2})年?[-—–~至](?:20)?\d{2}", self.header.title or "")
        first = int(term[1]) if term else self.year
        for one in indicators(self.document, self.header.body, len(self.norm), first):
            about = self.document.text(*one.about)
            quantity = replace(one.quantity, start=one.at[0], end=one.at[1])
            self.goals.append(self._goal(Goal(one.start, one.end, one.year, False, quantity, about), "goals"))

    def _from_tables(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take units, or the tasks themselves, from a table of tasks where no heading names units."""
        rows = list(task_rows(self.norm, self.header.body, len(self.norm)))
        if not rows or any(task["lead"] or task["cooperating"] for task in tasks):
            return tasks
        made: list[dict[str, Any]] = []
        for number, row in enumerate(rows, start=1):
            units = Responsible()
            for cell, label in ((row.lead, "牵头单位:"), (row.join, "配合单位:")):
                if cell:
                    text, norm = self.document.clean[slice(*cell)], self.norm[slice(*cell)]
                    # Where one column holds both, commas part them as elsewhere.
                    said = "" if row.join is None else label
                    one = responsible(said + text, said + norm, self.rule)
                    units.lead += one.lead
                    units.cooperating += one.cooperating
            made.append(
                {
                    "number": number,
                    "title": self.document.text(*row.title),
                    "lead": units.lead,
                    "cooperating": [name for name in units.cooperating if name not in units.lead],
                    "text": self.document.text(row.start, row.end),
                    "span": list(self.document.span(row.start, row.end)),
                }
            )
        if len(tasks) > 1:
            by_title = {task["title"]: task for task in made}
            for task in tasks:
                same = by_title.get(task["title"], task)
                task["lead"], task["cooperating"] = same["lead"], same["cooperating"]
            return tasks
        for item in [*self.goals, *self.systems]:
            if item["where"].startswith("task"):
                start = item["span"][0]
                number = next((task["number"] for task in made if task["span"][0] <= start < task["span"][1]), 1)
                item["where"] = f"task {number}"
                if "task" in item:
                    item["task"] = number
        return made

    def _units(self, heading: Heading) -> Responsible:
        """Return the units that a heading names."""
        units = Responsible()
        found = self._units_in(heading.start, heading.end)
        texts = [(left, right, self.document.clean[left:right], self.norm[left:right]) for left, right in found]
        if len(texts) > 1 and all(LABEL.match(norm) for *_, norm in texts):
            # 牵头单位：… and 责任单位：… on lines of their own say one thing.
            joined = "；".join(text for _, _, text, _ in texts), ";".join(norm for *_, norm in texts)
            texts = [(found[0][0], found[-1][1], *joined)]
        for left, right, text, norm in texts:
            one = responsible(text, norm, self.rule)
            units.lead += [name for name in one.lead if name not in units.lead]
            units.cooperating += [name for name in one.cooperating if name not in (*units.lead, *units.cooperating)]
            for why in one.unread:
                self._miss(left, right, why)
            if not one.lead and not one.cooperating:
                self._miss(left, right, Text("责任单位没有读懂", "the responsible units were not understood"))
            if one.guessed and not self.guessed:
                self.guessed = True
                self._miss(left, right, _GUESSED)
        units.cooperating = [name for name in units.cooperating if name not in units.lead]
        return units

    def _item(self, number: int, heading: Heading, kind: str) -> dict[str, Any]:
        units = self._units(heading)
        self._collect(heading.title_end, heading.end, f"{kind} {number}")
        return {
            "number": number,
            "title": heading.title,
            "lead": [name.replace("\n", "") for name in units.lead],
            "cooperating": [name.replace("\n", "") for name in units.cooperating],
            "text": self.document.text(heading.start, heading.end),
            "span": list(self.document.span(heading.start, heading.end)),
        }
