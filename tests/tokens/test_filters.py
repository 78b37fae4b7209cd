"""What a policy refuses is found wherever a stream is cut."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dujiang.messages import Refused
from dujiang.tokens.filters import WIDTH, Filter, Hold, answered, asked

WORDS = Filter(["禁词", "Forbidden"], [r"\d{17}[\dX]"])


def event(text, index=0):
    return b"data: " + orjson.dumps({"choices": [{"index": index, "delta": {"content": text}}]}) + b"\n\n"


def content(block):
    found = {}
    for one in block.split(b"\n\n"):
        if one.startswith(b"data: {"):
            choice = orjson.loads(one[6:])["choices"][0]
            found[choice["index"]] = found.get(choice["index"], "") + choice["delta"].get("content", "")
    return found


def test_words_and_patterns():
    assert WORDS.finds("有禁词的话")
    assert WORDS.finds("this is FORBIDDEN")
    assert WORDS.finds("身份证 11010519491231002X 号")
    assert not WORDS.finds("平常的话 1234")
    assert not Filter([], []).finds("禁词")


@pytest.mark.parametrize("pattern", ["(", "a*", "a{65}", "", "(?:)"])
def test_a_pattern_that_cannot_be_held_back_for_is_refused(pattern):
    with pytest.raises(Refused):
        Filter([], [pattern])
    with pytest.raises(Refused):
        Filter(["长" * (WIDTH + 1)], [])


def test_all_that_is_asked_and_answered_is_read():
    part = [{"type": "text", "text": "甲"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,乙"}}]
    body = {"model": "丙", "messages": [{"role": "user", "content": part}], "instructions": "丁", "prompt": ["戊"]}
    text = asked(body)
    assert all(one in text for one in "甲丁戊")
    assert not any(one in text for one in "乙丙")
    assert "己" in answered({"choices": [{"message": {"content": "己"}}]})
    assert "庚" in answered({"output": [{"content": [{"text": "庚"}]}]})


@given(st.lists(st.tuples(st.text("ab禁词 ", max_size=30), st.integers(0, 1)), max_size=30))
def test_a_stream_that_goes_on_holds_nothing_refused(pieces):
    hold, out, stopped = Hold(WORDS), b"", False
    for text, index in pieces:
        ready, stopped = hold.feed(event(text, index))
        out += ready
        if stopped:
            break
    texts = {}
    for text, index in pieces:
        texts[index] = texts.get(index, "") + text
    assert stopped == any("禁词" in one for one in texts.values())
    if not stopped:
        assert {k: v for k, v in content(out + hold.rest()).items() if v} == {k: v for k, v in texts.items() if v}
    assert not any("禁" in one and one.rstrip().endswith("禁") and stopped for one in content(out).values())
    assert not any("禁词" in one for one in content(out).values())


def test_events_without_text_wait_for_those_before_them():
    hold = Hold(WORDS)
    role = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    assert hold.feed(role) == (role, False)
    assert hold.feed(event("好")) == (b"", False)
    assert hold.feed(role) == (b"", False)
    assert hold.feed(event("长" * WIDTH))[0] == event("好") + role
    assert hold.rest() == event("长" * WIDTH)
