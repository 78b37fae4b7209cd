"""``dujiang gateway`` runs the model gateway; ``dujiang token`` says what it offers, to whom, and what was used."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Text
from dujiang.store import open_store
from dujiang.terminal import Json, console, plain_errors, say, table, write_json

token = typer.Typer(name="token", help="模型与词元 / Models and tokens.", no_args_is_help=True)


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


@token.command("upstream")
def upstream_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="名称 / name")],
    url: Annotated[str, typer.Option(help="地址，含 /v1 / address with /v1")],
    key_env: Annotated[str | None, typer.Option(help="存有其密钥的环境变量 / the variable that holds its key")] = None,
    model: Annotated[str, typer.Option(help="模型在该服务上的名称 / the model's name there")] = "",
    weight: Annotated[int, typer.Option(help="权重 / weight")] = 1,
    rank: Annotated[int, typer.Option(help="次序，0 优先 / rank, 0 first")] = 0,
    usage: Annotated[str, typer.Option(help="end、chunks 或 none / where a stream reports usage")] = "end",
) -> None:
    """登记或变更模型服务 / Add or change a model service."""
    with plain_errors():
        open_store()
        from dujiang.tokens.actions import offer_upstream

        secret = None if key_env is None else os.environ.get(key_env, "")
        more = {"model": model, "weight": weight, "rank": rank, "usage": usage}
        offer_upstream(at_the_terminal(), name, url, secret=secret, **more)
        say(Text(f"已登记服务 {name}", f"Added {name}"))


@token.command("model")
def model_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="模型名 / name")],
    provider: Annotated[str, typer.Option(help="提供单位 / the unit that offers it")],
    upstream: Annotated[list[str], typer.Option(help="服务，可多次给出 / a service; repeat for more")],
    context: Annotated[int, typer.Option(help="上下文词元数 / tokens of its context")],
    output: Annotated[int, typer.Option(help="最长回答词元数 / tokens of its longest answer")],
    label: Annotated[bool, typer.Option(help="生成内容标识 / label generated content")] = True,
    offered: Annotated[bool, typer.Option(help="是否提供 / whether it is offered")] = True,
    public: Annotated[bool, typer.Option(help="面向公众提供，须备案 / served to the public: needs a filing")] = False,
    refuse: Annotated[
        list[str] | None, typer.Option(help="拒绝的关键词 / a word that is refused; repeat for more")
    ] = None,
) -> None:
    """提供或变更模型 / Offer a model, or change how."""
    with plain_errors():
        open_store()
        from dujiang.tokens.actions import offer_model

        offer_model(
            at_the_terminal(), name, provider=provider, upstreams=upstream, context=context, output=output, label=label,
            offered=offered, public=public, refuse_words=refuse or [],
        )  # fmt: skip
        say(Text(f"已登记模型 {name}", f"{name} is offered" if offered else f"{name} is no longer offered"))


@token.command("price")
def price_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="模型 / model")],
    input_: Annotated[str, typer.Option("--input", help="输入，元/百万词元 / yuan per million tokens")],
    output: Annotated[str, typer.Option(help="输出 / of output")] = "0",
    cached: Annotated[str | None, typer.Option(help="缓存输入 / of cached input")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="起始日期 / from this day on")] = None,
) -> None:
    """设定价格 / Set a price."""
    with plain_errors():
        open_store()
        from django.utils import timezone

        from dujiang.tokens.actions import set_price

        start = timezone.make_aware(since) if since else None
        made = set_price(at_the_terminal(), model, input=input_, output=output, cached=cached, since=start)
        say(
            Text(
                f"{model} 的新价格自 {made.since:%Y-%m-%d %H:%M} 起",
                f"{model} has a new price from {made.since:%Y-%m-%d %H:%M}",
            )
        )


@token.command("key")
def key_command(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="持券单位 / the holder")],
    model: Annotated[
        list[str] | None, typer.Option(help="可用模型，默认全部 / a model it is for; all by default")
    ] = None,
    requests: Annotated[int, typer.Option(help="每分钟请求数，0 不限 / requests a minute, 0 for no limit")] = 0,
    tokens: Annotated[int, typer.Option(help="每分钟词元数，0 不限 / tokens a minute, 0 for no limit")] = 0,
    days: Annotated[int, typer.Option(help="有效天数 / days that it is valid")] = 90,
    keep_days: Annotated[int, typer.Option(help="内容留存天数，0 不留存 / days that prompts are kept")] = 0,
) -> None:
    """签发模型密钥，仅显示一次 / Issue a key of the gateway and print it once."""
    with plain_errors():
        open_store()
        from dujiang.tokens.actions import issue_key

        made, secret = issue_key(
            at_the_terminal(), unit, models=model or [], requests_a_minute=requests, tokens_a_minute=tokens, days=days,
            keep_days=keep_days,
        )  # fmt: skip
        say(Text(f"密钥 {made.pk}（仅显示这一次）：{secret}", f"Key {made.pk}, shown this once: {secret}"))


@token.command("revoke")
def revoke_command(number: Annotated[int, typer.Argument(metavar="KEY", help="密钥编号 / the key's number")]) -> None:
    """吊销模型密钥 / Revoke a key of the gateway."""
    with plain_errors():
        open_store()
        from dujiang.tokens.actions import revoke_key

        revoked = revoke_key(at_the_terminal(), number)
        say(Text(f"已吊销密钥 {revoked.pk}", f"Revoked key {revoked.pk}"))


@token.command("usage")
def usage_command(
    unit: Annotated[str | None, typer.Option(help="只看一个单位 / one unit's alone")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="起 / from")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="止 / to")] = None,
    json_file: Json = None,
) -> None:
    """用量与费用，默认本月 / What was used and charged, this month by default."""
    with plain_errors():
        open_store()
        from django.utils import timezone

        from dujiang.tokens.actions import statement
        from dujiang.tokens.prices import yuan

        today = timezone.localdate()
        first, last = since.date() if since else today.replace(day=1), until.date() if until else today
        lines = statement(at_the_terminal(), unit, first, last)
        rows = table(
            Text("日期", "Day"), Text("单位", "Holder"), Text("密钥", "Key"), Text("模型", "Model"), Text("请求", "Requests"),
            Text("输入词元", "Prompt"), Text("输出词元", "Completion"), Text("元", "Yuan"),
        )  # fmt: skip
        for one in lines:
            figures = (one["requests"], one["prompt"], one["completion"], yuan(one["cost"]))
            rows.add_row(one["day"], one["holder"], str(one["key"]), one["model"], *map(str, figures))
        console.print(rows)
        write_json(json_file, lines)
