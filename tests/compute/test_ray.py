"""Jobs on a Ray cluster that lives beside the dispatcher: they outlive whoever submitted them."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dujiang.compute.executors.base import Standing, Task, Unreachable
from dujiang.compute.executors.ray import RayExecutor
from ports import free_port, listens
from waiting import standing, until

# A cluster that others' processes can reach has a token, which Ray reads when it is imported.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_urlsafe(32)}
pytest.importorskip("ray", reason="Ray is not installed: pip install 'dujiang[ray]'")


@pytest.fixture(scope="module")
def address():
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1",
        f"--port={port}", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
    ]  # fmt: skip
    environment = {**os.environ, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as cluster:
        until(lambda: listens(port))
        yield f"127.0.0.1:{port}"
        import ray

        ray.shutdown()
        os.killpg(cluster.pid, signal.SIGKILL)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / str(time.time_ns()) / "1"
    (made / "work").mkdir(parents=True)
    return made


def python(code, **limits):
    return Task("t", [sys.executable, "-c", code], **{"seconds": 60, "memory_mib": 200, "cpus": 1, **limits})


ENDED = (Standing.ENDED, Standing.VANISHED)


def test_a_job_takes_its_files_along_and_brings_its_results_back(address, folder):
    runs = RayExecutor({"address": address})
    runs.ping()
    (folder / "work/in").write_bytes(b"ab")
    code = "import os; print(os.getcwd()); open('out', 'w').write(open('in').read() * 2)"
    handle = runs.submit(python(code), folder)
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert (folder / "work/out").read_text() == "abab"
    assert str(folder) not in runs.logs(handle, folder, "stdout").decode()
    assert runs.usage(handle, folder).exit_code == 0


def test_limits_and_cancelling_hold(address, folder, tmp_path):
    runs = RayExecutor({"address": address})
    handle = runs.submit(python("import time; time.sleep(600)", seconds=1), folder)
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert runs.usage(handle, folder).ended_by == "time"
    other = tmp_path / "2" / "1"
    (other / "work").mkdir(parents=True)
    handle = runs.submit(python("import time; time.sleep(600)"), other)
    standing(runs, handle, other, Standing.RUNNING)
    runs.cancel(handle, other)
    assert standing(runs, handle, other, *ENDED) is Standing.ENDED
    assert runs.usage(handle, other).ended_by == "cancelled"


SUBMIT = """
import os, signal, sys
from pathlib import Path
from dujiang.compute.executors.base import Standing, Task
from dujiang.compute.executors.ray import RayExecutor
runs, folder = RayExecutor({"address": sys.argv[1]}), Path(sys.argv[2])
code = "import time; open('n', 'a').write('x'); time.sleep(3)"
handle = runs.submit(Task("t", [sys.executable, "-c", code], 60, 200, 1), folder)
while runs.poll(handle, folder) is not Standing.RUNNING:
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_job_outlives_its_dispatcher_and_is_found_again(address, folder):
    done = subprocess.run([sys.executable, "-c", SUBMIT, address, str(folder)], timeout=90, check=False)
    assert done.returncode == -9
    runs = RayExecutor({"address": address})
    handle = runs.find(folder)
    assert handle is not None
    assert standing(runs, handle, folder, *ENDED) is Standing.ENDED
    assert (folder / "work/n").read_text() == "x"


def test_what_was_never_sent_is_not_there_and_what_was_is_not_forgotten(address, folder):
    runs = RayExecutor({"address": address})
    assert runs.find(folder) is None
    handle = runs.submit(python("import time; time.sleep(600)"), folder)
    standing(runs, handle, folder, Standing.RUNNING)
    import ray

    ray.kill(ray.get_actor(handle, namespace="dujiang"))
    assert standing(runs, handle, folder, *ENDED) is Standing.VANISHED
    assert runs.find(folder) == handle


def test_a_cluster_that_is_not_there_is_unreachable():
    with pytest.raises(Unreachable):
        RayExecutor({"address": f"127.0.0.1:{free_port()}"}).ping()
