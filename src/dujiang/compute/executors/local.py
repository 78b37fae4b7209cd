"""Jobs as processes of this machine, which live on when the dispatcher that started them does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from dujiang.compute import supervisor
from dujiang.compute.executors.base import Outcome, Standing, Task, read_outcome, tail, write_task


class LocalExecutor:
    """Runs each attempt under a `supervisor` in a session of its own."""

    def ping(self) -> None:
        """Return: it is the machine that asks."""

    def submit(self, task: Task, folder: Path) -> str:
        """Start the supervisor; the handle is its process and when that started."""
        write_task(task, folder)
        with (folder / "supervisor.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, supervisor.__file__, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with suppress(ProcessLookupError):
            return supervisor.identity(process.pid)
        return str(process.pid)

    def find(self, folder: Path) -> str | None:
        """Return who claimed the attempt; where nobody has, claim it so that nobody ever will."""
        if supervisor.claim(folder, supervisor.REVOKED):
            return None
        claimed = (folder / "claim").read_text(encoding="utf-8").split()[0]
        return None if claimed == supervisor.REVOKED else claimed

    def poll(self, handle: str, folder: Path) -> Standing:
        """Return where the attempt stands; its supervisor is gone before its outcome is looked for."""
        with suppress(ChildProcessError):
            os.waitpid(_pid(handle), os.WNOHANG)
        if supervisor.alive(handle):
            return Standing.RUNNING if (folder / "claim").exists() else Standing.WAITING
        return Standing.ENDED if (folder / "outcome.json").exists() else Standing.VANISHED

    def cancel(self, handle: str, folder: Path) -> None:
        """Ask the supervisor to end what it runs."""
        if supervisor.alive(handle):
            with suppress(ProcessLookupError):
                os.kill(_pid(handle), signal.SIGTERM)

    def usage(self, handle: str, folder: Path) -> Outcome | None:
        """Return what the supervisor wrote."""
        return read_outcome(folder)

    def logs(self, handle: str, folder: Path, stream: str) -> bytes:
        """Return the end of a log."""
        return tail(folder / stream)


def _pid(handle: str) -> int:
    return int(handle.partition(":")[0])
