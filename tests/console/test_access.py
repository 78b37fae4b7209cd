"""Every address has a declared rule, and with every role it does what the rule says."""

import hashlib
import re
import time
from datetime import date, timedelta

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from PIL import Image

from dujiang.compute.actions import local_pool
from dujiang.compute.models import Attempt, Job, PowerPlan, Product
from dujiang.data.annotation import actions as annotation
from dujiang.data.annotation import intake
from dujiang.data.annotation.models import Item
from dujiang.data.contents import store
from dujiang.data.models import Content, Dataset, Distribution, Upload, Version
from dujiang.data.spaces import odrl
from dujiang.data.spaces.actions import participant_of
from dujiang.data.spaces.models import Agreement, Negotiation, Offer
from dujiang.data.spaces.policy import Column, Policy, View
from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person, issue_key, units_of_plan
from dujiang.identity.models import Person, Unit
from dujiang.identity.permission import SECOND_FACTOR, Actor, Role, allowed
from dujiang.plan.actions import comment, load, sign_off
from dujiang.plan.models import Statistic
from dujiang.safety import actions as safety
from dujiang.safety import supervision
from dujiang.safety.assessment.models import Assessment
from dujiang.scenarios.models import Evaluation
from dujiang.support import models as support
from dujiang.talent.analysis import analyse
from dujiang.talent.competitions.models import Competition, Team
from dujiang.talent.models import Analysis, Course, Delegation, School, Skill, Talent

OFFICE = Actor("tester", Role.OFFICE)
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""


def routes(patterns=None, prefix=""):
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLPattern):
            yield prefix + str(one.pattern), one.callback
        else:
            yield from routes(one.url_patterns, prefix + str(one.pattern))


# The API's addresses ask their rules inside; tests/test_api.py walks them. Connectors' go by signatures, not by roles.
ROUTES = {route: view for route, view in routes() if not route.startswith(("api/v1/", "dsp/<"))}
# What stands for the parts of an address.
PARTS = {
    "str:month": "2026-03",
    "str:suffix": "html",
    "path:scenario_id": "manufacturing/job-shop",
    "int:sequence": "1",
    "int:number": "1",
    "str:result": "out",
    "str:name": "经济和信息化厅",
    "path:subject": "model:q",
    "str:division": "510100",
    "str:form": "dcat.ttl",
    "str:token": "t1",
    "path:identifier": "99999/dj.1",
    "slug:code": "p",
    "slug:form": "jsonl",
    "slug:table": "people",
    "str:quarter": "2026Q1",
}


def address(route):
    if room := re.match(r"admin/(\w+)/(\w+)/<path:object_id>", route):
        route = route.replace("<path:object_id>", str(apps.get_model(*room.groups()).objects.first().pk))
    route = re.sub(r"\^\(\?P<app_label>(\w+)[^)]*\)/\$", r"\1/", route)
    if route == "admin/autocomplete/":
        route += "?app_label=identity&model_name=person&field_name=unit&term="
    parts = {**PARTS, "str:name": "out"} if "/try/" in route or "data/files/" in route else PARTS
    return "/" + re.sub(r"<([^>]+)>", lambda part: parts[part[1]], route)


def rules(view):
    """The actions that an address asks for: the admin asks for entry to it, and for what its room is about."""
    while view is not None:
        if "action" in vars(view):
            yield view.action
        view = getattr(view, "__wrapped__", None)


@pytest.fixture(autouse=True)
def _no_lock_outs():
    cache.clear()


@pytest.fixture
def programme(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    return load(OFFICE, path).programme


@pytest.fixture
def people(programme):
    """One of each role, with a second factor where the role needs one; their passwords by role."""
    units_of_plan(["经济和信息化厅"])
    made = {}
    for role in Role:
        if role is not Role.PUBLIC:
            person, password = add_person(OFFICE, f"p-{role}", f"某{role}", role, "经济和信息化厅")
            if role in SECOND_FACTOR:
                TOTP.activate(person, generate_totp_secret())
            made[role] = (person, password)
    return made


def client_of(people, role, language="en"):
    client = Client(headers={"accept-language": language})
    if role is not Role.PUBLIC:
        client.force_login(people[role][0])
    return client


def code(secret):
    return f"{hotp_value(secret, int(time.time()) // 30):06d}"


def code_of(person):
    return code(get_adapter().decrypt(Authenticator.objects.get(user=person, type="totp").data["secret"]))


@pytest.mark.parametrize("route", ROUTES)
def test_every_address_declares_its_rule(route):
    asked = list(rules(ROUTES[route]))
    assert asked
    assert all(allowed(OFFICE, action) in (True, False) for action in asked)


def a_job():
    """Job 1 of the unit that everybody here belongs to; it has ended and left a file."""
    pool = local_pool()
    job = Job.objects.create(
        pk=1, work="scenario:manufacturing/job-shop", holder="经济和信息化厅", product=Product.objects.get(), argv=["x"], seconds=1,
        memory_mib=16, cpus=1, state="done",
    )  # fmt: skip
    PowerPlan.objects.create(report={"policies": [], "sites": ["甲"]}, picture="<svg/>", evidence=1)
    attempt = Attempt.objects.create(job=job, number=1, pool=pool)
    (attempt.folder / "work").mkdir(parents=True, exist_ok=True)
    (attempt.folder / "work" / "out").write_text("42")


def a_data_set():
    """Data set 1 of that unit, open and published, with file 1 that anybody may have, and an upload that goes on."""
    made = Dataset.objects.create(
        pk=1, identifier="99999/dj.1", title_zh="数据集", owner=Unit.objects.get(name="经济和信息化厅"),
        basis="collected", access="open", state="published", evidence=1,
    )  # fmt: skip
    version = Version.objects.create(dataset=made, number=1, deposited_by="li", state="published")
    content = Content.objects.create(key=hashlib.sha256(b"").hexdigest(), sha256="", bytes=0, stored_bytes=0)
    store().put(content.key, [b""])
    Distribution.objects.create(pk=1, version=version, name="out", bytes=0, content=content, sha256=content.key)
    draft = Version.objects.create(dataset=made, number=2, deposited_by="li")
    Upload.objects.create(token="t1", version=draft, name="a", length=1, by="li", expires=timezone.now())


def an_annotation_project(people):
    """Project p of the unit that everybody belongs to, all of them in it, with an image to decide about."""
    project = annotation.open_project(OFFICE, "p", "车辆", "boxes", ["car"], unit="经济和信息化厅")
    for person, _ in people.values():
        annotation.add_member(OFFICE, project, person.username, adjudicates=True)
    path = intake.image_path("0" * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "PNG")
    Item.objects.create(
        pk=1, project=project, key="k", image="k.png", image_digest="0" * 64, width=8, height=8, state="disputed", slots=0,
        position=1,
    )  # fmt: skip


def a_competition():
    """Challenge p, in which that unit takes part."""
    now = timezone.now()
    one = Competition.objects.create(
        code="p", kind="challenge", title="赛", title_en="Contest", rules="规则", opens=now - timedelta(1), closes=now + timedelta(1),
        appeal_days=7, prizes=1, scenario="manufacturing/job-shop", entries_a_day=1, reference={"scale": 1.0}, evidence=1,
    )  # fmt: skip
    Team.objects.create(competition=one, name="队", unit="经济和信息化厅", leader="li", evidence=1)


def in_safety():
    """Filing, sandbox and incident 1, the filing on the public list."""
    about = {"title": "问答", "owner": "经济和信息化厅", "purpose": "问答", "data": "法规", "version": "sha256:00"}
    thing = safety.register(OFFICE, "model:q", **about)
    safety.record_external(
        OFFICE, thing, "generative", number="网信算备0001", authority="网信办", decided=date(2026, 1, 5)
    )
    today = timezone.localdate()
    supervision.permit(
        OFFICE, thing, units=["经济和信息化厅"], most_users=1, since=today, until=today, leaving="达标",
        conditions=[{"name": "failures", "op": "<=", "limit": 0.1}],
    )  # fmt: skip
    supervision.report(OFFICE, subject="model:q", title="停服", text="停了")
    for model in (safety.Filing, safety.Sandbox, safety.Incident):
        model.objects.update(id=1)


def in_talent():
    """Record, order and course 1, delegation 1, the analysis of a quarter: all of that unit."""
    own = Unit.objects.get(name="经济和信息化厅")
    skill = Skill.objects.create(uri="esco:ml", kind="knowledge", label_zh="机器学习", evidence=1)
    Talent.objects.create(pk=1, unit=own, details="", industry="energy", level="entry", city="510100", evidence=1)
    today = timezone.localdate()
    dates = {"since": today, "until": today + timedelta(days=9), "evidence": 1}
    Delegation.objects.create(pk=1, unit=own, skill=skill, level="entry", quota=1, rules={"years": 1}, **dates)
    school = School.objects.create(unit=own, evidence=1)
    Course.objects.create(pk=1, school=school, title="班", skill=skill, level="entry", places=1, **dates)
    Analysis.objects.create(quarter="2026Q1", report=analyse("2026Q1", [], [], [], [], []), evidence=1)


def a_space():
    """Offer 1, request 1 and agreement 1 about that data set, of that unit as its provider."""
    dataset = Dataset.objects.get()
    until = timezone.now() + timedelta(days=9)
    policy = odrl.offer(Policy(("x",), until, (View("v", "t", (Column("c"),)),)), "urn:uuid:1")
    units_of_plan(["科技厅"])
    provider, consumer = (participant_of(name) for name in ("经济和信息化厅", "科技厅"))
    offer = Offer.objects.create(
        pk=1, identifier="urn:uuid:1", dataset=dataset, provider=provider, policy=policy, evidence=1
    )
    one = Negotiation.objects.create(
        pk=1, provider_pid="p", consumer_pid="c", side="provider", state="FINALIZED", provider=provider, consumer=consumer,
        offer=offer, asked=policy, purpose="x", evidence=1,
    )  # fmt: skip
    Agreement.objects.create(
        pk=1, identifier="urn:uuid:2", negotiation=one, dataset=dataset, target=dataset.identifier, policy=policy, key="k",
        signed=timezone.now(), evidence=1,
    )  # fmt: skip


def in_support():
    """A place on the white list, a bond project, a call, an application, an offer and a need 1 of that unit."""
    unit = Unit.objects.get(name="经济和信息化厅")
    today = timezone.localdate()
    about = {"unit": unit, "title": "某项目", "evidence": 1}
    support.Paper.objects.create(pk=1, name="a", sha256="0" * 64, content=b"a", **about)
    support.Listing.objects.create(
        pk=1, unit=unit, answers={}, papers={"某项目": 1}, records={}, findings=[], edition="x", applicant="li", submitted=timezone.now(),
        due=today, evidence=1,
    )  # fmt: skip
    plan = {
        "bond": 80, "capital": 20, "uses": {"machines": 100}, "rate": "3", "issued": 2026, "years": 1, "revenue": [100], "costs": [0],
        "milestones": [{"title": "上架", "due": "2026-12-31", "weight": 1}],
    }  # fmt: skip
    support.BondProject.objects.create(pk=1, plan=plan, **about)
    call = support.Call.objects.create(
        pk=1, title="批次", text="x", budget=1, most=1, least=60, each=1, opens=today, closes=today, instalments=[], evidence=1,
        criteria={"c1": {"zh": "价值", "en": "value", "weight": 1}},
    )  # fmt: skip
    support.Landmark.objects.create(
        pk=1,
        call=call,
        scenario="manufacturing/job-shop",
        text="x",
        amount=1,
        verdict=1,
        submitted=timezone.now(),
        **about,
    )
    support.Offer.objects.create(pk=1, kind="data", text="x", **about)
    support.Need.objects.create(pk=1, **about)


@pytest.mark.parametrize("role", Role)
def test_each_role_reaches_the_addresses_that_its_rules_allow(people, programme, role):
    entry = append(OFFICE, "scenario.tried", "manufacturing/job-shop", {})
    verdict = {"gain": None, "baseline": None, "method": None, "runs_through": False}
    Evaluation.objects.create(
        scenario="manufacturing/job-shop",
        libraries={},
        seeds=[0],
        verdict=verdict,
        picture="<svg/>",
        evidence=entry.sequence,
    )
    a_job()
    a_data_set()
    an_annotation_project(people)
    a_competition()
    a_space()
    comment(OFFICE, programme, "2026-02", "请按月报送。")
    sign_off(OFFICE, programme, "2026-02")
    issue_key(OFFICE, "p-city", ["plan.read"], 1)
    Assessment.objects.create(
        pk=1,
        subject="model:m",
        target="m",
        findings=[],
        report={},
        page="<p/>",
        digest="0" * 64,
        evidence=entry.sequence,
    )
    Statistic.objects.create(
        programme=programme, indicator="i", period="2026", period_end="2026-12-31", value=1, unit="个", source="s",
        vouched_by="v", recorded=timezone.now(), evidence=entry.sequence,
    )  # fmt: skip
    in_safety()
    in_support()
    in_talent()
    client = client_of(people, role)
    for route, view in ROUTES.items():
        if view.action in ("account.use", "account.sign-in", "language.set"):
            continue  # the flows below
        told = client.get(address(route))
        if all(allowed(Actor("", role), action) for action in rules(view)):
            assert told.status_code == (405 if "POST" in told.headers.get("Allow", "") else 200), route
        elif role is Role.PUBLIC:
            assert told.status_code == 302
            assert told["Location"].startswith("/account/login/?next=")
        else:
            assert told.status_code == 403, route
            assert "may not" in told.content.decode()


def test_the_public_cannot_use_an_account(people):
    for route, view in ROUTES.items():
        if view.action == "account.use":
            told = Client().get(address(route))
            assert told.status_code == 302
            assert "/login/" in told["Location"]


def test_nobody_signs_up(programme):
    Client().post("/account/signup/", {"username": "me", "password1": "a-long-password-1"})
    assert not Person.objects.exists()


def test_a_lead_unit_signs_in_and_out(people):
    person, password = people[Role.LEAD_UNIT]
    client = Client(headers={"accept-language": "zh-hans"})
    told = client.post(
        "/account/login/?next=/statistics/", {"login": person.username, "password": password}, follow=True
    )
    assert told.request["PATH_INFO"] == "/statistics/"
    page = told.content.decode()
    assert "报送数据" in page
    assert person.name in page
    client.post("/account/logout/")
    assert client.get("/statistics/").status_code == 302


@pytest.mark.parametrize("role", sorted(SECOND_FACTOR))
def test_the_second_factor_is_asked_for(people, role):
    person, password = people[role]
    client = Client()
    told = client.post("/account/login/", {"login": person.username, "password": password})
    assert told["Location"].startswith("/account/2fa/authenticate/")
    assert client.get("/account/password/").status_code == 302
    assert client.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/account/2fa/authenticate/", {"code": code_of(person)}).status_code == 302
    assert client.get("/account/2fa/").status_code == 200


@pytest.mark.parametrize("role", sorted(SECOND_FACTOR))
def test_without_a_second_factor_there_is_nothing_but_setting_it_up(people, role):
    person, password = people[role]
    Authenticator.objects.all().delete()
    client = Client()
    client.post("/account/login/", {"login": person.username, "password": password})
    for page in ("/", "/statistics/", "/evidence/"):
        assert client.get(page)["Location"] == "/account/2fa/totp/activate/"
    activate = "/account/2fa/totp/activate/"
    client.post(f"/account/reauthenticate/?next={activate}", {"password": password})
    assert client.get(activate).status_code == 200
    secret = client.session["mfa.totp.secret"]
    assert client.post(activate, {"code": "000000"}).status_code == 200
    assert client.get("/")["Location"] == activate
    client.post(activate, {"code": code(secret)})
    assert client.get("/").status_code == 200


def test_the_secret_of_a_second_factor_is_encrypted(people):
    secret = generate_totp_secret()
    Authenticator.objects.all().delete()
    TOTP.activate(people[Role.OFFICE][0], secret)
    assert secret not in str(Authenticator.objects.get().data)


def test_five_wrong_passwords_lock_a_login(people):
    person, password = people[Role.LEAD_UNIT]
    client = Client()
    for _ in range(5):
        assert client.post("/account/login/", {"login": person.username, "password": "wrong"}).status_code == 200
    client.post("/account/login/", {"login": person.username, "password": password})
    assert client.get("/statistics/").status_code == 302
    other, theirs = people[Role.CITY]
    client.post("/account/login/", {"login": other.username, "password": theirs})
    assert client.get("/account/2fa/").status_code == 200


def test_who_may_sign_in_no_longer_is_out_at_once(people):
    client = client_of(people, Role.LEAD_UNIT)
    assert client.get("/statistics/").status_code == 200
    Person.objects.filter(role="lead-unit").update(is_active=False)
    assert client.get("/statistics/").status_code == 302


def table(client, programme, about, value):
    """Fill in the table that the page hands out, as a person would."""
    import io

    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(client.get("/statistics/template.xlsx").content))
    sheet = book.active
    heading = [cell.value for cell in sheet[1]]
    for row in range(2, sheet.max_row + 1):
        if about in str([cell.value for cell in sheet[row]]):
            for name, filled in (("期间", "2026-06"), ("值", value), ("来源", "省统计公报"), ("责任人", "李某某")):
                column = next(place for place, title in enumerate(heading, 1) if name in str(title))
                sheet.cell(row, column).value = filled
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    out.name = "指标.xlsx"
    return out


def test_a_lead_unit_reports_its_own_figure_and_the_dispatch_shows_it(people, programme):
    client = client_of(people, Role.LEAD_UNIT, "zh-hans")
    told = client.post("/statistics/", {"table": table(client, programme, "智能工厂", 41)})
    assert told.status_code == 200, told.content.decode()
    assert Statistic.objects.get().value == 41
    record = Record.objects.order_by("-sequence").first()
    assert record.actor == "lead-unit:p-lead-unit"
    assert f"/evidence/{record.sequence}/" in client.get("/dispatch/2026-11/").content.decode()


def test_a_lead_unit_is_refused_another_ones_figure(people, programme):
    client = client_of(people, Role.LEAD_UNIT)
    told = client.post("/statistics/", {"table": table(client, programme, "普及率", 30)})
    assert told.status_code == 403
    assert "the office" in told.content.decode()
    assert not Statistic.objects.exists()
    office = client_of(people, Role.OFFICE)
    assert office.post("/statistics/", {"table": table(office, programme, "普及率", 30)}).status_code == 200


def test_a_bad_table_says_what_is_wrong_and_keeps_nothing(people, programme):
    client = client_of(people, Role.LEAD_UNIT, "zh-hans")
    told = client.post("/statistics/", {"table": table(client, programme, "智能工厂", "很多")})
    assert told.status_code == 400
    page = told.content.decode()
    assert "指标.xlsx" in page
    assert "很多" in page
    assert "/tmp" not in page
    assert not Statistic.objects.exists()


def test_a_month_is_commented_and_signed_off(people, programme):
    lead, office = client_of(people, Role.LEAD_UNIT, "zh-hans"), client_of(people, Role.OFFICE)
    month = "/dispatch/2026-10/"
    assert "签发</button>" not in lead.get(month).content.decode()
    lead.post(f"{month}comment/", {"text": "已开工<b>。"})
    page = lead.get(month).content.decode()
    assert "已开工&lt;b&gt;。" in page
    assert lead.post(f"{month}sign-off/").status_code == 403
    assert office.post(f"{month}sign-off/")["Location"] == month
    page = lead.get(month).content.decode()
    assert "已签发" in page
    assert "<textarea" not in page
    assert lead.post(f"{month}comment/", {"text": "晚了"}).status_code == 409
    assert Client().get(f"{month}report.html").status_code == 200


def test_one_walks_from_the_text_to_a_goal_its_task_its_units_and_back(people, programme):
    client = client_of(people, Role.PUBLIC, "zh-hans")
    text = client.get("/plan/").content.decode()
    [(anchor, link)] = re.findall(r'<a id="(goal-\d+)" href="([^"]+)"[^>]*><mark class="goal">[^<]*智能工厂', text)
    page = client.get(link).content.decode()
    assert f'href="/plan/#{anchor}"' in page
    assert "100 家" in page
    unit = re.search(r'href="(/plan/units/[^"]+)">经济和信息化厅', page)[1]
    page = client.get(unit).content.decode()
    task = re.search(r'href="(/plan/tasks/1/)"', page)[1]
    page = client.get(task).content.decode()
    assert "科技厅" in page
    assert link in page
    assert 'href="/plan/#task-1"' in page
    month = client.get("/dispatch/").content.decode()
    assert {link, unit, task} <= set(re.findall(r'href="([^"]+)"', month))


@pytest.mark.parametrize("page", ["/plan/goals/99/", "/plan/tasks/99/", "/plan/units/没有/"])
def test_what_is_not_there_is_not_found(programme, page):
    assert Client().get(page).status_code == 404


def test_the_chain_is_verified_at_a_button(people):
    client = client_of(people, Role.CITY)
    assert "Verify the whole chain" in client.get("/evidence/").content.decode()
    page = client.post("/evidence/verify/").content.decode()
    assert "Every record is what it was" in page
    assert f"<dd>{Record.objects.count()}</dd>" in page
    assert client_of(people, Role.PUBLIC).post("/evidence/verify/").status_code == 302


def test_scenarios_and_records_are_searched_and_filtered(people):
    client = client_of(people, Role.PUBLIC, "zh-hans")
    found = client.get("/scenarios/?q=管网").content.decode()
    assert "urban-governance/water-leak" in found
    assert "manufacturing/job-shop" not in found
    assert "没有符合条件的场景" in client.get("/scenarios/?verdict=through").content.decode()
    assert "manufacturing/job-shop" in client.get("/scenarios/?verdict=none&q=JOB").content.decode()
    loaded = client.get("/evidence/?kind=plan.loaded").content.decode()
    assert "载入方案</td>" in loaded
    assert "人员与单位变更</td>" not in loaded
