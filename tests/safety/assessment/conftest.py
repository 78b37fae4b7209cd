"""The five models, served in a process of their own."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from ports import free_port

pytest.importorskip("inspect_ai", reason="the extra dujiang[safety] is not installed")


@pytest.fixture(scope="session")
def models():
    """The address of the service that has the models good, leaks, yields, invents and refuses; ``NAME-SEED`` varies one."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("stubs.py")), str(port), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}/v1"
        server.terminate()


@pytest.fixture(autouse=True)
def _no_traces():
    """Inspect traces each step; keeping that for a report of a failure takes longer than the step."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
