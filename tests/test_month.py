"""A month as a user lives it: the plan goes in, scenarios run, figures are reported, the dispatch comes out."""

import json
import urllib.request

import pytest
from docx import Document

from dujiang.scenarios.registry import find

SCENARIO = "urban-governance/water-leak"


def loaded(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_month_from_the_plan_to_the_report(site, tmp_path):
    site.run("plan", "load", "src/dujiang/plan/outlines/sichuan-2026.txt")
    site.run("scenario", "evaluate", SCENARIO, "--size", "small", "--seeds", "5", "--json", tmp_path / "e.json")
    [evaluated] = loaded(tmp_path / "e.json")
    assert evaluated["id"] == SCENARIO
    assert len(evaluated["seeds"]) == 5
    for seed in evaluated["seeds"]:
        assert not seed["faults"]
        assert min(seed["method"], seed["baseline"]) >= 0

    report = tmp_path / "dispatch.docx"
    site.run("dispatch", "--out", report, "--json", tmp_path / "d.json")
    told = loaded(tmp_path / "d.json")
    assert len(told["tasks"]) == 20
    task = next(task for task in told["tasks"] if task["number"] == 18)
    assert task["scenarios"] == [SCENARIO]
    assert evaluated["evidence"] in next(one for one in told["scenarios"] if one["id"] == SCENARIO).values()
    text = "\n".join(one.text for one in Document(report).paragraphs)
    assert told["month"][:4] in text
    assert len(Document(report).tables) >= 3

    site.run("evidence", "verify", "--json", tmp_path / "v.json")
    assert loaded(tmp_path / "v.json")["ok"]
    with site.serving() as address:
        for page in ("/", "/plan/", "/scenarios/", f"/scenarios/{SCENARIO}/", "/evidence/"):
            with urllib.request.urlopen(address + page, timeout=20) as answer:
                assert answer.status == 200
                assert "都江" in answer.read().decode()


def test_a_scenario_is_used_on_a_persons_own_file(site, tmp_path):
    scenario = find("manufacturing/job-shop").scenario
    [case, *_] = scenario.cases(1, "small")
    scenario.write(case.inputs, tmp_path / "orders.txt")
    out, picture = tmp_path / "schedule.csv", tmp_path / "gantt.svg"
    options = ("--input", tmp_path / "orders.txt", "--output", out, "--picture", picture)
    site.run("scenario", "apply", "manufacturing/job-shop", *options)
    assert len(out.read_text().splitlines()) == 1 + sum(map(len, case.inputs.jobs))
    assert picture.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "read", "none.txt"), "none.txt"),
        (("dispatch", "--month", "2026-11"), "plan load"),
        (("scenario", "evaluate", "manufacturing/none"), "manufacturing/none"),
        (("scenario", "evaluate", "manufacturing/job-shop", "--size", "huge"), "huge"),
        (("scenario", "apply", "manufacturing/job-shop", "--input", "none.txt", "--output", "o.csv"), "none.txt"),
    ],
)
def test_what_cannot_be_done_is_said_in_both_languages(db, command, arguments, says):
    done = command(*arguments, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "Traceback" not in told
    assert says in told
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told)


def test_a_row_that_is_wrong_leaves_nothing_behind(db, command, tmp_path):
    command("plan", "load", "src/dujiang/plan/outlines/sichuan-2026.txt")
    command("evidence", "verify", "--json", tmp_path / "before.json")
    done = command("dispatch", "--month", "2026-13", "--out", tmp_path / "d.docx", check=False)
    assert done.returncode == 1
    assert "13" in done.stdout + done.stderr
    assert not (tmp_path / "d.docx").exists()
    (tmp_path / "bad.csv").write_text("goal,period\n1,soon\n", encoding="utf-8")
    done = command("statistic", "load", tmp_path / "bad.csv", check=False)
    assert done.returncode == 1
    assert "bad.csv" in done.stdout + done.stderr
    command("evidence", "verify", "--json", tmp_path / "after.json")
    before, after = loaded(tmp_path / "before.json"), loaded(tmp_path / "after.json")
    assert (before["records"], before["digest"]) == (after["records"], after["digest"])
