"""Jobs through the dispatcher on this machine, beside the same processes started bare."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

JOBS = 40
ARGV = [sys.executable, "-S", "-c", "pass"]


def rows() -> list[dict[str, Any]]:
    """Submit jobs that do nothing, dispatch them until all have ended, settled and left evidence."""
    from dujiang.store import open_store

    open_store()
    from dujiang.compute.actions import local_pool, submit
    from dujiang.compute.dispatcher import Dispatcher
    from dujiang.compute.models import Job
    from dujiang.compute.requests import JobRequest, Limits
    from dujiang.identity.permission import Actor, Role

    office = Actor("bench", Role.OFFICE)
    local_pool()
    request = JobRequest(argv=ARGV, limits=Limits(seconds=60, memory_mib=64))
    started = time.perf_counter()
    for _ in range(JOBS):
        submit(office, request)
    submitted = JOBS / (time.perf_counter() - started)
    dispatcher = Dispatcher()
    started = time.perf_counter()
    while Job.objects.filter(evidence=None).exists():
        dispatcher.tick()
        time.sleep(0.02)
    run = JOBS / (time.perf_counter() - started)
    assert Job.objects.filter(state="done").count() == JOBS
    started = time.perf_counter()
    for _ in range(JOBS):
        subprocess.run(ARGV, check=True)
    bare = JOBS / (time.perf_counter() - started)
    return [
        {
            "bench": "quote, hold and submit",
            "ours": submitted,
            "peer": None,
            "peer_name": "",
            "unit": "jobs/s",
        },
        {
            "bench": "dispatch, run, settle, evidence",
            "ours": run,
            "peer": bare,
            "peer_name": "the bare processes, one by one",
            "unit": "jobs/s",
        },
    ]
