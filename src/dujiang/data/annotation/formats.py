"""Files of items in and out, by their form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dujiang.data.annotation import coco, conll, jsonl, labelstudio
from dujiang.data.annotation.labels import Annotated, Kind
from dujiang.data.annotation.values import fault, read_json
from dujiang.messages import BadInput, Text

WRITERS: dict[str, tuple[str, frozenset[Kind]]] = {
    "label-studio": (".json", frozenset(Kind)),
    "coco": (".json", frozenset({Kind.BOXES})),
    "conll": (".conll", frozenset({Kind.SPANS})),
    "jsonl": (".jsonl", frozenset(Kind)),
}
"""The forms of export: the file's suffix, and the kinds of labels that each holds."""


def read(path: Path, kind: Kind) -> list[Annotated]:
    """Read items, told apart by suffix: .csv and .xlsx (texts), .jsonl, .conll and .bio, .json (Label Studio or COCO).

    Raises `BadInput`, also for two items with one key, for no items, and for a form that doesn't hold the kind.
    """
    items = _read(path, kind)
    if not items:
        raise fault(path, "", Text("至少一个条目", "at least one item"))
    seen: set[str] = set()
    for number, one in enumerate(items, start=1):
        if one.key in seen:
            raise BadInput(
                path, row=f"[{number}]", field="key", expected=Text("不重复的编号", "a key of its own"), found=one.key
            )
        seen.add(one.key)
    return items


def _read(path: Path, kind: Kind) -> list[Annotated]:
    match path.suffix.lower(), kind:
        case ".csv" | ".xlsx", Kind.CHOICE | Kind.SPANS:
            made = jsonl.read_table(path)
            if kind is Kind.SPANS and (one := next((one for one in made if one.answer is not None), None)):
                raise fault(path, one.key, Text("不含标签列（片段）", "no column of labels, for spans"), "label")
            return made
        case ".jsonl", _:
            return jsonl.read(path, kind)
        case ".conll" | ".bio", Kind.SPANS:
            return conll.read(path)
        case ".json", _:
            if kind is Kind.BOXES and isinstance(read_json(path), dict):
                return coco.read(path)
            return labelstudio.read(path, kind)
        case _:
            text = {
                Kind.CHOICE: ".csv, .xlsx, .jsonl, .json (Label Studio)",
                Kind.SPANS: ".csv, .xlsx, .jsonl, .conll, .bio, .json (Label Studio)",
                Kind.BOXES: ".jsonl, .json (Label Studio, COCO)",
            }[kind]
            raise fault(path, "", Text(f"文件 {text}", f"one of {text}"), found=path.suffix)


def write(form: str, items: Iterable[Annotated], kind: Kind, labels: Sequence[str], title: str = "") -> str:
    """Return items in a form of `WRITERS`; raises KeyError for another, `Refused` for what the form can't hold."""
    if kind not in WRITERS[form][1]:
        raise KeyError(form)
    match form:
        case "coco":
            return coco.write(items, labels, title)
        case "conll":
            return conll.write(items)
        case "label-studio":
            return labelstudio.write(items, kind)
        case _:
            return jsonl.write(items)
