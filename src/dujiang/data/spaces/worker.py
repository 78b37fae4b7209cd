"""The process in which a provider's data are asked: ``python -m dujiang.data.spaces.worker``.

It holds no secret of the site, takes requests on standard input and answers on standard output, each a pickle between the
two processes alone, and is killed when an answer takes too long. DuckDB is locked before the first query: no files but
the tables', no network, no extensions, no settings.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import duckdb

MEMORY = "2GB"
MOST_ROWS = 100_000
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Files:
    """Tables in files that don't change: the name, the path, and the kind (parquet, json or csv) of each."""

    tables: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Database:
    """Tables of a schema in PostgreSQL, by the address of a role that may read them."""

    url: str
    schema: str


Place = Files | Database


class Request(NamedTuple):
    """What to run, and where; without SQL the columns of all tables are asked for."""

    place: Place
    sql: str | None
    seconds: float


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
    for name, path, kind in files.tables:
        text = "'" + path.replace("'", "''") + "'"
        if kind == "parquet":
            views.append((name, f"read_parquet({text})"))
        else:
            read = "read_json_auto" if kind == "json" else "read_csv"
            connection.execute(f"CREATE TABLE {_quoted(name)} AS SELECT * FROM {read}({text})")  # noqa: S608
    paths = ", ".join("'" + path.replace("'", "''") + "'" for _, path, _ in files.tables)
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
    done = connection.execute(request.sql)
    rows = done.fetchmany(MOST_ROWS + 1)
    about = done.description or []
    return _answer([(one[0], str(one[1])) for one in about], rows)


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
