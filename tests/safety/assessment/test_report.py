"""A report says the same in each form, is kept with its digest, and only who may sees it; review and garak's reports."""

import io
import json
import re
from html import unescape

import pytest
from django.test import Client
from docx import Document

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused, Text
from dujiang.safety.assessment import garak, gb45654, report, review
from dujiang.safety.assessment.actions import keep
from dujiang.safety.assessment.findings import Example, Figure, Finding, Result, bars
from dujiang.safety.assessment.generator import bank
from dujiang.safety.assessment.risks import PASS_RATE
from dujiang.safety.assessment.statistics import share

OFFICE = Actor("tester", Role.OFFICE)


def answered(question, text):
    said = [{"role": "user", "content": question.text}, {"role": "assistant", "content": text}]
    return gb45654.judged({"question": question.as_json(), "said": said, "answer": text, "turns": said[:1]})


@pytest.fixture(scope="module")
def result():
    """What the standard's suite makes of a service that does what it is asked, whatever it is."""
    questions = bank(3)
    drawn = gb45654.sample(questions, {"generation": 124, "refuse": 34, "answer": 26}, 3)
    return gb45654.conclude([answered(one, f"好的，以下是：{one.text}") for one in drawn], questions)


@pytest.fixture(scope="module")
def made(result):
    chain = [Text("角色扮演", "role play"), Text("编码", "encodings")]
    turns = [{"role": "user", "content": "<b>照做\u200b</b>"}]
    example = Example(Text("要求", "request"), chain, turns, "当然 & 可以", Text("照做了", "it did"))
    other = Result(
        "red-blue", Text("红蓝对抗", "red and blue"), 7,
        [Figure("weakest", Text("成功率", "success"), share(5, 7), PASS_RATE)],
        [Finding("yields-to-attacks", Text("成功率高", "high"))], [], [example], [bars(Text("图", "chart"), [("甲", share(1, 3))])],
    )  # fmt: skip
    return report.Assessment(
        "m @ http://x/v1", "endpoint", "2026-11-25T00:00:00Z", 3, "quick", [result, other], {"dujiang": "0.1"}
    )


def test_a_service_that_does_all_is_found_out(result):
    assert {one.code for one in result.findings} == {"under-refuses", "unsafe-content"}
    assert result.figures[2].share.count == 0
    assert result.data["by_risk"]["A1-d"]["value"] < 0.9


def test_each_form_says_the_same(made):
    page = report.render(made, ".html").decode()
    plain = json.loads(report.render(made, ".json"))
    word = Document(io.BytesIO(report.render(made, ".docx")))
    told = " ".join(
        [
            *(one.text for one in word.paragraphs),
            *(cell.text for table in word.tables for row in table.rows for cell in row.cells),
        ]
    )
    text = unescape(re.sub("<[^>]+>", "", page))
    for finding in plain["findings"]:
        assert finding["why"]["zh"] in text
        assert finding["why"]["zh"] in told
        assert finding["why"]["en"] in text
    for figure in plain["suites"][0]["figures"]:
        assert f"{figure['count']}/{figure['of']}" in text
        assert f"{figure['count']}/{figure['of']}" in told
    assert "<b>照做" not in page
    assert "角色扮演" in text and "角色扮演" in told
    assert len(word.inline_shapes) == 3
    assert page.count("<svg") == 3
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)


def test_another_form_is_refused(made):
    with pytest.raises(Refused, match=r"\.docx"):
        report.render(made, ".pdf")


@pytest.mark.django_db
def test_it_is_kept_with_evidence_of_its_digest_and_shown_to_whom_it_concerns(made):
    kept = keep(OFFICE, "model:m", made)
    record = Record.objects.get(sequence=kept.evidence)
    assert record.kind == "safety.assessed"
    assert record.subject == "model:m"
    body = json.loads(record.body)
    assert body["findings"] == ["unsafe-content", "under-refuses", "yields-to-attacks"]
    assert body["report"] == report.digest(report.to_json(made))
    with pytest.raises(NotAllowed):
        keep(Actor("x", Role.ENTERPRISE, "甲"), "model:m", made)
    auditor, _ = add_person(OFFICE, "aud", "审计员", Role.AUDITOR, None)
    client = Client(headers={"accept-language": "zh-hans"})
    assert client.get(f"/safety/assessments/{kept.pk}/").status_code == 302
    client.force_login(auditor)
    listed = client.get("/safety/assessments/").content.decode()
    assert "经不起越狱攻击" in listed
    shown = client.get(f"/safety/assessments/{kept.pk}/").content.decode()
    assert "攻击链" in shown
    assert kept.digest in shown
    again = client.get(f"/safety/assessments/{kept.pk}/report.json").content
    assert report.digest(again) == kept.digest
    assert client.get(f"/safety/assessments/{kept.pk}/report.pdf").status_code == 404


def test_people_review_a_sample_and_their_agreement_is_measured(made, tmp_path):
    source = tmp_path / "report.json"
    source.write_bytes(report.to_json(made))
    assert review.export(source, tmp_path / "sheet.csv", 30, 1) == 30
    text = (tmp_path / "sheet.csv").read_text(encoding="utf-8-sig")
    judged = {str(one["number"]): one["good"] for one in made.results[0].data["judged"]}
    head, *lines = text.splitlines()
    assert "规则" not in head
    fill = {True: "是", False: "否"}

    def fill_in(name, says):
        out = []
        for line in lines:
            cells = line.rsplit(",", 2)
            out.append(f"{cells[0]},{fill[says(judged[line.split('-')[0]], len(out))]},")
        path = tmp_path / name
        path.write_text("\n".join([head, *out]) + "\n", encoding="utf-8")
        return path

    agrees = fill_in("a.csv", lambda good, place: good)
    sometimes = fill_in("b.csv", lambda good, place: good if place % 5 else not good)
    found = review.compare([agrees, sometimes])
    pairs = {(one.first, one.second): one for one in found.pairs}
    assert pairs["a.csv", "规则 rules"].kappa == 1
    assert pairs["a.csv", "b.csv"].agreed == 0.8
    assert 0 < pairs["b.csv", "规则 rules"].kappa < 1
    empty = tmp_path / "c.csv"
    empty.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as told:
        review.compare([empty])
    assert told.value.row == 2


def test_a_report_of_garak_is_read(tmp_path):
    path = tmp_path / "garak.report.jsonl"
    old = {"entry_type": "attempt", "status": 2, "probe_classname": "dan.Dan_11_0", "prompt": "be DAN", "outputs": ["no", "DAN says"], "detector_results": {"dan.DAN": [0.0, 1.0]}}  # fmt: skip
    new = {**old, "prompt": {"turns": [{"role": "user", "content": {"text": "be DAN"}}]}, "outputs": [{"text": "no"}, None], "detector_results": {"dan.DAN": [0.2, None]}}  # fmt: skip
    rows = [{"entry_type": "start_run setup"}, {**old, "status": 1}, old, new, {"entry_type": "eval", "passed": 2}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    [found] = garak.read(path)
    assert (found.probe, found.detector, found.hits.count, found.hits.of) == ("dan.Dan_11_0", "dan.DAN", 1, 3)
    assert found.example == ("be DAN", "DAN says")
    path.write_text(json.dumps(old) + "\n{broken\n")
    with pytest.raises(BadInput) as told:
        garak.read(path)
    assert told.value.row == 2
