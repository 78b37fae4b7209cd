"""The ledger in the store: two-phase transfers, idempotency, refusals, expiry, and what the database itself refuses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Sum

from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.vouchers import actions, group, journal
from dujiang.vouchers.models import Account, Grant, Hold, Outcome, Pending, Programme, Transfer

OFFICE = Actor("tester", Role.OFFICE)
pytestmark = pytest.mark.django_db


def soon():
    return datetime.now(UTC) + timedelta(hours=1)


def hold(key, amount, **more):
    asked = {"holder": "甲公司", "product": "gpu.a", "provider": "算力中心", "until": soon(), **more}
    return actions.hold(OFFICE, key=key, amount=amount, **asked)


def account():
    return Account.objects.get(kind="holder", owner="甲公司")


def test_a_first_hold_on_a_small_site_gets_a_trial_grant():
    cap = actions.balance("甲公司", "gpu.a")
    assert not Programme.objects.exists()
    made = hold("k", 1234)
    assert (made.state, made.amount, made.until > journal.stamp(datetime.now(UTC))) == ("held", 1234, True)
    assert Grant.objects.get().amount == cap
    assert actions.balance("甲公司", "gpu.a") == cap - 1234
    assert Record.objects.filter(kind="voucher.granted").count() == 1


def test_the_same_call_again_returns_the_same_hold_and_another_content_is_refused():
    made = hold("k", 100)
    assert hold("k", 100, until=soon() + timedelta(hours=5)) == made
    for other in ({"amount": 101}, {"amount": 100, "product": "gpu.b"}, {"amount": 100, "provider": "乙"}):
        with pytest.raises(Refused, match="other content"):
            hold("k", other.pop("amount"), **other)
    assert Hold.objects.count() == 1
    assert account().held == 100


def test_a_settlement_pays_the_provider_and_releases_the_rest():
    hold("k", 100)
    done = actions.settle(OFFICE, "k", 60)
    assert (done.amount, done.released, done.shares) == (60, 40, (("", 60),))
    assert actions.settle(OFFICE, "k", 60) == done
    for amount in (59, 61, 0):
        with pytest.raises(Refused, match="was settled"):
            actions.settle(OFFICE, "k", amount)
    with pytest.raises(Refused, match="was settled"):
        actions.release(OFFICE, "k")
    assert Account.objects.get(owner="算力中心").posted == 60
    assert account().held == 0
    assert Account.objects.aggregate(sum=Sum("posted"))["sum"] == 0
    assert (
        actions.hold(
            OFFICE, key="k", holder="甲公司", product="gpu.a", provider="算力中心", amount=100, until=soon()
        ).paid
        == 60
    )


def test_nothing_and_all_can_be_settled():
    hold("none", 0)
    hold("all", 100)
    assert actions.settle(OFFICE, "none", 0).shares == ()
    assert actions.settle(OFFICE, "all", 100).released == 0
    assert Transfer.objects.filter(hold__isnull=False).count() == 1


@pytest.mark.parametrize("amount", [-1, 101, 1.5, 10**16])
def test_an_amount_that_cannot_be_is_refused_and_the_hold_stays(amount):
    hold("k", 100)
    with pytest.raises(Refused):
        actions.settle(OFFICE, "k", amount)
    assert actions.find("k").state == "held"


def test_a_released_hold_pays_nothing_any_more():
    hold("k", 100)
    assert actions.release(OFFICE, "k").state == "released"
    assert actions.release(OFFICE, "k").state == "released"
    with pytest.raises(Refused, match="was released"):
        actions.settle(OFFICE, "k", 0)
    assert account().held == 0
    assert not Pending.objects.exists()


def test_what_is_short_is_said_in_both_languages_and_nothing_is_kept():
    cap = actions.balance("甲公司", "gpu.a")
    with pytest.raises(Refused, match=r"差 0\.01 元(.|\n)*CNY 0\.01 short"):
        hold("k", cap + 1)
    assert not Hold.objects.exists()
    assert not Grant.objects.exists()


def test_one_that_is_refused_fails_alone():
    cap = actions.balance("甲公司", "gpu.a")
    told = actions.hold_all(
        OFFICE,
        [
            actions.wanted(str(n), "甲公司", "gpu.a", "算力中心", amount, until=soon())
            for n, amount in enumerate((cap - 5, 6, 5))
        ],
    )
    assert [isinstance(one, Refused) for one in told] == [False, True, False]
    told = actions.settle_all(OFFICE, [("0", 1), ("1", 1), ("2", 5), ("2", 5)])
    assert [isinstance(one, Refused) for one in told] == [False, True, False, False]
    assert Outcome.objects.count() == 2
    assert Record.objects.filter(kind="voucher.settled").count() == 1


def test_who_may_not_is_refused_alone():
    hold("k", 100)
    stranger = Actor("li", Role.ENTERPRISE, "乙公司")
    with pytest.raises(NotAllowed):
        actions.settle(stranger, "k", 1)
    with pytest.raises(NotAllowed):
        actions.hold(stranger, key="x", holder="甲公司", product="gpu", provider="算力中心", amount=1, until=soon())
    assert actions.settle(Actor("wang", Role.ENTERPRISE, "甲公司"), "k", 1).amount == 1


def test_a_hold_past_its_time_expires_and_an_extended_one_does_not(monkeypatch):
    hold("short", 100)
    hold("long", 100)
    assert actions.extend(OFFICE, "long", soon() + timedelta(hours=5)).until > actions.find("short").until
    later = datetime.now(UTC) + timedelta(hours=2)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return later

    monkeypatch.setattr(group, "datetime", Later)
    with pytest.raises(Refused, match="has expired"):
        actions.settle(OFFICE, "short", 1)
    with pytest.raises(Refused, match="has expired"):
        actions.extend(OFFICE, "short", later + timedelta(hours=1))
    assert actions.settle(OFFICE, "long", 1).amount == 1
    assert Outcome.objects.get(how="expired").hold.key == "short"


def test_an_unforeseen_failure_of_one_does_not_fail_the_others(monkeypatch):
    hold("a", 1)
    insert = journal._insert

    def failing(cursor, table, rows):
        if table == "vouchers_outcome" and any(row[2] == 13 for row in rows):
            raise IntegrityError("no thirteen")
        insert(cursor, table, rows)

    monkeypatch.setattr(journal, "_insert", failing)
    hold("b", 20)
    calls = [group._Call([(OFFICE, group.Settle(key, amount))]) for key, amount in (("a", 1), ("b", 13))]
    group._commit(calls)
    assert calls[0].answers[0].amount == 1
    assert isinstance(calls[1].error, IntegrityError)
    assert actions.find("b").state == "held"


@pytest.mark.parametrize("table", ["programme", "allotment", "grant", "hold", "transfer", "outcome"])
def test_the_database_refuses_to_change_or_remove_what_is_written(table):
    hold("k", 100)
    actions.settle(OFFICE, "k", 60)
    key = "hold_id" if table == "outcome" else "id"
    changes = [
        f"UPDATE vouchers_{table} SET {key} = {key}",
        f"DELETE FROM vouchers_{table}",
        "DELETE FROM vouchers_account",
    ]
    if connection.vendor == "postgresql":
        connection.check_constraints()  # else their pending checks are what refuses to truncate
        changes.append(f"TRUNCATE vouchers_{table} CASCADE")
    else:
        changes.append(f"INSERT OR REPLACE INTO vouchers_{table} SELECT * FROM vouchers_{table} LIMIT 1")
    for change in changes:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_the_database_refuses_an_account_below_its_floor():
    hold("k", 100)
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=account().pk).update(posted=99)
