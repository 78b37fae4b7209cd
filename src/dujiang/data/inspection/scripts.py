"""What documents are written in: classes of characters, and from them the language as far as its script tells it.

This is no language identification by a model. Scripts tell Chinese, Japanese, Korean, Tibetan, Yi, Uyghur or Arabic,
Mongolian, Thai and Cyrillic apart; simplified and traditional Chinese are told by the characters that only one of them has
(OpenCC's tables); English is told from other Latin languages by its commonest words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import njit, prange

from dujiang.messages import Text

CLASSES = (
    "other", "blank", "digit", "punctuation", "symbol", "latin", "han", "simplified", "traditional", "kana", "hangul",
    "tibetan", "yi", "arabic", "mongolian", "cyrillic", "thai", "control", "private", "replacement",
)  # fmt: skip
"""Classes of characters; a Han character is ``simplified`` or ``traditional`` where only one of them has it."""
_RANGES = (
    ("latin", 0x41, 0x5A), ("latin", 0x61, 0x7A), ("latin", 0xC0, 0x24F), ("han", 0x3400, 0x9FFF), ("han", 0xF900, 0xFAFF),
    ("kana", 0x3041, 0x30FF), ("hangul", 0xAC00, 0xD7A3), ("tibetan", 0x0F00, 0x0FFF), ("yi", 0xA000, 0xA4CF),
    ("arabic", 0x0600, 0x06FF), ("arabic", 0xFB50, 0xFDFF), ("arabic", 0xFE70, 0xFEFE), ("mongolian", 0x1800, 0x18AF), ("cyrillic", 0x0400, 0x052F),
    ("thai", 0x0E00, 0x0E7F), ("private", 0xE000, 0xF8FF),
)  # fmt: skip
LANGUAGES = {
    "zh-Hans": Text("中文（简体）", "Chinese (simplified)"),
    "zh-Hant": Text("中文（繁体）", "Chinese (traditional)"),
    "en": Text("英文", "English"),
    "latin": Text("其他拉丁字母语言", "other language in Latin letters"),
    "ja": Text("日文", "Japanese"),
    "ko": Text("朝鲜文（韩文）", "Korean"),
    "bo": Text("藏文", "Tibetan"),
    "ii": Text("彝文", "Yi"),
    "arabic": Text("阿拉伯字母（维吾尔文等）", "Arabic script (Uyghur and others)"),
    "mn": Text("蒙古文", "Mongolian"),
    "cyrillic": Text("西里尔字母语言", "language in Cyrillic letters"),
    "th": Text("泰文", "Thai"),
    "none": Text("无文字", "no letters"),
}
_SCRIPTS = {
    "hangul": "ko",
    "tibetan": "bo",
    "yi": "ii",
    "arabic": "arabic",
    "mongolian": "mn",
    "cyrillic": "cyrillic",
    "thai": "th",
}
_COMMON = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "in",
        "a",
        "is",
        "that",
        "for",
        "it",
        "as",
        "was",
        "with",
        "be",
        "by",
        "on",
        "not",
        "he",
        "his",
        "but",
        "at",
        "are",
        "this",
        "have",
        "from",
        "or",
        "had",
        "an",
        "they",
        "which",
        "you",
        "we",
        "her",
        "she",
        "will",
        "were",
    ]
)
_WORDS = re.compile(r"[A-Za-zÀ-ɏ']+")


def counts(texts: Sequence[str]) -> Any:
    """Return how many characters of each class the texts have, (n, classes)."""
    lengths = np.fromiter((len(text) for text in texts), np.int64, len(texts))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    found = np.zeros((len(texts), len(CLASSES)), np.int64)
    _count(points, starts, _table(), found)
    return found


def languages(texts: Sequence[str], found: Any) -> list[str]:
    """Return the language of each text by the counts of its characters, a key of `LANGUAGES`."""
    at = {name: place for place, name in enumerate(CLASSES)}
    han = found[:, [at["han"], at["simplified"], at["traditional"]]].sum(1)
    told = []
    for text, row, ideographs in zip(texts, found, han, strict=True):
        # A Chinese character says as much as a word of letters, so letters are weighed by words of five.
        weights = {name: float(row[at[script]]) for script, name in _SCRIPTS.items()}
        weights |= {"latin": row[at["latin"]] / 5, "zh": float(ideographs), "ja": 0.0}
        if row[at["kana"]] > 0.05 * (ideographs + row[at["kana"]]):
            weights |= {"ja": float(ideographs + row[at["kana"]]), "zh": 0.0}
        name = max(weights, key=lambda one: weights[one])
        if weights[name] <= 0:
            name = "none"
        elif name == "zh":
            name = "zh-Hant" if row[at["traditional"]] > row[at["simplified"]] else "zh-Hans"
        elif name == "latin":
            words = [word.lower() for word in _WORDS.findall(text[:5000])]
            name = "en" if words and sum(word in _COMMON for word in words) >= 0.12 * len(words) else "latin"
        told.append(name)
    return told


@cache
def _table() -> Any:
    from opencc import OpenCC

    at = {name: place for place, name in enumerate(CLASSES)}
    table = np.zeros(0x10000, np.uint8)
    for point in range(0x10000):
        category = unicodedata.category(chr(point))
        match category[0]:
            case "Z":
                table[point] = at["blank"]
            case "N":
                table[point] = at["digit"]
            case "P":
                table[point] = at["punctuation"]
            case "S":
                table[point] = at["symbol"]
            case "C" if category == "Cc":
                table[point] = at["blank" if chr(point) in "\t\n\r\f\v" else "control"]
    for name, low, high in _RANGES:
        for point in range(low, high + 1):
            if table[point] in (at["other"], at["control"]):
                table[point] = at[name]
    table[0xFFFD] = at["replacement"]
    han = "".join(chr(point) for point in range(0x4E00, 0xA000))
    for name, converted in (("traditional", OpenCC("t2s").convert(han)), ("simplified", OpenCC("s2t").convert(han))):
        if len(converted) == len(han):
            for char, other in zip(han, converted, strict=True):
                if char != other:
                    table[ord(char)] = at[name]
    return table


@njit(cache=True, parallel=True)
def _count(points: Any, starts: Any, table: Any, found: Any) -> None:
    for document in prange(len(starts) - 1):
        for at in range(starts[document], starts[document + 1]):
            point = points[at]
            # Beyond the basic plane stand rare Han characters, from U+20000, and pictures.
            kind = table[point] if point < table.size else (6 if point >= 0x20000 else 4)
            found[document, kind] += 1
