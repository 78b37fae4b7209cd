"""The dispatcher as a process: killed at any moment, nothing is lost and nothing that must run once runs twice."""

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import pytest

from dujiang.compute.pricing import whole_seconds
from waiting import until


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
import json, sys
from dujiang.compute.describing import described
from dujiang.compute.models import Job
from waiting import until
until(lambda: Job.objects.filter(state__in=["done", "failed", "lost"]).count() >= int(sys.argv[1]))
print(json.dumps([described(job) for job in Job.objects.order_by("id")], default=str))
"""


def until_ended(site, count):
    said, errors = site.python(WAIT, str(count)).communicate()
    assert said, errors
    found = json.loads(said)
    assert len(found) == count
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
    _, errors = site.python(SUBMIT, str(mark), str(count)).communicate()
    assert not errors, errors


def test_dispatchers_that_are_killed_again_and_again_run_each_job_once(site, tmp_path):
    mark, count = tmp_path / "ran", 6
    submit(site, mark, count)
    moments = random.Random(4)
    for _ in range(4):
        with dispatcher(site) as process:
            # Through its start, where it recovers, into its work.
            until(mark.exists)
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


def test_a_job_lives_on_without_its_dispatcher_and_is_found_again(site, held, tmp_path):
    pid, outcome = tmp_path / "pid", site.home / "jobs/1/1/outcome.json"
    code = f"open({str(pid)!r}, 'w').write(str(__import__('os').getpid()))\n{held.code}"
    with dispatcher(site) as process:
        site.run("compute", "submit", "--exactly-once", "--", sys.executable, "-c", code)
        number = int(until(lambda: pid.exists() and pid.read_text()))
        process.kill()
        process.wait()
    assert psutil.pid_exists(number)
    held.let_go()
    until(outcome.exists)
    with dispatcher(site):
        [job] = until_ended(site, 1)
    assert (job["state"], job["attempts"]) == ("done", 1)
    ran = json.loads(outcome.read_text())
    assert job["statement"]["seconds"] == whole_seconds(ran["started"], ran["ended"])


@pytest.mark.parametrize(("once", "state", "attempts"), [(True, "lost", 1), (False, "done", 2)])
def test_a_job_whose_supervisor_is_killed_is_run_again_or_lost(site, tmp_path, once, state, attempts):
    mark = tmp_path / "ran"
    code = f"import time, pathlib; m = pathlib.Path({str(mark)!r}); first = not m.exists(); m.touch(); time.sleep(600 * first)"
    with dispatcher(site):
        site.run("compute", "submit", *(["--exactly-once"] if once else []), "--", sys.executable, "-c", code)
        until(mark.exists)
        pid = int((site.home / "jobs/1/1/claim").read_text().partition(":")[0])
        psutil.Process(pid).kill()
        [job] = until_ended(site, 1)
    assert (job["state"], job["attempts"]) == (state, attempts)
    assert bool(job["cost"]) == (state == "done")


def test_one_dispatcher_works_and_another_takes_over(site, tmp_path):
    with dispatcher(site) as first:
        until((site.home / "dispatcher.lock").exists)
        with dispatcher(site):
            submit(site, tmp_path / "ran", 3)
            until((tmp_path / "ran").exists)
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

    def left():
        for one in psutil.process_iter(["cmdline"]):
            with suppress(psutil.NoSuchProcess):
                if "work" in (one.info["cmdline"] or []) and one.environ().get("DUJIANG_HOME") == str(site.home):
                    yield one

    until(lambda: not list(left()), lambda: list(left()))
