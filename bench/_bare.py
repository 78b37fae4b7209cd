"""The least that a gateway could be: what comes in goes on by aiohttp, under granian; nothing is checked or counted."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp


class Bare:
    """The application (RSGI)."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the client."""
        loop.run_until_complete(self._open())

    async def _open(self) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=2**18
        )
        self.url = os.environ["BARE_UPSTREAM"]

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Pass a request on."""
        body = await proto()
        async with self.session.post(
            self.url + scope.path, data=body, headers={"Content-Type": "application/json"}
        ) as response:
            if response.content_type != "text/event-stream":
                data = await response.read()
                proto.response_bytes(response.status, [("content-type", response.content_type)], data)
                return
            transport = proto.response_stream(response.status, [("content-type", response.content_type)])
            async for data in response.content.iter_any():
                await transport.send_bytes(data)


app = Bare()
