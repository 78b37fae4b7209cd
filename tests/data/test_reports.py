"""What was deposited is inspected where it lies; its page shows counts, and nothing of the data themselves."""

import json

import pytest

from data.conftest import LI, WANG
from dujiang.data import duties, figures, reports
from dujiang.data.models import Inspection
from dujiang.evidence.models import Record
from dujiang.evidence.months import this_month
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused

TABLE = "id,phone,age\n" + "".join(f"{n},138{n:08},{20 + n % 50}\n" for n in range(1, 200)) + "200,13900000000,-3\n"


def test_a_table_is_inspected_without_its_values(published):
    dataset = published(TABLE.encode(), sensitivity="personal")
    [made] = reports.inspect(LI, dataset)
    assert (made.shown["rows"], made.shown["columns"], made.shown["rejected"]) == (200, 3, 0)
    assert [one["where"] for one in made.shown["personal"]] == ["phone"]
    assert all(0 <= one["score"] <= 1 for one in made.shown["scores"])
    entry = Record.objects.get(sequence=made.evidence)
    for kept in (json.dumps(made.shown), entry.body):
        assert "138" not in kept
        assert "-3" not in kept
    assert json.loads(entry.body)["sha256"] == made.distribution.sha256


def test_inspected_again_the_last_stands(published):
    dataset = published()
    first = reports.inspect(LI, dataset)
    again = reports.inspect(WANG, dataset)
    assert Inspection.objects.count() == 1
    assert again[0].by == "wang"
    assert again[0].evidence > first[0].evidence
    assert {one.code: one.count for one in figures.month_figures(this_month())}["inspected"] == 2


def test_json_lines_are_a_corpus_where_they_hold_texts(published):
    lines = "".join(json.dumps({"text": f"第{n}篇讲都江堰的渠首、鱼嘴和飞沙堰。"}) + "\n" for n in range(30))
    [made] = reports.inspect(LI, published(lines.encode(), name="texts.jsonl"))
    assert (made.shown["kind"], made.shown["rows"]) == ("corpus", 30)
    assert {one["state"]["en"] for one in made.shown["requirements"]} <= {"met", "not met", "for people to settle"}


def test_others_may_not_and_what_is_no_table_is_refused(published):
    dataset = published(b"\x89PNG", name="a.png")
    with pytest.raises(NotAllowed):
        reports.inspect(Actor("zhao", Role.LEAD_UNIT, "科技厅"), dataset)
    with pytest.raises(Refused, match=r"\.csv"):
        reports.inspect(LI, dataset)
    broken = published(b"PAR1nothing", name="a.parquet", title_zh="坏文件")
    with pytest.raises(BadInput):
        reports.inspect(LI, broken)
    assert not Record.objects.filter(kind="data.inspected").exists()


def test_the_dispatch_counts_what_is_owed_and_late(published, tmp_path, db):
    path = tmp_path / "duties.csv"
    path.write_text("unit,title,task,project,due\n省地震局,波形,1,,2020-01-31\n科技厅,论文,2,,2099-01-31\n")
    duties.load(Actor("tester", Role.OFFICE), path)
    published(task=1)
    told = {one.code: one for one in figures.month_figures(this_month())}
    assert (told["owed"].count, told["owed"].late) == (1, 0)
    assert told["published"].count == 1
    assert figures.month_figures("2026-01")[0].count == 0
