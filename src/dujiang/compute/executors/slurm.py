"""Jobs on a centre's own Slurm, by its commands. Times are Slurm's, so that both sides count the same seconds.

The attempt's folder must be at the same path on the nodes. A node needs ``python3`` for the supervisor, nothing else.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from dujiang.compute import supervisor
from dujiang.compute.executors.base import (
    Outcome,
    Rejected,
    Standing,
    Task,
    Unreachable,
    read_outcome,
    tail,
    write_task,
)

_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
_RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"})
_ENDED_BY = {"CANCELLED": "cancelled", "TIMEOUT": "time", "OUT_OF_MEMORY": "memory", "PREEMPTED": "preempted"}
"""How Slurm's last word on a job is called here; a job of another word without an outcome has vanished."""
_NOT_THERE = (
    "unable to contact",
    "connection refused",
    "zero bytes",
    "timed out",
    "unable to establish",
    "protocol auth",
)
_SECONDS = 30
_FRESH = 0.9


class _Known(NamedTuple):
    state: str
    started: float | None
    ended: float | None


class SlurmExecutor:
    """Submits by ``sbatch``, watches by one ``squeue`` a second for all jobs, ends by ``scancel``.

    Settings: ``conf`` (a slurm.conf other than the machine's), ``partition``, ``account``, ``python`` (of the nodes),
    ``jobcomp`` (the file of jobcomp/filetxt, for jobs that Slurm has forgotten and no sacct knows).
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._known: dict[str, _Known] = {}
        self._asked = float("-inf")

    def ping(self) -> None:
        """Return where the controller answers."""
        self._run("squeue", "-h", "-t", "running", "-o", "%A", "-u", "root")

    def submit(self, task: Task, folder: Path) -> str:
        """Submit the supervisor as a batch job; the handle is its number."""
        write_task(task, folder)
        shutil.copy(supervisor.__file__, folder / "supervisor.py")
        command = [self._settings.get("python", "python3"), str(folder / "supervisor.py"), str(folder)]
        wanted = {
            "job-name": task.name,
            "chdir": str(folder),
            "output": str(folder / "supervisor.log"),
            "open-mode": "append",
            "export": "NONE",
            "ntasks": "1",
            "cpus-per-task": str(task.cpus),
            "mem": f"{task.memory_mib}M",
            # The supervisor ends the job in time; Slurm, which counts minutes, after it.
            "time": str(task.seconds // 60 + 2),
            "wrap": f"exec {shlex.join(command)}",
        }
        if task.gpu_milli:
            wanted["gres"] = f"gpu:{task.gpu_kind}:{-(-task.gpu_milli // 1000)}"
        for name in ("partition", "account"):
            if name in self._settings:
                wanted[name] = self._settings[name]
        self._asked = float("-inf")  # what was known knows nothing of this job
        said = self._run(
            "sbatch", "--parsable", "--no-requeue", *(f"--{name}={value}" for name, value in wanted.items())
        )
        return said.strip().partition(";")[0]

    def find(self, folder: Path) -> str | None:
        """Return the number by which the job claimed the attempt; where none has, claim it so that none ever will."""
        if supervisor.claim(folder, supervisor.REVOKED):
            return None
        claimed = (folder / "claim").read_text(encoding="utf-8").split()
        return None if claimed == [supervisor.REVOKED] else claimed[-1]

    def poll(self, handle: str, folder: Path) -> Standing:
        """Return where the job stands."""
        state = self._about(handle).state
        if state in _WAITING or (state in _RUNNING and not (folder / "claim").exists()):
            return Standing.WAITING
        if state in _RUNNING:
            return Standing.RUNNING
        known = state in _ENDED_BY or (folder / "outcome.json").exists()
        return Standing.ENDED if known else Standing.VANISHED

    def cancel(self, handle: str, folder: Path) -> None:
        """End the job."""
        self._run("scancel", handle)

    def usage(self, handle: str, folder: Path) -> Outcome | None:
        """Return the supervisor's outcome with Slurm's times, or what Slurm alone knows."""
        about, outcome = self._about(handle), read_outcome(folder)
        if outcome is None:
            word = _ENDED_BY.get(about.state)
            if word is None:
                return None
            # A job that never began has used nothing.
            ended = about.ended or time.time()
            return Outcome(None, word, about.started or ended, ended, 0.0, 0.0)
        if about.started is None or about.ended is None:
            return outcome
        return Outcome(
            outcome.exit_code,
            outcome.ended_by,
            about.started,
            about.ended,
            outcome.cpu_seconds,
            outcome.memory_mib,
        )

    def logs(self, handle: str, folder: Path, stream: str) -> bytes:
        """Return the end of a log."""
        return tail(folder / stream)

    def _about(self, handle: str) -> _Known:
        if time.monotonic() - self._asked > _FRESH:
            said = self._run("squeue", "-h", "-t", "all", "-o", "%A|%T|%S|%e")
            rows = (line.split("|") for line in said.splitlines())
            self._known = {row[0]: _Known(row[1], _time(row[2]), _time(row[3])) for row in rows}
            self._asked = time.monotonic()
        return self._known.get(handle) or self._accounted(handle)

    def _accounted(self, handle: str) -> _Known:
        """Return what the accounting says of a job that Slurm itself has forgotten."""
        try:
            said = self._run("sacct", "-n", "-P", "-X", "-j", handle, "-o", "State,Start,End")
        except (Rejected, Unreachable):
            said = ""
        for line in said.splitlines():
            state, started, ended = line.split("|")
            return _Known(state.split()[0], _time(started), _time(ended))
        for record in completed(Path(self._settings["jobcomp"])) if "jobcomp" in self._settings else ():
            if record["JobId"] == handle:
                return _Known(record["JobState"], _time(record["StartTime"]), _time(record["EndTime"]))
        return _Known("", None, None)

    def _run(self, program: str, *arguments: str) -> str:
        environment = {**os.environ, "SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}
        if "conf" in self._settings:
            environment["SLURM_CONF"] = self._settings["conf"]
        try:
            done = subprocess.run(
                [program, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unreachable(f"{program}: {error}") from error
        if done.returncode:
            said = done.stderr.strip()
            if any(words in said.lower() for words in _NOT_THERE):
                raise Unreachable(said)
            raise Rejected(said or f"{program} ended with {done.returncode}")
        return done.stdout


def completed(path: Path) -> list[dict[str, str]]:
    """Return the records of a jobcomp/filetxt file, a job each; the last of a job that has several."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    records = (dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines())
    return list({one["JobId"]: one for one in records if "JobId" in one}.values())


def _time(said: str) -> float | None:
    """Return seconds since 1970 of a time as Slurm's commands (``%s``) or its completion file (local ISO) write it."""
    if said.isdigit():
        return float(said)
    try:
        return datetime.fromisoformat(said).astimezone().timestamp()
    except ValueError:
        return None
