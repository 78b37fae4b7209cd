"""A store of a test's own, and data sets in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dujiang.identity.permission import Actor, Role

LI = Actor("li", Role.LEAD_UNIT, "省地震局")
WANG = Actor("wang", Role.REVIEWER)
FACTS = {
    "title_zh": "四川地震波形数据集", "title_en": "Seismic waveforms of Sichuan", "owner": "省地震局", "basis": "collected",
    "description": "四川省内测震台网记录的三分量波形，采样率 100 Hz。", "keywords": ["地震", "波形"], "licence": "CC-BY-4.0",
}  # fmt: skip


@pytest.fixture
def places(settings: Any, tmp_path: Path) -> Iterator[Any]:
    """The two folders that contents are kept in, of this test alone."""
    settings.DATA_STORE, settings.DATA_BACKUP = str(tmp_path / "store"), str(tmp_path / "backup")
    return settings


@pytest.fixture
def registered(db: None, places: Any) -> Callable[..., Any]:
    """Return what registers a data set of the unit 省地震局, with a complete description."""
    from dujiang.data import actions
    from dujiang.identity.actions import units_of_plan

    units_of_plan(["省地震局", "科技厅"])
    return lambda actor=LI, **more: actions.register(actor, **{**FACTS, **more})


@pytest.fixture
def published(registered: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Return what publishes a data set with a file ``waves.csv`` of some content."""
    from dujiang.data import actions

    def publish(content: bytes = b"a,b\n1,2\n", name: str = "waves.csv", **more: Any) -> Any:
        made = registered(**more)
        path = tmp_path / "given" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        version = actions.deposit(LI, made, [path])
        actions.submit(LI, version)
        actions.review(WANG, version, approved=True)
        made.refresh_from_db()
        return made

    return publish
