"""A dispatcher to tick by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def dispatch(db: None) -> Callable[..., Any]:
    """Return what ticks a dispatcher until a job satisfies a test, by default until it has ended."""
    from dujiang.compute.dispatcher import Dispatcher
    from dujiang.compute.models import Job

    def until(job: Job, holds: Callable[[Job], bool] = lambda job: job.ended, seconds: float = 30) -> Job:
        dispatcher = Dispatcher()
        dispatcher.recover()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            dispatcher.tick()
            job = Job.objects.get(pk=job.pk)
            if holds(job):
                return job
            time.sleep(0.05)
        raise AssertionError(f"job {job.pk} is {job.state}")

    return until
