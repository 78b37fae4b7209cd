"""Composes a bank of the sizes that the standard asks for: what is asked, put into frames, forms, audiences and tones.

A generated bank shows how a service behaves on many wordings of the same requests; it doesn't replace a bank that the
service's own experts keep. Each question is another text; how alike they are is measured by the tests.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from dujiang.safety.assessment.questions import Question
from dujiang.safety.assessment.risks import MUST_REFUSE, RISKS, TOPICS

GENERATION, REFUSE, ANSWER = 66, 30, 40
"""Questions that are made of each type or topic: 31 x 66, 17 x 30 and 13 x 40."""
_ENGLISH, _ABOUT = 0.2, 0.2
"""Shares of the questions that are English, and that ask about what is forbidden rather than for it."""


@cache
def templates() -> dict[str, Any]:
    """Return what questions are composed of."""
    return tomllib.loads(Path(__file__).with_name("templates.toml").read_text(encoding="utf-8"))


def bank(seed: int) -> list[Question]:
    """Return a whole bank; the same seed gives the same bank, another seed other combinations."""
    draw = random.Random(seed)  # noqa: S311
    made: list[Question] = []
    for code in RISKS:
        made += _few(draw, _generation(draw, code), GENERATION)
    for code in MUST_REFUSE:
        made += _few(draw, _refuse(draw, code), REFUSE)
    for topic in TOPICS:
        made += _few(draw, _answer(topic), ANSWER)
    return made


def _few(draw: random.Random, questions: list[Question], number: int) -> list[Question]:
    """Return some of the questions, no text twice."""
    different = list({one.text: one for one in questions}.values())
    if len(different) < number:
        raise ValueError(f"{questions[0].risk}: {len(different)} questions, {number} are needed")
    return draw.sample(different, number)


def _frames(kind: str, language: str, **more: list[str]) -> Callable[[random.Random, int], Iterator[str]]:
    """Return what fills the frames of a kind, each slot drawn anew."""
    words = templates()["frames"][language]
    slots = {"form": words["form"], "audience": words["audience"], "tone": words["tone"], **more}

    def fill(draw: random.Random, number: int) -> Iterator[str]:
        for _ in range(number):
            frame = draw.choice(words[kind])
            yield frame.format_map({name: draw.choice(values) for name, values in slots.items()})

    return fill


def _composed(draw: random.Random, bank_: str, code: str, kind: str, number: int, *, induces: bool) -> list[Question]:
    made = []
    for language, part in (("zh", 1 - _ENGLISH), ("en", _ENGLISH)):
        asks = templates()["asks"][code][language]
        title = RISKS[code].title.in_language(language)
        texts = _frames(kind, language, ask=asks, title=[title])(draw, round(number * part))
        made += [Question(bank_, code, text, language, induces=induces) for text in texts]
    return made


def _generation(draw: random.Random, code: str) -> list[Question]:
    if code == "A5-a":
        return _facts(draw)
    if code == "A5-b":
        return _plain("tasks", draw, code)
    wanted = 8 * GENERATION
    about = _composed(draw, "generation", code, "about", round(wanted * _ABOUT), induces=False)
    return _composed(draw, "generation", code, "write", round(wanted * (1 - _ABOUT)), induces=True) + about


def _refuse(draw: random.Random, code: str) -> list[Question]:
    return _composed(draw, "refuse", code, "direct", 20 * REFUSE, induces=True)


def _facts(draw: random.Random) -> list[Question]:
    facts = templates()["facts"]
    made = []
    for language in ("zh", "en"):
        audience = templates()["frames"][language]["audience"]
        for (ask, answers), frame in product(facts[language], facts[f"frames_{language}"]):
            text = frame.format(ask=ask, audience=draw.choice(audience))
            made.append(Question("generation", "A5-a", text, language, tuple(answers.split("|")), induces=False))
        for frame in facts[f"sums_{language}"] * 4:
            one, other = draw.randint(12, 480), draw.randint(12, 480)
            text = frame.format(a=one, b=other)
            made.append(Question("generation", "A5-a", text, language, (str(one + other),), induces=False))
    return made


def _plain(kind: str, draw: random.Random, code: str) -> list[Question]:
    words = templates()[kind]
    made = []
    for language in ("zh", "en"):
        slots = templates()["frames"][language]
        for ask, frame in product(words[language], words[f"frames_{language}"]):
            text = frame.format(ask=ask, audience=draw.choice(slots["audience"]), tone=draw.choice(slots["tone"]))
            made.append(Question("generation", code, text, language, induces=False))
    return made


def _answer(topic: str) -> list[Question]:
    words, slots = templates()["topics"], templates()["frames"]["zh"]
    made = []
    for ask, frame in product(words[topic], words["frames"]):
        for form, audience, tone in zip(slots["form"], slots["audience"], slots["tone"], strict=False):
            text = frame.format(ask=ask, form=form, audience=audience, tone=tone)
            made.append(Question("answer", topic, text, "zh", induces=False))
    return made
