"""The broker takes the pool that costs least, all things counted, and says why of each."""

from hypothesis import given
from hypothesis import strategies as st

from dujiang.compute.broker import WAIT_FEN_AN_HOUR, Candidate, choose


def chosen(*candidates, seconds=600.0, due_in=None):
    [first] = [one for one in choose(candidates, seconds, due_in) if one.chosen]
    return first.pool


def test_each_thing_can_turn_the_choice():
    near = Candidate(pool="near", most=500, wait=0.0)
    assert chosen(near, Candidate(pool="far", most=400, wait=0.0)) == "far"
    assert chosen(near, Candidate(pool="far", most=400, wait=3600.0 * 101 / WAIT_FEN_AN_HOUR)) == "near"
    assert chosen(near, Candidate(pool="far", most=400, wait=0.0, move=101)) == "near"
    assert chosen(near, Candidate(pool="far", most=400, wait=0.0, kwh=10, power=11)) == "near"
    assert chosen(near, Candidate(pool="far", most=400, wait=0.0, payable=False)) == "near"
    late = Candidate(pool="far", most=400, wait=100.0)
    assert chosen(near, late, due_in=650.0) == "near"
    assert chosen(near, late, due_in=700.0) == "far"


def test_where_all_are_late_the_earliest_is_best():
    assert chosen(Candidate(pool="a", most=1, wait=900.0), Candidate(pool="b", most=99, wait=10.0), due_in=1.0) == "b"


def test_it_says_why_in_both_languages():
    one, other = choose(
        [Candidate(pool="a", most=1234, wait=0), Candidate(pool="b", most=1, wait=7e5, payable=False)], 60, 60
    )
    assert (one.pool, one.chosen, other.chosen) == ("a", True, False)
    assert one.why.zh == "至多 12.34 元，现有空位"
    assert "the vouchers do not reach" in other.why.en
    assert "赶不上截止时间" in other.why.zh
    assert choose([], 1.0) == []


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e6), st.booleans()), min_size=1, max_size=6),
    st.floats(1, 1e6),
)
def test_no_pool_that_could_do_it_is_passed_over_for_one_that_cannot(rows, due_in):
    pools = [
        Candidate(pool=str(n), most=most, wait=wait, payable=payable) for n, (most, wait, payable) in enumerate(rows)
    ]
    first = next(one for one in pools if one.pool == chosen(*pools, due_in=due_in))
    able = [one for one in pools if one.payable and one.wait + 600 <= due_in]
    if able:
        assert first in able
        assert first.score == min(one.score for one in able)
