"""Tables of any kind as one kind: what isn't Parquet is laid into a Parquet file of texts, in one streaming pass.

Rows that can't be read are counted and kept with their line. DuckDB reads SQLite and PostgreSQL only by extensions that
it would have to fetch, so those come through their own drivers, row by row into the same pass.
"""

from __future__ import annotations

import codecs
import csv
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile

import duckdb
import orjson

from dujiang.messages import BadInput, Text

MEMORY = "512MB"
"""What DuckDB may hold; beyond that it works from disk."""
TYPES = ("integer", "number", "date", "timestamp", "boolean", "text")
"""What a column's values are read as."""
TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".db", ".sqlite", ".sqlite3")
"""Suffixes of tables; files of JSON lines (.jsonl, .ndjson) can be tables too."""
_SHOWN = 20
_BLOCK = 1 << 20
_REJECTS = {
    "TOO MANY COLUMNS": Text("列数过多", "too many columns"),
    "MISSING COLUMNS": Text("列数不足", "missing columns"),
    "UNQUOTED VALUE": Text("引号不配对", "quotes don't match"),
    "LINE SIZE OVER MAXIMUM": Text("行过长", "line too long"),
    "INVALID ENCODING": Text("编码错误", "wrong encoding"),
}


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read: its line in the file (the heading is line 1), why, and how it begins."""

    line: int
    why: Text
    text: str


@dataclass(slots=True)
class Table:
    """A table that is open: ``relation`` is SQL that yields its rows and ``file_row_number``, from 0.

    ``native`` holds DuckDB's types of the columns of a Parquet file; the columns of all else are texts without blanks
    around, NULL where nothing is left. ``blank`` are the native texts that may be empty rather than NULL.
    """

    name: str
    connection: duckdb.DuckDBPyConnection
    relation: str
    columns: tuple[str, ...]
    rows: int
    native: dict[str, str] = field(default_factory=dict)
    blank: frozenset[str] = frozenset()
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    encoding: str = ""


def connect(folder: Path, memory: str = MEMORY) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that keeps to its memory and works from disk in ``folder`` beyond it."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    connection.execute(f"SET memory_limit = {literal(memory)}")
    connection.execute(f"SET temp_directory = {literal(str(folder))}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def opened(source: str, *, memory: str = MEMORY) -> Iterator[Table]:
    """Open a table; what was laid out for it is removed at the end, whatever happens.

    ``source`` is a file (.csv, .tsv, .parquet, .jsonl, .xlsx#sheet, .sqlite#table) or postgresql://...#table. Raises `BadInput`.
    """
    with TemporaryDirectory(prefix="dujiang-inspect-") as folder, closing(connect(Path(folder), memory)) as connection:
        yield _open(source, connection, Path(folder))


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """Return the one row of a query."""
    (row,) = connection.execute(query).fetchall()
    return tuple(row)


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def without_password(address: str) -> str:
    """Return a database's address as it may be shown."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def exists(source: str) -> Path:
    """Return the file of a source (without its ``#part``); raises `BadInput` where there is none."""
    path = Path(source)
    if path.exists():
        return path
    path = Path(source.partition("#")[0])
    if not path.exists():
        raise BadInput(source, expected=Text("已有的文件", "a file that exists"), found=Text("无", "none").zh)
    return path


def _open(source: str, connection: duckdb.DuckDBPyConnection, folder: Path) -> Table:
    if source.startswith(("postgresql://", "postgres://")):
        shown = without_password(source)
        return _staged(shown, _postgresql(source, shown, folder), connection, folder)
    path = exists(source)
    part = source.partition("#")[2]
    match path.suffix.lower():
        case ".parquet":
            return _parquet(source, path, connection)
        case ".csv" | ".tsv" | ".txt":
            return _staged(source, path, connection, folder)
        case ".jsonl" | ".ndjson":
            laid, rejects = _objects(source, path, folder)
            table = _staged(source, laid, connection, folder)
            table.rejected, table.rejects = len(rejects), tuple(rejects[:_SHOWN])
            return table
        case ".xlsx":
            return _staged(source, _laid(_sheet(source, path, part), folder), connection, folder)
        case ".db" | ".sqlite" | ".sqlite3":
            return _staged(source, _laid(_sqlite(source, path, part), folder), connection, folder)
    raise BadInput(source, expected=Text(f"{'、'.join(TABLES)} 文件", f"a file of {', '.join(TABLES)}"))


def _parquet(source: str, path: Path, connection: duckdb.DuckDBPyConnection) -> Table:
    relation = f"read_parquet({literal(str(path))}, file_row_number = true)"
    try:
        told = connection.execute(f"DESCRIBE SELECT * EXCLUDE (file_row_number) FROM {relation}").fetchall()
        (rows,) = one(connection, f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({literal(str(path))})")
    except duckdb.Error as error:
        raise BadInput(
            source, expected=Text("Parquet 文件", "a Parquet file"), found=str(error).splitlines()[0]
        ) from error
    native = {name: kind for name, kind, *_ in told}
    # The least value of each row group stands in the file, so most columns need not be searched for empty texts.
    blank = connection.execute(
        f"SELECT DISTINCT path_in_schema FROM parquet_metadata({literal(str(path))}) WHERE coalesce(stats_min_value, '') = ''"
    ).fetchall()
    empty = frozenset(name for (name,) in blank)
    return Table(source, connection, relation, tuple(native), int(rows), native, empty)


def _staged(source: str, path: Path, connection: duckdb.DuckDBPyConnection, folder: Path) -> Table:
    """Lay a CSV out as Parquet, all columns texts, in one pass."""
    encoding = _encoding(path)
    if encoding == "gb18030":
        path = _recoded(path, folder, encoding)
    columns, delimiter = _heading(source, path)
    kinds = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns)
    staged = folder / "staged.parquet"
    try:
        connection.execute(
            f"COPY (SELECT nullif(trim(COLUMNS(*)), '') FROM read_csv({literal(str(path))}, delim = {literal(delimiter)}, quote = '\"', escape = '\"', "
            f"header = true, auto_detect = false, columns = {{{kinds}}}, nullstr = '', store_rejects = true, "
            f"new_line = {_new_line(path)}, max_line_size = 8388608)) TO {literal(str(staged))} (FORMAT parquet)"
        )
    except duckdb.Error as error:
        raise BadInput(source, expected=Text("CSV 表格", "a CSV table"), found=str(error).splitlines()[0]) from error
    told = _parquet(source, staged, connection)
    rejected, rejects = _rejects(path, connection)
    return Table(
        source, connection, told.relation, tuple(columns), told.rows, {}, frozenset(), rejected, rejects, encoding
    )


def _rejects(path: Path, connection: duckdb.DuckDBPyConnection) -> tuple[int, tuple[Reject, ...]]:
    """Return how many rows were left out, and the first of them with their lines."""
    once = "SELECT DISTINCT ON (line_byte_position) * FROM reject_errors ORDER BY line_byte_position"
    (count,) = one(connection, "SELECT count(DISTINCT line_byte_position) FROM reject_errors")
    found = connection.execute(
        f"SELECT line_byte_position, error_type, csv_line FROM ({once}) LIMIT {_SHOWN}"
    ).fetchall()
    lines = _lines(path, [place for place, _, _ in found])
    return count, tuple(
        Reject(line, _REJECTS.get(why, Text(str(why), str(why).lower())), str(text)[:80])
        for line, (_, why, text) in zip(lines, found, strict=True)
    )


def _lines(path: Path, places: list[int]) -> list[int]:
    """Return the line of each byte position (ascending); DuckDB counts records, which quoted line breaks make fewer."""
    lines: list[int] = []
    line, at = 1, 0
    if not places:
        return lines
    with path.open("rb") as file:
        for place in places:
            while at < place:
                block = file.read(min(_BLOCK, place - at))
                if not block:
                    break
                line += block.count(b"\n")
                at += len(block)
            lines.append(line)
    return lines


def _encoding(path: Path) -> str:
    """Return ``gb18030`` where more of the lines that aren't ASCII are that than UTF-8, else ``utf-8``.

    Nearly any bytes are valid GB18030, so a single bad byte must not turn a whole UTF-8 file into another language.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    counts = dict.fromkeys(("utf-8", "gb18030"), 0)
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                for encoding in counts:
                    with suppress(UnicodeDecodeError):
                        line.decode(encoding)
                        counts[encoding] += 1
                        break
    return max(counts, key=lambda one: counts[one])


def _recoded(path: Path, folder: Path, encoding: str) -> Path:
    made = folder / "recoded.csv"
    with (
        path.open(encoding=encoding, errors="replace", newline="") as text,
        made.open("w", encoding="utf-8", newline="") as written,
    ):
        while block := text.read(_BLOCK):
            written.write(block)
    return made


def _heading(source: str, path: Path) -> tuple[list[str], str]:
    """Return the columns' names and what separates them; raises `BadInput`."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        first = text.readline()
        text.seek(0)
        delimiter = max(",\t;|", key=first.count)
        try:
            names = next(csv.reader(text, delimiter=delimiter), [])
        except csv.Error as error:
            raise BadInput(source, row=1, expected=Text("首行为表头", "headings in row 1"), found=str(error)) from error
    names = [name.strip() for name in names]
    if not any(names):
        raise BadInput(source, row=1, expected=Text("首行为表头", "headings in row 1"), found=first.strip()[:80])
    if "\x00" in first:
        raise BadInput(source, row=1, expected=Text("CSV 表格", "a CSV table"), found="NUL")
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name or name.lower() in seen or name == "file_row_number":
            raise BadInput(
                source,
                row=1,
                field=str(number),
                expected=Text("不为空且不重复的列名", "a column's name that is neither empty nor used twice"),
                found=name,
            )
        seen.add(name.lower())
    return names, delimiter


def _new_line(path: Path) -> str:
    with path.open("rb") as file:
        block = file.read(_BLOCK)
    return r"'\r\n'" if b"\r\n" in block else r"'\n'"


def _laid(rows: Iterable[Iterable[Any]], folder: Path) -> Path:
    """Write rows as they come into a CSV file."""
    made = folder / "laid.csv"
    with made.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in rows:
            writer.writerow(["" if cell is None else _cell(cell) for cell in row])
    return made


def _objects(source: str, path: Path, folder: Path) -> tuple[Path, list[Reject]]:
    """Lay JSON lines out as a table whose columns are all names that occur; what is nested in them stays JSON."""
    names: dict[str, None] = {}
    rejects: list[Reject] = []
    for line, text, found in _parsed(path):
        if isinstance(found, dict):
            names.update(dict.fromkeys(found))
        else:
            rejects.append(Reject(line, Text("不是 JSON 对象", "not a JSON object"), text[:80]))
    if not names:
        raise BadInput(source, expected=Text("每行一个 JSON 对象", "a JSON object a line"), found=path.name)
    rows = ([found.get(name) for name in names] for _, _, found in _parsed(path) if isinstance(found, dict))
    return _laid(chain([list(names)], rows), folder), rejects


def _parsed(path: Path) -> Iterator[tuple[int, str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.decode("utf-8-sig", "replace").strip()
            if text:
                try:
                    yield number, text, orjson.loads(text)
                except orjson.JSONDecodeError:
                    yield number, text, None


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    return str(value).removesuffix(" 00:00:00")


def _sheet(source: str, path: Path, name: str) -> Iterator[Iterable[Any]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        expected = Text("Excel 工作簿（.xlsx）", "an Excel workbook (.xlsx)")
        raise BadInput(source, expected=expected, found=str(error)) from error
    with closing(book):
        if name and name not in book.sheetnames:
            raise BadInput(
                source,
                expected=Text("已有的工作表", "a sheet of the workbook"),
                found=f"{name}（{'、'.join(book.sheetnames)}）",
            )
        sheet = book[name] if name else book.worksheets[0]
        width = 0
        for cells in sheet.iter_rows(values_only=True):
            width = width or max((n for n, cell in enumerate(cells, start=1) if cell is not None), default=0)
            if any(cell is not None for cell in cells):
                yield (*cells[:width], *[None] * (width - len(cells)))


def _sqlite(source: str, path: Path, table: str) -> Iterator[Iterable[Any]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            ]
            cursor = database.execute(f"SELECT * FROM {quoted(_chosen(source, table, found))}")
            yield [about[0] for about in cursor.description]
            yield from cursor
    except sqlite3.Error as error:
        raise BadInput(source, expected=Text("SQLite 数据库", "an SQLite database"), found=str(error)) from error


def _postgresql(source: str, shown: str, folder: Path) -> Path:
    """Copy a table of a PostgreSQL database into a CSV file; the server streams it."""
    import psycopg
    from psycopg import sql

    address, _, table = source.partition("#")
    made = folder / "laid.csv"
    try:
        with psycopg.connect(address) as database, made.open("wb") as file:
            found = database.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables "
                "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
            ).fetchall()
            names = [name for (name,) in found]
            chosen = _chosen(shown, table if "." in table or not table else f"public.{table}", names)
            query = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT WITH (FORMAT csv, HEADER true)").format(
                sql.Identifier(*chosen.split(".", 1))
            )
            with database.cursor().copy(query) as copied:
                for block in copied:
                    file.write(block)
    except psycopg.Error as error:
        raise BadInput(shown, expected=Text("可以读取的表", "a table that can be read"), found=str(error)) from error
    return made


def _chosen(source: str, table: str, found: list[str]) -> str:
    if table in found:
        return table
    if not table and len(found) == 1:
        return found[0]
    raise BadInput(
        source,
        expected=Text(f"以 #表名 指明一张表：{'、'.join(found)}", f"a table named by #table: {', '.join(found)}"),
        found=table,
    )
