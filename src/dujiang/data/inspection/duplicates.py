"""Exact and near duplicates among documents: MinHash over character n-grams, every candidate verified.

Documents are alike whose sets of character 5-grams have a Jaccard similarity of at least a threshold. Signatures are
one-permutation MinHash (Li, Owen and Zhang 2012) made dense as Shrivastava 2017 does, so a document costs its length once,
not once a hash. Locality-sensitive hashing (bands of rows, Broder 1997; Leskovec, Rajaraman and Ullman) proposes pairs; 32
bands of 4 propose a pair of similarity s with probability 1 - (1 - s^4)^32, which is 0.9999999 at 0.8 and 0.87 at 0.5; what is
proposed is verified on the n-grams themselves, so that precision doesn't hang on the signature.

Fingerprints wait on disk, so memory is the 32 keys of a document. Nothing is quadratic: within a bucket of more than
`GIANT` documents each is compared with its first few and its neighbour only, and how many that was about is said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numba import njit, prange

NGRAM = 5
THRESHOLD = 0.8
BANDS, ROWS = 32, 4
GIANT, LEADERS = 32, 8
BATCH = 20_000
"""Documents that are fingerprinted at once."""
_BINS = BANDS * ROWS
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What is kept of n documents.

    ``digests`` (n, 2) and ``bands`` (n, 32) uint64, ``shingles`` uint32 sorted within a document, and ``sizes`` (n,), how
    many shingles each has.
    """

    digests: Any
    bands: Any
    shingles: Any
    sizes: Any


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Which documents are alike.

    ``group`` (n,) is each document's first alike document (itself where it is the first), transitively; ``exact`` (n,) the
    same for texts that are equal but for width, case and blanks. ``capped`` counts documents that stood in a bucket so
    large that not all its pairs were compared; ``verified`` the pairs that were.
    """

    group: Any
    exact: Any
    capped: int
    verified: int

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len(self.group)

    @property
    def exact_copies(self) -> int:
        """How many documents equal an earlier one."""
        return int((self.exact != np.arange(len(self.exact))).sum())

    @property
    def near_copies(self) -> int:
        """How many more documents are alike an earlier one."""
        return int((self.group != np.arange(len(self.group))).sum()) - self.exact_copies

    def largest(self, count: int = 10) -> list[tuple[int, int]]:
        """Return (first document, size) of the largest groups of more than one."""
        firsts, sizes = np.unique(self.group, return_counts=True)
        order = np.lexsort((firsts, -sizes))[:count]
        return [(int(firsts[n]), int(sizes[n])) for n in order if sizes[n] > 1]


class Store:
    """Fingerprints of many documents, on disk in a folder; add them in the documents' order."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty store."""
        self._folder = folder
        self._files = {name: (folder / name).open("wb") for name in Fingerprints.__slots__}
        self.documents = 0

    def add(self, one: Fingerprints) -> None:
        """Add the fingerprints of the documents that come next."""
        for name, file in self._files.items():
            file.write(np.ascontiguousarray(getattr(one, name)).tobytes())
        self.documents += len(one.sizes)

    def read(self) -> Fingerprints:
        """Return all of them; the shingles stay on disk until they are looked at."""
        for file in self._files.values():
            file.flush()
        sizes = np.fromfile(self._folder / "sizes", np.int64)
        total = int(sizes.sum())
        return Fingerprints(
            np.fromfile(self._folder / "digests", np.uint64).reshape(-1, 2),
            np.fromfile(self._folder / "bands", np.uint64).reshape(-1, BANDS),
            np.memmap(self._folder / "shingles", np.uint32, "r", shape=(total,)) if total else np.zeros(0, np.uint32),
            sizes,
        )

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()


def fingerprints(texts: Sequence[str]) -> Fingerprints:
    """Return the fingerprints of texts, on all cores."""
    lengths = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    digests = np.empty((len(texts), 2), np.uint64)
    bands = np.empty((len(texts), BANDS), np.uint64)
    shingles = np.empty(len(points) + len(texts), np.uint32)
    sizes = np.empty(len(texts), np.int64)
    _fingerprint(points, starts, _folded(), digests, bands, shingles, sizes)
    return Fingerprints(digests, bands, _packed(shingles, starts, sizes), sizes)


def duplicates(of: Fingerprints, threshold: float = THRESHOLD) -> Duplicates:
    """Group documents by their fingerprints; the same documents in the same order give the same groups."""
    count = len(of.sizes)
    exact = _exact(of.digests)
    firsts = np.flatnonzero(exact == np.arange(count))
    places = np.concatenate([[0], np.cumsum(of.sizes)])
    parent = np.arange(count)
    giant = np.zeros(count, np.bool_)
    verified = 0
    for band in range(BANDS):
        keys = of.bands[firsts, band]
        order = np.argsort(keys, kind="stable")
        one, other = _proposed(keys[order], firsts[order], parent, giant)
        if len(one):
            alike = _alike(one, other, places, of.shingles, of.sizes, threshold)
            _join(one, other, alike, parent)
            verified += len(one)
    group = _roots(parent)
    return Duplicates(group[exact], exact, int(giant.sum()), verified)


def of_texts(texts: Sequence[str], threshold: float = THRESHOLD) -> Duplicates:
    """Group texts that are in memory."""
    made = [fingerprints(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)] or [fingerprints([])]
    joined = {name: np.concatenate([getattr(one, name) for one in made]) for name in Fingerprints.__slots__}
    return duplicates(Fingerprints(**joined), threshold)


def jaccard(one: str, other: str) -> float:
    """Return the Jaccard similarity of two texts' sets of n-grams, by their definition."""
    first, second = _grams(one), _grams(other)
    return len(first & second) / len(first | second) if first or second else 1.0


def folded(text: str) -> str:
    """Return a text without blanks, letters lower and of one width: what is compared."""
    table = _folded()
    return "".join(chr(point) for char in text if (point := table[ord(char)] if ord(char) < len(table) else ord(char)))


def _grams(text: str) -> set[str]:
    text = folded(text)
    return {text[at : at + NGRAM] for at in range(max(1, len(text) - NGRAM + 1))} if text else set()


@cache
def _folded() -> Any:
    """Return each character of the basic plane as it is compared: NFKC and case folded where that is one character; 0 for blanks."""
    table = np.arange(0x10000, dtype=np.uint32)
    for point in range(0x10000):
        char = chr(point)
        if char.isspace() or unicodedata.category(char) in ("Cc", "Cf"):
            table[point] = 0
            continue
        form = unicodedata.normalize("NFKC", char).casefold()
        if len(form) == 1:
            table[point] = ord(form)
    return table


def _exact(digests: Any) -> Any:
    """Return each document's first with the same digest."""
    _, first, inverse = np.unique(
        np.ascontiguousarray(digests).view([("a", np.uint64), ("b", np.uint64)]).ravel(),
        return_index=True,
        return_inverse=True,
    )
    return first[inverse] if len(first) else np.zeros(0, np.int64)


@njit(cache=True, inline="always")
def _mixed(value: Any) -> Any:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True, parallel=True)
def _fingerprint(points: Any, starts: Any, table: Any, digests: Any, bands: Any, shingles: Any, sizes: Any) -> None:
    for document in prange(len(starts) - 1):
        begin, end = starts[document], starts[document + 1]
        kept = np.empty(end - begin, np.uint64)
        count = 0
        for at in range(begin, end):
            point = points[at]
            if point < table.size:
                point = table[point]
            if point != 0:
                kept[count] = point
                count += 1
        first, second = np.uint64(count), np.uint64(0x9E3779B97F4A7C15)
        for at in range(count):
            first = _mixed(first ^ kept[at])
            second = _mixed(second + kept[at] * np.uint64(0xD6E8FEB86659FD93))
        digests[document, 0], digests[document, 1] = first, second

        slots = np.full(_BINS, _EMPTY, np.uint64)
        found = max(0, count - NGRAM + 1)
        if 0 < count < NGRAM:
            found = 1
        hashes = np.empty(found, np.uint32)
        for at in range(found):
            value = np.uint64(0)
            for offset in range(min(NGRAM, count)):
                value = value * np.uint64(0x9E3779B97F4A7C15) + kept[at + offset] + np.uint64(1)
            value = _mixed(value)
            hashes[at] = np.uint32(value & np.uint64(0xFFFFFFFF))
            slot = value >> np.uint64(57)
            slots[slot] = min(slots[slot], value)
        hashes.sort()
        size = 0
        for at in range(found):
            if at == 0 or hashes[at] != hashes[at - 1]:
                shingles[begin + document + size] = hashes[at]
                size += 1
        sizes[document] = size

        if size:
            filled = slots != _EMPTY
            for slot in range(_BINS):
                if not filled[slot]:
                    attempt = np.uint64(1)
                    while True:
                        other = _mixed(np.uint64(slot) * np.uint64(0x100000001) + attempt) & np.uint64(_BINS - 1)
                        if filled[other]:
                            slots[slot] = slots[other]
                            break
                        attempt += np.uint64(1)
        for band in range(BANDS):
            key = np.uint64(band + 1)
            for row in range(ROWS):
                key = _mixed(key ^ slots[band * ROWS + row])
            # A document without characters is like no other.
            bands[document, band] = key if size else _mixed(np.uint64(document)) ^ _EMPTY


@njit(cache=True)
def _packed(shingles: Any, starts: Any, sizes: Any) -> Any:
    packed = np.empty(sizes.sum(), np.uint32)
    to = 0
    for document in range(len(sizes)):
        begin = starts[document] + document
        packed[to : to + sizes[document]] = shingles[begin : begin + sizes[document]]
        to += sizes[document]
    return packed


@njit(cache=True)
def _root(parent: Any, one: int) -> int:
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


@njit(cache=True)
def _proposed(keys: Any, documents: Any, parent: Any, giant: Any) -> Any:
    """Return the pairs of a band's buckets (``keys`` sorted) that aren't in one group already."""
    one = np.empty(1024, np.int64)
    other = np.empty(1024, np.int64)
    count = 0
    begin = 0
    while begin < len(keys):
        end = begin + 1
        while end < len(keys) and keys[end] == keys[begin]:
            end += 1
        large = end - begin > GIANT
        for later in range(begin + 1, end):
            if large:
                giant[documents[later]] = True
            last = min(later, begin + LEADERS) if large else later
            for earlier in range(begin, last + (1 if large and last < later else 0)):
                # The neighbour before it comes after the leaders.
                at = later - 1 if earlier == last else earlier
                if _root(parent, documents[at]) == _root(parent, documents[later]):
                    continue
                if count == len(one):
                    one = np.concatenate((one, np.empty_like(one)))
                    other = np.concatenate((other, np.empty_like(other)))
                one[count], other[count] = documents[at], documents[later]
                count += 1
        begin = end
    return one[:count], other[:count]


@njit(cache=True, parallel=True)
def _alike(one: Any, other: Any, places: Any, shingles: Any, sizes: Any, threshold: float) -> Any:
    alike = np.zeros(len(one), np.bool_)
    for pair in prange(len(one)):
        first, second = one[pair], other[pair]
        at, along = places[first], places[second]
        end, stop = at + sizes[first], along + sizes[second]
        # Sets whose sizes differ too much can't reach the threshold.
        if min(sizes[first], sizes[second]) < threshold * max(sizes[first], sizes[second]):
            continue
        both = 0
        while at < end and along < stop:
            if shingles[at] == shingles[along]:
                both += 1
                at += 1
                along += 1
            elif shingles[at] < shingles[along]:
                at += 1
            else:
                along += 1
        alike[pair] = both >= threshold * (sizes[first] + sizes[second] - both)
    return alike


@njit(cache=True)
def _join(one: Any, other: Any, alike: Any, parent: Any) -> None:
    for pair in range(len(one)):
        if alike[pair]:
            first, second = _root(parent, one[pair]), _root(parent, other[pair])
            parent[max(first, second)] = min(first, second)


@njit(cache=True)
def _roots(parent: Any) -> Any:
    roots = np.empty_like(parent)
    for one in range(len(parent)):
        roots[one] = _root(parent, one)
    return roots
