"""The runner: whatever a scenario does is a result, and the truth is nowhere while a method runs."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import samples

from dujiang.scenarios import runner
from dujiang.scenarios.contract import Resources
from dujiang.scenarios.registry import Found


def run_one(found, engine, seed=0):
    return runner.run_seed(found, seed, "small", engine)


def test_a_sound_scenario_runs_through(sample, engine):
    found = sample("sound")
    results = sorted(runner.run(found, list(range(6)), "default", engine), key=lambda one: one.seed)
    assert [one.seed for one in results] == list(range(6))
    faults = runner.check(found, 0, "default", engine, results[0]).faults
    verdict = runner.verdict(found.scenario, results, faults)
    assert verdict.runs_through, verdict.reasons
    assert 0 < verdict.low <= verdict.gain <= verdict.high
    assert verdict.gain == pytest.approx(verdict.baseline - verdict.method)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("crashes", "SIGABRT"),
        ("raises", "out of ideas"),
        ("hangs", "over its time"),
        ("hoards", "over its memory"),
        ("not_a_number", "the score is nan"),
        ("not_a_table", "list of dicts"),
    ],
)
def test_a_failure_is_a_result(sample, engine, function, said):
    found = sample("bad", method=function)
    limits = Resources(seconds=1.5 if function == "hangs" else 60, memory_mib=512)
    found = Found(replace(found.scenario, resources=limits), found.module)
    result = run_one(found, engine)
    assert result.baseline.score is not None
    assert result.method.score is None
    assert said in result.method.failure.en
    assert result.method.failure.zh
    verdict = runner.verdict(found.scenario, [result] * 5, [])
    assert not verdict.runs_through
    assert any(said in reason.en for reason in verdict.reasons)


def test_a_result_survives_storing(sample, engine):
    for name in ("sound", "bad"):
        result = run_one(sample(name, **({"method": "raises"} if name == "bad" else {})), engine)
        assert runner.SeedResult.from_json(result.as_json()) == result


def test_an_answer_that_does_not_repeat_is_a_fault(sample, engine):
    found = sample("forgetful", method="forgetful")
    faults = runner.check(found, 0, "small", engine, run_one(found, engine)).faults
    assert any("differently" in fault.en for fault in faults)


def test_cases_that_do_not_repeat_are_a_fault(sample, engine):
    found = sample("drifting", cases="drifting_cases")
    assert "same cases twice" in run_one(found, engine).method.failure.en


def test_a_file_that_does_not_read_back_is_a_fault(sample, engine):
    found = sample("lossy", write="lossy_write")
    faults = runner.check(found, 0, "small", engine, run_one(found, engine)).faults
    assert any("read" in fault.en for fault in faults)


def test_a_picture_that_cannot_be_drawn_is_a_fault(sample, engine):
    found = sample("undrawn", picture="undrawn")
    checked = runner.check(found, 0, "small", engine, run_one(found, engine))
    assert ["picture: raised ValueError: no pen" in fault.en for fault in checked.faults] == [True]
    assert checked.picture is None


def test_what_a_step_leaves_behind_is_ended(sample, engine):
    found = sample("spawns", method="spawns")
    before = {one.pid for one in psutil.process_iter()}
    assert run_one(found, engine).method.score is not None
    time.sleep(0.2)
    new = [one for one in psutil.process_iter() if one.pid not in before and one.ppid() == 1]
    assert not [one for one in new if one.status() != psutil.STATUS_ZOMBIE]


def test_steps_whose_seconds_count_run_one_after_another(engine):
    with ThreadPoolExecutor(2) as pool:
        started = [pool.submit(engine.run, samples.span, limits=Resources(), alone=True) for _ in range(2)]
        (_, ended), (began, _) = sorted(one.result().value for one in started)
    assert ended <= began


SEARCH = """
import json
import sys

from samples import sample_in

from pathlib import Path

from dujiang.scenarios import steps
from dujiang.scenarios.contract import Resources
from dujiang.scenarios.engines import LocalEngine

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
leaks = sys.argv[2] == "leak"
found = sample_in(folder, "search", method="searches", **({"cases": "leaky_cases"} if leaks else {}))
engine = LocalEngine()
prepared = engine.run(steps.prepare, found.module, 3, "small", limits=Resources())
if leaks:
    # The inputs hold it, and so do the run's own memory and this file.
    (folder / "leaked").write_text(prepared.value.inputs[0]["leak"])
outcome = engine.run(steps.answer, found.module, "method", prepared.value.inputs, limits=Resources(300, 4096))
assert outcome.failure is None, outcome.failure
engine.close()
print(json.dumps([rows[0] for rows in outcome.value.answers]))
"""


def searched(folder, what):
    """What a method finds in a run of its own process and folder, where nothing else has ever known a truth."""
    environment = {**os.environ, "TMPDIR": str(folder), "DUJIANG_HOME": str(folder / "home")}
    path = os.pathsep.join([str(Path(samples.__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", SEARCH, str(folder), what],
        env={**environment, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_truth_is_nowhere_while_the_method_runs(tmp_path):
    for answer in searched(tmp_path, "nothing"):
        places = {name: count for name, count in answer.items() if name != "mean"}
        assert set(places) == {"objects", "environment", "own memory", "the run's memory", "disk"}
        assert not any(places.values()), places


def test_the_search_finds_a_truth_that_is_there(tmp_path):
    places = searched(tmp_path, "leak")[0]
    assert places["own memory"] > 0
    assert places["disk"] > 0
    if os.getuid() == 0:  # Others may be kept from reading their parent's memory at all.
        assert places["the run's memory"] > 0


def test_an_interrupted_run_ends_at_once(sample, engine):
    found = sample("slow", method="hangs")
    started = time.monotonic()

    def interrupt(seed, step):
        if step == "method":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(runner.run(found, [0, 1, 2], "small", engine, progress=interrupt))
    assert time.monotonic() - started < found.scenario.resources.seconds


def test_a_closed_engine_takes_no_more_steps(sample, engine):
    engine.close()
    found = sample("closed")
    assert "cancelled" in run_one(found, engine).method.failure.en


def test_progress_hears_each_step(sample, engine):
    heard = []
    list(runner.run(sample("heard"), [4], "small", engine, progress=lambda *what: heard.append(what)))
    assert heard == [(4, step) for step in ("prepare", "baseline", "method", "judge")]


def test_peak_memory_of_a_short_step_is_seen(sample, engine):
    result = run_one(sample("measured"), engine)
    assert 10 < result.method.memory_mib < 2000
    assert result.method.seconds > 0


def test_a_seed_has_the_mean_of_its_cases():
    cases = samples.cases(1, "small")
    answers = [samples.baseline(case.inputs) for case in cases]
    assert len(cases) == 2
    assert SimpleNamespace(**cases[0].inputs).seed == 1
    assert samples.judge(cases[0].truth, answers[0]) > 0
