"""``dujiang space``: offers, participants, what was asked, and the provenance of an agreement."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

space = typer.Typer(name="space", help="可信数据空间 / Trusted data spaces.", no_args_is_help=True)


@space.command()
def offers(json_file: Json = None) -> None:
    """列出现行要约 / List what is offered."""
    with plain_errors():
        open_store()
        from dujiang.data.spaces import wording
        from dujiang.data.spaces.models import Offer

        rows = list(Offer.objects.filter(open=True).select_related("dataset", "provider"))
        write_json(
            json_file,
            [
                {
                    "id": one.pk, "identifier": one.identifier, "dataset": one.dataset.identifier,
                    "provider": one.provider.title, "policy": one.policy,
                }
                for one in rows
            ],
        )  # fmt: skip
        shown = table(
            Text("编号", "number"), Text("数据集", "data set"), Text("供方", "provider"), Text("条款", "terms")
        )
        for one in rows:
            told = wording.terms(one.terms)
            words = Text("；".join(each.zh for each in told), "; ".join(each.en for each in told))
            shown.add_row(str(one.pk), one.dataset.title_zh, one.provider.title, both(words))
        console.print(shown)


@space.command()
def offer(
    dataset: Annotated[str, typer.Argument(help="数据集标识 / identifier of the data set")],
    policy: Annotated[Path, typer.Argument(help="ODRL 政策（JSON） / the policy, ODRL in JSON")],
    file: Annotated[
        list[str] | None, typer.Option(help="表=文件名，可多次 / table=name of a file, may be repeated")
    ] = None,
    database: Annotated[str, typer.Option(help="PostgreSQL 地址 / a PostgreSQL address")] = "",
    schema: Annotated[str, typer.Option(help="其模式 / its schema")] = "",
) -> None:
    """按 ODRL 政策提供数据集 / Offer a data set under an ODRL policy."""
    with plain_errors():
        open_store()
        from dujiang.data.models import Dataset
        from dujiang.data.spaces import actions, odrl

        found = Dataset.objects.filter(identifier=dataset).first()
        if found is None:
            raise Refused(Text(f"没有数据集 {dataset}", f"there is no data set {dataset}"))
        try:
            told = json.loads(policy.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(policy, expected=Text("JSON 文件", "a file in JSON"), found=str(error)) from error
        files = dict(one.partition("=")[::2] for one in file or [])
        made = actions.offer(
            at_the_terminal(), found, odrl.policy_of(told, str(policy)), files=files, database=database, schema=schema
        )
        say(Text(f"已发布要约 {made.identifier}", f"offered as {made.identifier}"))


@space.command()
def register(
    identifier: Annotated[str, typer.Argument(help="参与方标识（URI） / the participant's identifier, a URI")],
    title: Annotated[str, typer.Argument(help="名称 / its name")],
    connector: Annotated[str, typer.Argument(help="连接器地址 / the address of its connector")],
    public_key: Annotated[str, typer.Argument(help="Ed25519 公钥（base64） / its Ed25519 public key in base64")],
) -> None:
    """登记站外参与方 / Register a foreign participant."""
    with plain_errors():
        open_store()
        from dujiang.data.spaces import actions

        made = actions.register_participant(at_the_terminal(), identifier, title, connector, public_key)
        say(Text(f"已登记 {made.title}", f"registered {made.title}"))


@space.command()
def connector(
    unit: Annotated[str, typer.Argument(help="本站单位 / a unit of this site")], json_file: Json = None
) -> None:
    """本站单位的连接器地址与公钥，供对方登记 / Print a unit's connector and public key, for others to register."""
    with plain_errors():
        open_store()
        from dujiang.data.spaces import actions, trading

        one = actions.participant_of(unit)
        told = {
            "identifier": one.identifier,
            "title": one.title,
            "connector": trading.connector_of(one),
            "public_key": base64.b64encode(trading.site_key().public_key().public_bytes_raw()).decode(),
        }
        write_json(json_file, told)
        for name, value in told.items():
            console.print(f"{name}: {value}", highlight=False, soft_wrap=True)


@space.command()
def uses(
    refused: Annotated[bool, typer.Option("--refused", help="只看被拒绝的 / refusals only")] = False,
    json_file: Json = None,
) -> None:
    """列出合约下的查询与拒绝 / List what was asked under agreements, and what was refused."""
    with plain_errors():
        open_store()
        from dujiang.data.spaces import actions

        rows = actions.queries_of(at_the_terminal())
        rows = list((rows.filter(outcome="refused") if refused else rows)[:500])
        told: list[dict[str, Any]] = [
            {
                "id": one.pk, "begun": one.begun.isoformat(), "agreement": one.agreement.identifier,
                "consumer": one.consumer.title, "dataset": one.dataset.identifier, "sql": one.sql,
                "outcome": one.outcome, "rule": one.rule, "rows": one.rows, "due": one.due, "evidence": one.evidence,
            }
            for one in rows
        ]  # fmt: skip
        write_json(json_file, told)
        shown = table(
            Text("时间", "when"), Text("需方", "consumer"), Text("查询", "query"), Text("结果", "outcome"), Text("存证", "evidence"),
        )  # fmt: skip
        for one in rows:
            outcome = both(one.why) if one.rule else one.outcome
            shown.add_row(
                one.begun.strftime("%Y-%m-%d %H:%M"), one.consumer.title, one.sql[:120], outcome, str(one.evidence)
            )
        console.print(shown)


@space.command()
def provenance(
    agreement: Annotated[str, typer.Argument(help="合约标识 / the agreement's identifier")],
    out: Annotated[Path, typer.Argument(help=".ttl 或 .jsonld 文件 / a .ttl or .jsonld file")],
) -> None:
    """导出合约使用的 PROV-O 溯源 / Export what was done under an agreement as PROV-O."""
    with plain_errors():
        open_store()
        from dujiang.data.spaces import actions
        from dujiang.data.spaces.provenance import graph

        found = actions.agreements_of(at_the_terminal()).filter(identifier=agreement).first()
        if found is None:
            raise Refused(Text(f"没有合约 {agreement}", f"there is no agreement {agreement}"))
        form = "json-ld" if out.suffix == ".jsonld" else "turtle"
        out.write_text(graph([actions.account_of(found)]).serialize(format=form), encoding="utf-8")
        say(Text(f"已导出：{out}", f"exported: {out}"))
