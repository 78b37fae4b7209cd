"""Rows of the ledger in the store: what groups of requests read and write, set by set, on both databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.timezone import get_default_timezone

from dujiang.evidence.actions import append
from dujiang.evidence.chain import DIGESTS
from dujiang.identity.permission import Actor
from dujiang.vouchers.ledger import GrantAccount, Hold, Part, Share, Transfer, Written, shared

_CHUNK = 5000
"""Values in one query: SQLite takes some 32,000."""
_HOLD = "h.id, h.key, h.holder, h.product, h.provider, h.amount, h.unit, h.until, h.parts"
_HELD = f"""
    SELECT {_HOLD}, p.until, o.how, o.amount FROM vouchers_hold h
    LEFT JOIN vouchers_pending p ON p.hold_id = h.id LEFT JOIN vouchers_outcome o ON o.hold_id = h.id
"""
_ACCOUNT = """
    SELECT a.id, a.owner, a.unit, g.programme_id, p.issuer, g.city, g.amount, g.province, g.since, g.until, p.products,
        a.posted, a.held
    FROM vouchers_account a JOIN vouchers_grant g ON g.id = a.grant_id JOIN vouchers_programme p ON p.id = g.programme_id
"""
_TALLY = """
    INSERT INTO vouchers_tally (month, programme_id, issuer, granted, spent, returned) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (programme_id, issuer, month) DO UPDATE SET granted = vouchers_tally.granted + excluded.granted,
        spent = vouchers_tally.spent + excluded.spent, returned = vouchers_tally.returned + excluded.returned
"""
_TYPES = {
    "vouchers_hold": {
        "id": "bigint", "key": "text", "holder": "text", "product": "text", "provider": "text", "amount": "bigint",
        "unit": "text", "until": "text", "parts": "text", "actor": "text", "time": "text",
    },
    "vouchers_pending": {"hold_id": "bigint", "until": "text"},
    "vouchers_extension": {"hold_id": "bigint", "until": "text", "actor": "text", "time": "text"},
    "vouchers_outcome": {"hold_id": "bigint", "how": "text", "amount": "bigint", "actor": "text", "time": "text"},
    "vouchers_transfer": {
        "id": "bigint", "debit_id": "bigint", "credit_id": "bigint", "amount": "bigint", "province": "bigint",
        "hold_id": "bigint", "time": "text",
    },
}  # fmt: skip
"""The columns of what is written in sets, with PostgreSQL's types."""


def stamp(at: datetime) -> str:
    """Return a time as the ledger and evidence keep it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day_of(at: datetime) -> str:
    """Return the day on the site's clock."""
    return at.astimezone(get_default_timezone()).strftime("%Y-%m-%d")


def holds_by_key(cursor: Any, keys: Iterable[str]) -> dict[str, Hold]:
    """Return the holds of these keys."""
    rows = _select(cursor, f"{_HELD} WHERE h.key", list(dict.fromkeys(keys)), "text")
    return {one.key: one for one in map(_hold, rows)}


def outlasted(cursor: Any, now: str) -> list[Hold]:
    """Return some of the holds that have outlasted their time, those that did so first before others."""
    cursor.execute(f"{_HELD} WHERE p.until <= %s ORDER BY p.until LIMIT 1000", [now])
    return [_hold(row) for row in cursor.fetchall()]


def _hold(row: Sequence[Any]) -> Hold:
    *fields, first, parts, until, how, paid = row
    return Hold(*fields, until or first, tuple(Part(*one) for one in json.loads(parts)), how or "held", paid or 0)


def accounts_of(cursor: Any, holders: Iterable[str], day: str) -> dict[int, GrantAccount]:
    """Return the holders' accounts of grants that have not run out."""
    return _accounts(
        _select(cursor, f"{_ACCOUNT} WHERE g.until >= %s AND a.kind = 'holder' AND a.owner", list(holders), "text", day)
    )


def accounts_by_id(cursor: Any, ids: Iterable[int]) -> dict[int, GrantAccount]:
    """Return these accounts of grants."""
    return _accounts(_select(cursor, f"{_ACCOUNT} WHERE a.id", list(ids), "bigint"))


def _accounts(rows: Iterable[Sequence[Any]]) -> dict[int, GrantAccount]:
    made = {}
    for number, owner, unit, programme, issuer, city, amount, province, since, until, products, posted, held in rows:
        # Dates are text in SQLite, dates in PostgreSQL.
        made[number] = GrantAccount(
            number, owner, unit, programme, issuer, city, amount, province, str(since), str(until),
            tuple(products.split()), posted, held,
        )  # fmt: skip
    return made


def provider_accounts(cursor: Any, providers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the accounts of providers by name and unit of money, opened where there was none."""
    wanted = set(providers)
    if not wanted:
        return {}
    query = "SELECT owner, unit, id FROM vouchers_account WHERE kind = 'provider' AND owner"
    names = sorted({owner for owner, _ in wanted})
    found = {(owner, unit): number for owner, unit, number in _select(cursor, query, names, "text")}
    for owner, unit in sorted(wanted - found.keys()):
        cursor.execute(
            "INSERT INTO vouchers_account (kind, owner, unit, floor, posted, held) VALUES ('provider', %s, %s, 0, 0, 0) "
            "RETURNING id",
            [owner, unit],
        )
        found[owner, unit] = cursor.fetchone()[0]
    return found


def shares_of(cursor: Any, holds: Iterable[int]) -> dict[int, tuple[Share, ...]]:
    """Return issuers' shares of what these holds paid."""
    query = """
        SELECT t.hold_id, p.issuer, g.city, t.amount, t.province FROM vouchers_transfer t
        JOIN vouchers_account a ON a.id = t.debit_id JOIN vouchers_grant g ON g.id = a.grant_id
        JOIN vouchers_programme p ON p.id = g.programme_id WHERE t.hold_id
    """
    borne: dict[int, Counter[str]] = {one: Counter() for one in holds}
    for hold, issuer, city, amount, province in _select(cursor, query, list(borne), "bigint"):
        borne[hold][issuer] += province
        borne[hold][city] += amount - province
    return {hold: shared(one) for hold, one in borne.items()}


def next_hold(cursor: Any) -> int:
    """Return the number of the next hold; writers queue, so nobody else takes it."""
    return _next(cursor, "vouchers_hold")


def _next(cursor: Any, table: str) -> int:
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}")
    return int(cursor.fetchone()[0])


def write(cursor: Any, written: Written, at: datetime) -> None:
    """Write what a group of requests leaves: rows, balances, tallies, and a record of evidence for all that it settled."""
    now = stamp(at)
    _insert(
        cursor,
        "vouchers_hold",
        [
            (one.id, one.key, one.holder, one.product, one.provider, one.amount, one.unit, until,
             _parts(one.parts), by, now)
            for one, by, until in written.holds
        ],
    )  # fmt: skip
    _insert(cursor, "vouchers_extension", [(*one, now) for one in written.extensions])
    _delete_pending(cursor, [*written.ended, *(hold for hold, *_ in written.extensions)])
    _insert(cursor, "vouchers_pending", list(written.pending.items()))
    _insert(cursor, "vouchers_outcome", [(*one, now) for one in written.outcomes])
    first = post(cursor, written.transfers, now)
    move(cursor, written.posted, written.held)
    tally(cursor, at, {place: (0, spent, 0) for place, spent in written.spent.items()})
    if first is not None:
        _record(written, first, at)


def _parts(parts: Sequence[Part]) -> str:
    return "[" + ",".join(f"[{account},{amount}]" for account, amount in parts) + "]"


def post(cursor: Any, transfers: Sequence[Transfer], now: str) -> int | None:
    """Write postings and return the number of the first; balances are moved by `move`."""
    if not transfers:
        return None
    first = _next(cursor, "vouchers_transfer")
    _insert(cursor, "vouchers_transfer", [(number, *one, now) for number, one in enumerate(transfers, first)])
    return first


def move(cursor: Any, posted: Mapping[int, int], held: Mapping[int, int]) -> None:
    """Move balances; the database refuses one below its floor."""
    rows = [
        (posted.get(account, 0), held.get(account, 0), account)
        for account in sorted({*posted, *held})
        if posted.get(account) or held.get(account)
    ]
    if connection.vendor == "postgresql":
        if rows:
            cursor.execute(
                "UPDATE vouchers_account a SET posted = a.posted + d.posted, held = a.held + d.held "
                "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS d(posted, held, id) WHERE a.id = d.id",
                [list(column) for column in zip(*rows, strict=True)],
            )
    else:
        cursor.executemany("UPDATE vouchers_account SET posted = posted + %s, held = held + %s WHERE id = %s", rows)


def tally(cursor: Any, at: datetime, moved: Mapping[tuple[int, str], Sequence[int]]) -> None:
    """Add what was granted, spent and returned, by programme and issuer, to the month's tallies."""
    month = at.astimezone(get_default_timezone()).strftime("%Y-%m")
    rows = [(month, *place, *amounts) for place, amounts in sorted(moved.items()) if any(amounts)]
    if rows:
        cursor.executemany(_TALLY, rows)


def digest(rows: Iterable[Sequence[Any]], algorithm: str) -> str:
    """Return the digest of postings (number, debit, credit, amount, province, hold), a line each."""
    text = "\n".join(",".join(map(str, row)) for row in rows)
    return f"{algorithm}:{DIGESTS[algorithm](text.encode())}"


def _record(written: Written, first: int, at: datetime) -> None:
    """Leave one record for each who settled: how many postings, their sum, and a digest that `verify` computes anew."""
    by_actor: dict[Actor, list[tuple[Any, ...]]] = {}
    sums: dict[Actor, Counter[str]] = {}
    for number, (one, (actor, unit)) in enumerate(zip(written.transfers, written.settled_by, strict=True), first):
        by_actor.setdefault(actor, []).append((number, *one))
        sums.setdefault(actor, Counter())[unit] += one.amount
    for actor, rows in by_actor.items():
        body = {
            "count": len(rows),
            "sum": dict(sums[actor]),
            "first": rows[0][0],
            "last": rows[-1][0],
            "digest": digest(rows, settings.EVIDENCE_DIGEST),
        }
        append(actor, "voucher.settled", f"{rows[0][0]}-{rows[-1][0]}", body)


def _insert(cursor: Any, table: str, rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    columns = ", ".join(_TYPES[table])
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{kind}[]" for kind in _TYPES[table].values())
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays})",
            [list(column) for column in zip(*rows, strict=True)],
        )
    else:
        marks = ", ".join(["%s"] * len(_TYPES[table]))
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)


def _delete_pending(cursor: Any, holds: Sequence[int]) -> None:
    if connection.vendor == "postgresql":
        if holds:
            cursor.execute("DELETE FROM vouchers_pending WHERE hold_id = ANY(%s)", [list(holds)])
    else:
        cursor.executemany("DELETE FROM vouchers_pending WHERE hold_id = %s", [(one,) for one in holds])


def _select(cursor: Any, query: str, values: Sequence[Any], kind: str, *before: Any) -> list[Sequence[Any]]:
    """Run a query that ends in a column, which is to be one of the values."""
    rows: list[Sequence[Any]] = []
    if connection.vendor == "postgresql":
        if values:
            cursor.execute(f"{query} = ANY(%s::{kind}[])", [*before, list(values)])
            rows = cursor.fetchall()
        return rows
    for start in range(0, len(values), _CHUNK):
        some = values[start : start + _CHUNK]
        cursor.execute(f"{query} IN ({', '.join(['%s'] * len(some))})", [*before, *some])
        rows += cursor.fetchall()
    return rows
