"""The reader against truths written by hand: Sichuan's plan, its outline, and plans of other kinds."""

import json
import os
from pathlib import Path

import pytest
from plan.plans import CASES

import dujiang
from dujiang.plan.reader import read, read_text

OUTLINE = Path(dujiang.__file__).parent / "plan/outlines/sichuan-2026.txt"
TRUTH = json.loads((Path(__file__).parent / "sichuan_truth.json").read_text(encoding="utf-8"))


def quantified(found):
    keys = ("year", "op", "value", "low", "high", "unit", "approximate", "about", "where")
    return [{key: goal[key] for key in keys} for goal in found["goals"] if goal["op"]]


def check_sichuan(found):
    for key in ("title", "issuer", "number", "date"):
        assert found[key] == TRUTH[key]
    order = lambda goal: (goal["where"], goal["year"] or 0, goal["about"])  # noqa: E731
    assert sorted(quantified(found), key=order) == sorted(TRUTH["goals"], key=order)
    assert [{key: task[key] for key in TRUTH["tasks"][0]} for task in found["tasks"]] == TRUTH["tasks"]
    assert [one["title"] for one in found["requirements"]] == TRUTH["requirements"]
    assert found["unread"] == []


@pytest.fixture(scope="module")
def sichuan():
    path = os.environ.get("DUJIANG_PLAN")
    if not path:
        pytest.skip("DUJIANG_PLAN does not name the plan's text")
    return read(path).as_json()


def test_sichuans_plan(sichuan):
    check_sichuan(sichuan)
    assert sum(goal["where"] == "goals" and goal["op"] is not None for goal in sichuan["goals"]) == 10


def test_sichuans_named_systems(sichuan):
    found = {(one["name"], one["task"]) for one in sichuan["systems"]}
    missing = [name for name, task in TRUTH["systems"].items() if (name, task) not in found]
    # Places named in one breath (成都城市、长虹企业) are left to people; what has a name of its own is found.
    assert missing == []


def test_every_span_holds_what_was_read(sichuan):
    for kind in ("goals", "tasks", "requirements", "systems"):
        for one in sichuan[kind]:
            start, end = one["span"]
            said = "".join(sichuan["text"][start:end].split())
            assert said == "".join((one["name"] if kind == "systems" else one["text"]).split())


def test_the_outline_reads_as_the_plan_does():
    check_sichuan(read(OUTLINE).as_json())


@pytest.mark.parametrize("name", CASES)
def test_plans_of_other_kinds(name):
    text, expected = CASES[name]
    found = read_text(text).as_json()
    header = tuple(found[key] for key in ("title", "issuer", "number", "date"))
    assert header == expected["header"]
    assert [(one["title"], one["lead"], one["cooperating"]) for one in found["tasks"]] == expected["tasks"]
    assert [one["title"] for one in found["requirements"]] == expected["requirements"]
    goals = [
        (
            one["where"],
            one["year"],
            one["op"],
            one["value"] if one["value"] is not None else (one["low"], one["high"]),
            one["unit"],
            one["about"],
        )
        for one in found["goals"]
        if one["op"]
    ]
    assert goals == expected["goals"]
