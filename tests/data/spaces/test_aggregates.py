"""Aggregates only: no answers together single somebody out."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.spaces import attacks
from data.spaces.people import AGGREGATES, PEOPLE, audited
from dujiang.data.spaces import aggregates
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.data.spaces.engine import views_sources

GROUP = AGGREGATES.group


@pytest.fixture(scope="session")
def sources(engine, tables):
    return views_sources({"people": "patients"}, engine.sources(tables))


@pytest.fixture
def asking(engine, tables, sources):
    """Ask under an agreement that remembers what it answered."""
    history = []

    def ask(sql, rows_a_person=1):
        asked = aggregates.question(sql, AGGREGATES, sources, "key")
        kept = audited(engine, tables, asked, GROUP, history, rows_a_person)
        history.append(kept)
        return list(engine.ask(tables, aggregates.answer(asked, kept, GROUP, "key")).rows)

    ask.history = history
    return ask


@pytest.mark.parametrize(
    ("category", "sql"), [(name, one) for name, them in attacks.AGGREGATES.items() for one in them]
)
def test_an_attack_is_refused(sources, category, sql):
    for dialect in ("duckdb", "postgres"):
        with pytest.raises(Forbidden):
            aggregates.question(sql, AGGREGATES, sources, "key", dialect)


@pytest.mark.parametrize("name", attacks.DIFFERENCING)
def test_a_difference_that_singles_out_is_refused(asking, name):
    *before, last = attacks.DIFFERENCING[name]
    for sql in before:
        asking(sql)
    with pytest.raises(Forbidden) as refused:
        asking(last)
    assert refused.value.rule == "group"


def test_groups_that_are_too_small_are_left_out_with_one_more_where_they_could_be_had_by_subtraction(asking):
    assert asking("SELECT count(*) FROM people") == [(len(PEOPLE),)]
    told = asking("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY n DESC")
    # 甘孜 has two people; without 宜宾 the total would tell of them.
    assert told == [("成都", 60), ("绵阳", 30)]
    assert asking("SELECT city, count(*) FROM people WHERE city = '绵阳' GROUP BY city") == [("绵阳", 30)]
    # Of those who are left, three have a salary: its sum over the two cities would tell of them.
    with pytest.raises(Forbidden):
        asking("SELECT sum(salary) FROM people WHERE city IN ('成都', '绵阳')")


def test_the_same_question_is_answered_again_without_an_audit(asking, engine, tables):
    first = asking("SELECT city, avg(salary) FROM people GROUP BY city")
    count = len({fragment for one in asking.history for fragment in one.fragments})
    assert sorted(asking("SELECT city, sum(salary) / count(salary) FROM people GROUP BY city")) == sorted(first)
    assert len({fragment for one in asking.history for fragment in one.fragments}) == count


def test_people_are_counted_where_they_have_several_rows(engine, tables, sources):
    """Nine rows about the same two people are a group of two."""
    view = replace(AGGREGATES.views[0], subject="city")
    policy = replace(AGGREGATES, views=(view,))
    ask = lambda sql: engine.ask(tables, sql).rows  # noqa: E731
    [[most]] = ask(aggregates.rows_a_person(view, sources["people"]))
    assert most == 60
    asked = aggregates.question("SELECT count(*) FROM people", policy, sources, "key")
    with pytest.raises(Forbidden):
        audited(engine, tables, asked, GROUP, [], most)
    assert audited(engine, tables, asked, 4, [], most).left_out == ()


CONDITIONS = st.recursive(
    st.sampled_from(
        ["city = '成都'", "city IN ('绵阳', '甘孜')", "age < 30", "age >= 60", "NOT age = 40", "city <> '宜宾'"]
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda one: f"({' '.join(one)})"),
    max_leaves=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    questions=st.lists(
        st.tuples(
            CONDITIONS, st.sampled_from(["", "city", "age", "city, age"]), st.sampled_from(["count(*)", "sum(salary)"])
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_answered_no_cell_of_all_answers_is_of_few_people(engine, tables, sources, questions):
    """The partition is computed anew here, person by person, from what came out."""
    history = []
    signatures = [[] for _ in PEOPLE]
    ask = lambda sql: engine.ask(tables, sql).rows  # noqa: E731
    for where, keys, what in questions:
        sql = (
            f"SELECT {keys + ', ' if keys else ''}{what} FROM people WHERE {where}{' GROUP BY ' + keys if keys else ''}"
        )
        asked = aggregates.question(sql, AGGREGATES, sources, "key")
        try:
            kept = audited(engine, tables, asked, GROUP, history)
        except Forbidden:
            continue
        history.append(kept)
        rows = ask(aggregates.answer(asked, kept, GROUP, "key"))
        released = {row[:-1]: row[-1] for row in rows}
        for number, (_, _, city, age, salary, _) in enumerate(PEOPLE):
            names = {"city": city, "age": age // 10 * 10.0}
            key = tuple(names[one] for one in keys.split(", ") if one)
            inside = eval(
                where.replace(" = ", " == ").replace("<>", "!=").replace("IN", "in").replace("AND", "and").replace("OR", "or").replace("NOT", "not"),
                {}, names,
            )  # fmt: skip
            signatures[number].append(key if inside and key in released else None)
            if inside and key in released:
                released[key] -= 1 if what == "count(*)" else salary or 0
        assert not any(released.values())
    cells = {}
    for number, signature in enumerate(signatures):
        cells.setdefault(tuple(signature), []).append(number)
    assert min(map(len, cells.values())) >= GROUP
    # Of the sums, those who have a salary count: each cell that a sum tells apart has none of them, or enough.
    measured = [place for place, one in enumerate(h for h in history) if one.measures]
    for place, cell in product(measured, set(map(tuple, signatures))):
        if cell[place] is not None:
            people = [n for n, s in enumerate(signatures) if s[place] == cell[place] and PEOPLE[n][4] is not None]
            assert not people or len(people) >= GROUP
