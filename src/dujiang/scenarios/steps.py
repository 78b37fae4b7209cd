"""The steps of one seed, each run in a process of its own, so that the truth exists only where it is judged.

``prepare`` makes the cases and hands out their inputs; the truth ends with its process. ``answer`` runs the baseline
or the method on those inputs. ``score`` makes the same cases again from the seed, and judges. While a method runs,
no process, parent or file holds the truth of its cases.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dujiang.model import Client, Service, Use
from dujiang.scenarios.contract import Answer, Scenario
from dujiang.scenarios.digest import digest
from dujiang.scenarios.registry import in_module

Role = Literal["baseline", "method"]
ROLES: tuple[Role, Role] = ("baseline", "method")


@dataclass(frozen=True, slots=True)
class Prepared:
    """The inputs of a seed's cases, with the digest of the cases (inputs and truth) that they come from."""

    inputs: list[Any]
    digest: str


def prepare(module: str, seed: int, size: str) -> Prepared:
    """Make a seed's cases and return their inputs."""
    cases = list(in_module(module).scenario.cases(seed, size))
    if not cases:
        raise ValueError(f"cases({seed}, {size!r}) is empty")
    return Prepared([case.inputs for case in cases], digest([tuple(case) for case in cases]))


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers to a seed's inputs; what they used of a model, and what it said, by the digest of the request."""

    answers: list[Answer]
    used: Use | None = None
    said: dict[str, Any] = field(default_factory=dict)


def answer(
    module: str, role: Role, inputs: list[Any], where: Service | None = None, said: Mapping[str, Any] | None = None
) -> Answered:
    """Return the baseline's or the method's answer to each inputs.

    A method that needs a model is handed a client of the service, or None where there is none; what it ``said``
    before is not asked again, so that a seed repeats.
    """
    scenario = in_module(module).scenario
    function = getattr(scenario, role)
    if role == "baseline" or scenario.model is None:
        return Answered([_rows(function(one)) for one in inputs])
    client = model_of(scenario, where, said)
    answers = [_rows(function(one, client)) for one in inputs]
    return Answered(answers, client.used, dict(client.kept)) if client else Answered(answers)


def model_of(scenario: Scenario, where: Service | None, said: Mapping[str, Any] | None = None) -> Client | None:
    """Return the client that a scenario's method is handed; None where the site has no model of the kind."""
    if scenario.model is None or where is None or not where.model(scenario.model):
        return None
    return Client(where, scenario.model, scenario.resources.tokens, dict(said or {}))


def _rows(value: Any) -> Answer:
    """Check that an answer is a table's rows with the same columns; raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError(f"an answer is a list of dicts, not {type(value).__name__}")
    if value and any(row.keys() != value[0].keys() for row in value):
        raise ValueError("the rows of an answer have the same columns")
    return value


def score(module: str, seed: int, size: str, given: Sequence[list[Answer]], data: str) -> list[float]:
    """Judge answers against the truth of the cases, made anew; each of ``given`` has the mean over its cases.

    Raises ValueError where the cases are not those that were answered (``data`` is their digest), or a score is not
    finite.
    """
    scenario = in_module(module).scenario
    cases = list(scenario.cases(seed, size))
    if digest([tuple(case) for case in cases]) != data:
        raise ValueError(f"cases({seed}, {size!r}) did not give the same cases twice")
    scores = [
        sum(float(scenario.judge(case.truth, one)) for case, one in zip(cases, answers, strict=True)) / len(cases)
        for answers in given
    ]
    for value in scores:
        if not math.isfinite(value):
            raise ValueError(f"the score is {value}")
    return scores


def picture(module: str, inputs: Any, answered: Answer) -> dict[str, Any]:
    """Return the picture of one case's answer as a Vega-Lite chart."""
    return in_module(module).scenario.picture(inputs, answered).to_dict()


def reads_back(module: str, inputs: Any) -> bool:
    """Write a case's inputs in the declared format, read them, write and read again; say if nothing changed.

    A format need not carry everything that cases come with (labelled examples, say), so what is compared is the
    second reading with the first.
    """
    scenario = in_module(module).scenario
    with tempfile.TemporaryDirectory() as folder:
        first, second = (Path(folder) / f"{name}{scenario.suffixes[0]}" for name in ("first", "second"))
        scenario.write(inputs, first)
        read = scenario.read(first)
        scenario.write(read, second)
        return digest(read) == digest(scenario.read(second))


def apply(module: str, path: str, where: Service | None = None) -> tuple[Any, Answer]:
    """Read a person's file and return the inputs with the method's answer; raises `BadInput`."""
    scenario = in_module(module).scenario
    inputs = scenario.read(Path(path))
    return inputs, answer(module, "method", [inputs], where).answers[0]
