"""The API: the same rules and actions as the pages, problems in both languages, and no input that breaks it."""

import base64
import json
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import get_args

import pytest
import schemathesis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from ninja import Schema
from pydantic import BaseModel
from schemathesis.specs.openapi.checks import response_schema_conformance

from dujiang.compute.actions import ended, local_pool, place, submit
from dujiang.compute.executors.base import Outcome
from dujiang.compute.models import Centre, Job, NodeGroup, Pool, Price
from dujiang.compute.requests import JobRequest
from dujiang.data import actions as catalogue
from dujiang.data.actions import deposit, register
from dujiang.data.actions import review as review_version
from dujiang.data.actions import submit as submit_version
from dujiang.data.annotation import actions as annotation
from dujiang.data.annotation.models import Assignment, Item
from dujiang.data.models import Dataset, Distribution, Version
from dujiang.data.spaces import actions as space
from dujiang.data.spaces.models import Agreement, Offer
from dujiang.data.spaces.policy import Column, Policy, View
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person, change_person, issue_key, revoke_key
from dujiang.identity.models import Key, Unit
from dujiang.identity.permission import RULES, Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.plan.actions import load
from dujiang.plan.models import Statistic
from dujiang.safety.filing import KINDS
from dujiang.support.models import Bank, Consent, Listing, Loan
from dujiang.talent.analysis import analyse
from dujiang.talent.competitions.models import Competition, Team
from dujiang.talent.models import Analysis, Certificate, Delegation, Skill, Talent, Vacancy
from dujiang.talent.terms import Details
from dujiang.tokens.models import Key as TokenKey
from dujiang.vouchers.actions import apply, declare
from dujiang.vouchers.models import Application

OFFICE = Actor("tester", Role.OFFICE)
LEAD = Actor("li", Role.LEAD_UNIT, "经济和信息化厅")
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""


@pytest.fixture
def programme(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    return load(OFFICE, path).programme


@pytest.fixture
def li(programme):
    return add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "经济和信息化厅")[0]


def with_key(secret):
    return Client(headers={"authorization": f"Bearer {secret}"})


def table():
    goal = 2  # 智能工厂, of the task
    text = f"goal,period,value,unit,source,vouched_by\n{goal},2026-06,41,家,省统计公报,李某某\n"
    return SimpleUploadedFile("指标.csv", text.encode())


@pytest.fixture(autouse=True)
def jobs(programme):
    """Two jobs of the lead unit: the first has ended and left a file, the second waits. A centre sells to it."""
    local_pool()
    centre = Centre.objects.create(key="slurm", name="某中心", unit="某公司", evidence=1)
    pool = Pool.objects.create(key="slurm", centre=centre, kind=Pool.Kind.SLURM, site_python=True)
    NodeGroup.objects.create(pool=pool, nodes=1, cpus=64, memory_mib=1 << 19)
    Price.objects.update(centre=None)
    done, waiting = (submit(LEAD, JobRequest(argv=["true"], inputs={"in": b""})) for _ in range(2))
    attempt = place(done, pool)
    (attempt.folder / "work" / "out").write_text("42")
    now = time.time()
    ended(attempt, Outcome(0, "", now, now + 1, 1.0, 10.0))
    return done.pk, waiting.pk


@pytest.fixture(autouse=True)
def vouchers(jobs):
    """Two programmes of vouchers; the lead unit has applied to the first."""
    terms = {"unit": "CNY", "cap": 1000, "budget": 10**6, "since": date(2026, 1, 1), "until": date(2099, 12, 31)}
    first, _ = (declare(OFFICE, code=code, title="算力券", **terms) for code in ("p", "q"))
    apply(LEAD, first, "经济和信息化厅", 10, "训练")


@pytest.fixture(autouse=True)
def offered(vouchers, tmp_path):
    """A data set of another unit's, offered, and an agreement of the lead unit's about it."""
    owner = Actor("ke", Role.LEAD_UNIT, "科技厅")
    one = register(owner, title_zh="企业名录", description="规模以上企业名录及行业。", owner="科技厅", basis="produced",
                   licence="CC-BY-4.0", keywords=["企业"])  # fmt: skip
    (tmp_path / "firms.csv").write_text("id,trade\n1,a\n2,b\n")
    reviewed = submit_version(owner, deposit(owner, one, [tmp_path / "firms.csv"]))
    review_version(Actor("r", Role.REVIEWER), reviewed, approved=True)
    one.refresh_from_db()
    until = datetime(2099, 1, 1, tzinfo=UTC)
    terms = Policy(("统计",), until, (View("firms", "firms", (Column("trade"),)),))
    made = space.offer(owner, one, terms, files={"firms": "firms.csv"})
    return space.agree(owner, space.request(LEAD, made, unit=LEAD.unit, purpose="统计"))


def space_calls():
    agreement = Agreement.objects.first()
    asked = {"offer": Offer.objects.first().pk, "purpose": "统计"}
    yield "get", "/spaces/offers", {}
    yield "get", "/spaces/requests", {}
    yield "post", "/spaces/requests", {"data": asked, "content_type": "application/json"}
    yield "get", "/spaces/agreements", {}
    sql = {"query": "SELECT count(*) FROM firms"}
    yield "post", f"/spaces/agreements/{agreement.pk}/query", {"data": sql, "content_type": "application/json"}
    yield "post", f"/spaces/agreements/{agreement.pk}/end?why=x", {}
    yield "get", "/spaces/queries", {}


def voucher_calls():
    def sent(**body):
        return {"data": body, "content_type": "application/json"}

    own = "经济和信息化厅"
    application = Application.objects.first().pk
    open_to_all = {"unit": "token", "until": "2099-01-01T00:00:00Z", "holder": own, "product": "m", "provider": "c"}
    yield "get", "/vouchers/programmes", {}
    yield "get", "/vouchers/months/2026-01", {}
    yield "post", "/vouchers/applications", sent(programme="q", holder=own, amount=10, purpose="训练")
    yield "post", f"/vouchers/applications/{application}/reviews", sent(approved=True, amount=10, why="好")
    yield "post", f"/vouchers/applications/{application}/grant", sent()
    yield "get", f"/vouchers/statement?holder={own}", {}
    yield "get", f"/vouchers/balance?holder={own}&product=m", {}
    yield "post", "/vouchers/holds", sent(key="k", amount=0, **open_to_all)
    yield "post", "/vouchers/holds/release?key=k", {}
    yield "post", "/vouchers/holds", sent(key="j", amount=5, **open_to_all)
    yield "post", "/vouchers/holds/settle?key=j", sent(amount=3)


@pytest.fixture(autouse=True)
def annotated(li):
    """A project of the lead unit with texts for Li to label, one of which is given out."""
    project = annotation.open_project(LEAD, "p", "评论", "choice", ["好", "差"], unit=LEAD.unit, gold_share=0)
    annotation.add_member(LEAD, project, "li")
    for position in (1, 2, 3):
        Item.objects.create(project=project, key=str(position), text="好", slots=2, position=position)
    return annotation.next_item(LEAD, project).pk


def annotation_calls(month):
    given = Assignment.objects.values_list("pk", flat=True).first() or 1
    texts = SimpleUploadedFile("更多.jsonl", '{"key": "k", "text": "差"}'.encode())
    yield "get", f"/annotation/bases/{month}", {}
    yield "get", "/annotation/projects", {}
    yield "get", "/annotation/projects/p", {}
    yield "post", "/annotation/projects/p/items", {"data": {"file": texts}}
    yield (
        "post",
        f"/annotation/projects/p/answers/{given}",
        {"data": {"answer": "好"}, "content_type": "application/json"},
    )
    yield "post", "/annotation/projects/p/next", {}
    yield "get", "/annotation/projects/p/export/jsonl", {}


@pytest.fixture(autouse=True)
def _a_competition(programme):
    """An open challenge in which the lead unit takes part."""
    now = timezone.now()
    one = Competition.objects.create(
        code="p", kind="challenge", title="赛", title_en="Contest", rules="规则", opens=now - timedelta(1), closes=now + timedelta(1),
        appeal_days=7, prizes=1, scenario="manufacturing/job-shop", entries_a_day=50, reference={"scale": 1.0}, evidence=1,
    )  # fmt: skip
    Team.objects.create(competition=one, name="队", unit=LEAD.unit, leader="li", evidence=1)


def competition_calls():
    entry = {"name": "a.py", "content": base64.b64encode(b"def method(inputs): ...").decode()}
    yield "get", "/competitions", {}
    yield "get", "/competitions/p/board", {}
    yield "get", "/competitions/p/entries", {}
    yield "post", "/competitions/p/entries", {"data": entry, "content_type": "application/json"}


COMMAND = {"data": {"argv": ["true"]}, "content_type": "application/json"}


def job_calls():
    done, waiting = Job.objects.order_by("pk").values_list("pk", flat=True)[:2]
    table = SimpleUploadedFile("车间.txt", b"x")
    yield "get", "/jobs", {}
    yield "post", "/jobs", {"data": {"scenario": "manufacturing/job-shop", "file": table}}
    yield "post", "/jobs/commands", COMMAND
    yield "get", f"/jobs/{done}", {}
    yield "post", f"/jobs/{waiting}/cancel", {}
    yield "get", f"/jobs/{done}/logs/stdout", {}
    yield "get", f"/jobs/{done}/results/out", {}
    yield "post", "/compute/quote", COMMAND
    yield "get", "/compute/pools", {}
    yield "get", "/compute/products", {}
    yield "get", "/compute/capacity", {}


def safety_calls():
    def sent(**body):
        return {"data": body, "content_type": "application/json"}

    about = {"title": "问答", "owner": "经济和信息化厅", "purpose": "问答", "data": "法规", "version": "sha256:00"}
    yield "post", "/safety/things", sent(subject="model:q", **about)
    yield "get", "/safety/things", {}
    fields = {one.name: next(iter(one.choices or ["写明" * 20])) for one in KINDS["algorithm"].fields}
    yield "post", "/safety/filings", sent(subject="model:q", kind="algorithm", fields=fields)
    yield "get", "/safety/filings", {}
    yield "get", "/safety/standing?subject=model:q", {}
    yield "post", "/safety/complaints", sent(subject="model:q", text="答非所问")
    yield "post", "/safety/incidents", sent(subject="model:q", title="停服", text="停了一小时", hours=1)
    yield "get", "/safety/incidents", {}


@pytest.fixture(autouse=True)
def _a_bank(programme):
    """The lead unit is a bank too; an enterprise on the white list consented and asks it for two loans."""
    unit = Unit.objects.get(name=LEAD.unit)
    firm = Unit.objects.create(name="某企业", kind="enterprise", credit_code="9144030071526726XG")
    bank = Bank.objects.create(unit=unit, evidence=1)
    now, later = timezone.now(), date(2099, 1, 1)
    Consent.objects.create(unit=firm, bank=bank, until=later, evidence=1)
    listing = Listing.objects.create(
        unit=firm, answers={}, papers={}, records={}, findings=[], edition="x", applicant="a", state="listed", submitted=now,
        due=later, until=later, evidence=1,
    )  # fmt: skip
    for state in ("asked", "approved"):
        Loan.objects.create(listing=listing, bank=bank, amount=9, purpose="x", state=state, asked=now, evidence=1)


def support_calls():
    def sent(**body):
        return {"data": body, "content_type": "application/json"}

    asked, approved = Loan.objects.order_by("pk").values_list("pk", flat=True)[:2]
    yield "get", "/support/channel", {}
    yield "post", "/support/facts", sent(unit=LEAD.unit, answers={"place": "510100"})
    yield "get", f"/support/entitlements?unit={LEAD.unit}", {}
    yield "get", "/support/consents", {}
    yield "get", "/support/listings/9144030071526726XG", {}
    yield "get", "/support/loans", {}
    yield "post", f"/support/loans/{asked}/decision", sent(approved=5, why="同意")
    yield "post", f"/support/loans/{approved}/paid", {}
    yield "get", "/support/offers?q=质检", {}
    yield "post", "/support/offers", sent(unit=LEAD.unit, kind="data", title="质检图像", text="一万张")
    yield "post", "/support/needs", sent(unit=LEAD.unit, title="质检")


def talent_calls():
    filled = {"data": {"filled": 1}, "content_type": "application/json"}
    yield "get", "/talent/analyses", {}
    yield "get", "/talent/analyses/2026Q1", {}
    yield "get", "/talent/vacancies", {}
    yield "post", "/talent/vacancies/1/filled", filled
    yield "get", "/talent/courses", {}
    yield "get", "/talent/certificates/DJ1", {}
    yield "get", "/talent/me", {}


@pytest.fixture(autouse=True)
def _in_talent(li):
    """Li's own record, a certificate of it, a vacancy of the lead unit, a quarter's analysis."""
    skill = Skill.objects.create(uri="esco:ml", kind="knowledge", label_zh="机器学习", evidence=1)
    day, own = timezone.localdate(), li.unit
    coded = {"industry": "energy", "level": "entry", "city": "510100", "evidence": 1}
    one = Talent.objects.create(person=li, details=Details("李某某").as_text(), **coded)
    Vacancy.objects.create(pk=1, unit=own, reference="A", title="岗", number=2, opened=day, closes=day, **coded)
    held = Delegation.objects.create(
        unit=own, skill=skill, level="entry", quota=1, rules={}, since=day, until=day, evidence=1
    )
    Certificate.objects.create(
        number="DJ1", delegation=held, talent=one, level="entry", facts={}, issued=day, evidence=1
    )
    Analysis.objects.create(quarter="2026Q1", report=analyse("2026Q1", [], [], [], [], []), evidence=1)


def data_calls():
    number = getattr(Dataset.objects.filter(title_zh="工厂名录").first(), "pk", 1)
    json_body = {"content_type": "application/json"}
    yield "get", "/data/sets", {}
    yield (
        "post",
        "/data/sets",
        {"data": {"title_zh": "乙", "owner": "经济和信息化厅", "basis": "collected"}, **json_body},
    )
    yield "get", f"/data/sets/{number}", {}
    yield "post", f"/data/sets/{number}/submit", {}
    yield "post", f"/data/sets/{number}/review", {"data": {"approved": True}, **json_body}
    yield "get", "/data/duties", {}


@pytest.fixture(autouse=True)
def _a_data_set(programme):
    """A published data set with a draft that can be handed in."""
    made = catalogue.register(
        LEAD, title_zh="工厂名录", owner="经济和信息化厅", basis="collected", description="全省智能工厂名录及其产线。",
        keywords=["工厂"],
    )  # fmt: skip
    Dataset.objects.update(state="published", published=timezone.now())
    version = Version.objects.create(dataset=made, number=1, deposited_by="li")
    Distribution.objects.create(version=version, name="a.csv", media_type="text/csv", bytes=0, sha256="0" * 64)


def calls(month):
    """A good call of each operation."""
    yield from data_calls()
    yield from job_calls()
    yield from voucher_calls()
    yield from annotation_calls(month)
    yield from space_calls()
    yield "get", "/plan", {}
    yield "get", "/ask?question=智能工厂要多少家", {}
    yield "get", "/goals", {}
    yield "get", "/tasks", {}
    yield "get", "/units", {}
    yield "get", f"/dispatch/{month}", {}
    yield "get", f"/dispatch/{month}/comments", {}
    yield "post", f"/dispatch/{month}/comments", {"data": {"text": "好"}, "content_type": "application/json"}
    yield "get", "/statistics", {}
    yield "post", "/statistics", {"data": {"table": table()}}
    yield "get", "/scenarios", {}
    yield "get", "/scenarios/manufacturing/job-shop", {}
    yield "get", "/tokens/models", {}
    yield "get", "/tokens/usage", {}
    yield "get", "/tokens/keys", {}
    yield "post", "/tokens/keys", {"data": {"holder": "经济和信息化厅"}, "content_type": "application/json"}
    yield "post", f"/tokens/keys/{getattr(TokenKey.objects.first(), 'pk', 1)}/revoke", {}
    yield from safety_calls()
    yield from support_calls()
    yield from competition_calls()
    yield from talent_calls()
    yield "get", "/evidence", {}
    yield "get", "/evidence/1", {}


def call(client, method, path, more):
    return getattr(client, method)(f"/api/v1{path}", **more)


def test_the_list_of_calls_is_whole():
    from dujiang.api import api

    operations = [(method, path) for path, item in api.get_openapi_schema()["paths"].items() for method in item]
    assert len(operations) == len({(method, path) for method, path, _ in calls("2026-01")})


def test_a_key_of_a_lead_unit_does_all_that_it_may(li):
    _, secret = issue_key(OFFICE, "li", RULES, 30)
    client = with_key(secret)
    for method, path, more in calls("2026-01"):
        told = call(client, method, path, more)
        good = (403,) if path.endswith(("/reviews", "/review", "/grant")) else (200, 201)
        assert told.status_code in good, (path, told.content.decode())
    assert Statistic.objects.get().value == 41
    assert Record.objects.order_by("-sequence").first().actor == "lead-unit:li"


def test_each_operation_asks_a_rule(li):
    _, secret = issue_key(OFFICE, "li", ["language.set"], 30)
    for method, path, more in calls("2026-01"):
        told = call(with_key(secret), method, path, more)
        assert told.status_code == 403, path
        assert told["Content-Type"] == "application/problem+json"


def test_the_public_reads_and_changes_nothing(programme):
    before = Record.objects.count()
    for method, path, more in calls("2026-01"):
        closed = method == "post" or path.startswith(
            (
                "/annotation",
                "/jobs",
                "/vouchers/statement",
                "/vouchers/balance",
                "/tokens/usage",
                "/tokens/keys",
                "/spaces/requests",
                "/spaces/agreements",
                "/spaces/queries",
                "/data/duties",
                "/support/entitlements",
                "/support/consents",
                "/support/listings",
                "/support/loans",
                "/competitions/p/entries",
                "/talent/me",
            )
        )
        assert call(Client(), method, path, more).status_code == (403 if closed else 200), path
    assert Record.objects.count() == before


def test_a_session_alone_changes_nothing(li):
    client = Client()
    client.force_login(li)
    for method, path, more in calls("2026-01"):
        assert call(client, method, path, more).status_code == (403 if method == "post" else 200), path


def test_a_key_is_not_kept_expires_and_is_revoked_at_once(li):
    key, secret = issue_key(OFFICE, "li", ["plan.read"], 30)
    assert secret not in str(Key.objects.values_list())
    assert secret not in "".join(Record.objects.values_list("body", flat=True))
    client = with_key(secret)
    assert client.get("/api/v1/plan").status_code == 200
    Key.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/v1/plan").status_code == 401
    Key.objects.update(expires=timezone.now() + timedelta(days=1))
    change_person(OFFICE, "li", active=False)
    assert client.get("/api/v1/plan").status_code == 401
    change_person(OFFICE, "li", active=True)
    assert client.get("/api/v1/plan").status_code == 200
    revoke_key(OFFICE, key.pk)
    told = client.get("/api/v1/plan")
    assert told.status_code == 401
    assert told.json()["detail"].startswith("密钥")
    with pytest.raises(Refused, match="no valid key"):
        revoke_key(OFFICE, key.pk)


@pytest.mark.parametrize(("scopes", "days"), [(["plan.burn"], 30), ([], 30), (["plan.read"], 0), (["plan.read"], 367)])
def test_a_key_that_cannot_be_issued_leaves_nothing(li, scopes, days):
    with pytest.raises(Refused):
        issue_key(OFFICE, "li", scopes, days)
    with pytest.raises(Refused, match="no login"):
        issue_key(OFFICE, "wang", ["plan.read"], 30)
    with pytest.raises(NotAllowed):
        issue_key(Actor("li", Role.LEAD_UNIT), "li", ["plan.read"], 30)
    assert not Key.objects.exists()


def test_problems_say_what_is_wrong_in_both_languages(li):
    _, secret = issue_key(OFFICE, "li", RULES, 30)
    client = with_key(secret)
    bad = SimpleUploadedFile("指标.csv", b"goal,period\n1,soon\n")
    told = client.post("/api/v1/statistics", {"table": bad})
    assert told.status_code == 422
    body = told.json()
    assert "指标.csv" in body["detail"]
    assert "指标.csv" in body["detail_en"]
    assert "/tmp" not in json.dumps(body)
    future = {"text": "好"}
    told = client.post("/api/v1/dispatch/2099-01/comments", future, content_type="application/json")
    assert (told.status_code, told.json()["detail_en"]) == (409, "2099-01 has not begun")
    for path in ("/evidence/999", "/scenarios/manufacturing/none"):
        assert client.get(f"/api/v1{path}").status_code == 404
    assert client.get("/api/v1/dispatch/2026-13").status_code == 422
    assert client.get("/api/v1/statistics?limit=0").json()["faults"]


def test_evidence_is_paged_by_sequence(li):
    client = Client()
    first = client.get("/api/v1/evidence?limit=1").json()
    rest = client.get(f"/api/v1/evidence?before={first[0]['sequence']}").json()
    assert [one["sequence"] for one in (*first, *rest)] == list(range(Record.objects.count(), 0, -1))


def test_the_description_loads_nothing_and_is_open_api(programme):
    told = Client().get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert Client().get("/api/v1/docs").status_code == 404


def test_no_two_schemas_share_a_name():
    """OpenAPI knows a schema by its name alone, so that of two with one name it would describe only one."""
    import dujiang.api  # noqa: F401  all planes' schemas are defined once it is imported

    def named(annotation):
        if isinstance(annotation, type) and issubclass(annotation, (Enum, BaseModel)):
            yield annotation
        for part in get_args(annotation):
            yield from named(part)

    def below(kind):
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    ours = {one for one in below(Schema) if one.__module__.startswith("dujiang.")}
    assert len(ours) > 50
    ours |= {part for one in ours for field in one.model_fields.values() for part in named(field.annotation)}
    assert not [name for name, count in Counter(one.__name__ for one in ours).items() if count > 1]


@pytest.fixture
def _one_connection():
    """Requests leave the test's connection, and its transaction, alone; Django's own test client sees to that too."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_one_connection")
def test_no_call_breaks_it(li):
    """At least 1,000 generated calls, good and bad, with a key that may do all that a lead unit may."""
    _, secret = issue_key(OFFICE, "li", RULES, 30)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    made = 0

    def calls_of(operation, mode):
        @settings(
            max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case):
            nonlocal made
            made += 1
            told = case.call(headers={"Authorization": f"Bearer {secret}"})
            assert told.status_code < 500, told.text
            if told.status_code < 300:
                case.validate_response(told, checks=[response_schema_conformance])

        return one

    for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
        for found in schema.get_all_operations():
            with suppress(Unsatisfiable):  # an operation without parameters can't be called wrongly
                calls_of(found.ok(), mode)()
    print(made, "calls")
    assert made >= 1000
