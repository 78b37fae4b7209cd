"""The pages: each opens in both languages, shows what the store holds, and loads nothing from outside."""

import re

import pytest
from django.test import Client

from dujiang.evidence.actions import append
from dujiang.identity.actions import add_enterprise
from dujiang.identity.permission import Actor, Role
from dujiang.plan.actions import load
from dujiang.plan.models import Programme
from dujiang.scenarios.models import Evaluation

OFFICE = Actor("tester", Role.OFFICE)
PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。建设省工业大模型平台。（责任单位：省经济和信息化厅，省科技厅）
"""


@pytest.fixture
def stored(db, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(PLAN, encoding="utf-8")
    programme = load(OFFICE, path).programme
    verdict = {"baseline": 2.0, "method": 1.0, "gain": 1.0, "low": 0.5, "high": 1.5, "margin": 0.1}
    verdict |= {"runs_through": True, "reasons": []}
    body = {"title": {"zh": "作业排程", "en": "Job shop"}, "verdict": verdict}
    entry = append(OFFICE, "scenario.evaluated", "manufacturing/job-shop", body)
    Evaluation.objects.create(
        scenario="manufacturing/job-shop",
        version="v",
        size="small",
        libraries={},
        seeds=[0, 1, 2, 3, 4],
        verdict=verdict,
        evidence=entry.sequence,
    )
    return programme


PAGES = [
    "/evidence/?before=²",
    "/evidence/?before=99999999999999999999999",
    "/",
    "/cities/510700/",
    "/dispatch/",
    "/plan/",
    "/scenarios/",
    "/scenarios/manufacturing/job-shop/",
    "/evidence/",
    "/evidence/2/",
    "/dispatch/2026-03/",
]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_in_its_language_and_loads_nothing(stored, page, language):
    client = Client(headers={"accept-language": language})
    response = client.get(page)
    assert response.status_code == 200
    html = response.content.decode()
    assert f'<html lang="{language}"' in html
    assert ("月调度</a>" in html) == (language == "zh-hans")
    assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", html)


def test_the_dispatch_links_figures_to_their_records(stored):
    html = Client().get("/dispatch/").content.decode()
    assert 'href="/evidence/2/"' in html
    assert "省经济和信息化厅" in html


def test_the_plan_marks_what_was_read(stored):
    html = Client().get("/plan/").content.decode()
    assert '<mark class="goal"' in html
    shown = re.sub(r"<[^>]+>", "", re.search(r'<article class="source">(.*)</article>', html, re.S).group(1))
    assert shown == PLAN.replace("“", "“")


def test_a_record_says_whether_it_is_sealed(stored):
    html = Client().get("/evidence/2/").content.decode()
    assert "与内容相符" in html


@pytest.mark.parametrize("suffix", ["docx", "xlsx", "html"])
def test_the_dispatch_can_be_taken_away(stored, suffix):
    response = Client().get(f"/dispatch/2026-03/report.{suffix}")
    assert response.status_code == 200
    assert f"dispatch-2026-03.{suffix}" in response["Content-Disposition"]
    assert len(response.content) > 1000


@pytest.mark.parametrize(
    "page",
    [
        "/dispatch/2026-13/",
        "/dispatch/x/",
        "/cities/519900/",
        "/cities/x/",
        "/scenarios/manufacturing/job-shop/picture.svg",
        "/scenarios/no/such/",
        "/evidence/99/",
        "/dispatch/2026-03/report.exe",
    ],
)
def test_what_is_not_there_is_not_found(stored, page):
    assert Client().get(page).status_code == 404


@pytest.mark.parametrize("page", ["/", "/dispatch/", "/plan/", "/scenarios/", "/evidence/"])
def test_an_empty_site_has_pages_too(db, page):
    assert Client().get(page).status_code == 200


def test_a_scenario_shows_what_its_user_sees(stored):
    address = "/scenarios/manufacturing/job-shop/"
    assert f"{address}picture.svg" not in Client().get(address).content.decode()
    Evaluation.objects.update(picture="<svg>gantt</svg>")
    assert f'src="{address}picture.svg"' in Client().get(address).content.decode()
    told = Client().get(f"{address}picture.svg")
    assert told["Content-Type"] == "image/svg+xml"
    assert told.content == b"<svg>gantt</svg>"


def test_the_directory_gives_a_script_the_rows_alone(stored):
    rows = Client().get("/scenarios/?industry=manufacturing", headers={"hx-request": "true"}).content.decode()
    assert "manufacturing/job-shop" in rows
    assert "urban-governance" not in rows
    assert "<html" not in rows


def test_the_overview_brings_it_together(stored):
    add_enterprise(OFFICE, "绵阳某企业", "91510700123456789P")
    html = Client().get("/").content.decode()
    assert 'aria-label="1/5"' not in html  # this plan asks no scenarios of its industries
    assert "智能终端普及率" in html
    assert "/cities/" not in html  # nor is it a province's
    Programme.objects.update(title="四川省行动方案")
    html = Client().get("/").content.decode()
    assert len(set(re.findall(r'href="(/cities/\d{6}/)"', html))) == 21
    assert "绵阳某企业" in Client().get("/cities/510700/").content.decode()
    assert "绵阳某企业" not in Client().get("/cities/510100/").content.decode()


def test_pages_change_nothing(stored):
    for page in PAGES:
        assert Client().post(page).status_code == 405


def test_the_language_button_switches(stored):
    client = Client()
    client.post("/language/setlang/", {"language": "en", "next": "/"})
    assert "Monthly dispatch" in client.get("/").content.decode()
