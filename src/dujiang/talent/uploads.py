"""Tables that people fill in: people with their consent, vacancies, needs of tasks, growth paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook

from dujiang.messages import BadInput, Text
from dujiang.sheets import fault, read_rows
from dujiang.talent import fields
from dujiang.talent.fields import Unfit
from dujiang.talent.terms import DETAILS, Details, Level

_CODED: dict[str, Text] = {
    "industry": Text("行业", "industry"),
    "level": Text("等级", "level"),
    "city": Text("市（州）", "city"),
}
PEOPLE: dict[str, Text] = {
    **DETAILS,
    **_CODED,
    "skills": Text("技能", "skills"),
    "entered": Text("来川（入库）日期", "in the province since"),
    "purposes": Text("同意用途", "purposes"),
    "given": Text("同意日期", "consent given"),
    "until": Text("保存期限", "kept until"),
    "paper": Text("同意书编号", "paper"),
}
VACANCIES: dict[str, Text] = {
    "reference": Text("岗位编号", "reference"),
    "title": Text("岗位", "title"),
    **_CODED,
    "skills": Text("技能", "skills"),
    "number": Text("人数", "number"),
    "opened": Text("发布日期", "opened"),
    "closes": Text("截止日期", "closes"),
    "filled": Text("已招", "filled"),
}
NEEDS: dict[str, Text] = {
    "task": Text("任务编号", "task"),
    **_CODED,
    "skill": Text("技能", "skill"),
    "number": Text("人数", "number"),
    "by": Text("需到位日期", "by"),
}
PATHS: dict[str, Text] = {
    "skill": Text("技能", "skill"),
    "start": Text("起点等级", "from level"),
    "end": Text("终点等级", "to level"),
    "years": Text("年数", "years"),
}
"""The columns by name; a heading may be the name, its Chinese or its English title."""
Skills = Mapping[str, int]
"""Numbers of skills by address and by label in small letters."""


def empty_table(columns: Mapping[str, Text]) -> Workbook:
    """Return a workbook with the columns' headings, cells as text, so that Excel keeps phone numbers as they are."""
    book = Workbook()
    sheet = book.worksheets[0]
    for place, title in enumerate(columns.values(), start=1):
        cell = sheet.cell(1, place, title.zh)
        sheet.column_dimensions[cell.column_letter].width = 16
        for row in range(2, 201):
            sheet.cell(row, place).number_format = "@"
    return book


class NewTalent(NamedTuple):
    """Somebody of a table, with the consent that they signed."""

    row: int
    details: Details
    coded: dict[str, str]
    skills: list[int]
    entered: date | None
    purposes: list[str]
    given: date
    until: date
    paper: str


class NewVacancy(NamedTuple):
    """A vacancy of a table."""

    reference: str
    title: str
    coded: dict[str, str]
    skills: list[int]
    number: int
    opened: date
    closes: date
    filled: int


class NewNeed(NamedTuple):
    """People whom a task needs."""

    task: int
    coded: dict[str, str]
    skill: int
    number: int
    by: date


class NewPath(NamedTuple):
    """A step of growth in a skill."""

    skill: int
    start: str
    end: str
    years: float


class _Row:
    """A row of a table: reads its cells, and says which is wrong."""

    def __init__(self, path: Path, number: int, cells: Mapping[str, str], columns: Mapping[str, Text]) -> None:
        self.path, self.number, self.cells, self.columns = path, number, cells, columns

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    def bad(self, name: str, expected: Text) -> BadInput:
        return fault(self.path, self.number, name, self.columns[name], self.cells, expected)

    def read(self, name: str, how: Callable[..., Any], *before: Any) -> Any:
        try:
            return how(*before, self[name])
        except Unfit as error:
            raise self.bad(name, error.expected) from error

    def day(self, name: str) -> date:
        found: date = self.read(name, fields.day, name)
        return found

    def text(self, name: str, most: int) -> str:
        found = fields.plain(self[name])
        if not 1 <= len(found) <= most:
            raise self.bad(name, Text(f"1 至 {most} 字", f"1 to {most} characters"))
        return found

    def coded(self) -> dict[str, str]:
        return {name: self.read(name, getattr(fields, name)) for name in _CODED}

    def skill(self, name: str, text: str, skills: Skills) -> int:
        found = skills.get(text.casefold())
        if found is None:
            raise self.bad(
                name, Text(f"技能分类中有的技能（没有“{text}”）", f"skills of the taxonomy, which has no {text!r}")
            )
        return found

    def skills(self, name: str, skills: Skills) -> list[int]:
        return sorted({self.skill(name, one, skills) for one in fields.several(self[name])})


def _rows(path: Path, columns: Mapping[str, Text], optional: tuple[str, ...] = ()) -> Iterator[_Row]:
    empty = True
    for number, cells in read_rows(path, columns, optional=optional):
        empty = False
        yield _Row(path, number, cells, columns)
    if empty:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row"))


def read_people(path: Path, skills: Skills) -> list[NewTalent]:
    """Return the people of a table; raises `BadInput` for the first cell that can't be used."""
    found = []
    optional = ("phone", "email", "orcid", "employer", "born", "skills", "entered")
    for row in _rows(path, PEOPLE, optional):
        try:
            details = fields.details(row.cells)
        except Unfit as error:
            raise row.bad(error.field, error.expected) from error
        given, until = row.day("given"), row.day("until")
        try:
            fields.term(given, until)
        except Unfit as error:
            raise row.bad("until", error.expected) from error
        found.append(
            NewTalent(
                row.number, details, row.coded(), row.skills("skills", skills), row.day("entered") if row["entered"] else None,
                row.read("purposes", fields.purposes), given, until, row.text("paper", 200),
            )
        )  # fmt: skip
    return found


def read_vacancies(path: Path, skills: Skills) -> list[NewVacancy]:
    """Return the vacancies of a table; raises `BadInput`."""
    found: dict[str, NewVacancy] = {}
    for row in _rows(path, VACANCIES, ("skills", "filled")):
        reference = row.text("reference", 60)
        if reference in found:
            raise row.bad("reference", Text("表内不重复的编号", "a reference once in the table"))
        number = row.read("number", fields.whole, "number")
        filled = 0 if row["filled"] in ("", "0") else row.read("filled", fields.whole, "filled")
        opened, closes = row.day("opened"), row.day("closes")
        if closes < opened:
            raise row.bad("closes", Text("不早于发布日期", "not before it is opened"))
        if filled > number:
            raise row.bad("filled", Text(f"不多于 {number}", f"at most {number}"))
        found[reference] = NewVacancy(
            reference, row.text("title", 200), row.coded(), row.skills("skills", skills), number, opened, closes, filled
        )
    return list(found.values())


def read_needs(path: Path, skills: Skills) -> list[NewNeed]:
    """Return what tasks need; raises `BadInput`."""
    return [
        NewNeed(
            row.read("task", fields.whole, "task"), row.coded(), row.skill("skill", fields.plain(row["skill"]), skills),
            row.read("number", fields.whole, "number"), row.day("by"),
        )
        for row in _rows(path, NEEDS)
    ]  # fmt: skip


def read_paths(path: Path, skills: Skills) -> list[NewPath]:
    """Return growth paths; each leads to a higher level. Raises `BadInput`."""
    found = []
    for row in _rows(path, PATHS):
        start, end = row.read("start", fields.level), row.read("end", fields.level)
        if Level(end).rank <= Level(start).rank:
            raise row.bad("end", Text("高于起点等级", "higher than the level that it begins at"))
        try:
            years = float(row["years"])
        except ValueError:
            years = 0.0
        if not 0 < years <= 40:
            raise row.bad("years", Text("大于 0、至多 40 的年数", "years above 0, 40 at most"))
        found.append(NewPath(row.skill("skill", fields.plain(row["skill"]), skills), start, end, years))
    return found
