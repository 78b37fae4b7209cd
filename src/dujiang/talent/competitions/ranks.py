"""The final board: a rank is a range, since the hidden cases are a sample and reviewers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_RESAMPLES = 4999
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rank:
    """A team's place: its loss, its rank (ties share the best place), and the interval of its rank."""

    team: str
    loss: float
    rank: int
    low: int
    high: int


def ranks(losses: Mapping[str, Sequence[float]]) -> list[Rank]:
    """Return the teams' ranks by mean loss, best first; ties share a rank, and are told in the order of their names.

    ``losses`` has a loss a hidden case for each team, the same cases in the same order. The interval is the 95 %
    percentile bootstrap over cases, all teams on the same resample, so that what cases have in common cancels out
    (Goldstein & Spiegelhalter 1996, J. Royal Statistical Society A 159, on intervals of league tables' ranks). The
    resampling is seeded: the same losses give the same board on any machine. Raises ValueError where teams' cases differ
    in number or a loss is not finite.
    """
    if not losses:
        return []
    teams = sorted(losses)
    if len({len(losses[team]) for team in teams}) != 1 or not len(losses[teams[0]]):
        raise ValueError("the same number of cases for every team, at least one")
    table = np.array([losses[team] for team in teams], dtype=float)
    if not np.isfinite(table).all():
        raise ValueError("losses: all finite")
    cases = table.shape[1]
    drawn = np.random.default_rng(0).multinomial(cases, np.full(cases, 1 / cases), _RESAMPLES)
    return _ranked(teams, table.mean(axis=1), table @ drawn.T / cases)


def reviewed_ranks(scores: Mapping[str, float], covariance: np.ndarray) -> list[Rank]:
    """Return ranks by calibrated score, the highest first; a loss is the score's negative.

    ``scores`` in the order of names, with the ``covariance`` of their errors. The interval is that of ranks drawn from
    the scores' joint normal distribution, seeded.
    """
    means = -np.array(list(scores.values()))
    drawn = np.random.default_rng(0).multivariate_normal(means, covariance, _RESAMPLES, method="eigh").T
    return _ranked(list(scores), means, drawn)


def _ranked(teams: Sequence[str], means: np.ndarray, drawn: np.ndarray) -> list[Rank]:
    """Return teams' ranks by their ``means``, with the interval of their ranks in ``drawn``, teams x resamples."""
    own, drawn_places = _places(means[:, None])[:, 0], _places(drawn)
    outside = (1 - _CONFIDENCE) / 2
    low = np.minimum(np.quantile(drawn_places, outside, axis=1, method="lower"), own)
    high = np.maximum(np.quantile(drawn_places, 1 - outside, axis=1, method="higher"), own)
    made = [Rank(team, float(means[at]), int(own[at]), int(low[at]), int(high[at])) for at, team in enumerate(teams)]
    return sorted(made, key=lambda one: (one.rank, one.team))


def _places(means: np.ndarray) -> np.ndarray:
    """Return ranks from 1 by column, the lowest first; ties share the best place. ``means``: teams x resamples."""
    # Means of the same losses in another order differ in the last bits; they are ties all the same.
    ranked: np.ndarray = rankdata(np.round(means, 12), method="min", axis=0)
    return ranked
