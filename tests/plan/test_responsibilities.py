"""Units as plans name them, a bracket at a time."""

import pytest

from dujiang.plan.reader import read_text


def units_of(bracket, second="（责任单位：省科技厅）"):
    line = bracket if bracket[0] in "（〔【[(" else "\n" + bracket
    found = read_text(
        f"某省方案\n一、重点任务\n（一）甲任务。支持发展。{line}\n（二）乙任务。推进建设。{second}"
    ).as_json()
    return found["tasks"][0]["lead"], found["tasks"][0]["cooperating"]


@pytest.mark.parametrize(
    ("bracket", "lead", "cooperating"),
    [
        ("（责任单位：省甲委、省乙局，省丙厅、省丁厅；各市州人民政府）", ["省甲委", "省乙局"], ["省丙厅", "省丁厅", "各市州人民政府"]),
        ("（牵头单位：省科技厅，配合单位：省教育厅、省财政厅）", ["省科技厅"], ["省教育厅", "省财政厅"]),
        ("（牵头单位：省科技厅 配合单位：省教育厅 省财政厅）", ["省科技厅"], ["省教育厅", "省财政厅"]),
        ("（省科技厅牵头，会同省教育厅、省财政厅按职责分工负责）", ["省科技厅"], ["省教育厅", "省财政厅"]),
        ("(省委网信办、公安厅牵头,各有关单位配合)", ["省委网信办", "公安厅"], ["各有关单位"]),
        ("（责任单位：★省科技厅、省教育厅）", ["省科技厅"], ["省教育厅"]),
        ("【责任单位：省科技厅（牵头）、省教育厅】", ["省科技厅"], ["省教育厅"]),
        ("（省甲厅、省乙厅等按职责分工负责，各市人民政府落实）", ["省甲厅", "省乙厅"], ["各市人民政府"]),
        ("（省甲厅、省乙局等按职责分工负责）", ["省甲厅", "省乙局"], []),
        ("〔责任单位：省数据局，各市、县（市、区）人民政府〕", ["省数据局"], ["各市、县（市、区）人民政府"]),
        ("（责任单位：省发展改革委(省数据局)，科技厅）", ["省发展改革委(省数据局)"], ["科技厅"]),
        ("（责任单位：文化和旅游厅、农业农村厅和各市人民政府）", ["文化和旅游厅", "农业农村厅", "各市人民政府"], []),
        ("由省甲委牵头，省乙厅、国网某省电力公司等参与。", ["省甲委"], ["省乙厅", "国网某省电力公司"]),
        ("省甲厅、省乙厅按职责分工负责。", ["省甲厅", "省乙厅"], []),
        ("牵头单位：市甲局\n责任单位：市乙局、各区政府", ["市甲局"], ["市乙局", "各区政府"]),
        ("（省甲局会同省乙局负责）", ["省甲局"], ["省乙局"]),
        ("[绵阳市政府，成都市人民政府、自贡市]", ["绵阳市政府"], ["成都市人民政府", "自贡市"]),
        ("（有关部门按职责分工负责）", ["有关部门"], []),
    ],
)  # fmt: skip
def test_units(bracket, lead, cooperating):
    assert units_of(bracket) == (lead, cooperating)


def test_commas_that_only_list_are_reported():
    text = "某省方案\n一、重点任务\n（一）甲。做事。（责任单位：省甲厅，省乙厅，省丙厅）"
    found = read_text(text).as_json()
    assert found["tasks"][0]["lead"] == ["省甲厅", "省乙厅", "省丙厅"]
    assert any("commas" in one["why"] for one in found["unread"])


def test_a_rule_that_is_not_stated_is_reported_once():
    bracket = "（责任单位：省甲厅，省乙厅、省丙厅）"
    found = read_text(f"某省方案\n一、重点任务\n（一）甲。做事。{bracket}\n（二）乙。做事。{bracket}").as_json()
    assert sum("as is common" in one["why"] for one in found["unread"]) == 1


def test_brackets_of_a_heading_with_items_belong_to_the_level_that_carries_them():
    below = "（一）甲\n1.子一。（责任单位：省甲厅）\n2.子二。（责任单位：省乙厅）"
    above = "（一）甲\n1.子一。做事。\n2.子二。做事。（责任单位：省甲厅）\n（二）乙。做事。（责任单位：省乙厅）"
    titles = lambda text: [one["title"] for one in read_text(f"某省方案\n一、重点任务\n{text}").as_json()["tasks"]]  # noqa: E731
    assert titles(below) == ["子一", "子二"]
    assert titles(above) == ["甲", "乙"]
