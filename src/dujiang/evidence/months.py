"""What a plane tells the month's dispatch: how many things stand so at its end, or happened in it."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from django.utils import timezone

from dujiang.evidence.models import Tally
from dujiang.messages import Text


class Figure(NamedTuple):
    """A line of the month's dispatch: how many, how many of them are late at the month's end, and the last record."""

    code: str
    title: Text
    count: int
    late: int
    evidence: int | None


def this_month() -> str:
    """Return the month in the site's time zone, such as 2026-11."""
    return timezone.localdate().strftime("%Y-%m")


def end_of(month: str) -> tuple[datetime, date]:
    """Return the instant at which a month (2026-11) ends, in the site's time zone, and its last day, or today within it."""
    first = datetime.fromisoformat(f"{month}-01")
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return timezone.make_aware(following), min(following.date() - date.resolution, timezone.localdate())


def happened(month: str, code: str, kind: str, title: Text) -> Figure:
    """Return how many records of a kind a month added, from its tally."""
    found = Tally.objects.filter(kind=kind, month=month, subject="").first()
    return Figure(code, title, found.count if found else 0, 0, found.last if found else None)


def last_of(month: str, *kinds: str) -> dict[str, int]:
    """Return the last record of each kind up to a month's end."""
    tallies = Tally.objects.filter(kind__in=kinds, month__lte=month, subject="").order_by("month")
    return dict(tallies.values_list("kind", "last"))
