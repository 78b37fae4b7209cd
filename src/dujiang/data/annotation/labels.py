"""What is said about an item: a class of its text, spans of its text, or boxes on its image; and where it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from dujiang.messages import Refused, Text


class Kind(StrEnum):
    """What a project's labels are."""

    CHOICE = "choice"
    SPANS = "spans"
    BOXES = "boxes"

    @property
    def words(self) -> Text:
        """The kind's name for people."""
        return _WORDS[self]


_WORDS = {
    Kind.CHOICE: Text("文本分类", "text classification"),
    Kind.SPANS: Text("文本片段", "spans of text"),
    Kind.BOXES: Text("图像框", "boxes on images"),
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters ``start`` to ``end`` (not included) of a text, counted as Unicode code points."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A rectangle in pixels of its image, from the upper left corner."""

    x: float
    y: float
    width: float
    height: float
    label: str


Answer = str | tuple[Span, ...] | tuple[Box, ...]
"""A class, or spans or boxes in order; there may be none of them."""


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Where a generated item came from: who or what made it, by which model, from which prompt (its digest)."""

    generator: str
    model: str = ""
    prompt_digest: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said about an item; ``score`` is its confidence, where it gives one."""

    answer: Answer
    model: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Annotated:
    """An item with what was said about it: a text, or an image's file name and size in pixels.

    ``answer`` is the accepted one. ``answers`` are by annotator, who is known by a pseudonym.
    """

    key: str
    text: str = ""
    image: str = ""
    width: int = 0
    height: int = 0
    answer: Answer | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict)
    prediction: Prediction | None = None
    synthetic: Synthetic | None = None


def to_json(answer: Answer) -> Any:
    """Return an answer as plain values: the class, or a list of spans or boxes as objects."""
    return answer if isinstance(answer, str) else [asdict(one) for one in answer]


def from_json(kind: Kind, value: Any) -> Answer:
    """Return the answer that `to_json` gave this value for."""
    if kind is Kind.CHOICE:
        return str(value)
    if kind is Kind.SPANS:
        return tuple(Span(**one) for one in value)
    return tuple(Box(**one) for one in value)


def checked(kind: Kind, value: Any, labels: Sequence[str], item: Annotated) -> Answer:
    """Return what somebody sent as an answer to an item, in order and without doubles.

    Raises `Refused` for what is no answer of the kind, has another label, or lies outside the text or image.
    """
    if kind is Kind.CHOICE:
        return _label(value, labels)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refused(Text("应为标注列表", "expected a list of labels"))
    if kind is Kind.SPANS:
        return tuple(sorted({_span(one, labels, len(item.text)) for one in value}))
    return tuple(sorted({_box(one, labels, item) for one in value}))


def _label(value: Any, labels: Sequence[str]) -> str:
    if value not in labels:
        raise Refused(Text(f"标签应为 {'、'.join(labels)} 之一", f"the label should be one of {', '.join(labels)}"))
    return str(value)


def _span(value: Mapping[str, Any], labels: Sequence[str], length: int) -> Span:
    start, end = value.get("start"), value.get("end")
    # bool is an int to Python.
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise Refused(
            Text(
                f"片段应在文本之内（0 至 {length}），起点在终点之前",
                f"a span should lie within the text (0 to {length}), its start before its end",
            )
        )
    return Span(start, end, _label(value.get("label"), labels))


def _box(value: Mapping[str, Any], labels: Sequence[str], item: Annotated) -> Box:
    sides = [value.get(name) for name in ("x", "y", "width", "height")]
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in sides):
        raise Refused(Text("框应有 x、y、width、height", "a box should have x, y, width and height"))
    # A tenth of a pixel is finer than anybody draws, and survives percent and back.
    x, y, width, height = (round(float(one), 1) for one in sides if one is not None)
    if not (x >= 0 and y >= 0 and width > 0 and height > 0 and x + width <= item.width and y + height <= item.height):
        raise Refused(
            Text(
                f"框应在图像之内（{item.width} × {item.height} 像素）",
                f"a box should lie within the image ({item.width} x {item.height} pixels)",
            )
        )
    return Box(x, y, width, height, _label(value.get("label"), labels))
