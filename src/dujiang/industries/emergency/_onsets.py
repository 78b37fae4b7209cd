"""Possible onsets in a three-component record, and what their surroundings look like: the classics of picking.

Energy ratios in several bands (Allen 1978; Baer & Kradolfer 1987), AIC for the sample (Maeda 1985), kurtosis
(Saragiotis et al. 2002), rectilinearity and dip of the particle motion (Jurkevics 1988), ratio of horizontal to
vertical energy. Every feature is a ratio or an angle, so that neither gain nor unit nor polarity of a station matters;
what a record cannot tell (no horizontals, band above Nyquist) is NaN.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Samples = NDArray[np.int64]

RATE = 100.0
"""Hz; records of other rates are resampled to it, so that a feature means the same everywhere."""
BANDS = ((1.0, 40.0), (1.0, 4.0), (3.0, 9.0), (8.0, 22.0), (18.0, 42.0))  # Hz, the first takes all
AFTER = (0.15, 0.4, 1.0, 2.5)  # s
BEFORE = (0.4, 1.5, 6.0)  # s
_TINY = 1e-20


def conditioned(data: NDArray[np.floating], rate: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return (samples, components) at `RATE`, offset and drift removed, and where each component has data."""
    import scipy.signal

    x = np.array(data, dtype=float)
    there = np.isfinite(x)
    index = np.arange(len(x))
    for c in range(x.shape[1]):
        there[:, c] &= ~_held(x[:, c], max(20, round(rate)))
        if not there[:, c].any():
            x[:, c] = 0.0
            continue
        x[:, c] = np.interp(index, index[there[:, c]], x[there[:, c], c])
        x[:, c] -= np.median(x[there[:, c], c])
    x /= np.sqrt(np.mean(x**2)) or 1.0  # counts, m/s or g: only ratios matter
    ratio = Fraction(RATE / rate).limit_denominator(500)
    if ratio != 1:
        # Edge values are held, or the filter would ring at the ends as at an onset.
        x = scipy.signal.resample_poly(x, ratio.numerator, ratio.denominator, axis=0, padtype="line")
        there = there[np.minimum((np.arange(len(x)) / float(ratio)).astype(int), len(there) - 1)]
    return x, there


def _held(x: Array, least: int) -> NDArray[np.bool_]:
    """Where a value repeats ``least`` times or more: archives fill gaps with zeros, and dead channels stand still."""
    starts = np.flatnonzero(np.r_[True, x[1:] != x[:-1]])
    lengths = np.diff(np.r_[starts, len(x)])
    return np.repeat(lengths >= least, lengths)


def banded(x: Array, rate: float) -> list[Array | None]:
    """Return the record in each of `BANDS` (causal filters: nothing moves before an onset), None above Nyquist."""
    from obspy.signal.filter import bandpass

    out: list[Array | None] = []
    top = 0.45 * min(rate, RATE)
    for low, high in BANDS:
        if low > 0.7 * top:
            out.append(None)
            continue
        ramp = x - x[:1]  # the filter starts from rest
        out.append(
            np.stack(
                [
                    bandpass(ramp[:, c], low, min(high, top), RATE, corners=2, zerophase=False)
                    for c in range(x.shape[1])
                ],
                axis=1,
            )
        )
    return out


class Record:
    """Running sums over a conditioned record, from which features of any instant follow at once.

    ``vertical`` is the column of Z, ``horizontal`` those of the other components (none, one or two).
    """

    def __init__(self, data: NDArray[np.floating], rate: float, vertical: int, horizontal: list[int]) -> None:
        x, self.there = conditioned(data, rate)
        self.length = len(x)
        self.bands = banded(x, rate)
        alive = [c for c in horizontal if self.there[:, c].mean() > 0.3]
        self.seen = self.there[:, vertical]
        for c in alive:
            self.seen = self.seen & (self.there[:, c] | ~self.there[:, alive].any(axis=1))
        self._count = _running(self.seen[None].astype(float))
        energies = []
        for band in self.bands:
            z = np.full(self.length, np.nan) if band is None else band[:, vertical] ** 2
            h = np.full(self.length, np.nan) if band is None or not alive else np.mean(band[:, alive] ** 2, axis=1)
            energies += [z, h]
        self.energy = np.stack(energies) * np.where(self.seen, 1.0, 0.0)  # (2 bands, samples): Z, H of each band
        self._sum = _running(self.energy)
        broad = self.bands[0] if self.bands[0] is not None else x
        fourth = np.stack([broad[:, vertical] ** 4, np.mean(broad[:, alive or [vertical]] ** 4, axis=1)])
        self._fourth = _running(fourth * self.seen)
        middle = self.bands[2] if self.bands[2] is not None else broad
        self._covariance: Array | None = None
        if len(alive) == 2:
            three = middle[:, [vertical, *alive]] * self.seen[:, None]
            products = [three[:, i] * three[:, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
            self._covariance = _running(np.stack(products))
        whole = self.mean(np.arange(0, self.length, 10), np.arange(10, self.length + 10, 10))
        whole[:, np.isnan(whole).all(axis=0)] = 0.0
        middle_level = np.array([np.median(row[row > 0]) if (row > 0).any() else 0.0 for row in whole])
        self.floor = np.maximum(1e-3 * middle_level, _TINY)

    def mean(self, start: Samples, stop: Samples) -> Array:
        """Mean energy (2 bands, instants) between samples where there is data, NaN where there is too little."""
        return self._mean(self._sum, start, stop)

    def _mean(self, running: Array, start: Samples, stop: Samples) -> Array:
        last = running.shape[1] - 1
        a, b = np.clip(start, 0, last), np.clip(stop, 0, last)
        count = self._count[0, b] - self._count[0, a]
        enough = count >= np.maximum(0.4 * (stop - start), 1)
        return np.where(enough, np.maximum(running[:, b] - running[:, a], 0.0) / np.maximum(count, 1), np.nan)

    def candidates(self) -> Samples:
        """Return samples at which energy rises in some band, refined by AIC, ascending."""
        from scipy.signal import find_peaks

        if self.length < 200:
            return np.zeros(0, dtype=np.int64)
        grid = np.arange(0, self.length, 3)
        found: list[Samples] = []
        for after, before in ((0.3, 0.6), (1.0, 2.0)):
            a, b = round(after * RATE), round(before * RATE)
            ratio = np.log(
                (self.mean(grid, grid + a) + self.floor[:, None]) / (self.mean(grid - b, grid) + self.floor[:, None])
            )
            ratio[:, (grid < 50) | (grid > self.length - 20)] = 0.0
            for part in (0, 1):  # vertical, horizontals
                rows = np.nan_to_num(ratio[part::2])
                peaks, _ = find_peaks(rows.max(axis=0), height=0.7, distance=8)
                found.append(self._refined(grid[peaks], rows, peaks, part))
                found.append(grid[peaks].astype(np.int64))
        every = np.unique(np.concatenate(found))
        every = every[(every >= 30) & (every < self.length - 20)]
        every = every[self.seen[every] & self.seen[every - 20]]
        # Of candidates closer than 0.05 s one is enough.
        keep = np.ones(len(every), dtype=bool)
        last = -10
        for i, sample in enumerate(every):
            if sample - last < 5:
                keep[i] = False
            else:
                last = sample
        return np.asarray(every[keep], dtype=np.int64)

    def _refined(self, around: Samples, rows: Array, peaks: Samples, part: int) -> Samples:
        """Move each candidate to the minimum of AIC within 0.6 s, in the band in which it stands out most."""
        if not len(around):
            return np.zeros(0, dtype=np.int64)
        best = rows[:, peaks].argmax(axis=0)
        offsets = np.arange(-80, 60)
        index = np.clip(around[:, None] + offsets, 0, self.length - 1)
        energy = self.energy[2 * best + part][np.arange(len(best))[:, None], index]
        k = np.arange(1, len(offsets))
        total = np.cumsum(energy, axis=1)
        left = total[:, :-1] / k + _TINY
        right = (total[:, -1:] - total[:, :-1]) / (len(offsets) - k) + _TINY
        aic = k * np.log(left) + (len(offsets) - k - 1) * np.log(right)  # Maeda (1985)
        return np.asarray(around + offsets[1 + aic[:, 8:-8].argmin(axis=1) + 8], dtype=np.int64)

    def features(self, at: Samples) -> Array:
        """Return the features (instants, features) of samples ``at``."""

        def cut(start: float, stop: float) -> Array:
            return self.mean(at + round(start * RATE), at + round(stop * RATE)) + self.floor[:, None]

        after = {w: np.log(cut(0, w)) for w in AFTER}
        before = {w: np.log(cut(-w, 0)) for w in BEFORE}
        out: list[Array] = []
        for w, v in ((0.15, 0.4), (0.4, 0.4), (0.4, 1.5), (1.0, 1.5), (1.0, 6.0), (2.5, 6.0)):
            out.extend(after[w] - before[v])
        # How the energy goes on: bursts die at once, earthquakes rise quickly and fade slowly.
        later, late = np.log(cut(2.5, 6.0)), np.log(cut(6.0, 12.0))
        out.extend((later - after[1.0])[:4])
        out.extend((late - after[1.0])[:2])
        out.extend((later - before[6.0])[:4])
        # Horizontal to vertical, after and before, and spectrum.
        for level in (after[0.4], after[1.0], before[1.5]):
            out.extend(level[1::2] - level[0::2])
        for level in (after[0.4], after[1.0], before[1.5]):
            z = level[0::2]
            out.extend(z[2:] - z[1])
            h = level[1::2]
            out.extend((h[2:] - h[1])[:2])
        for span in ((0.0, 0.5), (-0.5, 0.5), (-0.25, 0.25)):
            a, b = at + round(span[0] * RATE), at + round(span[1] * RATE)
            square = np.maximum(self._mean(self._sum[:2], a, b), self.floor[:2, None])
            fourth = self._mean(self._fourth, a, b)
            out.extend(np.log(np.maximum(fourth, _TINY) / square**2 + 1e-3))
        out.extend(self._polarisation(at))
        out.extend(self._context(at))
        return np.stack(out, axis=1)

    def _polarisation(self, at: Samples) -> list[Array]:
        """Rectilinearity 1 - (l2 + l3) / (2 l1) and dip of the largest axis (Jurkevics 1988), after and before."""
        if self._covariance is None:
            return [np.full(len(at), np.nan)] * 6
        out = []
        for start, stop in ((0.0, 0.3), (0.0, 1.0), (-1.5, 0.0)):
            moments = self._mean(self._covariance, at + round(start * RATE), at + round(stop * RATE))
            gone = np.isnan(moments).any(axis=0)
            xx, yy, zz, xy, xz, yz = np.where(gone, 0.0, moments)
            matrix = np.moveaxis(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]), 2, 0)
            values, vectors = np.linalg.eigh(matrix)
            largest = np.maximum(values[:, 2], _TINY)
            straight = 1 - (values[:, 0] + values[:, 1]) / (2 * largest)
            out += [np.where(gone, np.nan, straight), np.where(gone, np.nan, np.abs(vectors[:, 0, 2]))]
        return out

    def _context(self, at: Samples) -> list[Array]:
        """Each rise beside the greatest ones around it, and its energy beside the record's."""
        step = 10
        grid = np.arange(0, self.length, step)
        sums = _running((np.nan_to_num(self.energy[0]) + np.nan_to_num(self.energy[1]))[None])

        def level_rise(where: Samples) -> tuple[Array, Array]:
            level = np.log(self._mean(sums, where, where + 50)[0] + self.floor[0])
            return level, level - np.log(self._mean(sums, where - 100, where)[0] + self.floor[0])

        level, rise = level_rise(grid)
        here_level, here_rise = level_rise(at)
        cell = np.clip(at // step, 0, len(grid) - 1)
        out = []
        for start, stop in ((-200, -40), (-50, -3), (-15, -3), (3, 15), (3, 50), (40, 200)):
            out += [
                _sliding_max(rise, cell, start, stop) - here_rise,
                _sliding_max(level, cell, start, stop) - here_level,
            ]
        known = level[np.isfinite(level)]
        out += [here_level - (np.median(known) if len(known) else np.nan), here_rise]
        return out


def _running(x: Array) -> Array:
    """Running sum along the last axis, with a zero ahead."""
    return np.concatenate([np.zeros((len(x), 1)), np.cumsum(x, axis=1)], axis=1)


def _sliding_max(values: Array, cell: Samples, start: int, stop: int) -> Array:
    """Maximum of ``values`` from ``cell + start`` to ``cell + stop``, NaN where there is no such cell."""
    index = cell[:, None] + np.arange(start, stop)
    inside = (index >= 0) & (index < len(values))
    found = np.where(inside, np.nan_to_num(values, nan=-np.inf)[np.clip(index, 0, len(values) - 1)], -np.inf)
    best = found.max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)
