"""A dispatcher to tick by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import slurm as slurm_
from waiting import until


@pytest.fixture
def dispatch(db: None) -> Callable[..., Any]:
    """Return what ticks a dispatcher until a job satisfies a test, by default until it has ended."""
    from dujiang.compute.dispatcher import Dispatcher
    from dujiang.compute.models import Job

    def dispatched(job: Job, holds: Callable[[Job], bool] = lambda job: job.ended) -> Job:
        dispatcher = Dispatcher()
        dispatcher.recover()

        def holding() -> Job | None:
            dispatcher.tick()
            found = Job.objects.get(pk=job.pk)
            return found if holds(found) else None

        return until(holding, lambda: f"job {job.pk} is {Job.objects.get(pk=job.pk).state}")

    return dispatched


class Held:
    """What a job that a test holds runs, in Python: it goes on until it is let go."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark
        self.code = f"import os, time\nwhile not os.path.exists({str(mark)!r}): time.sleep(.05)"

    def let_go(self) -> None:
        """Let it end."""
        self._mark.touch()


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """Return what keeps jobs running for as long as a test looks at them."""
    return Held(tmp_path / "let-go")


@pytest.fixture(scope="session")
def slurm() -> Iterator[slurm_.Cluster]:
    """A real Slurm on loopback; tests that need it are skipped by name where there can be none."""
    if why := slurm_.missing():
        pytest.skip(why)
    cluster = slurm_.Cluster()
    yield cluster
    cluster.stop()


CENTRE = """
[centre]
key = "tianfu"
name = "天府算力中心"
unit = "某算力公司"
division = "510100"
pue = 1.25

[[pools]]
key = "tianfu-a"
kind = "slurm"
[pools.settings]
conf = "{conf}"
jobcomp = "{jobcomp}"
[[pools.nodes]]
count = 1
cpus = {cpus}
memory_mib = 1400
cpu_fp32_tflops = 2.0

[[products]]
key = "job"
kind = "job"
title_zh = "计算作业"
title_en = "Computing job"

[[prices]]
product = "job"
resource = "cpu"
fen = 7200
valid_from = 2020-01-01
valid_until = 2099-12-31

[[prices]]
product = "job"
resource = "memory"
fen = 100
valid_from = 2020-01-01
valid_until = 2099-12-31
"""


@pytest.fixture
def centre(db: None, slurm: slurm_.Cluster, tmp_path: Path) -> Path:
    """The file of a centre with that Slurm, which sells cores and memory."""
    path = tmp_path / "tianfu.toml"
    settings = {"conf": slurm.hasty, "jobcomp": slurm.completed, "cpus": slurm.cpus}
    path.write_text(CENTRE.format(**settings), encoding="utf-8")
    return path
