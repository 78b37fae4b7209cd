"""The plan and its dispatch over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Field, File, Query, Router, Schema
from ninja.files import UploadedFile
from pydantic import StringConstraints

from dujiang.evidence.months import this_month
from dujiang.identity.permission import Actor, require
from dujiang.plan import actions
from dujiang.plan.answers import Answer
from dujiang.plan.dispatch import Dispatch, GoalLine, TaskLine, UnitLine
from dujiang.plan.figures import monthly_dispatch
from dujiang.plan.indicators import Status
from dujiang.plan.models import Comment, Programme, Statistic

router = Router(tags=["plan"])
Month = Annotated[str, StringConstraints(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])$")]


class ProgrammeOut(Schema):
    """A plan that is being carried out."""

    key: str
    title: str
    issuer: str
    number: str
    date: date | None
    text: str


class CommentIn(Schema):
    """What a unit says."""

    text: str = Field(min_length=1, max_length=actions.LONGEST_COMMENT)


class CommentOut(Schema):
    """What a unit said."""

    unit: str
    author: str
    text: str
    written: datetime
    evidence: int


class StatisticOut(Schema):
    """A figure on record."""

    indicator: str
    period: str
    value: float
    unit: str
    source: str
    vouched_by: str
    evidence: int


def current(actor: Actor, action: str) -> Programme:
    """Return the programme that calls are about; raises `Http404`, `NotAllowed`."""
    require(actor, action)
    programme = Programme.current()
    if programme is None:
        raise Http404
    return programme


def dispatch_of(actor: Actor, month: str) -> Dispatch:
    """Return a month's dispatch, as signed off if it was; raises `Http404`, `NotAllowed`."""
    try:
        return monthly_dispatch(current(actor, "dispatch.read"), month)
    except ValueError as error:
        raise Http404 from error


def _programme(request: Any, action: str) -> Programme:
    return current(request.auth, action)


def _now(request: Any) -> Dispatch:
    return dispatch_of(request.auth, this_month())


@router.get("/plan", response=ProgrammeOut)
def plan(request: HttpRequest) -> Programme:
    """Return the plan and its text, which spans are of."""
    return _programme(request, "plan.read")


@router.get("/ask", response=Answer)
def ask(request: Any, question: Annotated[str, Query(min_length=1, max_length=actions.LONGEST_QUESTION)]) -> Answer:
    """Answer a question about the plan or its progress with what it rests on; no sentences where nothing can be cited."""
    return actions.ask(request.auth, _programme(request, "plan.read"), question)


@router.get("/goals", response=list[GoalLine])
def goals(request: HttpRequest, status: Status | None = None, year: int | None = None) -> list[GoalLine]:
    """Return the quantified goals as they stand, by status or year where asked for."""
    lines = _now(request).goals
    return [one for one in lines if status in (None, one.status) and year in (None, one.year)]


@router.get("/tasks", response=list[TaskLine])
def tasks(request: HttpRequest, status: Status | None = None, unit: str | None = None) -> list[TaskLine]:
    """Return the tasks as they stand, by status or by a unit that leads or joins them where asked for."""
    lines = _now(request).tasks
    return [
        one for one in lines if status in (None, one.status) and (unit is None or unit in (*one.lead, *one.cooperating))
    ]


@router.get("/units", response=list[UnitLine])
def units(request: HttpRequest) -> list[UnitLine]:
    """Return the units with what they lead and join."""
    return _now(request).units


@router.get("/dispatch/{month}", response=Dispatch)
def dispatch(request: Any, month: Month) -> Dispatch:
    """Return a month's dispatch, as signed off if it was."""
    return dispatch_of(request.auth, month)


@router.get("/dispatch/{month}/comments", response=list[CommentOut])
def comments(request: HttpRequest, month: Month) -> list[Comment]:
    """Return what units said to a month's dispatch."""
    return list(_programme(request, "dispatch.read").comments.filter(month=month))


@router.post("/dispatch/{month}/comments", response={201: CommentOut})
def comment(request: Any, month: Month, said: CommentIn) -> tuple[int, Comment]:
    """Say something to a month's dispatch, until it is signed off."""
    return 201, actions.comment(request.auth, _programme(request, "dispatch.comment"), month, said.text)


@router.get("/statistics", response=list[StatisticOut])
def statistics(
    request: HttpRequest,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> list[Statistic]:
    """Return the figures on record, the latest first."""
    return list(_programme(request, "dispatch.read").statistics.order_by("-evidence")[offset : offset + limit])


@router.post("/statistics", response={201: list[StatisticOut]})
def record_statistics(request: Any, table: File[UploadedFile]) -> tuple[int, list[Statistic]]:
    """Record a table of figures (.xlsx or .csv), all rows or none."""
    programme = _programme(request, "statistic.record")
    return 201, actions.record_sent_statistics(request.auth, programme, table)
