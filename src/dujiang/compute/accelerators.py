"""Kinds of accelerators and their peak rates as their makers state them (``accelerators.csv``)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A kind of card: dense peak rates (without structured sparsity) in 10^12 operations a second, None if unstated."""

    key: str
    maker: str
    name: str
    domestic: bool
    fp16_tflops: float | None
    bf16_tflops: float | None
    fp32_tflops: float | None
    int8_tops: float | None
    source: str

    @property
    def counted_tflops(self) -> float:
        """What it counts in the capacity indicator: FP16, else BF16, else FP32, which FP16 work can run at, else none."""
        return self.fp16_tflops or self.bf16_tflops or self.fp32_tflops or 0.0


@cache
def accelerators() -> dict[str, Accelerator]:
    """Return the known kinds by key."""
    text = (files("dujiang.compute") / "accelerators.csv").read_text(encoding="utf-8")
    return {row["key"]: _accelerator(row) for row in csv.DictReader(io.StringIO(text))}


def _accelerator(row: Mapping[str, str]) -> Accelerator:
    def rate(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    return Accelerator(
        row["key"],
        row["maker"],
        row["name"],
        row["domestic"] == "1",
        rate("fp16_tflops"),
        rate("bf16_tflops"),
        rate("fp32_tflops"),
        rate("int8_tops"),
        row["source"],
    )
