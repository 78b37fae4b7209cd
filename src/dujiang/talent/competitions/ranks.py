"""The private board: a rank is a range, since the hidden cases are a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 4999
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rank:
    """A team's place: its mean loss, its rank (ties share the best place), and the interval of its rank."""

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
    means = table.mean(axis=1)
    own = places(means[:, None])[:, 0]
    cases = table.shape[1]
    drawn = np.random.default_rng(0).multinomial(cases, np.full(cases, 1 / cases), RESAMPLES)
    drawn_places = places(table @ drawn.T / cases)
    outside = (1 - CONFIDENCE) / 2
    low = np.quantile(drawn_places, outside, axis=1, method="lower")
    high = np.quantile(drawn_places, 1 - outside, axis=1, method="higher")
    made = [
        Rank(team, float(means[at]), int(own[at]), int(min(low[at], own[at])), int(max(high[at], own[at])))
        for at, team in enumerate(teams)
    ]
    return sorted(made, key=lambda one: (one.rank, one.team))


def places(means: np.ndarray) -> np.ndarray:
    """Return ranks from 1 by column, the lowest first; ties share the best place. ``means``: teams x resamples."""
    # Means of the same losses in another order differ in the last bits; they are ties all the same.
    ranked: np.ndarray = rankdata(np.round(means, 12), method="min", axis=0)
    return ranked
