"""An application contest from its call to its winners: conflicts excluded, severity taken out, nothing said too early."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused, Text
from dujiang.talent.competitions import actions, reviewing
from dujiang.talent.competitions.models import Conflict, Review
from talent.competitions.contests import FIRMS, OFFICE, UNITS, appeals_over, closed

pytestmark = pytest.mark.django_db
EXPERTS = [Actor(f"r{number}", Role.REVIEWER) for number in range(5)]
TEXTS = {"problem": "漏损高", "approach": "压力反演", "effect": "漏损率下降 3 个百分点"}


def called(**changes):
    now = timezone.now()
    terms = {
        "code": "apps-2026", "title": Text("应用赛", "Applications"), "rules": "规则。", "opens": now - timedelta(days=1),
        "closes": now + timedelta(days=1), "each": 2, "prizes": 1,
        "criteria": [{"zh": "成效", "en": "effect", "weight": 3}, {"zh": "创新", "en": "novelty", "weight": 1}],
    }  # fmt: skip
    return actions.call_applications(OFFICE, **{**terms, **changes})


@pytest.fixture
def contest(firms):
    for number, expert in enumerate(EXPERTS):
        # The first is of the first team's unit.
        add_person(OFFICE, expert.name, f"专家{number}", Role.REVIEWER, next(iter(UNITS)) if number == 0 else None)
    made = called()
    for firm, name in zip(FIRMS, "甲乙丙", strict=True):
        reviewing.apply(firm, actions.join(firm, made, f"{name}队"), f"{name}的申报", **TEXTS)
    return made


def test_from_call_to_winners(contest):
    experts = [one.name for one in EXPERTS]
    with pytest.raises(Refused, match="截止后"):
        reviewing.assign_reviewers(OFFICE, contest, experts)
    closed(contest)
    assigned = reviewing.assign_reviewers(OFFICE, contest, experts)
    assert len(assigned) == 6
    first = contest.teams.get(name="甲队")
    assert [one.reviewer for one in first.conflicts.all()] == ["r0"]
    # Somebody knows the applicant: the application goes to another.
    gone = next(one for one in assigned if one.application.team == first)
    expert = next(one for one in EXPERTS if one.name == gone.reviewer)
    with pytest.raises(NotAllowed):
        reviewing.recuse(next(one for one in EXPERTS if one != expert), gone, "非本人")
    reviewing.recuse(expert, gone, "曾共同发表论文")
    with pytest.raises(Refused, match="甲队"):
        reviewing.rank(OFFICE, contest)
    again = reviewing.assign_reviewers(OFFICE, contest, experts)
    assert len(again) == 6
    mine = {one.reviewer for one in Review.objects.filter(application__team=first)}
    assert not mine & {"r0", expert.name}
    for one in again:
        marks = {"甲队": 9, "乙队": 6, "丙队": 4}[one.application.team.name]
        with pytest.raises(Refused, match="0–10"):
            reviewing.review(Actor(one.reviewer, Role.REVIEWER), one, [11, 0], "好")
        reviewing.review(Actor(one.reviewer, Role.REVIEWER), one, [marks, marks - 1], "好")
    board = reviewing.rank(OFFICE, contest)
    assert [row["team"] for row in board.rows] == ["甲队", "乙队", "丙队"]
    assert board.rows[0]["mean"] == pytest.approx(10 * (3 * 9 + 8) / 4)
    with pytest.raises(Refused, match="已结束"):
        reviewing.review(Actor(one.reviewer, Role.REVIEWER), one, [1, 1], "迟")
    contest.refresh_from_db()
    appeals_over(contest)
    assert [one.team.name for one in actions.award(OFFICE, contest)] == ["甲队"]
    told = "".join(Record.objects.values_list("body", flat=True))
    assert not [name for name in (*experts, "压力反演") if f'"{name}"' in told]


def test_too_few_reviewers_without_a_conflict_is_said(contest):
    closed(contest)
    with pytest.raises(Refused, match="利益冲突"):
        reviewing.assign_reviewers(OFFICE, contest, ["r0", "r1"])
    assert not Review.objects.exists() and not Conflict.objects.exists()
    with pytest.raises(Refused, match="不是评审专家：p0"):
        reviewing.assign_reviewers(OFFICE, contest, ["p0", "r1"])


def test_what_is_incomplete_or_wrong_is_refused(contest):
    team = contest.teams.first()
    with pytest.raises(Refused, match="请写明"):
        reviewing.apply(FIRMS[0], team, "题", **{**TEXTS, "effect": " "})
    reviewing.apply(FIRMS[0], team, "改题", **TEXTS)
    assert team.application.title == "改题"
    with pytest.raises(NotAllowed):
        reviewing.apply(FIRMS[1], team, "题", **TEXTS)
    closed(contest)
    with pytest.raises(Refused, match="不在申报受理期"):
        reviewing.apply(FIRMS[0], team, "题", **TEXTS)
    with pytest.raises(Refused, match="权重"):
        called(code="b", criteria=[{"zh": "成效", "en": "effect", "weight": 0}])
