"""Where jobs really run: processes of this machine, a centre's Slurm, a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dujiang.compute.executors.base import Executor
from dujiang.compute.executors.local import LocalExecutor
from dujiang.compute.executors.ray import RayExecutor
from dujiang.compute.executors.slurm import SlurmExecutor


def _local(settings: Mapping[str, str]) -> Executor:
    return LocalExecutor()


_MAKERS: dict[str, Callable[[Mapping[str, str]], Executor]] = {
    "local": _local,
    "ray": RayExecutor,
    "slurm": SlurmExecutor,
}


def executor(kind: str, settings: Mapping[str, str]) -> Executor:
    """Return the executor of a pool of that kind with those settings."""
    return _MAKERS[kind](settings)
