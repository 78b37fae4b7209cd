"""What a method goes by is found where it is known, and inputs are changed only where they are meant to be."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.safety.assessment import black_box
from dujiang.safety.assessment.inputs import changed, features
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import LocalEngine
from dujiang.scenarios.registry import in_module

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def told():
    return black_box.assess(in_module("explained"), LocalEngine(), seed=1, seconds=120)


def test_importance_is_where_the_method_looks(told):
    importance = told.data["importance"]
    assert set(importance) == {"strong", "weak", "idle"}
    assert importance["strong"] > 5 * importance["weak"] > 0
    assert importance["idle"] == 0


def test_the_shapley_values_add_up_to_what_the_score_owes_to_the_inputs(told):
    shapley = told.data["shapley"]
    assert shapley["strong"] > shapley["weak"]
    assert abs(shapley["idle"]) < 0.05 * shapley["strong"]


def test_what_changes_the_answer_and_how_it_holds(told):
    assert told.data["counterfactuals"]["idle"] is None
    assert abs(told.data["counterfactuals"]["strong"]) == 0.01
    scores = [one["score"] for one in told.data["stability"]]
    assert scores[0] < scores[1] < scores[2]
    assert not told.findings
    assert "strong" in told.notes[1].zh


@settings(max_examples=25, deadline=None)
@given(
    st.recursive(
        st.one_of(st.integers(-99, 99), st.floats(-9, 9), st.text(max_size=3), st.none(), st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
            st.tuples(inner, inner),
        ),
        max_leaves=12,
    )
)
def test_what_is_put_back_unchanged_is_the_same(inputs):
    before = digest(inputs)
    found = features(inputs)
    assert digest(changed(inputs, [(one, one.values) for one in found])) == before
    if found:
        other = changed(inputs, [(found[0], found[0].values + 1)])
        assert [one.name for one in features(other)][:1] == [found[0].name] or len(found[0].values) > 2
    assert digest(inputs) == before


def test_numbers_that_name_records_are_left_alone():
    inputs = {"number": [0, 1, 2, 3], "length": [4.0, 2.5, 3.0, 1.0], "table": np.arange(8.0).reshape(4, 2) ** 2}
    assert [one.name for one in features(inputs)] == ["length", "table[0]", "table[1]"]
