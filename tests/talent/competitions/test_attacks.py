"""What a contestant might try: none gets the truth, gets out, or gets a score that it did not earn.

The tries run as an entry runs, through `judging.judge`; each writes what it got into its answer's text, which the sample
scenario's judge is replaced to hand back. tests/safety/ways_out.py tries the confinement itself.
"""

import contextlib
import json
import os
import re
import socket
import threading

import numpy as np
import pytest
from samples import secret

import dujiang
from dujiang.safety import confinement
from dujiang.scenarios.contract import Resources
from dujiang.talent.competitions import judging
from dujiang.talent.competitions.judging import Fault, judge
from dujiang.talent.competitions.ladder import release

pytestmark = pytest.mark.skipif(bool(confinement.missing()), reason=str(confinement.missing()))
SEED = 0x5EC4E7_1234_5678
LIMITS = Resources(seconds=60, memory_mib=512)
FORM = {"mean": ["number"], "found": ["text"]}
GOOD = "def method(inputs):\n    return [{'mean': float(inputs['values'].mean()), 'found': ''}]\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    import sys

    from samples import sample_in

    folder = tmp_path_factory.mktemp("attacked")
    sys.path.insert(0, str(folder))
    yield sample_in(folder, "attacked", cases="sealed_cases")
    sys.path.remove(str(folder))


def judged(found, engine, code, seeds=(SEED,), limits=LIMITS, **files):
    entry = {"entry.py": code.encode(), **files}
    return judge(found, entry, seeds, "small", limits, FORM, engine)


def said(found, engine, code, **more):
    """What code of an entry found, each a line that it prints; it goes on where a try fails."""
    done = judged(found, engine, _TRY + code, **more)
    assert done.fault is Fault.NO_METHOD, done
    return done.said.replace("entry.py defines no method(inputs)\n", "")


_TRY = """
import os, sys, re, glob, contextlib
@contextlib.contextmanager
def attempt():
    try:
        yield
    except BaseException as error:
        print("-", type(error).__name__)
"""


def test_the_suite_would_see_what_it_looks_for(found, engine):
    assert judged(found, engine, GOOD).fault is None
    assert "hello" in said(found, engine, "print('hello')")
    assert re.fullmatch("TRUTH=[0-9a-f]{128}", secret(SEED))


SEARCH = """
import gc
truth = re.compile(b"TRU" + b"TH=[0-9a-f]{128}")
seeds = [SEEDS]
def look(what, where):
    if truth.search(what):
        print("TRUTH in", where)
    for seed in seeds:
        if seed in what:
            print("SEED in", where)
def files(*roots):
    for root in roots:
        for folder, _, names in os.walk(root):
            # The interpreter and its libraries are everybody's.
            for name in () if folder.startswith((sys.prefix, sys.base_prefix)) else names:
                with contextlib.suppress(OSError):
                    path = os.path.join(folder, name)
                    if os.path.isfile(path) and os.stat(path).st_size < 2**26:
                        with open(path, "rb") as file:
                            look(file.read(), path)
files("/inputs", "/output", "/tmp", "/dev/shm", "/etc", "/run", "/entry", "/var", "/home", "/root")
look(repr(dict(os.environ)).encode(), "environment")
for one in gc.get_objects():
    with contextlib.suppress(Exception):
        for held in one.values() if isinstance(one, dict) else one if isinstance(one, (list, tuple)) else ():
            if isinstance(held, (str, int, float, bytes)):
                if truth.search(repr(held).encode()):
                    print("TRUTH in objects")
for process in glob.glob("/proc/[0-9]*"):
    for name in ("cmdline", "environ", "maps", "stat", "status"):
        with contextlib.suppress(OSError):
            with open(f"{process}/{name}", "rb") as file:
                look(file.read(), f"{process}/{name}")
    with contextlib.suppress(OSError, ValueError, OverflowError):
        with open(f"{process}/maps") as maps, open(f"{process}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                if mode.startswith("rw") and "[v" not in line:
                    start, end = (int(part, 16) for part in span.split("-"))
                    memory.seek(start)
                    block = memory.read(min(end - start, 2**27))
                    for hit in truth.finditer(block):
                        print("TRUTH in", process)
print("processes", len(glob.glob("/proc/[0-9]*")))
"""


def test_the_truth_and_the_seed_are_nowhere(found, engine):
    # Backwards, so that the code does not find itself.
    told = said(found, engine, SEARCH.replace("SEEDS", f"{str(SEED)[::-1]!r}[::-1].encode()"))
    assert "TRUTH" not in told and "SEED" not in told, told
    assert int(re.search(r"processes (\d+)", told)[1]) < 6


def test_a_search_for_what_is_there_finds_it(sample, engine):
    """The same search, where the inputs give the truth away."""
    told = judged(sample("leaky", cases="leaky_cases"), engine, _TRY + SEARCH.replace("SEEDS", "b'@no@such@'")).said
    assert "TRUTH in /inputs/inputs.json" in told


def test_the_cases_source_is_not_there(found, engine):
    program = os.path.dirname(dujiang.__file__)
    told = said(found, engine, f"""
for name in ("dujiang", "dujiang.scenarios", "dujiang.industries", "samples", "{found.module}"):
    with attempt():
        print("IMPORTED", __import__(name).__file__)
print("LISTED", os.path.exists({program!r}) and os.listdir({program!r}))
for folder in (*sys.path, "/work", "/srv", "/home", "/opt"):
    for path in glob.glob(folder + "/**/dujiang/**/*.py", recursive=True):
        print("SOURCE", path)
""")  # fmt: skip
    assert "IMPORTED" not in told and "SOURCE" not in told
    assert "LISTED False" in told or "LISTED []" in told


def test_nothing_is_written_outside_and_nothing_reached(found, engine, tmp_path):
    (tmp_path / "mark").write_text("untouched")
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = []

        def listen():
            with contextlib.suppress(OSError):
                while True:
                    reached.append(server.accept())

        threading.Thread(target=listen, daemon=True).start()
        told = said(found, engine, f"""
import socket, urllib.request
for path in ({str(tmp_path / "mark")!r}, "/inputs/inside.py", "/inputs/inputs.json", "/usr/bin/x", "/etc/passwd", sys.executable,
             os.path.dirname(os.__file__) + "/x.py", "/x"):
    with attempt():
        open(path, "a").write("x"); print("WROTE", path)
with attempt():
    socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 2); print("REACHED")
with attempt():
    socket.getaddrinfo("example.org", 80); print("RESOLVED")
with attempt():
    urllib.request.urlopen("http://127.0.0.1:{server.getsockname()[1]}", timeout=2); print("REACHED")
with attempt():
    os.kill({os.getpid()}, 0); print("SEEN")
""")  # fmt: skip
    assert not re.search("WROTE|REACHED|RESOLVED|SEEN", told), told
    assert not reached
    assert (tmp_path / "mark").read_text() == "untouched"


FAULTS = {
    "time": ("import time\ndef method(inputs):\n    time.sleep(60)\n", Fault.TIME),
    "time by its children": (
        "import os, time\ndef method(inputs):\n    if os.fork() == 0: os.setsid()\n    while True: time.sleep(1)\n", Fault.TIME,
    ),
    "memory": ("def method(inputs):\n    return bytearray(2**30)\n", Fault.MEMORY),
    "memory by many": (
        "import os, time\ndef method(inputs):\n    for _ in range(8):\n        if os.fork() == 0:\n"
        "            held = bytearray(os.urandom(1)) * (120 * 2**20); time.sleep(20); os._exit(0)\n    time.sleep(20)\n", Fault.MEMORY,
    ),
    "disk": (
        "import time\ndef method(inputs):\n    for n in range(9): open(str(n), 'wb').write(bytes(15 * 2**20))\n    time.sleep(20)\n",
        Fault.DISK,
    ),
    "a fork bomb": ("import os\ndef method(inputs):\n    while True: os.fork()\n", None),
    "an exit that says all is well": ("import os\nos._exit(0)\n", Fault.ANSWER),
    "a signal": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", Fault.RAISED),
    "no method": ("x = 1\n", Fault.NO_METHOD),
    "no Python": ("def (", Fault.RAISED),
    "the wrong shape": ("def method(inputs):\n    return {'mean': 10.0}\n", Fault.ANSWER),
    "a column that is the score": ("def method(inputs):\n    return [{'mean': 10.0, 'found': '', 'score': 0}]\n", Fault.ANSWER),
    "no number": ("def method(inputs):\n    return [{'mean': float('nan'), 'found': ''}]\n", Fault.ANSWER),
    "no rows": ("def method(inputs):\n    return []\n", Fault.ANSWER),
    "too large": ("def method(inputs):\n    return [{'mean': 10.0, 'found': 'x' * 9 * 2**20}]\n", Fault.ANSWER),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_too_far_has_no_score(name, found, engine):
    code, fault = FAULTS[name]
    limits = Resources(seconds=4 if fault in (None, Fault.TIME) else 60, memory_mib=256)
    done = judged(found, engine, code, limits=limits)
    assert done.scores == ()
    assert done.fault in ([fault] if fault else list(Fault))


WRITTEN = {
    "a pickle": "import pickle, os\nclass Out:\n    def __reduce__(self): return (os.system, ('touch OUT',))\nopen('answers.json', 'wb').write(pickle.dumps(Out()))\n",
    "a link to the inputs": "os.symlink('/inputs/inputs.json', 'answers.json')\n",
    "a link out": "os.symlink('/etc/passwd', 'answers.json')\n",
    "a pipe": "os.mkfifo('answers.json')\n",
    "a folder": "os.mkdir('answers.json')\n",
    "a hole": "open('answers.json', 'wb').truncate(60 * 2**20)\n",
    "a deep one": "open('answers.json', 'w').write('[' * 10**6)\n",
    "a link for a folder": "os.chdir('/tmp'); os.symlink('/output', 'x'); os.symlink('/etc', '/output/up')\n",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_left_for_an_answer_is_not_taken(name, found, engine, tmp_path):
    mark = tmp_path / "mark"
    done = judged(found, engine, "import os\n" + WRITTEN[name].replace("OUT", str(mark)) + "os._exit(0)\n")
    assert (done.scores, done.fault) == ((), Fault.ANSWER)
    assert not mark.exists()


def test_the_program_inside_can_be_changed_and_gains_nothing(found, engine):
    """An entry is in one process with what hands it its inputs; it may write answers itself, and they are judged alike."""
    rows = json.dumps([[{"mean": 10.0, "found": ""}]] * 2)
    forged = f"open('answers.json', 'w').write({rows!r})\nimport os\nos._exit(0)\n"
    assert judged(found, engine, forged).scores == (0.0,)  # as a method that answers ten would have
    for module in ("numpy", "json", "inside"):
        files = {f"{module}.py": b"raise SystemExit('mine')"}
        assert judged(found, engine, GOOD, **files).fault is None


def test_what_is_printed_on_hidden_seeds_goes_nowhere(sample, engine, monkeypatch, firms):
    from dujiang.evidence.models import Record
    from dujiang.talent.competitions import actions, evaluation
    from talent.competitions.contests import FIRMS, OFFICE, challenge

    one = sample("printing")
    monkeypatch.setattr(evaluation, "find", lambda wanted: one)
    contest = challenge(one, engine, public_seeds=3)
    team = actions.join(FIRMS[0], contest, "探子")
    leaks = (
        "def method(inputs):\n    print('INPUT', inputs['seed'])\n"
        "    if inputs['seed'] != 1: raise ValueError(repr(inputs))\n    return [{'mean': 10.0}]\n"
    )
    entry = actions.enter(FIRMS[0], team, "leak.py", leaks.encode())
    evaluation.judge_due(OFFICE, engine)
    entry.refresh_from_db()
    assert (entry.fault, entry.hidden, entry.state) == ("raised", True, "failed")
    told = entry.said + "".join(Record.objects.values_list("body", flat=True))
    assert not [seed for seed in contest.secret_seeds("public") if str(seed) in told]
    assert "ValueError" not in told


def test_probing_gives_a_board_of_means_away_and_of_the_ladder_a_fraction():
    """A climber of 400 entries that keeps what the board liked; a real contest lets in a few a day."""
    draw = np.random.default_rng(3)
    truth = draw.normal(0, 1, 30)

    def climb(board):
        guess, best = np.zeros(30), None
        for _ in range(400):
            tried = guess + draw.normal(0, 0.3, 30) * (draw.random(30) < 0.1)
            after = board(np.abs(tried - truth), best)
            if best is not None and after.shows < best.shows:
                guess = tried
            best = after
        return float(np.abs(guess - truth).mean())

    start = float(np.abs(truth).mean())
    assert climb(_plain) < 0.3 * start
    assert climb(release) > 0.6 * start


def _plain(losses, best):
    from dujiang.talent.competitions.ladder import Standing

    mean = float(np.mean(losses))
    return best if best is not None and best.shows <= mean else Standing(mean, tuple(losses))


def test_a_judge_that_is_lost_says_so(sample, engine):
    with pytest.raises(judging.SiteFault):
        judged(sample("lost", cases="undrawn"), engine, GOOD)
