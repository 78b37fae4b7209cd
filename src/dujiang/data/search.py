"""Finding data sets by words, Chinese and Latin, the same way on every database.

A data set's title, keywords and description are cut into words when they change, and kept as rows with weights; a
question is cut the same way, and data sets are ordered by the sum of the weights of the words that they share with it,
each multiplied by how rare it is (as in BM25's inverse document frequency, Robertson & Zaragoza 2009, eq. 3.3).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[\u3400-\u9fff]+|[a-z0-9][a-z0-9.+#-]*")
LONGEST = 60
_EMPTY = frozenset(
    [
        "的",
        "了",
        "和",
        "与",
        "及",
        "或",
        "在",
        "是",
        "为",
        "由",
        "等",
        "the",
        "of",
        "and",
        "a",
        "an",
        "for",
        "in",
        "on",
        "to",
        "with",
    ]
)


def words(text: str) -> list[str]:
    """Return the words of a text: Chinese ones as a dictionary cuts them, in all ways that it knows, Latin ones small.

    A run of Chinese is also cut into pairs of characters, so that a name no dictionary has is found by any part of it.
    """
    import rjieba

    found: list[str] = []
    for run in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if run.isascii():
            found += [run.strip(".-"), *(part for part in re.split(r"[.+#-]", run) if part and part != run)]
        else:
            found += rjieba.cut_for_search(run)
            found += [run[at : at + 2] for at in range(len(run) - 1)]
    return [one for one in found if one and one not in _EMPTY and len(one) <= LONGEST]


def weights(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the words of texts, each with its weight: the text's, damped by the logarithm of how often it stands there."""
    total: Counter[str] = Counter()
    for text, weight in parts:
        for word, count in Counter(words(text)).items():
            total[word] += weight * (1 + math.log(count))  # type: ignore[assignment]
    return dict(total)


def rarity(question: Iterable[str], holding: Mapping[str, int], documents: int) -> dict[str, float]:
    """Return the weight of each word of a question that some document has; ``holding`` says how many have it."""
    return {
        word: math.log(1 + (documents - holding[word] + 0.5) / (holding[word] + 0.5))
        for word in dict.fromkeys(question)
        if holding.get(word)
    }
