"""A model service that is a stub, and a gateway, each a process."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from running import Gateway, running_stub


@pytest.fixture
def gateway(tmp_path):
    made = Gateway(tmp_path / "gateway")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def stub():
    with running_stub() as url:
        yield url
