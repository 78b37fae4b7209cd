"""The plan's text in passages that an answer can cite: each goal, each sentence, each naming of units, with its span."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dujiang.plan.documents import HEADING, Document, document
from dujiang.plan.responsibilities import LABEL

_ENDS = re.compile(r"[。！？；!?;\n]|(?<=\S)$")
_NAMES_UNITS = re.compile(rf"[(〔\[【]|{LABEL.pattern}|牵头|负责|配合")
_YEAR = re.compile(r"(?<!\d)(20\d{2})年?(?:底|末)?")
_MOSTLY = 0.6


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage: ``quote`` is exactly ``text[start:end]`` of the plan, ``text`` the same without line breaks.

    ``where`` is ``goals``, ``task N``, ``requirement N`` or ``text``; ``title`` is that item's. ``goal`` is the goal's
    number where the passage is one, ``year`` its year. ``units`` says that it names who is responsible. ``evidence``
    are the records behind a passage that says how far something has got; its text is then made of the dispatch's
    figures, and its span is that of what they are figures of.
    """

    start: int
    end: int
    quote: str
    text: str
    where: str
    title: str = ""
    goal: int | None = None
    year: int | None = None
    units: bool = False
    evidence: tuple[int, ...] = ()

    @property
    def years(self) -> set[int]:
        """The years that the passage speaks of."""
        return {int(year) for year in _YEAR.findall(self.text)} | ({self.year} if self.year else set())


def passages(
    raw: str,
    goals: Mapping[int, Mapping[str, Any]],
    tasks: Mapping[int, Mapping[str, Any]],
    requirements: Mapping[int, Mapping[str, Any]],
    header: Mapping[str, str],
) -> list[Passage]:
    """Return a plan's passages in the order of its text; the items are facts by number, as `figures.facts` gives them.

    ``header`` says what a line outside of them is, such as the document's number.
    """
    found = document(raw)
    sections = [
        (*item["span"], f"{kind} {number}", item)
        for kind, items in (("task", tasks), ("requirement", requirements))
        for number, item in items.items()
    ]
    made = [_goal(raw, number, goal, _section(sections, goal["span"][0])) for number, goal in goals.items()]
    covered = [(one.start, one.end) for one in made]
    for start, end in _sentences(found):
        low, high = found.span(start, end)
        if _overlap(low, high, covered) > _MOSTLY * (high - low):
            continue
        where, item = _section(sections, low)
        text = found.clean[start:end].strip()
        title = item["title"] if item else header.get(text, "")
        if item and text.rstrip("。.") in ("", title):
            continue
        names = _names_units(text, found.norm[start:end], item)
        made.append(Passage(low, high, raw[low:high], text, where, title, units=names))
    return sorted(made, key=lambda one: (one.start, one.end))


def _goal(raw: str, number: int, goal: Mapping[str, Any], section: tuple[str, Mapping[str, Any]]) -> Passage:
    start, end = goal["span"]
    quote = raw[start:end]
    text = re.sub(r"\n\s*", "", quote)
    return Passage(start, end, quote, text, goal["where"], section[1].get("title", ""), number, goal["year"])


def _section(sections: Sequence[tuple[int, int, str, Mapping[str, Any]]], at: int) -> tuple[str, Mapping[str, Any]]:
    return next(((where, item) for start, end, where, item in sections if start <= at < end), ("text", {}))


def _sentences(found: Document) -> Iterator[tuple[int, int]]:
    """Yield the sentences of the clean text, numbering and the title before them left out where they share a line."""
    at = 0
    for match in _ENDS.finditer(found.clean):
        start, end = at, match.end()
        at = end
        while start < end and found.clean[start].isspace():
            start += 1
        while end > start and found.clean[end - 1].isspace():
            end -= 1
        if numbering := HEADING.match(found.norm, start, end):
            start = numbering.end()
        if end - start > 1:
            yield start, end


def _overlap(start: int, end: int, spans: Sequence[tuple[int, int]]) -> int:
    return sum(max(0, min(end, high) - max(start, low)) for low, high in spans)


def _names_units(text: str, norm: str, item: Mapping[str, Any]) -> bool:
    units = (*item.get("lead", ()), *item.get("cooperating", ()))
    return bool(_NAMES_UNITS.search(norm)) and any(name in text for name in units)
