"""Descriptions in each standard's form: whole, the same however they are written, and good by other programs' judgement."""

import hashlib
import json
import urllib.request
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, Graph
from rdflib.compare import isomorphic

from dujiang.data import croissant, datacite, dcat, foreign, search
from dujiang.data.metadata import File, Record
from dujiang.data.terms import Access, Basis, Grade, Sensitivity
from dujiang.messages import Text

SITE = "https://data.example.cn/data/"
DIGEST = hashlib.sha256(b"a,b\n1,2\n").hexdigest()
FILES = (File("waves 一.csv", "text/csv", 8, DIGEST, SITE + "files/1/waves%20%E4%B8%80.csv"),)


def record(**more):
    at = datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC)
    facts = {
        "identifier": "99999/dj.7k3m9xq2m", "address": SITE + "id/99999/dj.7k3m9xq2m", "site": SITE,
        "title": Text("四川地震波形", "Waveforms"), "description": "测震台网记录的三分量波形。", "owner": "省地震局",
        "publisher": "", "basis": Basis.COLLECTED, "grade": Grade.GENERAL, "sensitivity": Sensitivity.NONE,
        "access": Access.OPEN, "licence": "CC-BY-4.0", "keywords": ("地震", "波形"), "language": "zh", "registered": at,
        "published": at, "changed": at, "embargo_until": None, "version": 2, "version_note": "新增 3 月",
        "about": "任务16", "source": "", "files": FILES,
    }  # fmt: skip
    return Record(**{**facts, **more})


def test_it_is_the_same_in_every_serialisation():
    made = dcat.catalogue(SITE, Text("目录", "Catalogue"), "推进办公室", [record(), record(address=SITE + "id/2")])
    for suffix, (format_, _) in dcat.FORMATS.items():
        read = Graph().parse(data=dcat.written(made, suffix), format=format_.replace("pretty-", ""))
        assert isomorphic(read, made), suffix
    assert len(set(made.subjects(RDF.type, dcat.DCAT.Dataset))) == 2
    assert dcat.violations(made) == []


WRONG = [
    ({"description": ""}, "缺少说明"),
    ({"description": "短"}, "至少 10 字"),
    ({"keywords": ()}, "关键词"),
    ({"files": ()}, "至少一个文件"),
    ({"licence": ""}, "许可"),
    ({"title": Text("", "x")}, "中文名称"),
    ({"grade": Grade.IMPORTANT}, "不得无条件共享"),
    ({"sensitivity": Sensitivity.PERSONAL}, "不得无条件共享"),
    ({"files": (File("a", "text/csv", 1, "", SITE),)}, "SHA-256"),
    ({"files": (File("a", "text/csv", 1, "abc", SITE),)}, "SHA-256"),
    ({"files": (File("a", "text/csv", None, DIGEST, SITE),)}, "字节数"),
    ({"files": (File("a", "", 1, DIGEST, SITE),)}, "媒体类型"),
]


@pytest.mark.parametrize(("wrong", "told"), WRONG)
def test_the_shapes_tell_what_is_lacking(wrong, told):
    found = dcat.violations(dcat.graph([record(**wrong)]))
    assert any(told in one.zh for one in found), found
    assert all(one.en for one in found)
    assert dcat.violations(dcat.graph([record()])) == []


@pytest.mark.parametrize("access", [Access.RESTRICTED, Access.CLOSED])
def test_what_is_not_open_needs_no_licence_and_may_be_core(access):
    one = record(access=access, licence="", grade=Grade.CORE, sensitivity=Sensitivity.SENSITIVE)
    assert dcat.violations(dcat.graph([one])) == []


def test_another_site_reads_what_this_one_writes():
    one = record(title=Text("四川", "Sichuan"), access=Access.RESTRICTED, grade=Grade.IMPORTANT)
    for suffix in dcat.FORMATS:
        [read] = foreign.read("x", dcat.written(dcat.graph([one]), suffix)).datasets
        assert (read.identifier, read.title_zh, read.title_en) == (one.identifier, "四川", "Sichuan")
        assert (read.access, read.grade, read.publisher) == (one.access, one.grade, one.owner)
        [file] = read.files
        assert (file.name, file.media_type, file.bytes, file.sha256, file.url) == (
            FILES[0].name, "text/csv", 8, DIGEST, FILES[0].url,
        )  # fmt: skip


@pytest.mark.parametrize(
    "one",
    [
        record(),
        record(identifier="10.12345/dj.7k3m9xq2m", publisher="四川大学", embargo_until=date(2027, 5, 1)),
        record(access=Access.CLOSED, licence="", description="", keywords=(), files=(), published=None, version=0),
        record(licence="仅供研究使用", source="https://other.example.cn/1", title=Text("四川", "四川")),
    ],
    ids=["open", "doi", "bare", "words"],
)
def test_datacite_is_good_by_its_registrys_library(one):
    schema = pytest.importorskip("datacite.schema45", reason="datacite, DataCite's own library, is not installed")
    made = datacite.as_json(one)
    assert list(schema.validator.iter_errors(made)) == []
    # The library's own XML of those values says the same things as ours.
    theirs = ET.fromstring(schema.tostring(made).encode())
    ours = ET.fromstring(datacite.as_xml(one))
    said = [{(e.tag, (e.text or "").strip()) for e in root.iter() if not len(e)} for root in (theirs, ours)]
    skipped = {f"{{{datacite.KERNEL}}}{name}" for name in ("identifier", "alternateIdentifier")}
    assert {e for e in said[0] if e[0] not in skipped} == {e for e in said[1] if e[0] not in skipped}


def test_datacite_has_the_six_that_are_mandatory():
    made, xml = datacite.as_json(record(embargo_until=date(2027, 5, 1))), ET.fromstring(datacite.as_xml(record()))
    assert made["publicationYear"] == "2027"
    assert made["publisher"] == {"name": "省地震局"}
    for name in ("identifier", "creators", "titles", "publisher", "publicationYear", "resourceType"):
        assert xml.find(f"{{{datacite.KERNEL}}}{name}") is not None, name
    identifier = xml.find(f"{{{datacite.KERNEL}}}identifier")
    assert (identifier.text, identifier.get("identifierType")) == ("99999/dj.7k3m9xq2m", "Handle")


def test_mlcroissant_reads_the_records_by_our_description(tmp_path):
    import mlcroissant

    (tmp_path / "waves.csv").write_text("station,count\n成都,3\n雅安,5\n", encoding="utf-8")
    path = tmp_path / "waves.csv"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    one = record(files=(File("waves.csv", "text/csv", path.stat().st_size, digest, SITE + "files/1/waves.csv"),))
    made = croissant.as_json(one, {"waves.csv": [("station", "VARCHAR"), ("count", "BIGINT")]})
    # Where the file is had is told apart, since nothing is fetched in a test; that its digest is right is checked.
    read = mlcroissant.Dataset(jsonld=made, mapping={"file-1": str(path)})
    assert not read.metadata.ctx.issues.errors
    rows = list(read.records("table-1"))
    assert [sorted(row.values(), key=str) for row in rows] == [[3, "成都".encode()], [5, "雅安".encode()]]


def test_mlcroissant_finds_what_is_wrong_with_a_description():
    import mlcroissant

    made = croissant.as_json(record())
    assert not mlcroissant.Dataset(jsonld=made).metadata.ctx.issues.errors
    del made["distribution"][0]["encodingFormat"]
    with pytest.raises(mlcroissant.ValidationError):
        mlcroissant.Dataset(jsonld=made)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_a_text_is_found_by_its_own_words(text):
    asked = search.words(text)
    held = search.weights([(text, 1.0)])
    assert set(asked) == set(held)
    assert all(weight > 0 for weight in held.values())


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("四川省科学数据中心高质量数据集", "科学数据"),
        ("四川省科学数据中心高质量数据集", "数据中心"),
        ("攀枝花钒钛磁铁矿样品", "钒钛"),
        ("川藏铁路隧道围岩", "隧道"),
        ("Seismic waveforms (STEAD-like)", "STEAD"),
        ("ＧＮＳＳ站点", "gnss"),
    ],
)
def test_chinese_is_found_by_any_part_that_means_something(text, question):
    assert set(search.words(question)) & set(search.words(text))


def test_what_many_have_says_less_than_what_few_have():
    rare = search.rarity(["数据", "钒钛", "没有"], {"数据": 900, "钒钛": 2}, 1000)
    assert rare["钒钛"] > 5 * rare["数据"] > 0
    assert "没有" not in rare


CKAN = {
    "success": True,
    "result": {
        "count": 3,
        "results": [
            {
                "id": "p1", "name": "air", "title": "空气质量", "notes": "日均值", "isopen": True,
                "license_url": "https://creativecommons.org/licenses/by/4.0/", "organization": {"title": "生态环境厅"},
                "tags": [{"name": "空气"}, {"name": "环境"}],
                "resources": [{"name": "2025.csv", "url": "https://ckan.example.cn/a.csv", "format": "CSV", "size": 12}],
            },
            {"id": "p2", "title": "坏地址", "resources": [{"url": "ftp://x/y"}]},
            {"title": "没有编号"},
        ],
    },
}  # fmt: skip


def test_what_ckan_answers_is_read_and_what_can_not_be_is_told():
    read = foreign.read("x", json.dumps(CKAN).encode())
    assert (read.form, read.total) == ("ckan", 3)
    [one] = read.datasets
    assert (one.title_zh, one.publisher, one.access, one.keywords) == (
        "空气质量",
        "生态环境厅",
        Access.OPEN,
        ("环境", "空气"),
    )
    assert one.files[0].media_type == "text/csv"
    assert [fault.where for fault in read.faults] == ["p2 resources[0]", "results[2]"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"{}", b"[]", b"null", b'{"success": false, "result": {}}', b"<?xml version='1.0'?><a/>", b"\xff\xfe",
        b'{"@context": "https://evil.example/context.jsonld", "@type": "http://www.w3.org/ns/dcat#Dataset"}',
        b"@prefix dcat: <http://www.w3.org/ns/dcat#> .",
    ],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_and_nothing_is_fetched(content, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_: pytest.fail("it reached out"))
    with pytest.raises(foreign.BadInput, match="应为"):
        foreign.read("目录", content)


def test_dcat_without_titles_or_with_the_same_identifier_twice_is_told():
    text = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
    <urn:a> a dcat:Dataset ; dct:title "甲"@zh ; dct:identifier "1" .
    <urn:b> a dcat:Dataset ; dct:title "乙"@zh ; dct:identifier "1" .
    <urn:c> a dcat:Dataset ; dct:identifier "3" .
    <urn:d> a dcat:Dataset ; dct:title "丁" ; dcat:distribution [ dcat:accessURL <file:///etc/passwd> ] .
    [] a dcat:Dataset ; dct:title "无名" .
    """
    read = foreign.read("x", text.encode())
    assert [one.title_zh for one in read.datasets] == ["甲"]
    assert len(read.faults) == 4


def test_terms_of_the_graph_are_dcats():
    made = dcat.graph([record()])
    node = next(made.subjects(RDF.type, dcat.DCAT.Dataset))
    assert str(made.value(node, dcat.DCTERMS.accessRights)).endswith("access-right/PUBLIC")
    assert str(next(made.objects(predicate=dcat.DCAT.mediaType))).endswith("media-types/text/csv")
