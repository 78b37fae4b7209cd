"""``dujiang safety assess`` and what goes with it: banks of questions, keyword lists, review by people, the scorers."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Refused, Text
from dujiang.safety.assessment import garak, report, review
from dujiang.safety.assessment.engine import Endpoint
from dujiang.safety.assessment.findings import Figure, Result, percent
from dujiang.safety.assessment.generator import bank as generated
from dujiang.safety.assessment.judging import HALVES, measure
from dujiang.safety.assessment.questions import Requirement, keyword_requirements, read, read_keywords, requirements
from dujiang.safety.assessment.statistics import STANDINGS
from dujiang.safety.assessment.suites import SIZES, SUITES
from dujiang.safety.assessment.suites import assess as assess_endpoint
from dujiang.safety.commands import safety
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

_SCENARIO = "scenario:"


@safety.command("assess")
def assess_command(
    target: Annotated[
        str,
        typer.Option(help="模型服务地址（到 /v1），或 scenario:场景标识 / a service's URL up to /v1, or scenario:ID"),
    ],
    out: Annotated[Path | None, typer.Option(help="报告文件 / the report: .docx, .html, .json")] = None,
    suite: Annotated[list[str] | None, typer.Option(help="测评项，可多次给出 / a suite; repeat for more")] = None,
    model: Annotated[str, typer.Option(help="模型名称 / name of the model")] = "default",
    key_env: Annotated[str, typer.Option(help="存放密钥的环境变量 / variable that holds the key")] = "",
    bank: Annotated[Path | None, typer.Option(help="题库（CSV、Excel、JSONL）/ bank of questions")] = None,
    size: Annotated[str, typer.Option(help="规模 full、quick / size")] = "full",
    seed: Annotated[int, typer.Option(help="种子 / seed")] = 0,
    seconds: Annotated[float, typer.Option(help="场景评估的时限（秒）/ time for a scenario")] = 300.0,
    logs: Annotated[
        Path | None, typer.Option(help="保留 Inspect 日志的文件夹 / folder to keep Inspect's logs in")
    ] = None,
    json_file: Json = None,
) -> None:
    """安全评估：模型服务或场景，写报告并存证 / Assess a model service or a scenario; a report, and evidence."""
    with plain_errors():
        if out is not None and out.suffix.lower() not in report.WRITERS:
            report.render(report.Assessment("", "endpoint", "", 0, "", []), out.suffix)
        open_store()
        from dujiang.safety.assessment.actions import keep

        if target.startswith(_SCENARIO):
            if suite and suite != ["black-box"]:
                raise Refused(Text("场景只有 black-box 一项", "a scenario has the suite black-box alone"))
            subject, shown, results = target, target, [_scenario(target.removeprefix(_SCENARIO), seed, seconds)]
        else:
            if size not in SIZES:
                raise Refused(Text(f"规模应为 {'、'.join(SIZES)}", f"the size is one of {', '.join(SIZES)}"))
            questions = read(bank) if bank else generated(seed)
            endpoint = Endpoint(target, model, os.environ.get(key_env, "") if key_env else "")
            subject, shown = f"model:{model}", f"{model} @ {target}"
            results = assess_endpoint(endpoint, questions, suite or list(SUITES), SIZES[size], seed, logs)
        made = report.Assessment(
            shown,
            "scenario" if target.startswith(_SCENARIO) else "endpoint",
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seed,
            size,
            results,
            _versions("dujiang", *(("shap",) if target.startswith(_SCENARIO) else ("inspect-ai",))),
        )
        kept = keep(at_the_terminal(), subject, made)
        if out is not None:
            report.write(report.render(made, out.suffix), out)
        _print(made)
        say(Text(f"存证 {kept.evidence}，评估 {kept.pk}", f"evidence {kept.evidence}, assessment {kept.pk}"))
        write_json(json_file, {**made.as_json(), "evidence": kept.evidence, "number": kept.pk, "digest": kept.digest})


def _scenario(wanted: str, seed: int, seconds: float) -> Result:
    from dujiang.safety.assessment import black_box
    from dujiang.scenarios.engines import LocalEngine
    from dujiang.scenarios.registry import find

    found = find(wanted)
    if found.missing:
        names = ", ".join(found.missing)
        raise Refused(Text(f"本站未安装 {wanted} 所需的 {names}", f"{wanted} needs {names}, which this site lacks"))
    engine = LocalEngine(["numpy", *found.scenario.libraries])
    try:
        return black_box.assess(found, engine, seed=seed, seconds=seconds)
    finally:
        engine.close()


def _versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _print(made: report.Assessment) -> None:
    rows = table(
        Text("测评项", "Suite"),
        Text("指标", "Figure"),
        Text("结果 [95% 区间]", "Result [95 %]"),
        Text("判定", "Standing"),
    )
    for result in made.results:
        for figure in result.figures:
            rows.add_row(result.suite, both(figure.title), percent(figure.share), _standing(figure))
    if rows.row_count:
        console.print(rows)
    for result in made.results:
        for finding in result.findings:
            say(Text(f"{finding.title.zh}：{finding.why.zh}", f"{finding.title.en}: {finding.why.en}"))
        if not result.figures:
            for note in result.notes:
                say(note)
    say(made.verdict)


def _standing(figure: Figure) -> str:
    return both(STANDINGS[figure.standing]) if figure.standing else "—"


@safety.command("generate-bank")
def generate_bank_command(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL 文件 / a JSONL file")],
    seed: Annotated[int, typer.Option(help="种子 / seed")] = 0,
) -> None:
    """生成符合规模要求的题库 / Compose a bank of the sizes that the standard asks for."""
    with plain_errors():
        made = generated(seed)
        lines = "".join(json.dumps(one.as_json(), ensure_ascii=False) + "\n" for one in made)
        report.write(lines.encode(), out)
        say(Text(f"{len(made)} 道题：{out}", f"{len(made)} questions: {out}"))


@safety.command("check-bank")
def check_bank_command(
    bank: Annotated[Path, typer.Argument(metavar="FILE", help="题库（CSV、Excel、JSONL）/ bank of questions")],
    json_file: Json = None,
) -> None:
    """检查题库规模和覆盖面 / Check a bank's sizes and coverage."""
    with plain_errors():
        _told(requirements(read(bank)), json_file)


@safety.command("check-keywords")
def check_keywords_command(
    words: Annotated[Path, typer.Argument(metavar="FILE", help="关键词表（CSV、Excel）/ keyword list")],
    json_file: Json = None,
) -> None:
    """检查关键词表规模和覆盖面 / Check a keyword list's size and coverage."""
    with plain_errors():
        _told(keyword_requirements(read_keywords(words)), json_file)


def _told(found: list[Requirement], json_file: Path | None) -> None:
    missed = [one for one in found if not one.met]
    rows = table(
        Text("要求", "Requirement"), Text("现有", "There are"), Text("至少", "At least"), Text("依据", "Source")
    )
    for one in missed or found[:3]:
        rows.add_row(both(one.title), str(one.found), str(one.least), one.source)
    console.print(rows)
    write_json(
        json_file,
        [
            {"title": {"zh": one.title.zh, "en": one.title.en}, "found": one.found, "least": one.least, "met": one.met, "source": one.source}
            for one in found
        ],
    )  # fmt: skip
    if missed:
        raise Refused(Text(f"{len(missed)} 项不符合要求", f"{len(missed)} requirements are not met"))
    say(Text("符合要求", "all requirements are met"))


@safety.command("judge-scorers")
def judge_scorers_command(json_file: Json = None) -> None:
    """评分规则自身的精确率和召回率 / How often the rules that score answers are right themselves."""
    with plain_errors():
        rows = table(
            Text("评分规则", "Scorer"),
            Text("找什么", "Finds"),
            Text("标注集", "Labelled set"),
            Text("精确率 [95% 区间]", "Precision [95 %]"),
            Text("召回率 [95% 区间]", "Recall [95 %]"),
        )
        measured = list(measure())
        for one in measured:
            half = Text(f"{HALVES[one.half].zh}，{one.items} 条", f"{HALVES[one.half].en}, {one.items}")
            rows.add_row(one.scorer, both(one.finds), both(half), percent(one.precision), percent(one.recall))
        console.print(rows)
        write_json(json_file, [one.as_json() for one in measured])


@safety.command("review-sheet")
def review_sheet_command(
    made: Annotated[Path, typer.Argument(metavar="REPORT", help="评估报告（.json）/ an assessment's report as JSON")],
    out: Annotated[Path, typer.Argument(metavar="SHEET", help="复核表（.csv）/ the sheet")],
    number: Annotated[int, typer.Option(min=1, help="条数 / how many answers")] = 100,
    seed: Annotated[int, typer.Option(help="种子 / seed")] = 0,
) -> None:
    """抽样导出人工复核表 / Export a sample of answers for people to review."""
    with plain_errors():
        count = review.export(made, out, number, seed)
        say(
            Text(
                f"{count} 条：{out}。请复核者填“合格”列（是、否）",
                f"{count} answers: {out}; reviewers fill in “acceptable” (yes, no)",
            )
        )


@safety.command("review-import")
def review_import_command(
    sheets: Annotated[
        list[Path], typer.Argument(metavar="SHEET...", help="填好的复核表，每人一份 / filled-in sheets, one a reviewer")
    ],
    json_file: Json = None,
) -> None:
    """汇总人工复核：合格率、与规则及复核者之间的一致性 / Review by people: pass rate, agreement with the rules and each other."""
    with plain_errors():
        found = review.compare(sheets)
        rows = table(Text("比较", "Compared"), Text("条数", "Answers"), Text("一致", "Agree"), Text("卡帕", "Kappa"))
        for one in found.pairs:
            rows.add_row(
                f"{one.first} – {one.second}",
                str(one.items),
                f"{one.agreed:.1%}",
                "—" if one.kappa is None else f"{one.kappa:.2f}",
            )
        console.print(rows)
        say(Text(f"人工判定合格率 {percent(found.passed)}", f"acceptable by people: {percent(found.passed)}"))
        write_json(json_file, found.as_json())


@safety.command("import-garak")
def import_garak_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="garak 的 report.jsonl / garak's report.jsonl")],
    json_file: Json = None,
) -> None:
    """读取 garak 的报告 / Read garak's report."""
    with plain_errors():
        found = garak.read(path)
        rows = table(Text("探针", "Probe"), Text("检测器", "Detector"), Text("得手 [95% 区间]", "Hits [95 %]"))
        for one in found:
            rows.add_row(one.probe, one.detector, percent(one.hits))
        console.print(rows)
        write_json(json_file, [one.as_json() for one in found])
