"""What a gateway asks of a voucher ledger.

Amounts are micro-fen. The ledger books whole fen: a lease is whole fen, and what is spent of one is booked rounded down,
the rest being carried to the holder's next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from dujiang.tokens.catalogue import Catalogue
from dujiang.tokens.prices import FEN

ALIVE = 10.0
"""Seconds after which a gateway that has not been seen no longer counts."""


class PurseName(NamedTuple):
    """Whose money, for whose models."""

    holder: str
    provider: str


class LineName(NamedTuple):
    """What a line of a statement is about; ``day`` is an ISO date."""

    key: str
    model: str
    day: str


class Tally(NamedTuple):
    """A line's figures; ``cost`` in micro-fen.

    ``counted`` are the requests whose tokens the service did not report, ``failed`` those that cost nothing since they
    produced nothing, ``abandoned`` those that were in flight when the gateway died, which cost nothing either.
    """

    requests: int = 0
    failed: int = 0
    counted: int = 0
    abandoned: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    cost: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(*map(sum, zip(self, other, strict=True)))


class Batch(NamedTuple):
    """What a gateway's journal says in its records from ``first`` to ``last``, which hash to ``digest``."""

    gateway: str
    first: int
    last: int
    digest: str
    lines: Mapping[LineName, Tally]
    spent: Mapping[str, int]
    """Micro-fen spent of leases, by their keys."""
    closed: frozenset[str]
    """Leases of which nothing more will be spent."""


class Grant(NamedTuple):
    """What the ledger leases, less what it carried for the holder; ``left`` is what the holder has besides: free, or leased by other gateways."""

    amount: int
    left: int


class Exchange(NamedTuple):
    """A prompt with its answer that the holder wants kept."""

    id: str
    key: str
    at: float
    until: float
    content: bytes


class Bank(Protocol):
    """A voucher ledger with a gateway's statements. Calls block; a gateway makes them one at a time."""

    def revision(self) -> Any:
        """Return what changes whenever the catalogue does, and say that the gateway is alive."""

    def catalogue(self) -> Catalogue:
        """Return the catalogue."""

    def share(self) -> int:
        """Return how many gateways are alive."""

    def resume(self, gateway: str) -> tuple[int, frozenset[str]]:
        """Return the last record that was posted, and the leases that are open."""

    def lease(self, gateway: str, key: str, purse: PurseName, least: int, most: int, until: float) -> Grant:
        """Lease up to ``most``, where the holder's vouchers have ``least`` in all; nothing where they have not.

        A lease is of one voucher, so it can be less than the least: ask again for the rest.
        """

    def extend(self, keys: list[str], until: float) -> list[str]:
        """Extend leases; returns those that were."""

    def post(self, batch: Batch) -> None:
        """Book a batch: all of it, once, however often it is posted."""

    def keep(self, exchanges: list[Exchange]) -> None:
        """Keep exchanges, encrypted, until their time."""

    def refused(self, gateway: str, counts: Mapping[tuple[str, str, str], int]) -> None:
        """Note what was refused for a missing filing or by a filter, by holder, model and code."""

    def close(self) -> None:
        """Give up what is open."""


def granted(least: int, most: int, balance: int, gateways: int) -> int:
    """Return what to lease: less and less as a voucher runs out, so that no gateway sits on what another needs."""
    least = -(-least // FEN) * FEN
    if least > balance:
        return 0
    return max(least, min(most, balance // (2 * gateways))) // FEN * FEN


def booked(spent: int, carry: int, amount: int) -> tuple[int, int]:
    """Return what is booked of a lease of ``amount``, whole fen, and what is carried on.

    What is carried counts as spent of the holder's next lease from its start, so no fen is spent twice.
    """
    whole = min((spent + carry) // FEN * FEN, amount)
    return whole, spent + carry - whole
