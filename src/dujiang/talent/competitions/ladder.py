"""The public leader board: what it lets out of the hidden cases is bounded, however often somebody asks.

The parameter-free Ladder of Blum & Hardt (2015, The Ladder: A Reliable Leaderboard for Machine Learning Competitions,
ICML, Fig. 2). A team's figure on the board changes only where an entry is better than its best by more than chance
explains, and is then told rounded. Whoever probes the board by many slightly different entries learns nothing between
two steps, so the board's error grows with the logarithm of the number of entries, not with their number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Standing:
    """A team's best entry on the board: what the board ``shows`` (a loss), and its loss on each hidden case."""

    shows: float
    losses: tuple[float, ...]


def release(losses: Sequence[float], best: Standing | None) -> Standing:
    """Return the standing after an entry with these losses, one a hidden case, lower is better.

    A first entry is shown rounded to 1/n, n the number of cases. A later one takes its place where its mean is below
    what is shown by more than the standard error of the difference of the losses; else the board stays as it is.
    Raises ValueError where there are no cases, a loss is not finite, or the cases are not those of before.
    """
    values = np.asarray(losses, dtype=float)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("losses: at least one, all finite")
    mean = float(values.mean())
    if best is not None:
        if len(best.losses) != values.size:
            raise ValueError(f"losses of {values.size} cases, the board's are of {len(best.losses)}")
        difference = values - np.asarray(best.losses)
        error = float(difference.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else 0.0
        if not mean < best.shows - error:
            return best
    return Standing(round(mean * values.size) / values.size, tuple(values.tolist()))
