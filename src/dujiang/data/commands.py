"""``dujiang data``: the catalogue, deposit, keeping what was deposited, and inspection."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from dujiang.data.inspection.commands import inspect_command, judge_command, progress
from dujiang.data.terms import Access, Basis, Grade, Sensitivity
from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.data.keeping import Found
    from dujiang.data.models import Dataset, Version

data = typer.Typer(name="data", help="数据目录、汇交与检验 / Catalogue, deposit and inspection.", no_args_is_help=True)
data.command("inspect")(inspect_command)
data.command("judge")(judge_command)

Identifier = Annotated[str, typer.Argument(metavar="DATASET", help="标识符或编号 / its identifier or number")]


@data.command("register")
def register_command(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="中文名称 / title in Chinese")],
    owner: Annotated[str, typer.Option(help="权属单位 / the unit that owns it")],
    basis: Annotated[Basis, typer.Option(help="权利依据 / by what right it is held")],
    english: Annotated[str, typer.Option(help="英文名称 / title in English")] = "",
    description: Annotated[str, typer.Option(help="说明 / description")] = "",
    publisher: Annotated[str, typer.Option(help="发布单位 / publisher, where it is another")] = "",
    grade: Annotated[Grade, typer.Option(help="分级（GB/T 43697-2024） / grade")] = Grade.GENERAL,
    sensitivity: Annotated[Sensitivity, typer.Option(help="个人信息 / personal information")] = Sensitivity.NONE,
    access: Annotated[Access, typer.Option(help="共享类型 / sharing")] = Access.RESTRICTED,
    licence: Annotated[str, typer.Option(help="许可：SPDX 标识、网址或文字 / licence")] = "",
    keyword: Annotated[list[str] | None, typer.Option(help="关键词，可重复 / keyword, may repeat")] = None,
    language: Annotated[str, typer.Option(help="语种 / language")] = "zh",
    task: Annotated[int | None, typer.Option(help="方案任务编号 / number of the plan's task")] = None,
    project: Annotated[str, typer.Option(help="项目编号 / project")] = "",
    embargo: Annotated[str, typer.Option(metavar="DAY", help="保护期至 / embargo until, 2026-11-30")] = "",
    json_file: Json = None,
) -> None:
    """登记数据集，得到永久标识符 / Register a data set; it gets a persistent identifier."""
    with plain_errors():
        open_store()
        from dujiang.data import actions

        made = actions.register(
            at_the_terminal(), title_zh=title, owner=owner, basis=basis.value, title_en=english, description=description,
            publisher=publisher, grade=grade.value, sensitivity=sensitivity.value, access=access.value, licence=licence,
            keywords=keyword or [], language=language, task=task, project=project,
            embargo_until=_day(embargo) if embargo else None,
        )  # fmt: skip
        _told(made, json_file)


@data.command("list")
def list_command(
    words: Annotated[str, typer.Option("--search", help="检索词 / words to search for")] = "",
    owner: Annotated[str, typer.Option(help="权属单位 / owner")] = "",
    json_file: Json = None,
) -> None:
    """数据目录 / The data sets of the catalogue."""
    with plain_errors():
        open_store()
        from dujiang.data import finding
        from dujiang.data.describing import described
        from dujiang.data.models import Dataset

        found = Dataset.objects.seen_by(at_the_terminal()).select_related("owner")
        if owner:
            found = found.filter(owner__name=owner)
        if words:
            found = finding.search(found, words)
        rows = [described(one) for one in found.prefetch_related("versions__distributions")]
        if str(json_file) != "-":
            shown = table(
                Text("编号", "Number"), Text("标识符", "Identifier"), Text("数据集", "Data set"), Text("权属单位", "Owner"),
                Text("分级", "Grade"), Text("共享类型", "Sharing"), Text("状态", "State"), Text("文件", "Files"),
            )  # fmt: skip
            for one, row in zip(found, rows, strict=True):
                shown.add_row(
                    str(one.pk), one.identifier, escape(one.title_zh), escape(one.owner.name),
                    Grade(one.grade).words.zh, Access(one.access).words.zh, row["state"], str(len(row["files"])),
                )  # fmt: skip
            console.print(shown)
        write_json(json_file, rows)


@data.command("show")
def show_command(
    identifier: Identifier,
    form: Annotated[str, typer.Option(metavar="FORM", help="dcat.ttl, dcat.jsonld, dcat.rdf, datacite.json, datacite.xml, croissant.json")] = "",
    json_file: Json = None,
) -> None:  # fmt: skip
    """一个数据集的元数据，可按标准格式输出 / A data set's description, also in a standard's form."""
    with plain_errors():
        open_store()
        from dujiang.data import documents

        one = _dataset(identifier)
        if not form:
            _told(one, json_file)
        elif form in documents.FORMS:
            print(documents.written(one, form).decode(), end="")
        else:
            raise Refused(Text(f"没有格式 {form}", f"no such form: one of {', '.join(documents.FORMS)}"))


@data.command("deposit")
def deposit_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="文件 / files")],
    to: Annotated[str, typer.Option(metavar="DATASET", help="数据集的标识符或编号 / the data set")],
    note: Annotated[str, typer.Option(help="本版说明 / what is new in this version")] = "",
    submit: Annotated[bool, typer.Option("--submit", help="随即提交审核 / hand it in for review")] = False,
    json_file: Json = None,
) -> None:
    """把文件汇交到数据集的草稿版本；中断后重新执行即继续 / Deposit files; interrupted, the same command goes on."""
    with plain_errors():
        open_store()
        from dujiang.data import actions

        version = actions.deposit(at_the_terminal(), _dataset(to), files, note)
        if submit:
            version = actions.submit(at_the_terminal(), version)
        _version_told(version, json_file)


@data.command("submit")
def submit_command(identifier: Identifier, json_file: Json = None) -> None:
    """提交草稿版本供审核 / Hand the draft of a data set in for review."""
    with plain_errors():
        open_store()
        from dujiang.data import actions
        from dujiang.data.terms import State

        _version_told(actions.submit(at_the_terminal(), _version(identifier, State.DRAFT)), json_file)


@data.command("review")
def review_command(
    identifier: Identifier,
    approve: Annotated[bool, typer.Option("--approve/--return", help="发布或退回 / publish it, or give it back")],
    why: Annotated[str, typer.Option(help="意见 / remark")] = "",
    json_file: Json = None,
) -> None:
    """审核提交的版本；汇交者不能审核 / Review what was handed in; never one's own."""
    with plain_errors():
        open_store()
        from dujiang.data import actions
        from dujiang.data.terms import State

        version = _version(identifier, State.REVIEW)
        _version_told(actions.review(at_the_terminal(), version, approved=approve, why=why), json_file)


@data.command("withdraw")
def withdraw_command(
    identifier: Identifier, why: Annotated[str, typer.Option(help="理由 / reason")], json_file: Json = None
) -> None:
    """撤回已发布的数据集 / Withdraw a published data set."""
    with plain_errors():
        open_store()
        from dujiang.data import actions

        _told(actions.withdraw(at_the_terminal(), _dataset(identifier), why), json_file)


@data.command("duty")
def duty_command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="TABLE", help="责任表（CSV 或 Excel）；不给则列出 / a table; without, lists"),
    ] = None,
    late: Annotated[bool, typer.Option("--late", help="只列逾期的 / only those that are late")] = False,
    json_file: Json = None,
) -> None:
    """设定或列出汇交责任及逾期情况 / Set who is to deposit what by when, or list it with who is late."""
    with plain_errors():
        open_store()
        from dujiang.data import duties

        if file is not None:
            count = duties.load(at_the_terminal(), file)
            say(Text(f"已设定 {count} 项汇交责任", f"{count} duties to deposit were set"))
        lines = duties.standing(duties.Duty.objects.all())
        lines = duties.late(lines) if late else lines
        if str(json_file) != "-":
            shown = table(
                Text("单位", "Unit"), Text("内容", "What"), Text("任务", "Task"), Text("项目", "Project"),
                Text("期限", "Due"), Text("状态", "State"), Text("逾期天数", "Days late"), Text("数据集", "Data set"),
            )  # fmt: skip
            for line in lines:
                duty = line.duty
                shown.add_row(
                    escape(duty.unit.name), escape(duty.title), str(duty.task or ""), escape(duty.project),
                    duty.due.isoformat(), both(line.standing.words), str(line.days or ""),
                    line.dataset.identifier if line.dataset else "",
                )  # fmt: skip
            console.print(shown)
        write_json(
            json_file,
            [
                {
                    "unit": line.duty.unit.name, "title": line.duty.title, "task": line.duty.task,
                    "project": line.duty.project, "due": line.duty.due.isoformat(), "standing": line.standing.value,
                    "days": line.days, "dataset": line.dataset.identifier if line.dataset else None,
                }
                for line in lines
            ],
        )  # fmt: skip


@data.command("harvest")
def harvest_command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="文件或网址 / a file or an address")],
    owner: Annotated[str, typer.Option(help="责任单位 / the unit that answers for what is harvested")],
    form: Annotated[str, typer.Option(help="dcat 或 ckan，默认自行判断 / dcat or ckan; found out if not given")] = "",
    json_file: Json = None,
) -> None:
    """从 DCAT 目录或 CKAN 采集元数据，可重复执行 / Harvest metadata from a DCAT catalogue or CKAN; again, what changed."""
    with plain_errors():
        open_store()
        from dujiang.data import harvesting

        made = harvesting.harvest(at_the_terminal(), source, owner, form)
        if str(json_file) != "-":
            counts = made.counts
            say(
                Text(
                    f"新增 {counts['new']}，更新 {counts['changed']}，未变 {counts['same']}，已消失 {counts['gone']}，未能读取 {len(made.faults)}",
                    f"{counts['new']} new, {counts['changed']} changed, {counts['same']} the same, {counts['gone']} gone, "
                    f"{len(made.faults)} could not be read",
                )
            )
            for fault in made.faults:
                say(Text(f"{fault['where']}：{fault['zh']}", f"{fault['where']}: {fault['en']}"))
        write_json(
            json_file,
            {"catalogue": made.catalogue, **made.counts, "faults": made.faults, "evidence": made.evidence},
        )


@data.command("fixity")
def fixity_command(
    days: Annotated[
        float, typer.Option(help="检查多少天内未查过的 / check what was not checked for so many days")
    ] = 90,
    minutes: Annotated[float | None, typer.Option(help="至多用时 / stop after so many minutes")] = None,
    json_file: Json = None,
) -> None:
    """校验存储与备份中的每个文件并互相修复，中断后继续 / Check every file in both places, and mend each from the other."""
    with plain_errors():
        open_store()
        from django.utils import timezone

        from dujiang.data import keeping

        end = time.monotonic() + minutes * 60 if minutes is not None else float("inf")
        before = timezone.now() - timedelta(days=days)
        found = keeping.fixity(at_the_terminal(), before, lambda: time.monotonic() >= end)
        _found_told(found, json_file)
    if found.lost:
        raise typer.Exit(1)


@data.command("restore")
def restore_command(json_file: Json = None) -> None:
    """用备份恢复存储，并逐一校验 / Bring the store back from its backup, and prove every file by its digest."""
    with plain_errors():
        open_store()
        from dujiang.data import keeping

        found = keeping.restore(at_the_terminal())
        _found_told(found, json_file)
    if found.lost:
        raise typer.Exit(1)


def _found_told(found: Found, json_file: Path | None) -> None:
    mended = sum(map(len, found.mended.values()))
    if str(json_file) != "-":
        say(
            Text(
                f"校验 {found.contents} 个文件、{found.bytes:,} 字节：修复 {mended} 个，无法修复 {len(found.lost)} 个，清理 {found.swept} 个",
                f"{found.contents} files and {found.bytes:,} bytes checked: {mended} mended, {len(found.lost)} lost, {found.swept} swept",
            )
        )
        for place, keys in found.mended.items():
            for key in keys:
                say(Text(f"已修复 {place} {key}", f"mended {place} {key}"))
        for key in found.lost:
            say(Text(f"各处均已损坏 {key}", f"no place has it whole: {key}"))
    write_json(
        json_file,
        {
            "contents": found.contents, "bytes": found.bytes, "mended": found.mended, "lost": found.lost,
            "swept": found.swept, "evidence": found.evidence,
        },
    )  # fmt: skip


def _told(one: Dataset, json_file: Path | None) -> None:
    from dujiang.data.describing import described

    values: dict[str, Any] = described(one)
    if str(json_file) != "-":
        say(Text(f"{one.identifier}  {one.title.zh}", one.title.en))
        for file in values["files"]:
            console.print(
                f"  {file['sha256']}  {file['bytes']}  {escape(file['name'])}", highlight=False, soft_wrap=True
            )
    write_json(json_file, values)


def _version_told(version: Version, json_file: Path | None) -> None:
    from dujiang.data.terms import State

    files = [
        {"name": one.name, "bytes": one.bytes, "sha256": one.sha256, "media_type": one.media_type}
        for one in version.distributions.all()
    ]
    if str(json_file) != "-":
        words = State(version.state).words
        identifier = version.dataset.identifier
        say(
            Text(
                f"{identifier} 版本 {version.number}：{words.zh}", f"{identifier} version {version.number}: {words.en}"
            )
        )
        for file in files:
            console.print(
                f"  {file['sha256']}  {file['bytes']}  {escape(str(file['name']))}", highlight=False, soft_wrap=True
            )
    write_json(
        json_file,
        {
            "identifier": version.dataset.identifier, "version": version.number, "state": version.state, "files": files,
            "evidence": version.evidence,
        },
    )  # fmt: skip


@data.command("report")
def report_command(identifier: Identifier, json_file: Json = None) -> None:
    """检验已汇交的数据集，结果载于其页面 / Inspect a deposited data set; its page shows what came of it."""
    with plain_errors():
        open_store()
        from dujiang.data import reports

        with progress() as step:
            made = reports.inspect(at_the_terminal(), _dataset(identifier), step)
        if str(json_file) != "-":
            shown = table(
                Text("文件", "File"), Text("行或篇", "Rows, documents"), Text("不可读", "Unreadable"),
                Text("未通过的规则", "Rules against"), Text("个人信息", "Personal data"), Text("存证", "Record"),
            )  # fmt: skip
            for one in made:
                found = one.shown
                kinds = "、".join(dict.fromkeys(part["title"]["zh"] for part in found["personal"]))
                shown.add_row(
                    escape(one.distribution.name), f"{found['rows']:,}", f"{found['rejected']:,}",
                    str(len(found.get("broken", ()))), kinds or "—", str(one.evidence),
                )  # fmt: skip
            console.print(shown)
        write_json(json_file, [{"file": one.distribution.name, "evidence": one.evidence, **one.shown} for one in made])


def _dataset(identifier: str) -> Dataset:
    from dujiang.data.models import Dataset

    found = Dataset.objects.select_related("owner")
    one = found.filter(pk=int(identifier)).first() if identifier.isdigit() and len(identifier) < 19 else None
    one = one or found.filter(identifier=identifier.lower()).first()
    if one is None:
        raise Refused(Text(f"没有数据集 {identifier}", f"there is no data set {identifier}"))
    return one


def _version(identifier: str, state: str) -> Version:
    found = (
        _dataset(identifier).versions.filter(state=state).order_by("-number").select_related("dataset__owner").first()
    )
    if found is None:
        raise Refused(Text(f"{identifier} 没有可处理的版本", f"{identifier} has no version to act on"))
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        expected = Text("日期，如 2026-11-30", "a day, such as 2026-11-30")
        raise BadInput("--embargo", expected=expected, found=text) from error
