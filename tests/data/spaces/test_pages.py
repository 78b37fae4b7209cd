"""From a hospital's deposit of a synthetic FHIR set to an insurer's answers, by the pages that they use."""

import json
import random
import re

import pytest
from django.test import Client
from rdflib import PROV, RDF, Graph

from data.spaces.people import AGGREGATES
from dujiang.data import actions as catalogue
from dujiang.data.figures import month_figures
from dujiang.data.spaces import actions
from dujiang.data.spaces.models import Agreement, Negotiation, Offer, Query
from dujiang.evidence.models import Record
from dujiang.evidence.months import this_month
from dujiang.identity.actions import add_person, units_of_plan
from dujiang.identity.permission import Actor, Role

OFFICE = Actor("tester", Role.OFFICE)
REVIEWER = Actor("reviewer", Role.REVIEWER)
ROOMS = {"columns": "gender group\nage bucket 10 group\ncode group\ncost measure 0..50000", "rows": "cost gteq 0"}


def bundle(path, people=240):
    """Claims of a synthetic FHIR R4 Bundle as a flat table of NDJSON: one line a patient, as an export would be joined."""
    draw = random.Random(7)
    with path.open("w") as file:
        for number in range(people):
            age = draw.randint(18, 89)
            row = {
                "resourceType": "ExplanationOfBenefit", "patient": f"Patient/{number}", "name": f"CANARY-{number}",
                "gender": draw.choice(["male", "female"]), "age": age, "code": draw.choice(["I10", "E11", "J45"]),
                "cost": round(draw.lognormvariate(7, 0.6) + 20 * age, 2),
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")


@pytest.fixture
def people(db):
    units_of_plan(["华西医院", "某保险公司", "科技厅"])
    made = {}
    for login, unit in (("hua", "华西医院"), ("bao", "某保险公司"), ("ke", "科技厅")):
        person, _ = add_person(OFFICE, login, login, Role.ENTERPRISE if unit != "科技厅" else Role.LEAD_UNIT, unit)
        made[login] = Client(headers={"accept-language": "zh-hans"})
        made[login].force_login(person)
    return made


def fhir(tmp_path):
    hospital = Actor("hua", Role.ENTERPRISE, "华西医院")
    bundle(tmp_path / "claims.ndjson")
    made = catalogue.register(
        hospital, title_zh="门诊理赔（合成 FHIR）", description="由 FHIR R4 ExplanationOfBenefit 平铺的合成数据。", owner="华西医院",
        basis="authorised-operation", sensitivity="sensitive-personal", keywords=["FHIR"], licence="仅按合约使用",
    )  # fmt: skip
    version = catalogue.deposit(hospital, made, [tmp_path / "claims.ndjson"])
    catalogue.review(REVIEWER, catalogue.submit(hospital, version), approved=True)
    made.refresh_from_db()
    return made


def test_a_hospital_offers_an_insurer_asks_and_sees_sums_only(people, tmp_path):
    hospital, insurer, other = people["hua"], people["bao"], people["ke"]
    dataset = fhir(tmp_path)
    assert hospital.post(f"/data/sets/{dataset.pk}/inspect/").status_code == 302
    assert insurer.post(f"/data/sets/{dataset.pk}/inspect/").status_code == 403
    report = insurer.get(f"/data/sets/{dataset.pk}/").content.decode()
    assert "240 行，7 列" in report
    assert "CANARY" not in report

    wanted = {
        "file": "claims.ndjson", "view": "claims", **ROOMS, "group": "10", "subject": "patient", "purposes": "产品定价",
        "until": "2099-12-31", "queries": "20", "price_a_query": "1.50", "delete_after_days": "30",
    }  # fmt: skip
    assert insurer.post(f"/data/spaces/new/{dataset.pk}/", wanted).status_code == 403
    bad = hospital.post(f"/data/spaces/new/{dataset.pk}/", {**wanted, "columns": "gender group\nage bucket"})
    assert bad.status_code == 409
    assert "第 2 行" in bad.content.decode()
    made = hospital.post(f"/data/spaces/new/{dataset.pk}/", wanted)
    assert made.status_code == 302, made.content.decode()
    offer = Offer.objects.get()
    assert (
        "仅限聚合，每组不少于 10 人"
        in Client(headers={"accept-language": "zh-hans"}).get("/data/spaces/").content.decode()
    )
    assert f"/data/spaces/offers/{offer.pk}/" in hospital.get(f"/data/sets/{dataset.pk}/").content.decode()

    page = f"/data/spaces/offers/{offer.pk}/"
    asked = {"purpose": "产品定价", "legal_basis": "个人信息保护法第十三条第三项"}
    assert insurer.post(page, asked).status_code == 409  # no ethics approval
    assert (
        insurer.post(page, {**asked, "ethics_approval": "华西伦审2026-12", "ethics_until": "2099-01-01"}).status_code
        == 302
    )
    one = Negotiation.objects.get()
    for client in (insurer, other):
        told = client.post(f"/data/spaces/requests/{one.pk}/", {"step": "agree"})
        assert told.status_code in (403, 404)
    assert "同意" in hospital.get("/data/spaces/requests/").content.decode()
    assert hospital.post(f"/data/spaces/requests/{one.pk}/", {"step": "agree"}).status_code == 302
    agreement = Agreement.objects.get()
    assert agreement.in_force

    page = f"/data/spaces/agreements/{agreement.pk}/"
    assert other.get(page).status_code == 404
    sql = "SELECT code, count(*) AS n, avg(cost) AS mean FROM claims GROUP BY code ORDER BY code"
    told = insurer.post(page, {"sql": sql})
    assert told.status_code == 200
    assert re.search(r"<td>E11</td><td>\d\d</td>", told.content.decode())
    refused = insurer.post(page, {"sql": "SELECT name, max(cost) FROM claims GROUP BY name"})
    assert refused.status_code == 409
    assert "CANARY" not in refused.content.decode()
    assert hospital.post(page, {"sql": sql}).status_code == 409  # the provider isn't its consumer

    seen = hospital.get("/data/spaces/uses/?outcome=refused").content.decode()
    assert re.search(r"max\(cost\)[^<]*</code></td><td>[^<]*拒绝", seen)
    assert "max(cost)" not in other.get("/data/spaces/uses/").content.decode()
    assert Record.objects.filter(kind="space.answered").count() == 1
    assert Record.objects.filter(kind="space.refused").count() == 2
    assert "1.50 元" in insurer.get("/data/spaces/agreements/").content.decode()

    proof = Graph().parse(data=insurer.get(f"{page}provenance.ttl").content.decode(), format="turtle")
    assert len(list(proof.subjects(RDF.type, PROV.Activity))) == Query.objects.count() == 3
    assert len(list(proof.subjects(PROV.wasDerivedFrom))) == 1
    assert insurer.get(f"{page}provenance.jsonld")["Content-Type"].startswith("application/ld+json")

    assert insurer.post(page, {"step": "end", "why": "定价完成"}).status_code == 200
    assert "30" in insurer.get(page).content.decode()
    assert insurer.post(page, {"step": "delete", "why": "已清除"}).status_code == 200
    assert hospital.post(page, {"step": "delete", "why": "x"}).status_code == 403
    assert insurer.post(page, {"sql": sql}).status_code == 409

    told = {one.code: (one.count, one.evidence) for one in month_figures(this_month())}
    assert told["published"][0] == told["inspected"][0] == told["answered"][0] == 1
    assert told["refused"] == (3, Record.objects.filter(kind="space.refused").last().sequence)
    assert told["agreements"][0] == 0  # it has ended
    assert told["deposited"][0] == 1


def test_a_request_is_declined_with_a_reason_and_an_offer_withdrawn(people, dataset):
    hospital = Actor("hua", Role.ENTERPRISE, "华西医院")
    offer = actions.offer(hospital, dataset, AGGREGATES, files={"patients": "patients.parquet"})
    asked = {"purpose": "research", "legal_basis": "合同", "ethics_approval": "伦审1", "ethics_until": "2099-01-01"}
    assert people["bao"].post(f"/data/spaces/offers/{offer.pk}/", asked).status_code == 302
    one = Negotiation.objects.get()
    assert (
        people["hua"].post(f"/data/spaces/requests/{one.pk}/", {"step": "decline", "why": "用途不符"}).status_code
        == 302
    )
    assert "用途不符" in people["bao"].get("/data/spaces/requests/").content.decode()
    assert people["hua"].post(f"/data/spaces/requests/{one.pk}/", {"step": "agree"}).status_code == 409
    assert people["hua"].post(f"/data/spaces/requests/{one.pk}/", {"step": "else"}).status_code == 404
    assert people["bao"].post(f"/data/spaces/offers/{offer.pk}/withdraw/").status_code == 403
    assert people["hua"].post(f"/data/spaces/offers/{offer.pk}/withdraw/").status_code == 302
    assert people["bao"].post(f"/data/spaces/offers/{offer.pk}/", asked).status_code == 409
