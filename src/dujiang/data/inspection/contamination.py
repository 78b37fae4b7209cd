"""Texts of a benchmark in a corpus, by shared n-grams of 13 tokens as GPT-3's authors looked for them.

Brown et al. (2020, appendix C) call an item dirty when any 13-gram of it stands in the training data, leaving out n-grams that
stand in more than ten documents. A token here is a Chinese character, or a run of letters and digits, case and punctuation
aside, so that Chinese texts without blanks are tokens too; an item of fewer tokens is looked for as a whole, from 8 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import njit, prange

from dujiang.data.inspection.duplicates import _folded, _mixed

NGRAM, SHORTEST = 13, 8
COMMON = 10
"""An n-gram in more documents than this is a common phrase, not a copy."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark's n-grams: ``grams`` sorted uint64, ``items`` how many there are, ``too_short`` how many have too few tokens.

    ``owners`` and ``places`` pair items with the places of their n-grams.
    """

    name: str
    items: int
    too_short: int
    grams: Any
    owners: Any
    places: Any
    lengths: Any


def benchmark(name: str, texts: Sequence[str]) -> Benchmark:
    """Return the n-grams of a benchmark's texts."""
    tokens, starts = tokens_of(texts)
    owners: list[Any] = []
    found: list[Any] = []
    lengths: set[int] = set()
    short = 0
    for item in range(len(texts)):
        own = tokens[starts[item] : starts[item + 1]]
        if len(own) < SHORTEST:
            short += 1
            continue
        length = min(NGRAM, len(own))
        lengths.add(length)
        hashes = _grams(own, length)
        found.append(hashes)
        owners.append(np.full(len(hashes), item))
    grams = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)
    joined = np.concatenate(found) if found else np.zeros(0, np.uint64)
    return Benchmark(
        name,
        len(texts),
        short,
        grams,
        np.concatenate(owners) if owners else np.zeros(0, np.int64),
        np.searchsorted(grams, joined),
        np.array(sorted(lengths), np.int64),
    )


def hits(texts: Sequence[str], of: Benchmark) -> Any:
    """Return in how many of the texts each of the benchmark's n-grams stands, (grams,) int64."""
    found = np.zeros(len(of.grams), np.int64)
    if len(of.grams) and len(texts):
        tokens, starts = tokens_of(texts)
        _hits(tokens, starts, of.grams, of.lengths, found)
    return found


def dirty(of: Benchmark, found: Any) -> Any:
    """Return the numbers of the items that stand in the corpus, by the hits of all of it, ascending."""
    seen = (found > 0) & (found <= COMMON)
    return np.unique(of.owners[seen[of.places]])


def tokens_of(texts: Sequence[str]) -> tuple[Any, Any]:
    """Return the texts' tokens as hashes, and where each text's begin (n + 1)."""
    lengths = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    tokens = np.empty(len(points), np.uint64)
    sizes = np.zeros(len(texts), np.int64)
    _tokens(points, starts, _folded(), _kinds(), tokens, sizes)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    packed = np.empty(int(ends[-1]), np.uint64)
    _pack(tokens, starts, sizes, packed)
    return packed, ends


@cache
def _kinds() -> Any:
    """Return for each character of the basic plane: 0 no part of a token, 1 a letter or digit, 2 a token by itself."""
    table = np.zeros(0x10000, np.uint8)
    for point in range(0x10000):
        if chr(point).isalnum():
            table[point] = 2 if point >= 0x2E80 else 1
    return table


@njit(cache=True, parallel=True)
def _tokens(points: Any, starts: Any, folded: Any, kinds: Any, tokens: Any, sizes: Any) -> None:
    for document in prange(len(starts) - 1):
        count, word = 0, np.uint64(0)
        for at in range(starts[document], starts[document + 1]):
            point = points[at]
            kind = 2
            if point < folded.size:
                point = folded[point]
                kind = kinds[point]
            if kind == 1:
                word = _mixed(word ^ np.uint64(point))
                continue
            if word != 0:
                tokens[starts[document] + count] = word
                count += 1
                word = np.uint64(0)
            if kind == 2:
                tokens[starts[document] + count] = _mixed(np.uint64(point))
                count += 1
        if word != 0:
            tokens[starts[document] + count] = word
            count += 1
        sizes[document] = count


@njit(cache=True)
def _pack(tokens: Any, starts: Any, sizes: Any, packed: Any) -> None:
    to = 0
    for document in range(len(sizes)):
        packed[to : to + sizes[document]] = tokens[starts[document] : starts[document] + sizes[document]]
        to += sizes[document]


@njit(cache=True)
def _grams(tokens: Any, length: int) -> Any:
    found = np.empty(max(0, len(tokens) - length + 1), np.uint64)
    for at in range(len(found)):
        value = np.uint64(length)
        for offset in range(length):
            value = value * np.uint64(0x9E3779B97F4A7C15) + tokens[at + offset]
        found[at] = _mixed(value)
    return found


@njit(cache=True)
def _hits(tokens: Any, starts: Any, grams: Any, lengths: Any, found: Any) -> None:
    # One bit of 2^24 says that an n-gram can't be there, which is so for nearly all.
    bits = np.zeros(1 << 21, np.uint8)
    for gram in grams:
        place = gram >> np.uint64(40)
        bits[place >> np.uint64(3)] |= np.uint8(1 << (place & np.uint64(7)))
    last = np.full(len(grams), -1, np.int64)
    for document in range(len(starts) - 1):
        own = tokens[starts[document] : starts[document + 1]]
        for length in lengths:
            for gram in _grams(own, length):
                place = gram >> np.uint64(40)
                if not bits[place >> np.uint64(3)] & np.uint8(1 << (place & np.uint64(7))):
                    continue
                at = np.searchsorted(grams, gram)
                if at < len(grams) and grams[at] == gram and last[at] != document:
                    last[at] = document
                    found[at] += 1
