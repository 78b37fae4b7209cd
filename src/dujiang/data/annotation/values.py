"""What the readers of annotated files share: JSON with its faults told, and a generated item's provenance."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from dujiang.data.annotation.labels import Synthetic
from dujiang.messages import BadInput, Text


def fault(path: Path, place: str, expected: Text, field: str | None = None, found: str = "") -> BadInput:
    """Return the fault of a place in a file."""
    return BadInput(path, row=place or None, field=field, expected=expected, found=found[:200])


def read_text(path: Path) -> str:
    """Return a file's text; raises `BadInput`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise fault(path, "", Text("可读的 UTF-8 文件", "a readable file in UTF-8"), found=str(error)) from error


def read_json(path: Path) -> Any:
    """Return a JSON file's content; raises `BadInput`."""
    return parsed(path, "", read_text(path))


def parsed(path: Path, place: str, text: str) -> Any:
    """Return what a piece of JSON says; raises `BadInput`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise fault(path, place, Text("JSON", "JSON"), found=str(error)) from error


def synthetic_json(synthetic: Synthetic) -> dict[str, str]:
    """Return a generated item's provenance as plain values."""
    return {name: value for name, value in asdict(synthetic).items() if value}


def synthetic_from(path: Path, place: str, value: Any) -> Synthetic | None:
    """Return the provenance that `synthetic_json` gave this value for; None for none. Raises `BadInput`."""
    if value is None:
        return None
    known = {one.name for one in fields(Synthetic)}
    if (
        not isinstance(value, dict)
        or not set(value) <= known
        or not all(isinstance(one, str) for one in value.values())
        or not value.get("generator")
    ):
        expected = Text(
            "generator（必填）、model、prompt_digest，均为文字", "generator (needed), model and prompt_digest, as text"
        )
        raise fault(path, place, expected, "synthetic", str(value))
    return Synthetic(**value)
