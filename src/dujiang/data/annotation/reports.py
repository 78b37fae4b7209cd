"""How a project stands: how far it is, how far people agree, how good each is, and what an accepted label costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Avg, Count, Q

from dujiang.data.annotation.agreement import Agreement, Scale, agreement
from dujiang.data.annotation.labels import Answer, Kind, from_json
from dujiang.data.annotation.models import Assignment, Item, Member, Project
from dujiang.data.annotation.quality import DawidSkene, Standing, against, cost_per_accepted, dawid_skene

LATEST = 20_000
"""Answers that agreement and quality are computed from: the latest, as people and guidelines change."""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """An annotator, by their number: answers so far, mean seconds of one, and how good these are.

    ``gold`` against items whose answer was known, ``accepted`` against those that were accepted since (their own part
    in these included), ``skill`` by Dawid and Skene's estimate, of classes only. ``kept`` is the share of the model's
    labels that they left as they were shown.
    """

    number: int
    login: str
    adjudicates: bool
    active: bool
    answered: int
    seconds: float | None
    gold: Standing
    accepted: Standing
    skill: float | None
    kept: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A project's standing; ``doubtful`` are accepted classes that the annotators' skills speak against."""

    items: dict[str, int]
    gold: int
    synthetic: int
    predicted: int
    accepted: int
    answered: int
    adjudicated: int
    cost: int
    cost_per_accepted: float | None
    agreement: Agreement
    members: list[MemberLine]
    doubtful: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values under stable keys (docs/reference/json.md); people by their numbers only."""
        members = []
        for one in self.members:
            line = {**asdict(one), "gold": one.gold._asdict(), "accepted": one.accepted._asdict()}
            del line["login"]
            members.append(line)
        pairs = [
            {"pair": list(pair), "kappa": kappa, "items": items}
            for pair, (kappa, items) in self.agreement.kappa.items()
        ]
        return {**asdict(self), "agreement": {**self.agreement._asdict(), "kappa": pairs}, "members": members}


def report(project: Project) -> Report:
    """Return how a project stands, from its counters and its latest answers."""
    kind = project.of
    counted = project.items.filter(gold=False).values_list("state").annotate(count=Count("pk"))
    states = dict.fromkeys(Item.State.values, 0) | dict(counted)
    rows = (
        Assignment.objects.filter(project=project)
        .exclude(answer=None)
        .order_by("-submitted")
        .values_list(
            "item__key",
            "item__gold",
            "item__answer",
            "item__state",
            "item__prediction",
            "member__number",
            "answer",
            "shown",
        )[:LATEST]
    )
    items: dict[str, dict[str, Answer]] = {}
    gold: dict[int, list[tuple[Answer, Answer]]] = {}
    accepted: dict[int, list[tuple[Answer, Answer]]] = {}
    kept: dict[int, list[bool]] = {}
    truths: dict[str, Answer] = {}
    for key, is_gold, truth, state, prediction, member, answer, shown in rows:
        said = from_json(kind, answer)
        if is_gold:
            gold.setdefault(member, []).append((said, from_json(kind, truth)))
        else:
            items.setdefault(key, {})[str(member)] = said
            if state == Item.State.ACCEPTED:
                truths[key] = from_json(kind, truth)
                accepted.setdefault(member, []).append((said, truths[key]))
        if shown and prediction:
            kept.setdefault(member, []).append(answer == prediction["answer"])
    found = agreement(kind, list(items.values()), Scale(project.scale), project.labels)
    estimate = _estimate(kind, items)
    spent = project.answered * project.price + project.adjudicated * project.adjudication_price + project.model_cost
    return Report(
        items=states,
        gold=project.items.filter(gold=True).count(),
        synthetic=project.items.exclude(synthetic=None).count(),
        predicted=project.items.exclude(prediction=None).count(),
        accepted=project.accepted,
        answered=project.answered,
        adjudicated=project.adjudicated,
        cost=spent,
        cost_per_accepted=cost_per_accepted(
            project.accepted, project.answered, project.adjudicated, project.price, project.adjudication_price,
            project.model_cost,
        ),
        agreement=found,
        members=[_line(one, gold, accepted, kept, estimate) for one in _members(project)],
        doubtful=[] if estimate is None else sorted(
            key for key, truth in truths.items() if key in estimate.classes and estimate.classes[key][0] != truth
        ),
    )  # fmt: skip


def _members(project: Project) -> Any:
    answered = Q(assignments__answer__isnull=False)
    return project.members.select_related("person").annotate(
        answered=Count("assignments", filter=answered), seconds=Avg("assignments__seconds", filter=answered)
    )


def _estimate(kind: Kind, items: Mapping[str, Mapping[str, Answer]]) -> DawidSkene | None:
    """Return the estimate of classes and skills; None where labels are no classes, or no item was answered twice."""
    if kind is not Kind.CHOICE or not any(len(given) > 1 for given in items.values()):
        return None
    return dawid_skene({key: {who: str(one) for who, one in given.items()} for key, given in items.items()})


def _line(
    member: Member,
    gold: Mapping[int, list[tuple[Answer, Answer]]],
    accepted: Mapping[int, list[tuple[Answer, Answer]]],
    kept: Mapping[int, list[bool]],
    estimate: DawidSkene | None,
) -> MemberLine:
    mine = kept.get(member.number)
    counted: Any = member  # with what `_members` counts
    return MemberLine(
        member.number,
        member.person.username,
        member.adjudicates,
        member.active,
        counted.answered,
        counted.seconds,
        against(gold.get(member.number, ())),
        against(accepted.get(member.number, ())),
        estimate.skill.get(str(member.number)) if estimate else None,
        sum(mine) / len(mine) if mine else None,
    )
