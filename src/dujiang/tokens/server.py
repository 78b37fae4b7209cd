"""A gateway process as granian runs it: its start, its addresses, what it does every second, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from dujiang.tokens import config, errors
from dujiang.tokens.bank import Bank
from dujiang.tokens.catalogue import Catalogue
from dujiang.tokens.config import Config
from dujiang.tokens.errors import Refusal
from dujiang.tokens.escrow import Escrow
from dujiang.tokens.filebank import FileBank, Voucher
from dujiang.tokens.gateway import PATHS, Gateway
from dujiang.tokens.journal import take
from dujiang.tokens.metrics import exposition

CONFIG = "DUJIANG_GATEWAY_CONFIG"
"""How a process is told its file."""
LOOK = 0.25
"""Seconds between looks for a changed key, price or service."""
TEND, TEND_SITE = 2.0, 10.0
"""Seconds between postings: each leaves a record of evidence on a site."""
LARGEST = 64 * 2**20
"""Bytes of a request."""
CHECK = 10.0
BLIND = 60.0
"""Seconds without the ledger after which no request is taken: a revoked key could not be seen."""
JSON = [("content-type", "application/json")]
log = logging.getLogger("dujiang.tokens")


def open_bank(made: Config) -> Bank:
    """Return the ledger that a gateway works on."""
    if made.site:
        from dujiang.store import open_store

        open_store()
        from dujiang.tokens.site import SiteBank

        return SiteBank()
    return open_file_bank(made)


def open_file_bank(made: Config) -> FileBank:
    """Return the ledger of a gateway that runs alone."""

    def read() -> tuple[Any, Catalogue, Iterable[Voucher]]:
        nonlocal known
        stat = made.path.stat()
        revision = stat.st_mtime_ns, stat.st_size, stat.st_ino
        if known is None or known[0] != revision:
            known = revision, *config.read_catalogue(made.path)
        return known

    known: tuple[Any, Catalogue, list[Voucher]] | None = None
    made.folder.mkdir(parents=True, exist_ok=True)
    return FileBank(made.folder / "gateway.sqlite3", read)


class Server:
    """The application (RSGI)."""

    gateway: Gateway

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start, before the first request."""
        try:
            self._start(loop)
        except BaseException:
            time.sleep(1)  # it is started again at once
            raise

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        made = self._config = config.read(Path(os.environ[CONFIG]))
        self._bank = open_bank(made)
        journal = take(made.folder / "journal")
        escrow = Escrow(journal, self._bank, block=made.block, keep=made.keep_days * 86400)
        self.gateway = Gateway(escrow, self._bank.catalogue(), logs=made.log)
        self._figures = made.folder / "metrics" / f"{journal.name}.json"
        loop.run_until_complete(self.gateway.open())
        self._tasks = [loop.create_task(each) for each in (self._look(), self._tend(), self._check())]
        self._say("started", journal=str(journal.folder))

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End: requests in flight are answered first, then everything is given back."""
        loop.run_until_complete(self._end())

    async def _end(self) -> None:
        while self.gateway.in_flight:
            await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._round()
        await self.gateway.session.close()
        await self.gateway.escrow.close()
        self._figures.unlink(missing_ok=True)
        self._say("ended")
        self._write_lines()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer a request."""
        path = scope.path
        try:
            if path in PATHS and scope.method == "POST":
                if time.monotonic() - self.gateway.seen > BLIND:
                    raise errors.BLIND
                if int(scope.headers.get("content-length") or 0) > LARGEST:
                    raise errors.TOO_LARGE
                await self.gateway.relay(path, scope.headers.get("authorization"), proto)
            else:
                await self._other(path, scope, proto)
        except Refusal as refusal:
            proto.response_bytes(refusal.status, refusal.headers(), refusal.body)
        except Exception:
            log.exception("a request failed")
            raise

    async def _other(self, path: str, scope: Any, proto: Any) -> None:
        if scope.method != "GET":
            raise errors.NO_SUCH_PATH
        if path == "/health":
            failed = self.gateway.escrow.journal.failed or time.monotonic() - self.gateway.seen > BLIND
            proto.response_bytes(503 if failed else 200, JSON, b'{"ok": false}' if failed else b'{"ok": true}')
        elif path == "/metrics":
            self._write_figures()
            body = exposition(self._figures.parent)
            proto.response_bytes(200, [("content-type", "text/plain; version=0.0.4; charset=utf-8")], body)
        elif path == "/v1/models" or path.startswith("/v1/models/"):
            models = self.gateway.models(self.gateway.key_of(scope.headers.get("authorization")))
            if path != "/v1/models":
                name = path.removeprefix("/v1/models/")
                found = next((one for one in models if one["id"] == name), None)
                if found is None:
                    raise errors.model_unknown(name)
                proto.response_bytes(200, JSON, orjson.dumps(found))
            else:
                proto.response_bytes(200, JSON, orjson.dumps({"object": "list", "data": models}))
        else:
            raise errors.NO_SUCH_PATH

    # What goes on beside the requests.

    async def _look(self) -> None:
        """See a key revoked, a price changed or a service added."""
        loop, escrow = asyncio.get_running_loop(), self.gateway.escrow
        known = None
        while True:
            try:
                revision = await loop.run_in_executor(escrow.thread, self._bank.revision)
                if revision != known:
                    self.gateway.change(await loop.run_in_executor(escrow.thread, self._bank.catalogue))
                    known = revision
                self.gateway.share = await loop.run_in_executor(escrow.thread, self._bank.share)
                self.gateway.seen = time.monotonic()
            except Exception as error:
                self._say("the ledger is out of reach", error=str(error))
            await asyncio.sleep(LOOK)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_SITE if self._config.site else TEND)
            try:
                await self._round()
            except Exception as error:
                self._say("the ledger does not take what was settled", error=str(error))

    async def _round(self) -> None:
        escrow = self.gateway.escrow
        self._write_lines()
        self._write_figures()
        if kept := self.gateway.kept:
            self.gateway.kept = []
            await asyncio.get_running_loop().run_in_executor(escrow.thread, self._bank.keep, kept)
        if refused := self.gateway.refused:
            self.gateway.refused = Counter()
            try:
                args = escrow.journal.name, refused
                await asyncio.get_running_loop().run_in_executor(escrow.thread, self._bank.refused, *args)
            except Exception:
                self.gateway.refused.update(refused)  # next time, then
                raise
        await escrow.tend()

    async def _check(self) -> None:
        while True:
            await self.gateway.check_services()
            await asyncio.sleep(CHECK)

    def _write_figures(self) -> None:
        self.gateway.gauge()
        self.gateway.metrics.write(self._figures)

    def _write_lines(self) -> None:
        if lines := self.gateway.lines:
            self.gateway.lines = []
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()

    def _say(self, what: str, **more: str) -> None:
        line = {"at": time.time(), "gateway": self.gateway.escrow.journal.name, "event": what, **more}
        self.gateway.lines.append(orjson.dumps(line))


app = Server()


def serve(made: Config) -> None:
    """Run a gateway until it is told to end."""
    from granian import Granian
    from granian.constants import Interfaces, Loops

    class Always(dict[int, float]):
        """When processes were started anew; granian gives all of them up where one ends twice in a few seconds."""

        def get(self, *_: Any) -> float:
            return 0.0

    os.environ[CONFIG] = str(made.path)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = Granian(
        "dujiang.tokens.server:app",
        address=made.host,
        port=made.port,
        workers=made.workers,
        interface=Interfaces.RSGI,
        loop=Loops.asyncio,
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        backpressure=4096,
    )
    server.respawned_wrks = Always()
    server.serve()
