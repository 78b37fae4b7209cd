"""Bond projects from proposal to repayment; landmark scenarios from call to clawback."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.scenarios.registry import find
from dujiang.support import bonds as rules
from dujiang.support.actions import bonds, facts, figures, landmarks
from dujiang.support.landmarks import Instalment as Part
from dujiang.support.models import Assignment, BondProject, Call, Interest, Landmark
from support.test_bonds import GOOD
from support.units import CHIEF, FIRM, OFFICE, OTHER, SCHOOL, make_reviewers, make_units, of

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate
PLAN = {**GOOD, "revenue": [260_000_00] * 5}


@pytest.fixture(autouse=True)
def _units(db):
    make_units()


def papers(project, stage):
    for title in rules.BY_NAME[stage].papers:
        facts.hand_in(of(FIRM), FIRM, title, "a.pdf", b"x", f"bond:{project.pk}")


def passed(project):
    papers(project, project.stage)
    bonds.submit(of(FIRM), project)
    project.refresh_from_db()
    return bonds.decide(OFFICE, project, accepted=True, why="符合")


def test_a_project_goes_through_its_stages():
    project = bonds.propose(of(FIRM), FIRM, "智算中心", PLAN)
    with pytest.raises(Refused, match="可研批复"):
        bonds.submit(of(FIRM), project)
    papers(project, "planned")
    step = bonds.submit(of(FIRM), project)
    assert step.papers.keys() == set(rules.BY_NAME["planned"].papers)
    project = bonds.decide(OFFICE, project, accepted=False, why="用能意见不符")
    assert (project.state, project.stage) == ("returned", "planned")
    assert project.steps.get().why == "用能意见不符"
    project = passed(project)
    project = bonds.revise(of(FIRM), project, {**PLAN, "revenue": [200_000_00] * 5})
    papers(project, "reviewed")
    with pytest.raises(Refused, match="覆盖倍数"):
        bonds.submit(of(FIRM), project)
    project = passed(passed(bonds.revise(of(FIRM), project, PLAN)))
    assert (project.stage, project.issued) == ("building", TODAY())
    for act in (lambda: bonds.revise(of(FIRM), project, PLAN), lambda: bonds.propose(of(FIRM), FIRM, "x", {})):
        with pytest.raises(Refused):
            act()
    papers(project, "building")
    with pytest.raises(Refused, match="未完成节点"):
        bonds.submit(of(FIRM), project)
    for title in ("土建完工", "设备上架"):
        bonds.build(of(FIRM), project, title, TODAY())
    with pytest.raises(Refused, match="节点"):
        bonds.build(of(FIRM), project, "设备上架", TODAY())
    with pytest.raises(Refused, match="今天"):
        bonds.build(of(FIRM), project, "设备上架", TODAY() + timedelta(1))
    bonds.spend(of(FIRM), project, "machines", 500_000_00, "某厂", TODAY())
    for use, fen, said in (("machines", 200_000_01, "余额"), ("wages", 1, "没有用途"), ("power", 0, "大于 0")):
        with pytest.raises(Refused, match=said):
            bonds.spend(of(FIRM), project, use, fen, "某厂", TODAY())
    told = bonds.progress(project)
    assert (told.done, told.paid, told.warnings) == (1.0, 0.5, [])
    project = passed(passed(project))
    assert project.stage == "repaid"
    with pytest.raises(Refused, match="还清"):
        bonds.submit(of(FIRM), project)
    line = next(one for one in figures.month_figures(f"{TODAY():%Y-%m}") if one.code == "bonds")
    assert (line.count, line.fen) == (1, 500_000_00)
    assert line.evidence == Record.objects.filter(kind="support.bond").last().sequence


def test_nobody_lets_their_own_project_through_and_others_do_nothing():
    project = bonds.propose(OFFICE, FIRM, "智算中心", PLAN)
    papers(project, "planned")
    bonds.submit(OFFICE, project)
    with pytest.raises(Refused, match="自己"):
        bonds.decide(OFFICE, project, accepted=True, why="x")
    bonds.decide(CHIEF, project, accepted=True, why="符合")
    for act in (lambda: bonds.submit(of(OTHER), project), lambda: bonds.revise(of(OTHER), project, PLAN), lambda: bonds.decide(of(FIRM), project, accepted=True, why="x")):  # fmt: skip
        with pytest.raises(NotAllowed):
            act()


def test_the_province_bounds_what_is_used_as_capital():
    as_capital = {**PLAN, "as_capital": 200_000_00, "capital": 400_000_00}
    first = passed(bonds.propose(of(FIRM), FIRM, "甲", {**PLAN}))
    passed(first)
    # 200,000 of 1,600,000 are within 30 %; 500,000 more are not.
    passed(passed(bonds.propose(of(FIRM), FIRM, "乙", as_capital)))
    greedy = passed(bonds.propose(of(FIRM), FIRM, "丙", {**PLAN, "as_capital": 700_000_00, "capital": 900_000_00}))
    papers(greedy, "reviewed")
    with pytest.raises(Refused, match=r"37\.5"):
        bonds.submit(of(FIRM), greedy)
    assert BondProject.objects.get(pk=greedy.pk).state == "open"


SCENARIO = "manufacturing/job-shop"


def evaluated(through=True, version=None):
    body = {"version": version or find(SCENARIO).version(), "verdict": {"runs_through": through}}
    return append(OFFICE, "scenario.evaluated", SCENARIO, body).sequence


def call(**changed):
    terms = {
        "title": "标志性应用场景申报", "text": "面向制造业", "budget": 300_000_00, "most": 200_000_00, "opens": TODAY(),
        "closes": TODAY(), "each": 2,
        "criteria": {"value": {"zh": "应用价值", "en": "value", "weight": 60}, "method": {"zh": "技术", "en": "method", "weight": 40}},
    }  # fmt: skip
    return landmarks.open_call(OFFICE, **{**terms, **changed})


def applied(one, unit, fen=200_000_00, scenario=SCENARIO, **more):
    return landmarks.apply(of(unit), one, unit, scenario=scenario, title=f"{unit}的场景", text="说明", fen=fen, **more)


def closed(one):
    Call.objects.filter(pk=one.pk).update(opens=TODAY() - timedelta(9), closes=TODAY() - timedelta(1))
    one.refresh_from_db()
    return one


def test_that_a_scenario_runs_through_is_looked_up():
    one = call()
    with pytest.raises(Refused, match="尚未评测"):
        applied(one, FIRM)
    evaluated(through=False)
    with pytest.raises(Refused, match="未跑通"):
        applied(one, FIRM)
    evaluated(version="0" * 64)
    with pytest.raises(Refused, match="改动"):
        applied(one, FIRM)
    with pytest.raises(Refused, match="没有场景"):
        applied(one, FIRM, scenario="x/y")
    number = evaluated()
    assert applied(one, FIRM).verdict == number
    with pytest.raises(Refused, match="已申报"):
        applied(one, FIRM)
    with pytest.raises(Refused, match="不超过"):
        applied(one, OTHER, fen=200_000_01)
    with pytest.raises(Refused, match="申报期"):
        applied(closed(one), OTHER)


def reviewed(one, scores):
    """Everybody judges what they were given: (application's unit, reviewer) to score."""
    for each in Assignment.objects.filter(landmark__call=one, recused=False):
        value = scores(each.landmark.unit.name, each.reviewer)
        landmarks.judge(Actor(each.reviewer, Role.REVIEWER), each, {"value": value, "method": value}, "如表")


def test_from_call_to_instalments_and_clawback():
    make_reviewers(3)
    evaluated()
    one = call()
    for unit in (FIRM, OTHER, SCHOOL):
        applied(one, unit)
    with pytest.raises(Refused, match="未结束"):
        landmarks.assign(OFFICE, one)
    made = landmarks.assign(OFFICE, closed(one))
    assert len(made) == 6
    with pytest.raises(Refused, match="尚有 6 份"):
        landmarks.settle(OFFICE, one)
    with pytest.raises(Refused, match="没有指派"):
        landmarks.judge(Actor("nobody", Role.REVIEWER), made[0], {"value": 1, "method": 1}, "x")
    severe = dict(zip(("expert0", "expert1", "expert2"), (0, -15, 4), strict=True))
    quality = {FIRM: 90, OTHER: 80, SCHOOL: 40}
    reviewed(one, lambda unit, by: max(0, min(100, quality[unit] + severe[by])))
    one = landmarks.settle(OFFICE, one)
    states = dict(Landmark.objects.values_list("unit__name", "state"))
    # The second is good as well, but the budget holds one; the third is below the line.
    assert states == {FIRM: "funded", OTHER: "declined", SCHOOL: "declined"}
    assert landmarks.committed(one) == 200_000_00
    award = Landmark.objects.get(state="funded")
    assert award.score["reviews"] == 2 and award.score["low"] < award.score["score"] < award.score["high"]
    first, second, third = award.instalments.all()
    assert [one.amount for one in (first, second, third)] == [60_000_00, 80_000_00, 60_000_00]
    with pytest.raises(Refused, match="期次"):
        landmarks.pay(OFFICE, second, [evaluated()])
    landmarks.pay(OFFICE, first)
    old = Record.objects.filter(kind="scenario.evaluated").first().sequence
    for shown in (
        [],
        [old],
        [evaluated(through=False)],
        [append(OFFICE, "job.finished", "job:1", {"holder": OTHER}).sequence],
    ):
        with pytest.raises(Refused, match="存证"):
            landmarks.pay(OFFICE, second, shown)
    landmarks.pay(OFFICE, second, [evaluated()])
    with pytest.raises(Refused, match="期次"):
        landmarks.pay(OFFICE, second, [evaluated()])
    with pytest.raises(Refused, match="140,000"):
        landmarks.claw_back(OFFICE, award, 140_000_01, "停用")
    back = landmarks.claw_back(OFFICE, award, 100_000_00, "场景停用")
    third.refresh_from_db()
    assert third.cancelled
    with pytest.raises(Refused):
        landmarks.pay(OFFICE, third, [evaluated()])
    landmarks.came_back(OFFICE, back, 40_000_00)
    back.refresh_from_db()
    with pytest.raises(Refused, match="60,000"):
        landmarks.came_back(OFFICE, back, 60_000_01)
    line = next(one for one in figures.month_figures(f"{TODAY():%Y-%m}") if one.code == "landmarks")
    assert (line.count, line.fen) == (0, 100_000_00)
    assert landmarks.committed(one) == 140_000_00


def test_nobody_judges_what_they_have_an_interest_in():
    make_reviewers(2, FIRM)
    evaluated()
    one = call(each=1)
    applied(one, FIRM)
    with pytest.raises(Refused, match="利益冲突"):
        landmarks.assign(OFFICE, closed(one))
    from dujiang.identity.models import Person

    Person.objects.filter(username="expert1").update(unit=None)
    [given] = landmarks.assign(OFFICE, one)
    assert given.reviewer == "expert1"
    expert = Actor("expert1", Role.REVIEWER)
    landmarks.declare_interest(expert, FIRM)
    landmarks.declare_interest(expert, FIRM)
    assert Interest.objects.count() == 1
    with pytest.raises(Refused, match="回避"):
        landmarks.judge(expert, given, {"value": 1, "method": 1}, "x")
    Person.objects.filter(username="expert0").update(unit=None)
    landmarks.step_back(expert, given, "参股")
    assert Assignment.objects.get(recused=False).reviewer == "expert0"
    with pytest.raises(Refused, match="回避"):
        landmarks.judge(expert, given, {"value": 1, "method": 1}, "x")
    assert FIRM not in Record.objects.filter(subject="interest:expert1").get().body


def test_partners_count_as_conflicts_and_must_be_units():
    [expert] = make_reviewers(1, OTHER)
    evaluated()
    one = call(each=1)
    with pytest.raises(Refused, match="没有单位"):
        applied(one, FIRM, partners=["某不存在"])
    applied(one, FIRM, partners=[OTHER])
    with pytest.raises(Refused, match="利益冲突"):
        landmarks.assign(OFFICE, closed(one))
    assert expert.username == "expert0"


@pytest.mark.parametrize(
    "changed",
    [
        {"closes": date(2020, 1, 1)}, {"criteria": {}}, {"criteria": {"a": {"zh": "", "weight": 1}}}, {"least": 101.0}, {"each": 0},
        {"budget": 1}, {"instalments": [Part("a", 90, ())]}, {"instalments": [Part("a", 100, ("no.kind",))]}, {"title": " "},
    ],
)  # fmt: skip
def test_a_call_that_is_wrong_is_refused(changed):
    with pytest.raises(Refused):
        call(**changed)
    assert not Call.objects.exists()


def test_the_whole_is_for_the_office():
    one = call()
    for act in (lambda: landmarks.assign(of(FIRM), one), lambda: landmarks.settle(Actor("r", Role.REVIEWER), one)):
        with pytest.raises(NotAllowed):
            act()
