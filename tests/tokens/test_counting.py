"""The most that a request can use, and what stands in for a report that is not there."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dujiang.tokens.counting import Limits, counted, most, reported
from dujiang.tokens.prices import Usage

LIMITS = Limits(context=32768, output=4096)
CHAT = "/v1/chat/completions"


def bound(body, path=CHAT, limits=LIMITS):
    return most(path, body, orjson.dumps(body), limits)


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(1, 40_000))
def test_the_bytes_of_the_texts_bound_the_prompt(texts, longest):
    body = {"model": "m", "messages": [{"role": "user", "content": one} for one in texts], "max_tokens": longest}
    found = bound(body)
    assert found.prompt >= min(sum(len(one.encode()) for one in texts) + 8 * len(texts), LIMITS.context)
    assert found.completion == min(longest, LIMITS.context)


def test_what_the_request_allows_decides_the_completion():
    ask = {"model": "m", "messages": []}
    assert bound(ask).completion == 4096
    assert bound({**ask, "max_tokens": 10, "max_completion_tokens": 20}).completion == 20
    assert bound({**ask, "max_tokens": 10, "n": 3}).completion == 30
    assert bound({**ask, "max_tokens": -1, "n": 0}).completion == 4096
    assert bound({**ask, "max_tokens": True}).completion == 4096
    assert bound({**ask, "max_tokens": 10**9}).completion == LIMITS.context
    plain = bound({**ask, "max_tokens": 10})
    assert bound({**ask, "max_tokens": 10, "prediction": {"content": "x" * 100}}).completion > plain.completion + 100


def test_a_list_of_prompts_counts_each():
    path = "/v1/completions"
    assert bound({"prompt": ["a", "b"], "max_tokens": 7, "best_of": 2}, path).completion == 28
    assert bound({"prompt": [1, 2, 3], "max_tokens": 7}, path).completion == 7
    assert bound({"prompt": [[1], [2, 3]], "max_tokens": 7}, path).completion == 14
    assert bound({"prompt": "a"}, path).prompt < 400


def test_embeddings_have_no_completion():
    found = bound({"input": ["a" * 1000, "b"]}, "/v1/embeddings")
    assert found.completion == 0
    assert 1001 <= found.prompt <= 2 * LIMITS.context


def test_what_the_service_fetches_can_be_as_long_as_the_context():
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    assert bound({"messages": [{"role": "user", "content": [image]}]}).prompt >= LIMITS.image
    for part in ({"type": "file", "file": {"file_id": "f"}}, {"type": "input_audio", "input_audio": {}}):
        assert bound({"messages": [{"role": "user", "content": [part]}]}).prompt == LIMITS.context
    for body in ({"previous_response_id": "r"}, {"conversation": "c"}, {"prompt": {"id": "p"}}):
        assert bound({"input": "a", **body}, "/v1/responses").prompt == LIMITS.context
    # A text that only quotes such a part is a text.
    assert bound({"messages": [{"role": "user", "content": '{"type":"file"}'}]}).prompt < 500


def test_both_spellings_of_usage_are_read():
    chat = {"usage": {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}}
    assert reported(chat) == Usage(10, 4, 5)
    assert reported({"usage": {"prompt_tokens": 10, "total_tokens": 10}}) == Usage(10, 0, 0)
    inner = {"input_tokens": 3, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    assert reported({"usage": inner}) == Usage(3, 1, 2)
    assert reported({"type": "response.completed", "response": {"usage": inner}}) == Usage(3, 1, 2)


def test_a_report_that_makes_no_sense_is_none():
    for usage in (None, [], "12", {"prompt_tokens": -1}, {"prompt_tokens": 1.5}, {"prompt_tokens": True}, {}):
        assert reported({"usage": usage}) is None
    broken = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}
    assert reported({"usage": broken}) == Usage(3, 0, 1)


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**6))
def test_a_count_is_within_the_bound(sent, events, beyond):
    found = counted(sent, events, beyond, Usage(1000, 0, 500))
    assert found.prompt == min(-(-sent // 3), 1000)
    assert min(events, 500) <= found.completion <= 500
