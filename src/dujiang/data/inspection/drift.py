"""How far a table's columns have moved from an earlier version of it.

Two measures, both of samples: the population stability index over the deciles (or values) of the earlier version, read by
the thresholds usual for scorecards (Siddiqi, Credit Risk Scorecards, 2006: below 0.1 stable, above 0.25 shifted), and for
numbers Kolmogorov and Smirnov's largest distance between the distributions. The test's p-value is not given: with samples
of this size it is small whatever happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl

STABLE, SHIFTED = 0.1, 0.25
_BINS = 10
_VALUES = 50
_LEAST = 1e-4
"""A share that is taken for none, so that the logarithm stands (a usual choice)."""


class Verdict(StrEnum):
    """What the index says."""

    STABLE = "stable"
    MOVED = "moved"
    SHIFTED = "shifted"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Drift:
    """A column's drift; ``psi`` and ``distance`` are None where the column is new or gone, or no number."""

    column: str
    verdict: Verdict
    psi: float | None = None
    distance: float | None = None
    missing_before: float | None = None
    missing_now: float | None = None


def drift(before: pl.DataFrame, now: pl.DataFrame) -> list[Drift]:
    """Return the drift of each column, those of the earlier version first."""
    found = []
    for name in (*before.columns, *(name for name in now.columns if name not in before.columns)):
        if name not in now.columns:
            found.append(Drift(name, Verdict.GONE))
        elif name not in before.columns:
            found.append(Drift(name, Verdict.NEW))
        else:
            found.append(_column(name, before[name], now[name]))
    return found


def _column(name: str, before: pl.Series, now: pl.Series) -> Drift:
    numbers = before.dtype.is_numeric() and now.dtype.is_numeric()
    temporal = before.dtype.is_temporal() and now.dtype == before.dtype
    distance = None
    if numbers or temporal:
        expected: Any
        actual: Any
        one, other = _values(before), _values(now)
        edges = np.unique(np.quantile(one, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(one) else np.array([])
        expected = np.bincount(np.searchsorted(edges, one, side="right"), minlength=len(edges) + 1)
        actual = np.bincount(np.searchsorted(edges, other, side="right"), minlength=len(edges) + 1)
        distance = _distance(one, other)
    else:
        counts = (
            before.cast(pl.String).drop_nulls().value_counts().sort(["count", before.name], descending=[True, False])
        )
        known = counts[before.name].head(_VALUES).to_list()
        later = dict(now.cast(pl.String).drop_nulls().value_counts().iter_rows())
        first = dict(counts.iter_rows())
        expected = np.array(
            [*(first[value] for value in known), sum(first.values()) - sum(first[value] for value in known)]
        )
        actual = np.array(
            [
                *(later.get(value, 0) for value in known),
                sum(later.values()) - sum(later.get(value, 0) for value in known),
            ]
        )
    psi = stability(np.append(expected, before.null_count()), np.append(actual, now.null_count()))
    verdict = Verdict.STABLE if psi < STABLE else Verdict.MOVED if psi <= SHIFTED else Verdict.SHIFTED
    return Drift(name, verdict, round(psi, 6), distance, _missing(before), _missing(now))


def stability(expected: Any, actual: Any) -> float:
    """Return the population stability index of counts by bin: sum (a - e) ln(a / e) of the shares."""
    if not expected.sum() or not actual.sum():
        return 0.0 if expected.sum() == actual.sum() else float("inf")
    e = np.maximum(expected / expected.sum(), _LEAST)
    a = np.maximum(actual / actual.sum(), _LEAST)
    return float(((a - e) * np.log(a / e)).sum())


def _values(series: pl.Series) -> Any:
    values = series.drop_nulls()
    values = values.cast(pl.Int32 if series.dtype == pl.Date else pl.Int64) if series.dtype.is_temporal() else values
    found = values.cast(pl.Float64).to_numpy()
    return found[np.isfinite(found)]


def _distance(one: Any, other: Any) -> float | None:
    if not len(one) or not len(other):
        return None
    first, second = np.sort(one), np.sort(other)
    points = np.concatenate([first, second])
    below = np.searchsorted(first, points, side="right") / len(first)
    return round(float(np.abs(below - np.searchsorted(second, points, side="right") / len(second)).max()), 6)


def _missing(series: pl.Series) -> float:
    return series.null_count() / len(series) if len(series) else 0.0
