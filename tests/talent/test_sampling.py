"""Samples are as large as the confidence asks, drawn by a seed, and their bounds are exact."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.talent.sampling import bounds, draw, sample_size


def missing(population, bad, size):
    """The chance that a sample holds none of the bad, by counting."""
    return comb(population - bad, size) / comb(population, size)


@given(st.integers(1, 200), st.floats(0, 0.5), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_sample_is_the_smallest_that_will_do(population, tolerated, confidence):
    size = sample_size(population, tolerated, confidence)
    bad = int(tolerated * population + 1e-9) + 1
    assert missing(population, bad, size) <= 1 - confidence + 1e-9
    assert size == 1 or missing(population, bad, size - 1) > 1 - confidence - 1e-9


def test_sizes_that_auditors_know():
    # 59 of a large population for 5 % at 95 % (0.95 ** 59 < 0.05); everything where nothing may be wrong.
    assert sample_size(100_000, 0.05, 0.95) == 59
    assert sample_size(20, 0, 0.95) == 19
    with pytest.raises(ValueError, match="population"):
        sample_size(0, 0.05, 0.95)


@given(st.integers(1, 40), st.data())
def test_bounds_hold_what_the_sample_can_come_from(population, data):
    size = data.draw(st.integers(0, population))
    bad = data.draw(st.integers(0, size))
    low, high = bounds(population, size, bad, 0.95)
    assert bad <= low <= high <= population - (size - bad)
    if size == population:
        assert low == high == bad


def test_no_bad_one_in_a_sample_of_the_right_size_bounds_the_bad_by_what_is_tolerated():
    for population in (30, 100, 400):
        size = sample_size(population, 0.05, 0.95)
        assert bounds(population, size, 0, 0.95)[1] <= 0.05 * population


def test_a_draw_is_of_the_seed_and_nothing_else():
    numbers = [f"DJ{number:04d}" for number in range(200)]
    assert draw(numbers, 20, "a") == draw(list(reversed(numbers)), 20, "a")
    assert draw(numbers, 20, "a") != draw(numbers, 20, "b")
    assert len(set(draw(numbers, 20, "a"))) == 20
    counted = dict.fromkeys(numbers, 0)
    for seed in range(300):
        for one in draw(numbers, 20, str(seed)):
            counted[one] += 1
    assert min(counted.values()) >= 10 and max(counted.values()) <= 55
