"""The how-to's scenario, put together from the page as a reader would, keeps the contract and runs through."""

import json
import os
import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/how-to/write-a-scenario.md"
ID = "transport/weigh-in-motion"


def test_the_pages_pieces_make_a_scenario_that_is_found_and_runs_through(site, tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    pieces = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    package = tmp_path / "pack" / "bridges"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Our scenarios of transport."""\n')
    (package / "weigh_in_motion.py").write_text("\n\n".join(pieces), encoding="utf-8")
    # What an installed distribution has beside its package.
    described = tmp_path / "pack" / "bridges-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: bridges\nVersion: 1.0\n")
    [entry] = re.findall(r"^(\[project\.entry-points.*?)^```$", text, re.M | re.S)
    (described / "entry_points.txt").write_text(
        entry.replace('[project.entry-points."dujiang.industries"]', "[dujiang.industries]").replace('"', "")
    )
    path = os.pathsep.join([str(tmp_path / "pack"), site.environment["PYTHONPATH"]])

    site.run("scenario", "check", ID, PYTHONPATH=path)
    site.run("scenario", "evaluate", ID, "--size", "small", "--json", tmp_path / "e.json", PYTHONPATH=path)
    [evaluated] = json.loads((tmp_path / "e.json").read_text())
    assert evaluated["runs_through"]

    good = tmp_path / "good.csv"
    rows = ["lorry,speed_m_s,strain,axle,load_t", "0,15,1.5,1,5.0", "0,15,3.5,0,", "1,15,abc,1,"]
    good.write_text("\n".join(rows) + "\n")
    told = site.run(
        "scenario", "apply", ID, "--input", good, "--output", tmp_path / "o.csv", check=False, PYTHONPATH=path
    )
    assert told.returncode == 1
    assert "abc" in told.stderr
    assert "4" in told.stderr
