"""The overview, and a city's page: what is brought together from all planes."""

from __future__ import annotations

from django.db.models import Count
from django.db.models.functions import Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dujiang.console.glance import indicator_cards, industry_cards, tiles
from dujiang.evidence.months import this_month
from dujiang.identity.codes import prefectures, province_of
from dujiang.identity.models import Unit
from dujiang.identity.web import page
from dujiang.plan.figures import monthly_dispatch
from dujiang.plan.models import Programme

PAGE = 50


@page("dispatch.read")
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show where the plan stands today: goals, industries, places, and what is late."""
    programme = Programme.current()
    if programme is None:
        return render(request, "plan/none.html", {"place": "overview"})
    made = monthly_dispatch(programme, this_month())
    province = province_of(programme.title) or province_of(programme.issuer)
    places = prefectures(province) if province else {}
    context = {
        "place": "overview",
        "made": made,
        "indicators": indicator_cards(made),
        "industries": industry_cards(made),
        "tiles": tiles(
            made, province, places, _enterprises(), Unit.objects.exclude(division="").values_list("name", "division")
        ),
    }
    return render(request, "console/overview.html", context)


def _enterprises() -> dict[str, int]:
    """Return how many enterprises each prefecture has, by the digits of their credit codes that name it."""
    rows = (
        Unit.objects.exclude(credit_code=None)
        .annotate(place=Substr("credit_code", 3, 4))
        .values("place")
        .annotate(count=Count("id"))
        .values_list("place", "count")
    )
    return {f"{place}00": count for place, count in rows}


@page("dispatch.read")
@require_safe
def city(request: HttpRequest, division: str) -> HttpResponse:
    """Show a city or prefecture: the tasks of its governments, and its enterprises."""
    name = prefectures(f"{division[:2]}0000").get(division) if division.isdecimal() else None
    programme = Programme.current()
    if name is None or programme is None:
        raise Http404
    made = monthly_dispatch(programme, this_month())
    governments = set(Unit.objects.filter(division=division).values_list("name", flat=True))
    lines = [line for line in made.units if line.name in governments]
    numbers = {number for line in lines for number in (*line.leads, *line.cooperates)}
    enterprises = Unit.objects.annotate(place=Substr("credit_code", 3, 4)).filter(place=division[:4])
    context = {
        "place": "overview",
        "name": name,
        "division": division,
        "units": lines,
        "tasks": [line for line in made.tasks if line.number in numbers],
        "enterprises": enterprises.order_by("name")[:PAGE],
    }
    return render(request, "console/city.html", context)
