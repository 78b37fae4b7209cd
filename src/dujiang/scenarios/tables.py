"""Tables that a scenario reads and writes: columns of one kind each, and a precise word on the cell that isn't."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dujiang import sheets
from dujiang.messages import BadInput, Text

__all__ = ["Column", "Table", "choice", "moment", "name", "number", "read_csv", "whole", "write_csv"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, what a cell should be, and what makes a value of its text (ValueError where none)."""

    title: Text
    expected: Text
    parse: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """What `read_csv` read: values by column, and the number of each row as a person's spreadsheet shows it."""

    path: Path
    rows: tuple[int, ...]
    values: Mapping[str, tuple[Any, ...]]
    cells: tuple[Mapping[str, str], ...]
    titles: Mapping[str, Text]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> tuple[Any, ...]:
        return self.values[column]

    def fault(self, place: int, column: str, expected: Text) -> BadInput:
        """Return the error of a cell, of the row at ``place`` (from 0), that is right alone but not beside others."""
        return sheets.fault(self.path, self.rows[place], column, self.titles[column], self.cells[place], expected)


def read_csv(
    path: Path, columns: Mapping[str, Column], *, others: Column | None = None, optional: Collection[str] = ()
) -> Table:
    """Read a table (CSV in UTF-8 or GB 18030, or .xlsx) with ``columns`` by name; raises `BadInput`.

    A heading may be a column's name or either title. Columns beside those are read as ``others``, or left out where
    that is None; cells of an ``optional`` column that is missing read as empty.
    """
    path = Path(path)
    found = list(sheets.read_rows(path, {name: one.title for name, one in columns.items()}, optional=optional))
    if not found:
        raise BadInput(path, row=2, expected=Text("至少一行数据", "at least one row"), found="0")
    named = dict(columns)
    if others is not None:
        extra = [name for name in found[0][1] if name and name not in columns]
        named |= {name: Column(Text(name, name), others.expected, others.parse) for name in extra}
    values: dict[str, list[Any]] = {name: [] for name in named}
    for row, cells in found:
        for name, column in named.items():
            try:
                values[name].append(column.parse(cells.get(name, "")))
            except ValueError as error:
                raise sheets.fault(path, row, name, column.title, cells, column.expected) from error
    return Table(
        path,
        tuple(row for row, _ in found),
        {name: tuple(column) for name, column in values.items()},
        tuple(cells for _, cells in found),
        {name: column.title for name, column in named.items()},
    )


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table as `read_csv` reads it: floats to the last bit, an empty cell for None and NaN."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(headings)
        table.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def number(title: Text, least: float, most: float, *, empty: bool = False) -> Column:
    """Return a column of numbers from ``least`` to ``most``; NaN for an empty cell where ``empty`` may be."""
    bounds = f"{least:g} – {most:g}"
    expected = Text(f"数值 {bounds}", f"a number, {bounds}")
    if empty:
        expected = Text(f"{expected.zh}，缺测留空", f"{expected.en}; empty where missing")

    def parse(cell: str) -> float:
        if empty and not cell:
            return math.nan
        value = float(cell)
        if not least <= value <= most:
            raise ValueError(cell)
        return value

    return Column(title, expected, parse)


def whole(title: Text, least: int, most: int) -> Column:
    """Return a column of whole numbers from ``least`` to ``most``."""

    def parse(cell: str) -> int:
        value = int(cell)
        if not least <= value <= most:
            raise ValueError(cell)
        return value

    return Column(title, Text(f"整数 {least} – {most}", f"a whole number, {least} – {most}"), parse)


def choice(title: Text, values: Mapping[str, Any]) -> Column:
    """Return a column whose cells are the keys of ``values``."""

    def parse(cell: str) -> Any:
        if cell not in values:
            raise ValueError(cell)
        return values[cell]

    names = ", ".join(values)
    return Column(title, Text(f"{names} 之一", f"one of {names}"), parse)


def name(title: Text) -> Column:
    """Return a column of names that are not empty."""

    def parse(cell: str) -> str:
        if not cell:
            raise ValueError(cell)
        return cell

    return Column(title, Text("名称，不为空", "a name, not empty"), parse)


def moment(title: Text) -> Column:
    """Return a column of local times, ISO 8601 to the minute in what is read."""

    def parse(cell: str) -> str:
        return datetime.fromisoformat(cell).replace(tzinfo=None).isoformat(timespec="minutes")

    return Column(title, Text("时间，如 2026-03-02T14:00", "a time such as 2026-03-02T14:00"), parse)
