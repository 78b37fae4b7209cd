"""Scenarios that need a model: a metered client in the worker, the same answers twice, and a record of what was used."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

import models
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, Role
from dujiang.model import Service
from dujiang.scenarios import actions, runner
from dujiang.scenarios.registry import in_module
from dujiang.scenarios.runner import SeedResult

OFFICE = Actor("tester", Role.OFFICE)


@pytest.fixture
def asking(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def made(function):
        module = f"asking_{tmp_path.name}_{function}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(
            f"import samples\nSCENARIO = samples.with_model({function!r}, samples.{function})\n"
        )
        return in_module(module)

    return made


def mean_of(prompt):
    values = [float(value) for value in prompt.split(",")]
    return str(sum(values) / len(values))


def where(stub):
    return Service(stub.url, "secret", "small", input_price=2.0, output_price=8.0)


def test_the_method_is_handed_a_client_and_its_use_is_counted(asking, engine):
    found = asking("asks")
    # A seed's two cases of the sample are alike, and so are their prompts.
    with models.serving(mean_of) as stub:
        result = runner.run_seed(found, 0, "small", engine, where=where(stub))
        assert result.method.failure is None
        used = runner.used(found.scenario, [result])
    assert (used["model"], used["requests"], used["input_tokens"], used["output_tokens"]) == ("small", 1, 100, 20)
    assert used["cost"] == pytest.approx((100 * 2 + 20 * 8) / 1e6)
    assert len(stub.requests) == 1
    assert SeedResult.from_json(json.loads(json.dumps(result.as_json()))) == result


def test_a_model_that_says_something_else_each_time_still_repeats(asking, engine):
    found = asking("asks")
    turns = itertools.count()
    with models.serving(lambda prompt: str(10 + next(turns))) as stub:
        first = runner.run_seed(found, 0, "small", engine, where=where(stub))
        assert not runner.check(found, 0, "small", engine, first, where(stub)).faults
        assert len(stub.requests) == 1
        forgotten = replace(first, method=replace(first.method, said={}))
        assert runner.check(found, 0, "small", engine, forgotten, where(stub)).faults


def test_over_its_tokens_a_method_has_failed(asking, engine):
    found = asking("squanders")
    with models.serving(lambda prompt: "10") as stub:
        result = runner.run_seed(found, 0, "small", engine, where=where(stub))
    assert result.method.failure is not None
    assert "OverBudget" in result.method.failure.en
    assert 0 < 120 * len(stub.requests) <= 3000


def test_without_a_model_the_stated_way_is_judged_and_said(asking, engine):
    found = asking("asks")
    result = runner.run_seed(found, 0, "small", engine)
    assert result.method.failure is None
    used = runner.used(found.scenario, [result])
    assert used == {"needs": "chat", "model": None, "way": {"zh": "直接取平均", "en": "the plain mean"}}


def test_a_scenario_that_needs_a_model_says_its_way_without(asking):
    with pytest.raises(ValueError, match="way without"):
        replace(asking("asks").scenario, without_model=None)


def test_the_record_holds_model_prompts_tokens_and_cost(db, asking, engine, monkeypatch):
    found = asking("asks")
    with models.serving(mean_of) as stub:
        monkeypatch.setenv("DUJIANG_MODEL_URL", stub.url)
        monkeypatch.setenv("DUJIANG_MODEL_CHAT", "small")
        monkeypatch.setenv("DUJIANG_MODEL_PRICES", "2,8")
        evaluation = actions.evaluate(OFFICE, found, seeds=list(range(5)), size="small", engine=engine)
    assert evaluation.model == "small"
    model = json.loads(Record.objects.get(sequence=evaluation.evidence).body)["verdict"]["model"]
    assert (model["model"], model["requests"], model["input_tokens"]) == ("small", 5, 500)
    assert model["cost"] > 0
    assert model["prompts"]
    assert evaluation.verdict["runs_through"]
    monkeypatch.delenv("DUJIANG_MODEL_URL")
    without = actions.evaluate(OFFICE, found, seeds=list(range(5)), size="small", engine=engine)
    assert without.model == ""
    assert without.verdict["model"]["way"]["en"] == "the plain mean"
