"""One person, one plan (一人一策): what somebody needs, what is done, by whom, until when, and with what outcome."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.talent.intake import unit_of
from dujiang.talent.models import Measure, Talent
from dujiang.talent.terms import Purpose, State

_LONGEST = 2000


def _said(text: str) -> str:
    found = text.strip()
    if not found or len(found) > _LONGEST or "\x00" in found:
        raise Refused(Text(f"请写明内容（{_LONGEST} 字以内）", f"say it, in {_LONGEST:,} characters at most"))
    return found


def plan(actor: Actor, one: Talent, need: str, measure: str, responsible: str, until: date) -> Measure:
    """Add a measure to somebody's plan, where they consent to one. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.plan", [one.unit.name] if one.unit else [])
    need, measure = _said(need), _said(measure)
    unit = unit_of(actor, responsible)
    if until <= timezone.localdate():
        raise Refused(Text("期限应晚于今天", "the day is after today"))
    if one.state != State.ACTIVE or Purpose.PLAN not in one.purposes():
        raise Refused(Text("本人未同意制定“一人一策”", "they have not consented to a plan of their own"))
    with transaction.atomic():
        body = {"what": "planned", "responsible": unit.name, "until": until.isoformat()}
        entry = append(actor, "talent.planned", str(one), body)
        made: Measure = Measure.objects.create(
            talent=one, need=need, measure=measure, responsible=unit, until=until, evidence=entry.sequence
        )
    return made


def close(actor: Actor, measure: Measure, outcome: str, *, done: bool) -> Measure:
    """Close a measure with its outcome: by who is responsible, or the office. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.plan", [measure.responsible.name])
    outcome = _said(outcome)
    with transaction.atomic():
        one: Measure = Measure.objects.select_for_update().get(pk=measure.pk)
        if one.state != State.OPEN:
            raise Refused(Text("该事项已办结", "this measure is closed"))
        one.state, one.outcome, one.closed = State.DONE if done else State.DROPPED, outcome, timezone.now()
        late = max(0, (timezone.localdate() - one.until).days)
        body = {"what": one.state, "measure": one.pk, "responsible": one.responsible.name, "days_late": late}
        one.evidence = append(actor, "talent.planned", str(one.talent), body).sequence
        one.save()
    return one
