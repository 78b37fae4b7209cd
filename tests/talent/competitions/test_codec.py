"""Plain files in, distrusted files out: what is written is read back the same, and only answers of the form are taken."""

import json
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.scenarios.digest import digest
from dujiang.talent.competitions import codec, inside
from dujiang.talent.competitions.codec import BadAnswer, form_of, read_answers, write_inputs

_CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
    | st.binary()
)
_ARRAYS = st.lists(st.floats(-1e300, 1e300), max_size=4).map(np.array) | st.just(np.array([["甲", "b"]]))
_PLAIN = st.recursive(
    _CELLS | _ARRAYS | st.just(np.float32(0.1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


class Pair(NamedTuple):
    a: object
    b: object


@dataclass(frozen=True)
class Survey:
    model: str
    pressure: object


def there_and_back(inputs, folder):
    write_inputs(inputs, folder)
    return inside.load(folder)


@settings(max_examples=40, deadline=None)
@given(st.lists(_PLAIN, min_size=1, max_size=3))
def test_plain_values_come_back_the_same(tmp_path_factory, inputs):
    back = there_and_back(inputs, tmp_path_factory.mktemp("codec"))
    assert digest(back) == digest(inputs)


def test_records_keep_their_names(tmp_path):
    survey, pair = there_and_back([Survey("net", np.eye(2)), Pair((1, 2), [3])], tmp_path)
    assert survey.model == "net" and survey.pressure.tolist() == [[1, 0], [0, 1]]
    assert pair == ((1, 2), [3]) and pair.b == [3]


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()]), lambda: 0])
def test_what_is_no_plain_value_goes_nowhere(value, tmp_path):
    with pytest.raises(TypeError):
        write_inputs([value], tmp_path)


FORM = form_of([[{"mean": 1.0, "place": "甲", "note": None}, {"mean": 2, "place": "乙", "note": "x"}]])


def test_the_form_of_answers():
    assert FORM == {"mean": ["number"], "note": ["none", "text"], "place": ["text"]}
    assert form_of([[{"a": 1}], [{"a": 2, "b": np.float64(1)}], []]) == {"a": ["number"], "b": ["absent", "number"]}


GOOD = [{"mean": 1.5, "place": "甲", "note": None}]


def told(tmp_path, content):
    path = tmp_path / codec.ANSWERS
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_answers(path, 1, FORM)


def test_answers_of_the_form_are_read(tmp_path):
    assert told(tmp_path, [GOOD]) == [GOOD]
    assert told(tmp_path, [[]]) == [[]]


BAD = {
    "pickle": b"\x80\x04K\x01.",
    "no json": b"{",
    "nan": b'[[{"mean": NaN, "place": "a", "note": null}]]',
    "infinite": b'[[{"mean": -Infinity, "place": "a", "note": null}]]',
    "infinite by size": b'[[{"mean": 1e999, "place": "a", "note": null}]]',
    "long digits": b'[[{"mean": ' + b"9" * 5000 + b', "place": "a", "note": null}]]',
    "beyond 64 bits": [[{**GOOD[0], "mean": 2**64}]],
    "text for a number": [[{**GOOD[0], "mean": "nan"}]],
    "truth for a number": [[{**GOOD[0], "mean": True}]],
    "null for a number": [[{**GOOD[0], "mean": None}]],
    "number for a text": [[{**GOOD[0], "place": 0}]],
    "a list for a cell": [[{**GOOD[0], "mean": [1]}]],
    "a dict for a cell": [[{**GOOD[0], "mean": {}}]],
    "a column too many": [[{**GOOD[0], "score": 0}]],
    "a column too few": [[{"mean": 1.0}]],
    "rows that differ": [[*GOOD, {"mean": 1.0}]],
    "a column twice": b'[[{"mean": 1, "mean": 2, "place": "a", "note": null}]]',
    "no rows": [3],
    "rows of no columns": [[{}]],
    "a dict": {"0": GOOD},
    "a case too few": [],
    "a case too many": [GOOD, GOOD],
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "no text": b'[[{"mean": 1, "place": "\xff", "note": null}]]',
    "half a character": b'[[{"mean": 1, "place": "\\ud800", "note": null}]]',
    "a NUL": [[{**GOOD[0], "place": "a\0b"}]],
    "long text": [[{**GOOD[0], "place": "a" * 30_000}]],
    "huge": b" " * (codec.LARGEST + 1),
    "empty": b"",
}


@pytest.mark.parametrize("name", BAD)
def test_answers_that_are_none_are_refused(name, tmp_path):
    with pytest.raises(BadAnswer):
        told(tmp_path, BAD[name])


def test_what_is_no_plain_file_is_refused(tmp_path):
    (tmp_path / "real").write_text(json.dumps([GOOD]))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "missing", "."):
        with pytest.raises(BadAnswer):
            read_answers(tmp_path / name, 1, FORM)
