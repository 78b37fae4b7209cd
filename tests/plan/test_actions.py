"""The plan in the store: loading again loses no edits, amendments leave a trail, statistics move the dispatch."""

import csv
import hashlib
import json

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dujiang.evidence.actions import Happening, append_all
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.plan.actions import amend, comment, load, record_statistics, sign_off
from dujiang.plan.figures import facts, indicators_of, monthly_dispatch
from dujiang.plan.indicators import Status
from dujiang.plan.models import Item, Programme, Statistic

OFFICE = Actor("tester", Role.OFFICE)
TEXT = """某省人民政府办公厅
关于印发《某省推进“人工智能+”行动方案》的通知

某办发〔2026〕3号

某省人民政府办公厅
2026年2月1日

某省推进“人工智能+”行动方案

一、发展目标

到2027年，智能终端普及率超过60%，人工智能企业达到300家。到2030年，智能终端普及率超过80%。

二、重点任务

（一）“人工智能+”制造。建设省工业大模型平台。（责任单位：省经济和信息化厅，省科技厅（逗号前为牵头单位，下同））

（二）“人工智能+”农业。推广智能农机。（责任单位：省农业农村厅）

三、工作要求

（一）深化场景应用。每个行业每年推出不少于4个典型场景。
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "方案.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def programme(db, plan):
    return load(OFFICE, plan).programme


def task(programme, number):
    return programme.items.get(kind=Item.Kind.TASK, read__number=number)


def test_a_plan_is_stored_with_what_was_read(programme):
    assert (programme.key, programme.title) == ("某办发〔2026〕3号", "某省推进“人工智能+”行动方案")
    assert str(Programme.objects.get().date) == "2026-02-01"
    tasks = facts(programme, Item.Kind.TASK)
    assert tasks[1]["lead"] == ["省经济和信息化厅"]
    assert tasks[1]["cooperating"] == ["省科技厅"]
    assert tasks[2]["lead"] == ["省农业农村厅"]
    shares = [one for one in indicators_of(programme) if "普及率" in one.about]
    assert [(target.year, target.value) for target in shares[0].targets] == [(2027, 60), (2030, 80)]
    for item in programme.items.all():
        start, end = item.read["span"]
        assert 0 <= start < end <= len(programme.text)


def test_loading_again_changes_nothing_and_is_on_record(programme, plan):
    before = list(programme.items.values_list("pk", "kind", "key", "read"))
    again = load(OFFICE, plan)
    assert (again.new, again.changed, again.gone) == (0, 0, 0)
    assert again.same == len(before)
    assert list(programme.items.values_list("pk", "kind", "key", "read")) == before
    assert [one.kind for one in Record.objects.order_by("sequence")] == ["plan.loaded", "plan.loaded"]


def test_edits_survive_a_new_edition(programme, plan):
    amend(OFFICE, task(programme, 1), "lead", ["省发展改革委"], "分工调整")
    plan.write_text(TEXT.replace("达到300家", "达到500家").replace("省科技厅", "省教育厅"), encoding="utf-8")
    again = load(OFFICE, plan)
    assert (again.changed, again.amended) == (2, 1)
    tasks = facts(programme, Item.Kind.TASK)
    assert tasks[1]["lead"] == ["省发展改革委"]
    assert tasks[1]["cooperating"] == ["省教育厅"]
    firms = next(one for one in facts(programme, Item.Kind.GOAL).values() if "企业" in (one["about"] or ""))
    assert firms["value"] == 500


def test_what_a_new_edition_drops_is_kept_aside(programme, plan):
    plan.write_text(
        TEXT.replace("（二）“人工智能+”农业。推广智能农机。（责任单位：省农业农村厅）", ""), encoding="utf-8"
    )
    assert load(OFFICE, plan).gone >= 1
    assert list(facts(programme, Item.Kind.TASK)) == [1]
    assert task(programme, 2).present is False
    plan.write_text(TEXT, encoding="utf-8")
    load(OFFICE, plan)
    assert list(facts(programme, Item.Kind.TASK)) == [1, 2]


def test_an_amendment_records_before_after_and_why(programme):
    amend(OFFICE, task(programme, 2), "title", "智慧农业", "简称")
    body = json.loads(Record.objects.order_by("-sequence").first().body)
    assert body == {
        "item": "task 2",
        "key": "2",
        "field": "title",
        "before": "“人工智能+”农业",
        "after": "智慧农业",
        "why": "简称",
    }
    amend(OFFICE, task(programme, 2), "title", "“人工智能+”农业", "恢复")
    assert task(programme, 2).amended == {}


@pytest.mark.parametrize(
    ("field", "value", "why", "said"),
    [
        ("span", [0, 1], "x", "can't be amended"),
        ("lead", "省科技厅", "x", "wrong type"),
        ("lead", [""], "x", "units' names"),
        ("title", "新", " ", "say why"),
    ],
)
def test_a_bad_amendment_leaves_nothing(programme, field, value, why, said):
    with pytest.raises(ValueError, match=said):
        amend(OFFICE, task(programme, 1), field, value, why)
    assert task(programme, 1).amended == {}
    assert Record.objects.count() == 1


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.LEAD_UNIT])
def test_only_the_office_loads_and_amends(programme, plan, role):
    other = Actor("other", role)
    with pytest.raises(NotAllowed, match="无权"):
        load(other, plan)
    with pytest.raises(NotAllowed):
        amend(other, task(programme, 1), "title", "新", "x")
    if role is Role.AUDITOR:
        with pytest.raises(NotAllowed):
            record_statistics(other, programme, plan)


def test_a_file_that_is_no_plan_leaves_nothing(db, tmp_path):
    path = tmp_path / "空.txt"
    path.write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match=r"空\.txt"):
        load(OFFICE, path)
    assert not Programme.objects.exists()
    assert not Record.objects.exists()


def statistics(path, programme, *rows):
    numbers = {one.about: one for one in indicators_of(programme)}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["goal", "period", "value", "unit", "source", "vouched_by"])
        for about, period, value in rows:
            one = next(one for key, one in numbers.items() if about in key)
            writer.writerow([one.targets[0].goal, period, value, one.unit, "统计公报", "王某"])
    return path


def test_statistics_move_the_dispatch(programme, tmp_path):
    path = statistics(
        tmp_path / "s.csv", programme, ("普及率", "2025", 20), ("普及率", "2026-06", 21), ("企业", "2026-06", 310)
    )
    recorded = record_statistics(OFFICE, programme, path)
    assert [one.evidence for one in recorded] == [2, 3, 4]
    made = monthly_dispatch(programme, "2026-06")
    by_year = {(line.about, line.year): line for line in made.goals}
    share = by_year["智能终端普及率", 2027]
    assert (share.value, share.status, share.evidence) == (21, Status.LATE, [3])
    firms = next(line for line in made.goals if "企业" in line.about)
    assert (firms.value, firms.status) == (310, Status.REACHED)
    # In May the figure of June was not known.
    assert monthly_dispatch(programme, "2026-05").goals[0].value == 20


def test_a_correction_replaces_the_figure_and_keeps_the_record(programme, tmp_path):
    for value in (20, 25):
        record_statistics(OFFICE, programme, statistics(tmp_path / "s.csv", programme, ("普及率", "2026-06", value)))
    line = monthly_dispatch(programme, "2026-06").goals[0]
    assert (line.value, line.evidence) == (25, [3])
    assert Statistic.objects.count() == 2


def test_a_bad_row_takes_the_whole_table_with_it(programme, tmp_path):
    path = statistics(tmp_path / "s.csv", programme, ("普及率", "2026-06", 20), ("普及率", "2026-05", "多"))
    with pytest.raises(BadInput, match="row 3"):
        record_statistics(OFFICE, programme, path)
    path = statistics(tmp_path / "s.csv", programme, ("普及率", "2036", 20))
    with pytest.raises(BadInput, match="has begun"):
        record_statistics(OFFICE, programme, path)
    assert not Statistic.objects.exists()
    assert Record.objects.count() == 1


def evaluated(number, through, now=None):
    body = {"title": {"zh": "场景", "en": "scenario"}, "verdict": {"runs_through": through}}
    happenings = [Happening("scenario.evaluated", f"manufacturing/s{one}", body) for one in range(number)]
    return append_all(OFFICE, happenings, now=now)


def test_the_last_evaluation_of_the_year_counts(programme):
    from datetime import UTC, datetime

    evaluated(2, True, datetime(2026, 3, 1, tzinfo=UTC))
    evaluated(1, False, datetime(2026, 5, 1, tzinfo=UTC))
    assert monthly_dispatch(programme, "2026-04").tasks[0].through == 2
    assert monthly_dispatch(programme, "2026-06").tasks[0].through == 1
    assert monthly_dispatch(programme, "2027-01").tasks[0].through == 0


def test_the_dispatch_costs_the_same_after_a_long_history(programme, django_assert_num_queries):
    from django.db import connection

    evaluated(3, True)
    month = timezone.localdate().strftime("%Y-%m")
    with CaptureQueriesContext(connection) as before:
        monthly_dispatch(programme, month)
    for _ in range(5):
        append_all(OFFICE, [Happening("statistic.recorded", f"x{n}", {"n": n}) for n in range(300)])
        evaluated(3, True)
    with CaptureQueriesContext(connection) as after:
        made = monthly_dispatch(programme, month)
    assert len(after) == len(before)
    assert {one.kind: one.count for one in made.added}["statistic.recorded"] == 1500
    assert made.tasks[0].through == 3


# --- comments and signing off ------------------------------------------------------------------------------------

LEAD = Actor("li", Role.LEAD_UNIT, "省经济和信息化厅")


def test_a_signed_month_stays_as_it_was(programme, tmp_path):
    month = timezone.localdate().strftime("%Y-%m")
    said = comment(LEAD, programme, month, " 已开工。 ")
    assert (said.text, said.unit) == ("已开工。", LEAD.unit)
    before = monthly_dispatch(programme, month)
    signed = sign_off(OFFICE, programme, month)
    path = statistics(tmp_path / "s.csv", programme, ("普及率", str(timezone.localdate().year), 99))
    record_statistics(OFFICE, programme, path)
    amend(OFFICE, task(programme, 1), "title", "另一个名字", "更名")
    assert monthly_dispatch(programme, month) == before
    assert monthly_dispatch(programme, "2099-01") != before
    record = Record.objects.get(sequence=signed.evidence)
    assert (record.kind, record.subject) == ("dispatch.signed-off", month)
    made = json.dumps(before.as_json(), sort_keys=True, ensure_ascii=False).encode()
    assert json.loads(record.body)["sha256"] == hashlib.sha256(made).hexdigest()
    with pytest.raises(Refused, match="signed off"):
        comment(LEAD, programme, month, "晚了")
    with pytest.raises(Refused, match="signed off"):
        sign_off(OFFICE, programme, month)


@pytest.mark.parametrize(
    ("month", "text", "said"),
    [("2099-01", "好", "not begun"), ("2026-13", "好", "no month"), ("0000-01", "好", "such as"), ("2026-1", "好", "such as"), ("2026-01", " ", "characters"), ("2026-01", "好\x00", "of text"), ("2026-01", "\ud800", "of text"),
     ("2026-01", "长" * 2001, "characters")],
)  # fmt: skip
def test_a_comment_that_cannot_be_taken_leaves_nothing(programme, month, text, said):
    before = Record.objects.count()
    with pytest.raises(Refused, match=said):
        comment(LEAD, programme, month, text)
    assert (Record.objects.count(), programme.comments.count()) == (before, 0)


def test_only_the_office_signs_off(programme):
    for role in Role:
        if role is not Role.OFFICE:
            with pytest.raises(NotAllowed):
                sign_off(Actor("other", role), programme, "2026-01")
    assert not programme.sign_offs.exists()
