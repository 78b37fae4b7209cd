"""Where scenarios are found: packages named by the entry-point group ``dujiang.industries``, ours and strangers'."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from pathlib import Path
from types import ModuleType

from dujiang.messages import Text
from dujiang.scenarios.contract import Scenario

GROUP = "dujiang.industries"


class UnknownScenario(LookupError):
    """No installed package has a scenario of that id."""

    def __init__(self, wanted: str) -> None:
        known = ", ".join(found.scenario.id for found in scenarios())
        text = Text(f"没有场景 {wanted}；现有：{known}", f"no scenario {wanted}; there are: {known}")
        super().__init__(f"{text.zh}\n{text.en}")


@dataclass(frozen=True, slots=True)
class Found:
    """A scenario and the module that it stands in, by which another process finds it again."""

    scenario: Scenario
    module: str

    @property
    def missing(self) -> list[str]:
        """Return the field's libraries that are not installed here."""
        return [name for name in self.scenario.libraries if importlib.util.find_spec(name) is None]

    def version(self) -> str:
        """Return the SHA-256 of the scenario's source: its module and the private modules beside it."""
        path = Path(str(importlib.import_module(self.module).__file__))
        state = hashlib.sha256()
        for part in [path, *sorted(path.parent.glob("_[!_]*.py"))]:
            # Line endings differ between checkouts, the scenario doesn't.
            state.update(part.name.encode() + b"\0" + part.read_bytes().replace(b"\r\n", b"\n") + b"\0")
        return state.hexdigest()

    def library_versions(self) -> dict[str, str]:
        """Return the version of NumPy and of each library of the field that is installed, by distribution name."""
        owners = _distributions()
        versions = {}
        for name in ("numpy", *self.scenario.libraries):
            distribution = owners.get(name.split(".")[0], name)
            try:
                versions[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
        return versions


@cache
def _distributions() -> dict[str, str]:
    return {package: names[0] for package, names in packages_distributions().items()}


def in_module(name: str) -> Found:
    """Return the scenario that a module holds as ``SCENARIO``; raises AttributeError where there is none."""
    return Found(importlib.import_module(name).SCENARIO, name)


@cache
def scenarios() -> tuple[Found, ...]:
    """Return every installed scenario, in the order of the plan's tasks, then by id.

    Raises ValueError where a package's scenario names another industry than its entry point, or two have one id.
    """
    found: dict[str, Found] = {}
    for entry in entry_points(group=GROUP):
        for module in _modules(entry.load()):
            one = in_module(module)
            if one.scenario.industry != entry.name:
                raise ValueError(f"{module}: scenario {one.scenario.id} stands in the industry {entry.name}")
            if one.scenario.id in found:
                raise ValueError(f"scenario {one.scenario.id} is in {found[one.scenario.id].module} and {module}")
            found[one.scenario.id] = one
    return tuple(sorted(found.values(), key=lambda one: (one.scenario.task, one.scenario.id)))


def _modules(package: ModuleType) -> Iterator[str]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not module.name.rpartition(".")[2].startswith("_"):
            yield module.name


def find(wanted: str) -> Found:
    """Return the scenario of that id; raises `UnknownScenario`."""
    for one in scenarios():
        if one.scenario.id == wanted:
            return one
    raise UnknownScenario(wanted)
