"""The closed loop: the reactor's chemistry, the judge who repeats the runs, the next run for one's own, bad tables."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.science import closed_loop_lab as lab
from dujiang.industries.science.closed_loop_lab import FACTORS, Campaign, Factor, Laboratory, Run
from dujiang.messages import BadInput

MILD = (1050.0, 100.0, 0.1, 0.3)


def test_the_reactor_cracks_ethane_as_it_is_known_to():
    cold, warm = lab._yield(0, (1000.0, 10.0, 0.05, 0.3)), lab._yield(0, MILD)
    assert 0 <= cold < 5 < warm < 90
    assert lab._yield(0, (1050.0, 20.0, 0.1, 0.3)) < warm, "longer in the tube, more of it cracked"
    assert math.isnan(lab._yield(0, (1250.0, 500.0, 0.5, 0.0))), "much oxygen burns, and trips the interlock"


def test_a_run_repeats_by_its_number_and_noise_differs_between_numbers():
    laboratory = Laboratory(0, 7)
    assert laboratory.run(MILD, 1) == laboratory.run(MILD, 1)
    results = [laboratory.run(MILD, number) for number in range(30)]
    measured = [result for result in results if not math.isnan(result)]
    assert len(set(measured)) > 20
    assert abs(np.mean(measured) - lab._yield(0, MILD)) < 2


@pytest.fixture(scope="module")
def case():
    [one] = lab.cases(1000, "small")
    return one


@pytest.fixture(scope="module")
def campaign(case):
    return lab._done(case.inputs, np.random.default_rng(0).random((6, 4)))


def test_the_judge_repeats_each_run(case, campaign):
    rows = lab._rows(campaign, MILD, None)
    assert lab.judge(case.truth, rows) == pytest.approx(
        case.truth["best"] - lab._yield(case.truth["laboratory"].reactor, MILD)
    )
    tripped = lab._rows(campaign, (1250.0, 1000.0, 0.5, 0.0), None)
    assert lab.judge(case.truth, tripped) == case.truth["best"], "what trips the interlock yields nothing"
    better = [row | {"yield_percent": 80.0} if row["run"] == 1 else row for row in rows]
    with pytest.raises(ValueError, match="run 1: the laboratory's result"):
        lab.judge(case.truth, better)
    with pytest.raises(ValueError, match="numbered from 1"):
        lab.judge(case.truth, rows[1:])
    with pytest.raises(ValueError, match="0 recommendations"):
        lab.judge(case.truth, rows[:-1])
    with pytest.raises(ValueError, match="outside their ranges"):
        lab.judge(case.truth, lab._rows(campaign, (1300.0, *MILD[1:]), None))


ENDS = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(ENDS, st.floats(0.1, 1e3)), min_size=2, max_size=5), st.data())
@settings(max_examples=30)
def test_settings_stay_in_their_ranges_and_lead_back_to_their_point(ranges, data):
    factors = tuple(Factor(f"x{place}", low, low + width) for place, (low, width) in enumerate(ranges))
    unit = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(factors), max_size=len(factors))))
    values = lab._settings(factors, unit)
    assert all(one.low <= value <= one.high for one, value in zip(factors, values, strict=True))
    back = lab._unit(factors, [Run(values, 0.0)])[0]
    # Five digits of values up to 2000 in a range of a tenth at least.
    widths = np.array([one.high - one.low for one in factors])
    assert np.all(np.abs(back - unit) <= 0.06 / widths + 1e-9)


class _Hill(Laboratory):
    """A laboratory whose yield is a hill with a cliff beside it."""

    top = np.array([0.7, 0.4, 0.3, 0.6])

    def run(self, settings, number):
        point = lab._unit(FACTORS, [Run(tuple(settings), 0.0)])[0]
        if point[0] > 0.8:
            return math.nan
        return round(80 * math.exp(-float(np.square(point - self.top).sum()) * 2), 2)


def test_the_loop_climbs_a_hill_beside_a_cliff():
    campaign = Campaign(FACTORS, (), 24, _Hill(0, 0))
    answer = lab.method(campaign)
    *runs, recommended = answer
    assert len(runs) == 24
    assert recommended["state"] == "recommended"
    place = lab._unit(FACTORS, [Run(tuple(recommended[one.name] for one in FACTORS), 0.0)])[0]
    assert np.abs(place - _Hill.top).max() < 0.15
    failed = [row for row in runs[lab.FIRST :] if row["state"] == "failed"]
    assert len(failed) < 6, "it learns where runs fail"


def test_success_is_unlikely_where_runs_failed():
    points = np.random.default_rng(1).random((24, 2))
    factors = (Factor("a", 0.0, 1.0), Factor("b", 0.0, 1.0))
    runs = tuple(Run(tuple(point), math.nan if point[0] > 0.6 else 50 * point[1]) for point in points)
    belief = lab._Belief(Campaign(factors, runs, 40))
    low, high = belief.success(np.array([[0.9, 0.5], [0.1, 0.5]]))
    assert low < 0.3
    assert high > 0.7


TABLE = """state,yield_percent,temperature_K,time_s [log]
low,,900,1
high,,1000,100
done,10.5,950,10
failed,,990,90
done,14,960,12
done,17,970,14
"""


def table(tmp_path, text):
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_persons_table_gets_the_next_run(tmp_path):
    campaign = lab.read(table(tmp_path, TABLE))
    assert campaign.factors == (Factor("temperature_K", 900, 1000), Factor("time_s", 1, 100, log=True))
    assert [math.isnan(run.result) for run in campaign.runs] == [False, True, False, False]
    assert [row["state"] for row in lab.method(campaign)] == ["done", "failed", "done", "done", "next"], (
        "still spreading"
    )
    more = tuple(Run((900 + 10 * place, 10.0 + place), float(place)) for place in range(10))
    *_, recommended, following = lab.method(replace(campaign, runs=campaign.runs + more))
    assert (recommended["state"], following["state"], following["run"]) == ("recommended", "next", 15)
    assert 900 <= following["temperature_K"] <= 1000
    assert 1 <= following["time_s"] <= 100
    lab.write(campaign, tmp_path / "again.csv")
    assert lab.read(tmp_path / "again.csv").factors == campaign.factors


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("yield_percent", "purity", 1, "yield_percent"),
        ("done,10.5", "finished,10.5", 4, "state"),
        ("950,10", "hot,10", 4, "temperature_K"),
        ("950,10", "1950,10", 4, "temperature_K"),
        ("done,10.5", "done,", 4, "yield_percent"),
        ("failed,,990", "failed,3,990", 5, "yield_percent"),
        ("done,10.5", "done,110.5", 4, "yield_percent"),
        ("high,,1000,100", "high,,900,100", 3, "temperature_K"),
        ("low,,900,1", "low,,900,0", 2, "time_s [log]"),
        ("high,,1000,100\n", "", None, "state"),
        (",time_s [log]", ",temperature_K [log]", 1, "settings"),
    ],
)
def test_a_bad_table_is_named_with_its_cell(tmp_path, old, new, row, field):
    assert old in TABLE
    with pytest.raises(BadInput) as caught:
        lab.read(table(tmp_path, TABLE.replace(old, new, 1)))
    assert caught.value.row == row
    assert field in str(caught.value)
