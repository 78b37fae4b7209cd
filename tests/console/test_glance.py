"""What the overview brings together from a dispatch."""

from datetime import date

import pytest

from dujiang.console.glance import GRIDS, indicator_cards, industry_cards, tiles
from dujiang.identity.codes import prefectures, province_of
from dujiang.messages import Text
from dujiang.plan.dispatch import ScenarioStanding, dispatch
from dujiang.plan.indicators import Observation


def goal(about, year, value, **more):
    facts = {
        "about": about, "year": year, "op": ">=", "value": value, "low": None, "high": None, "unit": "家",
        "approximate": False, "period": None, "text": about, "where": "goals",
    }  # fmt: skip
    return {**facts, **more}


def made(**more):
    goals = {
        1: goal("人工智能企业", 2030, 200),
        2: goal("人工智能企业", 2027, 100),
        3: goal("典型场景", None, 4, unit="个", period="year", text="每个行业每年典型场景不少于4个"),
    }
    tasks = {
        5: {"title": "“人工智能+”能源", "lead": ["省能源局"], "cooperating": ["绵阳市"]},
        7: {"title": "“人工智能+”制造", "lead": ["绵阳市政府"], "cooperating": []},
    }
    observed = {
        "人工智能企业|家": [Observation(date(2025, 12, 31), 50, 1, "s"), Observation(date(2026, 6, 30), 60, 2, "s")]
    }
    scenarios = [
        ScenarioStanding("energy/a", Text("甲", "a"), "energy", True, 8),
        ScenarioStanding("energy/b", Text("乙", "b"), "energy", False, 9),
    ]
    return dispatch(
        title="t", number="", month="2026-12", goals=goals, tasks=tasks, observed=observed, scenarios=scenarios, added=[]
    )  # fmt: skip


def test_goals_are_shown_by_indicator_in_the_order_of_years():
    enterprises, _ = indicator_cards(made())
    assert enterprises.value == 60
    assert [line.year for line in enterprises.lines] == [2027, 2030]
    # From 50 at the end of 2025 to 100 two years on: half of the way is asked for after the first, a fifth is done.
    assert enterprises.lines[0].share == pytest.approx(0.2)
    assert enterprises.lines[0].expected_share == pytest.approx(0.5)


def test_an_industry_shows_what_runs_through_of_what_is_asked_for():
    energy, manufacturing = industry_cards(made())
    assert (energy.title.zh, energy.line.number, energy.last) == ("能源", 5, 9)
    assert energy.dots == [True, False, False, False]
    assert manufacturing.last is None
    assert not any(manufacturing.dots)


def test_the_tiles_of_sichuan_are_its_prefectures_each_once():
    places = prefectures("510000")
    assert len(places) == 21
    laid = tiles(made(), "510000", places, {"510700": 3}, [("绵阳市", "510700"), ("绵阳市政府", "510700")])
    assert {tile.division for tile in laid} == set(places)
    assert len({(tile.row, tile.column) for tile in laid}) == 21
    assert {name for line in GRIDS["510000"] for name in line} - {"."} == set(places.values())
    mianyang = next(tile for tile in laid if tile.name == "绵阳")
    assert (mianyang.enterprises, mianyang.tasks, mianyang.late) == (3, [5, 7], [5, 7])


@pytest.mark.parametrize("province", ["320000", "540000", "330000"])
def test_any_other_province_is_laid_out_too(province):
    places = prefectures(province)
    laid = tiles(made(), province, places, {}, [])
    assert {tile.division for tile in laid} == set(places)
    assert len({(tile.row, tile.column) for tile in laid}) == len(places)


def test_the_province_is_known_by_the_name_that_comes_first():
    assert province_of("四川省人民政府关于学习浙江省经验的方案") == "510000"
    assert province_of("某市方案") == ""
