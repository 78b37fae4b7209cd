"""Vouchers: what other planes hold and settle, and what people apply for, review, grant and reconcile.

Amounts are whole fen of CNY or whole tokens. Rounding: a grant's province part is rounded down, its city bears the
rest (`terms.province_part`); of all that leaves a grant, in whatever portions, the province's part is rounded down
over the sum (`ledger.GrantAccount.borne_by_province`), so that nothing is ever lost or made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, Sum

from dujiang.evidence.actions import append, queue
from dujiang.identity import models as identity
from dujiang.identity.permission import Actor, NotAllowed, require
from dujiang.messages import Refused, Text, money
from dujiang.vouchers import grants, group, journal, statements
from dujiang.vouchers.invoices import Reconciliation, compare, read_invoice
from dujiang.vouchers.ledger import (
    MOST,
    Done,
    Extend,
    Hold,
    MonthFigure,
    Release,
    Request,
    Settle,
    Settlement,
    Share,
    Wanted,
)
from dujiang.vouchers.models import Allotment, Application, Closing, Grant, Programme, Review, Tally, Unit
from dujiang.vouchers.terms import Complement, city_of, eligible

T = TypeVar("T", bound=Done)

__all__ = ["Hold", "MonthFigure", "Settlement", "Share", "Wanted"]
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_DIVISION = re.compile(r"[1-8][0-9]{5}")


def wanted(
    key: str, holder: str, product: str, provider: str, amount: int, unit: str = "CNY", *, until: datetime
) -> Wanted:
    """Return a hold to ask for by `hold_all`; ``until`` is a time with its zone."""
    return Wanted(key, holder, product, provider, amount, unit, _until(until))


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
    return _all(actor, (Extend(key, _until(until)) for key, until in extensions))


def _until(at: datetime) -> str:
    if not 2000 <= at.year < 9000:
        raise Refused(Text(f"期限 {at} 不对", f"{at} is no time to hold until"))
    return journal.stamp(at)


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
    return there + grants.offered(holder, unit, product, at)


def declare(
    actor: Actor,
    *,
    code: str,
    title: str,
    unit: str,
    cap: int,
    budget: int,
    since: date,
    until: date,
    issuer: str = "",
    shares: Sequence[Complement] = (),
    kinds: Sequence[str] = (),
    divisions: Sequence[str] = (),
    products: Sequence[str] = (),
    idle_days: int | None = None,
    open_to_all: bool = False,
) -> Programme:
    """Declare a programme, with what its issuer puts in at first; raises `NotAllowed`, `Refused`. For terms see `Programme`."""
    require(actor, "voucher.declare")
    faults = [
        (not _CODE.fullmatch(code), f"代号“{code}”应由小写字母、数字和 - 组成", f"code {code!r}: small letters, digits, -"),
        (not title.strip(), "缺少名称", "a title is missing"),
        (unit not in Unit.values, f"单位“{unit}”应为 CNY 或 token", f"unit {unit!r}: CNY or token"),
        (not 0 < cap <= MOST, f"年度上限 {cap} 应为正整数", f"a cap of {cap}: a positive whole number"),
        (not 0 <= budget <= MOST, f"资金 {budget} 应为非负整数", f"a budget of {budget}: a whole number, 0 or more"),
        (since > until, f"期限 {since} 至 {until} 颠倒", f"the period {since} to {until} ends before it begins"),
        (bool(issuer) and not _DIVISION.fullmatch(issuer), f"发券方“{issuer}”应为 6 位行政区划代码", f"issuer {issuer!r}: six digits (GB/T 2260)"),
        (bool(set(kinds) - set(identity.Unit.Kind.values)), f"单位类型 {kinds} 不对", f"kinds {kinds}: {identity.Unit.Kind.values}"),
        (any(not one or " " in one for one in products), f"产品 {products} 不对", f"products {products}: names without blanks"),
        (bool(shares) and open_to_all, "免评审的计划由发券方全额承担", "an open programme is borne by its issuer alone"),
        (bool(shares) and not issuer, "分担计划须写明省级发券方", "a shared programme names the province that issues it"),
        (idle_days is not None and idle_days < 1, "闲置收回天数应为正", "idle days: 1 or more"),
    ]  # fmt: skip
    for wrong, zh, en in faults:
        if wrong:
            raise Refused(Text(zh, en))
    at = datetime.now(UTC)
    with _writing():
        if Programme.objects.filter(code=code).exists():
            raise Refused(
                Text(f"券计划 {code} 已存在，条件不可更改", f"programme {code} is there; its terms never change")
            )
        terms = {
            "title": title, "unit": unit, "cap": cap, "since": since, "until": until, "issuer": issuer,
            "shares": [list(one) for one in shares], "kinds": list(kinds), "divisions": list(divisions),
            "products": " ".join(products), "idle_days": idle_days, "open": open_to_all,
        }  # fmt: skip
        body = {"what": "declared", **terms, "since": since.isoformat(), "until": until.isoformat()}
        evidence = append(actor, "voucher.programme", code, body).sequence
        made = Programme.objects.create(code=code, time=journal.stamp(at), evidence=evidence, **terms)
        if budget:
            grants.allot(actor, made, issuer, budget, at)
    return made


def allot(actor: Actor, programme: Programme, issuer: str, amount: int) -> Allotment:
    """Put money of an issuer's into a programme: the office for any, a city for itself. Raises `NotAllowed`, `Refused`."""
    require(actor, "voucher.allot", _governments(issuer))
    if not 0 < amount <= MOST:
        raise Refused(Text("资金应为正整数", "an allotment is a positive whole number"))
    bearing = issuer == programme.issuer or (programme.shares and city_of(issuer) == issuer)
    if not bearing:
        raise Refused(
            Text(
                f"{issuer or '—'} 不是计划 {programme.code} 的出资方",
                f"{issuer or '—'} bears no part of {programme.code}",
            )
        )
    with _writing():
        return grants.allot(actor, programme, issuer, amount, datetime.now(UTC))


def close(actor: Actor, programme: Programme, why: str) -> Closing:
    """End a programme's applications and grants; what was granted stays good. Raises `NotAllowed`, `Refused`."""
    require(actor, "voucher.declare")
    with _writing():
        grants.check_open(programme, programme.since)
        evidence = append(actor, "voucher.programme", programme.code, {"what": "closed", "why": why}).sequence
        now = journal.stamp(datetime.now(UTC))
        return Closing.objects.create(programme=programme, why=why[:500], time=now, evidence=evidence)


def apply(actor: Actor, programme: Programme, holder: str, amount: int, purpose: str) -> Application:
    """Apply for a unit's vouchers; raises `NotAllowed`, `Refused` where the terms do not fit."""
    require(actor, "voucher.apply", [holder])
    at = datetime.now(UTC)
    with _writing():
        day = date.fromisoformat(journal.day_of(at))
        grants.check_open(programme, day)
        if not identity.Unit.objects.filter(name=holder).exists():
            raise Refused(Text(f"没有单位“{holder}”", f"there is no unit {holder!r}"))
        kind, division = grants.place(holder)
        if not eligible(kind, division, programme.kinds, programme.divisions):
            raise Refused(
                Text(
                    f"“{holder}”（{kind}，{division or '无区划'}）不在计划 {programme.code} 的申请范围内",
                    f"{holder} ({kind}, {division or 'no division'}) is not among those who may apply to {programme.code}",
                )
            )
        left = grants.left_of_cap(programme, holder, day.year)
        if not 0 < amount <= left:
            raise Refused(
                Text(
                    f"申请额 {money(amount, programme.unit).zh} 应大于 0 且不超过本年余额 {money(left, programme.unit).zh}",
                    f"apply for more than 0 and no more than is left this year, {money(left, programme.unit).en}",
                )
            )
        if not purpose.strip() or len(purpose) > 1000:
            raise Refused(Text("请写明用途（1000 字以内）", "say what for, in 1,000 characters at most"))
        if programme.applications.filter(holder=holder, grant=None).exclude(reviews__approved=False).exists():
            raise Refused(Text("已有一份申请在办", "an application of this unit is being dealt with"))
        city = city_of(division) if programme.shares else ""
        body = {
            "programme": programme.code, "holder": holder, "amount": amount, "unit": programme.unit, "city": city,
            "purpose_digest": journal.digest([[purpose]], settings.EVIDENCE_DIGEST),
        }  # fmt: skip
        evidence = append(actor, "voucher.applied", f"{programme.code}:{holder}", body).sequence
        return Application.objects.create(
            programme=programme, holder=holder, city=city, amount=amount, purpose=purpose.strip(),
            time=journal.stamp(at), evidence=evidence,
        )  # fmt: skip


def review(actor: Actor, application: Application, *, approved: bool, amount: int, why: str) -> Review:
    """Say whether an application should be granted, and how much at most. Raises `NotAllowed`, `Refused`."""
    require(actor, "voucher.review", _governments(application.city))
    with _writing():
        if hasattr(application, "grant"):
            raise Refused(Text(f"申请 {application.pk} 已发放", f"application {application.pk} has been granted"))
        if approved and not 0 < amount <= application.amount:
            raise Refused(Text("核定额应大于 0 且不超过申请额", "approve more than 0 and no more than was applied for"))
        if not why.strip() or len(why) > 1000:
            raise Refused(Text("请写明评审理由（1000 字以内）", "give a reason, in 1,000 characters at most"))
        amount = amount if approved else 0
        body = {"application": application.pk, "approved": approved, "amount": amount, "why": why}
        evidence = append(actor, "voucher.reviewed", str(application.pk), body).sequence
        return Review.objects.create(
            application=application, reviewer=str(actor), approved=approved, amount=amount, why=why.strip(),
            time=journal.stamp(datetime.now(UTC)), evidence=evidence,
        )  # fmt: skip


def grant(actor: Actor, application: Application, amount: int | None = None) -> Grant:
    """Grant what the last review approved, or less, from its issuers' shares. Raises `NotAllowed`, `Refused`."""
    require(actor, "voucher.grant", _governments(application.city))
    with _writing() as cursor:
        if Grant.objects.filter(application=application).exists():
            raise Refused(Text(f"申请 {application.pk} 已发放", f"application {application.pk} has been granted"))
        last = application.reviews.last()
        if last is None or not last.approved:
            raise Refused(Text("申请尚未评审通过", "no review has approved the application yet"))
        amount = last.amount if amount is None else amount
        if amount > last.amount:
            raise Refused(Text("发放额超过核定额", "that is more than the review approved"))
        return grants.give(
            cursor,
            actor,
            application.programme,
            application.holder,
            application.city,
            amount,
            datetime.now(UTC),
            application,
        )


def claw_back(actor: Actor, grant: Grant, why: str) -> int:
    """Return what is free of a grant to its issuers; what is held can still be paid. Raises `NotAllowed`, `Refused`."""
    require(actor, "voucher.claw-back")
    if not why.strip():
        raise Refused(Text("请写明收回理由", "give a reason"))
    with _writing() as cursor:
        return grants.take_back(cursor, actor, grant, why, datetime.now(UTC))


def claw_back_due(actor: Actor) -> list[tuple[Grant, int]]:
    """Return to their issuers what is free of grants that have run out or lain idle too long. Raises `NotAllowed`."""
    require(actor, "voucher.claw-back")
    at = datetime.now(UTC)
    day = date.fromisoformat(journal.day_of(at))
    back = []
    with _writing() as cursor:
        unspent = Grant.objects.filter(account__posted__gt=F("account__held")).select_related("programme", "account")
        for one in unspent.order_by("id"):
            idle = one.programme.idle_days
            last = one.account.debits.filter(hold__isnull=False).order_by("-id").values_list("time", flat=True).first()
            if one.until < day:
                why = "到期"
            elif idle and (last or one.time) < journal.stamp(at - timedelta(days=idle)):
                why = f"闲置超过 {idle} 天"
            else:
                continue
            back.append((one, grants.take_back(cursor, actor, one, why, at)))
    return back


def reconcile(actor: Actor, provider: str, month: str, path: Path, unit: str = "CNY") -> Reconciliation:
    """Compare a provider's invoice of a month with the ledger, hold by hold, and record how they compare.

    Raises `NotAllowed`, and `BadInput` for an invoice that can't be read.
    """
    require(actor, "voucher.reconcile", [provider])
    made = compare(read_invoice(path, unit), statements.paid_to(provider, month, unit))
    body = {
        "provider": provider, "month": month, "unit": unit, "invoiced": made.invoiced, "settled": made.settled,
        "rows": made.rows, "differences": len(made.differences),
        "invoice_digest": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
    }  # fmt: skip
    append(actor, "voucher.reconciled", f"{provider}:{month}", body)
    return made


def month_figures(month: str) -> list[MonthFigure]:
    """Return what each issuer's part of each programme granted, paid and got back in a month, and what is outstanding then.

    Read from monthly tallies: as quick after a million postings as after a hundred.
    """
    now = Q(month=month)
    rows = (
        Tally.objects.filter(month__lte=month)
        .values("programme__code", "programme__title", "programme__unit", "issuer")
        .annotate(
            granted_now=Sum("granted", filter=now, default=0),
            spent_now=Sum("spent", filter=now, default=0),
            returned_now=Sum("returned", filter=now, default=0),
            outstanding=Sum(F("granted") - F("spent") - F("returned")),
        )
        .order_by("programme_id", "issuer")
    )
    return [MonthFigure(*row.values()) for row in rows]


def _governments(division: str) -> list[str]:
    """Return the units that are the government of a division; what has no city is up to the office."""
    return list(identity.Unit.objects.filter(division=division).values_list("name", flat=True)) if division else []


@contextmanager
def _writing() -> Iterator[Any]:
    """Change the ledger when it is one's turn to; yields a cursor."""
    with transaction.atomic(), connection.cursor() as cursor:
        queue(cursor)
        yield cursor
