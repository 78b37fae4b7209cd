"""The process in which a provider's data are asked: ``python -m dujiang.data.spaces.worker``.

It holds no secret of the site, takes requests on standard input and answers on standard output, each a pickle between the
two processes alone, and is killed when an answer takes too long. DuckDB is locked before the first query: no files but
the tables', no network, no extensions, no settings.
"""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import struct
import sys
import threading
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import IO, Any, NamedTuple

import duckdb

MEMORY = "2GB"
MOST_ROWS = 100_000
MOST_COUNTS = 250_000
"""Rows that a table of counts may have."""
_LENGTH = struct.Struct(">Q")


class File(NamedTuple):
    """A table in a file: its kind is parquet, json or csv; ``content`` names the bytes, wherever they are laid."""

    table: str
    path: str
    kind: str
    content: str


@dataclass(frozen=True, slots=True)
class Files:
    """Tables in files that don't change."""

    tables: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Database:
    """Tables of a schema in PostgreSQL, by the address of a role that may read them."""

    url: str
    schema: str


Place = Files | Database


@dataclass(frozen=True, slots=True)
class Counts:
    """A file's rows counted by ``keys``, and of each measure those that have it: both are SQL over the table, called ``src``.

    They are the table ``counts``, whose columns are called as `counted_as` says; ``n`` counts all rows.
    """

    table: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]


def counted_as(sql: str, measure: bool = False) -> str:
    """Return how the column of a key, or of a measure's rows, is called among counts."""
    return ("n" if measure else "k") + hashlib.sha256(sql.encode()).hexdigest()[:32]


class Request(NamedTuple):
    """What to run, and where: on the tables, or on counts of one of them. Without SQL all tables' columns are asked for."""

    place: Place
    sql: str | None
    seconds: float
    counts: Counts | None = None


class Answer(NamedTuple):
    """The columns' names and types, and the rows. ``error`` is the kind of what went wrong, never its words."""

    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str = ""


def send(pipe: IO[bytes], value: object) -> None:
    """Write one message."""
    data = pickle.dumps(value)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one message; raises EOFError where the other has gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(pipe.read(_LENGTH.unpack(head)[0]))  # noqa: S301 from our own other end


def opened(files: Files) -> duckdb.DuckDBPyConnection:
    """Return a connection that reaches these tables and nothing else."""
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"}
    )
    views = []
    for name, path, kind, _ in files.tables:
        text = "'" + path.replace("'", "''") + "'"
        if kind == "parquet":
            views.append((name, f"read_parquet({text})"))
        else:
            read = "read_json_auto" if kind == "json" else "read_csv"
            connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM {read}({text})")  # noqa: S608
    paths = ", ".join("'" + path.replace("'", "''") + "'" for _, path, *_ in files.tables)
    for one in (
        f"allowed_paths = [{paths}]",
        f"memory_limit = '{MEMORY}'",
        "temp_directory = ''",
        "python_enable_replacements = false",
        "error_on_division_by_zero = false",
        "enable_external_access = false",
    ):
        connection.execute(f"SET {one}")
    for name, read in views:
        connection.execute(f"CREATE VIEW {_quoted(name)} AS SELECT * FROM {read}")  # noqa: S608
    connection.execute("SET lock_configuration = true")
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_serial = count(1)
_open: dict[Files, duckdb.DuckDBPyConnection] = {}


def _from_files(request: Request, files: Files) -> Answer:
    if files not in _open:
        if len(_open) > 7:
            _open.pop(next(iter(_open))).close()
        _open[files] = opened(files)
    connection = _open[files]
    if request.sql is None:
        found = [
            (table, *row[:2])
            for table, *_ in files.tables
            for row in connection.execute(f"DESCRIBE {_quoted(table)}").fetchall()
        ]
        return Answer(("table", "column", "type"), (), tuple(found))
    if request.counts:
        [content] = (one.content for one in files.tables if one.table == request.counts.table)
        if not (name := _counted(connection, content, request.counts, request.seconds)):
            return Answer(error="counts")
        connection = _counts()
        connection.execute(f"CREATE OR REPLACE VIEW counts AS SELECT * FROM {name}")  # noqa: S608
    done = connection.execute(request.sql)
    rows = done.fetchmany(MOST_ROWS + 1)
    about = done.description or []
    return _answer([(one[0], str(one[1])) for one in about], rows)


# Counts are in a database of their own: no consumer's query runs there, and they outlast a copy that a file was laid in.


@cache
def _counts() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": "2"})
    for one in ("memory_limit = '1GB'", "temp_directory = ''", "enable_external_access = false"):
        connection.execute(f"SET {one}")
    return connection


_counted_before: dict[tuple[str, Counts], tuple[str, float]] = {}
"""The table's name and its rows; or no name, and the seconds that were too few for one (infinite: more don't help)."""


def _counted(connection: duckdb.DuckDBPyConnection, content: str, wanted: Counts, seconds: float) -> str:
    """Return the name of a table that counts by all that is wanted, the smallest there is or a new one; empty for none."""
    fit = [
        (rows, name)
        for (of, one), (name, rows) in _counted_before.items()
        if name and of == content and set(wanted.keys) <= set(one.keys) and set(wanted.measures) <= set(one.measures)
    ]
    _, tried = _counted_before.get((content, wanted), ("", 0.0))
    if fit or tried >= seconds:
        return min(fit, default=(0, ""))[1]
    if len(_counted_before) > 15:
        name, _ = _counted_before.pop(next(iter(_counted_before)))
        if name:
            _counts().execute(f"DROP TABLE {name}")
    _counted_before[content, wanted] = ("", math.inf)
    try:
        found = _count(connection, wanted, seconds)
    except duckdb.InterruptException:
        _counted_before[content, wanted] = ("", seconds)
        return ""
    except duckdb.Error:
        return ""
    if found is None:
        return ""
    name = f"t{next(_serial)}"
    _counts().register("found", found)
    _counts().execute(f"CREATE TABLE {name} AS SELECT * FROM found")  # noqa: S608
    _counts().unregister("found")
    _counted_before[content, wanted] = (name, found.num_rows)
    return name


def _count(connection: duckdb.DuckDBPyConnection, wanted: Counts, seconds: float) -> Any:
    """Return the counts as an Arrow table, None where they can't be kept; raises InterruptException over time."""
    sums = ["count(*) AS n", *(f"count({one}) AS {counted_as(one, measure=True)}" for one in wanted.measures)]
    chosen = ", ".join([*(f"{one} AS {counted_as(one)}" for one in wanted.keys), *sums])
    grouped = f" GROUP BY {', '.join(str(place + 1) for place in range(len(wanted.keys)))}" if wanted.keys else ""
    # Half of the time is left to do without.
    timer = threading.Timer(seconds / 2, connection.interrupt)
    timer.start()
    try:
        done = connection.sql(
            f"SELECT {chosen} FROM {_quoted(wanted.table)} AS src{grouped} LIMIT {MOST_COUNTS + 1}"  # noqa: S608
        )
        found = done.to_arrow_table()
    finally:
        timer.cancel()
    # A type that is another one afterwards might compare otherwise.
    same = [str(one) for one in _counts().from_arrow(found).types] == [str(one) for one in done.types]
    return found if same and found.num_rows <= MOST_COUNTS else None


def _from_database(request: Request, database: Database) -> Answer:
    import psycopg
    from psycopg import sql

    with psycopg.connect(database.url, connect_timeout=10) as connection:
        connection.read_only = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(int(request.seconds * 1000)))
            cursor.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(database.schema)))
            if request.sql is None:
                cursor.execute(
                    "SELECT table_name, column_name, data_type FROM information_schema.columns"
                    " WHERE table_schema = %s ORDER BY table_name, ordinal_position",
                    [database.schema],
                )
                return Answer(("table", "column", "type"), (), tuple(cursor.fetchall()))
            cursor.execute(request.sql.encode())
            rows = cursor.fetchmany(MOST_ROWS + 1)
            about = [(one.name, str(one.type_display)) for one in cursor.description or []]
        connection.rollback()
    return _answer(about, rows)


def _answer(about: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> Answer:
    if len(rows) > MOST_ROWS:
        return Answer(error="rows")
    return Answer(tuple(name for name, _ in about), tuple(kind for _, kind in about), tuple(rows))


def answer(request: Request) -> Answer:
    """Answer one request. What an engine says of a failure may quote data, so it is dropped here."""
    try:
        if isinstance(request.place, Files):
            return _from_files(request, request.place)
        return _from_database(request, request.place)
    except Exception as error:
        return Answer(error=type(error).__name__)


def main() -> None:
    """Answer requests until the other end goes."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints gets between the answers
    while True:
        try:
            request = receive(sys.stdin.buffer)
        except EOFError:
            return
        send(pipe, answer(request))


if __name__ == "__main__":
    # Pickles name the module as others import it.
    from dujiang.data.spaces.worker import main as run

    run()
