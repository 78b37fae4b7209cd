"""The compute that a register adds up to: intelligent and general capacity, and their shares.

Intelligent capacity (智算规模) is the sum over accelerators of the dense FP16 peak that the maker states; general
capacity is that of the processors at their FP32 peak. Both are in EFlops, 10^18 operations a second; the intelligent
share (智算占比) is the first over the sum of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dujiang.compute.accelerators import accelerators

_TERA_IN_EXA = 1e6


@dataclass(frozen=True, slots=True)
class Equipment:
    """Nodes that are alike: how many, the FP32 peak of one's processors, its accelerators and where those are made.

    ``fp16_tflops`` of a card is the centre's own figure; 0 means the maker's.
    """

    nodes: int
    cpu_fp32_tflops: float
    accelerator: str
    accelerators: int
    fp16_tflops: float = 0.0

    @property
    def intelligent(self) -> float:
        """EFlops of its accelerators."""
        if not self.accelerators:
            return 0.0
        each = self.fp16_tflops or accelerators()[self.accelerator].counted_tflops
        return self.nodes * self.accelerators * each / _TERA_IN_EXA

    @property
    def domestic(self) -> bool:
        """Whether its accelerators are of a domestic maker."""
        known = accelerators().get(self.accelerator)
        return known is not None and known.domestic


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity in EFlops; shares in per cent, None where there is nothing to share."""

    intelligent: float
    general: float
    domestic: float

    @property
    def share(self) -> float | None:
        """The intelligent share."""
        total = self.intelligent + self.general
        return min(100.0, 100 * self.intelligent / total) if total else None


def capacity(equipment: Iterable[Equipment]) -> Capacity:
    """Return what the equipment adds up to."""
    found = list(equipment)
    return Capacity(
        sum(one.intelligent for one in found),
        sum(one.nodes * one.cpu_fp32_tflops for one in found) / _TERA_IN_EXA,
        sum(one.intelligent for one in found if one.domestic),
    )
