"""When jobs can start in a pool: EASY backfill with a reservation, and preemption of what may be preempted.

Lifka (1995), The ANL/IBM SP scheduling system. The first job that can't start gets a reservation at its *shadow time*,
when enough of what runs will have ended by its limit at the latest; what is free then beyond what it needs is *extra*. A
later job may start now if it ends before the shadow time, or takes only what is extra. So nothing that starts out of turn
delays the first in the queue.

Amounts are by resource (``cpus``, ``memory_mib``, ``gpu:KIND`` in milli); times are seconds from now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Amount = Mapping[str, int]
STOPPING = 1.0
"""Seconds in which what is stopped is taken to end: nothing may go ahead into the room that it leaves."""


class Running(NamedTuple):
    """What runs: when it ends at the latest, and what it holds until then."""

    ends: float
    amount: Amount


class Reservation(NamedTuple):
    """When the reserved job starts at the latest, and what is free then beyond what it needs."""

    shadow: float
    extra: dict[str, int]


class Preemptible(NamedTuple):
    """What runs and may be stopped for others: how long it has run, and what that would free."""

    key: int
    since: float
    amount: Amount


class Timeline:
    """A pool's room from now on: what it has, what runs, and the reservation of the job that is next."""

    def __init__(self, capacity: Amount, running: Iterable[Running]) -> None:
        self.capacity = dict(capacity)
        self.running = sorted(running, key=lambda one: one.ends)
        self.reservation: Reservation | None = None
        self._ahead: dict[str, float] = {}

    def free(self, at: float = 0.0) -> dict[str, int]:
        """Return what is free at a time, were nothing more started."""
        left = dict(self.capacity)
        for one in self.running:
            if one.ends > at:
                _add(left, one.amount, -1)
        return left

    def wait(self, amount: Amount) -> float | None:
        """Return how long a job would wait for room, were it next; None where the pool never has it."""
        if not fits(amount, self.capacity):
            return None
        left = self.free()
        if fits(amount, left):
            return 0.0
        for one in self.running:
            _add(left, one.amount, 1)
            if fits(amount, left):
                return one.ends
        return None

    def expected(self, amount: Amount, seconds: float) -> float | None:
        """Return how long a job is likely to wait behind those that wait already; None where the pool never has room.

        Behind the reservation it waits for the shadow time, and as long as the pool would need for what the others that
        wait hold together, were it full and all of them of the length of their limits.
        """
        if (wait := self.wait(amount)) is None or self.may_start(amount, seconds):
            return wait
        if self.reservation:
            wait = max(wait, self.reservation.shadow)
        return wait + max((held / self.capacity[name] for name, held in self._ahead.items()), default=0.0)

    def queue(self, amount: Amount, seconds: float) -> None:
        """Take in that a job waits here: the first gets the reservation, and all of them make later ones wait."""
        self.reserve(amount)
        for name, value in amount.items():
            if value:
                self._ahead[name] = self._ahead.get(name, 0.0) + value * seconds

    def may_start(self, amount: Amount, seconds: float) -> bool:
        """Whether a job may start now without delaying the one that holds the reservation."""
        if not fits(amount, self.free()):
            return False
        held = self.reservation
        return held is None or seconds <= held.shadow or fits(amount, held.extra)

    def start(self, amount: Amount, seconds: float) -> None:
        """Take in that a job starts now."""
        held = self.reservation
        if held and seconds > held.shadow:
            _add(held.extra, amount, -1)
        self.running = sorted([*self.running, Running(seconds, amount)], key=lambda one: one.ends)

    def stop(self, one: Running) -> None:
        """Take in that what runs is being stopped, so that it ends within `STOPPING`."""
        self.running.remove(one)
        self.running = sorted([*self.running, one._replace(ends=min(one.ends, STOPPING))], key=lambda each: each.ends)

    def reserve(self, amount: Amount) -> None:
        """Reserve for the first job that can't start; later ones get none."""
        if self.reservation is None and (shadow := self.wait(amount)) is not None:
            extra = self.free(shadow)
            _add(extra, amount, -1)
            self.reservation = Reservation(shadow, extra)

    def stopped_for(self, amount: Amount, stoppable: Sequence[Preemptible]) -> list[int] | None:
        """Return the keys of what to stop so that a job fits now, those that have run least first; None if it can't.

        Of those chosen, any that the others make needless runs on.
        """
        left, chosen = self.free(), []
        for one in sorted(stoppable, key=lambda one: (one.since, one.key)):
            if fits(amount, left):
                break
            _add(left, one.amount, 1)
            chosen.append(one)
        if not fits(amount, left):
            return None
        for one in reversed(chosen[:]):
            _add(left, one.amount, -1)
            if fits(amount, left):
                chosen.remove(one)
            else:
                _add(left, one.amount, 1)
        return [one.key for one in chosen]


def fits(amount: Amount, room: Amount) -> bool:
    """Whether there is room for an amount."""
    return all(room.get(name, 0) >= value for name, value in amount.items() if value)


def _add(total: dict[str, int], amount: Amount, sign: int) -> None:
    for name, value in amount.items():
        total[name] = total.get(name, 0) + sign * value
