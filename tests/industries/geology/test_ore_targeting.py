"""Drill targets: the fields against closed forms, the judge by hand, the inversion of a lone body, bad files."""

import math
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.geology import _bodies, _ground
from dujiang.industries.geology import ore_targeting as targeting
from dujiang.messages import BadInput

FIELD = (50_000.0, 48.0, -2.0)
FLAT = _ground.Waves(np.zeros((1, 2)), np.full(1, math.pi / 2))
EVEN = _ground.Waves(np.zeros((1, 3)), np.full(1, math.pi / 2))


def ball(radius, centre, density, susceptibility):
    return _ground.Body(np.array(centre), np.eye(3) / radius, density, susceptibility * _ground.along(FIELD), EVEN)


def lattice(side, spacing):
    axis = np.arange(0.0, side + 1, spacing)
    return np.array([(x, y, 1.0) for y in axis for x in axis])


def test_a_ball_pulls_as_a_point_and_is_magnetic_as_a_dipole():
    ground = _ground.Ground((), FLAT, 0.0, 800.0)
    places, centre = lattice(800.0, 100.0), np.array([412.0, 412.0, -205.0])
    gravity, total = _ground.fields(places, [ball(100.0, centre, 0.8, 0.1)], ground, FLAT, 0.0, FIELD)
    way = places - centre
    far = np.linalg.norm(way, axis=1)
    volume = 4 / 3 * math.pi * 100.0**3
    expected = 6.6743e-11 * 800.0 * volume * way[:, 2] / far**3 * 1e5
    assert gravity == pytest.approx(expected, abs=0.03 * expected.max())
    north = _ground.along(FIELD)
    moment = 0.1 * FIELD[0] * volume / (4 * math.pi)
    expected = moment * (3 * (way @ north) ** 2 / far**5 - 1 / far**3)
    assert total == pytest.approx(expected, abs=0.04 * np.abs(expected).max())


def test_reduction_to_the_pole_puts_the_high_above_the_body():
    axis = np.arange(0.0, 1601.0, 25.0)
    x, y = np.meshgrid(axis, axis)
    way = np.stack([x - 800.0, y - 800.0, np.full(x.shape, 200.0)], axis=2)
    far, north = np.linalg.norm(way, axis=2), _ground.along(FIELD)
    total = 3 * (way @ north) ** 2 / far**5 - 1 / far**3
    assert np.unravel_index(total.argmax(), total.shape)[0] < 31
    reduced = targeting._to_the_pole(total, FIELD)
    assert np.abs(np.array(np.unravel_index(reduced.argmax(), reduced.shape)) - 32).max() <= 1


def test_the_metres_of_a_hole_are_a_chord():
    ground = _ground.Ground((ball(60.0, (0.0, 0.0, -150.0), 1.0, 0.1),), FLAT, 0.0, 800.0)
    for away, depth, expected in ((0.0, 350.0, 120.0), (36.0, 350.0, 96.0), (61.0, 350.0, 0.0), (0.0, 150.0, 60.0)):
        assert ground.metres(np.array([away, 0.0]), depth) == pytest.approx(expected, abs=2.0)
    twice = replace(ground, ore=ground.ore * 2)
    assert twice.metres(np.zeros(2), 350.0) == pytest.approx(120.0, abs=2.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 6.28), st.floats(0, 1.57), st.floats(-80, 80), st.floats(50, 350))
def test_the_metres_promised_of_a_known_body_are_those_drilled(strike, dip, away, depth):
    half = np.array([120.0, 90.0, 40.0])
    body = replace(ball(1.0, (0.0, 0.0, -160.0), 1.0, 0.1), axes=_ground.rotation(strike, dip) / half[:, None])
    hole = np.array([away, 10.0])
    drilled = _ground.Ground((body,), FLAT, 0.0, 800.0).metres(hole, depth)
    shape = np.array([0.0, 0.0, -160.0, *np.log(half), strike, dip])
    [promised] = _bodies.metres(shape, hole[None], np.zeros(1), depth)
    assert promised == pytest.approx(drilled, abs=4.0)


def answer(*holes):
    return [{"hole": place, "east": east, "north": north, "score": 1.0} for place, (east, north) in enumerate(holes)]


def test_the_judge_refuses_holes_that_are_not_as_agreed():
    truth = _ground.Ground((ball(60.0, (0.0, 0.0, -150.0), 1.0, 0.1),), FLAT, 0.0, 800.0)
    far = [(0.0, 0.0), (100.0, 0.0), (200.0, 0.0), (300.0, 0.0)]
    assert targeting.judge(truth, answer(*far, (400.0, 0.0))) == pytest.approx(24.0, abs=0.5)
    for holes, said in ((far, "5 holes"), ([*far, (350.0, 0.0)], "apart"), ([*far, (math.nan, 0.0)], "5 holes")):
        with pytest.raises(ValueError, match=said):
            targeting.judge(truth, answer(*holes))


@pytest.fixture(scope="module")
def survey():
    [case] = targeting.cases(1001, "small")
    return case.inputs


def test_holes_do_not_move_with_the_coordinates_origin(survey):
    def moved(readings):
        return replace(readings, places=readings.places + np.array([500_000.0, 3_000_000.0, 0.0]))

    here = targeting.baseline(survey)
    there = targeting.baseline(replace(survey, gravity=moved(survey.gravity), magnetic=moved(survey.magnetic)))
    for one, other in zip(here, there, strict=True):
        assert other["east"] - one["east"] == pytest.approx(500_000.0, abs=0.2)
        assert other["north"] - one["north"] == pytest.approx(3_000_000.0, abs=0.2)


@pytest.mark.parametrize("size", ["small", "shifted"])
def test_what_is_written_is_read_again(size, tmp_path):
    inputs = targeting._case(np.random.default_rng(5), size == "shifted").inputs
    targeting.write(inputs, tmp_path / "survey.zip")
    again = targeting.read(tmp_path / "survey.zip")
    assert again.field == inputs.field
    for one, other in ((again.gravity, inputs.gravity), (again.magnetic, inputs.magnetic)):
        for name in ("places", "values", "errors"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_simpeg_reads_what_is_written_with_its_own_sign_of_gravity(survey, tmp_path):
    from simpeg.utils.io_utils import read_grav3d_ubc, read_mag3d_ubc

    targeting.write(survey, tmp_path / "survey.zip")
    with zipfile.ZipFile(tmp_path / "survey.zip") as packed:
        packed.extractall(tmp_path)
    assert read_grav3d_ubc(tmp_path / "gravity.grv").dobs == pytest.approx(-survey.gravity.values)
    magnetic = read_mag3d_ubc(tmp_path / "magnetic.mag")
    assert magnetic.dobs == pytest.approx(survey.magnetic.values)
    assert magnetic.survey.source_field.amplitude == survey.field[0]


STATIONS = [f"{100 * (at % 6)} {100 * (at // 6)} 1.5 {0.1 * at:.1f} 0.05" for at in range(36)]
GRAVITY = "\n".join(["! a remark", "36", *STATIONS]) + "\n"
MAGNETIC = "\n".join(["48 -2 50000 ! remark", "48 -2 1", "36", *STATIONS]) + "\n"


def packed(tmp_path, gravity=GRAVITY, magnetic=MAGNETIC, names=("a.grv", "b.mag")):
    path = tmp_path / "survey.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, text in zip(names, (gravity, magnetic), strict=False):
            made.writestr(name, text)
    return path


def test_a_plain_file_of_both_fields_is_read(tmp_path):
    found = targeting.read(packed(tmp_path))
    assert found.field == (50000.0, 48.0, -2.0)
    assert found.gravity.values[3] == pytest.approx(0.3)
    assert found.magnetic.places.shape == (36, 3)


@pytest.mark.parametrize(
    ("which", "old", "new", "row", "field"),
    [
        ("magnetic", "48 -2 50000", "95 -2 50000", "b.mag:1", "inclination"),
        ("magnetic", "48 -2 50000", "48 -2", "b.mag:1", "intensity"),
        ("magnetic", "48 -2 50000", "48 -2 0.5", "b.mag:1", "intensity"),
        ("gravity", "36\n", "40\n", "a.grv:2", "stations"),
        ("gravity", "36\n", "some\n", "a.grv:2", "stations"),
        ("gravity", "300 0 1.5", "300 north 1.5", "a.grv:6", "north"),
        ("gravity", "300 0 1.5", "300 0 99999", "a.grv:6", "elevation"),
        ("gravity", "1.5 0.3 0.05", "1.5 nan 0.05", "a.grv:6", "gravity_mGal"),
        ("gravity", "1.5 0.3 0.05", "1.5 0.3", "a.grv:6", "error"),
        ("magnetic", "1.5 0.3 0.05", "1.5 0.3 0", "b.mag:7", "error"),
        ("magnetic", "300 0 1.5", "200 0 1.5", "b.mag:7", "east, north"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path, which, old, new, row, field):
    text = {"gravity": GRAVITY, "magnetic": MAGNETIC}
    assert old in text[which]
    text[which] = text[which].replace(old, new, 1)
    with pytest.raises(BadInput) as caught:
        targeting.read(packed(tmp_path, **text))
    assert (caught.value.row, caught.value.field) == (row, field)


def test_a_zip_without_one_of_the_fields_or_of_two_areas_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"\.mag"):
        targeting.read(packed(tmp_path, names=("a.grv",)))
    away = re.sub(r"^(\d+ \d+ 1\.5)", r"90000\1", MAGNETIC, flags=re.MULTILINE)
    with pytest.raises(BadInput, match="east, north"):
        targeting.read(packed(tmp_path, magnetic=away))
    with pytest.raises(BadInput, match="stations"):
        targeting.read(packed(tmp_path, gravity=""))
