"""Reads the report of garak, the LLM vulnerability scanner, where people run it beside this.

Its JSONL holds an object a line; those with ``entry_type`` ``attempt`` and ``status`` 2 are finished: a probe, a prompt,
outputs, and by detector a score for each output. A score of 0.5 and more is a hit, as in garak's own evaluation.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Text
from dujiang.safety.assessment.statistics import Share, share

HIT = 0.5
_FINISHED = 2


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe came to by a detector: its hits, and a prompt and output that were one."""

    probe: str
    detector: str
    hits: Share
    example: tuple[str, str] | None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        prompt, output = self.example or ("", "")
        return {
            "probe": self.probe,
            "detector": self.detector,
            **self.hits.as_json(),
            "prompt": prompt,
            "output": output,
        }


def read(path: Path) -> list[Probed]:
    """Return what each probe came to by each detector; raises `BadInput` that names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            path, expected=Text("garak 的 report.jsonl", "garak's report.jsonl"), found=type(error).__name__
        ) from error
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    examples: dict[tuple[str, str], tuple[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            if entry["entry_type"] != "attempt" or entry.get("status") != _FINISHED:
                continue
            for detector, scores in entry["detector_results"].items():
                key = (str(entry["probe_classname"]), str(detector))
                outputs = entry.get("outputs") or []
                for place, score in enumerate(scores):
                    if score is None:
                        continue
                    hit = float(score) >= HIT
                    counts[key][0] += hit
                    counts[key][1] += 1
                    if hit and place < len(outputs):
                        examples.setdefault(key, (_text(entry.get("prompt")), _text(outputs[place])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            expected = Text("garak 报告的一行", "a line of a garak report")
            raise BadInput(
                path, row=number, expected=expected, found=f"{type(error).__name__}: {error}"[:120]
            ) from error
    if not counts:
        raise BadInput(path, expected=Text("至少一次完成的尝试（attempt）", "at least one finished attempt"), found="0")
    return [
        Probed(probe, detector, share(hits, of), examples.get((probe, detector)))
        for (probe, detector), (hits, of) in sorted(counts.items())
    ]


def _text(value: Any) -> str:
    """Return a prompt's or output's text: a string in older reports, messages with ``text`` or turns of them in newer."""
    if isinstance(value, dict):
        if "turns" in value:
            return "\n".join(_text(turn.get("content")) for turn in value["turns"])
        return str(value.get("text") or "")
    return "" if value is None else str(value)
