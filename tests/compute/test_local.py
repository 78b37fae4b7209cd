"""Jobs as local processes: limits hold, all that a job started ends with it, and an attempt runs at most once."""

import os
import subprocess
import sys

import psutil
import pytest

from dujiang.compute import supervisor
from dujiang.compute.executors.base import Standing, Task
from dujiang.compute.executors.local import LocalExecutor
from waiting import standing, until

RUNS = LocalExecutor()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path


def python(code, **limits):
    return Task("t", [sys.executable, "-c", code], **{"seconds": 30, "memory_mib": 512, "cpus": 1, **limits})


def to_the_end(handle, folder):
    return standing(RUNS, handle, folder, Standing.ENDED, Standing.VANISHED)


def outcome(task, folder):
    handle = RUNS.submit(task, folder)
    assert to_the_end(handle, folder) is Standing.ENDED
    return RUNS.usage(handle, folder)


def test_a_job_leaves_its_files_logs_and_use(folder):
    code = "import time; open('out', 'w').write('42'); print('said'); end = time.process_time() + .5\nwhile time.process_time() < end: pass"
    found = outcome(python(code), folder)
    assert (found.exit_code, found.ended_by) == (0, "")
    assert (folder / "work/out").read_text() == "42"
    assert RUNS.logs("", folder, "stdout") == b"said\n"
    assert 0.5 <= found.cpu_seconds < 10
    assert found.ended - found.started >= 0.5
    assert found.memory_mib > 5


def test_a_failing_job_keeps_its_code_and_what_it_said(folder):
    found = outcome(python("import sys; sys.exit('no good')"), folder)
    assert (found.exit_code, found.ended_by) == (1, "")
    assert b"no good" in RUNS.logs("", folder, "stderr")


def test_a_command_that_is_not_there_fails(folder):
    found = outcome(Task("t", ["/no/such/program"], 30, 512, 1), folder)
    assert found.exit_code == 127
    assert b"No such file" in RUNS.logs("", folder, "stderr")


def test_time_and_memory_are_limits(folder, tmp_path):
    assert outcome(python("import time; time.sleep(60)", seconds=1), folder).ended_by == "time"
    other = tmp_path / "other"
    (other / "work").mkdir(parents=True)
    found = outcome(python("import time; x = b'x' * (300 << 20); time.sleep(60)", memory_mib=128), other)
    assert found.ended_by == "memory"
    assert found.memory_mib > 128


ESCAPE = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep({seconds})
"""


def child_of(folder):
    return int(until(lambda: RUNS.logs("", folder, "stdout")))


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_left_the_session_ends_with_the_job(folder):
    outcome(python(ESCAPE.format(seconds=0)), folder)
    assert gone(child_of(folder))


def test_a_cancelled_job_ends_whole(folder):
    handle = RUNS.submit(python(ESCAPE.format(seconds=600)), folder)
    child = child_of(folder)
    assert RUNS.poll(handle, folder) is Standing.RUNNING
    RUNS.cancel(handle, folder)
    assert to_the_end(handle, folder) is Standing.ENDED
    assert RUNS.usage(handle, folder).ended_by == "cancelled"
    assert gone(child)


def test_a_killed_supervisor_takes_the_job_along_and_leaves_no_outcome(folder):
    handle = RUNS.submit(python("import os, time; print(os.getpid(), flush=True); time.sleep(600)"), folder)
    job = child_of(folder)
    os.kill(int(handle.split(":")[0]), 9)
    assert to_the_end(handle, folder) is Standing.VANISHED
    until(lambda: gone(job))


def test_the_settings_of_the_site_are_kept_from_jobs(folder, monkeypatch):
    monkeypatch.setenv("DUJIANG_DATABASE_URL", "postgresql://u:secret@h/d")
    outcome(python("import os; print(dict(os.environ))", environment={"OMP_NUM_THREADS": "3"}), folder)
    said = RUNS.logs("", folder, "stdout").decode()
    assert "secret" not in said
    assert "'OMP_NUM_THREADS': '3'" in said


def test_an_attempt_is_found_or_never_runs(folder, tmp_path):
    handle = RUNS.submit(python("import time; time.sleep(600)"), folder)
    until((folder / "claim").exists)
    assert RUNS.find(folder) == handle
    RUNS.cancel(handle, folder)
    to_the_end(handle, folder)
    revoked = tmp_path / "revoked"
    (revoked / "work").mkdir(parents=True)
    assert RUNS.find(revoked) is None
    late = RUNS.submit(python("open('ran', 'w')"), revoked)
    assert to_the_end(late, revoked) is Standing.VANISHED
    assert not (revoked / "work/ran").exists()
    assert RUNS.find(revoked) is None


def test_of_many_supervisors_of_an_attempt_one_runs_it(folder):
    from dujiang.compute.executors.base import write_task

    write_task(python("open('ran', 'a').write('x')"), folder)
    many = [subprocess.Popen([sys.executable, supervisor.__file__, str(folder)]) for _ in range(8)]
    codes = [one.wait() for one in many]
    assert sorted(codes) == [0] + [3] * 7
    assert (folder / "work/ran").read_text() == "x"


def test_a_process_with_the_same_number_is_another():
    mine = supervisor.identity(os.getpid())
    assert supervisor.alive(mine)
    assert not supervisor.alive(mine.split(":")[0] + ":1")
    assert not supervisor.alive("2")
