"""Quantities: what is written in any of the usual ways is read as the number, unit and comparison that was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.plan.quantities import AFTER, OPS, chinese_number, quantities

UNITS = ["%", "亿元", "万亿元", "个", "家", "EFlops", "PB", "万人", "公里", "倍", "毫秒", "个百分点"]
numbers = st.integers(1, 99999) | st.decimals("0.1", "999.9", places=1).map(float)


def only(text):
    (found,) = quantities(text)
    return found


@given(numbers, st.sampled_from(UNITS), st.sampled_from([(op, word) for op, words in OPS.items() for word in words]))
def test_a_word_before_the_number_compares(number, unit, comparison):
    op, word = comparison
    one = only(f"规模{word}{number}{unit}。")
    assert (one.op, one.value, one.unit, one.approximate) == (op, pytest.approx(float(number)), unit, False)


@given(numbers, st.sampled_from(UNITS), st.sampled_from(sorted(AFTER)))
def test_a_word_after_the_unit_compares(number, unit, word):
    assert only(f"企业{number}{unit}{word}").op == AFTER[word]


@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from(UNITS), st.sampled_from(["-", "~", "至", "到"]))
def test_ranges(low, step, unit, between):
    one = only(f"建设{low}{between}{low + step}{unit}平台")
    assert (one.op, one.value, one.low, one.high, one.unit) == ("=", None, low, low + step, unit)


@pytest.mark.parametrize(
    ("text", "op", "value", "unit", "approximate"),
    [
        ("10个左右", "=", 10, "个", True),
        ("约30PB", "=", 30, "PB", True),
        ("100余家", ">", 100, "家", True),
        ("2500多家", ">", 2500, "家", True),
        ("不少于三十个", ">=", 30, "个", False),
        ("1,200家", "=", 1200, "家", False),
        ("翻两番", "=", 4, "倍", False),
        ("三分之二以上", ">=", 66.67, "%", False),
        ("八成以上", ">=", 80, "%", False),
        ("5000PFlops", "=", 5000, "PFlops", False),
        ("5000P", "=", 5000, "P", False),
        ("300EFLOPS", "=", 300, "EFLOPS", False),
        ("十万家", "=", 10, "万家", False),
        ("约占60%以上", ">=", 60, "%", True),
        ("近万家", "=", 1, "万家", True),
        ("2万余人", ">", 2, "万人", True),
        ("上千家", ">=", 1000, "家", True),
        ("过百亿元", ">", 100, "亿元", False),
        ("千亿级", ">=", 1000, "亿元", False),
        ("4万P以上", ">=", 4, "万P", False),
        ("一万两千家", "=", 12000, "家", False),
        ("百分之七十以上", ">=", 70, "%", False),
        ("过半数", ">", 50, "%", False),
        ("2/3以上", ">=", 66.67, "%", False),
        ("进入全国前三", "<=", 3, "位", False),
        ("排名前10位", "<=", 10, "位", False),
        ("PUE降至1.25以下", "<=", 1.25, "", False),
        ("密度达到500台/万人", ">=", 500, "台/万人", False),
        ("小于等于1ms", "<=", 1, "ms", False),
        ("一点五万亿元", "=", 1.5, "万亿元", False),
    ],
)
def test_turns_of_phrase(text, op, value, unit, approximate):
    one = only(text)
    assert (one.op, one.value, one.unit, one.approximate) == (op, value, unit, approximate)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("300亿元", 3e10, "CNY"),
        ("1.2万亿元", 1.2e12, "CNY"),
        ("5000P", 5e18, "FLOP/s"),
        ("100EFlops", 1e20, "FLOP/s"),
        ("30PB", 3e16, "B"),
        ("5万人", 5e4, "人"),
        ("10万家", 1e5, "家"),
        ("20毫秒", 0.02, "s"),
        ("70%", 70, "%"),
        ("1000公里", 1e6, "m"),
    ],
)
def test_the_normal_form(text, value, unit):
    assert only(text).normalised() == {"value": value, "low": None, "high": None, "unit": unit}


@pytest.mark.parametrize(
    "text", ["5G网络", "第3批", "国发〔2025〕11号", "2026年5月5日", "“1+N”体系", "A100芯片", "从0到1"]
)
def test_what_is_no_quantity(text):
    assert not list(quantities(text))


@given(st.integers(1, 9999))
def test_chinese_numerals(number):
    digits, powers = "零一二三四五六七八九", ("", "十", "百", "千")
    written = ""
    for place, digit in enumerate(reversed(str(number))):
        if digit != "0":
            written = digits[int(digit)] + powers[place] + written
    assert chinese_number(written) == number


@given(st.text())
def test_no_text_breaks_it_and_findings_are_in_order(text):
    end = 0
    for one in quantities(text):
        assert end <= one.start < one.end <= len(text)
        end = one.end
