"""Judges an entry on seeds: inputs are made outside, answered in a confinement, and judged outside again.

`steps.prepare` makes the cases in a process of its own, and hands out their inputs; those alone, as files, are what the
entry gets. Its answers come back as a file, are checked, and another process makes the cases again and judges them. The
truth, the cases' source and the seeds are never where the entry is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dujiang.messages import Text
from dujiang.safety import confinement
from dujiang.scenarios import steps
from dujiang.scenarios.contract import Resources, Scenario
from dujiang.scenarios.engines import Engine
from dujiang.scenarios.registry import Found
from dujiang.talent.competitions import codec, inside
from dujiang.talent.competitions.codec import BadAnswer, Form, read_answers, write_inputs

_OWN = Resources(seconds=600.0, memory_mib=8192)
"""Making cases and judging is the site's own work."""
_DISK = confinement.Limits(disk_mib=64, files=200)


class SiteFault(RuntimeError):
    """The site could not make or judge the cases; it is not the entry's fault, and the entry is judged again later."""


class Fault(StrEnum):
    """Why an entry has no score; more than this is not said of hidden cases."""

    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"
    NO_METHOD = "no-method"
    RAISED = "raised"
    ANSWER = "answer"

    @property
    def words(self) -> Text:
        """What people are told."""
        return _WORDS[self]


_WORDS = {
    Fault.TIME: Text("超过时间限制", "over the time limit"),
    Fault.MEMORY: Text("超过内存限制", "over the memory limit"),
    Fault.DISK: Text("超过输出限制", "over the limit of what it may write"),
    Fault.NO_METHOD: Text("没有 method(inputs)", "no method(inputs)"),
    Fault.RAISED: Text("运行出错", "it failed"),
    Fault.ANSWER: Text("答案不合要求", "the answer is not of the required form"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What an entry came to on seeds: its ``scores`` in the metric's unit, one a seed; or the ``fault``.

    ``said`` is what it printed and why its answer was not taken; it may hold inputs, and is for practice only.
    """

    scores: tuple[float, ...]
    fault: Fault | None = None
    seconds: float = 0.0
    memory_mib: float = 0.0
    said: str = ""


def judge(
    found: Found,
    entry: Mapping[str, bytes],
    seeds: Sequence[int],
    size: str,
    limits: Resources,
    form: Form,
    engine: Engine,
) -> Judged:
    """Judge an entry's files on seeds, each answered in a confinement of its own; the first fault ends it.

    Raises `SiteFault`, and `Refused` where code can't be confined here.
    """
    scores: list[float] = []
    seconds = memory = 0.0
    for seed in seeds:
        prepared = engine.run(steps.prepare, found.module, seed, size, limits=_OWN)
        if prepared.failure:
            raise SiteFault(str(prepared.failure))
        with tempfile.TemporaryDirectory(prefix="dujiang-entry-") as name:
            shown, output = Path(name, "inputs"), Path(name, "output")
            shown.mkdir(mode=0o700)
            output.mkdir(mode=0o700)
            write_inputs(prepared.value.inputs, shown)
            (shown / "inside.py").write_bytes(Path(inside.__file__).read_bytes())
            _lay_out(entry, shown / "entry")
            done = confinement.run(
                ["python", "-I", f"{confinement.INPUTS}/inside.py"],
                inputs=shown,
                output=output,
                limits=confinement.Limits(
                    seconds=limits.seconds, memory_mib=limits.memory_mib, disk_mib=_DISK.disk_mib, files=_DISK.files
                ),
            )
            seconds, memory = seconds + done.seconds, max(memory, done.memory_mib)
            said = done.stdout + done.stderr
            if (fault := _fault(done)) is not None:
                return Judged((), fault, seconds, memory, said)
            try:
                answers = read_answers(output / codec.ANSWERS, len(prepared.value.inputs), form)
            except BadAnswer as error:
                return Judged((), Fault.ANSWER, seconds, memory, f"{said}{error}")
        scored = engine.run(steps.score, found.module, seed, size, [answers], prepared.value.digest, limits=_OWN)
        if scored.failure:
            # A judge that can't take an answer of the right form: say so, but not with the judge's own words.
            return Judged((), Fault.ANSWER, seconds, memory, said)
        scores += scored.value
    return Judged(tuple(scores), None, seconds, memory)


def _lay_out(entry: Mapping[str, bytes], folder: Path) -> None:
    for name, content in entry.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _fault(done: confinement.Result) -> Fault | None:
    if done.killed_for:
        return Fault(done.killed_for)
    match done.exit_code:
        case 0:
            return None
        case inside.NO_METHOD:
            return Fault.NO_METHOD
        case inside.NO_MEMORY:
            return Fault.MEMORY
        case _:
            return Fault.RAISED


@dataclass(frozen=True, slots=True)
class Reference:
    """What the site's own methods came to on practice seeds: the form of answers, their scores, and the board's scale.

    ``scale``, in the metric's unit, is the mean size of the baseline's score: losses on a board are in terms of it.
    """

    form: Form
    baseline: tuple[float, ...]
    method: tuple[float, ...]
    scale: float


def reference(found: Found, seeds: Sequence[int], size: str, engine: Engine) -> Reference:
    """Return what the scenario's baseline and method come to on practice seeds; raises `SiteFault`."""
    scores: list[list[float]] = []
    answers = []
    for seed in seeds:
        prepared = engine.run(steps.prepare, found.module, seed, size, limits=_OWN)
        if prepared.failure:
            raise SiteFault(str(prepared.failure))
        given = []
        for role in steps.ROLES:
            answered = engine.run(
                steps.answer, found.module, role, prepared.value.inputs, limits=found.scenario.resources
            )
            if answered.failure:
                raise SiteFault(f"{role}: {answered.failure}")
            given.append(answered.value.answers)
        scored = engine.run(steps.score, found.module, seed, size, given, prepared.value.digest, limits=_OWN)
        if scored.failure:
            raise SiteFault(str(scored.failure))
        answers += [one for each in given for one in each]
        scores.append(scored.value)
    baseline, method = zip(*scores, strict=True)
    scale = sum(map(abs, baseline)) / len(baseline)
    return Reference(codec.form_of(answers), baseline, method, scale or 1.0)


def seeds_work(found: Found, seeds: Sequence[int], size: str, engine: Engine) -> bool:
    """Whether the scenario makes cases of such seeds."""
    return all(engine.run(steps.prepare, found.module, seed, size, limits=_OWN).failure is None for seed in seeds)


def losses(scenario: Scenario, scores: Sequence[float], scale: float) -> tuple[float, ...]:
    """Return scores as losses, lower is better, in terms of the scale: the baseline's loss is about 1, or about -1."""
    sign = 1.0 if scenario.better == "lower" else -1.0
    return tuple(sign * score / scale for score in scores)
