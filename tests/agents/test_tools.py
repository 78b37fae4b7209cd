"""What the tools find and do, each with the caller's permission; called as the server calls them."""

import base64

import pytest
from django.http import Http404
from mcp.server.mcpserver import Context

from dujiang.agents import tools
from dujiang.agents.server import Server
from dujiang.compute.dispatcher import Dispatcher
from dujiang.compute.models import Job
from dujiang.evidence.models import Record
from dujiang.identity.permission import PUBLIC, Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.plan.actions import amend, comment, load, record_statistics, sign_off
from dujiang.plan.indicators import Status
from dujiang.plan.models import Comment
from dujiang.scenarios.registry import find
from waiting import until

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "经济和信息化厅")
ENTERPRISE = Actor("chen", Role.ENTERPRISE, "某公司")
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""
MONTH = "2026-10"


def calling(actor, *, local=True):
    return Context(mcp_server=Server(lambda context: actor, local=local))


@pytest.fixture
def programme(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    return load(OFFICE, path).programme


@pytest.fixture
def reported(programme, tmp_path):
    """A figure of the goal that 智能工厂 counts."""
    text = "goal,period,value,unit,source,vouched_by\n2,2026-06,1,家,省统计公报,李某某\n"
    (tmp_path / "指标.csv").write_text(text, encoding="utf-8")
    [figure] = record_statistics(OFFICE, programme, tmp_path / "指标.csv")
    return figure


def test_a_goal_is_found_with_its_progress_its_place_and_its_evidence(programme, reported):
    found = tools.search_plan(calling(PUBLIC), query="智能工厂", what=["goal"])
    [hit] = found.hits
    assert (found.total, hit.what, hit.number) == (1, "goal", 2)
    assert "智能工厂达到100家" in programme.text[slice(*hit.span)]
    assert (hit.progress.value, hit.progress.target) == (1, 100)
    loaded = Record.objects.get(kind="plan.loaded").sequence
    assert hit.evidence == [loaded, reported.evidence]


def test_an_amendment_is_among_the_evidence_of_its_item_alone(programme):
    goal = programme.items.get(kind="goal", position=2)
    amend(OFFICE, goal, "value", 120, "更正")
    amended = Record.objects.get(kind="plan.amended").sequence
    hits = {hit.number: hit for hit in tools.search_plan(calling(PUBLIC), what=["goal"]).hits}
    assert amended in hits[2].evidence
    assert amended not in hits[1].evidence
    assert hits[2].progress.target == 120


def test_tasks_units_and_passages_are_found(programme):
    found = tools.search_plan(calling(PUBLIC), query="经济和信息化厅")
    assert {hit.what for hit in found.hits} >= {"task", "unit", "passage"}
    for hit in found.hits:
        assert hit.evidence
        if hit.what == "passage":
            assert programme.text[slice(*hit.span)] == hit.text
            assert "经济和信息化厅" in hit.text
    assert tools.search_plan(calling(PUBLIC), query="智能 60%", what=["passage"]).total == 1
    assert tools.search_plan(calling(PUBLIC), query="没有的词").total == 0


def test_what_is_late_is_found_by_its_status(programme, reported):
    late = tools.search_plan(calling(PUBLIC), status=Status.LATE, limit=1)
    assert late.total >= 1
    assert len(late.hits) == 1
    assert {hit.what for hit in tools.search_plan(calling(PUBLIC), status=Status.LATE).hits} <= {"goal", "task", "unit"}
    with pytest.raises(Refused, match="give a query"):
        tools.search_plan(calling(PUBLIC), query=" ")


def test_a_month_is_read_as_it_was_signed_off(programme, reported):
    said = comment(LI, programme, MONTH, "已开工。")
    signed = sign_off(OFFICE, programme, MONTH)
    read = tools.read_dispatch(calling(PUBLIC), month=MONTH)
    assert read.signed_off == signed.evidence
    assert [(one.text, one.evidence) for one in read.comments] == [("已开工。", said.evidence)]
    assert read.dispatch.month == MONTH
    assert tools.read_dispatch(calling(PUBLIC)).signed_off is None


def test_evidence_is_searched_and_read(programme, reported):
    every = tools.search_evidence(calling(PUBLIC))
    assert [one.sequence for one in every] == sorted((one.sequence for one in every), reverse=True)
    [one] = tools.search_evidence(calling(PUBLIC), kind="statistic.recorded")
    assert tools.read_evidence(calling(PUBLIC), sequence=one.sequence) == one
    assert one.body["value"] == 1
    assert tools.search_evidence(calling(PUBLIC), subject=programme.key)[0].kind == "plan.loaded"
    assert not tools.search_evidence(calling(PUBLIC), before=1)


def test_scenarios_are_listed_and_described(db):
    ids = [one.id for one in tools.list_scenarios(calling(PUBLIC), industry="manufacturing")]
    assert "manufacturing/job-shop" in ids
    told = tools.describe_scenario(calling(PUBLIC), scenario="manufacturing/job-shop")
    assert told.suffixes == list(find("manufacturing/job-shop").scenario.suffixes)
    assert told.formats[0].en


def test_a_comment_takes_two_steps(programme):
    before = Record.objects.count()
    drafted = tools.draft_comment(calling(LI), month=MONTH, text=" 已开工。")
    assert (drafted.author, drafted.unit, drafted.text) == ("li", "经济和信息化厅", "已开工。")
    assert "lead-unit:li" in drafted.effect.en
    assert (Record.objects.count(), Comment.objects.count()) == (before, 0)

    def send(actor=LI, text=" 已开工。", month=MONTH):
        return tools.send_comment(calling(actor), month=month, text=text, confirmation=drafted.confirmation)

    other = Actor("wang", Role.LEAD_UNIT, "经济和信息化厅")
    for changed in ({"text": "已完工。"}, {"month": "2026-09"}, {"actor": other}):
        with pytest.raises(Refused, match="draft again"):
            send(**changed)
    assert Comment.objects.count() == 0
    sent = send()
    assert (sent.text, sent.evidence) == ("已开工。", Record.objects.order_by("-sequence").first().sequence)
    with pytest.raises(Refused, match="used"):
        send()
    with pytest.raises(Refused, match="no confirmation"):
        tools.send_comment(calling(LI), month=MONTH, text="已开工。", confirmation="yes")
    assert Comment.objects.count() == 1


def test_what_cannot_be_sent_is_refused_when_it_is_drafted(programme):
    sign_off(OFFICE, programme, "2026-09")
    for month, text, said in (
        ("2026-09", "晚了", "signed off"),
        ("2099-01", "早了", "not begun"),
        (MONTH, " ", "text"),
    ):
        with pytest.raises(Refused, match=said):
            tools.draft_comment(calling(LI), month=month, text=text)
    offered = tools.draft_comment(calling(LI), month=MONTH, text="好").confirmation
    sign_off(OFFICE, programme, MONTH)
    with pytest.raises(Refused, match="signed off"):
        tools.send_comment(calling(LI), month=MONTH, text="好", confirmation=offered)


@pytest.fixture
def workshop(tmp_path):
    """A small file of the job shop's format."""
    scenario = find("manufacturing/job-shop").scenario
    path = tmp_path / f"workshop{scenario.suffixes[0]}"
    scenario.write(scenario.cases(0, "small")[0].inputs, path)
    return path


JOB_SHOP = {"scenario": "manufacturing/job-shop"}


def finished(number):
    """Dispatch by hand until a job has ended."""
    dispatcher = Dispatcher()
    dispatcher.recover()

    def job():
        dispatcher.tick()
        return (found := Job.objects.get(pk=number)).ended and found

    return until(job)


def test_permission_is_asked_by_every_tool(programme, workshop):
    keyed = Actor("chen", Role.ENTERPRISE, "某公司", frozenset({"language.set"}))
    file = {**JOB_SHOP, "path": str(workshop)}
    calls = {
        tools.search_plan: {"query": "智能"},
        tools.read_dispatch: {"month": MONTH},
        tools.list_scenarios: {},
        tools.describe_scenario: JOB_SHOP,
        tools.draft_run: file,
        tools.start_run: {**file, "confirmation": "x"},
        tools.read_job: {"number": 1},
        tools.search_evidence: {},
        tools.read_evidence: {"sequence": 1},
        tools.draft_comment: {"month": MONTH, "text": "好"},
        tools.send_comment: {"month": MONTH, "text": "好", "confirmation": "x"},
    }
    assert set(calls) == set(tools.TOOLS)
    for tool, arguments in calls.items():
        with pytest.raises(NotAllowed):
            tool(calling(keyed), **arguments)
    for tool in (tools.draft_run, tools.start_run, tools.read_job, tools.draft_comment, tools.send_comment):
        with pytest.raises(NotAllowed):
            tool(calling(PUBLIC), **calls[tool])
    for tool in (tools.draft_comment, tools.send_comment):
        with pytest.raises(NotAllowed):
            tool(calling(ENTERPRISE), **calls[tool])


def test_a_run_takes_two_steps_and_leaves_a_result(programme, workshop):
    file = {**JOB_SHOP, "path": str(workshop)}
    drafted = tools.draft_run(calling(ENTERPRISE), **file)
    assert drafted.bytes == workshop.stat().st_size
    assert drafted.most == max(one.most for one in drafted.offers)
    assert not Job.objects.exists()
    sent = {**JOB_SHOP, "content": base64.b64encode(workshop.read_bytes()).decode(), "name": workshop.name}
    for actor, altered in (
        (LI, sent),
        (ENTERPRISE, {**sent, "name": "other.txt"}),
        (ENTERPRISE, {**sent, "content": base64.b64encode(workshop.read_bytes() + b"\n").decode()}),
    ):
        with pytest.raises(Refused, match="draft again"):
            tools.start_run(calling(actor, local=False), **altered, confirmation=drafted.confirmation)
    # The same file, sent along, is the same run.
    job = tools.start_run(calling(ENTERPRISE, local=False), **sent, confirmation=drafted.confirmation)
    assert (job.holder, job.state) == ("某公司", "queued")
    with pytest.raises(Refused, match="used"):
        tools.start_run(calling(ENTERPRISE), **file, confirmation=drafted.confirmation)
    waiting = tools.read_job(calling(ENTERPRISE), number=job.number)
    assert (waiting.total, waiting.rows) == (None, [])
    assert finished(job.number).state == "done"
    read = tools.read_job(calling(ENTERPRISE), number=job.number, limit=3)
    assert len(read.rows) == 3 < read.total
    assert Record.objects.get(sequence=read.job.evidence).kind == "job.finished"
    with pytest.raises(Http404):
        tools.read_job(calling(LI), number=job.number)


def test_a_file_that_cannot_be_used_is_refused_when_it_is_drafted(db, workshop):
    def draft(*, local=False, **file):
        return tools.draft_run(calling(ENTERPRISE, local=local), **JOB_SHOP, **file)

    good = base64.b64encode(b"x").decode()
    for file, said in (
        ({"name": "我的.exe", "content": good}, "should be a"),
        ({"name": "a.txt", "content": "%%%"}, "Base64"),
        ({"name": "a.txt", "content": base64.b64encode(bytes(tools.LARGEST_FILE + 1)).decode()}, "MiB"),
        ({"path": str(workshop)}, "by name and content"),
        ({}, "give a path"),
        ({"name": "a.txt"}, "give a path"),
        ({"content": good}, "give a path"),
        ({"path": "/nowhere/x.txt", "local": True}, "exists"),
    ):
        with pytest.raises((BadInput, Refused), match=said):
            draft(**file)
