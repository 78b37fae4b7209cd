"""An item a line with all that is known of it: the form that loses nothing; and plain tables of texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dujiang.data.annotation.labels import Annotated, Answer, Kind, Prediction, Synthetic, from_json, to_json
from dujiang.data.annotation.values import fault, parsed, read_text, synthetic_from, synthetic_json
from dujiang.messages import BadInput, Text
from dujiang.sheets import read_rows

COLUMNS: dict[str, Text] = {
    "text": Text("文本", "text"),
    "key": Text("编号", "key"),
    "label": Text("标签", "label"),
    "generator": Text("生成者", "generator"),
    "model": Text("模型", "model"),
    "prompt_digest": Text("提示词摘要", "prompt digest"),
}
"""The columns of a table of texts; all but the first may be missing. Generated texts name their generator."""


def write(items: Iterable[Annotated]) -> str:
    """Return the items, one a line."""
    return "".join(json.dumps(_written(one), ensure_ascii=False) + "\n" for one in items)


def _written(item: Annotated) -> dict[str, Any]:
    made: dict[str, Any] = {"key": item.key}
    for name in ("text", "image", "width", "height"):
        if value := getattr(item, name):
            made[name] = value
    if item.answer is not None:
        made["answer"] = to_json(item.answer)
    if item.answers:
        made["answers"] = {who: to_json(one) for who, one in item.answers.items()}
    if found := item.prediction:
        made["prediction"] = {"answer": to_json(found.answer), "model": found.model, "score": found.score}
    if item.synthetic:
        made["synthetic"] = synthetic_json(item.synthetic)
    return made


def read(path: Path, kind: Kind) -> list[Annotated]:
    """Read what `write` wrote; raises `BadInput`. Only ``text`` or ``image`` (with its size) is needed."""
    made = []
    # Not splitlines: a text may hold other line breaks than the file's own.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            made.append(_item(path, number, parsed(path, str(number), line), kind))
    return made


def _item(path: Path, number: int, value: Any, kind: Kind) -> Annotated:
    place = str(number)
    wanted = "image" if kind is Kind.BOXES else "text"
    if not isinstance(value, dict) or not isinstance(value.get(wanted), str) or not value[wanted]:
        raise fault(path, place, Text(f"含 {wanted} 的对象", f"an object with {wanted}"), wanted)
    sides = [value.get(name, 0) for name in ("width", "height")]
    if not all(type(side) is int and side >= 0 for side in sides):
        raise fault(path, place, Text("图像的像素尺寸", "the image's size in pixels"), "width, height")

    def answer(found: Any) -> Answer:
        try:
            return from_json(kind, found)
        except (TypeError, ValueError) as error:
            expected = Text(f"{kind.words.zh}的标注", f"labels that are {kind.words.en}")
            raise fault(path, place, expected, "answer", str(error)) from error

    answers = value.get("answers") or {}
    predicted = value.get("prediction")
    if not isinstance(answers, dict) or not isinstance(predicted, dict | None):
        raise fault(path, place, Text("对象", "an object"), "answers, prediction")
    return Annotated(
        str(value.get("key") or number),
        value["text"] if wanted == "text" else "",
        value["image"] if wanted == "image" else "",
        width=value.get("width", 0),
        height=value.get("height", 0),
        answer=answer(value["answer"]) if value.get("answer") is not None else None,
        answers={str(who): answer(one) for who, one in answers.items()},
        prediction=Prediction(
            answer(predicted.get("answer")), str(predicted.get("model") or ""), predicted.get("score")
        )
        if predicted
        else None,
        synthetic=synthetic_from(path, place, value.get("synthetic")),
    )


def read_table(path: Path) -> list[Annotated]:
    """Read a table of texts, CSV or Excel, with their classes where it has them; raises `BadInput`."""
    made = []
    for number, row in read_rows(path, COLUMNS, optional=[name for name in COLUMNS if name != "text"]):
        if not row["text"]:
            raise BadInput(path, row=number, field="文本 (text)", expected=Text("非空文本", "a text"), found="空")
        source = row["generator"], row["model"], row["prompt_digest"]
        if any(source) and not row["generator"]:
            raise BadInput(
                path,
                row=number,
                field="生成者 (generator)",
                expected=Text("生成数据的生成者", "who generated it"),
                found="空",
            )
        made.append(
            Annotated(
                row["key"] or str(number),
                row["text"],
                answer=row["label"] or None,
                synthetic=Synthetic(*source) if row["generator"] else None,
            )
        )
    return made
