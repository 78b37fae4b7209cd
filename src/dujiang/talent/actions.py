"""People's records: made with consent, corrected, seen with a reason, withdrawn, erased; and what other planes ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.evidence.months import Figure, end_of, last_of
from dujiang.identity.models import Person
from dujiang.identity.permission import Actor, allowed, require
from dujiang.messages import Refused, Text
from dujiang.talent import fields
from dujiang.talent.models import (
    Achievement,
    Certificate,
    Consent,
    Course,
    Measure,
    Order,
    Pair,
    Skill,
    Talent,
    Trainee,
    Vacancy,
)
from dujiang.talent.terms import DETAILS, Details, Purpose, State

SELF = "self"


def own(actor: Actor) -> Talent | None:
    """Return the actor's own record, if they have one. Raises `NotAllowed`."""
    require(actor, "talent.own")
    found: Talent | None = Talent.objects.filter(person__username=actor.name, state=State.ACTIVE).first()
    return found


def _person_of(actor: Actor) -> Person:
    person = Person.objects.filter(username=actor.name).first()
    if person is None:
        raise Refused(Text("只有登录的人员有自己的档案", "only people who sign in have a record of their own"))
    return person


def find_skills(names: Iterable[str]) -> list[Skill]:
    """Return skills by address or label, in any language; raises `Refused` for one that the taxonomy has not."""
    found = []
    for name in names:
        skill = Skill.objects.filter(Q(uri=name) | Q(label_zh__iexact=name) | Q(label_en__iexact=name)).first()
        skill = skill or Skill.objects.filter(alternatives__icontains=f"\n{name}\n").first()
        if skill is None:
            raise Refused(Text(f"技能分类中没有“{name}”", f"the taxonomy has no skill {name!r}"))
        found.append(skill)
    return found


def read_coded(values: Mapping[str, str]) -> dict[str, str]:
    """Return industry, level and city as kept; raises `Refused`."""
    try:
        return {
            "industry": fields.industry(values.get("industry", "")),
            "level": fields.level(values.get("level", "")),
            "city": fields.city(values.get("city", "")),
        }
    except fields.Unfit as error:
        raise refused(error) from error


def refused(error: fields.Unfit) -> Refused:
    """Return what somebody is told of a value that can't be used."""
    title = DETAILS.get(error.field, _TITLES.get(error.field, Text(error.field, error.field)))
    return Refused(Text(f"{title.zh}应为{error.expected.zh}", f"{title.en}: expected {error.expected.en}"))


_TITLES = {
    "industry": Text("行业", "industry"),
    "level": Text("等级", "level"),
    "city": Text("市（州）", "city"),
    "purposes": Text("同意的用途", "purposes"),
    "until": Text("保存期限", "kept until"),
    "given": Text("同意日期", "day of the consent"),
    "number": Text("人数", "number"),
}


def record_self(
    actor: Actor, values: Mapping[str, str], *, skills: Iterable[str], purposes: Collection[str], until: date
) -> Talent:
    """Make the actor's own record, with their consent; what waited for them joins it. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.own")
    person = _person_of(actor)
    if own(actor) is not None:
        raise Refused(Text("您已有档案", "you have a record already"))
    return make(
        actor, values, skills=find_skills(skills), purposes=purposes, given=timezone.localdate(), until=until, paper=SELF,
        person=person,
    )  # fmt: skip


def make(
    actor: Actor,
    values: Mapping[str, str],
    *,
    skills: Iterable[Skill],
    purposes: Collection[str],
    given: date,
    until: date,
    paper: str,
    person: Person | None = None,
    unit: Any = None,
) -> Talent:
    """Make a record with a consent; a part of recording oneself and of an import, which ask for the permission."""
    try:
        about, coded = fields.details(values), read_coded(values)
        fields.term(given, until)
        known = fields.purposes(";".join(purposes))
        entered = fields.day("entered", values["entered"]) if values.get("entered") else None
    except fields.Unfit as error:
        raise refused(error) from error
    with transaction.atomic():
        one: Talent = Talent.objects.create(
            person=person, unit=unit, details=about.as_text(), entered=entered, evidence=0, **coded
        )
        one.evidence = append(
            actor, "talent.recorded", str(one), {"what": "recorded", "by": unit and unit.name}
        ).sequence
        one.save()
        one.skills.set(skills)
        _consent(actor, one, known, given, until, paper)
        if person is not None:
            _join(one, person)
    return one


def _join(one: Talent, person: Person) -> None:
    Achievement.objects.filter(login=person.username, talent=None).update(talent=one, login="")


def _consent(actor: Actor, one: Talent, purposes: list[str], given: date, until: date, paper: str) -> Consent:
    body = {
        "what": "given",
        "purposes": purposes,
        "given": given.isoformat(),
        "until": until.isoformat(),
        "by": SELF if paper == SELF else "paper",
    }
    entry = append(actor, "talent.consented", str(one), body)
    made: Consent = Consent.objects.create(
        talent=one, purposes=purposes, given=given, until=until, paper=paper, evidence=entry.sequence
    )
    return made


def _own_or(actor: Actor, one: Talent, action: str) -> bool:
    """Whether the record is the actor's own; raises `NotAllowed` where it is not and they may not do this to it."""
    if one.person and one.person.username == actor.name and allowed(actor, "talent.own"):
        return True
    require(actor, action, [one.unit.name] if one.unit else [])
    return False


def _active(one: Talent) -> Talent:
    locked: Talent = Talent.objects.select_for_update().get(pk=one.pk)
    if locked.state != State.ACTIVE:
        raise Refused(Text("该档案已删除或已合并", "this record has been erased or merged"))
    return locked


def correct(actor: Actor, one: Talent, values: Mapping[str, str], *, skills: Iterable[str]) -> Talent:
    """Correct a record: by the person, or by who recorded them. What is not given is emptied. Raises `NotAllowed`, `Refused`."""
    _own_or(actor, one, "talent.import")
    try:
        about, coded = fields.details(values), read_coded(values)
    except fields.Unfit as error:
        raise refused(error) from error
    with transaction.atomic():
        one = _active(one)
        before = {**asdict(one.about), **{name: getattr(one, name) for name in coded}}
        wanted = find_skills(skills)
        changed = [name for name, value in {**asdict(about), **coded}.items() if before[name] != value]
        if {skill.pk for skill in wanted} != set(one.skills.values_list("pk", flat=True)):
            changed.append("skills")
        one.details = about.as_text()
        for name, value in coded.items():
            setattr(one, name, value)
        one.evidence = append(
            actor, "talent.recorded", str(one), {"what": "corrected", "fields": sorted(changed)}
        ).sequence
        one.save()
        one.skills.set(wanted)
    return one


def leave(actor: Actor, one: Talent, day: date) -> Talent:
    """Say that somebody left the province's pool. Raises `NotAllowed`, `Refused`."""
    _own_or(actor, one, "talent.import")
    if day > timezone.localdate():
        raise Refused(Text("日期不得晚于今天", "a day not after today"))
    with transaction.atomic():
        one = _active(one)
        one.left = day
        body = {"what": "left", "day": day.isoformat()}
        one.evidence = append(actor, "talent.recorded", str(one), body).sequence
        one.save()
    return one


def consent(actor: Actor, one: Talent, purposes: Collection[str], until: date, paper: str = "") -> Consent:
    """Add a consent: the person's own, or a signed one by its ``paper``. Raises `NotAllowed`, `Refused`."""
    by_self = _own_or(actor, one, "talent.import")
    if not by_self and not paper.strip():
        raise Refused(Text("请写明同意书的编号", "say where the signed consent is"))
    given = timezone.localdate()
    try:
        known = fields.purposes(";".join(purposes))
        fields.term(given, until)
    except fields.Unfit as error:
        raise refused(error) from error
    with transaction.atomic():
        return _consent(actor, _active(one), known, given, until, SELF if by_self else paper.strip()[:200])


def withdraw(actor: Actor, one: Talent, purposes: Collection[str] = (), why: str = "") -> Talent:
    """Withdraw consent to some purposes, or to all; with none left the record is erased. Raises `NotAllowed`, `Refused`."""
    _own_or(actor, one, "talent.import")
    nameless(one, why)
    with transaction.atomic():
        one = _active(one)
        gone = set(purposes) or {purpose.value for purpose in Purpose}
        for held in one.consents.filter(withdrawn=None):
            if not gone & set(held.purposes):
                continue
            rest = sorted(set(held.purposes) - gone)
            held.withdrawn = timezone.now()
            held.save()
            if rest:
                _consent(actor, one, rest, held.given, held.until, held.paper)
        append(actor, "talent.consented", str(one), {"what": "withdrawn", "purposes": sorted(gone), "why": why})
        if not one.purposes():
            _erase(actor, one, "consent withdrawn")
    return one


def _erase(actor: Actor, one: Talent, why: str) -> None:
    """Take all that is of the person out of the store; the number stays, so that evidence still refers to something."""
    one.details, one.industry, one.level, one.city = "", "", "", ""
    one.person = one.unit = one.entered = one.left = None
    one.state = State.ERASED
    one.evidence = append(actor, "talent.erased", str(one), {"why": why}).sequence
    one.save()
    one.skills.clear()
    one.consents.all().delete()
    one.achievements.all().delete()
    one.measures.all().delete()
    one.certificates.update(facts={})
    Pair.objects.filter(Q(first=one) | Q(second=one)).delete()
    # What was merged into it is of the same person.
    for other in one.merged.filter(state=State.MERGED):
        _erase(actor, other, why)


def expired(day: date | None = None) -> list[Talent]:
    """Return the records for which no consent holds on a day."""
    today = day or timezone.localdate()
    held = Consent.objects.filter(until__gte=today, withdrawn=None)
    return list(Talent.objects.filter(state=State.ACTIVE).exclude(consents__in=held))


def erase_expired(actor: Actor) -> list[Talent]:
    """Erase the records past their retention. Raises `NotAllowed`."""
    require(actor, "talent.keep")
    with transaction.atomic():
        gone = expired()
        for one in gone:
            _erase(actor, one, "past its retention")
    return gone


def concerned(one: Talent) -> list[str]:
    """Return the units that have to do with somebody: who recorded them, answers for their plan, trains or certifies them."""
    names = {one.unit.name} if one.unit else set()
    names |= set(one.measures.filter(state=State.OPEN).values_list("responsible__name", flat=True))
    names |= set(one.certificates.filter(state=State.VALID).values_list("delegation__unit__name", flat=True))
    names |= set(one.trainings.filter(state=State.ENROLLED).values_list("course__school__unit__name", flat=True))
    return sorted(names)


def nameless(one: Talent, text: str) -> None:
    """Refuse a text that goes into evidence, which all may read and nothing erases, where it says who somebody is."""
    about = one.about
    if any(value and value in text for value in (about.name, about.phone, about.email, about.orcid)):
        raise Refused(
            Text(
                "理由随存证公开且不能删除，请勿写姓名和联系方式",
                "evidence is public and lasts: give no name or number in it",
            )
        )


def see(actor: Actor, one: Talent, purpose: str, why: str) -> Details:
    """Return what is personal of somebody, for a purpose that they consented to; that is evidence.

    Raises `NotAllowed`, and `Refused` where they did not consent or no reason is given.
    """
    require(actor, "talent.see", concerned(one))
    if not why.strip() or len(why) > 500:
        raise Refused(Text("请写明查看理由（500 字以内）", "give the reason, in 500 characters at most"))
    nameless(one, why)
    if purpose == Purpose.ANALYSIS:
        raise Refused(Text("统计分析不需要查看身份信息", "nobody is identified in order to be counted"))
    if purpose not in one.purposes():
        words = Purpose(purpose).words if purpose in set(Purpose) else Text(purpose, purpose)
        raise Refused(Text(f"本人未同意用于{words.zh}", f"they have not consented to {words.en}"))
    about = one.about
    shown = [name for name, value in asdict(about).items() if value]
    append(actor, "talent.seen", str(one), {"purpose": purpose, "why": why.strip(), "fields": shown})
    return about


def seen_by(one: Talent) -> list[Record]:
    """Return the evidence of who saw a record, the last first."""
    return list(Record.objects.filter(subject=str(one), kind="talent.seen").order_by("-sequence")[:100])


def bind(actor: Actor, one: Talent, username: str) -> Talent:
    """Say whose record it is, so that they see it when they sign in. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.keep")
    with transaction.atomic():
        one = _active(one)
        person = Person.objects.filter(username=username).first()
        if person is None or Talent.objects.filter(person=person).exists():
            raise Refused(
                Text(f"没有登录名“{username}”，或其已有档案", f"there is no login {username!r}, or it has a record")
            )
        one.person = person
        one.evidence = append(actor, "talent.recorded", str(one), {"what": "bound", "login": username}).sequence
        one.save()
        _join(one, person)
    return one


# What other planes ask.


def note_achievement(actor: Actor, login: str, what: Text, evidence: int) -> Achievement:
    """Note what somebody achieved, such as a place in a competition; ``evidence`` is the record that shows it.

    It joins the record of the person with this login; where they have none it waits until they make one, which takes
    their consent. The same achievement is noted once. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "talent.note")
    if not Person.objects.filter(username=login).exists():
        raise Refused(Text(f"没有登录名“{login}”", f"there is no login {login!r}"))
    if not Record.objects.filter(sequence=evidence).exists():
        raise Refused(Text(f"没有存证 {evidence}", f"there is no record {evidence}"))
    with transaction.atomic():
        one = Talent.objects.filter(person__username=login, state=State.ACTIVE).first()
        about = {"what_zh": what.zh, "what_en": what.en, "source": evidence}
        holder = {"talent": one} if one else {"talent": None, "login": login}
        if found := Achievement.objects.filter(**holder, **about).first():
            return found
        body = {"what": {"zh": what.zh, "en": what.en}, "source": evidence}
        entry = append(actor, "talent.achieved", str(one) if one else f"person:{login}", body)
        made: Achievement = Achievement.objects.create(**holder, **about, evidence=entry.sequence)
    return made


class VacancyLine(NamedTuple):
    """A vacancy with places open; ``skills`` are addresses of the taxonomy."""

    number: int
    unit: str
    reference: str
    title: str
    industry: str
    level: str
    city: str
    skills: list[str]
    open: int
    closes: date
    evidence: int


def open_vacancies(unit: str = "") -> list[VacancyLine]:
    """Return vacancies that are open today, of a unit where one is given."""
    today = timezone.localdate()
    found = Vacancy.objects.filter(opened__lte=today, closes__gte=today, filled__lt=F("number"))
    if unit:
        found = found.filter(unit__name=unit)
    return [
        VacancyLine(
            one.pk, one.unit.name, one.reference, one.title, one.industry, one.level, one.city,
            [skill.uri for skill in one.skills.all()], one.open, one.closes, one.evidence,
        )
        for one in found.select_related("unit").prefetch_related("skills")
    ]  # fmt: skip


class CourseLine(NamedTuple):
    """A course of a training school that has places; ``skill`` is an address of the taxonomy."""

    number: int
    school: str
    title: str
    skill: str
    skill_title: Text
    level: str
    free: int
    since: date
    until: date
    evidence: int


def open_courses(skill: str = "") -> list[CourseLine]:
    """Return the courses with free places that have not ended, of a skill (its address) where one is given."""
    found = Course.objects.filter(until__gte=timezone.localdate())
    if skill:
        found = found.filter(skill__uri=skill)
    return [
        CourseLine(
            one.pk, one.school.unit.name, one.title, one.skill.uri, one.skill.title, one.level, one.free, one.since,
            one.until, one.evidence,
        )
        for one in found.select_related("school__unit", "skill")
        if one.free
    ]  # fmt: skip


def late_measures(unit: str = "") -> list[Measure]:
    """Return the measures of people's plans that are late, of a unit where one is given; the latest first."""
    found = Measure.objects.filter(state=State.OPEN, until__lt=timezone.localdate()).select_related("responsible")
    return list(found.filter(responsible__name=unit) if unit else found)


def month_figures(month: str) -> list[Figure]:
    """Return people on record, measures of plans, certificates, orders and placements at a month's end."""
    end, day = end_of(month)
    last = last_of(month, "talent.recorded", "talent.planned", "talent.certified", "talent.trained")
    people = Talent.objects.filter(state=State.ACTIVE, recorded__lt=end).count()
    measures = Measure.objects.exclude(closed__lt=end)
    certificates = Certificate.objects.filter(state=State.VALID, issued__lte=day).count()
    orders = list(Order.objects.filter(state=State.OPEN))
    placed = Trainee.objects.filter(state=State.PLACED, placed__range=(day.replace(day=1), day)).count()
    return [
        Figure("people", Text("在库人才", "people on record"), people, 0, last.get("talent.recorded")),
        Figure("measures", Text("“一人一策”在办事项", "measures of people's plans"), measures.count(), measures.filter(until__lt=day).count(), last.get("talent.planned")),
        Figure("certificates", Text("有效企业认定证书", "certificates by enterprises"), certificates, 0, last.get("talent.certified")),
        Figure("orders", Text("在办培养订单", "orders of training"), len(orders), sum(one.late for one in orders), last.get("talent.trained")),
        Figure("placed", Text("本月订单学员上岗", "trainees placed in the month"), placed, 0, last.get("talent.trained")),
    ]  # fmt: skip
