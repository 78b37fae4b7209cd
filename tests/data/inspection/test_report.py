"""A whole inspection of a table, its files, and the command."""

import json
import random
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from docx import Document
from typer.testing import CliRunner

from dujiang.cli import app
from dujiang.data.inspection.relations import references
from dujiang.data.inspection.rules import Dimension, read_rules
from dujiang.data.inspection.table_report import inspect_table
from dujiang.data.inspection.writing import write
from dujiang.messages import BadInput

AS_OF = date(2026, 11, 25)


@pytest.fixture
def visits(tmp_path):
    draw = random.Random(1)
    lines = ["id,hospital,sex,ward,admitted,discharged,cost,phone"]
    for n in range(400):
        day = draw.randrange(1, 27)
        sex, ward = draw.choice("MF"), f"W-{draw.randrange(100):02d}"
        cost = draw.uniform(100, 900)
        lines.append(
            f"{n},H{draw.randrange(5)},{sex},{ward},2026-03-{day:02d},2026-03-{day + draw.randrange(3):02d},{cost:.2f},1381234{n:04d}"
        )
    lines[10] = lines[10].replace(",M,", ",X,").replace(",F,", ",X,")
    lines[11] = "9" + lines[11][lines[11].index(",") :]  # 10's identifier is 9's.
    lines[12] = re.sub(r"2026-03-\d\d,", "2030-01-01,", lines[12], count=1)
    lines[13] = re.sub(r"W-\d\d", "W7", lines[13])
    lines[14] = re.sub(r",[\d.]+,138", ",1e9,138", lines[14])
    lines[15] = re.sub(r",[\d.]+,138", ",,138", lines[15])
    lines.insert(50, "oops,1")
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "hospital.csv").write_text("code,name\n" + "".join(f"H{n},医院{n}\n" for n in range(4)) + "\n" * 20)
    return tmp_path / "visits.csv"


def test_the_faults_that_were_put_into_a_table_are_found(visits):
    found = inspect_table(visits, as_of=AS_OF)
    assert (found.rows, found.rejected, found.rejects[0].line, found.inferred) == (400, 1, 51, True)
    failed = {(one.rule.kind, one.rule.columns): (one.failed, one.examples) for one in found.results if one.failed}
    assert failed == {
        ("one_of", ("sex",)): (1, ("X",)),
        ("unique", ("id",)): (1, ("9 × 2",)),
        ("past", ("admitted",)): (1, ("2030-01-01",)),
        ("compare", ("admitted", "discharged")): (1, failed["compare", ("admitted", "discharged")][1]),
        ("pattern", ("ward",)): (1, ("W7",)),
        ("not_null", ("cost",)): (1, ()),
    }
    columns = {one.name: one for one in found.columns}
    assert (columns["cost"].outliers, columns["cost"].missing, columns["phone"].type) == (1, 1, "text")
    assert [(one.column, one.kind) for one in found.personal] == [("phone", "mobile")]
    scores = found.scores
    assert all(score is not None and 0.99 < score < 1 for score in scores.values())
    assert scores[Dimension.ACCESSIBLE] == pytest.approx((400 / 401 + 1) / 2)


def test_rules_that_were_inferred_hold_for_other_rows_of_the_same_kind_and_drift_is_told(visits, tmp_path):
    rules = [one.rule for one in inspect_table(visits, as_of=AS_OF).results]
    later = pl.read_csv(visits, infer_schema=False, truncate_ragged_lines=True, ignore_errors=True).filter(
        pl.col("phone").is_not_null()
    )
    later = later.with_columns(cost=(pl.col("cost").cast(pl.Float64) * 3).cast(pl.String))
    later.slice(60).write_csv(tmp_path / "later.csv")
    found = inspect_table(tmp_path / "later.csv", rules, as_of=AS_OF, before=visits)
    assert [one.rule for one in found.results if not one.held] == []
    assert not found.inferred
    told = {one.column: str(one.verdict) for one in found.drift}
    assert told["cost"] == "shifted"
    assert told["sex"] == "stable"


def test_references_between_tables_are_found_by_their_keys(visits):
    reports = [inspect_table(one, as_of=AS_OF) for one in (visits, visits.with_name("hospital.csv"))]
    assert references(reports, AS_OF) == []
    renamed = visits.with_name("stays.csv")
    renamed.write_text(visits.read_text().replace(",hospital,", ",hospital_code,", 1))
    small = visits.with_name("hospital.csv")
    small.write_text(
        "code,name\n" + "".join(f"H{n},医院{n}\n" for n in range(4)) + "".join(f"Z{n},诊所{n}\n" for n in range(30))
    )
    (found,) = references([inspect_table(one, as_of=AS_OF) for one in (renamed, small)], AS_OF)
    assert (found.column, found.key, found.values) == ("hospital_code", "code", 400)
    assert found.missing == visits.read_text().count(",H4,")
    assert found.examples == ("H4",)


def test_files_hold_the_report_whole_or_are_not_there(visits, tmp_path):
    found = inspect_table(visits, as_of=AS_OF)
    for name in ("r.html", "r.json", "r.docx"):
        write(found, tmp_path / name)
    told = json.loads((tmp_path / "r.json").read_text())
    assert told == found.to_dict() | {"keys": list(found.keys)}
    page = (tmp_path / "r.html").read_text()
    assert "数据集检验报告" in page
    assert '<span lang="en">completeness of elements' not in page
    assert "complete, completeness of elements" in page
    word = "\n".join(one.text for one in Document(tmp_path / "r.docx").paragraphs)
    assert "GB/T 36344-2018" in word
    assert "Personal data" in word
    with pytest.raises(BadInput, match="pdf"):
        write(found, tmp_path / "r.pdf")
    assert not list(tmp_path.glob(".partial*"))
    assert not (tmp_path / "r.pdf").exists()


def run(*arguments):
    return CliRunner().invoke(app, ["data", "inspect", *map(str, arguments)])


def test_the_command_inspects_saves_rules_and_reports(visits, tmp_path):
    done = run(visits, "--save-rules", tmp_path / "rules.toml", "--out", tmp_path / "r.html", "--as-of", "2026-11-25")
    assert done.exit_code == 0, done.output
    assert "数据集检验报告" in done.output
    assert "Data set inspection" in done.output
    assert len(read_rules(tmp_path / "rules.toml")) > 15
    done = run(visits, "--rules", tmp_path / "rules.toml", "--json", "-", "--as-of", "2026-11-25")
    assert json.loads(done.stdout)["inferred"] is False


def test_the_command_inspects_several_tables(visits, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    done = run(visits.parent, "--json", tmp_path / "all.json", "--out", tmp_path / "out" / "r.html")
    assert done.exit_code == 0, done.output
    assert [Path(one["source"]).name for one in json.loads((tmp_path / "all.json").read_text())["reports"]] == [
        "hospital.csv",
        "visits.csv",
    ]
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["r-hospital.html", "r-visits.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["none.csv"], "none.csv"), (["{}", "--out", "r.pdf"], "r.pdf"), (["{}", "--rules", "none.toml"], "none.toml")],
)
def test_the_command_says_in_both_languages_what_it_can_not_do(visits, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*(one.format(visits) for one in arguments))
    assert done.exit_code == 1
    assert said in done.output
    assert "应为" in done.output
    assert "expected" in done.output
    assert run(visits, "--words", "w.txt").exit_code == 2
