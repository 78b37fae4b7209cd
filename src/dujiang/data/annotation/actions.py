"""What people do with annotation projects: set them up, label, decide; and what is put on record of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Min, Q, Sum
from django.utils import timezone

from dujiang.data.annotation import formats
from dujiang.data.annotation.agreement import Scale
from dujiang.data.annotation.consensus import consensus
from dujiang.data.annotation.labels import Annotated, Kind, checked, from_json, to_json
from dujiang.data.annotation.models import Assignment, Base, Batch, Guideline, Item, Member, Project
from dujiang.data.models import Dataset
from dujiang.evidence.actions import append
from dujiang.evidence.months import this_month
from dujiang.identity.codes import prefectures
from dujiang.identity.models import Person, Unit
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused, Text

BATCH = 200
"""Accepted labels that are put on record at once."""
WAIT = timedelta(minutes=10)
"""How long an accepted label waits for others to be put on record with."""
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_LABEL = re.compile(r"\S(.{0,58}\S)?")
_MOST_LABELS = 200
_LONGEST_GUIDELINE = 100_000
_RETURNED = 200
"""Items that come back at once."""
_ROWS = 2000


def seen_by(actor: Actor) -> Any:
    """Return the projects that somebody may know of: their unit's, their base's, and those that they are a member of."""
    every = Project.objects.select_related("unit", "base__unit")
    if actor.role in (Role.OFFICE, Role.AUDITOR):
        return every
    mine = Q(members__person__username=actor.name, members__active=True)
    if actor.unit:
        mine |= Q(unit__name=actor.unit) | Q(base__unit__name=actor.unit)
    return every.filter(mine).distinct()


def register_base(actor: Actor, unit: str, level: str, division: str) -> Base:
    """Register a unit as an annotation base, or change what it is. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.register-base")
    found = _unit(unit)
    if level not in Base.Level.values:
        raise Refused(Text("级别应为 national 或 provincial", "the level should be national or provincial"))
    if division not in prefectures(f"{division[:2]}0000") and not re.fullmatch(r"\d{2}0000", division):
        raise Refused(Text(f"没有行政区划 {division}", f"there is no division {division}"))
    with transaction.atomic():
        body = {"level": level, "division": division}
        evidence = append(actor, "annotation.base", f"unit:{unit}", body).sequence
        return Base.objects.update_or_create(
            unit=found, defaults={"level": level, "division": division, "evidence": evidence}
        )[0]


def open_project(
    actor: Actor,
    code: str,
    title: str,
    kind: str,
    labels: Sequence[str],
    *,
    unit: str,
    base: str = "",
    dataset: str = "",
    scale: str = Scale.NOMINAL.value,
    overlap: int = 2,
    gold_share: float = 0.05,
    lease_minutes: int = 30,
    price: int = 0,
    adjudication_price: int = 0,
) -> Project:
    """Open a project of a unit; prices in fen. Raises `NotAllowed`, `Refused`.

    ``labels`` are in order where the scale is ordinal, and numbers where it is interval.
    """
    require(actor, "annotation.manage", [unit])
    owner = _unit(unit)
    labels = list(labels)
    if not _CODE.fullmatch(code):
        raise Refused(
            Text(f"代号“{code}”应为小写字母、数字和 -", f"code {code!r} should be small letters, digits and -")
        )
    if not 1 <= len(title.strip()) <= 200:
        raise Refused(Text("标题应为 1 至 200 字", "a title has 1 to 200 characters"))
    if kind not in set(Kind) or scale not in set(Scale):
        raise Refused(Text("没有此种标注或量表", "there is no such kind of labels or scale"))
    if (
        not 1 <= len(labels) <= _MOST_LABELS
        or len(set(labels)) != len(labels)
        or not all(map(_LABEL.fullmatch, labels))
    ):
        raise Refused(
            Text(
                f"标签应为 1 至 {_MOST_LABELS} 个、不重复、各不超过 60 字",
                f"there should be 1 to {_MOST_LABELS} labels, each once, of 60 characters at most",
            )
        )
    if scale != Scale.NOMINAL.value and kind != Kind.CHOICE.value:
        raise Refused(Text("只有分类有次序", "only classes have an order"))
    if scale == Scale.INTERVAL.value and not all(map(_is_number, labels)):
        raise Refused(Text("等距量表的标签应为数字", "on an interval scale labels are numbers"))
    if not (1 <= overlap <= 9 and 0 <= gold_share <= 0.5 and 1 <= lease_minutes <= 7 * 24 * 60):
        raise Refused(
            Text(
                "每条 1 至 9 人，金标准占比 0 至 0.5，领取时限 1 分钟至 7 天",
                "1 to 9 people an item, a gold share of 0 to 0.5, a lease of 1 minute to 7 days",
            )
        )
    if not all(0 <= fen <= 10**8 for fen in (price, adjudication_price)):
        raise Refused(Text("单价应为 0 至 100 万元", "a price is from 0 to a million yuan"))
    place = Base.objects.filter(unit__name=base).first()
    if base and place is None:
        raise Refused(Text(f"“{base}”不是标注基地", f"{base!r} is no annotation base"))
    source = Dataset.objects.seen_by(actor).filter(identifier=dataset).first()
    if dataset and source is None:
        raise Refused(Text(f"没有数据集 {dataset}", f"there is no data set {dataset}"))
    with transaction.atomic():
        if Project.objects.filter(code=code).exists():
            raise Refused(Text(f"已有项目 {code}", f"there is a project {code} already"))
        terms = {
            "kind": kind, "scale": scale, "labels": labels, "overlap": overlap, "gold_share": gold_share,
            "lease_minutes": lease_minutes, "price": price, "adjudication_price": adjudication_price,
        }  # fmt: skip
        body = {"what": "opened", "unit": unit, "base": base, "dataset": dataset, **terms}
        evidence = append(actor, "annotation.project", code, body).sequence
        return Project.objects.create(
            code=code, title=title.strip(), unit=owner, base=place, dataset=source, evidence=evidence, **terms
        )


def publish_guideline(actor: Actor, project: Project, text: str) -> Guideline:
    """Publish a new version of a project's guideline; answers from now on are by it. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.manage", units(project))
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= _LONGEST_GUIDELINE or "\x00" in text:
        raise Refused(
            Text(f"规范应为 1 至 {_LONGEST_GUIDELINE} 字", f"a guideline has 1 to {_LONGEST_GUIDELINE} characters")
        )
    with working_on(project):
        last = project.guideline
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        if last and last.digest == digest:
            raise Refused(Text(f"与第 {last.version} 版相同", f"it is the same as version {last.version}"))
        version = last.version + 1 if last else 1
        body = {"what": "guideline published", "version": version, "digest": digest}
        evidence = append(actor, "annotation.project", project.code, body).sequence
        return Guideline.objects.create(
            project=project, version=version, text=text, digest=digest, author=actor.name, evidence=evidence
        )


def add_member(actor: Actor, project: Project, login: str, *, adjudicates: bool = False, active: bool = True) -> Member:
    """Let somebody label in a project, adjudicate too, or no longer. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.manage", units(project))
    with working_on(project):
        person = Person.objects.filter(username=login).first()
        if person is None:
            raise Refused(Text(f"没有登录名“{login}”", f"there is no login {login!r}"))
        number = 1 + (project.members.aggregate(last=Max("number"))["last"] or 0)
        member, new = Member.objects.get_or_create(project=project, person=person, defaults={"number": number})
        member.adjudicates, member.active = adjudicates, active
        member.save(update_fields=["adjudicates", "active"])
        if not active:
            _take_back(project, Assignment.objects.filter(member=member, submitted=None))
        # By the number alone: who works where is nobody's business who reads evidence.
        body = {
            "what": "member added" if new else "member changed",
            "member": member.number,
            "adjudicates": adjudicates,
            "active": active,
        }
        append(actor, "annotation.project", project.code, body)
        return member


def close_project(actor: Actor, project: Project) -> Project:
    """Close a project: nothing is given out any more, and what was accepted is on record. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.manage", units(project))
    with working_on(project):
        _put_on_record(actor, project)
        project.closed = timezone.now()
        project.save(update_fields=["closed"])
        append(actor, "annotation.project", project.code, {"what": "closed", "accepted": project.accepted})
    return project


def membership(actor: Actor, project: Project) -> Member:
    """Return what somebody is in a project; raises `Refused` for whoever is no member."""
    member = project.members.filter(person__username=actor.name, active=True).select_related("person").first()
    if member is None:
        raise Refused(Text(f"您不是项目 {project.code} 的标注员", f"you are no annotator of project {project.code}"))
    return member


def next_item(actor: Actor, project: Project) -> Assignment | None:
    """Give somebody the item that they are to label now, the same one until it is answered; None where none is left.

    Nobody is given an item twice. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "annotation.label")
    with working_on(project):
        member = membership(actor, project)
        now = timezone.now()
        mine = Assignment.objects.filter(member=member, submitted=None).select_related("item").first()
        until = now + timedelta(minutes=project.lease_minutes)
        if mine is not None:
            mine.until = until
            mine.save(update_fields=["until"])
            return mine
        _take_back(project, Assignment.objects.filter(project=project, submitted=None, until__lt=now))
        if project.pending_since and project.pending_since < now - WAIT:
            _put_on_record(actor, project)
        item = _due_gold(project, member) or _due(project, member)
        if item is None:
            return None
        # The last of several labels without what the model said, so that one at least owes nothing to it.
        blind = not item.gold and project.overlap > 1 and item.slots == 1
        if not item.gold:
            item.slots -= 1
            item.save(update_fields=["slots"])
        member.served += 1
        member.save(update_fields=["cursor", "gold_cursor", "served"])
        shown = item.prediction is not None and not blind
        return Assignment.objects.create(
            item=item, project=project, member=member, guideline=project.guideline, until=until, shown=shown
        )


def _due(project: Project, member: Member) -> Item | None:
    """Return the first item after the member's cursor that may be given to them, and move the cursor there."""
    free = project.items.filter(slots__gt=0, position__gt=member.cursor).exclude(assignments__member=member)
    item = free.order_by("position").first()
    if item is not None:
        member.cursor = item.position
    return item


def _due_gold(project: Project, member: Member) -> Item | None:
    """Return an item whose answer is known, where one is due: as often as the project says, and not to be foreseen."""
    draw = hashlib.sha256(f"{settings.SECRET_KEY}:{project.code}:{member.number}:{member.served}".encode()).digest()
    if int.from_bytes(draw[:8]) >= project.gold_share * 2**64:
        return None
    item = project.items.filter(gold=True, position__gt=member.gold_cursor).order_by("position").first()
    if item is not None:
        member.gold_cursor = item.position
    return item


def _take_back(project: Project, leases: Any) -> None:
    """Put what was given out and not answered at the queue's tail, where nobody's cursor has passed."""
    for lease in leases.select_related("item")[:_RETURNED]:
        item = lease.item
        if not item.gold and item.state == Item.State.OPEN:
            project.tail += 1
            Item.objects.filter(pk=item.pk).update(slots=F("slots") + 1, position=project.tail)
        lease.delete()
    project.save(update_fields=["tail"])


def _lease(actor: Actor, project: Project, number: int) -> Assignment:
    mine = Assignment.objects.filter(
        pk=number, project=project, member=membership(actor, project), submitted=None
    ).select_related("item", "member")
    found = mine.first()
    if found is None:
        raise Refused(
            Text(
                "该条目不在您手中：已提交，或超时已交还", "this item isn't yours: it was answered, or its time ran out"
            )
        )
    return found


def submit(actor: Actor, project: Project, number: int, value: Any, seconds: int = 0) -> Assignment:
    """Take somebody's answer to what they were given. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.label")
    with working_on(project):
        lease = _lease(actor, project, number)
        item = lease.item
        lease.answer = to_json(checked(project.of, value, project.labels, item.content))
        lease.submitted = timezone.now()
        lease.seconds = max(0, min(seconds, 24 * 3600))
        lease.save(update_fields=["answer", "submitted", "seconds"])
        project.answered += 1
        project.save(update_fields=["answered"])
        if not item.gold and item.state == Item.State.OPEN:
            item.given += 1
            item.save(update_fields=["given"])
            if item.given >= project.overlap:
                _weigh(actor, project, item)
        return lease


def skip(actor: Actor, project: Project, number: int) -> None:
    """Give back what one can't label; somebody else gets it. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.label")
    with working_on(project):
        lease = _lease(actor, project, number)
        lease.submitted = timezone.now()
        lease.save(update_fields=["submitted"])
        if not lease.item.gold and lease.item.state == Item.State.OPEN:
            project.tail += 1
            project.save(update_fields=["tail"])
            Item.objects.filter(pk=lease.item_id).update(slots=F("slots") + 1, position=project.tail)


def _weigh(actor: Actor, project: Project, item: Item) -> None:
    """Accept what the answers amount to, or leave it to be decided."""
    given = item.assignments.exclude(answer=None).order_by("pk").values_list("answer", flat=True)
    found = consensus([from_json(project.of, one) for one in given])
    if found is None:
        item.state, item.slots = Item.State.DISPUTED, 0
        item.save(update_fields=["state", "slots"])
    else:
        _accept(actor, project, item, to_json(found))


def _accept(actor: Actor, project: Project, item: Item, answer: Any) -> None:
    project.accepted += 1
    project.pending += 1
    project.pending_since = project.pending_since or timezone.now()
    project.save(update_fields=["accepted", "pending", "pending_since"])
    item.answer, item.state, item.slots, item.accepted = answer, Item.State.ACCEPTED, 0, project.accepted
    item.save(update_fields=["answer", "state", "slots", "accepted", "adjudicator"])
    if project.pending >= BATCH or project.pending_since < timezone.now() - WAIT:
        _put_on_record(actor, project)


def next_dispute(actor: Actor, project: Project) -> Item | None:
    """Return the item that an adjudicator is to decide, none that they answered; None where there is none.

    Raises `NotAllowed`, `Refused`.
    """
    require(actor, "annotation.adjudicate")
    member = _adjudicator(actor, project)
    return (
        project.items.filter(state=Item.State.DISPUTED)
        .exclude(Q(assignments__member=member) & ~Q(assignments__answer=None))
        .order_by("position")
        .first()
    )


def adjudicate(actor: Actor, project: Project, number: int, value: Any) -> Item:
    """Decide a disputed item; None for ``value`` rejects it, as fit for nothing. Raises `NotAllowed`, `Refused`."""
    require(actor, "annotation.adjudicate")
    with working_on(project):
        member = _adjudicator(actor, project)
        item = project.items.filter(pk=number, state=Item.State.DISPUTED).first()
        if item is None:
            raise Refused(Text("该条目无待裁决的分歧", "there is nothing to decide about this item"))
        if item.assignments.filter(member=member).exclude(answer=None).exists():
            raise Refused(Text("不能裁决自己标注过的条目", "nobody decides about their own answer"))
        project.adjudicated += 1
        project.save(update_fields=["adjudicated"])
        item.adjudicator = member
        if value is None:
            item.state = Item.State.REJECTED
            item.save(update_fields=["state", "adjudicator"])
        else:
            _accept(actor, project, item, to_json(checked(project.of, value, project.labels, item.content)))
        return item


def _adjudicator(actor: Actor, project: Project) -> Member:
    member = membership(actor, project)
    if not member.adjudicates:
        raise Refused(Text("您不是该项目的裁决员", "you don't adjudicate in this project"))
    return member


def record_accepted(actor: Actor, project: Project) -> Batch | None:
    """Put on record now what was accepted and isn't yet; None where there is nothing. Raises `NotAllowed`."""
    require(actor, "annotation.manage", units(project))
    with working_on(project, closed=True):
        return _put_on_record(actor, project)


def _put_on_record(actor: Actor, project: Project) -> Batch | None:
    if not project.pending:
        return None
    last = project.accepted
    first = last - project.pending + 1
    digest, synthetic = hashlib.sha256(), 0
    rows = project.items.filter(accepted__gte=first, accepted__lte=last).order_by("accepted")
    for key, answer, made in rows.values_list("key", "answer", "synthetic"):
        digest.update(json.dumps([key, answer], ensure_ascii=False, sort_keys=True).encode() + b"\n")
        synthetic += made is not None
    before = project.batches.aggregate(
        answers=Sum("answers", default=0), adjudications=Sum("adjudications", default=0), cost=Sum("cost", default=0)
    )
    spent = project.answered * project.price + project.adjudicated * project.adjudication_price + project.model_cost
    figures: dict[str, Any] = {
        "first": first,
        "last": last,
        "synthetic": synthetic,
        "answers": project.answered - before["answers"],
        "adjudications": project.adjudicated - before["adjudications"],
        "cost": spent - before["cost"],
        "digest": f"sha256:{digest.hexdigest()}",
    }
    guideline = project.guideline
    body = {
        **figures,
        "labels": last - first + 1,
        "unit": project.unit.name,
        "base": project.base.unit.name if project.base else "",
        "guideline": guideline.version if guideline else None,
    }
    evidence = append(actor, "annotation.accepted", project.code, body).sequence
    project.pending, project.pending_since = 0, None
    project.save(update_fields=["pending", "pending_since"])
    month = this_month()
    return Batch.objects.create(project=project, base=project.base, month=month, evidence=evidence, **figures)


def export(actor: Actor, project: Project, form: str) -> str:
    """Return a project's items in a form of `formats.WRITERS`, and leave evidence of it. Raises `NotAllowed`, `Refused`.

    People are known by their numbers in the project. Items whose answer was known beforehand are left out.
    """
    require(actor, "annotation.oversee", units(project))
    suffix_and_kinds = formats.WRITERS.get(form)
    if suffix_and_kinds is None or project.of not in suffix_and_kinds[1]:
        known = "、".join(name for name, (_, kinds) in formats.WRITERS.items() if project.of in kinds)
        raise Refused(Text(f"可导出为 {known}", f"it can be exported as {known}"))
    made = formats.write(form, everything(project), project.of, project.labels, project.title)
    digest = f"sha256:{hashlib.sha256(made.encode()).hexdigest()}"
    with working_on(project, closed=True):
        _put_on_record(actor, project)
        append(
            actor, "annotation.exported", project.code, {"form": form, "digest": digest, "accepted": project.accepted}
        )
    return made


def everything(project: Project) -> Iterator[Annotated]:
    """Yield a project's items with all that was said about them, in the order in which they came."""
    kind = project.of
    items = project.items.filter(gold=False).exclude(state=Item.State.REJECTED)
    for item in items.order_by("pk").prefetch_related("assignments__member").iterator(chunk_size=_ROWS):
        answers = {
            str(one.member.number): from_json(kind, one.answer)
            for one in item.assignments.all()
            if one.answer is not None
        }
        yield replace(item.content, answer=item.said(kind), answers=answers, prediction=item.predicted(kind))


class MonthFigure(NamedTuple):
    """What a base accepted in a month: labels, those on generated items, what they cost in fen, and the records of it.

    ``unit`` is empty for what was labelled at no base.
    """

    unit: str
    level: str
    division: str
    labels: int
    synthetic: int
    cost: int
    evidence: list[int]


def month_figures(month: str) -> list[MonthFigure]:
    """Return what each base accepted in a month, and what was labelled elsewhere; a base that accepted nothing too."""
    rows = (
        Batch.objects.filter(month=month)
        .values("base__unit__name")
        .annotate(
            labels=Sum(F("last") - F("first") + 1), made=Sum("synthetic"), spent=Sum("cost"), from_=Min("evidence"),
            to=Max("evidence"),
        )
    )  # fmt: skip
    found = {row["base__unit__name"] or "": row for row in rows}
    nothing = {"labels": 0, "made": 0, "spent": 0, "from_": None, "to": None}
    places = [(one.unit.name, one.level, one.division) for one in Base.objects.select_related("unit")]
    if "" in found:
        places.append(("", "", ""))
    made = []
    for unit, level, division in places:
        row = found.get(unit, nothing)
        ends = list(dict.fromkeys(number for number in (row["from_"], row["to"]) if number))
        made.append(MonthFigure(unit, level, division, row["labels"], row["made"], row["spent"], ends))
    return made


def units(project: Project) -> list[str]:
    """Return the units that answer for a project: whose it is, and the base that works on it."""
    return [project.unit.name, *([project.base.unit.name] if project.base else [])]


@contextmanager
def working_on(project: Project, *, closed: bool = False) -> Iterator[None]:
    """Change a project when it is one's turn to; raises `Refused` for one that is closed."""
    with transaction.atomic():
        # Its counters are read anew: who went before has moved them.
        fresh = Project.objects.select_for_update().get(pk=project.pk)
        for field in Project._meta.concrete_fields:
            setattr(project, field.attname, getattr(fresh, field.attname))
        if project.closed and not closed:
            raise Refused(Text(f"项目 {project.code} 已关闭", f"project {project.code} is closed"))
        yield


def batched(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield values in lists of a size, the last of what is left."""
    left = iter(values)
    while some := list(islice(left, size)):
        yield some


def _unit(name: str) -> Unit:
    found = Unit.objects.filter(name=name).first()
    if found is None:
        raise Refused(Text(f"没有单位“{name}”", f"there is no unit {name!r}"))
    return found


def _is_number(label: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", label) is not None
