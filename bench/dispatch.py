"""The month's dispatch after a year of a million records, beside counting the same from the whole history in SQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RECORDS = 1_000_000
BATCH = 5_000
SCENARIOS = 100
OUTLINE = Path(__file__).parent.parent / "src/dujiang/plan/outlines/sichuan-2026.txt"


def rows() -> list[dict[str, Any]]:
    """Fill a site with a year of records, then compute the last month's dispatch."""
    from dujiang.store import open_store

    open_store()
    from django.db import connection

    from dujiang.evidence.actions import Happening, append_all
    from dujiang.identity.permission import Actor, Role
    from dujiang.plan.actions import load
    from dujiang.plan.figures import monthly_dispatch

    actor = Actor("bench", Role.OFFICE)
    programme = load(actor, OUTLINE).programme
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    # Every tenth record is a scenario's evaluation, of those that a report must tell apart by subject.
    batch = [
        Happening(
            "scenario.evaluated" if number % 10 == 0 else "statistic.recorded",
            f"manufacturing/scenario-{number % SCENARIOS}",
            {
                "title": {"zh": "场景", "en": "scenario"},
                "verdict": {"runs_through": number % 3 > 0},
                "scores": [1.0] * 10,
            },
        )
        for number in range(BATCH)
    ]
    for part in range(RECORDS // BATCH):
        append_all(actor, batch, now=begin + timedelta(days=364 * part / (RECORDS // BATCH)))
    started = time.perf_counter()
    made = monthly_dispatch(programme, "2026-12")
    ours = time.perf_counter() - started
    assert len(made.scenarios) == SCENARIOS // 10

    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(time, 1, 7), kind, count(*), min(sequence), max(sequence) FROM evidence_record GROUP BY 1, 2"
        )
        cursor.fetchall()
        cursor.execute(
            "SELECT subject, max(sequence) FROM evidence_record WHERE kind = 'scenario.evaluated' GROUP BY subject"
        )
        cursor.fetchall()
    peer = time.perf_counter() - started
    return [
        {
            "bench": f"dispatch after {RECORDS:,} records",
            "ours": ours,
            "peer": peer,
            "peer_name": "SQL over the whole history",
            "unit": "s",
        }
    ]
