"""What holders and providers see of the ledger: read models, which change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.utils.timezone import get_default_timezone

from dujiang.vouchers.journal import stamp
from dujiang.vouchers.models import Account, Application, Grant, Hold, Transfer

LATEST = 200
"""Rows that a page of a statement shows."""


@dataclass(frozen=True, slots=True)
class GrantLine:
    """A grant with what became of it; ``free`` is what a hold may take."""

    grant: Grant
    spent: int
    returned: int
    held: int
    free: int


def grant_lines(holder: str) -> list[GrantLine]:
    """Return a holder's grants, the latest first."""
    grants = Grant.objects.filter(holder=holder).select_related("programme", "account").order_by("-id")
    out = Transfer.objects.filter(debit__grant__holder=holder).values("debit_id")
    moved = {
        one["debit_id"]: (one["spent"], one["returned"])
        for one in out.annotate(
            spent=Sum("amount", filter=Q(hold__isnull=False), default=0),
            returned=Sum("amount", filter=Q(hold__isnull=True), default=0),
        )
    }
    return [
        GrantLine(one, *moved.get(one.account.pk, (0, 0)), one.account.held, one.account.posted - one.account.held)
        for one in grants
    ]


def open_holds(holder: str) -> QuerySet[Hold]:
    """Return a holder's holds that have not ended, the latest first."""
    return Hold.objects.filter(pending__isnull=False, holder=holder).select_related("pending").order_by("-id")[:LATEST]


def payments(holder: str) -> QuerySet[Transfer]:
    """Return what a holder's vouchers paid, the latest first."""
    paid = Transfer.objects.filter(debit__grant__holder=holder, hold__isnull=False)
    return paid.select_related("hold", "debit__grant__programme").order_by("-id")[:LATEST]


def applications(holder: str) -> QuerySet[Application]:
    """Return a holder's applications, the latest first."""
    return Application.objects.filter(holder=holder).select_related("programme", "grant").prefetch_related("reviews")


def month_bounds(month: str) -> tuple[str, str]:
    """Return the first moment of a month (2026-11) on the site's clock and of the next, as the ledger keeps times."""
    year, number = map(int, month.split("-"))
    zone = get_default_timezone()
    following = (year + number // 12, number % 12 + 1)
    return stamp(datetime(year, number, 1, tzinfo=zone)), stamp(datetime(*following, 1, tzinfo=zone))


def paid_to(provider: str, month: str, unit: str) -> dict[str, int]:
    """Return what a provider was paid in a month, by hold."""
    account = Account.objects.filter(kind=Account.Kind.PROVIDER, owner=provider, unit=unit).first()
    if account is None:
        return {}
    first, last = month_bounds(month)
    paid: QuerySet[Any, Any] = (
        account.credits.filter(time__gte=first, time__lt=last).values("hold__key").annotate(sum=Sum("amount"))
    )
    return {one["hold__key"]: one["sum"] for one in paid.order_by("hold__key")}
