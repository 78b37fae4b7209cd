"""Waiting in tests. The limit only ends what hangs: a machine that does other work too may take its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

LIMIT = 300.0
T = TypeVar("T")


def until(look: Callable[[], T], failure: Callable[[], object] = lambda: "it did not come") -> T:
    """Return the first of what ``look`` finds that counts as true; raises AssertionError with ``failure`` at the limit."""
    end = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < end, failure()
        time.sleep(0.05)
    return found


def standing(runs: Any, handle: str, folder: Path, *standings: Any) -> Any:
    """Return the first of some standings that an attempt comes to; ``runs`` is an executor."""
    return until(lambda: (now := runs.poll(handle, folder)) in standings and now)
