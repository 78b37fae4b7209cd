"""What a network's analyst sets up without learning: STA/LTA, AIC, and a search for S on the horizontals.

The trigger's band, windows, kind and threshold, the length of a trigger, the refinement of P (AIC, or the
autoregressive picker of Akazawa 2004, obspy's ``ar_pick``), the ratio that the signal must keep over the noise, and
how S is looked for are tuned on the examples, a group of settings at a time, twice over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dujiang.industries.emergency._onsets import RATE, Array, conditioned
from dujiang.industries.emergency._waveforms import SIMULATED, Example, Window

BANDS = ((1.0, 20.0), (3.0, 12.0), (5.0, 25.0))  # Hz
WINDOWS = ((0.2, 2.0), (0.3, 5.0), (0.5, 10.0), (1.0, 15.0))  # s of STA and LTA
ONE_EVENT = 60.0  # s: settings that expect one event hold for windows up to this length


@dataclass(frozen=True)
class Settings:
    """Of the trigger; see `SEARCH` for what is tried."""

    band: tuple[float, float] = BANDS[0]
    windows: tuple[float, float] = WINDOWS[1]
    kind: str = "recursive"
    on: float = 5.0
    take: str = "strongest"  # of a window's triggers: "strongest", "first" or "all"
    lasting: float = 0.0  # s that a trigger must last
    ratio: float = 0.0  # of amplitudes, 2 s after to 4 s before, that an arrival must keep
    refine: str = "aic"  # or "ar"
    shear: str = "largest"  # S by AIC before the largest horizontal motion, by STA/LTA ("ratio"), or by "ar"
    reach: float = 10.0  # s after P in which S is looked for


SEARCH: tuple[tuple[str, dict[str, tuple[object, ...]]], ...] = (
    (
        "P",
        {
            "band": BANDS,
            "windows": WINDOWS,
            "kind": ("recursive", "classic"),
            "on": (2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0),
            "take": ("strongest", "first", "all"),
        },
    ),
    ("P", {"lasting": (0.0, 0.3, 0.6, 1.0, 1.5, 2.5), "refine": ("aic", "ar")}),
    ("P", {"ratio": (0.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0), "on": (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)}),
    ("S", {"shear": ("largest", "ratio", "ar"), "reach": (3.0, 6.0, 10.0, 20.0)}),
)


class Prepared:
    """A window filtered and with its trigger curves, kept for all settings."""

    def __init__(self, window: Window) -> None:
        x, there = conditioned(window.data, window.rate)
        up = window.vertical
        sides = [c for c in window.horizontals if there[:, c].mean() > 0.3] or [up]
        self.samples = len(x)
        self.raw, self.there = x, there[:, up]
        self.up, self.sides = up, sides
        self._rate = window.rate
        self._bands: dict[tuple[float, float], Array] = {}
        # Nothing triggers on the edge of a gap: it takes two seconds until the averages are filled again.
        calm = np.convolve(~self.there, np.ones(round(2 * RATE)))[: self.samples] > 0
        calm[: round(2 * RATE)] = True
        self._calm = calm
        self._curves: dict[tuple[object, ...], Array] = {}
        self._onsets: dict[tuple[object, ...], list[tuple[int, int, float]]] = {}
        self._refined: dict[tuple[object, ...], tuple[int, float, float]] = {}
        self._ar: tuple[float, float] | None = None

    def filtered(self, band: tuple[float, float]) -> Array:
        """The vertical and the horizontals in a band (samples, components)."""
        from obspy.signal.filter import bandpass

        if band not in self._bands:
            low, top = band[0], min(band[1], 0.45 * self._rate)
            parts = [
                bandpass(self.raw[:, c] - self.raw[0, c], low, top, RATE, corners=4) for c in (self.up, *self.sides)
            ]
            self._bands[band] = np.stack(parts, axis=1)
        return self._bands[band]

    def curve(self, settings: Settings) -> Array:
        """STA/LTA of the vertical."""
        from obspy.signal.trigger import classic_sta_lta, recursive_sta_lta

        key = (settings.band, settings.windows, settings.kind)
        if key not in self._curves:
            trigger = recursive_sta_lta if settings.kind == "recursive" else classic_sta_lta
            sta, lta = (round(w * RATE) for w in settings.windows)
            z = np.ascontiguousarray(self.filtered(settings.band)[:, 0])
            curve = np.zeros(self.samples) if self.samples <= lta else np.asarray(trigger(z, sta, lta))
            self._curves[key] = np.where(self._calm, 0.0, curve)
        return self._curves[key]

    def onsets(self, settings: Settings) -> list[tuple[int, int, float]]:
        """Samples at which the trigger goes on and off, and the curve's largest value between."""
        from obspy.signal.trigger import trigger_onset

        key = (settings.band, settings.windows, settings.kind, settings.on)
        if key not in self._onsets:
            curve = self.curve(settings)
            found = trigger_onset(curve, settings.on, max(1.0, settings.on / 2))
            self._onsets[key] = [(int(a), int(b), float(curve[a : b + 1].max())) for a, b in found]
        return self._onsets[key]

    def refined(self, settings: Settings, start: int) -> tuple[int, float, float]:
        """Sample of P by AIC about a trigger's ``start``, and the standard deviations of 4 s before and 2 s after."""
        key = (settings.band, start)
        if key not in self._refined:
            z = self.filtered(settings.band)[:, 0]
            low = max(0, start - 100)
            at = low + aic(z[low : start + 50])
            self._refined[key] = (at, float(np.std(z[max(0, at - 400) : at])), float(np.std(z[at : at + 200])))
        return self._refined[key]

    def autoregressive(self) -> tuple[float, float]:
        """P and S by ``ar_pick`` with the settings of obspy's manual but for its upper corner, in s; 0 if none."""
        from obspy.signal.trigger import ar_pick

        if self._ar is None:
            first, second = (self.sides * 2)[:2]
            try:
                p, s = ar_pick(
                    self.raw[:, self.up], self.raw[:, first], self.raw[:, second],
                    RATE, 1.0, 20.0, 1.0, 0.1, 4.0, 1.0, 2, 8, 0.1, 0.2,
                )  # fmt: skip
                self._ar = (float(p), float(s))
            except (ValueError, RuntimeError, ArithmeticError):
                self._ar = (0.0, 0.0)
        return self._ar


def aic(x: Array) -> int:
    """Sample that best divides noise from signal by Akaike's criterion (Maeda 1985)."""
    n = len(x)
    if n < 20:
        return 0
    k = np.arange(1, n)
    total, square = np.cumsum(x), np.cumsum(x * x)
    left = np.maximum(square[:-1] / k - (total[:-1] / k) ** 2, 1e-12)
    right = np.maximum((square[-1] - square[:-1]) / (n - k) - ((total[-1] - total[:-1]) / (n - k)) ** 2, 1e-12)
    return int(np.argmin((k * np.log(left) + (n - k - 1) * np.log(right))[5:-5])) + 6


def pick(one: Prepared, settings: Settings) -> list[tuple[str, float, float]]:
    """Return (phase, time in s, score) by time; the score is 1 - 1/ratio of the trigger."""
    events: list[tuple[float, float]] = []
    for start, stop, strength in one.onsets(settings):
        if (stop - start) / RATE < settings.lasting:
            continue
        at, before, after = one.refined(settings, start)
        if settings.ratio and after < settings.ratio * before:
            continue
        time = at / RATE
        if settings.refine == "ar" and abs(one.autoregressive()[0] - time) < 1.5:
            time = one.autoregressive()[0]
        events.append((time, strength))
    if one.samples <= ONE_EVENT * RATE and settings.take != "all" and events:
        events = [max(events, key=lambda event: event[1])] if settings.take == "strongest" else events[:1]
    out: list[tuple[str, float, float]] = []
    last = -9.0
    for time, strength in events:
        if time - last < 2.0:
            continue
        out.append(("P", time, 1 - 1 / strength))
        last = time
        if (shear := _shear(one, settings, time)) is not None:
            out.append(("S", shear, 1 - 1 / strength))
            last = shear
    return out


def _shear(one: Prepared, settings: Settings, p: float) -> float | None:
    if settings.shear == "none":
        return None
    sides = np.sqrt(np.mean(one.filtered(settings.band)[:, 1:] ** 2, axis=1))
    i = round(p * RATE) + 15
    j = min(one.samples, i + round(settings.reach * RATE))
    if j - i < 60:
        return None
    if settings.shear == "ar":
        first, second = one.autoregressive()
        return second if abs(first - p) < 0.5 and second > p else None
    if settings.shear == "largest":
        largest = min(j, i + max(int(np.argmax(sides[i:j])), 30) + 10)
        return float(i + aic(sides[i:largest])) / RATE
    energy = np.cumsum(np.r_[0.0, sides**2])
    k = np.arange(i, j - 30)
    back = np.maximum(k - 100, i - 15)
    rise = (energy[k + 30] - energy[k]) / 30 / ((energy[k] - energy[back]) / np.maximum(k - back, 1) + 1e-12)
    low = max(i, int(k[np.argmax(rise)]) - 50)
    return float(low + aic(sides[low : low + 100])) / RATE


def tuned(examples: Sequence[Example]) -> Settings:
    """Return the settings with the highest F1 on the examples, on the real ones where there are any."""
    real = [one for one in examples if not one.window.station.startswith(SIMULATED + ".")]
    chosen = real or list(examples)
    held = [(Prepared(one.window), _seconds(one, one.p), _seconds(one, one.s)) for one in chosen]
    best = Settings()
    for _ in range(2):
        for phase, grid in SEARCH:
            scores: dict[Settings, float] = {best: _f1(held, best, phase)}
            for settings in _combinations(best, grid):
                if settings not in scores:
                    scores[settings] = _f1(held, settings, phase)
            best = max(scores, key=lambda one: scores[one])
    return best


def _seconds(example: Example, sample: int | None) -> float | None:
    return None if sample is None else sample / example.window.rate


def _combinations(base: Settings, grid: dict[str, tuple[object, ...]]) -> list[Settings]:
    every = [base]
    for name, values in grid.items():
        every = [replace(one, **{name: value}) for one in every for value in values]  # type: ignore[arg-type]
    return every


def _f1(held: Sequence[tuple[Prepared, float | None, float | None]], settings: Settings, phase: str) -> float:
    hits = total = 0
    tolerance = 0.5 if phase == "P" else 1.0
    if phase == "P":
        settings = replace(settings, shear="none")
    for one, p, s in held:
        truth = p if phase == "P" else s
        times = [time for name, time, _ in pick(one, settings) if name == phase]
        total += len(times) + (truth is not None)
        hits += truth is not None and any(abs(time - truth) <= tolerance for time in times)
    return 2 * hits / max(total, 1)
