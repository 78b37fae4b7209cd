"""Run the benches and print one table."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table


def main() -> None:
    """Run the benches that are named, or all."""
    found = [one.name for one in pkgutil.iter_modules([str(Path(__file__).parent)]) if not one.name.startswith("_")]
    wanted = sys.argv[1:] or found
    with tempfile.TemporaryDirectory(prefix="dujiang-bench-") as home:
        # A site of its own: a bench neither sees nor changes anybody's records.
        os.environ["DUJIANG_HOME"] = home
        table = Table("bench", "what", "ours", "peer", "peer's name", "unit")
        for name in wanted:
            for row in importlib.import_module(f"bench.{name}").rows():
                table.add_row(
                    name, row["bench"], _figure(row["ours"]), _figure(row["peer"]), row["peer_name"], row["unit"]
                )
    Console().print(table)


def _figure(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
