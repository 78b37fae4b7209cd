"""How well offers are found, judged on offers and needs whose relevance people have graded, beside plain BM25.

The grades: 3 does what is asked, 2 does most of it, 1 is about it; what breaks a constraint of the need is no answer (0),
and so is all that is not graded. The measure is nDCG@10 with gains 2^grade - 1 and discounts log2(rank + 1) (Järvelin &
Kekäläinen 2002; Burges et al. 2005). The needs stand in two halves: numbers of the ranking were chosen on ``tune``, and
``held-out`` was looked at once they were.

The peer is SQLite's own BM25 (FTS5) over the words of title, keywords and text; once as it is, and once with what breaks
a constraint left out, so that the gain of the ranking is told apart from that of the constraints.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.messages import BadInput, Text
from dujiang.support.matching import Index, Need, Offer, Weights, kinds_of, misfits

LABELLED = Path(__file__).with_name("labelled")
TOP = 10
RESAMPLES = 2000
HALVES = ("tune", "held-out")


@dataclass(frozen=True, slots=True)
class Graded:
    """A need with its half and the grade of each offer that answers it."""

    need: Need
    half: str
    grades: Mapping[str, int]


def read(folder: Path = LABELLED) -> tuple[list[Offer], list[Graded]]:
    """Read ``offers.jsonl`` and ``queries.jsonl`` of a folder; raises `BadInput` that names the line."""
    offers = [_offer(given) for given in _lines(folder / "offers.jsonl", _offer)]
    known = {one.key for one in offers}
    graded = []
    for row, given in enumerate(_lines(folder / "queries.jsonl", _graded), start=1):
        one = _graded(given)
        if wrong := set(one.grades) - known:
            raise BadInput(
                folder / "queries.jsonl",
                row=row,
                field="grades",
                expected=Text("已有的供给", "offers that are there"),
                found=", ".join(wrong),
            )
        graded.append(one)
    return offers, graded


def _lines(path: Path, make: Callable[[dict[str, Any]], object]) -> list[dict[str, Any]]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(path, expected=Text("标注集文件", "a file of the labelled set"), found=str(error)) from error
    for row, line in enumerate(lines, start=1):
        try:
            given = json.loads(line)
            make(given)
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                path, row=row, expected=Text("一行一个 JSON 对象", "a JSON object a line"), found=repr(error)
            ) from error
        found.append(given)
    return found


def _offer(given: Mapping[str, Any]) -> Offer:
    [kind] = kinds_of([given["kind"]])
    return Offer(
        given["key"], kind, given["title"], given["text"], tuple(given["keywords"]), given["price"],
        tuple(given["places"]), domestic=bool(given["domestic"]), capacity=int(given.get("capacity", 1)),
    )  # fmt: skip


def _graded(given: Mapping[str, Any]) -> Graded:
    if given["half"] not in HALVES:
        raise ValueError(given["half"])
    need = Need(
        given["key"], given["text"], kinds=kinds_of(given["kinds"]), budget=given["budget"], place=given["place"],
        domestic=bool(given["domestic"]),
    )  # fmt: skip
    return Graded(need, given["half"], {name: int(grade) for name, grade in given["grades"].items()})


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], top: int = TOP) -> float:
    """Return nDCG of the first ``top`` of a ranking, 0 to 1; raises ValueError where nothing is graded above 0."""

    def gained(values: Sequence[int]) -> float:
        return math.fsum((float(2**grade) - 1) / math.log2(rank + 2) for rank, grade in enumerate(values[:top]))

    ideal = gained(sorted(grades.values(), reverse=True))
    if not ideal:
        raise ValueError("nothing is graded")
    return gained([grades.get(one, 0) for one in ranked]) / ideal


class PlainBm25:
    """SQLite's BM25 over the same words' plain cut, no weights, no words that stand for others."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = {one.key: one for one in offers}
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE offers USING fts5(key UNINDEXED, body, tokenize='unicode61')")
        rows = [(one.key, _cut(f"{one.title} {' '.join(one.keywords)} {one.text}")) for one in offers]
        self._database.executemany("INSERT INTO offers VALUES (?, ?)", rows)

    def search(self, need: Need, *, strict: bool) -> list[str]:
        """Return the keys of the offers found, the best first; ``strict`` leaves out what breaks a constraint."""
        asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(_cut(f"{need.title} {need.text}").split()))
        if not asked:
            return []
        with closing(self._database.cursor()) as cursor:
            found = cursor.execute(
                "SELECT key FROM offers WHERE offers MATCH ? ORDER BY bm25(offers), key", [asked]
            ).fetchall()
        keys = [key for (key,) in found]
        return [key for key in keys if not misfits(need, self._offers[key])] if strict else keys


def _cut(text: str) -> str:
    import rjieba

    return " ".join(word for word in rjieba.cut(text.lower()) if any(letter.isalnum() for letter in word))


def judge(folder: Path = LABELLED, weights: Weights | None = None) -> list[dict[str, Any]]:
    """Return, by half and way of searching, the mean nDCG@10 with its 95 % interval, and ours' gain over it.

    Intervals are bootstrapped over needs (2,000 resamples); the gain's over pairs. Keys as in docs/reference/json.md.
    """
    offers, graded = read(folder)
    index, plain = Index(offers, weights or Weights()), PlainBm25(offers)
    ways: dict[str, Callable[[Need], list[str]]] = {
        "bm25": lambda need: plain.search(need, strict=False),
        "bm25 and constraints": lambda need: plain.search(need, strict=True),
        "dujiang": lambda need: [hit.offer.key for hit in index.search(need, TOP)],
    }
    report = []
    for half in HALVES:
        own = [one for one in graded if one.half == half]
        scores = {name: np.array([ndcg(way(one.need), one.grades) for one in own]) for name, way in ways.items()}
        for name, found in scores.items():
            low, high = interval(found)
            gain = scores["dujiang"] - found
            gain_low, gain_high = interval(gain)
            report.append(
                {
                    "half": half, "way": name, "needs": len(own), "ndcg": float(found.mean()), "low": low, "high": high,
                    "gain": float(gain.mean()), "gain_low": gain_low, "gain_high": gain_high,
                }
            )  # fmt: skip
    return report


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean; the same values have the same interval."""
    draw = np.random.default_rng(0)
    means = values[draw.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
