"""Sample scenarios as modules that worker processes can import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dujiang.scenarios.engines import LocalEngine
from dujiang.scenarios.registry import Found, in_module


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Found]:
    """Make a scenario of `samples` with some of its functions replaced by others of that module."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, **functions: str) -> Found:
        changes = ", ".join(f"{field}=samples.{function}" for field, function in functions.items())
        module = f"sample_{tmp_path.name.replace('-', '_')}_{name.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(f"import samples\nSCENARIO = samples.made({name!r}, {changes})\n")
        return in_module(module)

    return make


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine()
    yield made
    made.close()
