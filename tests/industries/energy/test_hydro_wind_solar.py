"""The cascade: water is kept account of, the line and the turbines hold, both rules' plans, files that say what is wrong."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.energy import hydro_wind_solar as cascade
from dujiang.industries.energy.hydro_wind_solar import BLOCKS, DAYS, HM3, HOURS, Operation, Plan, Site
from dujiang.messages import BadInput

SITE = Site(1000.0, 100.0, 500.0, 600.0, 2.0, 1.0, 1500.0)


def weather(days, *, inflow=100.0, local=50.0, wind=200.0, solar=100.0, demand=500.0):
    return np.tile([inflow, local, wind, solar, demand], (days * BLOCKS, 1))


def operation(upper=500.0, lower=50.0, days=20, **series):
    return Operation(SITE, weather(DAYS), weather(days, **series), None, upper, lower)


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 600)), min_size=4, max_size=4),
    st.floats(0, 3000),
    st.floats(0, 4000),
)
@settings(max_examples=60)
def test_no_water_is_lost_and_storages_keep_to_their_walls(flows, inflow, wind):
    run = operation(inflow=inflow, wind=wind)
    for _ in range(5):
        before = run.upper + run.lower + run._on_its_way * HM3
        spilled = run.spilled
        run.run(np.array(flows))
        assert -1e-9 <= run.upper <= 1000 + 1e-9
        assert -1e-9 <= run.lower <= 100 + 1e-9
        gone = before + BLOCKS * HM3 * (inflow + 50) - run.upper - run.lower - run._on_its_way * HM3
        assert gone >= -1e-6
        assert gone <= BLOCKS * HM3 * 600 + 1e-6 or run.spilled > spilled, (
            "more leaves than turbines take, and no spill"
        )


def test_the_turbines_follow_the_net_load():
    short = operation(wind=0.0, solar=0.0)
    short.run(np.zeros((BLOCKS, 2)))
    assert short.unserved == 0, "demand that the plan left out is served from storage"
    assert short.upper < 500
    full = operation(wind=1400.0, solar=100.0)
    full.run(np.tile([300.0, 300.0], (BLOCKS, 1)))
    assert full.lost == 0, "water gives way to wind and sun"
    windy = operation(wind=2000.0)
    windy.run(np.zeros((BLOCKS, 2)))
    assert windy.lost == pytest.approx(24 * 600), "beyond the line they are curtailed"
    dry = operation(upper=0.0, lower=0.0, inflow=0.0, local=0.0)
    dry.run(np.zeros((BLOCKS, 2)))
    assert dry.unserved == pytest.approx(24 * 200)


def test_the_loss_by_hand():
    run = operation(wind=2000.0, inflow=0.0, local=0.0, upper=500.0, lower=50.0)
    run.run(np.zeros((BLOCKS, 2)))
    assert run.upper == 500.0
    assert run.loss() == pytest.approx(300 * 24 * 600 / (24 * 500))
    run = operation(upper=0.0, lower=0.0, inflow=0.0, local=0.0)
    run.run(np.zeros((BLOCKS, 2)))
    assert run.loss() == pytest.approx(1500 * 24 * 200 / (24 * 500))


@pytest.fixture(scope="module")
def case():
    [one] = cascade.cases(1000, "small")
    return one


def test_the_year_is_as_the_site_has_it(case):
    past = case.inputs.past
    assert past.shape == (4 * DAYS * BLOCKS, 5)
    assert (past >= 0).all()
    inflow, solar = past[:, 0], past[:, 3].reshape(-1, BLOCKS)
    assert inflow.max() > 2.5 * np.median(inflow), "there are floods"
    assert solar[:, 1:3].min() > 0, "the sun shines by day"
    assert solar[:, 1].mean() > 5 * solar[:, 0].mean()
    again = cascade._world(*case.inputs.year)
    assert np.array_equal(again[0], past)


def test_forecasts_get_worse_with_lead(case):
    past, _, actual = cascade._world(*case.inputs.year)
    errors = [
        np.abs(cascade._forecast(actual, past, day, 1)[:, 2] - actual[BLOCKS * day : BLOCKS * (day + 7), 2])
        for day in range(0, 200, 2)
    ]
    assert np.mean(errors, axis=0)[:BLOCKS].mean() < 0.7 * np.mean(errors, axis=0)[-BLOCKS:].mean()


def test_the_judge_runs_the_plan_again_and_refuses_what_turbines_cannot_do(case):
    rows = cascade._rows(case.inputs.site, [(np.full((BLOCKS, 2), 300.0), 0.0, 0.0)] * DAYS)
    assert np.isfinite(cascade.judge(case.truth, rows))
    with pytest.raises(ValueError, match="each block"):
        cascade.judge(case.truth, rows[1:])
    with pytest.raises(ValueError, match="beyond"):
        cascade.judge(case.truth, [rows[0] | {"upper_m3s": 1e4}, *rows[1:]])


@pytest.mark.parametrize("by_programme", [True, False])
def test_a_full_reservoir_before_a_flood_is_drawn_and_a_low_one_kept(by_programme):
    rule = cascade._Programme(Plan(SITE, weather(2 * DAYS), weather(7), 0, 0)).solve if by_programme else None

    def flows(upper, **series):
        plan = Plan(SITE, weather(2 * DAYS), weather(7, **series), upper, 50.0)
        if rule:
            return rule(0, plan)
        return cascade._by_curve(SITE, np.full(7, 0.5), 0, plan.outlook, upper, 50.0)

    flood, low = flows(990.0, inflow=600.0), flows(50.0)
    assert (flood @ [2.0, 1.0]).mean() >= 1500 - 200 - 100 - 1, "the line is full"
    needed = 500 - 200 - 100
    assert (low @ [2.0, 1.0]).mean() <= needed + 1


def season(*, early=0.0, level=1.0):
    """A year's mean inflow by day, its peak on day 200."""
    apart = (np.arange(DAYS) - 200 + early + DAYS / 2) % DAYS - DAYS / 2
    return level * (150 + 600 * np.exp(-np.square(apart / 48)))


def river(*years):
    past = weather(len(years) * DAYS, local=0.0)
    past[:, 0] = np.repeat(np.concatenate(years), BLOCKS)
    return cascade._River(past)


def seen(one, year, days):
    """What a river says once a year has been seen for some days, its forecasts being perfect."""
    for day in range(days):
        outlook = weather(7, local=0.0)
        outlook[:, 0] = np.repeat(year[day : day + 7], BLOCKS)
        said = one.rest(day, outlook)
    return [moved for moved, _ in said], [factors for _, factors in said]


LEVELS = (0.75, 0.9, 1.1, 1.3)


@pytest.mark.parametrize("early", [-28.0, 0.0, 28.0])
@pytest.mark.parametrize("level", [0.8, 1.0])
def test_a_season_that_came_early_or_late_is_found_in_wet_and_dry_years_alike(early, level):
    past = river(*(season(level=one) for one in LEVELS))
    moved, _ = seen(past, season(early=early, level=level), 190)
    assert moved == sorted(moved)
    assert moved[1] == pytest.approx(early, abs=5)
    before, _ = seen(past, season(early=early, level=level), 60)
    assert before[-1] - before[0] > 2 * (moved[-1] - moved[0]), "in winter it can't be known"


def test_a_past_year_is_set_right_by_what_it_was_off_the_year_seen():
    past = river(*(season(level=one) for one in LEVELS))
    _, said = seen(past, season(level=0.75), 150)
    for factors in said:
        assert (np.diff(factors, axis=0) < 0).all(), "the wetter it was, the less of it is left"
    alike, *_, wettest = said[1]
    assert alike == pytest.approx(1, abs=0.15), "a year like this one is taken nearly as it was"
    assert wettest[0] == pytest.approx(0.75 / 1.3, abs=0.12)
    assert (np.diff(wettest) > 0).all() and wettest[-1] < 1, "spells fade"


def test_what_a_river_says_depends_on_the_days_seen_only():
    year = season(early=20.0)
    one, other = (river(*(season(level=level) for level in LEVELS)) for _ in range(2))
    seen(one, season(level=2.0), 100)
    assert seen(one, year, 80)[0] == seen(other, year, 80)[0], "a day asked again is forgotten with those after it"
    dry = river(np.zeros(DAYS), np.zeros(DAYS))
    moved, factors = seen(dry, np.zeros(DAYS), 40)
    assert np.isfinite(moved).all() and np.isfinite(factors).all(), "a river may be dry"


def test_a_persons_site_gets_the_coming_days_plan(case, tmp_path):
    cascade.write(case.inputs, tmp_path / "a.zip")
    own = cascade.read(tmp_path / "a.zip")
    assert own.year is None
    assert np.array_equal(own.past, case.inputs.past)
    assert (
        replace(own, past=case.inputs.past, outlook=case.inputs.outlook, year=case.inputs.year).site == case.inputs.site
    )
    rows = cascade.method(own)
    assert [row["from_hour"] for row in rows] == [int(block * HOURS) for block in range(BLOCKS)]
    assert all(0 <= row["upper_m3s"] <= own.site.upper_turbines for row in rows)


@pytest.fixture(scope="module")
def texts(case, tmp_path_factory):
    path = tmp_path_factory.mktemp("cascade") / "good.zip"
    cascade.write(replace(case.inputs, past=case.inputs.past[: 2 * DAYS * BLOCKS].round(1)), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _cell(text, row, column, value):
    lines = text.splitlines()
    cells = lines[row - 1].split(",")
    cells[column] = value
    return "\n".join([*lines[: row - 1], ",".join(cells), *lines[row:]])


@pytest.mark.parametrize(
    ("name", "change", "row", "field"),
    [
        ("site.toml", lambda text: text.replace("line = ", "cable = "), None, "line"),
        ("site.toml", lambda text: text.replace("line = ", "line = -"), None, "line"),
        ("site.toml", lambda text: text + "= broken", None, None),
        ("site.toml", lambda text: text.replace("\nupper = ", "\nupper = 9"), None, "upper"),
        ("series.csv", lambda text: _cell(text, 5, 3, "strong"), 5, "wind"),
        ("series.csv", lambda text: _cell(text, 9, 5, "-3"), 9, "demand"),
        ("series.csv", lambda text: text.replace("solar", "sun", 1), 1, "solar"),
        ("series.csv", lambda text: _cell(text, 7, 0, "forecast"), 7, "kind"),
        ("series.csv", lambda text: "\n".join(text.splitlines()[:-1]), None, "kind"),
        ("series.csv", lambda text: text.replace("past", "forecast"), None, "kind"),
        ("series.csv", lambda text: "\n".join(text.splitlines()[:1] + text.splitlines()[9:]), None, "kind"),
    ],
)
def test_a_bad_file_is_named_with_its_cell(texts, tmp_path, name, change, row, field):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in texts.items():
            archive.writestr(one, change(text) if one == name else text)
    with pytest.raises(BadInput) as caught:
        cascade.read(path)
    assert name in caught.value.path
    assert caught.value.row == row
    assert field is None or field in caught.value.field
