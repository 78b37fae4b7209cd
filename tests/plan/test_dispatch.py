"""The dispatch: what it says follows from the plan, the figures and the scenarios, and from nothing else."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.messages import Text
from dujiang.plan.dispatch import Added, ScenarioStanding, dispatch
from dujiang.plan.indicators import Observation, Status, indicator_key
from plan.goals import goal

TASKS = {
    1: {"title": "“人工智能+”制造", "lead": ["经济和信息化厅"], "cooperating": ["科技厅"]},
    2: {"title": "“人工智能+”农业", "lead": ["农业农村厅"], "cooperating": ["科技厅", "省发展改革委"]},
    3: {"title": "加强统筹", "lead": ["科技厅"], "cooperating": []},
}
SCENARIOS_A_YEAR = goal("典型场景", 5, None, text="每个行业每年不少于5个典型场景", period="year", where="requirement 1")
RATE = goal("普及率", 70, 2027, ">", "%")


def standing(name, through, evidence=1):
    return ScenarioStanding(f"{name}/x{evidence}", Text("场景", "scenario"), name, through, evidence)


def made(month="2026-06", goals=None, observed=None, scenarios=(), tasks=TASKS, added=()):
    return dispatch(
        title="方案",
        number="川办发〔2026〕14号",
        month=month,
        goals={1: RATE, 2: SCENARIOS_A_YEAR} if goals is None else goals,
        tasks=tasks,
        observed=observed or {},
        scenarios=scenarios,
        added=added,
    )


def test_without_a_figure_a_goal_has_no_data_rather_than_zero():
    line = made().goals[0]
    assert (line.status, line.value, line.expected, line.evidence) == (Status.NO_DATA, None, None, [])


def test_a_goal_behind_its_path_is_late_with_the_record_behind_it():
    figures = [Observation(date(2025, 12, 31), 30, 7, "公报"), Observation(date(2026, 6, 30), 35, 9, "公报")]
    result = made(observed={indicator_key(RATE): figures})
    line = result.goals[0]
    assert line.expected == pytest.approx(30 + 40 * 181 / 730)
    assert (line.status, line.value, line.evidence) == (Status.LATE, 35, [9])
    assert line.share == pytest.approx(5 / 40)
    assert [one.goal for one in result.late if one.goal] == [1]


def test_scenarios_count_for_the_task_of_their_industry():
    scenarios = [
        standing("manufacturing", True, 3),
        standing("manufacturing", False, 4),
        standing("agriculture", True, 5),
    ]
    result = made(scenarios=scenarios)
    assert [(line.through, line.required) for line in result.tasks] == [(1, 5), (1, 5), (0, None)]
    assert result.tasks[0].evidence == [3, 4]
    assert result.tasks[0].expected == pytest.approx(5 * 181 / 365)
    # A task that is no industry's has nothing to be late with.
    assert [line.status for line in result.tasks] == [Status.LATE, Status.LATE, Status.NO_DATA]
    assert [(one.task, one.lead) for one in result.late] == [(1, ["经济和信息化厅"]), (2, ["农业农村厅"])]


def test_the_goal_of_every_industry_stands_where_the_last_one_stands():
    enough = [standing("manufacturing", True, number) for number in range(1, 6)]
    assert made(scenarios=enough).goals[1].value == 0
    enough += [standing("agriculture", True, number) for number in range(6, 11)]
    line = made(scenarios=enough).goals[1]
    assert (line.value, line.status, len(line.evidence)) == (5, Status.REACHED, 10)


def test_units_lead_and_join():
    units = {line.name: line for line in made().units}
    assert units["科技厅"].leads == [3]
    assert units["科技厅"].cooperates == [1, 2]
    assert list(units)[:3] == ["经济和信息化厅", "农业农村厅", "科技厅"]


def test_a_goal_inside_a_task_is_led_by_its_units_and_decides_where_it_stands():
    inside = goal("场地", 10, 2027, where="task 3")
    figures = [Observation(date(2026, 1, 31), 1, 4, "s"), Observation(date(2026, 6, 30), 1, 5, "s")]
    result = made(goals={1: inside}, observed={indicator_key(inside): figures})
    assert result.goals[0].lead == ["科技厅"]
    assert result.tasks[2].status is Status.LATE
    assert result.tasks[2].goals == [1]


def test_a_yearly_figure_of_last_year_does_not_count_for_this_one():
    yearly = goal("培训", 100, None, unit="人", period="year")
    figures = [Observation(date(2025, 12, 31), 99, 4, "s")]
    line = made(goals={1: yearly}, observed={indicator_key(yearly): figures}).goals[0]
    assert (line.value, line.status) == (0.0, Status.LATE)


def test_an_empty_plan_gives_an_empty_dispatch():
    result = made(goals={}, tasks={})
    assert (result.goals, result.tasks, result.units, result.late) == ([], [], [], [])


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12))
def test_more_scenarios_never_make_a_task_later(fewer, more, month):
    order = [Status.LATE, Status.ON_PATH, Status.REACHED]

    def stands(number):
        scenarios = [standing("manufacturing", True, one) for one in range(1, number + 1)]
        return order.index(made(f"2026-{month:02d}", scenarios=scenarios).tasks[0].status)

    assert stands(min(fewer, more)) <= stands(max(fewer, more))


def test_the_json_is_plain_and_complete():
    result = made(scenarios=[standing("manufacturing", True)], added=[Added("a.b", Text("甲", "a"), 2, 1, 2)])
    value = json.loads(json.dumps(result.as_json()))
    assert set(value) == {
        "title", "number", "month", "as_of", "goals", "qualitative", "tasks", "units", "late", "added", "scenarios",
        "vouchers", "annotation", "data", "safety", "support", "talent",
    }  # fmt: skip
    assert value["goals"][0]["status"] == "no-data"
    assert value["as_of"] == "2026-06-30"
