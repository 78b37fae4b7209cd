"""The page on which somebody tries a scenario on a file of their own."""

import re

import pytest
from django.test import Client

from dujiang.compute.dispatcher import Dispatcher
from dujiang.compute.models import Job
from dujiang.identity.actions import add_person, units_of_plan
from dujiang.identity.permission import Actor, Role
from waiting import until

OFFICE = Actor("tester", Role.OFFICE)
PAGE = "/scenarios/manufacturing/job-shop/"
GOOD = b"2 2\n0 3 1 2\n1 4 0 2\n"

pytestmark = pytest.mark.django_db


def client(role=Role.LEAD_UNIT, unit="经济和信息化厅", language="zh-hans"):
    units_of_plan([unit])
    person, _ = add_person(OFFICE, f"p{abs(hash((role, unit))) % 10**6}", "某人", role, unit)
    browser = Client(headers={"accept-language": language})
    browser.force_login(person)
    return browser


def sent(browser, content, name="车间.txt"):
    from django.core.files.uploadedfile import SimpleUploadedFile

    return browser.post(f"{PAGE}try/", {"file": SimpleUploadedFile(name, content)})


def ended():
    dispatcher = Dispatcher()
    dispatcher.recover()

    def job():
        dispatcher.tick()
        return (found := Job.objects.latest("id")).ended and found

    return until(job)


def test_a_file_goes_in_and_the_result_comes_out():
    browser = client()
    assert 'enctype="multipart/form-data"' in browser.get(PAGE).content.decode()
    place = sent(browser, GOOD)["Location"]
    waiting = browser.get(place).content.decode()
    assert "<progress" in waiting
    assert f'hx-get="{place}"' in waiting
    job = ended()
    assert job.state == "done", (job.why, job.last.folder)
    part = browser.get(place, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert "hx-get" not in part  # nothing more to wait for
    assert '<th scope="col">machine</th>' in part
    assert len(re.findall("<tr>", part)) == 5  # the headings and four operations
    picture = browser.get(f"{place}picture.svg")
    assert b"".join(picture.streaming_content).startswith(b"<svg")
    table = browser.get(f"{place}result.csv?download")
    assert "attachment" in table["Content-Disposition"]
    assert b"machine" in b"".join(table.streaming_content)


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "第 2 行"), ("en", "row 2")])
def test_a_bad_file_is_told_as_on_the_command_line(language, said):
    browser = client(language=language)
    place = sent(browser, b"2 2\n0 x 1 2\n1 4 0 2\n")["Location"]
    ended()
    page = browser.get(place).content.decode()
    [why] = re.findall(r'<p role="alert">(.*?)</p>', page)
    assert said in why
    assert "/jobs/" not in why


def test_another_kind_of_file_is_refused_at_once():
    told = sent(client(), GOOD, "车间.exe")
    assert told.status_code == 409
    assert ".txt" in told.content.decode()
    assert not Job.objects.exists()


def test_nobody_sees_what_others_run():
    place = sent(client(), GOOD)["Location"]
    stranger = client(Role.ENTERPRISE, "乙公司")
    for method, path in (("get", place), ("get", f"{place}result.csv"), ("post", f"{place}cancel/")):
        assert getattr(stranger, method)(path).status_code == 404
    assert Client().get(place)["Location"].startswith("/account/login/")
    assert Job.objects.latest("id").state == "queued"


def test_a_run_that_waits_is_cancelled():
    browser = client()
    place = sent(browser, GOOD)["Location"]
    assert browser.post(f"{place}cancel/")["Location"] == place
    assert Job.objects.latest("id").state == "cancelled"
    assert "已取消" in browser.get(place).content.decode()
    assert browser.post(f"{place}cancel/")["Location"] == place


def test_the_public_is_asked_to_sign_in():
    assert f"/account/login/?next={PAGE}%23try" in Client().get(PAGE).content.decode()
    assert Client().post(f"{PAGE}try/")["Location"].startswith("/account/login/")
