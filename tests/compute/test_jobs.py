"""A job from submission to statement: who may, what it leaves, how it ends."""

import json
import sys

import pytest

from dujiang.compute.actions import cancel, logs, quote, result, submit
from dujiang.compute.describing import described
from dujiang.compute.models import Attempt, Job, Pool
from dujiang.compute.requests import JobRequest, Limits, file_name
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.scenarios.actions import apply_to_file
from dujiang.scenarios.registry import find

OFFICE = Actor("tester", Role.OFFICE)
FIRM = Actor("firm", Role.ENTERPRISE, "甲公司")
OTHER = Actor("other", Role.ENTERPRISE, "乙公司")

pytestmark = pytest.mark.django_db


def python(code, **more):
    return JobRequest(argv=[sys.executable, "-c", code], **more)


def test_a_job_goes_from_its_files_to_its_result_and_statement(dispatch):
    job = submit(OFFICE, python("open('out', 'w').write(open('in').read() * 2); print('ok')", inputs={"in": b"ab"}))
    assert (job.state, job.holder) == ("queued", "推进办公室")
    job = dispatch(job)
    assert (job.state, job.last.outcome["exit_code"]) == ("done", 0)
    assert job.results() == ["out"]
    assert result(OFFICE, job, "out").read_text() == "abab"
    assert logs(OFFICE, job, "stdout") == b"ok\n"
    assert job.statement["fen"] == sum(one["fen"] for one in job.statement["lines"]) == job.cost
    assert 0 < job.cost <= job.most
    record = Record.objects.get(sequence=job.evidence)
    body = json.loads(record.body)
    assert (record.kind, record.subject, body["state"], body["fen"]) == (
        "job.finished",
        f"job:{job.pk}",
        "done",
        job.cost,
    )
    assert body["statement"] == job.statement
    assert json.loads(Record.objects.get(sequence=job.submitted_evidence).body)["most"] == job.most


def test_a_failing_job_is_charged_for_what_it_used(dispatch):
    job = dispatch(submit(OFFICE, python("raise SystemExit(3)")))
    assert (job.state, job.why["en"]) == ("failed", "exit code 3")
    assert job.cost > 0


def test_a_job_over_its_time_is_ended_and_charged_no_more_than_that(dispatch):
    job = dispatch(submit(OFFICE, python("import time; time.sleep(60)", limits=Limits(seconds=1))))
    assert (job.state, job.why["zh"]) == ("failed", "超过时限 1 秒")
    assert job.statement["seconds"] == 1


def test_a_queued_job_is_cancelled_at_once_and_costs_nothing():
    job = cancel(OFFICE, submit(OFFICE, python("1")).pk)
    assert (job.state, job.cost, job.statement) == ("cancelled", 0, None)
    with pytest.raises(Refused, match="has ended"):
        cancel(OFFICE, job.pk)


def test_a_running_job_is_cancelled_by_the_dispatcher(dispatch):
    job = dispatch(submit(OFFICE, python("import time; time.sleep(600)")), lambda job: job.state == "running")
    cancel(OFFICE, job.pk)
    job = dispatch(job)
    assert (job.state, job.why["en"]) == ("cancelled", "cancelled while it ran")
    assert job.cost > 0


def test_more_jobs_than_the_machine_holds_wait_for_one_another(dispatch, held):
    cores = quote_cores()
    jobs = [submit(OFFICE, python(held.code, limits=Limits(cpus=cores))) for _ in range(2)]
    dispatch(jobs[0], lambda job: job.state == "running")
    assert Job.objects.get(pk=jobs[1].pk).state == "queued"
    held.let_go()
    dispatch(jobs[1])
    first, second = (Job.objects.get(pk=one.pk).last.outcome for one in jobs)
    assert first["ended"] <= second["started"]


def quote_cores():
    quote(OFFICE, python("1"))
    return Pool.objects.get(key="local").groups.get().cpus


def test_others_submit_named_work_only_where_the_site_itself_runs():
    with pytest.raises(Refused, match="no pool that may be used"):
        submit(FIRM, python("1"))
    with pytest.raises(NotAllowed):
        submit(Actor("auditor", Role.AUDITOR), python("1"))
    assert not Job.objects.exists()


def test_units_see_and_cancel_their_own_jobs_only():
    mine, office = submit(FIRM, python("1", work="scenario:x/y")), submit(OFFICE, python("1"))
    assert list(Job.objects.seen_by(FIRM)) == [mine]
    assert list(Job.objects.seen_by(OTHER)) == []
    assert set(Job.objects.seen_by(Actor("auditor", Role.AUDITOR))) == {mine, office}
    for act in (lambda: cancel(OTHER, mine.pk), lambda: logs(OTHER, mine, "stdout"), lambda: result(OTHER, mine, "x")):
        with pytest.raises(NotAllowed):
            act()
    assert cancel(FIRM, mine.pk).state == "cancelled"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (JobRequest(argv=[]), "a list of strings"),
        (JobRequest(argv=["a\0b"]), "a list of strings"),
        (JobRequest(argv=["x"], limits=Limits(seconds=0)), "seconds is 1 to"),
        (JobRequest(argv=["x"], limits=Limits(cpus=10**5)), "no pool"),
        (JobRequest(argv=["x"], limits=Limits(gpu_milli=1000)), "kind"),
        (JobRequest(argv=["x"], limits=Limits(gpu_milli=1000, gpu_kind="ascend-910b")), "no pool"),
        (JobRequest(argv=["x"], inputs={"../x": b""}), "can't be called"),
        (JobRequest(argv=["x"], product="none"), "no product"),
        (JobRequest(argv=["x"], pool="none"), "no pool"),
    ],
)
def test_a_request_that_cannot_be_taken_leaves_nothing(request_, why):
    with pytest.raises(Refused, match=why):
        submit(OFFICE, request_)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("表 1.csv", "表_1.csv"), ("../../etc/passwd", "passwd"), ("..", "file"), ("C:\\a\\b.inp", "b.inp"), ("-x", "x")],
)
def test_file_names_are_made_plain(sent, kept):
    assert file_name(sent) == kept == file_name(kept)


def test_what_a_job_links_to_is_not_handed_out(dispatch):
    job = dispatch(submit(OFFICE, python("import os; os.symlink('/etc/passwd', 'out'); os.mkdir('d')")))
    assert job.results() == []
    for name in ("out", "d", "../claim", "../../input/in"):
        with pytest.raises(FileNotFoundError):
            result(OFFICE, job, name)


def test_a_scenario_runs_on_a_file(dispatch, tmp_path):
    found = find("manufacturing/job-shop")
    inputs = found.scenario.cases(0, "small")[0].inputs
    path = tmp_path / f"车间{found.scenario.suffixes[0]}"
    found.scenario.write(inputs, path)
    job = dispatch(apply_to_file(FIRM, found, path.name, path.read_bytes()))
    assert job.state == "done", logs(OFFICE, job, "stderr").decode()
    assert (job.holder, job.work) == ("甲公司", "scenario:manufacturing/job-shop")
    assert job.results() == ["picture.svg", "report.json", "result.csv"]
    assert b"<svg" in result(FIRM, job, "picture.svg").read_bytes()
    assert json.loads(result(FIRM, job, "report.json").read_text())["rows"] > 0


def test_a_bad_file_comes_back_as_the_command_line_says_it(dispatch):
    found = find("manufacturing/job-shop")
    job = dispatch(apply_to_file(FIRM, found, f"坏{found.scenario.suffixes[0]}", b"1 2\nx\n"))
    assert job.state == "failed"
    assert job.fault["path"] == f"坏{found.scenario.suffixes[0]}"
    assert job.fault["message"]["zh"] in logs(FIRM, job, "stderr").decode()
    assert job.fault["message"]["en"].startswith("File 坏")
    assert "jobs/" not in json.dumps(job.fault)
    assert described(job)["fault"] == job.fault


def test_another_kind_of_file_is_refused():
    with pytest.raises(Refused, match=r"should be a"):
        apply_to_file(FIRM, find("manufacturing/job-shop"), "a.exe", b"")
    with pytest.raises(NotAllowed):
        apply_to_file(Actor("p", Role.PUBLIC), find("manufacturing/job-shop"), "a.txt", b"")


def test_an_attempt_that_was_never_started_is_started_after_a_restart(dispatch):
    from dujiang.compute.actions import place

    job = submit(OFFICE, python("print(1)", exactly_once=True))
    place(job, Pool.objects.get(key="local"))
    job = dispatch(job)
    assert job.state == "done"
    assert [one.state for one in job.attempts.all()] == [Attempt.State.WITHDRAWN, Attempt.State.ENDED]
