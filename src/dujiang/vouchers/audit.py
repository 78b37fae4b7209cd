"""Computing the ledger anew from what is never changed, and naming every balance, sum or record that differs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime
from django.utils.timezone import localtime

from dujiang.evidence.models import Record
from dujiang.messages import Text
from dujiang.vouchers import journal
from dujiang.vouchers.models import Hold, Tally

_SUMS = "SELECT unit, SUM(posted) FROM vouchers_account GROUP BY unit HAVING SUM(posted) <> 0"
_POSTED = """
    SELECT a.id, a.posted, COALESCE(d.moved, 0) FROM vouchers_account a LEFT JOIN (
        SELECT id, SUM(amount) AS moved FROM (
            SELECT credit_id AS id, amount FROM vouchers_transfer
            UNION ALL SELECT debit_id, -amount FROM vouchers_transfer) m GROUP BY id
    ) d ON d.id = a.id WHERE a.posted <> COALESCE(d.moved, 0)
"""
_FLOORS = """
    SELECT a.id, a.floor, -COALESCE(SUM(l.amount), 0) FROM vouchers_account a
    LEFT JOIN vouchers_allotment l ON a.kind = 'issuer' AND l.programme_id = a.programme_id AND l.issuer = a.owner
    GROUP BY a.id, a.floor HAVING a.floor <> -COALESCE(SUM(l.amount), 0)
"""
_ENDS = """
    SELECT h.key FROM vouchers_hold h LEFT JOIN vouchers_pending p ON p.hold_id = h.id
    LEFT JOIN vouchers_outcome o ON o.hold_id = h.id
    WHERE (p.hold_id IS NULL) = (o.hold_id IS NULL) OR (o.how <> 'settled' AND o.amount <> 0) OR o.amount > h.amount
"""
_PAID = """
    SELECT h.key, o.amount, COALESCE(t.paid, 0) FROM vouchers_outcome o JOIN vouchers_hold h ON h.id = o.hold_id
    LEFT JOIN (SELECT hold_id, SUM(amount) AS paid FROM vouchers_transfer GROUP BY hold_id) t ON t.hold_id = o.hold_id
    WHERE o.amount <> COALESCE(t.paid, 0)
"""
_BORNE = """
    SELECT g.id, g.amount, g.province, SUM(t.amount), SUM(t.province) FROM vouchers_transfer t
    JOIN vouchers_account a ON a.id = t.debit_id JOIN vouchers_grant g ON g.id = a.grant_id
    GROUP BY g.id, g.amount, g.province
"""
_MOVED = """
    SELECT t.time, t.amount, t.province, t.hold_id, d.kind, d.owner, c.kind, c.owner, g.programme_id, p.issuer, g.city
    FROM vouchers_transfer t JOIN vouchers_account d ON d.id = t.debit_id JOIN vouchers_account c ON c.id = t.credit_id
    JOIN vouchers_grant g ON g.id = COALESCE(d.grant_id, c.grant_id) JOIN vouchers_programme p ON p.id = g.programme_id
"""
_SETTLED = """
    SELECT t.id, t.debit_id, t.credit_id, t.amount, t.province, t.hold_id, o.actor FROM vouchers_transfer t
    JOIN vouchers_outcome o ON o.hold_id = t.hold_id WHERE t.id BETWEEN %s AND %s ORDER BY t.id
"""


def faults() -> Iterator[Text]:
    """Yield what is wrong with the ledger, nothing where all is right."""
    for unit, total in _rows(_SUMS):
        yield Text(f"{unit} 各账户合计为 {total}，应为 0", f"the accounts of {unit} sum to {total}, not to 0")
    for account, posted, moved in _rows(_POSTED):
        yield Text(
            f"账户 {account} 余额 {posted}，按过账应为 {moved}",
            f"account {account} has {posted}; its postings make {moved}",
        )
    for account, floor, due in _rows(_FLOORS):
        yield Text(f"账户 {account} 下限 {floor}，应为 {due}", f"account {account} may go to {floor}, not {due}")
    yield from _held()
    for (key,) in _rows(_ENDS):
        yield Text(f"预留 {key} 的终结不一致", f"hold {key} does not end as it should")
    for key, said, paid in _rows(_PAID):
        yield Text(f"预留 {key} 记为结算 {said}，过账 {paid}", f"hold {key} says {said} was paid, its postings {paid}")
    for grant, amount, province, out, borne in _rows(_BORNE):
        if borne != out * province // amount:
            yield Text(f"发放 {grant} 的省级分担不对", f"the province bears {borne} of grant {grant}'s {out}")
    yield from _tallies()
    yield from _records()


def _rows(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [tuple(int(cell) if hasattr(cell, "is_signed") else cell for cell in row) for row in cursor.fetchall()]


def _held() -> Iterator[Text]:
    due = Counter[int]()
    for parts in Hold.objects.filter(pending__isnull=False).values_list("parts", flat=True).iterator():
        for account, amount in json.loads(parts):
            due[account] += amount
    for account, held in _rows("SELECT id, held FROM vouchers_account"):
        if held != due[account]:
            yield Text(
                f"账户 {account} 预留 {held}，应为 {due[account]}",
                f"account {account} holds {held}, not {due[account]}",
            )


def _tallies() -> Iterator[Text]:
    due: dict[tuple[str, int, str], list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_MOVED)
        for time, amount, province, _, debit, giver, credit, taker, programme, issuer, city in cursor:
            at = parse_datetime(time)
            month = localtime(at).strftime("%Y-%m") if at else ""
            if debit == "issuer":
                parts = [(giver, 0, amount)]
            elif credit == "issuer":
                parts = [(taker, 2, amount)]
            else:
                parts = [(issuer, 1, province), (city, 1, amount - province)]
            for who, column, part in parts:
                if part:
                    due.setdefault((month, programme, who), [0, 0, 0])[column] += part
    said = {
        (one.month, one.programme_id, one.issuer): [one.granted, one.spent, one.returned] for one in Tally.objects.all()
    }
    for place in sorted(due.keys() | said.keys()):
        if due.get(place, [0, 0, 0]) != said.get(place, [0, 0, 0]):
            yield Text(f"月度合计 {place} 不符", f"the tally of {place} is {said.get(place)}, not {due.get(place)}")


def _records() -> Iterator[Text]:
    """Compare each record of a settled batch with the postings that it is of; together they are of all settlements."""
    covered = 0
    with connection.cursor() as cursor:
        for record in Record.objects.filter(kind="voucher.settled").order_by("sequence").iterator():
            body = json.loads(record.body)
            cursor.execute(_SETTLED, [body["first"], body["last"]])
            rows = [row[:-1] for row in cursor.fetchall() if row[-1] == record.actor]
            covered += len(rows)
            if len(rows) != body["count"] or journal.digest(rows, body["digest"].partition(":")[0]) != body["digest"]:
                yield Text(
                    f"存证 {record.sequence} 与过账 {record.subject} 不符",
                    f"evidence {record.sequence} and postings {record.subject} differ",
                )
    [(settled,)] = _rows("SELECT COUNT(*) FROM vouchers_transfer WHERE hold_id IS NOT NULL")
    if covered != settled:
        yield Text(f"存证涵盖 {covered} 笔结算，实有 {settled}", f"evidence covers {covered} of {settled} settlements")
