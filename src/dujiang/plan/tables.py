"""Tables of a plan: indicators by year, and tasks with their units. Tabs part the cells of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from dujiang.plan.documents import Document
from dujiang.plan.quantities import Quantity, quantities

Cell = tuple[int, int]
_YEAR = re.compile(r"(?P<year>20\d{2})年?.{0,6}")
_INDICATOR = re.compile(r"(?:主要|核心|具体|序号)?(?:指标|目标|项目)(?:名称|内容)?|类别|名称")
_UNIT = re.compile(r"(?:计量)?单位")
_BASE = re.compile(r"基期|基数|现状|实际|完成|基准")
_TASK = re.compile(
    r"(?:重点|主要|工作|具体|目标)?(?:任务|工作|事项|举措|措施|内容|行动|工程)(?:名称|内容|事项|举措|任务|清单)?"
)
_LEAD = re.compile(r"(?:牵头|主责|责任|主办)(?:责任)?(?:单位|部门|主体)(?:\(.*\))?")
_JOIN = re.compile(r"(?:配合|参与|协同|参加|协办)(?:责任)?(?:单位|部门)(?:\(.*\))?|责任(?:单位|部门)")
_WRITTEN = re.compile(r"(?P<before>[^\d]{0,6})(?P<number>\d[\d,.]*(?:[-~至]\d[\d,.]*)?(?:万|亿)?)(?P<after>.{0,12})")


@dataclass(frozen=True, slots=True)
class Indicator:
    """A value that a table sets for a year; ``start:end`` is its row, ``at`` its own cell."""

    start: int
    end: int
    year: int
    about: Cell
    at: Cell
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Row:
    """A task of a table with the cells that name its units."""

    start: int
    end: int
    title: Cell
    lead: Cell | None
    join: Cell | None


def tables(norm: str, start: int, end: int) -> Iterator[list[list[Cell]]]:
    """Yield the tables of ``norm[start:end]``: runs of lines with tabs, as rows of cells."""
    rows: list[list[Cell]] = []
    at = start
    while at < end:
        stop = norm.find("\n", at, end)
        stop = end if stop < 0 else stop
        if norm.find("\t", at, stop) >= 0:
            rows.append(_cells(norm, at, stop))
        elif rows:
            yield rows
            rows = []
        at = stop + 1
    if rows:
        yield rows


def _cells(norm: str, start: int, end: int) -> list[Cell]:
    edges = [start - 1, *(index for index in range(start, end) if norm[index] == "\t"), end]
    return [(left + 1, right) for left, right in pairwise(edges)]


def indicators(document: Document, start: int, end: int, first_year: int | None) -> Iterator[Indicator]:
    """Yield the targets of tables that have a column a year; years before ``first_year`` are the base, not targets."""
    norm = document.norm
    for rows in tables(norm, start, end):
        head = [norm[left:right] for left, right in rows[0]]
        years = {column: int(match["year"]) for column, text in enumerate(head) if (match := _YEAR.fullmatch(text))}
        names = [column for column, text in enumerate(head) if _INDICATOR.fullmatch(text)]
        if not years or not names:
            continue
        years = {column: year for column, year in years.items() if not _BASE.search(head[column])}
        earliest = first_year if first_year is not None else max(years.values(), default=0)
        unit_column = next((column for column, text in enumerate(head) if _UNIT.fullmatch(text)), None)
        for row in rows[1:]:
            named = [row[column] for column in names if column < len(row) and row[column][0] < row[column][1]]
            if not named:
                continue
            about = named[-1]
            unit = norm[slice(*row[unit_column])] if unit_column is not None and unit_column < len(row) else ""
            bracket = re.search(r"\(([^()]{1,12})\)$", norm[slice(*about)])
            if not unit and bracket:
                unit, about = bracket[1], (about[0], about[0] + bracket.start())
            for column, year in years.items():
                if year >= earliest and column < len(row) and (found := _value(norm[slice(*row[column])], unit)):
                    yield Indicator(row[0][0], row[-1][1], year, about, row[column], found)


def _value(text: str, unit: str) -> Quantity | None:
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    unit = unit.strip("()")
    after = match["after"] if unit and match["after"].startswith(unit) else unit + match["after"]
    return next(quantities(f"{match['before']}{match['number']}{after}"), None) or _bare(match, unit)


def _bare(match: re.Match[str], unit: str) -> Quantity | None:
    try:
        value = float(match["number"].replace(",", "").rstrip("万亿"))
    except ValueError:
        return None
    return Quantity(0, 0, "=", int(value) if value.is_integer() else value, None, None, unit)


def task_rows(norm: str, start: int, end: int) -> Iterator[Row]:
    """Yield the rows of tables that give tasks and who leads and joins them."""
    for rows in tables(norm, start, end):
        head = [norm[left:right] for left, right in rows[0]]
        task = [column for column, text in enumerate(head) if _TASK.fullmatch(text)]
        lead = next((column for column, text in enumerate(head) if _LEAD.fullmatch(text)), None)
        if not task or lead is None:
            continue
        join = next((column for column, text in enumerate(head) if column != lead and _JOIN.fullmatch(text)), None)
        for row in rows[1:]:
            titles = [row[column] for column in task if column < len(row) and row[column][0] < row[column][1]]
            cells = [
                row[column] if column is not None and column < len(row) and row[column][0] < row[column][1] else None
                for column in (lead, join)
            ]
            if titles and (cells[0] or cells[1]):
                yield Row(row[0][0], row[-1][1], titles[-1], cells[0], cells[1])
