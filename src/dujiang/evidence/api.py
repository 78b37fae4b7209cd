"""Evidence over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Query, Router, Schema

from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, require

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
    def resolve_body(record: Any) -> dict[str, Any]:
        """Return the body as values, also of what was read already."""
        return record.content if isinstance(record, Record) else dict(record.body)


def find_records(actor: Actor, before: int | None, kind: str | None, subject: str | None, limit: int) -> list[Record]:
    """Return records, the latest first; raises `NotAllowed`."""
    require(actor, "evidence.read")
    asked = {"sequence__lt": before, "kind": kind, "subject": subject}
    wanted = {name: value for name, value in asked.items() if value is not None}
    return list(Record.objects.filter(**wanted).order_by("-sequence")[:limit])


def find_record(actor: Actor, sequence: int) -> Record:
    """Return a record; raises `Http404`, `NotAllowed`."""
    require(actor, "evidence.read")
    found = Record.objects.filter(sequence=sequence).first() if sequence <= LAST else None
    if found is None:
        raise Http404
    return found


@router.get("", response=list[RecordOut])
def records(
    request: Any,
    before: Sequence | None = None,
    kind: Literal[tuple(KINDS)] | None = None,  # type: ignore[valid-type]
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[Record]:
    """Return records, the latest first; `before` a sequence, to go on from the last one of the page before."""
    return find_records(request.auth, before, kind, None, limit)


@router.get("/{int:sequence}", response=RecordOut)
def record(request: Any, sequence: int) -> Record:
    """Return a record."""
    return find_record(request.auth, sequence)
