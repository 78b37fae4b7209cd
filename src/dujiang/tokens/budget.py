"""Money that a gateway process has leased from the voucher ledger, spent in memory and never overspent.

A purse is one holder's money for one provider in one process. It holds leases: amounts that the ledger has set aside
for this process, under a key and until a time. In a purse, in micro-fen and at all times,

    free = leased - spent - held >= 0

unless the ledger took a lease back while it was needed, which stops all holding until what was held is settled.

A request holds the most that it can cost, and later spends what it did cost, which is never more. What is spent is
counted against the oldest lease first. A lease goes back to the ledger when it is spent, or, with what is left of it,
when nobody needs it; the ledger then books what was spent of it and sets the rest free.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Lease:
    """An amount set aside by the ledger; ``until`` is when the ledger takes it back (seconds since 1970)."""

    key: str
    amount: int
    until: float
    spent: int = 0


class Purse:
    """One holder's leases in this process."""

    __slots__ = ("free", "gone", "held", "leases", "used")

    def __init__(self) -> None:
        self.leases: deque[Lease] = deque()
        self.gone: Lease | None = None
        """The last lease that was taken out while it was needed: what is spent beyond all leases counts against it."""
        self.free = 0
        self.held = 0
        self.used = 0.0
        """When it was last held from (any clock)."""

    def add(self, lease: Lease) -> None:
        """Take a lease in, with what was spent of it before."""
        self.leases.append(lease)
        self.free += lease.amount - lease.spent

    def hold(self, amount: int) -> bool:
        """Hold an amount; False, and nothing changes, where there is not that much free."""
        if amount > self.free:
            return False
        self.free -= amount
        self.held += amount
        return True

    def settle(self, held: int, cost: int) -> list[tuple[Lease, int]]:
        """Spend ``cost`` of an amount that was held, and free the rest; returns how much was spent of which lease.

        A lease of which all is spent is no longer in the purse. Raises ValueError where it costs more than was held.
        """
        if not 0 <= cost <= held <= self.held:
            raise ValueError(f"{cost} of {held} held, {self.held} in all")
        self.held -= held
        self.free += held - cost
        parts: list[tuple[Lease, int]] = []
        while cost and self.leases:
            lease = self.leases[0]
            part = min(cost, lease.amount - lease.spent)
            lease.spent += part
            cost -= part
            parts.append((lease, part))
            if lease.spent == lease.amount:
                self.leases.popleft()
        if cost and self.gone:
            self.gone.spent += cost
            parts.append((self.gone, cost))
        return parts

    def idle(self) -> list[Lease]:
        """Return leases, the newest first, whose rest is not needed for what is held."""
        free, found = self.free, []
        for lease in reversed(self.leases):
            if (rest := lease.amount - lease.spent) <= free:
                free -= rest
                found.append(lease)
        return found

    def remove(self, key: str) -> None:
        """Take a lease out. Where its rest is needed for what is held, ``free`` is below zero until that is settled."""
        lease = next(lease for lease in self.leases if lease.key == key)
        self.leases.remove(lease)
        self.free -= lease.amount - lease.spent
        if self.free < 0:
            self.gone = lease

    def ends(self) -> float:
        """Return when the first of the leases ends."""
        return min((lease.until for lease in self.leases), default=0.0)
