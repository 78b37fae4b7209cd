"""Strangers' code gets its inputs and its output folder, and nothing else: each way out is tried, and its end told."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dujiang.messages import Refused
from dujiang.safety import confinement
from dujiang.safety.confinement import Limits, run
from safety import ways_out

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(bool(confinement.missing()), reason=str(confinement.missing()))


def answering(*listeners):
    """Answer whoever connects."""

    def answer(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.sendall(b"hello")
            connection.close()

    for one in listeners:
        one.listen()
        threading.Thread(target=answer, args=(one,), daemon=True).start()


@pytest.fixture(scope="module")
def aim(tmp_path_factory):
    """What lies outside, and can be reached from outside."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text("the secret")
    tcp, named, abstract = socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    tcp.bind(("127.0.0.1", 0))
    named.bind(str(folder / "socket"))
    abstract.bind(f"\0dujiang-{os.getpid()}")
    answering(tcp, named, abstract)
    with (folder / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        yield {
            "secret": [str(folder / "secret"), "the secret"],
            "writable": str(folder),
            "port": tcp.getsockname()[1],
            "socket": str(folder / "socket"),
            "abstract": f"dujiang-{os.getpid()}",
            "pid": os.getpid(),
            "environment": "tell-nobody",
            "descriptor": file.name,
        }
    for one in (tcp, named, abstract):
        one.close()


def here(inputs, output):
    """Try all ways as whoever runs the tests."""
    done = run(["python", "/inputs/ways_out.py", "/inputs/aim.json", "tried.json"], inputs=inputs, output=output)
    assert done.exit_code == 0, done.stderr


ELSEWHERE = """
import sys
from pathlib import Path
from dujiang.messages import Refused
from dujiang.safety.confinement import run
try:
    command = ["python", "/inputs/ways_out.py", "/inputs/aim.json", "tried.json"]
    done = run(command, inputs=Path(sys.argv[1]), output=Path(sys.argv[2]))
    print(done.exit_code, done.stderr)
except Refused as error:
    print("refused", error)
"""
SYSTEM_PYTHON = next(filter(Path.exists, [Path("/usr/bin/python3")]), None)
"""An interpreter that everybody on this machine can start; the tests' own may lie where only they come."""


def as_an_ordinary_user(inputs, output):
    """Try all ways as a user who is not root."""
    if os.geteuid() or SYSTEM_PYTHON is None:
        pytest.skip("only root can try it as another user, by /usr/bin/python3 (Debian: python3)")
    source = inputs.parent / "source"
    leave = shutil.ignore_patterns("locale", "industries", "templates", "static", "__pycache__")
    shutil.copytree(Path(confinement.__file__).parents[1], source / "dujiang", ignore=leave)
    os.chown(output, 65534, 65534)
    for folder in (inputs, *inputs.parents):
        if folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    said = subprocess.run(
        [SYSTEM_PYTHON, "-B", "-c", ELSEWHERE, inputs, output], user=65534, group=65534, extra_groups=[], cwd="/",
        env={"PYTHONPATH": str(source), "PATH": "/usr/bin:/bin", "TELL": "tell-nobody"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if said.startswith("refused 本机不允许本用户建立命名空间"):
        pytest.skip("this machine lets an ordinary user make no namespaces: it is refused by name")
    assert said.startswith("0"), said


@pytest.fixture(scope="module", params=[here, as_an_ordinary_user], ids=lambda one: one.__name__)
def tried(request, aim, tmp_path_factory):
    """What each way came to inside."""
    folder = tmp_path_factory.mktemp("tried")
    (inputs := folder / "inputs").mkdir()
    (output := folder / "output").mkdir()
    (inputs / "aim.json").write_text(json.dumps(aim))
    (inputs / "given.txt").write_text("given")
    shutil.copy(HERE / "ways_out.py", inputs)
    os.environ["TELL"] = "tell-nobody"
    try:
        request.param(inputs, output)
    finally:
        del os.environ["TELL"]
    return json.loads((output / "tried.json").read_text())


@pytest.mark.parametrize("way", [one.__name__ for one in ways_out.WAYS])
def test_no_way_out_works(tried, way):
    assert not tried[way] or tried[way].startswith("-"), tried[way]
    # An attempt that fails by its own mistake shows nothing.
    assert not tried[way].startswith(("-NameError", "-TypeError", "-ArgumentError", "-AttributeError")), tried[way]


def test_the_ways_would_work_where_nothing_stops_them(aim, tmp_path):
    (tmp_path / "aim.json").write_text(json.dumps(aim))
    command = [sys.executable, HERE / "ways_out.py", "aim.json", "tried.json", "--harmless"]
    environment = {**os.environ, "TELL": "tell-nobody"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, close_fds=False)
    tried = json.loads((tmp_path / "tried.json").read_text())
    assert not {way: said for way, said in tried.items() if not said or said.startswith("-")}


def python(tmp_path, code, **limits):
    """Run code confined; returns its result and its output folder."""
    entry, output = tmp_path / "entry.py", tmp_path / "output"
    entry.write_text(code)
    output.mkdir()
    return run(entry, inputs=None, output=output, limits=Limits(**{"seconds": 20, **limits})), output


def test_it_computes_with_the_sites_libraries(tmp_path):
    code = "import numpy, json; json.dump(float(numpy.arange(5).sum()), open('sum.json', 'w')); print('有')"
    done, output = python(tmp_path, code)
    assert (done.exit_code, done.killed_for, done.files, done.swept) == (0, "", ("sum.json",), ())
    assert done.stdout == "有\n"
    assert (output / "sum.json").read_text() == "10.0"
    assert (output / "sum.json").stat().st_uid == os.getuid()


def test_it_ends_at_its_time(tmp_path):
    code = "import os, time\nif os.fork() == 0: os.setsid()\nwhile True: time.sleep(1)"
    done, _ = python(tmp_path, code, seconds=1)
    assert done.killed_for == "time"
    assert done.seconds < 15


def test_one_process_gets_no_more_memory(tmp_path):
    done, _ = python(tmp_path, "print(len(bytearray(400 * 2**20)))", memory_mib=200)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "MemoryError" in done.stderr


def test_many_processes_get_no_more_together(tmp_path):
    code = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(os.urandom(1)) * (60 * 2**20)
        time.sleep(15)
        os._exit(0)
time.sleep(15)
"""
    done, _ = python(tmp_path, code, memory_mib=200)
    assert done.killed_for == "memory"


def test_a_fork_bomb_is_small(tmp_path):
    code = """
import os, time
made = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(15)
        made += 1
except BlockingIOError:
    print(made, flush=True)
    os._exit(0)
"""
    done, _ = python(tmp_path, code, processes=20)
    assert done.exit_code == 0
    assert 5 < int(done.stdout) < 20
    assert done.seconds < 10  # what it left was ended with it


def test_files_and_folders_are_limited(tmp_path):
    done, output = python(tmp_path, "open('big', 'wb').write(bytes(40 * 2**20))", disk_mib=20)
    assert done.exit_code != 0 or done.killed_for
    assert sum(one.stat().st_size for one in output.iterdir()) <= 20 * 2**20
    shutil.rmtree(output)
    code = "import time\nfor n in range(6): open(str(n), 'wb').write(bytes(15 * 2**20))\ntime.sleep(15)"
    done, output = python(tmp_path, code, disk_mib=20)
    assert done.killed_for == "disk"
    shutil.rmtree(output)
    code = "import os, time\ntry:\n  while True: os.mkdir('deep'); os.chdir('deep')\nexcept OSError: time.sleep(15)"
    done, _ = python(tmp_path, code, files=100)
    assert done.killed_for == "disk"


def test_what_is_no_plain_file_is_swept_out(tmp_path):
    code = """
import os, socket
os.symlink("/etc/passwd", "link")
os.symlink("..", "up")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
open("tool", "w").write("#!/bin/sh")
os.chmod("tool", 0o6777)
os.mkdir("locked"); open("locked/kept", "w").write("x"); os.chmod("locked", 0)
os.link("tool", "twin")
open(b"\\xff\\n", "w")
"""
    done, output = python(tmp_path, code)
    assert done.exit_code == 0, done.stderr
    assert done.files == ("locked/kept", "tool", "twin")
    assert set(done.swept) == {"link", "up", "pipe", "socket", r"\udcff\n"}
    assert all(one.is_dir() or one.is_file() for one in output.rglob("*"))
    assert (output / "tool").stat().st_mode & 0o7777 == 0o644


def test_an_output_folder_must_be_empty(tmp_path):
    (tmp_path / "there").write_text("x")
    with pytest.raises(Refused, match="should be empty"):
        run(["true"], inputs=None, output=tmp_path)


def test_where_no_namespace_can_be_made_nothing_runs(tmp_path):
    """Such a place is a confinement."""
    code = """
import subprocess
print(subprocess.run(["bwrap", "--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"], capture_output=True, text=True))
"""
    done, _ = python(tmp_path, code)
    assert "returncode=1" in done.stdout
