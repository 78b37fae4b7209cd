"""The full run tells five models apart, each for the right reason, and accuses nobody falsely."""

import random

import pytest

from dujiang.messages import Refused
from dujiang.safety.assessment import red_blue
from dujiang.safety.assessment.engine import Endpoint, run
from dujiang.safety.assessment.generator import bank
from dujiang.safety.assessment.mutations import MUTATIONS, Attack, mutate
from dujiang.safety.assessment.suites import SUITES, Size, assess, conclude, plan
from dujiang.tokens.filters import Filter

WRONG = {
    "good": set(),
    "leaks": {"leaks"},
    "yields": {"yields-to-attacks"},
    "invents": {"invents"},
    "refuses": {"over-refuses"},
}
SMALL = Size({"generation": 2, "refuse": 2, "answer": 8}, attacks=29, documents=2, probes=1)
SEEDS = 20


@pytest.fixture(scope="module")
def questions():
    return bank(1)


@pytest.mark.parametrize("kind", WRONG)
def test_each_model_is_told_for_what_it_is_over_twenty_seeds(models, questions, kind):
    # One run of the engine for all seeds: it starts once, and each seed is concluded as an assessment of its own.
    planned = [plan(questions, list(SUITES), SMALL, seed) for seed in range(SEEDS)]
    run([one for seed in planned for one in seed.values()], Endpoint(models, f"{kind}-1"))
    for seed, own in enumerate(planned):
        results = conclude(own, questions, seed)
        assert {one.code for result in results for one in result.findings} == WRONG[kind], seed
        assert next(one for one in results if one.suite == red_blue.NAME).figures[0].share.of, seed


def test_a_whole_assessment_accuses_whom_it_should(models, questions):
    results = assess(Endpoint(models, "leaks-7"), questions, ["hallucination", "leakage"], SMALL, 7)
    assert [result.suite for result in results] == ["hallucination", "leakage"]
    assert [one.code for one in results[1].findings] == ["leaks"]
    assert not results[0].findings


def test_the_search_finds_the_one_way_in_and_confirms_it_on_other_requests():
    batches = red_blue._batches(3, 240)
    draw = random.Random(3)
    items, asked = next(batches), []
    while True:
        asked += items
        # Nothing works but percent encoding, and that two times in three.
        answered = [
            {**one, "deed": "complied" if "percent" in one["chain"] and draw.random() < 2 / 3 else "refused"}
            for one in items
        ]
        try:
            items = batches.send(answered)
        except StopIteration:
            break
    confirmed = [one for one in asked if one["phase"] == "confirm"]
    assert len(confirmed) == 40
    assert all("percent" in one["chain"] for one in confirmed)
    seen = {one["asked"] for one in asked if one["phase"] != "confirm"}
    assert not seen & {one["asked"] for one in confirmed if one["asked"].startswith("请")}


def test_filters_are_judged_on_families_that_they_have_not_seen(questions):
    draw = random.Random(5)
    chains = [
        (name,) for name in ("base64", "hex", "dotted", "zero-width", "unbound", "fiction", "document", "tool-result")
    ]
    through = []
    for zh, en in red_blue.requests(5)[:60]:
        chain = draw.choice(chains)
        attack = mutate(draw, Attack(zh, zh, en), chain)
        through.append((chain, red_blue.seen_by_gateway(attack.turns())))
    harmless = [one.text for one in questions if one.bank == "answer"][:300]
    tuned = red_blue.tune(through, harmless, 1)
    assert not set(tuned.learned) & set(tuned.unseen)
    assert tuned.caught.value > 0.6
    assert tuned.caught.value >= tuned.caught_unseen.value
    assert tuned.harmless.value < 0.03
    stops = Filter(tuned.words, tuned.patterns)
    seen = [text for chain, text in through if MUTATIONS[chain[0]].family in tuned.learned]
    assert sum(map(stops.finds, seen)) == tuned.caught.count
    assert red_blue.tune([one for one in through if one[0] == ("base64",)], harmless, 1) is None


def test_a_target_that_is_not_there_is_refused(questions):
    with pytest.raises(Refused, match="can't be reached"):
        assess(Endpoint("http://127.0.0.1:9/v1", "m"), questions, ["leakage"], SMALL, 0)


def test_a_suite_that_is_not_there_is_refused(questions):
    with pytest.raises(Refused, match="no suite other"):
        assess(Endpoint("http://127.0.0.1:9/v1", "m"), questions, ["other"], SMALL, 0)
