"""References between tables that are inspected together: which column of one holds the keys of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dujiang.data.inspection.rules import Rule
from dujiang.data.inspection.sources import opened
from dujiang.data.inspection.table_report import TableReport
from dujiang.data.inspection.tables import Progress, check, quiet
from dujiang.messages import Text

LIKELY = 0.5
"""A column is taken to refer to a key where this share of its values are found there; the rest is reported."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that refers to a table's key, how many values it has, and how many of them the key lacks."""

    source: str
    column: str
    to: str
    key: str
    values: int
    missing: int
    examples: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"examples": list(self.examples)}


def references(reports: Sequence[TableReport], as_of: date, progress: Progress = quiet) -> list[Reference]:
    """Return the references between tables, by columns named as another table's key is (``code``, or ``hospital_code``)."""
    found = []
    for report in reports:
        keys = [(other, key) for other in reports if other is not report for key in other.keys]
        pairs = [
            (one.name, other, key)
            for one in report.columns
            for other, key in keys
            if _named(one.name, other.source, key)
        ]
        # A key that stands in both tables is one fact, told from the larger one.
        pairs = [one for one in pairs if one[0] not in report.keys or report.rows > one[1].rows]
        if not pairs:
            continue
        progress(Text(f"表间引用：{report.source}", f"references of {report.source}"))
        rules = [
            Rule("references", (column,), source=str(Path(other.source).absolute()), key=key)
            for column, other, key in pairs
        ]
        types = {one.name: one.type for one in report.columns}
        with opened(report.source) as table:
            results, _ = check(table, rules, types, as_of=as_of)
        for (column, other, key), one in zip(pairs, results, strict=True):
            if one.evaluated and one.share >= LIKELY:
                found.append(
                    Reference(report.source, column, other.source, key, one.evaluated, one.failed, one.examples)
                )
    return found


def _named(column: str, table: str, key: str) -> bool:
    stem = Path(table).stem.lower()
    whole = f"{stem}_{key}".lower()
    return column.lower() == key.lower() or column.lower() in (
        whole,
        f"{stem.rstrip('s')}_{key}".lower(),
        f"{stem}{key}".lower(),
    )
