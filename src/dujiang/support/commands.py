"""``dujiang support``: what enterprises may have of the measures in force, and what other terms would cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from dujiang.messages import BadInput, Refused, Text, money
from dujiang.support import enterprises, measures
from dujiang.support.measures import Book, Cost, Entitlement, Standing
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

support = typer.Typer(name="support", help="政策支持 / Policy support.", no_args_is_help=True)

POLICIES = Path(__file__).with_name("policies")
Policies = Annotated[
    list[Path] | None,
    typer.Option(help="政策文件，可多个；不填为随软件附带的 / files of measures; else the ones that ship"),
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="按哪一天的政策 / as of which day")]
Enterprises = Annotated[
    Path, typer.Argument(metavar="TABLE", help="企业及其情况，CSV 或 Excel / enterprises and facts")
]
_STANDING = {
    Standing.MAY: Text("[green]可以享受[/green]", "[green]may have it[/green]"),
    Standing.MAY_NOT: Text("[red]不符合[/red]", "[red]may not[/red]"),
    Standing.OPEN: Text("[yellow]待补充[/yellow]", "[yellow]facts missing[/yellow]"),
}


@support.command()
def entitled(source: Enterprises, policies: Policies = None, on: Day = None, json_file: Json = None) -> None:
    """企业可享受的政策、理由和条款 / What each enterprise may have, why, and by which clause."""
    with plain_errors():
        day = (on or datetime.now().astimezone()).date()
        rows = table(
            Text("企业", "Enterprise"), Text("措施", "Measure"), Text("条款", "Clause"), Text("结论", "Standing"),
            Text("金额", "Amount"), Text("理由", "Why"),
        )  # fmt: skip
        report = []
        for book in _books(policies):
            for name, facts in enterprises.read(source, book):
                for one in book.entitlements(facts, day):
                    standing = _STANDING[one.standing]
                    amount = "—" if one.fen is None else both(money(one.fen, "CNY"))
                    rows.add_row(
                        escape(name), both(one.measure.title), both(one.measure.clause),
                        f"{standing.zh}\n{standing.en}", amount, _why(one, book),
                    )  # fmt: skip
                    report.append({"enterprise": name, **_as_json(one)})
        console.print(rows)
        write_json(json_file, report)


def _why(one: Entitlement, book: Book) -> str:
    marks = {True: "✓", False: "✗", None: "?"}
    lines = [f"{marks[reason.holds]} {escape(reason.condition.zh)}" for reason in one.because]
    asked = [book.facts[name].title for name in one.missing]
    if asked:
        lines.append(escape(f"请补充：{'、'.join(text.zh for text in asked)}"))
        lines.append(f"[dim]{escape('to be given: ' + ', '.join(text.en for text in asked))}[/dim]")
    return "\n".join(lines)


def _as_json(one: Entitlement) -> dict[str, Any]:
    def text(value: Text) -> dict[str, str]:
        return {"zh": value.zh, "en": value.en}

    return {
        "measure": one.measure.name,
        "title": text(one.measure.title),
        "clause": text(one.measure.clause),
        "standing": one.standing,
        "fen": one.fen,
        "because": [{"condition": text(reason.condition), "holds": reason.holds} for reason in one.because],
        "missing": list(one.missing),
    }


@support.command("what-if")
def what_if(
    source: Enterprises,
    change: Annotated[
        list[str],
        typer.Option("--set", metavar="MEASURE.TERM=VALUE", help="如 compute-voucher.most=3000000（元）/ in yuan"),
    ],
    policies: Policies = None,
    on: Day = None,
    json_file: Json = None,
) -> None:
    """改动一项条款的花费 / What other terms of a measure would cost."""
    with plain_errors():
        day = (on or datetime.now().astimezone()).date()
        changes = [_change(one) for one in change]
        rows = table(
            Text("措施", "Measure"), Text("现行：家数、金额", "Now: enterprises, amount"),
            Text("改后：家数、金额", "Then: enterprises, amount"), Text("差额", "Difference"), Text("超预算", "Over budget"),
        )  # fmt: skip
        report = []
        books = _books(policies)
        for measure, _, _ in changes:
            if not any(measure == one.name for book in books for one in book.measures):
                raise Refused(Text(f"没有措施 {measure}", f"no measure {measure}"))
        for book in books:
            facts = [given for _, given in enterprises.read(source, book)]
            other = book
            for measure, term, value in changes:
                if any(measure == one.name for one in book.measures):
                    other = other.changed(measure, **{term: value})
            now, then = book.cost(facts, day), other.cost(facts, day)
            for one in book.measures:
                if one.name in now:
                    before, after = now[one.name], then[one.name]
                    rows.add_row(
                        both(one.title), _cost(before), _cost(after), both(money(after.fen - before.fen, "CNY")),
                        both(money(after.over, "CNY")),
                    )  # fmt: skip
                    report.append({"measure": one.name, "now": _cost_json(before), "then": _cost_json(after)})
        console.print(rows)
        write_json(json_file, report)
        if not report:
            say(Text("该日没有施行中的措施", "no measure is in force on that day"))


@support.command("judge")
def judge_command(
    folder: Annotated[
        Path | None, typer.Option("--set", help="另一标注集的文件夹 / another folder of offers.jsonl and queries.jsonl")
    ] = None,
    json_file: Json = None,
) -> None:
    """供需检索的相关性，与 BM25 对照 / How well offers are found, beside plain BM25."""
    from dujiang.support import relevance

    with plain_errors():
        report = relevance.judge(folder or relevance.LABELLED)
        rows = table(
            Text("题集", "Half"), Text("方法", "Way"), Text("需求数", "Needs"), Text("nDCG@10（95% 区间）", "nDCG@10, 95 % interval"),
            Text("都江高出", "Dujiang's gain over it"),
        )  # fmt: skip
        for one in report:
            gain = (
                "—"
                if one["way"] == "dujiang"
                else f"{one['gain']:+.3f} [{one['gain_low']:+.3f}, {one['gain_high']:+.3f}]"
            )
            rows.add_row(
                one["half"],
                one["way"],
                str(one["needs"]),
                f"{one['ndcg']:.3f} [{one['low']:.3f}, {one['high']:.3f}]",
                gain,
            )
        console.print(rows)
        write_json(json_file, report)


@support.command("bond")
def bond_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="项目方案的 JSON（金额为元）/ a project's plan as JSON, in yuan")
    ],
    json_file: Json = None,
) -> None:
    """专项债项目的本息覆盖与检查 / A bond project's coverage year by year, and what is wrong with it."""
    import json

    from dujiang.support import bonds

    with plain_errors():
        try:
            given = json.loads(file.read_text(encoding="utf-8"))
            for name in ("bond", "capital", "as_capital"):
                given[name] = _fen(given.get(name, 0))
            for name in ("revenue", "costs"):
                given[name] = [_fen(one) for one in given[name]]
            given["uses"] = {name: _fen(one) for name, one in given["uses"].items()}
        except (OSError, ValueError, ArithmeticError, KeyError, TypeError, AttributeError) as error:
            expected = Text("项目方案的 JSON", "a project's plan as JSON")
            raise BadInput(file, expected=expected, found=repr(error)) from error
        plan = bonds.plan_of(given)
        made, wrong = bonds.coverage(plan), bonds.check(plan)
        rows = table(
            Text("年份", "Year"), Text("净收益", "Revenue less costs"), Text("利息", "Interest"), Text("本金", "Principal"),
            Text("倍数", "Ratio"), Text("累计结余", "Left"),
        )  # fmt: skip
        for year in made.years:
            ratio = "—" if year.ratio is None else f"{year.ratio:.2f}"
            cells = [money(one, "CNY").zh for one in (year.net, year.interest, year.principal)]
            rows.add_row(str(year.year), *cells, ratio, money(year.left, "CNY").zh)
        console.print(rows)
        say(Text(f"存续期覆盖倍数 {made.life:.3f}", f"Over the bond's life revenue covers it {made.life:.3f} times"))
        for one in wrong:
            say(one)
        report = {
            "life": made.life, "gaps": made.gaps, "falls": made.falls, "years": [one._asdict() for one in made.years],
            "faults": [{"zh": one.zh, "en": one.en} for one in wrong],
        }  # fmt: skip
        write_json(json_file, report)
        if wrong:
            raise typer.Exit(1)
        say(Text("检查通过", "Nothing is wrong"))


def _fen(given: Any) -> int:
    amount = Decimal(str(given)) * 100
    if isinstance(given, bool) or not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(given)
    return int(amount)


def _cost(one: Cost) -> str:
    return f"{one.entitled}\n{both(money(one.fen, 'CNY'))}"


def _cost_json(one: Cost) -> dict[str, Any]:
    return {"entitled": one.entitled, "open": one.open, "fen": one.fen, "budget": one.budget, "over": one.over}


def _change(given: str) -> tuple[str, str, str]:
    place, _, value = given.partition("=")
    measure, _, term = place.rpartition(".")
    try:
        float(value)
    except ValueError:
        measure = ""
    if not measure:
        wanted = "MEASURE.TERM=VALUE"
        raise Refused(Text(f"--set 应为 {wanted}，实为 {given}", f"--set should be {wanted}, not {given}"))
    return measure, term, value


def _books(policies: list[Path] | None) -> list[Book]:
    return [measures.read(path) for path in policies or sorted(POLICIES.glob("*.toml"))]
