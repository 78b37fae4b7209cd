"""The pages of landmark scenarios: calls, applications, an expert's reviews."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dujiang.evidence.kinds import KINDS
from dujiang.identity.permission import Role, allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.support import landmarks as rules
from dujiang.support.actions import landmarks as actions
from dujiang.support.models import Assignment, Call, Clawback, Instalment, Interest, Landmark
from dujiang.support.pages.forms import PAGE, day, do, fen, numbers, parts, unit_of, units_for, whole
from dujiang.support.templatetags.support import in_language


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def landmarks(request: HttpRequest) -> HttpResponse:
    """Show the calls and what is funded; the office opens a call."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST

        def open_call() -> None:
            actions.open_call(
                actor, title=given.get("title", ""), text=given.get("text", ""), budget=fen(request, "budget", empty=0),
                most=fen(request, "most", empty=0), opens=cast(date, day(request, "opens")), closes=cast(date, day(request, "closes")),
                criteria=_criteria(given.get("criteria", "")), least=float(whole(request, "least", 60)), each=whole(request, "each", 3),
            )  # fmt: skip

        return do(request, {"open": open_call}, "support-landmarks")
    context = {
        "place": "support",
        "calls": Call.objects.all()[:PAGE],
        "funded": Landmark.objects.filter(state__in=(Landmark.State.FUNDED, Landmark.State.WITHDRAWN)).select_related("unit").prefetch_related("instalments")[:PAGE],
        "instalments": [(one, [KINDS[kind].title for kind in one.records]) for one in rules.INSTALMENTS],
        "today": timezone.localdate(),
    }  # fmt: skip
    return render(request, "support/landmarks.html", context)


def _criteria(text: str) -> dict[str, dict[str, Any]]:
    """Return criteria of lines ``应用价值, value, 60``: Chinese, English, weight."""
    found: dict[str, dict[str, Any]] = {}
    for at, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        cells = parts(line)
        if len(cells) != 3 or not cells[2].isdecimal():
            raise Refused(
                Text(
                    f"标准“{line[:40]}”应形如 应用价值, value, 60", f"{line[:40]!r} should be like: 应用价值, value, 60"
                )
            )
        found[f"c{at}"] = {"zh": cells[0], "en": cells[1], "weight": int(cells[2])}
    return found


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest, number: int) -> HttpResponse:
    """Show a call with its applications; take an application, assign reviewers, settle."""
    actor = actor_of(request)
    one = get_object_or_404(Call, pk=number)
    if request.method == "POST":
        given = request.POST
        return do(
            request,
            {
                "apply": lambda: actions.apply(
                    actor, one, unit_of(request, actor), scenario=given.get("scenario", "").strip(), title=given.get("title", ""),
                    text=given.get("text", ""), fen=fen(request, "amount", empty=0), partners=parts(given.get("partners", "")),
                ),
                "assign": lambda: actions.assign(actor, one),
                "settle": lambda: actions.settle(actor, one),
            },
            "support-call",
            number,
        )  # fmt: skip
    applications = list(one.applications.select_related("unit").prefetch_related("assignments"))
    if one.settled:
        applications.sort(key=lambda each: -(each.score or {}).get("score", 0))
    context = {
        "place": "support",
        "one": one,
        "criteria": [(in_language(each), each["weight"]) for each in one.criteria.values()],
        "applications": [
            (
                each,
                sum(a.score is not None for a in each.assignments.all()),
                sum(not a.recused for a in each.assignments.all()),
            )
            for each in applications
        ],
        "takes": one.takes(),
        "units": units_for(actor),
        "decides": allowed(actor, "support.decide"),
        "committed": actions.committed(one),
    }
    return render(request, "support/call.html", context)


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def landmark(request: HttpRequest, number: int) -> HttpResponse:
    """Show an application; an expert judges it, the office pays instalments and takes money back."""
    actor = actor_of(request)
    one = get_object_or_404(Landmark.objects.select_related("unit", "call"), pk=number)
    given_to = one.assignments.filter(reviewer=actor.name).first() if actor.role is Role.REVIEWER else None
    if request.method == "POST":
        given = request.POST
        scores = (
            {name: float(_score(given.get(f"score-{name}", ""))) for name in one.call.criteria}
            if given.get("do") == "judge"
            else {}
        )
        return do(
            request,
            {
                "judge": lambda: actions.judge(actor, cast(Assignment, given_to or get_object_or_404(Assignment, pk=0)), scores, given.get("why", "")),
                "step-back": lambda: actions.step_back(actor, cast(Assignment, given_to or get_object_or_404(Assignment, pk=0)), given.get("why", "")),
                "pay": lambda: actions.pay(actor, get_object_or_404(Instalment, landmark=one, number=whole(request, "number")), numbers(request, "records")),
                "claw-back": lambda: actions.claw_back(actor, one, fen(request, "amount", empty=0), given.get("why", "")),
                "came-back": lambda: actions.came_back(actor, get_object_or_404(Clawback, landmark=one, pk=whole(request, "clawback")), fen(request, "amount", empty=0)),
            },
            "support-landmark",
            number,
        )  # fmt: skip
    seen = allowed(actor, "support.read", [one.unit.name]) or given_to is not None
    context = {
        "place": "support",
        "one": one,
        "seen": seen or one.state in (Landmark.State.FUNDED, Landmark.State.WITHDRAWN),
        "given_to": given_to,
        "criteria": [(name, in_language(each), each["weight"]) for name, each in one.call.criteria.items()],
        "reviews": one.assignments.all() if allowed(actor, "support.oversee") else [],
        "instalments": [(each, [KINDS[kind].title for kind in each.kinds]) for each in one.instalments.all()],
        "decides": allowed(actor, "support.decide"),
    }
    return render(request, "support/landmark.html", context)


def _score(text: str) -> str:
    """Return a cell that is a number; what is none is out of every scale, and refused as such."""
    text = text.strip()
    return text if text.replace(".", "", 1).isdecimal() and text.isascii() else "-1"


@page("support.review")
@require_http_methods(["GET", "HEAD", "POST"])
def reviews(request: HttpRequest) -> HttpResponse:
    """Show an expert what they were given to judge; take a declared interest."""
    actor = actor_of(request)
    if request.method == "POST":
        unit = request.POST.get("unit", "").strip()
        return do(request, {"declare": lambda: actions.declare_interest(actor, unit)}, "support-reviews")
    context = {
        "place": "support",
        "assignments": Assignment.objects.filter(reviewer=actor.name).select_related(
            "landmark__unit", "landmark__call"
        ),
        "interests": Interest.objects.filter(reviewer=actor.name),
    }
    return render(request, "support/reviews.html", context)
