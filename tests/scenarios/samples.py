"""A small sound scenario for the tests of the runner, whose method can be made to go wrong in each way."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from dujiang.scenarios.contract import BadInput, Case, Resources, Scenario, Text
from dujiang.scenarios.registry import in_module

NOTE = Text("测试", "test")


def secret(seed: int) -> str:
    """A truth that stands in no source, and that whoever reads it anywhere would know as one."""
    return "TRU" + "TH=" + hashlib.sha512(f"{seed}".encode()).hexdigest()


def cases(seed, size):
    values = np.random.default_rng(seed).normal(10, 1, 50 if size == "default" else 20)
    return [Case({"values": values, "seed": seed}, {"mean": 10.0, "secret": secret(seed)}) for _ in range(2)]


def span():
    """A step: when it began and when it ended."""
    began = time.monotonic()
    time.sleep(0.3)
    return began, time.monotonic()


def baseline(inputs):
    return [{"mean": float(inputs["values"][0])}]


def method(inputs):
    return [{"mean": float(inputs["values"].mean())}]


def judge(truth, answer):
    return abs(truth["mean"] - answer[0]["mean"])


def read(path):
    try:
        values = np.array([float(line) for line in Path(path).read_text().split()])
    except ValueError as error:
        raise BadInput(path, row=1, field="value", expected=Text("一个数", "a number"), found="x") from error
    return {"values": values, "seed": None}


def write(inputs, path):
    Path(path).write_text("\n".join(repr(float(value)) for value in inputs["values"]))


def read_column(path):
    """Read a table of one column."""
    rows = Path(path).read_text().split()[1:]
    return {"values": np.array([float(cell) for cell in rows]), "seed": None}


csv_suffix = (".csv",)


def picture(inputs, answer):
    import altair as alt
    import pandas as pd

    return alt.Chart(pd.DataFrame({"x": inputs["values"]})).mark_bar().encode(alt.X("x:Q", bin=True), alt.Y("count()"))


def made(name, **changes):
    fields = {
        "id": f"samples/{name}",
        "title": NOTE,
        "summary": NOTE,
        "task": 1,
        "system": NOTE,
        "user": NOTE,
        "decision": NOTE,
        "formats": [NOTE],
        "metric": NOTE,
        "unit": "m",
        "better": "lower",
        "margin": 0.0,
        "baseline_title": NOTE,
        "method_title": NOTE,
        "source": "—",
        "cases": cases,
        "read": read,
        "write": write,
        "baseline": baseline,
        "method": method,
        "judge": judge,
        "picture": picture,
        "suffixes": (".txt",),
        "resources": Resources(seconds=60, memory_mib=1024),
    }
    return Scenario(**{**fields, **changes})


def sample_in(folder, name, **functions):
    """Write a scenario's module into a folder on the path, some of its functions replaced by others from here."""
    changes = ", ".join(f"{field}=samples.{function}" for field, function in functions.items())
    module = f"sample_{folder.name}_{name}".replace("-", "_")
    (folder / f"{module}.py").write_text(f"import samples\nSCENARIO = samples.made({name!r}, {changes})\n")
    return in_module(module)


def undrawn(inputs, answer):
    raise ValueError("no pen")


def crashes(inputs):
    os.abort()


def raises(inputs):
    raise RuntimeError("out of ideas")


def hangs(inputs):
    time.sleep(600)


def hoards(inputs):
    kept = []
    while True:
        kept.append(np.ones(2**20))


def not_a_number(inputs):
    return [{"mean": float("nan")}]


def not_a_table(inputs):
    return 3


def forgetful(inputs):
    return [{"mean": float(inputs["values"].mean()) + 1e-6 * time.time_ns() % 1e-3}]


def spawns(inputs):
    """Leave a child behind that would outlive the step."""
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return method(inputs)


def sleepy(inputs):
    time.sleep(0.4)
    return method(inputs)


_TRUTH = re.compile(b"TRU" + b"TH=[0-9a-f]{128}")


def searches(inputs):
    """Look for the truth wherever a process can look, and answer how often it was found, by place."""
    places = {
        "objects": sum(1 for one in gc.get_objects() if isinstance(one, (dict, list, tuple)) and _holds(one)),
        "environment": len(_TRUTH.findall(repr(dict(os.environb)).encode())),
        "own memory": _in_memory(os.getpid()),
        "the run's memory": sum(_in_memory(pid) for pid in _run()),
        "disk": sum(_in_file(path) for path in _recent_files()),
    }
    return [{"mean": 0.0, **places}]


def _holds(container):
    values = container.values() if isinstance(container, dict) else container
    return any(isinstance(value, str) and _TRUTH.fullmatch(value.encode(errors="replace")) for value in values)


def _run():
    """The processes of the run: the one that asked for it, the server that forked us, and all that they started."""
    asked = psutil.Process().parent().parent()
    return [one.pid for one in (asked, *asked.children(recursive=True)) if one.pid != os.getpid()]


def _in_memory(pid):
    found = 0
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                if mode.startswith("rw") and "[v" not in line:
                    start, end = (int(part, 16) for part in span.split("-"))
                    with contextlib.suppress(OSError, ValueError, OverflowError):
                        memory.seek(start)
                        found += len(_TRUTH.findall(memory.read(min(end - start, 2**28))))
    except OSError:
        pass
    return found


def _recent_files():
    since = psutil.Process().parent().parent().create_time()
    for root in {tempfile.gettempdir(), "/dev/shm", os.environ["DUJIANG_HOME"], os.getcwd()}:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in (".git", ".venv", "node_modules")]
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    if os.path.isfile(path) and os.stat(path).st_mtime > since and os.stat(path).st_size < 2**28:
                        yield path


def _in_file(path):
    try:
        with open(path, "rb") as file:
            return len(_TRUTH.findall(file.read()))
    except OSError:
        return 0


def shifted_cases(seed, size):
    """Cases whose second generator has another mechanism: an outlier that a mean can't stand."""
    made = cases(seed, size)
    if size == "shifted":
        for case in made:
            case.inputs["values"][1] = 1e6
    return made


shifted_sizes = ("small", "default", "shifted")


def sealed_cases(seed, size):
    """Cases whose inputs don't tell their seed, and whose judge wants rows."""
    return [Case({"values": case.inputs["values"]}, case.truth) for case in cases(seed, size)]


def leaky_cases(seed, size):
    """Cases whose inputs give the truth away, to show that the search finds what is there."""
    return [Case({**case.inputs, "leak": secret(seed)}, case.truth) for case in cases(seed, size)]


def drifting_cases(seed, size):
    return [Case({"values": np.array([time.time_ns()], dtype=float)}, {"mean": 0.0})]


def lossy_write(inputs, path):
    """Lose a value at each writing, so that a second file differs from the first."""
    Path(path).write_text("\n".join(repr(float(value)) for value in inputs["values"][1:]))


def asks(inputs, model):
    """Have the model say the mean, or take the plain mean where there is none."""
    if model is None:
        return method(inputs)
    values = ", ".join(f"{value:.6f}" for value in inputs["values"])
    return [{"mean": float(model.chat([{"role": "user", "content": values}]))}]


def squanders(inputs, model):
    return [{"mean": float(model.chat([{"role": "user", "content": f"{turn}"}]))} for turn in range(10**6)]


def with_model(name, function):
    limits = Resources(seconds=10, memory_mib=1024, tokens=3000)
    way = Text("直接取平均", "the plain mean")
    return made(name, method=function, model="chat", without_model=way, resources=limits)
