"""Taking in: people from tables and ORCID, the taxonomy of skills, vacancies, needs, growth paths; deciding on duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q

from dujiang.evidence.actions import append
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, require
from dujiang.messages import BadInput, Refused, Text
from dujiang.plan.models import Programme
from dujiang.talent import duplicates, esco, fields, orcid, uploads
from dujiang.talent.actions import make, refused
from dujiang.talent.models import Need, Pair, Skill, Talent, Trainee, Vacancy
from dujiang.talent.models import Path as GrowthPath
from dujiang.talent.terms import Details, State


def _source(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def unit_of(actor: Actor, name: str) -> Unit:
    """Return the unit that is meant: the actor's own where none is named; raises `Refused`."""
    wanted = name or actor.unit
    found = Unit.objects.filter(name=wanted).first()
    if found is None:
        raise Refused(Text(f"没有单位“{wanted}”", f"there is no unit {wanted!r}"))
    return found


# Skills.


def load_skills(actor: Actor, path: Path, language: str) -> int:
    """Load concepts of a taxonomy in ESCO's CSV form, with labels in ``language`` (zh or en); all of them or none.

    Those that are there are updated; the other language's labels stay. Raises `NotAllowed`, `BadInput`.
    """
    require(actor, "talent.keep")
    concepts = esco.read_concepts(path)
    field = "label_zh" if language == "zh" else "label_en"
    with transaction.atomic():
        body = {"what": "skills", "language": language, "count": len(concepts), **_source(path)}
        entry = append(actor, "talent.skills", path.name[:200], body)
        known = {one.uri: one for one in Skill.objects.all()}
        new, old = [], []
        for concept in concepts:
            one = known.get(concept.uri) or Skill(uri=concept.uri)
            (old if one.pk else new).append(one)
            others = {*filter(None, one.alternatives.split("\n")), *concept.alternatives}
            one.kind, one.alternatives = concept.kind, "\n" + "".join(f"{other}\n" for other in sorted(others))
            one.evidence = entry.sequence
            setattr(one, field, concept.label)
        Skill.objects.bulk_create(new, batch_size=500)
        Skill.objects.bulk_update(old, ["kind", "alternatives", "evidence", field], batch_size=500)
    return len(concepts)


def load_broader(actor: Actor, path: Path) -> int:
    """Load which skills are broader than which, in place of what was there. Raises `NotAllowed`, `BadInput`."""
    require(actor, "talent.keep")
    numbers = dict(Skill.objects.values_list("uri", "pk"))
    pairs = esco.read_broader(path, numbers)
    through = Skill.broader.through
    with transaction.atomic():
        append(actor, "talent.skills", path.name[:200], {"what": "relations", "count": len(pairs), **_source(path)})
        through.objects.all().delete()
        through.objects.bulk_create(
            (through(from_skill_id=numbers[one], to_skill_id=numbers[broader]) for one, broader in set(pairs)),
            batch_size=500,
        )
    return len(pairs)


def skill_numbers() -> dict[str, int]:
    """Return the numbers of skills by address and by every label in small letters; a preferred label wins."""
    found: dict[str, int] = {}
    rows = list(Skill.objects.values_list("pk", "uri", "label_zh", "label_en", "alternatives"))
    for number, _, _, _, others in rows:
        for label in others.split("\n"):
            found.setdefault(label.casefold(), number)
    for number, uri, zh, en, _ in rows:
        found |= {label.casefold(): number for label in (uri, zh, en) if label}
    found.pop("", None)
    return found


# People.


class Taken(NamedTuple):
    """What an import came to: records made, pairs that may be one person, keywords that the taxonomy has not."""

    records: list[Talent]
    pairs: list[Pair]
    unknown: list[str]


def import_people(actor: Actor, path: Path, unit: str = "") -> Taken:
    """Take the people of a table with the consents that they signed, all or none. Raises `NotAllowed`, `BadInput`, `Refused`.

    ``unit`` is who recorded them; theirs is the actor's own unit, unless the office acts.
    """
    holder = _holder(actor, unit)
    rows = uploads.read_people(path, skill_numbers())
    skills = Skill.objects.in_bulk({number for row in rows for number in row.skills})
    with transaction.atomic():
        made = [
            make(
                actor, {**_texts(row.details), **row.coded, "entered": row.entered.isoformat() if row.entered else ""},
                skills=[skills[number] for number in row.skills], purposes=row.purposes, given=row.given,
                until=row.until, paper=row.paper, unit=holder,
            )
            for row in rows
        ]  # fmt: skip
        return _taken(actor, path, made, holder, [])


def import_orcid(
    actor: Actor,
    path: Path,
    common: Mapping[str, str],
    *,
    purposes: list[str],
    given: date,
    until: date,
    paper: str,
    unit: str = "",
) -> Taken:
    """Take people from ORCID's JSON; ``common`` are the industry, level and city of them all, which ORCID doesn't know.

    Keywords that are skills of the taxonomy become theirs. Raises `NotAllowed`, `BadInput`, `Refused`.
    """
    holder = _holder(actor, unit)
    if not paper.strip():
        raise Refused(Text("请写明同意书的编号", "say where the signed consents are"))
    found, numbers, unknown, made = orcid.read(path), skill_numbers(), set(), []
    with transaction.atomic():
        for one in found:
            values = {"name": one.name, "orcid": one.orcid, "email": one.email, "employer": one.employer}
            try:
                fields.details(values)
            except fields.Unfit as error:
                raise BadInput(
                    path, row=one.place, field=error.field, expected=error.expected, found=values[error.field]
                ) from error
            skills = {word: numbers.get(fields.plain(word).casefold()) for word in one.keywords}
            unknown |= {word for word, number in skills.items() if number is None}
            known = Skill.objects.filter(pk__in=[number for number in skills.values() if number])
            made.append(
                make(
                    actor, {**values, **common}, skills=known, purposes=purposes, given=given, until=until,
                    paper=paper.strip()[:200], unit=holder,
                )
            )  # fmt: skip
        return _taken(actor, path, made, holder, sorted(unknown))


def _holder(actor: Actor, unit: str) -> Unit | None:
    require(actor, "talent.import")
    holder = unit_of(actor, unit) if unit or actor.unit else None
    require(actor, "talent.import", [holder.name] if holder else [])
    return holder


def _texts(details: Details) -> dict[str, str]:
    return {name: str(value) if value else "" for name, value in asdict(details).items()}


def _taken(actor: Actor, path: Path, made: list[Talent], holder: Unit | None, unknown: list[str]) -> Taken:
    pairs = _look()
    body = {"records": [one.pk for one in made], "unit": holder and holder.name, "pairs": len(pairs), **_source(path)}
    append(actor, "talent.imported", path.name[:200], body)
    return Taken(made, pairs, unknown)


# Duplicates.


def look(actor: Actor) -> list[Pair]:
    """Look for records that may be one person's and return the pairs that are new. Raises `NotAllowed`."""
    require(actor, "talent.keep")
    with transaction.atomic():
        return _look()


def _look() -> list[Pair]:
    records = {
        one.pk: duplicates.Known(one.about, one.city)
        for one in Talent.objects.filter(state=State.ACTIVE).only("details", "city").iterator()
    }
    known = set(Pair.objects.values_list("first_id", "second_id"))
    return Pair.objects.bulk_create(
        Pair(first_id=one.first, second_id=one.second, probability=one.probability, reasons=one.reasons)
        for one in duplicates.find(records)
        if (one.first, one.second) not in known
    )


def _open_pair(pair: Pair) -> Pair:
    found: Pair = Pair.objects.select_for_update().select_related("first", "second").get(pk=pair.pk)
    if found.state != State.OPEN:
        raise Refused(Text("该项已判定", "this pair has been decided"))
    return found


def different(actor: Actor, pair: Pair) -> Pair:
    """Say that two records are of two people; they are not told again. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.keep")
    with transaction.atomic():
        pair = _open_pair(pair)
        body = {"what": "different", "other": str(pair.second), "probability": pair.probability}
        pair.evidence = append(actor, "talent.merged", str(pair.first), body).sequence
        pair.state, pair.decided_by = State.DIFFERENT, str(actor)
        pair.save()
    return pair


def merge(actor: Actor, pair: Pair, keep: int) -> Talent:
    """Merge two records into the one numbered ``keep``, which takes from the other what it lacks itself.

    Raises `NotAllowed`, `Refused`.
    """
    require(actor, "talent.keep")
    with transaction.atomic():
        pair = _open_pair(pair)
        if keep not in (pair.first_id, pair.second_id):
            raise Refused(Text("保留的档案须是两者之一", "the record that is kept is one of the two"))
        one, other = (pair.first, pair.second) if keep == pair.first_id else (pair.second, pair.first)
        if one.person_id and other.person_id:
            raise Refused(
                Text("两份档案各有登录名，请先核对本人", "both records belong to people who sign in: ask them first")
            )
        gone = other.about
        about = one.about
        one.details = replace(
            about, **{name: value for name, value in asdict(gone).items() if value and not getattr(about, name)}
        ).as_text()
        for name in ("industry", "level", "city", "unit", "person"):
            if not getattr(one, name):
                setattr(one, name, getattr(other, name))
        one.entered = min(filter(None, (one.entered, other.entered)), default=None)
        other.person, other.details = None, ""
        other.state, other.merged_into = State.MERGED, one
        body = {"what": "merged", "other": str(other), "probability": pair.probability, "reasons": pair.reasons}
        one.evidence = other.evidence = append(actor, "talent.merged", str(one), body).sequence
        other.save()
        one.save()
        one.skills.add(*other.skills.all())
        for rows in (other.consents, other.achievements, other.measures, other.certificates):
            rows.update(talent=one)
        Trainee.objects.filter(talent=other).exclude(course__in=one.trainings.values("course")).update(talent=one)
        other.skills.clear()
        # What else was supposed of the one that is gone is moot.
        Pair.objects.filter(Q(first=other) | Q(second=other), state=State.OPEN).exclude(pk=pair.pk).delete()
        pair.state, pair.decided_by, pair.evidence = State.MERGED, str(actor), one.evidence
        pair.save()
        _look()
    return one


# Demand.


def load_vacancies(actor: Actor, path: Path, unit: str = "") -> int:
    """Take a unit's vacancies, all or none; those that are there by their reference are changed. Raises `NotAllowed`, `BadInput`."""
    require(actor, "talent.demand")
    owner = unit_of(actor, unit)
    require(actor, "talent.demand", [owner.name])
    rows = uploads.read_vacancies(path, skill_numbers())
    with transaction.atomic():
        body = {"what": "vacancies", "references": [row.reference for row in rows], **_source(path)}
        entry = append(actor, "talent.demanded", owner.name, body)
        for row in rows:
            one, _ = Vacancy.objects.update_or_create(
                unit=owner, reference=row.reference,
                defaults={
                    "title": row.title, **row.coded, "number": row.number, "opened": row.opened, "closes": row.closes,
                    "filled": row.filled, "evidence": entry.sequence,
                },
            )  # fmt: skip
            one.skills.set(row.skills)
    return len(rows)


def load_needs(actor: Actor, path: Path, unit: str = "") -> int:
    """Take what tasks need, in place of what the unit said before. Raises `NotAllowed`, `BadInput`."""
    require(actor, "talent.demand")
    owner = unit_of(actor, unit)
    require(actor, "talent.demand", [owner.name])
    rows = uploads.read_needs(path, skill_numbers())
    programme = Programme.current()
    tasks = set(programme.items.filter(kind="task").values_list("position", flat=True)) if programme else set()
    if programme and (wrong := next((row.task for row in rows if row.task not in tasks), None)):
        raise BadInput(
            path, field="任务编号 (task)", expected=Text("方案的任务", "a task of the plan"), found=str(wrong)
        )
    with transaction.atomic():
        entry = append(actor, "talent.demanded", owner.name, {"what": "needs", "count": len(rows), **_source(path)})
        Need.objects.filter(unit=owner).delete()
        Need.objects.bulk_create(
            Need(
                unit=owner, task=row.task, skill_id=row.skill, number=row.number, by=row.by, evidence=entry.sequence,
                **row.coded,
            )
            for row in rows
        )  # fmt: skip
    return len(rows)


def load_paths(actor: Actor, path: Path) -> int:
    """Take growth paths; those that are there are changed. Raises `NotAllowed`, `BadInput`."""
    require(actor, "talent.keep")
    rows = uploads.read_paths(path, skill_numbers())
    with transaction.atomic():
        body: dict[str, Any] = {"what": "paths", "count": len(rows), **_source(path)}
        entry = append(actor, "talent.skills", path.name[:200], body)
        for row in rows:
            GrowthPath.objects.update_or_create(
                skill_id=row.skill, start=row.start, end=row.end,
                defaults={"years": row.years, "evidence": entry.sequence},
            )  # fmt: skip
    return len(rows)


def fill(actor: Actor, vacancy: Vacancy, filled: int) -> Vacancy:
    """Say how many places of a vacancy are filled. Raises `NotAllowed`, `Refused`."""
    require(actor, "talent.demand", [vacancy.unit.name])
    if not 0 <= filled <= vacancy.number:
        raise refused(fields.Unfit("number", Text(f"0 至 {vacancy.number}", f"0 to {vacancy.number}")))
    with transaction.atomic():
        one: Vacancy = Vacancy.objects.select_for_update().get(pk=vacancy.pk)
        one.filled = filled
        body = {"what": "filled", "reference": one.reference, "filled": filled}
        one.evidence = append(actor, "talent.demanded", one.unit.name, body).sequence
        one.save()
    return one
