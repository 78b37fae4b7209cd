"""Jobs on a Ray cluster: a detached actor an attempt, which outlives the dispatcher and is found again by its name.

The actor runs the `supervisor` in a folder of its node; input files travel to it and results back. A node needs
Python, nothing of Dujiang. Setting: ``address`` of the cluster (``host:port``).
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dujiang.compute import supervisor
from dujiang.compute.executors.base import Outcome, Standing, Task, Unreachable, read_outcome, tail, write_task

_NAMESPACE = "dujiang"
_SECONDS = 5.0
_SENT = "sent"
"""The file that says the job may have reached its actor."""
_connected = {"to": ""}
"""A process is connected to one Ray cluster at a time; actors live on when it leaves for another."""


class RayExecutor:
    """Places attempts where Ray has the cores, cards and memory; a node that is lost takes its attempts along."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._address = settings["address"]

    def ping(self) -> None:
        """Return where the cluster answers."""
        self._ray().cluster_resources()

    def submit(self, task: Task, folder: Path) -> str:
        """Create the attempt's actor, which waits until there is room for it, and send it the job."""
        write_task(task, folder)
        ray = self._ray()
        name = _name(folder)
        actor = (
            ray.remote(_runner())
            .options(
                name=name,
                namespace=_NAMESPACE,
                lifetime="detached",
                max_restarts=0,
                max_concurrency=4,
                num_cpus=task.cpus,
                num_gpus=task.gpu_milli / 1000,
                memory=task.memory_mib << 20,
                resources={task.gpu_kind: task.gpu_milli / 1000} if task.gpu_kind else None,
            )
            .remote()
        )
        self._send(actor, folder)
        return name

    def find(self, folder: Path) -> str | None:
        """Return the name of an attempt that has an actor or may have had one that ran."""
        if self._actor(_name(folder)) is None and not (folder / _SENT).exists():
            return None
        return _name(folder)

    def poll(self, handle: str, folder: Path) -> Standing:
        """Return where the attempt stands; once it has ended, its files are brought here and the actor goes."""
        if (folder / "outcome.json").exists():
            return Standing.ENDED
        actor = self._actor(handle)
        if actor is None:
            return Standing.VANISHED
        ray = self._ray()
        try:
            state = ray.get(actor.state.remote(), timeout=_SECONDS)
            if state == "empty":
                self._send(actor, folder)
            if state == "ended":
                self._fetch(ray.get(actor.files.remote()), folder)
                ray.kill(actor)
        except ray.exceptions.GetTimeoutError:
            return Standing.WAITING
        except ray.exceptions.RayError:
            return Standing.VANISHED
        if state in ("empty", "starting"):
            return Standing.WAITING
        return Standing.RUNNING if state == "running" else Standing.ENDED

    def cancel(self, handle: str, folder: Path) -> None:
        """End the job, or the actor where it still waits for room."""
        actor = self._actor(handle)
        if actor is None:
            return
        ray = self._ray()
        try:
            ray.get(actor.cancel.remote(), timeout=_SECONDS)
        except ray.exceptions.RayError:
            ray.kill(actor)

    def usage(self, handle: str, folder: Path) -> Outcome | None:
        """Return what the supervisor wrote on the node."""
        return read_outcome(folder)

    def logs(self, handle: str, folder: Path, stream: str) -> bytes:
        """Return the end of a log, which comes with the results."""
        return tail(folder / stream)

    def _ray(self) -> Any:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        import ray

        host, _, port = self._address.rpartition(":")
        try:
            # Ray itself tries for minutes.
            socket.create_connection((host, int(port)), _SECONDS).close()
            if ray.is_initialized() and _connected["to"] != self._address:
                ray.shutdown()
            if not ray.is_initialized():
                _connected["to"] = self._address
                ray.init(
                    address=self._address,
                    namespace=_NAMESPACE,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    configure_logging=False,
                )
        except Exception as error:
            raise Unreachable(f"Ray {self._address}: {error}") from error
        return ray

    def _actor(self, name: str) -> Any:
        ray = self._ray()
        try:
            return ray.get_actor(name, namespace=_NAMESPACE)
        except ValueError:
            return None
        except Exception as error:
            ray.shutdown()
            raise Unreachable(f"Ray {self._address}: {error}") from error

    @staticmethod
    def _send(actor: Any, folder: Path) -> None:
        (folder / _SENT).touch()
        source = Path(supervisor.__file__).read_bytes()
        inputs = {one.name: one.read_bytes() for one in (folder / "work").iterdir() if one.is_file()}
        actor.start.remote(source, json.loads((folder / "job.json").read_text(encoding="utf-8")), inputs)

    @staticmethod
    def _fetch(files: Mapping[str, bytes], folder: Path) -> None:
        for name, content in files.items():
            if name != "outcome.json":
                (folder / name).write_bytes(content)
        supervisor.write_whole(folder / "outcome.json", files["outcome.json"].decode())


def _name(folder: Path) -> str:
    return f"dujiang-{folder.parent.name}-{folder.name}"


def _runner() -> type:
    """Return the actor's class; made here, it travels to the nodes whole, which need nothing of Dujiang."""

    class Runner:
        def __init__(self) -> None:
            import tempfile
            import threading

            self.folder = tempfile.mkdtemp(prefix="dujiang-job-")
            self.process: Any = None
            self.starting = threading.Lock()

        def start(self, source: bytes, job: dict[str, Any], inputs: dict[str, bytes]) -> None:
            import json
            import subprocess
            import sys
            from pathlib import Path

            # Who finds no job here sends it again, perhaps while it is still being written.
            with self.starting:
                if self.process is not None:
                    return
                folder = Path(self.folder)
                (folder / "work").mkdir()
                for name, content in inputs.items():
                    (folder / "work" / name).write_bytes(content)
                (folder / "job.json").write_text(json.dumps(job))
                (folder / "supervisor.py").write_bytes(source)
                command = [sys.executable, str(folder / "supervisor.py"), self.folder]
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

        def state(self) -> str:
            if self.process is None:
                return "empty"
            if self.process.poll() is not None:
                return "ended"
            return "running" if self.claimed() else "starting"

        def claimed(self) -> bool:
            from pathlib import Path

            return (Path(self.folder) / "claim").exists()

        def cancel(self) -> None:
            import time

            # A supervisor that has not claimed the attempt yet would end without a word.
            while self.process is not None and self.process.poll() is None and not self.claimed():
                time.sleep(0.05)
            if self.process is not None:
                self.process.terminate()

        def files(self) -> dict[str, bytes]:
            import shutil
            from pathlib import Path

            folder = Path(self.folder)
            names = ["stdout", "stderr", "outcome.json"]
            names += [
                f"work/{one.name}" for one in (folder / "work").iterdir() if one.is_file() and not one.is_symlink()
            ]
            found = {name: (folder / name).read_bytes() for name in names}
            shutil.rmtree(folder)
            return found

    return Runner
