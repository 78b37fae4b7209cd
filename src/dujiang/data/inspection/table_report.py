"""Inspecting a table from beginning to end: sample, rules, one scan, keys and references, personal data, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from dujiang.data.inspection import infer
from dujiang.data.inspection.drift import Drift, drift
from dujiang.data.inspection.personal import Finding, in_column
from dujiang.data.inspection.rules import DIMENSIONS, Dimension, Rule, fitting, typed
from dujiang.data.inspection.sources import MEMORY, Reject, Table, opened, quoted
from dujiang.data.inspection.tables import Column, Progress, Result, Scan, check, frame_of, profile, quiet, scores
from dujiang.messages import Text

_PERSONAL = 2_000
"""Values of a column that are looked at for personal data."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """What inspecting a table came to.

    ``inferred`` says that the rules were seen in the table itself. ``rejected`` counts rows that could not be read;
    ``scores`` are shares by dimension, None where no rule is about one.
    """

    source: str
    as_of: date
    rows: int
    rejected: int
    rejects: tuple[Reject, ...]
    encoding: str
    inferred: bool
    columns: tuple[Column, ...]
    results: tuple[Result, ...]
    keys: tuple[str, ...]
    personal: tuple[Finding, ...]
    before: str = ""
    drift: tuple[Drift, ...] = ()

    @property
    def scores(self) -> dict[Dimension, float | None]:
        """Return the score of each dimension; accessible is the share of rows that could be read, and columns with values."""
        found = scores(self.results)
        read = self.rows / (self.rows + self.rejected) if self.rows + self.rejected else 0.0
        usable = sum(1 for one in self.columns if one.missing < self.rows) / len(self.columns) if self.columns else 0.0
        return {**found, Dimension.ACCESSIBLE: (read + usable) / 2}

    @property
    def held(self) -> bool:
        """Whether all rules hold and all rows could be read."""
        return not self.rejected and all(one.held for one in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, as it stands in JSON."""
        return {
            "kind": "table",
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "rejected": self.rejected,
            "rejects": [asdict(one) for one in self.rejects],
            "encoding": self.encoding,
            "inferred": self.inferred,
            "held": self.held,
            "scores": {str(dimension): score for dimension, score in self.scores.items()},
            "columns": [asdict(one) for one in self.columns],
            "rules": [_result(one) for one in self.results],
            "keys": list(self.keys),
            "personal": [asdict(one) for one in self.personal],
            "before": self.before,
            "drift": [{**asdict(one), "verdict": str(one.verdict)} for one in self.drift],
        }


def _result(one: Result) -> dict[str, Any]:
    rule = one.rule
    return {
        "rule": rule.kind,
        "columns": list(rule.columns),
        "title": asdict(rule.about.title),
        "wording": asdict(rule.wording()),
        "dimension": str(rule.about.dimension),
        "dimension_title": asdict(DIMENSIONS[rule.about.dimension]),
        "indicator": asdict(rule.about.indicator),
        "evaluated": one.evaluated,
        "failed": one.failed,
        "share": one.share,
        "at_least": rule.at_least,
        "held": one.held,
        "examples": list(one.examples),
    }


def inspect_table(
    source: str | Path,
    rules: Sequence[Rule] | None = None,
    *,
    as_of: date,
    rules_path: Path | None = None,
    before: str | Path | None = None,
    memory: str = MEMORY,
    progress: Progress = quiet,
) -> TableReport:
    """Inspect a table and return the report; without ``rules`` they are inferred from the table itself.

    ``as_of`` is the day that data may not be later than. References of rules start from the folder of ``rules_path``.
    ``before`` is an earlier version, to which drift is measured. Raises `BadInput` for what can't be read.
    """
    source = str(source)
    progress(Text(f"读取 {source}", f"reading {source}"))
    with opened(source, memory=memory) as table:
        if rules is not None:
            fitting(rules, table.columns, rules_path or "RULES")
        progress(Text("抽样", "sampling"))
        seen = infer.sample(table)
        kinds = infer.types(table, seen, rules or ())
        wanted = list(rules) if rules is not None else infer.rules(table, seen, kinds)
        values = _read(table, seen, kinds)
        scan = Scan(table, kinds)
        made = profile(scan, kinds, _quartiles(values, kinds))
        beside = rules_path.parent if rules_path else Path()
        results, found = check(table, wanted, kinds, as_of=as_of, scan=scan, beside=beside, progress=progress)
        columns = made(found)
        progress(Text("个人信息", "personal data"))
        personal = [one for name in table.columns if (one := in_column(name, _texts(seen[name])))]
        moved: list[Drift] = []
        if before is not None:
            progress(Text(f"与 {before} 比较", f"comparing with {before}"))
            with opened(str(before), memory=memory) as older:
                moved = drift(_read(older, infer.sample(older), _shared(kinds, older)), values)
        return TableReport(
            source=table.name,
            as_of=as_of,
            rows=table.rows,
            rejected=table.rejected,
            rejects=table.rejects,
            encoding=table.encoding,
            inferred=rules is None,
            columns=tuple(columns),
            results=tuple(results),
            keys=_keys(columns, results, table.rows),
            personal=tuple(personal),
            before="" if before is None else str(before),
            drift=tuple(moved),
        )


def _shared(kinds: Mapping[str, str], older: Table) -> dict[str, str]:
    """Return the types to read an older version by: those of today, texts for what is gone."""
    return {name: kinds.get(name, "text") for name in older.columns}


def _read(table: Table, seen: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    """Return the sample with the columns of texts read as their types."""
    asked = [
        f"{typed(f'CAST({quoted(name)} AS VARCHAR)', kinds[name]) if seen[name].dtype == pl.String else quoted(name)} AS {quoted(name)}"
        for name in table.columns
    ]
    table.connection.register("seen", seen.to_arrow())
    try:
        return frame_of(table.connection, f"SELECT {', '.join(asked)} FROM seen")
    finally:
        table.connection.unregister("seen")


def _quartiles(values: pl.DataFrame, kinds: Mapping[str, str]) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name in values.columns:
        if kinds[name] in ("integer", "number"):
            numbers = values[name].cast(pl.Float64).drop_nulls()
            numbers = numbers.filter(numbers.is_finite())
            if len(numbers):
                low, middle, high = (float(numbers.quantile(q, "linear") or 0.0) for q in (0.25, 0.5, 0.75))
                found[name] = (low, middle, high)
    return found


def _texts(values: pl.Series) -> list[str]:
    if values.dtype not in (pl.String, pl.Int64, pl.Int32, pl.UInt64):
        return []
    texts = values.cast(pl.String).drop_nulls()
    step = max(1, len(texts) // _PERSONAL)
    return texts.gather_every(step).to_list()


def _keys(columns: Sequence[Column], results: Sequence[Result], rows: int) -> tuple[str, ...]:
    """Return the columns that could be the table's key: always there and never twice."""
    whole = {one.name for one in columns if not one.missing}
    return tuple(
        one.rule.columns[0]
        for one in results
        if one.rule.kind == "unique"
        and len(one.rule.columns) == 1
        and not one.failed
        and one.evaluated == rows > 0
        and one.rule.columns[0] in whole
    )
