"""``dujiang evidence``: verify the chain, sign where it stands, hand out a copy."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from dujiang.evidence.chain import BadCheckpoint, Checkpoint, Entry, Walk, walk
from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, errors, plain_errors, say, write_json

evidence = typer.Typer(name="evidence", help="存证账本 / The evidence ledger.", no_args_is_help=True)

_PAUSE = 20_000


@evidence.command()
def verify(
    copy: Annotated[
        Path | None, typer.Option(help="校验导出的副本而非本站 / check an exported copy instead of this site")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="对照的检查点文件 / a checkpoint to hold it against")] = None,
    public_key: Annotated[
        str | None, typer.Option(help="签署检查点的公钥（base64） / the key that must have signed it (base64)")
    ] = None,
    json_file: Json = None,
) -> None:
    """从头校验存证链，指出第一条有误的记录 / Walk the chain and name the first record that is wrong."""
    with plain_errors():
        mark = _read_checkpoint(checkpoint) if checkpoint else None
        if mark:
            mark.verify(public_key)
        marks = {mark.sequence: mark.digest} if mark else {}
        started = time.perf_counter()
        with Progress(console=errors, transient=True) as progress:
            if copy:
                bar = progress.add_task(copy.name, total=None)
                entries = _read_copy(copy)
            else:
                open_store()
                from dujiang.evidence.actions import stored
                from dujiang.evidence.models import Record

                last = Record.objects.order_by("-sequence").values_list("sequence", flat=True).first()
                bar = progress.add_task("verify", total=last or 0)
                entries = stored()
            result = walk(
                entries, pause=_PAUSE, progress=lambda done: progress.update(bar, completed=done), marks=marks
            )
        _report(result, mark, time.perf_counter() - started, json_file)


def _report(result: Walk, mark: Checkpoint | None, seconds: float, json_file: Path | None) -> None:
    fault = result.fault
    write_json(
        json_file,
        {
            "ok": fault is None,
            "records": result.records,
            "sequence": result.sequence,
            "digest": result.digest,
            "checkpoint": mark.as_json() if mark else None,
            "fault": {"sequence": fault[0], "why": str(fault[1])} if fault else None,
            "seconds": round(seconds, 3),
        },
    )
    if fault:
        raise Refused(
            Text(
                f"存证链在第 {fault[0]} 条记录出错：{fault[1].zh}；此前 {result.records} 条无误",
                f"the chain is wrong at record {fault[0]}: {fault[1].en}; the {result.records} before it are right",
            )
        )
    rate = f"{result.records / seconds:,.0f}"
    say(
        Text(
            f"{result.records} 条记录全部无误（每秒 {rate} 条），链尾摘要 {result.digest}",
            f"all {result.records} records are right ({rate} a second), the chain ends at {result.digest}",
        )
    )
    if mark:
        say(
            Text(
                f"与 {mark.time} 签署的检查点（{mark.sequence}）一致，公钥 {mark.public_key}",
                f"it agrees with the checkpoint signed {mark.time} at {mark.sequence}, public key {mark.public_key}",
            )
        )


@evidence.command("checkpoint")
def sign(out: Annotated[Path, typer.Argument(help="检查点文件 / the file to write")]) -> None:
    """签署当前链尾并导出检查点 / Sign where the chain stands and export the checkpoint."""
    with plain_errors():
        open_store()
        from dujiang.evidence.actions import checkpoint

        try:
            signed = checkpoint(at_the_terminal())
        except LookupError as error:
            zh, en = str(error.args[0]).split("\n")
            raise Refused(Text(zh, en)) from error
        write_json(out, signed.as_json())
        say(
            Text(
                f"已在第 {signed.sequence} 条记录签署检查点：{out}，公钥 {signed.public_key}",
                f"signed a checkpoint at record {signed.sequence}: {out}, public key {signed.public_key}",
            )
        )


@evidence.command()
def export(out: Annotated[Path, typer.Argument(help="JSON Lines 文件 / a JSON Lines file")]) -> None:
    """导出全部记录的副本 / Export a copy of all records."""
    with plain_errors():
        open_store()
        from dujiang.evidence.actions import stored

        partial = out.with_name(out.name + ".partial")
        count = 0
        with partial.open("w", encoding="utf-8") as file:
            for row in stored():
                file.write(json.dumps(dict(zip(Entry._fields, row, strict=True)), ensure_ascii=False) + "\n")
                count += 1
        partial.replace(out)
        say(Text(f"已导出 {count} 条记录：{out}", f"exported {count} records: {out}"))


def _read_checkpoint(path: Path) -> Checkpoint:
    try:
        return Checkpoint.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInput(path, expected=Text("检查点文件", "a checkpoint file"), found=str(error)) from error
    except ValueError as error:
        if isinstance(error, BadCheckpoint):
            raise
        raise BadInput(path, expected=Text("JSON 格式的检查点", "a checkpoint in JSON"), found=str(error)) from error


def _read_copy(path: Path) -> Iterator[tuple[Any, ...]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    row = json.loads(line)
                    yield tuple(row[name] for name in Entry._fields)
                except (ValueError, KeyError, TypeError) as error:
                    raise BadInput(
                        path,
                        row=number,
                        expected=Text("一条存证记录（JSON）", "an evidence record in JSON"),
                        found=repr(error),
                        remedy=Text("请重新导出副本", "export the copy again"),
                    ) from error
    except OSError as error:
        raise BadInput(path, expected=Text("导出的副本", "an exported copy"), found=str(error)) from error
