"""A real OpenID Connect provider for the tests: panva's certified oidc-provider, run by Node.js on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ports import free_port

HERE = Path(__file__).parent / "identity"
SECRET = "a-secret-of-the-tests"


class Provider:
    """The running provider, whose only client is Dujiang at ``sites``."""

    def __init__(self, modules: Path, *sites: str) -> None:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not (node and npm):
            pytest.skip("Node.js is not installed (Debian: nodejs, npm)")
        if not (modules / "node_modules").exists():
            modules.mkdir(parents=True, exist_ok=True)
            shutil.copy(HERE / "package.json", modules)
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=modules, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"npm could not install oidc-provider: {done.stderr}")
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        self._node, self._port, self._modules = node, port, modules
        self._process: subprocess.Popen[str] | None = None
        if sites:
            self.start(*sites)

    def start(self, *sites: str) -> None:
        """Start it for the sites."""
        self._process = subprocess.Popen(
            [self._node, str(HERE / "provider.mjs"), str(self._port), *sites],
            env={**os.environ, "MODULES": str(self._modules)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout.readline() == "listening\n"

    def stop(self) -> None:
        """Stop it."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    def settings(self, **more: str) -> str:
        """Return the site's file."""
        lines = {"name": "统一认证", "issuer": self.issuer, "client_id": "dujiang", **more}
        return "[sso]\n" + "".join(f'{name} = "{value}"\n' for name, value in lines.items())
