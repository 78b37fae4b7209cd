"""``dujiang scenario``: the directory of scenarios, their evaluation, and their use on a person's own file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dujiang.identity.permission import Actor, Role, at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.model import service
from dujiang.scenarios.contract import SHIFTED, Answer
from dujiang.scenarios.engines import Engine, LocalEngine, RayEngine
from dujiang.scenarios.registry import Found, find, scenarios
from dujiang.terminal import Json, both, console, errors, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.scenarios.models import Evaluation

scenario = typer.Typer(name="scenario", help="场景 / Scenarios.", no_args_is_help=True)

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="场景标识或行业，all 为全部 / scenario ids or industries, or all"),
]


class EngineName(StrEnum):
    """Where the steps run."""

    LOCAL = "local"
    RAY = "ray"


@scenario.command("list")
def list_command(json_file: Json = None) -> None:
    """场景目录 / List the scenarios."""
    with plain_errors():
        rows = table(Text("场景", "Scenario"), Text("名称", "Title"), Text("任务", "Task"), Text("度量", "Metric"))
        for one in scenarios():
            about = one.scenario
            title = both(about.title)
            if one.missing:
                title += f"\n[red]需安装 / needs: pip install 'dujiang\\[{about.industry}]'[/red]"
            rows.add_row(about.id, title, str(about.task), both(about.metric))
        console.print(rows)
        write_json(json_file, [_described(one) for one in scenarios()])


@scenario.command()
def show(scenario_id: Annotated[str, typer.Argument(metavar="ID")], json_file: Json = None) -> None:
    """一个场景的说明 / Describe a scenario."""
    with plain_errors():
        found = find(scenario_id)
        about = found.scenario
        console.print(f"[bold]{about.id}[/bold]")
        say(about.title)
        rows = table(Text("项目", "Item"), Text("内容", "Content"))
        for heading, value in (
            (Text("说明", "Summary"), about.summary),
            (Text("方案中的系统", "System of the plan"), about.system),
            (Text("用户", "User"), about.user),
            (Text("决策", "Decision"), about.decision),
            (Text("度量", "Metric"), about.metric),
            (Text("基线", "Baseline"), about.baseline_title),
            (Text("方法", "Method"), about.method_title),
            *((Text("文件格式", "File format"), one) for one in about.formats),
        ):
            rows.add_row(both(heading), both(value))
        rows.add_row(both(Text("来源", "Source")), about.source)
        console.print(rows)
        write_json(json_file, _described(found))


def _described(found: Found) -> dict[str, Any]:
    about = found.scenario
    texts = ("title", "summary", "system", "user", "decision", "metric", "baseline_title", "method_title")
    return {
        "id": about.id,
        "industry": about.industry,
        "task": about.task,
        **{name: {"zh": getattr(about, name).zh, "en": getattr(about, name).en} for name in texts},
        "formats": [{"zh": one.zh, "en": one.en} for one in about.formats],
        "unit": about.unit,
        "better": about.better,
        "margin": about.margin,
        "source": about.source,
        "sizes": list(about.sizes),
        "seconds": about.resources.seconds,
        "memory_mib": about.resources.memory_mib,
        "model": about.model,
        "installed": not found.missing,
    }


@scenario.command()
def check(
    scenario_id: Annotated[str, typer.Argument(metavar="ID")],
    engine: Annotated[EngineName, typer.Option(help="执行引擎 / engine")] = EngineName.LOCAL,
    json_file: Json = None,
) -> None:
    """按场景约定检查一个场景（小规模，五个种子） / Hold a scenario to the contract (small size, five seeds)."""
    from dujiang.scenarios import runner

    with plain_errors():
        found = _installed(scenario_id)
        with _engine(engine, [found]) as running, _progress({scenario_id: 5}) as hear:
            seeds = list(range(5))
            size = found.scenario.sizes[0]
            where = service() if found.scenario.model else None
            results = list(runner.run(found, seeds, size, running, progress=hear(found), where=where))
            results.sort(key=lambda one: one.seed)
            checked = runner.check(found, 0, size, running, results[0], where)
            verdict = runner.verdict(found.scenario, results, checked.faults)
        # Few small seeds say whether the scenario works; whether it gains enough is for the evaluation to say.
        faults = verdict.faults
        write_json(json_file, {"id": scenario_id, "ok": not faults, "faults": [str(one) for one in faults]})
        if faults:
            raise Refused(Text("\n".join(one.zh for one in faults), "\n".join(one.en for one in faults)))
        say(Text(f"{scenario_id} 符合约定", f"{scenario_id} keeps the contract"))


@scenario.command()
def evaluate(
    ids: Ids,
    size: Annotated[str, typer.Option(help="规模 / size")] = "default",
    seeds: Annotated[int, typer.Option(min=1, help="种子数 / number of seeds")] = 5,
    engine: Annotated[EngineName, typer.Option(envvar="DUJIANG_ENGINE", help="执行引擎 / engine")] = EngineName.LOCAL,
    json_file: Json = None,
) -> None:
    """评测场景：方法对基线，写入存证；中断后再次运行则接着做 / Evaluate scenarios against their baselines; an interrupted run is taken up."""
    with plain_errors():
        from dujiang.store import open_store

        open_store()
        from dujiang.scenarios.actions import evaluate as evaluate_one
        from dujiang.scenarios.actions import sizes_together

        chosen = _chosen(ids)
        for one in chosen:
            if size not in one.scenario.sizes:
                sizes = ", ".join(one.scenario.sizes)
                raise Refused(
                    Text(
                        f"{one.scenario.id} 没有规模 {size}；可用：{sizes}",
                        f"{one.scenario.id} has no size {size}: {sizes}",
                    )
                )
        done = []
        try:
            runs = {one.scenario.id: seeds * len(sizes_together(one, size)) for one in chosen}
            with _engine(engine, chosen) as running, _progress(runs) as hear:
                for one in chosen:
                    evaluation = evaluate_one(
                        at_the_terminal(), one, seeds=list(range(seeds)), size=size, engine=running, progress=hear(one)
                    )
                    done.append((one, evaluation))
        except KeyboardInterrupt:
            errors.print(
                "已中断,做完的种子已保存;再次运行同一命令即接着做\ninterrupted; finished seeds are kept, run the same command to go on"
            )
            raise typer.Exit(130) from None
        _print_verdicts(done)
        write_json(json_file, [_evaluated(one, evaluation) for one, evaluation in done])


@scenario.command("table")
def table_command(
    document: Annotated[Path, typer.Argument(help="含标记的 Markdown 文档 / Markdown document with the markers")],
    size: Annotated[str, typer.Option(help="规模 / size")] = "default",
) -> None:
    """把各场景最近一次评测写成文档中的表 / Put the table of the last evaluations into a document."""
    with plain_errors():
        from dujiang.store import open_store

        open_store()
        from dujiang.scenarios.models import Evaluation

        text = document.read_text(encoding="utf-8") if document.exists() else ""
        before, opened, rest = text.partition(_TABLE)
        _, closed, after = rest.partition(_TABLE_END)
        if not closed:
            expected = Text(f"标记 {_TABLE} 与 {_TABLE_END}", f"the marks {_TABLE} and {_TABLE_END}")
            raise BadInput(document, expected=expected)
        last = Evaluation.latest(size)
        lines = [_row(one, last[one.scenario.id]) for one in scenarios() if one.scenario.id in last]
        whole = "\n".join([*_TABLE_HEADING, *(line for several in lines for line in several)])
        document.write_text(f"{before}{opened}\n{whole}\n{closed}{after}", encoding="utf-8")
        say(Text(f"{len(lines)} 个场景写入 {document}", f"{len(lines)} scenarios written to {document}"))


_TABLE, _TABLE_END = "<!-- dujiang scenario table -->", "<!-- end of table -->"
_TABLE_HEADING = (
    "| scenario | metric | baseline | method | gain, 95 % interval | seeds | s a seed | MiB | verdict |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


def _row(found: Found, evaluation: Evaluation) -> list[str]:
    """Return the lines of a scenario in the document's table."""
    about, verdict = found.scenario, evaluation.verdict or {}
    unit = f", {about.unit}" if about.unit else ""
    metric = f"{about.metric.en}{unit} {'↑' if about.better == 'higher' else '↓'}"

    def line(name: str, figures: list[str], last: str) -> str:
        *scores, seconds, memory = figures
        return "| " + " | ".join([name, metric, *scores, str(len(evaluation.seeds)), seconds, memory, last]) + " |"

    said = "runs through" if verdict["runs_through"] else "does not"
    lines = [line(about.id, _figures(evaluation, verdict, shifted=False), said)]
    if other := verdict.get(SHIFTED):
        lines.append(line("with its second generator", _figures(evaluation, other, shifted=True), ""))
    return lines


def _print_verdicts(done: list[tuple[Found, Evaluation]]) -> None:
    rows = table(
        Text("场景", "Scenario"),
        Text("基线", "Baseline"),
        Text("方法", "Method"),
        Text("增益 [95% 区间]", "Gain [95 %]"),
        Text("秒/种子", "s a seed"),
        Text("内存 MiB", "MiB"),
        Text("判定", "Verdict"),
        Text("存证", "Evidence"),
    )
    for one, evaluation in done:
        about, verdict = one.scenario, evaluation.verdict or {}
        rows.add_row(
            f"{about.id}\n{both(about.metric)}\n"
            f"[dim]{about.unit} {'↑' if about.better == 'higher' else '↓'}, {evaluation.size}, {len(evaluation.seeds)}[/dim]",
            *_figures(evaluation, verdict, shifted=False),
            both(Text("跑通", "runs through"))
            if verdict["runs_through"]
            else f"[red]{both(Text('未跑通', 'does not'))}[/red]",
            str(evaluation.evidence),
        )
        if other := verdict.get(SHIFTED):
            again = both(Text("第二种生成机制", "second generator"))
            rows.add_row(f"[dim]{again}[/dim]", *_figures(evaluation, other, shifted=True), "", "")
    console.print(rows)
    for one, evaluation in done:
        if model := (evaluation.verdict or {}).get("model"):
            way = model["model"] or f"{model['way']['zh']} / {model['way']['en']}"
            console.print(f"{one.scenario.id}: {both(Text('评判的方式', 'way judged'))} {escape(way)}", highlight=False)
        for reason in (evaluation.verdict or {})["reasons"]:
            console.print(f"[red]{one.scenario.id}[/red]: {reason['zh']} / {reason['en']}", highlight=False)


def _figures(evaluation: Evaluation, verdict: dict[str, Any], *, shifted: bool) -> list[str]:
    """Return the cells of a verdict's figures: both scores, the gain with its interval, the method's time and memory."""
    scores = [score.result["method"] for score in evaluation.scores.all() if score.shifted == shifted]
    return [
        _number(verdict["baseline"]),
        _number(verdict["method"]),
        f"{verdict['gain']:.4g} [{verdict['low']:.4g}, {verdict['high']:.4g}]" if verdict["gain"] is not None else "—",
        f"{sum(score['seconds'] for score in scores) / len(scores):.1f}",
        f"{max(score['memory_mib'] for score in scores):.0f}",
    ]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"


def _evaluated(found: Found, evaluation: Evaluation) -> dict[str, Any]:
    about = found.scenario
    return {
        "id": about.id,
        "size": evaluation.size,
        "version": evaluation.version,
        "metric": {"zh": about.metric.zh, "en": about.metric.en},
        "unit": about.unit,
        "better": about.better,
        **(evaluation.verdict or {}),
        "seeds": [
            {
                "seed": score.seed,
                "size": SHIFTED if score.shifted else evaluation.size,
                "baseline": score.result["baseline"]["score"],
                "method": score.result["method"]["score"],
                "baseline_seconds": score.result["baseline"]["seconds"],
                "method_seconds": score.result["method"]["seconds"],
                "memory_mib": score.result["method"]["memory_mib"],
                "faults": score.result["faults"],
            }
            for score in evaluation.scores.all()
        ],
        "jobs": evaluation.jobs,
        "cost": evaluation.cost,
        "evidence": evaluation.evidence,
    }


@scenario.command()
def apply(
    scenario_id: Annotated[str, typer.Argument(metavar="ID")],
    target: Annotated[Path, typer.Option("--output", help="输出 .csv、.json 或 .xlsx / output")],
    source: Annotated[Path | None, typer.Option("--input", help="输入文件 / input file")] = None,
    agreement: Annotated[str, typer.Option(help="或按此数据合约取数 / or take the data under this agreement")] = "",
    query: Annotated[str, typer.Option(help="按合约的查询（SQL） / by this query")] = "",
    unit: Annotated[str, typer.Option(help="以合约需方单位的名义 / for this unit, the agreement's consumer")] = "",
    picture: Annotated[Path | None, typer.Option(help="图片 .svg、.png 或 .html / also draw the picture")] = None,
    json_file: Json = None,
) -> None:
    """用自己的文件运行场景 / Run a scenario on your own file."""
    from dujiang.scenarios import steps

    with plain_errors():
        found = _installed(scenario_id)
        if target.suffix.lower() not in _WRITERS:
            raise Refused(Text("输出文件应为 .csv、.json 或 .xlsx", "the output is a .csv, .json or .xlsx file"))
        with (
            _taken(source, agreement, query, unit) as path,
            _engine(EngineName.LOCAL, [found]) as running,
            errors.status(scenario_id),
        ):
            outcome = running.run(steps.apply, found.module, str(path), service(), limits=found.scenario.resources)
        if outcome.bad_input:
            write_json(json_file, {"id": scenario_id, "ok": False, "fault": outcome.bad_input.as_json()})
            raise outcome.bad_input
        if outcome.failure:
            raise Refused(outcome.failure)
        inputs, answer = outcome.value
        _write_whole(target, _WRITERS[target.suffix.lower()], answer)
        if picture:
            from dujiang.charts import save

            save(found.scenario.picture(inputs, answer), picture)
        done = {"id": scenario_id, "ok": True, "rows": len(answer), "seconds": round(outcome.seconds, 3)}
        write_json(json_file, {**done, "fault": None})
        say(
            Text(
                f"{len(answer)} 行结果写入 {target}（用时 {outcome.seconds:.1f} 秒）",
                f"{len(answer)} rows written to {target} in {outcome.seconds:.1f} s",
            )
        )


@contextmanager
def _taken(source: Path | None, agreement: str, query: str, unit: str) -> Iterator[Path]:
    """Yield the file to read: somebody's own, or for a while what a query gets under an agreement."""
    if (source is None) == (agreement == "") or len({agreement != "", query != "", unit != ""}) != 1:
        wanted = "--input FILE, --agreement ID --query SQL --unit UNIT"
        raise Refused(Text(f"{wanted} 二者取一", f"one of {wanted}"))
    if source is not None:
        if not source.exists():
            raise BadInput(source, expected=Text("存在的文件", "a file that exists"))
        yield source
        return
    from dujiang.store import open_store

    open_store()
    from dujiang.scenarios.actions import under_agreement

    with TemporaryDirectory() as folder:
        path = Path(folder) / "agreement.csv"
        # Whoever may log in on the server runs the site, and may act for a unit of it.
        path.write_bytes(under_agreement(Actor(at_the_terminal().name, Role.ENTERPRISE, unit), agreement, query))
        yield path


def _write_whole(target: Path, write: Callable[[Path, Answer], None], answer: Answer) -> None:
    """Write beside the target and move it into place, so that no half-written answer is left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".partial-{target.name}")
    try:
        write(partial, answer)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write_csv(path: Path, answer: Answer) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        if answer:
            writer = csv.DictWriter(file, fieldnames=list(answer[0]))
            writer.writeheader()
            writer.writerows(answer)


def _write_json(path: Path, answer: Answer) -> None:
    path.write_text(json.dumps(answer, ensure_ascii=False, indent=1, default=_plain_number), encoding="utf-8")


def _plain_number(value: Any) -> Any:
    return value.item()


def _write_excel(path: Path, answer: Answer) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("结果")
    if answer:
        sheet.append(list(answer[0]))
    for row in answer:
        sheet.append([getattr(cell, "item", lambda cell=cell: cell)() for cell in row.values()])
    book.save(path)


_WRITERS = {".csv": _write_csv, ".json": _write_json, ".xlsx": _write_excel}


def _chosen(ids: list[str]) -> list[Found]:
    """Return the scenarios that are meant: all that can run here, those of an industry, or one by its id."""
    if ids == ["all"]:
        return [one for one in scenarios() if not one.missing]
    chosen: list[Found] = []
    for wanted in ids:
        of_industry = [one.scenario.id for one in scenarios() if one.scenario.industry == wanted]
        chosen += [_installed(one) for one in of_industry or [wanted]]
    return chosen


def _installed(scenario_id: str) -> Found:
    found = find(scenario_id)
    if found.missing:
        names = ", ".join(found.missing)
        extra = found.scenario.industry
        raise Refused(
            Text(
                f"{scenario_id} 需要 {names}：请安装 pip install 'dujiang[{extra}]'",
                f"{scenario_id} needs {names}: pip install 'dujiang[{extra}]'",
            )
        )
    return found


@contextmanager
def _engine(name: EngineName, chosen: list[Found]) -> Iterator[Engine]:
    engine: Engine
    if name is EngineName.RAY:
        try:
            engine = RayEngine([one.module for one in chosen])
        except ImportError as error:
            raise Refused(
                Text("需要 Ray:pip install 'dujiang[ray]'", "Ray is needed: pip install 'dujiang[ray]'")
            ) from error
    else:
        engine = LocalEngine(sorted({library for one in chosen for library in one.scenario.libraries}))
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def _progress(runs: dict[str, int]) -> Iterator[Callable[[Found], Callable[[int, str], None]]]:
    """Show a bar a scenario, of so many runs; what it gives makes the listener of a scenario's steps."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:g}/{task.total:g}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=errors, transient=not os.environ.get("CI"), disable=not errors.is_terminal
    ) as progress:
        bars = {name: progress.add_task(name, total=total, start=False) for name, total in runs.items()}

        def listen(found: Found) -> Callable[[int, str], None]:
            bar = bars[found.scenario.id]

            def hear(seed: int, step: str) -> None:
                progress.start_task(bar)
                progress.update(bar, advance=step == "done", description=f"{found.scenario.id} · {seed} · {step}")

            return hear

        yield listen
