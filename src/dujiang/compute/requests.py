"""What somebody asks for when they submit a job, checked before anything is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dujiang.messages import Refused, Text

COMMAND = "command"
"""The work of a job whose argv its submitter wrote."""
LARGEST_INPUT = 256 << 20
"""Bytes of all input files of a job together."""
LONGEST_ARGV = 100_000
LONGEST_SECONDS = 30 * 86400
_RESERVED = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use: ``seconds`` of wall time, memory of all its processes, cores, thousandths of a card."""

    seconds: int = 3600
    memory_mib: int = 2048
    cpus: int = 1
    gpu_milli: int = 0
    gpu_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """A job that is asked for. ``inputs`` are files by name, which lie in the folder where it runs.

    ``exactly_once``: it must not be started a second time, even where nobody can tell how the first ended.
    ``preemptible``: it may be stopped for others and started again. ``pool`` is empty where any will do.
    """

    argv: list[str]
    work: str = COMMAND
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = Limits()
    product: str = "job"
    pool: str = ""
    exactly_once: bool = False
    preemptible: bool = False
    deadline: datetime | None = None


def check(request: JobRequest) -> None:
    """Return where the request can be taken; raises `Refused` saying what can't."""
    limits = request.limits
    for name, value, low, high in (
        ("seconds", limits.seconds, 1, LONGEST_SECONDS),
        ("memory_mib", limits.memory_mib, 16, 64 << 20),
        ("cpus", limits.cpus, 1, 100_000),
        ("gpu_milli", limits.gpu_milli, 0, 100_000_000),
    ):
        if not low <= value <= high:
            raise Refused(
                Text(f"{name} 应在 {low} 与 {high} 之间，实为 {value}", f"{name} is {low} to {high}, not {value}")
            )
    if bool(limits.gpu_milli) != bool(limits.gpu_kind):
        raise Refused(Text("加速卡的数量与型号应一并给出", "name the accelerator's kind with its number"))
    if not request.argv or not all(isinstance(part, str) and "\0" not in part for part in request.argv):
        raise Refused(Text("命令应为非空的字符串列表", "a command is a list of strings, not empty"))
    if sum(map(len, request.argv)) > LONGEST_ARGV:
        raise Refused(Text("命令过长", "the command is too long"))
    for name in request.inputs:
        if name != file_name(name):
            raise Refused(Text(f"文件名“{name}”不可用", f"a file can't be called {name!r}"))
    if sum(map(len, request.inputs.values())) > LARGEST_INPUT:
        raise Refused(
            Text(f"输入文件合计不超过 {LARGEST_INPUT >> 20} MiB", f"input files are {LARGEST_INPUT >> 20} MiB at most")
        )


def file_name(sent: str) -> str:
    """Return a plain file name made of one that somebody sent: no folders, nothing that a shell or system reads."""
    name = unicodedata.normalize("NFC", sent.replace("\\", "/").rpartition("/")[2])
    name = re.sub(r"[^\w.()（）+-]", "_", name).lstrip(".-")[-80:]
    return "file" if name in _RESERVED else name
