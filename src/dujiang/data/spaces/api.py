"""Offers, agreements and queries over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from django.shortcuts import get_object_or_404
from ninja import Field, Path, Router, Schema

from dujiang.data.spaces import actions, asking, trading
from dujiang.data.spaces.binding import answered
from dujiang.data.spaces.models import Agreement, Negotiation, Offer
from dujiang.identity.permission import require

router = Router(tags=["data spaces"])
LAST = 2**63 - 1
Number = Annotated[int, Path(ge=1, le=LAST)]
Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class DataOfferOut(Schema):
    """An offer; ``policy`` is ODRL. Whoever asks names a legal basis and an ethics approval where they are true."""

    id: int
    identifier: str
    dataset: str = Field(alias="dataset.identifier")
    provider: str = Field(alias="provider.title")
    policy: dict[str, Any]
    ethics: bool
    basis: bool


class RequestIn(Schema):
    """A request for an offer, for one's unit."""

    offer: int = Field(ge=1, le=LAST)
    purpose: Line
    legal_basis: Line = ""
    ethics_approval: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    ethics_until: date | None = None


class NegotiationOut(Schema):
    """A negotiation and where it stands."""

    id: int
    provider: str = Field(alias="provider.title")
    consumer: str = Field(alias="consumer.title")
    state: str
    purpose: str
    legal_basis: str
    ethics_approval: str
    ethics_until: date | None
    why: str
    evidence: int


class AgreementOut(Schema):
    """An agreement; ``due`` in fen, ``spent`` of ``budget`` in millionths of the privacy budget's unit."""

    id: int
    identifier: str
    target: str
    provider: str = Field(alias="negotiation.provider.title")
    consumer: str = Field(alias="negotiation.consumer.title")
    policy: dict[str, Any]
    in_force: bool
    signed: datetime
    ended: datetime | None
    queries: int
    queries_allowed: int
    spent: int
    budget: int
    due: int
    evidence: int


class QueryIn(Schema):
    """A query in SQL; ``spend`` is what it may cost of a privacy budget, in its unit."""

    query: str = Field(max_length=20_000)
    spend: Decimal | None = Field(None, ge=0, le=1000)


class AnswerOut(Schema):
    """An answer: its columns with their types, and its rows."""

    columns: list[dict[str, str]]
    rows: list[list[Any]]


class QueryOut(Schema):
    """A query that was asked, and what came of it."""

    id: int
    agreement: str = Field(alias="agreement.identifier")
    consumer: str = Field(alias="consumer.title")
    sql: str
    outcome: str
    rule: str
    why_zh: str
    why_en: str
    rows: int
    due: int
    begun: datetime
    evidence: int | None


@router.get("/offers", response=list[DataOfferOut])
def offers(request: Any) -> Any:
    """Return what is offered."""
    require(request.auth, "space.browse")
    return Offer.objects.filter(open=True).select_related("dataset", "provider")[:500]


@router.get("/requests", response=list[NegotiationOut])
def requests(request: Any) -> Any:
    """Return the requests of your unit, those for its data and those for others'."""
    return actions.negotiations_of(request.auth)[:500]


@router.post("/requests", response={201: NegotiationOut})
def ask_for(request: Any, wanted: RequestIn) -> tuple[int, Negotiation]:
    """Ask for an offer."""
    require(request.auth, "space.request")
    fields = wanted.dict()
    one = get_object_or_404(Offer, pk=fields.pop("offer"))
    return 201, actions.request(request.auth, one, unit=request.auth.unit, **fields)


@router.get("/agreements", response=list[AgreementOut])
def agreements(request: Any) -> Any:
    """Return the agreements of your unit."""
    return actions.agreements_of(request.auth)[:500]


@router.post("/agreements/{int:number}/query", response=AnswerOut)
def query(request: Any, number: Number, asked: QueryIn) -> dict[str, Any]:
    """Ask data under an agreement, here or at its foreign provider's."""
    one = get_object_or_404(actions.agreements_of(request.auth), pk=number)
    if one.negotiation.side == "consumer":
        return trading.ask_far(request.auth, one, asked.query, str(asked.spend or ""))
    return answered(asking.ask(request.auth, one, asked.query, spend=asked.spend))


@router.post("/agreements/{int:number}/end", response=AgreementOut)
def end(request: Any, number: Number, why: Line) -> Agreement:
    """End an agreement."""
    return actions.end(request.auth, get_object_or_404(actions.agreements_of(request.auth), pk=number), why)


@router.get("/queries", response=list[QueryOut])
def queries(request: Any) -> Any:
    """Return what was asked under your unit's agreements, the latest first."""
    return actions.queries_of(request.auth)[:500]
