"""The plan's text cut into pieces, those marked that the reader understood as something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from dujiang.plan.models import Item, Programme


class Piece(NamedTuple):
    """A piece of the text; ``mark`` is what it was read as, empty for plain text.

    ``key`` is the goal's or task's number or the unit's name, by which its page and its place in the text are linked.
    """

    text: str
    mark: str = ""
    note: str = ""
    key: str = ""


class _Span(NamedTuple):
    start: int
    end: int
    mark: str
    note: str = ""
    key: str = ""


def pieces(programme: Programme, cited: tuple[int, int] | None = None) -> list[Piece]:
    """Return the whole text in pieces. Where marks overlap the one that starts first, or is longer, is shown.

    A span that is ``cited`` is shown before all others.
    """
    text = programme.text
    spans = [span for item in programme.items.filter(present=True) for span in _spans(text, item)]
    spans += [_Span(*one["span"], "unread", one["why"]) for one in programme.unread]
    if cited and 0 <= cited[0] < cited[1] <= len(text):
        spans = [span for span in spans if span.end <= cited[0] or span.start >= cited[1]]
        spans.append(_Span(*cited, "cited"))
    made, at = [], 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start < at:
            continue
        if span.start > at:
            made.append(Piece(text[at : span.start]))
        made.append(Piece(text[span.start : span.end], span.mark, span.note, span.key))
        at = span.end
    made.append(Piece(text[at:]))
    return made


def _spans(text: str, item: Item) -> Iterator[_Span]:
    start, end = item.read["span"]
    match item.kind:
        case Item.Kind.GOAL:
            yield _Span(start, end, "goal", item.facts["about"] or "", str(item.position))
        case Item.Kind.SYSTEM:
            yield _Span(start, end, "system", item.facts["kind"])
        case Item.Kind.TASK:
            yield from _task(text, start, end, item.read)


def _task(text: str, start: int, end: int, read: dict[str, Any]) -> Iterator[_Span]:
    """Yield a task's title and the units at its end, where they stand in the text as they were read."""
    if (at := text.find(read["title"], start, end)) >= 0:
        yield _Span(at, at + len(read["title"]), "task", read["title"], str(read["number"]))
    for name in (*read["lead"], *read["cooperating"]):
        if (at := text.rfind(name, start, end)) >= 0:
            yield _Span(at, at + len(name), "unit", name, name)
