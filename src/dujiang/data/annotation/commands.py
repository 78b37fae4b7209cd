"""``dujiang annotation``: bases and projects, items in and out, and how a project stands."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Refused, Text, money
from dujiang.store import open_store
from dujiang.terminal import Json, console, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.data.annotation.models import Project

annotation = typer.Typer(name="annotation", help="数据标注 / Annotation.", no_args_is_help=True)
Code = Annotated[str, typer.Argument(metavar="PROJECT", help="项目代号 / the project's code")]


def _project(code: str) -> Project:
    from dujiang.data.annotation.models import Project

    found = Project.objects.filter(code=code).select_related("unit", "base__unit").first()
    if found is None:
        raise Refused(Text(f"没有项目 {code}", f"there is no project {code}"))
    return found


@annotation.command("base")
def base_command(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="在册单位 / a unit that is there")],
    level: Annotated[str, typer.Option(help="national 或 provincial / national or provincial")],
    division: Annotated[str, typer.Option(help="行政区划代码 / division code (GB/T 2260)")],
) -> None:
    """登记标注基地 / Register an annotation base."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import register_base

        made = register_base(at_the_terminal(), unit, level, division)
        say(Text(f"已登记标注基地 {made}", f"{made} is an annotation base"))


@annotation.command("bases")
def bases_command(
    month: Annotated[str | None, typer.Option(help="月份，默认本月 / month, this one by default")] = None,
    json_file: Json = None,
) -> None:
    """各标注基地某月的验收量 / What each base accepted in a month."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import month_figures
        from dujiang.evidence.months import this_month

        figures = month_figures(month or this_month())
        rows = table(
            Text("基地", "Base"), Text("级别", "Level"), Text("区划", "Division"), Text("验收标注", "Labels accepted"),
            Text("其中合成数据", "On generated data"), Text("费用", "Cost"), Text("存证", "Evidence"),
        )  # fmt: skip
        for one in figures:
            known = " … ".join(map(str, one.evidence))
            rows.add_row(
                one.unit,
                one.level,
                one.division,
                str(one.labels),
                str(one.synthetic),
                str(money(one.cost, "CNY")),
                known,
            )
        console.print(rows)
        write_json(json_file, [one._asdict() for one in figures])


@annotation.command("open")
def open_command(
    code: Code,
    title: Annotated[str, typer.Option(help="标题 / title")],
    kind: Annotated[str, typer.Option(help="choice、spans 或 boxes / choice, spans or boxes")],
    label: Annotated[list[str], typer.Option(help="标签，可多次给出 / a label; repeat for more")],
    unit: Annotated[str, typer.Option(help="所属单位 / the unit whose it is")],
    base: Annotated[str, typer.Option(help="承担的标注基地 / the base that works on it")] = "",
    dataset: Annotated[str, typer.Option(help="目录中数据集的标识 / a data set of the catalogue")] = "",
    scale: Annotated[str, typer.Option(help="nominal、ordinal 或 interval / of classes")] = "nominal",
    overlap: Annotated[int, typer.Option(help="每条标注人数 / people who label each item")] = 2,
    gold: Annotated[float, typer.Option(help="已知答案占比 / share of items with a known answer")] = 0.05,
    lease: Annotated[int, typer.Option(help="交还时限，分钟 / minutes until an item goes back")] = 30,
    price: Annotated[float, typer.Option(help="每次标注，元 / yuan per answer")] = 0,
    adjudication_price: Annotated[float, typer.Option(help="每次裁决，元 / yuan per adjudication")] = 0,
) -> None:
    """新建标注项目 / Open a project."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import open_project

        made = open_project(
            at_the_terminal(), code, title, kind, label, unit=unit, base=base, dataset=dataset, scale=scale,
            overlap=overlap, gold_share=gold, lease_minutes=lease, price=_fen(price),
            adjudication_price=_fen(adjudication_price),
        )  # fmt: skip
        say(Text(f"已新建项目 {made.code}", f"Opened {made.code}"))


def _fen(yuan: float) -> int:
    fen = Decimal(str(yuan)) * 100
    if fen != fen.to_integral_value():
        raise Refused(Text("单价应为元，至多两位小数", "a price is in yuan with two decimals at most"))
    return int(fen)


@annotation.command("guideline")
def guideline_command(
    code: Code, file: Annotated[Path, typer.Argument(metavar="FILE", help="规范文本 / the guideline's text")]
) -> None:
    """发布标注规范新版本 / Publish a version of the guideline."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import publish_guideline
        from dujiang.data.annotation.values import read_text

        made = publish_guideline(at_the_terminal(), _project(code), read_text(file))
        say(Text(f"已发布第 {made.version} 版", f"Version {made.version} is published"))


@annotation.command("member")
def member_command(
    code: Code,
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="登录名 / login")],
    adjudicates: Annotated[bool, typer.Option(help="可裁决 / adjudicates too")] = False,
    active: Annotated[bool, typer.Option(help="是否参与 / whether they take part")] = True,
) -> None:
    """添加或变更成员 / Add a member, or change what they are."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import add_member

        made = add_member(at_the_terminal(), _project(code), login, adjudicates=adjudicates, active=active)
        say(Text(f"{login} 为 {made.number} 号标注员", f"{login} is annotator {made.number}"))


@annotation.command("load")
def load_command(
    code: Code,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="条目文件 / a file of items")],
    use: Annotated[str, typer.Option(help="tasks、gold 或 accepted / what they are taken as")] = "tasks",
    images: Annotated[Path | None, typer.Option(help="图像压缩包 / zip of the images")] = None,
    of_dataset: Annotated[
        bool,
        typer.Option("--of-dataset", help="FILE 为项目数据集中的文件名 / FILE names a file of the project's data set"),
    ] = False,
) -> None:
    """导入条目 / Take in items."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.intake import add_from_dataset, add_items

        if of_dataset:
            count = add_from_dataset(at_the_terminal(), _project(code), str(file), use=use)
        else:
            count = add_items(at_the_terminal(), _project(code), file, use=use, archive=images)
        say(Text(f"已导入 {count} 条", f"Took in {count} items"))


@annotation.command("predictions")
def predictions_command(
    code: Code,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="预测文件 / a file of predictions")],
    model: Annotated[str, typer.Option(help="模型名 / the model's name")] = "",
) -> None:
    """导入模型预测，作为预标注 / Take in what a model said, as first labels."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.intake import add_predictions

        taken, unknown = add_predictions(at_the_terminal(), _project(code), file, model)
        say(
            Text(
                f"已导入 {taken} 条；{unknown} 个编号不在项目中",
                f"Took in {taken}; {unknown} keys are not in the project",
            )
        )


@annotation.command("prelabel")
def prelabel_command(
    code: Code,
    most: Annotated[int, typer.Option(help="至多条数 / items at most")] = 100,
    json_file: Json = None,
) -> None:
    """由本站模型预标注 / Let the site's model label first."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.intake import prelabel_items

        made = prelabel_items(at_the_terminal(), _project(code), most)
        say(
            Text(
                f"{made.model} 预标注 {made.labelled} 条，{made.useless} 条不可用，{made.tokens} 词元",
                f"{made.model} labelled {made.labelled}, {made.useless} were of no use, {made.tokens} tokens",
            )
        )
        write_json(json_file, made._asdict())


@annotation.command("report")
def report_command(code: Code, json_file: Json = None) -> None:
    """项目进度、一致性、质量与成本 / Progress, agreement, quality and cost."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.reports import report

        made = report(_project(code))
        cost = "—" if made.cost_per_accepted is None else f"{made.cost_per_accepted / 100:.4f}"
        states = " ".join(f"{name} {count}" for name, count in made.items.items())
        say(Text(f"条目：{states}；每条验收标注 {cost} 元", f"Items: {states}; an accepted label costs CNY {cost}"))
        found = made.agreement
        alpha = _share(found.alpha)
        say(
            Text(
                f"一致性（{found.items} 条）：{_share(found.alike)}，α {alpha}",
                f"Agreement ({found.items} items): {_share(found.alike)}, alpha {alpha}",
            )
        )
        rows = table(
            Text("标注员", "Annotator"), Text("作答", "Answers"), Text("已知答案", "Known answers"),
            Text("验收标注", "Accepted labels"), Text("估计能力", "Skill"), Text("预标注保留", "Model's kept"),
        )  # fmt: skip
        for one in made.members:
            figures = (one.gold.mean, one.accepted.mean, one.skill, one.kept)
            rows.add_row(str(one.number), str(one.answered), *map(_share, figures))
        console.print(rows)
        write_json(json_file, made.as_json())


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


@annotation.command("export")
def export_command(
    code: Code,
    out: Annotated[Path, typer.Option(metavar="FILE", help="输出文件 / the file to write")],
    form: Annotated[str, typer.Option("--format", help="label-studio、coco、conll 或 jsonl")] = "jsonl",
) -> None:
    """导出标注 / Export the labels."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import export

        made = export(at_the_terminal(), _project(code), form)
        partial = out.with_name(f".partial-{out.name}")
        partial.write_text(made, encoding="utf-8")
        partial.replace(out)
        say(Text(f"已导出 {out}", f"Wrote {out}"))


@annotation.command("record")
def record_command(code: Code) -> None:
    """将已验收的标注存证 / Put on record what was accepted and isn't yet."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import record_accepted

        made = record_accepted(at_the_terminal(), _project(code))
        if made is None:
            say(Text("没有待存证的标注", "There is nothing to put on record"))
        else:
            say(
                Text(
                    f"已存证 {made.first} 至 {made.last}（存证 {made.evidence}）",
                    f"Labels {made.first} to {made.last} are on record ({made.evidence})",
                )
            )


@annotation.command("close")
def close_command(code: Code) -> None:
    """关闭项目 / Close a project."""
    with plain_errors():
        open_store()
        from dujiang.data.annotation.actions import close_project

        close_project(at_the_terminal(), _project(code))
        say(Text(f"已关闭 {code}", f"{code} is closed"))
