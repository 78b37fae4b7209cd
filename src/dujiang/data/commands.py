"""``dujiang data``: the catalogue and deposit, and inspection."""

from __future__ import annotations

import typer

from dujiang.data.inspection.commands import inspect_command

data = typer.Typer(name="data", help="数据目录、汇交与检验 / Catalogue, deposit and inspection.", no_args_is_help=True)
data.command("inspect")(inspect_command)
