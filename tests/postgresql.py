"""A PostgreSQL server for the test run, from the machine's packages, in a folder that goes when it ends."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from ports import free_port


def binaries() -> Path | None:
    """Return the folder that holds initdb and pg_ctl, or None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda one: int(one.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("pg_ctl")
    return Path(on_path).parent if on_path else None


class Server:
    """A server on loopback. PostgreSQL refuses to run as root, so root runs it as the user ``postgres``."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = "postgres" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="dujiang-postgresql-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self.port = free_port()
        data = str(self._folder / "data")
        made = ("-U", "dujiang", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run("initdb", "-D", data, *made)
        # Tests kill clients, never the machine: only a machine that goes down needs what is written to be on disk.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def create(self, name: str, template: str = "template0") -> str:
        """Create a database, a copy of ``template``, and return its address."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dujiang", "-T", template, name)
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://dujiang@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        wanted = {}
        if self._user:
            entry = pwd.getpwnam(self._user)
            wanted = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder,
            check=False,
            **wanted,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
