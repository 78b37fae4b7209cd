"""A scenario takes its data under an agreement: what that allows comes as a file, what it doesn't is refused."""

import json
from pathlib import Path

import pytest

from data.spaces.people import ROWS
from data.spaces.test_asking import INSURER, OTHER, agreed
from dujiang.data.spaces.enforcement import Forbidden
from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.messages import Refused
from dujiang.scenarios import steps
from dujiang.scenarios.actions import under_agreement
from scenarios import samples


def test_a_scenario_runs_on_what_an_agreement_lets_out(dataset, tmp_path, monkeypatch):
    agreement = agreed(dataset, ROWS)
    table = under_agreement(INSURER, agreement.identifier, "SELECT age FROM people ORDER BY age")
    path = tmp_path / "ages.csv"
    path.write_bytes(table)
    assert path.read_text().split()[:2] == ["age", "20"]
    for place in (Path(samples.__file__).parent, tmp_path):
        monkeypatch.syspath_prepend(place)
    module = samples.sample_in(tmp_path, "column", read="read_column", suffixes="csv_suffix").module
    _, answer = steps.apply(module, str(path), None)
    # The hospital's people in 成都 are 20 to 79 years old, one of each age; others stay hidden.
    assert answer == [{"mean": 49.5}]
    [answered] = Record.objects.filter(kind="space.answered")
    assert json.loads(answered.body)["purpose"] == "research"


def test_what_an_agreement_does_not_allow_reaches_no_scenario(dataset):
    agreement = agreed(dataset, ROWS)
    with pytest.raises(Forbidden):
        under_agreement(INSURER, agreement.identifier, "SELECT salary FROM patients")
    assert Record.objects.filter(kind="space.refused").count() == 1
    with pytest.raises(Refused, match="there is no agreement"):
        under_agreement(OTHER, agreement.identifier, "SELECT age FROM people")
    with pytest.raises(NotAllowed):
        under_agreement(Actor("a", Role.AUDITOR), agreement.identifier, "SELECT age FROM people")
