"""The official npm client, unchanged, at the version that npm/package.json names."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from running import KEY
from test_gateway import settled

HERE = Path(__file__).parent / "npm"


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed (Debian: nodejs, npm)")
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_official_npm_client_sees_an_openai_service(gateway, stub, package):
    gateway.configure([stub])
    gateway.start()
    done = subprocess.run(
        ["node", "client.mjs", gateway.url, KEY], cwd=package, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["models"] == ["m"]
    assert seen["tool"][0] == "find"
    assert all(seen[one][0] for one in ("chat", "stream", "response"))
    assert seen["embeddings"] == 2
    assert seen["events"][0] == "response.completed"
    assert seen["refused"] == [404, "model_not_found"]
    total = settled(gateway)
    assert total["requests"] == 6
    assert total["completion"] == sum(seen[one][1] for one in ("chat", "tool", "stream", "response", "events"))
