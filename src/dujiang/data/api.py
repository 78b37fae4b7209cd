"""Data sets over HTTP; files come in by tus (``/data/sets/NUMBER/uploads/``) and go out at the address of each."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Field, Query, Router, Schema

from dujiang.data import actions, duties, finding
from dujiang.data.describing import described
from dujiang.data.models import Dataset, Duty, Version
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.identity.permission import Actor, allowed, require
from dujiang.messages import Refused, Text

router = Router(tags=["data"])
LAST = 2**63 - 1
Line = Annotated[str, Field(max_length=300)]


class DatasetIn(Schema):
    """A data set to be registered; `owner` is the name of the unit that owns it."""

    title_zh: Line
    owner: Annotated[str, Field(max_length=120)]
    basis: Basis
    title_en: Line = ""
    description: Annotated[str, Field(max_length=20_000)] = ""
    publisher: Line = ""
    grade: Grade = Grade.GENERAL
    sensitivity: Sensitivity = Sensitivity.NONE
    access: Access = Access.RESTRICTED
    licence: Line = ""
    keywords: list[Annotated[str, Field(max_length=60)]] = Field([], max_length=100)
    language: Annotated[str, Field(max_length=20)] = "zh"
    task: Annotated[int, Field(ge=1, lt=10_000)] | None = None
    project: Annotated[str, Field(max_length=120)] = ""
    embargo_until: date | None = None


class FileOut(Schema):
    """A file: `bytes` and `sha256` of its content, `url` where it is had by who may."""

    name: str
    media_type: str
    bytes: int | None
    sha256: str
    url: str


class SourceOut(Schema):
    """Where a harvested data set is from."""

    catalogue: str
    identifier: str


class DatasetOut(Schema):
    """A data set; `version` and `files` are those of the latest that was published."""

    number: int
    identifier: str
    address: str
    title: Text
    description: str
    owner: str
    publisher: str
    basis: Basis
    grade: Grade
    sensitivity: Sensitivity
    access: Access
    licence: str
    keywords: list[str]
    language: str
    task: int | None
    project: str
    state: str
    embargo_until: date | None
    published: str | None
    changed: str
    version: int | None
    files: list[FileOut]
    source: SourceOut | None
    evidence: int


class DepositReviewIn(Schema):
    """A reviewer's word."""

    approved: bool
    why: Annotated[str, Field(max_length=1000)] = ""


class VersionOut(Schema):
    """A version of a data set."""

    identifier: str
    version: int
    state: str
    evidence: int | None


class DutyOut(Schema):
    """A duty to deposit; `days` it is late, `dataset` what meets it."""

    unit: str
    title: str
    task: int | None
    project: str
    due: date
    standing: str
    days: int
    dataset: str | None


@router.get("/sets", response=list[DatasetOut])
def list_sets(
    request: Any,
    q: Annotated[str, Query(max_length=200)] = "",
    state: Literal["draft", "in-review", "published", "withdrawn"] | None = None,
    before: Annotated[int, Query(ge=1, le=LAST)] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[dict[str, Any]]:
    """Return the data sets that the caller may know of, the latest first; by `q`, those that fit best."""
    require(request.auth, "data.read")
    found = Dataset.objects.seen_by(request.auth)
    if state is not None:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(pk__lt=before)
    found = finding.search(found, q) if q.strip() else found.order_by("-id")
    return [described(one) for one in found.select_related("owner").prefetch_related("versions__distributions")[:limit]]


@router.post("/sets", response={201: DatasetOut})
def register_set(request: Any, body: DatasetIn) -> tuple[int, dict[str, Any]]:
    """Register a data set."""
    facts = {name: getattr(value, "value", value) for name, value in body.dict().items()}
    return 201, described(actions.register(request.auth, **facts))


@router.get("/sets/{int:number}", response=DatasetOut)
def get_set(request: Any, number: int) -> dict[str, Any]:
    """Return a data set."""
    return described(_dataset(request.auth, number))


@router.post("/sets/{int:number}/submit", response=VersionOut)
def submit_set(request: Any, number: int) -> dict[str, Any]:
    """Hand the draft of a data set in for review."""
    require(request.auth, "data.deposit")
    return _version_out(actions.submit(request.auth, _version(_dataset(request.auth, number), State.DRAFT)))


@router.post("/sets/{int:number}/review", response=VersionOut)
def review_set(request: Any, number: int, body: DepositReviewIn) -> dict[str, Any]:
    """Publish what was handed in, or give it back."""
    require(request.auth, "data.review")
    version = _version(_dataset(request.auth, number), State.REVIEW)
    return _version_out(actions.review(request.auth, version, approved=body.approved, why=body.why))


@router.get("/duties", response=list[DutyOut])
def list_duties(request: Any) -> list[dict[str, Any]]:
    """Return who is to deposit what: a unit its own, the office and the auditor all."""
    actor = request.auth
    require(actor, "data.duties")
    found = Duty.objects.all() if allowed(actor, "data.duties", []) else Duty.objects.filter(unit__name=actor.unit)
    return [
        {
            "unit": line.duty.unit.name, "title": line.duty.title, "task": line.duty.task, "project": line.duty.project,
            "due": line.duty.due, "standing": line.standing, "days": line.days,
            "dataset": line.dataset.identifier if line.dataset else None,
        }
        for line in duties.standing(found)
    ]  # fmt: skip


def _dataset(actor: Actor, number: int) -> Dataset:
    require(actor, "data.read")
    found = Dataset.objects.seen_by(actor).select_related("owner").filter(pk=number).first() if number <= LAST else None
    if found is None:
        raise Http404
    return found


def _version(one: Dataset, state: State) -> Version:
    found = one.versions.filter(state=state).select_related("dataset__owner").order_by("-number").first()
    if found is None:
        raise Refused(Text(f"没有{state.words.zh}的版本", f"no version of it is: {state.words.en}"))
    return found


def _version_out(version: Version) -> dict[str, Any]:
    return {
        "identifier": version.dataset.identifier, "version": version.number, "state": version.state,
        "evidence": version.evidence,
    }  # fmt: skip
