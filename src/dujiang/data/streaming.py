"""The parts of uploads as they come over the wire.

Django hands a view a request once its whole body has come in, so a connection that breaks off would lose all of its part,
and a body of many gigabytes would lie in a temporary file first, not sealed. Here a part's bytes go to the upload's file as
they arrive. Who may write is what the upload's own address says to a HEAD of the same caller, through the same middleware.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import close_old_connections
from django.http import HttpResponse

from dujiang.data import actions
from dujiang.data.staging import Busy
from dujiang.data.tus import BLOCK, BUSY, Part, answer, caller
from dujiang.identity.permission import NotAllowed
from dujiang.messages import Refused

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_ADDRESS = re.compile(r"/data/uploads/([A-Za-z0-9_-]{1,40})/")


class Uploads:
    """An ASGI application that takes the parts of uploads itself and leaves all else to Django's."""

    def __init__(self, django: ASGIHandler) -> None:
        self._django = django

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        match = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "PATCH" else None
        if match is None:
            await self._django(scope, receive, send)
            return
        async with ThreadSensitiveContext():
            await _answered(await self._take(scope, match[1], receive), send)

    async def _take(self, scope: dict[str, Any], token: str, receive: Receive) -> HttpResponse | None:
        asked = ASGIRequest({**scope, "method": "HEAD"}, BytesIO())
        allowed = await self._django.get_response_async(asked)
        if allowed.status_code != 200:
            return allowed if allowed.has_header("Tus-Resumable") else answer(403)
        part = await sync_to_async(_begin)(asked, token)
        if isinstance(part, HttpResponse):
            return part
        held, more = bytearray(), True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    await asyncio.to_thread(part.write, bytes(held))
                    await asyncio.to_thread(part.broken)
                    return None
                held += message.get("body", b"")
                more = message.get("more_body", False)
                if len(held) >= BLOCK or not more:
                    await asyncio.to_thread(part.write, bytes(held))
                    held.clear()
        except BaseException:
            part.broken()
            raise
        return await sync_to_async(_end)(part)


def _begin(asked: ASGIRequest, token: str) -> Part | HttpResponse:
    """Return the part to be written; ``asked`` went through the middleware, so it knows who calls."""
    close_old_connections()
    try:
        actor = caller(asked)
        assert actor is not None
        return Part.begin(actor, actions.upload_of(actor, token), asked.headers)
    except LookupError:
        return answer(404)
    except NotAllowed as error:
        return answer(403, error.text)
    except Busy:
        return answer(423, BUSY)


def _end(part: Part) -> HttpResponse:
    close_old_connections()
    try:
        return part.end()
    except Refused as error:
        return answer(409, error.text)
    finally:
        close_old_connections()


async def _answered(told: HttpResponse | None, send: Send) -> None:
    if told is None:
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    headers.append((b"Content-Length", str(len(told.content)).encode()))
    await send({"type": "http.response.start", "status": told.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": told.content})
