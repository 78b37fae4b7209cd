"""The white list: applying, deciding, consent, a bank's reading, and loans through the green channel."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.safety.workdays import after
from dujiang.support.actions.checks import amount, expect, join, locked, reason, said, unit_named
from dujiang.support.actions.facts import criteria, edition, facts_of, papers_of, parsed
from dujiang.support.measures import Standing
from dujiang.support.models import Bank, Consent, Listing, Loan, Profile
from dujiang.support.whitelist import Assessment, quantile, workdays_between

RENEW_DAYS = 60
"""From so many days before its review a unit may apply anew."""


def shown_by(unit: str) -> dict[str, int]:
    """Return the last record of each kind that the criteria ask for and that names a unit as holder."""
    found: dict[str, int] = {}
    mark = json.dumps({"holder": unit}, ensure_ascii=False, separators=(",", ":"))[1:-1]
    for kind in {kind for one in criteria().criteria for kind in one.records}:
        for one in Record.objects.filter(kind=kind, body__contains=mark).order_by("-sequence")[:20]:
            if one.content.get("holder") == unit:
                found[kind] = one.sequence
                break
    return found


def assessed(actor: Actor, unit: str) -> Assessment:
    """Return what the criteria come to for a unit now. Raises `NotAllowed`."""
    require(actor, "support.apply", [unit])
    return criteria().assess(facts_of(unit), papers_of(unit), shown_by(unit))


def apply(actor: Actor, unit: str) -> Listing:
    """Apply for a place on the white list with the facts and papers that are there. Raises `NotAllowed`, `Refused`."""
    made = assessed(actor, unit)
    if made.standing is not Standing.MAY:
        raise Refused(join(made.reasons))
    found = unit_named(unit)
    papers = {title: one.pk for title, one in papers_of(unit).items()}
    today, rules = timezone.localdate(), criteria()
    with transaction.atomic():
        if found.listings.filter(state=Listing.State.SUBMITTED).exists():
            raise Refused(Text("已有一份申请在办", "an application is being dealt with"))
        held = found.listings.filter(state=Listing.State.LISTED, until__gte=today).first()
        if held and (held.until - today).days > RENEW_DAYS:
            raise Refused(Text(f"已在白名单，{held.until} 前复核", f"it is listed until {held.until}"))
        due = after(today, rules.decide_workdays, settings.WORKDAYS)
        body = {"what": "applied", "edition": edition(), "due": due.isoformat(), "records": shown_by(unit)}
        entry = append(actor, "support.listed", unit, body)
        return Listing.objects.create(
            unit=found, answers=Profile.objects.get(unit=found).answers, papers=papers, records=shown_by(unit),
            findings=_findings(made), edition=edition(), applicant=str(actor), submitted=timezone.now(), due=due,
            evidence=entry.sequence,
        )  # fmt: skip


def _findings(made: Assessment) -> list[dict[str, Any]]:
    return [
        {
            "criterion": asdict(one.criterion.title), "required": one.criterion.required, "standing": one.standing.value,
            "because": [{"condition": asdict(each.condition), "holds": each.holds} for each in one.because],
            "papers": list(one.criterion.papers), "records": list(one.criterion.records), "lacks": [asdict(each) for each in one.lacks],
        }
        for one in made.findings
    ]  # fmt: skip


def decide(actor: Actor, listing: Listing, *, listed: bool, why: str) -> Listing:
    """Put a unit on the list or decline it, with reasons; it is judged anew by what it had applied with.

    Nobody decides on what they applied for. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "support.decide")
    why = reason(why)
    with transaction.atomic():
        one = locked(listing)
        expect(one.state, Listing.State.SUBMITTED)
        if one.applicant == str(actor):
            raise Refused(Text("不得审定自己提交的申请", "nobody decides on what they applied for"))
        made = criteria().assess(parsed(one.answers), one.papers, one.records)
        if listed and made.standing is not Standing.MAY:
            raise Refused(join(made.reasons))
        today = timezone.localdate()
        one.state = Listing.State.LISTED if listed else Listing.State.DECLINED
        one.decided, one.decider, one.why = timezone.now(), str(actor), why
        one.until = _months_after(today, criteria().review_months) if listed else None
        if listed:
            others = Listing.objects.filter(unit=one.unit, state=Listing.State.LISTED).exclude(pk=one.pk)
            others.update(state=Listing.State.ENDED, why="由新一期代替 / replaced by a later one")
        body = {
            "what": "listed" if listed else "declined", "listing": one.pk, "why": why,
            "until": one.until and one.until.isoformat(), "met": [each["criterion"]["en"] for each in one.findings if each["standing"] == "may"],
        }  # fmt: skip
        return _kept(actor, one, body)


def send_back(actor: Actor, listing: Listing, why: str) -> Listing:
    """Return an application with reasons; the unit mends it and applies again. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    why = reason(why)
    with transaction.atomic():
        one = locked(listing)
        expect(one.state, Listing.State.SUBMITTED)
        one.state, one.why, one.decided, one.decider = Listing.State.RETURNED, why, timezone.now(), str(actor)
        return _kept(actor, one, {"what": "returned", "listing": one.pk, "why": why})


def take_off(actor: Actor, listing: Listing, why: str) -> Listing:
    """Take a unit off the list before its review. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    why = reason(why)
    with transaction.atomic():
        one = locked(listing)
        expect(one.state, Listing.State.LISTED)
        one.state, one.why = Listing.State.ENDED, why
        return _kept(actor, one, {"what": "taken off", "listing": one.pk, "why": why})


def _kept(actor: Actor, one: Listing, body: dict[str, Any]) -> Listing:
    one.evidence = append(actor, "support.listed", one.unit.name, body).sequence
    one.save()
    return one


def _months_after(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    last = (
        29
        if month == 2 and (year % 4 == 0 and (year % 100 or year % 400 == 0))
        else [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    )
    return date(year, month, min(day.day, last))


def admit(actor: Actor, unit: str) -> Bank:
    """Admit a unit as a bank that lends by the white list. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    found = unit_named(unit)
    with transaction.atomic():
        if Bank.objects.filter(unit=found).exists():
            raise Refused(Text(f"“{unit}”已是合作银行", f"{unit} is a bank already"))
        entry = append(actor, "support.consent", unit, {"what": "bank admitted"})
        return Bank.objects.create(unit=found, evidence=entry.sequence)


def consent(actor: Actor, unit: str, bank: Bank, until: date, *, facts: bool = False) -> Consent:
    """Let a bank read a unit's place on the list until a day, and its facts if it says so. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    today = timezone.localdate()
    if not today <= until <= _months_after(today, 24):
        raise Refused(Text("授权期限应在今天至两年内", "consent runs from today for two years at most"))
    with transaction.atomic():
        _withdraw(found.consents.filter(bank=bank, withdrawn=None))
        body = {"what": "given", "bank": bank.unit.name, "facts": facts, "until": until.isoformat()}
        entry = append(actor, "support.consent", unit, body)
        return Consent.objects.create(unit=found, bank=bank, facts=facts, until=until, evidence=entry.sequence)


def withdraw(actor: Actor, given: Consent) -> Consent:
    """Withdraw a consent; the bank reads nothing from then on. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [given.unit.name])
    with transaction.atomic():
        one = locked(given)
        if one.withdrawn:
            raise Refused(Text("授权已撤回", "it has been withdrawn"))
        one.withdrawn = timezone.now()
        one.evidence = append(
            actor, "support.consent", one.unit.name, {"what": "withdrawn", "bank": one.bank.unit.name}
        ).sequence
        one.save()
    return one


def _withdraw(consents: Any) -> None:
    consents.update(withdrawn=timezone.now())


def bank_of(actor: Actor) -> Bank:
    """Return the bank that an actor is of. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.lend", [actor.unit])
    bank = Bank.objects.filter(unit__name=actor.unit).first()
    if bank is None:
        raise Refused(Text(f"“{actor.unit}”不是合作银行", f"{actor.unit} is no bank of the white list"))
    return bank


class Consulted(NamedTuple):
    """What a bank reads of a unit."""

    unit: str
    credit_code: str
    listed: bool
    until: date | None
    evidence: int | None
    findings: list[dict[str, Any]]
    facts: dict[str, str] | None


def readable(actor: Actor) -> list[Consent]:
    """Return the consents by which an actor's bank may read now. Raises `NotAllowed`, `Refused`."""
    today = timezone.localdate()
    found = bank_of(actor).consents.filter(withdrawn=None, until__gte=today).select_related("unit")
    return list(found.order_by("unit__name"))


def consult(actor: Actor, credit_code: str) -> Consulted:
    """Read a unit's place on the list for a bank, by the unit's consent; each reading is evidence. Raises `NotAllowed`, `Refused`."""
    bank = bank_of(actor)
    today = timezone.localdate()
    given = (
        bank.consents.filter(unit__credit_code=credit_code, withdrawn=None, until__gte=today)
        .select_related("unit")
        .first()
    )
    if given is None:
        # The same whether or not there is such a unit: else the answer would tell who is a customer here.
        raise Refused(Text("没有该企业的有效授权", "there is no consent of that enterprise"))
    one = given.unit.listings.filter(state=Listing.State.LISTED, until__gte=today).first()
    with transaction.atomic():
        body = {"bank": bank.unit.name, "consent": given.pk, "facts": given.facts}
        append(actor, "support.consulted", given.unit.name, body)
    return Consulted(
        given.unit.name, credit_code, one is not None, one and one.until, one and one.evidence, one.findings if one else [],
        one.answers if one and given.facts else None,
    )  # fmt: skip


def ask_loan(actor: Actor, unit: str, bank: Bank, fen: int, purpose: str) -> Loan:
    """Ask a bank for a loan through the green channel. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    amount(fen, Text("贷款金额", "the loan"))
    purpose = said(purpose, Text("用途", "what it is for"))
    today = timezone.localdate()
    with transaction.atomic():
        one = Listing.objects.filter(unit__name=unit, state=Listing.State.LISTED, until__gte=today).first()
        if one is None:
            raise Refused(Text("不在白名单，不能走绿色通道", "the green channel is for units on the white list"))
        if not bank.consents.filter(unit=one.unit, withdrawn=None, until__gte=today).exists():
            raise Refused(Text("请先授权该银行查询", "let the bank read the list first"))
        if one.loans.filter(bank=bank, state=Loan.State.ASKED).exists():
            raise Refused(Text("已有一笔贷款申请在办", "a loan is being dealt with"))
        entry = append(actor, "support.loan", unit, {"what": "asked", "bank": bank.unit.name})
        return Loan.objects.create(
            listing=one, bank=bank, amount=fen, purpose=purpose, asked=timezone.now(), evidence=entry.sequence
        )


def decide_loan(actor: Actor, loan: Loan, *, approved: int, why: str) -> Loan:
    """Approve a loan, its amount or less, or decline it with 0. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.lend", [loan.bank.unit.name])
    why = reason(why)
    with transaction.atomic():
        one = locked(loan)
        expect(one.state, Loan.State.ASKED)
        if not 0 <= approved <= one.amount:
            raise Refused(Text("批准额应不超过申请额", "no more than was asked for"))
        one.state = Loan.State.APPROVED if approved else Loan.State.DECLINED
        one.approved, one.why, one.decided = approved, why, timezone.now()
        return _moved(actor, one, "approved" if approved else "declined")


def pay_loan(actor: Actor, loan: Loan) -> Loan:
    """Say that an approved loan was paid out. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.lend", [loan.bank.unit.name])
    with transaction.atomic():
        one = locked(loan)
        expect(one.state, Loan.State.APPROVED)
        one.state, one.paid = Loan.State.PAID, timezone.now()
        return _moved(actor, one, "paid")


def _moved(actor: Actor, one: Loan, what: str) -> Loan:
    body = {"what": what, "loan": one.pk, "bank": one.bank.unit.name}
    one.evidence = append(actor, "support.loan", one.listing.unit.name, body).sequence
    one.save()
    return one


class Channel(NamedTuple):
    """The green channel's times in working days: from asking to the decision, from that to the money; None where not known."""

    loans: int
    open: int
    decided_median: int | None
    decided_p90: int | None
    paid_median: int | None
    paid_p90: int | None
    late: int


def channel(until: date | None = None) -> Channel:
    """Return the green channel's times, of loans asked for up to a day, as they stood then."""
    day = until or timezone.localdate()
    rules = criteria()
    deciding, paying = [], []
    late = waiting = 0
    loans = Loan.objects.filter(~Q(asked=None))
    asked_by_then = [one for one in loans if timezone.localdate(one.asked) <= day]
    for one in asked_by_then:
        start = timezone.localdate(one.asked)
        decided = timezone.localdate(one.decided) if one.decided and timezone.localdate(one.decided) <= day else None
        days = workdays_between(start, decided or day, settings.WORKDAYS)
        deciding.append((days, decided is not None))
        late += days > rules.bank_decides_workdays
        waiting += decided is None
        if decided and one.state != Loan.State.DECLINED:
            paid = timezone.localdate(one.paid) if one.paid and timezone.localdate(one.paid) <= day else None
            days = workdays_between(decided, paid or day, settings.WORKDAYS)
            paying.append((days, paid is not None))
            late += days > rules.bank_pays_workdays
            waiting += paid is None
    return Channel(
        len(asked_by_then), waiting, *(_quantile(deciding, share) for share in (0.5, 0.9)),
        *(_quantile(paying, share) for share in (0.5, 0.9)), late,
    )  # fmt: skip


def _quantile(times: list[tuple[int, bool]], share: float) -> int | None:
    return quantile([days for days, _ in times], [ended for _, ended in times], share)
