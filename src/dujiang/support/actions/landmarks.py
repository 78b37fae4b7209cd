"""Landmark scenarios: the call, applications on scenarios that run through, review, funding bound to evidence, clawback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from dujiang import panel
from dujiang.evidence.actions import append
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record
from dujiang.identity.models import Person
from dujiang.identity.permission import Actor, Role, require
from dujiang.messages import Refused, Text, money
from dujiang.scenarios.registry import UnknownScenario, find
from dujiang.support import landmarks
from dujiang.support.actions.checks import amount, expect, locked, reason, said, unit_named
from dujiang.support.models import Assignment, Call, Clawback, Instalment, Interest, Landmark


def open_call(
    actor: Actor, *, title: str, text: str, budget: int, most: int, opens: date, closes: date,
    criteria: Mapping[str, Mapping[str, Any]], least: float = 60.0, each: int = 3,
    instalments: Sequence[landmarks.Instalment] = landmarks.INSTALMENTS,
) -> Call:  # fmt: skip
    """Open a call; ``criteria`` by name, each with ``zh``, ``en`` and ``weight``. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    title, text = said(title, Text("标题", "a title"), 200), said(text, Text("通知内容", "the text"))
    amount(budget, Text("资金总额", "the budget"))
    amount(most, Text("单个上限", "the most for one"), budget)
    landmarks.parts(budget, instalments)
    faults = [
        (opens > closes, "截止早于开始", "it closes before it opens"),
        (not criteria or any(not str(one.get("zh", "")).strip() or not 1 <= int(one.get("weight", 0)) <= 100 for one in criteria.values()), "评审标准应有名称和 1 至 100 的权重", "criteria have a title and a weight of 1 to 100"),
        (not 0 <= least <= 100, "最低分应为 0 至 100", "the least score is 0 to 100"),
        (not 1 <= each <= 9, "每份申报由 1 至 9 名专家评审", "1 to 9 review each"),
        (bool({kind for one in instalments for kind in one.records} - set(KINDS)), "没有这种存证", "there is no such kind of evidence"),
    ]  # fmt: skip
    for wrong, zh, en in faults:
        if wrong:
            raise Refused(Text(zh, en))
    with transaction.atomic():
        body = {
            "what": "call opened",
            "budget": budget,
            "most": most,
            "closes": closes.isoformat(),
            "least": least,
            "each": each,
        }
        entry = append(actor, "support.landmark", title, body)
        return Call.objects.create(
            title=title, text=text, budget=budget, most=most, opens=opens, closes=closes, least=least, each=each,
            criteria={name: dict(one) for name, one in criteria.items()},
            instalments=[[one.title, one.share, list(one.records)] for one in instalments], evidence=entry.sequence,
        )  # fmt: skip


def runs_through(scenario: str) -> Record:
    """Return the record by which a scenario, as it is installed here, runs through; raises `Refused` where none does.

    The last evaluation counts, and only of the version that stands here now: what was changed since has to run again.
    """
    try:
        version = find(scenario).version()
    except UnknownScenario as error:
        raise Refused(Text(f"没有场景 {scenario}", f"there is no scenario {scenario}")) from error
    last = Record.objects.filter(kind="scenario.evaluated", subject=scenario).order_by("-sequence").first()
    if last is None:
        raise Refused(Text(f"场景 {scenario} 尚未评测", f"{scenario} has not been evaluated"))
    body = last.content
    if body.get("version") != version:
        raise Refused(Text(f"场景 {scenario} 评测后有改动，请重新评测", f"{scenario} has changed since its evaluation"))
    if not (body.get("verdict") or {}).get("runs_through"):
        raise Refused(
            Text(
                f"场景 {scenario} 最近一次评测未跑通（存证 {last.sequence}）",
                f"{scenario} does not run through (record {last.sequence})",
            )
        )
    return last


def apply(
    actor: Actor, call: Call, unit: str, *, scenario: str, title: str, text: str, fen: int, partners: Sequence[str] = ()
) -> Landmark:
    """Apply to a call with a scenario that runs through, which is looked up and not asked. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    title, text = said(title, Text("标题", "a title"), 200), said(text, Text("申报内容", "the text"))
    amount(fen, Text("申请额", "what is asked for"), call.most)
    names = [unit_named(name.strip()).name for name in partners if name.strip()]
    verdict = runs_through(scenario)
    with transaction.atomic():
        if not locked(call).takes():
            raise Refused(Text("不在申报期内", "the call takes no applications now"))
        if call.applications.filter(unit=found, scenario=scenario).exists():
            raise Refused(Text("该场景已申报", "this scenario has been applied with"))
        body = {
            "what": "applied",
            "unit": unit,
            "partners": names,
            "scenario": scenario,
            "verdict": verdict.sequence,
            "amount": fen,
        }
        entry = append(actor, "support.landmark", title, body)
        return Landmark.objects.create(
            call=call, unit=found, partners=names, scenario=scenario, title=title, text=text, amount=fen,
            verdict=verdict.sequence, submitted=timezone.now(), evidence=entry.sequence,
        )  # fmt: skip


def declare_interest(actor: Actor, unit: str) -> Interest:
    """Declare an interest in a unit: a reviewer is not given what is of it. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.review")
    name = unit_named(unit).name
    with transaction.atomic():
        if there := Interest.objects.filter(reviewer=actor.name, unit=name).first():
            return there
        entry = append(actor, "support.landmark", f"interest:{actor.name}", {"what": "interest declared"})
        return Interest.objects.create(reviewer=actor.name, unit=name, evidence=entry.sequence)


def experts() -> list[landmarks.Expert]:
    """Return the reviewers who may sign in, each with their unit and declared interests."""
    interests: dict[str, set[str]] = {}
    for one in Interest.objects.all():
        interests.setdefault(one.reviewer, set()).add(one.unit)
    people = Person.objects.filter(role=Role.REVIEWER.value, is_active=True).select_related("unit").order_by("username")
    return [
        landmarks.Expert(one.username, one.unit.name if one.unit else "", frozenset(interests.get(one.username, ())))
        for one in people
    ]


def assign(actor: Actor, call: Call) -> list[Assignment]:
    """Give the applications of a call that is over to reviewers without a conflict, evenly. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    with transaction.atomic():
        call = locked(call)
        if call.takes() or call.settled:
            raise Refused(Text("申报期未结束，或已评定", "the call is still open, or settled"))
        waiting = {str(one.pk): one for one in call.applications.filter(state=Landmark.State.SUBMITTED)}
        known = experts()
        met = {(key, who.name) for key, one in waiting.items() for who in known if landmarks.conflicts(who, one.units)}
        pairs = panel.assign(sorted(waiting), [who.name for who in known], met, call.each)
        made = [_assigned(actor, waiting[key], name) for key, name in pairs]
        for one in waiting.values():
            one.state = Landmark.State.REVIEWED
            one.save()
    return made


def _assigned(actor: Actor, one: Landmark, reviewer: str) -> Assignment:
    entry = append(actor, "support.landmark", one.title, {"what": "assigned", "application": one.pk})
    return Assignment.objects.create(landmark=one, reviewer=reviewer, evidence=entry.sequence)


def step_back(actor: Actor, assignment: Assignment, why: str) -> Assignment:
    """Step back from a review for a conflict of interest; another without one takes it. Raises `NotAllowed`, `Refused`."""
    _own(actor, assignment)
    why = reason(why)
    with transaction.atomic():
        one = locked(assignment)
        if one.recused or one.score is not None:
            raise Refused(Text("已评审或已回避", "it is judged, or stepped back from"))
        one.recused, one.why, one.time = True, why, timezone.now()
        one.evidence = append(
            actor, "support.landmark", one.landmark.title, {"what": "stepped back", "application": one.landmark_id}
        ).sequence
        one.save()
        taken = set(one.landmark.assignments.values_list("reviewer", flat=True))
        loads = {
            expert.name: Assignment.objects.filter(reviewer=expert.name, score=None, recused=False).count()
            for expert in experts()
        }
        free = [
            each.name
            for each in experts()
            if each.name not in taken and not landmarks.conflicts(each, one.landmark.units)
        ]
        if free:
            _assigned(actor, one.landmark, min(free, key=lambda name: (loads[name], name)))
    return one


def judge(actor: Actor, assignment: Assignment, scores: Mapping[str, float], why: str) -> Assignment:
    """Score an application by the call's criteria, 0 to 100. Raises `NotAllowed`, `Refused`."""
    _own(actor, assignment)
    why = reason(why)
    with transaction.atomic():
        one = locked(assignment)
        landmark = one.landmark
        if landmark.call.settled or one.recused:
            raise Refused(Text("已评定或已回避", "the call is settled, or it was stepped back from"))
        # An interest declared after the assignment counts as well.
        expert = next((each for each in experts() if each.name == actor.name), landmarks.Expert(actor.name, actor.unit))
        if met := landmarks.conflicts(expert, landmark.units):
            raise Refused(
                Text(f"与{'、'.join(met)}有利益关系，应当回避", f"there is an interest in {', '.join(met)}: step back")
            )
        one.scores, one.score = dict(scores), landmarks.weighted(scores, landmark.call.weights)
        one.why, one.time = why, timezone.now()
        one.evidence = append(
            actor, "support.landmark", landmark.title, {"what": "judged", "application": landmark.pk}
        ).sequence
        one.save()
    return one


def _own(actor: Actor, assignment: Assignment) -> None:
    require(actor, "support.review")
    if assignment.reviewer != actor.name:
        raise Refused(Text("这份申报没有指派给您", "this application was not given to you"))


def settle(actor: Actor, call: Call) -> Call:
    """Calibrate the scores and fund the best that the budget holds; each application has its score and reason on record.

    Every review that was not stepped back from must be there. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "support.decide")
    with transaction.atomic():
        call = locked(call)
        applications = {str(one.pk): one for one in call.applications.filter(state=Landmark.State.REVIEWED)}
        reviews = Assignment.objects.filter(landmark__in=applications.values(), recused=False)
        if call.settled or not applications:
            raise Refused(Text("没有待评定的申报，或已评定", "there is nothing to settle, or it is settled"))
        if waiting := reviews.filter(score=None).count():
            raise Refused(Text(f"尚有 {waiting} 份评审未交", f"{waiting} reviews are still to come"))
        scores = {(str(one.landmark_id), one.reviewer): float(one.score or 0) for one in reviews}
        if without := set(applications) - {key for key, _ in scores}:
            raise Refused(Text(f"有 {len(without)} 份申报无人评审", f"{len(without)} applications have no review"))
        made = panel.calibrate(scores)
        funded = landmarks.fund(
            made.applications, {key: one.amount for key, one in applications.items()}, call.budget, call.least
        )
        template = [landmarks.Instalment(title, share, tuple(kinds)) for title, share, kinds in call.instalments]
        for key, one in applications.items():
            found = made.applications[key]
            one.score = {name: round(value, 2) for name, value in found._asdict().items()}
            one.state = Landmark.State.FUNDED if key in funded else Landmark.State.DECLINED
            body = {"what": one.state, "application": one.pk, "score": one.score, "verdict": one.verdict}
            one.evidence = append(actor, "support.landmark", one.title, body).sequence
            one.save()
            if key in funded:
                sums = landmarks.parts(one.amount, template)
                Instalment.objects.bulk_create(
                    Instalment(landmark=one, number=at, title=part.title, amount=fen, kinds=list(part.records))
                    for at, (part, fen) in enumerate(zip(template, sums, strict=True), start=1)
                )
        call.settled = timezone.now()
        spread = dict(zip(("applications", "reviewers", "rest"), (round(one, 3) for one in made.spread), strict=True))
        body = {"what": "settled", "call": call.pk, "funded": len(funded), "of": len(applications), "spread": spread}
        call.evidence = append(actor, "support.landmark", call.title, body).sequence
        call.save()
        _tell(actor)
    return call


def _tell(actor: Actor) -> None:
    """Append how many landmark scenarios are funded now: what the plan's goal about them is computed from."""
    count = Landmark.objects.filter(state=Landmark.State.FUNDED).count()
    append(actor, "support.standing", "landmarks", {"value": count, "unit": "个"})


def pay(actor: Actor, instalment: Instalment, records: Sequence[int] = ()) -> Instalment:
    """Pay the next instalment of an award once the evidence that it is bound to is shown. Raises `NotAllowed`, `Refused`.

    Of each kind named a record is needed that is later than the award, and is about the scenario or names the unit.
    """
    require(actor, "support.decide")
    with transaction.atomic():
        landmark = locked(instalment.landmark)
        one = locked(instalment)
        expect(landmark.state, Landmark.State.FUNDED)
        if one.paid or one.cancelled or landmark.instalments.filter(number__lt=one.number, paid=None).exists():
            raise Refused(Text("应按期次支付，且只付一次", "instalments are paid in their order, each once"))
        if one.kinds:
            _check_records(landmark, one.kinds, records)
        body = {
            "what": "paid",
            "application": landmark.pk,
            "instalment": one.number,
            "amount": one.amount,
            "records": list(records),
        }
        one.paid, one.records = timezone.now(), list(records)
        one.evidence = append(actor, "support.landmark", landmark.title, body).sequence
        one.save()
    return one


def _check_records(landmark: Landmark, kinds: Sequence[str], numbers: Sequence[int]) -> None:
    shown = set()
    for one in Record.objects.filter(sequence__in=numbers, sequence__gt=landmark.evidence, kind__in=kinds):
        body = one.content
        if not {landmark.scenario, f"scenario:{landmark.scenario}", landmark.unit.name} & {
            one.subject,
            *(value for value in body.values() if isinstance(value, str)),
        }:
            continue
        if one.kind == "scenario.evaluated" and not (body.get("verdict") or {}).get("runs_through"):
            continue
        shown.add(one.kind)
    # Any of the kinds will do: what shows use differs from scenario to scenario.
    if not shown:
        titles = Text(
            "或".join(KINDS[kind].title.zh for kind in kinds), " or ".join(KINDS[kind].title.en for kind in kinds)
        )
        raise Refused(
            Text(
                f"需要立项之后、关于该场景或单位的存证：{titles.zh}",
                f"evidence since the award about the scenario or the unit is needed: {titles.en}",
            )
        )


def claw_back(actor: Actor, landmark: Landmark, fen: int, why: str) -> Clawback:
    """End an award: what is not paid lapses, and up to what was paid is asked back. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    why = reason(why)
    with transaction.atomic():
        one = locked(landmark)
        expect(one.state, Landmark.State.FUNDED)
        left = one.paid - one.taken_back
        if not 0 <= fen <= left:
            raise Refused(Text(f"至多收回已付的 {money(left, 'CNY').zh}", f"at most {money(left, 'CNY').en} was paid"))
        one.instalments.filter(paid=None).update(cancelled=True)
        one.state = Landmark.State.WITHDRAWN
        body = {"what": "clawed back", "application": one.pk, "amount": fen, "why": why}
        one.evidence = append(actor, "support.landmark", one.title, body).sequence
        one.save()
        made = Clawback.objects.create(landmark=one, amount=fen, why=why, evidence=one.evidence)
        _tell(actor)
    return made


def came_back(actor: Actor, clawback: Clawback, fen: int) -> Clawback:
    """Book money that came back. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    with transaction.atomic():
        one = locked(clawback)
        amount(fen, Text("退回额", "what came back"), one.amount - one.returned)
        one.returned += fen
        body = {"what": "came back", "application": one.landmark_id, "amount": fen}
        one.evidence = append(actor, "support.landmark", one.landmark.title, body).sequence
        one.save()
    return one


def committed(call: Call) -> int:
    """Return the fen of a call's budget that its funded applications take, less what lapsed."""
    rows = Instalment.objects.filter(landmark__call=call, cancelled=False)
    return int(rows.aggregate(sum=Sum("amount"))["sum"] or 0)
