"""Fair share between holders: who has used less of late goes first.

The classic factor of Slurm's multifactor priority (SchedMD, "Classic Fairshare Algorithm"): ``F = 2 ** -(U / S)``, with
``U`` the holder's part of all usage, each use halved every `HALF_LIFE`, and ``S`` the holder's part of the shares. It is 1
for who has used nothing, 1/2 for who has used just their share, and falls towards 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

HALF_LIFE = timedelta(days=7)
"""As in Slurm's PriorityDecayHalfLife by default."""


def decayed(uses: Iterable[tuple[float, float]], half_life: float = HALF_LIFE.total_seconds()) -> float:
    """Return the sum of (age in s, amount) pairs, each halved every ``half_life`` s."""
    return sum(amount * math.exp2(-max(age, 0.0) / half_life) for age, amount in uses)


def factors(usage: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """Return each holder's factor, 0 to 1; ``shares`` name the holders, ``usage`` is decayed, in any one unit.

    A holder without shares has factor 0 as soon as there is any usage of theirs.
    """
    total = sum(usage.values())
    every = sum(shares.values())
    found = {}
    for holder, share in shares.items():
        used = usage.get(holder, 0.0) / total if total > 0 else 0.0
        found[holder] = 1.0 if not used else 2 ** -(used / (share / every)) if share > 0 else 0.0
    return found
