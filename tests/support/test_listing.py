"""Facts entered once, the white list from application to review, a bank's reading by consent, the green channel's times."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.support.actions import facts, whitelist
from dujiang.support.measures import Standing
from dujiang.support.models import Consent, Listing, Loan, Paper, Profile
from dujiang.vouchers.actions import declare
from dujiang.vouchers.models import Application
from support.units import ANSWERS, BANK, CHIEF, CODES, FIRM, OFFICE, OTHER, hand_in_all, make_units, of

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate


@pytest.fixture(autouse=True)
def _units(db):
    make_units()


def listed():
    hand_in_all()
    append(OFFICE, "voucher.granted", "compute:x", {"holder": FIRM})
    return whitelist.decide(CHIEF, whitelist.apply(of(FIRM), FIRM), listed=True, why="条件具备")


def test_facts_are_entered_once_and_evidence_holds_no_figure():
    facts.enter(of(FIRM), FIRM, ANSWERS)
    record = Record.objects.get(kind="support.facts")
    assert "30000000" not in record.body and "revenue" in record.body
    before = Profile.objects.get()
    facts.enter(of(FIRM), FIRM, {**ANSWERS, "patents": "5"})
    after = Profile.objects.get()
    assert (after.answers["patents"], after.salt != before.salt) == ("5", True)
    assert facts.facts_of(FIRM)["patents"] == 5
    standing = {one.measure.name: one.standing for one in facts.entitlements(of(FIRM), FIRM)}
    assert standing["compute-voucher"] is Standing.MAY
    assert standing["model-use"] is Standing.OPEN
    with pytest.raises(NotAllowed):
        facts.enter(of(OTHER), FIRM, ANSWERS)
    with pytest.raises(BadInput, match="日期"):
        facts.enter(of(FIRM), FIRM, {"founded": "去年"})
    with pytest.raises(BadInput, match="colour"):
        facts.enter(of(FIRM), FIRM, {"colour": "red"})


def test_a_measure_that_vouchers_pay_is_claimed_by_the_facts():
    facts.enter(of(FIRM), FIRM, ANSWERS)
    with pytest.raises(Refused, match="没有券计划"):
        facts.claim(of(FIRM), FIRM, "compute-voucher")
    declare(OFFICE, code="compute", title="算力券", unit="CNY", cap=500_000_00, budget=10**10, since=date(2026, 1, 1), until=date(2099, 1, 1))  # fmt: skip
    assert facts.claim(of(FIRM), FIRM, "compute-voucher").amount == 500_000_00  # 60 % of 900,000 yuan is above the cap
    assert Application.objects.get().holder == FIRM
    with pytest.raises(Refused, match="不由券支付"):
        facts.claim(of(FIRM), FIRM, "model-use")
    facts.enter(of(OTHER), OTHER, {**ANSWERS, "place": "110101"})
    with pytest.raises(Refused, match="5101"):
        facts.claim(of(OTHER), OTHER, "compute-voucher")


def test_what_another_cap_would_cost_is_for_the_office():
    facts.enter(of(FIRM), FIRM, ANSWERS)
    facts.enter(of(OTHER), OTHER, {**ANSWERS, "compute_bought": "20000000"})
    [told] = facts.what_if(OFFICE, "compute-voucher", "most", "1000000")
    assert (told.now.fen, told.then.fen) == (540_000_00 + 5_000_000_00, 540_000_00 + 1_000_000_00)
    for wrong in (("compute-voucher", "most", "x"), ("nothing", "most", "1"), ("compute-voucher", "colour", "1")):
        with pytest.raises(Refused):
            facts.what_if(OFFICE, *wrong)
    with pytest.raises(NotAllowed):
        facts.what_if(of(FIRM), "compute-voucher", "most", "1")


def test_a_paper_is_read_by_its_own_unit_and_by_who_oversees():
    paper = facts.hand_in(of(FIRM), FIRM, "营业执照", "C:\\x\\a.pdf", b"pdf")
    assert paper.name == "a.pdf"
    assert facts.read_paper(of(FIRM), paper) == b"pdf"
    assert facts.read_paper(Actor("a", Role.AUDITOR), paper) == b"pdf"
    for other in (of(OTHER), Actor("p", Role.PUBLIC)):
        with pytest.raises(NotAllowed):
            facts.read_paper(other, paper)
    for wrong in (b"", b"x" * ((4 << 20) + 1)):
        with pytest.raises(Refused):
            facts.hand_in(of(FIRM), FIRM, "营业执照", "a.pdf", wrong)
    assert Paper.objects.count() == 1


def test_the_list_from_application_to_review():
    facts.enter(of(FIRM), FIRM, ANSWERS)
    with pytest.raises(Refused, match="审计报告"):
        whitelist.apply(of(FIRM), FIRM)
    hand_in_all()
    one = whitelist.apply(of(FIRM), FIRM)
    assert one.due > TODAY()
    assert {each["standing"] for each in one.findings} == {"may", "open"}  # no evidence of compute yet: optional
    with pytest.raises(Refused, match="在办"):
        whitelist.apply(of(FIRM), FIRM)
    with pytest.raises(Refused, match="理由"):
        whitelist.send_back(OFFICE, one, " ")
    assert whitelist.send_back(OFFICE, one, "审计报告不清").state == "returned"
    again = whitelist.decide(OFFICE, whitelist.apply(of(FIRM), FIRM), listed=True, why="具备")
    assert again.holds() and again.until == whitelist._months_after(TODAY(), 12)
    assert not again.holds(again.until + timedelta(1))
    with pytest.raises(Refused, match="已在白名单"):
        whitelist.apply(of(FIRM), FIRM)
    Listing.objects.filter(pk=again.pk).update(until=TODAY() + timedelta(30))
    renewed = whitelist.decide(OFFICE, whitelist.apply(of(FIRM), FIRM), listed=True, why="复核通过")
    assert Listing.objects.get(pk=again.pk).state == "ended"
    assert not whitelist.take_off(OFFICE, renewed, "失信").holds()
    whats = [one.content["what"] for one in Record.objects.filter(kind="support.listed").order_by("sequence")]
    assert whats == ["applied", "returned", "applied", "listed", "applied", "listed", "taken off"]


def test_evidence_that_names_the_holder_counts_and_another_ones_does_not():
    hand_in_all()
    append(OFFICE, "voucher.granted", "compute:x", {"holder": OTHER, "note": FIRM})
    assert whitelist.shown_by(FIRM) == {}
    record = append(OFFICE, "job.finished", "job:1", {"holder": FIRM})
    assert whitelist.shown_by(FIRM) == {"job.finished": record.sequence}
    assert whitelist.apply(of(FIRM), FIRM).records == {"job.finished": record.sequence}


def test_who_no_longer_meets_the_criteria_is_not_listed_and_nobody_decides_their_own():
    hand_in_all()
    one = whitelist.apply(OFFICE, FIRM)
    with pytest.raises(Refused, match="自己"):
        whitelist.decide(OFFICE, one, listed=True, why="x")
    Listing.objects.update(answers={**ANSWERS, "dishonest": "是"})
    with pytest.raises(Refused, match="失信"):
        whitelist.decide(CHIEF, one, listed=True, why="x")
    assert whitelist.decide(CHIEF, one, listed=False, why="失信").state == "declined"
    with pytest.raises(NotAllowed):
        whitelist.decide(of(FIRM), one, listed=True, why="x")


def test_a_bank_reads_by_consent_alone_and_each_reading_is_evidence():
    one = listed()
    bank = whitelist.admit(OFFICE, BANK)
    teller = of(BANK, "teller")
    refusals = []
    for code in (CODES[FIRM], CODES[OTHER], "nothing"):
        with pytest.raises(Refused) as told:
            whitelist.consult(teller, code)
        refusals.append(str(told.value))
    assert len(set(refusals)) == 1  # it does not tell who is a customer
    given = whitelist.consent(of(FIRM), FIRM, bank, TODAY() + timedelta(90))
    found = whitelist.consult(teller, CODES[FIRM])
    assert (found.listed, found.until, found.facts) == (True, one.until, None)
    assert [one.unit.name for one in whitelist.readable(teller)] == [FIRM]
    assert Record.objects.get(kind="support.consulted").content["bank"] == BANK
    whitelist.consent(of(FIRM), FIRM, bank, TODAY() + timedelta(90), facts=True)
    assert whitelist.consult(teller, CODES[FIRM]).facts["revenue"] == "30000000"
    last = Consent.objects.get(withdrawn=None)
    assert last != given
    whitelist.withdraw(of(FIRM), last)
    with pytest.raises(Refused, match="授权"):
        whitelist.consult(teller, CODES[FIRM])
    with pytest.raises(Refused, match="合作银行"):
        whitelist.consult(of(OTHER), CODES[FIRM])
    with pytest.raises(NotAllowed):
        whitelist.consult(OFFICE, CODES[FIRM])
    with pytest.raises(Refused, match="两年"):
        whitelist.consent(of(FIRM), FIRM, bank, TODAY() + timedelta(900))


def test_a_loan_through_the_channel_and_its_times():
    bank = whitelist.admit(OFFICE, BANK)
    teller = of(BANK, "teller")
    with pytest.raises(Refused, match="白名单"):
        whitelist.ask_loan(of(FIRM), FIRM, bank, 100, "流动资金")
    listed()
    with pytest.raises(Refused, match="授权"):
        whitelist.ask_loan(of(FIRM), FIRM, bank, 100, "流动资金")
    whitelist.consent(of(FIRM), FIRM, bank, TODAY() + timedelta(90))
    # Each pair of days counts by hand: asked, decided, paid.
    days = [
        (date(2026, 11, 2), date(2026, 11, 4), date(2026, 11, 5)),
        (date(2026, 11, 2), date(2026, 11, 10), date(2026, 11, 11)),
        (date(2026, 11, 2), date(2026, 11, 3), None),
    ]
    for asked, decided, paid in days:
        loan = whitelist.ask_loan(of(FIRM), FIRM, bank, 1000, "流动资金")
        with pytest.raises(Refused, match="不超过"):
            whitelist.decide_loan(teller, loan, approved=1001, why="x")
        loan = whitelist.decide_loan(teller, loan, approved=900, why="同意")
        if paid:
            loan = whitelist.pay_loan(teller, loan)
        at = [
            one and timezone.make_aware(timezone.datetime(one.year, one.month, one.day, 12))
            for one in (asked, decided, paid)
        ]
        Loan.objects.filter(pk=loan.pk).update(asked=at[0], decided=at[1], paid=at[2])
    told = whitelist.channel(date(2026, 11, 20))
    assert (told.loans, told.open) == (3, 1)
    assert (told.decided_median, told.decided_p90) == (2, 6)
    assert told.paid_median == 1 and told.paid_p90 is None  # the third waits for 13 working days
    assert told.late == 2  # the second's decision took 6 days, the third is not paid
    before = whitelist.channel(date(2026, 11, 2))
    assert (before.loans, before.open, before.decided_median) == (3, 3, None)
    with pytest.raises(NotAllowed):
        whitelist.pay_loan(of(OTHER), Loan.objects.first())
    bodies = "".join(Record.objects.filter(kind="support.loan").values_list("body", flat=True))
    assert "1000" not in bodies
