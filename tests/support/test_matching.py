"""Finding and sharing out: constraints, words that stand for others, the labelled set against plain BM25."""

import json
import math
from datetime import date
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.messages import BadInput
from dujiang.support import relevance
from dujiang.support.matching import Index, Kind, Need, Offer, Weights, misfits, share_out, synonyms
from dujiang.support.relevance import LABELLED, judge, ndcg, read

OFFERS, GRADED = read()
INDEX = Index(OFFERS)


def keys(hits):
    return [one.offer.key for one in hits]


def test_a_title_finds_its_own_offer_first():
    missed = [one.key for one in OFFERS if keys(INDEX.search(Need("n", one.title), 1)) != [one.key]]
    assert missed == []


def test_words_that_stand_for_others_are_found_behind_the_same_words():
    offers = [
        Offer("a", Kind.PRODUCT, "招聘撮合", "岗位"),
        Offer("b", Kind.PRODUCT, "用工撮合", "岗位"),
        Offer("c", Kind.DATA, "气象", "温度"),
    ]
    assert keys(Index(offers).search(Need("n", "招聘"))) == ["a", "b"]
    assert keys(Index(offers, Weights(synonym=0)).search(Need("n", "招聘"))) == ["a"]
    assert all(one in synonyms()[other] for one, others in synonyms().items() for other in others)


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sets(st.sampled_from(Kind)), st.none() | st.integers(0, 9), st.sampled_from(["", "5101", "510107", "5133"]),
    st.none() | DAYS, st.booleans(),
    st.lists(
        st.builds(
            Offer, st.uuids().map(str), st.sampled_from(Kind), st.just("智能质检"), st.just("x"), price=st.none() | st.integers(0, 9),
            places=st.sampled_from([(), ("51",), ("5101", "5107")]), since=st.none() | DAYS, until=st.none() | DAYS, domestic=st.booleans(),
        ),
        max_size=8,
    ),
)  # fmt: skip
def test_what_breaks_a_constraint_is_left_out_or_told_and_nothing_else(kinds, budget, place, by, domestic, offers):
    need = Need("n", "质检", "", frozenset(kinds), budget, place, by, domestic)
    index = Index(offers)
    strict, lax = index.search(need), index.search(need, strict=False)
    assert {one.offer.key for one in lax} == {one.key for one in offers}
    assert keys(strict) == keys(lax)[: len(strict)]
    for one in lax:
        good = (
            (not kinds or one.offer.kind in kinds)
            and (budget is None or one.offer.price is None or one.offer.price <= budget)
            and (not place or not one.offer.places or place.startswith(one.offer.places))
            and (by is None or (one.offer.since or by) <= by <= (one.offer.until or by))
            and (not domestic or one.offer.domestic)
        )
        assert good is (not one.breaks) is (one.offer.key in keys(strict))
        assert list(one.breaks) == misfits(need, one.offer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(1, 50), min_size=1, max_size=7),
    st.dictionaries(st.sampled_from("xyz"), st.integers(1, 2)), st.integers(1, 2),
)  # fmt: skip
def test_sharing_out_is_the_best_there_is(scores, capacity, most):
    made = share_out(scores, capacity, most)
    chosen = [(need, offer) for need, found in made.items() for offer in found]

    def holds(pairs):
        return all(sum(n == need for n, _ in pairs) <= most for need, _ in pairs) and all(
            sum(o == offer for _, o in pairs) <= capacity.get(offer, 1) for _, offer in pairs
        )

    assert holds(chosen)
    every = (
        [pair for pair, taken in zip(scores, choice, strict=True) if taken]
        for choice in product([0, 1], repeat=len(scores))
    )
    assert sum(scores[one] for one in chosen) == max(
        sum(scores[one] for one in pairs) for pairs in every if holds(pairs)
    )


def test_ndcg_by_hand():
    # Gains 7, 1 at ranks 1, 3 of an ideal 7, 1.
    found = ndcg(["a", "x", "b"], {"a": 3, "b": 1})
    assert found == pytest.approx((7 + 1 / 2) / (7 + 1 / math.log2(3)))
    assert ndcg([], {"a": 1}) == 0
    assert ndcg(["a"], {"a": 1}) == 1


def test_the_labelled_set_is_whole():
    assert len(OFFERS) >= 150 and len(GRADED) >= 60
    assert len({one.key for one in OFFERS}) == len(OFFERS)
    assert len({one.need.title for one in GRADED}) == len(GRADED)
    assert {one.half for one in GRADED} == set(relevance.HALVES)
    by_key = {one.key: one for one in OFFERS}
    for one in GRADED:
        assert max(one.grades.values()) == 3 or max(one.grades.values()) == 2, one.need.key
        for key, grade in one.grades.items():
            assert grade in (1, 2, 3)
            assert misfits(one.need, by_key[key]) == [], (one.need.key, key)


def test_ours_beats_plain_bm25_on_the_half_that_was_kept_back():
    made = judge()
    report = {(one["half"], one["way"]): one for one in made}
    ours, plain, strict = (report["held-out", way] for way in ("dujiang", "bm25", "bm25 and constraints"))
    assert plain["gain_low"] > 0
    assert ours["ndcg"] - plain["ndcg"] == pytest.approx(plain["gain"])
    # Of that, the constraints are most: the ranking alone is no worse, and by this set not surely better.
    assert strict["gain_high"] > 0 and strict["gain"] > -0.02
    assert judge() == made


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [("offers.jsonl", "{", "一行一个"), ("queries.jsonl", "{}", "一行一个"), ("queries.jsonl", None, "zz")],
)
def test_a_bad_labelled_set_says_where(tmp_path, name, line, said):
    for file in LABELLED.iterdir():
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / name
    lines = path.read_text(encoding="utf-8").splitlines()
    if line is None:
        wrong = json.loads(lines[0])
        line = json.dumps({**wrong, "grades": {"zz": 3}})
    path.write_text("\n".join([lines[0], line]), encoding="utf-8")
    with pytest.raises(BadInput, match=said) as told:
        read(tmp_path)
    assert told.value.row == 2


def test_the_command_prints_what_the_judge_says(tmp_path):
    out = tmp_path / "out.json"
    told = CliRunner().invoke(app, ["support", "judge", "--json", str(out)], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    assert json.loads(out.read_text(encoding="utf-8")) == judge()
    assert "held-out" in told.output
