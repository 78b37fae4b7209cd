"""Special bonds: coverage by hand and as laws, what is refused with which rule, progress of building and spending."""

import json
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.messages import Refused
from dujiang.support import bonds

GOOD = {
    "bond": 800_000_00, "capital": 200_000_00, "as_capital": 0, "uses": {"machines": 700_000_00, "power": 300_000_00},
    "rate": "3", "issued": 2026, "years": 5, "level": False, "revenue": [240_000_00] * 5, "costs": [40_000_00] * 5,
    "milestones": [
        {"title": "土建完工", "due": "2027-06-30", "weight": 40},
        {"title": "设备上架", "due": "2027-12-31", "weight": 60},
    ],
}  # fmt: skip


def plan(**changed):
    return bonds.plan_of({**GOOD, **changed})


def test_coverage_by_hand():
    # 800,000 at 3 % for 5 years, repaid at the end: 24,000 a year, 824,000 in the last. Net 200,000 a year.
    made = bonds.coverage(plan())
    assert [one.interest for one in made.years] == [24_000_00] * 5
    assert [one.principal for one in made.years] == [0, 0, 0, 0, 800_000_00]
    assert made.years[0].ratio == pytest.approx(200 / 24)
    assert made.years[-1].ratio == pytest.approx((4 * 176 + 200) / 824)
    assert made.life == pytest.approx(1000 / 920)
    assert made.gaps == []
    # Revenue may fall by the 80,000 that are left, of 1,200,000.
    assert made.falls == pytest.approx(80 / 1200)


def test_level_repayment_by_hand():
    made = bonds.coverage(plan(level=True))
    assert [one.principal for one in made.years] == [160_000_00] * 5
    assert [one.interest for one in made.years] == [24_000_00, 19_200_00, 14_400_00, 9_600_00, 4_800_00]
    assert made.years[0].ratio == pytest.approx(200 / 184)


yuan = st.integers(1, 10**9)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(yuan, st.integers(0, 1500), st.integers(1, 30), st.booleans(), st.data())
def test_the_principal_is_repaid_once_and_what_is_left_adds_up(bond, rate, years, level, data):
    revenue = data.draw(st.lists(st.integers(0, 10**9), min_size=years, max_size=years))
    made = plan(
        bond=bond,
        as_capital=0,
        rate=str(Fraction(rate, 100)),
        years=years,
        level=level,
        revenue=revenue,
        costs=[0] * years,
    )
    found = bonds.coverage(made)
    assert sum(one.principal for one in found.years) == bond
    service = sum(one.principal + one.interest for one in found.years)
    assert found.years[-1].left == sum(revenue) - service
    assert (found.life >= 1) is (sum(revenue) >= service)
    assert (found.falls is not None) is (sum(revenue) >= service and sum(revenue) > 0)
    assert found.gaps == [one.year for one in found.years if one.left < 0]


def test_a_good_plan_passes_and_each_fault_is_told_with_its_rule():
    assert bonds.check(plan(revenue=[260_000_00] * 5)) == []
    said = {
        "1.09": plan(),
        "预算法": plan(revenue=[260_000_00] * 5, uses={"machines": 900_000_00, "wages": 100_000_00}),
        "国发〔2015〕51号": plan(revenue=[300_000_00] * 5, bond=900_000_00, capital=100_000_00),
        "不等": plan(revenue=[260_000_00] * 5, uses={"machines": 900_000_00}),
        "2027": plan(revenue=[0, 0, 0, 700_000_00, 700_000_00]),
        "晚于债券到期": plan(revenue=[260_000_00] * 5, milestones=[{"title": "x", "due": "2040-01-01", "weight": 1}]),
    }
    for words, wrong in said.items():
        told = bonds.check(wrong)
        assert any(words in one.zh for one in told), words
        assert all(one.en for one in told)


def test_a_bond_used_as_capital_counts_once():
    made = plan(revenue=[260_000_00] * 5, as_capital=100_000_00, capital=300_000_00)
    assert bonds.check(made) == []
    assert bonds.pool_share([made, plan()]) == pytest.approx(1 / 16)
    assert bonds.pool_share([]) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"revenue": [1]}, {"years": 0}, {"years": 31}, {"rate": "x"}, {"rate": "25"}, {"bond": 0}, {"bond": -1},
        {"uses": {"gold": 1}}, {"milestones": []}, {"milestones": [{"title": "a", "due": "soon", "weight": 1}]},
        {"milestones": [{"title": "a", "due": "2027-01-01", "weight": 0}]}, {"as_capital": 900_000_00},
        {"costs": [1, 2, 3, 4, -5]},
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(changed):
    with pytest.raises(Refused):
        plan(**changed)


def test_progress_and_its_warnings():
    made = plan()
    day = date(2027, 12, 1)
    on_time = bonds.progress(made, {"土建完工": date(2027, 6, 1)}, 400_000_00, date(2026, 12, 31), day)
    assert (on_time.done, on_time.planned, on_time.paid) == (0.4, 0.4, 0.4)
    assert on_time.warnings == []
    late = bonds.progress(made, {}, 700_000_00, date(2026, 6, 1), day)
    told = "".join(one.zh for one in late.warnings)
    assert "逾期节点：土建完工" in told and "超前于建设" in told and "未支出" in told
    assert bonds.progress(made, {}, 800_000_00, date(2026, 6, 1), date(2027, 1, 1)).warnings[0].zh.startswith("支出")


def test_stages_follow_and_ask_for_their_papers():
    stage, walked = "planned", []
    while bonds.following(stage) != stage:
        walked.append(stage)
        assert bonds.missing_papers(stage, []) == list(bonds.BY_NAME[stage].papers)
        assert bonds.missing_papers(stage, bonds.BY_NAME[stage].papers) == []
        stage = bonds.following(stage)
    assert [*walked, stage] == [one.name for one in bonds.STAGES]


def test_the_command_reckons_in_yuan_and_says_what_is_wrong(tmp_path):
    yuan = {**GOOD, "bond": 800_000, "capital": 200_000, "uses": {"machines": 700_000, "power": 300_000}}
    yuan |= {"revenue": [260_000] * 5, "costs": [40_000] * 5}
    path, out = tmp_path / "plan.json", tmp_path / "out.json"
    path.write_text(json.dumps(yuan), encoding="utf-8")
    told = CliRunner().invoke(app, ["support", "bond", str(path), "--json", str(out)])
    assert told.exit_code == 0, told.output
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["life"] == pytest.approx(1100 / 920) and report["faults"] == []
    assert report["years"][-1]["left"] == 180_000_00
    path.write_text(json.dumps({**yuan, "revenue": [200_000] * 5}), encoding="utf-8")
    assert CliRunner().invoke(app, ["support", "bond", str(path)]).exit_code == 1
    path.write_text("[]", encoding="utf-8")
    assert CliRunner().invoke(app, ["support", "bond", str(path)]).exit_code == 1
