"""The server: who calls, which tools there are, and how a refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from django.http import Http404
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import ValidationError

from dujiang import __version__
from dujiang.agents import tools
from dujiang.identity.actions import BAD_KEY, actor_by_key
from dujiang.identity.permission import PUBLIC, Actor, NotAllowed, at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.scenarios.registry import UnknownScenario

_INSTRUCTIONS = """都江运行一份“人工智能+”行动方案。进展数字由存证算出：引用数字时请给出其存证编号（evidence）。
改变数据的操作分两步：先起草并把内容给人看，人同意后再凭确认码提交。
Dujiang runs an AI+ plan. Figures of progress are computed from evidence: cite a figure with its evidence numbers.
What changes data takes two steps: draft, show the person what would be done, and send with the confirmation once
they agree."""
_FAULTS = {
    "missing": "必须给出",
    "literal_error": "应为 {expected}",
    "enum": "应为 {expected}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than_equal": "应不大于 {le}",
    "string_too_short": "至少 {min_length} 字",
    "string_too_long": "至多 {max_length} 字",
    "string_pattern_mismatch": "应形如 {pattern}",
}
"""What pydantic finds wrong with an argument, in Chinese; its own words are English."""


class Server(MCPServer[Any]):
    """The tools for whom ``caller`` says calls; ``local`` callers share this machine's files."""

    def __init__(self, caller: Callable[[Context[Any, Any]], Actor], *, local: bool) -> None:
        super().__init__(
            "dujiang",
            title="都江 Dujiang",
            instructions=_INSTRUCTIONS,
            version=__version__,
            log_level="WARNING",
            subscriptions=False,
        )
        self.caller, self.local = caller, local
        for tool, (title, changes) in tools.TOOLS.items():
            self.add_tool(
                _with_connection(tool),
                title=str(title),
                structured_output=True,
                # What is sent stays on record.
                annotations=ToolAnnotations(
                    read_only_hint=not changes,
                    destructive_hint=changes,
                    idempotent_hint=not changes,
                    open_world_hint=False,
                ),
            )

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Call a tool; what is wrong is told in both languages."""
        await self._refuse_unknown(name, arguments)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            # An answer of ours that is not as declared is a crash, not a wrong argument.
            crashed = isinstance(error, UnexpectedToolError) and isinstance(error.__cause__, ValidationError)
            if crashed or (text := _told(error.__cause__)) is None:
                raise
            raise ToolError(f"{text.zh}\n{text.en}") from error.__cause__

    async def _refuse_unknown(self, name: str, arguments: dict[str, Any]) -> None:
        known = {one.name: set(one.input_schema["properties"]) for one in await self.list_tools()}
        if name not in known:
            listed = ", ".join(known)
            raise ToolError(f"没有工具 {name}；现有：{listed}\nthere is no tool {name}; there are: {listed}")
        if unknown := sorted(set(arguments) - known[name]):
            listed = ", ".join(sorted(known[name]))
            raise ToolError(
                f"没有参数 {', '.join(unknown)}；可用：{listed}\nno argument {', '.join(unknown)}; there are: {listed}"
            )


def _with_connection(tool: Callable[..., Any]) -> Callable[..., Any]:
    """A tool runs in a thread of its own, whose connection to the database nobody else looks after."""

    @wraps(tool)
    def run(*arguments: Any, **named: Any) -> Any:
        close_old_connections()
        try:
            return tool(*arguments, **named)
        finally:
            close_old_connections()

    return run


def _told(cause: BaseException | None) -> Text | None:
    match cause:
        case ValidationError():
            return _faults(cause)
        case NotAllowed() | Refused():
            return cause.text
        case BadInput():
            return Text(cause.in_language("zh"), cause.in_language("en"))
        case UnknownScenario():
            zh, _, en = str(cause).partition("\n")
            return Text(zh, en)
        case Http404():
            return Text("没有这一项", "there is no such thing")
        case _:
            return None


def _faults(error: ValidationError) -> Text:
    zh, en = [], []
    for one in error.errors():
        place = ".".join(map(str, one["loc"])) or "—"
        known = _FAULTS.get(one["type"])
        zh.append(f"{place}：{known.format(**one.get('ctx', {})) if known else '值的类型或写法不对'}")
        en.append(f"{place}: {one['msg']}")
    return Text("参数不对：" + "；".join(zh), "wrong arguments: " + "; ".join(en))


def _by_key(context: Context[Any, Any]) -> Actor:
    """Return who acts by the request's key, asked anew at each call; without one, the public."""
    header = (context.headers or {}).get("authorization")
    if header is None:
        return PUBLIC
    scheme, _, secret = header.partition(" ")
    actor = actor_by_key(secret.strip()) if scheme.lower() == "bearer" else None
    if actor is None:
        raise Refused(BAD_KEY)
    return actor


def serve_stdio() -> None:
    """Serve the terminal's actor over standard input and output."""
    Server(lambda context: at_the_terminal(), local=True).run("stdio")


def serve_http(host: str, port: int) -> None:
    """Serve whoever holds a key, and the public, over streamable HTTP at ``/mcp``."""
    Server(_by_key, local=False).run(
        "streamable-http",
        host=host,
        port=port,
        json_response=True,
        stateless_http=True,  # nothing of one caller's is kept for another's call
        transport_security=TransportSecuritySettings(allowed_hosts=_hosts(settings.ALLOWED_HOSTS)),
    )


def _hosts(names: Sequence[str]) -> list[str]:
    """Return the host names that are answered to, with any port: a web page of another site is not."""
    return [form for name in names for form in (name, f"{name}:*")]
