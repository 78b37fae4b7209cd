"""What a job costs: prices by resource, place, hour and date, in whole fen.

A resource's charge is ``sum over seconds of quantity x price of that hour``, kept exact (thousandths of a unit times
seconds times fen), and rounded up to a whole fen once, at the end; a job's cost is the sum of its resources' charges.
Seconds are whole: a begun second counts. So a charge never exceeds what was quoted as the most: both are the same sum,
and the quote takes the dearest hour for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dujiang.messages import Refused, Text

CPU, MEMORY = "cpu", "memory"
"""Resources sold by the core-hour and the GiB-hour; every other is an accelerator kind, sold by the card-hour."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A price: ``fen`` for an hour of one unit of ``resource``.

    It holds at ``place`` (a centre's key, empty for any), in the hours from ``from_hour`` up to ``until_hour`` on the
    site's clock (22 to 6 runs over midnight), on days from ``valid_from`` up to and including ``valid_until``.
    """

    resource: str
    fen: int
    place: str = ""
    from_hour: int = 0
    until_hour: int = 24
    valid_from: date = date.min
    valid_until: date = date.max

    def holds(self, at: datetime) -> bool:
        """Whether the price holds at a time (on the site's clock)."""
        if not self.valid_from <= at.date() <= self.valid_until:
            return False
        if self.from_hour < self.until_hour:
            return self.from_hour <= at.hour < self.until_hour
        return at.hour >= self.from_hour or at.hour < self.until_hour

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return {**asdict(self), "valid_from": str(self.valid_from), "valid_until": str(self.valid_until)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rate:
        """Read back what `as_json` gave."""
        days = {name: date.fromisoformat(stored[name]) for name in ("valid_from", "valid_until")}
        return cls(**{**stored, **days})

    @property
    def hours(self) -> int:
        """How many hours of a day it holds."""
        return (self.until_hour - self.from_hour) % 24 or 24


@dataclass(frozen=True, slots=True)
class Line:
    """A resource on a statement: ``milli`` thousandths of a unit, seconds at each price, and what it comes to."""

    resource: str
    milli: int
    spans: list[list[int]]
    """Prices in fen an hour, each with the seconds that were charged at it."""
    fen: int


def quantities(cpus: int, memory_mib: int, gpu_milli: int, gpu_kind: str) -> dict[str, int]:
    """Return thousandths of the unit that each resource is sold by; a begun thousandth of a GiB counts."""
    wanted = {CPU: cpus * 1000, MEMORY: -(-memory_mib * 1000 // 1024)}
    if gpu_milli:
        wanted[gpu_kind] = gpu_milli
    return wanted


def charge(wanted: Mapping[str, int], start: datetime, seconds: int, rates: Sequence[Rate], place: str) -> list[Line]:
    """Return a line for each resource that has a price, used for ``seconds`` from ``start`` (on the site's clock).

    What has no price at an hour costs nothing then: the quote named none.
    """
    lines = []
    for resource, milli in wanted.items():
        by_price: dict[int, int] = {}
        for at, span in _hours(start, seconds):
            rate = _rate(rates, resource, place, at)
            if rate is not None:
                by_price[rate.fen] = by_price.get(rate.fen, 0) + span
        if by_price:
            total = milli * sum(fen * span for fen, span in by_price.items())
            lines.append(Line(resource, milli, [[*one] for one in by_price.items()], -(-total // 3_600_000)))
    return lines


def most(
    wanted: Mapping[str, int], start: datetime, seconds: int, latest: datetime, rates: Sequence[Rate], place: str
) -> int:
    """Return the most, in fen, that ``seconds`` may cost that begin between ``start`` and ``latest``.

    Every second is taken at the dearest price of those hours. Raises `Refused` where an accelerator, or everything, has
    no price in them.
    """
    total = 0
    window = math.ceil((latest - start).total_seconds()) + seconds
    priced = False
    for resource, milli in wanted.items():
        found = [rate for at, _ in _hours(start, window) if (rate := _rate(rates, resource, place, at)) is not None]
        if not found and resource not in (CPU, MEMORY):
            raise _no_price(resource, place)
        priced = priced or bool(found)
        total += -(-milli * seconds * max((rate.fen for rate in found), default=0) // 3_600_000)
    if not priced:
        raise _no_price("、".join(wanted), place)
    return total


def whole_seconds(started: float, ended: float) -> int:
    """Return the seconds that are charged between two times; a begun second counts."""
    return max(0, math.ceil(ended - started))


def _hours(start: datetime, seconds: int) -> Iterator[tuple[datetime, int]]:
    """Cut a span of time at full hours: yields the start of each part and its whole seconds."""
    at = start.replace(microsecond=0)
    left = seconds
    while left > 0:
        next_hour = at.replace(minute=0, second=0) + timedelta(hours=1)
        span = min(left, int((next_hour - at).total_seconds()))
        yield at, span
        at, left = next_hour, left - span


def _rate(rates: Sequence[Rate], resource: str, place: str, at: datetime) -> Rate | None:
    """Return the price that holds: of the place rather than of any, then of fewer hours, then the newest."""
    found = [one for one in rates if one.resource == resource and one.place in ("", place) and one.holds(at)]
    return max(found, key=lambda one: (one.place != "", -one.hours, one.valid_from), default=None)


def _no_price(resource: str, place: str) -> Refused:
    return Refused(Text(f"{place} 的 {resource} 当时没有价格", f"{resource} has no price at {place} then"))
