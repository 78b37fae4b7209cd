"""Label Studio's JSON: tasks with data, annotations and predictions; boxes in percent of the image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dujiang.data.annotation.labels import Annotated, Answer, Box, Kind, Prediction, Span
from dujiang.data.annotation.values import fault, read_json, synthetic_from, synthetic_json
from dujiang.messages import Text

_TAGS = {Kind.CHOICE: "choices", Kind.SPANS: "labels", Kind.BOXES: "rectanglelabels"}
_NAME = "label"


def read(path: Path, kind: Kind) -> list[Annotated]:
    """Read tasks; the annotation marked as ground truth is the accepted answer. Raises `BadInput`.

    Of several annotations by one person the last counts; cancelled ones don't. Results of other types are left out.
    """
    tasks = read_json(path)
    if not isinstance(tasks, list):
        raise fault(path, "", Text("任务列表（JSON 数组）", "a list of tasks (a JSON array)"))
    return [_task(path, number, task, kind) for number, task in enumerate(tasks, start=1)]


def write(items: Iterable[Annotated], kind: Kind) -> str:
    """Return the items as tasks for Label Studio to import, with every answer, the accepted one as ground truth."""
    return json.dumps([_written(number, one, kind) for number, one in enumerate(items, start=1)], ensure_ascii=False)


def _task(path: Path, number: int, task: Any, kind: Kind) -> Annotated:
    place = f"[{number}]"
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise fault(path, place, Text("含 data 的任务", "a task with data"), "data")
    data = task["data"]
    meta: dict[str, Any] = task["meta"] if isinstance(task.get("meta"), dict) else {}
    wanted = "image" if kind is Kind.BOXES else "text"
    if not isinstance(data.get(wanted), str) or not data[wanted]:
        raise fault(path, place, Text(f"data.{wanted} 为文字", f"data.{wanted} as text"), f"data.{wanted}")
    text = data["text"] if wanted == "text" else ""
    size = _size(data, task)
    if kind is Kind.BOXES and size is None:
        expected = Text("图像尺寸 original_width、original_height", "the image's size: original_width, original_height")
        raise fault(path, place, expected, "original_width")
    width, height = size or (0, 0)
    answer: Answer | None = None
    answers: dict[str, Answer] = {}
    for one in _listed(task, "annotations"):
        if one.get("was_cancelled"):
            continue
        found = _answer(path, place, one.get("result"), kind, text, width, height)
        if found is not None and one.get("ground_truth"):
            answer = found
        elif found is not None:
            answers[_who(one.get("completed_by"))] = found
    prediction = None
    for one in _listed(task, "predictions"):
        found = _answer(path, place, one.get("result"), kind, text, width, height)
        if found is not None:
            score = one.get("score")
            prediction = Prediction(
                found, str(one.get("model_version") or ""), float(score) if isinstance(score, int | float) else None
            )
    key = meta.get("key") or task.get("id") or number
    image = data["image"] if wanted == "image" else ""
    synthetic = synthetic_from(path, place, meta.get("synthetic"))
    return Annotated(str(key), text, image, width, height, answer, answers, prediction, synthetic)


def _listed(task: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = task.get(name)
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _size(data: Mapping[str, Any], task: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the image's size, as its data says or any result on it."""
    sizes = [(data.get("width"), data.get("height"))]
    for one in (*_listed(task, "annotations"), *_listed(task, "predictions")):
        sizes += [(part.get("original_width"), part.get("original_height")) for part in _listed(one, "result")]
    for width, height in sizes:
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return width, height
    return None


def _who(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("id") or completed_by.get("email")
    return str(completed_by or "")


def _answer(path: Path, place: str, result: Any, kind: Kind, text: str, width: int, height: int) -> Answer | None:
    """Return a result's answer; None where it is of another kind, or has no class."""
    if not isinstance(result, list):
        raise fault(path, place, Text("result 列表", "a list as result"), "result")
    mine = [one for one in result if isinstance(one, dict) and one.get("type") == _TAGS[kind]]
    if result and not mine:
        return None
    try:
        if kind is Kind.CHOICE:
            return str(mine[0]["value"]["choices"][0]) if mine else None
        if kind is Kind.SPANS:
            return tuple(sorted(_span(one["value"], text) for one in mine))
        return tuple(sorted(_box(one["value"], width, height) for one in mine))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise fault(
            path, place, Text(f"完整的 {_TAGS[kind]} 标注", f"a whole {_TAGS[kind]}"), "value", repr(error)
        ) from error


def _span(value: Mapping[str, Any], text: str) -> Span:
    start, end = int(value["start"]), int(value["end"])
    said = value.get("text")
    if isinstance(said, str) and text[start:end] != said:
        # A browser counts UTF-16 units; characters beyond the first plane are two of them.
        units = text.encode("utf-16-le")
        before, inside = units[: 2 * start], units[2 * start : 2 * end]
        if inside.decode("utf-16-le", "replace") != said:
            raise ValueError(f"{start}:{end} != {said[:20]!r}")
        start = len(before.decode("utf-16-le"))
        end = start + len(said)
    return Span(start, end, str(value["labels"][0]))


def _box(value: Mapping[str, Any], width: int, height: int) -> Box:
    if value.get("rotation"):
        raise ValueError("rotation")
    x, w = (round(float(value[name]) * width / 100, 1) for name in ("x", "width"))
    y, h = (round(float(value[name]) * height / 100, 1) for name in ("y", "height"))
    return Box(x, y, w, h, str(value["rectanglelabels"][0]))


def _written(number: int, item: Annotated, kind: Kind) -> dict[str, Any]:
    data: dict[str, Any] = {"text": item.text}
    if kind is Kind.BOXES:
        data = {"image": item.image, "width": item.width, "height": item.height}
    meta: dict[str, Any] = {"key": item.key}
    if item.synthetic:
        meta["synthetic"] = synthetic_json(item.synthetic)
    given = [(who, one, False) for who, one in item.answers.items()]
    if item.answer is not None:
        given.append(("", item.answer, True))
    annotations = [
        {
            **({"completed_by": int(who) if who.isdecimal() else who} if who else {}),
            "ground_truth": truth,
            "was_cancelled": False,
            "result": _results(one, item),
        }
        for who, one, truth in given
    ]
    predictions = []
    if found := item.prediction:
        score = {} if found.score is None else {"score": found.score}
        predictions.append({"model_version": found.model, **score, "result": _results(found.answer, item)})
    return {"id": number, "data": data, "meta": meta, "annotations": annotations, "predictions": predictions}


def _results(answer: Answer, item: Annotated) -> list[dict[str, Any]]:
    if isinstance(answer, str):
        around = {"id": "r1", "from_name": _NAME, "to_name": "text", "type": "choices"}
        return [{**around, "value": {"choices": [answer]}}]
    made: list[dict[str, Any]] = []
    parts: tuple[Span | Box, ...] = answer
    for at, one in enumerate(parts, start=1):
        if isinstance(one, Span):
            value = {"start": one.start, "end": one.end, "text": item.text[one.start : one.end], "labels": [one.label]}
            made.append({"id": f"r{at}", "from_name": _NAME, "to_name": "text", "type": "labels", "value": value})
        elif isinstance(one, Box):
            made.append(
                {
                    "id": f"r{at}",
                    "from_name": _NAME,
                    "to_name": "image",
                    "type": "rectanglelabels",
                    "original_width": item.width,
                    "original_height": item.height,
                    "image_rotation": 0,
                    "value": {
                        "x": 100 * one.x / item.width,
                        "y": 100 * one.y / item.height,
                        "width": 100 * one.width / item.width,
                        "height": 100 * one.height / item.height,
                        "rotation": 0,
                        "rectanglelabels": [one.label],
                    },
                }
            )
    return made
