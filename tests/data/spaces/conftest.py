"""Tables whose data are traded, and an engine to ask them."""

from collections.abc import Iterator
from contextlib import nullcontext
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
    return Files(tuple((name, str(folder / f"{name}.parquet"), "parquet") for name in ("patients", "payroll")))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A worker for the run."""
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def dataset(db, tables, monkeypatch):
    """A hospital's clinical data set, published."""
    from dujiang.data.models import Content, Dataset, Distribution, Version
    from dujiang.data.spaces import places
    from dujiang.identity.actions import units_of_plan
    from dujiang.identity.models import Unit

    units_of_plan(["华西医院", "某保险公司", "科技厅"])
    owner = Unit.objects.get(name="华西医院")
    made = Dataset.objects.create(
        identifier="99999/x", title_zh="门诊费用", owner=owner, basis="authorised-operation", sensitivity="sensitive-personal",
        state="published", registered_by="t", evidence=1,
    )  # fmt: skip
    version = Version.objects.create(dataset=made, number=1, state="published", deposited_by="t")
    paths = {}
    for name, path, _ in tables.tables:
        content = Content.objects.create(key=name, sha256=name, bytes=1, stored_sha256=name, stored_bytes=1)
        Distribution.objects.create(version=version, name=f"{name}.parquet", content=content)
        paths[name] = path
    monkeypatch.setattr(places, "_as_path", lambda file: nullcontext(Path(paths[file.content_id])))
    return made
