"""What the enforcement point lets out of an agreement for rows, and what it doesn't."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.spaces import attacks
from data.spaces.people import PEOPLE, ROWS
from dujiang.data.spaces.enforcement import Forbidden, rewrite
from dujiang.data.spaces.engine import views_sources
from dujiang.data.spaces.policy import Column, Condition, Masking, Operator, Policy, View, check
from dujiang.messages import Refused

SHOWN = [row for row in PEOPLE if row[2] == "成都"]


@pytest.fixture(scope="session")
def sources(engine, tables):
    return views_sources({"people": "patients"}, engine.sources(tables))


@pytest.mark.parametrize(("category", "sql"), [(name, one) for name, all_of in attacks.ROWS.items() for one in all_of])
def test_an_attack_is_refused(sources, category, sql):
    for dialect in ("duckdb", "postgres"):
        with pytest.raises(Forbidden) as refused:
            rewrite(sql, ROWS, sources, "key", dialect)
        assert "CANARY" not in str(refused.value)


QUERIES = [
    ("SELECT count(*), min(age), max(age) FROM people", [(60, 20, 79)]),
    ("SELECT p.city, count(*) AS n FROM people AS p GROUP BY p.city HAVING count(*) > 3 ORDER BY n", [("成都", 60)]),
    ("WITH old AS (SELECT * FROM people WHERE age > 77) SELECT count(*), max(a.age) FROM old a JOIN people b ON a.id = b.id", [(2, 79)]),
    ("SELECT age FROM people WHERE age IN (SELECT max(age) FROM people) UNION SELECT -1 ORDER BY 1", [(-1,), (79,)]),
    ("SELECT DISTINCT length(id) FROM People", [(64,)]),
    ("SELECT z.c FROM people AS z(a, c, d) WHERE d = 20 OR NOT d > 0", [("成都",)]),
    ("SELECT x FROM (SELECT row_number() OVER (ORDER BY age DESC) AS x, age FROM people) q WHERE age = 79", [(1,)]),
    ("SELECT count(CAST(city AS INT)) FROM people", [(0,)]),
    ("SELECT CASE WHEN age > 50 THEN 'old' ELSE 'young' END AS a, count(*) FROM people GROUP BY a ORDER BY a", [("old", 29), ("young", 31)]),
    ("SELECT city /* 注释 */ FROM people -- 结尾\n LIMIT 1;", [("成都",)]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), QUERIES)
def test_what_the_agreement_shows_is_answered(engine, tables, sources, sql, rows):
    assert list(engine.ask(tables, rewrite(sql, ROWS, sources, "key")).rows) == rows


def test_a_pseudonym_is_the_same_within_an_agreement_and_another_in_the_next(engine, tables, sources):
    def ask(key):
        return {row[0] for row in engine.ask(tables, rewrite("SELECT id FROM people", ROWS, sources, key)).rows}

    assert len(ask("one")) == len(SHOWN)
    assert ask("one") == ask("one")
    assert not ask("one") & ask("two")


@pytest.mark.parametrize(
    "where",
    [
        "CAST(city AS INT) = 1",
        "city = 5",
        "age * 9223372036854775807 > 0",
        "length(city) // (age - 25) = 1",
        "city IN (1, 2)",
        "age * 9223372036854775807 BETWEEN 1 AND 2",
        "abs(age - 100) / (age - 90) > city::INT",
    ],
)
def test_a_condition_that_fails_on_a_row_says_nothing_of_it(engine, tables, sources, where):
    """Else whether it fails would tell whether a hidden row has a value."""
    engine.ask(tables, rewrite(f"SELECT count(*) FROM people WHERE {where}", ROWS, sources, "key"))


def test_what_an_engine_says_of_a_failure_stays_inside(engine, tables, sources):
    sql = rewrite("SELECT city FROM people GROUP BY age", ROWS, sources, "key")
    with pytest.raises(Forbidden) as failed:
        engine.ask(tables, sql)
    assert failed.value.rule == "failed"
    assert "age" not in str(failed.value)


# Queries and policies at random, against a filter that anybody can read.

VALUES = {
    "id": [row[0] for row in PEOPLE],
    "name": [row[1] for row in PEOPLE],
    "city": ["成都", "绵阳", "甘孜", "'; --", ""],
    "age": [19, 30, 31, 79],
    "salary": [0, 5000, 5050, Decimal("5070.5")],
}
FIELDS = ["id", "name", "city", "age", "salary"]


def conditions():
    def of(name):
        one = st.tuples(
            st.sampled_from([one for one in Operator if not one.many]), st.tuples(st.sampled_from(VALUES[name]))
        )
        many = st.tuples(
            st.sampled_from([one for one in Operator if one.many]),
            st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3).map(tuple),
        )
        return st.one_of(one, many).map(lambda made: Condition(name, *made))

    return st.sampled_from(FIELDS).flatmap(of)


def columns():
    def of(name):
        maskings = {"name": [None, Masking.PREFIX], "city": [None, Masking.PREFIX], "age": [None, Masking.BUCKET]}
        return st.builds(
            Column, st.just("c_" + name), st.just(name), st.sampled_from(maskings.get(name, [None])), st.integers(1, 8)
        )

    return st.lists(st.sampled_from(FIELDS), min_size=1, max_size=5, unique=True).flatmap(
        lambda names: st.tuples(*(of(name) for name in names))
    )


def meets(row, condition):
    value, values = row[FIELDS.index(condition.column)], condition.values
    if value is None:
        return False
    return {
        "eq": lambda: value == values[0],
        "neq": lambda: value != values[0],
        "lt": lambda: value < values[0],
        "lteq": lambda: value <= values[0],
        "gt": lambda: value > values[0],
        "gteq": lambda: value >= values[0],
        "isAnyOf": lambda: value in values,
        "isNoneOf": lambda: value not in values,
    }[condition.operator]()


def masked(row, column):
    value = row[FIELDS.index(column.field)]
    if column.masking is Masking.PREFIX:
        return value[: column.size]
    if column.masking is Masking.BUCKET:
        return value // column.size * column.size
    return value


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_query_sees_what_a_plain_filter_leaves(engine, tables, sources, data):
    shown = data.draw(columns())
    view = View("people", "patients", shown, data.draw(st.lists(conditions(), max_size=3).map(tuple)))
    policy = Policy(("research",), datetime(2099, 1, 1, tzinfo=UTC), (view,))
    check(policy)
    left = [tuple(masked(row, one) for one in shown) for row in PEOPLE if all(meets(row, one) for one in view.rows)]
    column = data.draw(st.sampled_from(shown))
    place = shown.index(column)
    shape = data.draw(st.sampled_from(["all", "one", "filtered", "grouped", "nested", "joined"]))
    value = data.draw(st.sampled_from([row[place] for row in left if row[place] is not None] or [""]))
    text = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
    name = column.name
    sql, expected = {
        "all": ("SELECT * FROM people", left),
        "one": (f'SELECT p."{name}" FROM people p', [(row[place],) for row in left]),
        "filtered": (f"SELECT * FROM people WHERE {name} = {text}", [row for row in left if row[place] == value]),
        "grouped": (
            f"SELECT {name}, count(*) FROM people GROUP BY {name}",
            [(one, sum(row[place] == one for row in left)) for one in {row[place] for row in left}],
        ),
        "nested": (f"WITH a AS (SELECT {name} AS b FROM people) SELECT count(b) FROM a", [(sum(row[place] is not None for row in left),)]),
        "joined": (
            f"SELECT count(*) FROM people a JOIN people b ON a.{name} = b.{name}",
            [(sum(one[place] == two[place] and one[place] is not None for one in left for two in left),)],
        ),
    }[shape]  # fmt: skip
    answer = engine.ask(tables, rewrite(sql, policy, sources, "key"))
    assert sorted(answer.rows, key=repr) == sorted(expected, key=repr) or sorted(
        tuple(float(one) if isinstance(one, int) else one for one in row) for row in answer.rows if None not in row
    ) == sorted(
        tuple(float(one) if isinstance(one, int) else one for one in row) for row in expected if None not in row
    )


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": ()},
        {"until": datetime(2099, 1, 1)},  # noqa: DTZ001
        {"views": ()},
        {"group": 1},
        {"group": 5},
        {"queries": -1},
        {"views": (View("A b", "t", (Column("a"),)),)},
        {"views": (View("a", "t", (Column("a"), Column("a"))),)},
        {"views": (View("a", "t", (Column("a", masking=Masking.PREFIX),)),)},
        {"views": (View("a", "t", (Column("a"),), (Condition("a", Operator.EQ, (1, 2)),)),)},
    ],
)
def test_a_policy_that_could_not_be_enforced_is_refused(change):
    from dataclasses import replace

    with pytest.raises(Refused):
        check(replace(ROWS, **change))


def test_dates_and_doubles_are_compared_as_such(engine, tables, sources):
    view = View("people", "patients", (Column("age"),), (Condition("age", Operator.GT, (77.5,)),))
    policy = Policy(("research",), datetime(2099, 1, 1, tzinfo=UTC), (view,))
    assert sorted(engine.ask(tables, rewrite("SELECT age FROM people", policy, sources, "k")).rows) == [(78,), (79,)]
    view = View("people", "patients", (Column("age"),), (Condition("age", Operator.EQ, (date(2020, 1, 1),)),))
    policy = Policy(("research",), datetime(2099, 1, 1, tzinfo=UTC), (view,))
    with pytest.raises(Forbidden):
        engine.ask(tables, rewrite("SELECT age FROM people", policy, sources, "k"))
