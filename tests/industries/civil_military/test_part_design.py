"""Brackets: the plate's mechanics, the judge by hand, the count of simulations, bad tables."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.civil_military import part_design as design
from dujiang.industries.civil_military.part_design import Bracket, Run
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def case():
    [one] = design.cases(1000, "small")
    return one


def middle(bracket):
    return tuple(round((one.low + one.high) / 2, 2) for one in bracket.parameters)


@pytest.fixture(scope="module")
def few(case):
    return replace(case.inputs, simulations=18)


def plate(length, height, force_x, force_y):
    bracket = Bracket(length, height, 4.0, 70000.0, 2.7, force_x, force_y, 1.0, 1.0, 1.0, 40, ())
    return bracket, *design.solve(bracket, {"tip_depth": height})


def test_an_uncut_plate_bends_as_a_beam():
    bracket, mass, compliance = plate(300.0, 30.0, 0.0, -100.0)
    assert mass == pytest.approx(bracket.blank) == pytest.approx(300 * 30 * 4 * 2.7 / 1000)
    inertia = 4 * 30**3 / 12
    bending = 100**2 * 300**3 / (3 * 70000 * inertia)
    shear = 1.2 * 100**2 * 300 / (70000 / 2.66 * 4 * 30)
    assert compliance == pytest.approx(bending + shear, rel=0.08)


def test_compliance_goes_with_the_square_of_the_load_and_pulling_is_stiffer_than_bending():
    once, twice = (plate(120.0, 60.0, 0.0, -force)[2] for force in (100.0, 200.0))
    assert twice == pytest.approx(4 * once)
    assert plate(120.0, 60.0, 100.0, 0.0)[2] < once / 3


@settings(max_examples=12, deadline=None)
@given(st.floats(4.0, 15.0), st.floats(0.5, 5.0))
def test_a_larger_hole_is_lighter_and_softer(radius, more):
    bracket = plate(120.0, 60.0, 0.0, -100.0)[0]
    shape = {"tip_depth": 50.0, "hole1_x": 60.0}
    mass, compliance = design.solve(bracket, {**shape, "hole1_radius": radius})
    lighter, softer = design.solve(bracket, {**shape, "hole1_radius": radius + more})
    assert lighter < mass
    assert softer > compliance


def test_the_mass_is_that_of_the_area_left():
    bracket = plate(120.0, 60.0, 0.0, -100.0)[0]
    mass, _ = design.solve(bracket, {"tip_depth": 30.0, "hole1_x": 60.0, "hole1_radius": 12.0})
    area = 120 * 45 - math.pi * 12**2
    assert mass == pytest.approx(area * 4 * 2.7 / 1000, rel=0.02)


def test_the_judge_adds_a_blank_for_each_broken_part(case):
    bracket, shop = case.inputs, case.truth["shop"]
    run = design.simulate(bracket, middle(bracket))
    answer = design._answer(bracket, [run], math.inf)
    made = design.parts(bracket, dict(zip((one.name for one in bracket.parameters), run.values, strict=True)), shop)
    assert np.std(made) > 0
    for limit, broken in ((made.max() + 1, 0.0), (made.min() / 2, 1.0), (float(np.median(made)), 0.5)):
        truth = {"bracket": replace(bracket, limit=float(limit)), "shop": shop}
        assert design.judge(truth, answer) == pytest.approx(run.mass + broken * bracket.blank)


def test_the_judge_refuses_what_breaks_the_rules(case, few):
    run = design.simulate(few, middle(few))
    answer = design._answer(few, [run] * 19, math.inf)
    with pytest.raises(ValueError, match="19 simulations"):
        design.judge({**case.truth, "bracket": few}, answer)
    with pytest.raises(ValueError, match="0 designs chosen"):
        design.judge(case.truth, answer[:2])
    with pytest.raises(ValueError, match="outside their ranges"):
        design.judge(case.truth, [*answer[:1], {**answer[-1], "tip_depth": 1e3}])


def test_method_and_baseline_simulate_as_often_as_they_may_and_no_more(few, monkeypatch):
    calls = []
    once = design.simulate
    monkeypatch.setattr(design, "simulate", lambda *given: calls.append(given) or once(*given))
    for way in (design.baseline, design.method):
        answer = way(few)
        assert len(calls) == 18 == len(answer) - 1
        chosen = answer[-1]
        assert chosen["compliance_Nmm"] < few.limit or chosen["state"] == "too soft"
        calls.clear()


def test_the_lightest_that_keeps_the_limit_is_chosen_and_the_stiffest_where_none_does():
    runs = [Run((), 5.0, 9.0), Run((), 7.0, 4.0), Run((), 6.0, 5.0)]
    assert design._choice(runs, 6.0) == 2
    assert design._choice(runs, 1.0) == 1
    assert design._choice(runs, 10.0) == 0


@given(st.integers(10, 200))
def test_the_rounds_of_the_baseline_add_up(budget):
    assert sum(design._rounds(budget)) == budget


@pytest.mark.parametrize("size", ["small", "shifted"])
def test_what_is_written_is_read_again(size, tmp_path):
    inputs = design.cases(1001, size)[0].inputs
    design.write(inputs, tmp_path / "part.csv")
    assert design.read(tmp_path / "part.csv") == inputs
    assert inputs.slots == (size == "shifted")


TABLE = """parameter,low,high,unit
length,12,12,cm
height,60,60,mm
thickness,4,4,mm
modulus,70,70,GPa
density,2700,2700,kg/m3
force_x,0,0,N
force_y,-0.4,-0.4,kN
limit,80,80,N*mm
thickness_tolerance,1,1,%
modulus_tolerance,2,2,%
simulations,30,30,1
tip_depth,25,60,mm
hole1_x,30,50,mm
hole1_radius,4,20,mm
"""


def table(tmp_path, text):
    path = tmp_path / "part.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_units_are_turned_into_the_ones_used(tmp_path):
    bracket = design.read(table(tmp_path, TABLE))
    assert (bracket.length, bracket.modulus, bracket.force_y, bracket.simulations) == (120, 70000, -400, 30)
    assert bracket.density == pytest.approx(2.7)
    assert [one.name for one in bracket.parameters] == ["tip_depth", "hole1_x", "hole1_radius"]


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("thickness,4,4,mm", "gauge,4,4,mm", 4, "parameter"),
        ("thickness,4,4,mm", "height,4,4,mm", 4, "parameter"),
        ("modulus,70,70,GPa", "modulus,70,70,mm", 5, "unit"),
        ("thickness,4,4,mm", "thickness,4,5,mm", 4, "high"),
        ("tip_depth,25,60", "tip_depth,60,25", 13, "high"),
        ("tip_depth,25,60", "tip_depth,25,75", 13, "high"),
        ("tip_depth,25,60", "tip_depth,0,60", 13, "low"),
        ("hole1_radius,4,20", "hole1_radius,four,20", 15, "low"),
        ("modulus,70,70", "modulus,-70,-70", 5, "low"),
        ("simulations,30,30", "simulations,30.5,30.5", 12, "low"),
        ("limit,80,80", "limit,0.8,0.8", 9, "low"),
        ("hole1_radius,4,20,mm\n", "", None, "hole1_radius"),
        ("density,2700,2700,kg/m3\n", "", None, "density"),
        ("hole1_radius,4,20,mm\n", "hole1_radius,4,20,mm\nslot1_x,30,50,mm\n", 14, "parameter"),
        (",unit", ",dimension", 1, "unit"),
    ],
)
def test_a_bad_table_is_named_with_its_cell(tmp_path, old, new, row, field):
    assert old in TABLE
    with pytest.raises(BadInput) as caught:
        design.read(table(tmp_path, TABLE.replace(old, new, 1)))
    assert caught.value.row == row
    assert field in str(caught.value)
