"""Appending and verifying evidence, beside the same rows put into SQLite bare: no chain, no tallies, no framework."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

RECORDS = 200_000
BATCH = 1000


def rows() -> list[dict[str, Any]]:
    """Append in batches and one by one, then walk the chain."""
    from dujiang.store import open_store

    open_store()
    from dujiang.evidence.actions import Happening, append, append_all, stored
    from dujiang.evidence.chain import walk
    from dujiang.identity.permission import Actor, Role

    actor = Actor("bench", Role.OFFICE)
    happenings = [Happening("statistic.recorded", f"指标{n}", {"value": n, "source": "统计公报"}) for n in range(BATCH)]
    started = time.perf_counter()
    for _ in range(RECORDS // BATCH):
        append_all(actor, happenings)
    batched = RECORDS / (time.perf_counter() - started)
    started = time.perf_counter()
    for one in happenings:
        append(actor, one.kind, one.subject, one.body)
    single = len(happenings) / (time.perf_counter() - started)
    started = time.perf_counter()
    result = walk(stored())
    assert result.fault is None
    walked = result.records / (time.perf_counter() - started)

    with tempfile.TemporaryDirectory() as folder:
        bare = _bare(Path(folder) / "bare.sqlite3", happenings)
    return [
        {
            "bench": f"append, batches of {BATCH}",
            "ours": batched,
            "peer": bare["batched"],
            "peer_name": "bare SQLite",
            "unit": "records/s",
        },
        {
            "bench": "append, one a commit",
            "ours": single,
            "peer": bare["single"],
            "peer_name": "bare SQLite",
            "unit": "records/s",
        },
        {
            "bench": f"verify {result.records}",
            "ours": walked,
            "peer": bare["read"],
            "peer_name": "bare SQLite, read only",
            "unit": "records/s",
        },
    ]


def _bare(path: Path, happenings: list[Any]) -> dict[str, float]:
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (n INTEGER PRIMARY KEY, kind, subject, body)"
    )
    lines = [(one.kind, one.subject, json.dumps(one.body)) for one in happenings]
    insert = "INSERT INTO r (kind, subject, body) VALUES (?, ?, ?)"
    started = time.perf_counter()
    for _ in range(RECORDS // BATCH):
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, lines)
        database.execute("COMMIT")
    batched = RECORDS / (time.perf_counter() - started)
    started = time.perf_counter()
    for line in lines:
        database.execute(insert, line)
    single = len(lines) / (time.perf_counter() - started)
    started = time.perf_counter()
    count = sum(1 for _ in database.execute("SELECT * FROM r ORDER BY n"))
    read = count / (time.perf_counter() - started)
    database.close()
    return {"batched": batched, "single": single, "read": read}
