"""People whose data are traded, and agreements about them."""

from datetime import UTC, datetime
from functools import partial

from dujiang.data.spaces import aggregates
from dujiang.data.spaces.policy import Column, Condition, Masking, Operator, Policy, Use, View
from dujiang.data.spaces.worker import Files

UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
ROWS = Policy(
    ("research",),
    UNTIL,
    (
        View(
            "people",
            "patients",
            (Column("id", masking=Masking.PSEUDONYM), Column("city"), Column("age")),
            (Condition("city", Operator.EQ, ("成都",)),),
        ),
    ),
)
AGGREGATES = Policy(
    ("research",),
    UNTIL,
    (
        View(
            "people",
            "patients",
            (
                Column("city", use=Use.GROUP),
                Column("age", masking=Masking.BUCKET, size=10, use=Use.GROUP),
                Column("salary", use=Use.MEASURE, low=0, high=20000),
            ),
            subject="id",
        ),
    ),
    group=5,
)
CITIES = ["成都"] * 60 + ["绵阳"] * 30 + ["宜宾"] * 12 + ["甘孜"] * 2
PEOPLE = [
    # In 宜宾 all but one have no salary on record.
    (number, f"CANARY-{number}", city, 20 + number % 60, None if city == "宜宾" and number % 12 else 5000 + number, "CANARY note")
    for number, city in enumerate(CITIES)
]  # fmt: skip


def audited(engine, place, asked, group, history, rows_a_person=1):
    """Audit as `asking` does."""
    return aggregates.audit(
        asked, group, history, lambda sql: engine.ask(place, sql).rows, rows_a_person=rows_a_person,
        count=partial(engine.count, place) if isinstance(place, Files) else None,
    )  # fmt: skip
