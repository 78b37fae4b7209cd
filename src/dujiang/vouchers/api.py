"""Vouchers over HTTP. Amounts are whole fen of CNY or whole tokens; times are ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Field, Query, Router, Schema

from dujiang.identity.permission import require
from dujiang.vouchers import actions, statements
from dujiang.vouchers.ledger import MOST, Hold, MonthFigure, Settlement
from dujiang.vouchers.models import Application, Grant, Programme
from dujiang.vouchers.terms import Complement

router = Router(tags=["vouchers"])
Unit = Literal["CNY", "token"]
Amount = Annotated[int, Field(ge=0, le=MOST)]
Number = 2**63 - 1
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Month = Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]
Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class ComplementOut(Schema):
    """In divisions whose code begins so, the province bears so many hundredths of a per cent, the city the rest."""

    division: str
    province: int


class VoucherProgrammeOut(Schema):
    """A programme; where no share is stated for a holder's city, the issuer bears all."""

    code: str
    title: str
    unit: Unit
    issuer: str
    shares: list[ComplementOut]
    kinds: list[str]
    divisions: list[str]
    products: list[str]
    cap: int
    since: date
    until: date
    open: bool
    closed: bool

    @staticmethod
    def resolve_shares(programme: Programme) -> list[Complement]:
        """Return the complement rules."""
        return [Complement(*one) for one in programme.shares]

    @staticmethod
    def resolve_products(programme: Programme) -> list[str]:
        """Return the products as a list."""
        return programme.products.split()

    @staticmethod
    def resolve_closed(programme: Programme) -> bool:
        """Whether it takes no more applications."""
        return hasattr(programme, "closing")


class ApplicationIn(Schema):
    """What a unit applies for."""

    programme: Key
    holder: Name
    amount: Amount
    purpose: Text


class ApplicationOut(Schema):
    """An application; `approved` is what the last review said."""

    id: int
    programme: str
    holder: str
    city: str
    amount: int
    purpose: str
    approved: bool | None
    approved_amount: int | None
    evidence: int

    @staticmethod
    def resolve_programme(application: Application) -> str:
        """Return the programme's code."""
        return application.programme.code

    @staticmethod
    def resolve_approved(application: Application) -> bool | None:
        """Return what the last review said."""
        last = application.reviews.last()
        return last.approved if last else None

    @staticmethod
    def resolve_approved_amount(application: Application) -> int | None:
        """Return how much the last review approved."""
        last = application.reviews.last()
        return last.amount if last else None


class ReviewIn(Schema):
    """A reviewer's word."""

    approved: bool
    amount: Amount
    why: Text


class ReviewOut(Schema):
    """A reviewer's word, on record."""

    reviewer: str
    approved: bool
    amount: int
    why: str
    evidence: int


class GrantIn(Schema):
    """How much to grant; what was approved where it is left out."""

    amount: Amount | None = None


class GrantOut(Schema):
    """A grant; `province` is the province's part of `amount`, the rest is the city's."""

    id: int
    holder: str
    city: str
    amount: int
    province: int
    since: date
    until: date
    evidence: int


class HoldIn(Schema):
    """Vouchers to be put aside; `key` is the idempotency key."""

    key: Key
    holder: Name
    product: Key
    provider: Name
    amount: Amount
    unit: Unit = "CNY"
    until: datetime


class HoldOut(Schema):
    """Vouchers put aside: `held`, `settled`, `released` or `expired`; `paid` what a settlement took."""

    key: str
    holder: str
    product: str
    provider: str
    amount: int
    unit: Unit
    until: str
    state: str
    paid: int


class SettleIn(Schema):
    """What is paid of a hold; the rest is released."""

    amount: Amount


class ShareOut(Schema):
    """What an issuer bears."""

    issuer: str
    amount: int


class SettlementOut(Schema):
    """What a hold paid, what went back, and who bears it."""

    key: str
    amount: int
    released: int
    shares: list[ShareOut]


class GrantLineOut(Schema):
    """A grant with what became of it."""

    grant: GrantOut
    programme: str
    unit: Unit
    spent: int
    returned: int
    held: int
    free: int

    @staticmethod
    def resolve_programme(line: statements.GrantLine) -> str:
        """Return the programme's code."""
        return line.grant.programme.code

    @staticmethod
    def resolve_unit(line: statements.GrantLine) -> str:
        """Return what it is counted in."""
        return line.grant.programme.unit


class BalanceOut(Schema):
    """The most that a hold could take now."""

    balance: int


class MonthOut(Schema):
    """What an issuer's part of a programme granted, paid and got back in a month."""

    programme: str
    title: str
    unit: Unit
    issuer: str
    granted: int
    spent: int
    returned: int
    outstanding: int


@router.get("/programmes", response=list[VoucherProgrammeOut])
def programmes(request: Any) -> list[Programme]:
    """Return the programmes, the latest first."""
    require(request.auth, "voucher.browse")
    return list(Programme.objects.select_related("closing"))


@router.get("/months/{month}", response=list[MonthOut])
def month(request: Any, month: Month) -> list[MonthFigure]:
    """Return a month's figures by programme and issuer."""
    require(request.auth, "voucher.browse")
    return actions.month_figures(month)


@router.post("/applications", response={201: ApplicationOut})
def apply(request: Any, asked: ApplicationIn) -> tuple[int, Application]:
    """Apply for a unit's vouchers."""
    require(request.auth, "voucher.apply", [asked.holder])
    programme = Programme.objects.filter(code=asked.programme).first()
    if programme is None:
        raise Http404
    return 201, actions.apply(request.auth, programme, asked.holder, asked.amount, asked.purpose)


@router.post("/applications/{int:number}/reviews", response={201: ReviewOut})
def review(request: Any, number: int, said: ReviewIn) -> tuple[int, Any]:
    """Review an application."""
    require(request.auth, "voucher.review")
    application = _application(number)
    return 201, actions.review(request.auth, application, approved=said.approved, amount=said.amount, why=said.why)


@router.post("/applications/{int:number}/grant", response={201: GrantOut})
def grant(request: Any, number: int, asked: GrantIn) -> tuple[int, Grant]:
    """Grant an application that was approved."""
    require(request.auth, "voucher.grant")
    return 201, actions.grant(request.auth, _application(number), asked.amount)


def _application(number: int) -> Application:
    found = Application.objects.filter(pk=number).first() if number <= Number else None
    if found is None:
        raise Http404
    return found


@router.get("/statement", response=list[GrantLineOut])
def statement(request: Any, holder: Annotated[Name, Query()]) -> list[statements.GrantLine]:
    """Return a holder's grants with what became of them, the latest first."""
    require(request.auth, "voucher.statement", [holder])
    return statements.grant_lines(holder)


@router.get("/balance", response=BalanceOut)
def balance(
    request: Any, holder: Annotated[Name, Query()], product: Annotated[Key, Query()], unit: Unit = "CNY"
) -> dict[str, int]:
    """Return the most that a hold could take of a holder's vouchers now."""
    require(request.auth, "voucher.statement", [holder])
    return {"balance": actions.balance(holder, product, unit)}


@router.post("/holds", response={201: HoldOut})
def hold(request: Any, asked: HoldIn) -> tuple[int, Hold]:
    """Put vouchers aside; the same call again returns the same hold."""
    until = asked.until if asked.until.tzinfo else asked.until.replace(tzinfo=UTC)
    terms = asked.dict(exclude={"until"})
    return 201, actions.hold(request.auth, **terms, until=until)


@router.post("/holds/settle", response={201: SettlementOut})
def settle(request: Any, key: Annotated[Key, Query()], paid: SettleIn) -> tuple[int, Settlement]:
    """Pay a part of a hold and release the rest; the same call again returns the same settlement."""
    require(request.auth, "voucher.hold")
    return 201, actions.settle(request.auth, key, paid.amount)


@router.post("/holds/release", response={201: HoldOut})
def release(request: Any, key: Annotated[Key, Query()]) -> tuple[int, Hold]:
    """Give a hold up."""
    require(request.auth, "voucher.hold")
    return 201, actions.release(request.auth, key)
