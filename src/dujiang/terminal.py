"""What commands share: the console they print to, the JSON file they write, and how they end on an error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dujiang.messages import Refused, Text

# A log or a pipe tells no width; 80 columns would fold the tables of a report beyond reading.
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
console = Console(width=_WIDTH)
errors = Console(stderr=True)

Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="结果另存为 JSON / also write the result as JSON")
]
"""The option of every command that reports."""


def write_json(path: Path | None, value: Any) -> None:
    """Write a report's JSON where it was asked for; ``-`` is standard output."""
    if path is None:
        return
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if str(path) == "-":
        print(text, end="")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def say(text: Text) -> None:
    """Print a message in both languages."""
    console.print(f"{escape(text.zh)}\n[dim]{escape(text.en)}[/dim]", highlight=False, soft_wrap=True)


def both(text: Text) -> str:
    """Return a cell or heading in both languages, English dimmed below."""
    return f"{escape(text.zh)}\n[dim]{escape(text.en)}[/dim]"


def table(*headings: Text, title: Text | None = None) -> Table:
    """Return an empty table with headings in both languages."""
    made = Table(title=str(title) if title else None, title_justify="left", header_style="bold")
    for heading in headings:
        made.add_column(both(heading), overflow="fold")
    return made


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the command with exit code 1 and a message, not a traceback, for what a person can mend."""
    from django.db.utils import OperationalError

    from dujiang.evidence.chain import BadCheckpoint
    from dujiang.identity.permission import NotAllowed
    from dujiang.messages import BadInput
    from dujiang.scenarios.registry import UnknownScenario

    try:
        yield
    except (BadInput, BadCheckpoint, NotAllowed, UnknownScenario, OperationalError, Refused) as error:
        errors.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
