"""What people do after something is let out: sandboxes, watches and their alarms, complaints, incidents."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count as Number
from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from dujiang.compute.models import Job
from dujiang.compute.states import State as JobState
from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.safety.alarms import BETWEEN, RISES, Detector, rate_factors, tolerable
from dujiang.safety.drift import Drift
from dujiang.safety.incidents import Level, grade
from dujiang.safety.models import (
    Alarm,
    Complaint,
    Count,
    Incident,
    Measurement,
    Sandbox,
    Thing,
    Watch,
)
from dujiang.tokens.actions import look_anew
from dujiang.tokens.models import Line

LONGEST_DAYS = 366
"""Of a sandbox."""
REFERENCE_DAYS = 30
"""Days before a watch from which a tolerated rate is taken, where none is given."""
LEAST_REFERENCE = 5
"""Figures that a watch on drift begins with at least."""
_OPS = {"<=": lambda value, limit: value <= limit, ">=": lambda value, limit: value >= limit}
_RATES = (Watch.Series.REFUSALS, Watch.Series.FAILURES, Watch.Series.COMPLAINTS)


def _said(text: str, most: int = 4000) -> str:
    if not text.strip() or len(text) > most:
        raise Refused(Text(f"请写明内容（{most} 字以内）", f"say it, in {most} characters at most"))
    return text.strip()


# Sandboxes.


def permit(
    actor: Actor,
    thing: Thing,
    *,
    units: Sequence[str],
    most_users: int,
    since: date,
    until: date,
    conditions: Sequence[Mapping[str, Any]],
    leaving: str,
) -> Sandbox:
    """Permit a sandbox: ``units`` may use the thing until a day; ``leaving`` are the exit criteria.

    A condition is ``{"name": "failures", "op": "<=", "limit": 0.05}``; at least one figure must be measured. Raises
    `NotAllowed`, `Refused`.
    """
    require(actor, "safety.permit")
    leaving = _said(leaving)
    unknown = sorted(set(units) - set(Unit.objects.filter(name__in=units).values_list("name", flat=True)))
    days = (until - since).days
    faults = [
        (not units or bool(unknown), f"没有单位 {'、'.join(unknown) or '（未写）'}", f"there are no units {unknown or '(none given)'}"),
        (not 1 <= most_users <= 10**6, "用户数应为正整数", "how many users: a positive whole number"),
        (thing.kind == Thing.Kind.MODEL and len(set(units)) > most_users, "模型的用户是单位，单位数超过用户数", "the users of a model are units, and there are more of them than users"),
        (not 0 <= days <= LONGEST_DAYS or until < timezone.localdate(), f"期限应在今后，至多 {LONGEST_DAYS} 天", f"its time should lie ahead, of {LONGEST_DAYS} days at most"),
        (not conditions, "请写明须测量的指标及其条件", "say what must be measured, and its condition"),
        (not all(_is_condition(one) for one in conditions), "条件应形如 failures <= 0.05", "a condition is such as failures <= 0.05"),
        (len({one.get("name") for one in conditions}) != len(conditions), "同一指标只能有一个条件", "there is one condition a figure"),
        (thing.sandboxes.filter(state=Sandbox.State.OPEN).exists(), "该对象已有在运行的沙盒", "it is in a sandbox already"),
    ]  # fmt: skip
    for wrong, zh, en in faults:
        if wrong:
            raise Refused(Text(zh, en))
    with transaction.atomic():
        terms = {
            "units": sorted(set(units)), "most_users": most_users, "conditions": [dict(one) for one in conditions], "exit": leaving,
        }  # fmt: skip
        body = {"what": "permitted", "since": since.isoformat(), "until": until.isoformat(), **terms}
        entry = append(actor, "safety.sandbox", thing.subject, body)
        made = Sandbox.objects.create(thing=thing, since=since, until=until, evidence=entry.sequence, **terms)
        look_anew()
    return made


def _is_condition(one: Mapping[str, Any]) -> bool:
    limit = one.get("limit")
    number = isinstance(limit, int | float) and not isinstance(limit, bool) and math.isfinite(limit)
    return bool(number and one.get("op") in _OPS and str(one.get("name", "")).strip() and len(str(one["name"])) <= 60)


def measure(actor: Actor, box: Sandbox, name: str, value: float) -> Measurement:
    """Enter a measured figure; where it breaks its condition, the sandbox stops at once. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.measure", [box.thing.owner])
    condition = next((one for one in box.conditions if one["name"] == name), None)
    if condition is None:
        known = "、".join(one["name"] for one in box.conditions)
        raise Refused(Text(f"该沙盒不测量“{name}”；须测量 {known}", f"{name!r} is not measured here: {known} are"))
    if not math.isfinite(value):
        raise Refused(Text("应为有限的数", "that is no finite number"))
    with transaction.atomic():
        box = _open(box)
        kept = _OPS[condition["op"]](value, condition["limit"])
        body = {"sandbox": box.pk, "name": name, "value": value, "kept": kept, "condition": condition}
        entry = append(actor, "safety.measured", box.thing.subject, body)
        made = Measurement.objects.create(sandbox=box, name=name, value=value, kept=kept, evidence=entry.sequence)
        if not kept:
            why = f"{name} = {value:g}，违反条件 {name} {condition['op']} {condition['limit']:g}"
            _end(actor, box, Sandbox.State.STOPPED, "stopped", why)
    return made


def stop(actor: Actor, box: Sandbox, why: str) -> Sandbox:
    """Stop a sandbox. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.permit")
    with transaction.atomic():
        return _end(actor, _open(box), Sandbox.State.STOPPED, "stopped", _said(why, 2000))


def leave(actor: Actor, box: Sandbox, why: str) -> Sandbox:
    """End a sandbox by its exit criteria, when all that must be measured has been. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.permit")
    with transaction.atomic():
        box = _open(box)
        unmeasured = [one["name"] for one in box.conditions if one["name"] not in box.latest()]
        if unmeasured:
            names = "、".join(unmeasured)
            raise Refused(
                Text(f"尚未测量 {names}，不能退出（可停止）", f"{names} has not been measured: it can only be stopped")
            )
        return _end(actor, box, Sandbox.State.LEFT, "left", _said(why, 2000))


def _open(box: Sandbox) -> Sandbox:
    box = Sandbox.objects.select_for_update().get(pk=box.pk)
    if box.state != Sandbox.State.OPEN:
        raise Refused(Text("该沙盒已结束", "this sandbox has ended"))
    return box


def _end(actor: Actor, box: Sandbox, state: str, what: str, why: str) -> Sandbox:
    latest = {name: one.value for name, one in box.latest().items()}
    body = {"what": what, "sandbox": box.pk, "why": why, "users": box.users.count(), "measured": latest}
    box.evidence = append(actor, "safety.sandbox", box.thing.subject, body).sequence
    box.state, box.why, box.ended = state, why, timezone.now()
    box.save()
    look_anew()
    return box


# Complaints.


def complain(actor: Actor, subject: str, text: str) -> Complaint:
    """Complain about something that is served. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.complain")
    text = _said(text)
    if not Thing.objects.filter(subject=subject).exists() and not subject.startswith(("scenario:", "model:")):
        raise Refused(Text(f"没有“{subject}”", f"there is no {subject!r}"))
    with transaction.atomic():
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = append(actor, "safety.complained", subject[:200], {"text_digest": f"sha256:{digest}"})
        return Complaint.objects.create(
            subject=subject[:200], text=text, complainer=str(actor), evidence=entry.sequence
        )


# Watches.


class Batch(NamedTuple):
    """A day's events of a total, or a day's figure."""

    day: date
    events: int
    total: int


def batches(subject: str, series: str, since: date, until: date) -> list[Batch]:
    """Return the days of a rate, those on which anything was used, from ``since`` to ``until``."""
    kind, _, name = subject.partition(":")
    uses: dict[date, int] = {}
    failed: dict[date, int] = {}
    if kind == "model":
        lines = Line.objects.filter(model=name, day__gte=since, day__lte=until).values("day")
        for row in lines.annotate(uses=Sum("requests"), bad=Sum("failed")):
            uses[row["day"]], failed[row["day"]] = row["uses"], row["bad"]
    else:
        ended = Job.objects.filter(work=subject).exclude(finished=None).exclude(state=JobState.CANCELLED)
        days = ended.annotate(day=TruncDate("finished")).filter(day__gte=since, day__lte=until).values("day", "state")
        for row in days.annotate(number=Number("id")):
            uses[row["day"]] = uses.get(row["day"], 0) + row["number"]
            if row["state"] != JobState.DONE:
                failed[row["day"]] = failed.get(row["day"], 0) + row["number"]
    if series == Watch.Series.FAILURES:
        return [Batch(day, failed.get(day, 0), total) for day, total in sorted(uses.items())]
    if series == Watch.Series.REFUSALS:
        rows = Count.objects.filter(subject=subject, series=series, day__gte=since, day__lte=until)
        events = dict(rows.values_list("day", "events"))
        # What a filter refused before it cost anything is no request of the statements.
        return [
            Batch(day, events.get(day, 0), uses.get(day, 0) + events.get(day, 0)) for day in sorted({*uses, *events})
        ]
    said = Complaint.objects.filter(subject=subject).annotate(day=TruncDate("time"))
    events = dict(said.filter(day__gte=since, day__lte=until).values_list("day").annotate(Number("id")).order_by())
    # Somebody may complain of what was used the day before.
    totals = {day: max(uses.get(day, 0), events.get(day, 0)) for day in sorted({*uses, *events})}
    return [Batch(day, events.get(day, 0), total) for day, total in totals.items()]


def _figures(watch: Watch, until: date) -> list[tuple[int, float]]:
    """Return the figures of a drift that the watch has not seen: how far it has then looked, and the figure."""
    name = watch.subject.partition(":")[2]
    if watch.series == Watch.Series.INPUTS:
        lines = Line.objects.filter(model=name, day__gt=date.fromordinal(max(1, watch.through)), day__lte=until).values(
            "day"
        )
        rows = lines.annotate(uses=Sum("requests"), tokens=Sum("prompt")).order_by("day")
        return [(row["day"].toordinal(), row["tokens"] / row["uses"]) for row in rows if row["uses"]]
    records = Record.objects.filter(kind="scenario.evaluated", subject=name, sequence__gt=watch.through).order_by(
        "sequence"
    )
    found = []
    for record in records:
        body = record.content
        if watch.state.get("size") not in (None, body["size"]):
            continue  # other cases are other conditions
        found += [(record.sequence, one["method"]) for one in body["scores"] if one["method"] is not None]
    return found


def watch(actor: Actor, subject: str, series: str, tolerated: float | None = None) -> Watch:
    """Watch a series of a subject, or begin its watch anew.

    A rate is watched against the one that is ``tolerated``; where none is given, against a bound of the last month's. For
    scores and inputs what was seen so far is what they should be like. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "safety.watch")
    kind = subject.partition(":")[0]
    able = {
        Watch.Series.REFUSALS: ("model",), Watch.Series.INPUTS: ("model",), Watch.Series.SCORES: ("scenario",),
        Watch.Series.FAILURES: ("model", "scenario"), Watch.Series.COMPLAINTS: ("model", "scenario"),
    }  # fmt: skip
    if series not in Watch.Series.values or kind not in able[Watch.Series(series)]:
        known = "、".join(one.value for one, kinds in able.items() if kind in kinds)
        raise Refused(
            Text(f"{subject} 可监测：{known or '（无）'}", f"of {subject} can be watched: {known or 'nothing'}")
        )
    yesterday = timezone.localdate() - timedelta(days=1)
    state: dict[str, Any]
    through = yesterday.toordinal()
    if series in _RATES:
        if tolerated is None:
            past = batches(subject, series, yesterday - timedelta(days=REFERENCE_DAYS - 1), yesterday)
            try:
                tolerated = tolerable(sum(one.events for one in past), sum(one.total for one in past))
            except ValueError as error:
                raise Refused(
                    Text(
                        "近 30 天没有可用的记录，请写明容许的比率",
                        "the last 30 days show no rate: give the one to tolerate",
                    )
                ) from error
        if not 0 < tolerated < 1:
            raise Refused(Text("容许的比率应大于 0 小于 1", "a tolerated rate lies between 0 and 1"))
        state = _detector_state(Detector.new(len(RISES)))
    else:
        tolerated = None
        made = Watch(subject=subject, series=series, through=0, state={"size": _last_size(subject)})
        seen = _figures(made, yesterday)
        if len(seen) < LEAST_REFERENCE:
            raise Refused(
                Text(
                    f"已有 {len(seen)} 个数值，至少需要 {LEAST_REFERENCE} 个",
                    f"there are {len(seen)} figures, and {LEAST_REFERENCE} are needed",
                )
            )
        begun = Drift.new([one for _, one in seen], seed=len(seen))
        through = seen[-1][0]
        state = {**_detector_state(begun.detector), "past": begun.past, "seed": begun.seed, "size": made.state["size"]}
    with transaction.atomic():
        body = {"what": "begun", "series": series, "tolerated": tolerated, "between": BETWEEN}
        entry = append(actor, "safety.watched", subject, body)
        watched, _ = Watch.objects.update_or_create(
            subject=subject, series=series,
            defaults={
                "tolerated": tolerated, "state": state, "through": through, "statistic": 0.0, "looks": 0,
                "evidence": entry.sequence,
            },
        )  # fmt: skip
    return watched


def _last_size(subject: str) -> str | None:
    records = Record.objects.filter(kind="scenario.evaluated", subject=subject.partition(":")[2]).order_by("-sequence")
    last = records.first()
    return last.content["size"] if last else None


def _detector_state(detector: Detector) -> dict[str, Any]:
    return {"values": list(detector.values), "looks": detector.looks}


def _detector_of(state: Mapping[str, Any]) -> Detector:
    return Detector(tuple(state["values"]), state["looks"])


def look(actor: Actor, until: date | None = None) -> list[Alarm]:
    """Look at all that is watched, to the end of yesterday; returns the alarms. Sandboxes that ask for it are measured.

    Raises `NotAllowed`.
    """
    require(actor, "safety.watch")
    until = until or timezone.localdate() - timedelta(days=1)
    alarms = []
    for watched in Watch.objects.all():
        with transaction.atomic():
            one = Watch.objects.select_for_update().get(pk=watched.pk)
            alarms += _look_at(actor, one, until)
            one.save()
    for box in Sandbox.objects.filter(state=Sandbox.State.OPEN).select_related("thing"):
        _measure_itself(actor, box, until)
    return alarms


def _look_at(actor: Actor, one: Watch, until: date) -> list[Alarm]:
    found = []
    if one.series in _RATES:
        for batch in batches(one.subject, one.series, date.fromordinal(one.through + 1), until):
            detector = _detector_of(one.state).feed(rate_factors(batch.events, batch.total, one.tolerated or 0.0))
            one.state, one.through = {**one.state, **_detector_state(detector)}, batch.day.toordinal()
            note = {
                "day": batch.day.isoformat(),
                "events": batch.events,
                "total": batch.total,
                "tolerated": one.tolerated,
            }
            found += _tell(actor, one, detector, note)
        return found
    for through, figure in _figures(one, until):
        state = one.state
        drift = Drift(state["past"], _detector_of(state), state["seed"])
        drift.feed(figure)
        one.through = through
        one.state = {**state, **_detector_state(drift.detector), "past": drift.past}
        found += _tell(actor, one, drift.detector, {"figure": figure, "through": through})
    return found


def _tell(actor: Actor, one: Watch, detector: Detector, note: Mapping[str, Any]) -> list[Alarm]:
    """Tell an alarm, once: what lasts is one matter, until somebody begins the watch anew."""
    one.statistic, one.looks = detector.statistic, detector.looks
    if detector.statistic < BETWEEN or one.state.get("told"):
        return []
    one.state = {**one.state, "told": True}
    body = {"series": one.series, "statistic": detector.statistic, "looks": detector.looks, "between": BETWEEN, **note}
    entry = append(actor, "safety.alarmed", one.subject, body)
    told = Alarm.objects.create(
        watch=one, statistic=detector.statistic, looks=detector.looks, note=dict(note), evidence=entry.sequence
    )
    return [told]


def _measure_itself(actor: Actor, box: Sandbox, until: date) -> None:
    """Measure what the site sees itself of a sandbox's figures: its rates, and the number of alarms."""
    for condition in box.conditions:
        name = condition["name"]
        if name in {one.value for one in _RATES}:
            seen = batches(box.thing.subject, name, box.since, until)
            total = sum(one.total for one in seen)
            value = sum(one.events for one in seen) / total if total else None
        elif name == "alarms":
            value = float(Alarm.objects.filter(watch__subject=box.thing.subject, time__date__gte=box.since).count())
        else:
            continue
        last = box.latest().get(name)
        if value is None or (last and last.value == value):
            continue
        if not measure(actor, box, name, value).kept:
            return


# Incidents.


def report(
    actor: Actor,
    *,
    subject: str,
    title: str,
    text: str,
    found: datetime | None = None,
    people: int = 0,
    yuan: int = 0,
    hours: float = 0.0,
    critical: bool = False,
    records: Sequence[int] = (),
    alarm: Alarm | None = None,
) -> Incident:
    """Report an incident; it is graded by what it did. A relatively serious one or worse stops the subject's sandbox.

    Raises `NotAllowed`, `Refused`.
    """
    require(actor, "safety.report")
    now = timezone.now()
    title, text = _said(title, 200), _said(text, 20_000)
    known = set(Record.objects.filter(sequence__in=records).values_list("sequence", flat=True))
    if unknown := sorted(set(records) - known):
        raise Refused(Text(f"没有存证 {unknown}", f"there are no records {unknown}"))
    if (found or now) > now or min(people, yuan, hours) < 0 or not math.isfinite(hours):
        raise Refused(
            Text("发现时间不能晚于现在，数值不能为负", "it was found before now, and its figures are not negative")
        )
    if not subject.strip() or len(subject) > 200:
        raise Refused(Text("请写明涉及的对象", "say what it is about"))
    level = grade(people=people, yuan=yuan, hours=hours)
    with transaction.atomic():
        made = Incident.objects.create(
            subject=subject.strip(), title=title, text=text, level=level, critical=critical, people=people, yuan=yuan,
            hours=hours, reporter=str(actor), found=found or now, records=sorted(known), evidence=0,
        )  # fmt: skip
        digest = hashlib.sha256(text.encode()).hexdigest()
        body = {"subject": made.subject, "title": title, "text_digest": f"sha256:{digest}", "records": made.records}
        _record(actor, made, "reported", {**body, **_harm(made)})
        if alarm is not None:
            Alarm.objects.filter(pk=alarm.pk).update(incident=made)
        _stop_for(actor, made)
    return made


def regrade(actor: Actor, incident: Incident, *, people: int, yuan: int, hours: float, critical: bool) -> Incident:
    """Say anew what an incident did; its level follows. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.handle")
    if min(people, yuan, hours) < 0 or not math.isfinite(hours):
        raise Refused(Text("数值不能为负", "the figures are not negative"))
    with transaction.atomic():
        one = _unclosed(incident)
        one.people, one.yuan, one.hours, one.critical = people, yuan, hours, critical
        one.level = grade(people=people, yuan=yuan, hours=hours)
        _record(actor, one, "graded", _harm(one))
        _stop_for(actor, one)
    return one


def tell(actor: Actor, incident: Incident, whom: str) -> Incident:
    """Note that the authority outside was told. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.handle")
    with transaction.atomic():
        one = _unclosed(incident)
        if one.told:
            raise Refused(Text("已报告过", "it has been told"))
        one.told = timezone.now()
        _record(actor, one, "told", {"whom": _said(whom, 200)})
    return one


def contain(actor: Actor, incident: Incident, how: str) -> Incident:
    """Note that an incident does no more harm. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.handle")
    with transaction.atomic():
        one = _unclosed(incident)
        if one.state != Incident.State.REPORTED:
            raise Refused(Text("已处置", "it is contained"))
        one.state, one.contained = Incident.State.CONTAINED, timezone.now()
        _record(actor, one, "contained", {"how": _said(how)})
    return one


def close(actor: Actor, incident: Incident, *, cause: str, lessons: str, records: Sequence[int] = ()) -> Incident:
    """Close a contained incident with its cause and lessons; a serious one must have been told. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.handle")
    known = set(Record.objects.filter(sequence__in=records).values_list("sequence", flat=True))
    if unknown := sorted(set(records) - known):
        raise Refused(Text(f"没有存证 {unknown}", f"there are no records {unknown}"))
    with transaction.atomic():
        one = _unclosed(incident)
        if one.state != Incident.State.CONTAINED:
            raise Refused(Text("尚未处置，不能结案", "it is not contained yet"))
        if one.deadlines.report and not one.told:
            raise Refused(Text("尚未向主管部门报告，不能结案", "the authority has not been told yet"))
        one.cause, one.lessons = _said(cause), _said(lessons)
        one.state, one.closed = Incident.State.CLOSED, timezone.now()
        one.records = sorted({*one.records, *known})
        _record(actor, one, "closed", {"cause": one.cause, "lessons": one.lessons, "records": one.records})
    return one


def _unclosed(incident: Incident) -> Incident:
    one = Incident.objects.select_for_update().get(pk=incident.pk)
    if one.state == Incident.State.CLOSED:
        raise Refused(Text("已结案", "it is closed"))
    return one


def _harm(one: Incident) -> dict[str, Any]:
    return {
        "level": str(one.level), "critical": one.critical, "people": one.people, "yuan": one.yuan, "hours": one.hours,
    }  # fmt: skip


def _record(actor: Actor, one: Incident, what: str, body: Mapping[str, Any]) -> None:
    one.evidence = append(actor, "safety.incident", f"incident:{one.pk}", {"what": what, **body}).sequence
    one.save()


def _stop_for(actor: Actor, one: Incident) -> None:
    if one.grade.rank < Level.SERIOUS.rank:
        return
    for box in Sandbox.objects.select_for_update().filter(thing__subject=one.subject, state=Sandbox.State.OPEN):
        _end(actor, box, Sandbox.State.STOPPED, "stopped", f"安全事件 {one.pk}（{one.grade.words.zh}）")
