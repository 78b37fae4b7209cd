"""A model service that is a stub, and a gateway of its own, each a process."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import psutil

from dujiang.tokens.config import read
from dujiang.tokens.keys import digest
from dujiang.tokens.server import open_file_bank
from ports import free_port
from waiting import until

HERE = Path(__file__).parent
SOURCES = HERE.parent.parent / "src"
KEY = "sk-dujiang-test"


def wait_for(url, process, log=None):
    def answers():
        try:
            urllib.request.urlopen(url, timeout=60)
        except urllib.error.HTTPError:
            return True
        except OSError:
            assert process.poll() is None, log.read_text() if log else "it ended"
            return False
        return True

    until(answers)


@contextmanager
def running_stub(*options):
    port = free_port()
    command = [sys.executable, str(HERE / "stub.py"), "--port", str(port), *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


class Gateway:
    """A gateway that runs alone, with a file that the test writes."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.file = folder / "gateway.toml"
        self.log = folder / "log"
        self.process = None
        self.environment = {**os.environ, "PYTHONPATH": str(SOURCES), "DUJIANG_HOME": str(folder / "home")}

    def configure(
        self,
        upstreams,
        *,
        amount="100.00",
        keys=(),
        price=("2.00", "0.50", "8.00"),
        more="",
        model="",
        workers=1,
        **options,
    ):
        """Write the file; ``upstreams`` are addresses, or pairs of an address and more fields."""
        lines = [f'listen = "127.0.0.1:{self.port}"', f'folder = "{self.folder}/run"', f"workers = {workers}"]
        lines += [f"{name} = {value}" for name, value in options.items()]
        names = []
        for number, one in enumerate(upstreams):
            url, fields = one if isinstance(one, tuple) else (one, "")
            names.append(f'"u{number}"')
            lines += ["[[upstream]]", f'name = "u{number}"', f'url = "{url}"', fields]
        plain, cached, output = price
        lines += ["[[model]]", 'name = "m"', 'provider = "某智算中心"', f"upstreams = [{', '.join(names)}]",
                  "context = 8192", "output = 512", model,
                  f'price = [{{input = "{plain}", cached = "{cached}", output = "{output}"}}]']  # fmt: skip
        for secret, holder, fields in keys or [(KEY, "holder", "")]:
            lines += [
                "[[key]]",
                f'id = "{secret[-4:]}"',
                f'sha256 = "{digest(secret)}"',
                f'holder = "{holder}"',
                fields,
            ]
        lines += ["[[voucher]]", 'id = "v1"', 'holder = "holder"', f'amount = "{amount}"', more]
        made = self.file.with_suffix(".new")
        made.write_text("\n".join(lines) + "\n", encoding="utf-8")
        made.replace(self.file)

    def start(self):
        with self.log.open("ab") as told:
            command = [sys.executable, "-m", "dujiang.cli", "gateway", "--config", str(self.file)]
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=told, stderr=subprocess.STDOUT, start_new_session=True
            )
        wait_for(f"http://127.0.0.1:{self.port}/health", self.process, self.log)

    def kill(self):
        """End it as a power cut of the process would: no signal that it could catch."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_worker(self, number):
        """End one of its processes so; the others go on, and it is started anew."""
        workers = psutil.Process(self.process.pid).children()
        if workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                workers[number % len(workers)].kill()

    def stop(self):
        """End it gracefully."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)

    def bank(self):
        return open_file_bank(read(self.file))

    def statement(self):
        bank = self.bank()
        try:
            return bank.statement()
        finally:
            bank.close()

    def metric(self, name):
        body = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10).read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in body.splitlines() if line.startswith(name))
