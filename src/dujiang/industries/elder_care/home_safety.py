"""Noticing that a person who lives alone needs help (居家安全动态监测), from motion sensors and one at the door.

*Data.* Four weeks in which a home is got to know, then weeks in which it is watched, simulated as a semi-Markov life
with visitors, journeys and empty batteries (`_homes`). Put in: falls (half of those who lie can still set off the room's
sensor), going out at night and not coming back, and illness in bed. The generator knows hours, pace and mishaps; the
method sees which sensor fired when. The first four weeks hold no mishap, and no one says so of the weeks watched.

*Second generator.* People who live late, with a pet that sets off the living room's sensor day and night.

*Baseline.* An alarm after some hours without movement, at home or away, with the hours that the budget of false alarms
allows: the number is chosen by the judge in the baseline's favour, 12 h is usual.

*Method.* A model of each home's own. What a home usually fires in each quarter of an hour adds up, while it is silent,
to how much has been missed (the compensator of a point process, Daley & Vere-Jones 2003); the same for changes of room,
so that someone who lies and moves is missed too; away, by the lengths of this person's outings; out at an hour at which
this person never leaves; and much less activity in six hours than in the same hours before. Each is measured by the
largest of the four weeks.

*Judge.* Mean delay in hours until the first alarm of a mishap, 24 h for one not noticed, at the most sensitive setting
with at most one false alarm a home and week.

*Groups.* `by_group` gives delay and false alarms for people under 80 and from 80 on, who move less; the picture shows
alarms a week by group. The data are simulated: they say nothing on real groups, and other traits are not in them.

*Published.* None at this budget; Fleury et al. (2010, IEEE Transactions on Information Technology in Biomedicine 14)
recognise activities of daily living from such sensors at 86 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.industries.elder_care import _homes
from dujiang.industries.elder_care._homes import DAY, DOOR, Mishap
from dujiang.scenarios.contract import SHIFTED, Answer, Case, Resources, Scenario, Text
from dujiang.scenarios.tables import choice, moment, name, read_csv, write_csv

LEARN = 28
"""Days in which a home is got to know."""
SIZES = {"small": (8, 14), "default": (40, 28), SHIFTED: (40, 28)}
"""Homes, and days that they are watched."""
MISSED = 24.0
"""Hours that count for a mishap without an alarm."""
START = "2026-03-02"
ROOMS = {"bedroom": 0, "bathroom": 1, "kitchen": 2, "living": 3, "door": DOOR, "end": -1}
GROUPS = {"under 80": 0, "80 and over": 1}
HOURS = tuple(0.5 * half for half in range(4, 61))
LEVELS = tuple(0.5 * 1.12**step for step in range(22))
COLUMNS = {
    "home": name(Text("住户", "home")),
    "group": choice(Text("年龄组", "age group"), {one: one for one in GROUPS}),
    "time": moment(Text("时间", "time")),
    "sensor": choice(Text("传感器", "sensor"), ROOMS),
}
FORMAT = Text(
    "传感器事件表（CSV）：住户、年龄组、时间、传感器", "table of sensor events (CSV): home, age group, time, sensor"
)


@dataclass(frozen=True, slots=True)
class Home:
    """A home: its person's age group, the first day, and which room's sensor fired at which minute since its midnight.

    ``end``: the minute up to which it was watched.
    """

    name: str
    group: str
    start: str
    minutes: np.ndarray
    rooms: np.ndarray
    end: int


def cases(seed: int, size: str) -> list[Case]:
    """Return homes and the mishaps in each after the first four weeks."""
    draw = np.random.default_rng([seed, 14])
    count, watched = SIZES[size]
    days, shifted = LEARN + watched, size == SHIFTED
    homes, truth = [], {}
    for number in range(count):
        group = list(GROUPS)[number % 2]
        stays = _homes.live(draw, days, old=group == "80 and over", night_owl=shifted)
        for first in ([3] if draw.random() < 0.3 else []) + ([LEARN + 2] if draw.random() < 0.3 else []):
            leave = int((first + draw.integers(0, 8)) * DAY + draw.uniform(540, 900))
            stays = _homes.befall(draw, stays, Mishap("wandering", leave, leave + int(draw.uniform(1.2, 3) * DAY)))
        mishaps = []
        for week in range(0, watched - 6, 7):
            if draw.random() < 0.6:
                kind = str(draw.choice(_homes.KINDS, p=[0.5, 0.2, 0.3]))
                at = draw.uniform(0, 240) if kind == "wandering" else draw.uniform(360, 1380)
                onset = int((LEARN + week + draw.integers(1, 5)) * DAY + at)
                mishaps.append(Mishap(kind, onset, onset + DAY))
                stays = _homes.befall(draw, stays, mishaps[-1])
        minutes, rooms = _homes.sense(draw, stays, days, pet=shifted and number % 2 == 0)
        homes.append(Home(f"H{number:03d}", group, START, minutes, rooms, days * DAY))
        truth[f"H{number:03d}"] = {"mishaps": tuple(tuple(one) for one in mishaps), "weeks": watched / 7}
    return [Case(tuple(homes), truth)]


def baseline(inputs: tuple[Home, ...]) -> Answer:
    """Return for each silence of the weeks watched when it had lasted each number of hours."""
    rows = []
    for home in inputs:
        for first, last in pairwise([*home.minutes.tolist(), home.end]):
            if last < LEARN * DAY or last - first < 60 * HOURS[0]:
                continue
            for hours in HOURS:
                at = first + round(60 * hours)
                if LEARN * DAY <= at <= last:
                    rows.append(_alarm(home, f"s{first}", at, hours, "silence"))
    return rows


def _alarm(home: Home, episode: str, minute: int, score: float, why: str) -> dict[str, Any]:
    time = (datetime.fromisoformat(home.start) + timedelta(minutes=int(minute))).isoformat(timespec="minutes")
    return {
        "home": home.name, "episode": episode, "minute": int(minute), "time": time, "score": round(float(score), 4),
        "why": why,
    }  # fmt: skip


def method(inputs: tuple[Home, ...]) -> Answer:
    """Return alarms of each home at each level, measured by the largest of its own first four weeks."""
    return [row for home in inputs for row in _watch(home)]


def _watch(home: Home) -> Iterator[dict[str, Any]]:
    away = _away(home)
    yield from _missed(home, home.minutes, away, "silence")
    inside = home.rooms != DOOR
    changed = np.ones(len(home.rooms), dtype=bool)
    changed[1:] = home.rooms[1:] != home.rooms[:-1]
    yield from _missed(home, home.minutes[changed | ~inside], away, "one room")
    yield from _outings(home, away)
    yield from _little(home, away)


def _away(home: Home) -> list[tuple[int, int]]:
    """Return the times after the door at which nothing in the home fires for a quarter of an hour, until it does."""
    away = []
    for at in np.flatnonzero(home.rooms == DOOR):
        first = int(home.minutes[at])
        after = int(home.minutes[at + 1]) if at + 1 < len(home.minutes) else home.end
        if after - first > 15:
            away.append((first, after))
    return away


def _usual(home: Home, minutes: np.ndarray, away: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return how many events of the first weeks a quarter-hour at home holds, by time of day, smoothed over two hours."""
    early = minutes[minutes < LEARN * DAY]
    counts = np.bincount(early % DAY // 15, minlength=96).astype(float)
    present = np.full(96, float(LEARN * 15))
    for first, last in away:
        spent = np.arange(first, min(last, LEARN * DAY))
        present -= np.bincount(spent % DAY // 15, minlength=96)
    ring = np.arange(-4, 5)
    index = (np.arange(96)[:, None] + ring) % 96
    return np.asarray((counts[index].sum(axis=1) + 0.5) / (np.maximum(present[index].sum(axis=1), 60) / 15 + 1))


def _missed(home: Home, minutes: np.ndarray, away: Sequence[tuple[int, int]], why: str) -> Iterator[dict[str, Any]]:
    """Yield alarms of times at home without an event, by how many events were missed."""
    rate = _usual(home, minutes, away)
    total = np.concatenate([[0.0], np.cumsum(np.repeat(rate / 15, 15)[np.arange(home.end) % DAY])])
    outside = {first for first, _ in away}
    gaps = [(a, b) for a, b in pairwise([*minutes.tolist(), home.end]) if a not in outside]
    most = max((total[b] - total[a] for a, b in gaps if b < LEARN * DAY), default=1.0)
    for first, last in gaps:
        if last < LEARN * DAY:
            continue
        for level in LEVELS:
            at = int(np.searchsorted(total, total[first] + level * most))
            if at > last or at >= home.end:
                break
            if at >= LEARN * DAY:
                yield _alarm(home, f"{why}{first}", at, level, why)


def _outings(home: Home, away: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """Yield alarms of outings longer than this person's, and of leaving at an hour at which they never do."""
    early = [(a, b) for a, b in away if b < LEARN * DAY]
    lengths = np.array([b - a for a, b in early] or [120])
    usual = max(120.0, 1.4 * float(np.quantile(lengths, 0.9)))
    hours = np.array([a % DAY for a, _ in early])
    for first, last in away:
        if first < LEARN * DAY:
            continue
        apart = np.abs((hours - first % DAY + DAY // 2) % DAY - DAY // 2)
        if not len(apart) or apart.min() > 120:
            usual_here, why = usual / 4, "out at an unusual hour"
        else:
            usual_here, why = usual, "away long"
        for level in LEVELS:
            at = first + round(level * usual_here)
            if at <= last:
                yield _alarm(home, f"out{first}", at, level, why)


def _little(home: Home, away: Sequence[tuple[int, int]], window: int = 6) -> Iterator[dict[str, Any]]:
    """Yield alarms of hours at home with far fewer changes of room than the same hours of the first weeks."""
    changed = np.ones(len(home.rooms), dtype=bool)
    changed[1:] = home.rooms[1:] != home.rooms[:-1]
    hours = home.end // 60
    counts = np.bincount(home.minutes[changed] // 60, minlength=hours)[:hours].astype(float)
    gone = np.zeros(hours)
    for first, last in away:
        np.add.at(gone, np.arange(first, min(last, hours * 60)) // 60, 1 / 60)
    sums = np.convolve(counts, np.ones(window))[:hours]
    absent = np.convolve(gone, np.ones(window))[:hours]
    ratios = np.zeros(hours)
    for hour in range(24):
        every = np.arange(hour, hours, 24)
        known = every[(every < LEARN * 24) & (every >= window) & (absent[every] < 1.5)]
        if len(known) < 5 or np.median(sums[known]) < 8:
            continue
        expected = np.median(sums[known])
        present = every[absent[every] < 1.5]
        ratios[present] = np.maximum(0, np.log((expected + 1) / (sums[present] + 1)))
    most = max(float(ratios[: LEARN * 24].max()), 0.3)
    since, last_at = -1, -99
    for at in np.flatnonzero(ratios > LEVELS[0] * most):
        if at < LEARN * 24:
            continue
        if at - last_at > 3:
            since = int(at)
        last_at = int(at)
        reached = max(level for level in LEVELS if level * most < ratios[at])
        yield _alarm(home, f"little{since}", (int(at) + 1) * 60, reached, "little activity")


def _played(truth: dict[str, Any], answer: Answer, least: float) -> tuple[dict[tuple[str, int], float], dict[str, int]]:
    """Return the delay in hours of each mishap, and the false alarms of each home, of alarms from ``least`` on."""
    first: dict[tuple[str, str], int] = {}
    for row in answer:
        if row["score"] >= least:
            key = (row["home"], row["episode"])
            first[key] = min(first.get(key, row["minute"]), row["minute"])
    delays = {(home, start): MISSED for home, one in truth.items() for _, start, _ in one["mishaps"]}
    # One matter within three hours is one alarm to whoever is called.
    rung: dict[str, list[int]] = {home: [] for home in truth}
    for (home, _), minute in sorted(first.items(), key=lambda pair: (pair[1], pair[0])):
        spans = [(start, end) for _, start, end in truth[home]["mishaps"] if start <= minute <= end + 360]
        if spans:
            delays[home, spans[0][0]] = min(delays[home, spans[0][0]], (minute - spans[0][0]) / 60)
        elif not rung[home] or minute - rung[home][-1] > 180:
            rung[home].append(minute)
    return delays, {home: len(minutes) for home, minutes in rung.items()}


def _setting(truth: dict[str, Any], answer: Answer) -> float:
    """Return the lowest score from which on at most one false alarm a home and week is left."""
    weeks = sum(one["weeks"] for one in truth.values())
    for least in sorted({row["score"] for row in answer}):
        if sum(_played(truth, answer, least)[1].values()) <= weeks:
            return float(least)
    return float("inf")


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the mean delay in hours at the most sensitive setting within the budget of false alarms."""
    if not {row["home"] for row in answer} <= truth.keys():
        raise ValueError("the answer holds a home that is not watched")
    delays, _ = _played(truth, answer, _setting(truth, answer))
    return float(np.mean(list(delays.values()))) if delays else 0.0


def by_group(inputs: Sequence[Home], truth: dict[str, Any], answer: Answer) -> dict[str, dict[str, float]]:
    """Return of each age group the mean delay in hours, the share of mishaps missed, and false alarms a home and week."""
    delays, false = _played(truth, answer, _setting(truth, answer))
    found = {}
    for group in GROUPS:
        homes = [one.name for one in inputs if one.group == group]
        hours = [delay for (home, _), delay in delays.items() if home in homes]
        weeks = sum(truth[home]["weeks"] for home in homes)
        found[group] = {
            "delay": float(np.mean(hours)) if hours else 0.0,
            "missed": float(np.mean([one >= MISSED for one in hours])) if hours else 0.0,
            "false": sum(false[home] for home in homes) / weeks if weeks else 0.0,
        }
    return found


def read(path: Path) -> tuple[Home, ...]:
    """Read a table of events, by time in each home; the last row of each is its sensor ``end``. Raises `BadInput`."""
    table = read_csv(path, COLUMNS)
    places: dict[str, list[int]] = {}
    for place, home in enumerate(table["home"]):
        places.setdefault(home, []).append(place)
    homes = []
    for home, rows in places.items():
        times = [datetime.fromisoformat(table["time"][row]) for row in rows]
        start = times[0].replace(hour=0, minute=0)
        for before, after, row in zip(times, times[1:], rows[1:], strict=False):
            if after < before:
                raise table.fault(row, "time", Text("不早于上一行", "not before the row above"))
        for row in rows:
            if table["group"][row] != table["group"][rows[0]]:
                raise table.fault(row, "group", Text("同一住户同一组", "one group a home"))
            if (table["sensor"][row] == ROOMS["end"]) != (row == rows[-1]):
                raise table.fault(
                    row, "sensor", Text("end 只在住户的末行", "end in the home's last row, and only there")
                )
        minutes = np.array([(one - start) // timedelta(minutes=1) for one in times], dtype=np.int64)
        if minutes[-1] <= LEARN * DAY:
            raise table.fault(rows[-1], "time", Text(f"{LEARN} 天以上的记录", f"more than {LEARN} days of events"))
        rooms = np.array([table["sensor"][row] for row in rows[:-1]], dtype=np.int64)
        group = table["group"][rows[0]]
        homes.append(Home(home, group, start.date().isoformat(), minutes[:-1], rooms, int(minutes[-1])))
    return tuple(homes)


def write(inputs: tuple[Home, ...], path: Path) -> None:
    """Write a table of events as `read` reads it."""
    names = {room: sensor for sensor, room in ROOMS.items()}

    def rows() -> Iterator[tuple[str, str, str, str]]:
        for home in inputs:
            start = datetime.fromisoformat(home.start)
            events = zip([*home.minutes.tolist(), home.end], [*home.rooms.tolist(), ROOMS["end"]], strict=True)
            for minute, room in events:
                time = (start + timedelta(minutes=minute)).isoformat(timespec="minutes")
                yield home.name, home.group, time, names[room]

    write_csv(path, list(COLUMNS), rows())


def picture(inputs: tuple[Home, ...], answer: Answer) -> Any:
    """Return when which home would have called, and how often a home of each age group calls a week."""
    import altair as alt
    import pandas as pd

    level = 1.0 if any(row["why"] != "silence" for row in answer) else 12.0
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in answer:
        if row["score"] >= level:
            first.setdefault((row["home"], row["episode"]), row)
    group = {one.name: one.group for one in inputs}
    calls = pd.DataFrame(
        [{**row, "group": group[row["home"]]} for row in first.values()],
        columns=["home", "episode", "minute", "time", "score", "why", "group"],
    )
    weeks = {one: sum((home.end / DAY - LEARN) / 7 for home in inputs if home.group == one) for one in GROUPS}
    counts = pd.DataFrame(
        [{"group": one, "calls": (calls["group"] == one).sum() / max(span, 1e-9)} for one, span in weeks.items()]
    )
    title = Text("哪户何时报警（按年龄组）", "When which home would have called, by age group")
    when = (
        alt.Chart(calls, title=str(title))
        .mark_point(filled=True)
        .encode(
            alt.X("time:T", title=None),
            alt.Y("home:N", title=None),
            alt.Color("why:N", title=None),
            alt.Shape("group:N", title=None),
        )
    )
    often = alt.Chart(counts, title=str(Text("每户每周报警", "alarms a home and week"))).mark_bar(color="#14557b")
    return when & often.encode(alt.X("calls:Q", title=None), alt.Y("group:N", title=None))


SCENARIO = Scenario(
    id="elder-care/home-safety",
    title=Text("独居老人居家安全监测", "Safety of people who live alone"),
    summary=Text(
        "从房间与门口传感器发现跌倒、夜间走失和卧病，每户每周至多误报一次",
        "Notice falls, wandering at night and illness from sensors in rooms and at the door",
    ),
    task=14,
    system=Text("居家安全动态监测", "monitoring of safety at home"),
    user=Text("社区养老服务值守人员", "those on duty in a community's care of the old"),
    decision=Text("何时给哪一户打电话或上门", "when to telephone or visit which home"),
    formats=(FORMAT,),
    metric=Text("每户每周至多一次误报时的平均发现延迟", "mean delay at one false alarm a home and week at most"),
    unit="h",
    better="lower",
    margin=1.0,
    baseline_title=Text("若干小时无活动即报警", "alarm after hours without movement"),
    method_title=Text("各户作息与静默模型", "each home's own model of silence and routine"),
    source="Daley & Vere-Jones 2003; Fleury et al. 2010",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".csv",),
    libraries=(),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
