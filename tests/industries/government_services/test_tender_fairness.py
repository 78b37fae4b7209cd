"""Screening tenders: the judge by hand, what the method looks at, and OCDS files that say what is wrong with them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dujiang.industries.government_services import tender_fairness as screening
from dujiang.industries.government_services.tender_fairness import Tender
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def region():
    [case] = screening.cases(1000, "small")
    return case


def test_the_judge_by_hand():
    truth = {"a": True, "b": False, "c": False}
    rows = [{"tender": name, "score": score, "place": 1} for name, score in (("a", 0.5), ("b", 0.9), ("c", 0.1))]
    assert screening.judge(truth, rows) == 0.5
    with pytest.raises(ValueError, match="each open tender"):
        screening.judge(truth, rows[:2])


def test_open_tenders_carry_no_label_and_all_are_ranked_once(region):
    opened = [one.number for one in region.inputs if one.decided is None]
    assert set(opened) == set(region.truth)
    for answer in (screening.baseline(region.inputs), screening.method(region.inputs)):
        assert sorted(row["tender"] for row in answer) == sorted(opened)
        assert [row["place"] for row in answer] == list(range(1, len(opened) + 1))


def test_bids_in_other_currency_units_rank_the_same(region):
    scaled = tuple(replace(one, bids=tuple((firm, bid * 8) for firm, bid in one.bids)) for one in region.inputs)
    first, second = screening.method(region.inputs), screening.method(scaled)
    assert [row["tender"] for row in first[:50]] == [row["tender"] for row in second[:50]]


def test_without_decided_cases_it_still_ranks_better_than_a_coin(region):
    blank = tuple(replace(one, decided=None) for one in region.inputs)
    truth = region.truth | {one.number: bool(one.decided) for one in region.inputs if one.decided is not None}
    assert screening.judge(truth, screening.method(blank)) > 0.6


def test_the_screens_by_hand():
    even = screening._screens(np.array([100.0, 110.0, 120.0]))
    assert even[0] == pytest.approx(10 / 110)
    assert (even[3], even[5], even[6], even[7]) == (pytest.approx(0.2), pytest.approx(0.1), pytest.approx(0), 3)
    assert screening._screens(np.array([100.0]))[7] == 1
    assert all(np.isfinite(screening._screens(np.array([100.0, 100.0, 100.0]))))


GOOD = {
    "ocid": "ocds-1", "date": "2025-03-01T00:00:00Z",
    "bids": {"details": [{"tenderers": [{"id": "甲"}], "value": {"amount": 10.5}}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "row", "field"),
    [
        (lambda one: one.pop("ocid"), "releases[0]", "ocid"),
        (lambda one: one.update(date="spring"), "releases[0]", "date"),
        (lambda one: one.update(decided="yes"), "releases[0]", "decided"),
        (lambda one: one.update(bids={}), "releases[0]", "bids.details"),
        (lambda one: one["bids"]["details"][0].pop("tenderers"), "releases[0]", "bids.details[0].tenderers"),
        (lambda one: one["bids"]["details"][0].update(value={"amount": -1}), "releases[0]", "bids.details[0].value.amount"),
        (lambda one: one["bids"]["details"][0].update(value={"amount": "10"}), "releases[0]", "bids.details[0].value.amount"),
        (lambda one: one["bids"]["details"].append(one["bids"]["details"][0]), "releases[0]", "bids.details[1].tenderers"),
    ],
)  # fmt: skip
def test_a_bad_release_is_named_with_its_field(tmp_path, change, row, field):
    release = json.loads(json.dumps(GOOD))
    change(release)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"releases": [release]}))
    with pytest.raises(BadInput) as caught:
        screening.read(path)
    assert (caught.value.row, caught.value.field) == (row, field)


def test_a_package_without_releases_or_with_one_twice_is_refused(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"releases": []}))
    with pytest.raises(BadInput, match="releases"):
        screening.read(path)
    path.write_text(json.dumps({"releases": [GOOD, GOOD]}))
    with pytest.raises(BadInput, match="each ocid once"):
        screening.read(path)


def test_what_a_bureau_sends_is_read(tmp_path):
    path = tmp_path / "good.json"
    path.write_text(json.dumps({"releases": [GOOD | {"decided": True}]}))
    assert screening.read(path) == (Tender("ocds-1", "2025-03-01", (("甲", 10.5),), True),)
