"""What an executor is: the few things that a place where jobs run must do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

LOG_BYTES = 64 << 10
"""How much of the end of a log is handed out."""


class Unreachable(RuntimeError):
    """The pool does not answer; what runs there may still be running."""


class Rejected(RuntimeError):
    """The pool answers, and will not take the job."""


class Standing(StrEnum):
    """Where an attempt stands with its executor."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    VANISHED = "vanished"
    """It is not there and has left no outcome."""


@dataclass(frozen=True, slots=True)
class Task:
    """What an executor is to run: ``seconds`` of wall time at most, ``gpu_milli`` in thousandths of a card.

    ``name`` is what the pool's own accounting shows: the hold of vouchers that pays for it.
    """

    name: str
    argv: list[str]
    seconds: int
    memory_mib: int
    cpus: int
    gpu_milli: int = 0
    gpu_kind: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to and used.

    ``ended_by`` is empty where it ended by itself, else ``time``, ``memory``, ``cancelled`` or a word of the pool's
    own; times are seconds since 1970; ``memory_mib`` is the peak of all its processes together.
    """

    exit_code: int | None
    ended_by: str
    started: float
    ended: float
    cpu_seconds: float
    memory_mib: float


class Executor(Protocol):
    """A place where attempts run, each in a folder of its own, found again by its handle after any restart.

    Every call may raise `Unreachable`.
    """

    def ping(self) -> None:
        """Return where the pool answers."""
        ...

    def submit(self, task: Task, folder: Path) -> str:
        """Start the attempt, or have it queued, and return its handle; raises `Rejected`."""
        ...

    def find(self, folder: Path) -> str | None:
        """Return the handle of an attempt that was submitted, or None and see to it that it never runs."""
        ...

    def poll(self, handle: str, folder: Path) -> Standing:
        """Return where the attempt stands."""
        ...

    def cancel(self, handle: str, folder: Path) -> None:
        """Have the attempt ended with all that it started; it is then polled to its end."""
        ...

    def usage(self, handle: str, folder: Path) -> Outcome | None:
        """Return what an ended attempt came to, None where nobody knows."""
        ...

    def logs(self, handle: str, folder: Path, stream: str) -> bytes:
        """Return the end of ``stdout`` or ``stderr``."""
        ...


def write_task(task: Task, folder: Path) -> None:
    """Write what the supervisor reads."""
    (folder / "job.json").write_text(json.dumps(asdict(task), ensure_ascii=False), encoding="utf-8")


def read_outcome(folder: Path) -> Outcome | None:
    """Return what the supervisor wrote, None where it has not."""
    try:
        found: Mapping[str, Any] = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Outcome(**found)


def tail(path: Path) -> bytes:
    """Return the end of a log, nothing where there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""
