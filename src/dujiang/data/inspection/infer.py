"""Rules that a table seems to keep, seen in a sample of its rows, for people to edit.

What nearly all rows keep becomes a rule that all should keep, so that the exceptions are reported. Nothing is inferred
about how fresh data should be, nor how many rows: that the data can't say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

import duckdb
import polars as pl

from dujiang.data.inspection.codes import CODES
from dujiang.data.inspection.rules import Rule, typed
from dujiang.data.inspection.sources import Table, one, quoted
from dujiang.data.inspection.tables import frame_of, native_type, sample_where

MOST = 0.95
"""What this share of the sample keeps is taken for a rule."""
_DOMAIN = 30
_TYPED = 2_000
"""Values that a column's type is seen in."""
_SEEN = 20
"""A domain has at most so many values, each seen so many times on average."""
_ORDERED = 12
"""Columns of dates that are compared with each other, at most."""
_WORD = re.compile(r"[0-9]+|[A-Z]+|[a-z]+|[一-鿿]+")


def sample(table: Table) -> pl.DataFrame:
    """Return the sample that everything is inferred from, the same each time."""
    columns = ", ".join(quoted(name) for name in table.columns)
    query = f"SELECT {columns} FROM {table.relation} WHERE {sample_where(table)} ORDER BY file_row_number"
    return frame_of(table.connection, query)


def types(table: Table, seen: pl.DataFrame, rules: Sequence[Rule] = ()) -> dict[str, str]:
    """Return what each column is read as: what a rule says, else its type in the file, else what its texts look like."""
    said = {rule.columns[0]: rule.type for rule in rules if rule.kind == "type"}
    found: dict[str, str] = {}
    for name in table.columns:
        native = native_type(table.native.get(name, "VARCHAR"))
        if name in said:
            found[name] = said[name]
        elif native != "text" or name not in seen.columns:
            found[name] = native
        else:
            found[name] = _type(seen[name].cast(pl.String).drop_nulls())
    return found


def _type(texts: pl.Series) -> str:
    texts = texts.filter(texts != "")
    texts = texts.gather_every(max(1, len(texts) // _TYPED))
    # A number that begins with 0, or is as long as an identity number, is a code that happens to be of digits.
    if texts.is_empty() or texts.str.contains(r"^[+-]?0[0-9]|^[0-9]{15,}$").mean() > 1 - MOST or _code(texts):  # type: ignore[operator]
        return "text"
    kinds = ("boolean", "integer", "number", "date", "timestamp")
    asked = ", ".join(f"count({typed('c', kind)})" for kind in kinds)
    counts = _counts(texts, asked)
    digits = texts.str.contains(r"^[01]$").all()
    for kind, count in zip(kinds, counts, strict=True):
        if count >= MOST * len(texts) and not (kind == "boolean" and digits):
            return kind
    return "text"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return a database that holds nothing: starting one takes longer than what it is asked here."""
    return duckdb.connect()


def _counts(texts: pl.Series, aggregates: str) -> tuple[int, ...]:
    """Return aggregates of the texts, which SQL knows as ``c``."""
    with _database().cursor() as connection:
        (row,) = connection.from_arrow(pl.DataFrame({"c": texts}).to_arrow()).aggregate(aggregates).fetchall()
        return tuple(row)


def rules(table: Table, seen: pl.DataFrame, kinds: Mapping[str, str]) -> list[Rule]:
    """Return the rules that a table seems to keep."""
    found: list[Rule] = []
    for name in table.columns:
        values = seen[name]
        if values.dtype == pl.String:
            values = values.replace("", None)
        there = values.drop_nulls()
        if there.is_empty():
            continue
        if kinds[name] != "text" and native_type(table.native.get(name, "VARCHAR")) != kinds[name]:
            found.append(Rule("type", (name,), type=kinds[name]))
        if len(there) >= MOST * len(values):
            found.append(Rule("not_null", (name,)))
        key = len(there) >= _SEEN and kinds[name] in ("text", "integer") and there.n_unique() >= 0.99 * len(there)
        if key:
            found.append(Rule("unique", (name,)))
        match kinds[name]:
            case "text":
                found += _of_texts(name, there.cast(pl.String))
            case "integer" | "number":
                numbers = there.cast(pl.Float64, strict=False).drop_nulls()
                if not key and len(numbers) >= _SEEN and (numbers >= 0).mean() >= MOST:  # type: ignore[operator]
                    found.append(Rule("range", (name,), minimum=0))
            case "date" | "timestamp":
                found.append(Rule("past", (name,)))
    return found + _ordered(table, kinds)


def _of_texts(name: str, texts: pl.Series) -> list[Rule]:
    if len(texts) < _SEEN:
        return []
    if code := _code(texts):
        return [Rule("code", (name,), code=code)]
    counts = texts.value_counts(sort=True)
    if len(counts) <= _DOMAIN * 4 and len(texts) >= _SEEN * min(len(counts), _DOMAIN):
        # Rare values beside a few frequent ones are slips of the pen.
        common = counts.filter(pl.col("count") >= max(2, 0.005 * len(texts)))
        if 0 < len(common) <= _DOMAIN and common["count"].sum() >= MOST * len(texts):
            return [Rule("one_of", (name,), values=tuple(sorted(common[texts.name].to_list())))]
    if pattern := _pattern(texts):
        return [Rule("pattern", (name,), pattern=pattern)]
    return []


def _code(texts: pl.Series) -> str:
    tested = [name for name in CODES if name not in ("postcode", "bank-card")]
    asked = ", ".join(f"count_if({CODES[name].sql.format(value='c')})" for name in tested)
    counts = _counts(texts, asked)
    return next((name for name, count in zip(tested, counts, strict=True) if count >= MOST * len(texts)), "")


def _pattern(texts: pl.Series) -> str:
    """Return the regular expression of the shape that nearly all texts have, or an empty string."""
    shapes: Counter[tuple[str, ...]] = Counter()
    lengths: dict[tuple[str, ...], list[set[int]]] = {}
    for text in texts.head(20_000):
        shape, sizes = _shape(text)
        if not shape or len(shape) > 12:
            continue
        shapes[shape] += 1
        for place, size in zip(lengths.setdefault(shape, [set() for _ in shape]), sizes, strict=True):
            place.add(size)
    if not shapes:
        return ""
    shape, count = shapes.most_common(1)[0]
    if count < MOST * min(len(texts), 20_000) or not any(part[0] == "[" for part in shape):
        return ""
    # A text of one run of letters or characters whose length differs is prose, not a pattern.
    if len(shape) == 1 and len(lengths[shape][0]) > 3:
        return ""
    return "".join(
        part + (_times(sizes) if part.startswith("[") else "")
        for part, sizes in zip(shape, lengths[shape], strict=True)
    )


def _shape(text: str) -> tuple[tuple[str, ...], list[int]]:
    parts: list[str] = []
    sizes: list[int] = []
    at = 0
    for run in _WORD.finditer(text):
        if run.start() > at:
            parts.append(re.escape(text[at : run.start()]))
            sizes.append(1)
        first = run.group()[0]
        parts.append(
            "[0-9]" if first.isdigit() else "[A-Z]" if first.isupper() else "[a-z]" if first.islower() else "[一-鿿]"
        )
        sizes.append(len(run.group()))
        at = run.end()
    if at < len(text):
        parts.append(re.escape(text[at:]))
        sizes.append(1)
    return tuple(parts), sizes


def _times(sizes: set[int]) -> str:
    low, high = min(sizes), max(sizes)
    if low == high:
        return f"{{{low}}}"
    return f"{{{low},{high}}}" if high - low <= 3 else "+"


def _ordered(table: Table, kinds: Mapping[str, str]) -> list[Rule]:
    """Return the pairs of dates of which one is hardly ever after the other."""
    found = []
    for kind in ("date", "timestamp"):
        names = [name for name in table.columns if kinds[name] == kind][:_ORDERED]
        pairs = [(first, second) for first in names for second in names if first != second]
        if not pairs:
            continue
        native = {name: native_type(table.native.get(name, "VARCHAR")) == kind for name in names}
        value = {name: quoted(name) if native[name] else typed(quoted(name), kind) for name in names}
        asked = ", ".join(
            f"count_if({value[first]} <= {value[second]}), count_if({value[first]} < {value[second]}), "
            f"count({value[first]} <= {value[second]})"
            for first, second in pairs
        )
        row = one(table.connection, f"SELECT {asked} FROM {table.relation} WHERE {sample_where(table)}")
        for n, pair in enumerate(pairs):
            before, strictly, both = row[3 * n : 3 * n + 3]
            if both >= _SEEN and before >= MOST * both and strictly >= 0.2 * both:
                found.append(Rule("compare", pair, operator="<="))
    return found
