"""Models, keys and their use over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.utils import timezone
from ninja import Field, Path, Query, Router, Schema

from dujiang.identity.permission import Role, require
from dujiang.tokens import actions
from dujiang.tokens.models import Key

router = Router(tags=["tokens"])
LAST = 2**63 - 1
Day = Annotated[date | None, Query()]


class PriceOut(Schema):
    """A model that is offered; prices in fen per million tokens, null where none is in force."""

    model: str
    provider: str
    context: int
    input: int | None
    cached: int | None
    output: int | None
    since: datetime | None


class KeyIn(Schema):
    """A key to issue; limits of 0 are none, no models are all."""

    holder: str = Field(max_length=120)
    note: str = Field("", max_length=120, pattern=r"^[^\x00]*$")
    models: list[str] = Field([], max_length=100)
    requests_a_minute: int = 0
    tokens_a_minute: int = 0
    days: int = 90
    keep_days: int = 0


class KeyOut(Schema):
    """A key; `secret` is told once, when it is issued."""

    id: int
    holder: str
    note: str
    models: list[str] = Field(alias="for_models")
    requests_a_minute: int
    tokens_a_minute: int
    keep_days: int
    expires: datetime
    revoked: datetime | None
    evidence: int
    secret: str = ""


class UseOut(Schema):
    """A key's use of a model on a day; `cost` in micro-fen (a hundred millionth of a yuan)."""

    day: date
    holder: str
    key: int
    model: str
    requests: int
    failed: int
    counted: int
    abandoned: int
    prompt: int
    cached: int
    completion: int
    cost: int


@router.get("/models", response=list[PriceOut])
def models(request: Any) -> list[dict[str, Any]]:
    """Return the models that are offered, with their prices."""
    require(request.auth, "token.browse")
    return actions.price_list()


@router.get("/usage", response=list[UseOut])
def usage(request: Any, since: Day = None, until: Day = None) -> list[dict[str, Any]]:
    """Return your unit's use, or everybody's to those who oversee it; this month's by default."""
    require(request.auth, "token.statement")
    today = timezone.localdate()
    return actions.statement(request.auth, _whose(request.auth), since or today.replace(day=1), until or today)


@router.get("/keys", response=list[KeyOut])
def keys(request: Any) -> list[Key]:
    """Return your unit's keys, or everybody's to the office."""
    require(request.auth, "token.issue-key")
    return actions.keys_of(request.auth, _whose(request.auth))


@router.post("/keys", response={201: KeyOut})
def issue_key(request: Any, wanted: KeyIn) -> tuple[int, Key]:
    """Issue a key of the gateway."""
    fields = wanted.dict()
    key, secret = actions.issue_key(request.auth, fields.pop("holder"), **fields)
    key.secret = secret  # type: ignore[attr-defined]
    return 201, key


@router.post("/keys/{int:number}/revoke", response=KeyOut)
def revoke_key(request: Any, number: Annotated[int, Path(ge=1, le=LAST)]) -> Key:
    """Revoke a key; all gateways refuse it within a second."""
    return actions.revoke_key(request.auth, number)


def _whose(actor: Any) -> str | None:
    """Return whose things somebody sees: their unit's, everybody's to those who oversee."""
    return None if actor.role in (Role.OFFICE, Role.AUDITOR) else actor.unit
