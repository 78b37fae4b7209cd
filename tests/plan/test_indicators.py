"""Indicators: goals grouped by what they are about, paths to their targets, and where a figure stands."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.plan.indicators import (
    Observation,
    Status,
    Target,
    expected_on,
    indicators,
    month_end,
    next_target,
    period_end,
    status,
    yearly_path,
)
from plan.goals import goal


def test_goals_of_several_years_are_one_indicator():
    found = indicators(
        {
            1: goal("普及率", 70, 2027, ">", "%"),
            2: goal("企业", 2500, 2030, unit="家"),
            3: goal("普及率", 90, 2030, ">", "%"),
            4: goal("步入新阶段", None, 2035, None, None),
        }
    )
    assert [one.about for one in found] == ["普及率", "企业"]
    assert [(target.year, target.value, target.goal) for target in found[0].targets] == [(2027, 70, 1), (2030, 90, 3)]


def test_a_range_asks_for_its_lower_end():
    found = indicators({1: goal("产业集群", None, op="=", low=2, high=3)})
    assert found[0].targets[0].met_by(2)
    assert not found[0].targets[0].met_by(1)


def test_yearly_scenarios_of_every_industry_are_computed():
    text = "每个行业每年推出不少于5个典型场景"
    found = indicators({1: goal("典型场景", 5, None, text=text, period="year")})
    assert found[0].per_industry
    assert not indicators({1: goal("标志性应用场景", 10)})[0].per_industry


@given(
    st.dates(date(2024, 1, 1), date(2029, 12, 31)),
    st.floats(0, 100),
    st.lists(st.floats(0, 1000), min_size=1, max_size=3),
    st.dates(date(2024, 1, 1), date(2040, 12, 31)),
)
def test_the_path_goes_through_start_and_targets_and_stays_between(start_day, start_value, values, day):
    start = Observation(start_day, start_value, 1, "s")
    targets = [Target(n, 2030 + 2 * n, ">=", value) for n, value in enumerate(values)]
    assert expected_on(start_day, start, targets) == pytest.approx(start_value)
    for target in targets:
        assert expected_on(date(target.year, 12, 31), start, targets) == pytest.approx(target.value)
    between = expected_on(day, start, targets)
    assert min([start_value, *values]) - 1e-9 <= between <= max([start_value, *values]) + 1e-9


def test_a_target_without_a_year_has_no_path():
    assert expected_on(date(2027, 1, 1), Observation(date(2026, 1, 1), 1, 1, "s"), [Target(1, None, ">=", 5)]) is None


def test_the_yearly_path_is_the_part_of_the_year():
    assert yearly_path(date(2026, 12, 31), 5) == 5
    assert yearly_path(date(2028, 12, 31), 5) == 5
    assert yearly_path(date(2026, 1, 1), 365) == pytest.approx(1)


@pytest.mark.parametrize(
    ("op", "value", "expected", "stands"),
    [
        (">", 70, 60, Status.ON_PATH),
        (">", 70.1, 60, Status.REACHED),
        (">=", 70, 60, Status.REACHED),
        (">=", 50, 60, Status.LATE),
        ("<=", 70, 80, Status.REACHED),
        ("<=", 75, 80, Status.ON_PATH),
        ("<=", 85, 80, Status.LATE),
        ("<", 70, 80, Status.ON_PATH),
        ("=", 71, 60, Status.REACHED),
        (">=", 50, None, Status.ON_PATH),
        (">=", None, None, Status.NO_DATA),
    ],
)
def test_status(op, value, expected, stands):
    assert status(value, Target(1, 2027, op, 70), expected) is stands


def test_the_next_target_is_the_one_due():
    targets = [Target(1, 2027, ">", 70), Target(2, 2030, ">", 90)]
    assert [next_target(date(year, 6, 1), targets).goal for year in (2026, 2027, 2028, 2035)] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("period", "end"),
    [("2026", "2026-12-31"), ("2026-H1", "2026-06-30"), ("2026-q3", "2026-09-30"), ("2028-02", "2028-02-29")],
)
def test_periods(period, end):
    assert period_end(period) == date.fromisoformat(end)


@pytest.mark.parametrize("period", ["", "26", "2026-13", "2026-Q5", "2026-00", "2026年", "2026-1"])
def test_what_is_no_period(period):
    with pytest.raises(ValueError, match=r".*"):
        period_end(period)


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-Q1", "November"])
def test_what_is_no_month(month):
    with pytest.raises(ValueError, match="\n"):
        month_end(month)
