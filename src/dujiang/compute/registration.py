"""A compute centre as its unit describes it: a TOML file with the centre, its pools and nodes, its products and prices."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from dujiang.compute.accelerators import accelerators
from dujiang.compute.pricing import CPU, MEMORY
from dujiang.messages import BadInput, Text

KINDS = {"pools": ("slurm", "ray"), "products": ("instance", "job", "reserved", "serving")}
_FORMS: dict[str, dict[str, tuple[type | tuple[type, ...], Any]]] = {
    "centre": {
        "key": (str, ...), "name": (str, ...), "unit": (str, ...), "division": (str, ""), "location": (str, ""),
        "pue": ((int, float), None), "power_contract": (str, ""), "counted": (bool, True),
    },
    "pools": {
        "key": (str, ...), "kind": (str, ...), "site_python": (bool, False), "settings": (dict, {}), "nodes": (list, ...),
    },
    "nodes": {
        "count": (int, ...), "cpus": (int, ...), "memory_mib": (int, ...), "cpu_fp32_tflops": ((int, float), 0.0),
        "accelerator": (str, ""), "accelerators": (int, 0), "fp16_tflops": ((int, float), 0.0), "source": (str, ""),
    },
    "products": {"key": (str, ...), "kind": (str, ...), "title_zh": (str, ...), "title_en": (str, ...)},
    "prices": {
        "product": (str, ...), "resource": (str, ...), "fen": (int, ...), "from_hour": (int, 0), "until_hour": (int, 24),
        "valid_from": (date, ...), "valid_until": (date, ...),
    },
}  # fmt: skip
"""The fields of each table: type, and what stands where it is not given (``...``: it must be)."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a file says, each table's rows as plain values with every field there."""

    centre: dict[str, Any]
    pools: list[dict[str, Any]]
    products: list[dict[str, Any]] = field(default_factory=list)
    prices: list[dict[str, Any]] = field(default_factory=list)


def read(path: Path) -> Registration:
    """Read a centre's file; raises `BadInput` for the first thing that can't be used."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(path, expected=Text("可读的文件", "a file that can be read"), found=str(error)) from error
    except ValueError as error:
        raise BadInput(path, expected=Text("TOML 文件", "a TOML file"), found=str(error)) from error
    unknown = sorted(set(told) - {"centre", "pools", "products", "prices"})
    if unknown:
        raise BadInput(
            path,
            field=unknown[0],
            expected=Text("centre、pools、products 或 prices", "centre, pools, products or prices"),
        )
    made = Registration(
        _row(path, "centre", "centre", told.get("centre", {})),
        [_pool(path, place, row) for place, row in _rows(path, told, "pools")],
        [_row(path, "products", place, row) for place, row in _rows(path, told, "products")],
        [_price(path, place, row) for place, row in _rows(path, told, "prices")],
    )
    if not made.pools:
        raise BadInput(path, field="pools", expected=Text("至少一个算力池", "at least one pool"))
    return made


def _rows(path: Path, told: Mapping[str, Any], table: str) -> list[tuple[str, Any]]:
    rows = told.get(table, [])
    if not isinstance(rows, list):
        raise BadInput(path, field=table, expected=Text(f"[[{table}]] 表", f"tables written [[{table}]]"))
    return [(f"[[{table}]] {number}", row) for number, row in enumerate(rows, 1)]


def _row(path: Path, table: str, place: str, row: Any) -> dict[str, Any]:
    """Return a row with every field, of its type."""
    form = _FORMS[table]
    if not isinstance(row, dict):
        raise BadInput(path, row=place, expected=Text("一个表", "a table"), found=repr(row))
    if unknown := sorted(set(row) - set(form)):
        known = ", ".join(form)
        raise BadInput(
            path, row=place, field=unknown[0], expected=Text(f"字段 {known} 之一", f"one of the fields {known}")
        )
    made = {}
    for name, (kind, default) in form.items():
        value = row.get(name, default)
        # TOML's true is a Python int.
        wrong = isinstance(value, bool) and kind is not bool
        if value is ... or (name in row and (wrong or not isinstance(value, kind))):
            words = kind.__name__ if isinstance(kind, type) else "number"
            found = "" if value is ... else repr(value)
            raise BadInput(
                path, row=place, field=name, expected=Text(f"{words} 类型的值", f"a value of type {words}"), found=found
            )
        made[name] = value
    if "key" in made and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", made["key"]):
        expected = Text("小写字母、数字和 -", "small letters, digits and -")
        raise BadInput(path, row=place, field="key", expected=expected, found=made["key"])
    if table in KINDS and made["kind"] not in KINDS[table]:
        known = ", ".join(KINDS[table])
        raise BadInput(path, row=place, field="kind", expected=Text(known, known), found=made["kind"])
    negative = next((name for name, value in made.items() if isinstance(value, int | float) and value < 0), None)
    if negative:
        raise BadInput(
            path, row=place, field=negative, expected=Text("不小于 0", "0 or more"), found=str(made[negative])
        )
    return made


def _pool(path: Path, place: str, row: Any) -> dict[str, Any]:
    made = _row(path, "pools", place, row)
    made["nodes"] = [
        _nodes(path, f"{place} [[pools.nodes]] {number}", one) for number, one in enumerate(made["nodes"], 1)
    ]
    return made


def _nodes(path: Path, place: str, row: Any) -> dict[str, Any]:
    made = _row(path, "nodes", place, row)
    kind = made["accelerator"]
    if bool(kind) != bool(made["accelerators"]):
        expected = Text("加速卡的型号与数量一并给出", "an accelerator's kind and number together")
        raise BadInput(path, row=place, field="accelerators", expected=expected)
    if kind and kind not in accelerators() and not made["fp16_tflops"]:
        known = "、".join(accelerators())
        raise BadInput(
            path,
            row=place,
            field="accelerator",
            expected=Text(
                f"已知型号（{known}），或以 fp16_tflops 给出峰值", "a known kind, or its peak as fp16_tflops"
            ),
            found=kind,
        )
    if made["fp16_tflops"] and not made["source"]:
        raise BadInput(path, row=place, field="source", expected=Text("峰值的出处", "where the peak is stated"))
    return made


def _price(path: Path, place: str, row: Any) -> dict[str, Any]:
    made = _row(path, "prices", place, row)
    for name, high in (("from_hour", 23), ("until_hour", 24)):
        if made[name] > high:
            raise BadInput(
                path, row=place, field=name, expected=Text(f"0 至 {high}", f"0 to {high}"), found=str(made[name])
            )
    if made["valid_until"] < made["valid_from"]:
        expected = Text("不早于 valid_from", "not before valid_from")
        raise BadInput(path, row=place, field="valid_until", expected=expected, found=str(made["valid_until"]))
    if made["resource"] not in (CPU, MEMORY) and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", made["resource"]):
        expected = Text("cpu、memory 或加速卡型号", "cpu, memory or a kind of accelerator")
        raise BadInput(path, row=place, field="resource", expected=expected, found=made["resource"])
    return made
