"""Words and patterns that a model's policy refuses, in what is asked and in what is answered, streams too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from dujiang.messages import Refused, Text
from dujiang.tokens import sse

WIDTH = 64
"""Characters that a pattern may match at most: so many are held back of a stream that is filtered."""


class Filter:
    """Keywords (matched without regard to case) and regular expressions."""

    def __init__(self, words: Iterable[str], patterns: Iterable[str]) -> None:
        """Compile; raises `Refused` for a pattern that is none, or that may match more than `WIDTH` characters."""
        words = list(words)
        parts = [re.escape(word) for word in words]
        for pattern in patterns:
            try:
                found = re.compile(pattern)
                widest = re._parser.parse(pattern).getwidth()[1]  # type: ignore[attr-defined]  # no public way to ask
            except re.error as error:
                raise Refused(Text(f"规则“{pattern}”不是正则表达式", f"{pattern!r} is no pattern: {error}")) from error
            if widest > WIDTH or found.match(""):
                raise Refused(
                    Text(
                        f"规则“{pattern}”应匹配 1 至 {WIDTH} 个字符",
                        f"pattern {pattern!r} should match 1 to {WIDTH} characters",
                    )
                )
            parts.append(f"(?:{pattern})")
        if any(len(word) > WIDTH for word in words):
            raise Refused(Text(f"关键词不得超过 {WIDTH} 个字符", f"a keyword has {WIDTH} characters at most"))
        self._pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def finds(self, text: str) -> bool:
        """Whether anything in the text is refused."""
        return bool(self._pattern and self._pattern.search(text))


def texts(value: Any) -> Iterator[str]:
    """Yield all texts in a JSON value but names of fields; images in data addresses are none."""
    if isinstance(value, str):
        if not value.startswith("data:"):
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


ASKED = ("messages", "prompt", "input", "instructions", "tools")
"""The fields of a request that hold what is asked."""


def asked(body: Mapping[str, Any]) -> str:
    """Return what a request asks, as one text."""
    return "\n".join(text for name in ASKED for text in texts(body.get(name)))


def answered(answer: Mapping[str, Any]) -> str:
    """Return what an answer says, as one text."""
    return "\n".join(text for name in ("choices", "output") for text in texts(answer.get(name)))


class Hold:
    """Holds a stream's events back until nothing that is refused can begin in them.

    A piece of text goes on when `WIDTH` characters of its choice have come after it, or the stream has ended.
    """

    def __init__(self, refuses: Filter) -> None:
        self._filter = refuses
        self._texts: dict[Any, str] = {}
        self._waiting: list[tuple[bytes, Any, int | None]] = []
        self._lengths: dict[Any, int] = {}

    def feed(self, block: bytes) -> tuple[bytes, bool]:
        """Take whole events; returns those that may go on, and whether something refused was found."""
        for event in sse.events(block):
            where, text = _delta(event)
            end = None  # an event without text goes on with those before it
            if text:
                kept = self._texts.get(where, "") + text
                if self._filter.finds(kept):
                    return b"", True
                self._texts[where] = kept[-WIDTH:]
                end = self._lengths[where] = self._lengths.get(where, 0) + len(text)
            self._waiting.append((event, where, end))
        ready = 0
        for _, where, end in self._waiting:
            if end is not None and self._lengths[where] - end < WIDTH:
                break
            ready += 1
        out = b"".join(event for event, _, _ in self._waiting[:ready])
        del self._waiting[:ready]
        return out, False

    def rest(self) -> bytes:
        """Return what was held back, when the stream has ended."""
        out = b"".join(event for event, _, _ in self._waiting)
        self._waiting.clear()
        return out


def _delta(event: bytes) -> tuple[Any, str]:
    """Return which choice an event adds to, and the text that it adds."""
    try:
        data = orjson.loads(sse.payload(event))
    except orjson.JSONDecodeError:
        return None, ""
    if not isinstance(data, dict):
        return None, ""
    choices = data.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice = choices[0]
        delta = choice.get("delta")
        if isinstance(delta, dict):
            delta = {name: value for name, value in delta.items() if name != "role"}
        return choice.get("index"), "".join(texts(delta if delta is not None else choice.get("text")))
    delta = data.get("delta")
    return data.get("item_id"), delta if isinstance(delta, str) else ""
