"""Backfill never delays the job that is next, and preemption stops no more than it must."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.compute.backfill import STOPPING, Preemptible, Running, Timeline, fits

amounts = st.fixed_dictionaries({"cpus": st.integers(0, 8), "gpu:V100": st.integers(0, 4000)})
seconds = st.integers(1, 500).map(float)
CAPACITY = {"cpus": 16, "gpu:V100": 8000}


def begun(runs):
    """A pool in which as much runs as fits."""
    pool = Timeline(CAPACITY, [])
    for length, amount in runs:
        if fits(amount, pool.free()):
            pool.start(amount, length)
    return pool


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(seconds, amounts), max_size=8), amounts, st.lists(st.tuples(seconds, amounts), max_size=12))
def test_what_is_backfilled_never_delays_the_reservation(runs, next_one, later):
    pool = begun(runs)
    waits = pool.wait(next_one)
    assert waits is not None  # every amount here is within the capacity
    pool.reserve(next_one)
    for length, amount in later:
        if pool.may_start(amount, length):
            pool.start(amount, length)
            assert all(left >= 0 for left in pool.free().values())
    assert fits(next_one, pool.free(waits))


def test_a_short_job_goes_ahead_and_a_long_one_waits():
    pool = Timeline({"cpus": 4}, [Running(100, {"cpus": 3})])
    pool.reserve({"cpus": 4})
    assert pool.reservation.shadow == 100
    assert pool.may_start({"cpus": 1}, 100)
    assert not pool.may_start({"cpus": 1}, 101)
    roomy = Timeline({"cpus": 5}, [Running(100, {"cpus": 3})])
    roomy.reserve({"cpus": 4})
    assert roomy.may_start({"cpus": 1}, 10_000)
    roomy.start({"cpus": 1}, 10_000)
    assert not roomy.may_start({"cpus": 1}, 10_000)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(seconds, amounts), max_size=8), st.lists(st.tuples(seconds, amounts), max_size=8), amounts)
def test_a_job_expects_to_wait_the_longer_the_more_wait_before_it(runs, waiting, wanted):
    pool = begun(runs)
    before = pool.expected(wanted, 100.0)
    for length, amount in waiting:
        if not pool.may_start(amount, length):
            pool.queue(amount, length)
            after = pool.expected(wanted, 100.0)
            assert after >= before >= 0
            before = after
    assert (before == 0) == pool.may_start(wanted, 100.0)


def test_the_wait_behind_others_is_that_of_a_full_pool():
    pool = Timeline({"cpus": 4}, [Running(100, {"cpus": 4})])
    assert pool.expected({"cpus": 1}, 60) == 100
    pool.queue({"cpus": 4}, 50)
    pool.queue({"cpus": 2}, 40)
    assert pool.expected({"cpus": 1}, 60) == 100 + 50 + 20


def test_what_is_stopped_makes_room_soon():
    runs = Running(100, {"cpus": 3})
    pool = Timeline({"cpus": 4}, [runs])
    pool.stop(runs)
    pool.reserve({"cpus": 4})
    assert pool.reservation.shadow == STOPPING
    assert not pool.may_start({"cpus": 1}, 50)


def test_what_the_pool_never_has_is_not_waited_for():
    pool = Timeline({"cpus": 4}, [])
    assert pool.wait({"cpus": 5}) is None
    assert pool.wait({"gpu:A100": 1}) is None
    pool.reserve({"cpus": 5})
    assert pool.reservation is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(seconds, amounts, st.booleans()), max_size=8), amounts)
def test_preemption_stops_only_what_may_be_and_no_more_than_it_must(runs, wanted):
    pool = Timeline(CAPACITY, [])
    stoppable = []
    for key, (length, amount, may) in enumerate(runs):
        if fits(amount, pool.free()):
            pool.start(amount, length)
            if may:
                stoppable.append(Preemptible(key, length, amount))
    stopped = pool.stopped_for(wanted, stoppable)
    by_key = {one.key: one for one in stoppable}
    if stopped is None:
        left = pool.free()
        for one in stoppable:
            left = {name: left[name] + one.amount[name] for name in left}
        assert not fits(wanted, left)
        return
    assert set(stopped) <= set(by_key)

    def room_without(keys):
        left = pool.free()
        for key in keys:
            left = {name: left[name] + by_key[key].amount[name] for name in left}
        return left

    assert fits(wanted, room_without(stopped))
    for key in stopped:
        assert not fits(wanted, room_without([one for one in stopped if one != key]))
