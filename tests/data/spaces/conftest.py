"""Tables whose data are traded, and an engine to ask them."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from data.spaces.people import PEOPLE
from dujiang.data.spaces.engine import Engine
from dujiang.data.spaces.worker import File, Files


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The tables as Parquet."""
    folder: Path = tmp_path_factory.mktemp("tables")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE patients (id INT, name TEXT, city TEXT, age INT, salary INT, note TEXT)")
    connection.executemany("INSERT INTO patients VALUES (?, ?, ?, ?, ?, ?)", PEOPLE)
    connection.execute(f"COPY patients TO '{folder}/patients.parquet'")
    connection.execute(f"COPY (SELECT 'CANARY' AS name, 30 AS age, 1 AS salary) TO '{folder}/payroll.parquet'")
    return Files(
        tuple(File(name, str(folder / f"{name}.parquet"), "parquet", name) for name in ("patients", "payroll"))
    )


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A worker for the run."""
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def dataset(db, tables):
    """A hospital's clinical data set, deposited, reviewed and published."""
    from dujiang.data import actions
    from dujiang.identity.actions import units_of_plan
    from dujiang.identity.permission import Actor, Role

    units_of_plan(["华西医院", "某保险公司", "科技厅"])
    owner = Actor("hua", Role.ENTERPRISE, "华西医院")
    made = actions.register(
        owner, title_zh="门诊费用", description="门诊费用明细，合成数据。", owner="华西医院", basis="authorised-operation",
        sensitivity="sensitive-personal", keywords=["门诊"], licence="仅按合约使用",
    )  # fmt: skip
    version = actions.deposit(owner, made, [Path(path) for _, path, *_ in tables.tables])
    actions.review(Actor("reviewer", Role.REVIEWER), actions.submit(owner, version), approved=True)
    made.refresh_from_db()
    return made
