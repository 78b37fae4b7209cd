"""What an installation asks for: by hashes, so every package that is needed on this machine has to be pinned."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parents[1] / "requirements"
INDUSTRIES = sorted((FOLDER / "industries").glob("*.txt"))


def pinned(*files: Path) -> dict[str, Requirement]:
    """Return what the files install on this machine, by canonical name."""
    lines = (line for file in files for line in re.findall(r"^[a-z0-9].*?(?= \\$)", file.read_text(), re.MULTILINE))
    every = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in every if one.marker is None or one.marker.evaluate()}


def missing(wanted: dict[str, Requirement]) -> set[tuple[str, str]]:
    """Return what is needed by a pinned package and pinned nowhere, as (who needs it, what)."""
    found = set()
    for name, one in wanted.items():
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            extras = one.extras or {""}
            holds = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
            if holds and canonicalize_name(needed.name) not in wanted:
                found.add((name, needed.name))
    return found


@pytest.mark.parametrize("industry", INDUSTRIES, ids=lambda file: file.stem)
def test_an_industry_beside_what_always_runs_is_whole(industry: Path) -> None:
    assert not missing(pinned(FOLDER / "run.txt", industry))


def test_what_always_runs_is_whole_by_itself() -> None:
    wanted = pinned(FOLDER / "run.txt")
    assert len(wanted) > 50
    assert not missing(wanted)
    assert missing({name: one for name, one in wanted.items() if name != "sqlparse"}) == {("django", "sqlparse")}


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.txt")), ids=lambda file: file.stem)
def test_no_index_is_named(file: Path) -> None:
    assert "://" not in file.read_text()
