"""The detectors on the labelled sets, and cases from life beside them."""

import pytest

from dujiang.data.inspection.encoding import faults
from dujiang.data.inspection.judge import judge, measures
from dujiang.data.inspection.personal import found, in_column, wilson, without


def test_detectors_are_as_good_as_they_are_said_to_be():
    for one in judge(7, 400):
        assert (one.precision or 0) >= 0.97, one
        assert (one.recall or 0) >= 0.97, one


def test_measures_by_hand():
    (one, two) = measures("x", [{"a"}, {"a"}, set(), {"b"}], [{"a"}, set(), {"a"}, {"a"}])
    assert (one.kind, one.precision, one.recall, one.labelled) == ("a", 1 / 3, 1 / 2, 2)
    assert (two.kind, two.precision, two.recall) == ("b", None, 0)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("身份证11010519491231002X，", ["resident-id"]),
        ("身份证110105194912310021", []),
        ("11010519491331002X", []),
        ("电话13812345678或028-85551234", ["mobile", "landline"]),
        ("单号9913812345678001", []),
        ("卡号 6222 0210 0112 2334 455", []),
        ("a.b@163.com.", ["email"]),
        ("川A12345、川A·D12345", ["plate", "plate"]),
        ("川AABCDE", []),
    ],
)
def test_personal_data_in_texts(text, kinds):
    assert [kind for kind, _, _ in found(text)] == kinds


def test_what_is_shown_is_masked():
    assert without("张三 13812345678，a.b@163.com") == "张三 138******78，a.b******om"


def test_a_column_needs_more_than_a_few_chance_hits():
    assert in_column("编号", ["13812345678", *map(str, range(200))]) is None
    told = in_column("手机", ["13812345678"] * 50)
    assert told is not None
    assert (told.kind, told.share) == ("mobile", 1.0)
    assert 0.95 < told.confidence < 1
    assert in_column("x", ["", " "]) is None


def test_wilsons_interval():
    # Newcombe 1998, table I: 15 of 148, by the score method 0.0624 to 0.1605.
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


@pytest.mark.parametrize(
    "text", ["Größe „gut“ ½ £3 café", "烫金与屯田", "日期：2024—2025", "ÄÖÜ", "浙江省涓涓细流", "", "한국어"]
)
def test_right_texts_have_no_encoding_faults(text):
    assert list(faults(text)) == []
