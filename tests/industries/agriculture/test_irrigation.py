import copy
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.agriculture import irrigation
from dujiang.industries.agriculture.irrigation import SCENARIO, Season
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def case():
    return SCENARIO.cases(0, "small")[0]


@pytest.fixture(scope="module")
def field(case):
    return case.inputs


@pytest.fixture(scope="module")
def eve(field):
    return irrigation._started(field, Season(irrigation._seasons(field)[0]))


def season_of(field, eve, rule):
    return irrigation._income(field, copy.deepcopy(eve), rule, Season(irrigation._seasons(field)[0]))


def triggers(early, flowering, ripening, depth=30):
    shares = zip(irrigation.STAGES, (early, flowering, ripening), strict=True)
    return [{"stage": stage, "used_up_pct": share, "depth_mm": depth} for stage, share in shares]


# --- a season ----------------------------------------------------------------------------------------------------


def test_plain_rounding_changes_no_result(field):
    from importlib import import_module

    season = Season(irrigation._seasons(field)[0])
    rule = irrigation._rule(triggers(50, 50, 50))
    model = irrigation._started(field, season)
    module = import_module("aquacrop.solution.root_zone_water")
    fast = irrigation._income(field, copy.deepcopy(model), rule, season)
    plain = module.__dict__.pop("round")
    try:
        assert irrigation._income(field, model, rule, season) == fast
    finally:
        module.round = plain


def test_income_is_grain_less_water_and_turns(field, eve):
    dry, days = season_of(field, eve, lambda *seen: 0.0)
    assert all(day["depth"] == 0 for day in days)
    free = replace(field, water=0.0, turn=0.0)
    rule = irrigation._rule(triggers(50, 50, 50))
    income, days = season_of(field, eve, rule)
    depths = [day["depth"] for day in days if day["depth"]]
    assert depths
    assert season_of(free, eve, rule)[0] - income == pytest.approx(
        10 * field.water * sum(depths) + field.turn * len(depths)
    )
    assert season_of(free, eve, rule)[0] > dry  # water that costs nothing is worth having


@settings(max_examples=3, deadline=None)
@given(st.floats(0, 60), st.floats(20, 150))
def test_neither_the_quota_nor_what_a_turn_can_give_is_exceeded(field, eve, wanted, quota):
    _, days = season_of(replace(field, quota=quota), eve, lambda *seen: wanted)
    depths = [day["depth"] for day in days]
    assert sum(depths) <= quota + 1e-9
    assert max(depths) <= irrigation.CAPACITY
    assert all(depth == 0 or depth >= 5 for depth in depths)


def test_a_trigger_fires_when_the_probe_shows_it_and_a_calendar_waits_after_rain():
    rule = irrigation._rule(triggers(60, 40, 90))
    assert [rule(30, stage, 0.0, 0.5) for stage in (1, 2, 3, 4)] == [0.0, 0.0, 30.0, 0.0]
    assert rule(30, 2, 0.0, 0.61) == 30.0
    calendar = irrigation._rule([{"day": 12, "depth_mm": 25, "unless_rain_mm": 10}])
    assert [calendar(day, 3, rain, 0.9) for day, rain in ((12, 0.0), (12, 9.9), (12, 10.0), (13, 0.0))] == [
        25.0,
        25.0,
        0.0,
        0.0,
    ]


@pytest.mark.parametrize(
    "answer",
    [
        [{"day": 3, "depth_mm": 41.0, "unless_rain_mm": 5}],
        [{"day": 3, "depth_mm": -1.0, "unless_rain_mm": 5}],
        triggers(50, 50, 50)[:2],
        [*triggers(50, 50, 50), {"stage": "fallow", "used_up_pct": 5, "depth_mm": 10}],
    ],
)
def test_a_rule_that_is_none_is_refused(case, answer):
    with pytest.raises(ValueError, match=r"turn|trigger"):
        SCENARIO.judge(case.truth, answer)


# --- making the rule ----------------------------------------------------------------------------------------------


def test_the_judged_years_are_not_in_the_inputs(case):
    weather = len(case.inputs.weather)
    whole = irrigation._seasons(case.inputs)
    assert max(whole) < min(season.year for season in case.truth["seasons"])
    assert weather < len(case.truth["field"].weather)


def test_typical_years_go_from_dry_to_wet(field):
    years = irrigation._seasons(field)
    surplus = {year: (own[:, 2] - own[:, 3]).sum() for year in years for own in [irrigation._weather(field, year)]}
    (middle,) = irrigation._typical(field, 1)
    assert sorted(surplus.values()).index(surplus[middle]) == len(years) // 2
    assert set(irrigation._typical(field, len(years))) == set(years)


def test_both_are_given_as_many_simulated_seasons(monkeypatch, field):
    simulated = []

    def income(field, model, rule, season):
        simulated.append(season.year)
        return float(len(simulated) % 7), []

    monkeypatch.setattr(irrigation, "_income", income)
    for answer in (SCENARIO.baseline, SCENARIO.method):
        simulated.clear()
        answer(replace(field, effort=(2, 14)))
        assert len(simulated) == 2 * 14


def test_crop_coefficients_follow_fao_56():
    maize = irrigation._coefficients("Maize")
    assert len(maize) == 132
    assert (maize[0], maize.max(), maize[-1]) == pytest.approx((0.3, 1.2, 0.6))


# --- files --------------------------------------------------------------------------------------------------------


def archive(path, field, weather=lambda text: text, toml=lambda text: text, without=()):
    SCENARIO.write(field, path)
    with zipfile.ZipFile(path) as made:
        texts = {name: made.read(name).decode() for name in ("weather.txt", "field.toml")}
    texts = {"weather.txt": weather(texts["weather.txt"]), "field.toml": toml(texts["field.toml"])}
    with zipfile.ZipFile(path, "w") as made:
        for name, text in texts.items():
            if name not in without:
                made.writestr(name, text)
    return path


def test_a_field_is_read_back(tmp_path, field):
    SCENARIO.write(field, tmp_path / "f.zip")
    back = SCENARIO.read(tmp_path / "f.zip")
    assert np.array_equal(back.weather, field.weather)
    assert replace(back, weather=field.weather, effort=field.effort) == field


def test_weather_as_aquacrop_ships_it_is_read(tmp_path, field):
    from aquacrop.utils import get_filepath

    with open(get_filepath("tunis_climate.txt")) as file:
        text = file.read()
    back = SCENARIO.read(archive(tmp_path / "f.zip", field, weather=lambda _: text))
    assert back.first == "1979-01-01"
    assert back.weather[0].tolist() == [15.0, 20.0, 0.0, 1.5]


def line(number, cells):
    """Replace cells of a line of the weather: column to text."""

    def edit(text):
        lines = text.split("\n")
        own = lines[number - 1].split("\t")
        for column, cell in cells.items():
            own[column] = cell
        lines[number - 1] = "\t".join(own)
        return "\n".join(lines)

    return edit


def without_line(number):
    return lambda text: "\n".join(text.split("\n")[: number - 1] + text.split("\n")[number:])


def instead(old, new):
    def edit(text):
        assert old in text
        return text.replace(old, new)

    return edit


@pytest.mark.parametrize(
    ("change", "where", "row", "name"),
    [
        ({"without": ("weather.txt",)}, "f.zip", None, None),
        ({"without": ("field.toml",)}, "f.zip", None, None),
        ({"weather": lambda _: ""}, "weather.txt", 1, None),
        ({"weather": without_line(1)}, "weather.txt", 1, None),
        ({"weather": lambda text: text.split("\n")[0]}, "weather.txt", 2, None),
        ({"weather": line(5, {1: "13"})}, "weather.txt", 5, "Day"),
        ({"weather": without_line(9)}, "weather.txt", 9, "Day"),
        ({"weather": line(7, {5: "n/a"})}, "weather.txt", 7, "Prcp(mm)"),
        ({"weather": line(7, {6: "-1"})}, "weather.txt", 7, "Et0(mm)"),
        ({"weather": line(7, {3: "55"})}, "weather.txt", 7, "Tmax(C)"),
        ({"weather": line(8, {6: "2\t3"})}, "weather.txt", 8, None),
        ({"weather": lambda text: "\n".join(text.split("\n")[:400])}, "weather.txt", None, "Year"),
        ({"toml": instead("crop", "kind")}, "field.toml", None, "crop"),
        ({"toml": instead("price = ", "price = -")}, "field.toml", None, "price"),
        ({"toml": instead("quota = ", 'quota = "much" #')}, "field.toml", None, "quota"),
        ({"toml": instead('soil = "', 'soil = "Moon')}, "field.toml", None, "soil"),
        ({"toml": instead('planting = "', 'planting = "13-')}, "field.toml", None, "planting"),
        ({"toml": lambda _: "crop: Maize"}, "field.toml", None, None),
    ],
)
def test_a_bad_file_is_refused_by_name_row_and_field(tmp_path, field, change, where, row, name):
    path = archive(tmp_path / "f.zip", field, **change)
    with pytest.raises(BadInput, match=where) as caught:
        SCENARIO.read(path)
    assert caught.value.row == row
    assert caught.value.field == name
