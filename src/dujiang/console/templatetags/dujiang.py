"""Filters that show Dujiang's texts and table cells in a page's language."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dujiang import messages
from dujiang.identity.permission import Actor, allowed
from dujiang.messages import Text
from dujiang.plan.dispatch import industry_title
from dujiang.plan.indicators import Status
from dujiang.plan.sections import Cell, Linked, Records
from dujiang.plan.wording import figure, target_text

register = template.Library()
register.filter("target", target_text)
register.filter("figure", figure)


@register.filter
def text(value: Text | None) -> str:
    """Return a text in the page's language."""
    return value.in_language(get_language() or "zh-hans") if value else ""


@register.filter
def may(actor: Actor, action: str) -> bool:
    """Whether the actor may do this at all, to show what leads there."""
    return allowed(actor, action)


@register.filter
def industry(name: str) -> str:
    """Return an industry's title in the page's language."""
    return text(industry_title(name))


@register.filter
def money(amount: int, unit: str) -> str:
    """Return an amount in minor units with its unit, in the page's language."""
    return text(messages.money(amount, unit))


@register.filter
def plain_money(amount: int, unit: str) -> str:
    """Return an amount as a form takes it: yuan with two decimals, or tokens."""
    return f"{amount // 100}.{amount % 100:02d}" if unit == "CNY" else str(amount)


@register.filter
def minus(amount: int, less: int) -> int:
    """Return a difference."""
    return amount - less


@register.filter
def named(names: Mapping[str, Text | str], key: str) -> str:
    """Return the name of a key, the key itself where it has none."""
    name = names.get(key, key)
    return text(name) if isinstance(name, Text) else name


@register.filter
def percent(share: float) -> str:
    """Return a share of 0 to 1 as a length of CSS."""
    return f"{100 * share:.1f}%"


@register.filter
def cell(value: Cell, links: bool) -> SafeString | str:
    """Return a table cell: a status as a mark with its words, records as links to them where asked for."""
    match value:
        case Status():
            return format_html('<span class="status {}">{}</span>', value.value, text(value.words))
        case Records() if value and links:
            rows = ((reverse("record", args=[number]), number) for number in value)
            return format_html_join(", ", '<a href="{}">{}</a>', rows)
        case Linked() if links:
            return format_html('<a href="{}">{}</a>', reverse(value.kind, args=[value.key]), value)
        case Text():
            return text(value)
        case _:
            return str(value)
