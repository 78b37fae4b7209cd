"""The pages of special bonds: the pool, and a project with its checks, papers and progress."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from dujiang.identity.permission import allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.support import bonds as rules
from dujiang.support.actions import bonds as actions
from dujiang.support.actions import facts
from dujiang.support.models import BondProject
from dujiang.support.pages.forms import PAGE, day, do, fen, fen_of, unit_of, units_for, whole


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def bonds(request: HttpRequest) -> HttpResponse:
    """Show the pool; take a project."""
    actor = actor_of(request)
    if request.method == "POST":
        unit = unit_of(request, actor)
        made: dict[str, Any] = {
            "propose": lambda: actions.propose(actor, unit, request.POST.get("title", ""), _plan(request))
        }
        return do(request, made, "support-bonds")
    projects = BondProject.objects.select_related("unit").prefetch_related("built", "payments")[:PAGE]
    rows = [(one, one.terms, actions.progress(one)) for one in projects]
    context = {
        "place": "support",
        "rows": rows,
        "units": units_for(actor),
        "uses": [one for one in rules.USES.values() if one.allowed],
        "stages": [(stage, sum(one.stage == stage.name for one, *_ in rows)) for stage in rules.STAGES],
    }
    return render(request, "support/bonds.html", context)


def _plan(request: HttpRequest) -> dict[str, Any]:
    """Return the plan of a form: amounts in yuan; revenue and costs a number a year; milestones ``title, day, weight``."""
    given = request.POST
    milestones = []
    for line in filter(str.strip, given.get("milestones", "").splitlines()):
        cells = [cell.strip() for cell in line.replace("，", ",").split(",")]
        if len(cells) != 3:
            raise Refused(
                Text(
                    f"节点“{line[:40]}”应形如 土建完工, 2027-06-30, 40",
                    f"{line[:40]!r} should be like: name, 2027-06-30, 40",
                )
            )
        milestones.append(dict(zip(("title", "due", "weight"), cells, strict=True)))
    years = {
        name: [fen_of(one) for one in given.get(name, "").replace("，", " ").split()] for name in ("revenue", "costs")
    }
    return {
        "bond": fen(request, "bond", empty=0), "capital": fen(request, "capital", empty=0),
        "as_capital": fen(request, "as_capital", empty=0), "rate": given.get("rate", "").strip(), "issued": whole(request, "issued"),
        "years": whole(request, "years"), "level": given.get("level") == "yes", "milestones": milestones, **years,
        "uses": {name: amount for name in rules.USES if (amount := fen(request, f"use-{name}", empty=0))},
    }  # fmt: skip


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def bond(request: HttpRequest, number: int) -> HttpResponse:
    """Show a project: its coverage year by year, what keeps it from going on, its papers and progress; take the next step."""
    actor = actor_of(request)
    one = get_object_or_404(BondProject.objects.select_related("unit"), pk=number)
    unit = one.unit.name
    if request.method == "POST":
        given, sent = request.POST, request.FILES.get("file")
        why = given.get("why", "")
        return do(
            request,
            {
                "hand-in": lambda: facts.hand_in(
                    actor, unit, given.get("title", ""), sent.name if sent else "", sent.read(facts.LARGEST + 1) if sent else b"", f"bond:{one.pk}"
                ),
                "revise": lambda: actions.revise(actor, one, _plan(request)),
                "submit": lambda: actions.submit(actor, one),
                "accept": lambda: actions.decide(actor, one, accepted=True, why=why),
                "return": lambda: actions.decide(actor, one, accepted=False, why=why),
                "build": lambda: actions.build(actor, one, given.get("milestone", ""), cast(date, day(request, "day"))),
                "spend": lambda: actions.spend(
                    actor, one, given.get("use", ""), fen(request, "amount", empty=0), given.get("payee", ""), cast(date, day(request, "day"))
                ),
            },
            "support-bond",
            number,
        )  # fmt: skip
    plan = one.terms
    built = {each.title: each for each in one.built.all()}
    paid: dict[str, int] = {}
    for payment in one.payments.all():
        paid[payment.use] = paid.get(payment.use, 0) + payment.amount
    held = facts.papers_of(unit, f"bond:{one.pk}")
    context = {
        "place": "support",
        "one": one,
        "plan": plan,
        "stages": rules.STAGES,
        "coverage": rules.coverage(plan),
        "least": float(rules.LEAST_COVERAGE),
        "faults": actions.faults(one),
        "checks": rules.check(plan),
        "progress": actions.progress(one),
        "milestones": [(each, built.get(each.title)) for each in plan.milestones],
        "uses": [(rules.USES[name], amount, paid.get(name, 0)) for name, amount in plan.uses.items()],
        "papers": [(title, held.get(title)) for title in one.about.papers],
        "steps": one.steps.all(),
        "own": allowed(actor, "support.apply", [unit]),
        "decides": allowed(actor, "support.decide"),
        "oversees": allowed(actor, "support.oversee"),
    }
    return render(request, "support/bond.html", context)
