"""The pages of scenarios: the directory, and what one decides, how it scored and what it costs."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from dujiang.charts import svg
from dujiang.identity.web import page
from dujiang.scenarios.charts import gain_chart, score_chart
from dujiang.scenarios.contract import Scenario
from dujiang.scenarios.models import Evaluation
from dujiang.scenarios.registry import Found, UnknownScenario, find
from dujiang.scenarios.registry import scenarios as installed

PAGE = 50
HISTORY = 30
"""Evaluations that the chart over time shows."""


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
    about = _found(scenario_id).scenario
    evaluations = list(_finished(scenario_id).defer("picture")[:PAGE])
    language = get_language() or "zh-hans"
    charts = []
    if evaluations:
        charts.append(score_chart(about, evaluations[0], language))
        charts.append(gain_chart(about, evaluations[:HISTORY], language))
    context = {
        "place": "scenarios",
        "one": about,
        "evaluations": evaluations,
        "charts": [svg(chart.to_dict()) for chart in charts],
        "picture": _pictured(scenario_id),
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


def _found(scenario_id: str) -> Found:
    try:
        return find(scenario_id)
    except UnknownScenario as error:
        raise Http404 from error


def _finished(scenario_id: str) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(scenario=scenario_id).exclude(evidence=None).order_by("-id")


def _pictured(scenario_id: str) -> Evaluation | None:
    return _finished(scenario_id).exclude(picture="").first()
