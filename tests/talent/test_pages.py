"""Person, enterprise, school, auditor and office do on the pages what the rules let them; commands do the same."""

import io
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Role
from dujiang.talent.models import (
    Audit,
    Certificate,
    Course,
    Delegation,
    Measure,
    Order,
    Pair,
    Skill,
    Talent,
    Trainee,
    Vacancy,
)
from dujiang.talent.uploads import PEOPLE, VACANCIES
from talent.people import FIRM, LI, OFFICE, OTHER, in_days, skills, units
from talent.test_intake import ESCO, PERSON, VACANCY, orcid_record, sheet

pytestmark = pytest.mark.django_db
DAY = (timezone.localdate() + timedelta(days=300)).isoformat()
SOON = (timezone.localdate() + timedelta(days=60)).isoformat()


def browser(login, role, unit=None):
    person, _ = add_person(OFFICE, login, "某人", role, unit, with_password=False)
    made = Client(headers={"accept-language": "zh-hans"})
    made.force_login(person)
    return made


@pytest.fixture(autouse=True)
def _around(db, monkeypatch):
    units()
    skills()
    monkeypatch.setattr("dujiang.identity.web._has_second_factor", lambda request: True)


@pytest.fixture
def li():
    return browser("li", Role.INDIVIDUAL)


@pytest.fixture
def firm():
    return browser("firm", Role.ENTERPRISE, FIRM)


@pytest.fixture
def school():
    return browser("school", Role.ENTERPRISE, OTHER)


@pytest.fixture
def office():
    return browser("office", Role.OFFICE)


def sends(client, page, do, then=None, **given):
    told = client.post(page, {"do": do, **given})
    assert told.status_code == 302, told.content.decode()[-1500:]
    assert told["Location"] == (then or page)


def record(li, *purposes):
    sends(li, "/talent/me/", "record", **LI, skills="机器视觉", purposes=purposes, until=DAY)
    return Talent.objects.get(person__username="li")


def test_a_person_makes_sees_corrects_and_withdraws_their_own(li, office):
    assert "您还没有档案" in li.get("/talent/me/").content.decode()
    told = li.post("/talent/me/", {"do": "record", **LI, "purposes": ["plan"], "until": DAY, "phone": "1"})
    assert told.status_code == 409 and "11 位手机号" in told.content.decode()
    one = record(li, "plan", "matching")
    assert "13800001111" in li.get("/talent/me/").content.decode()
    page = f"/talent/people/{one.pk}/"
    listed = office.get("/talent/people/?industry=manufacturing&city=成都").content.decode()
    assert page in listed and "李小明" not in listed
    assert "李小明" not in office.get(page).content.decode()
    assert office.post(page, {"do": "see", "purpose": "training", "why": "看看"}).status_code == 409
    shown = office.post(page, {"do": "see", "purpose": "plan", "why": "落实住房"}).content.decode()
    assert "李小明" in shown and "13800001111" in shown
    mine = li.get("/talent/me/").content.decode()
    assert "落实住房" in mine and "office:office" in mine
    assert li.get(page).status_code == 403
    sends(li, "/talent/me/", "correct", **{**LI, "phone": "13900001111"}, skills="机器视觉；机器学习")
    assert li.post("/talent/me/", {"do": "withdraw"}).status_code == 409
    sends(li, "/talent/me/", "withdraw", purposes=["matching"])
    assert Talent.objects.get().purposes() == {"plan"}
    sends(li, "/talent/me/", "erase")
    assert "您还没有档案" in li.get("/talent/me/").content.decode()
    assert "已删除" in office.get(page).content.decode()


def test_the_office_plans_and_the_unit_reports_the_outcome(li, office, firm):
    page = f"/talent/people/{record(li, 'plan').pk}/"
    assert firm.get(page).status_code == 403
    sends(office, page, "plan", need="子女入学", measure="协调学位", responsible=FIRM, until=DAY)
    assert firm.get(page).status_code == 200
    assert "协调学位" in firm.get("/talent/plans/").content.decode()
    measure = Measure.objects.get()
    Measure.objects.update(until=in_days(-2))
    assert "逾期" in office.get("/talent/plans/").content.decode()
    sends(firm, "/talent/plans/", "done", measure=measure.pk, outcome="已入学")
    assert "已入学" in li.get("/talent/me/").content.decode()


def test_people_and_orcid_come_in_and_a_duplicate_is_merged(firm, office, tmp_path):
    empty = load_workbook(io.BytesIO(firm.get("/talent/tables/people.xlsx").content))
    assert "姓名" in [cell.value for cell in empty.active[1]]
    path = sheet(tmp_path / "people.xlsx", PEOPLE, PERSON)
    told = firm.post("/talent/people/", {"do": "import", "table": SimpleUploadedFile("人.xlsx", path.read_bytes())})
    assert told.status_code == 302
    wrong = SimpleUploadedFile("人.csv", b"name\nx\n")
    told = firm.post("/talent/people/", {"do": "import", "table": wrong})
    assert told.status_code == 400 and "人.csv" in told.content.decode()
    given = {
        "industry": "science",
        "level": "senior",
        "city": "成都",
        "purposes": ["analysis"],
        "given": in_days(-9).isoformat(),
    }
    content = json.dumps(orcid_record()).encode()
    file = SimpleUploadedFile("o.json", content)
    sends(office, "/talent/people/", "import", table=file, until=DAY, paper="7", **given)
    listed = office.get("/talent/duplicates/").content.decode()
    assert "ORCID" in listed and "李小明" not in listed
    pair = Pair.objects.get()
    assert firm.get("/talent/duplicates/").status_code == 403
    sends(office, "/talent/duplicates/", "merge", pair=pair.pk, keep=pair.first_id)
    assert Talent.objects.filter(state="active").count() == 1
    sends(office, "/talent/duplicates/", "look")
    sends(office, "/talent/duplicates/", "erase")
    assert firm.post("/talent/people/", {"do": "colour"}).status_code == 404


def test_vacancies_go_through_the_page_and_the_public_sees_them(firm, office, tmp_path):
    path = sheet(tmp_path / "v.xlsx", VACANCIES, VACANCY)
    sends(firm, "/talent/demand/", "vacancies", table=SimpleUploadedFile("v.xlsx", path.read_bytes()))
    assert "视觉工程师" in Client().get("/talent/").content.decode()
    vacancy = Vacancy.objects.get()
    sends(firm, "/talent/demand/", "fill", vacancy=vacancy.pk, filled="1")
    assert "A1" in office.get("/talent/demand/").content.decode()
    assert office.post("/talent/demand/", {"do": "fill", "vacancy": vacancy.pk, "filled": "many"}).status_code == 409


def test_an_enterprise_certifies_and_a_reviewer_audits(li, firm, office):
    one = record(li, "certification")
    terms = {"unit": FIRM, "skill": "机器视觉", "level": "intermediate", "quota": "5", "years": "3"}
    sends(office, "/talent/certification/", "delegate", since=in_days(0).isoformat(), until=DAY, **terms)
    page = f"/talent/certification/{Delegation.objects.get().pk}/"
    told = firm.post(page, {"do": "certify", "talent": one.pk, "level": "entry", "years": "2"})
    assert told.status_code == 409 and "不低于 3" in told.content.decode()
    sends(firm, page, "certify", talent=one.pk, level="entry", years="4")
    number = Certificate.objects.get().number
    public = (
        Client(headers={"accept-language": "zh-hans"}).get(f"/talent/certification/?number={number}").content.decode()
    )
    assert "李**" in public and "李小明" not in public and "有效" in public
    assert (
        "没有该证书"
        in Client(headers={"accept-language": "zh-hans"}).get("/talent/certification/?number=x").content.decode()
    )
    assert number not in Client().get(page).content.decode()
    reviewer = browser("expert", Role.REVIEWER)
    sends(reviewer, page, "audit", tolerated="5", confidence="95")
    audit = Audit.objects.get()
    assert number in reviewer.get(page).content.decode()
    sends(reviewer, page, "unsound", checked=audit.sample.get().pk, note="记录缺失")
    sends(reviewer, page, "end", audit=audit.pk)
    assert "未通过" in Client(headers={"accept-language": "zh-hans"}).get(page).content.decode()
    assert Certificate.objects.get().state == "withdrawn"
    assert firm.post(page, {"do": "audit", "tolerated": "5", "confidence": "95"}).status_code == 403


def test_an_order_becomes_a_course_and_a_placement(li, firm, school, office):
    one = record(li, "training")
    coded = {"industry": "manufacturing", "level": "entry", "city": "成都"}
    sends(firm, "/talent/training/", "order", title="质检员", skill="机器视觉", number="1", by=DAY, **coded)
    sends(office, "/talent/training/", "school", unit=OTHER)
    order = Order.objects.get()
    given = {"title": "视觉班", "skill": "机器视觉", "level": "entry", "places": "2", "since": SOON, "until": DAY}
    sends(school, "/talent/training/", "course", order=order.pk, **given)
    course = Course.objects.get()
    page = f"/talent/training/courses/{course.pk}/"
    assert "视觉班" in li.get("/talent/me/").content.decode()
    sends(li, "/talent/me/", "enrol", course=course.pk)
    trainee = Trainee.objects.get()
    sends(school, page, "completed", trainee=trainee.pk)
    sends(school, page, "placed", trainee=trainee.pk, unit=FIRM)
    assert "1 / 1" in Client().get("/talent/training/").content.decode()
    Trainee.objects.update(placed=in_days(-200))
    sends(firm, page, "stayed", trainee=trainee.pk)
    assert "留任" in school.get(page).content.decode()
    sends(firm, "/talent/training/", "close", order=order.pk, outcome="1 人留任")
    assert (
        Order.objects.get().state == "done" and f"talent:{one.pk}" in Record.objects.get(sequence=trainee.evidence).body
    )


def command(*words):
    done = CliRunner().invoke(app, ["talent", *map(str, words)])
    return done.exit_code, done.output


def test_the_office_publishes_a_quarter_on_the_page_and_the_commands_do_it_all(office, tmp_path):
    (tmp_path / "skills_en.csv").write_text(ESCO)
    assert command("skills", tmp_path / "skills_en.csv")[0] == 0
    assert Skill.objects.filter(uri="esco:nlp").exists()
    assert command("template", "people", tmp_path / "empty.xlsx")[0] == 0
    crowd = [
        {
            **PERSON,
            "name": f"李{number:02d}号",
            "phone": "",
            "email": "",
            "orcid": "",
            "entered": "2020-01-01",
            "until": DAY,
        }
        for number in range(7)
    ]
    code, said = command(
        "import", sheet(tmp_path / "p.xlsx", PEOPLE, *crowd), "--unit", FIRM, "--json", tmp_path / "i.json"
    )
    assert code == 0, said
    assert len(json.loads((tmp_path / "i.json").read_text())["records"]) == 7
    early = {**VACANCY, "opened": "2025-01-01"}
    assert command("demand", "vacancies", sheet(tmp_path / "v.xlsx", VACANCIES, early), "--unit", FIRM)[0] == 0
    assert command("duplicates", "--json", tmp_path / "d.json")[0] == 0
    assert command("duplicates", "99", "--different")[0] == 1
    assert command("late", "--json", tmp_path / "l.json")[0] == command("erase")[0] == 0
    latest = office.get("/talent/").context["latest"]
    sends(office, f"/talent/analyses/{latest}/", "publish")
    page = Client(headers={"accept-language": "en"}).get(f"/talent/analyses/{latest}/").content.decode()
    assert "People against demand" in page and "computer vision" in page
    code, said = command("analyse", latest, "--json", tmp_path / "a.json")
    assert code == 0 and json.loads((tmp_path / "a.json").read_text())["report"]["tables"]["total"] == [{"count": 7}]
    assert Client().post(f"/talent/analyses/{latest}/", {"do": "publish"}).status_code == 302
    assert command("analyse", "2099Q1")[0] == 1
    programme = office.get("/talent/people/?city=伦敦").content.decode()
    assert "无。" in programme
