"""Banks of questions: what one holds, reading a user's, and whether it has what the standard asks for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from dujiang.messages import BadInput, Text
from dujiang.safety.assessment.risks import (
    ANSWER_EACH,
    ANSWER_SIZE,
    GENERATION_EACH,
    GENERATION_SIZE,
    KEYWORDS,
    KEYWORDS_EACH,
    MUST_REFUSE,
    REFUSE_EACH,
    REFUSE_SIZE,
    RISKS,
    TOPICS,
)
from dujiang.sheets import fault, read_rows

Bank = Literal["generation", "refuse", "answer"]
BANKS: dict[str, Text] = {
    "generation": Text("生成内容测试题", "questions on generated content"),
    "refuse": Text("应拒答题", "questions to be refused"),
    "answer": Text("非拒答题", "questions not to be refused"),
}

COLUMNS = {
    "bank": Text("题库", "bank"),
    "risk": Text("风险类型", "risk"),
    "text": Text("题目", "question"),
    "language": Text("语言", "language"),
    "expected": Text("参考答案", "expected"),
    "induces": Text("诱导", "induces"),
}
_YES = {"是": True, "yes": True, "true": True, "否": False, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a bank.

    ``risk`` is a type of risk, or for ``answer`` a topic. ``induces`` says that the question asks for what is
    forbidden, rather than about it. ``expected`` are the texts of which a right answer has one; empty where an answer
    has no one truth.
    """

    bank: str
    risk: str
    text: str
    language: str = "zh"
    expected: tuple[str, ...] = ()
    induces: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def read(path: Path) -> list[Question]:
    """Return the questions of a CSV, Excel or JSONL file; raises `BadInput` that names the row, and takes nothing then.

    Columns or keys: ``bank`` (generation, refuse, answer), ``risk`` (a code such as A2-e, or its Chinese name; a topic
    for ``answer``), ``text``; ``language`` (zh, en), ``expected`` (alternatives separated by ``|``) and ``induces`` (yes,
    no; by default yes where there is no one right answer) may be missing.
    """
    rows = (
        _lines(path)
        if path.suffix.lower() == ".jsonl"
        else read_rows(path, COLUMNS, optional=("language", "expected", "induces"))
    )
    found: dict[str, tuple[int, Question]] = {}
    for number, row in rows:
        one = _question(path, number, row)
        key = one.bank + "".join(one.text.split()).casefold()
        if key in found:
            expected = Text(f"与第 {found[key][0]} 行不同的题目", f"another question than that of row {found[key][0]}")
            raise fault(path, number, "text", COLUMNS["text"], row, expected)
        found[key] = number, one
    if not found:
        raise BadInput(path, expected=Text("至少一道题", "at least one question"), found="0")
    return [one for _, one in found.values()]


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        expected = Text("UTF-8 编码的 JSONL", "JSONL in UTF-8")
        raise BadInput(path, expected=expected, found=type(error).__name__) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            expected = Text("每行一个 JSON 对象", "a JSON object a line")
            raise BadInput(path, row=number, expected=expected, found=f"{error.msg} ({error.colno})") from error
        if not isinstance(value, dict):
            expected = Text("每行一个 JSON 对象", "a JSON object a line")
            raise BadInput(path, row=number, expected=expected, found=type(value).__name__)
        expected_answer = value.get("expected", "")
        if isinstance(expected_answer, list):
            expected_answer = "|".join(map(str, expected_answer))
        row = {name: "" if value.get(name) is None else str(value[name]) for name in COLUMNS}
        yield number, {**row, "expected": str(expected_answer or "")}


_BY_NAME = {risk.title.zh: code for code, risk in RISKS.items()} | {topic.zh: code for code, topic in TOPICS.items()}


def _question(path: Path, number: int, row: Mapping[str, str]) -> Question:
    def bad(name: str, expected: Text) -> BadInput:
        return fault(path, number, name, COLUMNS[name], row, expected)

    bank = row["bank"].strip()
    bank = next((name for name, title in BANKS.items() if bank in (name, title.zh)), bank)
    if bank not in BANKS:
        raise bad("bank", Text("generation、refuse 或 answer", "generation, refuse or answer"))
    risk = _BY_NAME.get(row["risk"].strip(), row["risk"].strip())
    known: Iterable[str] = {"generation": RISKS, "refuse": MUST_REFUSE, "answer": TOPICS}[bank]
    if risk not in known:
        names = "、".join(known)
        raise bad("risk", Text(f"以下之一：{names}", f"one of {', '.join(known)}"))
    text = row["text"].strip()
    if not text:
        raise bad("text", Text("题目", "a question"))
    language = row.get("language", "").strip() or "zh"
    if language not in ("zh", "en"):
        raise bad("language", Text("zh 或 en", "zh or en"))
    expected = tuple(part.strip() for part in row.get("expected", "").split("|") if part.strip())
    said = row.get("induces", "").strip().lower()
    if said and said not in _YES:
        raise bad("induces", Text("是或否", "yes or no"))
    induces = _YES[said] if said else not expected and bank != "answer"
    return Question(bank, risk, text, language, expected, induces)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a bank or list must have: how many there are, and how many it needs."""

    title: Text
    found: int
    least: int
    source: str

    @property
    def met(self) -> bool:
        """Whether there are enough."""
        return self.found >= self.least


def requirements(questions: Sequence[Question]) -> list[Requirement]:
    """Return what the standard asks of the three banks: their sizes, and the least of any type or topic in each."""
    count = Counter((one.bank, one.risk) for one in questions)
    rows = [
        Requirement(BANKS[bank], sum(one.bank == bank for one in questions), least, source)
        for bank, least, source in (
            ("generation", GENERATION_SIZE, "TC260-003 8.2 a"),
            ("refuse", REFUSE_SIZE, "TC260-003 8.3 a"),
            ("answer", ANSWER_SIZE, "TC260-003 8.3 b"),
        )
    ]
    for code, risk in RISKS.items():
        title = Text(f"生成内容测试题：{risk.title.zh}", f"questions on generated content: {risk.title.en}")
        rows.append(Requirement(title, count["generation", code], GENERATION_EACH[risk.group], "TC260-003 8.2 b"))
    for code in MUST_REFUSE:
        title = Text(f"应拒答题：{RISKS[code].title.zh}", f"questions to be refused: {RISKS[code].title.en}")
        rows.append(Requirement(title, count["refuse", code], REFUSE_EACH, "TC260-003 8.3 a"))
    for code, topic in TOPICS.items():
        title = Text(f"非拒答题：{topic.zh}", f"questions not to be refused: {topic.en}")
        rows.append(Requirement(title, count["answer", code], ANSWER_EACH, "TC260-003 8.3 b"))
    return rows


KEYWORD_COLUMNS = {"word": Text("关键词", "keyword"), "risk": Text("风险类型", "risk")}


def read_keywords(path: Path) -> dict[str, str]:
    """Return a keyword list, type of risk by word (CSV or Excel with ``word`` and ``risk``); raises `BadInput`."""
    found: dict[str, str] = {}
    for number, row in read_rows(path, KEYWORD_COLUMNS):
        word, risk = row["word"].strip(), _BY_NAME.get(row["risk"].strip(), row["risk"].strip())
        if not word:
            raise fault(path, number, "word", KEYWORD_COLUMNS["word"], row, Text("关键词", "a keyword"))
        if risk not in RISKS:
            expected = Text("A1-a 至 A5-b 之一，或其中文名称", "one of A1-a to A5-b, or its Chinese name")
            raise fault(path, number, "risk", KEYWORD_COLUMNS["risk"], row, expected)
        if word in found:
            raise fault(
                path, number, "word", KEYWORD_COLUMNS["word"], row, Text("不重复的关键词", "a word not said before")
            )
        found[word] = risk
    return found


def keyword_requirements(words: Mapping[str, str]) -> list[Requirement]:
    """Return what the standard asks of a keyword list: its size, and the least of each of the 17 types."""
    count = Counter(words.values())
    rows = [Requirement(Text("关键词总数", "keywords in all"), len(words), KEYWORDS, "TC260-003 8.1 a")]
    for code in MUST_REFUSE:
        title = Text(f"关键词：{RISKS[code].title.zh}", f"keywords: {RISKS[code].title.en}")
        rows.append(Requirement(title, count[code], KEYWORDS_EACH[RISKS[code].group], "TC260-003 8.1 b"))
    return rows
