"""Asking the store's plan, by action, page, API and command; citations lead to the text and to the records."""

import json
import re

import pytest
from django.test import Client
from django.utils import timezone

import models
from dujiang.evidence.models import Record
from dujiang.identity.permission import PUBLIC, Actor, Role
from dujiang.messages import Refused
from dujiang.plan.actions import amend, ask, load, record_statistics

OFFICE = Actor("tester", Role.OFFICE)
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。建设省工业数据中心。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""


@pytest.fixture
def programme(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    return load(OFFICE, path).programme


@pytest.fixture
def figure(programme, tmp_path):
    path = tmp_path / "figures.csv"
    day = timezone.localdate().strftime("%Y-%m")
    path.write_text(f"goal,period,value,unit,source,vouched_by\n2,{day},41,家,省统计公报,李某某\n", encoding="utf-8")
    return record_statistics(OFFICE, programme, path)[0]


def test_a_quote_is_the_plan_s_own_text(programme):
    answer = ask(PUBLIC, programme, "智能工厂要达到多少家?")
    [citation] = answer.sentences[0].citations
    assert citation.quote == programme.text[citation.start : citation.end]
    assert "100家" in citation.quote


def test_progress_is_nothing_until_a_figure_is_on_record_and_then_cites_it(programme, tmp_path, request):
    assert ask(PUBLIC, programme, "智能工厂目前建成多少家?").abstained
    figure = request.getfixturevalue("figure")
    before = Record.objects.count()
    [sentence] = ask(PUBLIC, programme, "智能工厂目前建成多少家?").sentences
    assert "41 家" in sentence.text
    assert sentence.citations[0].evidence == (figure.evidence,)
    assert Record.objects.count() == before


def test_units_that_people_amended_away_from_the_text_are_not_cited_to_it(programme):
    task = programme.items.get(kind="task")
    assert "经济和信息化厅" in ask(PUBLIC, programme, "制造任务由谁牵头?").sentences[0].text
    amend(OFFICE, task, "lead", ["商务厅"], "职能调整")
    assert ask(PUBLIC, programme, "制造任务由谁牵头?").abstained


@pytest.mark.parametrize("question", ["", "  ", "问" * 301])
def test_no_question_is_refused(programme, question):
    with pytest.raises(Refused):
        ask(PUBLIC, programme, question)


def test_the_page_links_to_the_text_and_the_record(programme, figure):
    client = Client(headers={"accept-language": "zh-hans"})
    page = client.get("/ask/", {"q": "智能工厂目前建成多少家?"}).content.decode()
    assert f'href="/evidence/{figure.evidence}/"' in page
    assert 'href="/plan/#goal-2"' in page
    page = client.get("/ask/", {"q": "要建设什么数据中心?"}).content.decode()
    link = re.search(r'href="(/plan/\?cited=\d+-\d+)#cited"', page)[1]
    assert re.search(r'<mark class="cited" id="cited"[^>]*>建设省工业数据中心', client.get(link).content.decode())
    page = client.get("/ask/", {"q": "<b>量子</b>计算由谁牵头?"}).content.decode()
    assert "不作回答" in page
    assert "<b>量子" not in page
    assert client.get("/plan/?cited=5-999999").status_code == 200


def test_the_api_answers_alike(programme):
    told = Client().get("/api/v1/ask", {"question": "智能工厂要达到多少家?"}).json()
    assert told["sentences"][0]["citations"][0]["goal"] == 2
    assert Client().get("/api/v1/ask", {"question": ""}).status_code == 422


def test_a_model_writes_for_whoever_has_signed_in_and_not_for_the_public(programme, monkeypatch):
    actor = Actor("li", Role.CITY)
    with models.serving(models.faithful) as stub:
        monkeypatch.setenv("DUJIANG_MODEL_URL", stub.url)
        monkeypatch.setenv("DUJIANG_MODEL_CHAT", "small")
        assert ask(PUBLIC, programme, "智能工厂要达到多少家?").way == "retrieval"
        assert not stub.requests
        answer = ask(actor, programme, "智能工厂要达到多少家?")
    assert answer.way == "model"
    assert len(stub.requests) == 1


def test_passages_answer_where_the_model_cannot_be_reached(programme, monkeypatch):
    monkeypatch.setenv("DUJIANG_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("DUJIANG_MODEL_CHAT", "small")
    answer = ask(OFFICE, programme, "智能工厂要达到多少家?")
    assert (answer.way, answer.abstained) == ("retrieval", False)


def test_the_command_prints_and_writes_what_it_rests_on(db, command, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    command("plan", "load", path)
    assert "100家" in command("ask", "智能工厂要达到多少家?").stdout
    told = json.loads(command("ask", "普及率2031年多少?", "--json", "-").stdout)
    assert told["abstained"]
    assert told["why"]["zh"]
