"""Does a scenario run through (跑通)? The judgement over its seeds, from scores alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import bootstrap

from dujiang.messages import Text

MIN_SEEDS = 5
"""Fewer seeds give no verdict."""
CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement over a run's seeds.

    ``gain`` is the mean paired gain of the method over the baseline in the metric's unit, positive is better;
    ``low`` and ``high`` are its 95 % interval. They are None where too few seeds have both scores. ``faults`` says
    what went wrong (a step that failed, an answer that did not repeat, a file that did not read back);
    ``shortfall`` what the figures lack. It runs through where there is neither.
    """

    baseline: float | None
    method: float | None
    gain: float | None
    low: float | None
    high: float | None
    margin: float
    faults: list[Text] = field(default_factory=list)
    shortfall: Text | None = None

    @property
    def runs_through(self) -> bool:
        """Whether the scenario runs through."""
        return not self.reasons

    @property
    def reasons(self) -> list[Text]:
        """Why it does not run through; empty where it does."""
        return [*self.faults, *([self.shortfall] if self.shortfall else [])]


def interval(gains: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of paired gains.

    Percentile rather than BCa: with so few seeds BCa's acceleration is ill-determined, and undefined for equal gains
    (Efron & Tibshirani 1993, ch. 14). The resampling is seeded, so the same gains give the same interval.
    """
    values = np.asarray(gains, dtype=float)
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    result = bootstrap(
        (values,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def judge(
    pairs: Sequence[tuple[float | None, float | None]],
    gains: Sequence[float],
    *,
    margin: float,
    faults: Sequence[Text] = (),
) -> Verdict:
    """Judge a run.

    ``pairs`` holds (baseline, method) scores a seed, None where a step failed; ``gains`` the paired gains of the
    seeds that have both; ``faults`` what went wrong.
    """
    baseline, method = _mean([pair[0] for pair in pairs]), _mean([pair[1] for pair in pairs])
    if len(gains) < MIN_SEEDS:
        shortfall = Text(
            f"只有 {len(gains)} 个种子有成绩，至少需要 {MIN_SEEDS} 个",
            f"only {len(gains)} seeds have both scores, {MIN_SEEDS} are needed",
        )
        return Verdict(baseline, method, None, None, None, margin, list(faults), shortfall)
    low, high = interval(gains)
    short = None
    if not low > margin:
        short = Text(
            f"增益 95% 区间下限 {low:.4g} 未超过要求 {margin:g}",
            f"the 95 % interval of the gain starts at {low:.4g}, not above {margin:g}",
        )
    return Verdict(baseline, method, float(np.mean(gains)), low, high, margin, list(faults), short)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
