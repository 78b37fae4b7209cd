"""What comes next in a series of quarters, with an interval, and how such forecasts fared before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t

LEAST = 5
"""Quarters that a forecast needs."""
CONFIDENCE = 0.8
"""Of its interval: with few quarters one of 95 % says nothing."""


class Step(NamedTuple):
    """A quarter ahead: what is expected, and its interval; people are not fewer than none."""

    value: float
    low: float
    high: float


class Record(NamedTuple):
    """How one-quarter forecasts of the past fared.

    So many quarters, mean absolute errors of this and of "as now", and how many figures fell into their interval.
    """

    quarters: int
    error: float
    error_as_now: float
    inside: int


def drift(series: Sequence[float], steps: int) -> list[Step] | None:
    """Return the next quarters of a series by the drift method; None where it is shorter than `LEAST`.

    ``y(T+h) = y(T) + h d``, d the mean of the differences, with variance ``s^2 h (1 + h/(T-1))`` (Hyndman &
    Athanasopoulos, Forecasting: Principles and Practice, 5.5), s the standard deviation of the differences and Student's
    t with T - 2 degrees of freedom, since s is of few.
    """
    count = len(series)
    if count < LEAST:
        return None
    steps_before = np.diff(np.asarray(series, dtype=float))
    mean, spread = float(steps_before.mean()), float(steps_before.std(ddof=1))
    width = float(t.ppf(0.5 + CONFIDENCE / 2, count - 2)) * spread
    found = []
    for ahead in range(1, steps + 1):
        value = series[-1] + ahead * mean
        reach = width * math.sqrt(ahead * (1 + ahead / (count - 1)))
        found.append(Step(max(0.0, value), max(0.0, value - reach), max(0.0, value + reach)))
    return found


def record(series: Sequence[float]) -> Record | None:
    """Return how the method would have fared on the series so far, each quarter forecast from those before it."""
    told = []
    for end in range(LEAST, len(series)):
        if steps := drift(series[:end], 1):
            told.append((steps[0], series[end - 1], series[end]))
    if not told:
        return None
    return Record(
        len(told),
        sum(abs(step.value - actual) for step, _, actual in told) / len(told),
        sum(abs(before - actual) for _, before, actual in told) / len(told),
        sum(step.low <= actual <= step.high for step, _, actual in told),
    )
