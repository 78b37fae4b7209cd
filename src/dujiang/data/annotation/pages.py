"""The pages of annotation: projects and bases, a project's standing, labelling, and deciding disputes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files import File
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.data.annotation import actions, formats, intake
from dujiang.data.annotation.agreement import Scale
from dujiang.data.annotation.labels import Kind
from dujiang.data.annotation.models import Base, Item, Project
from dujiang.data.annotation.pictures import media_type
from dujiang.data.annotation.reports import report
from dujiang.evidence.months import this_month
from dujiang.identity.permission import Actor, Role, allowed, require
from dujiang.identity.web import actor_of, page
from dujiang.messages import BadInput, Refused, Text

PAGE = 100
LARGEST = 512 << 20
"""Bytes of a file that somebody sends; larger ones are for the command line."""


def _project(request: HttpRequest, code: str) -> Project:
    """Return a project that whoever asks may know of."""
    return get_object_or_404(actions.seen_by(actor_of(request)), code=code)


@page("annotation.browse")
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """Show one's projects, and what each base accepted this month."""
    actor = actor_of(request)
    month = this_month()
    mine = set(
        Project.objects.filter(members__person__username=actor.name, members__active=True).values_list("pk", flat=True)
    )
    found = [(one, one.pk in mine, _oversees(actor, one)) for one in actions.seen_by(actor)[:PAGE]]
    context = {
        "place": "annotation",
        "projects": found,
        "month": month,
        "figures": actions.month_figures(month),
        "may_open": allowed(actor, "annotation.manage"),
    }
    return render(request, "annotation/projects.html", context)


def _oversees(actor: Actor, project: Project) -> bool:
    return allowed(actor, "annotation.oversee", actions.units(project))


@page("annotation.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def open_project(request: HttpRequest) -> HttpResponse:
    """Open a project."""
    actor = actor_of(request)
    context: dict[str, Any] = {
        "place": "annotation",
        "kinds": [(one.value, one.words) for one in Kind],
        "scales": [(one.value, _SCALES[one]) for one in Scale],
        "bases": Base.objects.select_related("unit"),
        "office": actor.role is Role.OFFICE,
        "given": request.POST,
    }
    if request.method == "POST":
        given = request.POST
        try:
            project = actions.open_project(
                actor,
                given.get("code", ""),
                given.get("title", ""),
                given.get("kind", ""),
                [one.strip() for one in given.get("labels", "").splitlines() if one.strip()],
                unit=given.get("unit", "") if actor.role is Role.OFFICE else actor.unit,
                base=given.get("base", ""),
                dataset=given.get("dataset", "").strip(),
                scale=given.get("scale", Scale.NOMINAL.value),
                overlap=_whole(given.get("overlap", "2")),
                gold_share=_whole(given.get("gold", "5")) / 100,
                lease_minutes=_whole(given.get("lease", "30")),
                price=_fen(given.get("price", "0")),
                adjudication_price=_fen(given.get("adjudication_price", "0")),
            )
        except Refused as error:
            return render(request, "annotation/open.html", {**context, "why": error.text}, status=409)
        return redirect("annotation-project", project.code)
    return render(request, "annotation/open.html", context)


_SCALES = {
    Scale.NOMINAL: Text("名义", "nominal"),
    Scale.ORDINAL: Text("有序", "ordinal"),
    Scale.INTERVAL: Text("等距", "interval"),
}


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _fen(text: str) -> int:
    try:
        fen = Decimal(text or "0") * 100
        if fen.is_finite() and fen == fen.to_integral_value() and 0 <= fen <= 10**9:
            return int(fen)
    except InvalidOperation:
        pass
    raise Refused(Text("单价应为元，至多两位小数", "a price is in yuan with two decimals at most"))


@page("annotation.oversee")
@require_safe
def project(request: HttpRequest, code: str) -> HttpResponse:
    """Show how a project stands, and what its managers may do."""
    actor, found = actor_of(request), _project(request, code)
    require(actor, "annotation.oversee", actions.units(found))
    context = {
        "place": "annotation",
        "project": found,
        "report": report(found),
        "guidelines": found.guidelines.all()[:PAGE],
        "batches": found.batches.all()[:10],
        "files": latest.distributions.all() if found.dataset and (latest := found.dataset.latest) else [],
        "forms": [name for name, (_, kinds) in formats.WRITERS.items() if found.of in kinds],
        "manages": allowed(actor, "annotation.manage", actions.units(found)) and found.closed is None,
        "member": found.members.filter(person__username=actor.name, active=True).first(),
    }
    return render(request, "annotation/project.html", context)


def _done(request: HttpRequest, code: str, act: Callable[[Actor, Project], object]) -> HttpResponse:
    """Act and go back to the project, or say why not."""
    found = _project(request, code)
    try:
        act(actor_of(request), found)
    except Refused as error:
        return render(request, "console/refused.html", {"place": "annotation", "why": error.text}, status=409)
    except BadInput as error:
        why = Text(error.in_language("zh"), error.in_language("en"))
        return render(request, "console/refused.html", {"place": "annotation", "why": why}, status=422)
    return redirect("annotation-project", code)


@page("annotation.manage")
@require_POST
def guideline(request: HttpRequest, code: str) -> HttpResponse:
    """Publish a version of the guideline."""
    return _done(request, code, lambda actor, one: actions.publish_guideline(actor, one, request.POST.get("text", "")))


@page("annotation.manage")
@require_POST
def member(request: HttpRequest, code: str) -> HttpResponse:
    """Add a member, or change what they are."""
    part = request.POST.get("part", "")
    return _done(
        request,
        code,
        lambda actor, one: actions.add_member(
            actor, one, request.POST.get("login", ""), adjudicates=part == "adjudicator", active=part != "none"
        ),
    )


@page("annotation.manage")
@require_POST
def items(request: HttpRequest, code: str) -> HttpResponse:
    """Take in items, from a file that was sent or one of the project's data set; or what a model said of those there."""

    def act(actor: Actor, one: Project) -> None:
        require(actor, "annotation.manage", actions.units(one))
        sent, archive = request.FILES.get("file"), request.FILES.get("archive")
        if sent is None and (name := request.POST.get("name", "")):
            intake.add_from_dataset(actor, one, name, use=request.POST.get("use", ""))
            return
        if sent is None:
            raise Refused(Text("请选择文件", "choose a file"))
        with _received(sent, archive) as (path, images):
            use = request.POST.get("use", "")
            if use == "predictions":
                intake.add_predictions(actor, one, path, request.POST.get("model", ""))
            else:
                intake.add_items(actor, one, path, use=use, archive=images)

    return _done(request, code, act)


@contextmanager
def _received(sent: File, archive: File | None) -> Iterator[tuple[Path, Path | None]]:
    """Lay files that somebody sent into a folder for a while; errors tell them by the names that they gave."""
    with TemporaryDirectory() as folder:
        names: dict[str, str] = {}

        def laid(part: str, file: File) -> Path:
            suffix = PurePath(file.name or "").suffix.lower()
            path = Path(folder) / f"{part}{suffix if suffix.isascii() else ''}"
            names[str(path)] = PurePath(file.name or part).name[-120:]
            if file.size > LARGEST:
                most = Text(f"不超过 {LARGEST >> 20} MiB", f"at most {LARGEST >> 20} MiB")
                raise BadInput(names[str(path)], expected=most, found=f"{file.size >> 20} MiB")
            with path.open("wb") as out:
                for chunk in file.chunks():
                    out.write(chunk)
            return path

        try:
            yield laid("items", sent), laid("images", archive) if archive else None
        except BadInput as error:
            raise error.known_as(names.get(error.path, error.path)) from error


@page("annotation.manage")
@require_POST
def prelabel(request: HttpRequest, code: str) -> HttpResponse:
    """Ask the site's model for first labels."""
    return _done(
        request, code, lambda actor, one: intake.prelabel_items(actor, one, _whole(request.POST.get("most", "50")))
    )


@page("annotation.manage")
@require_POST
def close(request: HttpRequest, code: str) -> HttpResponse:
    """Close the project."""
    return _done(request, code, actions.close_project)


@page("annotation.oversee")
@require_safe
def exported(request: HttpRequest, code: str, form: str) -> HttpResponse:
    """Hand out a project's labels as a file."""
    found = _project(request, code)
    try:
        made = actions.export(actor_of(request), found, form)
    except Refused as error:
        return render(request, "console/refused.html", {"place": "annotation", "why": error.text}, status=409)
    response = HttpResponse(made, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{code}{formats.WRITERS[form][0]}"'
    return response


@page("annotation.label")
@require_http_methods(["GET", "HEAD", "POST"])
def label(request: HttpRequest, code: str) -> HttpResponse:
    """Show the item that one is to label, and take the answer."""
    actor, found = actor_of(request), _project(request, code)
    try:
        if request.method == "POST":
            number, given = _whole(request.POST.get("number", "")), request.POST
            if "skip" in given:
                actions.skip(actor, found, number)
            else:
                actions.submit(
                    actor, found, number, _sent(given.get("answer", "")), max(0, _whole(given.get("seconds", "0")))
                )
            return redirect("annotation-label", code)
        lease = actions.next_item(actor, found)
    except Refused as error:
        return render(request, "console/refused.html", {"place": "annotation", "why": error.text}, status=409)
    context: dict[str, Any] = {
        "place": "annotation",
        "project": found,
        "guideline": lease and lease.guideline,
        "lease": lease,
    }
    if lease is not None:
        begin = (lease.item.prediction or {}).get("answer") if lease.shown else None
        context |= {"item": lease.item, "task": _task(found, lease.item, begin), "number": lease.pk}
    return render(request, "annotation/label.html", context)


@page("annotation.adjudicate")
@require_http_methods(["GET", "HEAD", "POST"])
def adjudicate(request: HttpRequest, code: str) -> HttpResponse:
    """Show the item that one is to decide with the answers to it, and take the decision."""
    actor, found = actor_of(request), _project(request, code)
    try:
        if request.method == "POST":
            value = None if "reject" in request.POST else _sent(request.POST.get("answer", ""))
            actions.adjudicate(actor, found, _whole(request.POST.get("number", "")), value)
            return redirect("annotation-adjudicate", code)
        item = actions.next_dispute(actor, found)
    except Refused as error:
        return render(request, "console/refused.html", {"place": "annotation", "why": error.text}, status=409)
    context: dict[str, Any] = {"place": "annotation", "project": found, "guideline": found.guideline, "deciding": True}
    if item is not None:
        given = item.assignments.exclude(answer=None).order_by("member__number").values_list("member__number", "answer")
        context |= {"item": item, "number": item.pk, "given": [(number, _said(one)) for number, one in given]}
        begin = given[0][1] if given else None
        context["task"] = _task(found, item, begin, [one for _, one in given])
    return render(request, "annotation/label.html", context)


def _sent(text: str) -> Any:
    """Return what a page's script, or its form alone, sent as an answer; raises `Refused`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(Text("没有作答", "there is no answer")) from error


def _said(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _task(found: Project, item: Item, begin: Any, given: list[Any] | None = None) -> dict[str, Any]:
    """Return what the page's script needs."""
    return {
        "kind": found.kind,
        "labels": found.labels,
        "text": item.text,
        "width": item.width,
        "height": item.height,
        "begin": begin,
        "given": given or [],
    }


@page("annotation.browse")
@require_safe
def image(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Hand out an item's image: to those who oversee, and to whoever was given it or is to decide about it."""
    actor, found = actor_of(request), _project(request, code)
    item = get_object_or_404(found.items.exclude(image_digest=""), pk=number)
    if not _oversees(actor, found):
        mine = found.members.filter(person__username=actor.name, active=True).first()
        disputed = mine is not None and mine.adjudicates and item.state == Item.State.DISPUTED
        if mine is None or not (disputed or item.assignments.filter(member=mine).exists()):
            raise Http404
    content = intake.image_path(item.image_digest).read_bytes()
    response = HttpResponse(content, content_type=media_type(content))
    response["Cache-Control"] = "private, max-age=3600"
    response["X-Content-Type-Options"] = "nosniff"
    return response
