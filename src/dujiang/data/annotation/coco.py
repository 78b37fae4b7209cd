"""COCO's JSON of objects in images: images, categories, and a box each in pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dujiang.data.annotation.labels import Annotated, Box
from dujiang.data.annotation.values import fault, read_json, synthetic_from, synthetic_json
from dujiang.messages import Text


def read(path: Path) -> list[Annotated]:
    """Read images with their boxes as accepted answers; raises `BadInput`. Crowds are no boxes, and left out."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise fault(path, "", Text("COCO 对象", "a COCO object"))
    names = {one["id"]: str(one["name"]) for _, one in _rows(path, content, "categories", ("id", "name"))}
    boxes: dict[Any, list[Box]] = {}
    images = list(_rows(path, content, "images", ("id", "file_name", "width", "height")))
    known = {one["id"] for _, one in images}
    for place, one in _rows(path, content, "annotations", ("image_id", "category_id", "bbox")):
        if one.get("iscrowd"):
            continue
        if one["image_id"] not in known or one["category_id"] not in names:
            expected = Text("文件中已有的图像与类别", "an image and a category of the file")
            raise fault(path, place, expected, "image_id, category_id", f"{one['image_id']}, {one['category_id']}")
        try:
            x, y, width, height = (round(float(side), 1) for side in one["bbox"])
        except (TypeError, ValueError) as error:
            raise fault(path, place, Text("[x, y, 宽, 高]", "[x, y, width, height]"), "bbox", str(error)) from error
        boxes.setdefault(one["image_id"], []).append(Box(x, y, width, height, names[one["category_id"]]))
    made = []
    for place, one in images:
        if not all(type(one[side]) is int and one[side] > 0 for side in ("width", "height")):
            raise fault(path, place, Text("图像的像素尺寸", "the image's size in pixels"), "width, height")
        image = str(one["file_name"])
        synthetic = synthetic_from(path, place, one.get("synthetic"))
        answer = tuple(sorted(boxes.get(one["id"], ())))
        made.append(
            Annotated(str(one.get("key") or image), "", image, one["width"], one["height"], answer, synthetic=synthetic)
        )
    return made


def write(items: Iterable[Annotated], labels: Sequence[str], title: str = "") -> str:
    """Return the items' accepted boxes; an item without an accepted answer is left out."""
    categories = {label: number for number, label in enumerate(labels, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for item in items:
        if item.answer is None or isinstance(item.answer, str):
            continue
        image: dict[str, Any] = {
            "id": len(images) + 1,
            "file_name": item.image,
            "width": item.width,
            "height": item.height,
            "key": item.key,
        }
        if item.synthetic:
            image["synthetic"] = synthetic_json(item.synthetic)
        images.append(image)
        for box in item.answer:
            if isinstance(box, Box):
                right, below = box.x + box.width, box.y + box.height
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image["id"],
                        "category_id": categories[box.label],
                        "bbox": [box.x, box.y, box.width, box.height],
                        "area": box.width * box.height,
                        "segmentation": [[box.x, box.y, right, box.y, right, below, box.x, below]],
                        "iscrowd": 0,
                    }
                )
    content = {
        "info": {"description": title, "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": label, "supercategory": ""} for label, number in categories.items()],
    }
    return json.dumps(content, ensure_ascii=False)


def _rows(
    path: Path, content: dict[str, Any], name: str, needed: Sequence[str]
) -> Iterable[tuple[str, dict[str, Any]]]:
    rows = content.get(name)
    if not isinstance(rows, list):
        raise fault(path, "", Text(f"列表 {name}", f"a list {name}"), name)
    for number, one in enumerate(rows, start=1):
        place = f"{name}[{number}]"
        if not isinstance(one, dict) or any(isinstance(one.get(key), dict | None) for key in needed):
            raise fault(
                path,
                place,
                Text("、".join(needed), ", ".join(needed)),
                found=", ".join(one) if isinstance(one, dict) else "",
            )
        yield place, one
