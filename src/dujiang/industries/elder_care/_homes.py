"""Days of people who live alone, as a few motion sensors and one at the door see them, and what befalls some of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DAY = 1440
BEDROOM, BATHROOM, KITCHEN, LIVING, DOOR, OUT = range(6)
RATES = {BEDROOM: 0.05, BATHROOM: 0.15, KITCHEN: 0.12, LIVING: 0.06, OUT: 0.0}
"""Firings a minute of whoever is awake there; a sensor holds off for some minutes after one."""
ASLEEP = 0.006
KINDS = ("fall", "wandering", "illness")


class Stay(NamedTuple):
    """A stay in a room from one minute to another, at ``rate`` firings a minute."""

    start: int
    end: int
    place: int
    rate: float


class Mishap(NamedTuple):
    """What befell someone: its kind, and the minutes from its onset until somebody would have come anyway."""

    kind: str
    start: int
    end: int


def live(draw: np.random.Generator, days: int, *, old: bool, night_owl: bool) -> list[Stay]:
    """Return a semi-Markov life: hours of a person's own, and stays of lognormal length between them."""
    pace = draw.uniform(0.45, 0.8) if old else draw.uniform(0.8, 1.2)
    wake, sleep = draw.normal(420, 40), draw.normal(1320, 40)
    if night_owl:
        wake, sleep = draw.normal(570, 60), draw.normal(1430, 45)
    nap, outing = draw.random() < (0.8 if old else 0.5), draw.uniform(0.3, 0.6) if old else draw.uniform(0.6, 1.3)
    away = draw.uniform(50, 100)
    weights = np.cumsum([0.12, 0.2, 0.28])
    stays: list[Stay] = []

    def stay(start: float, minutes: float, place: int, rate: float | None = None) -> float:
        end = start + max(2.0, minutes)
        stays.append(Stay(int(start), int(end), place, RATES[place] * pace if rate is None else rate))
        return end

    now = 0.0
    for day in range(days):
        rise = day * DAY + wake + draw.normal(0, 25)
        while now < rise:
            now = stay(now, min(draw.lognormal(5.0, 0.4), max(2.0, rise - now)), BEDROOM, ASLEEP)
            if now < rise - 20:
                now = stay(now, draw.uniform(4, 10), BATHROOM)
        bed = day * DAY + sleep + draw.normal(0, 30)
        trips = [day * DAY + hour for hour in draw.uniform(wake + 60, min(sleep - 180, 1080), draw.poisson(outing))]
        rest = day * DAY + draw.normal(790, 20)
        while now < bed:
            if trips and now >= min(trips):
                trips.remove(min(trips))
                now = stay(now, min(away * draw.lognormal(0, 0.45), bed - now + 60), OUT)
            elif nap and rest <= now < rest + 30:
                now = stay(now, draw.normal(70, 20), BEDROOM, ASLEEP)
                rest = -1.0
            else:
                place = int(np.searchsorted(weights, draw.random()))
                now = stay(now, draw.lognormal(3.0 if place == LIVING else 2.4, 0.6) / pace**0.5, place)
    return [one for one in stays if one.start < days * DAY]


def befall(draw: np.random.Generator, stays: list[Stay], mishap: Mishap) -> list[Stay]:
    """Return the life with a mishap in it: what was to be in that time is not."""
    before = [one._replace(end=min(one.end, mishap.start)) for one in stays if one.start < mishap.start]
    after = [one._replace(start=max(one.start, mishap.end)) for one in stays if one.end > mishap.end]
    if mishap.kind == "fall":
        place = before[-1].place if before and before[-1].place != OUT else BATHROOM
        # Half of them can move an arm where they lie.
        within = [Stay(mishap.start, mishap.end, place, 0.0 if draw.random() < 0.5 else 0.02)]
    elif mishap.kind == "wandering":
        within = [Stay(mishap.start, mishap.end, OUT, 0.0)]
    else:
        within, now = [], mishap.start
        while now < mishap.end:
            for place, rate, minutes in (
                (BEDROOM, 0.012, draw.uniform(60, 200)),
                (BATHROOM, 0.15, draw.uniform(4, 15)),
            ):
                end = min(now + int(minutes), mishap.end)
                within.append(Stay(now, end, place, rate))
                now = end
    return [*before, *within, *after]


def sense(draw: np.random.Generator, stays: list[Stay], days: int, *, pet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return minutes and rooms of what fires; now and then visitors fire too, and a battery is empty for days."""
    minutes: list[np.ndarray] = []
    rooms: list[np.ndarray] = []

    def fire(when: np.ndarray, room: np.ndarray | int) -> None:
        minutes.append(when.astype(np.int64))
        rooms.append(np.broadcast_to(room, when.shape))

    starts, ends, places, rates = (np.array(column) for column in zip(*stays, strict=True))
    real = ends > starts
    starts, ends, places, rates = starts[real], ends[real], places[real], rates[real]
    # Whoever comes into a room is seen there at once, whoever goes out or comes home at the door.
    through = (places[1:] == OUT) != (places[:-1] == OUT)
    fire(starts[1:][through], DOOR)
    moved = ~through & (places[1:] != places[:-1])
    fire(starts[1:][moved], places[1:][moved])
    counts = draw.poisson(rates * (ends - starts))
    fire(
        np.repeat(starts, counts) + draw.random(counts.sum()) * np.repeat(ends - starts, counts),
        np.repeat(places, counts),
    )
    for day in np.flatnonzero(draw.random(days) < 0.1):
        start = int(day * DAY + draw.uniform(840, 1020))
        fire(np.array([start, start + 90]), DOOR)
        fire(draw.integers(start, start + 90, 25), LIVING)
    if pet:
        fire(draw.integers(0, days * DAY, draw.poisson(0.012 * days * DAY)), LIVING)
    when, where = np.concatenate(minutes), np.concatenate(rooms)
    keep = when < days * DAY
    if draw.random() < 0.3:
        room, first = int(draw.choice([BATHROOM, KITCHEN, LIVING])), int(draw.integers(0, days - 6)) * DAY
        keep &= ~((where == room) & (when >= first) & (when < first + int(draw.integers(2, 7)) * DAY))
    pairs = np.unique(np.stack([when[keep], where[keep]], axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]
