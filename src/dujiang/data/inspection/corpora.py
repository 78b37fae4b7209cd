"""Inspecting a corpus: each piece is read once and comes down to counts and fingerprints; those make the report.

A piece's work needs nothing of another's, so pieces run on all cores or on Ray; what is left of a document is some hundred
bytes, and its n-grams on disk.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from dujiang.data.inspection import scripts
from dujiang.data.inspection.contamination import Benchmark, hits
from dujiang.data.inspection.documents import TEXT, Piece, read
from dujiang.data.inspection.duplicates import Fingerprints, fingerprints
from dujiang.data.inspection.encoding import faults
from dujiang.data.inspection.personal import found, masked
from dujiang.messages import Text

LINE = 8
"""Characters of the shortest line that is counted for boilerplate."""
_KEPT = 50_000
"""Different lines that a piece's count keeps, at most; what is dropped was rare (lossy counting, Manku and Motwani 2002)."""
_EXAMPLES = 5
SYMBOLS, REPEATED, ELLIPSES = 0.1, 0.3, 0.3
"""Shares of symbols, of repeated lines, of lines that end in an ellipsis, above which Rae et al. (2021, Gopher, appendix A) drop a
document. They count symbols to words; here a character is a word."""
SHORT = 20
"""Characters below which a document is called short."""
PHRASES = re.compile(
    r"版权所有|未经(?:授权|许可|允许)|转载(?:请|须)注明|责任编辑|点击(?:查看|阅读|下载|进入)|上一篇|下一篇|相关阅读|扫(?:描|一扫)二维码|关注(?:我们|公众号)"
    r"|ICP备|京公网安备|免责声明|广告合作|返回(?:顶部|首页)|登录后|cookies? policy|all rights reserved|privacy policy|terms of (?:use|service)|click here|subscribe to",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be looked for beside what always is."""

    fields: tuple[str, ...] = TEXT
    banned: tuple[str, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A place in a corpus that shows something."""

    file: str
    line: int
    text: str


@dataclass(slots=True)
class Part:
    """What is left of a piece. Counters are by key; ``lengths`` and ``lines`` have an entry a document."""

    piece: Piece
    counted: int = 0
    recoded: int = 0
    malformed: int = 0
    faults: list[tuple[int, Text]] = field(default_factory=list)
    characters: Any = None
    lengths: Any = None
    lines: Any = None
    languages: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    by_language: Counter[tuple[str, str]] = field(default_factory=Counter)
    quality: Counter[str] = field(default_factory=Counter)
    encoding: Counter[str] = field(default_factory=Counter)
    boilerplate: Counter[str] = field(default_factory=Counter)
    phrases: Counter[str] = field(default_factory=Counter)
    personal: Counter[str] = field(default_factory=Counter)
    with_personal: int = 0
    banned: Counter[str] = field(default_factory=Counter)
    banned_by_source: Counter[str] = field(default_factory=Counter)
    with_banned: int = 0
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    hits: list[Any] = field(default_factory=list)
    prints: Fingerprints | None = None


def scan(task: Task, piece: Piece) -> Part:
    """Read a piece and return what is left of it."""
    documents = read(piece, task.fields)
    texts = documents.texts
    part = Part(piece, documents.counted, documents.recoded, len(documents.faults))
    part.faults = [(one.line, one.why) for one in documents.faults[:_EXAMPLES]]
    part.lines = np.array(documents.lines, np.int64)
    part.lengths = np.fromiter((len(text) for text in texts), np.int32, len(texts))
    counts = scripts.counts(texts)
    part.characters = counts.sum(0)
    languages = scripts.languages(texts, counts)
    part.languages.update(languages)
    part.sources.update(documents.sources)
    part.licences.update(documents.licences)
    part.by_language.update(zip(languages, documents.sources, strict=True))
    _quality(part, texts, counts)
    _encoding(part, documents.lines, texts)
    _boilerplate(part, texts)
    _personal(part, documents.lines, texts)
    if task.banned:
        _banned(part, task.banned, documents.lines, texts, documents.sources)
    part.hits = [hits(texts, one) for one in task.benchmarks]
    part.prints = fingerprints(texts)
    return part


def work(task: Task) -> Callable[[Piece], Part]:
    """Return the work on a piece, which can travel to other processes."""
    return partial(scan, task)


def _quality(part: Part, texts: Sequence[str], counts: Any) -> None:
    at = {name: place for place, name in enumerate(scripts.CLASSES)}
    length = np.maximum(part.lengths, 1)
    part.quality["empty"] += int((part.lengths == 0).sum())
    part.quality["short"] += int(((part.lengths > 0) & (part.lengths < SHORT)).sum())
    part.quality["symbols"] += int((counts[:, at["symbol"]] > SYMBOLS * length).sum())
    for text in texts:
        if "\n" in text:
            lines = [line for line in map(str.strip, text.split("\n")) if line]
            if len(lines) >= 3:
                part.quality["repeated"] += len(lines) - len(set(lines)) > REPEATED * len(lines)
                part.quality["ellipses"] += sum(line.endswith(("…", "...")) for line in lines) > ELLIPSES * len(lines)


def _encoding(part: Part, lines: Sequence[int], texts: Sequence[str]) -> None:
    for line, text in zip(lines, texts, strict=True):
        kinds: dict[str, str] = {}
        for kind, run in faults(text):
            kinds.setdefault(kind, run)
        part.encoding.update(kinds.keys())
        for kind, run in kinds.items():
            _example(part, f"encoding:{kind}", line, run[:40])


def _boilerplate(part: Part, texts: Iterable[str]) -> None:
    seen: Counter[str] = Counter()
    dropped = 0
    for text in texts:
        part.phrases.update({match.group().lower() for match in PHRASES.finditer(text)})
        if "\n" in text:
            seen.update({line for line in map(str.strip, text.split("\n")) if LINE <= len(line) <= 200})
            if len(seen) > 2 * _KEPT:
                dropped += 1
                seen = Counter({line: count for line, count in seen.items() if count > dropped})
    part.boilerplate = Counter(
        {
            line: count
            for line, count in heapq.nlargest(_KEPT, seen.items(), key=lambda one: (one[1], one[0]))
            if count > 1 or len(seen) <= _KEPT
        }
    )


def _personal(part: Part, lines: Sequence[int], texts: Sequence[str]) -> None:
    # One pass in Rust leaves the documents that can hold any.
    likely = pl.Series(texts, dtype=pl.String).str.contains(
        r"[0-9]{5}|@|[0-9]{4}[ -][0-9]{4}|[A-Z]{1,2}[0-9]{4}|[A-HJ-NP-Z][ ·•]?[A-HJ-NP-Z0-9]{4}"
    )
    for place in likely.arg_true():
        kinds: Counter[str] = Counter()
        for kind, written, _ in found(texts[place]):
            kinds[kind] += 1
            _example(part, f"personal:{kind}", lines[place], masked(written))
        part.personal.update(kinds)
        part.with_personal += bool(kinds)


def _banned(
    part: Part, words: Sequence[str], lines: Sequence[int], texts: Sequence[str], sources: Sequence[str]
) -> None:
    """Look for all words at once (Aho and Corasick 1975, by Polars)."""
    held = pl.Series(texts, dtype=pl.String)
    for place in held.str.contains_any(list(words), ascii_case_insensitive=True).arg_true():
        there = pl.Series([texts[place]]).str.extract_many(list(words), ascii_case_insensitive=True, overlapping=True)[
            0
        ]
        part.with_banned += 1
        part.banned.update({word.lower() for word in there})
        part.banned_by_source[sources[place]] += 1
        _example(part, "banned", lines[place], "、".join(sorted(set(there))[:5]))


def _example(part: Part, key: str, line: int, text: str) -> None:
    kept = part.examples.setdefault(key, [])
    if len(kept) < _EXAMPLES:
        kept.append((line, text))
