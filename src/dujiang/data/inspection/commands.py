"""``dujiang data inspect``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from dujiang.messages import BadInput, Text
from dujiang.terminal import Json, both, console, errors, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.data.inspection.corpus_report import CorpusReport
    from dujiang.data.inspection.rules import Rule
    from dujiang.data.inspection.table_report import TableReport
    from dujiang.data.inspection.tables import Progress


class Kind(StrEnum):
    """What a source is inspected as."""

    TABLE = "table"
    CORPUS = "corpus"


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="表：.csv、.tsv、.parquet、.xlsx#工作表、.sqlite#表、postgresql://…#表；语料：.jsonl、.txt、.parquet；或文件夹、通配符 / a table or a corpus; a folder or a pattern of several",
    ),
]


def inspect_command(
    source: Source,
    kind: Annotated[
        Kind | None,
        typer.Option(help="按表或语料检验；缺省由文件判断 / as a table or a corpus; by the file unless said"),
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="规则文件（TOML） / file of rules")] = None,
    save_rules: Annotated[
        Path | None,
        typer.Option(help="将推断出的规则写入此文件，供修改 / write the rules that were inferred here, to be edited"),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="与此前一版本比较 / the earlier version that drift is measured to")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="报告：.html、.docx 或 .json / the report")] = None,
    words: Annotated[Path | None, typer.Option(help="词表，每行一词 / banned words, a word a line")] = None,
    benchmark: Annotated[
        list[Path] | None,
        typer.Option(help="不应见于语料的基准，可重复 / a benchmark that should not be in the corpus; again for more"),
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="语料的文本字段，可重复 / field of the text; again for more")
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(help="将人工抽检的样本写入此 CSV / write the documents that people are to look at here"),
    ] = None,
    seed: Annotated[int, typer.Option(help="抽检的随机种子 / seed of the sample")] = 0,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="检查日；缺省为今天 / the day that data may not be later than; today unless said"
        ),
    ] = None,
    json_file: Json = None,
) -> None:
    """检验数据集或语料 / Inspect a data set or a corpus."""
    with plain_errors():
        from dujiang.data.inspection.writing import suited, write

        for path in filter(None, (out,)):
            if not suited(path):
                raise BadInput(
                    path,
                    expected=Text(".html、.docx 或 .json 文件名", "a name ending in .html, .docx or .json"),
                    found=path.suffix,
                )
        day = as_of.date() if as_of else datetime.now(UTC).astimezone().date()
        engine = os.environ.get("DUJIANG_ENGINE", "local")
        quiet_output = str(json_file) == "-"
        if (kind or _kind(source)) is Kind.CORPUS:
            _no(rules=rules, save_rules=save_rules, against=against)
            from dujiang.data.inspection.corpus_report import inspect_corpus, read_words, write_sample
            from dujiang.data.inspection.documents import TEXT

            with progress() as step:
                fields = tuple(field) if field else TEXT
                found = inspect_corpus(
                    source,
                    banned=read_words(words) if words else (),
                    benchmarks=benchmark or (),
                    seed=seed,
                    engine=engine,
                    fields=fields,
                    progress=step,
                )
                if sample:
                    write_sample(found, sample, fields)
            if not quiet_output:
                _print_corpus(found)
            reports: list[Any] = [found]
            linked: list[dict[str, Any]] = []
        else:
            _no(words=words, benchmark=benchmark, field=field, sample=sample)
            reports, linked = _tables(source, rules, save_rules, against, day, engine, quiet_output)
        for one in reports:
            if out:
                path = out if len(reports) == 1 else out.with_name(f"{out.stem}-{Path(one.source).stem}{out.suffix}")
                write(one, path)
                if not quiet_output:
                    say(Text(f"报告：{path}", f"Report: {path}"))
        plain = [one.to_dict() for one in reports]
        write_json(json_file, plain[0] if len(plain) == 1 else {"reports": plain, "references": linked})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of each of several tables."""

    rules: list[Rule] | None
    path: Path | None
    day: date


def _one(asked: _Asked, source: str) -> TableReport:
    from dujiang.data.inspection.table_report import inspect_table

    return inspect_table(source, asked.rules, as_of=asked.day, rules_path=asked.path)


def _tables(
    source: str, path: Path | None, save: Path | None, against: str | None, day: date, engine: str, quiet: bool
) -> tuple[list[Any], list[dict[str, Any]]]:
    from dujiang.data.inspection.relations import references
    from dujiang.data.inspection.rules import read_rules, write_rules
    from dujiang.data.inspection.spread import each
    from dujiang.data.inspection.table_report import inspect_table

    rules = read_rules(path) if path else None
    sources = _sources(source)
    with progress() as step:
        if len(sources) == 1:
            found = inspect_table(sources[0], rules, as_of=day, rules_path=path, before=against, progress=step)
            reports, linked = [found], []
        else:
            _no(save_rules=save, against=against)
            reports = []
            for report in each(partial(_one, _Asked(rules, path, day)), sources, engine):
                reports.append(report)
                step(Text(f"{len(reports)}/{len(sources)} 张表", f"{len(reports)} of {len(sources)} tables"))
            linked = references(reports, day, step)
    if save:
        write_rules([one.rule for one in reports[0].results], save)
    if not quiet:
        for report in reports:
            _print_table(report)
        _print_references(linked)
        if save:
            say(Text(f"规则：{save}", f"Rules: {save}"))
    return reports, [one.to_dict() for one in linked]


def _kind(source: str) -> Kind:
    """Return what a source is inspected as: by its suffix, a Parquet file by whether it has a column of texts."""
    from dujiang.data.inspection.documents import TEXT, holds_texts
    from dujiang.data.inspection.sources import TABLES

    if source.startswith(("postgresql://", "postgres://")):
        return Kind.TABLE
    first = Path(source)
    if first.is_dir():
        first = next(
            (one for one in sorted(first.rglob("*")) if one.suffix.lower() in (*TABLES, ".jsonl", ".ndjson", ".txt")),
            first,
        )
    suffix = Path(str(first).partition("#")[0]).suffix.lower()
    if suffix == ".parquet" and "*" not in str(first) and first.exists():
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            names = pq.read_schema(first).names
        except (pa.ArrowInvalid, OSError):
            return Kind.TABLE
        return Kind.CORPUS if {"text", "content", "正文"} & set(names) & set(TEXT) else Kind.TABLE
    if suffix in (".jsonl", ".ndjson") and "*" not in str(first) and first.exists():
        return Kind.CORPUS if holds_texts(first) else Kind.TABLE
    return Kind.TABLE if suffix in TABLES else Kind.CORPUS


def _sources(source: str) -> list[str]:
    from dujiang.data.inspection.sources import TABLES

    path = Path(source)
    if path.is_dir():
        found = [str(one) for one in sorted(path.rglob("*")) if one.suffix.lower() in TABLES]
    elif "*" in path.name and not path.exists():
        found = [str(one) for one in sorted(path.parent.glob(path.name))]
    else:
        return [source]
    if not found:
        raise BadInput(source, expected=Text(f"{'、'.join(TABLES)} 文件", f"files of {', '.join(TABLES)}"), found="0")
    return found


def _no(**given: Any) -> None:
    for name, value in given.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter(f"{option} 不适用于此来源 / {option} is not for this kind of source")


@contextmanager
def progress() -> Iterator[Progress]:
    """Show the step that is under way while it is."""
    with errors.status("") as shown:
        try:
            yield lambda step: shown.update(escape(str(step)))
        except RuntimeError as error:
            # What DuckDB makes of Ctrl-C.
            if "interrupted" in str(error):
                raise KeyboardInterrupt from error
            raise


def _print_table(report: TableReport) -> None:
    from dujiang.data.inspection.sections import sections, title

    say(title(report))
    made = sections(report)
    if made[0].lead:
        say(made[0].lead)
    _print_section(made[0], 6)
    _print_section(made[1], min(20, sum(not one.held for one in report.results)))
    for section in made[2:]:
        if section.title.en in ("Personal data", "Drift from the earlier version", "Rows that can't be read"):
            _print_section(section, 10)


def _print_corpus(report: CorpusReport) -> None:
    from dujiang.data.inspection.sections import sections, title

    say(title(report))
    for section in sections(report):
        if section.lead:
            say(section.lead)
        if section.title.en not in ("Examples", "Boilerplate", "Lengths"):
            _print_section(section, 8)


def _print_section(section: Any, most: int) -> None:
    if not section.rows or not most:
        return
    shown = table(*section.headings, title=section.title)
    for row in section.rows[:most]:
        shown.add_row(*(escape(cell) if isinstance(cell, str) else both(cell) for cell in row))
    console.print(shown)
    if len(section.rows) > most:
        rest = len(section.rows) - most
        say(Text(f"另有 {rest} 行，见报告", f"{rest} more rows are in the report"))


def _print_references(found: list[Any]) -> None:
    if not found:
        return
    shown = table(
        Text("列", "column"),
        Text("引用", "refers to"),
        Text("值", "values"),
        Text("缺失", "missing there"),
        title=Text("表间引用", "References between tables"),
    )
    for one in found:
        shown.add_row(
            escape(f"{Path(one.source).name}.{one.column}"),
            escape(f"{Path(one.to).name}.{one.key}"),
            f"{one.values:,}",
            f"{one.missing:,}",
        )
    console.print(shown)


def judge_command(json_file: Json = None) -> None:
    """评判检测器：精确率与召回率 / Judge the detectors on labelled sets: precision and recall."""
    from dataclasses import asdict

    from dujiang.data.inspection.judge import TITLES, judge

    found = judge()
    if str(json_file) != "-":
        shown = table(
            Text("检测", "what"),
            Text("类别", "kind"),
            Text("精确率", "precision"),
            Text("召回率", "recall"),
            Text("标注数", "labelled"),
        )
        for one in found:
            rates = ("—" if rate is None else f"{rate:.3f}" for rate in (one.precision, one.recall))
            shown.add_row(both(TITLES[one.what]), one.kind, *rates, f"{one.labelled:,}")
        console.print(shown)
    write_json(json_file, [asdict(one) for one in found])
