"""The pages of scenarios: the directory; what one decides, how it scored; and its method on somebody's own file."""

from __future__ import annotations

import csv
from contextlib import suppress
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from dujiang.charts import svg
from dujiang.compute import actions as compute
from dujiang.compute.models import Job
from dujiang.compute.states import State
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.safety.actions import standing
from dujiang.scenarios import actions
from dujiang.scenarios.actions import PICTURE, RESULT
from dujiang.scenarios.charts import gain_chart, score_chart
from dujiang.scenarios.contract import Scenario
from dujiang.scenarios.models import Evaluation
from dujiang.scenarios.registry import Found, UnknownScenario, find
from dujiang.scenarios.registry import scenarios as installed

PAGE = 50
HISTORY = 30
"""Evaluations that the chart over time shows."""
SHOWN = 100
"""Rows of a result that its page shows; all are in the file."""


@page("scenario.read")
@require_safe
def scenarios(request: HttpRequest) -> HttpResponse:
    """Show the directory of scenarios with the last evaluation of each; to HTMX, the rows alone."""
    last = Evaluation.latest()
    words = request.GET.get("q", "").strip().casefold()
    verdict = request.GET.get("verdict", "")
    industry = request.GET.get("industry", "")
    every = installed()
    rows = [
        (one.scenario, last.get(one.scenario.id))
        for one in every
        if words in _searched(one.scenario)
        and verdict in ("", _standing(last.get(one.scenario.id)))
        and industry in ("", one.scenario.industry)
    ]
    context = {
        "place": "scenarios",
        "scenarios": rows,
        "q": request.GET.get("q", ""),
        "verdict": verdict,
        "industry": industry,
        "industries": sorted({one.scenario.industry for one in every}),
    }
    alone = "HX-Request" in request.headers
    return render(request, "scenarios/_rows.html" if alone else "scenarios/scenarios.html", context)


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
    found = _found(scenario_id)
    about = found.scenario
    evaluations = list(_finished(scenario_id).defer("picture")[:PAGE])
    language = get_language() or "zh-hans"
    charts = []
    if evaluations:
        charts.append(score_chart(about, evaluations[0], language))
        charts.append(gain_chart(about, evaluations[:HISTORY], language))
    context = {
        "place": "scenarios",
        "one": about,
        "missing": found.missing,
        "evaluations": evaluations,
        "charts": [svg(chart.to_dict()) for chart in charts],
        "picture": _pictured(scenario_id),
        "safety": standing(f"scenario:{scenario_id}", generates=about.model is not None),
    }
    return render(request, "scenarios/scenario.html", context)


@page("scenario.read")
@require_safe
def picture(request: HttpRequest, scenario_id: str) -> HttpResponse:
    """Hand out the picture of a scenario's last evaluation that has one."""
    _found(scenario_id)
    last = _pictured(scenario_id)
    if last is None:
        raise Http404
    return HttpResponse(last.picture, content_type="image/svg+xml")


@page("scenario.apply")
@require_POST
def try_on_file(request: HttpRequest, scenario_id: str) -> HttpResponse:
    """Run a scenario's method on the file that somebody sent, as a job, and go where its result will be."""
    found = _found(scenario_id)
    sent = request.FILES.get("file")
    if sent is None:
        return redirect("scenario", scenario_id)
    try:
        job = actions.apply_to_file(actor_of(request), found, sent.name or "", sent.read())
    except Refused as error:
        return render(request, "console/refused.html", {"place": "scenarios", "why": error.text}, status=409)
    return redirect("trial", scenario_id, job.pk)


@page("job.read")
@require_safe
def trial(request: HttpRequest, scenario_id: str, number: int) -> HttpResponse:
    """Show how the run on somebody's file stands, then its result; to HTMX, that part of the page alone."""
    job = _job(request, scenario_id, number)
    context: dict[str, Any] = {"place": "scenarios", "one": _found(scenario_id).scenario, "job": job}
    context |= {"state": State(job.state).words, "reason": Text(**job.why) if job.why else None}
    if job.ended:
        files = set(job.results())
        context |= {"files": [name for name in (RESULT, PICTURE) if name in files], "picture": PICTURE in files}
        if job.fault:
            context["why"] = Text(**job.fault["message"])
        elif RESULT in files:
            with compute.result(actor_of(request), job, RESULT).open(encoding="utf-8-sig", newline="") as file:
                rows = csv.reader(file)
                context["headings"] = next(rows, [])
                context["rows"] = [row for row, _ in zip(rows, range(SHOWN), strict=False)]
                context["more"] = next(rows, None) is not None
    alone = "HX-Request" in request.headers
    return render(request, "scenarios/_trial.html" if alone else "scenarios/trial.html", context)


@page("job.cancel")
@require_POST
def cancel_trial(request: HttpRequest, scenario_id: str, number: int) -> HttpResponse:
    """End a run on somebody's file."""
    job = _job(request, scenario_id, number)
    with suppress(Refused):  # it ended by itself in the meantime, which its page shows
        compute.cancel(actor_of(request), job.pk)
    return redirect("trial", scenario_id, number)


@page("job.read")
@require_safe
def trial_file(request: HttpRequest, scenario_id: str, number: int, name: str) -> FileResponse:
    """Hand out a file that a run left."""
    job = _job(request, scenario_id, number)
    try:
        path = compute.result(actor_of(request), job, name)
    except FileNotFoundError as error:
        raise Http404 from error
    drawn = name == PICTURE and "download" not in request.GET
    return FileResponse(path.open("rb"), as_attachment=not drawn, filename=name)


def _job(request: HttpRequest, scenario_id: str, number: int) -> Job:
    job = Job.objects.seen_by(actor_of(request)).filter(pk=number, work=f"scenario:{scenario_id}").first()
    if job is None:
        raise Http404
    return job


def _found(scenario_id: str) -> Found:
    try:
        return find(scenario_id)
    except UnknownScenario as error:
        raise Http404 from error


def _finished(scenario_id: str) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(scenario=scenario_id).exclude(evidence=None).order_by("-id")


def _pictured(scenario_id: str) -> Evaluation | None:
    return _finished(scenario_id).exclude(picture="").first()
