"""The list pages of console and admin over 100,000 rows, beside OFFSET, and beside the admin as Django would count."""

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
    from dujiang.identity.models import Person, Unit
    from dujiang.identity.permission import Actor, Role
    from dujiang.plan.actions import load
    from dujiang.plan.models import Statistic
    from dujiang.scenarios.models import Evaluation
    from dujiang.scenarios.registry import scenarios

    office = Actor("bench", Role.OFFICE)
    programme = load(office, OUTLINE).programme
    unit = programme.items.filter(kind="task").first().facts["lead"][0]
    person, _ = add_person(office, "reader", "", Role.LEAD_UNIT, unit)
    auditor, _ = add_person(office, "auditor", "", Role.AUDITOR, None)
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
    Unit.objects.bulk_create(
        (Unit(name=f"企业{one}", kind="enterprise", credit_code=f"{one:018d}") for one in range(ROWS)), batch_size=1000
    )
    home = Unit.objects.get(name="企业1")
    Person.objects.bulk_create(
        (Person(username=f"p{one}", name="某", role="enterprise", unit=home) for one in range(ROWS)), batch_size=1000
    )
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
    ] + _admin(auditor)


def _admin(auditor: Any) -> list[dict[str, Any]]:
    """Open the admin's lists, and again with Django's own paginator and its count of the whole list."""
    from django.core.paginator import Paginator
    from django.test import Client

    from dujiang.admin import site

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(auditor)
    found = []
    for app, model, more in _ROOMS:
        page = f"/admin/{app}/{model}/{more}"
        ours = _best(lambda page=page: _opened(client, page))
        room = next(room for kind, room in site._registry.items() if kind._meta.label_lower == f"{app}.{model}")
        kept = room.paginator, room.show_full_result_count
        room.paginator, room.show_full_result_count = Paginator, True
        peer = _best(lambda page=page: _opened(client, page))
        room.paginator, room.show_full_result_count = kept
        row = {"bench": f"{page}, {ROWS:,} rows", "ours": 1000 * ours, "peer": 1000 * peer, "unit": "ms"}
        found.append({**row, "peer_name": "counted as Django's admin does"})
    return found


_ROOMS = (
    ("evidence", "record", ""),
    ("evidence", "record", "?p=1999"),
    ("evidence", "record", "?kind=plan.loaded"),
    ("evidence", "record", "?q=person:reader"),
    ("plan", "statistic", ""),
    ("plan", "statistic", "?q=i7"),
    ("scenarios", "evaluation", ""),
    ("identity", "unit", ""),
    ("identity", "unit", "?q=企业99"),
    ("identity", "person", ""),
    ("identity", "person", "?q=p99"),
)


def _opened(client: Any, page: str) -> None:
    assert client.get(page).status_code == 200, page


def _best(act: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return min(times)
