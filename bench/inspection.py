"""Checking 5,000,000 rows x 10 columns by 20 rules, beside Great Expectations, Pandera on Polars and SQL written by hand.

Each reads the same Parquet file in a process of its own. Time is what checking takes, without starting Python and importing;
memory is the process's peak. Then 50,000,000 rows, ours and the SQL by hand. Great Expectations and Pandera are not installed
by default (`make bench-peers`); without one its rows say so.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS, MANY = 5_000_000, 50_000_000
REPEATS = 3
MEMORY = "256MB"
"""What DuckDB may hold, ours and the SQL by hand."""
CITIES = ("成都", "绵阳", "德阳", "宜宾", "泸州", "南充", "达州", "乐山")
PRESENT = ("id", "patient", "age", "sex", "city", "admitted", "discharged", "cost", "phone")


def rows() -> list[dict[str, Any]]:
    """Check with each and say seconds, processor seconds and memory; all must find the same failures."""
    with tempfile.TemporaryDirectory() as folder:
        small, many = Path(folder) / "rows.parquet", Path(folder) / "many.parquet"
        write(small, ROWS)
        found = {name: best(name, small) for name in ("ours", "by_hand", "pandera", "great_expectations")}
        write(many, MANY)
        found |= {f"{name} many": best(name, many, 2) for name in ("ours", "by_hand")}
    ours = found["ours"]
    assert ours is not None
    titles = {"by_hand": "SQL by hand", "pandera": "Pandera on Polars", "great_expectations": "Great Expectations"}
    made = []
    for name, title in titles.items():
        peer = found[name]
        if peer and peer["failures"] != ours["failures"]:
            raise AssertionError(f"{title}: {peer['failures']}, ours: {ours['failures']}")
        for unit, key in (("s", "seconds"), ("s of processor", "cpu"), ("MB", "memory")):
            about = {"bench": f"{ROWS:,} rows, 20 rules", "ours": ours[key], "unit": unit}
            made.append(
                about
                | (
                    {"peer": peer[key], "peer_name": title}
                    if peer
                    else {"peer": None, "peer_name": f"{title} (not installed)"}
                )
            )
    for unit, key in (("s", "seconds"), ("s of processor", "cpu"), ("MB", "memory")):
        mine, theirs = found["ours many"], found["by_hand many"]
        assert mine is not None and theirs is not None and mine["failures"] == theirs["failures"]
        made.append(
            {
                "bench": f"{MANY:,} rows, 20 rules",
                "ours": mine[key],
                "peer": theirs[key],
                "peer_name": "SQL by hand",
                "unit": unit,
            }
        )
    return made


def write(path: Path, count: int) -> None:
    """Write a table of hospital stays with some faults of each kind."""
    import duckdb

    cities = ", ".join(f"'{city}'" for city in CITIES)
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1GB'")
        connection.execute(
            f"""COPY (SELECT CASE WHEN range % 1000003 = 7 THEN range - 1 ELSE range END AS id,
              CASE WHEN range % 3001 = 0 THEN 'p' ELSE 'P' END || lpad(CAST((range * 7919) % {count} AS VARCHAR), 9, '0') AS patient,
              CASE WHEN range % 997 = 0 THEN NULL WHEN range % 9973 = 0 THEN 230 ELSE CAST(hash(range) % 105 AS INTEGER) END AS age,
              CASE WHEN range % 1499 = 0 THEN 'X' WHEN hash(range + 1) % 2 = 0 THEN 'M' ELSE 'F' END AS sex,
              [{cities}][1 + CAST(hash(range + 2) % 8 AS INTEGER)] AS city,
              DATE '2020-01-01' + CAST(hash(range + 3) % 1800 AS INTEGER) AS admitted,
              DATE '2020-01-01' + CAST(hash(range + 3) % 1800 + hash(range + 4) % 30 AS INTEGER)
                - CAST(CASE WHEN range % 5003 = 0 THEN 40 ELSE 0 END AS INTEGER) AS discharged,
              CASE WHEN range % 4001 = 0 THEN -1 ELSE round((hash(range + 5) % 1000000) / 100.0, 2) END AS cost,
              CASE WHEN range % 2003 = 0 THEN NULL WHEN range % 7001 = 0 THEN '12345'
                ELSE '1' || CAST(3 + hash(range + 6) % 7 AS VARCHAR) || lpad(CAST(hash(range + 7) % 1000000000 AS VARCHAR), 9, '0') END AS phone,
              36 + (hash(range + 8) % 55) / 10.0 AS temperature
              FROM range({count})) TO '{path}' (FORMAT parquet)"""
        )


def best(name: str, path: Path, repeats: int = REPEATS) -> dict[str, Any] | None:
    """Run one several times, each in a process of its own, and return the quickest; None where it isn't installed."""
    found: list[dict[str, Any]] = []
    for _ in range(repeats):
        python = sys.executable
        peer = Path(".peers/data/bin/python")
        if name in ("pandera", "great_expectations"):
            python = str(peer) if peer.exists() else os.environ.get("DATA_PEERS_PYTHON", sys.executable)
        done = subprocess.run(
            [python, __file__, name, str(path)], capture_output=True, text=True, check=False, env=os.environ
        )
        if done.returncode == 3:
            return None
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found.append(json.loads(done.stdout.splitlines()[-1]))
    quickest = min(found, key=lambda one: one["seconds"])
    return quickest | {"cpu": min(one["cpu"] for one in found), "memory": min(one["memory"] for one in found)}


def ours(path: Path) -> Any:
    """Check by Dujiang's rules."""
    from datetime import date

    from dujiang.data.inspection.rules import Rule
    from dujiang.data.inspection.sources import opened
    from dujiang.data.inspection.tables import check, native_type

    rules = [Rule("not_null", (name,)) for name in PRESENT] + [
        Rule("unique", ("id",)),
        Rule("pattern", ("patient",), pattern="P[0-9]{9}"),
        Rule("range", ("age",), minimum=0, maximum=120),
        Rule("one_of", ("sex",), values=("M", "F")),
        Rule("one_of", ("city",), values=CITIES),
        Rule("range", ("admitted",), minimum=date(2000, 1, 1), maximum=date(2026, 11, 25)),
        Rule("compare", ("admitted", "discharged"), operator="<="),
        Rule("range", ("cost",), minimum=0, maximum=100_000),
        Rule("pattern", ("phone",), pattern="1[3-9][0-9]{9}"),
        Rule("length", ("phone",), minimum=11, maximum=11),
        Rule("range", ("temperature",), minimum=34, maximum=41.5),
    ]

    def run() -> list[int]:
        with opened(str(path), memory=MEMORY) as table:
            types = {name: native_type(kind) for name, kind in table.native.items()}
            results, _ = check(table, rules, types, as_of=date(2026, 11, 25))
        return [one.failed for one in results]

    return run


def by_hand(path: Path) -> Any:
    """Check by one SELECT, as somebody who knows DuckDB would write it; no examples of what failed."""
    import duckdb

    nulls = ", ".join(f"count(*) - count({name})" for name in PRESENT)
    cities = ", ".join(f"'{city}'" for city in CITIES)
    query = f"""SELECT {nulls}, count(id) - count(DISTINCT id),
      count_if(NOT regexp_full_match(patient, 'P[0-9]{{9}}')), count_if(age NOT BETWEEN 0 AND 120), count_if(sex NOT IN ('M', 'F')),
      count_if(city NOT IN ({cities})), count_if(admitted NOT BETWEEN DATE '2000-01-01' AND DATE '2026-11-25'),
      count_if(admitted > discharged), count_if(cost NOT BETWEEN 0 AND 100000),
      count_if(NOT regexp_full_match(phone, '1[3-9][0-9]{{9}}')), count_if(length(phone) <> 11),
      count_if(temperature NOT BETWEEN 34 AND 41.5) FROM read_parquet('{path}')"""

    def run() -> list[int]:
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = '{folder}'")
            return list(connection.execute(query).fetchall()[0])

    return run


def pandera(path: Path) -> Any:
    """Check by a Pandera schema on a Polars frame, all checks although some fail."""
    import datetime

    import pandera.polars as pa
    import polars as pl

    def checks(*more: Any) -> list[Any]:
        return list(more)

    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(pl.Int64, unique=True, nullable=False),
            "patient": pa.Column(pl.String, checks(pa.Check.str_matches(r"^P[0-9]{9}$")), nullable=False),
            "age": pa.Column(pl.Int32, checks(pa.Check.in_range(0, 120)), nullable=False),
            "sex": pa.Column(pl.String, checks(pa.Check.isin(["M", "F"])), nullable=False),
            "city": pa.Column(pl.String, checks(pa.Check.isin(list(CITIES))), nullable=False),
            "admitted": pa.Column(
                pl.Date,
                checks(pa.Check.in_range(datetime.date(2000, 1, 1), datetime.date(2026, 11, 25))),
                nullable=False,
            ),
            "discharged": pa.Column(pl.Date, nullable=False),
            "cost": pa.Column(pl.Float64, checks(pa.Check.in_range(0, 100_000)), nullable=False),
            "phone": pa.Column(
                pl.String,
                checks(pa.Check.str_matches(r"^1[3-9][0-9]{9}$"), pa.Check.str_length(11, 11)),
                nullable=False,
            ),
            "temperature": pa.Column(pl.Float64, checks(pa.Check.in_range(34, 41.5)), nullable=True),
        },
        checks=[pa.Check(lambda data: data.lazyframe.select(pl.col("admitted") <= pl.col("discharged")), name="stay")],
    )

    def run() -> list[int]:
        frame = pl.read_parquet(path)
        try:
            schema.validate(frame, lazy=True)
        except pa.errors.SchemaErrors as errors:
            return _of_pandera(errors, len(frame))
        return [0] * 20

    return run


def _of_pandera(errors: Any, rows: int) -> list[int]:
    """Return the failures in the rules' order."""
    counts: dict[tuple[str, str], int] = {}
    for error in errors.schema_errors:
        name = str(getattr(error.schema, "name", None))
        kind = str(error.check.name if hasattr(error.check, "name") else error.check)
        cases = error.failure_cases
        counts[(name, kind)] = len(cases) if hasattr(cases, "__len__") else 1

    def of(column: str, kind: str) -> int:
        return next((count for (name, check), count in counts.items() if name == column and kind in check), 0)

    repeated = of("id", "unique")
    return [
        *(of(name, "nullable") for name in PRESENT),
        repeated // 2,  # Pandera reports both rows of a pair, and here no key stands thrice.
        of("patient", "str_matches"), of("age", "in_range"), of("sex", "isin"), of("city", "isin"), of("admitted", "in_range"),
        of("None", "stay"), of("cost", "in_range"), of("phone", "str_matches"), of("phone", "str_length"), of("temperature", "in_range"),
    ]  # fmt: skip


def great_expectations(path: Path) -> Any:
    """Check by a suite of Great Expectations on a pandas frame."""
    import great_expectations as gx
    import pandas as pd

    expect = gx.expectations
    suite = [expect.ExpectColumnValuesToNotBeNull(column=name) for name in PRESENT] + [
        expect.ExpectColumnValuesToBeUnique(column="id"),
        expect.ExpectColumnValuesToMatchRegex(column="patient", regex=r"^P[0-9]{9}$"),
        expect.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=120),
        expect.ExpectColumnValuesToBeInSet(column="sex", value_set=["M", "F"]),
        expect.ExpectColumnValuesToBeInSet(column="city", value_set=list(CITIES)),
        expect.ExpectColumnValuesToBeBetween(
            column="admitted", min_value=pd.Timestamp("2000-01-01"), max_value=pd.Timestamp("2026-11-25")
        ),
        expect.ExpectColumnPairValuesAToBeGreaterThanB(column_A="discharged", column_B="admitted", or_equal=True),
        expect.ExpectColumnValuesToBeBetween(column="cost", min_value=0, max_value=100_000),
        expect.ExpectColumnValuesToMatchRegex(column="phone", regex=r"^1[3-9][0-9]{9}$"),
        expect.ExpectColumnValueLengthsToEqual(column="phone", value=11),
        expect.ExpectColumnValuesToBeBetween(column="temperature", min_value=34, max_value=41.5),
    ]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("pandas")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
    )
    made = context.suites.add(gx.ExpectationSuite(name="suite", expectations=suite))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="check", data=batch, suite=made))

    def run() -> list[int]:
        frame = pd.read_parquet(path)
        for name in ("admitted", "discharged"):
            frame[name] = pd.to_datetime(frame[name])
        outcome = definition.run(batch_parameters={"dataframe": frame}, result_format="BASIC")
        # Results come in an order of its own.
        found = {_named(one.expectation_config): int(one.result["unexpected_count"]) for one in outcome.results}
        counts = [found[_named(one.configuration)] for one in suite]
        counts[9] //= 2  # Both rows of a pair, as Pandera.
        return counts

    return run


def _named(expectation: Any) -> tuple[str, str]:
    return expectation.type, str(expectation.kwargs.get("column"))


def main(name: str, path: Path) -> None:
    """Run one and print seconds, processor seconds, memory and failures."""
    # Checking is what is timed: what its library imports and declares is done before.
    try:
        check = globals()[name](path)
    except ImportError:
        sys.exit(3)
    used, started = _cpu(), time.perf_counter()
    failures = check()
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"seconds": seconds, "cpu": _cpu() - used, "memory": memory, "failures": [int(one) for one in failures]}
        )
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    # Beside this file stand benches that have the names of libraries.
    sys.path = [one for one in sys.path if Path(one).resolve() != Path(__file__).parent]
    main(sys.argv[1], Path(sys.argv[2]))
