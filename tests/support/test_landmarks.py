"""Landmark scenarios: whom an expert may not judge, parts that add up, the best that the budget holds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.messages import Refused
from dujiang.panel import Calibrated
from dujiang.support.landmarks import Expert, Instalment, conflicts, fund, parts, weighted


def test_an_experts_own_unit_and_declared_interests_are_kept_apart():
    expert = Expert("e", "甲", frozenset({"乙"}))
    assert conflicts(expert, ["乙", "丙", "甲", ""]) == ["乙", "甲"]
    assert conflicts(Expert("f", ""), ["", "丙"]) == []


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10**12), st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_instalments_add_up(amount, shares):
    instalments = [Instalment(str(one), one, ()) for one in shares]
    if sum(shares) != 100:
        with pytest.raises(Refused):
            parts(amount, instalments)
        shares = [*[1] * (len(shares) - 1), 101 - len(shares)]
        instalments = [Instalment(str(one), one, ()) for one in shares]
    found = parts(amount, instalments)
    assert sum(found) == amount and min(found) >= 0


def test_a_review_is_whole_and_within_its_scale():
    weights = {"value": 60, "method": 40}
    assert weighted({"value": 90, "method": 60}, weights) == 78
    for wrong in ({"value": 90}, {"value": 101, "method": 1}, {"value": 1, "method": 1, "x": 1}):
        with pytest.raises(Refused):
            weighted(wrong, weights)


def test_the_budget_holds_and_nothing_below_the_line_is_funded():
    made = {name: Calibrated(at, at - 5, at + 5, at, 3) for name, at in zip("abcd", (90, 85, 80, 50), strict=True)}
    asked = {"a": 60, "b": 50, "c": 40, "d": 1}
    assert fund(made, asked, 100, 60) == ["a", "c"]
    assert fund(made, asked, 1000, 60) == ["a", "b", "c"]
    assert fund(made, asked, 10, 60) == []
