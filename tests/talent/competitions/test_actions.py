"""A challenge from its call to its winners: entries, limits a day, both boards, appeals late and in time, and the rerun."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused
from dujiang.talent.competitions import actions, evaluation
from dujiang.talent.competitions.boards import public_board
from dujiang.talent.competitions.models import Competition, Entry, Winner
from dujiang.talent.models import Achievement
from talent.competitions.contests import AUDITOR, BASELINE, FIRMS, GOOD, OFFICE, appeals_over, challenge, closed

pytestmark = pytest.mark.django_db


def test_from_call_to_winners(contest, engine):
    good, plain, broken = (
        actions.join(firm, contest, name) for firm, name in zip(FIRMS, ("优秀队", "基线队", "失误队"), strict=True)
    )
    actions.enter(FIRMS[1], plain, "plain.py", BASELINE)
    actions.enter(FIRMS[0], good, "good.py", GOOD)
    actions.enter(FIRMS[2], broken, "broken.py", b"def method(inputs):\n    raise ValueError('here')\n")
    assert evaluation.judge_due(OFFICE, engine) == 3
    assert evaluation.judge_due(OFFICE, engine) == 0
    failed = broken.entries.get()
    assert (failed.state, failed.fault, failed.hidden) == ("failed", "raised", False)
    assert "ValueError: here" in failed.said
    board = public_board(contest)
    assert [(row["team"], row["rank"], row["entries"]) for row in board] == [("优秀队", 1, 1), ("基线队", 2, 1)]
    # The board shows the baseline at the baseline's own score, and the mean below it.
    assert board[0]["shows"] < board[1]["shows"]
    with pytest.raises(Refused, match="尚未截止"):
        evaluation.close(OFFICE, contest, engine)
    closed(contest)
    with pytest.raises(Refused, match="不在受理期"):
        actions.enter(FIRMS[0], good, "good.py", GOOD)
    assert evaluation.judge_due(OFFICE, engine) == 1
    contest.refresh_from_db()
    rows = contest.board.rows
    assert [(row["team"], row["rank"], row["entry"]) for row in rows] == [("优秀队", 1, 1), ("基线队", 2, 1)]
    assert all(row["low"] <= row["rank"] <= row["high"] for row in rows)
    with pytest.raises(Refused, match="申诉期未过"):
        actions.award(OFFICE, contest)
    again = evaluation.rerun(AUDITOR, contest, engine, public=True)
    assert again.same and again.digest == contest.board.digest
    appeals_over(contest)
    assert [(one.team.name, one.rank) for one in actions.award(OFFICE, contest)] == [("优秀队", 1)]
    noted = Achievement.objects.get()
    assert (noted.login, noted.what_zh) == ("p0", "均值挑战赛第 1 名")
    kinds = Record.objects.filter(subject=contest.code).values_list("kind", flat=True)
    assert list(kinds) == [
        "competition.called", *["competition.entered"] * 6, *["competition.judged"] * 3, "competition.boarded",
        "competition.rerun", "competition.awarded",
    ]  # fmt: skip


def test_a_late_appeal_changes_the_board_and_the_winner(contest, engine):
    first, second = actions.join(FIRMS[0], contest, "一队"), actions.join(FIRMS[1], contest, "二队")
    for firm, team, losses in ((FIRMS[0], first, [0.1, 0.2, 0.1]), (FIRMS[1], second, [1.0, 1.1, 0.9])):
        entry = actions.enter(firm, team, "entry.py", GOOD)
        entry.state, entry.private_scores = "judged", json.dumps(losses)
        entry.save()
    evaluation.close(OFFICE, closed(contest), engine)
    actions.disqualify(OFFICE, first, "疑似抄袭")
    contest.refresh_from_db()
    assert [row["team"] for row in contest.board.rows] == ["二队"]
    assert contest.board.number == 2
    appeals_over(contest)
    actions.award(OFFICE, contest)
    with pytest.raises(Refused, match="逾期原因"):
        actions.appeal(FIRMS[0], first, "作品为原创，附开发记录。")
    late = actions.appeal(FIRMS[0], first, "作品为原创，附开发记录。", "取得第三方证明后提出")
    assert late.late
    with pytest.raises(Refused, match="在办"):
        actions.appeal(FIRMS[0], first, "再次申诉", "同上")
    actions.decide(OFFICE, late, upheld=True, answer="经核实为原创", reinstate=True)
    contest.refresh_from_db()
    assert (contest.state, contest.board.number) == ("boarded", 3)
    actions.award(OFFICE, contest)
    won = Winner.objects.order_by("id").values_list("team__name", "rank", "revoked")
    assert list(won) == [("二队", 1, True), ("一队", 1, False)]
    dismissed = actions.appeal(FIRMS[1], second, "不服", "今日得知")
    actions.decide(OFFICE, dismissed, upheld=False, answer="榜单无误")
    contest.refresh_from_db()
    assert (contest.state, contest.board.number) == ("awarded", 3)


def test_a_board_that_was_tampered_with_is_found(contest, engine):
    team = actions.join(FIRMS[0], contest, "一队")
    actions.enter(FIRMS[0], team, "plain.py", BASELINE)
    closed(contest)
    evaluation.judge_due(OFFICE, engine)
    contest.refresh_from_db()
    Entry.objects.update(private_scores=json.dumps([0.0] * 3))
    actions.republish(OFFICE, contest, "改动")
    assert not evaluation.rerun(AUDITOR, contest, engine).same
    # Judged anew, the entry comes to what it came to.
    assert evaluation.judge_finally(OFFICE, team, engine, "复核").digest == contest.boards.get(number=1).digest
    Competition.objects.update(seeds="x")
    contest.refresh_from_db()
    contest.seeds = json.dumps({**json.loads('{"public": [1, 2, 3], "private": [4, 5, 6]}'), "salt": ""})
    contest.save()
    with pytest.raises(Refused, match="承诺不符"):
        evaluation.rerun(AUDITOR, contest, engine)


def test_entries_are_limited_a_day_whatever_becomes_of_them(contest):
    team = actions.join(FIRMS[0], contest, "一队")
    for _ in range(3):
        actions.enter(FIRMS[0], team, "a.py", b"broken(")
    with pytest.raises(Refused, match="每日至多参赛 3 次"):
        actions.enter(FIRMS[0], team, "a.py", GOOD)
    with pytest.raises(BadInput):
        actions.enter(FIRMS[0], team, "a.exe", GOOD)
    Entry.objects.update(received=timezone.now() - timedelta(days=1))
    assert actions.enter(FIRMS[0], team, "a.py", GOOD).number == 4


def test_one_team_a_unit_and_only_its_own(contest):
    team = actions.join(FIRMS[0], contest, "一队", ["p1"])
    assert team.people == ["p0", "p1"]
    with pytest.raises(Refused, match="一支队伍"):
        actions.join(Actor("p9", Role.ENTERPRISE, FIRMS[0].unit), contest, "又一队")
    with pytest.raises(Refused, match="已被使用"):
        actions.join(FIRMS[1], contest, "一队")
    with pytest.raises(Refused, match="nobody"):
        actions.join(FIRMS[1], contest, "二队", ["nobody"])
    for act in (
        lambda: actions.enter(FIRMS[1], team, "a.py", GOOD),
        lambda: actions.appeal(FIRMS[1], team, "x"),
        lambda: actions.join(OFFICE, contest, "办公室队"),
        lambda: actions.join(Actor("x", Role.ENTERPRISE), contest, "无单位"),
        lambda: actions.disqualify(FIRMS[0], team, "x"),
        lambda: actions.award(FIRMS[0], contest),
        lambda: evaluation.judge_due(AUDITOR, None),
        lambda: evaluation.rerun(FIRMS[0], contest, None),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_an_individual_takes_part_for_themselves(contest):
    add_person(OFFICE, "li", "李某某", Role.INDIVIDUAL, None)
    li, other = Actor("li", Role.INDIVIDUAL), Actor("wang", Role.INDIVIDUAL)
    team = actions.join(li, contest, "李队")
    assert actions.own_team(li, contest) == team and actions.own_team(other, contest) is None
    assert actions.enter(li, team, "a.py", GOOD).number == 1
    with pytest.raises(NotAllowed):
        actions.enter(other, team, "a.py", GOOD)
    with pytest.raises(Refused, match="已参赛"):
        actions.join(li, contest, "又一队")


def test_seeds_are_secret_at_rest_and_on_record(contest):
    seeds = [*contest.secret_seeds("public"), *contest.secret_seeds("private")]
    assert len(set(seeds)) == 6 and min(seeds) > 2**32
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM competitions_competition")
        stored = repr(cursor.fetchall())
    told = stored + "".join(Record.objects.values_list("body", flat=True))
    assert not [seed for seed in seeds if str(seed) in told]
    assert contest.commits()


def test_a_call_that_is_wrong_is_refused(firms, sample, engine):
    found = sample("wrong")
    now = timezone.now()
    for changes, why in (
        ({"code": "Bad Code"}, "代号"),
        ({"public_seeds": 2}, "种子"),
        ({"closes": now - timedelta(hours=1)}, "截止时间已过"),
        ({"size": "huge"}, "规模"),
        ({"rules": " "}, "规则"),
        ({"seconds": 10**6}, "时间或内存"),
        ({"entries_a_day": 0}, "每日"),
    ):
        with pytest.raises(Refused, match=why):
            challenge(found, engine, **changes)
    assert not Competition.objects.exists()
    with pytest.raises(Refused, match="自身的方法未能运行"):
        challenge(sample("raises", method="raises"), engine)


def test_a_judge_that_was_lost_is_taken_up(contest, engine):
    team = actions.join(FIRMS[0], contest, "一队")
    actions.enter(FIRMS[0], team, "plain.py", BASELINE)
    claimed = evaluation._next()
    assert evaluation._next() is None
    actions.enter(FIRMS[0], team, "good.py", GOOD)
    assert evaluation._next() is None  # those of a team are judged in the order in which they came
    Entry.objects.filter(pk=claimed.pk).update(claimed=timezone.now() - timedelta(days=1))
    assert evaluation._next() == claimed


def test_a_site_that_fails_blames_no_entry_and_holds_up_no_other(contest, engine):
    team = actions.join(FIRMS[0], contest, "一队")
    actions.enter(FIRMS[0], team, "plain.py", BASELINE)
    other = challenge(evaluation.find("mean"), engine, code="other")
    Competition.objects.filter(pk=contest.pk).update(version="0" * 64)
    actions.enter(FIRMS[1], actions.join(FIRMS[1], other, "二队"), "empty.py", b"x = 1")
    with pytest.raises(Refused, match="版本不同"):
        evaluation.judge_due(OFFICE, engine)
    assert team.entries.get().state == "waiting"
    assert other.teams.get().entries.get().fault == "no-method"


def test_a_team_chooses_the_entry_that_counts(contest):
    team = actions.join(FIRMS[0], contest, "一队")
    first, second = (actions.enter(FIRMS[0], team, "a.py", code) for code in (GOOD, BASELINE))
    with pytest.raises(Refused, match="已评判"):
        actions.choose(FIRMS[0], second)
    team.entries.update(state="judged")
    team.entries.filter(pk=first.pk).update(moved=True)
    assert team.final == first
    second.refresh_from_db()
    actions.choose(FIRMS[0], second)
    assert team.final == second
