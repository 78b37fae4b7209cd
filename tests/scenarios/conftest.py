"""Sample scenarios as modules that worker processes can import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from samples import sample_in

from dujiang.scenarios.engines import LocalEngine
from dujiang.scenarios.registry import Found


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Found]:
    """Make a scenario of `samples` with some of its functions replaced by others of that module."""
    monkeypatch.syspath_prepend(tmp_path)
    return partial(sample_in, tmp_path)


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine()
    yield made
    made.close()
