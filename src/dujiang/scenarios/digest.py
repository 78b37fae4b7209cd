"""One digest for equal plain values, on every machine: what a run's record names its data and answers by."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from typing import Any, Protocol

import numpy as np


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest(value: Any) -> str:
    """Return the SHA-256 (hex) of a plain value as the scenario contract defines them.

    Equal values have equal digests whatever the platform; the order of a dict's keys does not matter, the kind of
    a sequence (tuple or list) neither. Raises TypeError for anything that is not a plain value.
    """
    state = hashlib.sha256()
    _feed(state, value)
    return state.hexdigest()


def _feed(state: _Hash, value: Any) -> None:
    if isinstance(value, np.generic):
        value = value.item()
    match value:
        case None:
            state.update(b"n")
        case bool():
            state.update(b"t" if value else b"f")
        case int():
            _tagged(state, b"i", str(value).encode())
        case float():
            _tagged(state, b"d", struct.pack(">d", value))
        case str():
            _tagged(state, b"s", value.encode())
        case bytes():
            _tagged(state, b"b", value)
        case np.ndarray() if value.dtype.kind in "OV":
            raise TypeError(f"an array of dtype {value.dtype} is not a plain value")
        case np.ndarray():
            _tagged(state, b"a", f"{value.dtype.newbyteorder('=').str[1:]}{value.shape}".encode())
            big = value.astype(value.dtype.newbyteorder(">"), copy=False)
            _tagged(state, b"", np.ascontiguousarray(big).tobytes())
        case list() | tuple():
            _tagged(state, b"l", str(len(value)).encode())
            for item in value:
                _feed(state, item)
        case dict():
            _tagged(state, b"m", str(len(value)).encode())
            for key, item in sorted(value.items(), key=lambda pair: str(pair[0])):
                _feed(state, key)
                _feed(state, item)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            _feed(state, fields)
        case _:
            raise TypeError(f"{type(value).__name__} is not a plain value: use numbers, strings, arrays, lists, dicts")


def _tagged(state: _Hash, tag: bytes, payload: bytes) -> None:
    """Feed a payload with its length before it, so that neighbours can't run into each other."""
    state.update(tag + len(payload).to_bytes(8, "big") + payload)
