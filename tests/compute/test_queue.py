"""Who is next: fair share between holders, backfill behind a reservation, and room for what would be late."""

import os
import shutil
import signal
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from dujiang.compute.actions import cancel, local_pool, preempted, recent_use, submit
from dujiang.compute.commands import status_command
from dujiang.compute.describing import described
from dujiang.compute.dispatcher import Dispatcher
from dujiang.compute.models import Attempt, Job, NodeGroup, Pool, Product
from dujiang.compute.pricing import whole_seconds
from dujiang.compute.requests import JobRequest, Limits
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, Role

OFFICE = Actor("office", Role.OFFICE)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def four_cores(db):
    local_pool().groups.update(cpus=4, memory_mib=100_000)


def job(code="1", cpus=4, seconds=60, holder="甲公司", **more):
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


def test_many_jobs_of_one_holder_hide_nobody_elses(monkeypatch):
    monkeypatch.setattr("dujiang.compute.dispatcher._QUEUE_AT_ONCE", 4)
    used("甲公司", 1000, 1)
    many = [job() for _ in range(6)]
    late = job(holder="乙公司")
    Dispatcher().tick()
    assert states(late, *many) == ["placed"] + ["queued"] * 6


def test_what_runs_counts_as_used(dispatch, held):
    long = job(held.code, cpus=2, seconds=100)
    dispatch(long, lambda one: one.state == "running")
    # Half of its time has passed.
    Attempt.objects.update(placed=timezone.now() - timedelta(seconds=50))
    [(_, fen)] = recent_use(timezone.now())["甲公司"]
    assert fen == pytest.approx(long.most / 2, rel=0.05)
    first, second = job(cpus=2), job(cpus=2, holder="乙公司")
    Dispatcher().tick()
    assert states(first, second) == ["queued", "placed"]
    held.let_go()
    dispatch(long)


def test_those_who_wait_turn_a_job_to_the_dearer_pool():
    local = local_pool()
    dear = Pool.objects.create(key="dear", centre=local.centre, kind="local", settings=local.settings, site_python=True)
    NodeGroup.objects.create(pool=dear, nodes=1, cpus=4, memory_mib=100_000)
    for one in [job(seconds=3600) for _ in range(4)]:
        # An hour's wait counts 100 fen: less than the difference, and two hours more.
        offers = [{**each, "most": each["most"] + (150 if each["pool"] == "dear" else 0)} for each in one.offers]
        Job.objects.filter(pk=one.pk).update(offers=offers)
    Dispatcher().tick()
    placed = dict(Attempt.objects.values_list("pool__key", "job"))
    order = list(Job.objects.order_by("id").values_list("pk", flat=True))
    assert placed == {"local": order[0], "dear": order[2]}


def test_without_use_the_queue_is_as_it_came():
    first, second = job(), job(holder="乙公司")
    Dispatcher().tick()
    assert states(first, second) == ["placed", "queued"]


def test_what_ends_in_time_goes_ahead_of_what_waits_and_nothing_else(dispatch, held):
    running = job(held.code, cpus=3, seconds=100)
    dispatch(running, lambda one: one.state == "running")
    waiting = job(cpus=4)
    long, short = job(cpus=1, seconds=500), job(cpus=1, seconds=50)
    Dispatcher().tick()
    assert states(waiting, long, short) == ["queued", "queued", "placed"]
    held.let_go()
    assert dispatch(waiting).state == "done"
    assert dispatch(long).state == "done"


def test_a_job_that_would_be_late_stops_what_is_preemptible_which_runs_again(dispatch, held):
    patient = job(held.code, seconds=1000, preemptible=True)
    dispatch(patient, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=300))
    done = dispatch(urgent)
    assert done.state == "done"
    held.let_go()
    again = dispatch(patient)
    assert (again.state, again.attempts.count()) == ("done", 2)
    assert again.attempts.get(number=1).preempted
    assert Record.objects.get(kind="job.preempted").content == {"attempt": 1, "for": urgent.pk}
    second = again.last.outcome
    assert again.statement["seconds"] == whole_seconds(second["started"], second["ended"])


def test_nothing_is_stopped_for_a_job_that_can_wait_and_still_be_in_time(dispatch, held):
    patient = job(held.code, seconds=20, preemptible=True)
    dispatch(patient, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=260))  # urgent by now, and 20 s are there to wait
    Dispatcher().tick()
    held.let_go()
    assert dispatch(urgent).state == "done"
    assert not Attempt.objects.filter(preempted=True).exists()


def test_nothing_goes_ahead_into_the_room_that_is_being_made(dispatch, held):
    patient = job(held.code, cpus=3, seconds=1000, preemptible=True)
    dispatch(patient, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=300))
    # Without the stop it would end before the patient job, in the core that is free.
    filler = job(cpus=1, seconds=900)
    one = Dispatcher()
    one.tick()
    assert Attempt.objects.get(job=patient).preempted
    assert states(filler) == ["queued"]
    assert dispatch(urgent).state == "done"
    held.let_go()
    dispatch(filler)
    assert urgent.attempts.get().pk < filler.attempts.get().pk


def test_a_stop_on_record_is_done_by_the_next_dispatcher(dispatch, held):
    patient = job(held.code, seconds=1000, preemptible=True)
    dispatch(patient, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=300))
    preempted(Attempt.objects.get(job=patient), urgent)  # and the dispatcher is killed here
    assert dispatch(urgent).state == "done"
    cancel(OFFICE, patient.pk)
    dispatch(patient)


def test_nothing_else_is_stopped(dispatch, held):
    running = job(held.code, seconds=1000)
    dispatch(running, lambda one: one.state == "running")
    urgent = job(deadline=timezone.now() + timedelta(seconds=300))
    Dispatcher().tick()
    held.let_go()
    assert dispatch(urgent).state == "done"
    assert dispatch(running).attempts.count() == 1
    assert not Record.objects.filter(kind="job.preempted").exists()


def test_a_job_says_why_it_runs_where_it_does(dispatch):
    made = dispatch(job(cpus=1))
    [only] = described(made)["pools"]
    assert (only["pool"], only["chosen"]) == ("local", True)
    assert "现有空位" in only["why"]["zh"]


def test_status_says_why_a_job_runs_where_it_does(dispatch, monkeypatch, capsys):
    made = dispatch(job(cpus=1))
    monkeypatch.setattr("dujiang.compute.commands.open_store", lambda: None)
    status_command(made.pk)
    said = capsys.readouterr().out
    assert "→ local：" in said
    assert "现有空位" in said and "room now" in said


def test_an_attempt_whose_folder_was_removed_is_lost_and_holds_up_nobody(dispatch, held):
    gone = job(held.code, cpus=2)
    dispatch(gone, lambda one: one.state == "running")
    attempt = Attempt.objects.get(job=gone)
    os.kill(int(attempt.handle.split(":")[0]), signal.SIGKILL)
    shutil.rmtree(attempt.folder)
    after = job(cpus=2)
    assert dispatch(after).state == "done"
    attempt.refresh_from_db()
    assert attempt.state == Attempt.State.LOST
