"""Plans of people, certification by enterprises, order-based training, the quarter's analysis and the month's figures."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.talent import actions, analyses, certifying, planning, training
from dujiang.talent.models import Analysis, Certificate, Measure, Talent, Trainee
from dujiang.talent.sampling import draw, sample_size
from talent.people import FIRM, FIRM_STAFF, OFFICE, OTHER, OTHER_STAFF, in_days, recorded, skills, units

pytestmark = pytest.mark.django_db
REVIEWER = Actor("expert", Role.REVIEWER)


@pytest.fixture(autouse=True)
def _around(db):
    units()
    skills()


def test_a_plan_has_need_measure_unit_day_and_outcome_and_late_ones_are_told():
    one = recorded()
    made = planning.plan(OFFICE, one, "子女入学", "协调学位", OTHER, in_days(10))
    assert "子女入学" not in str(Measure.objects.values_list("need").query) and made.need == "子女入学"
    for need, until, said in ((" ", in_days(9), "写明"), ("住房", in_days(0), "晚于今天")):
        with pytest.raises(Refused, match=said):
            planning.plan(OFFICE, one, need, "x", OTHER, until)
    with pytest.raises(NotAllowed):
        planning.close(FIRM_STAFF, made, "好", done=True)
    assert actions.see(OTHER_STAFF, one, "plan", "办理入学").name == "李小明"
    assert actions.late_measures() == []
    Measure.objects.update(until=timezone.localdate() - timedelta(days=3))
    assert actions.late_measures(OTHER) == [made] and actions.late_measures(FIRM) == []
    figures = {one.code: one for one in actions.month_figures(f"{timezone.localdate():%Y-%m}")}
    assert (figures["measures"].count, figures["measures"].late) == (1, 1)
    assert figures["people"].count == 1
    closed = planning.close(OTHER_STAFF, made, "已入学", done=True)
    assert Record.objects.get(sequence=closed.evidence).content["days_late"] == 3
    with pytest.raises(Refused, match="已办结"):
        planning.close(OTHER_STAFF, made, "再办", done=True)
    assert actions.late_measures() == []
    with pytest.raises(NotAllowed):
        actions.see(OTHER_STAFF, one, "plan", "再看看")


def test_there_is_no_plan_without_consent():
    one = recorded(purposes=["analysis"])
    with pytest.raises(Refused, match="未同意"):
        planning.plan(OFFICE, one, "住房", "租房补贴", OTHER, in_days(9))


def delegated(quota=2, **rules):
    return certifying.delegate(
        OFFICE, FIRM, "机器视觉", "intermediate", quota, rules or {"years": 3, "score": 60}, in_days(0), in_days(300)
    )


GOOD = {"years": 4, "score": 80}


def test_an_enterprise_certifies_by_its_rules_and_within_its_quota():
    held = delegated()
    people = [recorded(f"p{number}", name=f"李{number}号", phone="", email="", orcid="") for number in range(3)]
    made = certifying.certify(FIRM_STAFF, held, people[0], "intermediate", GOOD)
    assert made.number.startswith(f"DJ{timezone.localdate():%Y}") and made.facts == GOOD
    assert Record.objects.get(sequence=made.evidence).subject == made.number
    for person, level, facts, said in (
        (people[1], "senior", GOOD, "至多可认定"),
        (people[1], "entry", {"years": 4, "score": 59}, "不低于 60"),
        (people[1], "entry", {"years": 4}, "不低于 60"),
        (people[0], "intermediate", GOOD, "已有同等级"),
    ):
        with pytest.raises(Refused, match=said):
            certifying.certify(FIRM_STAFF, held, person, level, facts)
    with pytest.raises(NotAllowed):
        certifying.certify(OTHER_STAFF, held, people[1], "entry", GOOD)
    with pytest.raises(NotAllowed):
        certifying.certify(OFFICE, held, people[1], "entry", GOOD)
    certifying.certify(FIRM_STAFF, held, people[1], "entry", GOOD)
    with pytest.raises(Refused, match="名额 2 已用完"):
        certifying.certify(FIRM_STAFF, held, people[2], "entry", GOOD)
    certifying.withdraw_certificate(FIRM_STAFF, made, "材料有误")
    certifying.certify(FIRM_STAFF, held, people[2], "entry", GOOD)
    with pytest.raises(Refused, match="已撤销"):
        certifying.withdraw_certificate(OFFICE, made, "再撤")
    certifying.withdraw_delegation(OFFICE, held, "整改")
    with pytest.raises(Refused, match="已到期或已撤销"):
        certifying.certify(FIRM_STAFF, held, people[0], "entry", GOOD)
    assert Certificate.objects.filter(state="valid").count() == 2


@pytest.mark.parametrize(
    ("quota", "rules", "said"), [(0, {"years": 1}, "名额"), (1, {"luck": 1}, "取自"), (1, {"score": 900}, "取自")]
)
def test_a_delegation_that_makes_no_sense_is_refused(quota, rules, said):
    with pytest.raises(Refused, match=said):
        delegated(quota, **rules)


def certified(count):
    held = delegated(count)
    actor = recorded("li").person.actor
    made = Talent.objects.get()
    for number in range(count):
        Certificate.objects.create(
            number=f"DJ{number:03d}",
            delegation=held,
            talent=made,
            level="entry",
            facts={},
            issued=in_days(0),
            evidence=1,
        )
    assert actor.name == "li"
    return held


def test_an_audit_draws_by_a_seed_that_anybody_can_check():
    held = certified(60)
    audit = certifying.start_audit(REVIEWER, held, tolerated=0.1, confidence=0.95)
    numbers = [f"DJ{number:03d}" for number in range(60)]
    seed = Record.objects.get(sequence=audit.seed_record).digest.rpartition(":")[2]
    chosen = [one.certificate.number for one in audit.sample.all()]
    assert chosen == draw(numbers, sample_size(60, 0.1, 0.95), seed[:64])
    assert Record.objects.get(sequence=audit.evidence).content["sample"] == chosen
    with pytest.raises(Refused, match="尚未结束"):
        certifying.start_audit(REVIEWER, held)
    with pytest.raises(Refused, match="未核查"):
        certifying.end_audit(REVIEWER, audit)
    with pytest.raises(NotAllowed):
        certifying.start_audit(FIRM_STAFF, held)
    for one in audit.sample.all():
        certifying.check(REVIEWER, one, sound=True, note="")
    audit = certifying.end_audit(REVIEWER, audit)
    assert audit.result["verdict"] == "passes" and audit.result["high"] <= 6
    held.refresh_from_db()
    assert held.holds()
    with pytest.raises(Refused, match="已结束"):
        certifying.check(REVIEWER, audit.sample.first(), sound=True, note="")


def test_what_is_found_bad_is_withdrawn_and_a_bad_enterprise_too():
    held = certified(60)
    audit = certifying.start_audit(REVIEWER, held, tolerated=0.1)
    sample = list(audit.sample.all())
    with pytest.raises(Refused, match="写明"):
        certifying.check(REVIEWER, sample[0], sound=False, note="")
    for place, one in enumerate(sample):
        certifying.check(REVIEWER, one, sound=place >= 15, note="考评记录缺失")
    audit = certifying.end_audit(REVIEWER, audit)
    assert audit.result["verdict"] == "fails" and audit.result["low"] > 6
    held.refresh_from_db()
    assert held.state == "withdrawn" and Certificate.objects.filter(state="withdrawn").count() == 15


def test_one_bad_one_leaves_it_open():
    held = certified(60)
    audit = certifying.start_audit(REVIEWER, held, tolerated=0.1)
    for place, one in enumerate(audit.sample.all()):
        certifying.check(REVIEWER, one, sound=place > 0, note="考评记录缺失")
    assert certifying.end_audit(REVIEWER, audit).result["verdict"] == "open"
    held.refresh_from_db()
    assert held.holds()


CODED = {"industry": "manufacturing", "level": "intermediate", "city": "成都市"}


def test_an_order_goes_to_a_school_and_people_to_the_enterprise():
    wanted = training.order(FIRM_STAFF, "视觉质检员", CODED, "机器视觉", 1, in_days(100))
    with pytest.raises(Refused, match="尚未登记为培养院校"):
        training.open_course(OTHER_STAFF, "视觉班", "机器视觉", "entry", 2, in_days(1), in_days(60), order=wanted)
    with pytest.raises(NotAllowed):
        training.register_school(OTHER_STAFF, OTHER)
    training.register_school(OFFICE, OTHER)
    with pytest.raises(Refused, match="技能不符"):
        training.open_course(OTHER_STAFF, "班", "ML", "entry", 2, in_days(1), in_days(60), order=wanted)
    course = training.open_course(OTHER_STAFF, "视觉班", "机器视觉", "entry", 1, in_days(1), in_days(60), order=wanted)
    [line] = actions.open_courses("esco:vision")
    assert (line.school, line.free, line.skill_title.en) == (OTHER, 1, "computer vision")
    one = recorded(purposes=["training"])
    trainee = training.enrol(one.person.actor, course, one)
    assert actions.open_courses() == []
    with pytest.raises(Refused, match="已满"):
        training.enrol(OTHER_STAFF, course, recorded("wang", name="王二", phone="", email="", orcid=""))
    with pytest.raises(NotAllowed):
        training.move(FIRM_STAFF, trainee, "completed")
    with pytest.raises(Refused, match="不能由"):
        training.move(OTHER_STAFF, trainee, "placed", placed_with=FIRM)
    training.move(OTHER_STAFF, trainee, "completed")
    trainee = training.move(OTHER_STAFF, trainee, "placed", placed_with=FIRM)
    assert wanted.placed == 1
    figures = {one.code: one.count for one in actions.month_figures(f"{timezone.localdate():%Y-%m}")}
    assert (figures["placed"], figures["orders"]) == (1, 1)
    with pytest.raises(Refused, match="半年"):
        training.follow_up(FIRM_STAFF, trainee, stayed=True)
    Trainee.objects.update(placed=timezone.localdate() - timedelta(days=200))
    trainee.refresh_from_db()
    with pytest.raises(NotAllowed):
        training.follow_up(OTHER_STAFF, trainee, stayed=True)
    assert training.follow_up(FIRM_STAFF, trainee, stayed=True).stayed
    closed = training.close_order(FIRM_STAFF, wanted, "1 人上岗并留任")
    assert closed.state == "done" and not closed.late
    with pytest.raises(Refused, match="已结束"):
        training.close_order(FIRM_STAFF, wanted, "再结")


def test_an_order_that_nobody_filled_is_late_and_not_done():
    wanted = training.order(FIRM_STAFF, "视觉质检员", CODED, "机器视觉", 3, in_days(9))
    wanted.by = timezone.localdate() - timedelta(days=1)
    wanted.save()
    assert wanted.late
    assert training.close_order(FIRM_STAFF, wanted, "无人报名").state == "dropped"
    with pytest.raises(Refused):
        training.order(FIRM_STAFF, "视觉质检员", CODED, "机器视觉", 0, in_days(9))


def test_a_quarter_is_published_once_of_those_who_consent():
    # Personal data are of no matter here.
    for number in range(9):
        recorded(f"p{number}", name=f"李{number}号", phone="", email="", orcid="", entered="2020-01-01")
    recorded("wang", purposes=["plan"], name="王二", phone="", email="", orcid="", entered="2020-01-01")
    last = timezone.localdate().replace(day=1) - timedelta(days=100)
    quarter = f"{last:%Y}Q{(last.month + 2) // 3}"
    made = analyses.publish(OFFICE, quarter)
    assert made.report["tables"]["total"][0]["count"] == 9
    assert made.report["skills"][0] == {
        "skill": "esco:vision", "count": 9,
        "levels": {"entry": 0, "assistant": 0, "intermediate": 0, "senior": 9, "chief": 0},
    }  # fmt: skip
    assert Record.objects.get(sequence=made.evidence).content["total"] == 9
    with pytest.raises(Refused, match="已分析"):
        analyses.publish(OFFICE, quarter)
    with pytest.raises(Refused, match="尚未结束"):
        analyses.publish(OFFICE, f"{timezone.localdate():%Y}Q4")
    with pytest.raises(Refused, match="形如"):
        analyses.publish(OFFICE, "2026")
    with pytest.raises(NotAllowed):
        analyses.publish(FIRM_STAFF, quarter)
    assert Analysis.objects.count() == 1
