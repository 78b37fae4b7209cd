"""Safety over HTTP: the register, filings, what may be served, complaints and incidents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Field, Query, Router, Schema

from dujiang.identity.permission import require
from dujiang.messages import Text
from dujiang.safety import actions, filing, supervision
from dujiang.safety.models import Filing, Incident, Thing

router = Router(tags=["safety"])
_WORDS = r"^[^\x00]*$"
Subject = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Long = Annotated[str, Field(min_length=1, max_length=20_000, pattern=_WORDS)]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Kind = Literal["algorithm", "generative", "registration", "ethics"]
Count = Annotated[int, Field(ge=0, le=2**62)]


class NeededOut(Schema):
    """A filing that is needed: any of the kinds will do; and the rule that says so."""

    kinds: list[str]
    rule: Text


class ThingOut(Schema):
    """A registered thing."""

    subject: str
    kind: str
    title: str
    owner: str
    purpose: str
    data: str
    version: str
    facts: dict[str, bool]
    served: date | None
    evidence: int


class ThingIn(Schema):
    """A thing to register; ``facts`` are the answers to the questions of docs/how-to/file.md."""

    subject: Subject
    title: Line
    owner: Name
    purpose: Long
    data: Long
    version: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")]
    facts: dict[Annotated[str, Field(max_length=40, pattern=_WORDS)], bool] = Field(default_factory=dict)


class FilingOut(Schema):
    """A filing in force, as the public list shows it."""

    number: str
    kind: str
    subject: str
    title: str
    owner: str
    external: str
    decided: datetime
    confirm_by: date
    evidence: int

    @staticmethod
    def resolve_subject(one: Filing) -> str:
        """Return what is filed."""
        return one.thing.subject

    @staticmethod
    def resolve_title(one: Filing) -> str:
        """Return its title."""
        return one.thing.title

    @staticmethod
    def resolve_owner(one: Filing) -> str:
        """Return who answers for it."""
        return one.thing.owner


class FilingIn(Schema):
    """A filing to submit."""

    subject: Subject
    kind: Kind
    fields: dict[
        Annotated[str, Field(max_length=40, pattern=_WORDS)], Annotated[str, Field(max_length=20_000, pattern=_WORDS)]
    ]


class SubmittedOut(Schema):
    """A filing that was submitted, and until when it is decided."""

    id: int
    kind: str
    state: str
    due: date
    evidence: int


class StandingOut(Schema):
    """Where a subject stands: what it lacks to be served to the public, and the units of its sandbox."""

    subject: str
    registered: bool
    filings: list[str]
    lacking: list[NeededOut]
    sandbox: list[str] | None


class ComplaintIn(Schema):
    """A complaint."""

    subject: Subject
    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=_WORDS)]


class ComplaintOut(Schema):
    """A complaint that was taken."""

    id: int
    evidence: int


class IncidentIn(Schema):
    """An incident to report."""

    subject: Subject
    title: Line
    text: Long
    people: Count = 0
    yuan: Count = 0
    hours: Annotated[float, Field(ge=0, le=10**6)] = 0
    critical: bool = False
    records: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(default_factory=list)


class IncidentOut(Schema):
    """An incident, without what only those who handle it read."""

    id: int
    subject: str
    title: str
    level: str
    state: str
    found: datetime
    lessons: str
    evidence: int


@router.get("/things", response=list[ThingOut])
def things(request: Any) -> list[Thing]:
    """Return the register."""
    require(request.auth, "safety.browse")
    return list(Thing.objects.all())


@router.post("/things", response={201: ThingOut})
def register(request: Any, wanted: ThingIn) -> tuple[int, Thing]:
    """Register a thing, or change what is said of it."""
    fields = wanted.dict()
    return 201, actions.register(request.auth, fields.pop("subject"), **fields)


@router.get("/filings", response=list[FilingOut])
def filings(request: Any) -> list[Filing]:
    """Return the filings in force."""
    require(request.auth, "safety.browse")
    return list(Filing.objects.in_force().select_related("thing"))


@router.post("/filings", response={201: SubmittedOut})
def file(request: Any, wanted: FilingIn) -> tuple[int, Filing]:
    """File a registered thing; what is missing in the papers is said."""
    require(request.auth, "safety.file")
    thing = Thing.objects.filter(subject=wanted.subject).first()
    if thing is None:
        raise Http404
    return 201, actions.file(request.auth, thing, wanted.kind, wanted.fields)


@router.get("/standing", response=StandingOut)
def standing(
    request: Any, subject: Annotated[str, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
) -> dict[str, Any]:
    """Return whether a subject may be served to the public, and why not."""
    require(request.auth, "safety.browse")
    found = actions.standing(subject, generates=subject.startswith("model:"))
    return {
        "subject": subject,
        "registered": found.thing is not None,
        "filings": [one.number for one in found.filings],
        "lacking": [_needed(one) for one in found.lacking],
        "sandbox": found.sandbox and found.sandbox.units,
    }


def _needed(one: filing.Needed) -> dict[str, Any]:
    return {"kinds": list(one.kinds), "rule": one.rule}


@router.post("/complaints", response={201: ComplaintOut})
def complain(request: Any, wanted: ComplaintIn) -> tuple[int, Any]:
    """Complain about something that is served."""
    return 201, supervision.complain(request.auth, wanted.subject, wanted.text)


@router.get("/incidents", response=list[IncidentOut])
def incidents(request: Any) -> list[Incident]:
    """Return the incidents, the last first."""
    require(request.auth, "safety.browse")
    return list(Incident.objects.all()[:1000])


@router.post("/incidents", response={201: IncidentOut})
def report(request: Any, wanted: IncidentIn) -> tuple[int, Incident]:
    """Report an incident."""
    return 201, supervision.report(request.auth, **wanted.dict())
