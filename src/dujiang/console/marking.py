"""The plan's text cut into pieces, those marked that the reader understood as something."""

from __future__ import annotations

from typing import NamedTuple

from dujiang.plan.models import Item, Programme


class Piece(NamedTuple):
    """A piece of the text; ``mark`` is what it was read as, empty for plain text."""

    text: str
    mark: str = ""
    note: str = ""
    goal: int | None = None
    """The goal's number, which its page and its place in the text share."""


def pieces(programme: Programme) -> list[Piece]:
    """Return the whole text in pieces. Where marks overlap the one that starts first, or is longer, is shown."""
    spans: list[tuple[int, int, str, str, int | None]] = []
    for item in programme.items.filter(present=True):
        start, end = item.read["span"]
        if item.kind == Item.Kind.GOAL:
            spans.append((start, end, "goal", item.facts["about"] or "", item.position))
        elif item.kind == Item.Kind.SYSTEM:
            spans.append((start, end, "system", item.facts["kind"], None))
    spans += [(*one["span"], "unread", one["why"], None) for one in programme.unread]
    made, at = [], 0
    for start, end, mark, note, goal in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at:
            continue
        if start > at:
            made.append(Piece(programme.text[at:start]))
        made.append(Piece(programme.text[start:end], mark, note, goal))
        at = end
    made.append(Piece(programme.text[at:]))
    return made
