"""The documents say what the program does: commands, options, settings and JSON keys are held to the code."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from dujiang.cli import app
from dujiang.evidence.chain import Checkpoint, Entry
from dujiang.plan import dispatch

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "README.zh.md"]
COMMAND = re.compile(r"^(?:\| `|`)?dujiang ((?:[a-z]+ ?)+)(.*)", re.M)


def commands():
    """Every command of the program by its words."""
    found = {}

    def walk(group, words):
        for name, one in group.commands.items():
            if hasattr(one, "commands"):
                walk(one, [*words, name])
            else:
                found[" ".join([*words, name])] = one

    walk(get_command(app), [])
    return found


def test_every_command_is_in_the_reference():
    page = (ROOT / "docs/reference/commands.md").read_text()
    assert not [name for name in commands() if f"`dujiang {name}" not in page]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_commands_and_options_that_a_page_shows_exist(page):
    known = commands()
    for line in re.findall(r"^dujiang .*$|`dujiang [^`]*`", page.read_text(), re.M):
        words = line.strip("`").split()[1:]
        name = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in known), None)
        if name is None:
            assert words == ["COMMAND", "--help"], line
            continue
        options = {option for one in known[name].params for option in (*one.opts, *one.secondary_opts)}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_every_setting_is_documented():
    page = (ROOT / "docs/reference/settings.md").read_text()
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'"(DUJIANG_[A-Z_]+|RAY_ADDRESS)"', source))
    assert named
    assert not [name for name in named if f"`{name}`" not in page]
    listed = set(re.findall(r"^\| `([A-Z_]+)`", page, re.M))
    makefile = (ROOT / "Makefile").read_text()
    assert not [name for name in listed if name not in named and name not in makefile]


@pytest.mark.parametrize(
    "kind",
    [
        dispatch.Dispatch,
        dispatch.GoalLine,
        dispatch.TaskLine,
        dispatch.UnitLine,
        dispatch.LateLine,
        dispatch.Added,
        dispatch.ScenarioStanding,
        dispatch.AnnotationLine,
        dispatch.CountLine,
        dispatch.SupportLine,
        Checkpoint,
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_key_is_documented(kind):
    page = (ROOT / "docs/reference/json.md").read_text()
    assert not [one.name for one in fields(kind) if f"`{one.name}`" not in page]


def test_the_keys_of_a_copy_are_documented():
    page = (ROOT / "docs/reference/json.md").read_text()
    assert not [name for name in Entry._fields if f"`{name}`" not in page]


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_keys_of_scenario_list_are_documented(command, tmp_path):
    command("scenario", "list", "--json", tmp_path / "list.json")
    page = (ROOT / "docs/reference/json.md").read_text()
    for one in json.loads((tmp_path / "list.json").read_text()):
        assert not [key for key in one if f"`{key}`" not in page]
