import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.industries.cyberspace import beacon_detection as beacons
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def office():
    return beacons.cases(0, "small")[0]


def test_the_judge_by_hand():
    truth = {("a", "x"): True, ("a", "y"): False, ("b", "x"): True}
    rows = [
        {"source": source, "target": target, "score": score}
        for (source, target), score in zip(truth, (0.9, 0.5, 0.1), strict=True)
    ]
    assert beacons.judge(truth, rows) == pytest.approx((1 + 2 / 3) / 2)
    with pytest.raises(ValueError, match="each open pair"):
        beacons.judge(truth, rows[:2])


def test_no_open_connection_carries_a_label_and_the_days_share_no_machine(office):
    log = office.inputs
    opened = log.label < 0
    assert opened.any() and (log.label[~opened] == 1).any()
    assert not set(log.source[opened].tolist()) & set(log.source[~opened].tolist())
    assert 1 <= sum(office.truth.values()) < 0.05 * len(office.truth)


def test_rita_scores_a_clock_at_one_and_a_person_low():
    day = (0.0, 86_399.0)
    clock = np.arange(0.0, 86_400.0, 300.0)
    assert beacons.rita_score(clock, np.full(len(clock), 200.0), day) == pytest.approx(1.0, abs=0.01)
    draw = np.random.default_rng(1)
    person = np.sort(36_000 + 7200 * draw.random(40) ** 3)
    assert beacons.rita_score(person, draw.lognormal(7, 1.5, 40), day) < 0.4
    assert beacons.rita_score(np.array([1.0, 1.2, 1.4, 1.6]), np.ones(4), day) == 0.0


def test_ritas_terms_by_hand():
    # Quartiles 15, 30 and 75: skewness 30 / 60; deviations 20, 10, 0, 30, 60: median 20.
    assert beacons._steadiness(np.array([10.0, 20.0, 30.0, 60.0, 90.0]), 1.0) == pytest.approx((0.5 + 1 / 3) / 2)
    assert beacons._steadiness(np.zeros(4), 0.0) == 0.5
    assert beacons._longest_run(np.array([True, True, False, True])) == 3, "around the end"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 80_000), min_size=4, max_size=60), st.integers(0, 10_000))
def test_ritas_score_is_a_share(times, byte):
    score = beacons.rita_score(np.sort(np.array(times)), np.full(len(times), float(byte)), (0.0, 86_400.0))
    assert 0 <= score <= 1


def test_a_clocks_periodogram_stands_out_from_chance():
    draw = np.random.default_rng(0)
    clock = np.arange(0, 36_000, 300) + draw.normal(0, 5, 120)
    chance = np.sort(draw.uniform(0, 36_000, 120))
    assert beacons._intervals(np.sort(clock))[-1] > 5 * beacons._intervals(chance)[-1]


def test_features_do_not_depend_on_the_day_or_on_the_order_of_addresses(office):
    log = dataclasses.replace(office.inputs, start=office.inputs.start + 86_400.0 * 7)
    first, second = (beacons._features(one, beacons._pairs(one, one.label < 0)) for one in (office.inputs, log))
    assert np.allclose(first, second, atol=1e-3)


def test_without_labels_it_still_ranks_better_than_chance(office):
    log = office.inputs
    opened = log.label < 0
    columns = {
        field.name: getattr(log, field.name)[opened] for field in dataclasses.fields(log) if field.name != "addresses"
    }
    answer = beacons.method(dataclasses.replace(log, **columns))
    places = [row["place"] / len(answer) for row in answer if office.truth[row["source"], row["target"]]]
    assert np.mean(places) < 0.35


HEAD = (
    "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tduration\torig_bytes\tresp_bytes\n"
)
GOOD = "1772380800.5\tC1\t10.0.0.1\t5000\t198.18.0.1\t443\t-\t10\t-"


@pytest.mark.parametrize(
    ("place", "cell", "field"),
    [
        (0, "monday", "ts"),
        (0, "-", "ts"),
        (2, "10.0.0.256", "id.orig_h"),
        (4, "server", "id.resp_h"),
        (5, "70000", "id.resp_p"),
        (6, "-1", "duration"),
        (7, "many", "orig_bytes"),
        (8, "nan", "resp_bytes"),
    ],
)
def test_a_bad_line_is_named_with_its_field(tmp_path, place, cell, field):
    cells = GOOD.split("\t")
    cells[place] = cell
    path = tmp_path / "conn.log"
    path.write_text(HEAD + GOOD + "\n" + "\t".join(cells) + "\n")
    with pytest.raises(BadInput) as caught:
        beacons.read(path)
    assert (caught.value.row, caught.value.field) == (4, field)


@pytest.mark.parametrize(
    ("text", "row", "field"),
    [
        (HEAD.replace("\tid.resp_p", "") + GOOD, None, "id.resp_p"),
        (HEAD + GOOD + "\tmore", 3, "#fields"),
        (HEAD.replace("\n", "\tlabel\n").replace("x09\tlabel", "x09") + GOOD + "\tperhaps", 3, "label"),
        (HEAD, None, None),
    ],
)
def test_a_bad_log_is_named(tmp_path, text, row, field):
    path = tmp_path / "conn.log"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        beacons.read(path)
    assert (caught.value.row, caught.value.field) == (row, field)


def test_a_log_of_zeeks_is_read_unset_fields_and_all(tmp_path):
    path = tmp_path / "conn.log"
    later = GOOD.replace("1772380800.5", "1772380700.25")
    path.write_text(HEAD + GOOD + "\n" + later + "\n#close\t2026-03-02-00-00-00\n")
    log = beacons.read(path)
    assert log.start.tolist() == [1772380700.25, 1772380800.5]
    assert log.addresses == ("10.0.0.1", "198.18.0.1")
    assert np.isnan(log.duration).all() and log.sent.tolist() == [10, 10] and (log.label == -1).all()
    assert beacons.method(log) == beacons.baseline(log) == []
