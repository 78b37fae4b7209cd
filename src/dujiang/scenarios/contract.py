"""What a scenario is.

A scenario is one file of an industry's package: plain functions, and a ``SCENARIO`` that names them. It imports
nothing of Dujiang but this module, and it imports its field's libraries inside the functions that use them, so that
the directory of scenarios can be shown on a machine that has none of them.

What passes between the functions are plain values, so that they can travel to another process or machine and have a
digest: ``None``, numbers, strings, bytes, NumPy arrays, and tuples, lists, dicts and dataclasses of those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from dujiang.messages import BadInput, Text

__all__ = ["SHIFTED", "Answer", "BadInput", "Case", "Model", "Resources", "Scenario", "Text"]

Answer = list[dict[str, Any]]
"""What a method answers: the rows of a table, each with the same columns, cells of strings, numbers or None."""

SHIFTED = "shifted"
"""The size of a simulated scenario whose cases come from a second generator: other parameters, another mechanism."""

_ID = re.compile(r"[a-z]+(-[a-z]+)*/[a-z0-9]+(-[a-z0-9]+)*")


class Case(NamedTuple):
    """One problem: what the method sees, and what only the judge sees."""

    inputs: Any
    truth: Any


@dataclass(frozen=True, slots=True)
class Resources:
    """What one call of ``method`` or ``baseline`` on one seed's cases may use; beyond it, it is ended and has failed."""

    seconds: float = 60.0
    memory_mib: int = 4096
    tokens: int = 200_000
    """Of a model, where the scenario needs one."""


class Model(Protocol):
    """What a method that needs a model is handed; it keeps to the tokens of `Resources` and raises beyond them."""

    def chat(self, messages: Sequence[Mapping[str, str]], most: int = 1024) -> str:
        """Return what the model says at temperature 0, in at most ``most`` tokens."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text."""
        ...


class _Chart(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario: what it decides, for whom, and the functions that run and judge it.

    ``id``        ``industry/kebab-case``; the industry is the name of its package and of its extra.
    ``task``      number of the plan's task that it serves, 1-20; ``system``: the system that the plan names there.
    ``user``, ``decision``  who uses it, and what they decide with its answer.
    ``formats``   the standard file formats that ``read`` takes, the one that ``write`` writes first.
    ``metric``    the field's measure, with ``unit``; ``better`` says which direction is good.
    ``margin``    the gain over the baseline, in the metric's unit, that the lower end of the 95 % interval must
                  exceed for the scenario to run through.
    ``libraries`` import names of the field's libraries that the functions use; their versions go on record.
    ``suffixes``  of the files that ``read`` takes; ``write`` writes the first.
    ``sizes``     the sizes that ``cases`` takes, smallest first: ``small`` for tests, ``default`` for verdicts; where
                  cases are simulated, ``shifted`` last: a second generator that the method was not fitted on. The
                  verdict of ``default`` then needs, and shows, both.

    ``model``     ``chat`` or ``embedding`` where the method needs a model; it is then called as ``method(inputs, model)``,
                  with None where the site has none, and ``without_model`` says which way it takes then.

    ``cases(seed, size)``       problems with hidden truth; the same arguments give the same cases on every machine.
    ``read(path)``              the user's own data as ``inputs``; raises `BadInput`.
    ``write(inputs, path)``     ``inputs`` in the declared format, so that ``read`` gives them back.
    ``baseline(inputs)``, ``method(inputs)``  answers; they see nothing but the inputs. Deterministic.
    ``judge(truth, answer)``    the metric of one case; a seed's score is the mean over its cases.
    ``picture(inputs, answer)`` what a person would rather look at than the table, as an Altair chart.
    """

    id: str
    title: Text
    summary: Text
    task: int
    system: Text
    user: Text
    decision: Text
    formats: Sequence[Text]
    metric: Text
    unit: str
    better: Literal["higher", "lower"]
    margin: float
    baseline_title: Text
    method_title: Text
    source: str
    cases: Callable[[int, str], Sequence[Case]]
    read: Callable[[Path], Any]
    write: Callable[[Any, Path], None]
    baseline: Callable[[Any], Answer]
    method: Callable[..., Answer]
    judge: Callable[[Any, Answer], float]
    picture: Callable[[Any, Answer], _Chart]
    suffixes: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    resources: Resources = Resources()
    sizes: tuple[str, ...] = ("small", "default")
    model: Literal["chat", "embedding"] | None = None
    without_model: Text | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"scenario id {self.id!r}: expected industry/kebab-case")
        if self.margin < 0:
            raise ValueError(f"scenario {self.id}: margin must not be negative, is {self.margin}")
        if (self.model is None) != (self.without_model is None):
            raise ValueError(f"scenario {self.id}: name a model and the way without one together")
        if not self.suffixes:
            raise ValueError(f"scenario {self.id}: name at least one file suffix, the one that write() uses first")

    @property
    def industry(self) -> str:
        """The industry's name, which is also that of the extra that the scenario needs."""
        return self.id.split("/")[0]

    def gain(self, baseline: float, method: float) -> float:
        """Return how much better ``method`` scored than ``baseline``, in the metric's unit; positive is better."""
        return method - baseline if self.better == "higher" else baseline - method
