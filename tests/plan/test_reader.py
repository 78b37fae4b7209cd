"""The reader against truths written by hand: Sichuan's plan, its outline, and plans of other kinds."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dujiang
from dujiang.plan.reader import read, read_text
from plan import more_plans, plans

CASES = plans.CASES | more_plans.CASES
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


def meaning(found):
    """What was read, without where it stood."""
    return {
        kind: [{key: value for key, value in one.items() if key not in ("span", "text")} for one in found[kind]]
        for kind in ("goals", "tasks", "requirements", "systems")
    } | {key: found[key] for key in ("title", "issuer", "number", "date")}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_breaks_and_blanks_inside_sentences_change_nothing(data):
    text = OUTLINE.read_text(encoding="utf-8")
    places = [
        index
        for index in range(1, len(text))
        if _inside(text[index - 1]) and _inside(text[index]) and text.rfind("\n", 0, index) < text.rfind("。", 0, index)
    ]
    breaks = data.draw(
        st.lists(
            st.tuples(st.sampled_from(places), st.sampled_from([" ", "\u3000", "\n", "\n\n", "\n— 7 —\n"])), max_size=12
        )
    )
    broken = text
    for place, inserted in sorted(breaks, reverse=True):
        broken = broken[:place] + inserted + broken[place:]
    found = read_text(broken).as_json()
    assert meaning(found) == meaning(read_text(text).as_json())
    for kind in ("goals", "tasks", "requirements", "systems"):
        for one in found[kind]:
            start, end = one["span"]
            said = re.sub(r"\s|— 7 —", "", broken[start:end])
            assert said == "".join((one["name"] if kind == "systems" else one["text"]).split())


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.data())
def test_stray_blanks_change_nothing(name, data):
    text = CASES[name][0]
    chinese = [
        index
        for index in range(1, len(text))
        if all("\u4e00" <= one <= "\u9fff" for one in text[index - 1 : index + 1])
    ]
    blanks = data.draw(
        st.lists(st.tuples(st.sampled_from(chinese), st.sampled_from([" ", "  ", "\u3000"])), max_size=12)
    )
    broken = text
    for place, inserted in sorted(blanks, reverse=True):
        broken = broken[:place] + inserted + broken[place:]
    before, after = meaning(read_text(text).as_json()), meaning(read_text(broken).as_json())
    # Of several issuers on a line only blanks tell one from the next.
    if name == "signed by several":
        del before["issuer"], after["issuer"]
    assert after == before


def _inside(letter):
    return "\u4e00" <= letter <= "\u9fff" and letter not in "一二三四五六七八九十第"


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from("一二（）()、，。：；〔〕0123456789年%个亿元牵头责任单位省厅局目标任务\n 至到超突破第条"))
)
def test_no_text_breaks_the_reader(text):
    found = read_text(text).as_json()
    assert found["text"] == text
    for kind in ("goals", "tasks", "requirements", "systems", "unread"):
        for one in found[kind]:
            assert 0 <= one["span"][0] <= one["span"][1] <= len(text)


def test_what_is_not_understood_is_reported():
    text = """某省行动方案
一、发展目标
到2027年，建成平台10个。算力使用率（不低于50%）明显提高。
二、重点任务
（一）甲任务。做事。（责任单位：？？）
（三）乙任务。做事。（责任单位：省科技厅，省教育厅，省财政厅）
"""
    found = read_text(text).as_json()
    whys = {text[one["span"][0] : one["span"][1]]: one["why"] for one in found["unread"]}
    assert "50%" in "".join(whys)
    assert any("understood" in why for why in whys.values())
    assert any("numbering goes from 1 to 3" in why for why in whys.values())
    assert any("commas" in why for why in whys.values())
    assert all(" / " in why for why in whys.values())


def test_a_document_without_tasks_says_so():
    found = read_text("某省关于某事的报告\n今年以来工作进展顺利。").as_json()
    assert (found["tasks"], found["goals"]) == ([], [])
    assert [one["why"].split(" / ")[1] for one in found["unread"]] == [
        "no title was found",
        "no tasks were found",
        "no goals were found",
    ]


def test_numbers_that_are_no_targets_give_no_goals():
    text = """某省行动方案
一、发展目标
根据国务院意见（国发〔2025〕11号）和20条措施，已建成平台8个，推进“从0到1”创新，覆盖21个市（州），部署5G基站，实施“一业一策”、两个方面，提供24小时在线服务，到2027年，建成平台10个。
"""
    quantified = [goal for goal in read_text(text).as_json()["goals"] if goal["op"]]
    assert [(goal["year"], goal["value"], goal["about"]) for goal in quantified] == [(2027, 10, "平台")]
