"""A quarter's analysis counts right, withholds what would single somebody out, and computes from what is published."""

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.talent import forecast
from dujiang.talent.analysis import Growth, Seats, Someone, Wanted, analyse, next_quarter, quarter_days

INDUSTRIES, CITIES, LEVELS = ("energy", "medical"), ("510100", "510700"), ("entry", "intermediate", "senior")


def crowd(numbers, entered=date(2020, 1, 1), left=None, skills=("ml",)):
    return [
        Someone(industry, city, level, skills, entered, left)
        for (industry, city, level), number in numbers.items()
        for _ in range(number)
    ]


def count(report, table, **key):
    [found] = [
        one["count"] for one in report["tables"][table] if all(one[name] == value for name, value in key.items())
    ]
    return found


def test_number_structure_and_quality():
    people = crowd(
        {("energy", "510100", "entry"): 12, ("energy", "510700", "senior"): 8, ("medical", "510100", "entry"): 10}
    )
    people += crowd({("energy", "510100", "entry"): 5}, left=date(2026, 9, 30))
    people += crowd({("energy", "510100", "entry"): 7}, entered=date(2026, 10, 1))
    report = analyse("2026Q3", people, [], [], [], [])
    assert count(report, "total") == 30
    assert count(report, "industry", industry="energy") == 20
    assert count(report, "industry-level", industry="energy", level="senior") == 8
    assert count(report, "city", city="510100") == 22
    assert report["quality"][0]["senior"] == pytest.approx(8 / 30)
    assert report["quality"][1] == {"industry": "energy", "senior": 0.4}
    assert report["withheld"] == 0
    assert {(one["by"], one["key"]): one["count"] for one in report["flows"]["out"]}["industry", "energy"] == 5


numbers = st.dictionaries(
    st.tuples(st.sampled_from(INDUSTRIES), st.sampled_from(CITIES), st.sampled_from(LEVELS)),
    st.integers(0, 12),
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(numbers, numbers, numbers)
def test_no_figure_of_people_is_small_and_what_is_shown_is_true(there, came, went):
    people = crowd(there) + crowd(came, date(2026, 8, 1)) + crowd(went, left=date(2026, 8, 2))
    wanted = [Wanted("vacancy", "energy", "510100", "senior", ("ml",), 3)]
    report = analyse("2026Q3", people, wanted, [Growth("ml", "intermediate", "senior", 2)], [], [])
    stock = [one for one in people if one.left is None]
    for name, rows in report["tables"].items():
        for row in rows:
            true = sum(all(getattr(one, way) == value for way, value in row.items() if way != "count") for one in stock)
            assert row["count"] in (None, true) and not 0 < (row["count"] or 0) < 5, name
    for way in ("in", "out"):
        assert not [one for one in report["flows"][way] if 0 < (one["count"] or 0) < 5]
    for one in report["skills"]:
        shown = [one["count"], *one["levels"].values()]
        assert not [figure for figure in shown if 0 < (figure or 0) < 5]
        # One withheld level of a published whole would be told by subtracting.
        assert shown[0] is None or list(one["levels"].values()).count(None) != 1
    for gap in report["gaps"]:
        assert not 0 < (gap["stock"] or 0) < 5
        assert (gap["growth"] or 5) * 2 >= 5


def test_gaps_are_what_neither_courses_nor_growth_fill():
    people = crowd({("energy", "510100", "intermediate"): 20, ("energy", "510100", "senior"): 6})
    wanted = [
        Wanted("vacancy", "energy", "510100", "senior", ("ml", "cv"), 14),
        Wanted("task", "medical", "510700", "senior", ("ml",), 6),
    ]
    report = analyse(
        "2026Q3", people, wanted, [Growth("ml", "intermediate", "senior", 4)], [Seats("ml", "senior", 5)], []
    )
    gaps = {one["skill"]: one for one in report["gaps"]}
    assert gaps["ml"] == {
        "skill": "ml", "level": "senior", "wanted": 20, "stock": 6, "courses": 5, "growth": 5.0, "gap": 10.0
    }  # fmt: skip
    assert gaps["cv"]["gap"] == 14
    assert report["demand"]["total"] == 20 and report["demand"]["source"] == {"task": 6, "vacancy": 14}
    tight = {(one["by"], one["key"]): one["per_hundred"] for one in report["tightness"]}
    assert tight["level", "senior"] == pytest.approx(100 * 20 / 6)
    assert tight["industry", "medical"] is None


def test_a_gap_does_not_tell_what_is_withheld():
    people = crowd({("energy", "510100", "intermediate"): 2, ("energy", "510100", "senior"): 9})
    wanted = [Wanted("task", "energy", "510100", "senior", ("ml",), 10)]
    report = analyse("2026Q3", people, wanted, [Growth("ml", "intermediate", "senior", 1)], [], [])
    assert report["gaps"][0]["gap"] is None and report["gaps"][0]["growth"] is None


def test_forecasts_come_from_published_quarters_that_follow_each_other():
    before, quarter = [], "2025Q1"
    for size in (50, 54, 60, 63, 70, 74):
        people = crowd({("energy", "510100", "entry"): size, ("medical", "510100", "entry"): 3})
        made = analyse(quarter, people, [], [], [], before)
        before.append(made)
        quarter = next_quarter(quarter)
    told = {(one["what"], one["industry"]): one for one in made["forecast"]}
    people = told["people", ""]
    assert people["quarters"] == 6 and people["record"]["quarters"] == 1
    assert [step["quarter"] for step in people["steps"]] == ["2026Q3", "2026Q4", "2027Q1", "2027Q2"]
    first = people["steps"][0]
    assert first["value"] == pytest.approx(77 + 24 / 5) and first["low"] < first["value"] < first["high"]
    # Neither industry is published beside the total: subtracting would tell the three.
    assert ("people", "energy") not in told and ("people", "medical") not in told
    assert analyse("2027Q1", crowd({}), [], [], [], before)["forecast"] == []


def test_an_interval_holds_as_often_as_it_says():
    source, inside = random.Random(7), 0
    for _ in range(400):
        walk = [1000.0]
        for _ in range(12):
            walk.append(walk[-1] + 5 + source.gauss(0, 10))
        inside += (step := forecast.drift(walk[:-1], 1)[0]).low <= walk[-1] <= step.high
    assert 0.75 < inside / 400 < 0.85


def test_a_short_series_has_no_forecast():
    assert forecast.drift([1, 2, 3, 4], 2) is None
    assert forecast.record([1, 2, 3, 4, 5]) is None


@pytest.mark.parametrize(
    ("quarter", "first", "last"),
    [("2026Q1", (2026, 1, 1), (2026, 3, 31)), ("2026Q3", (2026, 7, 1), (2026, 9, 30)), ("2026Q4", (2026, 10, 1), (2026, 12, 31))],
)  # fmt: skip
def test_quarters(quarter, first, last):
    assert quarter_days(quarter) == (date(*first), date(*last))
    assert next_quarter(quarter, 4) == f"2027Q{quarter[-1]}" and next_quarter("2026Q1", -1) == "2025Q4"


def test_what_is_no_quarter_is_refused():
    for wrong in ("2026", "2026Q5", "26Q1"):
        with pytest.raises(ValueError, match=wrong):
            quarter_days(wrong)
