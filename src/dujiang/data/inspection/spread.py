"""The same work on many pieces: in this process, on this machine's cores, or on a Ray cluster; results in the pieces' order."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
ENGINES = ("local", "ray")


def each(
    work: Callable[[Item], Made], items: Sequence[Item], engine: str = "local", cores: int | None = None
) -> Iterator[Made]:
    """Yield ``work`` of each item; at most twice as many as there are cores are under way or wait to be taken.

    ``work`` must be able to travel (a function of a module, or a partial of one). On Ray, files are read where the work
    runs, so they must be on storage that all nodes see. Leaving the generator early ends what is under way.
    """
    if engine == "ray" and items:
        yield from _on_ray(work, items)
        return
    count = min(cores or os.cpu_count() or 1, len(items))
    if count <= 1:
        yield from map(work, items)
        return
    # Forking a process that runs threads (Polars, Numba) may hang, so workers come from a server that has none.
    context = multiprocessing.get_context("forkserver")
    with context.Pool(count, initializer=_alone) as pool:
        waiting = deque(pool.apply_async(work, (item,)) for item in items[: 2 * count])
        for at in range(len(items)):
            made = waiting.popleft().get()
            if at + 2 * count < len(items):
                waiting.append(pool.apply_async(work, (items[at + 2 * count],)))
            yield made


def _alone() -> None:
    """Let a worker use one core, and leave Ctrl-C to the process that asked."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import numba

    numba.set_num_threads(1)


def _on_ray(work: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[Made]:
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    import logging

    import ray

    import dujiang

    started = not ray.is_initialized()
    if started:
        ray.init(
            # Without an address Ray would look for a cluster that ran here last, which may be dead.
            address=os.environ.get("RAY_ADDRESS") or "local",
            runtime_env={"py_modules": [next(iter(dujiang.__path__))]},
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        width = 2 * max(1, int(resources.get("CPU", 1)))
        remote: Any = ray.remote(num_cpus=1)(_one_core)
        waiting = deque(remote.remote(work, item) for item in items[:width])
        for at in range(len(items)):
            made = ray.get(waiting.popleft())
            if at + width < len(items):
                waiting.append(remote.remote(work, items[at + width]))
            yield made
    finally:
        if started:
            ray.shutdown()


def _one_core(work: Callable[[Any], Any], item: Any) -> Any:
    import numba

    numba.set_num_threads(1)
    return work(item)
