import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.urban_governance import water_leak
from dujiang.industries.urban_governance.water_leak import SCENARIO, judge
from dujiang.messages import BadInput

# Two loops: a reservoir R feeds A; A-B, B-C, C-A of 300, 400, 500 m, a spur C-D of 200 m.
MODEL = """[TITLE]
loop
[JUNCTIONS]
A 10 2
B 10 3
C 10 4
D 10 1
[RESERVOIRS]
R 60
[PIPES]
main R A 1000 300 120 0 Open
ab A B 300 150 120 0 Open
bc B C 400 150 120 0 Open
ca C A 500 150 120 0 Open
cd C D 200 100 120 0 Open
[COORDINATES]
R 0 0
A 1000 0
B 1300 0
C 1300 400
D 1500 400
[OPTIONS]
Units LPS
Headloss H-W
[TIMES]
Duration 24:00
Hydraulic Timestep 1:00
[END]
"""


@pytest.fixture(scope="module")
def case():
    return SCENARIO.cases(0, "small")[0]


@pytest.fixture(scope="module")
def links():
    return water_leak._links(water_leak._network(MODEL))


def survey(fall, days=3, noise=0.01, seed=0):
    """Readings at B and D that fall by ``fall`` m on the last day."""
    draw = np.random.default_rng(seed)
    pressure = 40 + draw.normal(0, noise, (24 * (days + 1), 2))
    pressure[24 * days :] -= fall
    times = [f"2026-03-{2 + hour // 24:02d}T{hour % 24:02d}:00" for hour in range(24 * (days + 1))]
    leaking = (False,) * (24 * days) + (True,) * 24
    return water_leak.Survey(MODEL, ("B", "D"), tuple(times), leaking, pressure.round(3))


# --- distance --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pipe", "metres", "away"),
    [
        ("ab", 100.0, 0.0),
        ("ab", 250.0, 150.0),
        ("ca", 450.0, 150.0),  # 50 m to A, 100 m on
        ("cd", 0.0, 600.0),  # either way round the loop: 200 + 400 or 100 + 500
        ("cd", 200.0, 800.0),
        ("main", 900.0, 200.0),
    ],
)
def test_the_distance_runs_along_pipes(links, pipe, metres, away):
    truth = {"pipe": "ab", "position_m": 100.0, "links": links}
    assert judge(truth, [{"pipe": pipe, "position_m": metres}]) == pytest.approx(away, abs=1e-3)


places = st.tuples(st.sampled_from(["main", "ab", "bc", "ca", "cd"]), st.floats(0, 1))


@settings(max_examples=80, deadline=None)
@given(places, places, places)
def test_the_distance_is_a_metric(one, two, three):
    streets = water_leak._Streets(water_leak._links(water_leak._network(MODEL)))
    a, b, c = ((pipe, part * streets.link[pipe][3]) for pipe, part in (one, two, three))
    assert streets.metres(a, b) == pytest.approx(streets.metres(b, a), abs=1e-6)
    assert streets.metres(a, a) == 0
    assert streets.metres(a, c) <= streets.metres(a, b) + streets.metres(b, c) + 1e-6
    table = water_leak._distances(streets, [(*a, 1.0), (*b, 1.0), (*c, 1.0)])
    assert table[0, 1] == pytest.approx(streets.metres(a, b), abs=1e-6)
    assert table[2, 1] == pytest.approx(streets.metres(c, b), abs=1e-6)


@pytest.mark.parametrize(
    "row",
    [
        {"pipe": "none", "position_m": 0.0},
        {"pipe": "ab", "position_m": 301.0},
        {"pipe": "ab", "position_m": float("nan")},
    ],
)
def test_a_place_that_is_none_is_refused(links, row):
    with pytest.raises(ValueError, match="no such place"):
        judge({"pipe": "ab", "position_m": 100.0, "links": links}, [row])


# --- what a leak does --------------------------------------------------------------------------------------------


def test_a_leak_lowers_pressure_where_it_is_most_and_is_solved_as_in_a_run_of_its_own(links):
    import wntr

    network = water_leak._network(MODEL)
    streets = water_leak._Streets(links)
    points = [("cd", 200.0, 1.0), ("ab", 0.0, 1.0)]  # at D and at A
    fall = water_leak._along(network, streets, ["B", "D"], points)
    assert fall.shape == (24 // water_leak.EVERY, 2, 2)
    assert (fall >= -1e-6).all()
    assert (fall[:, 1, 0] > fall[:, 0, 0]).all()  # D feels its own leak more than B does
    assert (fall[:, :, 0] > fall[:, :, 1]).all()  # and a leak at the end of the network is felt more than at its head
    # The same by WNTR's own simulator, with an emitter of the same flow.
    flow = water_leak._UNIT * wntr.metrics.average_expected_demand(network).sum()
    simulator = wntr.sim.EpanetSimulator
    before = simulator(network).run_sim(str(_scratch / "a")).node["pressure"]
    network.get_node("D").emitter_coefficient = flow / np.sqrt(before.loc[0, "D"])
    since = simulator(network).run_sim(str(_scratch / "b")).node["pressure"]
    assert fall[0, :, 0] == pytest.approx((before - since).loc[0, ["B", "D"]].to_numpy(), rel=0.02, abs=2e-4)


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    global _scratch
    _scratch = tmp_path


def test_the_point_lies_where_the_pressures_say(links):
    # D falls as if D leaked: by far the most at D.
    network = water_leak._network(MODEL)
    streets = water_leak._Streets(links)
    fall = water_leak._along(network, streets, ["B", "D"], [("cd", 190.0, 1.0)])[0, :, 0]
    answer = SCENARIO.method(survey(fall, noise=0.0005))
    assert answer[0]["pipe"] == "cd"
    assert judge({"pipe": "cd", "position_m": 190.0, "links": links}, answer) < 120
    assert sum(row["probability"] for row in answer) == pytest.approx(1.0, abs=0.02)
    assert SCENARIO.baseline(survey(fall))[0]["pipe"] == "cd"


def test_a_missing_reading_or_a_silent_logger_changes_little(case):
    whole = SCENARIO.method(case.inputs)
    holes = case.inputs.pressure.copy()
    holes[5, 0] = np.nan  # one reading
    holes[:, 1] = np.nan  # a logger that never spoke
    assert len(SCENARIO.method(replace(case.inputs, pressure=holes))) >= 1
    one = case.inputs.pressure.copy()
    one[5, 0] = np.nan
    assert judge(case.truth, SCENARIO.method(replace(case.inputs, pressure=one))) == pytest.approx(
        judge(case.truth, whole), rel=0.5, abs=500
    )


def test_the_same_seed_gives_the_same_case(case):
    again = SCENARIO.cases(0, "small")[0]
    assert np.array_equal(again.inputs.pressure, case.inputs.pressure)
    assert again.truth == case.truth
    assert again.inputs.model == case.inputs.model
    assert case.truth["pipe"] in case.inputs.model


def test_the_second_generator_hides_what_it_changes_and_leaves_no_one_dry():
    world = water_leak._SECOND
    laid = water_leak._laid([3, 0], water_leak.QUARTER)
    hidden = water_leak._case(laid, [3, 0, 0], world)
    network = water_leak._network(hidden.inputs.model)
    assert network.options.hydraulic.emitter_exponent == 0.5
    shut = water_leak._shut(np.random.default_rng(3), network, hidden.truth["pipe"], 2)
    assert hidden.truth["pipe"] not in shut
    assert len(set(shut)) == 2
    open_pipes = [link for link in water_leak._links(network) if link[0] not in shut]
    assert np.isfinite(water_leak._Streets(open_pipes).from_nodes([0])).all()
    assert len(water_leak._Streets(open_pipes).node) == len(network.node_name_list)
    # Against the same days without a leak, pressure is the same until it starts, and then falls by more each day.
    dry, leaking = (
        water_leak._case(laid, [3, 0, 0], world._replace(leak=(share, share))).inputs.pressure for share in (0.0, 0.5)
    )
    fall = (dry - leaking).reshape(-1, 24 * dry.shape[1]).mean(axis=1)
    assert (fall[: water_leak.BEFORE] == 0).all()
    assert 0 < fall[-3] < fall[-2] < fall[-1]


# --- files -------------------------------------------------------------------------------------------------------


def archive(path, model=MODEL, readings=None, **others):
    SCENARIO.write(survey(np.zeros(2)), path)
    with zipfile.ZipFile(path) as made:
        rows = made.read("pressures.csv").decode()
    with zipfile.ZipFile(path, "w") as made:
        if model is not None:
            made.writestr("network.inp", model)
        if readings is not False:
            made.writestr("pressures.csv", rows if readings is None else readings(rows))
        for name, content in others.items():
            made.writestr(name, content)
    return path


def line(number, old, new):
    def edit(text):
        lines = text.split("\n")
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
        return "\n".join(lines)

    return edit


def test_a_survey_with_holes_is_read_back(tmp_path, case):
    holes = case.inputs.pressure.copy()
    holes[3, 2] = np.nan
    given = replace(case.inputs, pressure=holes)
    SCENARIO.write(given, tmp_path / "s.zip")
    back = SCENARIO.read(tmp_path / "s.zip")
    assert np.array_equal(back.pressure, holes, equal_nan=True)
    assert (back.model, back.times, back.leaking, back.sensors) == (
        given.model,
        given.times,
        given.leaking,
        given.sensors,
    )


def test_files_in_gb18030_and_with_a_byte_order_mark_are_read(tmp_path):
    model = MODEL.replace("loop", "城东管网")
    assert SCENARIO.read(archive(tmp_path / "a.zip", model.encode("gb18030"))).model == model
    assert SCENARIO.read(archive(tmp_path / "b.zip", model.encode("utf-8-sig"))).model == model


@pytest.mark.parametrize(
    ("change", "where", "row", "field"),
    [
        ({"model": None}, "survey.zip", None, None),
        ({"readings": False}, "survey.zip", None, None),
        ({"model": "[JUNCTIONS]\nA ten 2\n"}, "network.inp", None, None),
        ({"model": "no model"}, "network.inp", None, None),
        ({"model": MODEL.replace("ab A B 300", "ab A Q 300")}, "network.inp", None, None),
        ({"readings": lambda _: ""}, "pressures.csv", 1, "time,period"),
        ({"readings": line(1, "period", "state")}, "pressures.csv", 1, "time,period"),
        ({"readings": line(1, "D", "Q")}, "pressures.csv", 1, "Q"),
        ({"readings": line(1, "D", "B")}, "pressures.csv", 1, "B"),
        ({"readings": line(5, "2026-03-02T", "2026-13-02T")}, "pressures.csv", 5, "time"),
        ({"readings": line(5, "normal", "ok")}, "pressures.csv", 5, "period"),
        ({"readings": line(7, "normal,", "normal,O")}, "pressures.csv", 7, "B"),
        ({"readings": line(7, "normal,", "normal,-9")}, "pressures.csv", 7, "B"),
        ({"readings": line(9, "normal,", "normal,1,")}, "pressures.csv", 9, None),
        ({"readings": lambda text: text.replace("leak", "normal")}, "pressures.csv", None, "period"),
        ({"readings": lambda text: text.replace("normal", "leak")}, "pressures.csv", None, "period"),
    ],
)
def test_a_bad_file_is_refused_by_name_row_and_field(tmp_path, change, where, row, field):
    path = archive(tmp_path / "survey.zip", **change)
    with pytest.raises(BadInput, match=where) as caught:
        SCENARIO.read(path)
    assert caught.value.row == row
    assert caught.value.field == field


def test_the_csv_is_plain_for_other_programs(tmp_path, case):
    SCENARIO.write(case.inputs, tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as made:
        rows = list(csv.DictReader(io.StringIO(made.read("pressures.csv").decode())))
    assert len(rows) == len(case.inputs.times)
    assert float(rows[0][case.inputs.sensors[0]]) == case.inputs.pressure[0, 0]
