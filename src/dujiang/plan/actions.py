"""Loading a plan, amending it by hand, and recording its statistics."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import Happening, append, append_all
from dujiang.evidence.months import this_month
from dujiang.identity.actions import units_of_plan
from dujiang.identity.permission import Actor, allowed, require
from dujiang.messages import BadInput, Refused, Text
from dujiang.model import Client, NoAnswer, OverBudget, service
from dujiang.plan.figures import indicators_of, material_now, monthly_dispatch, responsible_units
from dujiang.plan.indicators import indicator_key, month_end
from dujiang.plan.models import Comment, Item, Programme, SignOff, Statistic
from dujiang.plan.uploads import Figure, read_figures
from dujiang.sheets import LARGEST, received

if TYPE_CHECKING:
    from dujiang.plan.answers import Answer
    from dujiang.plan.reader import Plan

_log = logging.getLogger(__name__)

AMENDABLE: dict[str, dict[str, type | tuple[type, ...]]] = {
    Item.Kind.GOAL: {
        "year": int,
        "op": str,
        "value": (int, float),
        "low": (int, float),
        "high": (int, float),
        "unit": str,
        "about": str,
        "approximate": bool,
        "period": str,
        "lead": list,
    },
    Item.Kind.TASK: {"title": str, "lead": list, "cooperating": list},
    Item.Kind.REQUIREMENT: {"title": str},
    Item.Kind.SYSTEM: {"name": str, "kind": str},
}
"""The fields that people may amend, and their types (a value may always be null)."""
LONGEST_COMMENT = 2000
LONGEST_QUESTION = 300
OPS = (">", ">=", "<", "<=", "=")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading did: how many items are new, changed, unchanged, and gone from the text; edits that were kept."""

    programme: Programme
    new: int
    changed: int
    same: int
    gone: int
    amended: int
    evidence: int


def load(actor: Actor, path: Path) -> Loaded:
    """Read a plan's text and store it as a programme, or update the one that has its number (or title).

    People's amendments stay; an item that the text no longer has is kept, and marked as not present.
    Raises `BadInput` where the file can't be read as a plan, `NotAllowed`.
    """
    # The reader's patterns take half a second to make, which the other commands are spared.
    from dujiang.plan.reader import read

    require(actor, "plan.load")
    plan = read(path)
    found = plan.as_json()
    if not found["title"] and not found["tasks"] and not found["goals"]:
        raise BadInput(
            path,
            expected=Text("一份方案：标题、目标或任务", "a plan: a title, goals or tasks"),
            remedy=Text("请检查是否选对了文件", "check whether it is the right file"),
        )
    with transaction.atomic():
        return _store(actor, path, plan, found)


def _store(actor: Actor, path: Path, plan: Plan, found: Mapping[str, Any]) -> Loaded:
    programme, _ = Programme.objects.update_or_create(
        key=found["number"] or found["title"] or path.name,
        defaults={
            "title": found["title"] or path.stem,
            "issuer": found["issuer"] or "",
            "number": found["number"] or "",
            "date": found["date"],
            "text": plan.text,
            "source": path.name,
            "source_digest": hashlib.sha256(path.read_bytes()).hexdigest(),
            "unread": found["unread"],
        },
    )
    stored = {(item.kind, item.key): item for item in programme.items.all()}
    new: list[Item] = []
    changed: list[Item] = []
    same = 0
    for (kind, key), (position, facts) in _keyed(found).items():
        item = stored.pop((kind, key), None)
        if item is None:
            new.append(Item(programme=programme, kind=kind, key=key, position=position, read=facts))
        elif (item.position, item.read, item.present) != (position, facts, True):
            item.position, item.read, item.present = position, facts, True
            changed.append(item)
        else:
            same += 1
    gone = [item for item in stored.values() if item.present]
    for item in gone:
        item.present = False
    Item.objects.bulk_create(new)
    Item.objects.bulk_update([*changed, *gone], ["position", "read", "present"])
    units_of_plan(unit for task in found["tasks"] for unit in (*task["lead"], *task["cooperating"]))
    amended = programme.items.exclude(amended={}).count()
    counts = {"new": len(new), "changed": len(changed), "same": same, "gone": len(gone), "amended": amended}
    body = {"title": programme.title, "source": programme.source, "sha256": programme.source_digest, **counts}
    entry = append(actor, "plan.loaded", programme.key, body)
    return Loaded(programme, **counts, evidence=entry.sequence)


def _keyed(found: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
    """Return (position, facts) by (kind, key); two items that would share a key are told apart by their order."""
    keyed: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    lists = (
        (Item.Kind.GOAL, found["goals"], _goal_key),
        (Item.Kind.TASK, found["tasks"], lambda task: str(task["number"])),
        (Item.Kind.REQUIREMENT, found["requirements"], lambda one: str(one["number"])),
        (Item.Kind.SYSTEM, found["systems"], lambda system: f"{system['task']}|{system['name']}"),
    )
    for kind, items, key_of in lists:
        for position, facts in enumerate(items, start=1):
            key = base = key_of(facts)[:380]
            repeat = 1
            while (kind.value, key) in keyed:
                repeat += 1
                key = f"{base}#{repeat}"
            keyed[kind.value, key] = (position, facts)
    return keyed


def _goal_key(goal: Mapping[str, Any]) -> str:
    # A new edition may raise the number: it is the same goal as long as it is about the same thing and year.
    about = indicator_key(goal) if goal["op"] else "".join(goal["text"].split())
    return f"{goal['where']}|{goal['year']}|{about}"


def ask(actor: Actor, programme: Programme, question: str) -> Answer:
    """Answer a question about a programme, its progress or policy, citing its text and evidence, or say why not.

    A model writes where the site names one and the actor has signed in, since its tokens cost money; otherwise, and
    where the model fails, passages answer. Reading leaves no evidence. Raises `Refused` for no question, `NotAllowed`.
    """
    from dujiang.plan.answers import by_retrieval
    from dujiang.plan.writing import TOKENS_OF_QUESTION, by_model

    require(actor, "plan.read")
    question = question.strip()
    if not question or len(question) > LONGEST_QUESTION:
        zh, en = f"问题应为 1 至 {LONGEST_QUESTION} 字", f"a question has 1 to {LONGEST_QUESTION} characters"
        raise Refused(Text(zh, en))
    about, where = material_now(programme), service()
    if where is not None and where.chat and allowed(actor, "plan.ask-model"):
        try:
            return by_model(about, question, Client(where, "chat", TOKENS_OF_QUESTION))
        except (NoAnswer, OverBudget) as error:
            _log.warning("ask: %s", error)
    return by_retrieval(about, question)


def amend(actor: Actor, item: Item, field: str, value: Any, why: str) -> Item:
    """Amend a field of an item by hand, with the reason; a value equal to what was read takes the amendment back.

    Every amendment is evidence, with the value before and after. Raises `Refused` for a field that can't be amended,
    a value of another type, or no reason; `NotAllowed`.
    """
    require(actor, "plan.amend")
    _check_amendment(item, field, value, why)
    with transaction.atomic():
        item = Item.objects.select_for_update().select_related("programme").get(pk=item.pk)
        before = item.facts.get(field)
        amended = {name: kept for name, kept in item.amended.items() if name != field}
        item.amended = amended if value == item.read.get(field) else {**amended, field: value}
        item.save()
        body = {
            "item": f"{item.kind} {item.position}",
            "key": item.key,
            "field": field,
            "before": before,
            "after": value,
            "why": why,
        }
        append(actor, "plan.amended", item.programme.key, body)
    return item


def _check_amendment(item: Item, field: str, value: Any, why: str) -> None:
    types = AMENDABLE[item.kind]
    if field not in types:
        known = ", ".join(types)
        raise Refused(
            Text(f"不能修订字段 {field}；可修订：{known}", f"field {field} can't be amended; these can: {known}")
        )
    # JSON's true is a Python int.
    wrong = isinstance(value, bool) and types[field] is not bool
    if value is not None and (wrong or not isinstance(value, types[field])):
        raise Refused(
            Text(f"字段 {field} 的值类型不对：{value!r}", f"field {field} has a value of the wrong type: {value!r}")
        )
    if field == "op" and value not in (*OPS, None):
        raise Refused(Text(f"op 应为 {' '.join(OPS)} 之一", f"op must be one of {' '.join(OPS)}"))
    if isinstance(value, list) and not all(isinstance(name, str) and name for name in value):
        raise Refused(Text(f"{field} 应为单位名称列表", f"{field} must be a list of units' names"))
    if not why.strip():
        raise Refused(Text("请写明修订理由", "say why it is amended"))


def check_statistics(actor: Actor, programme: Programme, path: Path) -> list[Figure]:
    """Read a table of statistics and check every row, changing nothing. Raises `BadInput`, `NotAllowed`."""
    require(actor, "statistic.record")
    figures = read_figures(path, indicators_of(programme))
    responsible = responsible_units(programme)
    for one in figures:
        require(actor, "statistic.record", responsible[one.indicator])
    _refuse_future(path, [(one.row, one.period, one.period_end) for one in figures])
    return figures


def record_statistics(actor: Actor, programme: Programme, path: Path) -> list[Statistic]:
    """Record a table of statistics, all rows or none; each row is evidence. Raises `BadInput`, `NotAllowed`."""
    figures = check_statistics(actor, programme, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with transaction.atomic():
        entries = append_all(
            actor,
            [
                Happening(
                    "statistic.recorded",
                    one.indicator[:200],
                    {
                        "programme": programme.key,
                        "period": one.period,
                        "value": one.value,
                        "unit": one.unit,
                        "source": one.source,
                        "vouched_by": one.vouched_by,
                        "file": path.name,
                        "sha256": digest,
                        "row": one.row,
                    },
                )
                for one in figures
            ],
        )
        return Statistic.objects.bulk_create(
            Statistic(
                programme=programme,
                indicator=one.indicator,
                period=one.period,
                period_end=one.period_end,
                value=one.value,
                unit=one.unit,
                source=one.source,
                vouched_by=one.vouched_by,
                recorded=timezone.now(),
                evidence=entry.sequence,
            )
            for one, entry in zip(figures, entries, strict=True)
        )


def record_sent_statistics(actor: Actor, programme: Programme, sent: File) -> list[Statistic]:
    """Record a table that somebody sent, as `record_statistics`; errors and evidence tell it by the sender's name."""
    require(actor, "statistic.record")
    with received(sent.name or "", sent.read(LARGEST + 1)) as path:
        return record_statistics(actor, programme, path)


def comment(actor: Actor, programme: Programme, month: str, text: str) -> Comment:
    """Say something to a month's dispatch, until it is signed off. Raises `NotAllowed`, `Refused`."""
    require(actor, "dispatch.comment")
    text = text.strip()
    # Control characters and halves of characters are no text, and not every database takes them.
    if not 1 <= len(text) <= LONGEST_COMMENT or any(
        category(letter) in ("Cc", "Cs") and letter not in "\r\n\t" for letter in text
    ):
        raise Refused(
            Text(
                f"意见应为 1 至 {LONGEST_COMMENT} 字的文字", f"a comment has 1 to {LONGEST_COMMENT} characters of text"
            )
        )
    with transaction.atomic():
        _refuse_closed(programme, month)
        body = {"programme": programme.key, "unit": actor.unit, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        entry = append(actor, "dispatch.commented", month, body)
        return Comment.objects.create(
            programme=programme,
            month=month,
            author=actor.name,
            unit=actor.unit,
            text=text,
            written=timezone.now(),
            evidence=entry.sequence,
        )


def sign_off(actor: Actor, programme: Programme, month: str) -> SignOff:
    """Freeze a month's dispatch as it stands. Raises `NotAllowed`, and `Refused` for a month to come or signed off."""
    require(actor, "dispatch.sign-off")
    with transaction.atomic():
        _refuse_closed(programme, month)
        made = monthly_dispatch(programme, month).as_json()
        digest = hashlib.sha256(json.dumps(made, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        entry = append(actor, "dispatch.signed-off", month, {"programme": programme.key, "sha256": digest})
        return SignOff.objects.create(
            programme=programme,
            month=month,
            made=made,
            author=actor.name,
            signed=timezone.now(),
            evidence=entry.sequence,
        )


def _refuse_closed(programme: Programme, month: str) -> None:
    """Lock the programme, so that of two who close or comment at once one waits, and refuse what is closed or to come."""
    Programme.objects.select_for_update().get(pk=programme.pk)
    month_end(month)
    if month > this_month():
        raise Refused(Text(f"{month} 尚未开始", f"{month} has not begun"))
    if signed := programme.sign_offs.filter(month=month).first():
        raise Refused(
            Text(
                f"{month} 月调度已签发（存证 {signed.evidence}）", f"{month} is signed off (evidence {signed.evidence})"
            )
        )


def _refuse_future(path: Path, periods: list[tuple[int, str, date]]) -> None:
    """A figure of a period that has not begun can't be known."""
    # A period under way may be reported to date; the longest is a year.
    latest = timezone.localdate() + timedelta(days=366)
    for row, period, end in periods:
        if end > latest:
            raise BadInput(
                path,
                row=row,
                field="period",
                expected=Text("已经开始的期间", "a period that has begun"),
                found=period,
            )
