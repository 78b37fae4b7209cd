"""What the pages of support share: doing what a form asks for, and reading its cells."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_date

from dujiang.identity import web
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused, Text

PAGE = 100
do = partial(web.do, "support")


def unit_of(request: HttpRequest, actor: Actor) -> str:
    """Return the unit that a form is for: the office says, others act for their own."""
    return request.POST.get("unit", "").strip() if actor.role is Role.OFFICE else actor.unit


def units_for(actor: Actor) -> list[Unit]:
    """Return the units that the office may choose from; nobody else chooses."""
    return list(Unit.objects.order_by("name")) if actor.role is Role.OFFICE else []


def fen(request: HttpRequest, name: str, *, empty: int | None = None) -> Any:
    """Return an amount in yuan as fen; ``empty`` for an empty cell. Raises `Refused`."""
    text = request.POST.get(name, "").strip().replace(",", "")
    if not text:
        return empty
    return fen_of(text)


def fen_of(text: str) -> int:
    """Return yuan as fen. Raises `Refused`."""
    try:
        amount = Decimal(text.replace(",", "")) * 100
        if amount.is_finite() and amount == amount.to_integral_value() and 0 <= amount <= 10**15:
            return int(amount)
    except InvalidOperation:
        pass
    raise Refused(Text(f"“{text[:40]}”不是金额（元，至多两位小数）", f"{text[:40]!r} is no amount in yuan"))


def whole(request: HttpRequest, name: str, empty: int = 0) -> int:
    """Return a whole number. Raises `Refused`."""
    text = request.POST.get(name, "").strip()
    if not text:
        return empty
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise Refused(Text(f"“{text[:40]}”不是整数", f"{text[:40]!r} is no whole number"))
    return int(text)


def numbers(request: HttpRequest, name: str) -> list[int]:
    """Return numbers separated by commas or blanks. Raises `Refused`."""
    parts = request.POST.get(name, "").replace("，", " ").replace(",", " ").split()
    if any(not one.isascii() or not one.isdecimal() or len(one) > 15 for one in parts):
        raise Refused(Text("编号应为数字，以逗号分隔", "numbers, separated by commas"))
    return [int(one) for one in parts]


def day(request: HttpRequest, name: str, *, needed: bool = True) -> date | None:
    """Return a day. Raises `Refused`."""
    text = request.POST.get(name, "").strip()
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    if found is None and (needed or text):
        raise Refused(Text("日期应形如 2026-12-31", "a day is such as 2026-12-31"))
    return found


def parts(text: str) -> list[str]:
    """Return what stands between commas of either kind."""
    return [one.strip() for one in text.replace("，", ",").replace("、", ",").split(",") if one.strip()]
