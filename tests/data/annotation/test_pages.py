"""The pages of annotation: what each sees, what forms do, and that nobody sees what isn't theirs."""

import io
import json
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from annotating import LABELS, OFFICE, UNIT, table
from dujiang.data.annotation import actions
from dujiang.data.annotation.models import Assignment, Item, Project
from dujiang.identity.models import Person


def browser(login, language="en"):
    client = Client(headers={"accept-language": language})
    client.force_login(Person.objects.get(username=login))
    return client


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_text_is_labelled_by_the_form_alone(opened, language):
    project = opened(texts=("很好<b>", "差"))
    anna = browser("anna", language)
    page = anna.get("/annotation/p/label/").content.decode()
    assert f'<html lang="{language}"' in page
    assert "很好&lt;b&gt;" in page
    lease = Assignment.objects.get()
    sent = {"number": lease.pk, "answer": '"正面"', "seconds": "7"}
    assert anna.post("/annotation/p/label/", sent)["Location"] == "/annotation/p/label/"
    lease.refresh_from_db()
    assert (lease.answer, lease.seconds) == ("正面", 7)
    assert anna.post("/annotation/p/label/", sent).status_code == 409
    page = anna.get("/annotation/p/label/").content.decode()
    assert "差" in page
    anna.post("/annotation/p/label/", {"number": Assignment.objects.latest("pk").pk, "skip": ""})
    assert "nothing left" in anna.get("/annotation/p/label/", headers={"accept-language": "en"}).content.decode()
    assert project.items.filter(given=1).count() == 1


@pytest.mark.parametrize("answer", ["", "{", '"中性"', "[]", "null", "9" * 5000, "[" * 5000])
def test_what_is_no_answer_is_refused(opened, answer):
    opened()
    anna = browser("anna")
    anna.get("/annotation/p/label/")
    told = anna.post("/annotation/p/label/", {"number": Assignment.objects.get().pk, "answer": answer})
    assert told.status_code == 409
    assert not Assignment.objects.exclude(answer=None).exists()


def test_a_dispute_is_decided_on_a_page(people, opened):
    project = opened(texts=("好",))
    for login, value in (("anna", "正面"), ("bo", "负面")):
        lease = actions.next_item(people[login], project)
        actions.submit(people[login], project, lease.pk, value)
    judge = browser("judge", "zh-hans")
    page = judge.get("/annotation/p/adjudicate/").content.decode()
    assert page.count("data-given") == 2 and "anna" not in page
    judge.post("/annotation/p/adjudicate/", {"number": Item.objects.get().pk, "answer": '"负面"'})
    assert Item.objects.get().answer == "负面"
    assert "没有待裁决" in judge.get("/annotation/p/adjudicate/").content.decode()
    assert browser("anna").get("/annotation/p/adjudicate/").status_code == 409


def test_nobody_sees_what_is_not_theirs(people, opened):
    opened()
    stranger, chen = browser("stranger"), browser("chen")
    assert "评论" not in stranger.get("/annotation/").content.decode()
    for path in ("", "label/", "adjudicate/", "export/jsonl/", "images/1/"):
        assert stranger.get(f"/annotation/p/{path}").status_code == 404, path
    for path in ("guideline", "items", "prelabel", "member", "close"):
        assert stranger.post(f"/annotation/p/{path}/").status_code == 404, path
    page = chen.get("/annotation/").content.decode()
    assert "评论" in page and "/annotation/p/label/" in page
    # Of the base, whose project it is, so its people oversee it; one from elsewhere only labels.
    actions.add_member(people["manager"], Project.objects.get(), "stranger")
    page = stranger.get("/annotation/").content.decode()
    assert "/annotation/p/label/" in page and 'href="/annotation/p/"' not in page
    assert stranger.get("/annotation/p/label/").status_code == 200
    for path in ("", "export/jsonl/"):
        assert stranger.get(f"/annotation/p/{path}").status_code == 403, path
    assert stranger.post("/annotation/p/guideline/", {"text": "x"}).status_code == 403
    assert Client().get("/annotation/p/label/").status_code == 302


def test_a_project_is_set_up_by_forms(people, tmp_path):
    manager = browser("manager")
    given = {
        "code": "x",
        "title": "舆情",
        "kind": "choice",
        "labels": "正面\n负面\n",
        "gold": "0",
        "overlap": "1",
        "lease": "30",
    }
    assert manager.post("/annotation/open/", {**given, "price": "0.001"}).status_code == 409
    assert manager.post("/annotation/open/", {**given, "price": "0.12"})["Location"] == "/annotation/x/"
    project = Project.objects.get(code="x")
    assert (project.labels, project.price, project.unit.name, project.overlap) == (LABELS, 12, UNIT, 1)
    manager.post("/annotation/x/guideline/", {"text": "按语气。"})
    manager.post("/annotation/x/member/", {"login": "anna", "part": "annotator"})
    with table(tmp_path, ["好"]).open("rb") as file:
        manager.post("/annotation/x/items/", {"file": file, "use": "tasks"})
    lease = actions.next_item(people["anna"], project)
    actions.submit(people["anna"], project, lease.pk, "正面")
    page = manager.get("/annotation/x/").content.decode()
    for told in ("按语气。", "anna", "CNY 0.12", "0.1200"):
        assert told in page, told
    assert json.loads(manager.get("/annotation/x/export/jsonl/").content)["answer"] == "正面"
    assert manager.get("/annotation/x/export/coco/").status_code == 409
    bad = SimpleUploadedFile("评论.jsonl", b"{}")
    told = manager.post("/annotation/x/items/", {"file": bad, "use": "tasks"})
    assert told.status_code == 422 and "评论.jsonl" in told.content.decode() and "/tmp" not in told.content.decode()
    manager.post("/annotation/x/close/")
    assert browser("anna").get("/annotation/x/label/").status_code == 409
    assert "closed" in manager.get("/annotation/").content.decode()


def images(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            picture = io.BytesIO()
            Image.new("RGB", (60, 40), "navy").save(picture, "PNG")
            archive.writestr(name, picture.getvalue())
    return SimpleUploadedFile("图像.zip", out.getvalue())


def test_images_are_seen_by_who_was_given_them(people, opened):
    project = opened(texts=(), kind="boxes", labels=["car"])
    actions.add_member(people["manager"], project, "stranger")
    manager, stranger = browser("manager"), browser("stranger")
    assert manager.post("/annotation/p/items/", {"file": images("a.png"), "use": "tasks"}).status_code == 302
    address = f"/annotation/p/images/{Item.objects.get().pk}/"
    assert stranger.get(address).status_code == 404
    assert address in stranger.get("/annotation/p/label/").content.decode()
    told = stranger.get(address)
    assert (told.status_code, told["Content-Type"]) == (200, "image/png")
    assert told.content.startswith(b"\x89PNG")
    boxes = '[{"x": 1, "y": 2, "width": 30, "height": 20, "label": "car"}]'
    stranger.post("/annotation/p/label/", {"number": Assignment.objects.get().pk, "answer": boxes})
    assert Assignment.objects.get().answer[0]["width"] == 30


def test_the_bases_show_what_they_accepted(people, opened):
    project = opened(texts=("好",), overlap=1, price=15)
    actions.submit(people["anna"], project, actions.next_item(people["anna"], project).pk, "正面")
    actions.record_accepted(people["manager"], project)
    page = browser("stranger", "zh-hans").get("/annotation/").content.decode()
    assert "某标注公司" in page and "0.15 元" in page
    assert actions.register_base(OFFICE, UNIT, "national", "510100").level == "national"
