"""``dujiang compute replay``: how placement policies fill a pool, and how long they let tasks wait, on a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dujiang.messages import Refused, Text
from dujiang.terminal import Json, console, errors, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.compute.replay import Filling, Waiting

SHARE = 0.6
"""GPUs of the timed replay, as a share of the most that the trace had in use at once."""


def replay_command(
    nodes: Annotated[Path, typer.Option(metavar="CSV", help="节点表（OpenB 格式） / nodes, as OpenB has them")],
    tasks: Annotated[Path, typer.Option(metavar="CSV", help="任务表（OpenB 格式） / tasks, as OpenB has them")],
    policy: Annotated[
        list[str] | None, typer.Option(help="策略，可多次给出，默认全部 / policy; repeat for more, all by default")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="次数 / number of draws")] = 5,
    share: Annotated[
        float,
        typer.Option(min=0.05, max=1.0, help="排队重放的 GPU 占同时占用峰值之比 / GPUs for the waits, of the peak"),
    ] = SHARE,
    json_file: Json = None,
    picture: Annotated[Path | None, typer.Option(help="未分配占比图 / chart of the unallocated share")] = None,
) -> None:
    """用集群日志重放调度策略：未分配 GPU 占比、等待时间、决策速度 / Replay a trace: unallocated GPU share, waits, decisions a second."""
    with plain_errors():
        from dujiang.compute.cluster import workload
        from dujiang.compute.openb import read_nodes, read_tasks
        from dujiang.compute.policies import POLICIES
        from dujiang.compute.replay import arrivals, fill, peak, prepared, sample, wait

        wanted = list(dict.fromkeys(policy or POLICIES))
        if unknown := [one for one in wanted if one not in POLICIES]:
            known_ones = "、".join(POLICIES)
            raise Refused(
                Text(f"没有策略 {unknown[0]}；可选：{known_ones}", f"no policy {unknown[0]}: {', '.join(POLICIES)}")
            )
        pool = read_nodes(nodes)
        seen = read_tasks(tasks, pool.kinds)
        known, kinds = workload(seen.tasks)
        size = int(pool.capacity.gpu.sum())
        if not size or not seen.tasks.demand.any():
            raise Refused(Text("节点或任务中没有 GPU", "there are no GPUs in the nodes, or none asked for"))
        most = peak(seen.tasks.demand, seen.created, seen.duration)
        drawn = [arrivals(known, size, seed) for seed in range(seeds)]
        fillings: list[Filling] = []
        waits: list[Waiting] = []
        try:
            with _progress(len(wanted) * (sum(map(len, drawn)) + seeds * len(kinds))) as hear:
                for one in wanted:
                    scheduler = prepared(one, pool.capacity, known)
                    for seed, arrived in enumerate(drawn):
                        fillings.append(fill(scheduler, arrived, one, seed, hear))
                        few = scheduler.on(sample(pool.capacity, round(share * most), seed))
                        waits.append(wait(few, kinds, seen.created, seen.duration, one, seed, hear))
        except KeyboardInterrupt:
            errors.print("已中断 / interrupted")
            raise typer.Exit(130) from None
        _print_fillings(wanted, fillings)
        _print_waits(waits, share)
        if picture:
            from dujiang.charts import save

            save(_chart(fillings), picture)
        write_json(
            json_file,
            {
                "nodes": len(pool.names),
                "gpus": int((pool.capacity.gpu > 0).sum()),
                "tasks": len(seen.names),
                "fillings": [{**asdict(one), "decisions_per_second": one.decisions_per_second} for one in fillings],
                "waits": [asdict(one) for one in waits],
            },
        )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as shown:
        bar = shown.add_task("重放 / replay", total=total)
        yield lambda count: shown.update(bar, advance=count)


def _print_fillings(wanted: list[str], fillings: list[Filling]) -> None:
    from dujiang.compute.replay import MARKS, mean_unallocated

    headings = [Text(f"{mark:.0%}", f"{mark:.0%}") for mark in MARKS]
    shown = table(
        Text("策略", "Policy"),
        *headings,
        Text("放不下的任务", "Tasks lost"),
        Text("决策/秒", "Decisions/s"),
        title=Text("到达需求达到容量各比例时未分配的 GPU", "GPU unallocated when that much demand has arrived"),
    )
    for one in wanted:
        mine = [filling for filling in fillings if filling.policy == one]
        used = {filling.used for filling in mine} - {one}
        shown.add_row(
            one + (f" ({', '.join(sorted(used))})" if used else ""),
            *(f"{value:.2%}" for value in mean_unallocated(mine)),
            f"{sum(filling.lost for filling in mine) / len(mine):,.0f}",
            f"{sum(filling.decisions_per_second for filling in mine) / len(mine):,.0f}",
        )
    console.print(shown)


def _print_waits(waits: list[Waiting], share: float) -> None:
    shown = table(
        Text("策略", "Policy"),
        *(
            Text(f"{name}（秒）", f"{en} (s)")
            for name, en in (("平均", "mean"), ("P50", "P50"), ("P95", "P95"), ("P99", "P99"))
        ),
        title=Text("等待时间", "Waits"),
    )
    for policy in dict.fromkeys(one.policy for one in waits):
        mine = [one for one in waits if one.policy == policy]
        means = (sum(getattr(one, name) for one in mine) / len(mine) for name in ("mean", "p50", "p95", "p99"))
        shown.add_row(policy, *(f"{value:,.0f}" for value in means))
    console.print(shown)
    first = waits[0]
    say(
        Text(
            f"等待时间按日志原时序重放，每次抽样节点至 GPU 为同时占用峰值的 {share:.0%}（首次 {first.nodes} 个节点、{first.gpus} 块 GPU），"
            f"取各次均值；首次有 {first.never} 个任务在其中任何节点都放不下",
            f"waits are in the trace's own time on nodes drawn until their GPUs are {share:.0%} of the peak in use (the first "
            f"time {first.nodes} nodes, {first.gpus} GPUs), means over the draws; {first.never} tasks fit on none of the first",
        )
    )


def _chart(fillings: list[Filling]) -> Any:
    """Return the unallocated share by arrived demand, a line a policy, mean over the draws."""
    import altair as alt
    import pandas as pd

    from dujiang.compute.replay import MARKS

    rows = [
        (one.policy, 100 * mark, 100 * value)
        for one in fillings
        for mark, value in zip(MARKS, one.unallocated, strict=True)
    ]
    data = pd.DataFrame(rows, columns=["policy", "demand", "unallocated"])
    return (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            alt.X("demand:Q", title="到达需求占容量 Demand arrived, % of capacity", scale=alt.Scale(zero=False)),
            alt.Y("mean(unallocated):Q", title="未分配 GPU Unallocated, %"),
            alt.Color("policy:N", title=None),
        )
        .properties(width=480, height=280)
    )
