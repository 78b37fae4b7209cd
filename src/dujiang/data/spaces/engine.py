"""Asking a provider's data in a process apart, with a limit on time."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dujiang.data.spaces.enforcement import Dialect, Forbidden, Source
from dujiang.data.spaces.worker import Answer, Counts, Database, Files, Place, Request, receive, send
from dujiang.messages import Text

SECONDS = 30.0
"""The longest that a query may take."""


class Engine:
    """A worker process, started when it is first asked and again after it was killed. One query at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, place: Place, sql: str, *, seconds: float = SECONDS) -> Answer:
        """Return what a query came to; raises `Forbidden` where it fails, with no word of what the engine said."""
        answer = self._exchange(Request(place, sql, seconds), seconds)
        if answer.error == "rows":
            raise Forbidden("rows", Text("结果行数超过上限", "the answer has more rows than may leave at once"))
        if answer.error:
            raise Forbidden("failed", Text("查询执行失败", "the query failed"))
        return answer

    def count(
        self, place: Place, counts: Counts, sql: str, *, seconds: float = SECONDS
    ) -> tuple[tuple[Any, ...], ...] | None:
        """Return the rows of a query on counts, which are kept for the next; None where there are too many to keep."""
        answer = self._exchange(Request(place, sql, seconds, counts), seconds)
        return None if answer.error else answer.rows

    def sources(self, place: Place) -> dict[str, Source]:
        """Return the tables of a place by name, with their columns' types."""
        answer = self._exchange(Request(place, None, SECONDS), SECONDS)
        if answer.error:
            raise Forbidden("source", Text("数据暂不可用", "the data can't be reached"))
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in answer.rows:
            found.setdefault(table, {})[column] = str(kind).upper()
        schema = (place.schema,) if isinstance(place, Database) else ()
        return {table: Source((*schema, table), types) for table, types in found.items()}

    def close(self) -> None:
        """End the worker."""
        with self._turn:
            self._kill()

    def _exchange(self, request: Request, seconds: float) -> Answer:
        with self._turn:
            for attempt in (1, 2):
                process = self._started()
                assert process.stdin is not None and process.stdout is not None
                try:
                    send(process.stdin, request)
                    if not _readable(process.stdout.fileno(), seconds):
                        self._kill()
                        raise Forbidden("time", Text("查询超过时限", "the query took too long"))
                    got: Answer = receive(process.stdout)
                    return got
                except (EOFError, BrokenPipeError):
                    # The worker died, of memory or of a signal: a second one is asked once.
                    self._kill()
                    if attempt == 2:
                        break
            raise Forbidden("failed", Text("查询执行失败", "the query failed"))

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._kill()
            path = os.pathsep.join(one for one in sys.path if one)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dujiang.data.spaces.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "LANG": "C.UTF-8"},
            )
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]


def dialect_of(place: Place) -> Dialect:
    """Return the dialect that a place is asked in."""
    return "duckdb" if isinstance(place, Files) else "postgres"


def views_sources(tables: Mapping[str, str], sources: Mapping[str, Source]) -> dict[str, Source]:
    """Return the sources by the names of the views that show them; raises `Forbidden` where a table is not there."""
    if missing := [table for table in tables.values() if table not in sources]:
        raise Forbidden("source", Text(f"数据里没有表 {missing}", f"the data have no tables {missing}"))
    return {view: sources[table] for view, table in tables.items()}


def _readable(handle: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if selector.select(left):
                return True
    return False
