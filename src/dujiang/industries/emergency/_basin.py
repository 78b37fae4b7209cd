"""Seismograms of another kind than those that the picker learns from: ruptures in patches, heard in a town on a basin.

Where `_synthetics` shapes Gaussian noise, here every arrival is a pulse: a rupture is a few patches that break one after
another, often the smallest first, each radiating Brune's pulse with corners by Madariaga (1976, Bull. Seismol. Soc. Am.
66, 639-666); the crust sends single echoes of it from all sides; Q does not depend on frequency, and beyond 60 km waves
spread along the crust (r^-1/2). The basin resonates as one soft layer over rock does (Haskell 1960, J. Geophys. Res. 65,
4147-4150), and S wakes surface waves at its edge, the long periods first. The town adds trains with the harmonics of
their axles, and pile drivers that strike at a steady beat. Recorders clip, count coarsely, and lose packets, in whose
place stands nothing or the last value.
"""

from __future__ import annotations

import numpy as np

from dujiang.industries.emergency._synthetics import Array, Seismogram, _bandpower, _minimum_phase

_UP = np.array([0.0, 0.0, 1.0])


def seismogram(rng: np.random.Generator, seconds: float, rate: float, event: bool) -> Seismogram:
    """Return one window, with an earthquake (``event``) whose P lies 3 s or more inside, or of the town alone."""
    n = round(seconds * rate)
    noise = _town(rng, n, rate)
    data, p, s = noise, None, None
    if event:
        for _ in range(40):
            distance = float(rng.gamma(2.0, 20.0)) + 4.0  # km
            lag = distance / float(rng.uniform(7.0, 8.8))  # S-P, s
            first = float(rng.uniform(3.0, max(3.5, seconds - min(lag, 0.5 * seconds) - 3.0)))
            magnitude = float(rng.uniform(0.5, 3.5) + 1.8 * np.log10(distance / 20.0))
            waves = _rupture(rng, n, rate, magnitude, distance, first, lag)
            # As in the first kind: an analyst reads P where it stands out in some band.
            p = round(first * rate)
            if (_bandpower(waves[p : p + round(rate)], rate) / _bandpower(noise, rate)).max() > 2.0:
                break
        s = round((first + lag) * rate)
        data = noise + waves
    data, channels = _recorder(rng, data, rate)
    return Seismogram(data.astype(np.float32), rate, channels, p, s if s is not None and s < n - rate else None)


def _rupture(
    rng: np.random.Generator, n: int, rate: float, magnitude: float, distance: float, first: float, lag: float
) -> Array:
    """Ground velocity in m/s, (n, 3) as E, N, Z."""
    frequency: Array = np.fft.rfftfreq(2 * n, 1 / rate).astype(float)
    shear_speed = float(rng.uniform(2800.0, 3500.0))
    quality, stress = 10 ** rng.uniform(1.9, 2.7), 10 ** rng.uniform(5.8, 7.0)  # -, Pa
    weights = np.sort(rng.exponential(1.0, int(rng.integers(1, 6))))
    if rng.random() < 0.4:
        weights = weights[::-1]
    weights = weights / weights.sum()
    moment = 10 ** (1.5 * magnitude + 9.1)
    radius = (7 / 16 * moment / stress) ** (1 / 3)  # m of a circular crack (Eshelby 1957)
    delays = np.r_[0.0, np.cumsum(rng.exponential(1.2 * radius / shear_speed, len(weights) - 1))]
    azimuth, incidence = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(2, 35))
    radial = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
    transverse = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
    ray = np.sin(incidence) * radial + np.cos(incidence) * _UP
    twist = rng.uniform(0, 2 * np.pi)
    shear = np.cos(twist) * transverse + np.sin(twist) * (np.cos(incidence) * radial - np.sin(incidence) * _UP)
    spread = 1e3 * distance if distance < 60 else 1e3 * np.sqrt(60 * distance)
    layer = _layer(rng, frequency)

    def arrivals(when: float, direction: Array, speed: float, corner: float, share: float) -> Array:
        """One phase: the patches' pulses along ``direction``, and echoes from anywhere after each."""
        source = share * moment * 2 * np.pi * frequency / (1 + (frequency / corner) ** 2)
        amplitude = source * np.exp(-np.pi * frequency * 1e3 * distance / (speed * quality))
        amplitude = amplitude / (4 * np.pi * 2700.0 * speed**3 * spread)
        train = np.zeros((2 * n, 3))
        echoes, fade = rng.poisson(25 * lag**0.5), rng.uniform(0.4, 3.0) * (0.5 + distance / 50)
        for delay, weight in zip(delays, weights, strict=True):
            at = round((when + delay) * rate)
            if at < n:
                train[at] += weight * direction
            for late in rng.exponential(fade, echoes):
                place = round((when + delay + late) * rate)
                if place < n:
                    away = rng.normal(size=3)
                    train[place] += weight * rng.normal(0, 0.3) * np.exp(-late / fade / 2) * away / np.linalg.norm(away)
        motion = np.fft.rfft(train, axis=0)
        for c, response in enumerate((layer[0], layer[0], layer[1])):
            motion[:, c] *= _minimum_phase(amplitude * response)
        return np.asarray(np.fft.irfft(motion, 2 * n, axis=0))[:n] * rate

    corner = 0.21 * shear_speed / radius * len(weights) ** (1 / 3)
    wave = arrivals(first, ray * rng.choice([-1, 1]), 1.73 * shear_speed, 1.5 * corner, rng.uniform(0.2, 1.0))
    wave += arrivals(first + lag, shear, shear_speed, corner, 1.0)
    if rng.random() < 0.6:
        wave += _surface(rng, n, rate, first + lag, lag, radial) * np.abs(wave).max() * rng.uniform(0.1, 0.5)
    return wave


def _layer(rng: np.random.Generator, frequency: Array) -> tuple[Array, Array]:
    """Amplification of a damped soft layer over rock, for horizontal motion and, four times as high up, vertical."""
    contrast, damping = rng.uniform(1.2, 5.0), rng.uniform(0.02, 0.08)
    lowest = np.exp(rng.uniform(np.log(0.5), np.log(6.0)))

    def gain(resonance: float, impedance: float) -> Array:
        phase = np.pi / 2 * frequency / resonance * (1 - 1j * damping)
        return np.asarray(np.abs(1 / (np.cos(phase) + 1j * np.sin(phase) / impedance))) + 1e-6

    return gain(lowest, contrast), gain(4 * lowest, 1 + 0.3 * (contrast - 1))


def _surface(rng: np.random.Generator, n: int, rate: float, after: float, lag: float, radial: Array) -> Array:
    """Rayleigh waves of the basin's edge, long periods first, moving in an ellipse; about 1 at most."""
    time = np.arange(n) / rate - after - rng.uniform(0.2, 1.0) * lag
    low, slope = rng.uniform(0.4, 1.2), rng.uniform(0.05, 0.3)
    phase = 2 * np.pi * (low * time + slope * time**2 / 2)
    length = rng.uniform(3.0, 9.0)
    envelope = np.where(time > 0, time / length * np.exp(1 - time / length), 0.0)
    moved = np.outer(np.cos(phase), radial) + 1.3 * np.outer(np.sin(phase), _UP)
    return np.asarray(envelope[:, None] * moved) / 1.3


def _town(rng: np.random.Generator, n: int, rate: float) -> Array:
    """Ground velocity of a town in m/s, (n, 3): a power law, trains and pile drivers."""
    frequency = np.maximum(np.fft.rfftfreq(2 * n, 1 / rate), 0.05)
    shape = frequency ** -rng.uniform(0.3, 1.6) * np.where(frequency < 0.4, 3.0, 1.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2 * n, 3)), axis=0) * shape[:, None], axis=0)[:n]
    noise *= 10 ** rng.uniform(-8.0, -5.8) / noise.std(axis=0) * rng.uniform(0.7, 1.4, 3)
    time, level = np.arange(n) / rate, noise.std()
    if rng.random() < 0.3:  # a train: it comes and goes over some ten seconds
        axle = rng.uniform(1.5, 4.0)
        near = np.exp(-0.5 * ((time - rng.uniform(0, time[-1])) / rng.uniform(3.0, 10.0)) ** 2)
        for harmonic in range(1, int(rng.integers(3, 9))):
            carrier = np.sin(2 * np.pi * harmonic * axle * time[:, None] + rng.uniform(0, 6.28, 3))
            noise += level * rng.uniform(0.2, 1.5) * near[:, None] * carrier * rng.uniform(0.3, 1.0, 3)
    if rng.random() < 0.25:  # a pile driver
        beat, ring, pitch = rng.uniform(0.7, 2.5), rng.uniform(0.04, 0.2), rng.uniform(5.0, 0.35 * rate)
        since = (time + rng.uniform(0, beat)) % beat
        struck = np.exp(-since / ring) * np.sin(2 * np.pi * pitch * since)
        noise += level * np.exp(rng.normal(0.8, 0.6)) * struck[:, None] * rng.uniform(0.2, 1.0, 3)
    return np.asarray(noise)


def _recorder(rng: np.random.Generator, data: Array, rate: float) -> tuple[Array, tuple[str, ...]]:
    """Counts: coarse for some, clipped for some, with packets lost for some."""
    n = len(data)
    data = data / data[: max(10, n // 20)].std() * np.exp(rng.uniform(np.log(0.6), np.log(500.0)))
    if rng.random() < 0.25:
        most = np.abs(data).max() * rng.uniform(0.15, 0.7)
        data = data.clip(-most, most)
    data = np.round(data + rng.normal(0, 30, 3))
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 6))):
            start = int(rng.integers(1, n))
            stop = start + round(rng.uniform(0.05, 0.8) * rate)
            data[start:stop] = np.nan if rng.random() < 0.5 else data[start - 1]
    band = str(rng.choice(["HH", "EH", "BH"]))
    if rng.random() < 0.2:
        return data[:, 2:], (band + "Z",)
    return data, (band + "E", band + "N", band + "Z")
