"""Where an offer's tables are, opened for the time of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import PurePath

from dujiang.data import contents
from dujiang.data.models import Distribution
from dujiang.data.spaces.engine import Engine
from dujiang.data.spaces.models import Offer
from dujiang.data.spaces.worker import Database, File, Files, Place

KINDS = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
"""What an offer's files may be, by their names."""

engine = Engine()
"""The process's worker: a query waits for the one before it."""


@contextmanager
def opened(offer: Offer) -> Iterator[Place]:
    """Open an offer's tables."""
    with place(offer.files, offer.database, offer.schema) as found:
        yield found


@contextmanager
def place(files: Mapping[str, int], database: str, schema: str) -> Iterator[Place]:
    """Lay the files where the worker can read them, each table's by the pk of its distribution; or name the database."""
    if database:
        yield Database(database, schema)
        return
    with ExitStack() as stack:
        tables = []
        for table, number in files.items():
            file = Distribution.objects.get(pk=number)
            path = stack.enter_context(contents.as_path(file))
            tables.append(File(table, str(path), KINDS[PurePath(file.name).suffix.lower()], file.content.key))
        yield Files(tuple(tables))
