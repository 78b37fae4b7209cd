"""Evaluating a scenario: run what is missing, keep each seed as it comes, and leave evidence at the end."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db import transaction

from dujiang.charts import svg
from dujiang.compute.actions import REPORT, cost_of, metered, submit
from dujiang.compute.models import Job
from dujiang.compute.requests import JobRequest, Limits, file_name
from dujiang.data.spaces import actions as spaces
from dujiang.data.spaces.asking import ask
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text
from dujiang.model import service
from dujiang.safety.actions import admit
from dujiang.scenarios import runner
from dujiang.scenarios.contract import SHIFTED
from dujiang.scenarios.digest import digest
from dujiang.scenarios.engines import Engine
from dujiang.scenarios.models import Evaluation, SeedScore
from dujiang.scenarios.registry import Found
from dujiang.scenarios.runner import SeedResult
from dujiang.scenarios.verdict import MIN_SEEDS, Verdict

RESULT, PICTURE = "result.csv", "picture.svg"
"""The files that running a scenario on a file leaves."""
_AROUND = Limits(seconds=60, memory_mib=1024)
"""What a scenario may use beside its method: to start, to read, to draw."""


def evaluate(
    actor: Actor,
    found: Found,
    *,
    seeds: list[int],
    size: str,
    engine: Engine,
    progress: Callable[[int, str], None] = lambda seed, step: None,
) -> Evaluation:
    """Evaluate a scenario and return the finished evaluation, whose record is evidence.

    An unfinished evaluation of the same version, size, seeds and libraries is taken up where it stopped. Fewer than
    five seeds are a trial: on record, but no verdict on the scenario. At the default size the seeds run with the
    second generator too, where the scenario has one. Raises `NotAllowed`.
    """
    require(actor, "scenario.evaluate")
    where = service() if found.scenario.model else None
    wanted = {
        "scenario": found.scenario.id,
        "version": found.version(),
        "size": size,
        "libraries": found.library_versions(),
        "seeds": seeds,
        "model": (where.model(found.scenario.model) if where and found.scenario.model else ""),
    }
    evaluation = Evaluation.objects.filter(**wanted, evidence=None).order_by("-id").first()
    if evaluation is None:
        evaluation = Evaluation.objects.create(**wanted)
    results = {(score.shifted, score.seed): SeedResult.from_json(score.result) for score in evaluation.scores.all()}
    for _, seed in results:
        progress(seed, "done")
    generators = sizes_together(found, size)
    missing = {
        generator: [seed for seed in seeds if (generator == SHIFTED, seed) not in results] for generator in generators
    }
    limits = _limits(found, sum(map(len, missing.values())))
    try:
        with metered(actor, work=f"evaluate:{found.scenario.id}", limits=limits) as meter:
            evaluation.jobs = [*evaluation.jobs, meter.job.pk]
            for generator, left in missing.items():
                for result in runner.run(found, left, generator, engine, progress=progress, where=where):
                    SeedScore.objects.update_or_create(
                        evaluation=evaluation,
                        shifted=generator == SHIFTED,
                        seed=result.seed,
                        defaults={"result": result.as_json()},
                    )
                    results[generator == SHIFTED, result.seed] = result
                    progress(result.seed, "done")
            ordered = {generator: [results[generator == SHIFTED, seed] for seed in seeds] for generator in generators}
            progress(seeds[0], "check")
            checked = runner.check(found, seeds[0], size, engine, ordered[size][0], where)
            every = [role for results in ordered.values() for one in results for role in (one.baseline, one.method)]
            meter.memory_mib = max(role.memory_mib for role in every)
    finally:
        evaluation.cost = cost_of(evaluation.jobs)
        evaluation.save(update_fields=["jobs", "cost"])
    verdict = verdict_json(runner.verdict(found.scenario, ordered[size], checked.faults))
    if SHIFTED in generators[1:]:
        verdict = _with_shifted(verdict, verdict_json(runner.verdict(found.scenario, ordered[SHIFTED], [])))
    verdict["model"] = runner.used(found.scenario, ordered[size])
    picture = svg(checked.picture) if checked.picture else ""
    return _finish(actor, found, evaluation, ordered, verdict, picture)


def sizes_together(found: Found, size: str) -> list[str]:
    """Return the sizes whose seeds an evaluation of ``size`` runs: with the default, the second generator's too."""
    return [size, SHIFTED] if size == "default" and SHIFTED in found.scenario.sizes else [size]


def _with_shifted(verdict: dict[str, Any], shifted: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict that needs the second generator's too, and holds it under ``shifted``."""
    reasons = [
        {"zh": f"第二种生成机制：{one['zh']}", "en": f"second generator: {one['en']}"} for one in shifted["reasons"]
    ]
    runs_through = verdict["runs_through"] and shifted["runs_through"]
    return {**verdict, "runs_through": runs_through, "reasons": [*verdict["reasons"], *reasons], SHIFTED: shifted}


def _limits(found: Found, seeds: int) -> Limits:
    """Return what an evaluation may use: each seed's steps, and those of the check, at the scenario's limits."""
    resources = found.scenario.resources
    steps = 2 * seeds + 1
    seconds = math.ceil(steps * resources.seconds) + (seeds + 1) * _AROUND.seconds
    return Limits(seconds=seconds, memory_mib=resources.memory_mib, cpus=2)


def apply_to_file(actor: Actor, found: Found, name: str, content: bytes) -> Job:
    """Run a scenario's method on somebody's file, as a job: it leaves ``result.csv``, ``picture.svg`` and its report.

    A file that the scenario can't read ends the job as failed, with the fault in `Job.fault` as the command line says
    it. Raises `NotAllowed`, `Refused`.
    """
    return submit(actor, file_job(actor, found, name, content))


def under_agreement(actor: Actor, identifier: str, sql: str) -> bytes:
    """Return, as CSV, what a query gets from a provider's data set under an agreement; a scenario reads it as a file.

    What may be asked is for the agreement to say, and the query or its refusal is evidence of the data space. Raises
    `NotAllowed`; `Refused` for an agreement that the actor has no part in, and for what it doesn't allow.
    """
    require(actor, "scenario.apply")
    agreement = spaces.agreements_of(actor).filter(identifier=identifier).first()
    if agreement is None:
        raise Refused(Text(f"没有数据合约 {identifier}", f"there is no agreement {identifier}"))
    answer = ask(actor, agreement, sql)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return table.getvalue().encode()


def file_job(actor: Actor, found: Found, name: str, content: bytes) -> JobRequest:
    """Return the job that `apply_to_file` submits, to be quoted.

    Raises `NotAllowed`, and `Refused` for a scenario that lacks a filing, whose libraries are missing here, or another
    kind of file.
    """
    require(actor, "scenario.apply")
    about = found.scenario
    admit(actor, f"scenario:{about.id}", generates=about.model is not None)
    if found.missing:
        names = ", ".join(found.missing)
        raise Refused(Text(f"本站未安装 {about.id} 所需的 {names}", f"{about.id} needs {names}, which this site lacks"))
    name = file_name(name)
    if not name.lower().endswith(about.suffixes):
        known = "、".join(about.suffixes)
        raise Refused(Text(f"文件应为 {known}，实为 {name}", f"the file should be a {known}, not {name}"))
    command = [sys.executable, "-m", "dujiang.cli", "scenario", "apply", about.id]
    wanted = {"--input": name, "--output": RESULT, "--picture": PICTURE, "--json": REPORT}
    return JobRequest(
        work=f"scenario:{about.id}",
        argv=[*command, *(part for option in wanted.items() for part in option)],
        inputs={name: content},
        limits=Limits(
            seconds=math.ceil(about.resources.seconds) + _AROUND.seconds,
            memory_mib=about.resources.memory_mib + _AROUND.memory_mib,
        ),
    )


@transaction.atomic
def _finish(
    actor: Actor,
    found: Found,
    evaluation: Evaluation,
    results: dict[str, list[SeedResult]],
    verdict: dict[str, Any],
    picture: str,
) -> Evaluation:
    # Whoever evaluated the same beside us may have finished it first; one evaluation leaves one record.
    evaluation = Evaluation.objects.select_for_update().get(pk=evaluation.pk)
    if evaluation.evidence is None:
        evaluation.picture = picture
        evaluation.verdict = verdict
        kind = "scenario.evaluated" if len(evaluation.seeds) >= MIN_SEEDS else "scenario.tried"
        body = record(found, evaluation, results)
        evaluation.evidence = append(actor, kind, evaluation.scenario, body).sequence
        evaluation.save()
    return evaluation


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as it is stored and recorded."""
    reasons = [asdict(reason) for reason in verdict.reasons]
    figures = {name: getattr(verdict, name) for name in ("baseline", "method", "gain", "low", "high", "margin")}
    return {**figures, "runs_through": verdict.runs_through, "reasons": reasons}


def record(found: Found, evaluation: Evaluation, ordered: dict[str, list[SeedResult]]) -> dict[str, Any]:
    """Return the body of the evidence record of a scenario's run, from the results of each size that it ran at."""
    results = [one for part in ordered.values() for one in part]
    return {
        "scenario": evaluation.scenario,
        "title": {"zh": found.scenario.title.zh, "en": found.scenario.title.en},
        "task": found.scenario.task,
        "version": evaluation.version,
        "data": digest([one.data for one in results]),
        "size": evaluation.size,
        "seeds": evaluation.seeds,
        "libraries": evaluation.libraries,
        "machine": runner.machine(),
        "metric": found.scenario.metric.en,
        "unit": found.scenario.unit,
        "scores": [
            {
                "seed": one.seed,
                "size": size,
                "baseline": one.baseline.score,
                "method": one.method.score,
                "faults": [fault.en for fault in one.faults],
            }
            for size, part in ordered.items()
            for one in part
        ],
        "resources": {
            role: {
                "seconds": round(sum(getattr(one, role).seconds for one in results), 3),
                "memory_mib": round(max(getattr(one, role).memory_mib for one in results), 1),
            }
            for role in ("baseline", "method")
        },
        "verdict": evaluation.verdict,
        "jobs": evaluation.jobs,
        "fen": evaluation.cost,
    }
