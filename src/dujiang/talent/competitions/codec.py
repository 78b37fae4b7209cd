"""What passes into a confinement and out of it: plain files, of which none can run.

Inputs go in as JSON with arrays beside it; answers come out as JSON that is read with distrust. Nothing is pickled.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.scenarios.contract import Answer

INPUTS, ARRAYS, ANSWERS = "inputs.json", "arrays.npz", "answers.json"
LARGEST = 8 << 20
"""Bytes of a file of answers."""
_COLUMNS, _ROWS, _LONGEST, _WHOLE = 256, 200_000, 20_000, 2**63
Form = dict[str, list[str]]
"""The columns of a scenario's answers, and the kinds of cells (number, text, truth, none) that each holds."""


class BadAnswer(ValueError):
    """A file of answers that can't be judged."""


def write_inputs(inputs: Sequence[Any], folder: Path) -> None:
    """Write each case's inputs, plain values as the scenario contract defines them, for `inside.load`.

    A dataclass arrives as an object with its fields, a named tuple as a tuple with its names. Raises TypeError for
    anything else.
    """
    arrays: dict[str, np.ndarray] = {}
    plain = [_plain(one, arrays) for one in inputs]
    (folder / INPUTS).write_text(json.dumps(plain), encoding="utf-8")
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _plain(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"is": "bytes", "of": base64.b64encode(value).decode()}
        case np.ndarray() if value.dtype.kind in "OV":
            raise TypeError(f"an array of dtype {value.dtype} is not a plain value")
        case np.ndarray():
            arrays[name := f"a{len(arrays)}"] = value
            return {"is": "array", "of": name}
        case list():
            return [_plain(one, arrays) for one in value]
        case tuple():
            names = list(getattr(value, "_fields", ()))
            return {"is": "tuple", "of": [_plain(one, arrays) for one in value], "names": names}
        case dict():
            return {"is": "dict", "of": [[_plain(key, arrays), _plain(one, arrays)] for key, one in value.items()]}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            held = [[one.name, _plain(getattr(value, one.name), arrays)] for one in dataclasses.fields(value)]
            return {"is": "fields", "of": held}
        case _:
            raise TypeError(f"{type(value).__name__} is not a plain value")


def form_of(answers: Iterable[Answer]) -> Form:
    """Return the form of answers that the site's own methods gave; a column that some lack has the kind ``absent``."""
    form: Form = {}
    rows = [row for one in answers for row in one]
    for name in {name for row in rows for name in row}:
        kinds = {_kind(row[name]) if name in row else "absent" for row in rows}
        form[name] = sorted(kinds)
    return dict(sorted(form.items()))


def _kind(cell: Any) -> str:
    if isinstance(cell, np.generic):
        cell = cell.item()
    match cell:
        case None:
            return "none"
        case bool():
            return "truth"
        case int() | float():
            return "number"
        case _:
            return "text"


def read_answers(path: Path, cases: int, form: Form) -> list[Answer]:
    """Read what strangers' code left, an answer a case; raises `BadAnswer` where it is anything but answers of the form.

    It must be a plain file of at most `LARGEST` bytes, strict JSON without NaN or infinity, of rows of the form's columns
    with cells of its kinds.
    """
    try:
        # Whoever left it runs no more, so what is looked at here is what is opened.
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
            raise BadAnswer(f"answers are a plain file of at most {LARGEST} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise BadAnswer(f"no answers: {error.strerror}") from error
    try:
        answers = json.loads(content.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"answers are no JSON: {str(error)[:200]}") from error
    if not isinstance(answers, list) or len(answers) != cases:
        raise BadAnswer(f"{cases} answers, one a case")
    for one in answers:
        _check(one, form)
    return answers


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a column stands twice")
    return made


def _check(answer: Any, form: Form) -> None:
    if not isinstance(answer, list) or len(answer) > _ROWS or not all(isinstance(row, dict) for row in answer):
        raise BadAnswer(f"an answer is a list of at most {_ROWS} rows, each a table of columns")
    if not answer:
        return
    columns = set(answer[0])
    needed = {name for name, kinds in form.items() if "absent" not in kinds}
    if len(columns) > _COLUMNS or not needed <= columns <= set(form):
        raise BadAnswer(f"the columns are {sorted(form)}")
    for row in answer:
        if row.keys() != columns:
            raise BadAnswer("the rows of an answer have the same columns")
        for name, cell in row.items():
            _check_cell(name, cell, form[name])


def _check_cell(name: str, cell: Any, kinds: Sequence[str]) -> None:
    if isinstance(cell, Mapping | list) or _kind(cell) not in kinds:
        raise BadAnswer(f"column {name} holds {' or '.join(kinds)}")
    if isinstance(cell, str) and (len(cell) > _LONGEST or "\0" in cell or not _sound(cell)):
        raise BadAnswer(f"column {name} holds text of at most {_LONGEST} characters")
    if isinstance(cell, float) and not math.isfinite(cell):
        raise BadAnswer(f"column {name} holds finite numbers")
    if isinstance(cell, int) and abs(cell) > _WHOLE:
        raise BadAnswer(f"column {name} holds whole numbers of 64 bits")


def _sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
