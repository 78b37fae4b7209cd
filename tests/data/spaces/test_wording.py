"""A policy from the lines that people write, and in words."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from data.spaces.people import AGGREGATES, ROWS
from dujiang.data.spaces import wording
from dujiang.data.spaces.policy import Budget, Column, Condition, Masking, Noise, Operator, Use
from dujiang.messages import BadInput


def test_lines_make_a_view():
    view = wording.view_of(
        "people", "t", "id pseudonym\n\nage=Age bucket 10 group\ncost measure 0..20000.5",
        'city eq 成都\nage isAnyOf 1 | 2\nborn lt 2000-01-01\nzip eq "0123"', " pid ",
    )  # fmt: skip
    assert view.columns == (
        Column("id", masking=Masking.PSEUDONYM),
        Column("age", "Age", Masking.BUCKET, 10, Use.GROUP),
        Column("cost", use=Use.MEASURE, low=0.0, high=20000.5),
    )
    assert view.rows == (
        Condition("city", Operator.EQ, ("成都",)),
        Condition("age", Operator.IS_ANY_OF, (1, 2)),
        Condition("born", Operator.LT, (date(2000, 1, 1),)),
        Condition("zip", Operator.EQ, ("0123",)),
    )
    assert view.subject == "pid"


@pytest.mark.parametrize(
    ("columns", "rows", "row"),
    [
        ("a\nb shout", "", 2),
        ("a prefix", "", 1),
        ("a bucket x", "", 1),
        ("a", "b", 1),
        ("a", "b is 5", 1),
        ("a 5..", "", 1),
    ],
)
def test_a_line_that_cannot_be_read_is_named(columns, rows, row):
    with pytest.raises(BadInput) as error:
        wording.view_of("v", "t", columns, rows, "")
    assert error.value.row == row


def test_terms_are_said_in_both_languages():
    policy = replace(
        AGGREGATES, queries=5, price=12345, price_a_query=100, delete_after_days=30, budget=Budget(Noise.GAUSSIAN, Decimal(1), Decimal("1e-6"))
    )  # fmt: skip
    told = wording.terms(policy)
    zh = "；".join(one.zh for one in told)
    assert all(one in zh for one in ("research", "最多查询 5 次", "不少于 5 人", "ε = 1", "123.45 元", "30 日内"))
    assert "rows may leave" in [one.en for one in wording.terms(ROWS)]
    assert wording.column(ROWS.views[0].columns[0], ROWS).zh == "id（假名）"
    assert wording.condition(ROWS.views[0].rows[0]) == "city = 成都"
