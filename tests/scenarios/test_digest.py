"""Digests: equal for equal values, different for different ones."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.scenarios.digest import digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def typed(value):
    """The value with the type of each part, since 1, 1.0 and True are equal in Python and are not the same answer."""
    if isinstance(value, dict):
        return ("dict", sorted((key, typed(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", [typed(item) for item in value])
    return (type(value).__name__, repr(value))


@given(values, values)
def test_equal_digests_mean_equal_values(one, other):
    assert (digest(one) == digest(other)) == (repr(typed(one)) == repr(typed(other)))


def test_the_order_of_keys_does_not_matter_that_of_rows_does():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_arrays_differ_by_shape_type_and_content_not_by_layout_or_byte_order():
    array = np.arange(6.0).reshape(2, 3)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.astype(">f8"))
    others = [array.reshape(3, 2), array.astype("float32"), array + 1, array.ravel()]
    assert len({digest(one) for one in [array, *others]}) == 5


def test_a_numpy_number_is_the_number():
    assert digest(np.float64(1.5)) == digest(1.5)
    assert digest(np.int64(3)) == digest(3)


def test_a_dataclass_is_its_fields():
    @dataclass
    class Point:
        x: float
        y: float

    assert digest(Point(1.0, 2.0)) == digest({"y": 2.0, "x": 1.0})


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()]), lambda: 0])
def test_what_is_not_a_plain_value_is_refused(value):
    with pytest.raises(TypeError, match="plain value"):
        digest(value)
