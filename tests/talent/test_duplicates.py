"""Duplicates are found by who people are, not by how common their names are, and never by comparing all with all."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.talent.duplicates import WINDOW, Known, candidates, find, name_key, near
from dujiang.talent.terms import Details

FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂文辉鹏华玉红建志鑫浩宇轩梓涵子豪诗雨欣怡"


def people(count, seed, common=0.0):
    """Different people as a province has them: common names, shared employers and cities."""
    source = random.Random(seed)
    found = {}
    for number in range(count):
        given_name = "".join(source.choices(GIVEN, k=source.choice([1, 2, 2])))
        name = "王伟" if source.random() < common else source.choice(FAMILY) + given_name
        found[number] = Known(
            Details(
                name=name,
                phone=f"13{number:09d}" if source.random() < 0.8 else "",
                email=f"p{number}@example.org" if source.random() < 0.5 else "",
                employer=f"单位{source.randrange(count // 20 + 1)}",
                born=source.randrange(1960, 2004),
            ),
            f"51{source.randrange(1, 22):02d}00",
        )
    return found


def again(one, source):
    """A second record of the same person: some things changed, some are missing, one is mistyped."""
    details = one.details
    changed = {
        "phone": source.choice([details.phone, details.phone, "", f"15{source.randrange(10**9):09d}"]),
        "email": source.choice([details.email, ""]),
        "employer": source.choice([details.employer, details.employer, "新单位"]),
    }
    name = details.name
    if source.random() < 0.1:
        at = source.randrange(len(name))
        name = name[:at] + source.choice(GIVEN) + name[at + 1 :]
    return Known(Details(name=name, born=details.born, **changed), one.city)


def labelled(count, seed):
    source = random.Random(seed)
    records = people(count, seed)
    true = set()
    for number in source.sample(sorted(records), count // 10):
        records[count + number] = again(records[number], source)
        true.add((number, count + number))
    return records, true


def test_second_records_are_found_and_others_left_alone():
    records, true = labelled(3000, 1)
    found = {(one.first, one.second) for one in find(records)}
    assert len(found & true) / len(true) > 0.9
    assert len(found & true) / len(found) > 0.9


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 200), st.integers(0, 1000), st.sampled_from([0.0, 0.5, 1.0]))
def test_comparisons_grow_with_the_records_not_with_their_square(count, seed, common):
    records = people(count, seed, common)
    longest = max(len(one.details.name) for one in records.values())
    keys = 3 + 3 + 2 * longest + 1
    pairs = candidates(records)
    assert len(pairs) <= count * keys * WINDOW
    assert all(first < second for first, second in pairs)


def test_everybody_called_the_same_does_not_make_it_quadratic():
    counts = [len(candidates(people(count, 5, common=1.0))) for count in (500, 1000, 2000)]
    assert counts[2] < 3 * counts[1] < 9 * counts[0]


detail = st.builds(
    Details,
    name=st.text("王李伟芳欧阳", min_size=2, max_size=4),
    phone=st.sampled_from(["", "13800000001", "13800000002"]),
    orcid=st.sampled_from(["", "0000-0002-1825-0097", "0000-0001-5109-3700"]),
    employer=st.sampled_from(["", "甲", "乙"]),
    born=st.sampled_from([0, 1980, 1990]),
)
records = st.lists(st.builds(Known, detail, st.sampled_from(["", "510100", "510700"])), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(records, st.randoms(use_true_random=False))
def test_the_order_of_the_records_changes_nothing(made, source):
    numbers = list(range(len(made)))
    forward = find(dict(zip(numbers, made, strict=True)))
    source.shuffle(numbers)
    shuffled = {number: made[number] for number in numbers}
    assert find(shuffled) == forward


@settings(max_examples=60, deadline=None)
@given(records)
def test_whoever_shares_an_orcid_and_a_name_is_told(made):
    numbered = dict(enumerate(made))
    told = {(one.first, one.second) for one in find(numbered)}
    for first, one in numbered.items():
        for second, other in numbered.items():
            alike = one.details.orcid and one.details == other.details and one.city == other.city
            if first < second and alike:
                assert (first, second) in told


def test_a_common_name_alone_says_nothing_a_rare_one_with_the_year_much():
    crowd = people(2000, 3, common=0.05)
    crowd[9001] = crowd[9002] = Known(Details("王伟", born=1988), "510100")
    crowd[9003] = crowd[9004] = Known(Details("欧阳靖远", employer="某所", born=1988), "510100")
    told = {(one.first, one.second) for one in find(crowd)}
    assert (9003, 9004) in told and (9001, 9002) not in told


@pytest.mark.parametrize(
    ("first", "second"), [("Li, Wei", "Wei LI"), ("陳明", "陈明"), ("Li Wei-Ming", "ming wei li"), ("李　明", "李明")]
)
def test_one_name_is_written_in_many_ways(first, second):
    assert name_key(first) == name_key(second)


def test_near_is_one_slip():
    assert near("王小明", "王晓明") and near("王明", "王小明") and near("abcd", "abdc") and not near("ab", "ab")
    assert not near("王小明", "李晓明") and not near("王", "王小明")
