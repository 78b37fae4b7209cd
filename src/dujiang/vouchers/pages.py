"""The pages of vouchers: programmes and the month's figures, a unit's own vouchers, applications to review."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from dujiang.evidence.months import this_month
from dujiang.identity.codes import prefectures
from dujiang.identity.models import Unit
from dujiang.identity.permission import Role, require
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.vouchers import actions, statements
from dujiang.vouchers.models import Account, Application, Programme

PAGE = 100


@page("voucher.browse")
@require_safe
def programmes(request: HttpRequest) -> HttpResponse:
    """Show the programmes with their issuers' money, and what each granted, paid and got back this month."""
    month = this_month()
    found = list(Programme.objects.select_related("closing"))
    funds: dict[int, list[tuple[str, int, int]]] = {}
    for one in Account.objects.filter(kind=Account.Kind.ISSUER).order_by("owner"):
        funds.setdefault(one.programme_id or 0, []).append((one.owner, -one.floor, one.posted - one.floor))
    context = {
        "place": "vouchers",
        "programmes": [(one, funds.get(one.pk, [])) for one in found],
        "open": [one for one in found if not hasattr(one, "closing") and not one.open],
        "month": month,
        "figures": actions.month_figures(month),
        "names": _names(),
    }
    return render(request, "vouchers/programmes.html", context)


@page("voucher.statement")
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """Show a unit's vouchers and what they paid; people see their own unit's, the office and auditors any."""
    actor = actor_of(request)
    any_unit = actor.role in (Role.OFFICE, Role.AUDITOR)
    holder = request.GET.get("unit", "") if any_unit else actor.unit
    if holder:
        require(actor, "voucher.statement", [holder])
    month = this_month()
    context = {
        "place": "vouchers",
        "holder": holder,
        "any_unit": any_unit,
        "lines": statements.grant_lines(holder),
        "holds": statements.open_holds(holder),
        "payments": statements.payments(holder),
        "applications": statements.applications(holder),
        "month": month,
        "received": [(unit, sum(statements.paid_to(holder, month, unit).values())) for unit in ("CNY", "token")],
        "names": _names(),
    }
    return render(request, "vouchers/statement.html", context)


@page("voucher.review")
@require_safe
def applications(request: HttpRequest) -> HttpResponse:
    """Show the applications that wait: a city sees its own."""
    actor = actor_of(request)
    waiting = Application.objects.filter(grant=None).select_related("programme").prefetch_related("reviews")
    if actor.role is Role.CITY:
        own = Unit.objects.filter(name=actor.unit).values_list("division", flat=True)
        waiting = waiting.filter(city__in=[one for one in own if one])
    context = {"place": "vouchers", "applications": waiting[:PAGE], "names": _names()}
    return render(request, "vouchers/applications.html", context)


@page("voucher.apply")
@require_POST
def apply(request: HttpRequest) -> HttpResponse:
    """Take an application; the office applies for any unit, others for their own."""
    actor = actor_of(request)
    programme = get_object_or_404(Programme, code=request.POST.get("programme", ""))
    holder = request.POST.get("holder", "") if actor.role is Role.OFFICE else actor.unit
    purpose = request.POST.get("purpose", "")
    return _done(
        request,
        lambda: actions.apply(actor, programme, holder, _amount(request, programme), purpose),
        "voucher-statement",
    )


@page("voucher.review")
@require_POST
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Take a reviewer's word on an application."""
    application = get_object_or_404(Application, pk=number)
    approved = request.POST.get("verdict") == "approve"
    return _done(
        request,
        lambda: actions.review(
            actor_of(request),
            application,
            approved=approved,
            amount=_amount(request, application.programme) if approved else 0,
            why=request.POST.get("why", ""),
        ),
        "voucher-applications",
    )


@page("voucher.grant")
@require_POST
def grant(request: HttpRequest, number: int) -> HttpResponse:
    """Grant what the last review approved."""
    application = get_object_or_404(Application, pk=number)
    return _done(request, lambda: actions.grant(actor_of(request), application), "voucher-applications")


def _done(request: HttpRequest, act: Callable[[], object], then: str) -> HttpResponse:
    """Act and go on, or say why not."""
    try:
        act()
    except Refused as error:
        return render(request, "console/refused.html", {"why": error.text}, status=409)
    return redirect(then)


def _amount(request: HttpRequest, programme: Programme) -> int:
    """Return the amount of a form, written in yuan or tokens, in minor units; raises `Refused`."""
    try:
        amount = Decimal(request.POST.get("amount", "").replace(",", "")) * (100 if programme.unit == "CNY" else 1)
        if amount.is_finite() and amount == amount.to_integral_value() and abs(amount) <= 10**15:
            return int(amount)
    except InvalidOperation:
        pass
    raise Refused(
        Text("金额应为元（至多两位小数）或整数词元", "an amount is in yuan with two decimals at most, or whole tokens")
    )


def _names() -> dict[str, Any]:
    """Return the names of issuers by code: a government that is a unit, else the short name of the place."""
    names: dict[str, Any] = {"": Text("本站", "the site")}
    for issuer in Programme.objects.exclude(issuer="").values_list("issuer", flat=True).distinct():
        names.update({issuer: Text("省级", "the province"), **prefectures(issuer)})
    names.update(Unit.objects.exclude(division="").values_list("division", "name"))
    return names
