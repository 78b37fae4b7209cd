"""Alarms on a rate whose false alarms are bounded: on average at least ``between`` looks lie between two of them.

A look is a batch, such as a day's requests with how many of them were refused. What is watched is whether the rate has
risen above the one that is tolerated. For a rate p1 above the tolerated p0 the batch's likelihood ratio

    e = (p1/p0)^k ((1-p1)/(1-p0))^(n-k)        k of n

has an expectation of 1 at most wherever the true rate is p0 or less. The e-detector of Shin, Ramdas and Rinaldo
("E-detectors", 2023; the Shiryaev-Roberts form)

    M_t = (M_{t-1} + 1) e_t,    alarm when M_t >= between

then has E[M_T] <= E[T] at any stopping time, so that without a rise E[T] >= between; and the chance of a false alarm in
the first N looks is N/between at most. That holds for any mean of such M, so several rises are watched at once. Nothing
is assumed of the sizes of batches; the events of a batch are taken as independent, given the past.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

BETWEEN = 1000
"""Looks between false alarms, on average at least: with a look a day, one in more than two and a half years."""
RISES = (1.3, 2.0, 4.0)
"""How many times the tolerated odds the watched rises are."""
_MOST = 1e250


@dataclass(frozen=True, slots=True)
class Detector:
    """Where a watch stands: ``values`` are the M of each alternative, ``looks`` the number of looks since it began."""

    values: tuple[float, ...]
    looks: int = 0

    @classmethod
    def new(cls, alternatives: int) -> Detector:
        """Return a watch at its beginning."""
        return cls((0.0,) * alternatives)

    @property
    def statistic(self) -> float:
        """What is compared with ``between``."""
        return math.fsum(self.values) / len(self.values)

    def feed(self, factors: Sequence[float]) -> Detector:
        """Return where it stands after a look whose e-values are ``factors``, one an alternative."""
        values = tuple(min(_MOST, (value + 1) * factor) for value, factor in zip(self.values, factors, strict=True))
        return replace(self, values=values, looks=self.looks + 1)


def rate_factors(events: int, total: int, tolerated: float) -> tuple[float, ...]:
    """Return the e-values of a batch of ``events`` in ``total``, for the rises that are watched.

    Raises ValueError where more happened than could, or nothing is tolerated, or everything.
    """
    if not 0 <= events <= total:
        raise ValueError(f"{events} events in {total}")
    if not 0 < tolerated < 1:
        raise ValueError(f"a rate of {tolerated} is none to tolerate")
    odds = tolerated / (1 - tolerated)
    factors = []
    for rise in RISES:
        risen = odds * rise / (1 + odds * rise)
        grown = events * math.log(risen / tolerated) + (total - events) * math.log((1 - risen) / (1 - tolerated))
        factors.append(math.exp(min(grown, math.log(_MOST))))
    return tuple(factors)


def tolerable(events: int, total: int, confidence: float = 0.99) -> float:
    """Return a rate to tolerate, from a period when all was well: the upper Clopper-Pearson bound of what was seen.

    With this rate the bound on false alarms holds with that confidence. Raises ValueError where nothing was seen.
    """
    from scipy.stats import beta

    if total < 1 or not 0 <= events <= total:
        raise ValueError(f"{events} events in {total}")
    if events == total:
        raise ValueError("everything went wrong in the period: there is no rise to watch for")
    return float(beta.ppf(confidence, events + 1, total - events))
