"""Intervals cover, sample sizes suffice, and agreement is that of the textbook."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import cohen_kappa_score

from dujiang.safety.assessment.statistics import kappa, needed, share


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.data())
def test_the_interval_is_that_of_scipy(of, data):
    count = data.draw(st.integers(0, of))
    theirs = binomtest(count, of).proportion_ci(0.95, "exact")
    ours = share(count, of)
    assert math.isclose(ours.low, theirs.low, abs_tol=1e-9)
    assert math.isclose(ours.high, theirs.high, abs_tol=1e-9)


@pytest.mark.parametrize("true", [0.5, 0.9, 0.97])
def test_it_covers_the_truth_as_often_as_it_says(true):
    size = 120
    covered = sum(
        binom.pmf(count, size, true)
        for count in range(size + 1)
        if share(count, size).low <= true <= share(count, size).high
    )
    assert covered >= 0.95


def test_a_share_stands_by_its_interval():
    assert share(1000, 1000).stands(">=", 0.9) == "meets"
    assert share(10, 10).stands(">=", 0.9) == "open"
    assert share(5, 10).stands(">=", 0.9) == "fails"
    assert share(0, 10).stands("<=", 0.05) == "open"
    assert share(0, 300).stands("<=", 0.05) == "meets"
    assert share(9, 10).stands("<=", 0.05) == "fails"
    assert share(0, 0).stands("<=", 0.05) == "open"


@pytest.mark.parametrize(("true", "op", "threshold"), [(0.95, ">=", 0.9), (0.99, ">=", 0.95), (0.01, "<=", 0.05)])
def test_the_sample_that_is_named_shows_it_and_a_much_smaller_one_does_not(true, op, threshold):
    size = needed(true, op, threshold)

    def power(of):
        return sum(
            binom.pmf(count, of, true) for count in range(of + 1) if share(count, of).stands(op, threshold) == "meets"
        )

    assert power(size) >= 0.8
    assert power(int(size * 0.7)) < 0.8


def test_what_is_not_so_can_not_be_shown():
    with pytest.raises(ValueError, match="does not keep"):
        needed(0.8, ">=", 0.9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs):
    ours = kappa(pairs)
    if ours is not None:
        assert math.isclose(ours, cohen_kappa_score(*zip(*pairs, strict=True)), abs_tol=1e-9)
