"""The tools. Each asks the caller's permission through the action or reading that it calls."""

from __future__ import annotations

import base64
import csv
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from django.db import transaction
from mcp.server.mcpserver import Context
from ninja import Schema
from pydantic import Field

from dujiang.agents import confirmation
from dujiang.agents.search import Hit, What, search
from dujiang.compute import actions as compute
from dujiang.compute.api import JobOut, OfferOut, find_job
from dujiang.compute.describing import described as job_described
from dujiang.compute.models import Job, Product
from dujiang.compute.money import yuan
from dujiang.compute.places import Offer
from dujiang.compute.requests import LARGEST_INPUT, JobRequest
from dujiang.evidence.api import LAST, RecordOut, find_record, find_records
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.months import this_month
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Refused, Text
from dujiang.plan import actions as plan
from dujiang.plan.api import CommentOut, Month, current, dispatch_of
from dujiang.plan.dispatch import Dispatch
from dujiang.plan.indicators import Status
from dujiang.plan.models import Programme
from dujiang.scenarios.actions import RESULT, file_job
from dujiang.scenarios.api import ScenarioOut, described, listed
from dujiang.scenarios.models import Evaluation
from dujiang.scenarios.registry import find

TOOLS: dict[Callable[..., Any], tuple[Text, bool]] = {}
"""Each tool with its title and whether it changes anything."""
LARGEST_FILE = 2 << 20
"""Bytes of a file that is sent along; the protocol's messages end at four MiB."""
_POLL_SECONDS = 0.5

Limit = Annotated[int, Field(ge=1, le=200, description="最多几条 / at most so many")]
MonthOrNow = Annotated[Month | None, Field(description="月份，如 2026-11，缺省为本月 / month; this one by default")]
Kind = Literal[tuple(KINDS)]  # type: ignore[valid-type]
ScenarioId = Annotated[
    str, Field(min_length=1, max_length=120, description="场景标识 / id, such as manufacturing/job-shop")
]


def _tool(zh: str, en: str, *, changes: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def declare(tool: Callable[..., Any]) -> Callable[..., Any]:
        TOOLS[tool] = (Text(zh, en), changes)
        return tool

    return declare


def _actor(context: Context[Any, Any]) -> Actor:
    server: Any = context.mcp_server
    actor: Actor = server.caller(context)
    return actor


class Found(Schema):
    """What a search of the plan found; ``total`` counts what the limit left out too."""

    programme: str
    month: str
    total: int
    hits: list[Hit]


@_tool("检索方案与进展", "Search the plan and its progress")
def search_plan(
    context: Context[Any, Any],
    query: Annotated[
        str, Field(max_length=200, description="词，以空格分隔，须全部出现 / words, all of which must occur")
    ] = "",
    what: Annotated[list[What] | None, Field(description="只查这些 / these only")] = None,
    status: Annotated[Status | None, Field(description="只查此状态 / of this status only")] = None,
    limit: Limit = 20,
) -> Found:
    """检索目标、任务、单位、系统与原文，附本月进展、原文位置与存证编号 / Search goals, tasks, units, named systems and the text, with this month's progress, spans and evidence numbers."""
    actor = _actor(context)
    words = query.split()
    if not words and what is None and status is None:
        raise Refused(Text("请给出 query、what 或 status", "give a query, what, or a status"))
    programme = current(actor, "plan.read")
    month = this_month()
    hits = search(programme, dispatch_of(actor, month), words, what or list(What), status)
    return Found(programme=programme.title, month=month, total=len(hits), hits=hits[:limit])


class MonthRead(Schema):
    """A month's dispatch with what units said to it; ``signed_off`` is the record that froze it."""

    dispatch: Dispatch
    signed_off: int | None
    comments: list[CommentOut]


@_tool("读月调度", "Read a month's dispatch")
def read_dispatch(context: Context[Any, Any], month: MonthOrNow = None) -> MonthRead:
    """读某月调度：目标、任务、单位、滞后项与意见 / Read a month's dispatch: goals, tasks, units, what is late, comments."""
    actor = _actor(context)
    month = month or this_month()
    made = dispatch_of(actor, month)
    programme = current(actor, "dispatch.read")
    signed = programme.sign_offs.filter(month=month).first()
    said = [CommentOut.from_orm(one) for one in programme.comments.filter(month=month)]
    return MonthRead(dispatch=made, signed_off=signed and signed.evidence, comments=said)


@_tool("场景目录", "List the scenarios")
def list_scenarios(
    context: Context[Any, Any],
    task: Annotated[int | None, Field(ge=1, description="方案任务编号 / number of the plan's task")] = None,
    industry: Annotated[str | None, Field(max_length=60, description="行业 / industry, such as manufacturing")] = None,
) -> list[ScenarioOut]:
    """场景目录及最近判定 / The scenarios with their latest verdicts and the evidence of them."""
    return [ScenarioOut(**one) for one in listed(_actor(context), task, industry)]


class ScenarioRead(Schema):
    """A scenario, and what its own file must be like."""

    scenario: ScenarioOut
    user: Text
    formats: list[Text]
    suffixes: list[str]
    baseline: Text
    method: Text
    source: str
    seconds: float
    installed: bool


@_tool("场景说明", "Describe a scenario")
def describe_scenario(context: Context[Any, Any], scenario: ScenarioId) -> ScenarioRead:
    """一个场景：决策、用户、文件格式、基线与方法、最近判定 / A scenario: decision, user, file formats, baseline and method, verdict."""
    require(_actor(context), "scenario.read")
    found = find(scenario)
    about = found.scenario
    return ScenarioRead(
        scenario=ScenarioOut(**described(found, Evaluation.latest().get(about.id))),
        user=about.user,
        formats=list(about.formats),
        suffixes=list(about.suffixes),
        baseline=about.baseline_title,
        method=about.method_title,
        source=about.source,
        seconds=about.resources.seconds,
        installed=not found.missing,
    )


FilePath = Annotated[
    str | None, Field(max_length=1000, description="本机文件，仅限 stdio / a file here, by stdio only")
]
FileName = Annotated[str | None, Field(max_length=200, description="随附文件的名称 / name of a file sent along")]
FileContent = Annotated[str | None, Field(description="随附文件的内容，Base64 / its content in Base64")]


class DraftedRun(Schema):
    """The job that starting would submit, its price at most (fen), and the confirmation, which holds for ``seconds``."""

    scenario: str
    file: str
    bytes: int
    sha256: str
    most: int
    offers: list[OfferOut]
    effect: Text
    confirmation: str
    seconds: int


@_tool("起草场景运行", "Draft a scenario's run on a file")
def draft_run(
    context: Context[Any, Any],
    scenario: ScenarioId,
    path: FilePath = None,
    name: FileName = None,
    content: FileContent = None,
) -> DraftedRun:
    """说明用文件运行场景将提交的作业及其最高费用，不提交；给人看过后用 start_run 提交 / Say which job running a scenario on a file would submit and what it costs at most; start it by start_run once the person agrees."""
    actor = _actor(context)
    wanted = _wanted(context, actor, scenario, path, name, content)
    offers, bound = _bound_run(actor, scenario, wanted)
    [(file, data)] = wanted.inputs.items()
    most = bound["most"]
    effect = Text(
        f"将以 {actor} 的名义提交作业，用 {file} 运行 {scenario}，最多 {yuan(most)} 元",
        f"a job would be submitted in the name of {actor}: {scenario} on {file}, for at most CNY {yuan(most)}",
    )
    return DraftedRun(
        scenario=scenario,
        file=file,
        bytes=len(data),
        sha256=bound["sha256"],
        most=most,
        offers=[OfferOut.from_orm(one) for one in offers],
        effect=effect,
        confirmation=confirmation.offer(actor, "job.submit", bound),
        seconds=confirmation.SECONDS,
    )


@_tool("启动场景运行", "Start a scenario's run on a file", changes=True)
def start_run(
    context: Context[Any, Any],
    scenario: ScenarioId,
    confirmation: Annotated[str, Field(max_length=500, description="draft_run 给出的确认码 / what draft_run gave")],
    path: FilePath = None,
    name: FileName = None,
    content: FileContent = None,
) -> JobOut:
    """人已同意后，凭确认码提交所起草的作业；结果用 read_job 读 / Submit the drafted job with its confirmation, once the person agrees; read_job gives the result."""
    actor = _actor(context)
    wanted = _wanted(context, actor, scenario, path, name, content)
    with transaction.atomic():
        # Of two who start at once by one confirmation the second waits, and finds it used.
        Product.objects.select_for_update().filter(key=wanted.product).first()
        _, bound = _bound_run(actor, scenario, wanted)
        _accept(actor, "job.submit", bound, confirmation)
        job = compute.submit(actor, wanted)
    return JobOut(**job_described(job))


class JobRead(Schema):
    """A job; once it is done, the rows of its result as text, and how many there are."""

    job: JobOut
    total: int | None
    rows: list[dict[str, str]]


@_tool("读作业与结果", "Read a job and its result")
def read_job(
    context: Context[Any, Any],
    number: Annotated[int, Field(ge=1, le=LAST, description="作业编号 / the job's number")],
    wait: Annotated[int, Field(ge=0, le=30, description="最多等几秒 / seconds to wait for its end")] = 0,
    limit: Limit = 50,
) -> JobRead:
    """读作业：状态、费用、存证编号，完成后的结果 / Read a job: state, cost, evidence number, and the result once it is done."""
    actor = _actor(context)
    end = time.monotonic() + wait
    while not (job := find_job(actor, number)).ended and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    total, rows = None, []
    if RESULT in (job.results() if job.ended else ()):
        with compute.result(actor, job, RESULT).open(encoding="utf-8-sig", newline="") as file:
            every = list(csv.DictReader(file))
        total, rows = len(every), every[:limit]
    return JobRead(job=JobOut(**job_described(job)), total=total, rows=rows)


def _wanted(
    context: Context[Any, Any], actor: Actor, scenario: str, path: str | None, name: str | None, content: str | None
) -> JobRequest:
    """Return the job of a scenario on a file, which lies here or was sent along."""
    require(actor, "scenario.apply")
    found = find(scenario)
    server: Any = context.mcp_server
    if path is not None and content is None and name is None:
        if not server.local:
            raise Refused(
                Text("通过网络调用时请用 name 与 content 随附文件", "over HTTP send the file by name and content")
            )
        file = Path(path)
        if not file.is_file():
            raise BadInput(path, expected=Text("存在的文件", "a file that exists"))
        if file.stat().st_size > LARGEST_INPUT:
            raise _too_large(path, LARGEST_INPUT)
        return file_job(actor, found, file.name, file.read_bytes())
    if path is None and content is not None and name is not None:
        try:
            data = base64.b64decode(content, validate=True)
        except ValueError as error:
            raise BadInput(name, field="content", expected=Text("Base64", "Base64")) from error
        if len(data) > LARGEST_FILE:
            raise _too_large(name, LARGEST_FILE)
        return file_job(actor, found, name, data)
    raise Refused(Text("请给出 path，或 name 与 content", "give a path, or a name and content"))


def _too_large(name: str, most: int) -> BadInput:
    return BadInput(name, expected=Text(f"不超过 {most >> 20} MiB", f"at most {most >> 20} MiB"))


def _bound_run(actor: Actor, scenario: str, wanted: JobRequest) -> tuple[list[Offer], dict[str, Any]]:
    """Return the offers for a run, and what its confirmation is of."""
    offers = compute.quote(actor, wanted)
    [(file, data)] = wanted.inputs.items()
    return offers, {
        "scenario": scenario,
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "most": max(one.most for one in offers),
        "before": Job.objects.filter(submitter=str(actor), work=wanted.work).count(),
    }


@_tool("检索存证", "Search evidence")
def search_evidence(
    context: Context[Any, Any],
    kind: Annotated[Kind | None, Field(description="类别 / kind")] = None,
    subject: Annotated[str | None, Field(max_length=200, description="对象，全称 / subject, whole")] = None,
    before: Annotated[
        int | None, Field(ge=1, le=LAST, description="此编号之前 / before this sequence, to go on")
    ] = None,
    limit: Limit = 20,
) -> list[RecordOut]:
    """检索存证，最近的在前 / Search evidence, the latest first."""
    return [RecordOut.from_orm(one) for one in find_records(_actor(context), before, kind, subject, limit)]


@_tool("读一条存证", "Read a record of evidence")
def read_evidence(
    context: Context[Any, Any],
    sequence: Annotated[int, Field(ge=1, le=LAST, description="存证编号 / evidence number")],
) -> RecordOut:
    """读一条存证：何人何时何事，及其摘要 / Read a record: who, when, what, and the digest that seals it."""
    return RecordOut.from_orm(find_record(_actor(context), sequence))


Comment = Annotated[
    str, Field(min_length=1, max_length=plan.LONGEST_COMMENT, description="意见全文 / the whole comment")
]


class Drafted(Schema):
    """What sending would do, and the confirmation to send it with, which holds for ``seconds``."""

    month: str
    author: str
    unit: str
    text: str
    effect: Text
    confirmation: str
    seconds: int


@_tool("起草月调度意见", "Draft a comment on a dispatch")
def draft_comment(context: Context[Any, Any], month: Month, text: Comment) -> Drafted:
    """起草意见，不保存；给人看过后用 send_comment 提交 / Draft a comment without keeping it; send it by send_comment once the person agrees."""
    actor = _actor(context)
    programme = current(actor, "dispatch.comment")
    content = _content(programme, actor, month, text)
    with transaction.atomic():
        # Done and undone, so that what can't be sent is refused now.
        said = plan.comment(actor, programme, month, text)
        transaction.set_rollback(True)
    effect = Text(
        f"将以 {actor} 的名义在 {month} 月调度留下此意见并存证，不可撤回",
        f"this comment would stand in the dispatch of {month} in the name of {actor}, on record for good",
    )
    return Drafted(
        month=month,
        author=said.author,
        unit=said.unit,
        text=said.text,
        effect=effect,
        confirmation=confirmation.offer(actor, "dispatch.comment", content),
        seconds=confirmation.SECONDS,
    )


@_tool("提交月调度意见", "Send a comment on a dispatch", changes=True)
def send_comment(
    context: Context[Any, Any],
    month: Month,
    text: Comment,
    confirmation: Annotated[
        str, Field(max_length=500, description="draft_comment 给出的确认码 / what draft_comment gave")
    ],
) -> CommentOut:
    """人已同意后，凭确认码提交所起草的意见 / Send the drafted comment with its confirmation, once the person agrees."""
    actor = _actor(context)
    with transaction.atomic():
        # Of two who send at once by one confirmation the second finds it used.
        programme = Programme.objects.select_for_update().get(pk=current(actor, "dispatch.comment").pk)
        _accept(actor, "dispatch.comment", _content(programme, actor, month, text), confirmation)
        return CommentOut.from_orm(plan.comment(actor, programme, month, text))


def _accept(actor: Actor, action: str, content: Mapping[str, Any], offered: str) -> None:
    confirmation.accept(actor, action, content, offered)


def _content(programme: Programme, actor: Actor, month: str, text: str) -> dict[str, Any]:
    before = programme.comments.filter(month=month, author=actor.name).count()
    return {"programme": programme.key, "month": month, "text": text, "before": before}
