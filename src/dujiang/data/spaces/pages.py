"""The pages of data spaces: offers, requests, agreements with what was asked under them, and a provider's refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dujiang.data.models import Dataset
from dujiang.data.spaces import actions, asking, provenance, trading, wording
from dujiang.data.spaces.models import Agreement, Negotiation, Offer
from dujiang.data.spaces.policy import Budget, Noise, Policy
from dujiang.identity.permission import Actor, allowed
from dujiang.identity.web import actor_of, page
from dujiang.messages import BadInput, Refused, Text, money

PAGE = 30
SHOWN_ROWS = 200
"""Rows of an answer that a page shows; programs get them all."""


def _worded(policy: Policy) -> dict[str, Any]:
    views = [
        {
            "name": view.name,
            "columns": [wording.column(one, policy) for one in view.columns],
            "rows": [wording.condition(one) for one in view.rows],
        }
        for view in policy.views
    ]
    return {"terms": wording.terms(policy), "views": views}


@page("space.browse")
@require_safe
def offers(request: HttpRequest) -> HttpResponse:
    """Show what is offered."""
    rows = Offer.objects.filter(open=True).select_related("dataset", "provider")
    shown = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    listed = [{"offer": one, **_worded(one.terms)} for one in shown]
    return render(request, "spaces/offers.html", {"place": "data", "shown": shown, "listed": listed})


@page("space.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, number: int) -> HttpResponse:
    """Show an offer, and take a request for it."""
    one = get_object_or_404(Offer, pk=number)
    actor = actor_of(request)
    context: dict[str, Any] = {"place": "data", "offer": one, **_worded(one.terms), "purposes": one.terms.purposes}
    if request.method == "POST":
        try:
            actions.request(actor, one, unit=actor.unit, **_reasons(request))
            return redirect("space-requests")
        except Refused as error:
            context["why"] = error.text
    context["may_ask"] = one.open and actor.unit != one.provider.party and allowed(actor, "space.request", [actor.unit])
    context["may_withdraw"] = one.open and allowed(actor, "space.offer", [one.provider.party])
    return render(request, "spaces/offer.html", context, status=409 if "why" in context else 200)


def _reasons(request: HttpRequest) -> dict[str, Any]:
    given = request.POST
    try:
        until = parse_date(given.get("ethics_until", ""))
    except ValueError:
        until = None
    return {
        "purpose": given.get("purpose", ""), "legal_basis": given.get("legal_basis", ""),
        "ethics_approval": given.get("ethics_approval", ""), "ethics_until": until,
    }  # fmt: skip


@page("space.offer")
@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Withdraw an offer."""
    actions.withdraw_offer(actor_of(request), get_object_or_404(Offer, pk=number))
    return redirect("spaces")


@page("space.offer")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, number: int) -> HttpResponse:
    """Offer a data set."""
    actor = actor_of(request)
    one = get_object_or_404(Dataset.objects.seen_by(actor), pk=number)
    context: dict[str, Any] = {"place": "data", "dataset": one, "given": request.POST}
    if request.method == "POST":
        try:
            made = actions.offer(actor, one, _policy(request.POST), files={_TABLE: request.POST.get("file", "")})
            return redirect("space-offer", made.pk)
        except BadInput as error:
            context["why"] = Text(error.in_language("zh"), error.in_language("en"))
        except Refused as error:
            context["why"] = error.text
    context["files"] = one.latest.distributions.all() if one.latest else []
    return render(request, "spaces/new.html", context, status=409 if "why" in context else 200)


_TABLE = "data"


def _policy(given: Any) -> Policy:
    view = wording.view_of(
        given.get("view", "").strip(), _TABLE, given.get("columns", ""), given.get("rows", ""), given.get("subject", "")
    )
    try:
        day = parse_date(given.get("until", ""))
    except ValueError:
        day = None
    if day is None:
        raise Refused(Text("期限应为 YYYY-MM-DD", "the term should be a date, YYYY-MM-DD"))
    epsilon = _decimal(given.get("epsilon", ""))
    delta = _decimal(given.get("delta", "")) or Decimal(0)
    noise = Noise.GAUSSIAN if delta else Noise.LAPLACE
    return Policy(
        tuple(filter(None, re.split(r"[,，、\s]+", given.get("purposes", "")))),
        timezone.make_aware(datetime.combine(day, time(23, 59, 59))),
        (view,),
        queries=_whole(given.get("queries", "")),
        group=_whole(given.get("group", "")),
        budget=Budget(noise, epsilon, delta, max(1, _whole(given.get("contribution", "")))) if epsilon else None,
        delete_after_days=_whole(given.get("delete_after_days", "")),
        price=int((_decimal(given.get("price", "")) or 0) * 100),
        price_a_query=int((_decimal(given.get("price_a_query", "")) or 0) * 100),
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip() or "NaN")
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**9 else None


@page("space.read")
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Show the requests of one's unit, and those for its data."""
    return _requests(request, None)


def _requests(request: HttpRequest, why: Text | None) -> HttpResponse:
    actor = actor_of(request)
    shown = Paginator(actions.negotiations_of(actor), PAGE).get_page(request.GET.get("page"))
    rows = [{"one": one, **_steps(actor, one)} for one in shown]
    context = {"place": "data", "shown": shown, "rows": rows, "why": why}
    return render(request, "spaces/requests.html", context, status=409 if why else 200)


def _steps(actor: Actor, one: Negotiation) -> dict[str, bool]:
    answers = allowed(actor, "space.answer", [one.provider.party])
    either = allowed(actor, "space.answer", [one.provider.party, one.consumer.party])
    return {
        "may_agree": answers and one.side == "provider" and one.state in ("REQUESTED", "ACCEPTED"),
        "may_decline": either and one.state in actions.OPEN,
        "may_advance": either and (one.side, one.state) in {("consumer", "AGREED"), ("provider", "VERIFIED")},
    }


@page("space.answer")
@require_POST
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Say yes or no to a request, or take up a step that was broken off."""
    actor = actor_of(request)
    one = get_object_or_404(actions.negotiations_of(actor), pk=number)
    step, why = request.POST.get("step"), request.POST.get("why", "")
    act: Callable[[], Any]
    if step == "agree":
        act = lambda: (trading if one.foreign else actions).agree(actor, one)  # noqa: E731
    elif step == "decline":
        act = lambda: (trading if one.foreign else actions).decline(actor, one, why)  # noqa: E731
    elif step == "advance":
        act = lambda: trading.advance(actor, one)  # noqa: E731
    else:
        raise Http404
    try:
        act()
    except Refused as error:
        return _requests(request, error.text)
    return redirect("space-requests")


@page("space.read")
@require_safe
def agreements(request: HttpRequest) -> HttpResponse:
    """Show the agreements of one's unit."""
    shown = Paginator(actions.agreements_of(actor_of(request)), PAGE).get_page(request.GET.get("page"))
    rows = [(one, money(one.due, "CNY")) for one in shown]
    return render(request, "spaces/agreements.html", {"place": "data", "shown": shown, "rows": rows})


@page("space.read")
@require_http_methods(["GET", "HEAD", "POST"])
def agreement(request: HttpRequest, number: int) -> HttpResponse:
    """Show an agreement with what was asked under it, and ask."""
    actor = actor_of(request)
    one = get_object_or_404(actions.agreements_of(actor), pk=number)
    negotiation = one.negotiation
    context: dict[str, Any] = {"place": "data", "agreement": one, "sql": request.POST.get("sql", "")}
    if request.method == "POST":
        try:
            context |= _asked(actor, one, request)
        except Refused as error:
            context["why"] = error.text
        one.refresh_from_db()
    consumer = allowed(actor, "space.query", [negotiation.consumer.party])
    context |= _worded(one.terms) | {
        "due": money(one.due, "CNY"),
        "asked": one.asked.all()[:PAGE],
        "transfers": one.transfers.all(),
        "may_ask": consumer and one.in_force,
        "far": negotiation.side == "consumer",
        "may_end": one.ended is None and allowed(actor, "space.answer", [negotiation.provider.party, negotiation.consumer.party]),
        "may_delete": not one.in_force and one.deleted is None and allowed(actor, "space.request", [negotiation.consumer.party]),
    }  # fmt: skip
    return render(request, "spaces/agreement.html", context, status=409 if "why" in context else 200)


def _asked(actor: Actor, one: Agreement, request: HttpRequest) -> dict[str, Any]:
    step, why = request.POST.get("step", "ask"), request.POST.get("why", "")
    if step == "end":
        actions.end(actor, one, why)
    elif step == "delete":
        actions.confirm_deletion(actor, one, why)
    elif step == "transfer":
        trading.request_transfer(actor, one)
    elif one.negotiation.side == "consumer":
        told = trading.ask_far(actor, one, request.POST.get("sql", ""), request.POST.get("spend", ""))
        return {
            "columns": [column["name"] for column in told["columns"]],
            "answer": told["rows"][:SHOWN_ROWS],
            "count": len(told["rows"]),
        }
    else:
        answer = asking.ask(actor, one, request.POST.get("sql", ""), spend=_decimal(request.POST.get("spend", "")))
        return {"columns": answer.columns, "answer": answer.rows[:SHOWN_ROWS], "count": len(answer.rows)}
    return {}


@page("space.read")
@require_safe
def proof(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """Give what was done under an agreement as PROV-O, in Turtle or JSON-LD."""
    kinds = {"ttl": ("turtle", "text/turtle"), "jsonld": ("json-ld", "application/ld+json")}
    one = get_object_or_404(actions.agreements_of(actor_of(request)), pk=number)
    name, media = kinds[form]
    made = provenance.graph([actions.account_of(one)]).serialize(format=name)
    response = HttpResponse(made, content_type=f"{media}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="agreement-{one.pk}.{form}"'
    return response


@page("space.read")
@require_safe
def uses(request: HttpRequest) -> HttpResponse:
    """Show what was asked under the agreements of one's unit, and what was refused."""
    outcome = request.GET.get("outcome", "")
    rows = actions.queries_of(actor_of(request))
    if outcome in ("answered", "refused"):
        rows = rows.filter(outcome=outcome)
    shown = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    query = f"outcome={outcome}" if outcome else ""
    return render(request, "spaces/uses.html", {"place": "data", "shown": shown, "outcome": outcome, "query": query})
