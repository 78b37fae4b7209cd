"""The verdict: an interval over seeds, against a margin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.messages import Text
from dujiang.scenarios.verdict import interval, judge

gains = st.lists(st.floats(-100, 100), min_size=5, max_size=20)


@given(gains)
def test_the_interval_holds_the_mean_and_repeats(values):
    low, high = interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert interval(values) == (low, high)


@given(gains, st.floats(0.1, 10), st.floats(-50, 50))
def test_the_interval_moves_and_stretches_with_the_gains(values, factor, shift):
    low, high = interval(values)
    moved = interval([factor * value + shift for value in values])
    assert moved == pytest.approx((factor * low + shift, factor * high + shift), abs=1e-6)


def test_coverage_is_near_what_it_says():
    # The percentile interval of 30 normal gains covers the mean a little less often than 95 %.
    random = np.random.default_rng(1)
    hits = sum(low <= 0.5 <= high for low, high in (interval(random.normal(0.5, 1, 30)) for _ in range(150)))
    assert 0.86 <= hits / 150 <= 1.0


def test_a_gain_at_the_margin_does_not_run_through():
    pairs = [(2.0, 1.0)] * 5
    assert judge(pairs, [1.0] * 5, margin=0.5).runs_through
    assert not judge(pairs, [1.0] * 5, margin=1.0).runs_through


def test_four_seeds_are_too_few():
    verdict = judge([(2.0, 1.0)] * 4, [1.0] * 4, margin=0.0)
    assert not verdict.runs_through
    assert verdict.low is None
    assert "4" in verdict.shortfall.zh and "4" in verdict.shortfall.en


def test_a_fault_outweighs_any_gain():
    verdict = judge([(2.0, 1.0)] * 5, [1.0] * 5, margin=0.0, faults=[Text("坏", "bad")])
    assert verdict.low == 1.0
    assert not verdict.runs_through
