"""A learnt ranking of possible onsets into noise, P and S, in two steps.

The first judges every candidate by its own surroundings, and by how far it lies from what triggers of usual settings
would pick: rules that nobody has fitted hold where learnt ones meet waves of another kind. The second sees besides
what the first thought of the others: an S needs a P some time ahead of it, the second of two P's within a second is
rarely one. So that the second learns from opinions as uncertain as those it will meet, it is trained on opinions about
stations that the first was not trained on (stacking, Wolpert 1992). A window's P and S are picked as a pair; thresholds
are set where F1 on such stations is highest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.industries.emergency import _trigger
from dujiang.industries.emergency._onsets import RATE, Array, Record
from dujiang.industries.emergency._waveforms import SIMULATED, Example, Window

P, S = 1, 2
Pick = tuple[int, float, float]
"""Phase, time in s, probability."""
TOLERANCE = {P: 0.5, S: 1.0}  # s
APART = {P: 0.6, S: 1.0}  # s between picks of one phase
FOLDS = 3
THIN = 0.35
"""Share of the candidates far from any arrival that is learnt from; they outnumber the arrivals fifty to one."""
SIMULATED_WEIGHT = 0.3
TRIGGERS = (
    _trigger.Settings(_trigger.BANDS[0], (0.5, 10.0), on=3.0, shear="largest", reach=20.0),
    _trigger.Settings(_trigger.BANDS[1], (0.3, 5.0), on=4.0, shear="ratio", reach=20.0),
    _trigger.Settings(_trigger.BANDS[0], (0.3, 5.0), on=4.0, take="first", shear="largest", reach=20.0),
)
"""Usual settings, not tuned on anything: a broad, a middle band; the strongest event, the first."""
NEAR = 4.0  # s from a trigger's pick, beyond which it does not matter how far a candidate is
FURTHER = 0.9
"""Probability from which a window's further arrivals of a phase are picked beside the pair."""
LAG = 0.3  # s from P to S, at least

_TREES = {
    "objective": "multiclass",
    "num_class": 3,
    "learning_rate": 0.07,
    "num_leaves": 7,
    "min_child_samples": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 2.0,
    "max_bin": 63,
    # One thread: the same sums in the same order, and no waiting for a core that somebody else holds.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbose": -1,
}
_ROUNDS = (120, 60)


@dataclass
class Scene:
    """The candidates of one window: ``time`` in s from its start, ``features`` (candidates, features)."""

    time: Array
    features: NDArray[np.float32]
    station: str
    p: float | None = None
    s: float | None = None

    def labels(self) -> tuple[NDArray[np.int64], Array]:
        """Class and weight of each candidate; one that is near an arrival but not at it hardly counts."""
        far = np.full(len(self.time), 99.0)
        to_p = far if self.p is None else np.abs(self.time - self.p)
        to_s = far if self.s is None else np.abs(self.time - self.s)
        label = np.where((to_p < 0.15) & (to_p <= to_s), P, np.where((to_s < 0.25) & (to_s < to_p), S, 0))
        weight = np.where((label == 0) & ((to_p < 0.5) | (to_s < 0.8)), 0.1, 1.0)
        return label, weight


def scene(window: Window, p: int | None = None, s: int | None = None) -> Scene:
    """Find a window's candidates and their features."""
    record = Record(window.data, window.rate, window.vertical, window.horizontals)
    at = record.candidates()
    features = np.hstack([record.features(at), _triggered(window, at / RATE)]).astype(np.float32)
    times = [None if pick is None else pick / window.rate for pick in (p, s)]
    return Scene(at / RATE, features, window.station, *times)


def _triggered(window: Window, time: Array) -> Array:
    """Seconds from each trigger's first P and S, NaN where it has none, and its score of P (candidates, 3 a trigger)."""
    prepared = _trigger.Prepared(window)
    out = []
    for settings in TRIGGERS:
        first = {phase: (at, score) for phase, at, score in reversed(_trigger.pick(prepared, settings))}
        p, score = first.get("P", (np.nan, np.nan))
        s, _ = first.get("S", (np.nan, np.nan))
        out += [np.clip(time - p, -NEAR, NEAR), np.clip(time - s, -NEAR, NEAR), np.full(len(time), score)]
    return np.stack(out, axis=1)


class Ranker:
    """Trained on labelled examples; the same examples give the same ranker."""

    def __init__(self, examples: Sequence[Example]) -> None:
        scenes = [scene(example.window, example.p, example.s) for example in examples]
        scenes = [one for one in scenes if len(one.time)]
        simulated = np.array([one.station.startswith(SIMULATED + ".") for one in scenes], dtype=bool)
        mixed = simulated.any() and not simulated.all()
        # A station's windows stay together: what is asked of a picker is to do well on stations it has not seen.
        places = sorted({_place(one.station) for one in scenes})
        fold = np.array([places.index(_place(one.station)) % FOLDS for one in scenes], dtype=int)
        rng = np.random.default_rng(0)
        labels, weights, kept = [], [], []
        for one, dull in zip(scenes, simulated, strict=True):
            label, weight = one.labels()
            dropped = (label == 0) & (weight == 1.0) & (rng.random(len(label)) > THIN)
            weight = np.where((label == 0) & (weight == 1.0), 1 / THIN, weight)
            labels.append(label)
            weights.append(weight * (SIMULATED_WEIGHT if mixed and dull else 1.0))
            kept.append(~dropped)
        self._boosters: list[Any] = []
        self.thresholds = {P: 0.4, S: 0.4}
        inputs = [one.features for one in scenes]
        opinions: list[Array] = []
        for step, rounds in enumerate(_ROUNDS):

            def train(rows: NDArray[np.int64], inputs: list[NDArray[np.float32]] = inputs, rounds: int = rounds) -> Any:
                return _boost(
                    np.concatenate([inputs[i][kept[i]] for i in rows]),
                    np.concatenate([labels[i][kept[i]] for i in rows]),
                    np.concatenate([weights[i][kept[i]] for i in rows]),
                    rounds,
                )

            opinions = [np.zeros((len(one.time), 3)) for one in scenes]
            for k in range(FOLDS):
                others, own = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
                if len(others) and len(own):
                    booster = train(others)
                    for i in own:
                        opinions[i] = _predict(booster, inputs[i])
            self._boosters.append(train(np.arange(len(scenes))))
            if step == 0:
                inputs = [
                    np.hstack([one.features, context(one.time, o)]) for one, o in zip(scenes, opinions, strict=True)
                ]
        judged = np.flatnonzero(~simulated) if mixed else np.arange(len(scenes))
        chosen = [(scenes[i], select(scenes[i].time, opinions[i])) for i in judged]
        for phase in (P, S):
            self.thresholds[phase] = _best_threshold(phase, chosen)

    def probabilities(self, one: Scene) -> Array:
        """Return (candidates, 3): of noise, P, S."""
        if not len(one.time):
            return np.zeros((0, 3))
        first = _predict(self._boosters[0], one.features)
        return _predict(self._boosters[1], np.hstack([one.features, context(one.time, first)]))

    def picks(self, one: Scene) -> list[Pick]:
        """Return (phase, time in s, probability) of the arrivals, by time."""
        chosen = select(one.time, self.probabilities(one))
        found = [pick for phase in (P, S) for pick in reaching(self.thresholds[phase], chosen[phase])]
        return sorted(found, key=lambda pick: pick[1])


def _place(station: str) -> str:
    return ".".join(station.split(".")[:2])


def _boost(x: NDArray[np.float32], label: NDArray[np.int64], weight: Array, rounds: int) -> Any:
    import lightgbm

    data = lightgbm.Dataset(x, label, weight=weight, params={"verbose": -1, "max_bin": 63})
    return lightgbm.train(_TREES, data, rounds)


def _predict(booster: Any, x: NDArray[np.float32]) -> Array:
    return np.asarray(booster.predict(x, num_threads=1), dtype=float)


def context(time: Array, opinion: Array) -> NDArray[np.float32]:
    """What the first step thinks of the neighbours: its highest P and S in spans around, and how far away they are."""
    apart = time[None, :] - time[:, None]
    out = [opinion[:, P], opinion[:, S]]
    rows = np.arange(len(time))
    for phase in (P, S):
        for start, stop in ((-30, -3), (-3, -0.25), (-30, -0.2), (-0.25, 0.26), (0.2, 30), (0.25, 3), (3, 30)):
            held = np.where((apart >= start) & (apart < stop), opinion[None, :, phase], 0.0)
            best = held.argmax(axis=1)
            highest = held[rows, best]
            out += [highest, np.where(highest > 0.02, apart[rows, best], np.nan)]
    return np.stack(out, axis=1).astype(np.float32)


def pair(time: Array, probability: Array) -> dict[int, int]:
    """Return the candidates of P and S that are together the most probable, S after P; a phase may have none."""
    least = 1e-3  # the chance of an arrival that no candidate stands for: a window may hold P alone
    chance = {phase: np.log(np.append(probability[:, phase], 0.0) + least) for phase in (P, S)}
    when = np.append(time, np.nan)
    both = chance[P][:, None] + chance[S]
    both[when[None, :] - when[:, None] < LAG] = -np.inf  # not so where either is none
    first, second = np.unravel_index(int(both.argmax()), both.shape)
    return {phase: int(at) for phase, at in ((P, first), (S, second)) if at < len(time)}


def select(time: Array, probability: Array) -> dict[int, list[Pick]]:
    """Return for each phase the pair's candidate, however probable, and others that are almost sure, none near another."""
    found: dict[int, list[Pick]] = {P: [], S: []}
    if not len(time):
        return found
    together = pair(time, probability)
    for phase, picks in found.items():
        left = probability[:, phase].copy()
        best, least = together.get(phase, int(left.argmax())), 0.0
        while left[best] >= least:
            picks.append((phase, float(time[best]), float(left[best])))
            left[np.abs(time - time[best]) < APART[phase]] = -1.0
            best, least = int(left.argmax()), FURTHER
    return found


def reaching(threshold: float, picks: list[Pick]) -> list[Pick]:
    """Return a phase's picks if the first, the pair's, is as probable as the threshold; the others hang on it."""
    return picks if picks and picks[0][2] >= threshold else []


def _best_threshold(phase: int, held_out: Sequence[tuple[Scene, dict[int, list[Pick]]]]) -> float:
    """Threshold of the highest F1, smoothed over its neighbours, for the maximum of a jagged curve is luck.

    It stays below a half: that of calibrated probabilities is half the F1 (Lipton et al. 2014, theorem 1). Simulated
    waves alone would allow more, and stations that differ from them would then be given too few picks.
    """
    grid = np.arange(0.1, 0.41, 0.05)
    f1 = []
    for threshold in grid:
        hits = total = 0
        for one, chosen in held_out:
            truth = one.p if phase == P else one.s
            picks = reaching(float(threshold), chosen[phase])
            total += len(picks) + (truth is not None)
            hits += truth is not None and any(abs(pick[1] - truth) <= TOLERANCE[phase] for pick in picks)
        f1.append(2 * hits / max(total, 1))
    smooth = np.convolve(np.pad(f1, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    return float(grid[int(np.argmax(smooth))])
