"""``dujiang compute``: pools, quotes, jobs, and the dispatcher that runs them."""

from __future__ import annotations

import ctypes
import hashlib
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dujiang.compute.money import yuan
from dujiang.compute.power_command import power_command
from dujiang.compute.replay_command import replay_command
from dujiang.compute.requests import JobRequest, Limits, file_name
from dujiang.compute.states import State
from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.compute.models import Job

compute = typer.Typer(name="compute", help="算力与作业 / Compute and jobs.", no_args_is_help=True)
compute.command("power")(power_command)
compute.command("replay")(replay_command)

Number = Annotated[int, typer.Argument(metavar="JOB", help="作业编号 / the job's number")]
Command = Annotated[list[str], typer.Argument(metavar="COMMAND...", help="命令，写在 -- 之后 / the command, after --")]
Seconds = Annotated[int, typer.Option(help="时限（秒） / wall time")]
Memory = Annotated[int, typer.Option("--memory", help="内存上限（MiB） / memory")]
Cpus = Annotated[int, typer.Option(help="核数 / cores")]
Gpus = Annotated[float, typer.Option(help="加速卡数，可为小数 / accelerators, also a part of one")]
Accelerator = Annotated[str, typer.Option(help="加速卡型号 / kind of accelerator")]
ProductKey = Annotated[str, typer.Option(help="产品 / product")]
PoolKey = Annotated[str, typer.Option("--pool", help="限定算力池 / only this pool")]


def _request(
    command: list[str], seconds: int, memory: int, cpus: int, gpus: float, accelerator: str, **more: Any
) -> JobRequest:
    return JobRequest(argv=command, limits=Limits(seconds, memory, cpus, round(gpus * 1000), accelerator), **more)


@compute.command("register")
def register_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="中心的 TOML 文件 / the centre's TOML file")],
) -> None:
    """登记算力中心、算力池、产品与价格，重新登记即更新 / Register a compute centre; again, update it."""
    with plain_errors():
        from dujiang.compute.registration import read

        told = read(file)
        open_store()
        from dujiang.compute.actions import register

        centre = register(at_the_terminal(), told, file.name, hashlib.sha256(file.read_bytes()).hexdigest())
        say(
            Text(
                f"已登记 {centre.name}：{len(told.pools)} 个算力池，{len(told.prices)} 条价格（存证 {centre.evidence}）",
                f"Registered {centre.key}: {len(told.pools)} pools, {len(told.prices)} prices (evidence {centre.evidence})",
            )
        )


@compute.command("pools")
def pools_command(json_file: Json = None) -> None:
    """算力池、在用与排队，登记的算力规模 / Pools with what they hold and what runs there; registered capacity."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import local_pool
        from dujiang.compute.standing import capacity_now, pools_now

        local_pool()

        rows = table(
            Text("算力池", "Pool"), Text("算力中心", "Centre"), Text("执行器", "Executor"), Text("状态", "State"),
            Text("核", "Cores"), Text("卡", "Cards"), Text("作业", "Jobs"), Text("PUE", "PUE"),
        )  # fmt: skip
        found = pools_now()
        for one in found:
            cards = "\n".join(f"{kind} {count}" for kind, count in one["cards"].items()) or "—"
            cores = f"{one['cpus_used']} / {one['cpus']}"
            pue = "—" if one["pue"] is None else f"{one['pue']:.2f}"
            rows.add_row(one["pool"], one["name"], one["kind"], one["state"], cores, cards, str(one["running"]), pue)
        console.print(rows)
        total = capacity_now()
        say(
            Text(
                f"智算规模 {total['intelligent']:.4g} EFlops，占比 {total['share'] or 0:.1f}%，国产 {total['domestic']:.4g} EFlops",
                f"intelligent {total['intelligent']:.4g} EFlops, share {total['share'] or 0:.1f} %, "
                f"domestic {total['domestic']:.4g} EFlops",
            )
        )
        write_json(json_file, {"pools": found, "capacity": total})


@compute.command("products")
def products_command(json_file: Json = None) -> None:
    """产品与价格 / Products and their prices."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import local_pool
        from dujiang.compute.standing import products_now

        local_pool()

        rows = table(
            Text("产品", "Product"), Text("类别", "Kind"), Text("资源", "Resource"), Text("元/小时", "CNY an hour"),
            Text("中心", "Centre"), Text("时段", "Hours"), Text("有效期", "Valid"),
        )  # fmt: skip
        found = products_now()
        for one in found:
            for price in one["prices"]:
                hours = f"{price['from_hour']}–{price['until_hour']}"
                valid = f"{price['valid_from']} – {price['valid_until']}"
                centre = price["centre"] or "—"
                rows.add_row(one["product"], one["kind"], price["resource"], yuan(price["fen"]), centre, hours, valid)
        console.print(rows)
        write_json(json_file, found)


@compute.command("quote")
def quote_command(
    command: Command,
    seconds: Seconds = 3600,
    memory: Memory = 2048,
    cpus: Cpus = 1,
    gpus: Gpus = 0.0,
    accelerator: Accelerator = "",
    product: ProductKey = "job",
    json_file: Json = None,
) -> None:
    """提交前报价 / What a job would cost at most, by pool."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import quote

        wanted = _request(command, seconds, memory, cpus, gpus, accelerator, product=product)
        found = quote(at_the_terminal(), wanted)
        rows = table(
            Text("算力池", "Pool"), Text("算力中心", "Centre"), Text("单位", "Unit"), Text("最多（元）", "Most, CNY")
        )
        for one in found:
            rows.add_row(one.pool, one.centre, one.unit, yuan(one.most))
        console.print(rows)
        fields = ("pool", "centre", "unit", "most")
        write_json(json_file, [{name: getattr(one, name) for name in fields} for one in found])


@compute.command("submit")
def submit_command(
    command: Command,
    seconds: Seconds = 3600,
    memory: Memory = 2048,
    cpus: Cpus = 1,
    gpus: Gpus = 0.0,
    accelerator: Accelerator = "",
    product: ProductKey = "job",
    pool: PoolKey = "",
    files: Annotated[
        list[Path] | None, typer.Option("--input", help="输入文件，可多次给出 / an input file; repeat for more")
    ] = None,
    exactly_once: Annotated[
        bool, typer.Option("--exactly-once", help="不得重跑 / must not be started a second time")
    ] = False,
    preemptible: Annotated[
        bool, typer.Option("--preemptible", help="可被抢占 / may be stopped for others and started again")
    ] = False,
    json_file: Json = None,
) -> None:
    """提交作业 / Submit a job."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import submit

        inputs = {file_name(path.name): _read(path) for path in files or []}
        wanted = _request(
            command, seconds, memory, cpus, gpus, accelerator,
            product=product, pool=pool, inputs=inputs, exactly_once=exactly_once, preemptible=preemptible,
        )  # fmt: skip
        job = submit(at_the_terminal(), wanted)
        say(
            Text(
                f"作业 {job.pk} 已提交，最多 {yuan(job.most)} 元（存证 {job.submitted_evidence}）",
                f"Submitted job {job.pk}, CNY {yuan(job.most)} at most (evidence {job.submitted_evidence})",
            )
        )
        _write(json_file, job)


@compute.command("status")
def status_command(
    number: Annotated[int | None, typer.Argument(metavar="JOB", help="作业编号 / the job's number")] = None,
    json_file: Json = None,
) -> None:
    """作业状态；不给编号则列出最近的 / Where a job stands; without a number, the latest ones."""
    with plain_errors():
        open_store()
        from dujiang.compute.models import Job

        found = [_job(number)] if number is not None else list(Job.objects.whole().order_by("-id")[:50])
        rows = table(
            Text("作业", "Job"), Text("工作", "Work"), Text("付费方", "Holder"), Text("状态", "State"),
            Text("说明", "Why"), Text("算力池", "Pool"), Text("费用（元）", "Cost, CNY"), Text("存证", "Evidence"),
        )  # fmt: skip
        for job in found:
            last = job.last
            rows.add_row(
                str(job.pk),
                job.work,
                job.holder,
                both(State(job.state).words),
                both(Text(**job.why)) if job.why else "—",
                last.pool.key if last else "—",
                "—" if job.cost is None else yuan(job.cost),
                str(job.evidence or job.submitted_evidence),
            )
        console.print(rows)
        if number is not None:
            for one in found[0].pools:
                say(
                    Text(
                        *(f"{'→' if one['chosen'] else '·'} {one['pool']}：{one['why'][each]}" for each in ("zh", "en"))
                    )
                )
            _write(json_file, found[0])
        else:
            from dujiang.compute.describing import described

            write_json(json_file, [_plain(described(job)) for job in found])


@compute.command("logs")
def logs_command(number: Number) -> None:
    """作业的输出 / What a job has printed."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import logs

        job = _job(number)
        actor = at_the_terminal()
        sys.stdout.write(logs(actor, job, "stdout").decode(errors="replace"))
        sys.stderr.write(logs(actor, job, "stderr").decode(errors="replace"))


@compute.command("cancel")
def cancel_command(number: Number) -> None:
    """取消作业 / Cancel a job."""
    with plain_errors():
        open_store()
        from dujiang.compute.actions import cancel

        job = cancel(at_the_terminal(), number)
        say(Text(f"作业 {number}：{State(job.state).words.zh}，已要求结束", f"job {number}: {job.state}, asked to end"))


@compute.command("work")
def work_command() -> None:
    """运行调度器 / Run the dispatcher; one works on a site, others wait to take over."""
    with plain_errors():
        open_store()
        from dujiang.compute.dispatcher import work

        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        work(until=stop.is_set)


def dispatching() -> subprocess.Popen[bytes]:
    """Start the dispatcher beside a server, which it does not outlive; the jobs do."""
    command = [sys.executable, "-m", "dujiang.cli", "compute", "work"]
    # What a server says on its standard output may be a protocol.
    streams = {"stdin": subprocess.DEVNULL, "stdout": sys.stderr}
    return subprocess.Popen(command, **streams, preexec_fn=_end_with_parent)  # noqa: PLW1509


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _job(number: int) -> Job:
    from dujiang.compute.models import Job

    job = Job.objects.filter(pk=number).first()
    if job is None:
        raise Refused(Text(f"没有作业 {number}", f"there is no job {number}"))
    return job


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(path, expected=Text("可读的文件", "a file that can be read"), found=str(error)) from error


def _write(json_file: Path | None, job: Job) -> None:
    from dujiang.compute.describing import described

    write_json(json_file, _plain(described(job)))


def _plain(job: dict[str, Any]) -> dict[str, Any]:
    times = {name: job[name] and job[name].isoformat(timespec="seconds") for name in ("submitted", "finished")}
    return {**job, **times, "why": job["why"] and asdict(job["why"])}
