"""Agreement: published worked examples, another program, and what must hold of any ratings."""

import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dujiang.data.annotation.agreement import (
    Scale,
    agreement,
    box_f1,
    cohen_kappa,
    iou,
    krippendorff_alpha,
    match_boxes,
    span_f1,
)
from dujiang.data.annotation.labels import Box, Kind, Span

# Krippendorff (2011), example C: four observers, twelve units, with gaps.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
UNITS = [[one for one in unit if one != "."] for unit in zip(*(row.split() for row in OBSERVERS), strict=True)]


@pytest.mark.parametrize(
    ("scale", "published"), [(Scale.NOMINAL, 0.743), (Scale.ORDINAL, 0.815), (Scale.INTERVAL, 0.849)]
)
def test_alpha_is_as_krippendorff_works_it_out(scale, published):
    order = list("12345") if scale is Scale.ORDINAL else ()
    assert krippendorff_alpha(UNITS, scale, order) == pytest.approx(published, abs=5e-4)


def by_definition(units, difference):
    """Alpha as defined, by all pairs of values: slow and obviously right."""
    units = [unit for unit in units if len(unit) > 1]
    values = [value for unit in units for value in unit]
    n = len(values)
    within = sum(difference(a, b) / (len(unit) - 1) for unit in units for a in unit for b in unit) / n
    overall = sum(difference(a, b) for a in values for b in values) / (n * (n - 1))
    return 1 - within / overall


RATINGS = st.lists(st.lists(st.integers(1, 5), max_size=4), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(RATINGS)
def test_alpha_is_its_definition(units):
    assume(len({value for unit in units if len(unit) > 1 for value in unit}) > 1)
    nominal = krippendorff_alpha(units)
    interval = krippendorff_alpha(units, Scale.INTERVAL)
    assert nominal == pytest.approx(by_definition(units, lambda a, b: a != b))
    assert interval == pytest.approx(by_definition(units, lambda a, b: (a - b) ** 2))
    assert max(nominal, interval) <= 1
    if all(len(set(unit)) == 1 for unit in units if len(unit) > 1):
        assert nominal == 1 == krippendorff_alpha(units, Scale.ORDINAL, [1, 2, 3, 4, 5])


@settings(max_examples=40, deadline=None)
@given(RATINGS)
def test_the_ordinal_scale_sees_order_alone(units):
    stretched = [[value**3 for value in unit] for unit in units]
    order, far = [1, 2, 3, 4, 5], [1, 8, 27, 64, 125]
    one, other = krippendorff_alpha(units, Scale.ORDINAL, order), krippendorff_alpha(stretched, Scale.ORDINAL, far)
    assert one == pytest.approx(other, nan_ok=True)


def test_kappa_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = random.Random(4)
    for count in (5, 40, 300):
        one = [generator.choice("abc") for _ in range(count)]
        other = [a if generator.random() < 0.6 else generator.choice("abcd") for a in one]
        assert cohen_kappa(one, other) == pytest.approx(metrics.cohen_kappa_score(one, other))


def test_chance_alone_is_no_agreement():
    assert math.isnan(cohen_kappa([], []))
    assert math.isnan(cohen_kappa("aaa", "aaa"))
    assert math.isnan(krippendorff_alpha([["a", "a"], ["a"]]))
    assert cohen_kappa("abab", "aabb") == 0
    assert cohen_kappa("abab", "baba") == -1


SPANS = st.lists(st.builds(Span, st.integers(0, 5), st.integers(6, 9), st.sampled_from("xy")), max_size=5)
BOXES = st.lists(
    st.builds(Box, *[st.integers(0, 8).map(float)] * 2, *[st.integers(1, 6).map(float)] * 2, st.sampled_from("xy")),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(SPANS, SPANS, BOXES, BOXES)
def test_f1_is_symmetric_and_whole_only_for_the_same(one, other, boxes, others):
    assert span_f1(one, other) == span_f1(other, one)
    assert (span_f1(one, other) == 1) == (set(one) == set(other))
    assert box_f1(boxes, others) == pytest.approx(box_f1(others, boxes))
    assert box_f1(boxes, boxes) == 1
    for pair in match_boxes(boxes, others):
        assert pair.iou >= 0.5 and pair.one.label == pair.other.label
        assert pair.iou == iou(pair.other, pair.one)
    assert len({id(pair.one) for pair in match_boxes(boxes, others)}) == len(match_boxes(boxes, others))


def test_boxes_overlap_as_their_areas_do():
    one = Box(0, 0, 10, 10, "a")
    assert iou(one, Box(0, 0, 10, 5, "a")) == 0.5
    assert iou(one, Box(10, 0, 10, 10, "a")) == 0
    assert box_f1([one], [Box(0, 0, 10, 5, "b")]) == 0
    # The best pairing is of all boxes, not of each in turn: the first would take what the second needs.
    left, right = Box(0, 0, 10, 10, "a"), Box(1, 0, 10, 10, "a")
    pairs = match_boxes([left, right], [Box(1, 0, 10, 10, "a"), Box(3, 0, 10, 10, "a")], least=0.6)
    assert len(pairs) == 2 or pairs[0].iou == 1


def test_a_project_agrees_by_items_that_two_answered():
    told = agreement(Kind.CHOICE, [{"a": "x", "b": "x"}, {"a": "y", "b": "x"}, {"a": "y"}, {"b": "y", "c": "y"}])
    assert told.items == 3
    assert told.alike == pytest.approx(2 / 3)
    assert told.kappa["a", "b"] == (0, 2)
    assert told.kappa["b", "c"] == (None, 1)
    assert told.alpha == pytest.approx(by_definition([["x", "x"], ["y", "x"], ["y", "y"]], lambda a, b: a != b))
    spans = agreement(Kind.SPANS, [{"a": (Span(0, 1, "x"),), "b": ()}, {"a": (), "b": ()}])
    assert (spans.alike, spans.alpha, spans.kappa) == (0.5, None, {})
    assert agreement(Kind.BOXES, []).alike is None
