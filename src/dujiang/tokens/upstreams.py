"""Model services behind a model: which one a request goes to, and when one is left alone.

Of the services of the first rank that are well and have room, a request goes to the one with the least in flight for
its weight; where there is none, to the next rank. A service that fails `FAILURES` times in a row is left alone for a
second, and twice as long each time that a single trial fails again, up to a minute. Retries are paid from a budget
that requests fill by a fifth each, so that a service in trouble does not get a multiple of its load.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

FAILURES = 5
LONGEST_REST = 60.0
RETRY_SHARE = 0.2
RETRIES_SAVED = 10.0
ATTEMPTS = 3
"""At most, the first included."""
RETRIED = frozenset({429, 500, 502, 503, 504})
"""Answers after which a request goes to another service: nothing was produced."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service as it is configured; times in seconds."""

    name: str
    url: str
    """Its base address, up to and with ``/v1``."""
    secret: str = field(default="", repr=False)
    model: str = ""
    """The model's name there; empty for the same."""
    weight: int = 1
    rank: int = 0
    """Services of a higher rank are for when those below can't."""
    concurrency: int = 256
    connect: float = 5
    answer: float = 600
    """The longest until the answer begins, and between two pieces of it."""
    usage: str = "end"
    """Whether a stream reports usage at its ``end``, in all its ``chunks``, or ``none``."""


class Breaker:
    """Leaves a service alone that keeps failing."""

    __slots__ = ("_failures", "_rest", "_trying", "until")

    def __init__(self) -> None:
        self._failures = 0
        self._rest = 1.0
        self._trying = False
        self.until = 0.0
        """When the service may be tried again; 0 while it is well."""

    def lets(self, now: float) -> bool:
        """Whether a request may go through."""
        return not self.until or (now >= self.until and not self._trying)

    def start(self) -> None:
        """A request goes through."""
        if self.until:
            self._trying = True

    def succeed(self) -> None:
        """It was answered."""
        self._failures = 0
        self._rest = 1.0
        self._trying = False
        self.until = 0.0

    def fail(self, now: float) -> None:
        """It failed."""
        self._failures += 1
        if self._trying or (not self.until and self._failures >= FAILURES):
            self.until = now + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
        self._trying = False

    def pass_over(self) -> None:
        """It ended without saying whether the service is well."""
        self._trying = False


class Service:
    """A service and how it stands in this process."""

    __slots__ = ("breaker", "in_flight", "spec", "well")

    def __init__(self, spec: Upstream) -> None:
        self.spec = spec
        self.breaker = Breaker()
        self.in_flight = 0
        self.well = True
        """What the last health check found."""

    def free(self, now: float) -> bool:
        """Whether it can take a request."""
        return self.well and self.in_flight < self.spec.concurrency and self.breaker.lets(now)


def choose(services: Sequence[Service], now: float, tried: Collection[Service] = ()) -> Service | None:
    """Return the service that a request goes to, preferring those not tried yet; None where none can take it."""
    if len(services) == 1:
        return services[0] if services[0].free(now) else None
    free = [one for one in services if one.free(now)]
    candidates = [one for one in free if one not in tried] or free
    return min(candidates, key=lambda one: (one.spec.rank, (one.in_flight + 1) / one.spec.weight), default=None)


class RetryBudget:
    """Retries that may still be made."""

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        self._saved = RETRIES_SAVED

    def request(self) -> None:
        """A request came in."""
        if self._saved < RETRIES_SAVED:
            self._saved += RETRY_SHARE

    def take(self) -> bool:
        """Take a retry out, if there is one."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
