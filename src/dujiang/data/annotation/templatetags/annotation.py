"""Filters that show shares, fractions of a fen and annotators' standings."""

from __future__ import annotations

import json

from django import template
from django.utils.translation import get_language

from dujiang.data.annotation.quality import Standing
from dujiang.messages import Text

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """Return a share of 0 to 1 in percent."""
    return "—" if value is None else f"{100 * value:.1f}%"


@register.filter
def standing(value: Standing) -> str:
    """Return an annotator's standing with its interval and the number of items."""
    if value.mean is None or value.low is None or value.high is None:
        return "—"
    return f"{100 * value.mean:.1f}% ({100 * value.low:.0f}–{100 * value.high:.0f}%, n={value.items})"


@register.filter
def fen(value: float) -> str:
    """Return a cost in fen, of which there may be parts, in yuan."""
    return Text(f"{value / 100:.4f} 元", f"CNY {value / 100:.4f}").in_language(get_language() or "zh-hans")


@register.filter
def as_json(value: str) -> str:
    """Return a class as the form sends it."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def hue(number: int) -> int:
    """Return which of the colours a label has."""
    return number % 9
