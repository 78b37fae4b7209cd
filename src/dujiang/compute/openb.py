"""Reads the CSV files of the OpenB trace (Alibaba cluster-trace-gpu-v2023): a cluster's nodes and its tasks."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from dujiang.compute.cluster import MOST_KINDS, WHOLE, Ints, Nodes, Tasks, allowed, tasks
from dujiang.messages import BadInput, Text

_NODES = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_TASKS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "creation_time", "deletion_time")
_MOST_GPUS = 62  # a task's GPUs on a node are bits of one integer


@dataclass(frozen=True, slots=True)
class NodeList:
    """The nodes of a file; ``kinds`` are the kinds of GPU that their ``kind`` counts through."""

    names: list[str]
    kinds: list[str]
    capacity: Nodes


@dataclass(frozen=True, slots=True)
class TaskList:
    """The tasks of a file in its order; ``created`` and ``duration`` in s, int64 of shape (tasks,)."""

    names: list[str]
    tasks: Tasks
    created: Ints
    duration: Ints


class _Row:
    """A row of a file, its cells checked as they are asked for."""

    def __init__(self, path: str | PathLike[str], number: int, cells: dict[str, str]) -> None:
        self.path, self.number, self.cells = path, number, cells

    def text(self, field: str) -> str:
        return (self.cells[field] or "").strip()

    def whole(self, field: str, most: int | None = None) -> int:
        """Return a cell as a whole number from 0 on."""
        found = self.text(field)
        value = int(found) if found.isascii() and found.isdigit() else -1
        if value < 0 or (most is not None and value > most):
            upto = f"{most}" if most is not None else ""
            expected = Text(f"0 到 {upto} 的整数", f"a whole number from 0 to {upto}") if upto else _WHOLE_NUMBER
            raise self.fault(field, expected, found)
        return value

    def fault(self, field: str, expected: Text, found: str) -> BadInput:
        return BadInput(self.path, row=self.number, field=field, expected=expected, found=found or "''")


_WHOLE_NUMBER = Text("非负整数", "a whole number, 0 or more")


def _rows(path: str | PathLike[str], columns: tuple[str, ...]) -> Iterator[_Row]:
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            yield from _checked(path, csv.DictReader(file, strict=True), columns)
    except OSError as error:
        expected = Text("可读取的文件", "a file that can be read")
        raise BadInput(path, expected=expected, found=error.strerror or "") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(path, expected=Text("UTF-8 编码的 CSV", "CSV in UTF-8"), found=str(error)) from error


def _checked(path: str | PathLike[str], reader: csv.DictReader[str], columns: tuple[str, ...]) -> Iterator[_Row]:
    heading = list(reader.fieldnames or [])
    if missing := ", ".join(name for name in columns if name not in heading):
        expected = Text(f"表头含列 {missing}", f"a heading with the columns {missing}")
        raise BadInput(path, row=1, expected=expected, found=", ".join(heading))
    for cells in reader:
        # What is too much stands under no heading, what is missing is None.
        found = sum(cells[name] is not None for name in heading) + len(cells.get(None) or [])
        if found != len(heading):
            expected = Text(f"{len(heading)} 个单元格", f"{len(heading)} cells")
            raise BadInput(path, row=reader.line_num, expected=expected, found=str(found))
        yield _Row(path, reader.line_num, cells)


def read_nodes(path: str | PathLike[str]) -> NodeList:
    """Read a list of nodes; raises BadInput for a cell that makes no sense, a name given twice, or no node at all."""
    names: dict[str, int] = {}
    kinds: dict[str, int] = {}
    table: list[tuple[int, int, int, int]] = []
    for row in _rows(path, _NODES):
        gpus, model = row.whole("gpu", _MOST_GPUS), row.text("model")
        if gpus and not model:
            raise row.fault("model", Text("GPU 型号", "the kind of its GPUs"), model)
        name = row.text("sn")
        if not name or name in names:
            raise row.fault("sn", Text("未出现过的节点名", "a name that no other node has"), name)
        names[name] = row.number
        if gpus and kinds.setdefault(model, len(kinds)) >= MOST_KINDS:
            raise row.fault("model", Text(f"至多 {MOST_KINDS} 种型号", f"{MOST_KINDS} kinds at most"), model)
        table.append((row.whole("cpu_milli"), row.whole("memory_mib"), gpus, kinds[model] if gpus else -1))
    if not table:
        raise BadInput(path, expected=Text("至少一个节点", "a node at least"))
    cpu, memory, count, kind = (np.array(column, dtype=np.int64) for column in zip(*table, strict=True))
    gpu = np.where(np.arange(max(1, count.max())) < count[:, None], WHOLE, 0).astype(np.int64)
    return NodeList([*names], [*kinds], Nodes(cpu, memory, gpu, kind))


def read_tasks(path: str | PathLike[str], kinds: list[str]) -> TaskList:
    """Read a list of tasks for nodes of ``kinds``; a task that names none of them can be placed nowhere.

    Raises BadInput for a cell that makes no sense, several GPUs of less than a whole one each, or no task at all.
    """
    names, table, times = [], [], []
    for row in _rows(path, _TASKS):
        gpus, share = row.whole("num_gpu", _MOST_GPUS), row.whole("gpu_milli", WHOLE)
        lowest = 0 if gpus == 0 else 1 if gpus == 1 else WHOLE
        if not (lowest <= share <= (WHOLE if gpus else 0)):
            wanted = {0: "0", 1: f"1-{WHOLE}"}.get(gpus, f"{WHOLE}")
            expected = Text(f"num_gpu 为 {gpus} 时应填 {wanted}", f"{wanted} where num_gpu is {gpus}")
            raise row.fault("gpu_milli", expected, str(share))
        created, deleted = row.whole("creation_time"), row.whole("deletion_time")
        if deleted < created:
            raise row.fault("deletion_time", Text("不早于 creation_time", "not before creation_time"), str(deleted))
        names.append(row.text("name"))
        table.append(
            (row.whole("cpu_milli"), row.whole("memory_mib"), gpus, share, allowed(kinds, row.text("gpu_spec")))
        )
        times.append((created, deleted - created))
    if not table:
        raise BadInput(path, expected=Text("至少一个任务", "a task at least"))
    when = np.array(times, dtype=np.int64)
    return TaskList(names, tasks(table), when[:, 0].copy(), when[:, 1].copy())
