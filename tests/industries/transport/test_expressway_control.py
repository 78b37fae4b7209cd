"""Ramp metering: the drop in SUMO, what lights let through, rules by hand, the judge, tables that say what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.transport import expressway_control as way
from dujiang.messages import BadInput


def _road(inside=(), *, queue=0.0, main=20.0, ramps=5.0):
    """Return a small road of half an hour that has been the same all the time, but for what is inside now."""
    sections = way._sections("small")
    seen = np.zeros((40, len(sections)))
    places = [place for place, one in enumerate(sections) if one.kind == "ramp"]
    seen[:, places] = queue
    for name, value in dict(inside).items():
        seen[-1, [one.name for one in sections].index(name)] = value
    entered = np.tile([main, ramps, ramps], (40, 1))
    return way.Road(sections, seen, entered, np.tile([main, ramps, ramps], (120, 1)))


def test_a_merge_that_broke_down_passes_less_than_before():
    with way.Day((1001, "small")) as day:
        flows, held = [], []
        before: set[str] = set()
        for _ in range(60):
            day.decide([way.CYCLE] * 2, way.SPEEDS[-1])
            now = set(day._sumo.edge.getLastStepVehicleIDs("M2"))
            flows.append(len(now - before) * 3600 / way.CYCLE)
            held.append(day.inside[-1][[one.name for one in way._sections("small")].index("A2")])
            before = now
    down = next(place for place in range(60) if min(held[place : place + 8]) > 70)
    free = max(np.convolve(flows[:down], np.ones(6) / 6, mode="valid"))
    assert 0.04 < 1 - np.mean(flows[down : down + 16]) / free < 0.25


def test_a_light_passes_half_a_vehicle_a_second_of_green():
    with way.Day((1000, "small")) as day:
        passed = []
        for _ in range(16):
            queue = day.inside[-1][3]
            day.decide([6, 6], way.SPEEDS[-1])
            passed.append(queue + day.entered[-1][1] - day.inside[-1][3])
    assert np.mean(passed[6:]) == pytest.approx(6 * way.PASSED, rel=0.35)


def test_an_empty_road_is_not_metered_and_a_full_one_is():
    green, limit = way._ahead(_road({"B1": 10.0, "B2": 10.0}))
    assert green == [way.CYCLE] * 2
    assert limit == way.SPEEDS[-1]
    green, _ = way._ahead(_road({"A2": 120.0, "B2": 90.0}))
    assert green == [way.CYCLE, way.LEAST]


def test_what_is_on_its_way_counts_by_how_far_it_is_and_whether_it_leaves():
    road = _road({"M0": 900.0, "R1": 5.0, "A1": 3.0, "M1": 60.0, "X2": 10.0, "B2": 16.0})
    assert way._coming(road, 9) == pytest.approx(16 * 750 / 800)
    near = tuple(replace(one, length=100.0) if one.name == "B2" else one for one in road.sections)
    assert way._coming(replace(road, sections=near), 9) == pytest.approx(16 + 0.92 * (10 + 60 * 250 / 1200))


def test_a_ramp_is_held_where_the_section_after_its_merge_fills():
    lane_km = 2 * 1.2
    [green, _], _ = way._ahead(_road({"M1": way.TIGHT * lane_km - 3.0}))
    assert green == 3.0 / way.PASSED
    [green, _], _ = way._ahead(_road({"M1": way.TIGHT * lane_km}))
    assert green == way.LEAST


def test_a_ramp_that_is_filling_lets_out_what_comes_and_not_all():
    jam = {"A2": 120.0, "B2": 90.0}
    [_, green], _ = way._ahead(_road(jam | {"R2": way.FULL}, ramps=5.0))
    assert green == 5.0 / way.PASSED
    [_, green], _ = way._ahead(_road(jam | {"R2": way.FULL - 10}, ramps=5.0))
    assert green == way.LEAST


@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 84))
@settings(max_examples=40, deadline=None)
def test_less_green_is_shown_the_more_is_in_a_merge_or_on_its_way(held, coming, queue):
    [_, once], _ = way._ahead(_road({"A2": held, "B2": coming, "R2": queue}))
    [_, more], _ = way._ahead(_road({"A2": held + 20, "B2": coming, "R2": queue}))
    [_, most], _ = way._ahead(_road({"A2": held + 20, "B2": coming + 5, "R2": queue}))
    assert way.LEAST <= most <= more <= once <= way.CYCLE


@given(st.floats(0, 200), st.floats(0, 84))
@settings(max_examples=40, deadline=None)
def test_alinea_shows_less_green_the_more_a_merge_holds(held, queue):
    rule = way._alinea(_road())
    [_, once], _ = rule(_road({"A2": held, "R2": queue}))
    rule = way._alinea(_road())
    [_, more], _ = rule(_road({"A2": held + 20, "R2": queue}))
    assert way.LEAST <= more <= once <= way.CYCLE
    [_, full], _ = rule(_road({"A2": held, "R2": way.FULL}))
    assert full == way.CYCLE


@pytest.fixture(scope="module")
def case():
    [one] = way.cases(1000, "small")
    return one


def test_the_judge_takes_each_decision_once_and_only_what_can_be_shown(case):
    first = way.WARM * 60
    decisions = (way.MINUTES["small"] + way.AFTER - way.WARM) * 60 // way.CYCLE
    rows = [{"second": first + place * way.CYCLE, "R1": 30, "R2": 30, "limit_kmh": 100} for place in range(decisions)]
    with pytest.raises(ValueError, match="once"):
        way.judge(case.truth, rows[1:])
    with pytest.raises(ValueError, match="cannot be shown"):
        way.judge(case.truth, [rows[0] | {"R1": 2}, *rows[1:]])
    with pytest.raises(ValueError, match="cannot be shown"):
        way.judge(case.truth, [rows[0] | {"limit_kmh": 130}, *rows[1:]])


@pytest.fixture(scope="module")
def table(case, tmp_path_factory):
    path = tmp_path_factory.mktemp("road") / "road.csv"
    way.write(case.inputs, path)
    return path.read_text()


def test_a_persons_road_gets_the_next_half_minute(case, table, tmp_path):
    path = tmp_path / "road.csv"
    path.write_text(table)
    road = way.read(path)
    assert np.array_equal(road.inside, case.inputs.inside)
    assert np.array_equal(road.entered, case.inputs.entered)
    assert road.sections == case.inputs.sections
    [row] = way.method(road)
    assert row["second"] == len(road.inside) * way.CYCLE
    assert way.picture(road, [row]).to_dict()


@pytest.mark.parametrize(
    ("row", "column", "value", "field"),
    [
        (1, "kind", "exit", "kind"),
        (2, "kind", "tunnel", "kind"),
        (2, "share", "0", "share"),
        (3, "length", "long", "length"),
        (3, "lanes", "0", "lanes"),
        (4, "section", "M0", "section"),
        (1, "inside", "-3", "inside"),
        (3, "entered", "4", "entered"),
        (4, "usual", "", "usual"),
        (6, "kind", "merge", "kind"),
        (30, "section", "其他", "section"),
        (30, "length", "777", "length"),
        (40, "inside", "", "inside"),
        (40, "cycle", "1", "cycle"),
    ],
)
def test_a_bad_cell_is_named(table, tmp_path, row, column, value, field):
    lines = [line.split(",") for line in table.splitlines()]
    lines[row][lines[0].index(column)] = value
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(",".join(line) for line in lines))
    with pytest.raises(BadInput) as caught:
        way.read(path)
    assert field in str(caught.value)
    assert caught.value.row in (row + 1, None)


def test_readings_of_too_few_minutes_are_refused(case, tmp_path):
    path = tmp_path / "short.csv"
    way.write(replace(case.inputs, inside=case.inputs.inside[:12], entered=case.inputs.entered[:12]), path)
    with pytest.raises(BadInput, match="inside"):
        way.read(path)
