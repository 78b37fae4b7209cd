"""A filter that shows texts as they are stored."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.translation import get_language

from dujiang.messages import Text

register = template.Library()


@register.filter("stored")
def in_language(given: Mapping[str, str]) -> str:
    """Return a stored text in the page's language."""
    return Text(given["zh"], given.get("en") or given["zh"]).in_language(get_language() or "zh-hans")
