"""The pages: they read models and compute nothing of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.charts import svg
from dujiang.console.marking import pieces
from dujiang.console.scores import score_chart
from dujiang.evidence.actions import stored
from dujiang.evidence.chain import seal, walk
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.models import Unit
from dujiang.identity.web import actor_of, page
from dujiang.messages import BadInput, Refused
from dujiang.plan import actions
from dujiang.plan.dispatch import Dispatch
from dujiang.plan.figures import indicators_of, monthly_dispatch, this_month
from dujiang.plan.indicators import indicator_key
from dujiang.plan.models import Item, Programme
from dujiang.plan.report import WRITERS, page_context
from dujiang.plan.sections import title
from dujiang.plan.uploads import write_template
from dujiang.scenarios.contract import Scenario
from dujiang.scenarios.models import Evaluation
from dujiang.scenarios.registry import UnknownScenario, find
from dujiang.scenarios.registry import scenarios as installed

PAGE = 50


@page("dispatch.read")
@require_safe
def overview(request: HttpRequest, month: str | None = None) -> HttpResponse:
    """Show a month's dispatch, this month's by default."""
    programme = Programme.current()
    if programme is None:
        return render(request, "console/overview.html", {"place": "overview"})
    now = this_month()
    month = month or now
    made = _dispatch(programme, month)
    context = {
        "place": "overview",
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
    return render(request, "console/overview.html", context)


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
    return redirect("dispatch", month)


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
        return render(request, "console/overview.html", {"place": "statistics"})
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
    return render(request, "console/statistics.html", context, status=400 if context["why"] else 200)


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
        return render(request, "console/overview.html", {"place": "plan"})
    context = {"place": "plan", "programme": programme, "pieces": pieces(programme)}
    return render(request, "console/plan.html", context)


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
    return render(request, "console/goal.html", context)


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
    return render(request, "console/task.html", context)


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
    return render(request, "console/unit.html", context)


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


@page("scenario.read")
@require_safe
def scenarios(request: HttpRequest) -> HttpResponse:
    """Show the directory of scenarios with the last evaluation of each."""
    last = Evaluation.latest()
    words = request.GET.get("q", "").strip().casefold()
    verdict = request.GET.get("verdict", "")
    rows = [
        (one.scenario, last.get(one.scenario.id))
        for one in installed()
        if words in _searched(one.scenario) and verdict in ("", _standing(last.get(one.scenario.id)))
    ]
    context = {"place": "scenarios", "scenarios": rows, "q": request.GET.get("q", ""), "verdict": verdict}
    return render(request, "console/scenarios.html", context)


def _searched(about: Scenario) -> str:
    texts = (about.title, about.summary, about.system, about.user, about.decision)
    return " ".join([about.id, *(word for text in texts for word in (text.zh, text.en))]).casefold()


def _standing(last: Evaluation | None) -> str:
    if last is None:
        return "none"
    return "through" if last.verdict["runs_through"] else "fails"


@page("scenario.read")
@require_safe
def scenario(request: HttpRequest, scenario_id: str) -> HttpResponse:
    """Show a scenario and its latest evaluations."""
    try:
        found = find(scenario_id)
    except UnknownScenario as error:
        raise Http404 from error
    evaluations = list(Evaluation.objects.filter(scenario=scenario_id).exclude(evidence=None).order_by("-id")[:PAGE])
    chart = (
        svg(score_chart(found.scenario, evaluations[0], get_language() or "zh-hans").to_dict()) if evaluations else ""
    )
    context = {"place": "scenarios", "one": found.scenario, "evaluations": evaluations, "chart": chart}
    return render(request, "console/scenario.html", context)


@page("evidence.read")
@require_safe
def records(request: HttpRequest) -> HttpResponse:
    """Show evidence records, the latest first."""
    before = request.GET.get("before", "")
    found = Record.objects.order_by("-sequence")
    if re.fullmatch(r"[0-9]{1,18}", before):
        found = found.filter(sequence__lt=int(before))
    kind = request.GET.get("kind", "")
    if kind in KINDS:
        found = found.filter(kind=kind)
    page = list(found[: PAGE + 1])
    more = page[PAGE - 1].sequence if len(page) > PAGE else None
    context = {"place": "records", "records": page[:PAGE], "before": more, "kinds": KINDS, "kind": kind}
    return render(request, "console/records.html", context)


@page("evidence.verify")
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    """Walk the whole chain and say whether every record is what it was."""
    return render(request, "console/verified.html", {"place": "records", "walked": walk(stored())})


@page("evidence.read")
@require_safe
def record(request: HttpRequest, sequence: int) -> HttpResponse:
    """Show one evidence record, and whether its digest matches."""
    one = get_object_or_404(Record, sequence=sequence)
    fields = (one.sequence, one.time, one.actor, one.kind, one.subject, one.body, one.previous)
    context = {
        "place": "records",
        "record": one,
        "sealed": seal(*fields, one.digest.partition(":")[0]) == one.digest,
        "body": json.dumps(json.loads(one.body), ensure_ascii=False, indent=2),
    }
    return render(request, "console/record.html", context)
