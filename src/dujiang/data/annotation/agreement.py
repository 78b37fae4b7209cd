"""How far annotators agree: Cohen's kappa, Krippendorff's alpha, F1 of spans, and boxes matched by their overlap."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dujiang.data.annotation.labels import Answer, Box, Kind

SAME_BOX = 0.5
"""The overlap (IoU) from which two boxes are of the same object, as in PASCAL VOC."""


class Scale(StrEnum):
    """How classes relate: names only, an order, or numbers whose differences mean something."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"


def cohen_kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Return Cohen's kappa of two annotators' classes of the same items: (p_o - p_e) / (1 - p_e).

    NaN without items, and where both used one class only, so that chance alone agrees. Cohen (1960), A coefficient of
    agreement for nominal scales.
    """
    classes = {label: at for at, label in enumerate(dict.fromkeys([*one, *other]))}
    table = np.zeros((len(classes), len(classes)))
    for left, right in zip(one, other, strict=True):
        table[classes[left], classes[right]] += 1
    count = table.sum()
    if not count:
        return float("nan")
    observed = np.trace(table) / count
    expected = float(table.sum(axis=0) @ table.sum(axis=1)) / count**2
    return float("nan") if expected >= 1 else float((observed - expected) / (1 - expected))


def krippendorff_alpha(
    units: Sequence[Sequence[Hashable]], scale: Scale = Scale.NOMINAL, order: Sequence[Hashable] = ()
) -> float:
    """Return Krippendorff's alpha, 1 - D_o / D_e, of any number of annotators with gaps.

    ``units`` holds each item's values, of those who gave one; an item with fewer than two says nothing. ``order``
    gives the classes from least to most for the ordinal scale. On the interval scale values are numbers. NaN where all
    values are the same, and where no item has two. Krippendorff (2011), Computing Krippendorff's alpha-reliability.
    """
    paired = [unit for unit in units if len(unit) > 1]
    found: Sequence[Any] = list(dict.fromkeys(value for unit in paired for value in unit))
    # Classes that nobody used don't change the measure.
    values = [one for one in order if one in found] if order else found
    place = {value: at for at, value in enumerate(values)}
    coincidence = np.zeros((len(values), len(values)))
    for unit in paired:
        counts = np.zeros(len(values))
        for value in unit:
            counts[place[value]] += 1
        coincidence += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = coincidence.sum(axis=0)
    count = totals.sum()
    distance = _distance(scale, values, totals)
    expected = float((np.outer(totals, totals) * distance).sum())
    if not expected:
        return float("nan")
    # The diagonal of the distance is 0, so the pairs of a value with itself don't matter in either sum.
    return float(1 - (count - 1) * (coincidence * distance).sum() / expected)


def _distance(scale: Scale, values: Sequence[Any], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the squared differences of values; on the ordinal scale by how many values lie between."""
    if scale is Scale.NOMINAL:
        return 1 - np.eye(len(values))
    # On the ordinal scale, between c and k lie all of the values from c to k, less half of those that are c or k.
    numbers = [float(value) for value in values] if scale is Scale.INTERVAL else None
    at = np.cumsum(totals) - totals / 2 if numbers is None else np.array(numbers)
    return np.asarray((at[:, None] - at[None, :]) ** 2, dtype=np.float64)


def span_f1(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Return the F1 of two annotators' spans, same bounds and label; 1 where neither marked any.

    It is the same whoever of the two is taken as right, and what kappa tends to where the spans that nobody marked can't
    be counted: Hripcsak and Rothschild (2005), Agreement, the F-measure, and reliability in information retrieval.
    """
    left, right = set(one), set(other)
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def iou(one: Box, other: Box) -> float:
    """Return the area that two boxes share over the area that they cover together."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (one.width * one.height + other.width * other.height - shared)


class Matched(NamedTuple):
    """Boxes of one annotator and another that are of the same object, and their overlap."""

    one: Box
    other: Box
    iou: float


def match_boxes(one: Sequence[Box], other: Sequence[Box], least: float = SAME_BOX) -> list[Matched]:
    """Return the pairs of boxes of the same label that overlap by ``least``, chosen so that their sum is the largest."""
    if not one or not other:
        return []
    overlap = np.array([[iou(a, b) if a.label == b.label else 0.0 for b in other] for a in one])
    overlap[overlap < least] = 0.0
    # Loaded here: every command knows this module, and few ask for this.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(overlap, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [
        Matched(one[row], other[column], float(overlap[row, column])) for row, column in pairs if overlap[row, column]
    ]


def box_f1(one: Sequence[Box], other: Sequence[Box], least: float = SAME_BOX) -> float:
    """Return the F1 of two annotators' boxes, matched one to one by label and overlap; 1 where neither drew any."""
    both = len(one) + len(other)
    return 2 * len(match_boxes(one, other, least)) / both if both else 1.0


def alike(one: Answer, other: Answer) -> float:
    """Return how far two answers to an item agree, 0 to 1: the same class, or the F1 of spans or boxes."""
    if isinstance(one, str) or isinstance(other, str):
        return float(one == other)
    if any(isinstance(part, Box) for part in (*one, *other)):
        return box_f1([p for p in one if isinstance(p, Box)], [p for p in other if isinstance(p, Box)])
    return span_f1(one, other)


class Agreement(NamedTuple):
    """How far the annotators of a project agree over the ``items`` that two or more answered.

    ``alike`` is the mean over items of the mean over pairs. ``alpha`` is Krippendorff's, ``kappa`` Cohen's by pair of
    annotators with the number of items that both answered; both are of classes only, None and empty for others.
    """

    items: int
    alike: float | None
    alpha: float | None
    kappa: dict[tuple[str, str], tuple[float | None, int]]


def agreement(
    kind: Kind, answers: Sequence[Mapping[str, Answer]], scale: Scale = Scale.NOMINAL, order: Sequence[str] = ()
) -> Agreement:
    """Return how far annotators agree; ``answers`` holds each item's answers by annotator."""
    shared = [one for one in answers if len(one) > 1]
    if not shared:
        return Agreement(0, None, None, {})
    means = [float(np.mean([alike(a, b) for a, b in combinations(one.values(), 2)])) for one in shared]
    alpha, kappa = None, {}
    if kind is Kind.CHOICE:
        units = [[str(value) for value in one.values()] for one in shared]
        alpha = _number(krippendorff_alpha(units, scale, order if scale is Scale.ORDINAL else ()))
        for pair in combinations(sorted({name for one in shared for name in one}), 2):
            both = [one for one in shared if pair[0] in one and pair[1] in one]
            if both:
                value = cohen_kappa([str(one[pair[0]]) for one in both], [str(one[pair[1]]) for one in both])
                kappa[pair] = _number(value), len(both)
    return Agreement(len(shared), float(np.mean(means)), alpha, kappa)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
