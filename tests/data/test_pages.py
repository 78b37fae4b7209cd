"""The pages and routes of data: what each shows and hands out to whom."""

import json
import re
from datetime import date

import pytest
from django.test import Client

from dujiang.data import actions, duties
from dujiang.data.models import Dataset, Distribution
from dujiang.identity.actions import add_person, issue_key
from dujiang.identity.permission import Actor, Role
from dujiang.messages import BadInput

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "省地震局")


@pytest.fixture
def client(registered):
    made = Client(headers={"accept-language": "zh-hans"})
    made.force_login(add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "省地震局")[0])
    return made


def test_a_unit_registers_by_the_form_and_sees_its_faults(client):
    page = client.get("/data/new/").content.decode()
    for shown in ("核心数据", "含敏感个人信息", "无条件共享", "自行采集"):
        assert shown in page, shown
    sent = {"title_zh": "观测<b>", "basis": "collected", "grade": "core", "sensitivity": "none", "access": "open",
            "language": "zh", "keywords": "地震，波形、震相", "owner": "科技厅"}  # fmt: skip
    told = client.post("/data/new/", sent)
    assert told.status_code == 409
    assert "不得无条件共享" in told.content.decode()
    assert "观测&lt;b&gt;" in told.content.decode()
    where = client.post("/data/new/", {**sent, "grade": "general"})["Location"]
    made = Dataset.objects.get()
    assert (made.owner.name, made.keywords) == ("省地震局", ["地震", "波形", "震相"])
    page = client.get(where).content.decode()
    assert "观测&lt;b&gt;" in page
    assert f"/data/sets/{made.pk}/uploads/" in page
    edit = f"/data/sets/{made.pk}/edit/"
    assert 'value="地震，波形，震相"' in client.get(edit).content.decode()
    assert client.post(edit, {**sent, "grade": "general", "embargo_until": "2027-02-30"}).status_code == 409
    assert client.post(edit, {**sent, "grade": "general", "embargo_until": "2027-02-28"}).status_code == 302
    made.refresh_from_db()
    assert made.embargo_until == date(2027, 2, 28)


def test_the_catalogue_is_searched_and_filtered(published):
    for title, grade in (("攀枝花钒钛磁铁矿样品", "general"), ("川藏铁路围岩", "important")):
        published(title_zh=title, title_en="", description="足够长的一段说明文字。", keywords=["样品"], grade=grade)
    client = Client(headers={"accept-language": "zh-hans"})

    def found(**query):
        page = client.get("/data/", query, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in page
        return re.findall(r"/data/sets/\d+/\">([^<]+)<", page)

    assert len(found()) == 2
    assert found(q="钒钛") == ["攀枝花钒钛磁铁矿样品"]
    assert found(q="没有这样的词") == []
    assert found(grade="important") == ["川藏铁路围岩"]
    assert found(q="样品", grade="important") == ["川藏铁路围岩"]
    assert found(q=Dataset.objects.first().identifier) == [Dataset.objects.first().title_zh]
    assert found(owner="科技厅") == []


def test_an_identifier_leads_to_the_page_or_the_form_that_is_asked_for(published):
    made = published()
    where = f"/data/id/{made.identifier}"
    assert "<html" in Client().get(where).content.decode()
    told = Client().get(where, headers={"accept": "text/turtle"})
    assert told["Content-Type"] == "text/turtle"
    assert "dcat:Dataset" in told.content.decode()
    for form in ("dcat.jsonld", "datacite.json", "croissant.json"):
        json.loads(Client().get(f"/data/sets/{made.pk}/{form}").content)
    fields = json.loads(Client().get(f"/data/sets/{made.pk}/croissant.json").content)["recordSet"][0]["field"]
    assert [(one["name"], one["dataType"]) for one in fields] == [("a", "sc:Integer"), ("b", "sc:Integer")]
    assert Client().get(f"/data/sets/{made.pk}/none").status_code == 404
    assert Client().get("/data/id/99999/none").status_code == 404


CONTENT = bytes(range(256)) * 700


@pytest.mark.parametrize("sensitivity", ["none", "personal"])
@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("", 200, slice(None)), ("bytes=0-9", 206, slice(0, 10)), ("bytes=70000-", 206, slice(70_000, None)),
        ("bytes=-5", 206, slice(-5, None)), ("bytes=100-999999", 206, slice(100, None)), ("bytes=999999-", 416, None),
        ("bytes=9-3", 416, None), ("bytes=-0", 416, None), ("bytes=x", 200, slice(None)), ("bytes=0-1,5-6", 200, slice(None)),
    ],
)  # fmt: skip
def test_a_file_is_handed_out_whole_or_in_part(published, client, sensitivity, asked, status, part):
    published(CONTENT, name="页.html", sensitivity=sensitivity)
    one = Distribution.objects.get()
    told = client.get(f"/data/files/{one.pk}/{one.name}", headers={"range": asked} if asked else {})
    assert told.status_code == status
    if part:
        assert b"".join(told.streaming_content) == CONTENT[part]
        assert told["ETag"] == f'"{one.sha256}"'
        assert told["Content-Disposition"].startswith("attachment")
        assert told["Content-Type"] == "application/octet-stream"
    stale = client.get(f"/data/files/{one.pk}/{one.name}", headers={"range": "bytes=0-1", "if-range": '"old"'})
    assert stale.status_code == 200


def test_an_embargo_is_kept_by_page_file_and_link(published, client):
    made = published(access="open", embargo_until=date(2099, 1, 1))
    one = Distribution.objects.get()
    page = Client(headers={"accept-language": "zh-hans"}).get(f"/data/sets/{made.pk}/").content.decode()
    assert "保护期至 2099-01-01" in page
    assert f'href="/data/files/{one.pk}/' not in page
    other = Client()
    other.force_login(add_person(OFFICE, "zhao", "赵某某", Role.ENTERPRISE, "科技厅")[0])
    assert other.get(f"/data/files/{one.pk}/{one.name}").status_code == 403
    assert Client().get(f"/data/files/{one.pk}/{one.name}").status_code == 302
    assert client.get(f"/data/files/{one.pk}/{one.name}").status_code == 200


def test_a_deposit_goes_by_its_pages_from_hand_to_hand(client, registered, tmp_path):
    made = registered()
    (tmp_path / "a.csv").write_bytes(b"1")
    actions.deposit(LI, made, [tmp_path / "a.csv"])
    assert client.post(f"/data/sets/{made.pk}/submit/").status_code == 302
    assert client.post(f"/data/sets/{made.pk}/submit/").status_code == 409
    assert client.post(f"/data/sets/{made.pk}/review/", {"verdict": "approve"}).status_code == 403
    made.refresh_from_db()
    assert made.state == "in-review"


@pytest.fixture
def table(registered, tmp_path):
    registered()

    def write(*rows):
        path = tmp_path / "责任.csv"
        path.write_text("单位,汇交内容,任务编号,项目编号,期限\n" + "\n".join(rows), encoding="utf-8")
        return path

    return write


def test_who_is_late_with_what(table, published, client):
    path = table("省地震局,监测数据,16,,2020-01-31", "省地震局,专项,,P1,2099-01-31", "科技厅,项目数据,,P2,2021-01-31")
    assert duties.load(OFFICE, path) == 3
    published(task=16, title_zh="监测数据集")
    lines = {line.duty.title: line for line in duties.standing(duties.Duty.objects.all(), date(2026, 1, 31))}
    assert {title: line.standing.value for title, line in lines.items()} == {
        "监测数据": "met-late", "专项": "due", "项目数据": "late",
    }  # fmt: skip
    assert lines["项目数据"].days == 5 * 365 + 1
    assert [line.duty.title for line in duties.late(lines.values())] == ["项目数据"]
    page = client.get("/data/duties/").content.decode()
    assert "监测数据集" in page
    assert "项目数据" not in page
    duties.load(OFFICE, table("科技厅,项目数据,,P2,2098-01-31"))
    assert duties.Duty.objects.count() == 3
    assert duties.standing(duties.Duty.objects.filter(unit__name="科技厅"))[0].standing == "due"


@pytest.mark.parametrize(
    "row", ["没有的单位,a,1,,2026-01-01", "科技厅,,1,,2026-01-01", "科技厅,a,x,,2026-01-01", "科技厅,a,,,2026-01-01", "科技厅,a,1,,明天"]
)  # fmt: skip
def test_a_bad_row_names_its_place_and_nothing_is_set(table, row):
    with pytest.raises(BadInput) as told:
        duties.load(OFFICE, table("科技厅,好的,1,,2026-01-01", row))
    assert told.value.row == 3
    assert not duties.Duty.objects.exists()


def test_one_data_set_meets_one_duty(table, published):
    duties.load(OFFICE, table("省地震局,上半年,16,,2098-06-30", "省地震局,下半年,16,,2098-12-31"))
    published(task=16)
    standing = {line.duty.title: line.standing.value for line in duties.standing(duties.Duty.objects.all())}
    assert standing == {"上半年": "met", "下半年": "due"}


def test_the_api_registers_and_lists(client, registered):
    _, key = issue_key(OFFICE, "li", ["data.register", "data.read", "data.deposit"], 1)
    headers = {"authorization": f"Bearer {key}"}
    body = {"title_zh": "接口登记", "owner": "省地震局", "basis": "collected", "keywords": ["接口"]}
    told = Client().post("/api/v1/data/sets", body, content_type="application/json", headers=headers)
    assert told.status_code == 201, told.content.decode()
    number = told.json()["number"]
    assert Client().get(f"/api/v1/data/sets/{number}", headers=headers).json()["title"]["zh"] == "接口登记"
    assert Client().get(f"/api/v1/data/sets/{number}").status_code == 404
    assert [one["number"] for one in Client().get("/api/v1/data/sets?q=接口", headers=headers).json()] == [number]
    assert Client().post(f"/api/v1/data/sets/{number}/submit", headers=headers).status_code == 409
    assert Client().post("/api/v1/data/sets", body, content_type="application/json").status_code == 403
