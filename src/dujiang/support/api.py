"""Support over HTTP: measures and what one may have, a bank's reading by consent, loans, supply and demand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Field, Query, Router, Schema

from dujiang.identity.permission import require
from dujiang.messages import Text
from dujiang.support import matching
from dujiang.support.actions import exchange, facts, whitelist
from dujiang.support.models import Loan, Need, Offer

router = Router(tags=["support"])
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_WORDS = r"^[^\x00]*$"
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=_PLAIN)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=_PLAIN)]
Long = Annotated[str, Field(max_length=4000, pattern=_WORDS)]
Fen = Annotated[int, Field(ge=0, le=10**15)]
Place = Annotated[str, Field(max_length=6, pattern=r"^([0-9]{2,6})?$")]
SupplyKind = Literal["product", "model", "data", "compute", "talent", "result"]


class BecauseOut(Schema):
    """A reason: the condition, and whether it holds; null where that is not known."""

    condition: Text
    holds: bool | None


class EntitlementOut(Schema):
    """What a unit may have of a measure: ``may``, ``may_not`` or ``open``; ``fen`` where it may."""

    measure: str
    title: Text
    clause: Text
    standing: str
    fen: int | None
    because: list[BecauseOut]
    missing: list[str]


class FactsIn(Schema):
    """A unit's facts as it writes them, by the names that the measures ask for."""

    unit: Name
    answers: dict[
        Annotated[str, Field(max_length=40, pattern=_PLAIN)], Annotated[str, Field(max_length=40, pattern=_PLAIN)]
    ]


class FactsOut(Schema):
    """Facts that were taken."""

    evidence: int


class ConsentOut(Schema):
    """An enterprise that lets the bank read."""

    unit: str
    credit_code: str | None
    facts: bool
    until: date

    @staticmethod
    def resolve_unit(one: Any) -> str:
        """Return who consented."""
        return str(one.unit.name)

    @staticmethod
    def resolve_credit_code(one: Any) -> str | None:
        """Return its code."""
        return str(one.unit.credit_code) if one.unit.credit_code else None


class ConsultedOut(Schema):
    """What a bank reads of an enterprise; ``facts`` where it consented to that too."""

    unit: str
    credit_code: str
    listed: bool
    until: date | None
    evidence: int | None
    findings: list[dict[str, Any]]
    facts: dict[str, str] | None


class LoanOut(Schema):
    """A loan through the green channel; amounts in fen."""

    id: int
    unit: str
    amount: int
    state: str
    approved: int
    asked: datetime
    evidence: int

    @staticmethod
    def resolve_unit(one: Loan) -> str:
        """Return who asks."""
        return str(one.listing.unit.name)


class LoanDecisionIn(Schema):
    """A bank's decision: the approved amount in fen, 0 to decline."""

    approved: Fen
    why: Annotated[str, Field(min_length=1, max_length=4000, pattern=_WORDS)]


class SupplyOut(Schema):
    """An offer found; ``breaks`` is what of the question it does not hold to."""

    id: int
    unit: str
    kind: str
    title: str
    text: str
    price: int | None
    score: float
    breaks: list[Text]


class SupplyIn(Schema):
    """An offer; ``price`` in fen, ``places`` as beginnings of GB/T 2260 codes."""

    unit: Name
    kind: SupplyKind
    title: Line
    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=_WORDS)]
    keywords: list[Annotated[str, Field(max_length=40, pattern=_PLAIN)]] = Field(default_factory=list, max_length=20)
    price: Fen | None = None
    places: list[Place] = Field(default_factory=list, max_length=200)
    since: date | None = None
    until: date | None = None
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 1
    domestic: bool = False


class NeedIn(Schema):
    """A need; ``budget`` in fen."""

    unit: Name
    title: Line
    text: Long = ""
    kinds: list[SupplyKind] = Field(default_factory=list, max_length=6)
    budget: Fen | None = None
    place: Place = ""
    by: date | None = None
    domestic: bool = False


class PublishedOut(Schema):
    """An offer or a need that was published."""

    id: int
    evidence: int


class ChannelOut(Schema):
    """The green channel's times in working days, null where not known yet; ``late`` are those above the aim."""

    loans: int
    open: int
    decided_median: int | None
    decided_p90: int | None
    paid_median: int | None
    paid_p90: int | None
    late: int


@router.get("/channel", response=ChannelOut)
def channel(request: Any) -> Any:
    """Return how quick the green channel is."""
    require(request.auth, "support.browse")
    return whitelist.channel()._asdict()


@router.post("/facts", response={201: FactsOut})
def enter_facts(request: Any, given: FactsIn) -> tuple[int, Any]:
    """Enter a unit's facts, in place of those before."""
    return 201, facts.enter(request.auth, given.unit, given.answers)


@router.get("/entitlements", response=list[EntitlementOut])
def entitlements(
    request: Any, unit: Annotated[str, Query(min_length=1, max_length=120, pattern=_PLAIN)]
) -> list[dict[str, Any]]:
    """Return what a unit may have, why and by which clause, by the facts that it entered."""
    return [
        {
            "measure": one.measure.name, "title": one.measure.title, "clause": one.measure.clause, "standing": one.standing.value,
            "fen": one.fen, "because": [{"condition": each.condition, "holds": each.holds} for each in one.because],
            "missing": list(one.missing),
        }
        for one in facts.entitlements(request.auth, unit)
    ]  # fmt: skip


@router.get("/consents", response=list[ConsentOut])
def consents(request: Any) -> list[Any]:
    """Return the enterprises that let the caller's bank read."""
    return whitelist.readable(request.auth)


@router.get("/listings/{credit_code}", response=ConsultedOut)
def consult(request: Any, credit_code: str) -> dict[str, Any]:
    """Return an enterprise's place on the white list to a bank that it consented to; the reading is evidence."""
    return whitelist.consult(request.auth, credit_code.replace("\x00", ""))._asdict()


@router.get("/loans", response=list[LoanOut])
def loans(request: Any) -> list[Loan]:
    """Return the loans that the caller's bank is asked for."""
    return list(whitelist.bank_of(request.auth).loans.select_related("listing__unit")[:1000])


def _loan(request: Any, number: int) -> Loan:
    require(request.auth, "support.lend")
    found = (
        Loan.objects.select_related("bank__unit", "listing__unit").filter(pk=number if number < 2**62 else 0).first()
    )
    if found is None:
        raise Http404
    return found


@router.post("/loans/{number}/decision", response=LoanOut)
def decide_loan(request: Any, number: int, given: LoanDecisionIn) -> Loan:
    """Approve a loan or decline it."""
    return whitelist.decide_loan(request.auth, _loan(request, number), approved=given.approved, why=given.why)


@router.post("/loans/{number}/paid", response=LoanOut)
def pay_loan(request: Any, number: int) -> Loan:
    """Say that an approved loan was paid out."""
    return whitelist.pay_loan(request.auth, _loan(request, number))


@router.get("/offers", response=list[SupplyOut])
def offers(
    request: Any,
    q: Annotated[str, Query(min_length=1, max_length=200, pattern=_PLAIN)],
    kind: Annotated[SupplyKind | None, Query()] = None,
) -> list[dict[str, Any]]:
    """Return the offers that a question finds, the best first."""
    wanted = matching.Need("", q, kinds=matching.kinds_of([kind] if kind else []))
    return [
        {
            "id": one.pk, "unit": one.unit.name, "kind": one.kind, "title": one.title, "text": one.text, "price": one.price,
            "score": hit.score, "breaks": list(hit.breaks),
        }
        for one, hit in exchange.find(request.auth, wanted)
    ]  # fmt: skip


@router.post("/offers", response={201: PublishedOut})
def offer(request: Any, given: SupplyIn) -> tuple[int, Offer]:
    """Publish an offer."""
    fields = given.dict()
    return 201, exchange.offer(request.auth, fields.pop("unit"), fields.pop("kind"), **fields)


@router.post("/needs", response={201: PublishedOut})
def need(request: Any, given: NeedIn) -> tuple[int, Need]:
    """Publish a need."""
    fields = given.dict()
    return 201, exchange.need(request.auth, fields.pop("unit"), **fields)
