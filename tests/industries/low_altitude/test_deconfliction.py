import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.low_altitude import deconfliction as sky
from dujiang.industries.low_altitude.deconfliction import Flight, Period, Tower
from dujiang.messages import BadInput

WEST, EAST, NORTH, SOUTH = (sky._degrees(place) for place in ((-800, 0), (800, 0), (0, 800), (0, -800)))


def _period(*flights, towers=(), wind=(0.0, 0.0)):
    return Period(tuple(towers), tuple(Flight(name, *ends, 0.0, 14.0) for name, ends in flights), wind)


def _truth(period, others=(), wind=(0.0, 0.0)):
    return {"period": period, "others": list(others), "wind": np.array(wind), "seed": 0}


def _straight(period, layer=60.0):
    return [
        sky._row(one, layer, one.departure, (sky._metres(one.origin), sky._metres(one.destination)))
        for one in period.flights
    ]


def test_one_flight_loses_nothing_and_is_late_only_by_what_holds_it_up():
    period = _period(("a", (WEST, EAST)))
    flown = sky.simulate(_truth(period), _straight(period))
    assert flown.losses == 0
    assert flown.hours * 3600 == pytest.approx(2 * 60 / sky.CLIMB + 1600 / 14, abs=5)
    assert 0 <= flown.delay * 60 <= 35, "a late start at most"
    assert sky.judge(_truth(period), _straight(period)) == pytest.approx(sky.MINUTE_COUNTS * flown.delay)


def test_a_head_wind_slows_by_the_wind_triangle():
    east = np.array([[1.0, 0.0]])
    assert sky._ground_speed(10.0, east, np.array([[-3.0, 0.0]]))[0] == pytest.approx(7.0)
    assert sky._ground_speed(10.0, east, np.array([[0.0, 6.0]]))[0] == pytest.approx(8.0)


def test_a_loss_is_counted_once_for_each_time_that_two_come_too_close():
    close = np.zeros((2, 2), dtype=bool)
    both, high = np.arange(2), np.array([60.0, 60.0])
    near, far = np.array([[0.0, 0.0], [31.0, 0.0]]), np.array([[0.0, 0.0], [33.0, 0.0]])
    counts = [sky._count(both, at, high, close) for at in (near, near, far, near)]
    assert counts == [1, 0, 0, 1]
    assert sky._count(both, far, high, close) == 0
    assert sky._count(both, near, np.array([60.0, 68.0]), close) == 0, "one above the other"


def test_unannounced_flights_are_what_costs_a_plan_that_is_free_of_conflict():
    period = _period(("a", (WEST, EAST)))
    intruder = {"route": ((800.0, 0.0), (-800.0, 0.0)), "layer": 60.0, "departure": 0.0, "speed": 14.0}
    assert sky.simulate(_truth(period, [intruder]), _straight(period)).losses >= 1


def test_the_method_keeps_crossing_flights_apart():
    period = _period(("a", (WEST, EAST)), ("b", (NORTH, SOUTH)), ("c", (EAST, WEST)), ("d", (SOUTH, NORTH)))
    answer = sky.method(period)
    assert sky.simulate(_truth(period), answer).losses == 0
    assert len({(row["layer_m"], row["departure_s"]) for row in answer}) > 1


def test_routes_lead_around_a_tower_that_reaches_the_layer_and_over_one_that_does_not():
    tower = Tower(sky._degrees((0.0, 0.0)), 50.0, 85.0)
    air = sky._air(_period(("a", (WEST, EAST)), towers=[tower]))
    start, end = sky._metres(WEST), sky._metres(EAST)
    low, high = air.route(start, end, 60.0), air.route(start, end, 100.0)
    assert len(high) == 2 and len(low) > 2
    for one, other in itertools.pairwise(low):
        along = [(one[0] + t * (other[0] - one[0]), one[1] + t * (other[1] - one[1])) for t in np.linspace(0, 1, 50)]
        assert min(math.hypot(*place) for place in along) >= 50 + sky.CLEARANCE - 0.2
    length = sum(math.dist(one, other) for one, other in itertools.pairwise(low))
    assert 1600 < length < 1600 * 1.05


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_both_plans_can_be_flown_and_put_nobody_off_for_longer_than_they_may(seed):
    case = sky.cases(seed, "small")[0]
    inputs = dataclasses.replace(case.inputs, flights=case.inputs.flights[:8])
    asked = {one.name: one.departure for one in inputs.flights}
    for answer in (sky.baseline(inputs), sky.method(inputs)):
        assert len(sky._plans(inputs, answer)) == 8
        assert all(-0.1 <= row["departure_s"] - asked[row["flight"]] <= sky.LATEST for row in answer)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"layer_m": 65.0}, "no such layer"),
        ({"departure_s": 700.0}, "too early or more"),
        ({"route": f"{WEST[0]},{WEST[1]} {NORTH[0]},{NORTH[1]}"}, "vertiport to vertiport"),
        ({"route": f"{WEST[0]},{WEST[1]} {EAST[0]},{EAST[1]}"}, "into a tower"),
        ({"flight": "b"}, "each flight once"),
    ],
)
def test_a_plan_that_cannot_be_flown_is_no_answer(change, fault):
    period = _period(("a", (WEST, EAST)), towers=[Tower(sky._degrees((0.0, 0.0)), 50.0, 85.0)])
    row = sky.baseline(period)[0]
    with pytest.raises(ValueError, match=fault):
        sky.judge(_truth(period), [row | {"layer_m": 60.0} | change])


def _file(**changes):
    flight = {
        "type": "Feature", "geometry": {"type": "LineString", "coordinates": [list(WEST), list(EAST)]},
        "properties": {"kind": "flight", "name": "a", "departure_s": 0, "speed_mps": 14},
    }  # fmt: skip
    tower = {
        "type": "Feature", "geometry": {"type": "Point", "coordinates": list(NORTH)},
        "properties": {"kind": "tower", "radius_m": 40, "height_m": 90},
    }  # fmt: skip
    return {"type": "FeatureCollection", "wind_mps": [1.0, -2.0], "features": [tower, flight]} | changes


@pytest.mark.parametrize(
    ("change", "row", "field"),
    [
        (lambda one: one.update(type="Feature"), None, "type"),
        (lambda one: one.update(wind_mps=[1.0]), None, "wind_mps"),
        (lambda one: one.update(wind_mps=[1.0, math.nan]), None, "wind_mps"),
        (lambda one: one["features"].append({}), "features[2]", "properties.kind"),
        (lambda one: one["features"][0]["properties"].update(radius_m="wide"), "features[0]", "properties.radius_m"),
        (lambda one: one["features"][1]["properties"].update(speed_mps=0), "features[1]", "properties.speed_mps"),
        (lambda one: one["features"][1]["geometry"].update(type="Point"), "features[1]", "geometry"),
        (lambda one: one["features"][1]["geometry"]["coordinates"].pop(), "features[1]", "geometry"),
        (lambda one: one["features"][0]["geometry"].update(coordinates=[0, 0]), "features[0]", "geometry.coordinates"),
        (lambda one: one["features"][1]["properties"].update(name=" "), "features[1]", "properties.name"),
        (lambda one: one["features"].append(one["features"][1]), None, "properties.name"),
        (lambda one: one["features"].pop(), None, "properties.name"),
        (lambda one: one["features"][0]["geometry"].update(coordinates=list(WEST)), "a", "geometry.coordinates"),
    ],
)
def test_a_bad_feature_is_named_with_its_field(tmp_path, change, row, field):
    content = json.loads(json.dumps(_file()))
    content["features"][0]["properties"]["height_m"] = 300
    change(content)
    path = tmp_path / "bad.geojson"
    path.write_text(json.dumps(content))
    with pytest.raises(BadInput) as caught:
        sky.read(path)
    assert (caught.value.row, caught.value.field) == (row, field)


def test_what_a_station_sends_is_read(tmp_path):
    path = tmp_path / "good.geojson"
    path.write_text(json.dumps(_file()))
    period = sky.read(path)
    assert period.flights == (Flight("a", WEST, EAST, 0.0, 14.0),)
    assert (period.towers, period.wind) == ((Tower(NORTH, 40.0, 90.0),), (1.0, -2.0))
