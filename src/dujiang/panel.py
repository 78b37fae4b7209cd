"""Expert panels: who reviews what, and what scores say once reviewers' severity is taken out.

Scores: y_ij = mu + q_i + s_j + e_ij, of application i by reviewer j, with q ~ N(0, v_q), s ~ N(0, v_s), e ~ N(0, v_e)
independent: a linear mixed model with two crossed random effects (Henderson 1975, Biometrics 31; as in Paul 1981 for
examiners, and Ge, Welling & Ghahramani 2013 for conference papers). Its variances are estimated by restricted maximum
likelihood, the effects by best linear unbiased prediction, so that a severe reviewer's few applications aren't behind
for it, and few scores are drawn towards the mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import LinearConstraint, milp, minimize
from scipy.sparse import lil_array

from dujiang.messages import Refused, Text

_LEAST = 1e-6
"""A spread that is taken as none, in points squared."""


class Calibrated(NamedTuple):
    """An application's calibrated score, with its 95 % interval, the plain mean and how many reviewed it."""

    score: float
    low: float
    high: float
    mean: float
    reviews: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores by application, severity by reviewer (below 0: severe), and the standard deviations of the three effects.

    ``covariance`` is that of the scores' errors, applications in the order of their names.
    """

    applications: Mapping[str, Calibrated]
    reviewers: Mapping[str, float]
    spread: tuple[float, float, float]
    covariance: np.ndarray


def calibrate(scores: Mapping[tuple[str, str], float]) -> Calibration:
    """Return the calibration of scores by (application, reviewer); raises ValueError for none, or one that isn't finite.

    The time grows with the cube of applications and reviewers together, not of scores.
    """
    y = np.array(list(scores.values()), dtype=float)
    if not len(y) or not np.isfinite(y).all():
        raise ValueError("scores: one at least, all finite")
    applications = sorted({one for one, _ in scores})
    reviewers = sorted({by for _, by in scores})
    first, second = len(applications), len(reviewers)
    at = {name: column for column, name in enumerate(applications, start=1)}
    by = {name: column for column, name in enumerate(reviewers, start=1 + first)}
    design = np.zeros((len(y), 1 + first + second))
    design[:, 0] = 1
    for row, (one, who) in enumerate(scores):
        design[row, at[one]] = design[row, by[who]] = 1
    middle = float(y.mean())
    squares, sums, total = design.T @ design, design.T @ (y - middle), float((y - middle) @ (y - middle))
    typical = np.log(max(total / len(y), _LEAST) / 3)

    def equations(logs: np.ndarray) -> np.ndarray:
        """Return Henderson's mixed-model equations, whose inverse is the covariance of the prediction's errors."""
        v_q, v_s, v_e = np.exp(logs)
        made: np.ndarray = squares / v_e
        return made + np.diag(np.concatenate([[0.0], np.full(first, 1 / v_q), np.full(second, 1 / v_s)]))

    def unlikely(logs: np.ndarray) -> float:
        """Return the negative restricted log-likelihood, up to a constant (Harville 1977, J. Am. Stat. Assoc. 72)."""
        made = equations(logs)
        scaled = sums / np.exp(logs[2])
        rest = total / np.exp(logs[2]) - scaled @ np.linalg.solve(made, scaled)
        spread = len(y) * logs[2] + first * logs[0] + second * logs[1] + np.linalg.slogdet(made)[1]
        # A weak prior on each log variance keeps few scores from a spread of nought or none at all.
        return float(0.5 * (spread + rest) + ((logs - typical) ** 2).sum() / (2 * 1.5**2))

    options = {"xatol": 1e-4, "fatol": 1e-6}
    logs = minimize(unlikely, np.full(3, typical), method="Nelder-Mead", options=options).x
    errors = np.linalg.inv(equations(logs))
    effects = errors @ sums / np.exp(logs[2])
    quality = middle + effects[0] + effects[1 : 1 + first]
    shared = errors[0, 1 : 1 + first]
    covariance = errors[1 : 1 + first, 1 : 1 + first] + errors[0, 0] + shared[:, None] + shared[None, :]
    half = 1.96 * np.sqrt(np.maximum(np.diag(covariance), 0))
    counts = design[:, 1 : 1 + first].sum(axis=0)
    means = middle + sums[1 : 1 + first] / counts
    found = {
        name: Calibrated(
            float(quality[n]), float(quality[n] - half[n]), float(quality[n] + half[n]), float(means[n]), int(counts[n])
        )
        for n, name in enumerate(applications)
    }
    severity = dict(zip(reviewers, map(float, effects[1 + first :]), strict=True))
    v_q, v_s, v_e = (float(one) for one in np.sqrt(np.exp(logs)))
    return Calibration(found, severity, (v_q, v_s, v_e), covariance)


def assign(
    applications: Sequence[str],
    reviewers: Sequence[str],
    conflicts: Collection[tuple[str, str]],
    each: int,
    held: Collection[tuple[str, str]] = (),
) -> list[tuple[str, str]]:
    """Return (application, reviewer) pairs: ``each`` reviewers an application, none in conflict, the loads even.

    ``held`` are pairs that stand already. Integer programme: choose x_ij in {0, 1}, sum_j x_ij = each, and minimise the
    largest load L >= sum_i x_ij (HiGHS by `scipy.optimize.milp`). Among the fairest ways one is drawn, the same each
    time, so that who reviews together is mixed, which calibration lives on. Raises `Refused` where conflicts leave too
    few reviewers.
    """
    if not applications:
        return []
    pairs = [(one, who) for one in applications for who in reviewers if (one, who) not in conflicts]
    row = {name: at for at, name in enumerate(applications)}
    load = {name: len(applications) + at for at, name in enumerate(reviewers)}
    free, stand = np.zeros(len(applications)), np.zeros(len(applications))
    for pair in pairs:
        free[row[pair[0]]] += 1
        stand[row[pair[0]]] += pair in held
    if (free < each).any():
        at = int(np.argmax(free < each))
        raise Refused(
            Text(
                f"“{applications[at]}”无利益冲突的专家只有 {int(free[at])} 名，需要 {each} 名",
                f"{applications[at]!r} has only {int(free[at])} reviewers without a conflict of interest; it needs {each}",
            )
        )
    # Variables: a pair each, and the highest load, which weighs more than all chance together.
    rows = lil_array((len(applications) + len(reviewers), len(pairs) + 1))
    for column, (one, who) in enumerate(pairs):
        rows[row[one], column] = rows[load[who], column] = 1
    for at in load.values():
        rows[at, len(pairs)] = -1
    whole = np.maximum(each, stand)
    chance = np.random.default_rng(0).random(len(pairs)) / len(pairs)
    solved = milp(
        np.append(chance, 10.0),
        integrality=np.ones(len(pairs) + 1),
        bounds=(
            np.array([*(float(pair in held) for pair in pairs), 0.0]),
            np.array([*np.ones(len(pairs)), float(len(applications))]),
        ),
        constraints=LinearConstraint(
            rows.tocsr(),
            np.concatenate([whole, np.full(len(reviewers), -np.inf)]),
            np.concatenate([whole, np.zeros(len(reviewers))]),
        ),
    )
    if solved.x is None:
        raise Refused(Text(f"无法指派专家：{solved.message}", f"reviewers can't be assigned: {solved.message}"))
    return [pair for pair, taken in zip(pairs, solved.x, strict=False) if taken > 0.5]
