"""The pages of compute: what a unit sees of its jobs, and what anybody sees of the pools."""

import sys

import pytest
from django.test import Client

from dujiang.compute.actions import submit
from dujiang.compute.requests import JobRequest
from dujiang.identity.actions import add_person, units_of_plan
from dujiang.identity.permission import Actor, Role
from dujiang.scenarios.actions import apply_to_file
from dujiang.scenarios.registry import find

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "经济和信息化厅")


@pytest.fixture
def client(db):
    units_of_plan(["经济和信息化厅"])
    made = Client(headers={"accept-language": "zh-hans"})
    made.force_login(add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "经济和信息化厅")[0])
    return made


def python(code):
    # Named work, as a plane would give it.
    return JobRequest(argv=[sys.executable, "-c", code], work="scenario:x/y")


def test_a_job_is_shown_from_quote_to_statement_and_its_file_handed_out(client, dispatch):
    job = submit(LI, python("open('结果.csv', 'w').write('a'); print('<b>said</b>')"))
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "排队" in page
    assert 'hx-trigger="every 1s"' in page
    assert "取消作业" in page
    job = dispatch(job)
    part = client.get(f"/jobs/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "hx-trigger" not in part
    assert "完成" in part
    assert "&lt;b&gt;said" in part
    assert "结算单" in part
    assert f"{job.cost / 100:.2f}" in part
    told = client.get(f"/jobs/{job.pk}/results/结果.csv")
    assert b"".join(told.streaming_content) == b"a"
    assert "attachment" in told["Content-Disposition"]
    assert client.get(f"/jobs/{job.pk}/results/none").status_code == 404


def test_a_job_is_cancelled_at_a_button(client):
    job = submit(LI, python("1"))
    assert client.post(f"/jobs/{job.pk}/cancel/")["Location"] == f"/jobs/{job.pk}/"
    assert "排队时取消" in client.get(f"/jobs/{job.pk}/").content.decode()
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 409


def test_what_was_wrong_with_a_file_stands_on_the_page(client, dispatch):
    job = dispatch(apply_to_file(LI, find("manufacturing/job-shop"), "坏.txt", b"x"))
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert 'role="alert">文件 坏.txt' in page


def test_other_units_jobs_are_not_there(client):
    job = submit(OFFICE, python("1"))
    assert client.get(f"/jobs/{job.pk}/").status_code == 404
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 404
    assert f"/jobs/{job.pk}/" not in client.get("/jobs/").content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_anybody_sees_pools_and_prices(client, language):
    submit(LI, python("1"))
    page = Client(headers={"accept-language": language}).get("/compute/").content.decode()
    assert ("Pools and queues" in page) == (language == "en")
    assert "本站" in page
    assert "0.20" in page
    assert "//" not in page.replace("://", "").partition("<main")[2]
