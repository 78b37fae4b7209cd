"""The console's list pages over 100,000 rows, beside the same page found by OFFSET."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

from bench.dispatch import OUTLINE

ROWS = 100_000
REPEAT = 9


def rows() -> list[dict[str, Any]]:
    """Fill a site with records, figures and evaluations, then open each list page as its reader does."""
    from dujiang.store import open_store

    open_store()
    from django.test import Client
    from django.utils import timezone

    from dujiang.evidence.actions import Happening, append_all
    from dujiang.evidence.models import Record
    from dujiang.identity.actions import add_person
    from dujiang.identity.permission import Actor, Role
    from dujiang.plan.actions import load
    from dujiang.plan.models import Statistic
    from dujiang.scenarios.models import Evaluation
    from dujiang.scenarios.registry import scenarios

    office = Actor("bench", Role.OFFICE)
    programme = load(office, OUTLINE).programme
    unit = programme.items.filter(kind="task").first().facts["lead"][0]
    person, _ = add_person(office, "reader", "", Role.LEAD_UNIT, unit)
    for part in range(ROWS // 5000):
        append_all(office, [Happening("scenario.tried", f"bench/{part}-{one}", {"a": one}) for one in range(5000)])
    now = timezone.now()
    Statistic.objects.bulk_create(
        (
            Statistic(
                programme=programme, indicator=f"i{one % 50}", period="2026", period_end=date(2026, 12, 31), value=one,
                unit="个", source="s", vouched_by="v", recorded=now, evidence=1 + one,
            )
            for one in range(ROWS)
        ),
        batch_size=1000,
    )  # fmt: skip
    ids = [one.scenario.id for one in scenarios()] or ["bench/none"]
    verdict = {"baseline": 1.0, "method": 2.0, "gain": 1.0, "low": 0.5, "high": 1.5, "runs_through": True}
    Evaluation.objects.bulk_create(
        (
            Evaluation(scenario=ids[one % len(ids)], version="v", size="small", libraries={}, seeds=[0], verdict=verdict, evidence=1 + one)
            for one in range(ROWS)
        ),
        batch_size=1000,
    )  # fmt: skip
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person)
    by_offset = _best(lambda: list(Record.objects.order_by("-sequence")[ROWS - 60 : ROWS - 10]))
    pages = ["/evidence/", "/evidence/?before=60", "/evidence/?kind=plan.loaded", "/statistics/", "/scenarios/"]
    return [
        {
            "bench": f"{page}, {ROWS:,} rows",
            "ours": 1000 * _best(lambda page=page: _opened(client, page)),
            "peer": 1000 * by_offset if "before" in page else None,
            "peer_name": "the records alone, by OFFSET" if "before" in page else "",
            "unit": "ms",
        }
        for page in pages
    ]


def _opened(client: Any, page: str) -> None:
    assert client.get(page).status_code == 200, page


def _best(act: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return min(times)
