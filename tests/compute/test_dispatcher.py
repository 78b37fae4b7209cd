"""The dispatcher as a process: killed at any moment, nothing is lost and nothing that must run once runs twice."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest


@contextmanager
def dispatcher(site):
    command = [sys.executable, "-m", "dujiang.cli", "compute", "work"]
    log = (site.home.parent / "dispatcher.log").open("ab")
    process = subprocess.Popen(command, env=site.environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


WAIT = """
import json, sys, time
from dujiang.compute.describing import described
from dujiang.compute.models import Job
count, end = int(sys.argv[1]), time.monotonic() + 90
while Job.objects.filter(state__in=["done", "failed", "lost"]).count() < count and time.monotonic() < end:
    time.sleep(.1)
print(json.dumps([described(job) for job in Job.objects.order_by("id")], default=str))
"""


def until_ended(site, count):
    said, errors = site.python(WAIT, str(count)).communicate(timeout=120)
    found = json.loads(said)
    assert len(found) == count, errors
    assert all(one["state"] in ("done", "failed", "lost") for one in found), found
    return found


SUBMIT = """
import sys
from dujiang.compute.actions import submit
from dujiang.compute.requests import JobRequest, Limits
from dujiang.identity.permission import Actor, Role
mark, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    code = f"import time; open({mark!r}, 'a').write('{number}\\\\n'); time.sleep(.4)"
    submit(Actor("t", Role.OFFICE), JobRequest(argv=[sys.executable, "-c", code], exactly_once=True,
                                               limits=Limits(seconds=60, memory_mib=64)))
"""


def submit(site, mark, count):
    _, errors = site.python(SUBMIT, str(mark), str(count)).communicate(timeout=60)
    assert not errors, errors


def test_dispatchers_that_are_killed_again_and_again_run_each_job_once(site, tmp_path):
    mark, count = tmp_path / "ran", 6
    submit(site, mark, count)
    moments = random.Random(4)
    for _ in range(4):
        with dispatcher(site) as process:
            # Through its start, where it recovers, into its work.
            until = time.monotonic() + 20
            while not mark.exists() and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(moments.uniform(0, 1.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
    with dispatcher(site):
        found = until_ended(site, count)
    assert {one["state"] for one in found} == {"done"}
    assert sorted(map(int, mark.read_text().split())) == list(range(count))
    assert all(one["cost"] == one["statement"]["fen"] > 0 for one in found)
    ended = site.run("evidence", "verify", "--json", "-")
    assert '"ok": true' in ended.stdout


def test_a_job_lives_on_without_its_dispatcher_and_is_found_again(site, tmp_path):
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(3)"
    with dispatcher(site) as process:
        site.run("compute", "submit", "--exactly-once", "--", sys.executable, "-c", code)
        until = time.monotonic() + 20
        while not (tmp_path / "pid").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.kill()
        process.wait()
    assert psutil.pid_exists(int((tmp_path / "pid").read_text()))
    with dispatcher(site):
        [job] = until_ended(site, 1)
    assert (job["state"], job["attempts"]) == ("done", 1)
    assert job["statement"]["seconds"] in (3, 4, 5)


@pytest.mark.parametrize(("once", "state", "attempts"), [(True, "lost", 1), (False, "done", 2)])
def test_a_job_whose_supervisor_is_killed_is_run_again_or_lost(site, tmp_path, once, state, attempts):
    mark = tmp_path / "ran"
    code = f"import time, pathlib; m = pathlib.Path({str(mark)!r}); first = not m.exists(); m.touch(); time.sleep(60 * first)"
    with dispatcher(site):
        site.run("compute", "submit", *(["--exactly-once"] if once else []), "--", sys.executable, "-c", code)
        until = time.monotonic() + 20
        while not mark.exists() and time.monotonic() < until:
            time.sleep(0.05)
        pid = int((site.home / "jobs/1/1/claim").read_text().partition(":")[0])
        psutil.Process(pid).kill()
        [job] = until_ended(site, 1)
    assert (job["state"], job["attempts"]) == (state, attempts)
    assert bool(job["cost"]) == (state == "done")


def test_one_dispatcher_works_and_another_takes_over(site, tmp_path):
    with dispatcher(site) as first, dispatcher(site):
        time.sleep(3)
        submit(site, tmp_path / "ran", 3)
        while not (tmp_path / "ran").exists():
            time.sleep(0.05)
        first.kill()
        found = until_ended(site, 3)
    assert {one["state"] for one in found} == {"done"}
    assert sorted((tmp_path / "ran").read_text().split()) == ["0", "1", "2"]


def test_serving_dispatches_and_ends_its_dispatcher(site):
    site.run("compute", "submit", "--", sys.executable, "-c", "print('served')")
    with site.serving():
        [job] = until_ended(site, 1)
        assert site.run("compute", "logs", "1").stdout == "served\n"
    assert job["state"] == "done"
    for _ in range(50):
        left = [
            one
            for one in psutil.process_iter(["cmdline"])
            if "work" in (one.info["cmdline"] or []) and one.environ().get("DUJIANG_HOME") == str(site.home)
        ]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)
