"""A load client over plain sockets, so that it is not what is measured: closed loop, one request a connection at a time.

Prints one line of JSON: seconds, requests, failures and the latencies' percentiles in seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time


class Connection(asyncio.Protocol):
    """Sends the request again as soon as its answer is whole."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.parts: list[bytes] = []
        self.need = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.send()

    def connection_lost(self, why: Exception | None) -> None:
        """An answer that was cut off is a failure."""
        self.load.lost(self)

    def send(self) -> None:
        """Send the next request, if there is to be one."""
        if not self.load.another():
            self.load.lost(self)
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.buffer = b""
        self.transport.write(self.load.request)

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self.buffer = buffer = self.buffer + data if self.buffer else data
        if (top := buffer.find(b"\r\n\r\n")) < 0:
            return
        low = buffer[:top].lower()
        at = low.find(b"content-length:")
        if at >= 0:
            end = low.find(b"\r", at)
            whole = len(buffer) >= top + 4 + int(low[at + 15 : end if end > 0 else None])
        else:
            whole = buffer.endswith(b"0\r\n\r\n")
        if whole:
            self.load.done(time.perf_counter() - self.started, buffer[9:12] == b"200")
            self.send()


class Load:
    """So many requests, or so many seconds of them."""

    def __init__(self, request: bytes, seconds: float, connections: int) -> None:
        self.request, self.connections = request, connections
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.failures = 0
        self.over = asyncio.Event()
        self.open = connections

    def another(self) -> bool:
        """Whether there is time for another request."""
        return time.perf_counter() < self.until

    def done(self, seconds: float, good: bool) -> None:
        """Note an answer."""
        self.latencies.append(seconds)
        self.failures += not good

    def lost(self, connection: Connection) -> None:
        """A connection is over."""
        if self.another():
            self.failures += 1
        self.open -= 1
        if self.open <= 0:
            self.over.set()


async def main() -> None:
    """Run the load."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/chat/completions")
    parser.add_argument("--key", default="none")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--body", required=True)
    given = parser.parse_args()
    body = given.body.encode()
    more = "".join(f"{one}\r\n" for one in given.header)
    top = (
        f"POST {given.path} HTTP/1.1\r\nhost: 127.0.0.1:{given.port}\r\nauthorization: Bearer {given.key}\r\n{more}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    load = Load(top.encode() + body, given.seconds, given.connections)
    gc.freeze()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(given.connections):
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", given.port)
    await asyncio.wait_for(load.over.wait(), given.seconds + 120)
    took = time.perf_counter() - started
    found = sorted(load.latencies)
    count = len(found)
    percentiles = {f"p{share}": found[min(count - 1, count * share // 100)] if count else None for share in (50, 99)}
    print(json.dumps({"seconds": took, "requests": count, "failures": load.failures, **percentiles}))


if __name__ == "__main__":
    asyncio.run(main())
