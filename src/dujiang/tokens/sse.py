"""Server-sent events as they come in, in pieces of any size, and what a gateway must know of them.

Events go on as the bytes they came as. Only those that may hold a usage are read, which a search for the word tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from dujiang.tokens.counting import reported
from dujiang.tokens.prices import Usage

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_NULL = re.compile(rb',\s*"usage":\s*null')
_ENDS = re.compile(rb'"type": ?"response\.(?:completed|incomplete|failed)"')
LONGEST = 16 * 2**20
"""Bytes of one event; a stream with a longer one is broken."""
DONE = b"data: [DONE]\n\n"


class Broken(ValueError):
    """What comes is not a stream of events."""


class Blocks:
    """Cuts a stream into blocks of whole events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return the events that are whole now; raises `Broken` for one without an end."""
        data = self._rest + data if self._rest else data
        if data.endswith(b"\n\n"):
            self._rest = b""
            return data
        end = data.rfind(b"\n\n") + 2
        if end < 2 or b"\r" in data:
            end = max((found.end() for found in _END.finditer(data)), default=0)
        self._rest = data[end:]
        if len(self._rest) > LONGEST:
            raise Broken
        return data[:end]

    @property
    def torn(self) -> bool:
        """Whether a piece of an event is left over."""
        return bool(self._rest.strip())


def events(block: bytes) -> Iterator[bytes]:
    """Yield the events of a block, each with its end."""
    at = 0
    for found in _END.finditer(block):
        yield block[at : found.end()]
        at = found.end()


def payload(event: bytes) -> bytes:
    """Return an event's data, its lines joined."""
    lines = event.splitlines()
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))


class Meter:
    """Counts a stream's events, and reads the usage out of those that hold one.

    With ``hide`` what the gateway asked for and the client did not is taken out again: the last event, which holds
    nothing but the usage, and the empty usage of the others.
    """

    def __init__(self, hide: bool) -> None:
        self._hide = hide
        self.usage: Usage | None = None
        self.events = 0
        self.bytes = 0
        self.shortest = 0
        self.done = False
        """Whether the stream said that it ended."""

    def feed(self, block: bytes) -> bytes:
        """Take whole events and return them as the client is to have them."""
        found = block.count(b"data:")
        size = len(block)
        self.events += found
        self.bytes += size
        if found and (size < self.shortest * found or not self.shortest):
            self.shortest = size // found
        if self._hide and b'"usage":null' in block:
            block = block.replace(b',"usage":null', b"")
        if (at := block.find(b'"usage"')) >= 0:
            # Events before the first that has the word go on unread.
            start = block.rfind(b"\n\n", 0, at) + 2 if b"\r" not in block else 0
            start = start if start > 1 else 0
            block = block[:start] + b"".join([self._read(event) for event in events(block[start:])])
        if not self.done and (b"[DONE]" in block or _ENDS.search(block)):
            self.done = True
        return block

    def _read(self, event: bytes) -> bytes:
        if b'"usage"' not in event:
            return event
        try:
            data: Any = orjson.loads(payload(event))
        except orjson.JSONDecodeError:
            return event
        if not isinstance(data, dict):
            return event
        usage = reported(data)
        if usage is None:
            return _NULL.sub(b"", event) if self._hide else event
        self.usage = usage
        if self._hide and data.get("choices") == []:
            return b""
        return event

    @property
    def beyond(self) -> int:
        """Bytes over those of as many events like the shortest."""
        return max(0, self.bytes - self.events * self.shortest)
