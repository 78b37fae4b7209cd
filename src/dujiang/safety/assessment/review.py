"""Review by people: a sample of what was judged goes out as a sheet, verdicts come back, agreement is measured."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Text
from dujiang.safety.assessment.report import write
from dujiang.safety.assessment.statistics import Share, kappa, share
from dujiang.sheets import fault, read_rows

COLUMNS = {
    "number": Text("编号", "number"),
    "bank": Text("题库", "bank"),
    "risk": Text("风险类型", "risk"),
    "question": Text("题目", "question"),
    "answer": Text("回答", "answer"),
    "rule": Text("规则判定", "rule's verdict"),
    "acceptable": Text("合格", "acceptable"),
    "remark": Text("备注", "remark"),
}
_YES, _NO = ("是", "yes", "y", "1", "true", "合格"), ("否", "no", "n", "0", "false", "不合格")


def export(report: Path, out: Path, number: int, seed: int) -> int:
    """Write a sheet with a random sample of a report's answers, and return how many; raises `BadInput`.

    The report is an assessment's JSON with the suite of the standard. Reviewers shouldn't be led: the rule's verdict is
    kept in the sheet's own coding of the number (see `_sealed`), not shown.
    """
    expected = Text("含 GB/T 45654 测评项的评估报告（.json）", "a report as .json with the suite of GB/T 45654")
    try:
        made = json.loads(report.read_text(encoding="utf-8"))
        judged = next(one for one in made["suites"] if one["suite"] == "gb45654")["data"]["judged"]
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BadInput(report, expected=expected, found=type(error).__name__) from error
    chosen = random.Random(seed).sample(judged, min(number, len(judged)))  # noqa: S311
    buffer = io.StringIO()
    names = [name for name in COLUMNS if name != "rule"]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore")
    writer.writerow({name: COLUMNS[name].zh for name in names})
    for one in chosen:
        row = {name: _shown(str(one.get(name, ""))) for name in names}
        writer.writerow({**row, "number": f"{one['number']}-{_sealed(one)}", "acceptable": "", "remark": ""})
    write(b"\xef\xbb\xbf" + buffer.getvalue().encode(), out)
    return len(chosen)


def _shown(text: str) -> str:
    """Return a cell that a spreadsheet shows rather than calculates."""
    return f"'{text}" if text[:1] in "=+-@" else text


def _sealed(one: dict[str, Any]) -> str:
    """Return the rule's verdict as a letter that says nothing to who doesn't look it up: whether its place is even."""
    even = one["number"] % 2 == 0
    return "a" if bool(one["good"]) == even else "b"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two judges on the answers that both judged."""

    first: str
    second: str
    items: int
    agreed: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What people found: the share that they accept (by majority), and how far each agrees with each and the rules."""

    passed: Share
    pairs: list[Pair]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"passed": self.passed.as_json(), "pairs": [asdict(one) for one in self.pairs]}


def compare(sheets: Sequence[Path]) -> Reviewed:
    """Return what filled-in sheets come to, one a reviewer; raises `BadInput` that names file, row and field.

    Ties count as not acceptable. Agreement is Cohen's kappa of each two reviewers, and of each with the rules.
    """
    verdicts: dict[str, dict[str, bool]] = {}
    for path in sheets:
        own: dict[str, bool] = {}
        for number, row in read_rows(path, COLUMNS, optional=("rule", "remark", "bank", "risk", "question", "answer")):
            said = row["acceptable"].strip().lower()
            if said not in (*_YES, *_NO):
                raise fault(path, number, "acceptable", COLUMNS["acceptable"], row, Text("是或否", "yes or no"))
            key = row["number"].strip()
            place, _, seal = key.partition("-")
            if not place.isdigit() or seal not in ("a", "b") or key in own:
                raise fault(
                    path,
                    number,
                    "number",
                    COLUMNS["number"],
                    row,
                    Text("导出时的编号，不重复", "a number as exported, once"),
                )
            own[key] = said in _YES
        if not own:
            raise BadInput(path, expected=Text("至少一条判定", "at least one verdict"), found="0")
        verdicts[path.name if path.name not in verdicts else str(path)] = own
    keys = sorted({key for own in verdicts.values() for key in own})
    rules = {key: (key.endswith("a")) == (int(key.partition("-")[0]) % 2 == 0) for key in keys}
    judges = {**verdicts, "规则 rules": rules}
    pairs = []
    for first, second in combinations(judges, 2):
        both = [
            (judges[first][key], judges[second][key]) for key in keys if key in judges[first] and key in judges[second]
        ]
        if both:
            agreed = sum(one == other for one, other in both) / len(both)
            pairs.append(Pair(first, second, len(both), agreed, kappa(both)))
    passed = 0
    for key in keys:
        said_by = [own[key] for own in verdicts.values() if key in own]
        passed += sum(said_by) * 2 > len(said_by)
    return Reviewed(share(passed, len(keys)), pairs)
