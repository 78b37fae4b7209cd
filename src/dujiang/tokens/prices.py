"""Prices of models and what a request costs, in whole micro-fen.

A price is a whole number of fen per million tokens, which is the same number of micro-fen per token. So a request's
cost is a sum of products of whole numbers: nothing is rounded, and the sum of a statement's lines is its total. Only
what goes to the voucher ledger, which keeps whole fen, is rounded: down, and the rest is carried to the next time.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from dujiang.messages import Refused, Text

FEN = 1_000_000
"""Micro-fen in a fen."""
YUAN = 100 * FEN
"""Micro-fen in a yuan."""


class Usage(NamedTuple):
    """Tokens of a request; ``cached`` are those of the prompt that the model service had in its cache."""

    prompt: int
    cached: int
    completion: int


NOTHING = Usage(0, 0, 0)


class Price(NamedTuple):
    """Fen per million tokens."""

    input: int
    cached: int
    output: int

    def cost(self, usage: Usage) -> int:
        """Return what the tokens cost, in micro-fen: (prompt - cached) x input + cached x cached + completion x output."""
        return (usage.prompt - usage.cached) * self.input + usage.cached * self.cached + usage.completion * self.output

    def most(self, bound: Usage) -> int:
        """Return the most that a request of at most ``bound`` can cost, whatever share of its prompt was cached."""
        return bound.prompt * max(self.input, self.cached) + bound.completion * self.output


class PriceList:
    """A model's prices, each in force from a time until the next one's."""

    def __init__(self, entries: Iterable[tuple[float, Price]]) -> None:
        """Take pairs of the time (seconds since 1970) from which a price is in force, and the price."""
        self._entries = sorted(entries, reverse=True)

    def at(self, now: float) -> Price | None:
        """Return the price in force at a time, None before the first."""
        for since, price in self._entries:
            if since <= now:
                return price
        return None


def fen(yuan: str) -> int:
    """Return a price given in yuan per million tokens as whole fen; raises `Refused` for one finer than a fen."""
    try:
        value = Decimal(yuan) * 100
    except ArithmeticError:
        value = Decimal(-1)
    if not value.is_finite() or value < 0 or value != value.to_integral_value():
        raise Refused(
            Text(
                f"价格“{yuan}”应为每百万词元若干元，至多两位小数",
                f"price {yuan!r} should be yuan per million tokens, with two decimals at most",
            )
        )
    return int(value)


def yuan(micro_fen: int) -> str:
    """Return an amount in yuan with all its digits, at least two after the point."""
    whole, rest = divmod(micro_fen, YUAN)
    digits = f"{rest:08d}".rstrip("0")
    return f"{whole}.{digits:0<2}" if len(digits) < 2 else f"{whole}.{digits}"
