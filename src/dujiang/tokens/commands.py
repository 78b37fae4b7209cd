"""``dujiang gateway``: the model gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dujiang.messages import Text
from dujiang.terminal import plain_errors, say


def gateway_command(
    file: Annotated[Path, typer.Option("--config", metavar="FILE", help="网关配置 / the gateway's file (TOML)")],
) -> None:
    """运行模型网关 / Run the model gateway."""
    with plain_errors():
        from dujiang.tokens.config import read
        from dujiang.tokens.server import open_bank, serve

        made = read(file)
        # Whatever is wrong with it is said now, not by a process that can't start.
        open_bank(made).close()
        say(Text(f"网关：http://{made.host}:{made.port}/v1", f"The gateway is at http://{made.host}:{made.port}/v1"))
        serve(made)
