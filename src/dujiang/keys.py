"""The site's secrets: made at first use, kept under ``keys/`` of its home, readable by their owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def site_secret(home: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """Return the secret of that name, making it if the site has none yet.

    Two processes that start at once get the same secret, and neither sees a half-written one.
    """
    path = home / "keys" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp gives mode 0600; linking fails where the other process was first.
        handle, made = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(made)
    return path.read_bytes()
