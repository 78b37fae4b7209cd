"""Where a scenario's steps run: in local worker processes, or on a Ray cluster."""

from __future__ import annotations

import ctypes
import importlib
import logging
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, Protocol

import psutil

from dujiang.messages import BadInput, Text
from dujiang.scenarios.contract import Resources

POLL_SECONDS = 0.1
"""Between looks at a step's memory, each of which goes through all processes; its answer is heard at once."""
_PR_SET_PDEATHSIG = 1
_CANCELLED = Text("已取消", "cancelled")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to: its ``value``, or the ``failure`` that ended it; with wall seconds and peak memory."""

    value: Any
    failure: Text | None
    seconds: float
    memory_mib: float
    bad_input: BadInput | None = None


class Engine(Protocol):
    """Runs a step, away from the process that asks for it.

    ``width`` is how many steps may be asked for at once (from as many threads).
    """

    width: int

    def run(self, step: Callable[..., Any], /, *arguments: Any, limits: Resources, alone: bool = False) -> Outcome:
        """Run ``step(*arguments)`` and return what it came to; a step's failure is never raised.

        ``alone``: its seconds are to be compared, so no other such step runs on the same cores meanwhile.
        """
        ...

    def close(self) -> None:
        """End what the engine started and what it is running; the engine takes no more steps."""
        ...


class LocalEngine:
    """Runs each step in a process of its own, forked from a server that holds only imported libraries.

    A step over its wall time or memory (resident, its children's too) is killed.
    """

    width = 2
    """While one seed is answered, another is prepared or judged."""

    def __init__(self, libraries: Iterable[str] = ()) -> None:
        """Name the libraries to import once, in the server, rather than in every step.

        The server is one a Python process; libraries named after its start are imported by the steps.
        """
        self._closed = threading.Event()
        self._alone = threading.Lock()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            ["__main__", "dujiang.scenarios.engines", "dujiang.scenarios.steps", *libraries]
        )
        with _one_thread():
            forkserver.ensure_running()

    def run(self, step: Callable[..., Any], /, *arguments: Any, limits: Resources, alone: bool = False) -> Outcome:
        """Run a step in a process of its own."""
        with self._alone if alone else nullcontext():
            return self._run(step, arguments, limits)

    def _run(self, step: Callable[..., Any], arguments: tuple[Any, ...], limits: Resources) -> Outcome:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(theirs, step, arguments), daemon=False)
        process.start()
        theirs.close()
        started = time.perf_counter()
        peak = 0.0
        try:
            while not self._closed.is_set():
                if ours.poll(POLL_SECONDS):
                    return _received(ours, process, time.perf_counter() - started, peak)
                peak = max(peak, _resident_mib(process.pid))
                seconds = time.perf_counter() - started
                if peak > limits.memory_mib:
                    return Outcome(None, _over_memory(limits), seconds, peak)
                if seconds > limits.seconds:
                    return Outcome(None, _over_time(limits), seconds, peak)
            return Outcome(None, _CANCELLED, time.perf_counter() - started, peak)
        finally:
            ours.close()
            _end(process)

    def close(self) -> None:
        """End the steps that are running; the server goes with this process."""
        self._closed.set()


class RayEngine:
    """Runs steps on a Ray cluster, one local worker process a step on the node that Ray chose.

    The same limits hold there as here, since the node runs the step by `LocalEngine`. The packages of Dujiang and of
    the scenario travel with the job; the field's libraries must be installed on the cluster.
    """

    def __init__(self, packages: Iterable[str] = (), address: str | None = None) -> None:
        """Connect to the cluster at ``address`` (or RAY_ADDRESS), else start one on this machine."""
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        import ray

        self._ray = ray
        self._closed = threading.Event()
        modules = sorted({_place(name) for name in ("dujiang", *packages)})
        ray.init(
            # Without an address Ray would look for a cluster that ran here last, which may be dead.
            address=address or os.environ.get("RAY_ADDRESS") or "local",
            runtime_env={"py_modules": modules},
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
        # A scenario's limits are for two cores; Ray places steps by that.
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cores = int(resources.get("CPU", 1))
        self.width = max(1, cores // 2)
        self._remote = ray.remote(num_cpus=min(2, cores), max_retries=0)(_run_locally)

    def run(self, step: Callable[..., Any], /, *arguments: Any, limits: Resources, alone: bool = False) -> Outcome:
        """Run a step on the cluster; a node or worker that is lost is a failure of the step.

        Ray gives every step cores of its own, so each is alone there.
        """
        if self._closed.is_set():
            return Outcome(None, _CANCELLED, 0.0, 0.0)
        try:
            outcome: Outcome = self._ray.get(self._remote.remote(step, arguments, limits))
        except self._ray.exceptions.RayError as error:
            text = str(error).strip().splitlines()[-1]
            return Outcome(None, Text(f"Ray 节点上的进程丢失：{text}", f"lost on the Ray cluster: {text}"), 0.0, 0.0)
        return outcome

    def close(self) -> None:
        """Leave the cluster, which ends the steps that are running; one that was started here ends."""
        self._closed.set()
        self._ray.shutdown()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have a process that is started here compute in one thread, unless somebody says otherwise.

    Where two seeds share two cores, threads that wait for each other take several times as long over small matrices.
    """
    names = [name for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if name not in os.environ]
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


def _run_locally(step: Callable[..., Any], arguments: tuple[Any, ...], limits: Resources) -> Outcome:
    return LocalEngine().run(step, *arguments, limits=limits)


def _place(module: str) -> str:
    """Return the folder of a module's package, or the file of one that stands alone."""
    top = importlib.import_module(module.partition(".")[0])
    return next(iter(top.__path__)) if hasattr(top, "__path__") else str(top.__file__)


def _serve(results: Connection, step: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Run a step in this worker process and send back its value, or the failure."""
    os.setsid()
    _end_with_parent()
    # A library that prints must not disturb the progress shown by the process that asked.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        results.send((step(*arguments), None, None, _own_peak_mib()))
    except BadInput as error:
        failure = Text(error.in_language("zh"), error.in_language("en"))
        results.send((None, failure, _plain(error), _own_peak_mib()))
    except BaseException as error:
        results.send((None, _raised(error), None, _own_peak_mib()))


def _own_peak_mib() -> float:
    """Return this worker's peak resident memory; watching from outside misses what a short step used."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _plain(error: BadInput) -> dict[str, Any]:
    return {
        "path": error.path,
        "expected": error.expected,
        "found": error.found,
        "row": error.row,
        "field": error.field,
        "remedy": error.remedy,
    }


def _raised(error: BaseException) -> Text:
    frame = next(iter(traceback.extract_tb(error.__traceback__)[-1:]), None)
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}" if frame else "?"
    text = f"{type(error).__name__}: {error} ({place})"
    return Text(f"出错：{text}", f"raised {text}")


def _received(results: Connection, process: Any, seconds: float, peak: float) -> Outcome:
    try:
        value, failure, bad_input, own = results.recv()
    except EOFError:
        process.join(5)
        code = process.exitcode
        name = signal.Signals(-code).name if code is not None and code < 0 else f"exit {code}"
        return Outcome(None, Text(f"进程崩溃({name})", f"the process crashed ({name})"), seconds, peak)
    return Outcome(value, failure, seconds, max(peak, own), BadInput(**bad_input) if bad_input else None)


def _end(process: Any) -> None:
    """Kill a worker and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _end_with_parent() -> None:
    """Have the kernel kill this worker when the server, and so the run, is gone (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _resident_mib(pid: int | None) -> float:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family) / 2**20
    except psutil.Error:
        return 0.0


def _over_time(limits: Resources) -> Text:
    return Text(f"超过时限 {limits.seconds:g} 秒", f"over its time of {limits.seconds:g} s")


def _over_memory(limits: Resources) -> Text:
    return Text(f"超过内存上限 {limits.memory_mib} MiB", f"over its memory of {limits.memory_mib} MiB")
