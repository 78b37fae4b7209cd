"""Runs a scenario's seeds on an engine and judges them; knows nothing of where the results are kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import psutil

from dujiang.messages import Text
from dujiang.model import Service, Use
from dujiang.scenarios import steps
from dujiang.scenarios.contract import Answer, Resources, Scenario
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import Engine, Outcome
from dujiang.scenarios.registry import Found
from dujiang.scenarios.verdict import Verdict, judge

# Making cases and judging is the runner's own work: it has room, but must end too.
_OWN = Resources(seconds=600.0, memory_mib=8192)


@dataclass(frozen=True, slots=True)
class RoleResult:
    """What the baseline or the method came to on a seed: its ``score`` or the ``failure``, seconds, peak MiB."""

    score: float | None
    seconds: float
    memory_mib: float
    failure: Text | None = None
    answers: str | None = None
    """Digest of the answers."""
    used: Use | None = None
    """What was used of a model; None where none was asked."""
    said: dict[str, Any] = field(default_factory=dict)
    """What the model said, by the digest of the request."""


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What a seed came to. ``faults`` are the scenario's: cases that fail, answers that don't repeat."""

    seed: int
    data: str | None
    """Digest of the seed's cases."""
    baseline: RoleResult
    method: RoleResult
    faults: list[Text] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SeedResult:
        """Read back what `as_json` gave."""

        def text(value: Mapping[str, str] | None) -> Text | None:
            return Text(**value) if value else None

        def role(value: Mapping[str, Any]) -> RoleResult:
            used = Use(**value["used"]) if value.get("used") else None
            return RoleResult(**{**value, "failure": text(value["failure"]), "used": used})

        return cls(
            stored["seed"],
            stored["data"],
            role(stored["baseline"]),
            role(stored["method"]),
            [Text(**fault) for fault in stored["faults"]],
        )


def run(
    found: Found,
    seeds: list[int],
    size: str,
    engine: Engine,
    *,
    progress: Callable[[int, str], None] = lambda seed, step: None,
    where: Service | None = None,
) -> Iterator[SeedResult]:
    """Run seeds and yield each result as it is there, so that it can be kept; ``progress`` hears (seed, step).

    As many seeds run at once as the engine is wide, each in a thread that calls ``progress``.
    """
    with ThreadPoolExecutor(engine.width) as pool:
        waiting = iter(seeds)

        def start(seed: int) -> Future[SeedResult]:
            return pool.submit(run_seed, found, seed, size, engine, progress=progress, where=where)

        # Only as many as run at once are started, so that an interrupted run has no queue to drain.
        running = {start(seed) for seed in islice(waiting, engine.width)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
                running |= {start(seed) for seed in islice(waiting, len(done))}
        except BaseException:
            # Whoever interrupts is not kept waiting for the seeds that are still running.
            engine.close()
            raise


def run_seed(
    found: Found,
    seed: int,
    size: str,
    engine: Engine,
    *,
    progress: Callable[[int, str], None] = lambda seed, step: None,
    where: Service | None = None,
) -> SeedResult:
    """Prepare a seed's inputs, have both roles answer, and judge the answers; ``where`` models are had."""
    limits = found.scenario.resources
    progress(seed, "prepare")
    prepared = engine.run(steps.prepare, found.module, seed, size, limits=_OWN)
    if prepared.failure:
        nothing = RoleResult(None, 0.0, 0.0, prepared.failure)
        return SeedResult(seed, None, nothing, nothing, [_during("cases", prepared.failure)])
    outcomes = {}
    for role in steps.ROLES:
        progress(seed, role)
        outcomes[role] = engine.run(
            steps.answer, found.module, role, prepared.value.inputs, where, limits=limits, alone=True
        )
    progress(seed, "judge")
    results = _judged(found, seed, size, engine, outcomes, prepared.value.digest)
    faults = [_during(role, one.failure) for role, one in results.items() if one.failure is not None]
    return SeedResult(seed, prepared.value.digest, results["baseline"], results["method"], faults)


def _judged(
    found: Found, seed: int, size: str, engine: Engine, outcomes: Mapping[steps.Role, Outcome], data: str
) -> dict[steps.Role, RoleResult]:
    given = {role: one.value.answers for role, one in outcomes.items() if not one.failure}

    def judged(*roles: steps.Role) -> dict[steps.Role, tuple[float | None, Text | None]]:
        """Return each role's score or failure; the cases are made once, unless one of the answers can't be judged."""
        answers = [given[role] for role in roles]
        outcome = engine.run(steps.score, found.module, seed, size, answers, data, limits=_OWN)
        if not outcome.failure:
            return {role: (score, None) for role, score in zip(roles, outcome.value, strict=True)}
        if len(roles) == 1:
            return {roles[0]: (None, outcome.failure)}
        return {role: one for alone in roles for role, one in judged(alone).items()}

    scores = judged(*given) if given else {}
    results = {}
    for role, one in outcomes.items():
        if one.failure:
            results[role] = RoleResult(None, one.seconds, one.memory_mib, one.failure)
        else:
            answered: steps.Answered = one.value
            results[role] = RoleResult(
                scores[role][0], one.seconds, one.memory_mib, scores[role][1], _digest(answered.answers), answered.used,
                answered.said,
            )  # fmt: skip
    return results


def _digest(answers: list[Answer]) -> str | None:
    try:
        return digest(answers)
    except TypeError:
        return None


def _during(step: str, failure: Text) -> Text:
    return Text(f"{step}:{failure.zh}", f"{step}: {failure.en}")


@dataclass(frozen=True, slots=True)
class Checked:
    """What one seed shows of the whole scenario: its ``faults``, and the picture of its first case (Vega-Lite)."""

    faults: list[Text]
    picture: dict[str, Any] | None = None


def check(
    found: Found, seed: int, size: str, engine: Engine, first: SeedResult, where: Service | None = None
) -> Checked:
    """Check that the method's answer repeats, that it can be drawn, and that a written file reads back."""
    faults = []
    drawn = None
    prepared = engine.run(steps.prepare, found.module, seed, size, limits=_OWN)
    if prepared.failure:
        return Checked([_during("cases", prepared.failure)])
    limits = found.scenario.resources
    inputs, said = prepared.value.inputs, first.method.said
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(engine.run, steps.reads_back, found.module, inputs[0], limits=_OWN)
        again = engine.run(steps.answer, found.module, "method", inputs, where, said, limits=limits)
        if again.failure:
            faults.append(_during("method", again.failure))
        else:
            if _digest(again.value.answers) != first.method.answers:
                faults.append(
                    Text("同一种子两次运行的结果不同", "the method answered the same seed differently the second time")
                )
            outcome = engine.run(steps.picture, found.module, inputs[0], again.value.answers[0], limits=_OWN)
            drawn = outcome.value
            if outcome.failure:
                faults.append(_during("picture", outcome.failure))
        written = reading.result()
    if written.failure:
        faults.append(_during("read(write())", written.failure))
    elif not written.value:
        faults.append(Text("写出的文件读回后不同", "a file in the declared format did not read back equal"))
    return Checked(faults, drawn)


def verdict(scenario: Scenario, results: list[SeedResult], faults: list[Text]) -> Verdict:
    """Judge a run's results."""
    pairs = [(one.baseline.score, one.method.score) for one in results]
    gains = [scenario.gain(b, m) for b, m in pairs if b is not None and m is not None]
    seen = [
        Text(f"种子 {one.seed}：{fault.zh}", f"seed {one.seed}: {fault.en}") for one in results for fault in one.faults
    ]
    return judge(pairs, gains, margin=scenario.margin, faults=[*seen, *faults])


def used(scenario: Scenario, results: list[SeedResult]) -> dict[str, Any] | None:
    """Return what a run's record says of the model that its scenario needs: which way was judged, and what it used."""
    if scenario.model is None or scenario.without_model is None:
        return None
    uses = [one.method.used for one in results if one.method.used]
    if not uses:
        way = scenario.without_model
        return {"needs": scenario.model, "model": None, "way": {"zh": way.zh, "en": way.en}}
    costs = [one.cost for one in uses if one.cost is not None]
    return {
        "needs": scenario.model,
        "model": uses[0].model,
        "requests": sum(one.requests for one in uses),
        "prompts": digest(sorted(prompt for one in uses for prompt in one.prompts)),
        "input_tokens": sum(one.input_tokens for one in uses),
        "output_tokens": sum(one.output_tokens for one in uses),
        "cost": sum(costs) if costs else None,
    }


def machine() -> dict[str, Any]:
    """Return what a run's record says of the machine; nothing that names it."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": round(psutil.virtual_memory().total / 2**20),
        "python": platform.python_version(),
    }
