"""Ports for the servers of the tests."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# Below those that the kernel gives to whoever connects, who could take one before its server listens.
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """Return a port of loopback that is free, and that nobody else is likely to choose before it is taken."""
    while True:
        # Tests seed the module's own source, which would then give every process the same.
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody listens at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
