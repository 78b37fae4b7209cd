"""Which figures are withheld so that nobody is singled out, by themselves or by subtracting others.

Figures are sums over base cells (such as industry x city x level). A figure of 1 to ``minimum`` - 1 people is withheld;
others are withheld with it until whoever adds up and subtracts all that is published can't tell that it is small: some
assignment of numbers of people to the base cells agrees with every published figure and gives it at least ``minimum``.
That is asked of a linear programme (HiGHS), as statistical offices audit linked tables (Hundepool et al. 2012,
Statistical Disclosure Control, 4.3); figures are withheld where its dual says that they hold the withheld one down, the
smallest first. Cells of numbers of people may be fractions in the programme, so that it is a bound for linked tables,
exact for a table of two ways.

What it doesn't do: two quarters whose figures differ by one tell that somebody came or went; and somebody who knows all
of a group but one person learns of that one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, identity, vstack

Base = Any
Key = Any
_SLACK = 1e-6


def protect(
    counts: Mapping[Base, int],
    groups: Mapping[Key, Collection[Base]],
    minimum: int,
    known: Sequence[tuple[Mapping[Base, int], int]] = (),
) -> set[Key]:
    """Return the groups whose figures are withheld.

    ``counts`` are people by base cell, none where a cell is missing; a group's figure is the sum of its cells. ``known``
    are sums, signed by cell, that a reader knows from elsewhere. A figure of 0 is published like others.
    """
    figures = {key: sum(counts.get(cell, 0) for cell in cells) for key, cells in groups.items()}
    small = [key for key, figure in figures.items() if 0 < figure < minimum]
    withheld = set(small)
    if not small:
        return withheld
    programme = _Programme(groups, figures, known)
    waiting = [key for key in small if key not in programme.lifted(small, withheld, minimum)]
    for key in waiting:
        while True:
            most, binding = programme.most(key, withheld)
            if most >= minimum - _SLACK:
                break
            if not binding:
                # Only what the reader knows from elsewhere holds it down: nothing that we withhold can help.
                break
            withheld.add(min(binding, key=lambda one: (figures[one] == 0, figures[one], str(one))))
    return withheld


class _Programme:
    """The linear programme of what a reader may suppose: numbers of people in cells, not negative."""

    def __init__(
        self,
        groups: Mapping[Key, Collection[Base]],
        figures: Mapping[Key, int],
        known: Sequence[tuple[Mapping[Base, int], int]],
    ) -> None:
        cells = {cell for members in groups.values() for cell in members} | {cell for one, _ in known for cell in one}
        place = {cell: at for at, cell in enumerate(sorted(cells, key=str))}
        self._size = len(place)
        self._rows = {
            key: csr_matrix(
                (np.ones(len(members)), (np.zeros(len(members), int), [place[cell] for cell in members])),
                shape=(1, self._size),
            )
            for key, members in groups.items()
        }
        self._figures = figures
        self._known = [
            csr_matrix(
                (list(one.values()), (np.zeros(len(one), int), [place[cell] for cell in one])), shape=(1, self._size)
            )
            for one, _ in known
        ]
        self._values = [value for _, value in known]

    def _published(self, withheld: Collection[Key]) -> tuple[list[Key], csr_matrix | None, np.ndarray]:
        keys = [key for key in self._rows if key not in withheld]
        rows = [self._rows[key] for key in keys] + self._known
        right = np.array([self._figures[key] for key in keys] + self._values, float)
        return keys, vstack(rows, format="csr") if rows else None, right

    def most(self, key: Key, withheld: Collection[Key]) -> tuple[float, list[Key]]:
        """Return the most that a withheld figure may be, and the published figures that hold it down."""
        keys, left, right = self._published(withheld)
        objective = -self._rows[key].toarray()[0]
        found = linprog(objective, A_eq=left, b_eq=right if left is not None else None, method="highs")
        if found.status == 3:  # unbounded
            return float("inf"), []
        if not found.success:
            raise ArithmeticError(f"{key}: {found.message}")
        binding = [one for one, dual in zip(keys, found.eqlin.marginals, strict=False) if abs(dual) > _SLACK]
        return -float(found.fun), binding

    def lifted(self, small: Sequence[Key], withheld: Collection[Key], minimum: int) -> set[Key]:
        """Return those of the small figures that one and the same supposition makes ``minimum`` each."""
        _, left, right = self._published(withheld)
        count = len(small)
        wanted = vstack([self._rows[key] for key in small], format="csr")
        objective = np.concatenate([np.zeros(self._size), -np.ones(count)])
        bounds = [(0, None)] * self._size + [(0, minimum)] * count
        padded = None if left is None else hstack([left, csr_matrix((left.shape[0], count))], format="csr")
        found = linprog(
            objective,
            A_ub=hstack([-wanted, identity(count)], format="csr"),
            b_ub=np.zeros(count),
            A_eq=padded,
            b_eq=None if left is None else right,
            bounds=bounds,
            method="highs",
        )
        if not found.success:
            raise ArithmeticError(str(found.message))
        reached = found.x[self._size :]
        return {key for key, value in zip(small, reached, strict=True) if value >= minimum - _SLACK}
