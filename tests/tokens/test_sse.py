"""A stream cut anywhere means the same."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.tokens import sse
from dujiang.tokens.prices import Usage

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def chunk(text, **more):
    return {"choices": [{"index": 0, "delta": {"content": text}}], **more}


def event(data, end="\n"):
    return b"data: " + orjson.dumps(data) + 2 * end.encode()


TEXTS = st.lists(st.text(max_size=10) | st.just('say "usage":null and {"usage": 1}'), max_size=12)


@given(TEXTS, st.lists(st.integers(1, 40), min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_stream_in_pieces_is_the_stream(texts, sizes, end, asked):
    last = event({"choices": [], "usage": USAGE}, end)
    whole = b"".join(event(chunk(one, usage=None), end) for one in texts) + last + b"data: [DONE]" + 2 * end.encode()
    blocks, meter, out, at, turn = sse.Blocks(), sse.Meter(hide=not asked), b"", 0, 0
    while at < len(whole):
        size = sizes[turn % len(sizes)]
        if block := blocks.feed(whole[at : at + size]):
            out += meter.feed(block)
        at, turn = at + size, turn + 1
    assert not blocks.torn
    assert meter.usage == Usage(7, 0, 3)
    assert meter.events == len(texts) + 2
    assert meter.done
    if asked:
        assert out == whole
    else:
        # What was asked for by the gateway alone is gone again, and nothing else.
        assert out == b"".join(event(chunk(one), end) for one in texts) + b"data: [DONE]" + 2 * end.encode()


def test_usage_with_a_choice_is_read_and_kept():
    meter = sse.Meter(hide=True)
    block = event(chunk("a", usage=USAGE))
    assert meter.feed(block) == block
    assert meter.usage == Usage(7, 0, 3)


def test_an_event_of_the_responses_api_is_read():
    meter = sse.Meter(hide=False)
    inner = {"usage": {"input_tokens": 4, "output_tokens": 2}}
    block = b"event: response.completed\n" + event({"type": "response.completed", "response": inner})
    assert meter.feed(block) == block
    assert (meter.usage, meter.done) == (Usage(4, 0, 2), True)


def test_malformed_events_pass_and_count():
    meter = sse.Meter(hide=True)
    block = b'data: {"usage": {"prompt_tok\n\ndata: ["usage"]\n\n: a comment\n\n'
    assert meter.feed(block) == block
    assert (meter.usage, meter.events) == (None, 2)


def test_what_is_no_stream_is_broken(monkeypatch):
    monkeypatch.setattr(sse, "LONGEST", 100)
    blocks = sse.Blocks()
    assert [blocks.feed(b"<html>....") for _ in range(10)] == [b""] * 10
    with pytest.raises(sse.Broken):
        blocks.feed(b"<html>....")
