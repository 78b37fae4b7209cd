"""Each side does on its pages what the rules let it; one walk through all of it, from facts to a student's course."""

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from dujiang.evidence.actions import append
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person
from dujiang.identity.permission import Role
from dujiang.plan.actions import load
from dujiang.plan.figures import monthly_dispatch
from dujiang.scenarios.registry import find
from dujiang.support.actions import facts
from dujiang.support.models import Bank, BondProject, Call, Introduction, Landmark, Listing, Loan, Need, Offer
from dujiang.talent import intake, training
from dujiang.vouchers.actions import balance, declare
from dujiang.vouchers.models import Application
from support.test_bonds import GOOD
from support.units import ANSWERS, BANK, CODES, FIRM, OFFICE, OTHER, SCHOOL, make_units, of
from talent.people import in_days, skills

pytestmark = pytest.mark.django_db
PLAN = "某省推进“人工智能+”行动方案\n\n一、发展目标\n到2027年，智能终端普及率超过60%。\n"


@pytest.fixture
def at(db, monkeypatch):
    """Browsers by who sits at them."""
    monkeypatch.setattr("dujiang.identity.web._has_second_factor", lambda request: True)
    make_units()
    seats = [("firm", Role.ENTERPRISE, FIRM), ("bank", Role.ENTERPRISE, BANK), ("school", Role.ENTERPRISE, SCHOOL), ("other", Role.ENTERPRISE, OTHER), ("office", Role.OFFICE, None), ("chief", Role.OFFICE, None), ("expert", Role.REVIEWER, None), ("auditor", Role.AUDITOR, None)]  # fmt: skip
    made = {}
    for name, role, unit in seats:
        person, _ = add_person(OFFICE, name, "某人", role, unit, with_password=False)
        made[name] = Client(headers={"accept-language": "zh-hans"})
        made[name].force_login(person)
    made["public"] = Client(headers={"accept-language": "en"})
    return made


def post(client, place, wanted=302, **fields):
    told = client.post(place, fields)
    assert told.status_code == wanted, told.content.decode()
    return told.content.decode() if wanted != 302 else told["Location"]


def read(client, place):
    told = client.get(place)
    assert told.status_code == 200, told.content.decode()
    return told.content.decode()


def test_an_enterprise_enters_its_facts_once_and_comes_to_a_voucher_a_listing_a_loan_and_a_course(at, tmp_path):
    (tmp_path / "plan.txt").write_text(PLAN, encoding="utf-8")
    programme = load(OFFICE, tmp_path / "plan.txt").programme
    terms = {"unit": "CNY", "cap": 500_000_00, "budget": 10**10, "since": date(2026, 1, 1), "until": date(2099, 1, 1)}
    declare(OFFICE, code="compute", title="算力券", **terms)
    # What it may have is shown once it has entered its facts.
    assert "填报一次企业情况" in read(at["firm"], "/support/")
    said = {f"fact-{name}": value for name, value in ANSWERS.items()}
    assert "日期" in post(at["firm"], "/support/", 409, do="enter", **{**said, "fact-founded": "去年"})
    post(at["firm"], "/support/", do="enter", **said)
    page = read(at["firm"], "/support/")
    assert "540,000.00 元" in page and "申请领券" in page and "第一条" in page
    # The voucher, by the facts alone.
    post(at["firm"], "/support/", do="claim", measure="compute-voucher")
    asked = Application.objects.get()
    post(at["chief"], f"/vouchers/applications/{asked.pk}/review/", verdict="approve", amount="500000", why="情况属实")
    post(at["office"], f"/vouchers/applications/{asked.pk}/grant/")
    assert balance(FIRM, "gpu") >= 500_000_00
    # The white list, with the same facts, its papers, and the voucher as evidence that it uses compute.
    assert "审计报告" in post(at["firm"], "/support/white-list/", 409, do="apply")
    for title in facts.criteria().papers:
        post(at["firm"], "/support/", do="hand-in", title=title, file=SimpleUploadedFile("扫描.pdf", title.encode()))
    assert "可以享受" in read(at["firm"], "/support/white-list/")
    post(at["firm"], "/support/white-list/", do="apply")
    one = Listing.objects.get()
    granted = Record.objects.get(kind="voucher.granted").sequence
    assert one.records == {"voucher.granted": granted}
    place = f"/support/white-list/{one.pk}/"
    assert FIRM in read(at["office"], "/support/white-list/")
    assert f"/evidence/{granted}/" in read(at["office"], place)
    assert "请写明理由" in post(at["office"], place, 409, do="list", why=" ")
    post(at["office"], place, do="list", why="条件具备")
    assert "在白名单" in read(at["firm"], place)
    assert at["other"].get(place).status_code == 403
    # Consent, the bank's reading by the API's key too, and a loan whose time is measured.
    post(at["office"], "/support/white-list/", do="admit", unit=BANK)
    assert "不是合作银行" in read(at["other"], "/support/lending/")
    assert FIRM not in read(at["bank"], "/support/lending/")
    until = (timezone.localdate() + timedelta(90)).isoformat()
    bank = {"bank": Bank.objects.get().pk}
    post(at["firm"], "/support/white-list/", do="consent", until=until, facts="yes", **bank)
    page = read(at["bank"], f"/support/lending/?code={CODES[FIRM]}")
    assert FIRM in page and "30000000" in page
    post(at["firm"], "/support/white-list/", do="loan", amount="2000000", purpose="采购算力", **bank)
    loan = Loan.objects.get().pk
    post(at["bank"], "/support/lending/", do="approve", loan=loan, amount="1500000", why="同意")
    post(at["bank"], "/support/lending/", do="pay", loan=loan)
    assert Loan.objects.get().approved == 1_500_000_00
    assert "Green channel" in read(at["public"], "/support/white-list/")
    # A school's course fills the vacancy: both stand in the talent plane, and meet here.
    skills()
    path = tmp_path / "vacancies.csv"
    row = {"reference": "A1", "title": "机器视觉质检员", "industry": "制造", "level": "初级", "city": "成都市", "skills": "机器视觉", "number": "3", "opened": "2026-01-01", "closes": "2099-12-31"}  # fmt: skip
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n", encoding="utf-8")
    intake.load_vacancies(of(FIRM, "firm"), path)
    training.register_school(OFFICE, SCHOOL)
    training.open_course(of(SCHOOL, "school"), "视觉调试工程师订单班", "机器视觉", "entry", 2, in_days(1), in_days(60))
    for _ in range(2):  # what is published already is not published again
        post(at["school"], "/support/exchange/", do="courses")
        post(at["firm"], "/support/exchange/", do="vacancies")
    post(
        at["other"],
        "/support/exchange/",
        do="offer",
        kind="product",
        title="质检一体机",
        text="机器视觉外观检测",
        price="300000",
    )
    need = Need.objects.get()
    place = f"/support/exchange/needs/{need.pk}/"
    page = read(at["firm"], place)
    assert page.index("视觉调试工程师订单班") < page.index("质检一体机")
    post(at["firm"], place, do="introduce", offer=Offer.objects.get(kind="talent").pk)
    met = Introduction.objects.get()
    post(at["school"], f"/support/exchange/offers/{met.offer_id}/", do="accept", introduction=met.pk)
    post(at["firm"], place, do="agree", introduction=met.pk, amount="60000", outcome="订单班 30 人，九月上岗")
    met.refresh_from_db()
    assert (met.state, met.amount) == ("agreed", 60_000_00)
    # The month's dispatch tells all of it, each line with its record.
    made = monthly_dispatch(programme, f"{timezone.localdate():%Y-%m}")
    lines = {line.code: line for line in made.support}
    assert (lines["listed"].count, lines["loans"].count, lines["agreed"].fen) == (1, 1, 60_000_00)
    assert lines["agreed"].evidence == met.evidence
    page = read(at["public"], f"/dispatch/{timezone.localdate():%Y-%m}/")
    assert "enterprises on the white list" in page and f"/evidence/{met.evidence}/" in page
    assert type(made).from_json(made.as_json()) == made


def test_a_bond_project_goes_through_its_pages(at):
    yuan = {name: str(GOOD[name] // 100) for name in ("bond", "capital")}
    form = {
        "title": "智算中心", **yuan, "use-machines": "700000", "use-power": "300,000", "rate": "3", "issued": "2026", "years": "5",
        "revenue": " ".join(["260000"] * 5), "costs": " ".join(["40000"] * 5), "milestones": "土建完工, 2027-06-30, 40\n设备上架，2027-12-31，60",
    }  # fmt: skip
    assert "逐年" in post(at["firm"], "/support/bonds/", 409, do="propose", **{**form, "costs": "1 2"})
    assert "节点" in post(at["firm"], "/support/bonds/", 409, do="propose", **{**form, "milestones": "土建"})
    post(at["firm"], "/support/bonds/", do="propose", **form)
    project = BondProject.objects.get()
    assert project.terms.investment == 1_000_000_00
    place = f"/support/bonds/{project.pk}/"
    assert "可研批复" in post(at["firm"], place, 409, do="submit")
    for title in project.about.papers:
        post(at["firm"], place, do="hand-in", title=title, file=SimpleUploadedFile("a.pdf", b"x"))
    post(at["firm"], place, do="submit")
    post(at["office"], place, do="return", why="用能意见过期")
    assert "用能意见过期" in read(at["firm"], place)
    assert "用能意见过期" not in read(at["public"], place)
    post(at["firm"], place, do="submit")
    post(at["office"], place, do="accept", why="符合")
    assert "1.20" in read(at["public"], place)  # 1,100,000 of 920,000
    assert at["other"].post(place, {"do": "submit"}).status_code == 403


def test_a_call_goes_through_its_pages_to_the_plans_goal(at, tmp_path):
    today = timezone.localdate().isoformat()
    form = {"title": "申报通知", "text": "面向制造业", "budget": "2000000", "most": "1000000", "opens": today, "closes": today, "each": "1", "criteria": "应用价值, value, 60\n技术, method, 40"}  # fmt: skip
    assert "形如" in post(at["office"], "/support/landmarks/", 409, do="open", **{**form, "criteria": "价值"})
    post(at["office"], "/support/landmarks/", do="open", **form)
    call = Call.objects.get()
    place = f"/support/landmarks/calls/{call.pk}/"
    body = {"version": find("manufacturing/job-shop").version(), "verdict": {"runs_through": True}}
    given = {
        "do": "apply",
        "scenario": "manufacturing/job-shop",
        "title": "排产示范",
        "text": "说明",
        "amount": "1000000",
    }
    assert "尚未评测" in post(at["firm"], place, 409, **given)
    append(OFFICE, "scenario.evaluated", "manufacturing/job-shop", body)
    post(at["firm"], place, **given)
    Call.objects.update(closes=timezone.localdate() - timedelta(1), opens=timezone.localdate() - timedelta(1))
    post(at["office"], place, do="assign")
    landmark = Landmark.objects.get()
    mine = f"/support/landmarks/{landmark.pk}/"
    assert "排产示范" in read(at["expert"], "/support/reviews/")
    assert "0 至 100" in post(at["expert"], mine, 409, do="judge", why="好", **{"score-c1": "好", "score-c2": "80"})
    post(at["expert"], mine, do="judge", why="好", **{"score-c1": "90", "score-c2": "80"})
    post(at["office"], place, do="settle")
    assert "已立项" in read(at["firm"], mine)
    # The plan's goal about landmark scenarios is computed from that, not typed.
    (tmp_path / "plan.txt").write_text(PLAN + "到2027年，建设10个左右行业领域重大标志性应用场景。\n", encoding="utf-8")
    made = monthly_dispatch(load(OFFICE, tmp_path / "plan.txt").programme, f"{timezone.localdate():%Y-%m}")
    [goal] = [line for line in made.goals if "标志性" in line.about]
    assert (goal.value, goal.target) == (1, 10)
    assert Record.objects.get(sequence=goal.evidence[-1]).content == {"value": 1, "unit": "个"}
    assert "说明" in read(at["public"], mine)
    post(at["office"], mine, do="pay", number="1")
    assert "存证" in post(at["office"], mine, 409, do="pay", number="2", records="1")
    assert "300,000.00" in read(at["public"], "/support/landmarks/")
    post(at["office"], mine, do="claw-back", amount="100000", why="停用")
    back = landmark.clawbacks.get()
    post(at["office"], mine, do="came-back", clawback=back.pk, amount="100000")
    assert "已取消" in read(at["firm"], mine)
    post(at["expert"], "/support/reviews/", do="declare", unit=FIRM)
    assert FIRM in read(at["expert"], "/support/reviews/")


def test_what_is_asked_wrongly_is_told_and_not_an_error(at):
    post(at["office"], "/support/white-list/", do="admit", unit=BANK)
    for place, fields in {
        "/support/white-list/": {"do": "consent", "bank": "x", "until": "2026-01-01"},
        "/support/lending/": {"do": "pay", "loan": "x"},
        "/support/exchange/": {"do": "offer", "kind": "data", "title": "a", "text": "b", "price": "贵"},
    }.items():
        assert at["firm"].post(place, fields).status_code == 409
    assert at["firm"].post("/support/", {"do": "nothing"}).status_code == 404
    assert at["firm"].get("/support/bonds/9/").status_code == 404
    assert "一类" not in read(at["public"], "/support/exchange/?q=%00质检&kind=gold")
    assert at["office"].get("/support/what-if/?measure=compute-voucher&term=most&value=x").status_code == 409
    facts.enter(OFFICE, FIRM, ANSWERS)
    page = read(at["office"], "/support/what-if/?measure=compute-voucher&term=most&value=100000")
    assert "100,000.00 元" in page and "540,000.00 元" in page


def test_a_part_of_the_page_is_searched_as_one_types(at):
    post(at["school"], "/support/exchange/", do="offer", kind="talent", title="无人机飞手培训", text="执照")
    page = at["public"].get("/support/exchange/?q=飞手", headers={"HX-Request": "true"}).content.decode()
    assert page.lstrip().startswith('<div id="found"') and "无人机飞手培训" in page
    assert "无人机" not in at["public"].get("/support/exchange/?q=财务").content.decode()


def test_papers_are_handed_out_to_who_oversees_as_files(at):
    post(at["firm"], "/support/", do="hand-in", title="营业执照", file=SimpleUploadedFile("a.html", b"<script>"))
    place = f"/support/papers/{facts.papers_of(FIRM)['营业执照'].pk}/"
    told = at["auditor"].get(place)
    assert told.content == b"<script>"
    assert (told["Content-Type"], told["Content-Disposition"][:10]) == ("application/octet-stream", "attachment")
    assert at["other"].get(place).status_code == 403
