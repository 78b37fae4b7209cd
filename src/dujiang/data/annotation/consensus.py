"""What several people's answers to an item amount to, where they agree enough that nobody need decide."""

from __future__ import annotations

from collections.abc import Sequence

from dujiang.data.annotation.agreement import match_boxes
from dujiang.data.annotation.labels import Answer, Box

CLOSE = 0.7
"""The overlap (IoU) from which boxes are so close that their mean does for all."""


def majority(answers: Sequence[str]) -> str | None:
    """Return the class that more than half gave, None where there is none."""
    best = max(set(answers), key=answers.count, default=None)
    return best if best is not None and 2 * answers.count(best) > len(answers) else None


def consensus(answers: Sequence[Answer]) -> Answer | None:
    """Return the answer that all amount to, None where somebody must decide.

    A class that more than half gave; spans that are the same with all; the mean of boxes that all drew alike.
    """
    classes = [one for one in answers if isinstance(one, str)]
    if classes:
        return majority(classes)
    first, *others = answers
    if all(one == first for one in others):
        return first
    drawn = [[box for box in one if isinstance(box, Box)] for one in answers]
    groups = [[box] for box in drawn[0]]
    for other in drawn[1:]:
        pairs = match_boxes(drawn[0], other, CLOSE)
        if not len(pairs) == len(drawn[0]) == len(other):
            return None
        for group in groups:
            # Two equal boxes of one answer would share a partner; `checked` lets an answer have none.
            group.append(next(pair.other for pair in pairs if pair.one == group[0]))
    return tuple(sorted(_mean(group) for group in groups)) if groups else None


def _mean(boxes: Sequence[Box]) -> Box:
    def mean(values: list[float]) -> float:
        return round(sum(values) / len(values), 1)

    x, y = mean([one.x for one in boxes]), mean([one.y for one in boxes])
    # The far sides are rounded, not the lengths, so that the mean lies within what it is the mean of.
    right = mean([one.x + one.width for one in boxes])
    below = mean([one.y + one.height for one in boxes])
    return Box(x, y, round(right - x, 1), round(below - y, 1), boxes[0].label)
