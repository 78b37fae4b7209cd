"""``dujiang plan``, ``dujiang statistic`` and ``dujiang dispatch``."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Refused, Text
from dujiang.plan.dispatch import Dispatch
from dujiang.plan.indicators import Status
from dujiang.plan.sections import Cell, sections
from dujiang.plan.wording import target_text, where_text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.plan.models import Programme

plan = typer.Typer(name="plan", help="方案 / The plan.", no_args_is_help=True)
statistic = typer.Typer(name="statistic", help="统计数据 / Statistics.", no_args_is_help=True)

_COLOURS = {Status.REACHED: "green", Status.ON_PATH: "green", Status.LATE: "red", Status.NO_DATA: "yellow"}

File = Annotated[Path, typer.Argument(metavar="FILE", help="方案正文 .txt、.docx、.pdf / the plan's text")]
Key = Annotated[
    str | None,
    typer.Option(
        "--plan", metavar="NUMBER", help="方案文号；只有一份方案时可省略 / which plan, by its document number"
    ),
]


class Language(StrEnum):
    """Of a report."""

    ZH = "zh"
    EN = "en"


@plan.command("read")
def read_command(file: File, json_file: Json = None) -> None:
    """读方案正文：目标、任务、单位 / Read a plan's text into goals, tasks and units."""
    with plain_errors():
        from dujiang.plan.reader import read

        found = read(file).as_json()
        if str(json_file) != "-":
            _print_plan(found)
        write_json(json_file, found)


def _print_plan(found: dict[str, Any]) -> None:
    console.print(f"[bold]{escape(found['title'] or '—')}[/bold]")
    console.print(escape(" · ".join(part for part in (found["issuer"], found["number"], found["date"]) if part)))
    goals = table(Text("目标", "Goal"), Text("年份", "Year"), Text("数值", "Target"), Text("所在", "Where"))
    for number, goal in enumerate(found["goals"], start=1):
        goals.add_row(
            f"{number} {escape(goal['about'] or goal['text'])}",
            str(goal["year"] or "—"),
            target_text(goal) if goal["op"] else both(Text("定性", "qualitative")),
            both(where_text(goal["where"])),
        )
    console.print(goals)
    tasks = table(Text("任务", "Task"), Text("牵头单位", "Lead units"), Text("配合单位", "Cooperating units"))
    for task in found["tasks"]:
        tasks.add_row(
            escape(f"{task['number']} {task['title']}"),
            escape("、".join(task["lead"])) or "—",
            escape("、".join(task["cooperating"])) or "—",
        )
    console.print(tasks)
    for requirement in found["requirements"]:
        console.print(escape(f"{requirement['number']} {requirement['title']}"))
    console.print(
        f"{len(found['goals'])} 条目标、{len(found['tasks'])} 项任务、{len(found['requirements'])} 项要求、"
        f"{len(found['systems'])} 个系统 / goals, tasks, requirements, named systems"
    )
    for one in found["unread"]:
        console.print(f"[yellow]未读懂 / unread[/yellow] {one['span']}: {escape(one['why'])}", highlight=False)


@plan.command("load")
def load_command(file: File, json_file: Json = None) -> None:
    """载入方案；再次载入只更新，不丢人工修订 / Store a plan; loading again updates it and keeps people's edits."""
    with plain_errors():
        open_store()
        from dujiang.plan.actions import load

        loaded = load(at_the_terminal(), file)
        say(
            Text(
                f"已载入《{loaded.programme.title}》：新增 {loaded.new}、变更 {loaded.changed}、未变 {loaded.same}、"
                f"正文已无 {loaded.gone}、保留人工修订 {loaded.amended}；存证 {loaded.evidence}",
                f"Loaded {loaded.programme.title}: {loaded.new} new, {loaded.changed} changed, {loaded.same} the same, "
                f"{loaded.gone} gone from the text, {loaded.amended} amended by hand kept; evidence {loaded.evidence}",
            )
        )
        counts = {name: getattr(loaded, name) for name in ("new", "changed", "same", "gone", "amended", "evidence")}
        write_json(json_file, {"plan": loaded.programme.key, "title": loaded.programme.title, **counts})


@plan.command("amend")
def amend_command(
    item: Annotated[str, typer.Argument(help="goal、task、requirement 或 system 加序号，如 task-3 / such as task-3")],
    field: Annotated[str, typer.Argument(help="字段 / field")],
    value: Annotated[str, typer.Argument(help="新值（JSON 或文字） / the new value (JSON or text)")],
    why: Annotated[str, typer.Option(help="修订理由 / the reason")],
    key: Key = None,
) -> None:
    """人工修订方案条目，留存前后值和理由 / Amend an item of the plan; value before, after and reason stay on record."""
    with plain_errors():
        open_store()
        from dujiang.plan.actions import amend

        programme = _programme(key)
        kind, _, position = item.partition("-")
        found = programme.items.filter(kind=kind, position=position if position.isdigit() else 0).first()
        if found is None:
            raise Refused(Text(f"方案中没有 {item}", f"the plan has no {item}"))
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = value
        try:
            amend(at_the_terminal(), found, field, parsed, why)
        except ValueError as error:
            zh, en = str(error).split("\n")
            raise Refused(Text(zh, en)) from error
        say(Text(f"已修订 {item} 的 {field}", f"amended {field} of {item}"))


@statistic.command("template")
def template_command(out: Annotated[Path, typer.Argument(help="Excel 文件 / an Excel file")], key: Key = None) -> None:
    """生成填报表 / Write the table to be filled in."""
    with plain_errors():
        open_store()
        from dujiang.plan.figures import indicators_of
        from dujiang.plan.uploads import write_template

        write_template(out, indicators_of(_programme(key)))
        say(Text(f"填报表：{out}", f"the table to fill in: {out}"))


@statistic.command("load")
def statistic_load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV 或 .xlsx / CSV or .xlsx")],
    key: Key = None,
    json_file: Json = None,
) -> None:
    """登记统计数据，全部成功或全部不入 / Record statistics, all rows or none."""
    with plain_errors():
        open_store()
        from dujiang.plan.actions import record_statistics

        recorded = record_statistics(at_the_terminal(), _programme(key), file)
        first, last = recorded[0].evidence, recorded[-1].evidence
        say(
            Text(
                f"已登记 {len(recorded)} 条，存证 {first}–{last}",
                f"recorded {len(recorded)}, evidence {first} to {last}",
            )
        )
        rows = [
            {
                "indicator": one.indicator,
                "period": one.period,
                "value": one.value,
                "unit": one.unit,
                "evidence": one.evidence,
            }
            for one in recorded
        ]
        write_json(json_file, {"recorded": rows})


@plan.command("judge")
def judge_command(
    file: File,
    questions: Annotated[list[Path], typer.Argument(metavar="QUESTIONS...", help="标注题集 JSON / labelled questions")],
    json_file: Json = None,
) -> None:
    """用标注题集评判问答：引用、拒答、答案 / Judge the answers on labelled questions: citations, refusals, figures."""
    with plain_errors():
        from dujiang.model import service
        from dujiang.plan.evaluation import MEASURES, judge
        from dujiang.plan.reader import read

        found = read(file)
        where = service()
        report = [part for path in questions for part in judge(found, path, where if where and where.chat else None)]
        rows = table(Text("题集", "Questions"), Text("题数", "Number"), Text("方式", "Way"), *MEASURES.values())
        for part in report:
            cells = (
                f"{one['value']:.3f}\n[dim]{one['low']:.3f}–{one['high']:.3f}[/dim]"
                for one in part["measures"].values()
            )
            rows.add_row(
                f"{part['questions']} {part['half']} {part['language']}", str(part["number"]), part["way"], *cells
            )
        if str(json_file) != "-":
            console.print(rows)
        write_json(json_file, report)


def ask_command(
    question: Annotated[str, typer.Argument(help="问题 / the question")], key: Key = None, json_file: Json = None
) -> None:
    """问方案：只凭正文和存证回答，附引用 / Ask about the plan; answers cite its text and evidence, or there is none."""
    with plain_errors():
        open_store()
        from dujiang.plan.actions import ask

        answer = ask(at_the_terminal(), _programme(key), question)
        write_json(json_file, answer.as_json())
        if str(json_file) == "-":
            return
        for sentence in answer.sentences:
            console.print(escape(sentence.text), highlight=False, soft_wrap=True)
            for one in sentence.citations:
                records = f"，存证 / evidence {', '.join(map(str, one.evidence))}" if one.evidence else ""
                quote = "".join(one.quote.split())
                where = where_text(one.where) if one.where != "text" else Text("正文", "text")
                console.print(
                    f"  [dim]{escape(f'{where} [{one.start}, {one.end}) “{quote}”{records}')}[/dim]", soft_wrap=True
                )
        if answer.why:
            say(answer.why)


def dispatch_command(
    month: Annotated[str | None, typer.Option(help="月份，如 2026-11；默认本月 / month; this one by default")] = None,
    out: Annotated[Path | None, typer.Option(help="报告 .docx、.xlsx 或 .html / a report")] = None,
    language: Annotated[Language, typer.Option(help="报告语言 / language of the report")] = Language.ZH,
    sign_off: Annotated[bool, typer.Option("--sign-off", help="签发，固定本月数据 / sign it off, for good")] = False,
    key: Key = None,
    json_file: Json = None,
) -> None:
    """月调度 / The month's dispatch."""
    with plain_errors():
        if out and out.suffix.lower() not in (".docx", ".xlsx", ".html"):
            raise Refused(Text("报告应为 .docx、.xlsx 或 .html", "the report is a .docx, .xlsx or .html file"))
        open_store()
        from dujiang.evidence.months import this_month
        from dujiang.plan import actions
        from dujiang.plan.figures import monthly_dispatch
        from dujiang.plan.report import write

        programme, month = _programme(key), month or this_month()
        if sign_off:
            actions.sign_off(at_the_terminal(), programme, month)
        made = monthly_dispatch(programme, month)
        if str(json_file) != "-":
            _print_dispatch(made)
        write_json(json_file, made.as_json())
        if out:
            write(made, out, language)
            say(Text(f"报告：{out}", f"The report is at {out}"))


def _print_dispatch(made: Dispatch) -> None:
    console.print(f"[bold]{escape(made.title)}[/bold] {escape(made.number)}")
    say(Text(f"{made.month} 月调度（截至 {made.as_of}）", f"Dispatch of {made.month} (as of {made.as_of})"))
    for section in sections(made):
        console.rule(escape(str(section.title)), align="left")
        if section.lead:
            say(section.lead)
        if section.rows:
            rows = table(*section.headings)
            for row in section.rows:
                rows.add_row(*(_cell(cell) for cell in row))
            console.print(rows)
        elif section.empty:
            say(section.empty)


def _cell(cell: Cell) -> str:
    match cell:
        case Status():
            return f"[{_COLOURS[cell]}]{both(cell.words)}[/]"
        case Text():
            return both(cell)
        case _:
            return escape(str(cell))


def _programme(key: str | None) -> Programme:
    """Return the programme that was asked for; without a number, the only one."""
    from dujiang.plan.models import Programme

    found = list(Programme.objects.filter(key=key) if key else Programme.objects.order_by("id"))
    if not found:
        raise Refused(
            Text("没有这份方案；请先 dujiang plan load", "there is no such plan; load one by `dujiang plan load`")
        )
    if len(found) > 1:
        known = "、".join(one.key for one in found)
        raise Refused(
            Text(f"有多份方案，请用 --plan 指定：{known}", f"there are several plans, name one by --plan: {known}")
        )
    return found[0]
