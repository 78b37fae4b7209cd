"""Which service a request goes to."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dujiang.tokens.upstreams import FAILURES, Breaker, RetryBudget, Service, Upstream, choose


def service(name, **more):
    return Service(Upstream(name, "http://x/v1", **more))


def test_load_is_shared_by_weight():
    services = [service("a", weight=3), service("b", weight=1)]
    got = Counter()
    for _ in range(80):
        one = choose(services, 0)
        one.in_flight += 1
        got[one.spec.name] += 1
    assert got == {"a": 60, "b": 20}


def test_the_next_rank_is_for_when_the_first_cannot():
    first, second = service("a", concurrency=1), service("b", rank=1)
    assert choose([second, first], 0) is first
    first.in_flight = 1
    assert choose([second, first], 0) is second
    second.well = False
    assert choose([second, first], 0) is None


def test_one_that_was_tried_is_taken_again_only_alone():
    first, second = service("a"), service("b", rank=1)
    assert choose([first, second], 0, [first]) is second
    second.well = False
    assert choose([first, second], 0, [first]) is first


def test_a_breaker_opens_after_failures_and_tries_once():
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.lets(0)
        breaker.start()
        breaker.fail(0)
    assert not breaker.lets(0.9)
    assert breaker.lets(1.0)
    breaker.start()
    assert not breaker.lets(1.0), "one trial at a time"
    breaker.fail(1.0)
    assert not breaker.lets(2.9)
    assert breaker.lets(3.0)
    breaker.start()
    breaker.pass_over()
    assert breaker.lets(3.0), "a trial that ended without a word may be made again"
    breaker.start()
    breaker.succeed()
    assert breaker.lets(3.0)
    breaker.fail(3.0)
    assert breaker.lets(3.0), "one failure opens no breaker"


@given(st.lists(st.booleans(), max_size=400))
def test_retries_are_a_share_of_the_requests(steps):
    budget, retries = RetryBudget(), 0
    for requests, wants in enumerate(steps, 1):
        budget.request()
        retries += wants and budget.take()
        assert retries <= 10 + 0.2 * requests
