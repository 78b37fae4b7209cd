"""``dujiang mcp``: serving AI agents."""

from __future__ import annotations

from typing import Annotated

import typer

from dujiang.messages import Text
from dujiang.store import open_store
from dujiang.terminal import plain_errors, say


def mcp_command(
    http: Annotated[
        bool, typer.Option("--http", help="以 HTTP 提供，凭接口密钥 / over HTTP, by keys of the API")
    ] = False,
    host: Annotated[str, typer.Option(help="监听地址 / address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="端口 / port")] = 8001,
) -> None:
    """供智能体使用（MCP），缺省为标准输入输出 / Serve AI agents (MCP), by standard input and output unless told otherwise."""
    with plain_errors():
        open_store()
    from dujiang.agents.server import serve_http, serve_stdio
    from dujiang.compute.commands import dispatching

    dispatcher = dispatching()
    try:
        if http:
            at = f"http://{host}:{port}/mcp"
            say(Text(f"MCP：{at}（Ctrl-C 结束）", f"MCP is at {at} (Ctrl-C ends it)"))
            serve_http(host, port)
        else:
            serve_stdio()
    finally:
        dispatcher.terminate()
        dispatcher.wait()
