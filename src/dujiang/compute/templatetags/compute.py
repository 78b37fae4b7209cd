"""Filters that show money, states and texts that are stored in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dujiang.compute.money import yuan as in_yuan
from dujiang.compute.states import State

register = template.Library()
_CLASSES = {State.DONE: "through", State.FAILED: "fails", State.LOST: "fails"}


@register.filter
def yuan(fen: int | None) -> str:
    """Return fen in CNY, a dash where there is no amount yet."""
    return "—" if fen is None else in_yuan(fen)


@register.filter
def state(value: str) -> SafeString:
    """Return a job's state in the page's language, marked as good or bad."""
    one = State(value)
    words = one.words.in_language(get_language() or "zh-hans")
    return format_html('<span class="{}">{}</span>', _CLASSES.get(one, ""), words)


@register.filter
def both(value: Mapping[str, str]) -> str:
    """Return the page's language of a text stored as ``zh`` and ``en``."""
    return value["en" if (get_language() or "zh").startswith("en") else "zh"]
