"""``dujiang safety``: filing, watching, labels of generated content, and running strangers' code."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

safety = typer.Typer(name="safety", help="安全治理 / Safety: filing, sandboxes, watches, labels.", no_args_is_help=True)
Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="model:、scenario:、agent:、device: 或 research: 名称 / what")
]


@safety.command("register")
def register_command(
    subject: Subject,
    owner: Annotated[str, typer.Option(help="负责单位 / the unit that answers for it")],
    title: Annotated[str, typer.Option(help="名称 / title")],
    purpose: Annotated[str, typer.Option(help="用途 / what for")],
    data: Annotated[str, typer.Option(help="数据 / what data it uses")],
    digest: Annotated[
        str, typer.Option(help="版本摘要；场景可省略 / digest of its version; a scenario's is known")
    ] = "",
    fact: Annotated[
        list[str] | None, typer.Option(help="成立的事实，可多次给出 / what holds of it; repeat for more")
    ] = None,
) -> None:
    """登记模型、场景、智能体、设备或研究 / Register a model, scenario, agent, device or research."""
    with plain_errors():
        open_store()
        from dujiang.safety.actions import register
        from dujiang.safety.filing import needed

        if not digest and subject.startswith("scenario:"):
            from dujiang.scenarios.registry import find

            digest = find(subject.partition(":")[2]).version()
        made = register(
            at_the_terminal(), subject, title=title, owner=owner, purpose=purpose, data=data, version=digest,
            facts=dict.fromkeys(fact or [], True),
        )  # fmt: skip
        say(Text(f"已登记 {made.subject}", f"Registered {made.subject}"))
        for one in needed(made.facts):
            say(Text(f"需要{one.title.zh}：{one.rule.zh}", f"It needs {one.title.en}: {one.rule.en}"))


@safety.command("facts")
def facts_command(json_file: Json = None) -> None:
    """登记时要回答的问题 / The questions that are answered when something is registered."""
    from dujiang.safety.filing import FACTS

    rows = table(Text("名称", "Name"), Text("问题", "Question"))
    for one in FACTS:
        rows.add_row(one.name, both(one.title))
    console.print(rows)
    write_json(json_file, [{"name": one.name, "title": asdict(one.title)} for one in FACTS])


@safety.command("list")
def list_command(json_file: Json = None) -> None:
    """登记与备案一览 / What is registered and filed, and what it lacks."""
    with plain_errors():
        open_store()
        from dujiang.safety.models import Thing

        rows = table(
            Text("对象", "Thing"), Text("负责单位", "Unit"), Text("有效备案", "Filings"), Text("缺少", "Lacks")
        )
        listed = []
        for one in Thing.objects.all():
            held, lacking = [each.number for each in one.in_force()], one.lacking()
            names = Text("、".join(need.title.zh for need in lacking), ", ".join(need.title.en for need in lacking))
            rows.add_row(one.subject, one.owner, "、".join(held), both(names) if lacking else "")
            listed.append(
                {
                    "subject": one.subject,
                    "owner": one.owner,
                    "filings": held,
                    "lacking": [list(need.kinds) for need in lacking],
                }
            )
        console.print(rows)
        write_json(json_file, listed)


@safety.command("check")
def check_command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="algorithm、generative、registration、ethics")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="字段的 JSON / the fields as JSON")],
    json_file: Json = None,
) -> None:
    """检查备案材料是否齐全 / Say what is missing in the papers of a filing."""
    with plain_errors():
        from dujiang.safety.filing import missing

        wrong = missing(_kind(kind), _fields(file))
        for one in wrong:
            say(one)
        write_json(json_file, [asdict(one) for one in wrong])
        if wrong:
            raise typer.Exit(1)
        say(Text("材料齐全", "Nothing is missing"))


@safety.command("file")
def file_command(
    subject: Subject,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="algorithm、generative、registration、ethics")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="字段的 JSON / the fields as JSON")],
) -> None:
    """提交备案或审查 / Submit a filing or a review."""
    with plain_errors():
        open_store()
        from dujiang.safety.actions import file as submit

        made = submit(at_the_terminal(), _thing(subject), _kind(kind), _fields(file))
        say(
            Text(
                f"已提交，编号 {made.pk}，应于 {made.due} 前决定",
                f"Submitted as {made.pk}; it is decided by {made.due}",
            )
        )


@safety.command("enter")
def enter_command(
    subject: Subject,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="algorithm、generative、registration、ethics")],
    number: Annotated[str, typer.Option(help="备案号 / its number")],
    authority: Annotated[str, typer.Option(help="备案机关 / who gave it")],
    decided: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="日期 / the day")],
) -> None:
    """登记外部机关的备案号 / Enter a number that an authority outside has given."""
    with plain_errors():
        open_store()
        from dujiang.safety.actions import record_external

        made = record_external(
            at_the_terminal(), _thing(subject), _kind(kind), number=number, authority=authority, decided=decided.date()
        )
        say(
            Text(
                f"已登记 {made.number}，{made.confirm_by} 前复核",
                f"Entered {made.number}, to be confirmed by {made.confirm_by}",
            )
        )


@safety.command("work")
def work_command(json_file: Json = None) -> None:
    """待办备案与期限 / What waits for a decision, and until when."""
    with plain_errors():
        open_store()
        from dujiang.safety.models import Filing

        rows = table(
            Text("编号", "Id"), Text("种类", "Kind"), Text("对象", "Thing"), Text("状态", "State"), Text("期限", "Due")
        )
        waiting = Filing.objects.filter(state__in=(Filing.State.SUBMITTED, Filing.State.ASKED)).order_by("due")
        listed = []
        for one in waiting.select_related("thing"):
            due = f"[red]{one.due}[/red]" if one.late else str(one.due)
            rows.add_row(str(one.pk), both(one.about.title), one.thing.subject, str(one.state), due)
            listed.append(
                {
                    "id": one.pk,
                    "kind": one.kind,
                    "subject": one.thing.subject,
                    "state": str(one.state),
                    "due": str(one.due),
                    "late": one.late,
                }
            )
        console.print(rows)
        write_json(json_file, listed)


@safety.command("watch")
def watch_command(
    subject: Subject,
    series: Annotated[str, typer.Argument(metavar="SERIES", help="failures、complaints、refusals、scores、inputs")],
    tolerated: Annotated[float | None, typer.Option(help="容许的比率，如 0.05 / the rate that is tolerated")] = None,
) -> None:
    """监测一个系列 / Watch a series."""
    with plain_errors():
        open_store()
        from dujiang.safety.supervision import watch

        made = watch(at_the_terminal(), subject, series, tolerated)
        rate = f"{made.tolerated:.4f}" if made.tolerated is not None else "—"
        say(
            Text(
                f"已监测 {subject} 的 {series}，容许比率 {rate}",
                f"Watching {series} of {subject}; tolerated rate {rate}",
            )
        )


@safety.command("look")
def look_command(json_file: Json = None) -> None:
    """查看监测（宜每日定时） / Look at all that is watched; once a day is good."""
    with plain_errors():
        open_store()
        from dujiang.safety.models import Watch
        from dujiang.safety.supervision import look

        alarms = look(at_the_terminal())
        rows = table(Text("对象", "Thing"), Text("系列", "Series"), Text("次数", "Looks"), Text("统计量", "Statistic"))
        for one in Watch.objects.all():
            rows.add_row(one.subject, str(one.series), str(one.looks), f"{one.statistic:.2f}")
        console.print(rows)
        for alarm in alarms:
            about = f"{alarm.watch.subject} {alarm.watch.series}"
            say(Text(f"告警：{about}，存证 {alarm.evidence}", f"Alarm: {about}, evidence {alarm.evidence}"))
        listed = [
            {
                "subject": one.watch.subject,
                "series": str(one.watch.series),
                "statistic": one.statistic,
                "evidence": one.evidence,
            }
            for one in alarms
        ]
        write_json(json_file, listed)


@safety.command("label")
def label_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="txt、md、png 或 wav / the file")],
    check: Annotated[bool, typer.Option("--check", help="只检查 / only check")] = False,
    producer: Annotated[str, typer.Option(help="生成服务提供者名称或编码 / who made it, by name or code")] = "",
    content: Annotated[str, typer.Option(help="内容编号 / the content's number there")] = "",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="写到，默认原文件 / where to, the file itself by default")
    ] = None,
    json_file: Json = None,
) -> None:
    """生成内容标识（GB 45438-2025） / Label generated content, or check a file's labels."""
    with plain_errors():
        from dujiang.safety.files import check_labels, write_labels
        from dujiang.safety.labels import label

        if not file.is_file():
            raise BadInput(file, expected=Text("已有的文件", "a file that is there"))
        if not check:
            if not producer or not content:
                raise Refused(Text("请给出 --producer 和 --content", "give --producer and --content"))
            write_labels(file, output or file, label(producer, content))
        found = check_labels(file if check else output or file)
        yes, no = Text("有", "yes"), Text("无", "no")
        rows = table(Text("标识", "Label"), Text("结果", "Found"))
        rows.add_row(both(Text("显式", "explicit")), both(yes if found.explicit else no))
        rows.add_row(
            both(Text("隐式", "implicit")),
            json.dumps(found.implicit, ensure_ascii=False) if found.implicit is not None else both(no),
        )
        console.print(rows)
        for fault in found.faults:
            say(fault)
        write_json(json_file, {**asdict(found), "good": found.good})
        if not found.good:
            raise typer.Exit(1)


@safety.command("confine")
def confine_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Python 文件 / a Python file")],
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="输出目录，应为空 / an empty folder for what it leaves")
    ],
    inputs: Annotated[Path | None, typer.Option(metavar="FOLDER", help="输入目录，只读 / what it may read")] = None,
    seconds: Annotated[float, typer.Option(help="秒 / seconds")] = 60.0,
    memory: Annotated[int, typer.Option(help="内存 MiB / memory")] = 1024,
    processes: Annotated[int, typer.Option(help="进程与线程数 / processes and threads")] = 64,
    disk: Annotated[int, typer.Option(help="输出 MiB / what it may leave")] = 256,
    json_file: Json = None,
) -> None:
    """隔离运行外来代码：无网络，只见其输入与输出 / Run strangers' code: no network, no files but its own."""
    with plain_errors():
        from dujiang.safety.confinement import Limits, run

        if not file.is_file():
            raise BadInput(file, expected=Text("已有的 Python 文件", "a Python file that is there"))
        output.mkdir(parents=True, exist_ok=True)
        limits = Limits(seconds=seconds, memory_mib=memory, processes=processes, disk_mib=disk)
        done = run(file, inputs=inputs, output=output, limits=limits)
        console.print(done.stdout, end="", markup=False, highlight=False)
        if done.stderr:
            console.print(done.stderr, end="", markup=False, highlight=False, style="dim")
        killed = done.killed_for or "—"
        say(
            Text(
                f"退出码 {done.exit_code}，因超限被终止：{killed}；{done.seconds} 秒，{done.memory_mib} MiB；文件 {len(done.files)} 个",
                f"Exit code {done.exit_code}, killed for: {killed}; {done.seconds} s, {done.memory_mib} MiB; {len(done.files)} files",
            )
        )
        write_json(json_file, asdict(done))
        if done.exit_code != 0:
            raise typer.Exit(1)


def _kind(name: str) -> str:
    from dujiang.safety.filing import KINDS

    if name not in KINDS:
        known = "、".join(KINDS)
        raise Refused(
            Text(f"没有备案种类“{name}”；有 {known}", f"there is no kind of filing {name!r}; there are {known}")
        )
    return name


def _thing(subject: str) -> Any:
    from dujiang.safety.models import Thing

    found = Thing.objects.filter(subject=subject).first()
    if found is None:
        raise Refused(Text(f"尚未登记“{subject}”", f"{subject!r} is not registered"))
    return found


def _fields(path: Path) -> dict[str, str]:
    expected = Text('形如 {"service": "……"} 的 JSON，值为文本', 'JSON such as {"service": "..."}, of texts')
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(path, expected=expected, found=str(error)) from error
    if not isinstance(fields, dict) or not all(isinstance(one, str) for one in fields.values()):
        raise BadInput(path, expected=expected)
    return fields
