"""What the actions of support check alike."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models

from dujiang.identity.models import Unit
from dujiang.messages import Refused, Text

LONGEST = 4000
MOST = 10**15
"""Fen of an amount."""
_Kept = TypeVar("_Kept", bound=models.Model)


def unit_named(name: str) -> Unit:
    """Return a unit; raises `Refused` where there is none of the name."""
    unit = Unit.objects.filter(name=name).first()
    if unit is None:
        raise Refused(Text(f"没有单位“{name}”", f"there is no unit {name!r}"))
    return unit


def locked(one: _Kept) -> _Kept:
    """Return a row as it is now, locked to the end of the transaction."""
    manager: Any = type(one)._default_manager
    found: _Kept = manager.select_for_update().get(pk=one.pk)
    return found


def said(text: str, what: Text, longest: int = LONGEST) -> str:
    """Return a text without the blanks around it; raises `Refused` where it is missing or too long."""
    text = text.strip()
    if not text or len(text) > longest or "\x00" in text:
        raise Refused(Text(f"请写明{what.zh}（{longest} 字以内）", f"give {what.en}, in {longest} characters at most"))
    return text


def reason(text: str) -> str:
    """Return a reason; raises `Refused` without one."""
    return said(text, Text("理由", "a reason"))


def amount(fen: int, what: Text, most: int = MOST) -> int:
    """Return an amount above 0 and at most ``most``; raises `Refused`."""
    if not 0 < fen <= most:
        raise Refused(
            Text(
                f"{what.zh}应大于 0 且不超过 {most / 100:,.2f} 元", f"{what.en}: above 0, at most CNY {most / 100:,.2f}"
            )
        )
    return fen


def expect(state: str, *wanted: str) -> None:
    """Raise `Refused` where a thing is in none of the wanted states."""
    if state not in wanted:
        raise Refused(Text("当前状态不能办理此事", f"it is {state}: that can't be done now"))


def join(texts: list[Text]) -> Text:
    """Return several texts as one."""
    return Text("；".join(one.zh for one in texts), "; ".join(one.en for one in texts))
