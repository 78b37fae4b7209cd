"""Postings one by one and in groups, beside the same rows put into SQLite bare; and two-phase transfers on PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SINGLE = 600
GROUPED = 50_000
GROUP = 1000
CALLERS = 200


def rows() -> list[dict[str, Any]]:
    """Hold and settle: one caller after the other, many callers at once, and callers that bring many."""
    from dujiang.store import open_store

    open_store()
    ours = measured()
    with tempfile.TemporaryDirectory() as folder:
        bare = _bare(Path(folder) / "bare.sqlite3")
    made = [
        _row("posting, one a commit", ours["single"], bare["single"], "bare SQLite, one a commit"),
        _row(f"posting, {CALLERS} callers at once", ours["callers"], ours["single"], "ours, one a commit"),
        _row(f"posting, groups of {GROUP}", ours["group"], ours["single"], "ours, one a commit"),
        _row(f"posting, groups of {GROUP}", ours["group"], bare["group"], f"bare SQLite, groups of {GROUP}"),
    ]
    return [*made, *_postgresql()]


def _row(what: str, ours: float, peer: float | None, name: str, unit: str = "postings/s") -> dict[str, Any]:
    return {"bench": what, "ours": ours, "peer": peer, "peer_name": name, "unit": unit}


def measured() -> dict[str, float]:
    """Return rates a second on the store that is open; a two-phase transfer is two postings, a hold and a settlement."""
    from dujiang.identity.permission import Actor, Role
    from dujiang.vouchers import actions

    actor, until = Actor("bench", Role.OFFICE), datetime.now(UTC) + timedelta(days=1)
    names = {"holder": "甲公司", "product": "gpu", "provider": "算力中心"}
    actions.hold(actor, key="first", amount=1, until=until, **names)

    def one(prefix: str, count: int) -> None:
        for number in range(count):
            actions.hold(actor, key=f"{prefix}{number}", amount=2, until=until, **names)
            actions.settle(actor, f"{prefix}{number}", 1)

    def callers() -> None:
        threads = [threading.Thread(target=one, args=(f"c{n}-", GROUPED // CALLERS // 10)) for n in range(CALLERS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def group() -> None:
        for start in range(0, GROUPED, GROUP):
            keys = [f"g{number}" for number in range(start, start + GROUP)]
            actions.hold_all(actor, [actions.wanted(key, **names, amount=2, until=until) for key in keys])
            actions.settle_all(actor, [(key, 1) for key in keys])

    return {
        "single": 2 * SINGLE / _seconds(lambda: one("s", SINGLE)),
        "callers": 2 * (GROUPED // 10) / _seconds(callers),
        "group": 2 * GROUPED / _seconds(group),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _bare(path: Path) -> dict[str, float]:
    """Insert a row of a key, two accounts and an amount: no idempotency, no balances, no evidence."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (n INTEGER PRIMARY KEY, key, debit, credit, amount)"
    )
    insert = "INSERT INTO t (key, debit, credit, amount) VALUES (?, ?, ?, ?)"

    def single() -> None:
        for number in range(2 * SINGLE):
            database.execute(insert, (f"s{number}", 1, 2, 1))

    def group() -> None:
        for start in range(0, 2 * GROUPED, GROUP):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(insert, [(f"g{number}", 1, 2, 1) for number in range(start, start + GROUP)])
            database.execute("COMMIT")

    made = {"single": 2 * SINGLE / _seconds(single), "group": 2 * GROUPED / _seconds(group)}
    database.close()
    return made


_CHILD = """
import json
from dujiang.store import open_store
open_store()
from bench.vouchers import measured
print(json.dumps(measured()))
"""


def _postgresql() -> list[dict[str, Any]]:
    """Measure on a PostgreSQL of its own, as the tests start one; no rows where it is not installed."""
    import json

    root = Path(__file__).parent.parent
    sys.path.insert(0, str(root / "tests"))
    import postgresql

    found = postgresql.binaries()
    if found is None:
        return []
    server = postgresql.Server(found)
    try:
        address = server.create("bench")
        with tempfile.TemporaryDirectory() as home:
            places = os.pathsep.join([str(root), str(root / "src")])
            environment = {**os.environ, "DUJIANG_HOME": home, "DUJIANG_DATABASE_URL": address, "PYTHONPATH": places}
            told = subprocess.run(
                [sys.executable, "-c", _CHILD], env=environment, check=True, capture_output=True, text=True
            )
        ours = json.loads(told.stdout)
    finally:
        server.stop()
    unit = "two-phase transfers/s"
    name = "ours, one a commit"
    return [
        _row("PostgreSQL, one a commit", ours["single"] / 2, None, "—", unit),
        _row(f"PostgreSQL, {CALLERS} callers at once", ours["callers"] / 2, ours["single"] / 2, name, unit),
        _row(f"PostgreSQL, groups of {GROUP}", ours["group"] / 2, ours["single"] / 2, name, unit),
    ]
