"""Statistics as departments send them: a CSV or Excel table, a figure a row, each with its source and who vouches."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

from dujiang.messages import BadInput, Text
from dujiang.plan.indicators import Indicator, period_end
from dujiang.sheets import fault, read_rows

COLUMNS: dict[str, Text] = {
    "goal": Text("目标序号", "goal number"),
    "about": Text("指标", "indicator"),
    "period": Text("期间", "period"),
    "value": Text("数值", "value"),
    "unit": Text("单位", "unit"),
    "source": Text("来源文件", "source document"),
    "vouched_by": Text("审核责任人", "who vouches for it"),
}
"""The columns, by name; a heading may be the name, its Chinese or its English title."""
_OPTIONAL = {"about"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of an upload. ``value`` is in the indicator's unit; ``row`` as the person's tool shows it."""

    row: int
    indicator: str
    period: str
    period_end: date
    value: float
    unit: str
    source: str
    vouched_by: str


def read_figures(path: Path, indicators: Sequence[Indicator]) -> list[Figure]:
    """Read a whole upload; raises `BadInput` for the first row that can't be used."""
    by_goal = {target.goal: one for one in indicators for target in one.targets}
    figures = [_figure(path, number, row, by_goal) for number, row in _rows(path)]
    if not figures:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row of figures"))
    seen: dict[tuple[str, str], int] = {}
    for one in figures:
        if (first := seen.setdefault((one.indicator, one.period), one.row)) != one.row:
            raise BadInput(
                path,
                row=one.row,
                field="period",
                expected=Text("每个指标每个期间只有一行", "one row an indicator and period"),
                found=Text(f"与第 {first} 行相同的指标和期间", f"the indicator and period of row {first}").zh,
                remedy=Text("请删去其中一行后重新提交", "delete one of the two and submit again"),
            )
    return figures


def write_template(path: Path, indicators: Sequence[Indicator]) -> None:
    """Write an Excel table with a row for every indicator that must be reported, ready to be filled in."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "统计数据"
    sheet.append([title.zh for title in COLUMNS.values()])
    for one in indicators:
        if not one.per_industry:
            sheet.append([one.targets[0].goal, one.about, None, None, one.unit, None, None])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABCDEFG", (10, 56, 12, 12, 10, 40, 20), strict=True):
        sheet.column_dimensions[column].width = width
    for row in sheet.iter_rows(min_row=2, min_col=2, max_col=2):
        row[0].alignment = Alignment(wrap_text=True, vertical="top")
    sheet.freeze_panes = "A2"
    book.save(path)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row number, cells by column name) of the rows that have anything to report."""
    remedy = Text(
        "请用 dujiang statistic template 生成的表格", "use the table that `dujiang statistic template` writes"
    )
    for number, row in read_rows(path, COLUMNS, optional=_OPTIONAL, remedy=remedy):
        # The template's rows that nobody filled in are no figures.
        if any(row[name] for name in ("period", "value", "source", "vouched_by")):
            yield number, row


def _half_width(text: str) -> str:
    """Return full-width digits and punctuation as half-width ones."""
    return unicodedata.normalize("NFKC", text)


def _figure(path: Path, number: int, row: Mapping[str, str], by_goal: Mapping[int, Indicator]) -> Figure:
    def bad(name: str, expected: Text) -> BadInput:
        return fault(path, number, name, COLUMNS[name], row, expected)

    goal = row["goal"].upper().removeprefix("G")
    if not goal.isdigit() or int(goal) not in by_goal:
        known = ", ".join(str(one) for one in sorted(by_goal))
        raise bad("goal", Text(f"方案的目标序号({known})", f"a goal number of the plan ({known})"))
    indicator = by_goal[int(goal)]
    if indicator.per_industry:
        raise bad(
            "goal",
            Text(
                "由统计数据填报的目标；此项由系统根据场景评测计算",
                "a goal reported by statistics; this one is computed from evaluations",
            ),
        )
    if row.get("about") and "".join(row["about"].split()) != "".join(indicator.about.split()):
        raise bad(
            "about", Text(f"目标 {goal} 的指标“{indicator.about}”", f"the indicator of goal {goal}, {indicator.about}")
        )
    if _half_width(row["unit"]) != _half_width(indicator.unit):
        raise bad("unit", Text(f"方案所用单位 {indicator.unit}", f"the plan's unit {indicator.unit}"))
    try:
        end = period_end(row["period"])
    except ValueError as error:
        raise bad("period", Text("2026、2026-H1、2026-Q3 或 2026-11", "2026, 2026-H1, 2026-Q3 or 2026-11")) from error
    text = re.sub(r"[,\s]", "", _half_width(row["value"])).removesuffix("%")
    try:
        value = float(text)
    except ValueError as error:
        raise bad("value", Text("一个数", "a number")) from error
    if not math.isfinite(value):
        raise bad("value", Text("一个有限的数", "a finite number"))
    for name in ("source", "vouched_by"):
        if not row[name]:
            raise bad(name, Text("不为空", "not empty"))
    return Figure(
        number,
        indicator.key,
        row["period"].strip().upper(),
        end,
        value,
        indicator.unit,
        row["source"],
        row["vouched_by"],
    )
