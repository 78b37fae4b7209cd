"""Application contests: who reviews what, and what reviewers' scores say once their severity is taken out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from dujiang.talent.competitions.ranks import CONFIDENCE, RESAMPLES, places

_ROUNDS, _CLOSE = 500, 1e-6
_LEAST = 1e-6
"""A spread that is taken as none, in points squared."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """An application: the mean of its scores, its calibrated score with standard error, and its rank as a range."""

    name: str
    mean: float
    score: float
    error: float
    rank: int
    low: int
    high: int


def assign(
    applications: Sequence[str],
    reviewers: Sequence[str],
    conflicts: Collection[tuple[str, str]],
    each: int,
    held: Collection[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """Return (application, reviewer) pairs: ``each`` reviewers an application, none in conflict, the most loaded least.

    ``held`` are pairs that stand already. Among the fairest ways one is drawn, the same each time, so that who reviews
    together is mixed, which calibration lives on. Raises ValueError where conflicts leave too few reviewers.
    """
    if not applications:
        return []
    wide, deep = len(reviewers), len(applications)
    free = np.ones((deep, wide))
    for a, application in enumerate(applications):
        for r, reviewer in enumerate(reviewers):
            free[a, r] = (application, reviewer) not in conflicts
    if (free.sum(axis=1) < each).any():
        short = applications[int(np.argmax(free.sum(axis=1) < each))]
        raise ValueError(f"{short}: fewer than {each} reviewers without a conflict")
    fixed = np.array([[float((one, who) in held) for who in reviewers] for one in applications]) * free
    # Variables: a pair each, and the highest load; the load weighs more than all chance together.
    chance = np.random.default_rng(0).random(deep * wide) / (deep * wide)
    cost = np.append(chance, 10.0)
    rows = np.kron(np.eye(deep), np.ones(wide))
    loads = np.kron(np.ones(deep), np.eye(wide))
    whole = np.maximum(each, fixed.sum(axis=1))
    solved = milp(
        cost,
        integrality=np.ones(deep * wide + 1),
        bounds=Bounds(np.append(fixed.ravel(), 0), np.append(free.ravel(), deep)),
        constraints=[
            LinearConstraint(np.hstack([rows, np.zeros((deep, 1))]), whole, whole),
            LinearConstraint(np.hstack([loads, -np.ones((wide, 1))]), -np.inf, 0),
        ],
    )
    if solved.x is None:
        raise ValueError(f"no assignment: {solved.message}")
    chosen = solved.x[:-1].reshape(deep, wide) > 0.5
    return [(applications[a], reviewers[r]) for a, r in zip(*np.nonzero(chosen), strict=True)]


def calibrate(scores: Mapping[tuple[str, str], float]) -> list[Calibrated]:
    """Return applications by calibrated score, best first, from scores by (application, reviewer).

    A score is taken as the overall mean, plus the application's quality, plus the reviewer's severity, plus noise, all
    normal (the additive model of Ge, Welling & Ghahramani 2013, A Bayesian model for calibrating conference review
    scores). The three variances are estimated by expectation maximisation; the calibrated score is the posterior mean
    of quality on the scale of the scores. A rank's 95 % interval is that of ranks drawn from the joint posterior,
    seeded. With no more severity among reviewers than noise explains, it shrinks the means alike and leaves their order.
    Raises ValueError where a score is not finite.
    """
    if not scores:
        return []
    names = sorted({application for application, _ in scores})
    who = sorted({reviewer for _, reviewer in scores})
    values = np.array(list(scores.values()), dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("scores: all finite")
    design = np.zeros((len(values), len(names) + len(who)))
    for row, (application, reviewer) in enumerate(scores):
        design[row, names.index(application)] = 1
        design[row, len(names) + who.index(reviewer)] = 1
    mean, effects, covariance = _posterior(design, values, len(names))
    quality, spread = effects[: len(names)], covariance[: len(names), : len(names)]
    drawn = np.random.default_rng(0).multivariate_normal(quality, spread, RESAMPLES, method="eigh").T
    drawn_places, own = places(-drawn), places(-quality[:, None])[:, 0]
    outside = (1 - CONFIDENCE) / 2
    low = np.minimum(np.quantile(drawn_places, outside, axis=1, method="lower"), own)
    high = np.maximum(np.quantile(drawn_places, 1 - outside, axis=1, method="higher"), own)
    plain = [float(np.mean([value for (one, _), value in scores.items() if one == name])) for name in names]
    made = [
        Calibrated(
            name, plain[at], float(mean + quality[at]), float(np.sqrt(max(spread[at, at], 0.0))), int(own[at]),
            int(low[at]), int(high[at]),
        )
        for at, name in enumerate(names)
    ]  # fmt: skip
    return sorted(made, key=lambda one: (one.rank, one.name))


def _posterior(design: np.ndarray, values: np.ndarray, first: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the overall mean, and the posterior mean and covariance of qualities (the ``first``) and severities."""
    count, width = design.shape
    total = float(values.var()) or 1.0
    quality = severity = noise = total / 3
    mean = float(values.mean())
    effects, covariance = np.zeros(width), np.eye(width)
    for _ in range(_ROUNDS):
        precision = np.concatenate([np.full(first, 1 / quality), np.full(width - first, 1 / severity)])
        covariance = np.linalg.inv(design.T @ design / noise + np.diag(precision))
        effects = covariance @ design.T @ (values - mean) / noise
        mean = float(np.mean(values - design @ effects))
        squares, own = effects**2 + np.diag(covariance), values - mean - design @ effects
        before = np.array([quality, severity, noise])
        quality, severity = max(float(squares[:first].mean()), _LEAST), max(float(squares[first:].mean()), _LEAST)
        noise = max(float(own @ own + np.trace(design @ covariance @ design.T)) / count, _LEAST)
        if np.allclose(before, [quality, severity, noise], rtol=_CLOSE, atol=0):
            break
    return mean, effects, covariance
