"""Evaluations in the store: kept seed by seed, taken up after a kill, and left as evidence."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
from samples import sample_in

from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.scenarios.actions import evaluate
from dujiang.scenarios.models import Evaluation, SeedScore

OFFICE = Actor("tester", Role.OFFICE)


@pytest.mark.django_db
def test_an_evaluation_leaves_a_complete_record(sample, engine):
    found = sample("sound")
    done = evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="default", engine=engine)
    record = Record.objects.get(sequence=done.evidence)
    body = json.loads(record.body)
    assert (record.kind, record.subject, record.actor) == ("scenario.evaluated", "samples/sound", "office:tester")
    assert set(body) == {
        "scenario", "title", "task", "version", "data", "size", "seeds", "libraries", "machine", "metric", "unit",
        "scores", "resources", "verdict", "jobs", "fen",
    }  # fmt: skip
    assert body["verdict"]["runs_through"] is True
    assert [one["seed"] for one in body["scores"]] == body["seeds"] == [0, 1, 2, 3, 4]
    assert "numpy" in body["libraries"]
    assert len(body["version"]) == len(body["data"]) == 64
    assert body["resources"]["method"]["seconds"] > 0
    assert done.picture.startswith("<svg")


@pytest.mark.django_db
def test_the_default_needs_the_second_generator_too(sample, engine):
    found = sample("shifted", cases="shifted_cases", sizes="shifted_sizes")
    done = evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="default", engine=engine)
    assert done.verdict["low"] > 0 > done.verdict["shifted"]["high"]
    assert done.verdict["runs_through"] is False
    assert done.verdict["reasons"][0]["en"].startswith("second generator: the 95 % interval")
    scores = json.loads(Record.objects.get(sequence=done.evidence).body)["scores"]
    assert [(one["size"], one["seed"]) for one in scores] == [
        (size, seed) for size in ("default", "shifted") for seed in range(5)
    ]
    small = evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="small", engine=engine)
    assert small.verdict["runs_through"] is True
    assert "shifted" not in small.verdict


@pytest.mark.django_db
def test_the_same_run_gives_the_same_scores_and_data(sample, engine):
    found = sample("sound")
    runs = [evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="small", engine=engine) for _ in range(2)]
    assert runs[0].pk != runs[1].pk
    first, second = (json.loads(Record.objects.get(sequence=run.evidence).body) for run in runs)
    for part in ("scores", "data", "version", "verdict"):
        assert first[part] == second[part]


@pytest.mark.django_db
def test_few_seeds_are_a_trial(sample, engine):
    done = evaluate(OFFICE, sample("sound"), seeds=[0, 1], size="small", engine=engine)
    assert Record.objects.get(sequence=done.evidence).kind == "scenario.tried"
    assert done.verdict["runs_through"] is False


@pytest.mark.django_db
def test_a_failing_method_is_on_record_as_such(sample, engine):
    done = evaluate(OFFICE, sample("bad", method="raises"), seeds=[0, 1, 2, 3, 4], size="small", engine=engine)
    body = json.loads(Record.objects.get(sequence=done.evidence).body)
    assert body["verdict"]["runs_through"] is False
    assert body["verdict"]["method"] is None
    assert "out of ideas" in body["scores"][0]["faults"][0]


@pytest.mark.django_db
def test_an_auditor_changes_nothing(sample, engine):
    with pytest.raises(NotAllowed):
        evaluate(Actor("auditor", Role.AUDITOR), sample("sound"), seeds=[0], size="small", engine=engine)
    assert not Evaluation.objects.exists()


@pytest.mark.django_db
def test_an_interrupted_evaluation_keeps_its_seeds_and_goes_on(sample, engine):
    found = sample("sound")
    heard = []

    def interrupt(seed, step):
        heard.append((seed, step))
        if (seed, step) == (3, "prepare") and heard.count((3, "prepare")) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="small", engine=engine, progress=interrupt)
    kept = {one.pk: one.seed for one in SeedScore.objects.all()}
    assert len(kept) >= 2
    from dujiang.scenarios.engines import LocalEngine

    done = evaluate(OFFICE, found, seeds=[0, 1, 2, 3, 4], size="small", engine=LocalEngine(), progress=interrupt)
    assert done.evidence
    assert kept.keys() <= set(done.scores.values_list("pk", flat=True))
    assert [heard.count((seed, "prepare")) for seed in kept.values()] == [1] * len(kept)


EVALUATE = """
import sys
sys.path[:0] = sys.argv[1:]
from dujiang.identity.permission import Actor, Role
from dujiang.scenarios.actions import evaluate
from dujiang.scenarios.engines import LocalEngine
from dujiang.scenarios.registry import in_module
def heard(seed, step):  # by two threads, so a line is written at once
    sys.stdout.write(str(seed) + " " + step + "\\n")
    sys.stdout.flush()
done = evaluate(Actor("tester", Role.OFFICE), in_module("{module}"), seeds=list(range(6)), size="small",
                engine=LocalEngine(), progress=heard)
print("evidence", done.evidence, flush=True)
"""


def test_a_killed_evaluation_goes_on_with_the_seeds_that_are_missing(site, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = sample_in(tmp_path, "sleepy", method="sleepy").module
    places = [str(tmp_path), str(Path(__file__).parent)]
    code = EVALUATE.format(module=module)

    first = site.python(code, *places)
    kept = set()
    for line in first.stdout:
        seed, _, step = line.strip().partition(" ")
        if step == "done":
            kept.add(seed)
        if (seed, step) == ("3", "method"):
            break
    assert len(kept) >= 2
    time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.communicate()

    second = site.python(code, *places)
    said, errors = second.communicate(timeout=120)
    assert re.search(r"evidence \d+\n", said), errors
    assert not [seed for seed in kept if f"{seed} prepare" in said]
    assert "3 prepare" in said
    assert sum(line.endswith(" done") for line in said.splitlines()) == 6


def test_the_last_evaluations_are_put_into_a_document(site, tmp_path):
    document = tmp_path / "table.md"
    document.write_text("# T\n<!-- dujiang scenario table -->\nold\n<!-- end of table -->\nafter\n")
    site.run("scenario", "evaluate", "elder-care", "--size", "small", "--seeds", "1")
    site.run("scenario", "table", document, "--size", "small")
    lines = document.read_text().splitlines()
    assert lines[:2] == ["# T", "<!-- dujiang scenario table -->"]
    assert lines[-2:] == ["<!-- end of table -->", "after"]
    [row] = [line for line in lines if line.startswith("| elder-care/home-safety | ")]
    assert row.count("|") == 10
    assert row.split(" | ")[5] == "1"
    assert "old" not in document.read_text()
    document.write_text("no marks")
    refused = site.run("scenario", "table", document, check=False)
    assert refused.returncode == 1
    assert "table.md" in refused.stderr
    assert document.read_text() == "no marks"
