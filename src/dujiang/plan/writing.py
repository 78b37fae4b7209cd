"""Answers that a model writes from the passages that retrieval found; what its citations don't bear out is dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from dujiang.messages import Text
from dujiang.plan.answers import THRESHOLD, Answer, Material, Sentence, by_retrieval, candidates, cite, supported
from dujiang.plan.passages import Passage
from dujiang.plan.questions import Wants, read_question

SHOWN = 8
"""Passages that a model is shown."""
TOKENS_OF_QUESTION = 16_000
"""What answering one question may use of a model."""
_UNSUPPORTED = Text("模型的回答没有得到所引依据的支持", "what the model wrote is not borne out by what it cited")
_RULES = """你根据编号的材料回答关于方案的问题。只写材料里有的事，不评价，不推测。
每句一行，句末用方括号标出依据的编号，如：……[1][3]。数字、单位、名称照抄材料。
材料不足以回答时，只写：无。用提问的语言回答，名称保留中文。"""
_CITED = re.compile(r"\[(\d{1,2})\]")


class Chat(Protocol):
    """What writes: `dujiang.model.Client`, or a test's."""

    def chat(self, messages: Sequence[dict[str, str]], most: int = 1024) -> str:
        """Return what the model says."""
        ...


def by_model(about: Material, asked: str, model: Chat, threshold: float = THRESHOLD) -> Answer:
    """Have a model answer from the passages found, and keep the sentences that these bear out.

    What needs no writing (who leads a task, where it stands, a refusal) is answered without the model, so that a model
    can only make a passage readable and never adds an answer where there is nothing to cite.
    """
    plain_answer = by_retrieval(about, asked, threshold)
    question = read_question(asked, about.units, about.known)
    if plain_answer.abstained or question.wants is not Wants.PASSAGE:
        return plain_answer
    shown = [hit.passage for hit in candidates(about, question, threshold)][:SHOWN]
    said = model.chat([{"role": "system", "content": _RULES}, {"role": "user", "content": _prompt(asked, shown)}])
    sentences, dropped = _checked(said, shown, about)
    why = None if sentences else _UNSUPPORTED if dropped else plain_answer.why or _UNSUPPORTED
    return Answer(asked, tuple(sentences), "model", plain_answer.score, why, dropped)


def _prompt(asked: str, shown: Sequence[Passage]) -> str:
    lines = [f"[{number}] {_heading(one)}{one.text}" for number, one in enumerate(shown, start=1)]
    return "材料：\n" + "\n".join(lines) + f"\n\n问题：{asked}"


def _heading(one: Passage) -> str:
    year = f"{one.year}年，" if one.year and str(one.year) not in one.text else ""
    return (f"（{one.title}）" if one.title else "") + year


def _checked(said: str, shown: Sequence[Passage], about: Material) -> tuple[list[Sentence], int]:
    """Return the sentences that their cited passages bear out, and how many others there were."""
    kept, dropped = [], 0
    for line in (part.strip() for part in said.splitlines()):
        text = _CITED.sub("", line).strip()
        if not text or text.rstrip("。.") in ("无", "None", "none"):
            continue
        numbers = [int(number) for number in _CITED.findall(line)]
        cited = [shown[number - 1] for number in dict.fromkeys(numbers) if 1 <= number <= len(shown)]
        if cited and len(cited) == len(set(numbers)) and supported(text, cited, about):
            kept.append(Sentence(text, tuple(map(cite, cited))))
        else:
            dropped += 1
    return kept, dropped
