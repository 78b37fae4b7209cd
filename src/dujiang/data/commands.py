"""``dujiang data``: the catalogue and deposit."""

from __future__ import annotations

import typer

data = typer.Typer(name="data", help="数据目录与汇交 / The catalogue and deposit of data.", no_args_is_help=True)


@data.callback()
def _group() -> None:
    """数据目录与汇交 / The catalogue and deposit of data."""
