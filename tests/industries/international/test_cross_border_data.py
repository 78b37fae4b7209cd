"""Exports: the law's thresholds at their edges, check digits, columns by their cells, and packages that say what is wrong."""

import copy
import json
from dataclasses import replace

import pytest
from faker import Faker
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.international import cross_border_data as export
from dujiang.industries.international.cross_border_data import Export
from dujiang.messages import BadInput

PLAIN = Export("T", (), 1)


@pytest.mark.parametrize(
    ("declared", "level", "owed"),
    [
        (replace(PLAIN, people=99_999), "personal", "none"),
        (replace(PLAIN, people=100_000), "personal", "contract"),
        (replace(PLAIN, people=1, earlier=99_999), "personal", "contract"),
        (replace(PLAIN, people=999_999), "personal", "contract"),
        (replace(PLAIN, people=1_000_000), "personal", "assessment"),
        (replace(PLAIN, people=1), "sensitive", "contract"),
        (replace(PLAIN, people=9_999), "sensitive", "contract"),
        (replace(PLAIN, people=1, earlier_sensitive=9_999), "sensitive", "assessment"),
        (replace(PLAIN, people=5_000_000), "none", "none"),
        (replace(PLAIN, people=5_000_000, purpose="contract"), "sensitive", "none"),
        (replace(PLAIN, people=1, critical=True), "personal", "assessment"),
        (replace(PLAIN, people=1, critical=True, purpose="staff"), "personal", "none"),
        (replace(PLAIN, people=1, important=True), "none", "assessment"),
    ],
)
def test_the_provisions_at_their_edges(declared, level, owed):
    assert export.duty(declared, level) == owed


@given(
    people=st.integers(0, 3_000_000), more=st.integers(0, 3_000_000), level=st.sampled_from(["personal", "sensitive"])
)
@settings(max_examples=60, deadline=None)
def test_more_people_never_lighten_the_duty(people, more, level):
    order = ("none", "contract", "assessment")
    first, second = (export.duty(replace(PLAIN, people=count), level) for count in (people, people + more))
    assert order.index(first) <= order.index(second)


def test_numbers_with_check_digits_against_published_examples():
    assert export._identity("11010519491231002X")  # the example of GB 11643
    assert not export._identity("110105194912310021")
    assert export._identity("10000000146")  # Türkiye's example
    assert export._identity("44051401359")  # Poland's example
    assert not export._identity("44051401358")
    assert export._iban("GB82 WEST 1234 5698 7654 32")
    assert not export._iban("GB82 WEST 1234 5698 7654 33")
    assert export._luhn("4111111111111111")
    assert not export._luhn("4111111111111112")


@given(st.integers(0, 10**9))
@settings(max_examples=10, deadline=None)
def test_identity_numbers_of_another_maker_are_known(seed):
    fake = Faker("zh_CN")
    fake.seed_instance(seed)
    assert export._identity(fake.ssn())


@pytest.mark.parametrize(
    ("heading", "cells", "level"),
    [
        ("ext3", ["138 0013 8000", "159 1234 5678", "+86 177 1111 2222"], "personal"),
        ("备用1", ["a.b@example.com", "c@example.org", ""], "personal"),
        ("手机", ["20260001", "20260002", "20260003"], "none"),
        ("name", ["4.50", "19.90", "120.00"], "none"),
        ("出生日期", ["2026-01-03", "2026-02-04", "2026-02-28"], "none"),
        ("dt", ["1956-01-03", "1988-02-04", "2001-02-28"], "personal"),
        ("dt", ["১৯৫৬-০১-০৩", "১৯৮৮-০২-০৪", "২০০১-০২-২৮"], "personal"),
        ("备注", ["加急", "", "易碎 13800138000", "加急"], "personal"),
        ("备注", ["加急", "", "易碎", "加急"], "none"),
        ("x", ["30.657312, 104.065712", "30.111111, 104.222222"], "sensitive"),
        ("address", ["10.1.2.3", "192.168.7.1"], "none"),
        ("x", ["高血压", "高血压", "2型糖尿病", "高血压"], "sensitive"),
        ("身份证号", ["", ""], "none"),
        ("x", ["1797900999123", "4410283771925"], "none"),  # the first dials out of China to a country that isn't
    ],
)  # fmt: skip
def test_cells_speak_before_the_heading(heading, cells, level):
    assert export._by_cells(heading, cells)[0] == level


def test_the_judge_by_hand():
    truth = {"a": {"levels": ("personal", "none"), "duty": "none"}, "b": {"levels": ("sensitive",), "duty": "contract"}}
    rows = [
        {"table": "a", "column": 0, "level": "personal", "duty": "none"},
        {"table": "a", "column": 1, "level": "personal", "duty": "none"},
        {"table": "b", "column": 0, "level": "personal", "duty": "none"},
    ]
    assert export.judge(truth, rows) == pytest.approx(100 * (2 * 1 / (3 + 2) + 0.5) / 2)
    with pytest.raises(ValueError, match="each column once"):
        export.judge(truth, rows[1:])


def test_the_inputs_hold_no_label():
    [case] = export.cases(1000, "small")
    assert len(case.inputs) == len(case.truth)
    for answer in (export.baseline(case.inputs), export.method(case.inputs)):
        assert len(answer) == sum(len(one.columns) for one in case.inputs)


GOOD = {
    "name": "orders", "data": [["收件人", "n"], ["王小明", 3], ["李华", None]],
    "export": {"people": 12, "earlier": 3, "purpose": "contract"},
}  # fmt: skip


def test_what_an_exporter_sends_is_read(tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps({"resources": [GOOD]}))
    columns = (("收件人", ("王小明", "李华")), ("n", ("3", "")))
    assert export.read(path) == (Export("orders", columns, 12, 3, purpose="contract"),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda one: one.pop("name"), "name"),
        (lambda one: one.update(data=[]), "data"),
        (lambda one: one["data"][1].append("more"), "data[1]"),
        (lambda one: one.pop("export"), "export"),
        (lambda one: one["export"].pop("people"), "export.people"),
        (lambda one: one["export"].update(earlier=-1), "export.earlier"),
        (lambda one: one["export"].update(purpose="fun"), "export.purpose"),
        (lambda one: one["export"].update(critical="no"), "export.critical"),
    ],
)
def test_a_bad_resource_is_named_with_its_field(tmp_path, change, field):
    resource = copy.deepcopy(GOOD)
    change(resource)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"resources": [resource]}))
    with pytest.raises(BadInput) as caught:
        export.read(path)
    assert (caught.value.row, caught.value.field) == ("resources[0]", field)


def test_a_package_without_resources_or_with_one_twice_is_refused(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"resources": []}))
    with pytest.raises(BadInput, match="resources"):
        export.read(path)
    path.write_text(json.dumps({"resources": [GOOD, GOOD]}))
    with pytest.raises(BadInput, match="each name once"):
        export.read(path)
