"""Landmark scenarios: reviewers without conflicts of interest, scores calibrated for how severe each is, instalments.

Scores: y_ij = mu + q_i + s_j + e_ij, of application i by reviewer j, with q ~ N(0, v_q), s ~ N(0, v_s), e ~ N(0, v_e)
independent: a linear mixed model with two crossed random effects (Henderson 1975, Biometrics 31; as in Paul 1981 for
examiners). Its variances are estimated by restricted maximum likelihood, the effects by best linear unbiased prediction,
so that a severe reviewer's few applications aren't behind for it, and few scores are drawn towards the mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint, milp, minimize
from scipy.sparse import lil_array

from dujiang.messages import Refused, Text


class Calibrated(NamedTuple):
    """An application's calibrated score, with its 95 % interval, the plain mean and how many reviewed it."""

    score: float
    low: float
    high: float
    mean: float
    reviews: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores by application, severity by reviewer (below 0: severe), and the standard deviations of the three effects."""

    applications: Mapping[str, Calibrated]
    reviewers: Mapping[str, float]
    spread: tuple[float, float, float]


def calibrate(scores: Sequence[tuple[str, str, float]]) -> Calibration:
    """Return the calibration of (application, reviewer, score) triples; raises ValueError for none, or a pair twice."""
    if not scores or len({(one, by) for one, by, _ in scores}) < len(scores):
        raise ValueError("one score at least, and each pair once")
    applications = sorted({one for one, _, _ in scores})
    reviewers = sorted({by for _, by, _ in scores})
    count, first, second = len(scores), len(applications), len(reviewers)
    y = np.array([value for _, _, value in scores])
    z = np.zeros((count, first + second))
    for row, (one, by, _) in enumerate(scores):
        z[row, applications.index(one)] = z[row, first + reviewers.index(by)] = 1
    ones = np.ones((count, 1))

    def covariance(logs: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        v_q, v_s, v_e = np.exp(logs)
        among = np.concatenate([np.full(first, v_q), np.full(second, v_s)])
        return (z * among) @ z.T + v_e * np.eye(count), among

    def unlikely(logs: Sequence[float]) -> float:
        v, _ = covariance(logs)
        sign, logdet = np.linalg.slogdet(v)
        inverse = np.linalg.solve(v, np.concatenate([ones, y[:, None]], axis=1))
        xvx = float(ones[:, 0] @ inverse[:, 0])
        mean = float(ones[:, 0] @ inverse[:, 1]) / xvx
        rest = y - mean
        # A weak prior on each log variance keeps few scores from a spread of nought or none at all.
        prior = sum((np.asarray(logs) - np.log(max(float(np.var(y)), 1e-6) / 3)) ** 2) / (2 * 1.5**2)
        return float(0.5 * (logdet + np.log(xvx) + rest @ np.linalg.solve(v, rest)) + prior) if sign > 0 else 1e12

    start = np.full(3, np.log(max(float(np.var(y)), 1e-6) / 3))
    logs = minimize(unlikely, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}).x
    v, among = covariance(logs)
    inverse = np.linalg.inv(v)
    xvx = float((ones.T @ inverse @ ones)[0, 0])
    mean = float((ones.T @ inverse @ y)[0]) / xvx
    effects = among * (z.T @ inverse @ (y - mean))
    # The prediction's error, with the mean's (Henderson): diag(G - G Z' P Z G) + Var(mean) and their covariance.
    project = inverse - inverse @ ones @ ones.T @ inverse / xvx
    scaled = z * among
    error = np.diag(among) - scaled.T @ project @ scaled
    cross = -(scaled.T @ inverse @ ones)[:, 0] / xvx
    deviation = np.sqrt(np.maximum(np.diag(error) + 1 / xvx + 2 * cross, 0))
    found = {}
    for at, name in enumerate(applications):
        own = [value for one, _, value in scores if one == name]
        score = mean + float(effects[at])
        half = 1.96 * float(deviation[at])
        found[name] = Calibrated(score, score - half, score + half, float(np.mean(own)), len(own))
    severity = {name: float(effects[first + at]) for at, name in enumerate(reviewers)}
    v_q, v_s, v_e = (float(one) for one in np.sqrt(np.exp(logs)))
    return Calibration(found, severity, (v_q, v_s, v_e))


@dataclass(frozen=True, slots=True)
class Expert:
    """A reviewer: their own unit, and units that they have declared an interest in."""

    name: str
    unit: str
    interests: frozenset[str] = frozenset()


def conflicts(expert: Expert, units: Collection[str]) -> list[str]:
    """Return the units of an application (its own and its partners) that an expert may not judge."""
    return sorted({expert.unit, *expert.interests} & set(units) - {""})


def assign(applications: Mapping[str, Collection[str]], experts: Sequence[Expert], each: int) -> dict[str, list[str]]:
    """Give each application ``each`` experts without a conflict, as evenly as can be; raises `Refused` where that can't be.

    ``applications`` are names with their units. Integer programme: choose x_ij in {0, 1}, sum_j x_ij = each, x_ij = 0 where
    there is a conflict, and minimise the largest load L >= sum_i x_ij (HiGHS by `scipy.optimize.milp`).
    """
    names = sorted(applications)
    if not names:
        return {}
    free = {one: [at for at, expert in enumerate(experts) if not conflicts(expert, applications[one])] for one in names}
    for one in names:
        if len(free[one]) < each:
            raise Refused(
                Text(
                    f"“{one}”无利益冲突的专家只有 {len(free[one])} 名，需要 {each} 名",
                    f"{one!r} has only {len(free[one])} experts without a conflict of interest; it needs {each}",
                )
            )
    pairs = [(one, at) for one in names for at in free[one]]
    size = len(pairs) + 1
    rows = lil_array((len(names) + len(experts), size))
    for column, (one, at) in enumerate(pairs):
        rows[names.index(one), column] = 1
        rows[len(names) + at, column] = 1
    for at in range(len(experts)):
        rows[len(names) + at, size - 1] = -1
    low = np.concatenate([np.full(len(names), each), np.full(len(experts), -np.inf)])
    high = np.concatenate([np.full(len(names), each), np.zeros(len(experts))])
    # Least load first; among those, the order of names, so that the same question has the same answer.
    cost = np.concatenate([np.arange(len(pairs)) * 1e-6 / max(1, len(pairs)), [1.0]])
    solved = milp(
        cost,
        constraints=LinearConstraint(rows.tocsr(), low, high),
        integrality=np.ones(size),
        bounds=(0, np.concatenate([np.ones(len(pairs)), [len(names)]])),
    )
    if solved.x is None:
        raise Refused(Text("无法指派专家", "experts can't be assigned"))
    chosen: dict[str, list[str]] = {one: [] for one in names}
    for (one, at), taken in zip(pairs, solved.x, strict=False):
        if taken > 0.5:
            chosen[one].append(experts[at].name)
    return chosen


class Instalment(NamedTuple):
    """A part of an award: its share in per cent, and the kinds of evidence that it is bound to."""

    title: str
    share: int
    records: tuple[str, ...]


INSTALMENTS = (
    Instalment("立项启动", 30, ()),
    Instalment("场景复评跑通", 40, ("scenario.evaluated",)),
    Instalment("投用与安全备案", 30, ("safety.decided", "job.finished")),
)
"""How an award is paid where a call says nothing else."""


def parts(amount: int, instalments: Sequence[Instalment]) -> list[int]:
    """Return the fen of each instalment: shares rounded down, the last takes the rest, so that they add up."""
    if sum(one.share for one in instalments) != 100 or any(one.share < 1 for one in instalments):
        raise Refused(Text("各期比例应为正且合计 100%", "shares are above 0 and add up to 100 per cent"))
    found = [amount * one.share // 100 for one in instalments[:-1]]
    return [*found, amount - sum(found)]


def weighted(scores: Mapping[str, float], weights: Mapping[str, int]) -> float:
    """Return a review's score, 0 to 100: its criteria's scores by their weights. Raises `Refused`."""
    if set(scores) != set(weights):
        raise Refused(Text("请为每项标准打分", "give a score for each criterion"))
    if any(not 0 <= one <= 100 for one in scores.values()):
        raise Refused(Text("评分应为 0 至 100", "scores are 0 to 100"))
    return sum(scores[name] * weight for name, weight in weights.items()) / sum(weights.values())


def fund(scores: Mapping[str, Calibrated], asked: Mapping[str, int], budget: int, least: float) -> list[str]:
    """Return the applications to fund: by calibrated score from the best, what the budget still holds; none below ``least``."""
    chosen, left = [], budget
    for name in sorted(scores, key=lambda one: (-scores[one].score, one)):
        if scores[name].score >= least and asked[name] <= left:
            chosen.append(name)
            left -= asked[name]
    return chosen
