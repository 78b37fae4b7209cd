"""Application contests: applying, who reviews what, conflicts of interest, marks, and the board of calibrated scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.identity.encrypted import keyed_digest
from dujiang.identity.models import Person
from dujiang.identity.permission import Actor, NotAllowed, Role, require
from dujiang.messages import Refused, Text
from dujiang.panel import assign
from dujiang.scenarios.digest import digest
from dujiang.talent.competitions.actions import check_said, locked, publish, require_own
from dujiang.talent.competitions.boards import final_board
from dujiang.talent.competitions.models import Application, Board, Competition, Conflict, Review, Team

FIELDS = ("problem", "approach", "effect")
_LONGEST = 20_000


def apply(actor: Actor, team: Team, title: str, **fields: str) -> Application:
    """Apply, or change what a team applied with, while the contest is open. Raises `NotAllowed`, `Refused`."""
    require_own(actor, team)
    title, texts = title.strip(), {name: fields.get(name, "").strip() for name in FIELDS}
    if not 1 <= len(title) <= 200 or not all(texts.values()) or max(map(len, texts.values())) > _LONGEST:
        raise Refused(
            Text("请写明标题、问题、做法与效果，每项至多 20000 字", "say title, problem, approach and effect, 20,000 characters each at most")
        )  # fmt: skip
    with transaction.atomic():
        competition = locked(team.competition)
        if competition.is_challenge or not competition.is_open:
            raise Refused(Text("不在申报受理期", "applications are not taken"))
        if team.out:
            raise Refused(Text("本队已被取消资格", "the team is disqualified"))
        body = {"what": "application", "team": team.name, "title": title, "sha256": digest(texts)}
        entry = append(actor, "competition.entered", competition.code, body)
        made, _ = Application.objects.update_or_create(
            team=team, defaults={"title": title, **texts, "submitted": timezone.now(), "evidence": entry.sequence}
        )
    return made


def assign_reviewers(actor: Actor, competition: Competition, reviewers: Collection[str]) -> list[Review]:
    """Share the applications out among reviewers by their logins, none in conflict, loads even.

    In conflict are reviewers of the team's own unit or in the team, and those who said so. What is assigned already stays.
    Raises `NotAllowed`, `Refused`.
    """
    require(actor, "competition.hold")
    with transaction.atomic():
        competition = locked(competition)
        if (
            competition.is_challenge
            or competition.state != Competition.State.CALLED
            or timezone.now() < competition.closes
        ):
            raise Refused(Text("申报截止后方可分配评审", "reviewers are assigned once applications have closed"))
        _share_out(actor, competition, list(dict.fromkeys(reviewers)))
    return list(Review.objects.filter(application__team__competition=competition))


def _share_out(actor: Actor, competition: Competition, names: Sequence[str]) -> None:
    people = Person.objects.filter(username__in=names, role=Role.REVIEWER, is_active=True).select_related("unit")
    found = {one.username: one for one in people}
    if unknown := [one for one in names if one not in found]:
        listed = "、".join(unknown)
        raise Refused(Text(f"不是评审专家：{listed}", f"they are no reviewers: {listed}"))
    applications = {
        one.team.name: one
        for one in Application.objects.filter(team__competition=competition, team__out="").select_related("team")
    }
    for one in applications.values():
        for name, person in found.items():
            if (person.unit and person.unit.name == one.team.unit) or name in one.team.people:
                _conflict(actor, one.team, name, "同一单位或本队成员 / of the same unit or the team")
    stands = Conflict.objects.filter(team__competition=competition).select_related("team")
    conflicts = {(one.team.name, one.reviewer) for one in stands}
    held = {
        (one.application.team.name, one.reviewer)
        for one in Review.objects.filter(application__in=applications.values()).select_related("application__team")
    }
    everyone = sorted({*names, *(reviewer for _, reviewer in held)})
    pairs = assign(sorted(applications), everyone, conflicts, competition.each, held)
    new = [pair for pair in pairs if pair not in held]
    if not new:
        return
    # Evidence is everybody's to read; who reviews whom is not.
    pairing = keyed_digest("pairs", *(f"{team}\n{reviewer}" for team, reviewer in sorted({*held, *new})))
    body = {"what": "assigned", "new": len(new), "conflicts": len(conflicts), "pairs": pairing}
    entry = append(actor, "competition.reviewed", competition.code, body)
    Review.objects.bulk_create(
        Review(application=applications[team], reviewer=reviewer, evidence=entry.sequence) for team, reviewer in new
    )


def _conflict(actor: Actor, team: Team, reviewer: str, why: str) -> Conflict:
    there = Conflict.objects.filter(team=team, reviewer=reviewer).first()
    if there is not None:
        return there
    body = {"what": "conflict", "team": team.name, "reviewer": keyed_digest("reviewer", reviewer)}
    entry = append(actor, "competition.reviewed", team.competition.code, body)
    made: Conflict = Conflict.objects.create(team=team, reviewer=reviewer, why=why, evidence=entry.sequence)
    return made


def recuse(actor: Actor, assigned: Review, why: str) -> Conflict:
    """Declare a conflict of interest; the review goes to somebody else when reviewers are assigned again.

    Raises `NotAllowed`, `Refused`.
    """
    _require_own(actor, assigned)
    check_said(why)
    with transaction.atomic():
        competition = locked(assigned.application.team.competition)
        if competition.state != Competition.State.CALLED:
            raise Refused(Text("评审已结束", "the review is over"))
        made = _conflict(actor, assigned.application.team, assigned.reviewer, why.strip())
        Review.objects.filter(pk=assigned.pk).delete()
    return made


def review(actor: Actor, assigned: Review, marks: Sequence[float], comment: str) -> Review:
    """Give marks of 0 to 10, one a criterion, with a comment; they may be changed until the board. Raises `NotAllowed`, `Refused`."""
    _require_own(actor, assigned)
    check_said(comment)
    with transaction.atomic():
        competition = locked(assigned.application.team.competition)
        if competition.state != Competition.State.CALLED:
            raise Refused(Text("评审已结束", "the review is over"))
        good = len(marks) == len(competition.criteria) and all(math.isfinite(one) and 0 <= one <= 10 for one in marks)
        if not good:
            raise Refused(Text("每项标准评 0–10 分", "a mark of 0 to 10 for each criterion"))
        given = keyed_digest("marks", *map(repr, marks), comment)
        body = {"what": "marked", "team": assigned.application.team.name, "marks": given}
        assigned.evidence = append(actor, "competition.reviewed", competition.code, body).sequence
        assigned.marks, assigned.comment, assigned.done = list(marks), comment.strip(), timezone.now()
        assigned.save()
    return assigned


def _require_own(actor: Actor, assigned: Review) -> None:
    require(actor, "competition.review")
    if assigned.reviewer != actor.name:
        raise NotAllowed(actor, "competition.review", [])


def rank(actor: Actor, competition: Competition) -> Board:
    """Publish the board of calibrated scores, once every assigned review is done. Raises `NotAllowed`, `Refused`."""
    require(actor, "competition.hold")
    with transaction.atomic():
        competition = locked(competition)
        if competition.is_challenge or competition.state != Competition.State.CALLED:
            raise Refused(Text("不是待公布的申报赛", "it is no application contest that waits for its board"))
        lacking = _lacking(competition)
        if lacking:
            names = "、".join(lacking)
            raise Refused(Text(f"评审未完成：{names}", f"reviews are not done: {names}"))
        rows, made = final_board(competition)
        if not rows:
            raise Refused(Text("没有申报", "nobody applied"))
        return publish(actor, competition, rows, made)


def _lacking(competition: Competition) -> list[str]:
    applications: Any = Application.objects.filter(team__competition=competition, team__out="")
    return [one.team.name for one in applications if one.reviews.exclude(marks=None).count() < competition.each]
