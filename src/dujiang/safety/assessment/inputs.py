"""The numbers in a scenario's inputs that can be changed: found, gathered into features, and put back changed.

Inputs are plain values (dataclasses, tuples, lists, dicts, NumPy arrays). A feature is a column of numbers that stand in
like places: the same field of each record of a list, an array, or a column of a narrow table. What is no number, such as
names and whole numbers that index something, is left alone where it can be told (see `features`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Path = tuple[str | int, ...]
Numbers = NDArray[np.float64]

NARROW = 16
"""Columns of a table up to which each is a feature of its own; of a wider one all numbers are one."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of numbers in inputs: its name, where each number stands, and their values.

    ``whole`` says that the numbers are whole numbers, and changed ones are rounded.
    """

    name: str
    paths: tuple[Path, ...]
    values: Numbers
    whole: bool


def features(inputs: Any) -> list[Feature]:
    """Return the features of inputs, in the order in which they stand.

    Truth values are none, nor is a column whose numbers are all the same place in a row (0, 1, 2...), which names
    records rather than measuring something, nor an array of fewer than two different numbers.
    """
    leaves: dict[str, list[tuple[Path, float, bool]]] = defaultdict(list)
    _walk(inputs, (), "", leaves)
    found = []
    for name, own in leaves.items():
        values = np.array([value for _, value, _ in own], dtype=float)
        whole = all(one for _, _, one in own)
        steps = np.diff(values)
        if whole and len(values) > 2 and bool(np.all(steps == 1)):
            continue
        found.append(Feature(name, tuple(path for path, _, _ in own), values, whole))
    return found


def _walk(value: Any, path: Path, name: str, leaves: dict[str, list[tuple[Path, float, bool]]]) -> None:
    if isinstance(value, bool | np.bool_) or value is None:
        return
    if isinstance(value, int | float | np.integer | np.floating):
        if np.isfinite(float(value)):
            leaves[name or "value"].append((path, float(value), isinstance(value, int | np.integer)))
    elif isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf":
            return
        by_column = value.ndim == 2 and value.shape[1] <= NARROW
        whole = value.dtype.kind in "iu"
        for index, one in np.ndenumerate(value):
            column = f"{name}[{index[-1]}]" if by_column else name or "value"
            if np.isfinite(one):
                leaves[column].append(((*path, *map(int, index)), float(one), whole))
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            _walk(getattr(value, one.name), (*path, one.name), f"{name}.{one.name}".lstrip("."), leaves)
    elif hasattr(value, "_fields"):
        for one in value._fields:
            _walk(getattr(value, one), (*path, one), f"{name}.{one}".lstrip("."), leaves)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            _walk(one, (*path, key), f"{name}.{key}".lstrip("."), leaves)
    elif isinstance(value, list | tuple):
        # Numbers in a short tuple mean something by their place; records in a list are alike.
        for place, one in enumerate(value):
            scalar = isinstance(value, tuple) and isinstance(one, int | float) and len(value) <= NARROW
            _walk(one, (*path, place), f"{name}[{place}]" if scalar else name, leaves)


def changed(inputs: Any, new: Mapping[Feature, Numbers] | list[tuple[Feature, Numbers]]) -> Any:
    """Return inputs with the numbers of some features replaced; nothing of the given inputs is changed."""
    values: dict[Path, float] = {}
    for feature, numbers in new.items() if isinstance(new, Mapping) else new:
        for path, number in zip(feature.paths, numbers, strict=True):
            values[path] = float(round(float(number))) if feature.whole else float(number)
    return _put(inputs, (), values)


def _put(value: Any, path: Path, new: Mapping[Path, float]) -> Any:
    if path in new:
        kind = type(value)
        return kind(round(new[path])) if isinstance(value, int | np.integer) else kind(new[path])
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        copy = value.copy()
        for place in np.ndindex(value.shape):
            if (one := (*path, *place)) in new:
                copy[place] = new[one]
        return copy
    if is_dataclass(value) and not isinstance(value, type):
        made: Callable[..., Any] = replace
        return made(
            value,
            **{one.name: _put(getattr(value, one.name), (*path, one.name), new) for one in fields(value) if one.init},
        )
    if hasattr(value, "_fields"):
        return type(value)(*(_put(getattr(value, one), (*path, one), new) for one in value._fields))
    if isinstance(value, Mapping):
        return {key: _put(one, (*path, key), new) for key, one in value.items()}
    if isinstance(value, list):
        return [_put(one, (*path, place), new) for place, one in enumerate(value)]
    if isinstance(value, tuple):
        return tuple(_put(one, (*path, place), new) for place, one in enumerate(value))
    return value
