"""The admin: what is written there goes through actions and is evidence, tables are taken whole or not at all."""

import base64
import io
import json
import re
from html import unescape

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from stdnum.cn import uscc

from dujiang.admin import site
from dujiang.evidence.actions import Happening, append, append_all
from dujiang.evidence.models import Record
from dujiang.exchange import Listing, Uploaded
from dujiang.identity.actions import actor_by_key, issue_key, units_of_plan
from dujiang.identity.models import Key, Person, Unit
from dujiang.identity.permission import SECOND_FACTOR, Actor, Role
from dujiang.messages import BadInput
from dujiang.plan.actions import comment, load, sign_off
from dujiang.plan.models import Item, Statistic
from dujiang.scenarios.models import Evaluation

OFFICE = Actor("tester", Role.OFFICE)
OTHERS = [role for role in Role if role not in (Role.OFFICE, Role.AUDITOR, Role.PUBLIC)]
CODES = ["915101075510000225", "91510700205401060T", "915115002084000002"]
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""


def signed_in(role, language="zh-hans"):
    person, new = Person.objects.get_or_create(username=f"p-{role}", defaults={"role": role.value, "password": "!"})
    if new and role in SECOND_FACTOR:
        TOTP.activate(person, generate_totp_secret())
    client = Client(headers={"accept-language": language})
    client.force_login(person)
    return client


@pytest.fixture
def office(db):
    cache.clear()
    return signed_in(Role.OFFICE)


@pytest.fixture
def auditor(db):
    return signed_in(Role.AUDITOR)


@pytest.fixture
def programme(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    return load(OFFICE, path).programme


def table(heading, *rows, name="表.xlsx"):
    book = Workbook()
    for row in (heading, *rows):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    out.name = name
    return out


def sent(client, room, file):
    """Send a table as far as its preview."""
    return client.post(f"/admin/{room}/import/", {"resource": "0", "format": "0", "import_file": file})


def confirmed(client, room, file):
    """Send a table, and confirm what the preview shows."""
    page = sent(client, room, file).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert "import_file_name" in fields, page
    return client.post(f"/admin/{room}/process_import/", fields)


def last():
    record = Record.objects.order_by("-sequence").first()
    return record.kind, record.subject, json.loads(record.body)


def exported(response):
    assert response.status_code == 200
    return list(load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True))


HEADING = ["单位名称", "统一社会信用代码"]


def test_enterprises_of_a_table_are_shown_first_and_then_taken(office):
    file = table(HEADING, ["甲公司", CODES[0]], ["乙公司", CODES[1].lower()], name="企业.xlsx")
    page = sent(office, "identity/unit", file).content.decode()
    assert "甲公司" in page
    assert CODES[1] in page
    assert not Unit.objects.exists()
    assert not Record.objects.exists()
    file.seek(0)
    assert confirmed(office, "identity/unit", file).status_code == 302
    assert dict(Unit.objects.values_list("name", "credit_code")) == {"甲公司": CODES[0], "乙公司": CODES[1]}
    kind, subject, body = last()
    assert (kind, subject) == ("identity.changed", f"unit:{CODES[1]}")
    assert (body["what"], body["file"], body["row"]) == ("added", "企业.xlsx", 3)
    history = office.get(f"/admin/identity/unit/{Unit.objects.get(name='乙公司').pk}/history/").content.decode()
    assert f"/evidence/{Record.objects.count()}/" in history
    assert "企业.xlsx" in history


@pytest.mark.parametrize(
    ("rows", "row", "field"),
    [
        ([["甲公司", CODES[0]], ["乙公司", CODES[1][:-1] + "A"]], 3, "credit_code"),
        ([["甲公司", CODES[0]], ["甲公司", CODES[1]]], 3, "name"),
        ([["甲公司", CODES[0]], [], ["乙公司", CODES[0]]], 4, "credit_code"),
        ([["", CODES[0]]], 2, "name"),
        ([["旧公司", CODES[0]]], 2, "name"),
        ([["甲公司", CODES[2]]], 2, "credit_code"),
        ([["甲公司", float(CODES[0])]], 2, "credit_code"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_taken(office, rows, row, field):
    Unit.objects.create(name="旧公司", kind="enterprise", credit_code=CODES[2])
    for language, words in (("zh-hans", f"文件 表.xlsx，第 {row} 行"), ("en", f"File 表.xlsx, row {row}")):
        page = sent(signed_in(Role.OFFICE, language), "identity/unit", table(HEADING, *rows)).content.decode()
        assert words in page
        assert f"({field})" in page
        assert "import_file_name" not in page
        assert "Traceback" not in page
        assert "/tmp" not in page
    assert Unit.objects.count() == 1
    assert not Record.objects.exists()


def test_what_comes_between_preview_and_confirmation_is_no_half_taken_table(office):
    page = sent(office, "identity/unit", table(HEADING, ["甲公司", CODES[0]], ["乙公司", CODES[1]])).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    Unit.objects.create(name="乙公司", kind="enterprise", credit_code=CODES[2])
    told = office.post("/admin/identity/unit/process_import/", fields, follow=True).content.decode()
    assert "第 3 行" in told
    assert Unit.objects.count() == 1
    told = office.post("/admin/identity/unit/process_import/", fields, follow=True).content.decode()
    assert "请重新上传" in told


def test_an_upload_waits_encrypted(office):
    cache.clear()
    kept = Uploaded()
    kept.save("李某某".encode())
    assert "李某某".encode() not in cache.get(Uploaded.CACHE_PREFIX + kept.name)
    assert kept.read() == "李某某".encode()


PEOPLE = ["登录名", "姓名", "角色", "所属单位"]


def test_people_of_a_table_get_passwords_that_are_handed_out_once(office, caplog):
    units_of_plan(["科技厅"])
    file = table(PEOPLE, ["li", "李某某", "牵头单位", "科技厅"], ["wang", "", "auditor", ""])
    page = confirmed(office, "identity/person", file).content.decode()
    book = re.search(r"base64,([\w+/=]+)", page)[1]
    _, *rows = load_workbook(io.BytesIO(base64.b64decode(book))).active.iter_rows(values_only=True)
    passwords = dict(rows)
    for login in ("li", "wang"):
        person = Person.objects.get(username=login)
        assert person.check_password(passwords[login])
        assert passwords[login] not in "".join(Record.objects.values_list("body", flat=True)) + caplog.text
    assert Person.objects.get(username="li").actor == Actor("li", Role.LEAD_UNIT, "科技厅")
    assert "李某某" not in "".join(Record.objects.values_list("body", flat=True))
    assert not cache.get(Uploaded.CACHE_PREFIX + "li")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (["Li", "某", "牵头单位", "科技厅"], "username"),
        (["p-office", "某", "牵头单位", "科技厅"], "username"),
        (["li", "某", "公众", "科技厅"], "role"),
        (["li", "某", "牵头单位", "没有的厅"], "unit"),
        (["li", "某", "city", ""], "unit"),
    ],
)
def test_a_wrong_person_is_named_by_row_and_field(office, row, field):
    units_of_plan(["科技厅"])
    page = sent(office, "identity/person", table(PEOPLE, ["zhao", "", "审计", ""], row)).content.decode()
    assert "第 3 行" in page
    assert f"({field})" in page
    assert not Person.objects.filter(username__in=["li", "zhao"]).exists()


def test_statistics_are_taken_by_the_reader_that_the_page_has(office, programme):
    heading = ["目标序号", "指标", "期间", "数值", "单位", "来源文件", "审核责任人"]
    goals = programme.items.filter(kind=Item.Kind.GOAL)
    goal = next(one for one in goals if "智能工厂" in str(one))
    row = [goal.position, "", "2026-06", 41, goal.facts["unit"], "省统计公报", "李某某"]
    page = sent(office, "plan/statistic", table(heading, [*row[:3], "很多", *row[4:]])).content.decode()
    assert "第 2 行" in page
    assert "很多" in page
    confirmed(office, "plan/statistic", table(heading, row))
    figure = Statistic.objects.get()
    assert figure.value == 41
    history = office.get(f"/admin/plan/statistic/{figure.pk}/history/").content.decode()
    assert f"/evidence/{figure.evidence}/" in history


def test_a_unit_is_added_renamed_and_its_history_shows_both(office):
    told = office.post("/admin/identity/unit/add/", {"name": "甲公司", "credit_code": CODES[0]})
    assert told.status_code == 302
    unit = Unit.objects.get()
    assert (unit.kind, last()[:2]) == ("enterprise", ("identity.changed", f"unit:{CODES[0]}"))
    office.post(f"/admin/identity/unit/{unit.pk}/change/", {"name": "甲集团"})
    assert Unit.objects.get().name == "甲集团"
    assert last()[2] == {"what": "renamed", "before": "甲公司", "name": "甲集团"}
    assert office.get(f"/admin/identity/unit/{unit.pk}/history/").content.decode().count("<article") == 2


@pytest.mark.parametrize("code", ["1", CODES[0][:-1] + "A", ""])
def test_what_an_action_refuses_is_said_in_the_form(office, code):
    told = office.post("/admin/identity/unit/add/", {"name": "甲公司", "credit_code": code})
    assert told.status_code == 200
    assert "信用代码" in told.content.decode()
    assert not Unit.objects.exists()
    assert not Record.objects.exists()


def test_a_unit_of_the_plan_keeps_its_name(office):
    [unit] = units_of_plan(["科技厅"])
    assert office.post(f"/admin/identity/unit/{unit.pk}/change/", {"name": "别的厅"}).status_code == 403
    assert Unit.objects.get().name == "科技厅"


def test_a_person_is_added_changed_and_shut_out(office):
    [unit] = units_of_plan(["科技厅"])
    page = office.post(
        "/admin/identity/person/add/", {"username": "li", "name": "李某某", "role": "lead-unit", "unit": unit.pk}
    ).content.decode()
    person = Person.objects.get(username="li")
    assert person.check_password(re.search(r"<td><code>([^<]+)</code>", page)[1])
    assert person.name == "李某某"
    change = f"/admin/identity/person/{person.pk}/change/"
    refused = office.post(change, {"name": "李某某", "role": "lead-unit", "unit": "", "is_active": "on"})
    assert "不能任牵头单位" in refused.content.decode()
    office.post(change, {"name": "李某", "role": "auditor", "unit": ""})
    person.refresh_from_db()
    assert (person.name, person.role, person.unit, person.is_active) == ("李某", "auditor", None, False)
    assert last()[2] == {"what": "changed", "role": "auditor", "unit": None, "active": False, "name": "changed"}
    assert person.check_password(re.search(r"<td><code>([^<]+)</code>", page)[1])


def test_keys_are_revoked_together(office):
    Person.objects.create(username="li", role="auditor")
    secrets = [issue_key(OFFICE, "li", ["plan.read"], 1)[1] for _ in range(2)]
    numbers = list(Key.objects.values_list("pk", flat=True))
    office.post("/admin/identity/key/", {"action": "revoke", "_selected_action": numbers})
    assert [actor_by_key(one) for one in secrets] == [None, None]
    assert [one["what"] for one in map(json.loads, Record.objects.values_list("body", flat=True))].count(
        "key revoked"
    ) == 2
    assert office.get(f"/admin/identity/key/{numbers[0]}/history/").content.decode().count("<article") == 2
    page = office.get("/admin/identity/key/").content.decode()
    assert Key.objects.first().digest not in page


def amendment(item, **changed):
    """The form of an item's facts as a browser sends it."""
    from dujiang.plan.actions import AMENDABLE

    fields = {}
    for name in AMENDABLE[item.kind]:
        value = changed.get(name, item.facts.get(name))
        if value is not None and value is not False:
            fields[f"fact_{name}"] = "\n".join(value) if isinstance(value, list) else "on" if value is True else value
    return {**fields, "why": changed.get("why", "按正文更正")}


def test_an_item_is_amended_with_its_reason(office, programme):
    item = programme.items.get(kind="task")
    address = f"/admin/plan/item/{item.pk}/change/"
    lead = ["科技厅", "教育厅"]
    assert office.post(address, amendment(item, lead=lead, title="制造")).status_code == 302
    item.refresh_from_db()
    assert item.amended == {"title": "制造", "lead": lead}
    bodies = [json.loads(one.body) for one in Record.objects.filter(kind="plan.amended")]
    assert {one["field"] for one in bodies} == {"title", "lead"}
    assert {one["why"] for one in bodies} == {"按正文更正"}
    page = office.get(f"/admin/plan/item/{item.pk}/history/").content.decode()
    assert page.count("<article") == 2
    other = programme.items.filter(kind="goal").first()
    assert "<article" not in office.get(f"/admin/plan/item/{other.pk}/history/").content.decode()


@pytest.mark.parametrize("changed", [{"title": "新", "why": ""}, {}, {"number": 3}])
def test_an_amendment_without_reason_or_change_leaves_nothing(office, programme, changed):
    item = programme.items.get(kind="task")
    before = Record.objects.count()
    assert office.post(f"/admin/plan/item/{item.pk}/change/", amendment(item, **changed)).status_code == 200
    item.refresh_from_db()
    assert (item.amended, Record.objects.count()) == ({}, before)


NUMBERS = st.one_of(st.none(), st.integers(0, 10**6), st.floats(0, 1e6, allow_nan=False).map(lambda one: round(one, 3)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=NUMBERS, year=st.one_of(st.none(), st.integers(2000, 2100)), approximate=st.booleans())
def test_what_is_entered_is_what_holds(office, programme, value, year, approximate):
    item = programme.items.filter(kind="goal").first()
    fields = {"value": value, "year": year, "approximate": approximate}
    form = amendment(item, **fields)
    for name, one in fields.items():
        if one is None:
            form.pop(f"fact_{name}", None)
    told = office.post(f"/admin/plan/item/{item.pk}/change/", form)
    item.refresh_from_db()
    assert told.status_code in (200, 302)
    assert {name: item.facts.get(name) for name in fields} == fields


def everything(programme):
    """Something in every room; the addresses of each by its model."""
    entry = append(OFFICE, "scenario.tried", "a/b", {})
    comment(OFFICE, programme, "2026-02", "=1+1")
    sign_off(OFFICE, programme, "2026-02")
    Person.objects.create(username="li", role="lead-unit", name="李某某", unit=Unit.objects.first())
    issue_key(OFFICE, "li", ["plan.read"], 1)
    verdict = {"gain": 1.0, "low": 0.5, "high": 1.5, "runs_through": True}
    Evaluation.objects.create(
        scenario="a/b", version="v", size="small", libraries={}, seeds=[0], verdict=verdict, evidence=entry.sequence
    )
    Statistic.objects.create(
        programme=programme, indicator="甲|个", period="2026", period_end="2026-12-31", value=1, unit="个", source="s",
        vouched_by="王某某", recorded="2026-11-01T00:00Z", evidence=entry.sequence,
    )  # fmt: skip
    return {model: f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in site._registry}


def test_the_auditor_reads_everything_and_changes_nothing(auditor, programme):
    rooms = everything(programme)
    before = Record.objects.count()
    for model, room in rooms.items():
        pk = model.objects.first().pk
        page = auditor.get(f"{room}{pk}/change/").content.decode()
        assert 'name="_save"' not in page, room
        for address in (
            f"{room}add/",
            f"{room}import/",
            f"{room}process_import/",
            f"{room}{pk}/delete/",
            f"{room}{pk}/change/",
        ):
            assert auditor.post(address, {"name": "x", "why": "x"}).status_code in (403, 404, 405), address
    auditor.post("/admin/identity/key/", {"action": "revoke", "_selected_action": [Key.objects.get().pk]})
    assert Key.objects.get().revoked is None
    auditor.post("/admin/identity/key/", {"action": "delete_selected", "_selected_action": [1], "post": "yes"})
    assert (Record.objects.count(), Key.objects.count()) == (before, 1)


@pytest.mark.parametrize("role", OTHERS)
def test_others_are_refused_with_the_refusal_page(programme, role):
    client = signed_in(role)
    units_of_plan(["科技厅"])
    for address in ("/admin/", "/admin/plan/statistic/import/", "/admin/identity/unit/"):
        told = client.get(address)
        assert told.status_code == 403
        assert '<p role="alert">' in told.content.decode()
    assert sent(client, "identity/unit", table(HEADING, ["甲公司", CODES[0]])).status_code == 403
    assert "/admin/" not in client.get("/").content.decode()


def test_the_office_without_its_second_factor_is_sent_to_set_it_up(db):
    person = Person.objects.create(username="zhang", role="office")
    client = Client()
    client.force_login(person)
    assert client.get("/admin/")["Location"] == "/account/2fa/totp/activate/"
    assert client.post("/admin/identity/unit/add/", {"name": "甲"})["Location"] == "/account/2fa/totp/activate/"


def test_the_public_signs_in_where_everybody_does(db):
    assert Client().get("/admin/plan/item/")["Location"] == "/account/login/?next=/admin/plan/item/"
    assert Client().get("/admin/login/").status_code == 404


def test_nothing_is_deleted_and_records_are_only_read(office, programme):
    for model, room in everything(programme).items():
        pk = model.objects.first().pk
        assert office.get(f"{room}{pk}/delete/").status_code == 404
        assert "delete_selected" not in office.get(room).content.decode()
    page = office.get("/admin/evidence/record/").content.decode()
    assert page.count("check") >= Record.objects.count()
    assert office.get("/admin/evidence/record/add/").status_code == 404
    assert office.post(f"/admin/evidence/record/{Record.objects.first().pk}/change/", {}).status_code == 405


def test_lists_are_exported_as_they_are_filtered_with_names_for_who_may(office, programme):
    everything(programme)
    heading, *rows = exported(office.get("/admin/identity/person/export/?q=li"))
    assert heading[:2] == ("登录名", "姓名")
    assert [row[:3] for row in rows] == [("li", "李某某", "lead-unit")]
    assert len(exported(office.get("/admin/identity/person/export/"))) == Person.objects.count() + 1
    assert exported(signed_in(Role.OFFICE, "en").get("/admin/identity/person/export/"))[0][0] == "Login"
    [_, row] = exported(office.get("/admin/plan/comment/export/"))
    assert "=1+1" not in row  # what a reader's Excel would run
    assert any("1+1" in str(cell) for cell in row)
    room = site._registry[Statistic]
    [resource] = room.get_export_resource_classes(None)
    for role, shown in ((Role.AUDITOR, True), (Role.LEAD_UNIT, False)):
        data = resource(actor=Actor("x", role)).export(Statistic.objects.all())
        assert ("王某某" in data[0]) is shown
        assert ("Vouched by" in data.headers or "审核责任人" in data.headers) is shown
    assert issubclass(resource, Listing)


def test_lists_of_records_are_not_counted(office, programme):
    append_all(OFFICE, [Happening("scenario.tried", f"a/{one}", {}) for one in range(60)])
    for room in ("evidence/record", "plan/statistic", "scenarios/evaluation"):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert office.get(f"/admin/{room}/").status_code == 200
        table_of = room.replace("/", "_")
        assert not [one["sql"] for one in asked if "COUNT(" in one["sql"] and table_of in one["sql"]]
    first, second = (office.get(f"/admin/evidence/record/?p={page}").content.decode() for page in (1, 2))
    assert f">{Record.objects.count()}<" in first
    assert ">1</a>" in second
    found = office.get("/admin/evidence/record/?q=7").content.decode()
    assert "/admin/evidence/record/7/change/" in found
    assert "/admin/evidence/record/8/change/" not in found


def test_a_wrong_table_is_an_error_whatever_it_holds(tmp_path):
    from dujiang.identity.uploads import read_enterprises

    for content in (b"", b"PK\x03\x04 no workbook", b"\xff\xfe\x00"):
        for suffix in (".xlsx", ".csv"):
            path = tmp_path / f"x{suffix}"
            path.write_bytes(content)
            with pytest.raises(BadInput):
                read_enterprises(path, [], [])


@settings(max_examples=40, deadline=None)
@given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17), st.integers(0, 16), st.randoms())
def test_a_code_with_one_wrong_character_is_never_taken(digits, place, random):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from dujiang.identity.uploads import read_enterprises

    code = digits + uscc.calc_check_digit(digits)
    wrong = code[:place] + random.choice([one for one in "0123456789" if one != code[place]]) + code[place + 1 :]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text(f"name,credit_code\n甲,{wrong}\n", encoding="utf-8")
        with pytest.raises(BadInput, match="第 2 行"):
            read_enterprises(path, [], [])


def visible(html):
    """The texts that a page shows or reads out: no scripts, names of icons, or contents of records."""
    html = re.sub(r"(?s)<(script|style|pre|dd|time)\b.*?</\1>|<!--.*?-->", "", html)
    html = re.sub(r"(?s)<span[^>]*material-symbols[^>]*>.*?</span>", "", html)
    found = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', html) + re.findall(r">([^<>]+)<", html)
    return {unescape(text).strip() for text in found}


def test_no_page_says_anything_in_english_to_who_reads_chinese(office, programme):
    data = r"zh-hans|en|English|Excel \(.xlsx\), CSV|sha256:.*|genesis|[0-9a-f]{64}|ID|.*(p-|li|a/b|tester|plan\.read).*|small|v|s|scenario.tried|plan.txt"
    addresses = ["/admin/", "/admin/plan/"]
    for model, room in everything(programme).items():
        pk = model.objects.first().pk
        addresses += [
            room,
            f"{room}?q=zz",
            f"{room}add/",
            f"{room}import/",
            f"{room}{pk}/change/",
            f"{room}{pk}/history/",
        ]
    english = {}
    for address in addresses:
        told = office.get(address)
        if told.status_code == 200:
            for text in visible(told.content.decode()):
                if (
                    re.search("[A-Za-z]{2}", text)
                    and not re.search("[一-鿿]", text)
                    and not re.fullmatch(data, text, re.I)
                ):
                    english[text] = address
    assert not english
