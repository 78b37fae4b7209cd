"""Filing and review, and whether something may be served: what people may do, and what other planes ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.months import Figure, end_of, happened, last_of
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused, Text
from dujiang.safety import filing
from dujiang.safety.incidents import Level
from dujiang.safety.models import Count, Filing, Incident, Question, Sandbox, SandboxUser, Thing
from dujiang.tokens.actions import look_anew

_SUBJECT = re.compile(r"(model|scenario|agent|device|research):[^\s:][^\n:]{0,180}")
_LONGEST = 20_000
"""Characters of a field."""


def register(
    actor: Actor,
    subject: str,
    *,
    title: str,
    owner: str,
    purpose: str,
    data: str,
    version: str,
    facts: Mapping[str, bool] | None = None,
) -> Thing:
    """Register a thing, or change what is said of it. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [owner])
    there = Thing.objects.filter(subject=subject).first()
    if there is not None:
        require(actor, "safety.file", [there.owner])
    kind = subject.partition(":")[0]
    facts = {name: bool(value) for name, value in (facts or {}).items()}
    known = {one.name for one in filing.FACTS}
    faults = [
        (not _SUBJECT.fullmatch(subject), f"“{subject}”应形如 model:名称、scenario:标识、agent:、device:、research:", f"{subject!r} should be like model:NAME, scenario:ID, agent:, device: or research:"),
        (not Unit.objects.filter(name=owner).exists(), f"没有单位“{owner}”", f"there is no unit {owner!r}"),
        (not title.strip() or len(title) > 200, "缺少名称，或超过 200 字", "a title is missing, or above 200 characters"),
        (not purpose.strip() or not data.strip(), "请写明用途和数据", "say what it is for and what data it uses"),
        (not version.strip() or len(version) > 80, "请写明版本摘要（80 字以内）", "give a digest of its version, in 80 characters at most"),
        (max(len(purpose), len(data)) > _LONGEST, "内容过长", "that is too long"),
        (bool(set(facts) - known), f"没有问题 {'、'.join(sorted(set(facts) - known))}", f"there are no questions {sorted(set(facts) - known)}"),
    ]  # fmt: skip
    for wrong, zh, en in faults:
        if wrong:
            raise Refused(Text(zh, en))
    with transaction.atomic():
        served = there.served if there else None
        if facts.get("public") and served is None:
            served = timezone.localdate()
        values = {
            "kind": kind, "title": title.strip(), "owner": owner, "purpose": purpose.strip(), "data": data.strip(),
            "version": version.strip(), "facts": facts,
        }  # fmt: skip
        body = {"what": "changed" if there else "registered", **values}
        entry = append(actor, "safety.registered", subject, body)
        made, _ = Thing.objects.update_or_create(
            subject=subject, defaults={**values, "served": served, "evidence": entry.sequence}
        )
        look_anew()
    return made


def file(actor: Actor, thing: Thing, kind: str, fields: Mapping[str, str]) -> Filing:
    """File a thing: the papers must be complete, and are decided within the rules' time. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [thing.owner])
    _check_complete(kind, fields)
    with transaction.atomic():
        if thing.filings.filter(kind=kind, state__in=(Filing.State.SUBMITTED, Filing.State.ASKED)).exists():
            raise Refused(Text("已有一份同类备案在办", "a filing of this kind is being dealt with"))
        if held := thing.filings.filter(kind=kind, state=Filing.State.GRANTED).first():
            raise Refused(Text(f"已备案（{held.number}）；请办理变更", f"it is filed as {held.number}: file a change"))
        return _submit(actor, thing, kind, fields)


def change(actor: Actor, filed: Filing, fields: Mapping[str, str]) -> Filing:
    """File a change; what is filed holds until the change is granted. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [filed.thing.owner])
    _check_complete(filed.kind, fields)
    with transaction.atomic():
        filed = Filing.objects.select_for_update().get(pk=filed.pk)
        _check_granted(filed)
        if filed.changes.filter(state__in=(Filing.State.SUBMITTED, Filing.State.ASKED)).exists():
            raise Refused(Text("已有一份变更在办", "a change is being dealt with"))
        if dict(fields) == filed.fields:
            raise Refused(Text("没有变更；无变化的年度复核请办理确认", "nothing is changed: confirm it instead"))
        return _submit(actor, filed.thing, filed.kind, fields, filed)


def confirm(actor: Actor, filed: Filing) -> Filing:
    """Confirm that what was filed still holds, for another year (年度复核). Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [filed.thing.owner])
    with transaction.atomic():
        filed = Filing.objects.select_for_update().get(pk=filed.pk)
        _check_granted(filed)
        filed.confirm_by = filing.confirm_by(filed.kind, timezone.localdate())
        body = {"what": "confirmed", "filing": filed.pk, "number": filed.number, "until": filed.confirm_by.isoformat()}
        filed.evidence = append(actor, "safety.filed", filed.thing.subject, body).sequence
        filed.save()
        look_anew()
    return filed


def end(actor: Actor, filed: Filing, why: str) -> Filing:
    """End a filing, as its provider does when the service ends. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [filed.thing.owner])
    _check_said(why)
    with transaction.atomic():
        filed = Filing.objects.select_for_update().get(pk=filed.pk)
        _check_granted(filed)
        filed.state, filed.ended, filed.why = Filing.State.ENDED, timezone.now(), why.strip()
        body = {"what": "ended", "filing": filed.pk, "number": filed.number, "why": why}
        filed.evidence = append(actor, "safety.filed", filed.thing.subject, body).sequence
        filed.save()
        look_anew()
    return filed


def record_external(actor: Actor, thing: Thing, kind: str, *, number: str, authority: str, decided: date) -> Filing:
    """Enter a filing that an authority outside has granted, by its number. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.decide")
    if kind not in filing.KINDS:
        raise Refused(Text(f"没有备案种类“{kind}”", f"there is no kind of filing {kind!r}"))
    if not 4 <= len(number.strip()) <= 60 or not authority.strip() or decided > timezone.localdate():
        raise Refused(
            Text("请写明备案号、备案机关和不晚于今天的日期", "give the number, the authority and a day not after today")
        )
    with transaction.atomic():
        if Filing.objects.filter(number=number.strip()).exists():
            raise Refused(Text(f"备案号 {number} 已登记", f"the number {number} is entered already"))
        now = timezone.now()
        body = {
            "what": "entered", "kind": kind, "number": number.strip(), "authority": authority.strip(),
            "decided": decided.isoformat(),
        }  # fmt: skip
        entry = append(actor, "safety.decided", thing.subject, body)
        made: Filing = Filing.objects.create(
            thing=thing, kind=kind, fields={}, state=Filing.State.GRANTED, filer=str(actor), submitted=now, decided=now,
            reviewer=authority.strip(), number=number.strip(), external=authority.strip(),
            confirm_by=filing.confirm_by(kind, decided), evidence=entry.sequence,
        )  # fmt: skip
        look_anew()
    return made


def ask(actor: Actor, filed: Filing, text: str) -> Question:
    """Ask about a filing; until the answer the clock of the decision stands still. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.decide")
    _check_said(text)
    with transaction.atomic():
        filed = _waiting(filed)
        if filed.state == Filing.State.ASKED:
            raise Refused(Text("上一个问题尚未答复", "the last question has not been answered"))
        today = timezone.localdate()
        filed.state = Filing.State.ASKED
        filed.due = filing.after(today, filing.ANSWER_WORKDAYS, settings.WORKDAYS)
        body = {"what": "asked", "filing": filed.pk, "text": text, "due": filed.due.isoformat()}
        filed.evidence = append(actor, "safety.filed", filed.thing.subject, body).sequence
        filed.save()
        return Question.objects.create(filing=filed, text=text.strip(), asker=str(actor), asked=timezone.now())


def answer(actor: Actor, filed: Filing, text: str, fields: Mapping[str, str] | None = None) -> Filing:
    """Answer the open question, with changed fields where it needs them. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.file", [filed.thing.owner])
    _check_said(text)
    if fields is not None:
        _check_complete(filed.kind, fields)
    with transaction.atomic():
        filed = _waiting(filed)
        open_ = filed.questions.filter(answered=None).first()
        if open_ is None:
            raise Refused(Text("没有待答复的问题", "no question is open"))
        now = timezone.now()
        # The time that was left when it was asked begins again, by working days: the whole of it, to be simple.
        filed.due = filing.decide_by(filed.kind, timezone.localdate(now), settings.WORKDAYS)
        filed.state, filed.fields = Filing.State.SUBMITTED, dict(fields) if fields is not None else filed.fields
        body = {
            "what": "answered",
            "filing": filed.pk,
            "text": text,
            "fields": filed.fields,
            "due": filed.due.isoformat(),
        }
        filed.evidence = append(actor, "safety.filed", filed.thing.subject, body).sequence
        filed.save()
        open_.answer, open_.answerer, open_.answered = text.strip(), str(actor), now
        open_.save()
    return filed


def decide(actor: Actor, filed: Filing, *, granted: bool, why: str) -> Filing:
    """Decide a filing; granted, it gets its number. Nobody decides on what they filed. Raises `NotAllowed`, `Refused`."""
    require(actor, "safety.decide")
    _check_said(why)
    with transaction.atomic():
        filed = _waiting(filed)
        if filed.state == Filing.State.ASKED:
            raise Refused(Text("有问题待答复，不能作出决定", "a question is open: there is no decision yet"))
        if filed.filer == str(actor):
            raise Refused(Text("不得审查自己提交的备案", "nobody decides on what they filed"))
        now, today = timezone.now(), timezone.localdate()
        filed.state = Filing.State.GRANTED if granted else Filing.State.DECLINED
        filed.reviewer, filed.decided, filed.why, filed.due = str(actor), now, why.strip(), None
        if granted:
            filed.number = f"{filed.about.prefix}{today:%Y}{filed.pk:06d}"
            filed.confirm_by = filing.confirm_by(filed.kind, today)
            if filed.replaces:
                Filing.objects.filter(pk=filed.replaces_id).update(state=Filing.State.SUPERSEDED, ended=now)
        body = {
            "what": "granted" if granted else "declined", "filing": filed.pk, "kind": filed.kind, "number": filed.number,
            "why": why, "thing_version": filed.thing.version, "replaces": filed.replaces_id,
        }  # fmt: skip
        filed.evidence = append(actor, "safety.decided", filed.thing.subject, body).sequence
        filed.save()
        look_anew()
    return filed


def _submit(actor: Actor, thing: Thing, kind: str, fields: Mapping[str, str], replaces: Filing | None = None) -> Filing:
    now = timezone.now()
    due = filing.decide_by(kind, timezone.localdate(now), settings.WORKDAYS)
    body = {
        "what": "change submitted" if replaces else "submitted", "kind": kind, "fields": dict(fields),
        "thing_version": thing.version, "due": due.isoformat(), "replaces": replaces and replaces.pk,
    }  # fmt: skip
    entry = append(actor, "safety.filed", thing.subject, body)
    made: Filing = Filing.objects.create(
        thing=thing, kind=kind, fields=dict(fields), filer=str(actor), submitted=now, due=due, replaces=replaces,
        evidence=entry.sequence,
    )  # fmt: skip
    return made


def _check_complete(kind: str, fields: Mapping[str, str]) -> None:
    if kind not in filing.KINDS:
        known = "、".join(filing.KINDS)
        raise Refused(Text(f"没有备案种类“{kind}”；有 {known}", f"there is no kind of filing {kind!r}: {known}"))
    wrong = filing.missing(kind, fields)
    if wrong:
        raise Refused(Text("；".join(one.zh for one in wrong), "; ".join(one.en for one in wrong)))
    if any(len(value) > _LONGEST for value in fields.values()):
        raise Refused(Text(f"每项至多 {_LONGEST} 字", f"a field holds {_LONGEST} characters at most"))


def _check_granted(filed: Filing) -> None:
    if filed.state != Filing.State.GRANTED:
        raise Refused(Text("该备案不在有效状态", "this filing does not hold"))


def _check_said(text: str) -> None:
    if not text.strip() or len(text) > 2000:
        raise Refused(Text("请写明内容（2000 字以内）", "say it, in 2,000 characters at most"))


def _waiting(filed: Filing) -> Filing:
    locked: Filing = Filing.objects.select_for_update().get(pk=filed.pk)
    if not locked.waits:
        raise Refused(Text("该备案已有决定", "this filing has been decided"))
    return locked


# Whether something may be served.


class Standing(NamedTuple):
    """Where a subject stands: registered or not, its filings in force, what it lacks to serve the public, its sandbox."""

    thing: Thing | None
    filings: list[Filing]
    lacking: list[filing.Needed]
    sandbox: Sandbox | None


def standing(subject: str, *, generates: bool) -> Standing:
    """Return where a subject stands; ``generates`` is what is known of it where nobody has registered it."""
    thing = Thing.objects.filter(subject=subject).first()
    if thing is None:
        return Standing(None, [], filing.needed({"public": True, "generates": generates}), None)
    box = next((one for one in thing.sandboxes.filter(state=Sandbox.State.OPEN) if one.holds()), None)
    return Standing(thing, thing.in_force(), thing.lacking(public=True), box)


def admit(actor: Actor, subject: str, *, generates: bool) -> None:
    """Return where ``actor`` may be served by ``subject``; else leave evidence and raise `Refused`.

    The office, and the unit that answers for it, use it for themselves; all others are the public, which is served where
    nothing is lacking, or as users of its sandbox.
    """
    if actor.role is Role.OFFICE:
        return
    found = standing(subject, generates=generates)
    if not found.lacking or (found.thing and found.thing.owner == actor.unit):
        return
    full = False
    if found.sandbox and actor.unit in found.sandbox.units:
        if _enter(actor, found.sandbox):
            return
        full = True
    needs = [one.title for one in found.lacking]
    body = {"actor": str(actor), "lacking": [list(one.kinds) for one in found.lacking], "sandbox_full": full}
    append(actor, "safety.refused", subject, body)
    rest_zh = "，沙盒名额已满" if full else ""
    rest_en = ", and its sandbox is full" if full else ""
    raise Refused(
        Text(
            f"{subject} 尚无{'、'.join(one.zh for one in needs)}，不能向公众提供服务{rest_zh}",
            f"{subject} lacks {', '.join(one.en for one in needs)} and can't be served to the public{rest_en}",
        )
    )


def _enter(actor: Actor, box: Sandbox) -> bool:
    """Let somebody into a sandbox, if there is room; entering is evidence, once."""
    with transaction.atomic():
        box = Sandbox.objects.select_for_update().get(pk=box.pk)
        if box.users.filter(user=str(actor)).exists():
            return True
        if box.users.count() >= box.most_users:
            return False
        SandboxUser.objects.create(sandbox=box, user=str(actor))
        append(actor, "safety.sandbox", box.thing.subject, {"what": "entered", "sandbox": box.pk, "user": str(actor)})
    return True


def barred(models: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return those of publicly offered models that lack a filing, each with the units of its sandbox.

    For the gateway's catalogue: what it learns there it need not ask again.
    """
    found = {}
    for name in models:
        stands = standing(f"model:{name}", generates=True)
        if stands.lacking:
            found[name] = frozenset(stands.sandbox.units) if stands.sandbox else frozenset()
    return found


REFUSED, FILTERED = "not_filed", "content_filter"
"""The codes by which a gateway tells why it refused."""


def refused_by_gateway(actor: Actor, gateway: str, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Book what a gateway refused, by holder, model and code; refusals for a missing filing are evidence. Raises `NotAllowed`."""
    require(actor, "token.meter")
    today = timezone.localdate()
    with transaction.atomic():
        unfiled = [
            {"holder": holder, "model": model, "count": count}
            for (holder, model, code), count in counts.items()
            if code == REFUSED
        ]
        if unfiled:
            append(actor, "safety.refused", f"gateway:{gateway}", {"refused": unfiled})
        by_model: dict[str, int] = {}
        for (_, model, code), count in counts.items():
            if code == FILTERED:
                by_model[model] = by_model.get(model, 0) + count
        for model, count in by_model.items():
            row, _ = Count.objects.select_for_update().get_or_create(
                subject=f"model:{model}", series="refusals", day=today
            )
            Count.objects.filter(pk=row.pk).update(events=F("events") + count)


def month_figures(month: str) -> list[Figure]:
    """Return what is filed, under review, assessed, in the sandbox and in incidents at a month's end."""
    end_, day = end_of(month)
    last = last_of(month, "safety.decided", "safety.filed", "safety.sandbox", "safety.incident")
    granted = Filing.objects.filter(decided__lt=end_, number__isnull=False).exclude(ended__lt=end_)
    waiting = Filing.objects.filter(submitted__lt=end_).exclude(decided__lt=end_)
    boxes = Sandbox.objects.filter(since__lte=day).exclude(ended__lt=end_)
    open_ = list(Incident.objects.filter(time__lt=end_).exclude(closed__lt=end_))
    return [
        Figure("filed", Text("有效备案", "filings in force"), granted.count(), granted.filter(confirm_by__lt=day).count(), last.get("safety.decided")),
        Figure("review", Text("在办备案与审查", "filings and reviews under way"), waiting.count(), waiting.filter(due__lt=day).count(), last.get("safety.filed")),
        happened(month, "assessed", "safety.assessed", Text("本月安全评估", "safety assessments in the month")),
        Figure("sandbox", Text("在运行沙盒", "sandboxes that run"), boxes.count(), boxes.filter(until__lt=day).count(), last.get("safety.sandbox")),
        Figure("incidents", Text("未结安全事件", "incidents not closed"), len(open_), sum(bool(one.late) for one in open_), last.get("safety.incident")),
    ]  # fmt: skip


def overdue_filings() -> list[Filing]:
    """Return the filings where somebody is late, the latest first."""
    return list(Filing.objects.overdue().select_related("thing"))


LEVELS = {one.value: one.words for one in Level}
"""Levels of incidents by name, for pages."""
