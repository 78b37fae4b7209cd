"""Safety at home: the judge by hand, lives that add up, alarms that use no future, and tables that say what is wrong."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from dujiang.industries.elder_care import _homes
from dujiang.industries.elder_care import home_safety as safety
from dujiang.industries.elder_care._homes import DAY, OUT, Mishap
from dujiang.messages import BadInput


@pytest.fixture(scope="module")
def street():
    [case] = safety.cases(1000, "small")
    return case


def alarm(home, episode, minute, score):
    return {"home": home, "episode": episode, "minute": minute, "score": score, "why": "", "time": ""}


def test_the_judge_by_hand():
    truth = {"a": {"mishaps": (("fall", 1000, 1000 + DAY), ("illness", 9000, 9000 + DAY)), "weeks": 1.0}}
    seen = alarm("a", "x", 1120, 2.0)
    assert safety.judge(truth, [seen]) == (2 + 24) / 2
    assert safety.judge(truth, [seen, alarm("a", "y", 9060, 1.0)]) == (2 + 1) / 2
    # Two false alarms in a home and week are one too many, unless they are one matter within three hours.
    false = [alarm("a", "p", 5000, 1.0), alarm("a", "q", 7000, 1.0)]
    assert safety.judge(truth, [seen, alarm("a", "y", 9060, 1.0), *false]) == (2 + 24) / 2
    near = [alarm("a", "p", 5000, 1.0), alarm("a", "q", 5100, 1.0)]
    assert safety.judge(truth, [seen, alarm("a", "y", 9060, 1.0), *near]) == (2 + 1) / 2
    assert safety.judge(truth, []) == safety.MISSED
    with pytest.raises(ValueError, match="not watched"):
        safety.judge(truth, [alarm("b", "x", 1, 1.0)])


@pytest.mark.parametrize("old", [True, False])
def test_a_life_has_no_holes_and_a_mishap_takes_its_time_out_of_it(old):
    draw = np.random.default_rng(5)
    stays = _homes.live(draw, 20, old=old, night_owl=False)
    assert all(one.end == two.start for one, two in itertools.pairwise(stays))
    mishap = Mishap("wandering", 10_000, 10_000 + DAY)
    changed = _homes.befall(draw, stays, mishap)
    assert all(one.end == two.start for one, two in itertools.pairwise(changed))
    assert {one.place for one in changed if mishap.start <= one.start < mishap.end} == {OUT}
    minutes, rooms = _homes.sense(np.random.default_rng(8), changed, 20, pet=False)
    assert (np.diff(minutes) >= 0).all()
    assert set(rooms.tolist()) <= set(safety.ROOMS.values())
    assert minutes.max() < 20 * DAY


def test_the_inputs_hold_no_mishap_and_the_first_weeks_none_at_all(street):
    assert {one.name for one in street.inputs} == set(street.truth)
    for one in street.truth.values():
        starts = [start for _, start, _ in one["mishaps"]]
        assert all(start >= safety.LEARN * DAY for start in starts)
        assert all(second - first > 2 * DAY for first, second in itertools.pairwise(starts))


@pytest.mark.parametrize("way", [safety.baseline, safety.method])
def test_what_happens_later_changes_no_alarm_before(street, way):
    home = street.inputs[0]
    cut = (safety.LEARN + 10) * DAY
    early = home.minutes < cut
    past = replace(home, minutes=home.minutes[early], rooms=home.rooms[early], end=cut)
    then = [row for row in way((home,)) if row["minute"] < cut - 60]
    assert then == [row for row in way((past,)) if row["minute"] < cut - 60]
    assert all(row["minute"] >= safety.LEARN * DAY for row in then)


def test_a_person_who_is_never_seen_again_is_missed_sooner_than_after_twelve_hours(street):
    home = street.inputs[1]
    stop = (safety.LEARN + 5) * DAY + 600
    early = home.minutes < stop
    gone = replace(home, minutes=home.minutes[early], rooms=home.rooms[early])
    late = [row for row in safety.method((gone,)) if row["minute"] >= stop and row["score"] >= 1]
    assert late
    assert min(row["minute"] for row in late) < stop + 12 * 60


def test_both_groups_are_reported(street):
    groups = safety.by_group(street.inputs, street.truth, safety.method(street.inputs))
    assert set(groups) == set(safety.GROUPS)
    total = [len(street.truth[one.name]["mishaps"]) for one in street.inputs]
    mean = safety.judge(street.truth, safety.method(street.inputs))
    assert min(one["delay"] for one in groups.values()) <= mean <= max(one["delay"] for one in groups.values())
    assert sum(total) > 0
    weeks = sum(one["weeks"] for one in street.truth.values())
    assert sum(one["false"] for one in groups.values()) / 2 * weeks <= weeks


ROWS = [
    "home,group,time,sensor",
    "甲,80 and over,2026-03-02T07:00,bedroom",
    "甲,80 and over,2026-03-02T07:05,bathroom",
    "甲,80 and over,2026-04-20T00:00,end",
]


def table(tmp_path, rows):
    path = tmp_path / "events.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_what_a_community_sends_is_read(tmp_path):
    [home] = safety.read(table(tmp_path, ROWS))
    assert (home.name, home.group, home.start, home.end) == ("甲", "80 and over", "2026-03-02", 49 * DAY)
    assert home.minutes.tolist() == [420, 425]
    assert home.rooms.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("row", "text", "field"),
    [
        (1, ",80 and over,2026-03-02T07:00,bedroom", "home"),
        (1, "甲,young,2026-03-02T07:00,bedroom", "group"),
        (2, "甲,under 80,2026-03-02T07:05,bathroom", "group"),
        (1, "甲,80 and over,at seven,bedroom", "time"),
        (2, "甲,80 and over,2026-03-01T07:05,bathroom", "time"),
        (3, "甲,80 and over,2026-03-20T00:00,end", "time"),
        (2, "甲,80 and over,2026-03-02T07:05,cellar", "sensor"),
        (3, "甲,80 and over,2026-04-20T00:00,kitchen", "sensor"),
        (2, "甲,80 and over,2026-03-02T07:05,end", "sensor"),
    ],
)
def test_a_bad_event_is_named_with_its_row_and_field(tmp_path, row, text, field):
    rows = [*ROWS]
    rows[row] = text
    with pytest.raises(BadInput) as caught:
        safety.read(table(tmp_path, rows))
    assert caught.value.row == row + 1
    assert f"({field})" in caught.value.field
