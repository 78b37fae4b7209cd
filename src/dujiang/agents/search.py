"""Searching the plan: goals, tasks, units and named systems with their progress, and passages of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dujiang.evidence.models import Record
from dujiang.plan.dispatch import Dispatch, GoalLine, TaskLine, UnitLine
from dujiang.plan.indicators import Status
from dujiang.plan.models import Item, Programme

_SENTENCE = re.compile(r"[^。；！？\n]+[。；！？]?")


class What(StrEnum):
    """What is found."""

    GOAL = "goal"
    TASK = "task"
    UNIT = "unit"
    SYSTEM = "system"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Hit:
    """Something of the plan.

    ``span`` are the first character in the plan's text and the one after the last; ``progress`` is its line in the
    month's dispatch; ``evidence`` the records that it rests on: the plan's loading, amendments by hand, and what its
    figures were computed from.
    """

    what: What
    number: int | None
    title: str
    text: str
    span: tuple[int, int] | None
    progress: GoalLine | TaskLine | UnitLine | None
    evidence: list[int]


def search(
    programme: Programme, now: Dispatch, words: Sequence[str], kinds: Collection[What], status: Status | None
) -> list[Hit]:
    """Return what has all the words in its title, text or units, in the order of ``kinds`` and of the plan.

    ``now`` is the dispatch that progress is read from. Passages are sentences; without words there are none.
    """
    loaded = Record.objects.filter(kind="plan.loaded", subject=programme.key).order_by("-sequence").first()
    sources = [loaded.sequence] if loaded else []
    finders = {
        What.GOAL: _goals(programme, now),
        What.TASK: _tasks(programme, now),
        What.UNIT: _units(now),
        What.SYSTEM: _systems(programme),
        What.PASSAGE: _passages(programme.text) if words else iter(()),
    }
    wanted = [word.casefold() for word in words]
    hits = []
    for what in What:
        if what not in kinds:
            continue
        for searched, hit, item in finders[what]:
            if status is not None and (hit.progress is None or _status(hit.progress) is not status):
                continue
            if all(word in searched.casefold() for word in wanted):
                evidence = [*sources, *_amendments(programme, item), *hit.evidence]
                hits.append(Hit(**{**_fields(hit), "evidence": sorted(set(evidence))}))
    return hits


_Found = Iterator[tuple[str, Hit, Item | None]]


def _goals(programme: Programme, now: Dispatch) -> _Found:
    lines = {line.number: line for line in now.goals}
    for item in programme.items.filter(kind=Item.Kind.GOAL, present=True):
        facts, line = item.facts, lines.get(item.position)
        text, about = facts["text"], facts["about"] or facts["text"]
        searched = " ".join([text, about, *(line.lead if line else ())])
        evidence = line.evidence if line else []
        yield searched, Hit(What.GOAL, item.position, about, text, _span(item), line, evidence), item


def _tasks(programme: Programme, now: Dispatch) -> _Found:
    lines = {line.number: line for line in now.tasks}
    for item in programme.items.filter(kind=Item.Kind.TASK, present=True):
        facts = item.facts
        line = lines.get(facts["number"])
        span = _span(item)
        text = programme.text[span[0] : span[1]]
        searched = " ".join([facts["title"], *facts["lead"], *facts["cooperating"]])
        evidence = line.evidence if line else []
        yield searched, Hit(What.TASK, facts["number"], facts["title"], text, span, line, evidence), item


def _units(now: Dispatch) -> _Found:
    evidence = {line.number: line.evidence for line in now.tasks}
    for line in now.units:
        behind = [one for task in line.leads for one in evidence.get(task, [])]
        yield line.name, Hit(What.UNIT, None, line.name, "", None, line, behind), None


def _systems(programme: Programme) -> _Found:
    for item in programme.items.filter(kind=Item.Kind.SYSTEM, present=True):
        facts, span = item.facts, _span(item)
        text = programme.text[span[0] : span[1]]
        yield f"{facts['name']} {text}", Hit(What.SYSTEM, item.position, facts["name"], text, span, None, []), item


def _passages(text: str) -> _Found:
    for sentence in _SENTENCE.finditer(text):
        said = sentence[0].strip()
        if said:
            start = sentence.start() + sentence[0].index(said)
            yield said, Hit(What.PASSAGE, None, "", said, (start, start + len(said)), None, []), None


def _span(item: Item) -> tuple[int, int]:
    start, end = item.read["span"]
    return start, end


def _status(progress: GoalLine | TaskLine | UnitLine) -> Status:
    if isinstance(progress, UnitLine):
        return Status.LATE if progress.late else Status.NO_DATA
    return progress.status


def _amendments(programme: Programme, item: Item | None) -> list[int]:
    """Return the records of people's amendments to an item, which are few."""
    if item is None or not item.amended:
        return []
    records = Record.objects.filter(kind="plan.amended", subject=programme.key)
    name = f"{item.kind} {item.position}"
    return [one.sequence for one in records if json.loads(one.body)["item"] == name]


def _fields(hit: Hit) -> dict[str, Any]:
    return {name: getattr(hit, name) for name in hit.__dataclass_fields__}
