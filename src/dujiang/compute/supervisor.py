"""Runs one attempt of a job, holds it to its limits and writes down what it used: ``supervisor.py FOLDER``.

It is started by an executor on the machine where the job runs, and needs nothing there but Python 3.9: a centre's
nodes need no Dujiang. The folder holds ``job.json`` (`argv`, `seconds`, `memory_mib`, `environment`) and ``work/``,
where the job runs. It leaves ``claim``, ``stdout``, ``stderr`` and, at the end, ``outcome.json``.

The claim is what makes an attempt run at most once. Whoever creates the file decides: the supervisor, by its process
and the time at which that started, and the job runs; or somebody who doubts that it will ever start, by ``revoked``,
and then it never does.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

REVOKED = "revoked"
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main(folder: Path) -> int:
    """Run the attempt in ``folder`` to its end; returns 0 where it was run, whatever it came to."""
    asked: list[bool] = []
    # Before the claim: whoever sees that, may ask it to end.
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    if not claim(folder, f"{identity(os.getpid())} {os.environ.get('SLURM_JOB_ID', '')}".strip()):
        return 3
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    # What the job leaves behind when it ends, however deep, becomes a child of this process, so that it can be ended
    # and its use be counted.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    outcome = _run(folder, job, asked)
    write_whole(folder / "outcome.json", json.dumps(outcome))
    return 0


def claim(folder: Path, text: str) -> bool:
    """Create the claim with this text; False where there is one already."""
    made = folder / f".claim-{os.getpid()}"
    made.write_text(text, encoding="utf-8")
    try:
        os.link(made, folder / "claim")  # whole or not at all
    except FileExistsError:
        return False
    finally:
        made.unlink()
    return True


def write_whole(path: Path, text: str) -> None:
    """Write beside the target and move it into place, so that nobody reads half a file."""
    partial = path.with_name(f".partial-{path.name}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def identity(pid: int) -> str:
    """Return what tells a process from a later one with its number: the number and the clock tick of its start.

    Raises ProcessLookupError where there is none, or only its remains (a zombie).
    """
    try:
        fields = _stat(pid)
    except (OSError, IndexError) as error:
        raise ProcessLookupError(pid) from error
    if fields[0] == "Z":
        raise ProcessLookupError(pid)
    return f"{pid}:{fields[19]}"


def alive(which: str) -> bool:
    """Whether the process that `identity` described is still there."""
    try:
        return identity(int(which.partition(":")[0])) == which
    except (ProcessLookupError, ValueError):
        return False


def _run(folder: Path, job: Mapping[str, Any], asked: list[bool]) -> dict[str, Any]:
    started = time.time()
    clock = time.monotonic()
    peak, ended_by, code = 0.0, "", None
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        try:
            process = subprocess.Popen(
                job["argv"],
                cwd=folder / "work",
                env=_environment(job["environment"]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 (there is one thread)
            )
        except OSError as error:
            err.write(f"{error}\n".encode())
            return _outcome(127, "", started, 0.0)
    while code is None:
        try:
            code = process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            peak = max(peak, resident_mib(os.getpid()))
            if asked:
                ended_by = "cancelled"
            elif time.monotonic() - clock > job["seconds"]:
                ended_by = "time"
            elif peak > job["memory_mib"]:
                ended_by = "memory"
            if ended_by:
                process.kill()
                code = process.wait()
    _end_descendants()
    if asked:
        # Whoever asked may have told the job too, and it may have been the faster to end.
        ended_by = "cancelled"
    return _outcome(code, ended_by, started, peak)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the job's environment; the site's settings, which hold its database's password, are not its business."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DUJIANG_")} | dict(more)


def _outcome(code: int | None, ended_by: str, started: float, peak: float) -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "exit_code": code,
        "ended_by": ended_by,
        "started": started,
        "ended": time.time(),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "memory_mib": round(max(peak, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)), 1),
    }


def _end_descendants() -> None:
    """Kill whatever the job started, also what left its session, until nothing is left."""
    while True:
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(_POLL_SECONDS / 10)


def descendants(pid: int) -> list[int]:
    """Return the processes below a process (Linux)."""
    parents: dict[int, list[int]] = {}
    for one in _pids():
        try:
            parents.setdefault(int(_stat(one)[1]), []).append(one)
        except (OSError, IndexError):
            continue
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def resident_mib(pid: int) -> float:
    """Return the resident memory of what a process has started, in MiB (Linux)."""
    total = 0
    for one in descendants(pid):
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * _PAGE / 2**20


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (state) on; the second may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _end_with_parent() -> None:
    """Have the kernel kill the job when the supervisor is killed, so that it is not left to run uncounted."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
