"""Auditing by counts that are kept, in place of the rows: it has to come to the same."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.data.spaces import aggregates, worker
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.data.spaces.policy import Column, Condition, Masking, Operator, Policy, Use, View
from dujiang.data.spaces.worker import Counts, File, Files

UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
CITY, SALARY = Column("city", use=Use.GROUP), Column("salary", use=Use.MEASURE)
PLAIN = View("visits", "visits", (CITY, Column("age"), Column("born", use=Use.GROUP), SALARY), subject="person")
MASKED = replace(
    PLAIN,
    columns=(
        CITY,
        Column("age", masking=Masking.BUCKET, size=10, use=Use.GROUP),
        Column("born", masking=Masking.YEAR, use=Use.GROUP),
        SALARY,
    ),
    rows=(Condition("age", Operator.LT, (75,)), Condition("city", Operator.NEQ, ("甘孜",))),
)
POLICIES = {
    "plain": Policy(("research",), UNTIL, (PLAIN,), group=5),
    "masked": Policy(("research",), UNTIL, (MASKED,), group=5),
}


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """Visits, some without a salary, some of a weight of nought or minus nought."""
    path = str(tmp_path_factory.mktemp("visits") / "visits.parquet")
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT n AS person, ['成都', '绵阳', '甘孜', NULL][1 + (hash(n) % 4)::INT] AS city, (20 + hash(n + 1) % 60)::INT AS age,"
            " DATE '1950-01-01' + (hash(n + 2) % 9)::INT * 200 AS born, CASE WHEN n % 3 > 0 THEN 5000 + n END AS salary,"
            " CASE WHEN n % 2 = 0 THEN 0.0 ELSE -0.0 END::DOUBLE AS weight FROM range(600) AS made(n))"
            f" TO '{path}' (FORMAT parquet)"
        )
    return Files((File("visits", path, "parquet", path),))


@pytest.fixture(scope="module")
def sources(engine, visits):
    return engine.sources(visits)


CONDITIONS = st.recursive(
    st.sampled_from(["city = '成都'", "city IN ('绵阳', '甘孜')", "age < 30", "NOT age >= 60", "city IS NULL", "age <> 40"]),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda one: f"({' '.join(one)})"),
    max_leaves=3,
)  # fmt: skip
KEYS = {
    "plain": ["", "city", "year(born)", "date_trunc('quarter', born), city"],
    "masked": ["", "city", "age", "born, city"],
}
QUESTIONS = st.sampled_from(["plain", "masked"]).flatmap(
    lambda name: st.tuples(st.just(name), CONDITIONS, st.sampled_from(KEYS[name]))
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions=st.lists(QUESTIONS, min_size=1, max_size=3))
def test_counts_tell_the_same_as_the_rows(engine, visits, sources, questions):
    """And the rows are not read for it, whichever agreements have asked before."""
    history, read = [], []

    def ask(sql):
        read.append(sql)
        return engine.ask(visits, sql).rows

    for name, where, keys in questions:
        sql = f"SELECT count(*), sum(salary) FROM visits WHERE {where}{' GROUP BY ' + keys if keys else ''}"
        asked = aggregates.question(sql, POLICIES[name], sources, "key")
        # The same question again, which needs no audit, is audited all the same by rows.
        before = [one for one in history if (one.where, one.keys) != (asked.where, asked.keys)]
        found = []
        for count in (partial(engine.count, visits), None):
            read.clear()
            try:
                found.append(aggregates.audit(asked, 5, before, ask, rows_a_person=1, count=count))
            except Forbidden as fault:
                found.append(fault.text)
            assert bool(read) is (count is None)
        assert found[0] == found[1]
        if isinstance(found[0], aggregates.Answered):
            history.append(found[0])


def test_what_is_equal_and_not_the_same_is_not_counted_by(engine, visits, sources):
    """Nought and minus nought are one value to count by, and two texts."""
    view = replace(PLAIN, columns=(CITY, Column("weight", use=Use.GROUP), SALARY))
    assert [one for one in aggregates.counts_of(view, sources["visits"]).keys if "weight" in one] == []
    asked = aggregates.question(
        "SELECT count(*) FROM visits WHERE weight > 1", replace(POLICIES["plain"], views=(view,)), sources, "key"
    )

    def unused(*_):
        raise AssertionError

    with pytest.raises(Forbidden):
        aggregates.audit(asked, 5, [], lambda sql: engine.ask(visits, sql).rows, rows_a_person=1, count=unused)


def test_too_many_counts_are_not_kept(engine, tmp_path):
    """Then it is the rows that are read."""
    path = str(tmp_path / "many.parquet")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT n AS day, n AS person FROM range(260000) AS made(n)) TO '{path}' (FORMAT parquet)"
        )
    many = Files((File("many", path, "parquet", "many"),))
    view = View("many", "many", (Column("day", use=Use.GROUP),), subject="person")
    asked = aggregates.question(
        "SELECT count(*) FROM many WHERE day < 1000",
        Policy(("research",), UNTIL, (view,), group=5),
        engine.sources(many),
        "key",
    )
    for _ in range(2):
        assert engine.count(many, aggregates.counts_of(view, asked.source), "SELECT 1") is None
    kept = aggregates.audit(
        asked, 5, [], lambda sql: engine.ask(many, sql).rows, rows_a_person=1, count=partial(engine.count, many)
    )
    assert kept.left_out == ()


def test_counts_that_took_too_long_are_tried_again_with_more_time():
    wanted = Counts("long", ('src."day"',), ())
    with duckdb.connect() as connection:
        connection.execute("CREATE VIEW long AS SELECT hash(n) % 1000 AS day FROM range(30000000) AS made(n)")
        assert worker._counted(connection, "long", wanted, 0.02) == ""
        assert (name := worker._counted(connection, "long", wanted, 120.0))
        assert worker._counted(connection, "long", wanted, 0.02) == name


def test_no_query_on_the_tables_reaches_counts(engine, visits, sources):
    counts = aggregates.counts_of(PLAIN, sources["visits"])
    assert engine.count(visits, counts, 'SELECT sum("n") FROM counts') == ((600,),)
    assert engine.count(visits, counts, "SELECT * FROM visits") is None
    with pytest.raises(Forbidden):
        engine.ask(visits, "SELECT * FROM counts")
