"""The pages of the white list: where one stands, the office's decisions, and a bank's customers."""

from __future__ import annotations

from datetime import date
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from dujiang.identity.permission import allowed, require
from dujiang.identity.web import actor_of, page
from dujiang.messages import Refused, Text
from dujiang.support.actions import facts, whitelist
from dujiang.support.measures import Standing
from dujiang.support.models import Bank, Consent, Listing, Loan, Paper
from dujiang.support.pages.facts import STANDINGS
from dujiang.support.pages.forms import PAGE, day, do, fen, unit_of, units_for, whole

_MET = {
    Standing.MAY: (Text("已满足", "met"), "through"),
    Standing.MAY_NOT: (Text("不满足", "not met"), "fails"),
    Standing.OPEN: (Text("待证明", "to be shown"), "quiet"),
}


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def white_list(request: HttpRequest) -> HttpResponse:
    """Show the criteria, how quick the green channel is, one's own standing, and to the office what waits."""
    actor = actor_of(request)
    unit = unit_of(request, actor) if request.method == "POST" else request.GET.get("unit", actor.unit)
    if request.method == "POST":
        given = request.POST
        return do(
            request,
            {
                "apply": lambda: whitelist.apply(actor, unit),
                "consent": lambda: whitelist.consent(
                    actor, unit, get_object_or_404(Bank, pk=whole(request, "bank")), cast(date, day(request, "until")),
                    facts=given.get("facts") == "yes",
                ),
                "withdraw": lambda: whitelist.withdraw(actor, get_object_or_404(Consent, pk=whole(request, "consent"))),
                "loan": lambda: whitelist.ask_loan(
                    actor, unit, get_object_or_404(Bank, pk=whole(request, "bank")), fen(request, "amount", empty=0), given.get("purpose", "")
                ),
                "admit": lambda: whitelist.admit(actor, given.get("unit", "").strip()),
            },
            "support-white-list",
        )  # fmt: skip
    own = bool(unit) and allowed(actor, "support.apply", [unit])
    made = whitelist.assessed(actor, unit) if own else None
    context = {
        "place": "support",
        "unit": unit if own else "",
        "units": units_for(actor),
        "rules": facts.criteria(),
        "times": whitelist.channel(),
        "assessed": made,
        "standing": STANDINGS[made.standing] if made else None,
        "findings": [(one, *_MET[one.standing]) for one in made.findings] if made else [],
        "listings": Listing.objects.filter(unit__name=unit)[:PAGE] if own else [],
        "waiting": Listing.objects.filter(state=Listing.State.SUBMITTED).select_related("unit").order_by("due")[:PAGE]
        if allowed(actor, "support.oversee")
        else [],
        "listed": Listing.objects.filter(state=Listing.State.LISTED).select_related("unit").order_by("until")[:PAGE]
        if allowed(actor, "support.oversee")
        else [],
        "banks": Bank.objects.select_related("unit"),
        "consents": Consent.objects.filter(unit__name=unit).select_related("bank__unit")[:PAGE] if own else [],
        "loans": Loan.objects.filter(listing__unit__name=unit).select_related("bank__unit")[:PAGE] if own else [],
    }
    return render(request, "support/white_list.html", context)


@page("support.read")
@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest, number: int) -> HttpResponse:
    """Show an application with its findings to its unit and the office; take the decision."""
    actor = actor_of(request)
    one = get_object_or_404(Listing.objects.select_related("unit"), pk=number)
    require(actor, "support.read", [one.unit.name])
    if request.method == "POST":
        why = request.POST.get("why", "")
        return do(
            request,
            {
                "list": lambda: whitelist.decide(actor, one, listed=True, why=why),
                "decline": lambda: whitelist.decide(actor, one, listed=False, why=why),
                "return": lambda: whitelist.send_back(actor, one, why),
                "take-off": lambda: whitelist.take_off(actor, one, why),
            },
            "support-listing",
            number,
        )
    known = facts.asked()
    context = {
        "place": "support",
        "one": one,
        "findings": [(each, *_MET[Standing(each["standing"])]) for each in one.findings],
        "answers": [(known[name].title, answer) for name, answer in one.answers.items() if name in known],
        "papers": Paper.objects.filter(pk__in=one.papers.values()).defer("content"),
    }
    return render(request, "support/listing.html", context)


@page("support.lend")
@require_http_methods(["GET", "HEAD", "POST"])
def lending(request: HttpRequest) -> HttpResponse:
    """Show a bank who consented to it, what it read, and the loans that it is asked for."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST

        def loan() -> Loan:
            return get_object_or_404(
                Loan.objects.select_related("bank__unit", "listing__unit"), pk=whole(request, "loan")
            )

        why = given.get("why", "")
        return do(
            request,
            {
                "approve": lambda: whitelist.decide_loan(
                    actor, loan(), approved=fen(request, "amount", empty=0), why=why
                ),
                "decline": lambda: whitelist.decide_loan(actor, loan(), approved=0, why=why),
                "pay": lambda: whitelist.pay_loan(actor, loan()),
            },
            "support-lending",
        )
    found = why_not = None
    consents: list[Consent] = []
    loans: list[Loan] = []
    try:
        consents = whitelist.readable(actor)
        loans = list(Loan.objects.filter(bank__unit__name=actor.unit).select_related("listing__unit")[:PAGE])
        if code := request.GET.get("code"):
            found = whitelist.consult(actor, code)
    except Refused as error:
        why_not = error.text
    known = facts.asked()
    answers = (
        [(known[name].title, answer) for name, answer in (found.facts or {}).items() if name in known] if found else []
    )
    context = {
        "place": "support",
        "consents": consents,
        "loans": loans,
        "found": found,
        "answers": answers,
        "why": why_not,
    }
    return render(request, "support/lending.html", context)
