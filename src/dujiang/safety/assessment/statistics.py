"""Shares with their exact intervals, what a sample can show, and agreement between judges."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dujiang.messages import Text

CONFIDENCE = 0.95

Standing = Literal["meets", "fails", "open"]
"""Whether a share is shown to keep its threshold, shown to miss it, or neither by this sample."""

STANDINGS: dict[Standing, Text] = {
    "meets": Text("达标", "meets it"),
    "fails": Text("不达标", "fails it"),
    "open": Text("样本不足以判定", "not decided by this sample"),
}


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``of``, as a share with its exact 95 % interval."""

    count: int
    of: int
    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def stands(self, op: str, threshold: float) -> Standing:
        """Say how the share stands to a threshold (``>=`` or ``<=``): by its whole interval, not by its value."""
        low, high = (self.low, self.high) if op == ">=" else (1 - self.high, 1 - self.low)
        least = threshold if op == ">=" else 1 - threshold
        if low >= least:
            return "meets"
        return "fails" if high < least else "open"


def share(count: int, of: int, confidence: float = CONFIDENCE) -> Share:
    """Return a share with the Clopper-Pearson interval (Clopper & Pearson 1934, Biometrika 26, 404-413).

    The interval of nothing out of nothing is [0, 1]. Raises ValueError where ``count`` is no part of ``of``.
    """
    from scipy.stats import beta

    if not 0 <= count <= of:
        raise ValueError(f"{count} is no part of {of}")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, of - count)) if count < of else 1.0
    return Share(count, of, count / of if of else 0.0, low, high)


def needed(true: float, op: str, threshold: float, power: float = 0.8) -> int:
    """Return the smallest sample that shows with ``power`` that a share of ``true`` keeps its threshold.

    Exact: the interval's lower end reaches t from the count c on for which P(X >= c | n, t) <= 2.5 %, so the power is
    P(X >= c | n, true). It is a saw-tooth in n, so it must hold for the 20 sizes that follow too. Raises ValueError
    where ``true`` doesn't keep the threshold, since no sample can show it then, or where more than 20,000 are needed.
    """
    import numpy as np
    from scipy.stats import binom

    least, truth = (threshold, true) if op == ">=" else (1 - threshold, 1 - true)
    if truth <= least:
        raise ValueError(f"a share of {true} does not keep {op} {threshold}")
    for most in (2_000, 20_000):  # most answers are small
        sizes = np.arange(1, most + 21)
        counts = binom.isf((1 - CONFIDENCE) / 2, sizes, least) + 1
        shows = (counts <= sizes) & (binom.sf(counts - 1, sizes, truth) >= power)
        lasting = np.lib.stride_tricks.sliding_window_view(shows, 21).all(axis=1)
        if lasting.any():
            return int(sizes[lasting.argmax()])
    raise ValueError(f"more than 20,000 would be needed to show {true} {op} {threshold}")


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return Cohen's kappa of two judges' verdicts on the same things (Cohen 1960).

    (p_o - p_e) / (1 - p_e); None where there is nothing to compare or chance agreement is certain.
    """
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(one == other for one, other in pairs) / total
    verdicts = {verdict for pair in pairs for verdict in pair}
    expected = sum(
        sum(one == verdict for one, _ in pairs) * sum(other == verdict for _, other in pairs) for verdict in verdicts
    ) / (total * total)
    return None if expected == 1 else (observed - expected) / (1 - expected)
