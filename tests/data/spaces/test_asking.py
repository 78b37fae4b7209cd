"""An agreement from offer to answer, and every attack on it: none gets through, each leaves evidence."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from data.spaces import attacks
from data.spaces.people import AGGREGATES, PEOPLE, ROWS
from dujiang.data.spaces import actions, asking
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.data.spaces.models import Agreement, Negotiation, Query
from dujiang.data.spaces.policy import Budget, Noise
from dujiang.evidence.actions import stored
from dujiang.evidence.chain import walk
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)
HOSPITAL = Actor("hua", Role.ENTERPRISE, "华西医院")
INSURER = Actor("bao", Role.ENTERPRISE, "某保险公司")
OTHER = Actor("x", Role.ENTERPRISE, "科技厅")
APPROVED = {
    "purpose": "research", "legal_basis": "个人信息保护法第十三条", "ethics_approval": "伦审2026-1", "ethics_until": date(2099, 1, 1),
}  # fmt: skip


def agreed(dataset, policy, **more):
    offer = actions.offer(
        HOSPITAL, dataset, policy, files={"patients": "patients.parquet", "payroll": "payroll.parquet"}
    )
    asked = actions.request(INSURER, offer, unit="某保险公司", **{**APPROVED, **more})
    return actions.agree(HOSPITAL, asked)


@pytest.fixture
def rows(dataset):
    return agreed(dataset, ROWS)


@pytest.fixture
def sums(dataset):
    return agreed(dataset, AGGREGATES)


def refused(agreement, sql, actor=INSURER, **more):
    """Ask what is to be refused; returns its record."""
    before = Record.objects.count()
    with pytest.raises(Forbidden) as error:
        asking.ask(actor, agreement, sql, **more)
    assert "CANARY" not in str(error.value)
    record = Record.objects.order_by("-sequence").first()
    assert Record.objects.count() == before + 1
    assert (record.kind, record.subject) == ("space.refused", agreement.identifier)
    query = Query.objects.first()
    assert (query.outcome, query.evidence) == ("refused", record.sequence)
    return json.loads(record.body)


def test_an_agreement_is_made_and_answers(rows):
    assert rows.in_force
    answer = asking.ask(INSURER, rows, "SELECT city, count(*) AS n FROM people GROUP BY city")
    assert (answer.columns, answer.rows) == (("city", "n"), (("成都", 60),))
    [record] = Record.objects.filter(kind="space.answered")
    assert json.loads(record.body)["purpose"] == "research"
    rows.refresh_from_db()
    assert rows.queries == 1
    assert walk(stored()).fault is None
    kinds = list(Record.objects.order_by("sequence").values_list("kind", flat=True))
    wanted = ["space.offered", "space.negotiated", "space.negotiated", "space.agreed", "space.answered"]
    assert [one for one in kinds if one.startswith("space.")] == wanted


@pytest.mark.parametrize("category", attacks.ROWS)
def test_an_attack_on_rows_is_refused_and_leaves_evidence(rows, category):
    for sql in attacks.ROWS[category]:
        assert refused(rows, sql)["rule"] != "failed"
    assert Record.objects.filter(kind="space.refused").count() == len(attacks.ROWS[category])
    rows.refresh_from_db()
    assert rows.queries == 0  # none of them reached the data


@pytest.mark.parametrize("category", attacks.AGGREGATES)
def test_an_attack_on_aggregates_is_refused_and_leaves_evidence(sums, category):
    for sql in attacks.AGGREGATES[category]:
        assert refused(sums, sql)["rule"] not in ("failed", "group")


@pytest.mark.parametrize("name", attacks.DIFFERENCING)
def test_a_differencing_attack_is_refused_and_leaves_evidence(sums, name):
    *before, last = attacks.DIFFERENCING[name]
    for sql in before:
        asking.ask(INSURER, sums, sql)
    assert refused(sums, last)["rule"] == "group"


def test_a_second_agreement_is_audited_with_the_first(dataset, sums):
    """Else what one agreement doesn't tell, two would."""
    asking.ask(INSURER, sums, "SELECT count(*) FROM people")
    second = agreed(dataset, AGGREGATES)
    assert refused(second, "SELECT count(*) FROM people WHERE city <> '甘孜'")["rule"] == "group"


def test_a_group_that_was_left_out_stays_out(sums):
    sql = "SELECT city, count(*) FROM people GROUP BY city"
    first = asking.ask(INSURER, sums, sql).rows
    assert sorted(first) == [("宜宾", 12), ("成都", 60)] or "甘孜" not in dict(first)
    assert sorted(asking.ask(INSURER, sums, sql).rows) == sorted(first)


def change(agreement, **fields):
    Agreement.objects.filter(pk=agreement.pk).update(**fields)
    agreement.refresh_from_db()


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("ended", "ended"),
        ("expired", "expired"),
        ("used up", "count"),
        ("not final", "state"),
        ("ethics", "ethics"),
        ("withdrawn", "dataset"),
        ("another unit", "consumer"),
        ("the provider itself", "consumer"),
        ("the office", "consumer"),
        ("running", "busy"),
    ],
)
def test_an_agreement_that_is_not_in_force_answers_nothing(dataset, rows, case, rule):
    actor = INSURER
    if case == "ended":
        actions.end(HOSPITAL, rows, "违约")
    elif case == "expired":
        rows.policy["permission"][0]["constraint"][1]["rightOperand"]["@value"] = "2020-01-01T00:00:00+00:00"
        change(rows, policy=rows.policy)
    elif case == "used up":
        change(rows, queries_allowed=1)
        asking.ask(INSURER, rows, "SELECT age FROM people")
    elif case == "not final":
        Negotiation.objects.update(state="AGREED")
    elif case == "ethics":
        Negotiation.objects.update(ethics_until=timezone.localdate() - timedelta(1))
    elif case == "withdrawn":
        dataset.state = "withdrawn"
        dataset.save()
    elif case == "another unit":
        actor = OTHER
    elif case == "the provider itself":
        actor = HOSPITAL
    elif case == "the office":
        actor = OFFICE
    elif case == "running":
        Query.objects.create(
            agreement=rows, dataset=dataset, consumer=rows.negotiation.consumer, sql="", outcome="running"
        )
    assert refused(Agreement.objects.get(pk=rows.pk), "SELECT age FROM people", actor)["rule"] == rule


def test_a_query_whose_process_died_does_not_bar_the_next(dataset, rows):
    long_ago = timezone.now() - asking.STALE * 2
    Query.objects.create(
        agreement=rows, dataset=dataset, consumer=rows.negotiation.consumer, sql="", outcome="running", begun=long_ago
    )
    assert asking.ask(INSURER, rows, "SELECT count(*) FROM people").rows == ((60,),)
    assert Query.objects.filter(outcome="lost").count() == 1


def test_a_query_that_fails_counts_and_says_nothing(rows):
    assert refused(rows, "SELECT city FROM people GROUP BY age")["rule"] == "failed"
    rows.refresh_from_db()
    assert rows.queries == 1


def test_each_answer_is_due(dataset):
    made = agreed(dataset, replace(ROWS, price=10_000, price_a_query=250))
    asking.ask(INSURER, made, "SELECT count(*) FROM people")
    refused(made, "SELECT name FROM people")
    made.refresh_from_db()
    assert made.due == 10_250


@pytest.mark.parametrize("noise", Noise)
def test_a_privacy_budget_is_spent_and_never_overspent(dataset, noise):
    budget = Budget(noise, Decimal("0.5"), Decimal("1e-6") if noise is Noise.GAUSSIAN else Decimal(0))
    made = agreed(dataset, replace(AGGREGATES, budget=budget))
    half = Decimal(made.budget // 2) / 1_000_000
    answer = asking.ask(INSURER, made, "SELECT count(*) AS n, sum(salary) AS s FROM people", spend=half)
    assert answer.columns == ("n", "s")
    made.refresh_from_db()
    assert 0 < made.spent <= made.budget // 2
    assert refused(made, "SELECT count(*) FROM people", spend=half * 2)["rule"] == "budget"
    # A refusal by the audit draws no noise and costs nothing.
    spent = made.spent
    assert refused(made, "SELECT count(*) FROM people WHERE city = '甘孜'", spend=half / 2)["rule"] == "group"
    made.refresh_from_db()
    assert made.spent == spent
    asking.ask(INSURER, made, "SELECT count(*) FROM people", spend=half)
    made.refresh_from_db()
    assert made.spent <= made.budget
    assert Decimal("0.49") < made.privacy <= Decimal("0.5")


def test_more_rows_a_person_than_noise_is_for_are_refused(dataset):
    view = replace(AGGREGATES.views[0], subject="city")
    budget = Budget(Noise.LAPLACE, Decimal(1), contribution=3)
    with pytest.raises(Refused, match="60"):
        agreed(dataset, replace(AGGREGATES, views=(view,), budget=budget))


@pytest.mark.parametrize(
    "missing",
    [{"legal_basis": " "}, {"ethics_approval": ""}, {"ethics_until": date(2020, 1, 1)}, {"purpose": "advertising"}],
)
def test_clinical_data_are_not_asked_for_without_basis_and_approval(dataset, missing):
    with pytest.raises(Refused):
        agreed(dataset, ROWS, **missing)
    assert not Negotiation.objects.exists()


def test_who_may_do_what(dataset, rows):
    offer = rows.negotiation.offer
    with pytest.raises(NotAllowed):
        actions.offer(INSURER, dataset, ROWS, files={"patients": "patients.parquet"})
    with pytest.raises(NotAllowed):
        actions.request(OTHER, offer, unit="某保险公司", **APPROVED)
    asked = actions.request(INSURER, offer, unit="某保险公司", **APPROVED)
    for actor in (INSURER, OTHER):
        with pytest.raises(NotAllowed):
            actions.agree(actor, asked)
    actions.decline(HOSPITAL, asked, "用途不符")
    with pytest.raises(Refused):
        actions.agree(HOSPITAL, asked)
    assert list(actions.agreements_of(OTHER)) == []
    assert list(actions.agreements_of(INSURER)) == list(actions.agreements_of(HOSPITAL)) == [rows]


def test_an_offer_shows_what_is_there(dataset):
    for files, change_of in (
        ({"patients": "none.parquet"}, {}),
        ({"else": "patients.parquet"}, {}),
        ({"patients": "patients.parquet"}, {"views": (replace(ROWS.views[0], table="nothing"),)}),
        ({"patients": "patients.parquet"}, {"views": (replace(ROWS.views[0], subject="nothing"),)}),
    ):
        with pytest.raises(Refused):
            actions.offer(HOSPITAL, dataset, replace(ROWS, **change_of), files=files)


def test_after_the_end_deletion_is_due_and_stated(dataset):
    made = agreed(dataset, replace(ROWS, delete_after_days=30))
    assert made.delete_by is None
    with pytest.raises(Refused):
        actions.confirm_deletion(INSURER, made, "已删除")
    made = actions.end(INSURER, made, "项目结束")
    assert made.delete_by == timezone.localdate() + timedelta(30)
    with pytest.raises(NotAllowed):
        actions.confirm_deletion(HOSPITAL, made, "已删除")
    assert actions.confirm_deletion(INSURER, made, "全部副本已清除").deleted


def test_a_hundred_people_stay_a_hundred(sums):
    assert asking.ask(INSURER, sums, "SELECT count(*) FROM people").rows == ((len(PEOPLE),),)
