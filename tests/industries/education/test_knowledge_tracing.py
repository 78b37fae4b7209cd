import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.education import knowledge_tracing as tracing
from dujiang.industries.education.knowledge_tracing import Log
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def school():
    return tracing.cases(0, "small")[0]


@pytest.fixture(scope="module")
def answer(school):
    return tracing.method(school.inputs)


def _log(*rows):
    """Rows of learner, skill, exercise, time and answer."""
    learner, skill, problem, time, correct = zip(*rows, strict=True)
    return Log(learner, ("",) * len(rows), skill, problem, time, correct)


def test_the_judge_by_hand():
    rows = [
        {"learner": "a", "problem": problem, "chance": chance, "answered": None}
        for problem, chance in (("1", 0.9), ("2", 0.5), ("3", 0.6))
    ]
    truth = {("a", "1"): True, ("a", "2"): True, ("a", "3"): False}
    assert tracing.judge(truth, [*rows, rows[0] | {"problem": "0", "answered": 1}]) == 0.5
    with pytest.raises(ValueError, match="each open exercise"):
        tracing.judge(truth, rows[:2])


def test_each_open_exercise_is_answered_for_and_no_answer_of_it_is_in_the_inputs(school, answer):
    log = school.inputs
    opened = {(a, b) for a, b, right in zip(log.learner, log.problem, log.correct, strict=True) if right is None}
    assert {(one, row) for one, row in school.truth if (one, row) in opened} == set(school.truth)
    for rows in (tracing.baseline(log), answer):
        asked = [(row["learner"], row["problem"]) for row in rows if row["answered"] is None]
        assert sorted(asked) == sorted(school.truth)
        assert all(0 < row["chance"] < 1 for row in rows)


def test_the_history_by_hand():
    log = _log(
        ("a", "x", "1", "2026-03-01T08:00", True),
        ("b", "x", "1", "2026-03-01T09:00", True),
        ("a", "y", "2", "2026-03-02T08:00", False),
        ("a", "x", "2", "2026-03-05T08:00", False),
        ("a", "x", "3", "2026-03-05T08:00", True),
        ("a", "x", "4", "2026-03-05T08:30", None),
    )
    skills, record = tracing._history(log, np.full(6, 0.75))
    assert skills[4].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1], [1, 1]], "not what was answered at the same time"
    assert skills[5].tolist() == [[2, 1], [2, 1], [3, 2], [3, 2], [3, 2]]
    assert record[5].tolist() == [[3, 2, 2.25], [4, 2, 3.0]]
    assert record[1].tolist() == [[0, 0, 0], [0, 0, 0]], "of the learner alone"


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_what_comes_after_changes_no_history(later):
    rows = [("a", "x", str(day), f"2026-03-{day + 1:02d}T08:00", day % 2 == 0) for day in range(6)]
    more = [("a", "x", str(day), f"2026-03-{day + 10:02d}T08:00", right) for day, right in enumerate(later)]
    for short, long in zip(
        tracing._history(_log(*rows), np.ones(6)), tracing._history(_log(*rows, *more), np.ones(12)), strict=True
    ):
        assert (short == long[:6]).all()


def test_the_method_sees_no_group(school, answer):
    log = dataclasses.replace(school.inputs, group=("",) * len(school.inputs.group))
    assert tracing.method(log) == answer


def test_who_has_forgotten_is_expected_to_do_worse(school):
    """The same record in a skill, once of yesterday and once of two months ago."""
    log = school.inputs
    problems = [problem for problem in dict.fromkeys(log.problem) if problem.startswith("01-")]
    rows = []
    for learner, day in (("fresh", "2025-11-29"), ("stale", "2025-10-01")):
        rows += [(learner, "", "技能01", one, f"{day}T08:00", True) for one in problems[:6]]
        rows.append((learner, "", "技能01", problems[7], "2025-11-30T08:00", None))
    rows += list(zip(log.learner, log.group, log.skill, log.problem, log.time, log.correct, strict=True))
    rows.sort(key=lambda row: row[4])
    chances = {
        row["learner"]: row["chance"]
        for row in tracing.method(Log(*zip(*rows, strict=True)))
        if row["answered"] is None and row["learner"] in ("fresh", "stale")
    }
    assert chances["fresh"] > chances["stale"] + 0.02


def test_error_rates_by_group_by_hand():
    log = dataclasses.replace(
        _log(*[(one, "x", "1", "2026-03-01T08:00", True) for one in "abc"]), group=("甲", "甲", "乙")
    )
    answer = [
        {"learner": learner, "chance": chance, "answered": answered}
        for learner, chance, answered in (("a", 0.9, 0), ("a", 0.2, 0), ("b", 0.4, 1), ("c", 0.7, 1), ("c", 0.7, None))
    ]
    first, second = tracing.rates(log, answer)
    assert first == {"group": "乙", "held_able": None, "held_back": 0.0, "wrong": 0, "right": 1}
    assert second == {"group": "甲", "held_able": 0.5, "held_back": 1.0, "wrong": 2, "right": 1}


def test_each_group_of_the_cases_has_its_rates(school, answer):
    found = tracing.rates(school.inputs, answer)
    assert [row["group"] for row in found] == sorted(tracing.GROUPS)
    assert all(0 < row["held_able"] < 1 and 0 < row["held_back"] < 1 for row in found)


HEAD = "user_id,skill,problem_id,start_time,correct\n"
FIRST = "甲,分数,1,2026-03-01T08:00,1\n"


@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        (FIRST + ",分数,2,2026-03-02T08:00,\n", 3, "user_id"),
        (FIRST + "甲,,2,2026-03-02T08:00,\n", 3, "skill"),
        (FIRST + "甲,分数,2,spring,\n", 3, "start_time"),
        (FIRST + "甲,分数,2,2026-03-02T08:00,0.5\n", 3, "correct"),
        (FIRST + "甲,分数,2,2026-02-02T08:00,\n", 3, "start_time"),
        (FIRST + 2 * "甲,分数,2,2026-03-02T08:00,\n", 4, "problem_id"),
        (FIRST, None, "correct"),
        ("甲,分数,1,2026-03-01T08:00,\n", None, "correct"),
    ],
)
def test_a_bad_log_is_named_with_its_field(tmp_path, body, row, field):
    path = tmp_path / "log.csv"
    path.write_text(HEAD + body, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        tracing.read(path)
    assert caught.value.row == row
    assert field in caught.value.field


def test_a_log_of_the_platform_is_read_without_groups_and_with_columns_of_its_own(tmp_path):
    path = tmp_path / "log.csv"
    rows = FIRST + "甲,分数,2,2026-03-02T08:00,\n"
    path.write_text("hint_count," + HEAD + "".join(f"3,{row}\n" for row in rows.splitlines()), encoding="utf-8")
    log = tracing.read(path)
    assert (log.group, log.correct) == (("", ""), (True, None))
    assert [row["answered"] for row in tracing.method(log)] == [1, None]
    assert tracing.picture(log, tracing.method(log)).to_dict()


def test_the_second_generators_learners_know_all_or_nothing():
    mind = tracing._AllOrNone(np.random.default_rng(0), 0.0)
    problem = {"difficulty": 0.0, "guess": 0.2, "slip": 0.05}
    mind.known[:] = False
    assert mind.chance(0, problem) == pytest.approx(0.325)
    mind.known[0] = True
    assert mind.chance(0, problem) == pytest.approx(0.825)
    mind.wait(1000.0)
    assert not mind.known.any()
