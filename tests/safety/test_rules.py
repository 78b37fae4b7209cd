"""The stated rules: what needs which filing and review, what is missing, when it is due, how serious an incident is."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.messages import BadInput
from dujiang.safety import ethics, filing, incidents, workdays
from dujiang.safety.ethics import Need
from dujiang.safety.incidents import Level


def complete(kind):
    """Fields of a filing that lacks nothing."""
    return {one.name: next(iter(one.choices)) if one.choices else "写明" * 20 for one in filing.KINDS[kind].fields}


@pytest.mark.parametrize("kind", filing.KINDS)
def test_a_complete_filing_lacks_nothing_and_each_field_is_missed(kind):
    fields = complete(kind)
    assert filing.missing(kind, fields) == []
    for name in fields:
        for wrong in ({**fields, name: "  "}, {one: fields[one] for one in fields if one != name}):
            [said] = filing.missing(kind, wrong)
            assert said.zh and said.en
            title = next(one.title for one in filing.KINDS[kind].fields if one.name == name)
            assert title.zh in said.zh and title.en in said.en


def test_what_is_too_short_of_no_class_or_of_no_field_is_said():
    fields = complete("algorithm")
    assert "至少 20 字" in filing.missing("algorithm", {**fields, "risks": "无"})[0].zh
    assert "检索过滤类" in filing.missing("algorithm", {**fields, "class": "other"})[0].zh
    assert "colour" in filing.missing("algorithm", {**fields, "colour": "x"})[0].en


def test_the_five_classes_are_those_of_the_provisions():
    assert [one.zh for one in filing.CLASSES.values()] == [
        "生成合成类",
        "个性化推送类",
        "排序精选类",
        "检索过滤类",
        "调度决策类",
    ]


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ({}, []),
        ({"generates": True, "mobilises": True}, []),  # nobody outside is served
        ({"public": True}, []),
        ({"public": True, "generates": True}, [("generative",)]),
        ({"public": True, "generates": True, "calls": True}, [("registration", "generative")]),
        ({"public": True, "mobilises": True}, [("algorithm",)]),
        ({"public": True, "generates": True, "mobilises": True}, [("generative",), ("algorithm",)]),
        ({"ethics-people": True}, [("ethics",)]),
        ({"ethics-vulnerable": True}, [("ethics",)]),
    ],
)
def test_who_needs_what_is_decided_by_rules(facts, kinds):
    found = filing.needed(facts)
    assert [one.kinds for one in found] == kinds
    assert all("第" in one.rule.zh and "article" in one.rule.en for one in found)


@given(st.fixed_dictionaries({one.name: st.booleans() for one in filing.FACTS}))
def test_saying_yes_never_takes_a_need_away(facts):
    """Only that a filed model is called as it is makes a lighter filing do."""
    before = {kind for one in filing.needed({**facts, "calls": False}) for kind in one.kinds}
    for name in facts:
        if name != "calls":
            after = {kind for one in filing.needed({**facts, name: True, "calls": False}) for kind in one.kinds}
            assert before <= after


@pytest.mark.parametrize("name", [one.name for one in ethics.QUESTIONS])
def test_each_question_leads_to_a_review_by_its_article(name):
    decided = ethics.decide({name: True})
    assert decided.need in (Need.REVIEW, Need.EXPERTS)
    assert "科技伦理审查办法" in decided.rules[0].zh
    assert ethics.decide({name: False}).need is Need.NONE


def test_an_expert_panel_stands_above_a_committee():
    decided = ethics.decide({"people": True, "opinion": True})
    assert decided.need is Need.EXPERTS
    assert len(decided.rules) == 2
    with pytest.raises(KeyError):
        ethics.decide({"colour": True})


@pytest.mark.parametrize(
    ("day", "count", "due"),
    [
        (date(2026, 11, 25), 10, date(2026, 12, 9)),
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # the week of the national day
        (date(2026, 9, 30), 3, date(2026, 10, 10)),  # a Saturday that is worked
        (date(2026, 2, 13), 2, date(2026, 2, 24)),  # a worked Saturday, then the spring festival
        (date(2025, 12, 31), 1, date(2026, 1, 4)),  # a worked Sunday
    ],
)
def test_working_days_are_those_of_the_state_councils_arrangement(day, count, due):
    assert workdays.after(day, count) == due


@given(st.dates(date(2025, 1, 1), date(2028, 12, 31)), st.integers(1, 40))
def test_a_deadline_is_a_working_day_with_so_many_before_it(day, count):
    due = workdays.after(day, count)
    between = [day + timedelta(days=one) for one in range(1, (due - day).days + 1)]
    assert sum(map(workdays.is_workday, between)) == count
    assert workdays.is_workday(due)


def test_2026_has_as_many_working_days_as_its_arrangement_says():
    days = [date(2026, 1, 1) + timedelta(days=one) for one in range(365)]
    assert sum(map(workdays.is_workday, days)) == 248
    assert sum(map(workdays.is_workday, [one.replace(year=2025) for one in days])) == 248


def test_a_site_enters_the_next_years_arrangement(tmp_path):
    own = tmp_path / "days.json"
    own.write_text(json.dumps({"2027": {"off": ["2027-02-05/2027-02-11"], "work": ["2027-02-13"]}}))
    assert not workdays.is_workday(date(2027, 2, 8), own)
    assert workdays.is_workday(date(2027, 2, 13), own)
    assert workdays.is_workday(date(2027, 2, 8))
    assert not workdays.is_workday(date(2027, 1, 1))  # a statutory day, also without an arrangement
    own.with_name("bad.json").write_text('{"2027": {"off": ["soon"]}}')
    with pytest.raises(BadInput, match="2027-01-01/2027-01-03"):
        workdays.arrangements(own.with_name("bad.json"))


def test_deadlines_of_a_filing_and_of_an_ethics_review():
    assert filing.decide_by("algorithm", date(2026, 9, 1)) == date(2026, 10, 19)
    assert filing.decide_by("ethics", date(2026, 9, 1)) == date(2026, 10, 1)
    assert filing.file_by(date(2026, 11, 25)) == date(2026, 12, 9)
    assert filing.confirm_by("ethics", date(2026, 9, 1)) == date(2027, 9, 1)


@pytest.mark.parametrize(
    ("figures", "level"),
    [
        ({}, Level.GENERAL),
        ({"people": 999_999}, Level.GENERAL),
        ({"people": 1_000_000}, Level.SERIOUS),
        ({"people": 1, "yuan": 20_000_000}, Level.MAJOR),
        ({"hours": 24, "yuan": 1}, Level.EXTREME),
    ],
)
def test_an_incident_is_as_bad_as_the_worst_of_it(figures, level):
    assert incidents.grade(**figures) is level


def test_the_deadlines_of_an_incident():
    found = datetime(2026, 11, 25, 9, tzinfo=UTC)
    due = incidents.deadlines(Level.SERIOUS, found, None)
    assert (due.report, due.handle, due.account) == (found + timedelta(hours=4), None, None)
    assert incidents.deadlines(Level.SERIOUS, found, None, critical=True).report == found + timedelta(hours=1)
    assert incidents.deadlines(Level.GENERAL, found, None, critical=True).report is None
    assert incidents.deadlines(Level.MAJOR, found, found).account == found + timedelta(days=30)
    general = incidents.deadlines(Level.GENERAL, found, None)
    assert (general.report, general.handle.date()) == (None, date(2026, 12, 9))
