"""What all tests share: a home of the run's own, the two databases, and a scratch site for whole commands."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

sys.path.insert(0, str(Path(__file__).parent))
import postgresql
from ports import free_port
from waiting import until

# What people see in a browser does not hang on the database; whole months of a site run on both, in test_month.py.
SQLITE_ONLY = {"test_browser.py"}
_numbers = count(1)
_server: postgresql.Server | None = None
_home = tempfile.TemporaryDirectory(prefix="dujiang-tests-")
# Nothing of the person's own site is touched, and nothing of their settings decides a test.
for name in ("DUJIANG_DATABASE_URL", "DUJIANG_DIGEST", "DUJIANG_ENGINE", "DUJIANG_OIDC", "RAY_ADDRESS"):
    os.environ.pop(name, None)
os.environ["DUJIANG_HOME"] = _home.name
os.environ["DJANGO_SETTINGS_MODULE"] = "dujiang.settings"
os.environ["COLUMNS"] = "200"
# Processes beside each other have a core each: threads of OpenBLAS and OpenMP would wait for one another.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test fails the run")


def pytest_configure(config: pytest.Config) -> None:
    global _server
    config.addinivalue_line("markers", "store: uses the database; run on SQLite and on PostgreSQL")
    # Where tests are shared out among processes, each has a home and a server of its own; who shares out needs none.
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        # They would inherit it, and pytest-django would set Django up in them with this process's home and database.
        del os.environ["DJANGO_SETTINGS_MODULE"]
        return
    if config.getoption("--database") == "postgresql" and (found := postgresql.binaries()):
        _server = postgresql.Server(found)
        os.environ["DUJIANG_DATABASE_URL"] = _server.create("dujiang")
    # Only now is it known which database the settings are to name.
    import django

    django.setup()
    from django.conf import settings

    assert Path(_home.name) == settings.HOME, "Django was set up before the tests had a home of their own"
    from django.contrib.auth.hashers import Argon2PasswordHasher as Hasher

    # A password's digest takes 0.4 s of processor to slow down whoever guesses; nobody guesses here.
    Hasher.time_cost, Hasher.memory_cost, Hasher.parallelism = 1, 8, 1


def pytest_unconfigure() -> None:
    if _server:
        _server.stop()
    _home.cleanup()


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--forbid-skips") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses the store; on the PostgreSQL run nothing else is run, and without one it is skipped by name."""
    for item in items:
        if {"db", "site", "new_site"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.store)
    if config.getoption("--database") == "postgresql":
        wanted = [item for item in items if item.get_closest_marker("store") and item.path.name not in SQLITE_ONLY]
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
        items[:] = wanted
        if postgresql.binaries() is None:
            for item in items:
                item.add_marker(pytest.mark.skip(reason="PostgreSQL is not installed (Debian: postgresql)"))


@dataclass
class Site:
    """A site of its own: home, database, and its commands in processes of their own."""

    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str | Path, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return what it printed; raises AssertionError where it failed and ``check`` is set."""
        done = subprocess.run(
            [sys.executable, "-m", "dujiang.cli", *map(str, arguments)],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the console on a free port; yields its address."""
        port = free_port()
        command = [sys.executable, "-m", "dujiang.cli", "serve", "--port", str(port)]
        log = self.home.parent / "served.log"
        with log.open("wb") as told:
            server = subprocess.Popen(command, env=self.environment, stdout=told, stderr=subprocess.STDOUT)
            try:

                def answers() -> bool:
                    try:
                        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
                    except OSError:
                        assert server.poll() is None, log.read_text()
                        return False
                    return True

                until(answers)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(20)

    def python(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python program on the site, its store open."""
        prelude = "from dujiang.store import open_store; open_store()\n"
        return subprocess.Popen(
            [sys.executable, "-c", prelude + code, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _site(home: Path, database: str, template: str = "template0") -> Site:
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "DUJIANG_HOME": str(home), "PYTHONPATH": path}
    if _server:
        environment["DUJIANG_DATABASE_URL"] = _server.create(database, template)
    return Site(home, environment)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Copy the tests' database, at the last migration, while nobody has counted its ids up; returns the copy's home."""
    home = tmp_path_factory.mktemp("made")
    from django.db import connection

    with django_db_blocker.unblock():
        if _server:
            connection.close()  # PostgreSQL copies only what nobody is connected to
            _server.create("made", connection.settings_dict["NAME"])
        else:
            connection.ensure_connection()
            with closing(sqlite3.connect(home / "dujiang.sqlite3")) as copy:
                connection.connection.backup(copy)
    return home


@pytest.fixture
def site(tmp_path: Path, django_db_setup: Path) -> Site:
    """A fresh site of the kind of database that this run is on: its tables are made, nothing is in them."""
    site = _site(tmp_path / "home", f"site{next(_numbers)}", "made")
    site.home.mkdir(mode=0o700)
    if not _server:
        shutil.copy(django_db_setup / "dujiang.sqlite3", site.home)
    return site


@pytest.fixture
def new_site(tmp_path: Path) -> Site:
    """A site that nobody has opened: its database has no tables yet."""
    return _site(tmp_path / "home", f"site{next(_numbers)}")


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs a command as `Site.run` does, but in this process: one of its own takes two seconds to start."""
    from typer.testing import CliRunner

    from dujiang.cli import app

    def run(*arguments: str | Path, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        words = [str(one) for one in arguments]
        done = CliRunner().invoke(app, words, env=more, catch_exceptions=False)
        assert not check or done.exit_code == 0, done.output
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real workloads; tests that need it are skipped by name where there is none."""
    folder = os.environ.get("DUJIANG_DATA")
    if not folder:
        pytest.skip("DUJIANG_DATA does not name the folder of real workloads")
    return Path(folder)
