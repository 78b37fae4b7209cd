"""Beacon detection (信标检测): which machines call home to a command server (威胁溯源), from a day's connection log.

Malware asks its server for orders every so often, with jitter so that it is not seen; honest software (time, updates,
mail, telemetry, a page that reloads itself) is as regular or more. The measure is the area under precision-recall over
the pairs of an internal and an external address that an analyst hasn't decided on yet.

*Data.* Zeek's conn.log, simulated: a day that was reviewed after an exercise, whose connections are labelled, and today,
of other machines. What the generator knows and the method doesn't: which machines are infected, each implant's sleep,
jitter, hours of silence and sizes of messages, and which of the honest services each machine runs.

*Second generator.* Today's implants are of another family: some draw their sleeps from an exponential distribution and pad
their messages to random sizes, the others call only while somebody is browsing; the office works in shifts. The labelled day
is still of the first family.

*Baseline.* RITA's beacon score as published (Active Countermeasures, RITA 5: a quarter each for timestamps, data
sizes, duration and histogram, default settings, with the modifier for prevalence), written anew from its definition. Its
other modifiers need what conn.log doesn't hold: when a place was first seen, host headers, signatures of clients.

*Method.* A random forest (scikit-learn), fitted on the labelled pairs, on periodicity (periodogram, as in Hu et al. 2016,
BAYWATCH, DSN), the spread of intervals and of sizes, and survival: how far the pair's connections outlast the machine's
other traffic, and how steadily they come while the machine is on; with the number of machines that call the same place.
Without labels it ranks by the mean rank of the signs.

*Published.* Hu et al. judged theirs on 30 billion proxy events of 130,000 machines, without labels for all; RITA gives
no accuracy. No published figure stands beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

# Machines, and infected ones, of each of the two days.
OFFICES = {"small": (24, 5), "default": (90, 10), SHIFTED: (90, 10)}
DAY = 86_400.0
FIRST_DAY, TODAY = 1_772_380_800.0, 1_772_985_600.0  # 2026-03-02 and 2026-03-09, 00:00 in China
TREES = 120
LEAST = 4
"""Connections that a pair needs to be judged, RITA's threshold."""
INTERNAL = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8"))


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections in order of time; ``source`` and ``target`` are places in ``addresses``.

    ``start`` in s since 1970, ``duration`` in s and ``sent`` and ``received`` in bytes are NaN where Zeek left them
    unset; ``label`` is 1 for malicious, 0 for benign, -1 where nobody has decided.
    """

    addresses: tuple[str, ...]
    start: Array
    source: Ints
    target: Ints
    port: Ints
    duration: Array
    sent: Array
    received: Array
    label: Ints


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return a labelled day and today's connections; the truth says of each of today's pairs if it is a beacon."""
    draw = np.random.default_rng([seed, 19])
    past, now = _Office(draw, 1, FIRST_DAY), _Office(draw, 2, TODAY, shifts=size == SHIFTED)
    for office in (past, now):
        office.work(*OFFICES[size], other=office is now and size == SHIFTED)
    blocks = [(*block, label) for office, label in ((past, 0), (now, -1)) for block in office.blocks]
    names = {name: place for place, name in enumerate(sorted({one for block in blocks for one in block[:2]}))}
    columns: list[list[Any]] = [[] for _ in range(8)]
    for source, target, port, start, duration, sent, received, malicious, label in blocks:
        verdict = label if label < 0 else int(malicious)
        values = (start, names[source], names[target], port, duration, sent, received, verdict)
        for column, value in zip(columns, values, strict=True):
            column.append(np.broadcast_to(value, len(start)))
    start, source, target, port, duration, sent, received, label = (np.concatenate(column) for column in columns)
    # To the microsecond and the byte, as Zeek writes them.
    start, duration = (np.rint(one * 1e6) / 1e6 for one in (start, duration))
    sizes = (np.rint(sent), np.rint(received))
    inputs = _in_order(tuple(names), [start, source, target, port, duration, *sizes, label])
    infected = {(block[0], block[1]) for block in now.blocks if block[7]}
    asked = _pairs(inputs, inputs.label < 0)
    ends = [(inputs.addresses[one.source], inputs.addresses[one.target]) for one in asked]
    return [Case(inputs, {pair: pair in infected for pair in ends})]


def _in_order(addresses: tuple[str, ...], columns: Sequence[NDArray[Any]]) -> Connections:
    start, source, target, port, duration, sent, received, label = columns
    order = np.lexsort((target, source, start))
    whole = [one[order].astype(np.int64) for one in (source, target, port, label)]
    exact = [one[order].astype(np.float64) for one in (start, duration, sent, received)]
    return Connections(addresses, exact[0], whole[0], whole[1], whole[2], exact[1], exact[2], exact[3], whole[3])


class _Office:
    """A day of an office's machines; ``blocks`` holds what each sent where, and whether it was malicious."""

    def __init__(self, draw: np.random.Generator, subnet: int, midnight: float, *, shifts: bool = False) -> None:
        self.draw, self.subnet, self.midnight, self.shifts = draw, subnet, midnight, shifts
        self.blocks: list[tuple[Any, ...]] = []
        self.popularity = 1 / np.arange(1, 301) ** 0.9
        self.popularity /= self.popularity.sum()
        # Services that many machines run: place, port, seconds between calls, jitter, share of machines, bytes.
        self.common = [
            (f"198.18.0.{place + 1}", port, draw.uniform(*period), jitter, share, sent, received)
            for place, (port, period, jitter, share, sent, received) in enumerate(
                [
                    (123, (256, 1024), 0.02, 0.9, (48, 0.0), (48, 0.0)),
                    (443, (3000, 4000), 0.1, 0.8, (900, 0.1), (5000, 0.8)),
                    (443, (300, 900), 0.05, 0.7, (700, 0.3), (300, 0.1)),
                    (993, (120, 400), 0.03, 0.6, (400, 0.1), (1500, 0.9)),
                    (443, (120, 240), 0.0, 0.5, (120, 0.0), (90, 0.0)),
                    (443, (200, 600), 0.3, 0.3, (2500, 1.0), (800, 0.5)),
                ]
            )
        ]

    def work(self, machines: int, infected: int, *, other: bool) -> None:
        """Fill ``blocks``; ``other`` says that the implants are of the second family."""
        draw = self.draw
        ill = set(draw.choice(machines, infected, replace=False).tolist())
        for machine in range(machines):
            name = f"10.{self.subnet}.0.{machine + 10}"
            begin, end = np.clip([draw.normal(8.5, 0.8), draw.normal(18, 1.3)], 0, 24) * 3600
            if self.shifts:
                begin, end = (begin + draw.choice([-8, 0, 6]) * 3600 + np.array([0.0, end - begin])).clip(0, DAY)
            always = draw.random() < 0.2
            on = (0.0, DAY) if always else (float(begin), float(end))
            visits = self._browse(name, float(begin), float(end))
            for place, port, period, jitter, share, sent, received in self.common:
                if draw.random() < share:
                    self._service(name, place, port, on, period, jitter, sent, received)
            for number in range(int(draw.integers(0, 4))):
                self._own_service(name, f"198.19.{self.subnet * 128 - 128 + machine}.{number + 1}", on)
            if machine in ill:
                self._implant(
                    name, f"198.19.{self.subnet * 128 - 128 + machine}.{int(draw.integers(10, 250))}", on, visits, other
                )

    def _add(self, source: str, target: str, port: int, start: Array, sent: Any, received: Any, bad: bool) -> None:
        if len(start):
            duration = self.draw.lognormal(-1.5, 1.0, len(start))
            self.blocks.append((source, target, port, self.midnight + start, duration, sent, received, bad))

    def _sizes(self, about: tuple[float, float], count: int) -> Array:
        return about[0] * np.exp(self.draw.normal(0, about[1], count))

    def _browse(self, name: str, begin: float, end: float) -> Array:
        draw, visits = self.draw, []
        favourites = draw.choice(300, 4, p=self.popularity)
        for at in np.sort(draw.uniform(begin, end, draw.poisson(45))):
            site = int(draw.choice(favourites) if draw.random() < 0.5 else draw.choice(300, p=self.popularity))
            count = int(draw.integers(1, 10))
            start = at + np.cumsum(draw.exponential(draw.uniform(3, 60), count))
            start = start[start < DAY]
            sent, received = self._sizes((1200, 0.8), len(start)), self._sizes((20_000, 1.4), len(start))
            self._add(name, f"198.18.{1 + site // 200}.{site % 200 + 1}", 443, start, sent, received, False)
            visits.append(at)
        return np.array(visits)

    def _ticks(self, on: tuple[float, float], period: float, jitter: float) -> Array:
        """Return times from a random phase on, each interval spread about the period by ``jitter`` either way."""
        steps = period * (
            1 + jitter * self.draw.uniform(-1, 1, int((on[1] - on[0]) / period / (1 - min(jitter, 0.9))) + 2)
        )
        times = on[0] + self.draw.uniform(0, period) + np.cumsum(steps) + self.draw.normal(0, 0.5, len(steps))
        return np.asarray(np.sort(times[(times > on[0]) & (times < on[1])]))

    def _service(
        self,
        name: str,
        place: str,
        port: int,
        on: tuple[float, float],
        period: float,
        jitter: float,
        sent: tuple[float, float],
        received: tuple[float, float],
        news: float = 0.0,
    ) -> None:
        start = self._ticks(on, period, jitter)
        # Every so often a machine loses its network or restarts.
        start = start[self.draw.random(len(start)) > 0.02]
        more = np.where(self.draw.random(len(start)) < news, self._sizes((6e3, 1.2), len(start)), 0.0)
        self._add(
            name, place, port, start, self._sizes(sent, len(start)), self._sizes(received, len(start)) + more, False
        )

    def _own_service(self, name: str, place: str, on: tuple[float, float]) -> None:
        """Add a service that this machine alone runs: a page that reloads, a device's heartbeat, a job, an app's check."""
        draw = self.draw
        kind = int(draw.choice(4, p=[0.2, 0.2, 0.2, 0.4]))
        if kind == 0:
            begin = draw.uniform(on[0], max(on[0], on[1] - 1800))
            span = (begin, min(on[1], begin + draw.uniform(1800, 6 * 3600)))
            self._service(
                name, place, 443, span, draw.uniform(60, 300), 0.01, (800, 0.05), (draw.uniform(2e3, 4e4), 0.1)
            )
        elif kind == 1:
            self._service(name, place, 8883, on, draw.uniform(120, 600), 0.0, (draw.uniform(80, 300), 0.0), (60, 0.0))
        elif kind == 2:
            often = draw.choice([900.0, 1800.0])
            self._service(name, place, 443, on, often, 0.0, (draw.uniform(500, 5e4), 0.8), (400, 0.1))
        else:  # a check that waits at random, as its makers' guidelines say, and now and then has news
            sizes = (
                (draw.uniform(150, 1000), draw.choice([0.0, 0.05, 0.2])),
                (draw.uniform(80, 900), draw.choice([0.0, 0.05, 0.3])),
            )
            begin = on[0] + draw.choice([0.0, draw.uniform(0, 0.4)]) * (on[1] - on[0])
            period = math.exp(draw.uniform(math.log(80), math.log(1500)))
            self._service(name, place, 443, (begin, on[1]), period, draw.uniform(0.0, 0.35), *sizes, news=0.02)

    def _implant(self, name: str, place: str, on: tuple[float, float], visits: Array, other: bool) -> None:
        draw = self.draw
        sleep = math.exp(draw.uniform(math.log(90), math.log(1500)))
        begin = on[0] + draw.uniform(0, 0.4) * (on[1] - on[0])
        if other and draw.random() < 0.5:
            start = np.sort(visits[draw.random(len(visits)) < 0.7] + draw.uniform(0, 40, 1))
        elif other:
            start = begin + np.cumsum(20 + draw.exponential(sleep, int(2 * DAY / sleep)))
        else:
            jitter = float(draw.choice([0.0, draw.uniform(0.1, 0.5)], p=[0.25, 0.75]))
            start = begin + np.cumsum(sleep * (1 - jitter * draw.random(int(2.2 * DAY / sleep))))
            for _ in range(int(draw.integers(0, 3))):  # hours in which it lies low
                silent = draw.uniform(begin, on[1])
                start = start[(start < silent) | (start > silent + draw.uniform(3600, 3 * 3600))]
        start = start[(start > begin) & (start < on[1])]
        count = len(start)
        spread = 0.5 if other else float(draw.choice([0.0, 0.05]))
        sent = self._sizes((draw.uniform(150, 900), spread), count)
        received = self._sizes((draw.uniform(80, 500), spread), count)
        task = draw.random(count) < 0.03  # an order, and its result
        sent, received = (
            np.where(task, sent + self._sizes((8e3, 1.2), count), sent),
            np.where(task, received + self._sizes((3e3, 1.0), count), received),
        )
        self._add(name, place, 443, start, sent, received, True)


# --- pairs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    source: int
    target: int
    rows: Ints  # in order of time
    prevalence: float  # share of the machines that call the same place


def _pairs(inputs: Connections, of: NDArray[np.bool_]) -> list[_Pair]:
    """Return the pairs of an internal and an external address with `LEAST` connections or more among the rows ``of``."""
    inside = np.array([any(ip_address(one) in net for net in INTERNAL) for one in inputs.addresses], dtype=bool)
    rows = np.flatnonzero(of & inside[inputs.source] & ~inside[inputs.target])
    rows = rows[np.lexsort((inputs.start[rows], inputs.target[rows], inputs.source[rows]))]
    ends = np.column_stack([inputs.source[rows], inputs.target[rows]])
    groups = np.split(rows, np.flatnonzero((np.diff(ends, axis=0) != 0).any(axis=1)) + 1) if len(rows) else []
    machines = max(1, len(np.unique(inputs.source[rows])))
    called, callers = np.unique([inputs.target[one[0]] for one in groups], return_counts=True)
    share = dict(zip(called.tolist(), (callers / machines).tolist(), strict=True))
    pairs = []
    for one in groups:
        source, target = int(inputs.source[one[0]]), int(inputs.target[one[0]])
        if len(one) >= LEAST:
            pairs.append(_Pair(source, target, one, share[target]))
    return pairs


def _ranked(inputs: Connections, pairs: Sequence[_Pair], scores: Sequence[float]) -> Answer:
    order = sorted(range(len(pairs)), key=lambda at: (-scores[at], pairs[at].source, pairs[at].target))
    return [
        {
            "source": inputs.addresses[pairs[at].source],
            "target": inputs.addresses[pairs[at].target],
            "score": round(float(scores[at]), 6),
            "connections": len(pairs[at].rows),
            "median_interval_s": round(float(np.median(np.diff(inputs.start[pairs[at].rows]))), 1),
            "place": place,
        }
        for place, at in enumerate(order, 1)
    ]


# --- baseline -----------------------------------------------------------------------------------------------------


def baseline(inputs: Connections) -> Answer:
    """Return the open pairs by RITA's beacon score with its modifier for prevalence."""
    opened = inputs.label < 0
    pairs = _pairs(inputs, opened)
    span = (float(inputs.start[opened].min(initial=math.inf)), float(inputs.start[opened].max(initial=-math.inf)))
    scores = []
    for one in pairs:
        modifier = 0.15 if one.prevalence <= 0.02 else -0.15 if one.prevalence >= 0.5 else 0.0
        scores.append(rita_score(inputs.start[one.rows], inputs.sent[one.rows], span) + modifier)
    return _ranked(inputs, pairs, scores)


def rita_score(start: Array, sent: Array, span: tuple[float, float]) -> float:
    """Return RITA 5's beacon score, 0 to 1, of connections at ``start`` (s, sorted) of ``sent`` bytes.

    ``span`` is the first and last moment of the log. 0 where there are fewer than three intervals above 0 s.
    """
    whole = np.floor(start)
    gaps = np.diff(whole)
    gaps = np.sort(gaps[gaps > 0])
    if len(gaps) < 3:
        return 0.0
    bars = np.histogram(whole, bins=24, range=(math.floor(span[0]), max(math.floor(span[1]), math.floor(span[0]) + 1)))[
        0
    ]
    seen = int((bars > 0).sum())
    run = _longest_run(bars > 0)
    timing, sizes = _steadiness(gaps, 1.0), _steadiness(np.sort(np.nan_to_num(sent)), 0.0)
    duration = 0.0
    if seen >= 6:
        duration = min(1.0, max((whole[-1] - whole[0]) / (span[1] - span[0]), run / 12))
    flat = max(0.0, 1 - float(bars.std() / bars.mean()))
    modes = 0.0
    if seen >= 11:
        width = math.ceil(bars.max() * 0.05)
        counts = np.sort(np.unique(bars[bars > 0] // width, return_counts=True)[1])
        modes = min(1.0, float(counts[-2:].sum()) / max(seen - 1, 1))
    return (timing + sizes + duration + max(flat, modes)) / 4


def _steadiness(values: Array, default: float) -> float:
    """Return the mean of RITA's scores of skewness (Bowley) and of deviation (median absolute) of sorted values."""
    half = len(values) // 2
    low, middle, high = float(np.median(values[:half])), float(np.median(values)), float(np.median(values[-half:]))
    lopsided = (low + high - 2 * middle) / (high - low) if high - low >= 10 and middle not in (low, high) else 0.0
    deviation = float(np.median(np.abs(values - middle)))
    spread = max(0.0, (middle - deviation) / middle) if middle >= 1 else default
    return (1 - abs(lopsided) + spread) / 2


def _longest_run(seen: NDArray[np.bool_]) -> int:
    """Return the longest run of hours that were seen, around the end of the log."""
    best = run = 0
    for one in [*seen.tolist(), *seen.tolist()]:
        run = run + 1 if one else 0
        best = max(best, run)
    return min(best, len(seen))


# --- method -------------------------------------------------------------------------------------------------------


def method(inputs: Connections) -> Answer:
    """Return the open pairs by the forest's share of trees that call them a beacon."""
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestClassifier

    opened = inputs.label < 0
    past, now = _pairs(inputs, ~opened), _pairs(inputs, opened)
    if not now:
        return []
    features = _features(inputs, now)
    labels = np.array([int(inputs.label[one.rows].max()) for one in past])
    if len(set(labels.tolist())) == 2:
        forest = RandomForestClassifier(TREES, max_features=0.4, random_state=0, n_jobs=1)
        forest.fit(_features(inputs, past), labels)
        scores = forest.predict_proba(features)[:, 1]
    else:
        scores = rankdata(features * _SIGNS, axis=0).mean(axis=1) / len(now)
    return _ranked(inputs, now, scores.tolist())


_SIGNS = np.array([1, 0, -1, -1, -1, -1, 1, -1, -1, 0, -1, -1, 0, 1, -1, 1, -1])
"""Of each feature: whether more of it speaks for a beacon, against, or neither."""


def _features(inputs: Connections, pairs: Sequence[_Pair]) -> Array:
    """Return (pairs, 17): intervals, periodicity, sizes, survival and prevalence."""
    first = min(float(inputs.start[one.rows[0]]) for one in pairs)
    hours = {id(one): np.floor((inputs.start[one.rows] - first) / 3600).astype(int) for one in pairs}
    length = max(int(one.max()) for one in hours.values()) + 1
    hourly = {key: np.bincount(one, minlength=length).astype(float) for key, one in hours.items()}
    machine: dict[int, Array] = {}
    for one in pairs:
        machine[one.source] = machine.get(one.source, np.zeros(length)) + hourly[id(one)]
    rows = []
    for one in pairs:
        start, own = inputs.start[one.rows], hourly[id(one)]
        sent, received = (np.nan_to_num(column[one.rows]) for column in (inputs.sent, inputs.received))
        rows.append(
            [*_intervals(start), *_sizes(sent, received), *_survival(own, machine[one.source] - own), one.prevalence]
        )
    return np.array(rows)


def _intervals(start: Array) -> list[float]:
    """Return number, median, deviation, spread and variation without silences, skewness, and the periodogram's peak."""
    gaps = np.diff(start)
    middle = float(np.median(gaps))
    awake = np.sort(gaps[gaps <= 4 * middle])  # silences are no part of the rhythm
    low, first, second, third, high = awake[(np.array([0.1, 0.25, 0.5, 0.75, 0.9]) * (len(awake) - 1)).astype(int)]
    skew = (first + third - 2 * second) / max(third - first, 1e-9)
    # Ten bins an interval, so that the period's own line and its first harmonics are in the periodogram.
    bins = int(np.clip((start[-1] - start[0]) / max(middle, 1.0) * 10, 16, 8192))
    places = ((start - start[0]) / max(start[-1] - start[0], 1e-9) * (bins - 1)).astype(int)
    power = np.abs(np.fft.rfft(np.bincount(places, minlength=bins) - len(start) / bins)) ** 2
    return [
        math.log(len(start)),
        math.log(middle + 1),
        float(np.median(np.abs(gaps - middle)) / max(middle, 1e-9)),
        math.log((high + 1) / (low + 1)),
        float(awake.std() / max(awake.mean(), 1e-9)),
        float(abs(skew)),
        float(power[1:].max() / (len(start) ** 2)),
    ]


def _sizes(sent: Array, received: Array) -> list[float]:
    """Return the spread of both in logarithms, their medians' logarithms, distinct sizes, and the share of large replies."""
    ordered = [np.sort(one) for one in (sent, received)]
    deviation = [math.log1p(one[3 * len(one) // 4]) - math.log1p(one[len(one) // 4]) for one in ordered]
    middle = [math.log1p(one[len(one) // 2]) for one in ordered]
    large = float((received > 4 * ordered[1][len(sent) // 2]).mean())
    return [*deviation, *middle, len(np.unique(sent)) / len(sent), large]


def _survival(own: Array, other: Array) -> list[float]:
    """Return the share of hours with a call from the first to the last, the fit with the machine's other traffic, and the share of its hours outlasted."""
    seen = np.flatnonzero(own)
    within = own[seen[0] : seen[-1] + 1]
    varied = own.std() > 0 and other.std() > 0
    fit = float(np.corrcoef(own, other)[0, 1]) if varied else 0.0
    quiet = other <= 0.25 * other.max()
    return [float((within > 0).mean()), fit, float(own[quiet].sum() / own.sum())]


def judge(truth: dict[tuple[str, str], bool], answer: Answer) -> float:
    """Return the area under precision-recall (average precision); raises ValueError where a pair is missing."""
    from sklearn.metrics import average_precision_score

    scores = {(row["source"], row["target"]): row["score"] for row in answer}
    if scores.keys() != truth.keys():
        raise ValueError("the answer does not hold each open pair once")
    keys = sorted(truth)
    return float(average_precision_score([truth[key] for key in keys], [scores[key] for key in keys]))


# --- files --------------------------------------------------------------------------------------------------------

_FIELDS = ("ts", "id.orig_h", "id.resp_h", "id.resp_p", "duration", "orig_bytes", "resp_bytes", "label")
_TYPES = ("time", "addr", "addr", "port", "interval", "count", "count", "string")
_LABELS = {"malicious": 1, "benign": 0, "-": -1, "(empty)": -1, "": -1}
FORMAT = Text("Zeek conn.log（TSV，可带 label 列）", "Zeek conn.log (TSV; a label column where there is one)")


def read(path: Path) -> Connections:
    """Read Zeek's conn.log, with the ``label`` column of IoT-23 (Malicious, Benign) where connections are decided.

    Lines are in any order; fields beside those needed are left out. Raises `BadInput`.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    heading = next((line.split("\t")[1:] for line in lines if line.startswith("#fields\t")), None)
    if heading is None:
        raise BadInput(path, field="#fields", expected=FORMAT, found=(lines or [""])[0][:60])
    for field in _FIELDS[:-1]:
        if field not in heading:
            expected = Text(f"含 {field} 的 #fields 行", f"a #fields line with {field}")
            raise BadInput(path, field=field, expected=expected, found=" ".join(heading)[:80])
    places = [heading.index(field) if field in heading else -1 for field in _FIELDS]
    rows = []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != len(heading):
                expected = Text(f"{len(heading)} 个字段", f"{len(heading)} fields")
                raise BadInput(path, row=number, field="#fields", expected=expected, found=str(len(cells)))
            rows.append(_row(path, number, [cells[place] if place >= 0 else "-" for place in places]))
    if not rows:
        raise BadInput(path, expected=Text("至少一条连接", "at least one connection"), found="0")
    names = {name: place for place, name in enumerate(sorted({name for row in rows for name in row[1:3]}))}
    columns = [np.array([names.get(cell, cell) for cell in column], dtype=float) for column in zip(*rows, strict=True)]
    return _in_order(tuple(names), columns)


def _row(path: Path, number: int, cells: Sequence[str]) -> tuple[Any, ...]:
    def bad(place: int, expected: Text) -> BadInput:
        return BadInput(path, row=number, field=_FIELDS[place], expected=expected, found=cells[place][:60])

    def amount(place: int, *, unset: bool = True) -> float:
        if unset and cells[place] in ("-", ""):
            return math.nan
        try:
            value = float(cells[place])
        except ValueError:
            value = math.nan
        if not 0 <= value < 1e15:
            kinds = {"time": ("UNIX 时间", "a UNIX time"), "interval": ("秒数或 -", "seconds or -")}
            raise bad(place, Text(*kinds.get(_TYPES[place], ("字节数或 -", "bytes or -"))))
        return value

    for place in (1, 2):
        try:
            ip_address(cells[place])
        except ValueError as error:
            raise bad(place, Text("IP 地址", "an IP address")) from error
    if not cells[3].isdecimal() or int(cells[3]) > 65_535:
        raise bad(3, Text("端口 0–65535", "a port, 0-65535"))
    if cells[7].lower() not in _LABELS:
        raise bad(7, Text("Malicious、Benign 或 -", "Malicious, Benign or -"))
    label = _LABELS[cells[7].lower()]
    return amount(0, unset=False), cells[1], cells[2], int(cells[3]), amount(4), amount(5), amount(6), label


def write(inputs: Connections, path: Path) -> None:
    """Write a conn.log as `read` reads it, with labels."""

    def seconds(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.6f}"

    def count(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.0f}"

    labels = {1: "Malicious", 0: "Benign", -1: "-"}
    lines = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn"]
    lines += ["\t".join(["#fields", *_FIELDS]), "\t".join(["#types", *_TYPES])]
    columns = (inputs.start, inputs.source, inputs.target, inputs.port, inputs.duration, inputs.sent, inputs.received)
    for start, source, target, port, duration, sent, received, label in zip(
        *(column.tolist() for column in columns), inputs.label.tolist(), strict=True
    ):
        ends = (inputs.addresses[source], inputs.addresses[target], str(port))
        lines.append("\t".join([seconds(start), *ends, seconds(duration), count(sent), count(received), labels[label]]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def picture(inputs: Connections, answer: Answer) -> Any:
    """Return the pairs to look at first: each one's connections through the day, the most suspicious on top."""
    import altair as alt
    import pandas as pd

    names = {name: place for place, name in enumerate(inputs.addresses)}
    opened = inputs.label < 0
    first = float(inputs.start[opened].min(initial=math.inf))
    rows = []
    for row in answer[:20]:
        ends = opened & (inputs.source == names[row["source"]]) & (inputs.target == names[row["target"]])
        name = f"{row['place']:02d}  {row['source']} → {row['target']}"
        rows += [
            {"pair": name, "hour": (one - first) / 3600, "score": row["score"]} for one in inputs.start[ends].tolist()
        ]
    title = Text("先查这些主机：一天中的每次外联", "Look at these first: each call through the day")
    return (
        alt.Chart(pd.DataFrame(rows, columns=["pair", "hour", "score"]), title=str(title), width=560)
        .mark_tick(thickness=1, opacity=0.7)
        .encode(
            alt.X("hour:Q", title=str(Text("自日志开始的小时数", "hours since the log's start"))),
            alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelLimit=300)),
            alt.Color(
                "score:Q", title=str(Text("得分", "score")), scale=alt.Scale(scheme="yelloworangered", domainMin=0)
            ),
            tooltip=["pair:N", alt.Tooltip("hour:Q", format=".2f"), alt.Tooltip("score:Q", format=".2f")],
        )
    )


SCENARIO = Scenario(
    id="cyberspace/beacon-detection",
    title=Text("失陷主机信标检测", "Finding machines that call home"),
    summary=Text(
        "从一天的连接日志中找出定时回连控制服务器的失陷主机，按可疑程度排序",
        "Rank a day's pairs of machine and server by how much they look like malware asking for orders",
    ),
    task=19,
    system=Text("网络威胁溯源", "tracing of network threats"),
    user=Text("网络安全运营人员", "analysts of a security operations centre"),
    decision=Text("先隔离、取证哪些主机", "which machines to isolate and examine first"),
    formats=(FORMAT,),
    metric=Text("待查主机对的精确率—召回率曲线下面积", "area under precision-recall of the open pairs"),
    unit="AP",
    better="higher",
    margin=0.02,
    baseline_title=Text("RITA 信标得分", "RITA's beacon score"),
    method_title=Text("周期、体量与存续特征的随机森林", "forest on periodicity, sizes and survival"),
    source="RITA 5, Active Countermeasures; Hu et al. 2016, BAYWATCH, DSN",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".log",),
    libraries=("sklearn", "scipy"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
