"""Scenarios over HTTP."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from ninja import Router, Schema

from dujiang.identity.permission import Actor, require
from dujiang.messages import Text
from dujiang.scenarios.models import Evaluation
from dujiang.scenarios.registry import Found, UnknownScenario, find
from dujiang.scenarios.registry import scenarios as installed

router = Router(tags=["scenarios"])


class ScenarioOut(Schema):
    """A scenario, with its latest verdict."""

    id: str
    task: int
    title: Text
    summary: Text
    decision: Text
    metric: Text
    unit: str
    better: str
    margin: float
    verdict: dict[str, Any] | None
    evidence: int | None


def listed(actor: Actor, task: int | None, industry: str | None) -> list[dict[str, Any]]:
    """Return the scenarios as `ScenarioOut` has them; raises `NotAllowed`."""
    require(actor, "scenario.read")
    found = (
        one for one in installed() if task in (None, one.scenario.task) and industry in (None, one.scenario.industry)
    )
    last = Evaluation.latest()
    return [described(one, last.get(one.scenario.id)) for one in found]


@router.get("", response=list[ScenarioOut])
def scenarios(request: Any, task: int | None = None, industry: str | None = None) -> list[dict[str, Any]]:
    """Return the scenarios, by task or industry where asked for."""
    return listed(request.auth, task, industry)


@router.get("/{industry}/{name}", response=ScenarioOut)
def scenario(request: Any, industry: str, name: str) -> dict[str, Any]:
    """Return a scenario."""
    require(request.auth, "scenario.read")
    try:
        found = find(f"{industry}/{name}")
    except UnknownScenario as error:
        raise Http404 from error
    return described(found, Evaluation.latest().get(found.scenario.id))


def described(found: Found, last: Evaluation | None) -> dict[str, Any]:
    """Return a scenario and its latest evaluation as `ScenarioOut` has them."""
    about = found.scenario
    fields = ("id", "task", "title", "summary", "decision", "metric", "unit", "better", "margin")
    return {
        **{name: getattr(about, name) for name in fields},
        "verdict": last and last.verdict,
        "evidence": last and last.evidence,
    }
