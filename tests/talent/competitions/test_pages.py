"""People do on the pages what the rules let them: take part, send in, review, appeal; the public sees what is public."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.identity.actions import add_person
from dujiang.identity.models import Person
from dujiang.identity.permission import Role
from dujiang.talent.competitions import actions, evaluation
from dujiang.talent.competitions.models import Appeal, Board, Competition, Entry, Review
from talent.competitions.contests import FIRMS, GOOD, OFFICE, appeals_over, closed
from talent.competitions.test_reviewing import TEXTS, called

pytestmark = pytest.mark.django_db


def browser(person, language="zh-hans"):
    made = Client(headers={"accept-language": language})
    made.force_login(person)
    return made


@pytest.fixture
def office(firms, monkeypatch):
    monkeypatch.setattr("dujiang.identity.web._has_second_factor", lambda request: True)
    return browser(add_person(OFFICE, "ban", "办公室", Role.OFFICE, None)[0])


@pytest.fixture
def firm(firms):
    return browser(Person.objects.get(username="p0"))


def test_a_challenge_goes_through_the_pages(contest, firm, office, engine):
    page = f"/competitions/{contest.code}/"
    told = firm.post(page, {"do": "join", "name": "甲队", "members": "p1，p2"})
    assert told.status_code == 302
    assert "我的队伍：甲队" in firm.get(page).content.decode()
    told = firm.post(page, {"do": "enter", "file": SimpleUploadedFile("a.txt", b"x")})
    assert told.status_code == 409 and "一个 .py 文件或 .zip 压缩包" in told.content.decode()
    assert firm.post(page, {"do": "enter"}).status_code == 409
    assert firm.post(page, {"do": "enter", "file": SimpleUploadedFile("a.py", GOOD)}).status_code == 302
    assert "1 件作品待评判" in office.get(page).content.decode()
    assert firm.post(page, {"do": "award"}).status_code == 403
    assert Client().post(page, {"do": "join", "name": "x"}).status_code == 302  # to sign in
    assert evaluation.judge_due(OFFICE, engine) == 1
    closed(contest)
    assert evaluation.judge_due(OFFICE, engine) == 1
    public = Client(headers={"accept-language": "en"}).get(page).content.decode()
    assert "Final board" in public and "甲队" in public and "a.py" not in public
    told = CliRunner().invoke(app, ["competition", "board", contest.code, "--json", "-"])
    assert '"version": 1' in told.output
    assert firm.post(page, {"do": "appeal", "text": "成绩有误"}).status_code == 302
    filed = Appeal.objects.get()
    assert "成绩有误" not in public and "成绩有误" in office.get(page).content.decode()
    answer = {"do": "decide", "appeal": filed.pk, "text": "核对无误", "upheld": "no"}
    assert firm.post(page, answer).status_code == 403
    assert office.post(page, answer).status_code == 302
    assert office.post(page, {"do": "award"}).status_code == 409
    appeals_over(contest)
    assert office.post(page, {"do": "award"}).status_code == 302
    assert "第 1 名：甲队" in Client(headers={"accept-language": "zh-hans"}).get("/competitions/").content.decode()
    assert office.post(page, {"do": "paint"}).status_code == 404
    # Another firm sees nothing of the entry, and can't choose it.
    other = browser(Person.objects.get(username="p1"))
    assert "a.py" not in other.get(page).content.decode()
    assert other.post(page, {"do": "choose", "entry": Entry.objects.get().pk}).status_code == 404


def test_an_application_contest_goes_through_the_pages(firm, office):
    contest = called()
    page = f"/competitions/{contest.code}/"
    firm.post(page, {"do": "join", "name": "甲队"})
    assert firm.post(page, {"do": "apply", "title": "降漏", **TEXTS}).status_code == 302
    experts = {name: browser(add_person(OFFICE, name, name, Role.REVIEWER, None)[0]) for name in ("r1", "r2", "r3")}
    closed(contest)
    assert office.post(page, {"do": "assign", "reviewers": list(experts)}).status_code == 302
    given = list(Review.objects.all())
    assert len(given) == 2
    client = experts[given[0].reviewer]
    assert "压力反演" in client.get("/competitions/reviews/").content.decode()
    assert "压力反演" not in Client().get(page).content.decode()
    other = experts[given[1].reviewer]
    assert other.post("/competitions/reviews/", {"do": "mark", "review": given[0].pk}).status_code == 404
    assert (
        client.post("/competitions/reviews/", {"do": "mark", "review": given[0].pk, "mark-0": "x"}).status_code == 409
    )
    for one in given:
        marks = {"mark-0": "8", "mark-1": "7.5", "text": "扎实"}
        told = experts[one.reviewer].post("/competitions/reviews/", {"do": "mark", "review": one.pk, **marks})
        assert told.status_code == 302
    assert office.post(page, {"do": "rank"}).status_code == 302
    assert Board.objects.get().rows[0]["team"] == "甲队"
    assert firm.get("/competitions/reviews/").status_code == 403
    assert office.post(page, {"do": "cancel", "text": "撤销"}).status_code == 302
    assert Competition.objects.get().state == "cancelled"


def test_the_commands_call_and_say_what_is_wrong(db, tmp_path):
    call = {
        "code": "apps", "title": "应用赛", "title_en": "Applications", "rules": "规则", "opens": "2026-01-01T09:00",
        "closes": "2099-01-01T18:00", "criteria": [{"zh": "成效", "en": "effect", "weight": 1}],
    }  # fmt: skip
    path = tmp_path / "call.json"

    def run(*words):
        return CliRunner().invoke(app, ["competition", *words])

    for wrong in ({"opens": "soon"}, {"title": None}, {"colour": "red"}):
        path.write_text(json.dumps({**call, **wrong}))
        assert run("call", str(path)).exit_code == 1
    assert not Competition.objects.exists()
    path.write_text(json.dumps(call))
    assert run("call", str(path)).exit_code == 0
    assert "应用赛" in run("list").output
    assert run("judge").exit_code == 0
    for words in (
        ["try", "apps", str(path)],
        ["rerun", "apps"],
        ["board", "nothing"],
        ["award", "apps"],
        ["rank", "apps"],
    ):
        assert run(*words).exit_code == 1


def test_entries_by_the_api(contest):
    import base64

    from dujiang.identity.actions import issue_key

    _, secret = issue_key(OFFICE, "p0", ["competition.enter", "competition.browse"], 1)
    client = Client(headers={"authorization": f"Bearer {secret}"})
    place = f"/api/v1/competitions/{contest.code}"
    content = base64.b64encode(GOOD).decode()

    def sent(**body):
        return client.post(f"{place}/entries", body, content_type="application/json")

    assert sent(name="a.py", content=content).status_code == 404  # no team yet
    actions.join(FIRMS[0], contest, "甲队")
    assert sent(name="a.py", content="?").status_code == 422
    told = sent(name="a.py", content=content)
    assert told.status_code == 201 and told.json()["state"] == "waiting"
    assert [one["number"] for one in client.get(f"{place}/entries").json()] == [1]
    assert client.get(f"{place}/board").json() == {"public": [], "version": 0, "final": [], "digest": ""}
    assert "seeds" not in {name for one in client.get("/api/v1/competitions").json() for name in one} - {
        "practice_seeds"
    }
