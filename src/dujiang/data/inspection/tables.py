"""Checking a table by its rules, in as few scans as they can be: one for all that rows meet by themselves.

All rules of single rows, and the profile of the columns, are aggregates of one SELECT, so that a column is read and
converted once whatever number of rules is about it, and memory doesn't grow with the rows. What is about the table as a
whole (keys, references to other tables) takes a query each, which DuckDB works off from disk where it outgrows memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from dujiang.data.inspection.rules import Dimension, Reading, Rule, condition, typed
from dujiang.data.inspection.sources import Table, literal, one, opened, quoted
from dujiang.messages import BadInput, Text

SAMPLE = 100_000
"""Rows of the sample that quartiles, patterns and personal data are seen in; smaller tables are taken whole."""
EXAMPLES = 3
_FENCE = 3.0
"""Tukey's outer fences (Exploratory Data Analysis, 1977): this many interquartile ranges beyond the quartiles."""
_NATIVE = (
    (re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?"), "integer"),
    (re.compile(r"FLOAT|DOUBLE|DECIMAL.*"), "number"),
    (re.compile(r"DATE"), "date"),
    (re.compile(r"TIMESTAMP.*"), "timestamp"),
    (re.compile(r"BOOLEAN"), "boolean"),
)
Progress = Callable[[Text], None]


def quiet(step: Text) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule came to: how many rows (or values) it is about, how many fail it, and the smallest that do."""

    rule: Rule
    evaluated: int
    failed: int
    examples: tuple[str, ...] = ()
    note: Text | None = None

    @property
    def share(self) -> float:
        """The share that meets the rule, GB/T 36344's A / B; 1 where it is about nothing."""
        return 1 - self.failed / self.evaluated if self.evaluated else 1.0

    @property
    def held(self) -> bool:
        """Whether at least the share that the rule asks for meets it."""
        return self.share >= self.rule.at_least


@dataclass(frozen=True, slots=True)
class Column:
    """What is in a column.

    ``distinct`` is an estimate (HyperLogLog, some 2 %). ``low``, ``median``, ``high`` are the quartiles of the sample,
    ``outliers`` counts values beyond Tukey's outer fences in all rows. Of a text, minimum, maximum and mean are lengths.
    """

    name: str
    type: str
    missing: int
    distinct: int
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    median: float | None = None
    high: float | None = None
    outliers: int | None = None


class Scan:
    """Aggregates over a table that are computed together; one that is asked for twice is computed once."""

    def __init__(self, table: Table, types: Mapping[str, str]) -> None:
        """Say what the columns of the table are read as."""
        self._table = table
        self.read: dict[str, Reading] = {}
        self._inner: list[str] = []
        for number, name in enumerate(table.columns):
            self.read[name] = self._column(number, name, types[name])
        self._wanted: dict[str, int] = {}

    def _column(self, number: int, name: str, kind: str) -> Reading:
        native = self._table.native.get(name)
        if native is not None and native_type(native) == kind != "text":
            self._inner.append(f"{quoted(name)} AS v{number}")
            return Reading(f"v{number}", f"CAST(v{number} AS VARCHAR)", f"v{number}")
        text = quoted(name)
        if native is not None:
            text = text if native == "VARCHAR" else f"CAST({text} AS VARCHAR)"
            text = f"nullif({text}, '')" if name in self._table.blank else text
        self._inner.append(f"{text} AS t{number}")
        if kind == "text":
            return Reading(f"t{number}", f"t{number}", f"t{number}")
        self._inner.append(f"{typed(text, kind)} AS v{number}")
        return Reading(f"v{number}", f"t{number}", f"t{number}")

    def want(self, aggregate: str) -> int:
        """Ask for an aggregate and return where its value will stand."""
        return self._wanted.setdefault(aggregate, len(self._wanted))

    def rows(self) -> str:
        """Return the table's rows as SQL, columns as ``read`` names them."""
        return f"(SELECT {', '.join(self._inner)} FROM {self._table.relation})"

    def run(self) -> tuple[Any, ...]:
        """Return the values, by one pass over the table."""
        if not self._wanted:
            return ()
        return one(self._table.connection, f"SELECT {', '.join(self._wanted)} FROM {self.rows()}")


def native_type(native: str) -> str:
    """Return what a type of DuckDB is read as."""
    return next((kind for pattern, kind in _NATIVE if pattern.fullmatch(native)), "text")


def frame_of(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """Return what a query yields."""
    made = pl.from_arrow(connection.sql(query).to_arrow_table())
    assert isinstance(made, pl.DataFrame)
    return made


def sample_where(table: Table, size: int = SAMPLE) -> str:
    """Return a SQL condition that some ``size`` rows meet, the same rows each time (Knuth's multiplicative hash)."""
    if table.rows <= size:
        return "true"
    return f"(file_row_number * 2654435761) % 4294967296 < {int(size / table.rows * 2**32)}"


def check(
    table: Table,
    rules: Sequence[Rule],
    types: Mapping[str, str],
    *,
    as_of: date,
    scan: Scan | None = None,
    beside: Path | None = None,
    progress: Progress = quiet,
) -> tuple[list[Result], tuple[Any, ...]]:
    """Check a table by its rules and return a result each, and the values of what else was asked of ``scan``.

    ``beside`` is the folder that references to other files start from. Raises `BadInput` for a reference's file.
    """
    scan = scan or Scan(table, types)
    places = {
        number: _ask(scan, rule, as_of) for number, rule in enumerate(rules) if rule.rowwise or rule.kind == "fresh"
    }
    rows = scan.want("count(*)")
    progress(Text(f"扫描 {table.rows:,} 行", f"scanning {table.rows:,} rows"))
    values = scan.run()
    results: list[Result] = []
    for number, rule in enumerate(rules):
        if rule.kind == "fresh":
            results.append(_fresh(rule, values[places[number][0]], as_of))
        elif rule.rowwise:
            evaluated, met, failing = (values[place] for place in places[number])
            examples = sorted(set(failing)) if isinstance(failing, list) else []
            results.append(Result(rule, evaluated, evaluated - met, tuple(examples[:EXAMPLES])))
        elif rule.kind == "rows":
            results.append(_rows(rule, values[rows]))
        elif rule.kind == "unique":
            progress(Text(f"查重：{'、'.join(rule.columns)}", f"uniqueness of {', '.join(rule.columns)}"))
            results.append(_unique(scan, table, rule))
        else:
            progress(Text(f"外部引用：{rule.source}", f"references to {rule.source}"))
            results.append(_references(scan, table, rule, beside or Path()))
    return results, values


def _ask(scan: Scan, rule: Rule, as_of: date) -> tuple[int, int, int]:
    """Return where it will stand how many rows a rule is about, how many meet it, and the smallest values that don't."""
    if rule.kind == "fresh":
        at = scan.want(f"max({scan.read[rule.columns[0]].value})")
        return at, at, at
    there, met = condition(rule, scan.read, as_of)
    if there == "true":
        evaluated = scan.want("count(*)")
    elif there.endswith(" IS NOT NULL") and " AND " not in there:
        evaluated = scan.want(f"count({there.removesuffix(' IS NOT NULL')})")
    else:
        evaluated = scan.want(_times(there))
    if met.endswith(" IS NOT NULL") and " AND " not in met:
        good = scan.want(f"count({met.removesuffix(' IS NOT NULL')})")
    else:
        # Where a column is missing its condition is NULL, which is not counted, so `there` need not be asked again.
        good = scan.want(_times(met if rule.kind != "condition" else f"{there} AND {met}"))
    if rule.kind == "not_null":
        return evaluated, good, good
    names = rule.columns or tuple(name for name in scan.read if name in rule.condition)
    shown = [scan.read[name].there for name in names]
    text = shown[0] if len(shown) == 1 else f"concat_ws(' | ', {', '.join(shown) or literal('')})"
    failing = f"NOT {met}" if rule.kind != "condition" else f"{there} AND NOT {met}"
    # CASE makes a text of what fails only.
    examples = scan.want(f"CAST(min(CASE WHEN {failing} THEN {text} END, {EXAMPLES * 4}) AS VARCHAR[])")
    return evaluated, good, examples


def _times(condition: str) -> str:
    """Return SQL that counts the rows that meet a condition; of no rows, 0."""
    return f"coalesce(count_if({condition}), 0)"


def _fresh(rule: Rule, newest: Any, as_of: date) -> Result:
    if newest is None or not isinstance(newest, date):
        return Result(rule, 1, 1, (), Text("没有可读的日期", "no date that can be read"))
    day = newest.date() if isinstance(newest, datetime) else newest
    late = as_of - day > timedelta(days=rule.days or 0)
    return Result(rule, 1, int(late), (day.isoformat(),) if late else (), Text(f"最新：{day}", f"newest: {day}"))


def _rows(rule: Rule, rows: int) -> Result:
    low = -math.inf if rule.minimum is None else rule.minimum
    high = math.inf if rule.maximum is None else rule.maximum
    good = low <= rows <= high  # type: ignore[operator]
    return Result(rule, 1, int(not good), () if good else (str(rows),))


def _unique(scan: Scan, table: Table, rule: Rule) -> Result:
    """Count the rows whose key stands in an earlier row already."""
    keys = [scan.read[name].there for name in rule.columns]
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    shown = keys[0] if len(keys) == 1 else f"concat_ws(' | ', {', '.join(keys)})"
    total, distinct, often = one(
        table.connection,
        f"SELECT coalesce(sum(times), 0), count(*), max({{'times': times, 'key': {shown}}}, {EXAMPLES}) FILTER (WHERE times > 1) "
        f"FROM (SELECT {', '.join(keys)}, count(*) AS times FROM {scan.rows()} WHERE {there} GROUP BY {', '.join(keys)})",
    )
    examples = tuple(f"{found['key']} × {found['times']}" for found in often or ())
    return Result(rule, int(total), int(total - distinct), examples)


def _references(scan: Scan, table: Table, rule: Rule, beside: Path) -> Result:
    """Count the values that the other table's column doesn't have."""
    source = rule.source if rule.source.startswith("postgres") else str(beside / rule.source)
    with opened(source) as other:
        if rule.key not in other.columns:
            raise BadInput(
                source,
                row=1,
                field=rule.key,
                expected=Text("被引用的列", "the column that is referred to"),
                found="、".join(other.columns),
            )
        keys = other.connection.sql(
            f"SELECT DISTINCT trim(CAST({quoted(rule.key)} AS VARCHAR)) AS k FROM {other.relation}"
        ).to_arrow_reader()
        table.connection.execute("CREATE OR REPLACE TEMP TABLE reference_keys (k VARCHAR)")
        table.connection.register("reference_stream", keys)
        table.connection.execute("INSERT INTO reference_keys SELECT k FROM reference_stream WHERE k IS NOT NULL")
        table.connection.unregister("reference_stream")
    text = scan.read[rule.columns[0]].text
    missing = f"{text} IS NOT NULL AND {text} NOT IN (SELECT k FROM reference_keys)"
    evaluated, failed = one(table.connection, f"SELECT count({text}), {_times(missing)} FROM {scan.rows()}")
    examples: list[tuple[str]] = []
    if failed:
        examples = table.connection.execute(
            f"SELECT DISTINCT {text} AS v FROM {scan.rows()} WHERE {missing} ORDER BY v LIMIT {EXAMPLES}"
        ).fetchall()
    return Result(rule, evaluated, failed, tuple(text for (text,) in examples))


def profile(
    scan: Scan, types: Mapping[str, str], quartiles: Mapping[str, tuple[float, float, float]]
) -> Callable[[tuple[Any, ...]], list[Column]]:
    """Ask a scan for what is in each column, and return what makes the columns of the values that it gives."""
    rows = scan.want("count(*)")
    places: dict[str, dict[str, int]] = {}
    for name, column in scan.read.items():
        asked = {
            "there": scan.want(f"count({column.there})"),
            "distinct": scan.want(f"approx_count_distinct({column.value})"),
        }
        measure = {"text": f"length({column.text})", "boolean": f"CAST({column.value} AS INTEGER)"}.get(
            types[name], column.value
        )
        asked |= {"minimum": scan.want(f"min({measure})"), "maximum": scan.want(f"max({measure})")}
        if types[name] not in ("date", "timestamp"):
            asked |= {"mean": scan.want(f"avg({measure})")}
        if types[name] in ("integer", "number"):
            asked |= {"deviation": scan.want(f"stddev_samp(CAST({measure} AS DOUBLE))")}
            if name in quartiles:
                low, _, high = quartiles[name]
                beyond = _FENCE * (high - low)
                asked |= {
                    "outliers": scan.want(
                        _times(f"{column.value} < {low - beyond!r} OR {column.value} > {high + beyond!r}")
                    )
                }
        places[name] = asked

    def made(values: tuple[Any, ...]) -> list[Column]:
        columns = []
        for name, asked in places.items():
            told = {key: _plain(values[place]) for key, place in asked.items()}
            there = told.pop("there")
            if name in quartiles:
                told |= dict(zip(("low", "median", "high"), quartiles[name], strict=True))
            columns.append(Column(name=name, type=types[name], missing=values[rows] - there, **told))
        return columns

    return made


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, int | float | str) else float(value)


def scores(results: Iterable[Result]) -> dict[Dimension, float | None]:
    """Return each dimension's score: the mean share of its rules; None where no rule is about it."""
    found: dict[Dimension, list[float]] = {dimension: [] for dimension in Dimension}
    for result in results:
        found[result.rule.about.dimension].append(result.share)
    return {dimension: sum(shares) / len(shares) if shares else None for dimension, shares in found.items()}
