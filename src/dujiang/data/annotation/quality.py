"""How good annotators are: against answers that are known, and by each other alone; and what an accepted label cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dujiang.data.annotation.agreement import alike
from dujiang.data.annotation.labels import Answer

_Z = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""
_STILL = 1e-6
_ROUNDS = 200
_PRIOR = 0.01
"""Counts added to each cell of a confusion matrix, so that what was not seen yet is unlikely and not impossible."""


class Standing(NamedTuple):
    """An annotator against known answers: how many, the mean likeness (0 to 1), and its interval of 95 %."""

    items: int
    mean: float | None
    low: float | None
    high: float | None


def against(given: Iterable[tuple[Answer, Answer]]) -> Standing:
    """Return how an annotator stands by pairs of (their answer, the right one).

    The interval is Wilson's (1927) for a share; the likeness of spans and boxes, which lies between 0 and 1, varies at
    most as much as a share with its mean, so that the interval is wide enough for them.
    """
    likeness = [alike(answer, truth) for answer, truth in given]
    count = len(likeness)
    if not count:
        return Standing(0, None, None, None)
    mean = sum(likeness) / count
    middle = (mean + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z / (1 + _Z**2 / count) * math.sqrt(mean * (1 - mean) / count + _Z**2 / (4 * count**2))
    # Rounding may put a bound a last bit beyond the mean at 0 and 1.
    return Standing(count, mean, min(mean, max(0.0, middle - half)), max(mean, min(1.0, middle + half)))


class DawidSkene(NamedTuple):
    """What is most likely, by annotators' answers alone: each item's class with its probability, each annotator's skill.

    ``skill`` is the chance that the annotator gives an item its class, over the classes as frequent as they are.
    """

    classes: dict[str, tuple[str, float]]
    skill: dict[str, float]
    confusion: dict[str, NDArray[np.float64]]
    labels: list[str]
    rounds: int


def dawid_skene(answers: Mapping[str, Mapping[str, str]]) -> DawidSkene:
    """Estimate items' classes and annotators' confusion matrices by expectation maximisation, from the majority's view.

    ``answers`` holds each item's classes by annotator. Matrices' rows are the true class, columns the given one, in the
    order of ``labels``. Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm.
    """
    items = [key for key, given in answers.items() if given]
    people = sorted({name for key in items for name in answers[key]})
    labels = sorted({label for key in items for label in answers[key].values()})
    if not items:
        return DawidSkene({}, {}, {}, [], 0)
    person_at, label_at = ({name: at for at, name in enumerate(names)} for names in (people, labels))
    rows = [
        (at, person_at[name], label_at[label]) for at, key in enumerate(items) for name, label in answers[key].items()
    ]
    item, person, given = (np.array(column) for column in zip(*rows, strict=True))
    belief = np.zeros((len(items), len(labels)))
    np.add.at(belief, (item, given), 1.0)
    belief /= belief.sum(axis=1, keepdims=True)
    rounds, moved = 0, 1.0
    while moved >= _STILL and rounds < _ROUNDS:
        rounds += 1
        frequency, confusion = _maximised(belief, item, person, given, len(people))
        logs = np.tile(np.log(frequency), (len(items), 1))
        np.add.at(logs, item, np.log(confusion[person, :, given]))
        fresh = np.exp(logs - logs.max(axis=1, keepdims=True))
        fresh /= fresh.sum(axis=1, keepdims=True)
        moved = float(np.abs(fresh - belief).max())
        belief = fresh
    frequency, confusion = _maximised(belief, item, person, given, len(people))
    best = belief.argmax(axis=1)
    return DawidSkene(
        {key: (labels[best[at]], float(belief[at, best[at]])) for at, key in enumerate(items)},
        {name: float(np.diag(confusion[at]) @ frequency) for at, name in enumerate(people)},
        {name: confusion[at] for at, name in enumerate(people)},
        labels,
        rounds,
    )


def _maximised(
    belief: NDArray[np.float64], item: NDArray[np.int_], person: NDArray[np.int_], given: NDArray[np.int_], people: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how frequent classes are, and what each annotator makes of each class, as the belief has it."""
    count = belief.shape[1]
    confusion = np.full((people, count, count), _PRIOR)
    # A row an answer: all of what its item may be, by how likely, was answered so.
    np.add.at(confusion, (person[:, None], np.arange(count)[None, :], given[:, None]), belief[item])
    confusion /= confusion.sum(axis=2, keepdims=True)
    frequency = belief.sum(axis=0) + _PRIOR
    return frequency / frequency.sum(), confusion


def cost_per_accepted(
    accepted: int, answered: int, adjudicated: int, price: int, adjudication_price: int, model_cost: int = 0
) -> float | None:
    """Return what an accepted label cost in fen: all answers, adjudications and the model's part; None for none yet.

    Answers to items that were rejected, and to those whose answer is known, are paid too and so belong to it.
    """
    spent = answered * price + adjudicated * adjudication_price + model_cost
    return spent / accepted if accepted else None
