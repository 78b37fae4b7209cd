"""Who is to deposit what by when, and whether they have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from dujiang.data.models import Dataset, Duty
from dujiang.data.terms import State
from dujiang.evidence.actions import Happening, append_all
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Text
from dujiang.plan.models import Programme
from dujiang.sheets import fault, read_rows


class Standing(StrEnum):
    """Where a duty stands."""

    MET = "met"
    MET_LATE = "met-late"
    DUE = "due"
    LATE = "late"

    @property
    def words(self) -> Text:
        """The standing in words."""
        return _WORDS[self]


_WORDS = {
    Standing.MET: Text("按期汇交", "deposited in time"),
    Standing.MET_LATE: Text("逾期汇交", "deposited late"),
    Standing.DUE: Text("未到期", "not yet due"),
    Standing.LATE: Text("逾期未汇交", "late"),
}


class Line(NamedTuple):
    """A duty, the data set that meets it, if any, and how many days it is late."""

    duty: Duty
    dataset: Dataset | None
    standing: Standing
    days: int


def standing(among: QuerySet[Duty], on: date | None = None) -> list[Line]:
    """Return where duties stand on a day, today where none is given; the latest first.

    A unit meets a duty by a published data set of its own for the duty's project, or its task where it names no project.
    A data set meets one duty: the one that is due first.
    """
    today = on or timezone.localdate()
    held: dict[int, list[Dataset]] = {}
    duties = list(among.select_related("unit").order_by("due", "id"))
    # Others of the same unit count too: what meets an earlier duty doesn't meet this one.
    everything = Duty.objects.filter(unit__in={one.unit_id for one in duties}).order_by("due", "id")
    for one in Dataset.objects.filter(
        state=State.PUBLISHED, source_catalogue="", owner__in={d.unit_id for d in duties}
    ):
        held.setdefault(one.owner_id, []).append(one)
    met: dict[int, Dataset] = {}
    for duty in everything:
        mine = sorted(held.get(duty.unit_id, []), key=lambda one: (one.published or one.registered, one.pk))
        found = next((one for one in mine if _meets(one, duty)), None)
        if found:
            met[duty.pk] = found
            held[duty.unit_id].remove(found)
    lines = [_line(duty, met.get(duty.pk), today) for duty in duties]
    return sorted(lines, key=lambda line: (line.standing is not Standing.LATE, -line.days, line.duty.due))


def _meets(one: Dataset, duty: Duty) -> bool:
    return one.project == duty.project if duty.project else one.task == duty.task


def _line(duty: Duty, found: Dataset | None, today: date) -> Line:
    end = timezone.localdate(found.published) if found and found.published else today
    days = max(0, (end - duty.due).days)
    if found:
        return Line(duty, found, Standing.MET_LATE if days else Standing.MET, days)
    return Line(duty, None, Standing.LATE if days else Standing.DUE, days)


def late(lines: Iterable[Line]) -> list[Line]:
    """Return the lines that are late and not met."""
    return [one for one in lines if one.standing is Standing.LATE]


def task_titles() -> list[tuple[int, str]]:
    """Return the tasks of the plan by number, with their titles."""
    programme = Programme.current()
    if programme is None:
        return []
    return [(one.position, str(one)) for one in programme.items.filter(kind="task", present=True).order_by("position")]


COLUMNS: dict[str, Text] = {
    "unit": Text("单位", "unit"),
    "title": Text("汇交内容", "title"),
    "task": Text("任务编号", "task"),
    "project": Text("项目编号", "project"),
    "due": Text("期限", "due"),
}
"""The columns of a table of duties; task or project may be empty, not both."""


def load(actor: Actor, path: Path) -> int:
    """Set the duties of a table, all of them or none; those that are there get the new day. Raises `NotAllowed`, `BadInput`."""
    require(actor, "data.keep")
    units = {one.name: one for one in Unit.objects.all()}
    rows = []
    for number, row in read_rows(path, COLUMNS, optional=("task", "project")):
        unit, task = units.get(row["unit"]), row["task"]
        if unit is None:
            raise _bad(path, number, "unit", row, Text("在册的单位", "a unit that is there"))
        if not 1 <= len(row["title"]) <= 300:
            raise _bad(path, number, "title", row, Text("1 至 300 字", "1 to 300 characters"))
        if task and not (task.isdecimal() and 0 < int(task) < 10_000):
            raise _bad(path, number, "task", row, Text("方案的任务编号", "the number of a task of the plan"))
        if not task and not row["project"]:
            raise _bad(path, number, "task", row, Text("任务或项目编号", "a task or a project"))
        if len(row["project"]) > 120:
            raise _bad(path, number, "project", row, Text("不超过 120 字", "at most 120 characters"))
        try:
            due = date.fromisoformat(row["due"][:10])
        except ValueError as error:
            raise _bad(path, number, "due", row, Text("日期，如 2026-11-30", "a day, such as 2026-11-30")) from error
        rows.append((unit, row["title"], int(task) if task else None, row["project"], due))
    if not rows:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row"))
    with transaction.atomic():
        told: dict[str, list[dict[str, object]]] = {}
        for unit, title, task_number, project, due in rows:
            told.setdefault(unit.name, []).append(
                {"title": title, "task": task_number, "project": project, "due": due.isoformat()}
            )
        entries = append_all(actor, [Happening("data.duty", name, {"duties": of}) for name, of in told.items()])
        evidence = {entry.subject: entry.sequence for entry in entries}
        for unit, title, task_number, project, due in rows:
            Duty.objects.update_or_create(
                unit=unit, title=title, task=task_number, project=project,
                defaults={"due": due, "evidence": evidence[unit.name]},
            )  # fmt: skip
    return len(rows)


def _bad(path: Path, number: int, name: str, row: dict[str, str], expected: Text) -> BadInput:
    return fault(path, number, name, COLUMNS[name], row, expected)
