"""Filters that show the terms of data sets, lengths in bytes, and how far an upload is."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dujiang.data.duties import Standing
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.messages import Text

register = template.Library()
_KINDS = (Grade, Sensitivity, Access, Basis, State, Standing)
_CLASSES = {
    State.PUBLISHED: "through", State.WITHDRAWN: "fails", Standing.LATE: "fails", Standing.MET: "through",
    Standing.MET_LATE: "", Grade.CORE: "fails", Sensitivity.SENSITIVE: "fails",
}  # fmt: skip


@register.filter
def term(value: str) -> SafeString:
    """Return a term of `terms` in the page's language, marked as good or bad."""
    one = next(kind(value) for kind in _KINDS if value in set(kind))
    words = one.words.in_language(get_language() or "zh-hans")
    return format_html('<span class="{}">{}</span>', _CLASSES.get(one, ""), words)


@register.filter
def size(length: int | None) -> str:
    """Return a length in bytes as people write it (IEC 80000-13), a dash where it is not known."""
    if length is None:
        return "—"
    value, unit = float(length), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{length} B" if unit == "B" else f"{value:.1f} {unit}"


@register.filter
def stands(values: object, name: str) -> object:
    """Return what a form's field holds, by its name."""
    found = values.get(name) if hasattr(values, "get") else None
    return "" if found is None else found


@register.filter
def either(words: dict[str, str]) -> str:
    """Return a text that is kept as plain values in the page's language."""
    return Text(**words).in_language(get_language() or "zh-hans")


@register.filter
def share(value: float | None) -> str:
    """Return a share as people read it."""
    from dujiang.data.inspection import sections  # what draws charts is not loaded for a page without them

    return sections.share(value)
