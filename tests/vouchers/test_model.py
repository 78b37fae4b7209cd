"""Any sequence of holds, settlements, releases, extensions, grants and clawbacks agrees with a model of a few lines."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused
from dujiang.vouchers import actions, grants, group
from dujiang.vouchers.audit import faults
from dujiang.vouchers.models import Account, Grant, Programme

OFFICE = Actor("tester", Role.OFFICE)
HOLDERS, PRODUCTS = ("甲", "乙"), ("gpu.a", "gpu.b", "cpu")
START = datetime(2026, 3, 1, tzinfo=UTC)
keys = st.integers(0, 12).map(str)
amounts = st.integers(0, 120)


class Ledger(RuleBasedStateMachine):
    """The real ledger, beside a model that keeps each grant's free amount and each hold's parts."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.grants, self.holds, self.paid = [], {}, 0
        self.now = START
        self.patch = pytest.MonkeyPatch()
        machine = self

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return machine.now

        for module in (actions, group):
            self.patch.setattr(module, "datetime", Clock)

    @initialize()
    def programmes(self):
        self.programmes = [
            Programme.objects.create(
                code=f"p{n}", title="券", unit="CNY", issuer="510000", cap=10**6, time="", evidence=0,
                since=date(2026, 1, 1), until=until, products=products, shares=[["51", 3333], ["5101", share]],
            )
            for n, (until, products, share) in enumerate(
                [(date(2026, 3, 4), "", 5000), (date(2026, 12, 31), "gpu.*", 6667), (date(2026, 12, 31), "cpu", 1)]
            )
        ]  # fmt: skip
        for one in self.programmes:
            for issuer in ("510000", "510100"):
                grants.allot(OFFICE, one, issuer, 2000, self.now)

    @rule(n=st.integers(0, 2), holder=st.sampled_from(HOLDERS), amount=st.integers(1, 150), city=st.booleans())
    def grant(self, n, holder, amount, city):
        programme = self.programmes[n]
        if not programme.until >= self.now.date():
            return
        with connection.cursor() as cursor:
            try:
                made = grants.give(cursor, OFFICE, programme, holder, "510100" if city else "", amount, self.now)
            except Refused:
                return
        self.grants.append(
            {"id": made.account.pk, "holder": holder, "until": made.until, "programme": n, "free": amount}
        )

    @rule(n=st.integers(0, 20))
    def take_back(self, n):
        if n >= len(self.grants):
            return
        mine = self.grants[n]
        with connection.cursor() as cursor:
            back = grants.take_back(cursor, OFFICE, Grant.objects.get(account=mine["id"]), "核减", self.now)
        assert back == mine["free"]
        mine["free"] = 0

    @rule(
        asked=st.lists(
            st.tuples(keys, st.sampled_from(HOLDERS), st.sampled_from(PRODUCTS), amounts, st.integers(1, 40)),
            min_size=1,
            max_size=4,
        )
    )
    def hold(self, asked):
        wanted = [
            actions.wanted(key, holder, product, "丙", amount, until=self.now + timedelta(hours=hours))
            for key, holder, product, amount, hours in asked
        ]
        for told, one in zip(actions.hold_all(OFFICE, wanted), asked, strict=True):
            expected = self._hold(*one)
            assert isinstance(told, Refused) == (expected is None), told
            if expected is not None:
                assert [part.amount for part in told.parts] == [taken for _, taken in expected["parts"]]
                assert [part.account for part in told.parts] == [grant["id"] for grant, _ in expected["parts"]]

    def _hold(self, key, holder, product, amount, hours):
        self._expire()
        there = self.holds.get(key)
        if there:
            return there if there["content"] == (holder, product, amount) else None
        good = [
            one
            for one in sorted(self.grants, key=lambda one: (one["until"], one["id"]))
            if one["holder"] == holder
            and one["until"] >= self.now.date()
            and (one["programme"] == 0 or (product[:3] == ("gpu" if one["programme"] == 1 else "cpu")))
        ]
        if sum(one["free"] for one in good) < amount:
            return None
        parts = []
        rest = amount
        for one in good:
            taken = min(rest, one["free"])
            if taken:
                parts.append((one, taken))
                one["free"] -= taken
                rest -= taken
        self.holds[key] = {
            "content": (holder, product, amount), "parts": parts, "state": "held", "paid": 0,
            "until": self.now + timedelta(hours=hours),
        }  # fmt: skip
        return self.holds[key]

    def _expire(self):
        for one in self.holds.values():
            if one["state"] == "held" and one["until"] <= self.now:
                self._end(one, "expired", 0)

    def _end(self, hold, state, paid):
        hold["state"], hold["paid"] = state, paid
        self.paid += paid
        for grant, taken in hold["parts"]:
            kept = min(paid, taken)
            paid -= kept
            grant["free"] += taken - kept

    @rule(asked=st.lists(st.tuples(keys, amounts), min_size=1, max_size=4))
    def settle(self, asked):
        self._expire()
        for told, (key, amount) in zip(actions.settle_all(OFFICE, asked), asked, strict=True):
            hold = self.holds.get(key)
            good = hold and (
                (hold["state"] == "held" and amount <= hold["content"][2])
                or (hold["state"] == "settled" and hold["paid"] == amount)
            )
            assert isinstance(told, Refused) == (not good), told
            if good and hold["state"] == "held":
                self._end(hold, "settled", amount)
            if good:
                assert sum(share.amount for share in told.shares) == told.amount == amount
                assert told.released == hold["content"][2] - amount

    @rule(key=keys)
    def release(self, key):
        self._expire()
        hold = self.holds.get(key)
        if hold is None or hold["state"] == "settled":
            with pytest.raises(Refused):
                actions.release(OFFICE, key)
            return
        actions.release(OFFICE, key)
        if hold["state"] == "held":
            self._end(hold, "released", 0)

    @rule(key=keys, hours=st.integers(1, 60))
    def extend(self, key, hours):
        self._expire()
        hold, until = self.holds.get(key), self.now + timedelta(hours=hours)
        if hold is None or hold["state"] != "held":
            with pytest.raises(Refused):
                actions.extend(OFFICE, key, until)
            return
        actions.extend(OFFICE, key, until)
        hold["until"] = max(hold["until"], until)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours):
        self.now += timedelta(hours=hours)

    @invariant()
    def agrees(self):
        if not hasattr(self, "programmes"):
            return
        self._expire()
        actions.expire()
        balances = {one.pk: one.posted - one.held for one in Account.objects.filter(kind="holder")}
        assert balances == {one["id"]: one["free"] for one in self.grants}
        provider = Account.objects.filter(kind="provider").first()
        assert (provider.posted if provider else 0) == self.paid
        for holder in HOLDERS:
            free = sum(
                one["free"]
                for one in self.grants
                if one["holder"] == holder and one["until"] >= self.now.date() and one["programme"] < 2
            )
            assert actions.balance(holder, "gpu.a") == free

    def teardown(self):
        wrong = [one for one in faults() if "evidence 0" not in one.en]
        self.patch.undo()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        assert wrong == []


@pytest.mark.django_db
def test_the_ledger_agrees_with_its_model():
    checks = settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Ledger, settings=checks)
