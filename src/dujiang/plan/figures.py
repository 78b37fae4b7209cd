"""What the monthly dispatch is computed from, gathered from the store.

It reads monthly tallies and the latest record of each scenario and indicator, never the history, so that a dispatch
costs the same after a year as after a month.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Min
from django.utils import timezone

from dujiang.data import figures as data
from dujiang.data.annotation.actions import month_figures as accepted_in
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record, Tally
from dujiang.evidence.months import this_month
from dujiang.messages import Text
from dujiang.plan.dispatch import (
    Added,
    AnnotationLine,
    CountLine,
    Dispatch,
    ScenarioStanding,
    SupportLine,
    VoucherLine,
    dispatch,
    leading,
)
from dujiang.plan.indicators import Indicator, Observation, indicators, month_end
from dujiang.plan.measured import in_unit_of, measured_by
from dujiang.plan.models import Item, Programme
from dujiang.safety import actions as safety
from dujiang.support import actions as support
from dujiang.talent import actions as talent
from dujiang.vouchers.actions import month_figures

if TYPE_CHECKING:
    from dujiang.plan.answers import Material


def facts(programme: Programme, kind: str) -> dict[int, dict[str, Any]]:
    """Return the facts of a programme's items of a kind, by number."""
    items = programme.items.filter(kind=kind, present=True)
    by_number = kind in (Item.Kind.TASK, Item.Kind.REQUIREMENT)
    return {item.facts["number"] if by_number else item.position: item.facts for item in items}


def indicators_of(programme: Programme) -> list[Indicator]:
    """Return a programme's indicators."""
    return indicators(facts(programme, Item.Kind.GOAL))


def responsible_units(programme: Programme) -> dict[str, list[str]]:
    """Return the units that answer for each indicator, by its key."""
    goals, tasks = facts(programme, Item.Kind.GOAL), facts(programme, Item.Kind.TASK)
    return {
        one.key: list(dict.fromkeys(unit for target in one.targets for unit in leading(goals[target.goal], tasks)))
        for one in indicators(goals)
    }


def monthly_dispatch(programme: Programme, month: str) -> Dispatch:
    """Return the dispatch of a month (2026-11), as signed off if it was; raises ValueError where it isn't a month."""
    month_end(month)
    if signed := programme.sign_offs.filter(month=month).first():
        return Dispatch.from_json(signed.made)
    goals = facts(programme, Item.Kind.GOAL)
    return dispatch(
        title=programme.title,
        number=programme.number,
        month=month,
        goals=goals,
        tasks=facts(programme, Item.Kind.TASK),
        observed=_observed(programme, goals, month),
        scenarios=_scenarios(month),
        added=_added(month),
        vouchers=[VoucherLine(*one) for one in month_figures(month)],
        annotation=[AnnotationLine(*one) for one in accepted_in(month)],
        data=[CountLine(*one) for one in data.month_figures(month) if one.count],
        safety=[CountLine(*one) for one in safety.month_figures(month) if one.count],
        talent=[CountLine(*one) for one in talent.month_figures(month) if one.count],
        support=[SupportLine(*one) for one in support.month_figures(month) if one.count],
    )


@lru_cache(maxsize=8)
def _material(programme: int, loaded: str, month: str, last: int) -> Material:
    from dujiang.plan.answers import material

    found = Programme.objects.get(pk=programme)
    items = (facts(found, kind) for kind in (Item.Kind.GOAL, Item.Kind.TASK, Item.Kind.REQUIREMENT))
    return material(found.text, found.title, *items, monthly_dispatch(found, month), found.issuer)


def material_now(programme: Programme) -> Material:
    """Return what may be cited of a programme this month; gathered anew when evidence or the plan has changed."""
    last = Record.objects.aggregate(last=Max("sequence"))["last"] or 0
    return _material(programme.pk, programme.loaded.isoformat(), this_month(), last)


def _observed(programme: Programme, goals: Mapping[int, Mapping[str, Any]], month: str) -> dict[str, list[Observation]]:
    """Return each indicator's first and latest figure up to the month's end (one where they are the same)."""
    until = programme.statistics.filter(period_end__lte=month_end(month))
    observed: dict[str, list[Observation]] = {}
    # Two look-ups in an index each, however many figures there are.
    for one in indicators(goals):
        figures = until.filter(indicator=one.key)
        last = figures.order_by("-period_end", "-evidence").first()
        if last is None:
            if found := _measured(one, month):
                observed[one.key] = found
            continue
        earliest = figures.order_by("period_end").values_list("period_end", flat=True)[:1]
        # Of several records for one period the last one counts.
        first = figures.filter(period_end=earliest).order_by("-evidence").first()
        observed[one.key] = [
            Observation(row.period_end, row.value, row.evidence, row.source)
            for row in dict.fromkeys((first, last))
            if row is not None
        ]
    return observed


def _measured(indicator: Indicator, month: str) -> list[Observation]:
    """Return the first and the latest record up to the month's end of what measures an indicator, if anything does."""
    source = measured_by(indicator)
    if source is None:
        return []
    tallies = Tally.objects.filter(kind=source.kind, subject=source.subject, month__lte=month)
    ends = tallies.aggregate(first=Min("first"), last=Max("last"))
    found = []
    for record in Record.objects.filter(sequence__in={one for one in ends.values() if one}).order_by("sequence"):
        day = timezone.localdate(datetime.fromisoformat(record.time))
        value = in_unit_of(indicator, json.loads(record.body)["value"])
        found.append(Observation(day, value, record.sequence, str(KINDS[source.kind].title)))
    return found


def _scenarios(month: str) -> list[ScenarioStanding]:
    """Return where each scenario stood at the month's end, by its last evaluation since January."""
    year = month[:4]
    last = (
        Tally.objects.filter(kind="scenario.evaluated", month__gte=f"{year}-01", month__lte=month)
        .exclude(subject="")
        .values("subject")
        .annotate(record=Max("last"))
        .values_list("record", flat=True)
    )
    standings = []
    for record in Record.objects.filter(sequence__in=list(last)):
        body = json.loads(record.body)
        titles = body.get("title") or {"zh": record.subject, "en": record.subject}
        standings.append(
            ScenarioStanding(
                record.subject,
                Text(titles["zh"], titles["en"]),
                record.subject.split("/")[0],
                body["verdict"]["runs_through"],
                record.sequence,
            )
        )
    return standings


def _added(month: str) -> list[Added]:
    rows = Tally.objects.filter(month=month, subject="").order_by("kind")
    return [Added(row.kind, KINDS[row.kind].title, row.count, row.first, row.last) for row in rows]
