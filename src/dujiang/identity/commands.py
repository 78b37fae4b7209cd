"""``dujiang person`` and ``dujiang unit``: who may sign in, and for whom they act."""

from __future__ import annotations

from typing import Annotated

import typer

from dujiang.identity.permission import Role, at_the_terminal
from dujiang.messages import Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

person = typer.Typer(name="person", help="人员 / People who sign in.", no_args_is_help=True)
key = typer.Typer(name="key", help="接口密钥 / Keys of the API.", no_args_is_help=True)
unit = typer.Typer(name="unit", help="单位 / Units that people act for.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="登录名 / login")]


@person.command("add")
def add_command(
    login: Login,
    role: Annotated[Role, typer.Option(help="角色 / role")],
    name: Annotated[str, typer.Option(help="姓名，加密保存 / the person's name, encrypted at rest")] = "",
    unit_name: Annotated[str | None, typer.Option("--unit", help="所属单位 / the unit they belong to")] = None,
    password: Annotated[
        bool, typer.Option(help="是否设密码；只用统一认证的不必 / not needed to sign in by a provider only")
    ] = True,
) -> None:
    """添加人员，打印初始密码 / Add a person and print their first password."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import add_person

        _, first = add_person(at_the_terminal(), login, name, role, unit_name, with_password=password)
        if not first:
            say(Text(f"已添加 {login}，无密码", f"Added {login}, without a password"))
            return
        say(
            Text(
                f"已添加 {login}；初始密码（仅显示这一次，登录后请修改）：{first}",
                f"Added {login}; first password, shown this once, to be changed after signing in: {first}",
            )
        )


@person.command("change")
def change_command(
    login: Login,
    role: Annotated[Role | None, typer.Option(help="新角色 / the new role")] = None,
    active: Annotated[bool | None, typer.Option(help="可否登录 / whether they may sign in")] = None,
) -> None:
    """变更角色，停用或恢复 / Change a person's role, or whether they may sign in."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import change_person

        changed = change_person(at_the_terminal(), login, role=role, active=active)
        say(Text(f"{login}：{changed.role}，{'可登录' if changed.is_active else '已停用'}", f"{login}: {changed.role}"))


Issuer = Annotated[str, typer.Option(help="认证服务的 issuer / the provider's issuer")]


@person.command("bind")
def bind_command(
    login: Login, issuer: Issuer, subject: Annotated[str, typer.Option(help="其 sub / their subject there")]
) -> None:
    """绑定统一身份认证的身份 / Let a person sign in by their identity at a provider."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import bind_identity

        bind_identity(at_the_terminal(), login, issuer, subject)
        say(Text(f"{login} 可由 {issuer} 登录", f"{login} signs in by {issuer}"))


@person.command("unbind")
def unbind_command(login: Login, issuer: Issuer) -> None:
    """解除绑定 / Take back a person's identity at a provider."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import unbind_identity

        unbind_identity(at_the_terminal(), login, issuer)
        say(Text(f"{login} 不再由 {issuer} 登录", f"{login} signs in by {issuer} no longer"))


@person.command("list")
def list_command(json_file: Json = None) -> None:
    """人员清单 / List the people."""
    with plain_errors():
        open_store()
        from dujiang.identity.models import Person

        people = list(Person.objects.select_related("unit").prefetch_related("identities").order_by("username"))
        rows = table(Text("登录名", "Login"), Text("角色", "Role"), Text("单位", "Unit"), Text("可登录", "Active"))
        for one in people:
            rows.add_row(one.username, both(Role(one.role).words), str(one.unit or "—"), "✓" if one.is_active else "—")
        console.print(rows)
        keys = [
            {
                "login": one.username,
                "role": one.role,
                "unit": one.unit and one.unit.name,
                "active": one.is_active,
                "issuers": sorted({bound.issuer for bound in one.identities.all()}),
            }
            for one in people
        ]
        write_json(json_file, keys)


@unit.command("add")
def add_unit_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="单位名称 / name")],
    code: Annotated[str, typer.Option(help="统一社会信用代码 / unified social credit code")],
) -> None:
    """登记企业或实验室 / Add an enterprise or laboratory."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import add_enterprise

        added = add_enterprise(at_the_terminal(), name, code)
        say(Text(f"已登记 {added.name}（{added.credit_code}）", f"Added {added.name} ({added.credit_code})"))


@unit.command("list")
def list_units_command(json_file: Json = None) -> None:
    """单位清单 / List the units."""
    with plain_errors():
        open_store()
        from dujiang.identity.models import Unit

        units = list(Unit.objects.order_by("kind", "division", "name"))
        rows = table(Text("单位", "Unit"), Text("类别", "Kind"), Text("区划代码", "Division"), Text("信用代码", "Code"))
        for one in units:
            rows.add_row(one.name, one.kind, one.division or "—", one.credit_code or "—")
        console.print(rows)
        fields = ("name", "kind", "division", "credit_code")
        write_json(json_file, [{field: getattr(one, field) for field in fields} for one in units])


@key.command("issue")
def issue_command(
    login: Login,
    scope: Annotated[
        list[str], typer.Option(help="允许的操作，可多次给出 / an action that it allows; repeat for more")
    ],
    days: Annotated[int, typer.Option(help="有效天数 / days that it is valid")] = 90,
) -> None:
    """签发接口密钥，仅显示一次 / Issue a key of the API and print it once."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import issue_key

        made, secret = issue_key(at_the_terminal(), login, scope, days)
        say(
            Text(
                f"密钥 {made.pk}（仅显示这一次，{days} 天内有效）：{secret}",
                f"Key {made.pk}, shown this once, valid for {days} days: {secret}",
            )
        )


@key.command("revoke")
def revoke_command(number: Annotated[int, typer.Argument(metavar="KEY", help="密钥编号 / the key's number")]) -> None:
    """立即吊销密钥 / Revoke a key at once."""
    with plain_errors():
        open_store()
        from dujiang.identity.actions import revoke_key

        revoked = revoke_key(at_the_terminal(), number)
        say(Text(f"已吊销密钥 {revoked.pk}", f"Revoked key {revoked.pk}"))
