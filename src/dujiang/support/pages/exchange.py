"""The pages of supply and demand: search, an offer, a need with what answers it, introductions."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dujiang.identity.permission import Actor, allowed
from dujiang.identity.web import Acts, actor_of, page
from dujiang.messages import Refused, Text
from dujiang.support import matching
from dujiang.support.actions import exchange as actions
from dujiang.support.models import Introduction, Need, Offer
from dujiang.support.models.exchange import KINDS
from dujiang.support.pages.forms import PAGE, day, do, fen, parts, unit_of, units_for, whole


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def exchange(request: HttpRequest) -> HttpResponse:
    """Search offers; take an offer or a need; the office shares needs out."""
    actor = actor_of(request)
    if request.method == "POST":
        given, unit = request.POST, unit_of(request, actor)
        return do(
            request,
            {
                "offer": lambda: actions.offer(
                    actor, unit, given.get("kind", ""), title=given.get("title", ""), text=given.get("text", ""),
                    keywords=parts(given.get("keywords", "")), price=fen(request, "price"), places=parts(given.get("places", "")),
                    since=day(request, "since", needed=False), until=day(request, "until", needed=False), capacity=whole(request, "capacity", 1),
                    domestic=given.get("domestic") == "yes",
                ),
                "need": lambda: actions.need(
                    actor, unit, title=given.get("title", ""), text=given.get("text", ""), kinds=given.getlist("kinds"),
                    budget=fen(request, "budget"), place=given.get("where", ""), by=day(request, "by", needed=False),
                    domestic=given.get("domestic") == "yes",
                ),
                "share-out": lambda: actions.share_out(actor),
                "courses": lambda: actions.publish_courses(actor, unit),
                "vacancies": lambda: actions.need_of_vacancies(actor, unit),
            },
            "support-exchange",
        )  # fmt: skip
    asked = request.GET.get("q", "").replace("\x00", " ").strip()[:200]
    kind = request.GET.get("kind", "")
    kinds = [kind] if kind in dict(KINDS) else []
    if asked:
        found = [
            (one, hit) for one, hit in actions.find(actor, matching.Need("", asked, kinds=matching.kinds_of(kinds)))
        ]
    else:
        latest = Offer.objects.filter(closed=None, **({"kind": kind} if kinds else {})).select_related("unit")
        found = [(one, None) for one in latest[:PAGE]]
    context = {
        "place": "support",
        "asked": asked,
        "kind": kind,
        "kinds": KINDS,
        "found": found,
        "needs": Need.objects.filter(closed=None).select_related("unit")[:PAGE],
        "mine": _mine(actor),
        "units": units_for(actor),
        "today": timezone.localdate(),
    }
    template = "support/_found.html" if request.headers.get("HX-Request") else "support/exchange.html"
    return render(request, template, context)


def _mine(actor: Actor) -> list[Introduction]:
    """Return the introductions of one's own unit; the office sees those under way."""
    rows = Introduction.objects.select_related("need__unit", "offer__unit")
    if allowed(actor, "support.oversee"):
        return list(rows[:PAGE])
    return (
        list(rows.filter(Q(need__unit__name=actor.unit) | Q(offer__unit__name=actor.unit))[:PAGE]) if actor.unit else []
    )


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, number: int) -> HttpResponse:
    """Show an offer; its unit answers introductions or closes it."""
    actor = actor_of(request)
    one = get_object_or_404(Offer.objects.select_related("unit"), pk=number)
    if request.method == "POST":
        given = request.POST
        why = given.get("why", "")
        acts: Acts = {
            "close": lambda: actions.close(actor, one, why),
            "accept": lambda: actions.answer(actor, _introduction(request, offer=one), accepted=True),
            "decline": lambda: actions.answer(actor, _introduction(request, offer=one), accepted=False, why=why),
        }
        return do(request, acts, "support-offer", number)
    own = allowed(actor, "support.apply", [one.unit.name])
    seen = own or allowed(actor, "support.oversee")
    context = {
        "place": "support",
        "one": one,
        "own": own,
        "introductions": one.introductions.select_related("need__unit") if seen else [],
    }
    return render(request, "support/offer.html", context)


@page("support.browse")
@require_http_methods(["GET", "HEAD", "POST"])
def need(request: HttpRequest, number: int) -> HttpResponse:
    """Show a need and what answers it, the best first; its unit asks for introductions and tells what came of them."""
    actor = actor_of(request)
    one = get_object_or_404(Need.objects.select_related("unit"), pk=number)
    if request.method == "POST":
        given = request.POST
        acts: Acts = {
            "introduce": lambda: actions.introduce(actor, one, get_object_or_404(Offer, pk=whole(request, "offer"))),
            "agree": lambda: actions.conclude(
                actor, _introduction(request, need=one), agreed=True, fen=fen(request, "amount", empty=0), outcome=given.get("outcome", "")
            ),
            "fail": lambda: actions.conclude(actor, _introduction(request, need=one), agreed=False, outcome=given.get("outcome", "")),
            "close": lambda: actions.close(actor, one, given.get("why", "")),
        }  # fmt: skip
        return do(request, acts, "support-need", number)
    own = allowed(actor, "support.apply", [one.unit.name])
    seen = own or allowed(actor, "support.oversee")
    introductions = list(one.introductions.select_related("offer__unit")) if seen else []
    met = {each.offer_id for each in introductions}
    hits = [(found, hit) for found, hit in actions.find(actor, one.plain(), 20) if found.pk not in met]
    context = {
        "place": "support",
        "one": one,
        "own": own,
        "hits": hits,
        "introductions": introductions,
        "kinds": dict(KINDS),
    }
    return render(request, "support/need.html", context)


def _introduction(request: HttpRequest, **of: Offer | Need) -> Introduction:
    found = Introduction.objects.filter(pk=whole(request, "introduction"), **of).first()
    if found is None:
        raise Refused(Text("没有这次对接", "there is no such introduction"))
    return found
