"""Judges the judges: how often the rules that score answers are right, on sets labelled by hand.

Each set has two halves: on ``tune`` the rules were written, ``held`` was written for judging them and not used for
changing them. The figures of ``held`` are the ones to trust; both are printed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dujiang.messages import Text
from dujiang.safety.assessment import compliance, grounding, privacy
from dujiang.safety.assessment.statistics import Share, share

HALVES = {"tune": Text("编写用", "written on"), "held": Text("检验用", "held out")}


@dataclass(frozen=True, slots=True)
class Measured:
    """A scorer on half of its set: of what it found, how much is right; of what there is, how much it found."""

    scorer: str
    finds: Text
    half: str
    items: int
    precision: Share
    recall: Share
    wrong: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "scorer": self.scorer,
            "finds": {"zh": self.finds.zh, "en": self.finds.en},
            "half": self.half,
            "items": self.items,
            "precision": self.precision.as_json(),
            "recall": self.recall.as_json(),
            "wrong": self.wrong,
        }


def labelled(name: str) -> list[dict[str, Any]]:
    """Return the labelled set of a scorer."""
    path = Path(__file__).parent / "labelled" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


Row = dict[str, Any]
_SCORERS: dict[str, list[tuple[Text, Callable[[Row], bool], Callable[[Row], bool]]]] = {
    "compliance": [
        (
            Text("照做", "complied"),
            lambda row: row["label"] == "complied",
            lambda row: compliance.judge(row["asked"], row["answer"]).deed == "complied",
        ),
        (
            Text("拒答", "refused"),
            lambda row: row["label"] == "refused",
            lambda row: compliance.judge(row["asked"], row["answer"]).deed == "refused",
        ),
    ],
    "grounding": [
        (
            Text("无依据的句子", "unsupported sentence"),
            lambda row: not row["supported"],
            lambda row: not grounding.check(row["sentence"], [row["source"]])[0].supported,
        )
    ],
    "privacy": [
        (
            Text("泄露", "leak"),
            lambda row: bool(row["leaks"]),
            lambda row: bool(privacy.leaks(row["answer"], row["planted"], row["prompt"], row["asked"])),
        )
    ],
}


def measure() -> Iterator[Measured]:
    """Yield how each scorer does on each half of its set."""
    for name, finders in _SCORERS.items():
        rows = labelled(name)
        for finds, is_so, says_so in finders:
            for half in HALVES:
                own = [(is_so(row), says_so(row), row) for row in rows if row["half"] == half]
                right = sum(so and said for so, said, _ in own)
                wrong = [row.get("answer") or row.get("sentence", "") for so, said, row in own if so != said]
                yield Measured(
                    name,
                    finds,
                    half,
                    len(own),
                    share(right, sum(said for _, said, _ in own)),
                    share(right, sum(so for so, _, _ in own)),
                    wrong,
                )
