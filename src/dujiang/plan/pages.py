"""The pages of the plan: its text, goals, tasks and units, the month's dispatch, and the figures that units report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.evidence.months import this_month
from dujiang.identity.models import Unit
from dujiang.identity.web import actor_of, page
from dujiang.messages import BadInput, Refused
from dujiang.plan import actions
from dujiang.plan.dispatch import Dispatch
from dujiang.plan.figures import indicators_of, monthly_dispatch
from dujiang.plan.indicators import indicator_key
from dujiang.plan.marking import pieces
from dujiang.plan.models import Item, Programme
from dujiang.plan.report import WRITERS, page_context
from dujiang.plan.sections import title
from dujiang.plan.uploads import write_template

PAGE = 50


@page("dispatch.read")
@require_safe
def dispatch(request: HttpRequest, month: str | None = None) -> HttpResponse:
    """Show a month's dispatch, this month's by default."""
    programme = Programme.current()
    if programme is None:
        return render(request, "plan/none.html", {"place": "dispatch"})
    now = this_month()
    month = month or now
    made = _dispatch(programme, month)
    context = {
        "place": "dispatch",
        "made": made,
        "title": title(made),
        "suffixes": [suffix.removeprefix(".") for suffix in WRITERS],
        "earlier": _shifted(month, -1),
        "later": _shifted(month, 1) if month < now else None,
        "comments": programme.comments.filter(month=month),
        "signed": programme.sign_offs.filter(month=month).first(),
        "open": month <= now,
        "longest": actions.LONGEST_COMMENT,
        **page_context(made, get_language() or "zh-hans"),
    }
    return render(request, "plan/dispatch.html", context)


@page("dispatch.comment")
@require_POST
def comment(request: HttpRequest, month: str) -> HttpResponse:
    """Take a comment on a month's dispatch."""
    programme = _programme()
    return _done(
        request, month, lambda: actions.comment(actor_of(request), programme, month, request.POST.get("text", ""))
    )


@page("dispatch.sign-off")
@require_POST
def sign_off(request: HttpRequest, month: str) -> HttpResponse:
    """Freeze a month's dispatch."""
    programme = _programme()
    return _done(request, month, lambda: actions.sign_off(actor_of(request), programme, month))


def _done(request: HttpRequest, month: str, act: Callable[[], object]) -> HttpResponse:
    """Act and go back to the month, or say why not."""
    try:
        act()
    except Refused as error:
        return render(request, "console/refused.html", {"why": error.text}, status=409)
    return redirect("month", month)


@page("dispatch.read")
@require_safe
def report(request: HttpRequest, month: str, suffix: str) -> HttpResponse:
    """Hand out a month's dispatch as a file."""
    programme = _programme()
    if f".{suffix}" not in WRITERS:
        raise Http404
    content = WRITERS[f".{suffix}"](_dispatch(programme, month), get_language() or "zh-hans")
    response = HttpResponse(content, content_type=_TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="dispatch-{month}.{suffix}"'
    return response


_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
}


def _dispatch(programme: Programme, month: str) -> Any:
    try:
        return monthly_dispatch(programme, month)
    except ValueError as error:
        raise Http404(str(error)) from error


def _shifted(month: str, by: int) -> str:
    year, number = (int(part) for part in month.split("-"))
    year, number = divmod(year * 12 + number - 1 + by, 12)
    return f"{year}-{number + 1:02d}"


@page("statistic.record")
@require_http_methods(["GET", "HEAD", "POST"])
def statistics(request: HttpRequest) -> HttpResponse:
    """Take a table of figures, and show the figures recorded last."""
    programme = Programme.current()
    if programme is None:
        return render(request, "plan/none.html", {"place": "statistics"})
    context: dict[str, Any] = {"place": "statistics", "why": None, "recorded": []}
    sent = request.FILES.get("table")
    if request.method == "POST" and sent is not None:
        try:
            context["recorded"] = actions.record_sent_statistics(actor_of(request), programme, sent)
        except BadInput as error:
            context["why"] = error.in_language(get_language() or "zh-hans")
    titles = {one.key: one.about for one in indicators_of(programme)}
    latest = programme.statistics.order_by("-evidence")[:PAGE]
    context["figures"] = [(titles.get(one.indicator, one.indicator), one) for one in latest]
    return render(request, "plan/statistics.html", context, status=400 if context["why"] else 200)


@page("statistic.record")
@require_safe
def statistics_template(request: HttpRequest) -> HttpResponse:
    """Hand out the table of indicators to be filled in."""
    programme = _programme()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "statistics.xlsx"
        write_template(path, indicators_of(programme))
        response = HttpResponse(path.read_bytes(), content_type=_TYPES["xlsx"])
    response["Content-Disposition"] = 'attachment; filename="statistics.xlsx"'
    return response


@page("plan.read")
@require_safe
def plan(request: HttpRequest) -> HttpResponse:
    """Show the plan's text with its goals, units and named systems marked in place."""
    programme = Programme.current()
    if programme is None:
        return render(request, "plan/none.html", {"place": "plan"})
    context = {"place": "plan", "programme": programme, "pieces": pieces(programme, _cited(request))}
    return render(request, "plan/plan.html", context)


def _cited(request: HttpRequest) -> tuple[int, int] | None:
    """Return the span of the text that an answer cites and the page is to show."""
    span = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", request.GET.get("cited", ""))
    return (int(span[1]), int(span[2])) if span else None


@page("plan.read")
@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """Answer a question about the plan, with links to the text and the records that the answer rests on."""
    programme = Programme.current()
    if programme is None:
        return render(request, "plan/none.html", {"place": "ask"})
    question = request.GET.get("q", "").strip()
    context: dict[str, Any] = {"place": "ask", "question": question, "longest": actions.LONGEST_QUESTION}
    if question:
        try:
            context["answer"] = actions.ask(actor_of(request), programme, question)
        except Refused as error:
            context["why"] = error.text
    return render(request, "plan/ask.html", context, status=400 if "why" in context else 200)


@page("plan.read")
@require_safe
def goal(request: HttpRequest, number: int) -> HttpResponse:
    """Show a goal: its words, where it stands against its path, and every figure on record."""
    programme, made = _this_month()
    item = get_object_or_404(programme.items, kind=Item.Kind.GOAL, position=number)
    line = next((one for one in made.goals if one.number == number), None)
    figures = programme.statistics.filter(indicator=indicator_key(item.facts)).order_by("-period_end", "-evidence")[
        :PAGE
    ]
    context = {"place": "plan", "item": item, "line": line, "figures": figures, "quote": _quote(programme, item)}
    return render(request, "plan/goal.html", context)


@page("plan.read")
@require_safe
def task(request: HttpRequest, number: int) -> HttpResponse:
    """Show a task: its words, its units, its goals and its scenarios."""
    programme, made = _this_month()
    line = next((one for one in made.tasks if one.number == number), None)
    if line is None:
        raise Http404
    items = programme.items.filter(kind=Item.Kind.TASK, present=True)
    item = next(one for one in items if one.facts["number"] == number)
    context = {
        "place": "plan",
        "line": line,
        "goals": [one for one in made.goals if one.number in line.goals],
        "scenarios": [one for one in made.scenarios if one.id in line.scenarios],
        "quote": _quote(programme, item),
    }
    return render(request, "plan/task.html", context)


@page("plan.read")
@require_safe
def unit(request: HttpRequest, name: str) -> HttpResponse:
    """Show a unit: the tasks that it leads and joins."""
    _, made = _this_month()
    line = next((one for one in made.units if one.name == name), None)
    if line is None:
        raise Http404
    context = {
        "place": "plan",
        "line": line,
        "unit": Unit.objects.filter(name=name).first(),
        "leads": [one for one in made.tasks if one.number in line.leads],
        "joins": [one for one in made.tasks if one.number in line.cooperates],
    }
    return render(request, "plan/unit.html", context)


def _programme() -> Programme:
    programme = Programme.current()
    if programme is None:
        raise Http404
    return programme


def _this_month() -> tuple[Programme, Dispatch]:
    programme = _programme()
    return programme, monthly_dispatch(programme, this_month())


def _quote(programme: Programme, item: Item) -> str:
    start, end = item.read["span"]
    return programme.text[start:end]
