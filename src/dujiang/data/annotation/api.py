"""Annotation over HTTP: projects and how they stand, labelling by programs, and what bases accepted."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import Http404, HttpResponse
from ninja import Field, File, Path, Router, Schema, UploadedFile

from dujiang.data.annotation import actions, intake
from dujiang.data.annotation.formats import WRITERS
from dujiang.data.annotation.models import Project
from dujiang.data.annotation.reports import report
from dujiang.identity.permission import require
from dujiang.sheets import LARGEST, received

router = Router(tags=["annotation"])
LAST = 2**63 - 1
Code = Annotated[str, Path(max_length=60, pattern=r"^[a-z0-9-]+$")]
Month = Annotated[str, Path(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]


class ProjectOut(Schema):
    """A project; `kind` is choice, spans or boxes."""

    code: str
    title: str
    kind: str
    labels: list[str]
    unit: str
    accepted: int
    closed: bool


class BaseOut(Schema):
    """What a base accepted in a month; `cost` in fen; `unit` is empty for what was labelled at none."""

    unit: str
    level: str
    division: str
    labels: int
    synthetic: int
    cost: int
    evidence: list[int]


class TaskOut(Schema):
    """An item that you were given; `prediction` is what a model said, where you may see it."""

    number: int
    key: str
    text: str
    image: str
    width: int
    height: int
    prediction: Any = None


class AnswerIn(Schema):
    """An answer: a class, or a list of spans or boxes as objects."""

    answer: Any
    seconds: int = Field(0, ge=0, le=86400)


def _project(request: Any, code: str) -> Project:
    found = actions.seen_by(request.auth).filter(code=code).first()
    if found is None:
        raise Http404
    return found


@router.get("/bases/{str:month}", response=list[BaseOut])
def bases(request: Any, month: Month) -> list[dict[str, Any]]:
    """Return what each annotation base accepted in a month."""
    require(request.auth, "annotation.browse")
    return [one._asdict() for one in actions.month_figures(month)]


@router.get("/projects", response=list[ProjectOut])
def projects(request: Any) -> list[dict[str, Any]]:
    """Return your unit's projects, those of your base, and those that you are a member of."""
    require(request.auth, "annotation.browse")
    return [
        {
            **{name: getattr(one, name) for name in ("code", "title", "kind", "labels", "accepted")},
            "unit": one.unit.name,
            "closed": one.closed is not None,
        }
        for one in actions.seen_by(request.auth)[:1000]
    ]


@router.get("/projects/{str:code}", response=dict[str, Any])
def project(request: Any, code: Code) -> dict[str, Any]:
    """Return how a project stands, as `dujiang annotation report` does."""
    require(request.auth, "annotation.oversee")
    found = _project(request, code)
    require(request.auth, "annotation.oversee", actions.units(found))
    return report(found).as_json()


@router.post("/projects/{str:code}/items", response=dict[str, int])
def add_items(request: Any, code: Code, file: File[UploadedFile], use: str = "tasks") -> dict[str, int]:
    """Take in a file of items, all or none."""
    require(request.auth, "annotation.manage")
    found = _project(request, code)
    with received(file.name or "", file.read(LARGEST + 1)) as path:
        return {"items": intake.add_items(request.auth, found, path, use=use)}


@router.get("/projects/{str:code}/export/{str:form}")
def export(request: Any, code: Code, form: str) -> HttpResponse:
    """Hand out a project's labels: `label-studio`, `coco`, `conll` or `jsonl`."""
    require(request.auth, "annotation.oversee")
    made = actions.export(request.auth, _project(request, code), form)
    kind = "application/json" if WRITERS[form][0] == ".json" else "text/plain"
    return HttpResponse(made, content_type=f"{kind}; charset=utf-8")


@router.post("/projects/{str:code}/next", response={200: TaskOut})
def next_item(request: Any, code: Code) -> dict[str, Any]:
    """Give you the item that you are to label now; 404 where none is left."""
    require(request.auth, "annotation.label")
    lease = actions.next_item(request.auth, _project(request, code))
    if lease is None:
        raise Http404
    item = lease.item
    fields = {name: getattr(item, name) for name in ("key", "text", "image", "width", "height")}
    said = item.prediction["answer"] if lease.shown and item.prediction else None
    return {"number": lease.pk, **fields, "prediction": said}


@router.post("/projects/{str:code}/answers/{int:number}", response=dict[str, int])
def answer(request: Any, code: Code, number: Annotated[int, Path(ge=1, le=LAST)], given: AnswerIn) -> dict[str, int]:
    """Take your answer to what you were given."""
    require(request.auth, "annotation.label")
    return {"number": actions.submit(request.auth, _project(request, code), number, given.answer, given.seconds).pk}
