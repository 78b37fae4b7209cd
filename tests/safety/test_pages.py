"""People do on the pages what the rules let them: file, review, let out, report; the public sees what is public."""

import json

import pytest
from django.test import Client
from django.utils import timezone
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.identity.actions import add_enterprise, add_person
from dujiang.identity.permission import Actor, Role
from dujiang.safety import actions, filing
from dujiang.safety.models import Complaint, Filing, Incident, Sandbox, Thing, Watch
from safety.test_rules import complete

OFFICE, REVIEWER = Actor("tester", Role.OFFICE), Actor("expert", Role.REVIEWER)
OWNER, OTHER = "某智算公司", "某石油公司"

pytestmark = pytest.mark.django_db


def browser(role, unit):
    person, _ = add_person(OFFICE, f"p-{role}", "某人", role, unit)
    made = Client(headers={"accept-language": "zh-hans"})
    made.force_login(person)
    return made


@pytest.fixture
def firm(db):
    add_enterprise(OFFICE, OTHER, "91110000600037341L")
    add_enterprise(OFFICE, OWNER, "9144030071526726XG")
    return browser(Role.ENTERPRISE, OWNER)


@pytest.fixture
def office(firm, monkeypatch):
    monkeypatch.setattr("dujiang.identity.web._has_second_factor", lambda request: True)
    return browser(Role.OFFICE, OTHER)


def registered(firm, **facts):
    given = {
        "do": "register",
        "kind": "model",
        "name": "qa",
        "title": "问答",
        "purpose": "问答",
        "data": "法规",
        "version": "v1",
    }
    told = firm.post("/safety/", {**given, **dict.fromkeys(facts, "yes")})
    assert told.status_code == 302, told.content.decode()
    return told["Location"]


def papers(kind, **changed):
    return {f"field-{name}": value for name, value in {**complete(kind), **changed}.items()}


def test_a_filing_goes_through_the_pages(firm, office):
    place = registered(firm, public=True, generates=True)
    assert Thing.objects.get().owner == OWNER
    assert "生成式人工智能服务备案" in firm.get(place).content.decode()
    assert "field-corpus" in firm.get(f"{place}?file=generative").content.decode()
    told = firm.post(place, {"do": "file", "kind": "generative", **papers("generative", corpus="")})
    assert told.status_code == 409
    assert "缺少语料来源与规模" in told.content.decode()
    assert firm.post(place, {"do": "file", "kind": "generative", **papers("generative")}).status_code == 302
    page = f"/safety/filings/{Filing.objects.get().pk}/"
    assert Client().get(page).status_code == 404  # papers under review are nobody else's
    assert firm.post(page, {"do": "grant", "text": "好"}).status_code == 403
    assert "生成式人工智能服务备案" in office.get("/safety/work/").content.decode()
    office.post(page, {"do": "ask", "text": "境外语料占多少？"})
    firm.post(
        page, {"do": "answer", "text": "没有。", **papers("generative", corpus="全部为公开法规文本，无境外语料。")}
    )
    assert "没有。" in office.get(page).content.decode()
    office.post(page, {"do": "grant", "text": "材料齐全"})
    number = Filing.objects.get().number
    public = Client(headers={"accept-language": "en"}).get("/safety/").content.decode()
    assert number in public and "nothing is lacking" in public
    seen = Client().get(page).content.decode()
    assert number in seen and "境外语料" not in seen and "材料齐全" not in seen
    assert firm.post(page, {"do": "confirm"}).status_code == 302
    firm.post(page, {"do": "change", **papers("generative", application="法律问答")})
    assert Filing.objects.count() == 2
    assert firm.post(page, {"do": "colour"}).status_code == 404


def test_a_sandbox_a_watch_and_an_incident_go_through_the_pages(firm, office):
    place = registered(firm, mobilises=True)
    today = timezone.localdate().isoformat()
    terms = {"do": "permit", "units": OTHER, "most_users": "5", "since": today, "until": today, "exit": "达标"}
    assert "应形如" in office.post(place, {**terms, "conditions": "accuracy above 1"}).content.decode()
    assert office.post(place, {**terms, "conditions": "accuracy >= 0.9\nfailures <= 0.1"}).status_code == 302
    page = f"/safety/sandboxes/{Sandbox.objects.get().pk}/"
    assert "accuracy &gt;= 0.9" in Client().get("/safety/sandboxes/").content.decode()
    assert firm.post(page, {"do": "measure", "name": "accuracy", "value": "0.5"}).status_code == 302
    assert "违反" in Client(headers={"accept-language": "zh-hans"}).get(page).content.decode()
    assert Sandbox.objects.get().state == "stopped"
    assert office.post(place, {"do": "watch", "series": "failures", "tolerated": "5"}).status_code == 302
    assert Watch.objects.get().tolerated == 0.05
    assert office.post("/safety/risk/", {"do": "look"}).status_code == 302
    assert firm.post(place, {"do": "complain", "text": "答非所问"}).status_code == 302
    assert Complaint.objects.get().text == "答非所问"
    told = firm.post(
        "/safety/incidents/",
        {"do": "report", "subject": "model:qa", "title": "停服", "text": "细节不公开", "hours": "7"},
    )
    assert told["Location"] == f"/safety/incidents/{Incident.objects.get().pk}/"
    page = told["Location"]
    assert "细节不公开" in firm.get(page).content.decode()
    assert "细节不公开" not in Client().get(page).content.decode()
    assert office.post(page, {"do": "close", "cause": "因", "lessons": "果"}).status_code == 409
    for step in (
        {"do": "tell", "text": "省网信办"},
        {"do": "contain", "text": "回退"},
        {"do": "close", "cause": "因", "lessons": "每周演练"},
    ):
        assert office.post(page, step).status_code == 302
    assert "每周演练" in Client().get("/safety/incidents/").content.decode()
    assert "停服" not in office.get("/safety/risk/").content.decode()


def test_a_scenarios_page_says_what_it_lacks(firm):
    about = {"title": "排产", "owner": OWNER, "purpose": "排产", "data": "工序", "version": "v1"}
    page = "/scenarios/manufacturing/job-shop/"
    assert "无欠缺" in firm.get(page).content.decode()
    actions.register(OFFICE, "scenario:manufacturing/job-shop", **about, facts={"mobilises": True})
    assert "缺少</span>" not in firm.get(page).content.decode()
    assert "缺少 算法备案" in firm.get(page).content.decode()


def command(*words):
    done = CliRunner().invoke(app, ["safety", *map(str, words)])
    return done.exit_code, done.output


def test_the_commands_register_check_and_list(firm, tmp_path):
    code, said = command(
        "register", "model:qa", "--owner", OWNER, "--title", "问答", "--purpose", "问答", "--data", "法规", "--digest", "v1",
        "--fact", "public", "--fact", "generates",
    )  # fmt: skip
    assert code == 0 and "Interim Measures" in said
    good = tmp_path / "papers.json"
    good.write_text(json.dumps(complete("generative"), ensure_ascii=False))
    assert command("check", "generative", good)[0] == 0
    assert command("file", "model:qa", "generative", good)[0] == 0
    (tmp_path / "bad.json").write_text("{}")
    assert command("check", "generative", tmp_path / "bad.json")[0] == 1
    code, said = command("work", "--json", tmp_path / "work.json")
    assert code == 0
    [waits] = json.loads((tmp_path / "work.json").read_text())
    assert waits["due"] == str(filing.decide_by("generative", timezone.localdate()))
    assert command("list", "--json", tmp_path / "list.json")[0] == 0
    assert json.loads((tmp_path / "list.json").read_text())[0]["lacking"] == [["generative"]]
    assert command("look")[0] == 0


def test_the_command_labels_and_checks(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("一篇短文。")
    assert command("label", path, "--check")[0] == 1
    assert command("label", path, "--producer", "某智算公司", "--content", "1")[0] == 0
    assert command("label", path, "--check")[0] == 0
    assert command("label", tmp_path / "none.txt", "--check")[0] == 1
    assert command("label", path)[0] == 1
