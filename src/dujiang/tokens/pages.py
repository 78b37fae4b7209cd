"""The pages of models: the price list, a holder's keys and use, and the office's view of what is spent."""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.identity.permission import Actor, Role, allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused
from dujiang.tokens import actions
from dujiang.tokens.models import Model
from dujiang.tokens.prices import yuan

COLUMNS = (
    "day", "holder", "key", "model", "requests", "failed", "counted", "abandoned", "prompt", "cached", "completion", "cost",
)  # fmt: skip


def _whose(actor: Actor) -> str | None:
    return None if actor.role in (Role.OFFICE, Role.AUDITOR) else actor.unit


def _days(request: HttpRequest) -> tuple[date, date]:
    """Return the days that are asked for; this month's by default."""
    today = timezone.localdate()
    try:
        since, until = (parse_date(request.GET.get(name, "")) for name in ("since", "until"))
    except ValueError as error:
        raise Http404 from error
    return since or today.replace(day=1), until or today


@page("token.browse")
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Show what models are offered, and their prices in yuan per million tokens."""
    offered = [
        {
            **one,
            **{name: None if one[name] is None else f"{one[name] / 100:.2f}" for name in ("input", "cached", "output")},
        }
        for one in actions.price_list()
    ]
    actor = actor_of(request)
    leads = {name: allowed(actor, action) for name, action in _LEADS.items()}
    return render(request, "tokens/models.html", {"place": "models", "offered": offered, "leads": leads})


_LEADS = {"keys": "token.issue-key", "usage": "token.statement", "spend": "token.oversee"}


@page("token.issue-key")
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """Show a holder's keys, and issue one."""
    actor = actor_of(request)
    context: dict[str, Any] = {"place": "models", "models": Model.objects.filter(offered=True)}
    if request.method == "POST":
        given = request.POST
        try:
            context["key"], context["secret"] = actions.issue_key(
                actor,
                given.get("holder", "") or actor.unit,
                note=given.get("note", ""),
                models=given.getlist("model"),
                **{
                    name: _whole(given.get(name, "0"))
                    for name in ("requests_a_minute", "tokens_a_minute", "days", "keep_days")
                },
            )
        except Refused as error:
            context["why"] = error.text
    context |= {"keys": actions.keys_of(actor, _whose(actor)), "office": _whose(actor) is None}
    return render(request, "tokens/keys.html", context, status=409 if "why" in context else 200)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


@page("token.issue-key")
@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Revoke a key."""
    try:
        actions.revoke_key(actor_of(request), number)
    except Refused as error:
        raise Http404 from error
    return redirect("token-keys")


@page("token.statement")
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Show use by day, key and model."""
    since, until = _days(request)
    actor = actor_of(request)
    lines = actions.statement(actor, _whose(actor), since, until)
    total = yuan(sum(one["cost"] for one in lines))
    shown = [{**one, "cost": yuan(one["cost"])} for one in lines]
    context = {
        "place": "models",
        "lines": shown,
        "total": total,
        "since": since,
        "until": until,
        "query": request.GET.urlencode(),
    }
    return render(request, "tokens/usage.html", context)


@page("token.statement")
@require_safe
def usage_table(request: HttpRequest) -> HttpResponse:
    """Give the same as a table to keep (CSV); cost in micro-fen."""
    actor = actor_of(request)
    lines = actions.statement(actor, _whose(actor), *_days(request))
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="usage.csv"'
    writer = csv.DictWriter(response, COLUMNS)
    writer.writeheader()
    writer.writerows(lines)
    return response


@page("token.oversee")
@require_safe
def spend(request: HttpRequest) -> HttpResponse:
    """Show what each holder spent, against what its vouchers still hold."""
    since, until = _days(request)
    found = actions.spend_by_holder(actor_of(request), since, until)
    rows = [{**one, "cost": yuan(one["cost"]), "left": f"{one['left_fen'] / 100:.2f}"} for one in found]
    return render(request, "tokens/spend.html", {"place": "models", "rows": rows, "since": since, "until": until})
