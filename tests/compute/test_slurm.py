"""Jobs on a real Slurm: submitted, watched, cancelled, accounted, and moved when it disappears."""

import sys

import pytest

from dujiang.compute.executors.base import Rejected, Standing, Task, Unreachable
from dujiang.compute.executors.slurm import SlurmExecutor, completed
from waiting import standing, until


@pytest.fixture
def folder(tmp_path):
    # Slurm's daemons run as root here; the folder is theirs to read as on a shared file system.
    (tmp_path / "work").mkdir()
    return tmp_path


@pytest.fixture
def runs(slurm):
    return SlurmExecutor(slurm.settings)


def python(code, **limits):
    return Task("t", [sys.executable, "-c", code], **{"seconds": 60, "memory_mib": 100, "cpus": 1, **limits})


ENDED = (Standing.ENDED, Standing.VANISHED)


def test_a_job_is_accounted_by_the_seconds_that_slurm_counts(slurm, runs, folder):
    runs.ping()
    task = python("import os, time; print(os.environ['SLURM_JOB_ID']); open('out', 'w').write('1'); time.sleep(1)")
    handle = runs.submit(task, folder)
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert runs.logs(handle, folder, "stdout").decode() == f"{handle}\n"
    outcome = runs.usage(handle, folder)
    assert (outcome.exit_code, outcome.ended_by) == (0, "")
    assert outcome.started == int(outcome.started)
    assert outcome.memory_mib > 1
    until(lambda: any(one["JobId"] == handle for one in completed(slurm.completed)))
    forgotten = SlurmExecutor(slurm.settings)._accounted(handle)
    assert (forgotten.state, forgotten.started, forgotten.ended) == ("COMPLETED", outcome.started, outcome.ended)


def test_a_cancelled_job_ends_whole(runs, folder):
    handle = runs.submit(python("import time; print('on', flush=True); time.sleep(600)"), folder)
    standing(runs, handle, folder, Standing.RUNNING)
    runs.cancel(handle, folder)
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert runs.usage(handle, folder).ended_by == "cancelled"


def test_limits_hold(runs, folder):
    handle = runs.submit(python("import time; time.sleep(600)", seconds=1), folder)
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert runs.usage(handle, folder).ended_by == "time"


def test_what_slurm_does_not_take_is_rejected(slurm, folder):
    with pytest.raises(Rejected, match="partition"):
        SlurmExecutor({**slurm.settings, "partition": "none"}).submit(python("1"), folder)


def test_a_controller_that_does_not_answer_is_unreachable(slurm, tmp_path):
    elsewhere = tmp_path / "slurm.conf"
    text = slurm.conf.read_text()
    port = next(line for line in text.splitlines() if line.startswith("SlurmctldPort"))
    elsewhere.write_text(text.replace(port, "SlurmctldPort=9") + "SlurmctldTimeout=1\nMessageTimeout=2\n")
    with pytest.raises(Unreachable):
        SlurmExecutor({"conf": str(elsewhere)}).ping()


def test_a_job_that_waits_can_be_withdrawn_and_then_never_runs(slurm, runs, folder, tmp_path):
    blocking = tmp_path / "blocking"
    (blocking / "work").mkdir(parents=True)
    first = runs.submit(python("import time; time.sleep(600)", cpus=slurm.cpus), blocking)
    standing(runs, first, blocking, Standing.RUNNING)
    handle = runs.submit(python("open('ran', 'w')"), folder)
    assert runs.poll(handle, folder) is Standing.WAITING
    assert runs.find(folder) is None
    assert runs.find(blocking) == first
    runs.cancel(first, blocking)
    assert standing(runs, handle, folder, *ENDED) is Standing.VANISHED
    assert not (folder / "work/ran").exists()
