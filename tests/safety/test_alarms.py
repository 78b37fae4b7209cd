"""Alarms come where something has changed, and seldom where nothing has: the bound is shown by seeded simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom

from dujiang.safety.alarms import RISES, Detector, rate_factors, tolerable
from dujiang.safety.drift import DIRECTIONS, STAKES, Drift, bets

BETWEEN = 50


def rate_run(draw, rate, tolerated, between=BETWEEN, most=2000, sizes=(0, 400)):
    """How many looks pass until an alarm."""
    detector = Detector.new(len(RISES))
    for look in range(1, most + 1):
        total = int(draw.integers(*sizes))
        detector = detector.feed(rate_factors(int(draw.binomial(total, rate)), total, tolerated))
        if detector.statistic >= between:
            return look
    return most


@given(st.integers(0, 60), st.floats(0.001, 0.6), st.floats(0, 1))
def test_a_batchs_e_values_expect_one_at_most_at_any_tolerated_rate(total, tolerated, part):
    rate = tolerated * part
    chances = binom.pmf(np.arange(total + 1), total, rate)
    for alternative in range(len(RISES)):
        values = [rate_factors(events, total, tolerated)[alternative] for events in range(total + 1)]
        assert float(np.dot(chances, values)) <= 1 + 1e-9


@pytest.mark.parametrize("rate", [0.05, 0.03])
def test_false_alarms_on_a_rate_are_as_rare_as_promised(rate):
    """The mean run to a false alarm, cut at 2,000 looks, is above the bound by more than its error."""
    draw = np.random.default_rng(7)
    runs = np.array([rate_run(draw, rate, 0.05) for _ in range(60)])
    assert runs.mean() - 2 * runs.std() / math.sqrt(len(runs)) >= BETWEEN
    assert (runs <= BETWEEN // 5).mean() <= 0.2 + 2 * math.sqrt(0.2 * 0.8 / len(runs))  # at most N/between


def test_a_risen_rate_is_told_soon():
    draw = np.random.default_rng(8)
    runs = [rate_run(draw, 0.10, 0.05, between=1000, sizes=(200, 201)) for _ in range(40)]
    assert np.mean(runs) < 4
    runs = [rate_run(draw, 0.07, 0.05, between=1000, sizes=(200, 201)) for _ in range(40)]
    assert np.mean(runs) < 20


def test_what_cant_be_is_not_taken():
    for wrong in ((3, 2, 0.1), (-1, 2, 0.1), (1, 2, 0.0), (1, 2, 1.0)):
        with pytest.raises(ValueError, match=r"events in|tolerate"):
            rate_factors(*wrong)
    for wrong in ((0, 0), (5, 5)):
        with pytest.raises(ValueError, match=r"events in|everything"):
            tolerable(*wrong)


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_a_tolerable_rate_lies_above_what_was_seen(total, part):
    events = int(total * part)
    bound = tolerable(events, total)
    assert events / total < bound < 1
    assert binom.cdf(events, total, bound) == pytest.approx(0.01, rel=1e-6)


def test_a_huge_batch_does_not_overflow():
    detector = Detector.new(len(RISES))
    for _ in range(50):
        detector = detector.feed(rate_factors(10**6, 10**6, 0.01))
    assert math.isfinite(detector.statistic)


def drift_run(draw, made, between=BETWEEN, most=1000, reference=30):
    watch = Drift.new(made(draw, reference), seed=int(draw.integers(2**31)))
    for look in range(1, most + 1):
        if watch.feed(float(made(draw, 1)[0])) >= between:
            return look
    return most


DISTRIBUTIONS = {
    "normal": lambda draw, n: draw.normal(size=n),
    "heavy tails": lambda draw, n: draw.standard_t(1.5, size=n),
    "few values": lambda draw, n: draw.integers(0, 3, size=n).astype(float),
}


def test_the_bets_are_fair():
    paid = [
        quad(lambda rank, one=one: bets(rank)[one], 0, 1, points=[0.5], limit=200)[0] for one in range(len(bets(0.5)))
    ]
    assert paid == pytest.approx([1.0] * (len(STAKES) * DIRECTIONS), abs=2e-3)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_false_alarms_on_drift_are_as_rare_as_promised_whatever_the_distribution(name):
    draw = np.random.default_rng(9)
    runs = np.array([drift_run(draw, DISTRIBUTIONS[name], most=500) for _ in range(60)])
    assert runs.mean() - 2 * runs.std() / math.sqrt(len(runs)) >= BETWEEN
    assert (runs <= BETWEEN // 5).mean() <= 0.2 + 2 * math.sqrt(0.2 * 0.8 / len(runs))


@pytest.mark.parametrize(
    ("moved", "soon"),
    [(lambda draw: draw.normal(1.5), 25), (lambda draw: draw.normal(-1.5), 25), (lambda draw: draw.normal(0, 4), 40)],
    ids=["higher", "lower", "wider"],
)
def test_drift_is_told_soon(moved, soon):
    delays = []
    for seed in range(20):
        draw = np.random.default_rng(seed)
        watch = Drift.new(draw.normal(size=200), seed=seed)
        delays.append(next((look for look in range(1, 400) if watch.feed(float(moved(draw))) >= 1000), 400))
    assert np.median(delays) <= soon


def test_the_same_figures_give_the_same_statistic():
    one, other = Drift.new([1, 1, 2], seed=3), Drift.new([1, 1, 2], seed=3)
    figures = [1.0, 1.0, 5.0, 2.0]
    assert [one.feed(figure) for figure in figures] == [other.feed(figure) for figure in figures]
    with pytest.raises(ValueError, match="NaN"):
        one.feed(math.nan)
