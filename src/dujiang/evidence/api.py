"""Evidence over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Query, Router, Schema

from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.permission import require

router = Router(tags=["evidence"])
LAST = 2**63 - 1
Sequence = Annotated[int, Query(ge=1, le=LAST)]


class RecordOut(Schema):
    """A record of evidence; `digest` seals it and its predecessor's."""

    sequence: int
    time: str
    actor: str
    kind: str
    subject: str
    body: dict[str, Any]
    previous: str
    digest: str

    @staticmethod
    def resolve_body(record: Record) -> dict[str, Any]:
        """Return the body as values."""
        return dict(json.loads(record.body))


@router.get("", response=list[RecordOut])
def records(
    request: Any,
    before: Sequence | None = None,
    kind: Literal[tuple(KINDS)] | None = None,  # type: ignore[valid-type]
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Record]:
    """Return records, the latest first; `before` a sequence, to go on from the last one of the page before."""
    require(request.auth, "evidence.read")
    found = Record.objects.order_by("-sequence")
    if before is not None:
        found = found.filter(sequence__lt=before)
    if kind is not None:
        found = found.filter(kind=kind)
    return list(found[:limit])


@router.get("/{int:sequence}", response=RecordOut)
def record(request: Any, sequence: int) -> Record:
    """Return a record."""
    require(request.auth, "evidence.read")
    found = Record.objects.filter(sequence=sequence).first() if sequence <= LAST else None
    if found is None:
        raise Http404
    return found
