"""Annotators' quality: Dawid and Skene's algorithm beside a plain one, planted skills, and intervals that hold."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.data.annotation.consensus import majority
from dujiang.data.annotation.labels import Span
from dujiang.data.annotation.quality import against, cost_per_accepted, dawid_skene


def by_hand(answers, rounds, prior=0.01):
    """The algorithm as the paper writes it, with loops: slow and plain."""
    labels = sorted({label for given in answers.values() for label in given.values()})
    people = {name for given in answers.values() for name in given}
    belief = {
        key: {one: list(given.values()).count(one) / len(given) for one in labels}
        for key, given in answers.items()
        if given
    }
    for _ in range(rounds):
        share = {one: sum(held[one] for held in belief.values()) + prior for one in labels}
        whole = sum(share.values())
        error = {}
        for name in people:
            for true in labels:
                row = {
                    said: prior + sum(held[true] for key, held in belief.items() if answers[key].get(name) == said)
                    for said in labels
                }
                error[name, true] = {said: row[said] / sum(row.values()) for said in labels}
        for key in belief:
            weight = {
                true: share[true] / whole * math.prod(error[name, true][said] for name, said in answers[key].items())
                for true in labels
            }
            belief[key] = {true: weight[true] / sum(weight.values()) for true in labels}
    return belief


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_estimates_are_those_of_the_paper(seed):
    _, answers = planted(random.Random(seed), {"one": 0.9, "two": 0.7, "three": 0.5}, count=25)
    found = dawid_skene(answers)
    for key, held in by_hand(answers, found.rounds).items():
        label, chance = found.classes[key]
        assert chance == pytest.approx(held[label], abs=1e-9) == pytest.approx(max(held.values()), abs=1e-9)


SKILLS = {"good": 0.95, "fair": 0.85, "poor": 0.55, "worse": 0.5, "guess": 0.34}


def planted(generator, skills, count=400, labels="abc"):
    truth = {str(n): generator.choice(labels) for n in range(count)}
    answers = {
        key: {
            name: label if generator.random() < skill else generator.choice([one for one in labels if one != label])
            for name, skill in skills.items()
            if generator.random() < 0.8
        }
        for key, label in truth.items()
    }
    return truth, answers


def test_planted_skills_are_found_and_beat_the_majority():
    truth, answers = planted(random.Random(2), SKILLS, count=600)
    found = dawid_skene(answers)
    for name, skill in SKILLS.items():
        assert found.skill[name] == pytest.approx(skill, abs=0.08)
    asked = [key for key in answers if answers[key]]
    right = sum(found.classes[key][0] == truth[key] for key in asked)
    by_majority = sum(majority(list(answers[key].values())) == truth[key] for key in asked)
    assert right > by_majority + 20
    assert all(np.allclose(one.sum(axis=1), 1) for one in found.confusion.values())


def test_who_always_swaps_two_classes_is_still_of_use():
    truth, answers = planted(random.Random(3), {"one": 0.9, "two": 0.9}, labels="ab")
    for key in answers:
        answers[key]["swapped"] = "ab"[truth[key] == "a"]
    found = dawid_skene(answers)
    assert found.skill["swapped"] < 0.1
    right = np.mean([found.classes[key][0] == truth[key] for key in truth])
    assert right > 0.97


def test_nobody_answered():
    assert dawid_skene({}).classes == {} == dawid_skene({"a": {}}).classes
    assert against([]).mean is None
    assert cost_per_accepted(0, 10, 0, 5, 5) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_interval_holds_the_mean(rights):
    told = against(("a", "a" if right else "b") for right in rights)
    assert 0 <= told.low <= told.mean <= told.high <= 1
    assert told.items == len(rights)
    if len(rights) > 4:
        assert against([("a", "a" if right else "b") for right in rights * 4]).high - told.low < 1.01


def test_the_interval_covers_as_often_as_it_says():
    generator = random.Random(5)
    held = 0
    for _ in range(500):
        told = against([("a", "a" if generator.random() < 0.85 else "b") for _ in range(30)])
        held += told.low <= 0.85 <= told.high
    assert held / 500 > 0.92


def test_spans_count_by_their_likeness():
    told = against([((Span(0, 2, "x"), Span(3, 4, "y")), (Span(0, 2, "x"),)), ((), ())])
    assert told.mean == pytest.approx((2 / 3 + 1) / 2)


def test_what_a_label_costs_counts_all_that_was_paid():
    assert (
        cost_per_accepted(accepted=80, answered=200, adjudicated=20, price=10, adjudication_price=30, model_cost=40)
        == 33
    )
