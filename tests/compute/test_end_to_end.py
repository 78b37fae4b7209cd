"""From an enterprise's application for a voucher to the month's dispatch, through a job on a real Slurm."""

import csv
import hashlib
import json
import sys
import time
from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil

import pytest

from dujiang.compute.actions import cancel, register, submit
from dujiang.compute.executors.slurm import completed
from dujiang.compute.models import Attempt, Job, Pool
from dujiang.compute.registration import read
from dujiang.compute.requests import JobRequest, Limits
from dujiang.evidence.models import Record
from dujiang.evidence.months import this_month
from dujiang.identity.actions import add_enterprise, units_of_plan
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Refused
from dujiang.plan.actions import load
from dujiang.plan.figures import monthly_dispatch
from dujiang.vouchers import actions as vouchers
from dujiang.vouchers.audit import faults
from dujiang.vouchers.terms import Complement
from waiting import until

OFFICE = Actor("tester", Role.OFFICE)
FIRM = Actor("li", Role.ENTERPRISE, "绵阳某公司")
CITY = Actor("zhao", Role.CITY, "绵阳市")
YEAR = datetime.now(UTC).year
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2030年，智算规模达100EFlops、智算占比超85%。

二、重点任务
（一）“人工智能+”制造。建设省工业大模型平台。（责任单位：经济和信息化厅）
"""


def credit_code(first):
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(signs.index(one) * pow(3, place, 31) for place, one in enumerate(first))
    return first + signs[(31 - total % 31) % 31]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tianfu(centre, tmp_path):
    plan = tmp_path / "plan.txt"
    plan.write_text(PLAN, encoding="utf-8")
    load(OFFICE, plan)
    units_of_plan(["绵阳市"])
    add_enterprise(OFFICE, "绵阳某公司", credit_code("91510700MA6AAAAAX"))
    add_enterprise(OFFICE, "某算力公司", credit_code("91510100MA6BBBBBX"))
    return register(OFFICE, read(centre), centre.name, sha256(centre))


@pytest.fixture
def granted(tianfu):
    programme = vouchers.declare(
        OFFICE, code="sc-compute", title="四川省算力券", unit="CNY", cap=100_001, budget=10**7, issuer="510000",
        shares=[Complement("51", 5000)], kinds=["enterprise"], divisions=["51"], products=["job"],
        since=date(YEAR, 1, 1), until=date(YEAR + 1, 12, 31),
    )  # fmt: skip
    vouchers.allot(CITY, programme, "510700", 10**6)
    application = vouchers.apply(FIRM, programme, "绵阳某公司", 100_001, "训练质检模型")
    vouchers.review(Actor("wang", Role.REVIEWER), application, approved=True, amount=100_001, why="用途明确")
    return vouchers.grant(CITY, application)


def invoice(slurm, path):
    """What the centre itself makes of its accounting and its price list: cores at 72 yuan, GiB at 1 yuan an hour."""
    from datetime import datetime as clock

    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["key", "amount"])
        for one in completed(slurm.completed):
            if not one["Name"].startswith("job:"):
                continue
            seconds = (clock.fromisoformat(one["EndTime"]) - clock.fromisoformat(one["StartTime"])).seconds
            resources = dict(part.split("=") for part in one["Tres"].split(","))
            cores = Fraction(int(resources["cpu"]))
            gib = ceil(Fraction(int(resources["mem"].rstrip("M")) * 1000, 1024)) / Fraction(1000)
            fen = ceil(cores * seconds * 7200 / 3600) + ceil(gib * seconds * 100 / 3600)
            rows.writerow([one["Name"], f"{fen / 100:.2f}"])
    return path


def command(code, **more):
    return JobRequest(argv=[sys.executable, "-c", code], limits=Limits(seconds=60, memory_mib=256), **more)


def test_an_enterprises_job_from_voucher_to_invoice_and_dispatch(granted, slurm, dispatch, tmp_path):
    assert (granted.province, granted.amount - granted.province) == (50_000, 50_001)
    slurm.completed.write_text("")
    job = submit(FIRM, command("import time; open('model', 'w').write('w'); time.sleep(1)"))
    assert [one["pool"] for one in job.offers] == ["tianfu-a"]
    assert vouchers.find(job.hold_key).amount == job.most
    before = vouchers.balance("绵阳某公司", "job")
    assert before == 100_001 - job.most

    job = dispatch(job)
    assert (job.state, job.results(), job.last.pool.kind) == ("done", ["model"], "slurm")
    statement = job.statement
    assert statement["unit"] == "某算力公司"
    assert statement["fen"] == sum(line["fen"] for line in statement["lines"]) == job.cost > 0
    assert sum(amount for _, amount in statement["shares"]) == job.cost
    assert {issuer for issuer, _ in statement["shares"]} == {"510000", "510700"}
    assert vouchers.balance("绵阳某公司", "job") == 100_001 - job.cost
    assert list(faults()) == []

    until(lambda: any(one["Name"] == job.hold_key for one in completed(slurm.completed)))
    made = vouchers.reconcile(OFFICE, "某算力公司", this_month(), invoice(slurm, tmp_path / "invoice.csv"))
    assert (made.rows, made.invoiced, made.settled, made.differences) == (1, job.cost, job.cost, [])

    from dujiang.plan.models import Programme

    month = monthly_dispatch(Programme.current(), this_month())
    added = {one.kind: one.count for one in month.added}
    assert added["voucher.granted"] == added["job.submitted"] == added["job.finished"] == added["voucher.settled"] == 1
    body = json.loads(Record.objects.get(sequence=job.evidence).body)
    assert (body["fen"], body["statement"]["unit"]) == (job.cost, "某算力公司")


def test_a_cancelled_job_on_slurm_is_charged_for_what_it_ran(granted, dispatch):
    job = dispatch(submit(FIRM, command("import time; time.sleep(600)")), lambda job: job.state == "running")
    time.sleep(2)  # Slurm counts whole seconds
    cancel(FIRM, job.pk)
    job = dispatch(job)
    assert job.state == "cancelled"
    assert 0 < job.cost < job.most
    assert vouchers.balance("绵阳某公司", "job") == 100_001 - job.cost


def test_without_vouchers_a_job_is_refused_and_leaves_nothing(tianfu):
    vouchers.declare(
        OFFICE, code="none", title="不适用", unit="CNY", cap=1, budget=1, products=["gpu.*"],
        since=date(YEAR, 1, 1), until=date(YEAR + 1, 12, 31),
    )  # fmt: skip
    with pytest.raises(Refused, match="suffice"):
        submit(FIRM, command("1"))
    assert not Job.objects.exists()


@pytest.mark.parametrize("once", [False, True])
def test_a_pool_that_disappears_has_its_jobs_run_elsewhere_and_charged_once(
    tianfu, slurm, dispatch, settings, tmp_path, once
):
    """The trial programme pays. The site's own machine could run it too; it asks for more."""
    mark = tmp_path / "ran"
    wait = f"import time; open({str(mark)!r}, 'a').write('x'); time.sleep(len(open({str(mark)!r}).read()) == 1 and 600)"
    job = submit(OFFICE, command(wait, exactly_once=once))
    dearer = [{**one, "most": one["most"] + 100_000 * (one["pool"] == "local")} for one in job.offers]
    Job.objects.filter(pk=job.pk).update(offers=dearer)
    dispatch(job, lambda job: job.state == "running" and mark.exists())
    # Only now: a Slurm that is merely slow to answer is not to be given up.
    settings.COMPUTE_GIVE_UP_SECONDS = 0.5
    slurm.kill()
    try:
        job = dispatch(job)
        assert Pool.objects.get(key="tianfu-a").gone_since is not None
    finally:
        slurm.start()
    states = [one.state for one in job.attempts.all()]
    if once:
        assert (job.state, states, job.cost) == ("lost", [Attempt.State.LOST], 0)
        assert mark.read_text() == "x"
    else:
        assert (job.state, states) == ("done", [Attempt.State.LOST, Attempt.State.ENDED])
        assert [one.pool.key for one in job.attempts.all()] == ["tianfu-a", "local"]
        assert job.statement["unit"] == "推进办公室"
        assert mark.read_text() == "xx"
    assert list(faults()) == []
    kinds = list(Record.objects.filter(kind__startswith="voucher.settled").values_list("kind", flat=True))
    assert len(kinds) == (0 if once else 1)
    # The pool is taken up again when it answers.
    again = submit(OFFICE, command("1", pool="tianfu-a"))
    assert dispatch(again).last.pool.key == "tianfu-a"


def test_the_register_gives_the_plan_its_capacity(tianfu, centre):
    from dujiang.plan.models import Programme

    def lines():
        return {one.about: one for one in monthly_dispatch(Programme.current(), this_month()).goals}

    assert lines()["智算规模"].value == 0
    text = centre.read_text().replace(
        "cpu_fp32_tflops = 2.0", 'cpu_fp32_tflops = 2.0\naccelerator = "ascend-910"\naccelerators = 8'
    )
    centre.write_text(text.replace("count = 1", "count = 1000"))
    register(OFFICE, read(centre), centre.name, sha256(centre))
    size, share = lines()["智算规模"], lines()["智算占比"]
    assert size.value == pytest.approx(1000 * 8 * 256 / 1e6)  # EFlops
    assert share.value == pytest.approx(100 * 8 * 256 / (8 * 256 + 2))
    assert Record.objects.get(sequence=size.evidence[0]).kind == "compute.capacity"
    assert size.source == "登记算力规模 / registered capacity"
