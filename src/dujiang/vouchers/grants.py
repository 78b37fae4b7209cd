"""Giving vouchers and taking them back: a grant's rows, its issuers' postings and its record of evidence.

The actions and open programmes both give through here, each in its own transaction, when it is their turn to write.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

from django.db.models import Sum
from django.utils.timezone import get_default_timezone

from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor
from dujiang.messages import Refused, Text, money
from dujiang.vouchers import journal
from dujiang.vouchers.ledger import MOST, GrantAccount, Transfer, covers
from dujiang.vouchers.models import Account, Allotment, Application, Grant, Programme
from dujiang.vouchers.terms import Complement, division_of, eligible, province_part

TRIAL = {"CNY": ("trial", "试用算力券", 10_000_000), "token": ("trial-tokens", "试用词元券", 100_000_000)}
"""The site's own trial programmes: code, title and the most a holder gets in a year (100,000 yuan; tokens)."""


def place(holder: str) -> tuple[str, str]:
    """Return a holder's kind and division; a name that is no unit's has neither."""
    unit = Unit.objects.filter(name=holder).first()
    return (unit.kind, division_of(unit.division, unit.credit_code or "")) if unit else ("", "")


def left_of_cap(programme: Programme, holder: str, year: int) -> int:
    """Return what a holder may still be granted in a year."""
    first, last = (journal.stamp(datetime(one, 1, 1, tzinfo=get_default_timezone())) for one in (year, year + 1))
    granted = programme.grants.filter(holder=holder, time__gte=first, time__lt=last)
    return programme.cap - (granted.aggregate(sum=Sum("amount"))["sum"] or 0)


def allot(actor: Actor, programme: Programme, issuer: str, amount: int, at: datetime) -> Allotment:
    """Let an issuer's account of a programme go lower by ``amount``, and record it."""
    account, _ = Account.objects.get_or_create(
        kind=Account.Kind.ISSUER, owner=issuer, unit=programme.unit, programme=programme
    )
    if account.floor - amount < -MOST * 1000:
        raise Refused(Text("安排资金过多", "that is too much to allot"))
    body = {"what": "allotted", "issuer": issuer, "amount": amount}
    evidence = append(actor, "voucher.programme", programme.code, body).sequence
    account.floor -= amount
    account.save(update_fields=["floor"])
    return Allotment.objects.create(
        programme=programme, issuer=issuer, amount=amount, time=journal.stamp(at), evidence=evidence
    )


def give(
    cursor: Any, actor: Actor, programme: Programme, holder: str, city: str, amount: int, at: datetime,
    application: Application | None = None,
) -> Grant:  # fmt: skip
    """Grant vouchers; raises `Refused` where the programme's terms or the issuers' money do not allow it."""
    day = date.fromisoformat(journal.day_of(at))
    check_open(programme, day)
    left = left_of_cap(programme, holder, day.year)
    if not 0 < amount <= left:
        raise Refused(
            Text(
                f"发放 {money(amount, programme.unit).zh} 应大于 0 且不超过“{holder}”本年余额 {money(left, programme.unit).zh}",
                f"a grant of {money(amount, programme.unit).en} must be more than 0 and no more than {holder} may "
                f"still get this year, {money(left, programme.unit).en}",
            )
        )
    province = province_part(amount, city, [Complement(*one) for one in programme.shares])
    if province == amount:
        city = ""
    borne = {issuer: part for issuer, part in ((programme.issuer, province), (city, amount - province)) if part}
    issuers = {issuer: _issuer(programme, issuer, part) for issuer, part in borne.items()}
    body = {"programme": programme.code, "holder": holder, "amount": amount, "unit": programme.unit, "shares": borne}
    evidence = append(
        actor, "voucher.granted", str(application.pk) if application else f"{programme.code}:{holder}", body
    ).sequence
    made = Grant.objects.create(
        programme=programme, application=application, holder=holder, city=city, amount=amount, province=province,
        since=max(day, programme.since), until=programme.until, time=journal.stamp(at), evidence=evidence,
    )  # fmt: skip
    account = Account.objects.create(kind=Account.Kind.HOLDER, owner=holder, unit=programme.unit, grant=made)
    transfers = [Transfer(issuers[issuer], account.pk, part, 0, None) for issuer, part in borne.items()]
    _post(cursor, transfers, at)
    journal.tally(cursor, at, {(programme.pk, issuer): (part, 0, 0) for issuer, part in borne.items()})
    return made


def take_back(cursor: Any, actor: Actor, grant: Grant, why: str, at: datetime) -> int:
    """Return what is free of a grant to its issuers, by the rule that payments are split by; returns how much."""
    account = grant.account
    [state] = journal.accounts_by_id(cursor, [account.pk]).values()
    amount = state.free
    if amount == 0:
        return 0
    province = state.borne_by_province(amount)
    borne = Counter({grant.programme.issuer: province})
    borne[grant.city] += amount - province
    body = {"grant": grant.pk, "holder": grant.holder, "amount": amount, "shares": dict(+borne), "why": why}
    append(actor, "voucher.returned", str(grant.pk), body)
    owners = {one.owner: one.pk for one in Account.objects.filter(kind=Account.Kind.ISSUER, programme=grant.programme)}
    transfers = [
        Transfer(account.pk, owners[issuer], part, part if issuer == grant.programme.issuer else 0, None)
        for issuer, part in (+borne).items()
    ]
    _post(cursor, transfers, at)
    journal.tally(cursor, at, {(grant.programme_id, issuer): (0, 0, part) for issuer, part in borne.items()})
    return amount


def check_open(programme: Programme, day: date) -> None:
    """Return where a programme takes applications and grants on a day; else raise `Refused`."""
    if hasattr(programme, "closing") or not programme.since <= day <= programme.until:
        raise Refused(
            Text(
                f"券计划 {programme.code} 已停办或不在期内（{programme.since} 至 {programme.until}）",
                f"programme {programme.code} is closed or out of its period ({programme.since} to {programme.until})",
            )
        )


def openings(holder: str, unit: str, product: str, at: datetime) -> list[tuple[Programme, int]]:
    """Return the open programmes that a holder has no grant of this year, with what each would give."""
    day = date.fromisoformat(journal.day_of(at))
    found = []
    kind, division = place(holder)
    programmes = Programme.objects.filter(open=True, unit=unit, closing=None, since__lte=day, until__gte=day)
    for one in programmes.order_by("until", "id"):
        if not covers(one.products.split(), product) or not eligible(kind, division, one.kinds, one.divisions):
            continue
        funds = Account.objects.filter(kind=Account.Kind.ISSUER, owner=one.issuer, programme=one).first()
        most = min(one.cap, funds.posted - funds.floor if funds else 0)
        if left_of_cap(one, holder, day.year) == one.cap and most > 0:
            found.append((one, most))
    return found


def open_accounts(
    cursor: Any, at: datetime, actor: Actor, holder: str, unit: str, product: str, short: int
) -> tuple[list[GrantAccount], int]:
    """Give a holder the grants of open programmes that cover what is short, as many as it takes; none where all don't.

    Returns their accounts, and what all would give.
    """
    most = offered(holder, unit, product, at)
    if most < short:
        return [], most
    _trial(actor, unit, at)
    made = []
    for programme, amount in openings(holder, unit, product, at):
        if short > 0:
            made.append(give(cursor, actor, programme, holder, "", amount, at).account.pk)
            short -= amount
    return list(journal.accounts_by_id(cursor, made).values()), most


def offered(holder: str, unit: str, product: str, at: datetime) -> int:
    """Return what open programmes would give a holder at once; where the site has none of the unit, its trial would."""
    return sum(amount for _, amount in openings(holder, unit, product, at)) + _trial_cap(unit)


def _trial_cap(unit: str) -> int:
    return 0 if Programme.objects.filter(unit=unit).exists() else TRIAL[unit][2]


def _trial(actor: Actor, unit: str, at: datetime) -> None:
    """Make the site's own trial programme, where it has no programme of the unit: a small site works without applying."""
    if _trial_cap(unit) == 0:
        return
    code, title, cap = TRIAL[unit]
    year = date.fromisoformat(journal.day_of(at)).year
    evidence = append(
        actor, "voucher.programme", code, {"what": "declared", "unit": unit, "cap": cap, "open": True}
    ).sequence
    made = Programme.objects.create(
        code=code, title=title, unit=unit, cap=cap, open=True, since=date(year, 1, 1), until=date(year + 9, 12, 31),
        time=journal.stamp(at), evidence=evidence,
    )  # fmt: skip
    allot(actor, made, "", 10_000 * cap, at)


def _issuer(programme: Programme, issuer: str, part: int) -> int:
    account = Account.objects.filter(kind=Account.Kind.ISSUER, owner=issuer, programme=programme).first()
    left = account.posted - account.floor if account else 0
    if account is None or left < part:
        who = issuer or "—"
        raise Refused(
            Text(
                f"{who} 为计划 {programme.code} 安排的资金不足：需 {money(part, programme.unit).zh}，"
                f"可用 {money(left, programme.unit).zh}",
                f"{who} has not allotted enough to {programme.code}: {money(part, programme.unit).en} needed, "
                f"{money(left, programme.unit).en} left",
            )
        )
    return account.pk


def _post(cursor: Any, transfers: list[Transfer], at: datetime) -> None:
    moved = Counter[int]()
    for one in transfers:
        moved[one.debit] -= one.amount
        moved[one.credit] += one.amount
    journal.post(cursor, transfers, journal.stamp(at))
    journal.move(cursor, moved, {})
