"""The command line: each plane's commands under one name."""

from __future__ import annotations

from typing import Annotated

import typer

from dujiang import __version__
from dujiang.agents.commands import mcp_command
from dujiang.compute.commands import compute, dispatching
from dujiang.data.annotation.commands import annotation
from dujiang.data.commands import data
from dujiang.data.spaces.commands import space
from dujiang.evidence.commands import evidence
from dujiang.identity.commands import key, person, unit
from dujiang.messages import Text
from dujiang.plan.commands import ask_command, dispatch_command, plan, statistic
from dujiang.safety.assessment.commands import safety
from dujiang.scenarios.commands import scenario
from dujiang.support.commands import support
from dujiang.talent.commands import talent
from dujiang.talent.competitions.commands import competition
from dujiang.terminal import plain_errors, say
from dujiang.tokens.commands import gateway_command, token
from dujiang.vouchers.commands import voucher

app = typer.Typer(
    name="dujiang",
    help="都江：把“人工智能+”方案跑起来 / Runs an AI+ plan.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.add_typer(plan)
app.add_typer(scenario)
app.add_typer(evidence)
app.add_typer(statistic)
app.add_typer(compute)
app.add_typer(person)
app.add_typer(unit)
app.add_typer(key)
app.add_typer(voucher)
app.add_typer(token)
app.add_typer(data)
app.add_typer(support)
app.add_typer(annotation)
app.add_typer(safety)
app.add_typer(talent)
app.add_typer(space)
app.add_typer(competition)
app.command("dispatch")(dispatch_command)
app.command("mcp")(mcp_command)
app.command("gateway")(gateway_command)
app.command("ask")(ask_command)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="监听地址 / address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口 / port")] = 8000,
    workers: Annotated[int, typer.Option(help="进程数 / processes")] = 1,
) -> None:
    """打开控制台页面 / Serve the console."""
    from granian import Granian
    from granian.constants import Interfaces

    from dujiang.store import open_store

    with plain_errors():
        open_store()
    dispatcher = dispatching()
    say(
        Text(
            f"控制台：http://{host}:{port}/（Ctrl-C 结束）", f"The console is at http://{host}:{port}/ (Ctrl-C ends it)"
        )
    )
    try:
        Granian(
            "dujiang.asgi:application",
            address=host,
            port=port,
            workers=workers,
            interface=Interfaces.ASGI,
            log_enabled=False,
        ).serve()
    finally:
        dispatcher.terminate()
        dispatcher.wait()


@app.command()
def version() -> None:
    """版本 / Print the version."""
    print(__version__)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
