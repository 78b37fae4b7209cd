"""How many certificates an audit looks at, which ones, and what the sample says of all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from scipy.stats import hypergeom


def sample_size(population: int, tolerated: float, confidence: float) -> int:
    """Return the smallest sample that holds a bad certificate with ``confidence`` where more than ``tolerated`` are bad.

    ``tolerated`` is a share, 0 to below 1. Drawn without replacement: the smallest n with P(X = 0) <= 1 - confidence, X
    hypergeometric over the smallest number of bad ones that is too many (discovery sampling). Raises ValueError.
    """
    if population < 1 or not 0 <= tolerated < 1 or not 0 < confidence < 1:
        raise ValueError("population >= 1, 0 <= tolerated < 1, 0 < confidence < 1")
    bad = int(tolerated * population + 1e-9) + 1
    low, high = 1, population
    while low < high:
        middle = (low + high) // 2
        if hypergeom.pmf(0, population, bad, middle) <= 1 - confidence:
            high = middle
        else:
            low = middle + 1
    return low


def bounds(population: int, size: int, bad: int, confidence: float) -> tuple[int, int]:
    """Return the least and most bad certificates that all may hold, after ``bad`` were found among ``size`` of them.

    Exact, by the hypergeometric distribution's tails, one-sided each at ``confidence``.
    """
    if not 0 <= bad <= size <= population:
        raise ValueError("0 <= bad <= size <= population")
    rest = 1 - confidence
    low, high = bad, population - (size - bad)
    likely = [all_ for all_ in range(low, high + 1) if hypergeom.cdf(bad, population, all_, size) > rest]
    most = max(likely, default=high)
    unlikely = [all_ for all_ in range(low, most + 1) if hypergeom.sf(bad - 1, population, all_, size) > rest]
    return min(unlikely, default=low), most


def draw(numbers: Collection[str], size: int, seed: str) -> list[str]:
    """Return ``size`` of the numbers: those whose SHA-256 with the seed comes first; anybody can draw them again."""
    ranked = sorted(numbers, key=lambda number: hashlib.sha256(f"{seed}\0{number}".encode()).hexdigest())
    return sorted(ranked[:size])
