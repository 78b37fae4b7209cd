"""Alarms on drift of scores or inputs, with the same bound on false alarms as `alarms`, and no assumed distribution.

A figure is ranked among all that came before it (a conformal p-value; ties are broken by chance, from a seed). As long
as nothing drifts the figures are exchangeable, and then the p-values are independent and uniform, whatever the figures'
distribution (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005). A bet that pays

    f(p) = c p^(c-1)       0 < c < 1

has an expectation of 1 under that, and grows where figures are higher than they used to be; f(1-p) where they are lower,
f(2 min(p, 1-p)) where they spread. `alarms.Detector` takes the bets; its bound is exact, by no simulation.

River's detectors were the alternative. Their thresholds bound no rate of false alarms; `python -m bench drift` sets
them by simulation to the same rate and compares.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from dujiang.safety.alarms import Detector

STAKES = (0.25, 0.5, 0.75)
"""The c of the bets."""
DIRECTIONS = 3


@dataclass(slots=True)
class Drift:
    """A watch on a series of figures. ``past`` are the figures so far, sorted; ``seed`` breaks ties."""

    past: list[float]
    detector: Detector = field(default_factory=lambda: Detector.new(len(STAKES) * DIRECTIONS))
    seed: int = 0

    @classmethod
    def new(cls, reference: Sequence[float], seed: int = 0) -> Drift:
        """Begin a watch; ``reference`` are figures from when all was well, of the same conditions as those to come."""
        return cls(sorted(map(float, reference)), seed=seed)

    def feed(self, figure: float) -> float:
        """Take a figure in and return the statistic. Raises ValueError for a figure that is none (NaN)."""
        if math.isnan(figure):
            raise ValueError("NaN is no figure")
        higher = len(self.past) - bisect_right(self.past, figure)
        equal = len(self.past) - higher - bisect_left(self.past, figure)
        chance = random.Random(f"{self.seed}:{len(self.past)}:{self.detector.looks}").random()  # noqa: S311 (no secret)
        rank = (higher + chance * (equal + 1)) / (len(self.past) + 1)
        self.past.insert(bisect_left(self.past, figure), figure)
        self.detector = self.detector.feed(bets(rank))
        return self.detector.statistic


def bets(rank: float) -> tuple[float, ...]:
    """Return what each bet pays for a rank from 0 (higher than all before) to 1 (lower)."""
    sides = (rank, 1 - rank, 2 * min(rank, 1 - rank))
    return tuple(stake * max(side, 1e-12) ** (stake - 1) for side in sides for stake in STAKES)
