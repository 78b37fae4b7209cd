"""Tables whose data are traded, and an engine to ask them."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from data.spaces.people import PEOPLE
from dujiang.data.spaces.engine import Engine
from dujiang.data.spaces.worker import Files


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The tables as Parquet."""
    folder: Path = tmp_path_factory.mktemp("tables")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE patients (id INT, name TEXT, city TEXT, age INT, salary INT, note TEXT)")
    connection.executemany("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?)", PEOPLE)
    connection.execute(f"COPY patients TO '{folder}/patients.parquet'")
    connection.execute(f"COPY (SELECT 'CANARY' AS name, 30 AS age, 1 AS salary) TO '{folder}/payroll.parquet'")
    return Files(tuple((name, str(folder / f"{name}.parquet")) for name in ("patients", "payroll")))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A worker for the run."""
    made = Engine()
    yield made
    made.close()
