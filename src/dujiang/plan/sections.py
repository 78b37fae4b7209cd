"""The dispatch as headed tables: one content for the terminal, the page, Word and Excel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dujiang.messages import Text, money
from dujiang.plan.dispatch import CountLine, Dispatch
from dujiang.plan.indicators import Status
from dujiang.plan.wording import figure, target_text, where_text


class Records(tuple[int, ...]):
    """Numbers of evidence records, which a page shows as links to them."""

    def __str__(self) -> str:
        return ", ".join(map(str, self)) or "—"


class Linked(str):
    """A name that a page links to what it names (``kind`` goal, task, unit or scenario, by ``key``); else plain text."""

    kind: str
    key: str

    def __new__(cls, words: str, kind: str, key: object) -> Linked:
        """Return the words with what they name."""
        made = super().__new__(cls, words)
        made.kind, made.key = kind, str(key)
        return made


Cell = Text | Status | Records | Linked | str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence or two under it, and a table, which may have no rows.

    ``widths`` are the columns' shares of the page; ``empty`` is said instead of a table without rows.
    """

    title: Text
    lead: Text | None
    headings: Sequence[Text]
    widths: Sequence[float]
    rows: Sequence[Sequence[Cell]]
    empty: Text | None = None


def plain(cell: Cell, language: str) -> str:
    """Return a cell's text in a language."""
    match cell:
        case Status():
            return cell.words.in_language(language)
        case Text():
            return cell.in_language(language)
        case _:
            return str(cell)


def sections(made: Dispatch) -> list[Section]:
    """Return the dispatch's sections, in the order of the report."""
    return [
        _overview(made),
        _late(made),
        _goals(made),
        _tasks(made),
        _units(made),
        _scenarios(made),
        *([_vouchers(made)] if made.vouchers else []),
        *([_data(made)] if made.data else []),
        *([_annotation(made)] if made.annotation else []),
        *([_safety(made)] if made.safety else []),
        *([_talent(made)] if made.talent else []),
        *([_support(made)] if made.support else []),
        _added(made),
    ]


_GOAL = Text("目标", "Goal")
_TASK = Text("任务", "Task")
_LEAD = Text("牵头单位", "Lead units")
_STATUS = Text("状态", "Status")
_EVIDENCE = Text("存证", "Evidence")


def _names(names: Sequence[str]) -> str:
    return "、".join(names) or "—"


def _overview(made: Dispatch) -> Section:
    counts = made.counts()
    late_tasks = sum(task.status is Status.LATE for task in made.tasks)
    through = sum(task.through for task in made.tasks)
    records = sum(one.count for one in made.added)
    zh = "、".join(f"{one.words.zh} {counts[one]} 项" for one in Status)
    en = ", ".join(f"{counts[one]} {one.words.en}" for one in Status)
    return Section(
        Text("总体情况", "Overview"),
        Text(
            f"截至{_date_zh(made)}，量化目标 {len(made.goals)} 项：{zh}。重点任务 {len(made.tasks)} 项，其中滞后 {late_tasks} 项；"
            f"本年跑通场景 {through} 个。本月新增存证 {records} 条。",
            f"As of {made.as_of}, of {len(made.goals)} quantified goals: {en}. {late_tasks} of {len(made.tasks)} tasks are "
            f"late; {through} scenarios run through this year. {records} evidence records were added this month.",
        ),
        [],
        [],
        [],
    )


def _date_zh(made: Dispatch) -> str:
    return f"{made.as_of.year}年{made.as_of.month}月{made.as_of.day}日"


def _late(made: Dispatch) -> Section:
    rows = [
        (
            Linked(f"{one.goal or one.task} {one.what}", "goal" if one.goal else "task", one.goal or one.task),
            figure(one.value),
            figure(one.expected),
            _names(one.lead),
            Records(one.evidence),
        )
        for one in made.late
    ]
    return Section(
        Text("滞后事项", "What is late"),
        None,
        [Text("事项", "Item"), Text("现值", "Now"), Text("序时", "Path"), _LEAD, _EVIDENCE],
        [4, 1, 1, 3, 1.2],
        rows,
        Text("无滞后事项。", "Nothing is late."),
    )


def _goals(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (
            Linked(f"{one.number} {one.about}", "goal", one.number),
            where_text(one.where),
            str(one.year or "—"),
            target_text(one),
            figure(one.value, one.unit),
            figure(one.expected, one.unit),
            one.status,
            Records(one.evidence),
        )
        for one in made.goals
    ]
    headings = [_GOAL, Text("所在", "Where"), Text("年份", "Year"), Text("数值", "Target"), Text("现值", "Now")]
    return Section(
        Text("目标进展", "Goals"),
        Text(
            "序时值由首个在案数据至各年目标线性推得；每年从零起算的目标按当年已过天数推得。",
            "The path is straight from the first figure on record to each year's target; a target that starts anew each "
            "year follows the days elapsed.",
        ),
        [*headings, Text("序时", "Path"), _STATUS, _EVIDENCE],
        [3, 1.25, 1.25, 1.5, 1.2, 1.2, 1.25, 1],
        rows,
        Text("方案没有量化目标。", "The plan has no quantified goals."),
    )


def _tasks(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (
            Linked(f"{one.number} {one.title}", "task", one.number),
            _names(one.lead),
            _names(one.cooperating),
            "—" if one.required is None else f"{one.through}/{one.required:g}",
            "—" if one.expected is None else figure(one.expected),
            one.status,
            Records(one.evidence),
        )
        for one in made.tasks
    ]
    headings = [_TASK, _LEAD, Text("配合单位", "Cooperating units"), Text("跑通/要求", "Through/required")]
    return Section(
        Text("任务进展", "Tasks"),
        None,
        [*headings, Text("序时", "Path"), _STATUS, _EVIDENCE],
        [2.6, 2.1, 2.7, 1.2, 1.25, 1.2, 0.9],
        rows,
        Text("方案没有任务。", "The plan has no tasks."),
    )


def _units(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (
            Linked(one.name, "unit", one.name),
            ", ".join(map(str, one.leads)) or "—",
            ", ".join(map(str, one.cooperates)) or "—",
            str(one.through),
            ", ".join(map(str, one.late)) or "—",
        )
        for one in made.units
    ]
    headings = [Text("单位", "Unit"), Text("牵头任务", "Leads tasks"), Text("配合任务", "Joins tasks")]
    return Section(
        Text("单位情况", "Units"),
        None,
        [*headings, Text("跑通场景", "Scenarios through"), Text("滞后任务", "Late tasks")],
        [3.4, 2.2, 3, 1.2, 1.8],
        rows,
        Text("方案没有写明责任单位。", "The plan names no units."),
    )


def _scenarios(made: Dispatch) -> Section:
    through, not_yet = Text("跑通", "runs through"), Text("未跑通", "not yet")
    rows: list[Sequence[Cell]] = [
        (one.title, one.id, through if one.runs_through else not_yet, Records([one.evidence])) for one in made.scenarios
    ]
    return Section(
        Text("场景评测", "Scenarios"),
        None,
        [Text("场景", "Scenario"), Text("标识", "Id"), Text("判定", "Verdict"), _EVIDENCE],
        [4, 4, 1.5, 1],
        rows,
        Text("本年尚无场景评测。", "No scenario has been evaluated this year."),
    )


def _vouchers(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (
            f"{one.title} {one.programme}",
            one.issuer or Text("本站", "the site"),
            *(money(amount, one.unit) for amount in (one.granted, one.spent, one.returned, one.outstanding)),
        )
        for one in made.vouchers
    ]
    headings = [
        Text("券计划", "Programme"),
        Text("出资方（区划代码）", "Issuer (GB/T 2260)"),
        Text("本月发放", "Granted"),
    ]
    return Section(
        Text("算力券与词元券", "Vouchers"),
        Text(
            "发放、使用、收回为本月数，结存为月末持券单位尚未使用之数；由分户账月度合计得出。",
            "Granted, spent and returned are the month's; outstanding is what holders have left at its end. From the "
            "ledger's monthly tallies.",
        ),
        [*headings, Text("本月使用", "Spent"), Text("本月收回", "Returned"), Text("月末结存", "Outstanding")],
        [3, 1.5, 1.6, 1.6, 1.6, 1.8],
        rows,
    )


def _annotation(made: Dispatch) -> Section:
    levels = {"national": Text("国家级", "national"), "provincial": Text("省级", "provincial")}
    rows: list[Sequence[Cell]] = [
        (
            one.unit or Text("非基地", "at no base"),
            levels.get(one.level, Text("", "")),
            one.division,
            str(one.labels),
            str(one.synthetic),
            money(one.cost, "CNY"),
            Records(one.evidence),
        )
        for one in made.annotation
    ]
    headings = [Text("基地", "Base"), Text("级别", "Level"), Text("区划代码", "GB/T 2260")]
    return Section(
        Text("数据标注基地", "Annotation bases"),
        Text(
            "本月验收并存证的标注条数，其中合成数据单列；费用含标注、裁决与预标注。",
            "Labels accepted and put on record in the month, those on generated data apart; cost is of answers, "
            "adjudications and first labels by a model.",
        ),
        [
            *headings,
            Text("验收标注", "Labels accepted"),
            Text("其中合成数据", "On generated data"),
            Text("费用", "Cost"),
            Text("首末存证", "First and last record"),
        ],
        [3, 1.3, 1.5, 1.6, 1.8, 1.6, 2],
        rows,
    )


def _counts(title: Text, lead: Text, lines: Sequence[CountLine]) -> Section:
    rows: list[Sequence[Cell]] = [
        (one.title, str(one.count), str(one.late) if one.late else "—", Records([one.evidence] if one.evidence else []))
        for one in lines
    ]
    headings = [Text("事项", "What"), Text("数量", "Count"), Text("逾期", "Overdue"), Text("最近存证", "Last record")]
    return Section(title, lead, headings, [4, 1.5, 1.5, 3], rows)


def _data(made: Dispatch) -> Section:
    return _counts(
        Text("数据供给", "Data"),
        Text(
            "数据集、合约和汇交责任为月末数，汇交、检验、查询为本月数。",
            "Data sets, agreements and duties to deposit stand so at the month's end; deposits, inspections and queries "
            "are the month's.",
        ),
        made.data,
    )


def _safety(made: Dispatch) -> Section:
    return _counts(
        Text("安全治理", "Safety"),
        Text(
            "备案、审查、沙盒和事件为月末数，评估为本月数。",
            "Filings, reviews, sandboxes and incidents stand so at the month's end; assessments are the month's.",
        ),
        made.safety,
    )


def _talent(made: Dispatch) -> Section:
    return _counts(
        Text("人才", "Talent"),
        Text(
            "上岗为本月数，其余为月末数；季度分析另行发布。",
            "Placements are the month's, the rest stands so at its end; the quarter's analysis is published by itself.",
        ),
        made.talent,
    )


def _support(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (
            one.title,
            str(one.count),
            str(one.late) if one.late else "—",
            money(one.fen, "CNY") if one.fen else "—",
            Records([one.evidence] if one.evidence else []),
        )
        for one in made.support
    ]
    return Section(
        Text("政策支持", "Policy support"),
        Text(
            "均为月末累计或在册数；金额为已支付或已签约。",
            "As they stand or have come to at the month's end; amounts are what was paid or agreed.",
        ),
        [
            Text("事项", "What"),
            Text("数量", "Count"),
            Text("逾期", "Overdue"),
            Text("金额", "Amount"),
            Text("最近存证", "Last record"),
        ],
        [4, 1.2, 1.2, 2.4, 2.2],
        rows,
    )


def _added(made: Dispatch) -> Section:
    rows: list[Sequence[Cell]] = [
        (one.title, str(one.count), Records(dict.fromkeys([one.first, one.last]))) for one in made.added
    ]
    return Section(
        Text("本月新增", "Added this month"),
        None,
        [Text("种类", "Kind"), Text("条数", "Records"), Text("首末存证", "First and last record")],
        [4, 1.5, 3],
        rows,
        Text("本月没有新增记录。", "No records were added this month."),
    )


def title(made: Dispatch) -> Text:
    """Return the report's title."""
    year, month = made.month.split("-")
    return Text(f"{made.title}{year}年{int(month)}月调度", f"{made.title}: dispatch of {made.month}")


def through_chart(made: Dispatch, language: str) -> Any:
    """Return the Altair chart of scenarios that run through against those required, a bar a task; None without any."""
    import altair as alt
    import pandas as pd

    rows = [(f"{one.number} {one.title}", one.through, one.required) for one in made.tasks if one.required is not None]
    if not rows:
        return None
    data = pd.DataFrame(rows, columns=["task", "through", "required"])
    label = Text("本年跑通场景（红线为要求）", "Scenarios through this year (red: required)").in_language(language)
    order = data["task"].tolist()
    bars = (
        alt.Chart(data)
        .mark_bar(color="#1f5f8b")
        .encode(
            alt.X("through:Q", title=label, axis=alt.Axis(tickMinStep=1)),
            alt.Y("task:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)),
        )
    )
    required = (
        alt.Chart(data).mark_tick(color="#c0392b", thickness=2).encode(alt.X("required:Q"), alt.Y("task:N", sort=order))
    )
    # Chinese labels are drawn wider than they are measured where their font is not the chart's.
    margin = {"left": 30, "right": 10, "top": 5, "bottom": 5}
    return (bars + required).properties(width=420, height=alt.Step(16), padding=margin)
