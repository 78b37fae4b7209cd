"""A query under an agreement beside the same question put to the data bare: 10,000,000 rows of the shape of TPC-H's lineitem.

The bare query holds the agreement's row filter as its own condition, so that both answer the same. Both go to the same
worker; ours includes reading and rewriting the query, and where the agreement is for aggregates only its audit: when it is
first asked, after five other queries were answered, when it is asked again, and when the rows have first to be counted,
which is done when the agreement is made and once more whenever the worker was started anew.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from dujiang.data.spaces import aggregates
from dujiang.data.spaces.aggregates import Answered
from dujiang.data.spaces.enforcement import rewrite
from dujiang.data.spaces.engine import Engine, views_sources
from dujiang.data.spaces.policy import Column, Condition, Operator, Policy, Use, View
from dujiang.data.spaces.worker import File, Files

ROWS = 10_000_000
ROUNDS = 7
_serial = count()
_MAKE = f"""
COPY (
  SELECT n // 4 AS orderkey, hash(n // 4) % 1000000 AS custkey, 1 + hash(n + 1) % 50 AS quantity,
    (900 + hash(n + 2) % 104000)::DOUBLE AS price, (hash(n + 3) % 11) / 100 AS discount, (hash(n + 4) % 9) / 100 AS tax,
    CASE hash(n + 5) % 3 WHEN 0 THEN 'A' WHEN 1 THEN 'N' ELSE 'R' END AS returnflag,
    CASE hash(n + 6) % 2 WHEN 0 THEN 'O' ELSE 'F' END AS linestatus,
    DATE '1992-01-02' + (hash(n + 7) % 2500)::INT AS shipdate, (hash(n + 8) % 21)::INT AS region
  FROM range({ROWS}) AS made(n)
) TO 'PATH' (FORMAT parquet)
"""
_UNTIL = datetime(2099, 1, 1, tzinfo=UTC)
_COLUMNS = ("quantity", "price", "discount", "tax", "returnflag", "linestatus", "shipdate")
_BY_ROWS = Policy(
    ("bench",), _UNTIL, (View("lineitem", "lineitem", tuple(map(Column, _COLUMNS)), (Condition("region", Operator.LT, (18,)),)),)
)  # fmt: skip
_BY_SUMS = Policy(
    ("bench",),
    _UNTIL,
    (
        View(
            "lineitem",
            "lineitem",
            (
                *(Column(name, use=Use.GROUP) for name in ("returnflag", "linestatus", "shipdate")),
                *(Column(name, use=Use.MEASURE) for name in ("quantity", "price", "discount", "tax")),
            ),
            (Condition("region", Operator.LT, (18,)),),
            subject="custkey",
        ),
    ),
    group=10,
)
_PRICING = """
SELECT returnflag, linestatus, sum(quantity) AS a, sum(price) AS b, sum(price * (1 - discount)) AS c,
  sum(price * (1 - discount) * (1 + tax)) AS d, avg(quantity) AS e, avg(price) AS f, avg(discount) AS g, count(*) AS h
FROM lineitem WHERE shipdate <= DATE '1998-09-02' {more} GROUP BY returnflag, linestatus ORDER BY returnflag, linestatus
"""
_FORECAST = """
SELECT sum(price * discount) AS revenue FROM lineitem
WHERE shipdate >= DATE '1994-01-01' AND shipdate < DATE '1995-01-01' AND discount BETWEEN 0.05 AND 0.07 AND quantity < 24 {more}
"""
_SUMS = """
SELECT returnflag, linestatus, sum(quantity) AS a, sum(price) AS b, avg(quantity) AS c, avg(price) AS d, avg(discount) AS e,
  sum(tax) AS f, count(*) AS g
FROM lineitem WHERE shipdate <= DATE '1998-09-02' {more} GROUP BY returnflag, linestatus ORDER BY returnflag, linestatus
"""
_BEFORE = [
    "SELECT count(*) FROM lineitem",
    "SELECT returnflag, sum(price) FROM lineitem GROUP BY returnflag",
    "SELECT linestatus, avg(quantity) FROM lineitem GROUP BY linestatus",
    "SELECT count(*) FROM lineitem WHERE shipdate < DATE '1995-01-01'",
    "SELECT linestatus, sum(price) FROM lineitem WHERE shipdate >= DATE '1997-01-01' GROUP BY linestatus",
]


def rows() -> list[dict[str, Any]]:
    """Ask both ways in turn and take each one's best."""
    engine = Engine()
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "lineitem.parquet")
            with duckdb.connect() as making:
                making.execute(_MAKE.replace("PATH", path))
            return _rows(engine, Files((File("lineitem", path, "parquet", "lineitem"),)))
    finally:
        engine.close()


def _rows(engine: Engine, place: Files) -> list[dict[str, Any]]:
    sources = views_sources({"lineitem": "lineitem"}, engine.sources(place))
    found = []
    for name, sql in (("pricing summary (Q1), rows", _PRICING), ("revenue forecast (Q6), rows", _FORECAST)):
        asked, bare = sql.format(more=""), sql.format(more="AND region < 18")
        found.append(
            _row(
                name,
                lambda asked=asked: engine.ask(place, rewrite(asked, _BY_ROWS, sources, "k")).rows,  # type: ignore[misc]
                lambda bare=bare: engine.ask(place, bare).rows,  # type: ignore[misc]
            )
        )
    view = _BY_SUMS.views[0]
    [[most]] = engine.ask(place, aggregates.rows_a_person(view, sources["lineitem"])).rows

    def ask(sql: str, history: list[Answered], where: Files = place) -> Any:
        question = aggregates.question(sql, _BY_SUMS, sources, "k")
        kept = aggregates.audit(
            question, 10, history, lambda one: engine.ask(where, one).rows, rows_a_person=most, count=partial(engine.count, where)
        )  # fmt: skip
        history.append(kept)
        return engine.ask(where, aggregates.answer(question, kept, 10, "k")).rows

    def uncounted(sql: str) -> Any:
        # Files of another name are other files, of which nothing is known yet.
        other = File("lineitem", place.tables[0].path, "parquet", str(next(_serial)))
        return ask(sql, [], Files((other,)))

    asked, bare = _SUMS.format(more=""), _SUMS.format(more="AND region < 18")
    plain = lambda: engine.ask(place, bare).rows  # noqa: E731
    # As it is done when an agreement is made.
    engine.count(place, aggregates.counts_of(view, sources["lineitem"]), "SELECT 1")
    past: list[Answered] = []
    for one in _BEFORE:
        ask(one, past)
    known: list[Answered] = []
    ask(asked, known)
    found.append(_row("sums by groups, first asked", lambda: ask(asked, []), plain))
    found.append(_row("sums by groups, after 5 others", lambda: ask(asked, list(past)), plain))
    found.append(_row("sums by groups, asked again", lambda: ask(asked, list(known)), plain))
    found.append(_row("sums by groups, before counts are kept", lambda: uncounted(asked), plain))
    return found


def _row(name: str, ours: Callable[[], Any], bare: Callable[[], Any]) -> dict[str, Any]:
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        answers = []
        for place, one in enumerate((ours, bare)):
            started = time.perf_counter()
            answers.append(one())
            best[place] = min(best[place], time.perf_counter() - started)
        assert _alike(*answers), answers
    return {"bench": name, "ours": best[0] * 1000, "peer": best[1] * 1000, "peer_name": "bare DuckDB", "unit": "ms"}


def _alike(one: Any, other: Any) -> bool:
    def plain(value: Any) -> Any:
        return float(f"{value:.9e}") if isinstance(value, float) else value

    return [tuple(map(plain, row)) for row in one] == [tuple(map(plain, row)) for row in other]
