"""Requests and tokens a minute, over a window that slides by the second.

In a window, what is in flight and what ended in the last 60 seconds is never more than the limit: a request reserves
the most tokens that it can use before it starts, and leaves what it did use when it ends. Several processes share a
limit in equal parts, so that their sum keeps it too.
"""

from __future__ import annotations

SECONDS = 60


class Window:
    """What was used in each of the last 60 seconds, and what is reserved."""

    __slots__ = ("_ring", "_second", "reserved", "used")

    def __init__(self) -> None:
        self._ring = [0] * SECONDS
        self._second = 0
        self.used = 0
        self.reserved = 0

    def _advance(self, now: float) -> None:
        second = int(now)
        gone = second - self._second
        if gone <= 0:
            return  # a clock that steps back frees nothing
        if gone >= SECONDS:
            self._ring = [0] * SECONDS
            self.used = 0
        else:
            for at in range(self._second + 1, second + 1):
                self.used -= self._ring[at % SECONDS]
                self._ring[at % SECONDS] = 0
        self._second = second

    def reserve(self, now: float, amount: int, limit: int) -> bool:
        """Reserve an amount; False, and nothing changes, where the limit would be exceeded."""
        self._advance(now)
        if self.used + self.reserved + amount > limit:
            return False
        self.reserved += amount
        return True

    def use(self, now: float, reserved: int, amount: int) -> None:
        """Turn what was reserved into what was used."""
        self._advance(now)
        self.reserved -= reserved
        self.used += amount
        self._ring[self._second % SECONDS] += amount

    def wait(self, now: float, amount: int, limit: int) -> int:
        """Return the seconds after which the amount would fit if all that is reserved were used now, 60 at most."""
        self._advance(now)
        used = self.used + self.reserved
        for after in range(1, SECONDS):
            used -= self._ring[(self._second + after) % SECONDS]
            if used + amount <= limit:
                return after
        return SECONDS
