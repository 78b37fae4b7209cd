"""The same enforcement over a PostgreSQL source."""

import psycopg
import pytest

import postgresql
from data.spaces import attacks
from data.spaces.people import AGGREGATES, PEOPLE, ROWS, audited
from dujiang.data.spaces import aggregates
from dujiang.data.spaces.enforcement import Forbidden, rewrite
from dujiang.data.spaces.engine import views_sources
from dujiang.data.spaces.worker import Database


@pytest.fixture(scope="module")
def clinic():
    """A schema with the people, and somebody of another city whose age is nought."""
    found = postgresql.binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    server = postgresql.Server(found)
    try:
        url = server.create("clinic")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA clinic; CREATE ROLE reader LOGIN")
            connection.execute(
                "CREATE TABLE clinic.patients (id int, name text, city text, age int, salary int, note text);"
                "CREATE TABLE public.payroll AS SELECT 'CANARY' AS name;"
                "GRANT USAGE ON SCHEMA clinic TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA clinic TO reader"
            )
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO clinic.patients VALUES (%s, %s, %s, %s, %s, %s)", PEOPLE)
                cursor.execute("INSERT INTO clinic.patients VALUES (999, 'CANARY', '甘孜', 0, 1, '')")
        yield Database(url.replace("dujiang@", "reader@"), "clinic")
    finally:
        server.stop()


@pytest.fixture
def sources(engine, clinic):
    found = engine.sources(clinic)
    assert set(found) == {"patients"}
    return views_sources({"people": "patients"}, found)


def test_rows_are_answered_as_from_files(engine, clinic, sources):
    def ask(sql):
        return list(engine.ask(clinic, rewrite(sql, ROWS, sources, "key", "postgres")).rows)

    assert ask("SELECT count(*), min(age), max(age) FROM people") == [(60, 20, 79)]
    assert ask('SELECT DISTINCT length("id"), CITY FROM People') == [(64, "成都")]
    assert ask("WITH a AS (SELECT * FROM people WHERE age > 77) SELECT count(*) FROM a JOIN people b USING (id)") == [
        (2,)
    ]
    # The hidden row's age is nought: a condition that came before the agreement's would fail on it.
    assert ask("SELECT count(*) FROM people WHERE 1000 / age > 0") == [(60,)]


def test_aggregates_are_audited_as_from_files(engine, clinic, sources):
    history = []

    def ask(sql):
        asked = aggregates.question(sql, AGGREGATES, sources, "key", "postgres")
        kept = audited(engine, clinic, asked, 5, history)
        history.append(kept)
        return list(engine.ask(clinic, aggregates.answer(asked, kept, 5, "key")).rows)

    [[most]] = engine.ask(clinic, aggregates.rows_a_person(AGGREGATES.views[0], sources["people"], "postgres")).rows
    assert most == 1
    assert ask("SELECT count(*) FROM people") == [(len(PEOPLE) + 1,)]
    told = ask("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY n DESC")
    assert [row[0] for row in told] == ["成都", "绵阳"]
    with pytest.raises(Forbidden):
        ask("SELECT count(*) FROM people WHERE city <> '甘孜'")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM clinic.patients",
        "SELECT * FROM payroll",
        "SELECT * FROM public.payroll",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE TABLE clinic.x (a int)",
        "SELECT name::int FROM patients",
    ],
)
def test_what_got_past_the_rewriting_would_still_find_a_closed_door(engine, clinic, sql):
    with pytest.raises(Forbidden) as failed:
        engine.ask(clinic, sql)
    assert "CANARY" not in str(failed.value)


def test_a_query_that_takes_too_long_is_stopped(engine, clinic):
    with pytest.raises(Forbidden):
        engine.ask(clinic, "SELECT pg_sleep(60)", seconds=1)
    assert engine.ask(clinic, "SELECT 1").rows == ((1,),)


def test_the_differencing_attacks_are_refused_here_too(engine, clinic, sources):
    for before_and_last in attacks.DIFFERENCING.values():
        history = []
        refused = False
        for sql in before_and_last:
            asked = aggregates.question(sql, AGGREGATES, sources, "key", "postgres")
            try:
                history.append(audited(engine, clinic, asked, 5, history))
            except Forbidden:
                refused = True
        assert refused
