"""Vouchers: what other planes hold and settle, and what people apply for, review, grant and reconcile.

Amounts are whole fen of CNY or whole tokens. Rounding: a grant's province part is rounded down, its city bears the
rest (`terms.province_part`); of all that leaves a grant, in whatever portions, the province's part is rounded down
over the sum (`ledger.GrantAccount.borne_by_province`), so that nothing is ever lost or made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import connection

from dujiang.identity.permission import Actor, NotAllowed
from dujiang.messages import Refused
from dujiang.vouchers import group, journal
from dujiang.vouchers.grants import offered
from dujiang.vouchers.ledger import Done, Extend, Hold, Release, Request, Settle, Settlement, Share, Wanted

T = TypeVar("T", bound=Done)

__all__ = ["Hold", "Settlement", "Share", "Wanted"]


def wanted(
    key: str, holder: str, product: str, provider: str, amount: int, unit: str = "CNY", *, until: datetime
) -> Wanted:
    """Return a hold to ask for by `hold_all`; ``until`` is a time with its zone."""
    return Wanted(key, holder, product, provider, amount, unit, journal.stamp(until))


def hold(
    actor: Actor, *, key: str, holder: str, product: str, provider: str, amount: int, unit: str = "CNY", until: datetime
) -> Hold:
    """Put vouchers of a holder's aside that are good for a product today, those that expire first before others.

    ``holder`` and ``provider`` are names of units. ``key`` is the idempotency key: the same call again returns the same
    hold (as it is by then; ``until`` is no part of what must be the same). A hold outlasts the grants that it takes
    from; past ``until`` it expires and what it took is free again. Raises `NotAllowed`; `Refused` where the vouchers do
    not suffice, where the key is taken by other content, or where ``until`` has passed.
    """
    [made] = hold_all(actor, [wanted(key, holder, product, provider, amount, unit, until=until)])
    return _given(made)


def hold_all(actor: Actor, holds: Iterable[Wanted]) -> list[Hold | Refused | NotAllowed]:
    """Put vouchers aside in one transaction; each hold or the reason why not stands at its place, and fails alone."""
    return _all(actor, holds)


def settle(actor: Actor, key: str, amount: int) -> Settlement:
    """Pay ``amount`` of a hold to its provider and release the rest; the issuers' shares are exact.

    The same amount again returns the same settlement. Raises `NotAllowed`; `Refused` for another amount, one above what
    is held, or a hold that is released, expired or not there.
    """
    [made] = settle_all(actor, [(key, amount)])
    return _given(made)


def settle_all(actor: Actor, settlements: Iterable[tuple[str, int]]) -> list[Settlement | Refused | NotAllowed]:
    """Settle holds by key and amount in one transaction; each answer stands at its place, and fails alone."""
    return _all(actor, (Settle(*one) for one in settlements))


def release(actor: Actor, key: str) -> Hold:
    """Give a hold up; again, or after it expired, does nothing. Raises `NotAllowed`; `Refused` where it was settled."""
    [made] = _all(actor, [Release(key)])
    return _given(made)


def release_all(actor: Actor, keys: Iterable[str]) -> list[Hold | Refused | NotAllowed]:
    """Give holds up in one transaction; each answer stands at its place, and fails alone."""
    return _all(actor, map(Release, keys))


def extend(actor: Actor, key: str, until: datetime) -> Hold:
    """Let a hold last longer; an earlier time changes nothing. Raises `NotAllowed`; `Refused` where it has ended."""
    [made] = extend_all(actor, [(key, until)])
    return _given(made)


def extend_all(actor: Actor, extensions: Iterable[tuple[str, datetime]]) -> list[Hold | Refused | NotAllowed]:
    """Let holds last longer in one transaction; each answer stands at its place, and fails alone."""
    return _all(actor, (Extend(key, journal.stamp(until)) for key, until in extensions))


def _all(actor: Actor, requests: Iterable[Request]) -> list[Any]:
    members = [(actor, one) for one in requests]
    return group.submit(members) if members else []


def _given(answer: T | Refused | NotAllowed) -> T:
    if isinstance(answer, Exception):
        raise answer
    return answer


def expire() -> int:
    """Release holds that have outlasted their time; each group does so for itself, this is for an idle ledger."""
    count = 0
    while True:
        with connection.cursor() as cursor:
            over = len(journal.outlasted(cursor, journal.stamp(datetime.now(UTC))))
        if not over:
            return count
        group.submit([])
        count += over


def find(key: str) -> Hold | None:
    """Return a hold as it is, None where there is none of the key."""
    with connection.cursor() as cursor:
        return journal.holds_by_key(cursor, [key]).get(key)


def balance(holder: str, product: str, unit: str = "CNY") -> int:
    """Return the most that a hold could take of a holder's vouchers now, with what open programmes would give."""
    at = datetime.now(UTC)
    day = journal.day_of(at)
    with connection.cursor() as cursor:
        accounts = [
            one
            for one in journal.accounts_of(cursor, [holder], day).values()
            if one.unit == unit and one.good_for(product, day)
        ]
        numbers = {one.id for one in accounts}
        over = journal.outlasted(cursor, journal.stamp(at))
    there = sum(one.free for one in accounts)
    there += sum(part.amount for one in over for part in one.parts if part.account in numbers)
    return there + offered(holder, unit, product, at)
