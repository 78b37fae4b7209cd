"""``dujiang voucher``."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Refused, Text, money
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.vouchers.models import Application, Programme

voucher = typer.Typer(name="voucher", help="算力券与词元券 / Vouchers for compute and tokens.", no_args_is_help=True)


class Unit(StrEnum):
    """What vouchers are counted in."""

    CNY = "CNY"
    TOKEN = "token"  # noqa: S105 (a token of a model)


Code = Annotated[str, typer.Argument(metavar="CODE", help="计划代号 / the programme's code")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="编号 / number")]
Amount = Annotated[str, typer.Option(help="金额：元（至多两位小数）或词元数 / yuan, or tokens")]
Why = Annotated[str, typer.Option(help="理由 / the reason")]
UnitOption = Annotated[Unit, typer.Option("--unit", help="计量单位 / what it is counted in")]
Month = Annotated[str | None, typer.Option(help="月份，如 2026-11；默认本月 / month; this one by default")]


@voucher.command("programme")
def programme_command(
    code: Annotated[str | None, typer.Argument(metavar="CODE", help="代号；省略则列出全部 / none lists all")] = None,
    title: Annotated[str | None, typer.Option(help="名称；给出即设立 / a title declares it")] = None,
    unit: UnitOption = Unit.CNY,
    cap: Annotated[str, typer.Option(help="每单位每年上限 / the most a holder gets in a year")] = "0",
    budget: Annotated[str, typer.Option(help="发券方首次安排资金 / what the issuer puts in at first")] = "0",
    issuer: Annotated[str, typer.Option(help="省级区划代码 / the province's GB/T 2260 code")] = "",
    share: Annotated[list[str] | None, typer.Option(help="分担规则，如 51=50% / complement rule")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="可申请的单位类型 / kinds of units that may apply")] = None,
    division: Annotated[list[str] | None, typer.Option(help="可申请的区划代码前缀 / codes of divisions")] = None,
    product: Annotated[list[str] | None, typer.Option(help="适用产品，如 gpu.* / good for these products")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="起 / from")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="止 / to")] = None,
    idle_days: Annotated[int | None, typer.Option(help="闲置多少天收回 / goes back after so many idle days")] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="免评审，首次使用即发放 / given at the first hold")
    ] = False,
    json_file: Json = None,
) -> None:
    """列出或设立券计划 / List programmes, or declare one."""
    with plain_errors():
        open_store()
        from django.utils import timezone

        from dujiang.vouchers import actions
        from dujiang.vouchers.models import Programme
        from dujiang.vouchers.terms import complement

        if code and title:
            year = timezone.localdate().year
            actions.declare(
                at_the_terminal(),
                code=code,
                title=title,
                unit=unit,
                cap=_minor(cap, unit),
                budget=_minor(budget, unit),
                issuer=issuer,
                shares=[complement(one) for one in share or ()],
                kinds=kind or (),
                divisions=division or (),
                products=product or (),
                since=since.date() if since else date(year, 1, 1),
                until=until.date() if until else date(year, 12, 31),
                idle_days=idle_days,
                open_to_all=open_to_all,
            )
            say(Text(f"已设立券计划 {code}", f"declared programme {code}"))
        found = [_programme(code)] if code else list(Programme.objects.select_related("closing"))
        rows = [_programme_json(one) for one in found]
        if str(json_file) != "-":
            _print_programmes(rows)
        write_json(json_file, rows)


def _programme_json(one: Programme) -> dict[str, Any]:
    funds = [
        {"issuer": account.owner, "allotted": -account.floor, "left": account.posted - account.floor}
        for account in one.accounts.filter(kind="issuer").order_by("owner")
    ]
    return {
        "code": one.code, "title": one.title, "unit": one.unit, "issuer": one.issuer, "shares": one.shares,
        "kinds": one.kinds, "divisions": one.divisions, "products": one.products.split(), "cap": one.cap,
        "since": one.since.isoformat(), "until": one.until.isoformat(), "idle_days": one.idle_days, "open": one.open,
        "closed": hasattr(one, "closing"), "funds": funds,
    }  # fmt: skip


def _print_programmes(rows: list[dict[str, Any]]) -> None:
    shown = table(
        Text("代号", "Code"), Text("名称", "Title"), Text("期限", "Period"), Text("年度上限", "Cap a year"),
        Text("适用产品", "Products"), Text("资金余额", "Money left"),
    )  # fmt: skip
    for one in rows:
        funds = "\n".join(
            f"{each['issuer'] or '本站 / site'} {money(each['left'], one['unit']).zh}" for each in one["funds"]
        )
        state = Text("（已停办）", " (closed)") if one["closed"] else Text("", "")
        shown.add_row(
            escape(one["code"]),
            escape(f"{one['title']}{state.zh}{state.en}"),
            f"{one['since']}\n{one['until']}",
            both(money(one["cap"], one["unit"])),
            escape(" ".join(one["products"])) or "—",
            funds or "—",
        )
    console.print(shown)


@voucher.command("allot")
def allot_command(
    code: Code, amount: Amount, issuer: Annotated[str, typer.Option(help="出资方区划代码 / GB/T 2260")] = ""
) -> None:
    """为计划安排资金 / Put an issuer's money into a programme."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        programme = _programme(code)
        made = actions.allot(at_the_terminal(), programme, issuer, _minor(amount, programme.unit))
        added = money(made.amount, programme.unit)
        say(Text(f"{issuer or '本站'}安排 {added.zh}", f"{issuer or 'the site'} allotted {added.en}"))


@voucher.command("close")
def close_command(code: Code, why: Why) -> None:
    """停办计划，已发放的仍有效 / Close a programme; what was granted stays good."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        actions.close(at_the_terminal(), _programme(code), why)
        say(Text(f"已停办 {code}", f"closed {code}"))


@voucher.command("apply")
def apply_command(
    code: Code,
    holder: Annotated[str, typer.Option(help="申请单位 / the unit that applies")],
    amount: Amount,
    purpose: Annotated[str, typer.Option(help="用途 / what for")],
    json_file: Json = None,
) -> None:
    """申请发券 / Apply for vouchers."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        programme = _programme(code)
        made = actions.apply(at_the_terminal(), programme, holder, _minor(amount, programme.unit), purpose)
        say(Text(f"申请 {made.pk} 已受理", f"application {made.pk} is taken"))
        write_json(json_file, _application_json(made))


@voucher.command("review")
def review_command(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", help="申请编号；省略则列出待办 / none lists")
    ] = None,
    approve: Annotated[bool, typer.Option("--approve/--decline", help="通过或不通过 / whether to grant")] = True,
    amount: Annotated[str | None, typer.Option(help="核定额；默认申请额 / what was applied for by default")] = None,
    why: Annotated[str, typer.Option(help="理由 / the reason")] = "",
    json_file: Json = None,
) -> None:
    """评审申请，或列出未发放的申请 / Review an application, or list those not granted."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions
        from dujiang.vouchers.models import Application

        if number is not None:
            application = _application(number)
            approved = application.amount if amount is None else _minor(amount, application.programme.unit)
            actions.review(at_the_terminal(), application, approved=approve, amount=approved, why=why)
            found = [application]
        else:
            found = list(Application.objects.filter(grant=None).select_related("programme"))
        rows = [_application_json(one) for one in found]
        if str(json_file) != "-":
            shown = table(
                Text("编号", "Number"), Text("计划", "Programme"), Text("单位", "Unit"), Text("申请额", "Applied for"),
                Text("评审", "Review"),
            )  # fmt: skip
            for one in rows:
                verdict = {True: both(Text("通过", "approved")), False: both(Text("不通过", "declined")), None: "—"}
                shown.add_row(
                    str(one["number"]),
                    escape(one["programme"]),
                    escape(one["holder"]),
                    both(money(one["amount"], one["unit"])),
                    verdict[one["approved"]],
                )
            console.print(shown)
        write_json(json_file, rows)


def _application_json(one: Application) -> dict[str, Any]:
    last = one.reviews.last()
    return {
        "number": one.pk, "programme": one.programme.code, "holder": one.holder, "city": one.city,
        "amount": one.amount, "unit": one.programme.unit, "purpose": one.purpose,
        "approved": last.approved if last else None, "approved_amount": last.amount if last else None,
        "granted": hasattr(one, "grant"), "evidence": one.evidence,
    }  # fmt: skip


@voucher.command("grant")
def grant_command(
    number: Number,
    amount: Annotated[str | None, typer.Option(help="发放额；默认核定额 / as approved by default")] = None,
) -> None:
    """发放评审通过的申请 / Grant an application that was approved."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        application = _application(number)
        unit = application.programme.unit
        made = actions.grant(at_the_terminal(), application, None if amount is None else _minor(amount, unit))
        whole, province, city = (money(one, unit) for one in (made.amount, made.province, made.amount - made.province))
        say(
            Text(
                f"已向“{made.holder}”发放 {whole.zh}：省级 {province.zh}，{made.city or '市（州）'} {city.zh}；存证 {made.evidence}",
                f"granted {whole.en} to {made.holder}: the province bears {province.en}, {made.city or 'its city'} "
                f"{city.en}; evidence {made.evidence}",
            )
        )


@voucher.command("clawback")
def clawback_command(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", help="发放编号；省略则收回所有到期与闲置者 / none: all due")
    ] = None,
    why: Annotated[str, typer.Option(help="理由 / the reason")] = "",
) -> None:
    """收回未用的券 / Return unused vouchers to their issuers."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions
        from dujiang.vouchers.models import Grant

        if number is None:
            back = actions.claw_back_due(at_the_terminal())
        else:
            grant = Grant.objects.filter(pk=number).first()
            if grant is None:
                raise Refused(Text(f"没有发放 {number}", f"there is no grant {number}"))
            back = [(grant, actions.claw_back(at_the_terminal(), grant, why))]
        for grant, amount in back:
            words = money(amount, grant.programme.unit)
            say(Text(f"发放 {grant.pk} 收回 {words.zh}", f"{words.en} of grant {grant.pk} went back"))
        if not back:
            say(Text("没有到期或闲置的券", "nothing is due"))


@voucher.command("balance")
def balance_command(
    holder: Annotated[str, typer.Argument(metavar="UNIT", help="持券单位 / the holder")],
    product: Annotated[str, typer.Option(help="产品 / product")],
    unit: UnitOption = Unit.CNY,
    json_file: Json = None,
) -> None:
    """某单位可用于某产品的券 / What a unit's vouchers can pay of a product now."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        amount = actions.balance(holder, product, unit)
        if str(json_file) != "-":
            console.print(both(money(amount, unit)))
        write_json(json_file, {"holder": holder, "product": product, "unit": unit.value, "balance": amount})


@voucher.command("statement")
def statement_command(
    name: Annotated[str, typer.Argument(metavar="UNIT", help="持券单位或供应方 / holder or provider")],
    month: Month = None,
    unit: UnitOption = Unit.CNY,
    json_file: Json = None,
) -> None:
    """某单位的券与收付 / A unit's vouchers, what they paid, and what it was paid in a month."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import statements

        month = _month(month)
        lines = statements.grant_lines(name)
        grants = [
            {
                "number": one.grant.pk, "programme": one.grant.programme.code, "unit": one.grant.programme.unit,
                "amount": one.grant.amount, "province": one.grant.province, "city": one.grant.city,
                "until": one.grant.until.isoformat(), "spent": one.spent, "returned": one.returned, "held": one.held,
                "free": one.free,
            }
            for one in lines
        ]  # fmt: skip
        payments = [
            {
                "key": one.hold.key, "time": one.time, "product": one.hold.product, "provider": one.hold.provider,
                "amount": one.amount, "province": one.province, "programme": one.debit.grant.programme.code,
            }
            for one in statements.payments(name)
        ]  # fmt: skip
        received = [{"key": key, "amount": amount} for key, amount in statements.paid_to(name, month, unit).items()]
        if str(json_file) != "-":
            _print_statement(grants, received, month, unit)
        write_json(
            json_file,
            {"unit_name": name, "month": month, "grants": grants, "payments": payments, "received": received},
        )


def _print_statement(grants: list[dict[str, Any]], received: list[dict[str, Any]], month: str, unit: Unit) -> None:
    shown = table(
        Text("发放", "Grant"), Text("计划", "Programme"), Text("有效至", "Until"), Text("金额", "Amount"),
        Text("已用", "Spent"), Text("收回", "Returned"), Text("预留", "Held"), Text("可用", "Free"),
    )  # fmt: skip
    for one in grants:
        amounts = (one[name] for name in ("amount", "spent", "returned", "held", "free"))
        shown.add_row(
            str(one["number"]),
            escape(one["programme"]),
            one["until"],
            *(both(money(each, one["unit"])) for each in amounts),
        )
    console.print(shown)
    total = money(sum(one["amount"] for one in received), unit)
    say(Text(f"{month} 收款 {len(received)} 笔 {total.zh}", f"received in {month}: {len(received)}, {total.en}"))


@voucher.command("reconcile")
def reconcile_command(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="供应方 / the provider")],
    invoice: Annotated[
        Path, typer.Argument(metavar="FILE", help="账单 .csv 或 .xlsx（列：预留号、金额） / the invoice")
    ],
    month: Month = None,
    unit: UnitOption = Unit.CNY,
    json_file: Json = None,
) -> None:
    """与供应方账单逐笔核对，有差异则以 1 结束 / Compare a provider's invoice with the ledger; ends with 1 where they differ."""
    with plain_errors():
        open_store()
        from dujiang.vouchers import actions

        made = actions.reconcile(at_the_terminal(), provider, _month(month), invoice, unit)
        if str(json_file) != "-":
            if made.differences:
                shown = table(
                    Text("行", "Row"), Text("预留号", "Hold"), Text("账单", "Invoice"), Text("分户账", "Ledger")
                )
                for one in made.differences:
                    cells = (
                        both(money(each, unit)) if each is not None else "—" for each in (one.invoiced, one.settled)
                    )
                    shown.add_row(str(one.row or "—"), escape(one.key), *cells)
                console.print(shown)
            invoiced, settled = money(made.invoiced, unit), money(made.settled, unit)
            say(
                Text(
                    f"核对 {made.rows} 笔：账单 {invoiced.zh}，分户账 {settled.zh}，不符 {len(made.differences)} 笔",
                    f"compared {made.rows}: invoice {invoiced.en}, ledger {settled.en}, {len(made.differences)} differ",
                )
            )
        rows = [
            {"key": one.key, "row": one.row, "invoiced": one.invoiced, "settled": one.settled}
            for one in made.differences
        ]
        write_json(
            json_file,
            {"rows": made.rows, "invoiced": made.invoiced, "settled": made.settled, "differences": rows},
        )
    if made.differences:
        raise typer.Exit(1)


@voucher.command("accounts")
def accounts_command(json_file: Json = None) -> None:
    """各账户余额 / The accounts and their balances."""
    with plain_errors():
        open_store()
        from dujiang.vouchers.models import Account

        rows = [
            {
                "number": one.pk, "kind": one.kind, "owner": one.owner, "unit": one.unit, "grant": one.grant_id,
                "programme": one.programme.code if one.programme else None, "posted": one.posted, "held": one.held,
                "floor": one.floor,
            }
            for one in Account.objects.select_related("programme").order_by("id")
        ]  # fmt: skip
        if str(json_file) != "-":
            shown = table(
                Text("账户", "Account"), Text("类型", "Kind"), Text("户名", "Owner"), Text("余额", "Balance"),
                Text("预留", "Held"), Text("下限", "Limit"),
            )  # fmt: skip
            for row in rows:
                amounts = (both(money(row[name], row["unit"])) for name in ("posted", "held", "floor"))
                shown.add_row(str(row["number"]), row["kind"], escape(row["owner"] or "本站 / site"), *amounts)
            console.print(shown)
        write_json(json_file, rows)


@voucher.command("verify")
def verify_command(json_file: Json = None) -> None:
    """由过账重算全部余额、合计与批次存证 / Compute all balances, tallies and batch records anew from the postings."""
    with plain_errors():
        open_store()
        from dujiang.vouchers.audit import faults

        found = list(faults())
        if str(json_file) != "-":
            for one in found:
                say(one)
            if not found:
                say(Text("分户账无误", "the ledger is right"))
        write_json(json_file, {"ok": not found, "faults": [{"zh": one.zh, "en": one.en} for one in found]})
    if found:
        raise typer.Exit(1)


def _minor(text: str, unit: str) -> int:
    """Return an amount in fen or tokens; raises `Refused`."""
    try:
        value = Decimal(text.replace(",", "")) * (100 if unit == "CNY" else 1)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value != value.to_integral_value() or abs(value) > 10**15:
        raise Refused(
            Text(
                f"“{text}”不是金额：应为元（至多两位小数）或整数词元",
                f"{text!r} is no amount: yuan with two decimals at most, or whole tokens",
            )
        )
    return int(value)


def _month(month: str | None) -> str:
    from dujiang.evidence.months import this_month
    from dujiang.vouchers.statements import month_bounds

    found = month or this_month()
    try:
        month_bounds(found)
    except ValueError as error:
        raise Refused(Text(f"月份“{found}”应如 2026-11", f"{found!r} is no month; write 2026-11")) from error
    return found


def _programme(code: str) -> Programme:
    from dujiang.vouchers.models import Programme

    found = Programme.objects.filter(code=code).first()
    if found is None:
        raise Refused(Text(f"没有券计划 {code}", f"there is no programme {code}"))
    return found


def _application(number: int) -> Application:
    from dujiang.vouchers.models import Application

    found = Application.objects.select_related("programme").filter(pk=number).first()
    if found is None:
        raise Refused(Text(f"没有申请 {number}", f"there is no application {number}"))
    return found
