"""A policy as ODRL and back."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.spaces.people import AGGREGATES, ROWS
from dujiang.data.spaces import odrl
from dujiang.data.spaces.policy import Budget, Column, Condition, Masking, Noise, Operator, Policy, Use, View
from dujiang.messages import BadInput

names = st.from_regex(r"[a-z_一-龥][a-z0-9_一-龥]{0,8}", fullmatch=True)
values = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(UTC)),
)
conditions = st.one_of(
    st.builds(
        Condition, st.text(max_size=8), st.sampled_from([one for one in Operator if not one.many]), st.tuples(values)
    ),
    st.builds(
        Condition,
        st.text(max_size=8),
        st.sampled_from([one for one in Operator if one.many]),
        st.lists(values, min_size=1, max_size=3).map(tuple),
    ),
)
columns = st.builds(
    Column, names, st.text(max_size=8), st.sampled_from([None, *Masking]), st.integers(1, 9), st.sampled_from(Use),
    st.just(0.0), st.floats(1, 1e9),
)  # fmt: skip
views = st.builds(
    View, names, st.text(max_size=8), st.lists(columns, min_size=1, max_size=4, unique_by=lambda one: one.name).map(tuple),
    st.lists(conditions, max_size=3).map(tuple), st.text(max_size=8),
)  # fmt: skip
policies = st.builds(
    Policy, st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=2).map(tuple), st.datetimes(timezones=st.just(UTC)),
    st.lists(views, min_size=1, max_size=3, unique_by=lambda one: one.name).map(tuple), st.integers(0, 99), st.just(0), st.none(),
    st.integers(0, 99), st.integers(0, 10**9), st.integers(0, 10**9),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(policies)
def test_a_policy_reads_back_from_its_offer_and_its_agreement(policy):
    offer = json.loads(json.dumps(odrl.offer(policy, "urn:uuid:1", target="urn:x")))
    assert odrl.policy_of(offer) == policy
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = odrl.agreement(policy, "urn:uuid:2", target="urn:x", assigner="urn:a", assignee="urn:b", timestamp=at)
    assert odrl.policy_of(json.loads(json.dumps(made))) == policy


def test_a_budget_reads_back():
    policy = replace(AGGREGATES, budget=Budget(Noise.GAUSSIAN, Decimal("1.5"), Decimal("1e-6"), 3))
    assert odrl.policy_of(odrl.offer(policy, "urn:uuid:1")) == policy
    assert AGGREGATES.views[0].columns[2].low == 0


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "urn:other"},
        {"prohibition": [{"action": "use"}]},
        {"permission": []},
        {
            "permission": [
                {"action": "use", "constraint": [{"leftOperand": "spatial", "operator": "eq", "rightOperand": "x"}]}
            ]
        },
        {"permission": [{"action": "distribute", "constraint": []}]},
        {"obligation": [{"action": "inform", "constraint": []}]},
    ],
)
def test_what_is_not_understood_is_not_agreed_to(change):
    with pytest.raises(BadInput):
        odrl.policy_of({**odrl.offer(ROWS, "urn:uuid:1"), **change})


def test_an_operator_that_says_the_opposite_is_not_overread():
    offer = odrl.offer(replace(ROWS, queries=5), "urn:uuid:1")
    offer["permission"][0]["constraint"][2]["operator"] = "gteq"
    with pytest.raises(BadInput):
        odrl.policy_of(offer)


def test_a_condition_on_a_date_is_one_of_dates():
    view = replace(ROWS.views[0], rows=(Condition("born", Operator.LT, (date(2000, 1, 1),)),))
    assert odrl.policy_of(odrl.offer(replace(ROWS, views=(view,)), "urn:uuid:1")).views[0].rows[0].values == (
        date(2000, 1, 1),
    )
