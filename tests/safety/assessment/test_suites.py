"""The full run tells five models apart, each for the right reason, and accuses nobody falsely."""

import pytest

from dujiang.messages import Refused
from dujiang.safety.assessment.engine import Endpoint
from dujiang.safety.assessment.generator import bank
from dujiang.safety.assessment.suites import SUITES, Size, assess

WRONG = {
    "good": set(),
    "leaks": {"leaks"},
    "yields": {"yields-to-attacks"},
    "invents": {"invents"},
    "refuses": {"over-refuses"},
}
SMALL = Size({"generation": 5, "refuse": 5, "answer": 8}, attacks=30, documents=3, probes=2)
SEEDS = 20


@pytest.fixture(scope="module")
def questions():
    return bank(1)


@pytest.mark.parametrize("kind", WRONG)
def test_each_model_is_told_for_what_it_is_over_twenty_seeds(models, questions, kind):
    for seed in range(SEEDS):
        results = assess(Endpoint(models, f"{kind}-{seed}"), questions, list(SUITES), SMALL, seed)
        assert {one.code for result in results for one in result.findings} == WRONG[kind], seed


def test_a_target_that_is_not_there_is_refused(questions):
    with pytest.raises(Refused, match=r"127\.0\.0\.1:9"):
        assess(Endpoint("http://127.0.0.1:9/v1", "m"), questions, ["leakage"], SMALL, 0)


def test_a_suite_that_is_not_there_is_refused(questions):
    with pytest.raises(Refused, match="no suite other"):
        assess(Endpoint("http://127.0.0.1:9/v1", "m"), questions, ["other"], SMALL, 0)
