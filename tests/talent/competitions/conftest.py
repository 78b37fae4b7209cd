"""A challenge on a sample scenario; Django is not set up yet where this is read."""

from __future__ import annotations

import random
import sys
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scenarios"))

from samples import sample_in

from dujiang.safety import confinement
from dujiang.scenarios.engines import LocalEngine


@pytest.fixture(scope="session")
def engine():
    made = LocalEngine()
    yield made
    made.close()


@pytest.fixture
def sample(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return partial(sample_in, tmp_path)


@pytest.fixture
def firms(db):
    from talent.competitions.contests import add_firms

    add_firms()


@pytest.fixture
def contest(firms, sample, engine, monkeypatch):
    """An open challenge; needs a machine on which code can be confined."""
    from dujiang.talent.competitions import actions, evaluation
    from talent.competitions.contests import challenge

    # Secret, but the same each run: on few seeds chance may put a better entry level with another.
    monkeypatch.setattr(actions.secrets, "randbits", random.Random(7).getrandbits)
    if why := confinement.missing():
        pytest.skip(str(why))
    found = sample("mean")
    monkeypatch.setattr(evaluation, "find", lambda wanted: found)
    return challenge(found, engine)
