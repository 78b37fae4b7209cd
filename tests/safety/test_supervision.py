"""Sandboxes that stop by their conditions, watches that tell, incidents from report to closure."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.compute.models import Job, Product
from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_enterprise
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.safety import actions, supervision
from dujiang.safety.alarms import BETWEEN
from dujiang.safety.models import Alarm, Count, Incident, Sandbox
from dujiang.tokens.models import Key, Line

OFFICE = Actor("tester", Role.OFFICE)
OWNER, OTHER = "某智算公司", "某石油公司"
FIRM, STRANGER = Actor("li", Role.ENTERPRISE, OWNER), Actor("wang", Role.ENTERPRISE, OTHER)
ABOUT = {"title": "排产", "owner": OWNER, "purpose": "车间排产", "data": "工序表", "version": "sha256:00"}
SCENARIO = "scenario:manufacturing/job-shop"
today = timezone.localdate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _units(db):
    add_enterprise(OFFICE, OTHER, "91110000600037341L")
    add_enterprise(OFFICE, OWNER, "9144030071526726XG")


def box(subject=SCENARIO, conditions=(("failures", "<=", 0.1),), **more):
    one = actions.register(FIRM, subject, **ABOUT, facts={"mobilises": True})
    terms = {"units": [OTHER], "most_users": 5, "since": timedelta(days=-5), "until": timedelta(days=30), **more}
    made = [{"name": name, "op": op, "limit": limit} for name, op, limit in conditions]
    when = {name: today() + terms.pop(name) for name in ("since", "until")}
    return supervision.permit(OFFICE, one, **{"conditions": made, "leaving": "连续达标", **terms, **when})


def what(kind):
    return [one.content["what"] for one in Record.objects.filter(kind=kind).order_by("sequence")]


def test_a_broken_condition_stops_a_sandbox():
    made = box(conditions=[("accuracy", ">=", 0.9), ("failures", "<=", 0.1)])
    assert supervision.measure(FIRM, made, "accuracy", 0.95).kept
    assert not supervision.measure(FIRM, made, "accuracy", 0.85).kept
    made.refresh_from_db()
    assert made.state == Sandbox.State.STOPPED
    assert "accuracy = 0.85" in made.why
    assert what("safety.sandbox") == ["permitted", "stopped"]
    with pytest.raises(Refused, match="ended"):
        supervision.measure(FIRM, made, "accuracy", 0.95)


def test_a_sandbox_is_left_when_all_was_measured():
    made = box(conditions=[("accuracy", ">=", 0.9), ("failures", "<=", 0.1)])
    supervision.measure(FIRM, made, "accuracy", 0.95)
    with pytest.raises(Refused, match="failures has not been measured"):
        supervision.leave(OFFICE, made, "达标")
    supervision.measure(FIRM, made, "failures", 0.0)
    assert supervision.leave(OFFICE, made, "达标").state == Sandbox.State.LEFT
    assert Record.objects.order_by("-sequence").first().content["measured"] == {"accuracy": 0.95, "failures": 0.0}


@pytest.mark.parametrize(
    "change",
    [
        {"units": []}, {"units": ["无"]}, {"most_users": 0}, {"until": timedelta(days=-1)},
        {"until": timedelta(days=400)}, {"conditions": []}, {"conditions": [("x", "=", 1)]},
        {"conditions": [("x", "<=", float("nan"))]}, {"conditions": [("x", "<=", 1), ("x", ">=", 0)]}, {"leaving": " "},
    ],
)  # fmt: skip
def test_a_sandbox_needs_its_terms(change):
    with pytest.raises(Refused):
        box(**change)
    assert not Sandbox.objects.exists()


def test_others_may_not():
    made = box()
    incident = supervision.report(STRANGER, subject=SCENARIO, title="算错", text="排程把两道工序放在一台机上")
    for call in (
        lambda who: supervision.measure(who, made, "failures", 0.0),
        lambda who: supervision.stop(who, made, "停"),
        lambda who: supervision.watch(who, SCENARIO, "failures", 0.1),
        supervision.look,
        lambda who: supervision.contain(who, incident, "停用"),
        lambda who: supervision.regrade(who, incident, people=0, yuan=0, hours=0, critical=False),
    ):
        with pytest.raises(NotAllowed):
            call(STRANGER)
    with pytest.raises(NotAllowed):
        supervision.complain(Actor("x", Role.PUBLIC), SCENARIO, "不好用")


def ran(day, done, failed):
    """Runs of the scenario on files, that ended on a day."""
    product, _ = Product.objects.get_or_create(
        key="job", defaults={"kind": "job", "title_zh": "作业", "title_en": "job"}
    )
    noon = timezone.localtime().replace(hour=12, minute=0) - (today() - day)
    for state, count in (("done", done), ("failed", failed)):
        Job.objects.bulk_create(
            Job(work=SCENARIO, submitter="s", holder="h", product=product, argv=[], seconds=1, memory_mib=1, cpus=1, state=state, finished=noon)
            for _ in range(count)
        )  # fmt: skip


def test_a_watch_on_failures_is_quiet_while_all_is_well_and_tells_when_it_is_not():
    days = [today() - timedelta(days=one) for one in range(40, 0, -1)]
    for day in days[:30]:
        ran(day, 19, 1)
    one = supervision.watch(OFFICE, SCENARIO, "failures", 0.08)
    one.through = days[0].toordinal()
    one.save()
    assert supervision.look(OFFICE, days[29]) == []
    one.refresh_from_db()
    assert (one.looks, one.through) == (29, days[29].toordinal())
    assert 0 <= one.statistic < BETWEEN
    for day in days[30:]:
        ran(day, 14, 6)
    [alarm] = supervision.look(OFFICE)  # that lasts, and is told once
    assert alarm.statistic >= BETWEEN
    assert alarm.note["tolerated"] == 0.08
    assert Record.objects.get(sequence=alarm.evidence).kind == "safety.alarmed"
    assert supervision.look(OFFICE) == []  # a day is looked at once
    begun = supervision.watch(OFFICE, SCENARIO, "failures", 0.08)
    assert (begun.looks, begun.state.get("told"), Alarm.objects.count()) == (0, None, 1)


def test_a_tolerated_rate_is_found_in_the_last_month():
    with pytest.raises(Refused, match="30 days"):
        supervision.watch(OFFICE, SCENARIO, "failures")
    ran(today() - timedelta(days=3), 95, 5)
    one = supervision.watch(OFFICE, SCENARIO, "failures")
    assert 0.05 < one.tolerated < 0.15
    with pytest.raises(Refused, match="can be watched"):
        supervision.watch(OFFICE, SCENARIO, "refusals", 0.1)
    with pytest.raises(Refused, match="between 0 and 1"):
        supervision.watch(OFFICE, SCENARIO, "failures", 1.0)


def test_rates_of_a_model_come_from_the_gateways_statements():
    key = Key.objects.create(holder=OTHER, digest="d", expires=timezone.now(), evidence=1)
    for day in range(1, 9):
        Line.objects.create(key=key, model="m", day=today() - timedelta(days=day), requests=100, failed=2, prompt=5000)
    Count.objects.create(subject="model:m", series="refusals", day=today() - timedelta(days=1), events=50)
    since, until = today() - timedelta(days=8), today()
    assert [one[1:] for one in supervision.batches("model:m", "failures", since, until)] == [(2, 100)] * 8
    assert [one[1:] for one in supervision.batches("model:m", "refusals", since, until)] == [(0, 100)] * 7 + [(50, 150)]
    supervision.complain(STRANGER, "model:m", "答非所问")
    assert supervision.batches("model:m", "complaints", since, until)[-1][1:] == (1, 1)
    supervision.watch(OFFICE, "model:m", "inputs")
    Line.objects.create(key=key, model="m2", day=today(), requests=1)
    assert supervision.look(OFFICE) == []


def evaluated(score, size="default"):
    scores = [{"seed": seed, "baseline": 1.0, "method": score + seed / 100, "faults": []} for seed in range(5)]
    return append(OFFICE, "scenario.evaluated", "manufacturing/job-shop", {"size": size, "scores": scores})


def test_drift_of_scores_is_told():
    evaluated(10.0)
    for _ in range(7):
        evaluated(10.0)
    supervision.watch(OFFICE, SCENARIO, "scores")
    evaluated(99.0, "small")  # other cases
    evaluated(10.0)
    assert supervision.look(OFFICE) == []
    for step in range(4):
        evaluated(20.0 + step)
    [alarm] = supervision.look(OFFICE)
    assert alarm.note["figure"] >= 20.0


def test_a_sandbox_is_measured_by_what_the_site_sees():
    made = box(conditions=[("failures", "<=", 0.1), ("alarms", "<=", 0)])
    ran(today() - timedelta(days=2), 19, 1)
    supervision.look(OFFICE)
    assert {name: one.value for name, one in made.latest().items()} == {"failures": 0.05, "alarms": 0.0}
    ran(today() - timedelta(days=1), 10, 10)
    supervision.look(OFFICE)
    made.refresh_from_db()
    assert made.state == Sandbox.State.STOPPED


def test_an_incident_goes_from_report_to_closure():
    evidence = Record.objects.order_by("-sequence").first().sequence
    one = supervision.report(STRANGER, subject=SCENARIO, title="算错", text="两道工序撞机", records=[evidence])
    assert (one.level, one.late) == ("general", [])
    assert "撞机" not in Record.objects.order_by("-sequence").first().body  # what people write stays with the office
    with pytest.raises(Refused, match="not contained"):
        supervision.close(OFFICE, one, cause="换算错误", lessons="加一条校验")
    supervision.contain(OFFICE, one, "停用该版本")
    closed = supervision.close(OFFICE, one, cause="换算错误", lessons="加一条校验", records=[evidence + 1])
    assert closed.state == Incident.State.CLOSED
    assert closed.records == [evidence, evidence + 1]
    assert what("safety.incident") == ["reported", "contained", "closed"]
    with pytest.raises(Refused, match="closed"):
        supervision.contain(OFFICE, one, "再停")


def test_a_serious_incident_stops_the_sandbox_and_must_be_told():
    made = box()
    one = supervision.report(FIRM, subject=SCENARIO, title="泄露", text="名单外泄", people=2_000_000)
    made.refresh_from_db()
    assert made.state == Sandbox.State.STOPPED
    assert one.level == "serious"
    Incident.objects.update(found=timezone.now() - timedelta(hours=5))
    one.refresh_from_db()
    assert [text.en for text in one.late] == ["reported outside too late"]
    supervision.contain(OFFICE, one, "停用")
    with pytest.raises(Refused, match="told"):
        supervision.close(OFFICE, one, cause="因", lessons="果")
    supervision.tell(OFFICE, one, "省网信办")
    assert supervision.close(OFFICE, one, cause="因", lessons="果").state == Incident.State.CLOSED


def test_an_incident_is_regraded_by_what_it_did():
    one = supervision.report(FIRM, subject="model:m", title="停服", text="停了", hours=1)
    assert supervision.regrade(OFFICE, one, people=0, yuan=0, hours=7, critical=False).level == "major"
    for wrong in (
        {"people": -1},
        {"hours": float("inf")},
        {"records": [10**6]},
        {"found": timezone.now() + timedelta(days=1)},
        {"title": ""},
        {"subject": " "},
    ):
        with pytest.raises(Refused):
            supervision.report(FIRM, **{"subject": "model:m", "title": "停", "text": "停", **wrong})
    assert Incident.objects.count() == 1
