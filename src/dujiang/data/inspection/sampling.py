"""How many documents people have to look at, how many of them may fail, and what the result is worth.

All by the exact distributions: hypergeometric for a sample without replacement from a corpus of known size, Clopper and
Pearson's interval (Biometrika 1934) for a share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Plan:
    """A sampling plan: look at ``size`` of ``documents``, drawn at random with ``seed``.

    ``allowed`` fails are what the required rate allows in the sample. With at most ``proven`` fails it is shown, at
    ``confidence``, that the whole corpus has the rate; None where no result of so small a sample could show it.
    """

    documents: int
    size: int
    required: float
    allowed: int
    proven: int | None
    confidence: float
    seed: int

    def drawn(self) -> list[int]:
        """Return the numbers of the documents to look at, from 0, ascending; the same each time."""
        return sorted(np.random.default_rng(self.seed).choice(self.documents, self.size, replace=False).tolist())


def plan(documents: int, size: int, required: float, *, confidence: float = CONFIDENCE, seed: int = 0) -> Plan:
    """Return the plan of looking at ``size`` documents (all, where there are fewer) for a rate of ``required``."""
    size = min(size, documents)
    # The least number of bad documents in the corpus with which it misses the rate.
    bad = int(np.floor(documents * (1 - required) + 1e-9)) + 1
    return Plan(
        documents,
        size,
        required,
        int(np.floor(size * (1 - required) + 1e-9)),
        _proven(documents, bad, size, confidence),
        confidence,
        seed,
    )


def _proven(documents: int, bad: int, size: int, confidence: float) -> int | None:
    """Return the most fails that would be so few, were the corpus just too bad, in at most 1 - confidence of samples."""
    if bad > documents:
        return size if documents else None
    fails = np.arange(size + 1)
    rare = stats.hypergeom.cdf(fails, documents, bad, size) <= 1 - confidence
    return int(fails[rare].max()) if rare.any() else None


def interval(passed: int, looked: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a rate of ``passed`` in ``looked``; (0, 1) of nothing."""
    if not looked:
        return 0.0, 1.0
    found = stats.binomtest(passed, looked).proportion_ci(confidence, "exact")
    return cast(float, found.low), cast(float, found.high)
