"""What the pages of talent read from a form, and how they do what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language

from dujiang.messages import BadInput, Refused, Text
from dujiang.plan.industries import INDUSTRIES
from dujiang.sheets import received
from dujiang.talent import fields
from dujiang.talent.actions import refused
from dujiang.talent.terms import DETAILS, Level, Purpose

Acts = Mapping[str, Callable[[], object]]


def do(request: HttpRequest, acts: Acts, then: str, *parts: Any) -> HttpResponse:
    """Do what a form asks for and go on, or say why not."""
    act = acts.get(request.POST.get("do", ""))
    if act is None:
        raise Http404
    try:
        act()
    except Refused as error:
        return render(request, "console/refused.html", {"place": "talent", "why": error.text}, status=409)
    except BadInput as error:
        language = get_language() or "zh-hans"
        why = Text(error.in_language("zh"), error.in_language(language))
        return render(request, "console/refused.html", {"place": "talent", "why": why}, status=400)
    return redirect(then, *parts)


def day(request: HttpRequest, name: str) -> date:
    """Return a day of a form; raises `Refused`."""
    try:
        return fields.day(name, request.POST.get(name, ""))
    except fields.Unfit as error:
        raise refused(error) from error


def whole(request: HttpRequest, name: str) -> int:
    """Return a whole number of a form; raises `Refused`."""
    text = request.POST.get(name, "").strip().replace(",", "")
    if not text.isdecimal() or len(text) > 9:
        raise Refused(Text(f"“{text[:20]}”不是整数", f"{text[:20]!r} is no whole number"))
    return int(text)


def number(request: HttpRequest, name: str) -> float | None:
    """Return a number of a form, None where the field is empty; raises `Refused`."""
    text = request.POST.get(name, "").strip()
    try:
        return float(text) if text else None
    except ValueError as error:
        raise Refused(Text(f"“{text[:20]}”不是数", f"{text[:20]!r} is no number")) from error


def record(request: HttpRequest) -> dict[str, str]:
    """Return what a form says of a person."""
    return {name: request.POST.get(name, "") for name in (*DETAILS, "industry", "level", "city", "entered")}


def skills(request: HttpRequest) -> list[str]:
    """Return the skills that a form names."""
    return fields.several(request.POST.get("skills", ""))


def purposes(request: HttpRequest) -> list[str]:
    """Return the purposes that a form ticks."""
    return request.POST.getlist("purposes")


@contextmanager
def table(request: HttpRequest) -> Iterator[Path]:
    """Lay the table that a form sends into a folder for a while; raises `Refused` where there is none, `BadInput`."""
    sent: Any = request.FILES.get("table")
    if sent is None:
        raise Refused(Text("请选择文件", "choose a file"))
    with received(sent.name, sent.read()) as path:
        yield path


def choices() -> dict[str, Any]:
    """Return what forms let one choose from."""
    return {
        "industries": [(name, one.title) for name, one in INDUSTRIES.items()],
        "levels": [(one.value, one.words) for one in Level],
        "purposes": [(one.value, one.words) for one in Purpose],
    }
