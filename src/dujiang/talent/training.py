"""Order-based training (订单式培养): an enterprise's order, a school's course, placements, and whether people stayed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.talent import fields
from dujiang.talent.actions import find_skills, read_coded, refused
from dujiang.talent.intake import unit_of
from dujiang.talent.models import Course, Order, School, Talent, Trainee
from dujiang.talent.terms import Purpose, State

STAY = timedelta(days=182)
"""After half a year it is known whether somebody stayed."""


def register_school(actor: Actor, unit: str) -> School:
    """Say that a unit is a school that trains. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.keep")
    owner = unit_of(actor, unit)
    with transaction.atomic():
        if found := School.objects.filter(unit=owner).first():
            return found
        entry = append(actor, "talent.trained", owner.name, {"what": "school"})
        made: School = School.objects.create(unit=owner, evidence=entry.sequence)
    return made


def order(
    actor: Actor, title: str, coded: Mapping[str, str], skill: str, number: int, by: date, unit: str = ""
) -> Order:
    """Order people with a skill from schools. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.order")
    owner = unit_of(actor, unit)
    require(actor, "talent.order", [owner.name])
    kept, [found] = read_coded(coded), find_skills([skill])
    _check(title, number, by)
    with transaction.atomic():
        body = {"what": "ordered", "skill": found.uri, **kept, "number": number, "by": by.isoformat()}
        entry = append(actor, "talent.trained", owner.name, body)
        made: Order = Order.objects.create(
            unit=owner, title=title.strip(), skill=found, number=number, by=by, evidence=entry.sequence, **kept
        )
    return made


def _check(title: str, number: int, until: date) -> None:
    if not 1 <= len(title.strip()) <= 200 or not 1 <= number <= 100_000 or until <= timezone.localdate():
        raise Refused(
            Text(
                "请写明名称、1 至 100000 的人数和晚于今天的日期",
                "give a title, a number of 1 to 100,000, a day after today",
            )
        )


def open_course(
    actor: Actor,
    title: str,
    skill: str,
    level: str,
    places: int,
    since: date,
    until: date,
    *,
    order: Order | None = None,
    unit: str = "",
) -> Course:
    """Open a school's course, for an order or for whoever needs it. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.teach")
    owner = unit_of(actor, unit)
    require(actor, "talent.teach", [owner.name])
    school = School.objects.filter(unit=owner).first()
    if school is None:
        raise Refused(Text(f"“{owner.name}”尚未登记为培养院校", f"{owner.name!r} is not registered as a school"))
    [found] = find_skills([skill])
    try:
        reached = fields.level(level)
    except fields.Unfit as error:
        raise refused(error) from error
    _check(title, places, until)
    if since > until:
        raise Refused(Text("结束不得早于开始", "a course ends after it begins"))
    if order is not None and (order.state != State.OPEN or order.skill_id != found.pk):
        raise Refused(Text("订单已结束，或技能不符", "the order is closed, or of another skill"))
    with transaction.atomic():
        body = {"what": "course", "skill": found.uri, "level": reached, "places": places, "order": order and order.pk}
        entry = append(actor, "talent.trained", owner.name, body)
        made: Course = Course.objects.create(
            school=school, order=order, title=title.strip(), skill=found, level=reached, places=places, since=since,
            until=until, evidence=entry.sequence,
        )  # fmt: skip
    return made


def enrol(actor: Actor, course: Course, one: Talent) -> Trainee:
    """Put somebody on a course who consents to training: by the school, or by themselves. Raises `NotAllowed`, `Refused`."""
    themselves = bool(one.person and one.person.username == actor.name)
    if themselves:
        require(actor, "talent.own")
    else:
        require(actor, "talent.teach", [course.school.unit.name])
    with transaction.atomic():
        held = Course.objects.select_for_update().get(pk=course.pk)
        if one.state != State.ACTIVE or Purpose.TRAINING not in one.purposes():
            raise Refused(Text("本人未同意参加培养", "they have not consented to training"))
        if held.until < timezone.localdate() or not held.free:
            raise Refused(Text("课程已结束或已满", "the course has ended or is full"))
        if held.trainees.filter(talent=one).exists():
            raise Refused(Text("已在该课程中", "they are on the course already"))
        entry = append(
            actor,
            "talent.trained",
            course.school.unit.name,
            {"what": "enrolled", "course": held.pk, "talent": str(one)},
        )
        made: Trainee = Trainee.objects.create(course=held, talent=one, evidence=entry.sequence)
    return made


_STEPS = {State.ENROLLED: (State.COMPLETED, State.DROPPED), State.COMPLETED: (State.PLACED, State.DROPPED)}


def move(actor: Actor, trainee: Trainee, state: str, *, placed_with: str = "") -> Trainee:
    """Say that a trainee completed the course, dropped out, or was placed with a unit. Raises `NotAllowed`, `Refused`.

    Somebody who completes has the course's skill from then on; a level is certified, not taught.
    """
    require(actor, "talent.teach", [trainee.course.school.unit.name])
    with transaction.atomic():
        one: Trainee = (
            Trainee.objects.select_for_update().select_related("course__school__unit", "talent").get(pk=trainee.pk)
        )
        if state not in _STEPS.get(State(one.state), ()):
            raise Refused(
                Text(f"不能由“{one.state_words.zh}”变为此状态", f"nobody goes there from {one.state_words.en}")
            )
        body = {"what": state, "course": one.course_id, "talent": str(one.talent)}
        if state == State.PLACED:
            one.placed_with, one.placed = unit_of(actor, placed_with), timezone.localdate()
            body["with"] = one.placed_with.name
        if state == State.COMPLETED and one.talent.state == State.ACTIVE:
            one.talent.skills.add(one.course.skill)
        one.state = state
        one.evidence = append(actor, "talent.trained", one.course.school.unit.name, body).sequence
        one.save()
    return one


def follow_up(actor: Actor, trainee: Trainee, *, stayed: bool) -> Trainee:
    """Say, half a year after, whether somebody stayed: by the unit that they were placed with. Raises `NotAllowed`, `Refused`."""
    if trainee.placed_with is None or trainee.placed is None:
        raise Refused(Text("尚未上岗", "they have not been placed"))
    require(actor, "talent.order", [trainee.placed_with.name])
    if timezone.localdate() < trainee.placed + STAY:
        raise Refused(Text("上岗满半年后再填", "half a year after they were placed, not before"))
    with transaction.atomic():
        one: Trainee = Trainee.objects.select_for_update().get(pk=trainee.pk)
        one.stayed = stayed
        body = {"what": "stayed" if stayed else "left", "course": one.course_id, "talent": str(one.talent)}
        one.evidence = append(actor, "talent.trained", trainee.placed_with.name, body).sequence
        one.save()
    return one


def close_order(actor: Actor, wanted: Order, outcome: str) -> Order:
    """Close an order with its outcome; it is done where as many were placed as were ordered. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.order", [wanted.unit.name])
    if not outcome.strip() or len(outcome) > 2000:
        raise Refused(Text("请写明成效（2000 字以内）", "say what came of it, in 2,000 characters at most"))
    with transaction.atomic():
        one: Order = Order.objects.select_for_update().get(pk=wanted.pk)
        if one.state != State.OPEN:
            raise Refused(Text("订单已结束", "the order is closed"))
        placed = one.placed
        one.state, one.outcome = State.DONE if placed >= one.number else State.DROPPED, outcome.strip()
        body = {"what": f"order {one.state}", "order": one.pk, "ordered": one.number, "placed": placed}
        one.evidence = append(actor, "talent.trained", one.unit.name, body).sequence
        one.save()
    return one
