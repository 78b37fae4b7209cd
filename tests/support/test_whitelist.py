"""Criteria of the white list as data, proof beside facts, and times measured with what still runs."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dujiang.support
from dujiang.messages import BadInput
from dujiang.support.measures import Standing
from dujiang.support.whitelist import quantile, read, workdays_between

FILE = Path(dujiang.support.__file__).parent / "criteria" / "white-list.toml"
CRITERIA = read(FILE)
FACTS = {
    "place": "510107", "founded": date(2020, 5, 1), "research_share": 62, "staff_share": 300, "revenue": Decimal(30_000_000),
    "patents": 4, "dishonest": False, "compute_bought": Decimal(900_000), "contracts": Decimal(5_000_000),
}  # fmt: skip
PAPERS = set(CRITERIA.papers)


def test_who_meets_all_with_proof_may_be_listed():
    made = CRITERIA.assess(FACTS, PAPERS, {"voucher.granted"})
    assert made.standing is Standing.MAY
    assert made.reasons == [] and made.missing == ()


@pytest.mark.parametrize(
    ("changed", "standing", "said"),
    [
        ({"dishonest": True}, Standing.MAY_NOT, "失信"),
        ({"place": "110108"}, Standing.MAY_NOT, "省内"),
        ({"research_share": 45}, Standing.MAY_NOT, "研发投入"),
        ({"research_share": 45, "revenue": Decimal(60_000_000)}, Standing.MAY, ""),
        ({"research_share": 30, "revenue": Decimal(200_000_000)}, Standing.MAY, ""),
        ({"research_share": 29, "revenue": Decimal(200_000_000)}, Standing.MAY_NOT, "研发投入"),
        ({"patents": 0, "staff_share": 0}, Standing.MAY, ""),  # two of the four others hold
        ({"patents": 0, "staff_share": 0, "contracts": Decimal(0)}, Standing.MAY_NOT, "自主知识产权"),
    ],
)
def test_facts_decide(changed, standing, said):
    made = CRITERIA.assess({**FACTS, **changed}, PAPERS, {"job.finished"})
    assert made.standing is standing
    if said:
        assert said in "".join(one.zh for one in made.reasons)


def test_a_fact_without_proof_is_only_claimed():
    made = CRITERIA.assess(FACTS, PAPERS - {"公共信用信息报告"}, {"voucher.granted"})
    assert made.standing is Standing.OPEN
    assert any("公共信用信息报告" in one.zh for one in made.reasons)


def test_evidence_counts_only_of_the_kinds_asked_for():
    few = {**FACTS, "patents": 0, "staff_share": 0}
    assert CRITERIA.assess(few, PAPERS, {"scenario.tried"}).standing is Standing.OPEN
    assert CRITERIA.assess(few, PAPERS, {"job.finished"}).standing is Standing.MAY


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.sampled_from(sorted(FACTS))))
def test_more_facts_never_turn_may_not_into_open(dropped):
    fewer = CRITERIA.assess(
        {name: value for name, value in FACTS.items() if name not in dropped}, PAPERS, {"job.finished"}
    )
    assert fewer.standing is (Standing.MAY if not fewer.missing else fewer.standing)
    assert fewer.standing is not Standing.MAY_NOT
    assert set(fewer.missing) == dropped


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("optional = 2", "optional = 9", "optional"),
        ("optional = 2", "optional = true", "optional"),
        ('papers = ["营业执照"]', "papers = 3", "papers"),
        ('required = true\nneeds = [{ fact = "place"', 'must = true\nneeds = [{ fact = "place"', "must"),
        ('{ fact = "dishonest", is = false }', '{ fact = "honesty", is = false }', "honesty"),
        ("[criteria.place]", "[criteria.place", "TOML"),
    ],
)
def test_a_bad_file_says_where(tmp_path, before, after, said):
    text = FILE.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "c.toml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        read(path)


def test_workdays_count_after_the_first_day_and_skip_days_off():
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)
    assert workdays_between(friday, friday) == 0
    assert workdays_between(friday, monday) == 1
    assert workdays_between(date(2026, 9, 30), date(2026, 10, 8)) == 1  # the national holidays of 1 to 7 October


def test_what_still_runs_counts():
    # By hand: 1, 2, 3 ended, 4+ and 5+ run on. S = 4/5, 3/5, 2/5; the median is 3, no ninth tenth is known.
    durations, ended = [1, 2, 3, 4, 5], [True, True, True, False, False]
    assert quantile(durations, ended, 0.5) == 3
    assert quantile(durations, ended, 0.9) is None
    assert quantile([], [], 0.5) is None


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.data())
def test_a_quantile_is_an_order_statistic_and_grows_when_cases_run_on(durations, data):
    whole = quantile(durations, [True] * len(durations), 0.5)
    assert sum(one <= whole for one in durations) >= len(durations) / 2
    assert sum(one < whole for one in durations) < len(durations) / 2 or whole == min(durations)
    ended = [data.draw(st.booleans()) for _ in durations]
    censored = quantile(durations, ended, 0.5)
    assert censored is None or censored >= whole
