"""A purse is never below zero, whatever is held, settled, leased and given back in whatever order."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from dujiang.tokens.budget import Lease, Purse


class Purses(RuleBasedStateMachine):
    """Beside the purse stands a plain account of what came in, what is held and what was spent."""

    holds = Bundle("holds")

    def __init__(self):
        super().__init__()
        self.purse = Purse()
        self.leases = {}
        self.held = []
        self.spent = 0
        self.returned = 0

    @rule(amount=st.integers(1, 1000))
    def lease(self, amount):
        lease = Lease(f"l{len(self.leases)}", amount, 0)
        self.leases[lease.key] = lease
        self.purse.add(lease)

    @rule(target=holds, amount=st.integers(0, 1200))
    def hold(self, amount):
        free = self.free
        if self.purse.hold(amount):
            assert amount <= free
            self.held.append(amount)
            return amount
        assert amount > free
        return None

    @rule(held=consumes(holds), share=st.floats(0, 1))
    def settle(self, held, share):
        if held is None:
            return
        cost = int(held * share)
        parts = self.purse.settle(held, cost)
        assert sum(part for _, part in parts) == cost
        self.held.remove(held)
        self.spent += cost

    @rule()
    def give_back(self):
        for lease in self.purse.idle():
            self.purse.remove(lease.key)
            self.returned += lease.amount - lease.spent

    @property
    def free(self):
        return sum(one.amount for one in self.leases.values()) - self.returned - self.spent - sum(self.held)

    @invariant()
    def nothing_is_made_or_lost(self):
        assert self.purse.free == self.free >= 0
        assert self.purse.held == sum(self.held)
        assert all(0 <= one.spent <= one.amount for one in self.leases.values())
        assert sum(one.spent for one in self.leases.values()) == self.spent


TestPurses = Purses.TestCase
TestPurses.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_more_than_was_held_is_not_settled():
    purse = Purse()
    purse.add(Lease("a", 100, 0))
    assert purse.hold(60)
    for held, cost in ((60, 61), (61, 1), (60, -1)):
        with pytest.raises(ValueError, match="held"):
            purse.settle(held, cost)
    assert (purse.free, purse.held) == (40, 60)


def test_a_lease_taken_back_while_it_is_needed_stops_all_holding_until_it_is_settled():
    purse = Purse()
    purse.add(Lease("a", 100, 0))
    assert purse.hold(80)
    purse.remove("a")
    purse.add(Lease("b", 50, 0))
    assert not purse.hold(1)
    [(lease, part)] = purse.settle(80, 30)
    assert (lease.key, part) == ("b", 30)
    assert purse.hold(20)


def test_what_is_spent_beyond_all_leases_counts_against_the_one_that_was_taken_back():
    purse = Purse()
    purse.add(Lease("a", 100, 0))
    assert purse.hold(80)
    purse.remove("a")
    [(lease, part)] = purse.settle(80, 30)
    assert (lease.key, part, lease.spent) == ("a", 30, 30)
