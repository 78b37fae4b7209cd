"""Special bonds: proposing a project, handing in each stage's papers, deciding, building and spending."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text, money
from dujiang.support import bonds
from dujiang.support.actions.checks import amount, expect, join, locked, reason, said, unit_named
from dujiang.support.actions.facts import papers_of
from dujiang.support.models import BondPayment, BondProject, BondStep, Built

_PLANNING = ("planned", "reviewed")
"""The stages in which a plan may still change."""


def propose(actor: Actor, unit: str, title: str, plan: Mapping[str, Any]) -> BondProject:
    """Put a project into the pool. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [unit])
    found = unit_named(unit)
    title = said(title, Text("项目名称", "the project's title"), 200)
    made = bonds.plan_of(plan)
    with transaction.atomic():
        body = {"what": "proposed", "unit": unit, "title": title, "bond": made.bond, "investment": made.investment}
        entry = append(actor, "support.bond", title, body)
        return BondProject.objects.create(unit=found, title=title, plan=dict(plan), evidence=entry.sequence)


def revise(actor: Actor, project: BondProject, plan: Mapping[str, Any]) -> BondProject:
    """Change a project's plan, until it is in the pool for issue. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [project.unit.name])
    made = bonds.plan_of(plan)
    with transaction.atomic():
        one = locked(project)
        expect(one.state, BondProject.State.OPEN, BondProject.State.RETURNED)
        expect(one.stage, *_PLANNING)
        one.plan = dict(plan)
        return _kept(actor, one, {"what": "revised", "bond": made.bond, "investment": made.investment})


def faults(project: BondProject) -> list[Text]:
    """Return what keeps a project from leaving its stage: papers, the plan's checks, milestones."""
    lacking = bonds.missing_papers(project.stage, list(papers_of(project.unit.name, f"bond:{project.pk}")))
    found = [Text(f"缺少材料“{one}”", f"the paper {one!r} is missing") for one in lacking]
    if project.stage in ("reviewed", "issued"):
        found += bonds.check(project.terms)
    if project.stage == "reviewed":
        others = BondProject.objects.exclude(stage__in=_PLANNING).exclude(pk=project.pk)
        share = bonds.pool_share([*(one.terms for one in others), project.terms])
        if project.terms.as_capital and share > bonds.MOST_AS_CAPITAL:
            found.append(
                Text(
                    f"全省用作资本金的专项债将占 {share:.1%}，超过 {float(bonds.MOST_AS_CAPITAL):.0%}（国办发〔2024〕52号）",
                    f"{share:.1%} of the bonds would be capital, above {float(bonds.MOST_AS_CAPITAL):.0%} (国办发〔2024〕52号)",
                )
            )
    if project.stage == "building":
        left = {one.title for one in project.terms.milestones} - {one.title for one in project.built.all()}
        if left:
            found.append(
                Text(f"未完成节点：{'、'.join(sorted(left))}", f"milestones to be done: {', '.join(sorted(left))}")
            )
    return found


def submit(actor: Actor, project: BondProject) -> BondStep:
    """Hand in a stage's papers for a decision; what is missing or wrong is said at once. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [project.unit.name])
    with transaction.atomic():
        one = locked(project)
        expect(one.state, BondProject.State.OPEN, BondProject.State.RETURNED)
        if not one.about.papers:
            raise Refused(Text("项目已还清", "the project is repaid"))
        if wrong := faults(one):
            raise Refused(join(wrong))
        known = papers_of(one.unit.name, f"bond:{one.pk}")
        papers = {title: known[title].pk for title in one.about.papers}
        one.state = BondProject.State.SUBMITTED
        _kept(
            actor,
            one,
            {"what": "submitted", "stage": one.stage, "papers": {title: known[title].sha256 for title in papers}},
        )
        return BondStep.objects.create(
            project=one,
            stage=one.stage,
            papers=papers,
            submitter=str(actor),
            submitted=timezone.now(),
            evidence=one.evidence,
        )


def decide(actor: Actor, project: BondProject, *, accepted: bool, why: str) -> BondProject:
    """Let a project on to its next stage, or return it with reasons. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.decide")
    why = reason(why)
    with transaction.atomic():
        one = locked(project)
        expect(one.state, BondProject.State.SUBMITTED)
        step = one.steps.get(accepted=None)
        if step.submitter == str(actor):
            raise Refused(Text("不得审定自己提交的项目", "nobody decides on what they handed in"))
        # What was right when it was handed in may not be so any more: other projects went into the pool meanwhile.
        if accepted and (wrong := faults(one)):
            raise Refused(join(wrong))
        step.accepted, step.decider, step.decided, step.why = accepted, str(actor), timezone.now(), why
        if accepted:
            if one.stage == "issued":
                one.issued = timezone.localdate()
            one.stage, one.state = bonds.following(one.stage), BondProject.State.OPEN
        else:
            one.state = BondProject.State.RETURNED
        _kept(actor, one, {"what": "accepted" if accepted else "returned", "stage": step.stage, "why": why})
        step.evidence = one.evidence
        step.save()
    return one


def build(actor: Actor, project: BondProject, title: str, day: date) -> Built:
    """Report a milestone as reached. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [project.unit.name])
    if day > timezone.localdate():
        raise Refused(Text("日期不得晚于今天", "the day is not after today"))
    with transaction.atomic():
        one = locked(project)
        expect(one.stage, "building", "running")
        if title not in {each.title for each in one.terms.milestones} or one.built.filter(title=title).exists():
            raise Refused(Text(f"没有待完成的节点“{title}”", f"there is no milestone {title!r} to be done"))
        _kept(actor, one, {"what": "built", "milestone": title, "day": day.isoformat()})
        return Built.objects.create(project=one, title=title, day=day, evidence=one.evidence)


def spend(actor: Actor, project: BondProject, use: str, fen: int, payee: str, day: date) -> BondPayment:
    """Report a payment, for a use of the plan and within what it sets aside for it. Raises `NotAllowed`, `Refused`."""
    require(actor, "support.apply", [project.unit.name])
    payee = said(payee, Text("收款单位", "who was paid"), 120)
    with transaction.atomic():
        one = locked(project)
        expect(one.stage, "building", "running")
        if one.issued is None or not one.issued <= day <= timezone.localdate():
            raise Refused(Text("付款日期应在发行之后、今天之前", "the day lies between the issue and today"))
        set_aside = one.terms.uses.get(use, 0)
        if not set_aside or not bonds.USES[use].allowed:
            raise Refused(Text(f"方案中没有用途“{use}”", f"the plan has no use {use!r}"))
        before = one.payments.filter(use=use).aggregate(sum=Sum("amount"))["sum"] or 0
        amount(fen, Text("付款额", "the payment"))
        if before + fen > set_aside:
            left = money(set_aside - before, "CNY")
            raise Refused(Text(f"超出该用途余额 {left.zh}", f"only {left.en} is left for this"))
        _kept(actor, one, {"what": "paid", "use": use, "amount": fen, "payee": payee, "day": day.isoformat()})
        return BondPayment.objects.create(project=one, use=use, amount=fen, payee=payee, day=day, evidence=one.evidence)


def progress(project: BondProject) -> bonds.Progress:
    """Return how far a project's construction and spending are today."""
    done = {one.title: one.day for one in project.built.all()}
    paid = sum(one.amount for one in project.payments.all())
    return bonds.progress(project.terms, done, paid, project.issued, timezone.localdate())


def _kept(actor: Actor, one: BondProject, body: dict[str, Any]) -> BondProject:
    one.evidence = append(actor, "support.bond", one.title, {**body, "project": one.pk}).sequence
    one.save()
    return one
