"""Codes of places and enterprises."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.identity.codes import credit_code, division_of, short_names

# GB/T 2260, by hand: the 21 cities and prefectures of Sichuan.
SICHUAN = {
    "成都市": "510100", "自贡市": "510300", "攀枝花市": "510400", "泸州市": "510500", "德阳市": "510600", "绵阳市": "510700",
    "广元市": "510800", "遂宁市": "510900", "内江市": "511000", "乐山市": "511100", "南充市": "511300", "眉山市": "511400",
    "宜宾市": "511500", "广安市": "511600", "达州市": "511700", "雅安市": "511800", "巴中市": "511900", "资阳市": "512000",
    "阿坝藏族羌族自治州": "513200", "甘孜藏族自治州": "513300", "凉山彝族自治州": "513400",
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), SICHUAN.items())
def test_a_government_has_its_code_under_its_names(name, code):
    short = name if name.endswith("市") else re.match("阿坝|甘孜|凉山", name)[0] + "州"
    for unit in (name, f"{name}人民政府", f"{short}政府", f"{short}人民政府办公室"):
        assert division_of(unit) == code


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("四川省人民政府", "510000"),
        ("湖南省", "430000"),
        ("北京市", "110000"),
        ("襄阳市政府", "420600"),
        ("恩施州", "422800"),
    ],
)
def test_other_provinces_places_too(unit, code):
    assert division_of(unit) == code


@pytest.mark.parametrize("unit", ["科技厅", "省发展改革委(省数据局)", "渡口市", "四川地震局", "", "市"])
def test_what_is_no_government_has_none(unit):
    assert division_of(unit) == ""


# Published codes: China National Petroleum Corporation's listed company, Tencent's.
@pytest.mark.parametrize("code", ["91110000600037341L", "9144030071526726XG"])
def test_a_credit_code_is_taken_and_any_other_last_character_refused(code):
    assert credit_code(f" {code.lower()} ".strip()) == code
    for last in set("0123456789ABCDEFGHJKLMNPQRTUWXY") - {code[-1]}:
        with pytest.raises(ValueError, match="18"):
            credit_code(code[:-1] + last)


@given(st.text(max_size=20))
def test_any_other_text_is_refused_in_both_languages(text):
    try:
        assert len(credit_code(text)) == 18
    except ValueError as error:
        chinese, english = str(error).rsplit("\n", 1)
        assert "信用代码" in chinese
        assert "unified" in english


def test_short_names_are_those_that_people_write():
    names = short_names()
    assert {
        "四川",
        "广西",
        "内蒙古",
        "新疆",
        "香港",
        "成都",
        "阿坝",
        "黔西南",
        "西双版纳",
        "泸州",
        "神农架",
    } - names == {"神农架"}
    assert not [name for name in names if name.endswith(("自治区", "自治州", "地区", "省", "市"))]
    assert division_of("宁夏回族自治区人民政府") == "640000"
