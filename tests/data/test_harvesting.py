"""Harvesting in: idempotent, with provenance; and out, by a harvester of another house."""

import json
from datetime import timedelta
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.utils import timezone

from dujiang.data import actions, documents, harvesting, oai
from dujiang.data.models import Dataset, Distribution, Harvest
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import BadInput, Refused

OFFICE = Actor("tester", Role.OFFICE)
LI = Actor("li", Role.LEAD_UNIT, "省地震局")
TURTLE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://o.cn/1> a dcat:Dataset ; dct:title "{title}"@zh ; dct:identifier "1" ; dcat:keyword "水文" ;
  dcat:distribution [ dcat:downloadURL <https://o.cn/1.csv> ; dct:title "水位.csv" ] ,
                    [ dcat:downloadURL <https://o.cn/1b.csv> ; dct:title "水位.csv" ] .
<https://o.cn/2> a dcat:Dataset ; dct:title "雨量"@zh ; dct:identifier "2" .
{more}
"""


@pytest.fixture
def source(registered, tmp_path):
    registered()
    path = tmp_path / "目录.ttl"

    def write(title="水位", more=""):
        path.write_text(TURTLE.format(title=title, more=more), encoding="utf-8")
        return harvesting.harvest(OFFICE, str(path), "科技厅")

    return write


def test_the_same_again_changes_nothing_and_what_changed_is_changed(source):
    made = source()
    assert made.counts == {"new": 2, "changed": 0, "same": 0, "gone": 0}
    one = Dataset.objects.get(source_identifier="1")
    assert (one.owner.name, one.state, one.basis) == ("科技厅", "published", "as-stated")
    assert sorted(Distribution.objects.values_list("name", flat=True)) == ["水位.csv", "水位.csv (2)"]
    assert Distribution.objects.filter(version__dataset=one, content=None).count() == 2
    changed = one.changed
    assert source().counts == {"new": 0, "changed": 0, "same": 2, "gone": 0}
    one.refresh_from_db()
    assert one.changed == changed
    assert source(title="水位与流量").counts == {"new": 0, "changed": 1, "same": 1, "gone": 0}
    one.refresh_from_db()
    assert (one.title_zh, Dataset.objects.exclude(source_catalogue="").count()) == ("水位与流量", 2)
    record = Record.objects.filter(kind="data.harvested").last()
    assert (record.sequence, record.actor) == (Harvest.objects.first().evidence, "office:tester")


def test_what_is_gone_is_withdrawn_unless_something_could_not_be_read(source, tmp_path):
    source()
    only = TURTLE.format(title="水位", more="").rpartition("<https://o.cn/2>")[0]
    unread = only + '<https://o.cn/3> a dcat:Dataset ; dct:identifier "3" .'
    (tmp_path / "目录.ttl").write_text(unread, encoding="utf-8")
    made = harvesting.harvest(OFFICE, str(tmp_path / "目录.ttl"), "科技厅")
    assert (made.counts["gone"], [one["where"] for one in made.faults]) == (0, ["3"])
    (tmp_path / "目录.ttl").write_text(only, encoding="utf-8")
    assert harvesting.harvest(OFFICE, str(tmp_path / "目录.ttl"), "科技厅").counts["gone"] == 1
    assert Dataset.objects.get(source_identifier="2").state == "withdrawn"
    assert source().counts == {"new": 0, "changed": 1, "same": 1, "gone": 0}
    assert Dataset.objects.get(source_identifier="2").state == "published"


def test_what_can_not_be_read_at_all_changes_nothing(source, tmp_path):
    source()
    (tmp_path / "目录.ttl").write_text("<no turtle", encoding="utf-8")
    with pytest.raises(BadInput, match=r"目录\.ttl"):
        harvesting.harvest(OFFICE, str(tmp_path / "目录.ttl"), "科技厅")
    with pytest.raises(BadInput):
        harvesting.harvest(OFFICE, str(tmp_path / "none.ttl"), "科技厅")
    with pytest.raises(NotAllowed):
        harvesting.harvest(LI, str(tmp_path / "目录.ttl"), "科技厅")
    assert Harvest.objects.count() == 1


def test_what_was_harvested_takes_no_deposit_and_is_not_amended(source):
    source()
    one = Dataset.objects.get(source_identifier="1")
    for act in (lambda: actions.draft_of(OFFICE, one), lambda: actions.amend(OFFICE, one, "", title_zh="x")):
        with pytest.raises(Refused):
            act()


class Answers:
    """A CKAN of 7 packages, in pages of 3 at most."""

    def __init__(self):
        self.asked = []

    def __call__(self, source):
        from urllib.parse import parse_qs, urlsplit

        self.asked.append(source)
        start = int(parse_qs(urlsplit(source).query).get("start", ["0"])[0])
        rows = [{"id": f"p{n}", "title": f"集{n}", "resources": []} for n in range(7)][start : start + 3]
        return json.dumps({"success": True, "result": {"count": 7, "results": rows}}).encode()


def test_a_ckan_is_read_to_its_end(registered, monkeypatch):
    registered()
    answers = Answers()
    monkeypatch.setattr(harvesting, "_content", answers)
    url = "https://ckan.example.cn/api/3/action/package_search?q=a"
    assert harvesting.harvest(OFFICE, url, "科技厅").counts["new"] == 7
    assert len(answers.asked) == 3
    assert harvesting.harvest(OFFICE, url, "科技厅").counts == {"new": 0, "changed": 0, "same": 7, "gone": 0}


def test_a_catalogue_of_ours_is_harvested_by_another_of_ours(published, tmp_path):
    one = published(access="open")
    for form in documents.DCAT:
        path = tmp_path / form
        path.write_bytes(documents.catalogue(form))
        assert harvesting.harvest(OFFICE, str(path), "科技厅").counts["new"] == 1
        copy = Dataset.objects.get(source_catalogue=str(path))
        assert (copy.source_identifier, copy.title_zh, copy.title_en) == (one.identifier, one.title_zh, one.title_en)
        file = Distribution.objects.get(version__dataset=copy)
        assert (file.name, file.sha256) == ("waves.csv", Distribution.objects.get(version__dataset=one).sha256)
        assert actions.why_not(OFFICE, file).en == "the file is not on this site"


# Out.


@pytest.fixture
def harvested(published, monkeypatch):
    """Seven data sets, the sixth withdrawn, in pages of two."""
    monkeypatch.setattr(oai, "PAGE", 2)
    made = [published(title_zh=f"数据集{n}号 <&>", task=16 if n % 2 else None, access="open") for n in range(7)]
    actions.withdraw(LI, made[5], "有误")
    return [one.identifier for one in made]


@pytest.fixture
def sickle(monkeypatch, harvested):
    """A harvester of another house, whose requests come to this process; the protocol is all its own."""
    client = pytest.importorskip("sickle", reason="sickle, a harvester, is not installed")

    class Answer:
        def __init__(self, response):
            self.text, self.content, self.status_code, self.headers = (
                response.content.decode(),
                response.content,
                200,
                {},
            )
            self.encoding = "utf-8"

        def raise_for_status(self):
            """It never fails."""

    monkeypatch.setattr("requests.get", lambda url, params, **_: Answer(Client().get(url + "?" + urlencode(params))))
    return client.Sickle("/data/oai/", encoding="utf-8")


def test_a_harvester_gets_all_of_it_by_resumption(sickle, harvested):
    for prefix in oai.PREFIXES:
        records = list(sickle.ListRecords(metadataPrefix=prefix))
        found = {one.header.identifier.rpartition("localhost:")[2].rpartition(":")[2]: one for one in records}
        assert len(records) == len(found) == 7
        assert set(found) == set(harvested)
        assert [one.header.deleted for one in found.values()].count(True) == found[harvested[5]].header.deleted == 1
    assert found[harvested[0]].header.setSpecs == ["open"]
    assert set(found[harvested[1]].header.setSpecs) == {"open", "task:16"}
    dublin_core = {
        one.header.identifier: one.metadata
        for one in sickle.ListRecords(metadataPrefix="oai_dc")
        if not one.header.deleted
    }
    assert {"数据集0号 <&>", "Seismic waveforms of Sichuan"} in [set(one["title"]) for one in dublin_core.values()]
    assert len(list(sickle.ListIdentifiers(metadataPrefix="oai_dc", set="task:16"))) == 3
    assert len(list(sickle.ListRecords(metadataPrefix="oai_dc", ignore_deleted=True))) == 6


def test_a_harvester_reads_the_rest(sickle, harvested):
    assert sickle.Identify().deletedRecord == "persistent"
    assert {one.metadataPrefix for one in sickle.ListMetadataFormats()} == set(oai.PREFIXES)
    assert [one.setSpec for one in sickle.ListSets()] == ["open", "task:16"]
    identifier = next(iter(sickle.ListIdentifiers(metadataPrefix="oai_dc"))).identifier
    assert sickle.GetRecord(identifier=identifier, metadataPrefix="oai_datacite").header.identifier == identifier


def ask(**arguments):
    told = Client().get("/data/oai/", arguments)
    assert told["Content-Type"].startswith("text/xml")
    return ET.fromstring(told.content)


def code(root):
    found = root.find(f"{{{oai.OAI}}}error")
    return None if found is None else found.get("code")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "badVerb"),
        ({"verb": "Nonsense"}, "badVerb"),
        ({"verb": ["Identify", "Identify"]}, "badVerb"),
        ({"verb": "Identify", "set": "open"}, "badArgument"),
        ({"verb": "ListRecords"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": ["oai_dc", "oai_dc"]}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-13-01"}, "badArgument"),
        (
            {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-01-01", "until": "2026-01-01T00:00:00Z"},
            "badArgument",
        ),
        (
            {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-02-01", "until": "2026-01-01"},
            "badArgument",
        ),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "resumptionToken": "x"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "marc21"}, "cannotDisseminateFormat"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "until": "2001-01-01"}, "noRecordsMatch"),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "none"}, "noRecordsMatch"),
        ({"verb": "ListIdentifiers", "resumptionToken": "bm9uZQ=="}, "badResumptionToken"),
        ({"verb": "ListIdentifiers", "resumptionToken": "Ä"}, "badResumptionToken"),
        ({"verb": "ListSets", "resumptionToken": "x"}, "badResumptionToken"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:127.0.0.1:99999/none"}, "idDoesNotExist"),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "x"}, "idDoesNotExist"),
        ({"verb": "ListMetadataFormats", "identifier": "x"}, "idDoesNotExist"),
    ],
)
def test_faults_are_told_by_the_protocol(db, arguments, expected):
    root = ask(**arguments)
    assert code(root) == expected
    request = root.find(f"{{{oai.OAI}}}request")
    assert request.attrib == {} if expected in ("badVerb", "badArgument") else request.get("verb") == arguments["verb"]


def test_from_and_until_take_both_ends_in(published):
    one = published()
    at = oai.stamp(one.changed)
    day = at[:10]
    for since, until, there in (
        (at, at, True), (day, day, True), (oai.stamp(one.changed + timedelta(seconds=1)), None, False),
        (None, oai.stamp(one.changed - timedelta(seconds=1)), False),
    ):  # fmt: skip
        arguments = {name: value for name, value in (("from", since), ("until", until)) if value}
        root = ask(verb="ListIdentifiers", metadataPrefix="oai_dc", **arguments)
        assert (code(root) is None) == there, (since, until)


def test_what_changes_during_a_harvest_is_not_lost(harvested):
    root = ask(verb="ListIdentifiers", metadataPrefix="oai_dc")
    seen, first = [], Dataset.objects.get(identifier=harvested[3])
    while True:
        seen += [one.text.rpartition(":")[2] for one in root.iter(f"{{{oai.OAI}}}identifier")]
        token = root.find(f".//{{{oai.OAI}}}resumptionToken").text
        if not token:
            break
        if len(seen) == 2:
            Dataset.objects.filter(pk=first.pk).update(changed=timezone.now())
        root = ask(verb="ListIdentifiers", resumptionToken=token)
    assert set(seen) == set(harvested)


def test_drafts_and_what_was_harvested_are_not_harvested_from_here(source):
    source()
    assert code(ask(verb="ListRecords", metadataPrefix="oai_dc")) == "noRecordsMatch"


def test_a_harvester_may_post(db):
    told = Client(enforce_csrf_checks=True).post("/data/oai/", {"verb": "Identify"})
    assert b"<protocolVersion>2.0</protocolVersion>" in told.content
