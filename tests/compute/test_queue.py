"""Who is next: fair share between holders, backfill behind a reservation, and room for what would be late."""

import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.compute.actions import local_pool, submit
from dujiang.compute.describing import described
from dujiang.compute.dispatcher import Dispatcher
from dujiang.compute.models import Job, Product
from dujiang.compute.requests import JobRequest, Limits
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, Role

OFFICE = Actor("office", Role.OFFICE)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def four_cores(db):
    local_pool().groups.update(cpus=4, memory_mib=100_000)


def job(cpus=4, seconds=60, sleep=0.0, holder="甲公司", **more):
    code = f"import time; time.sleep({sleep})"
    limits = Limits(seconds=seconds, memory_mib=64, cpus=cpus)
    made = submit(OFFICE, JobRequest(argv=[sys.executable, "-c", code], limits=limits, **more))
    Job.objects.filter(pk=made.pk).update(holder=holder)
    return made


def states(*jobs):
    return [Job.objects.get(pk=one.pk).state for one in jobs]


def used(holder, fen, days):
    Job.objects.create(
        work="command", submitter="t", holder=holder, product=Product.objects.get(), argv=["x"], seconds=1, memory_mib=16,
        cpus=1, state="done", cost=fen, finished=timezone.now() - timedelta(days=days),
    )  # fmt: skip


def test_who_has_used_less_goes_first():
    used("甲公司", 1000, 1)
    used("乙公司", 1000, 30)  # long ago counts little
    first, second = job(), job(holder="乙公司")
    Dispatcher().tick()
    assert states(first, second) == ["queued", "placed"]


def test_without_use_the_queue_is_as_it_came():
    first, second = job(), job(holder="乙公司")
    Dispatcher().tick()
    assert states(first, second) == ["placed", "queued"]


def test_what_ends_in_time_goes_ahead_of_what_waits_and_nothing_else(dispatch):
    running = job(cpus=3, seconds=100, sleep=1.0)
    dispatch(running, lambda one: one.state == "running")
    waiting = job(cpus=4)
    long, short = job(cpus=1, seconds=500), job(cpus=1, seconds=50)
    Dispatcher().tick()
    assert states(waiting, long, short) == ["queued", "queued", "placed"]
    assert dispatch(waiting, seconds=60).state == "done"
    assert dispatch(long, seconds=60).state == "done"


def test_a_job_that_would_be_late_stops_what_is_preemptible_which_runs_again(dispatch):
    patient = job(seconds=100, sleep=3.0, preemptible=True)
    dispatch(patient, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=90))
    done = dispatch(urgent)
    assert done.state == "done"
    again = dispatch(patient, seconds=60)
    assert (again.state, again.attempts.count()) == ("done", 2)
    assert again.attempts.get(number=1).preempted
    assert Record.objects.get(kind="job.preempted").content == {"attempt": 1, "for": urgent.pk}
    assert again.statement["seconds"] < 30  # of the second run alone


def test_nothing_else_is_stopped(dispatch):
    running = job(seconds=100, sleep=1.5)
    dispatch(running, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=90))
    assert dispatch(urgent).state == "done"
    assert dispatch(running).attempts.count() == 1
    assert not Record.objects.filter(kind="job.preempted").exists()


def test_a_job_says_why_it_runs_where_it_does(dispatch):
    made = dispatch(job(cpus=1))
    [only] = described(made)["pools"]
    assert (only["pool"], only["chosen"]) == ("local", True)
    assert "现有空位" in only["why"]["zh"]
