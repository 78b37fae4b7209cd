"""What people and the dispatcher do with jobs. Each job goes queued, placed, running, and to one end."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
from django.db import transaction
from django.db.models import Max, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from dujiang.compute import pricing, supervisor
from dujiang.compute.broker import Judged
from dujiang.compute.capacity import Capacity, capacity
from dujiang.compute.executors import executor
from dujiang.compute.executors.base import Outcome, Unreachable
from dujiang.compute.fairshare import HALF_LIFE
from dujiang.compute.models import Attempt, Centre, Job, NodeGroup, Pool, PowerPlan, Price, Product
from dujiang.compute.places import Offer, offers
from dujiang.compute.registration import Registration
from dujiang.compute.requests import COMMAND, LONGEST_SECONDS, JobRequest, Limits, check
from dujiang.compute.states import State
from dujiang.evidence.actions import Happening, append, append_all
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role, allowed, require
from dujiang.messages import Refused, Text
from dujiang.vouchers import actions as vouchers

OFFICE_UNIT = "推进办公室"
"""Who holds the vouchers of people who act for the office itself, and runs the site's own machine."""
DISPATCHER = Actor("dispatcher", Role.OFFICE)
LONGEST_WAIT = timedelta(days=7)
"""How long a quote holds for a job that waits in the queue."""
_SETTLING = timedelta(days=30)
"""How much longer than a job may run its hold lasts, so that it outlives a dispatcher that stands still."""
MOST_LOST, MOST_ATTEMPTS = 3, 10
"""A job is not tried again when so many of its attempts were lost, or so many made."""
REPORT = "report.json"
"""The file in which named work says what came of it (`scenario apply --json`)."""


def quote(actor: Actor, request: JobRequest) -> list[Offer]:
    """Return what each pool that can run the job would ask at most, the cheapest first.

    Raises `NotAllowed`, and `Refused` where the request can't be taken or no pool can run it.
    """
    require(actor, "job.submit")
    check(request)
    local_pool()
    product = Product.objects.filter(key=request.product).first()
    if product is None:
        known = "、".join(Product.objects.values_list("key", flat=True))
        raise Refused(Text(f"没有产品 {request.product}；可选：{known}", f"no product {request.product}: {known}"))
    pools = Pool.objects.filter(state=Pool.State.OPEN).select_related("centre").prefetch_related("groups")
    if request.work == COMMAND and not allowed(actor, "job.command-here"):
        # On the site's own machine a command would reach the site's own files.
        pools = pools.exclude(kind=Pool.Kind.LOCAL)
    if request.work != COMMAND:
        pools = pools.filter(site_python=True)
    if request.pool:
        pools = pools.filter(key=request.pool)
    places = [one.place for one in pools]
    return offers(places, request.limits, product.rates(), timezone.localtime(), LONGEST_WAIT)


def submit(actor: Actor, request: JobRequest) -> Job:
    """Take a job into the queue, with what it costs at most held from its holder's vouchers.

    Raises `NotAllowed`, `Refused`.
    """
    found = quote(actor, request)
    limits = request.limits
    product = Product.objects.get(key=request.product)
    job = Job(
        work=request.work,
        submitter=str(actor),
        holder=actor.unit or OFFICE_UNIT,
        product=product,
        argv=request.argv,
        inputs=sorted(request.inputs),
        **asdict(limits),
        exactly_once=request.exactly_once,
        preemptible=request.preemptible,
        deadline=request.deadline,
        offers=[asdict(one) for one in found],
        # It may run in any of them, so the dearest is what it may come to.
        most=max(one.most for one in found),
        rates=[one.as_json() for one in product.rates()],
    )
    try:
        with transaction.atomic():
            job.save()
            _write_inputs(job, request)
            _hold(actor, job, found[0].unit)
            body = {"work": job.work, "holder": job.holder, "product": product.key, **asdict(limits), "most": job.most}
            job.submitted_evidence = append(actor, "job.submitted", f"job:{job.pk}", body).sequence
            job.save()
    except BaseException:
        if job.pk:
            shutil.rmtree(job.folder, ignore_errors=True)
        raise
    return job


def _hold(actor: Actor, job: Job, provider: str) -> None:
    """Put aside what a job costs at most, from its holder's vouchers for the provider; raises `Refused`."""
    until = timezone.now() + LONGEST_WAIT + timedelta(seconds=job.seconds) + _SETTLING
    job.holds += 1
    key = f"job:{job.pk}:{job.holds}"
    job.provider = provider
    try:
        vouchers.hold(
            # Who may submit a job may pay for it, also by a key that allows only that.
            replace(actor, only=None),
            key=key,
            holder=job.holder,
            product=job.product.key,
            provider=provider,
            amount=job.most,
            until=until,
        )
        job.hold_key = key
    except Refused:
        if job.holder != provider:
            raise
        job.hold_key = ""


def _write_inputs(job: Job, request: JobRequest) -> None:
    # A database that was put back from a copy may give a number again.
    shutil.rmtree(job.folder, ignore_errors=True)
    (job.folder / "input").mkdir(parents=True)
    for name, content in request.inputs.items():
        (job.folder / "input" / name).write_bytes(content)


def cancel(actor: Actor, number: int) -> Job:
    """End a job: at once where it waits, else as soon as the dispatcher reaches it. Raises `NotAllowed`, `Refused`."""
    require(actor, "job.cancel")
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=number).first()
        if job is None:
            raise Refused(Text(f"没有作业 {number}", f"there is no job {number}"))
        require(actor, "job.cancel", [job.holder])
        if job.ended:
            raise Refused(Text(f"作业 {number} 已结束：{job.state}", f"job {number} has ended: {job.state}"))
        job.cancel_asked = True
        job.save()
        if job.state == State.QUEUED:
            _end(actor, job, State.CANCELLED, Text("排队时取消", "cancelled while it was queued"), None)
    return job


def logs(actor: Actor, job: Job, stream: str) -> bytes:
    """Return the end of a job's ``stdout`` or ``stderr``; raises `NotAllowed`."""
    require(actor, "job.read", [job.holder])
    last = job.last
    if last is None:
        return b""
    try:
        return executor(last.pool.kind, last.pool.settings).logs(last.handle, last.folder, stream)
    except Unreachable:
        return b""


def result(actor: Actor, job: Job, name: str) -> Path:
    """Return the path of a file that a job left; raises `NotAllowed`, FileNotFoundError where there is none."""
    require(actor, "job.read", [job.holder])
    last = job.last
    if last is None or name not in job.results():
        raise FileNotFoundError(name)
    return Path(last.folder / "work" / name)


def place(job: Job, pool: Pool) -> Attempt | None:
    """Give a queued job to a pool and lay out its attempt's folder; None where it is no longer queued."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.state != State.QUEUED:
            return None
        if not _held_for(job, pool):
            return None
        attempt = Attempt.objects.create(job=job, number=job.attempts.count() + 1, pool=pool)
        shutil.rmtree(attempt.folder, ignore_errors=True)
        shutil.copytree(job.folder / "input", attempt.folder / "work")
        job.state = State.PLACED.value
        job.save()
        return attempt


def judged(job: Job, pools: Sequence[Judged]) -> None:
    """Keep what was thought of each pool for a job that is to be placed."""
    kept = [{"pool": one.pool, "chosen": one.chosen, "why": asdict(one.why)} for one in pools]
    Job.objects.filter(pk=job.pk, state=State.QUEUED).update(pools=kept)


def preempted(attempt: Attempt, urgent: Job) -> None:
    """Take in that an attempt is stopped for a job that would else be late; its own job is queued again when it has ended.

    What the stopped attempt used is not charged.
    """
    with transaction.atomic():
        if Attempt.objects.filter(pk=attempt.pk, preempted=False).update(preempted=True):
            append(DISPATCHER, "job.preempted", f"job:{attempt.job_id}", {"attempt": attempt.number, "for": urgent.pk})


def recent_use(now: datetime) -> dict[str, list[tuple[float, float]]]:
    """Return what each holder's jobs cost of late, a sum a day: (age in s, fen) pairs.

    What runs counts too, by the part of its limit that has passed: else who fills all pools at once has used nothing.
    """
    since = now - 6 * HALF_LIFE
    days = (
        Job.objects.filter(finished__gte=since, cost__gt=0)
        .annotate(day=TruncDate("finished"))
        .values("holder", "day")
        .annotate(sum=Sum("cost"), last=Max("finished"))
    )
    used: dict[str, list[tuple[float, float]]] = {}
    for row in days:
        used.setdefault(row["holder"], []).append(((now - row["last"]).total_seconds(), float(row["sum"])))
    for attempt in Attempt.objects.filter(state=Attempt.State.RUNNING, job__most__gt=0).select_related("job"):
        job = attempt.job
        passed = min((now - attempt.placed).total_seconds() / job.seconds, 1.0)
        used.setdefault(job.holder, []).append((0.0, job.most * max(passed, 0.0)))
    return used


def _held_for(job: Job, pool: Pool) -> bool:
    """See to it that what a job costs is held for the pool's unit, and long enough; else end the job."""
    if job.provider == pool.centre.unit and not job.hold_key:
        return True
    try:
        if job.provider != pool.centre.unit:
            raise Refused(Text("改由别的单位承担", "another unit runs it"))
        vouchers.extend(DISPATCHER, job.hold_key, timezone.now() + timedelta(seconds=job.seconds) + _SETTLING)
        return True
    except Refused:
        # It waited longer than any quote holds, or goes to another unit.
        if job.hold_key:
            vouchers.release(DISPATCHER, job.hold_key)
    try:
        _hold(DISPATCHER, job, pool.centre.unit)
    except Refused as error:
        job.hold_key = ""
        _end(DISPATCHER, job, State.FAILED, error.text, None)
        return False
    return True


def started(attempt: Attempt, handle: str) -> None:
    """Keep the handle of an attempt that its executor has taken."""
    Attempt.objects.filter(pk=attempt.pk).update(handle=handle)


def running(attempt: Attempt) -> None:
    """Say that an attempt runs."""
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.RUNNING)
        Job.objects.filter(pk=attempt.job_id, state=State.PLACED).update(state=State.RUNNING)


def ended(attempt: Attempt, outcome: Outcome) -> None:
    """Take in how an attempt ended, and settle its job by what was used."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=attempt.job_id)
        if job.ended:
            return
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.ENDED, outcome=asdict(outcome))
        if outcome.ended_by == "cancelled" and not job.cancel_asked and attempt.preempted:
            _requeue(job)
            return
        attempt.outcome = asdict(outcome)
        state, why = _verdict(job, outcome)
        job.fault = _fault(attempt)
        _end(DISPATCHER, job, state, why, attempt)


def lost(attempt: Attempt, why: Text) -> None:
    """Take in that nobody knows what became of an attempt; its job is queued again unless it must run but once."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=attempt.job_id)
        if job.ended:
            return
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.LOST)
        if job.cancel_asked:
            _end(DISPATCHER, job, State.CANCELLED, why, None)
        elif job.exactly_once or job.attempts.filter(state=Attempt.State.LOST).count() >= MOST_LOST:
            _end(DISPATCHER, job, State.LOST, why, None)
        else:
            _requeue(job)


def withdrawn(attempt: Attempt) -> None:
    """Take in that an attempt never started and never will; its job is queued again, a few times."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=attempt.job_id)
        if job.ended:
            return
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.WITHDRAWN)
        if job.cancel_asked:
            _end(DISPATCHER, job, State.CANCELLED, Text("启动前取消", "cancelled before it started"), None)
        elif job.attempts.filter(preempted=False).count() >= MOST_ATTEMPTS:
            _end(DISPATCHER, job, State.FAILED, Text("多次未能启动", "it could not be started"), None)
        else:
            _requeue(job)


def rejected(attempt: Attempt, why: Text) -> None:
    """Take in that a pool would not take an attempt, which ends its job."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=attempt.job_id)
        if job.ended:
            return
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.WITHDRAWN)
        _end(DISPATCHER, job, State.FAILED, why, None)


def cost_of(numbers: list[int]) -> int:
    """Return what jobs that have ended cost together, in fen."""
    return Job.objects.filter(pk__in=numbers).aggregate(sum=Sum("cost", default=0))["sum"]


@dataclass
class Meter:
    """What `metered` measures: its job, and the peak memory of the work, where the caller knows it."""

    job: Job
    memory_mib: float = 0.0


@contextmanager
def metered(actor: Actor, *, work: str, limits: Limits) -> Iterator[Meter]:
    """Run what stands in the block as a job of the site's own machine, by this process; it is charged by its time.

    Where this process is killed, the dispatcher finds the job lost and what was held for it is free again. Raises
    `NotAllowed`, and `Refused` where the holder's vouchers do not reach.
    """
    require(actor, "job.submit")
    pool = local_pool()
    room = pool.groups.get()
    limits = replace(
        limits,
        seconds=min(limits.seconds, LONGEST_SECONDS),
        cpus=min(limits.cpus, room.cpus),
        memory_mib=min(limits.memory_mib, room.memory_mib),
    )
    product = Product.objects.get(key="job")
    rates = product.rates()
    [offer] = offers([pool.place], limits, rates, timezone.localtime(), timedelta())
    with transaction.atomic():
        job = Job.objects.create(
            work=work,
            submitter=str(actor),
            holder=actor.unit or OFFICE_UNIT,
            product=product,
            argv=[],
            **asdict(limits),
            exactly_once=True,
            state=State.RUNNING.value,
            offers=[asdict(offer)],
            most=offer.most,
            rates=[one.as_json() for one in rates],
        )
        _hold(actor, job, offer.unit)
        me = supervisor.identity(os.getpid())
        attempt = Attempt.objects.create(job=job, number=1, pool=pool, state=Attempt.State.RUNNING, handle=me)
        shutil.rmtree(job.folder, ignore_errors=True)
        attempt.folder.mkdir(parents=True)
        supervisor.claim(attempt.folder, me)
        job.save()
    meter, started, before = Meter(job), time.time(), os.times()
    ended_by, code = "", 0
    try:
        yield meter
    except BaseException as error:
        ended_by, code = ("", 1) if isinstance(error, Exception) else ("cancelled", None)
        raise
    finally:
        cpu = sum(os.times()[:4]) - sum(before[:4])
        ended(attempt, Outcome(code, ended_by, started, time.time(), round(cpu, 3), meter.memory_mib))
        job.refresh_from_db()


def unreachable(pool: Pool) -> None:
    """Note since when a pool does not answer."""
    Pool.objects.filter(pk=pool.pk, gone_since=None).update(gone_since=timezone.now())


def reachable(pool: Pool) -> None:
    """Note that a pool answers again."""
    Pool.objects.filter(pk=pool.pk).update(gone_since=None)


def _requeue(job: Job) -> None:
    job.state = State.QUEUED.value
    job.save()


def _verdict(job: Job, outcome: Outcome) -> tuple[State, Text]:
    match outcome.ended_by:
        case "time":
            return State.FAILED, Text(f"超过时限 {job.seconds} 秒", f"over its time of {job.seconds} s")
        case "memory":
            text = Text(f"超过内存上限 {job.memory_mib} MiB", f"over its memory of {job.memory_mib} MiB")
            return State.FAILED, text
        case "cancelled":
            return State.CANCELLED, Text("运行中取消", "cancelled while it ran")
        case "":
            if outcome.exit_code == 0:
                return State.DONE, Text("完成", "done")
            code = outcome.exit_code
            return State.FAILED, Text(f"退出码 {code}", f"exit code {code}")
        case word:
            return State.FAILED, Text(f"算力池报告 {word}", f"the pool says {word}")


def _fault(attempt: Attempt) -> Any:
    """Return what the work said of an input that it could not use."""
    try:
        report = json.loads((attempt.folder / "work" / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report.get("fault") if isinstance(report, dict) else None


def _end(actor: Actor, job: Job, state: State, why: Text, attempt: Attempt | None) -> None:
    """Bring a job to its end, charged by what the attempt used, with nothing where there is none."""
    job.state = state.value
    job.why = asdict(why)
    job.finished = timezone.now()
    job.statement = _statement(job, attempt) if attempt else None
    job.cost = job.statement["fen"] if job.statement else 0
    if job.hold_key:
        _settle(job)
    body = {
        "work": job.work,
        "holder": job.holder,
        "state": job.state,
        "why": job.why,
        "attempts": job.attempts.count(),
        "use": attempt.outcome if attempt else None,
        "statement": job.statement,
        "fen": job.cost,
    }
    job.evidence = append(actor, "job.finished", f"job:{job.pk}", body).sequence
    job.save()


def _settle(job: Job) -> None:
    """Pay what a job cost from what was held for it, and release the rest; the statement says whose money it was."""
    if not job.cost:
        vouchers.release(DISPATCHER, job.hold_key)
        return
    try:
        paid = vouchers.settle(DISPATCHER, job.hold_key, job.cost)
    except Refused as error:
        # Nobody settled it in all the time that it was held: what is owed stands on the statement.
        job.statement = {**job.statement, "hold": job.hold_key, "shares": [], "unpaid": asdict(error.text)}
    else:
        job.statement = {**job.statement, "hold": job.hold_key, "shares": [[*one] for one in paid.shares]}


def _statement(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Return what a job is charged: by the prices that it was quoted, at the place where it ran."""
    use = attempt.outcome or {}
    start = datetime.fromtimestamp(use["started"], timezone.get_default_timezone())
    used = pricing.whole_seconds(use["started"], use["ended"])
    # Ending a job takes a moment, which is not the holder's; a reserved block is paid as booked.
    seconds = job.seconds if job.product.kind == Product.Kind.RESERVED else min(used, job.seconds)
    wanted = pricing.quantities(job.cpus, job.memory_mib, job.gpu_milli, job.gpu_kind)
    centre = attempt.pool.centre
    rates = [pricing.Rate.from_json(one) for one in job.rates]
    lines = pricing.charge(wanted, start, seconds, rates, centre.key)
    return {
        "centre": centre.key,
        "unit": centre.unit,
        "pool": attempt.pool.key,
        "product": job.product.key,
        "start": start.isoformat(timespec="seconds"),
        "seconds": seconds,
        "lines": [asdict(one) for one in lines],
        "fen": sum(one.fen for one in lines),
    }


def register(actor: Actor, told: Registration, source: str, digest: str) -> Centre:
    """Register a compute centre, or replace what was registered of it; jobs keep the prices they were quoted.

    ``source`` and ``digest`` name the file that says so. A pool that it no longer names is closed. The register's
    capacity after it is evidence too, from which the plan's indicators are computed. Raises `NotAllowed`, `Refused`.
    """
    require(actor, "compute.register")
    about = told.centre
    if not Unit.objects.filter(name=about["unit"]).exists():
        raise Refused(
            Text(
                f"没有单位“{about['unit']}”；方案中的单位载入即在册，企业另行登记（dujiang unit add）",
                f"there is no unit {about['unit']!r}: a plan's are there once it is loaded, add others (dujiang unit add)",
            )
        )
    with transaction.atomic():
        body = {"source": source, "sha256": digest, "unit": about["unit"], "pools": [one["key"] for one in told.pools]}
        entry = append(actor, "compute.registered", f"centre:{about['key']}", body)
        fields = {name: value for name, value in about.items() if name != "key"}
        centre, _ = Centre.objects.update_or_create(key=about["key"], defaults={**fields, "evidence": entry.sequence})
        centre.pools.exclude(key__in=body["pools"]).update(state=Pool.State.CLOSED)
        for one in told.pools:
            _register_pool(centre, one)
        for one in told.products:
            Product.objects.update_or_create(
                key=one["key"], defaults={name: one[name] for name in one if name != "key"}
            )
        centre.price_set.all().delete()
        products = {one.key: one for one in Product.objects.all()}
        for one in told.prices:
            if one["product"] not in products:
                raise Refused(Text(f"没有产品 {one['product']}", f"there is no product {one['product']}"))
            Price.objects.create(**{**one, "product": products[one["product"]], "centre": centre})
        _record_capacity(actor)
    return centre


def _register_pool(centre: Centre, told: Mapping[str, Any]) -> None:
    if Pool.objects.filter(key=told["key"]).exclude(centre=centre).exists():
        raise Refused(Text(f"算力池 {told['key']} 属于别的中心", f"pool {told['key']} is another centre's"))
    fields = {name: told[name] for name in ("kind", "settings", "site_python")}
    pool, _ = Pool.objects.update_or_create(
        key=told["key"], defaults={**fields, "centre": centre, "state": Pool.State.OPEN}
    )
    pool.groups.all().delete()
    for row in told["nodes"]:
        NodeGroup.objects.create(pool=pool, nodes=row["count"], **{name: row[name] for name in row if name != "count"})


def registered_capacity() -> Capacity:
    """Return what the open pools of the centres that count add up to."""
    groups = NodeGroup.objects.filter(pool__state=Pool.State.OPEN, pool__centre__counted=True)
    return capacity(one.equipment for one in groups)


def _record_capacity(actor: Actor) -> None:
    found = registered_capacity()
    if found.share is not None:
        values = {"intelligent": (found.intelligent * 1e18, "FLOP/s"), "share": (found.share, "%")}
        append_all(
            actor,
            [
                Happening("compute.capacity", subject, {"value": value, "unit": unit})
                for subject, (value, unit) in values.items()
            ],
        )


def local_pool() -> Pool:
    """Return the pool of the site's own machine; at first need the machine is registered with a price list."""
    found = Pool.objects.filter(key="local").first()
    if found:
        return found
    with transaction.atomic():
        evidence = append(DISPATCHER, "compute.registered", "centre:local", {"what": "the site's own machine"})
        centre, new = Centre.objects.get_or_create(
            key="local",
            defaults={"name": "本站", "unit": OFFICE_UNIT, "counted": False, "evidence": evidence.sequence},
        )
        if new:
            pool = Pool.objects.create(key="local", centre=centre, kind=Pool.Kind.LOCAL, site_python=True)
            memory = psutil.virtual_memory().total >> 20
            NodeGroup.objects.create(pool=pool, nodes=1, cpus=os.cpu_count() or 1, memory_mib=memory)
            product, _ = Product.objects.get_or_create(
                key="job", defaults={"kind": Product.Kind.JOB, "title_zh": "计算作业", "title_en": "Computing job"}
            )
            for resource, fen in LOCAL_PRICES.items():
                Price.objects.create(
                    product=product,
                    resource=resource,
                    fen=fen,
                    centre=centre,
                    valid_from=date(2000, 1, 1),
                    valid_until=date(9999, 12, 31),
                )
    return Pool.objects.get(key="local")


LOCAL_PRICES = {pricing.CPU: 20, pricing.MEMORY: 4}
"""Fen an hour for a core and for a GiB of the site's own machine."""


def record_power_plan(actor: Actor, report: dict[str, Any], picture: str, files: Mapping[str, Path]) -> PowerPlan:
    """Put a plan of flexible jobs by power on record, with the digests of the files that it is of; raises `NotAllowed`."""
    require(actor, "compute.register")
    body = {
        "files": {
            name: {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()} for name, path in files.items()
        },
        **{key: report[key] for key in ("seeds", "jobs", "hours", "policies")},
    }
    with transaction.atomic():
        entry = append(actor, "compute.power-planned", "、".join(report["sites"])[:200], body)
        return PowerPlan.objects.create(report=report, picture=picture, evidence=entry.sequence)
