"""The pages of data: the catalogue, a data set, depositing, reviewing, and who has yet to deposit what."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any, BinaryIO

from asgiref.sync import sync_to_async
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.data import actions, describing, documents, duties, finding, oai, reports
from dujiang.data.models import Dataset, Distribution, Duty, Inspection, Version
from dujiang.data.repository import Catalogue
from dujiang.data.store import BLOCK
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import BadInput, Refused, Text

PAGE = 30
WAITED_FOR = 64 << 20
"""Bytes of files that are inspected while somebody waits."""
_FIELDS = (
    "title_zh", "title_en", "description", "publisher", "basis", "grade", "sensitivity", "access", "licence", "language",
    "project",
)  # fmt: skip
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
# As lists: a template would call a class.
_TERMS = {name: list(kind) for name, kind in (("grade", Grade), ("sensitivity", Sensitivity), ("access", Access))}
_TERMS["basis"] = [one for one in Basis if one is not Basis.STATED]


@page("data.read")
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the data sets that whoever asks may know of, by words and by what they are; HTMX asks for the rows alone."""
    found = Dataset.objects.seen_by(actor_of(request))
    asked = {
        name: request.GET.get(name, "") for name in ("q", "grade", "sensitivity", "access", "owner", "task", "state")
    }
    for name in ("grade", "sensitivity", "access", "state"):
        if asked[name]:
            found = found.filter(**{name: asked[name]})
    if asked["owner"]:
        found = found.filter(owner__name=asked["owner"])
    if re.fullmatch(r"[0-9]{1,4}", asked["task"]):
        found = found.filter(task=int(asked["task"]))
    if asked["q"].strip():
        found = finding.search(found, asked["q"])
    shown = Paginator(found.select_related("owner"), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "place": "data", "shown": shown, "asked": asked, "terms": _TERMS, "query": query.urlencode(),
        "owners": Unit.objects.filter(datasets__isnull=False).distinct().order_by("name"),
    }  # fmt: skip
    template = "data/_found.html" if request.headers.get("HX-Request") else "data/catalogue.html"
    return render(request, template, context)


@page("data.read")
@require_safe
def dataset(request: HttpRequest, number: int) -> HttpResponse:
    """Show a data set."""
    return _shown(request, _dataset(request, number))


@page("data.read")
@require_safe
def by_identifier(request: HttpRequest, identifier: str) -> HttpResponse:
    """Show what an identifier stands for: its page, or its description in the form that the caller accepts."""
    found = Dataset.objects.seen_by(actor_of(request)).filter(identifier=identifier.lower().rstrip("/")).first()
    if found is None:
        raise Http404
    form = documents.accepted(request.headers.get("Accept", ""))
    return _document(found, form) if form else _shown(request, found)


def _shown(request: HttpRequest, one: Dataset) -> HttpResponse:
    actor = actor_of(request)
    own = allowed(actor, "data.deposit", [one.owner.name])
    versions = []
    for version in one.versions.order_by("-number").prefetch_related("distributions__content"):
        if version.state == State.PUBLISHED or own or allowed(actor, "data.review"):
            files = [(file, actions.why_not(actor, file)) for file in version.distributions.all()]
            versions.append((version, files))
    draft = next((version for version, _ in versions if version.state == State.DRAFT), None)
    waiting = next((version for version, _ in versions if version.state == State.REVIEW), None)
    context = {
        "place": "data", "dataset": one, "record": describing.record_of(one), "versions": versions, "draft": draft,
        "waiting": waiting, "may_deposit": own and one.state != State.WITHDRAWN and not one.source_catalogue,
        "may_review": waiting is not None and allowed(actor, "data.review") and actor.name not in waiting.people,
        "forms": documents.FORMS, "embargoed": one.embargoed(),
        "coming": draft.uploads.filter(distribution=None) if draft and own else [],
        "inspections": Inspection.objects.filter(distribution__version__in=[version for version, _ in versions])
        .select_related("distribution").order_by("-at"),
        "may_inspect": allowed(actor, "data.inspect", [one.owner.name]) and _small(one),
        "lacking": describing.lacking(one, draft) if draft and own and one.state == State.DRAFT else [],
    }  # fmt: skip
    return render(request, "data/dataset.html", context)


@page("data.read")
@require_safe
def metadata(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """Hand out a data set's description in one of the forms of `documents`."""
    if form not in documents.FORMS:
        raise Http404
    return _document(_dataset(request, number), form)


def _document(one: Dataset, form: str) -> HttpResponse:
    return HttpResponse(documents.written(one, form), content_type=documents.FORMS[form].media_type)


@page("data.read")
@require_safe
def whole_catalogue(request: HttpRequest, form: str) -> HttpResponse:
    """Hand out the whole catalogue as DCAT."""
    if form not in documents.DCAT:
        raise Http404
    return HttpResponse(documents.catalogue(form), content_type=documents.FORMS[form].media_type)


@csrf_exempt  # harvesters may POST their arguments, which change nothing
@page("data.read")
@require_http_methods(["GET", "HEAD", "POST"])
def oai_pmh(request: HttpRequest) -> HttpResponse:
    """Answer a harvester by OAI-PMH 2.0."""
    given = request.POST if request.method == "POST" else request.GET
    arguments = [(name, value) for name in given for value in given.getlist(name)]
    made = oai.respond(arguments, Catalogue(), timezone.now())
    return HttpResponse(made, content_type="text/xml; charset=utf-8")


@page("data.read")
@require_safe
def file(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Hand out a file, or the part of it that the request names (RFC 9110, 14)."""
    found = get_object_or_404(
        Distribution.objects.select_related("version__dataset__owner", "content"), pk=number, name=name
    )
    actor = actor_of(request)
    if not Dataset.objects.seen_by(actor).filter(pk=found.version.dataset_id).exists():
        raise Http404
    length = found.bytes or 0
    part = _range(request.headers.get("Range", ""), length) if _same(request, found) else None
    if part == (0, -1):
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{length}"})
    start, end = part or (0, length - 1)
    try:
        opened = actions.fetch(actor, found, tell=start == 0)
    except Refused as error:
        return render(request, "console/refused.html", {"why": error.text}, status=403)
    opened.seek(start)
    blocks = _later(opened, end - start + 1) if hasattr(request, "scope") else _now(opened, end - start + 1)
    told = StreamingHttpResponse(blocks, content_type="application/octet-stream", status=206 if part else 200)
    told["Content-Length"] = str(end - start + 1)
    told["Accept-Ranges"] = "bytes"
    told["ETag"] = f'"{found.sha256}"'
    told["Repr-Digest"] = f"sha-256=:{_base64(found.sha256)}:"  # RFC 9530
    if part:
        told["Content-Range"] = f"bytes {start}-{end}/{length}"
    # What somebody deposited is never shown as a page of this site.
    told["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    told["Content-Security-Policy"] = "default-src 'none'; sandbox"
    told["X-Content-Type-Options"] = "nosniff"
    return told


def _base64(digest: str) -> str:
    import base64

    return base64.b64encode(bytes.fromhex(digest)).decode()


def _same(request: HttpRequest, found: Distribution) -> bool:
    """Whether a part is of the file that the caller has the rest of (RFC 9110, 13.1.5)."""
    return request.headers.get("If-Range", f'"{found.sha256}"') == f'"{found.sha256}"'


def _range(header: str, length: int) -> tuple[int, int] | None:
    """Return the first and last byte of a range, None for the whole file, (0, -1) for one that can't be."""
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return (max(0, length - int(last)), length - 1) if int(last) and length else (0, -1)
    if int(first) >= length or (last and int(last) < int(first)):
        return (0, -1)
    return int(first), min(int(last or length), length - 1)


def _now(opened: BinaryIO, left: int) -> Iterator[bytes]:
    with opened:
        while left and (block := opened.read(min(BLOCK, left))):
            left -= len(block)
            yield block


async def _later(opened: BinaryIO, left: int) -> AsyncIterator[bytes]:
    """The same for a server that asks asynchronously: Django would gather all blocks of an ordinary iterator in memory."""
    try:
        while left and (block := await sync_to_async(opened.read, thread_sensitive=False)(min(BLOCK, left))):
            left -= len(block)
            yield block
    finally:
        opened.close()


@page("data.register")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Register a data set; its owner is whoever's unit, and for the office any."""
    actor = actor_of(request)
    why = None
    if request.method == "POST":
        owner = request.POST.get("owner", "") if actor.role is Role.OFFICE else actor.unit
        try:
            return redirect("data-set", actions.register(actor, owner=owner, **_facts(request)).pk)
        except Refused as error:
            why = error.text
    return _form(request, request.POST if request.method == "POST" else _DEFAULTS, why)


_DEFAULTS = {"grade": Grade.GENERAL, "sensitivity": Sensitivity.NONE, "access": Access.RESTRICTED, "language": "zh"}


@page("data.deposit")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """Change a data set's description."""
    one, actor = _dataset(request, number), actor_of(request)
    actions.require(actor, "data.deposit", [one.owner.name])
    why = None
    if request.method == "POST":
        try:
            actions.amend(actor, one, request.POST.get("why", ""), **_facts(request))
            return redirect("data-set", one.pk)
        except Refused as error:
            why = error.text
    stands = {name: getattr(one, name) for name in (*_FIELDS, "task")} | {
        "keywords": "，".join(one.keywords), "embargo_until": one.embargo_until and one.embargo_until.isoformat(),
    }  # fmt: skip
    return _form(request, request.POST if request.method == "POST" else stands, why, one)


def _form(request: HttpRequest, stands: Any, why: Text | None, one: Dataset | None = None) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "place": "data", "terms": _TERMS, "stands": stands, "why": why, "dataset": one,
        "units": Unit.objects.order_by("name") if actor.role is Role.OFFICE and one is None else None,
        "tasks": duties.task_titles(),
    }  # fmt: skip
    return render(request, "data/form.html", context, status=409 if why else 200)


def _facts(request: HttpRequest) -> dict[str, Any]:
    """Return what the form of a data set says; raises `Refused`."""
    facts: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in _FIELDS}
    facts["keywords"] = re.split(r"[,，;；、\n]+", request.POST.get("keywords", ""))
    task, day = request.POST.get("task", "").strip(), request.POST.get("embargo_until", "").strip()
    try:
        facts["task"] = int(task) if task else None
        facts["embargo_until"] = date.fromisoformat(day) if day else None
    except ValueError as error:
        raise Refused(
            Text("任务应为编号，日期应如 2026-11-30", "a task is a number, a day is like 2026-11-30")
        ) from error
    return facts


@page("data.deposit")
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Show the data sets and duties of whoever's unit."""
    actor = actor_of(request)
    own = (
        Dataset.objects.filter(source_catalogue="").select_related("owner").prefetch_related("versions__distributions")
    )
    if actor.role is not Role.OFFICE:
        own = own.filter(owner__name=actor.unit)
    shown = Paginator(own, PAGE).get_page(request.GET.get("page"))
    rows = [(one, max(one.versions.all(), key=lambda version: version.number, default=None)) for one in shown]
    context = {"place": "data", "shown": shown, "rows": rows, "duties": duties.standing(_own(actor))}
    return render(request, "data/mine.html", context)


@page("data.review")
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Show the versions that wait for a review."""
    waiting = Version.objects.filter(state=State.REVIEW).select_related("dataset__owner").order_by("deposited")
    return render(request, "data/reviews.html", {"place": "data", "waiting": waiting[:200]})


@page("data.duties")
@require_safe
def deposit_duties(request: HttpRequest) -> HttpResponse:
    """Show who is to deposit what, and who is late: a unit its own, the office and the auditor all."""
    actor = actor_of(request)
    found = duties.standing(Duty.objects.all() if allowed(actor, "data.duties", []) else _own(actor))
    return render(request, "data/duties.html", {"place": "data", "duties": found, "today": timezone.localdate()})


def _own(actor: Actor) -> Any:
    return Duty.objects.filter(unit__name=actor.unit)


@page("data.deposit")
@require_POST
def submit(request: HttpRequest, number: int) -> HttpResponse:
    """Hand the draft of a data set in."""
    one = _dataset(request, number)
    return _done(request, one, lambda: actions.submit(actor_of(request), _version(one, State.DRAFT)))


@page("data.deposit")
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Withdraw a data set."""
    one = _dataset(request, number)
    return _done(request, one, lambda: actions.withdraw(actor_of(request), one, request.POST.get("why", "")))


@page("data.review")
@require_POST
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Publish the version of a data set that waits, or give it back."""
    one = _dataset(request, number)
    approved, why = request.POST.get("verdict") == "approve", request.POST.get("why", "")
    return _done(
        request, one, lambda: actions.review(actor_of(request), _version(one, State.REVIEW), approved=approved, why=why)
    )


@page("data.inspect")
@require_POST
def inspect(request: HttpRequest, number: int) -> HttpResponse:
    """Inspect the files of a data set that are small enough for somebody to wait for it."""
    one = _dataset(request, number)
    if not _small(one):
        command = f"dujiang data report {one.identifier}"
        why = Text(f"文件较大，请用命令 {command}", f"its files are large: use the command {command}")
        return render(request, "console/refused.html", {"why": why}, status=409)
    return _done(request, one, lambda: reports.inspect(actor_of(request), one))


@page("data.deposit")
@require_POST
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Take a file out of a draft."""
    found = get_object_or_404(Distribution.objects.select_related("version__dataset__owner"), pk=number)
    one = found.version.dataset
    return _done(request, one, lambda: actions.remove_file(actor_of(request), found))


def _done(request: HttpRequest, one: Dataset, act: Callable[[], Any]) -> HttpResponse:
    try:
        act()
    except (Refused, BadInput) as error:
        why = error.text if isinstance(error, Refused) else Text(error.in_language("zh"), error.in_language("en"))
        return render(request, "console/refused.html", {"why": why}, status=409)
    return redirect("data-set", one.pk)


def _small(one: Dataset) -> bool:
    latest = one.versions.order_by("-number").first()
    files = latest.distributions.all() if latest else []
    return 0 < sum(file.bytes or 0 for file in files if reports.inspectable(file)) <= WAITED_FOR


def _dataset(request: HttpRequest, number: int) -> Dataset:
    found = Dataset.objects.seen_by(actor_of(request)).select_related("owner")
    one = found.filter(pk=number).first() if number < 2**63 else None
    if one is None:
        raise Http404
    return one


def _version(one: Dataset, state: State) -> Version:
    found = one.versions.filter(state=state).order_by("-number").first()
    if found is None:
        raise Refused(Text(f"没有{state.words.zh}的版本", f"no version of it is: {state.words.en}"))
    return found
