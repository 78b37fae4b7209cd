"""Three-component seismograms of local earthquakes by the stochastic method, with noise and faults of real stations.

The waves follow Boore (2003, Pure Appl. Geophys. 160, 635-676): Gaussian noise in a Saragoni-Hart window takes on the
spectrum of a Brune source after geometrical spreading, anelastic attenuation Q(f), site amplification and kappa. The
spectra are given minimum phase, so that nothing moves before the arrival and the label is the true onset. Around P and
S stand what makes picking hard: scattered coda (Aki & Chouet 1975), a weaker head wave, reflections (PmP), S-to-P
conversions ahead of S. The noise has a level between Peterson's (1993) low and high noise models, is not stationary,
and carries vehicles, footsteps, hum, spikes, steps, drift, dead components and gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DENSITY = 2700.0  # kg/m3
RADIATION = {"P": 0.52, "S": 0.63}  # mean over the focal sphere (Boore & Boatwright 1984)

# Peterson (1993), power of ground acceleration, dB relative to 1 (m/s2)2/Hz, at the frequencies that matter here.
_NOISE_HZ = np.array([0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 100.0])
_LOW_DB = np.array([-185.0, -180.0, -163.0, -141.0, -160.0, -167.0, -169.0, -168.0, -168.0, -165.0])
_HIGH_DB = np.array([-135.0, -120.0, -110.0, -98.0, -110.0, -117.0, -104.0, -96.0, -91.5, -91.0])


@dataclass(frozen=True)
class Seismogram:
    """``data`` (samples, 3) in counts, components E, N, Z, NaN where there are none; arrivals as sample numbers."""

    data: NDArray[np.float32]
    rate: float
    channels: tuple[str, ...]
    p: int | None
    s: int | None


def seismogram(rng: np.random.Generator, seconds: float, rate: float, event: bool) -> Seismogram:
    """Return one window, with an earthquake (``event``) whose P lies 3 s or more inside, or of noise alone."""
    n = round(seconds * rate)
    kind = str(rng.choice(["HH", "EH", "HN", "DP"], p=[0.3, 0.3, 0.2, 0.2]))
    noise = _noise(rng, n, rate, kind)
    p = s = None
    data = noise
    if event:
        for _ in range(40):
            distance = float(np.exp(rng.uniform(np.log(2.5), np.log(140.0))))  # km
            magnitude = float(rng.uniform(-0.2, 2.2) + 1.9 * np.log10(distance / 3.0))
            lag = distance / float(rng.uniform(7.2, 9.2))  # S-P, s
            first = float(rng.uniform(3.0, max(3.5, seconds - min(lag, 0.5 * seconds) - 3.0)))
            waves = _earthquake(rng, n, rate, magnitude, distance, first, lag, kind)
            # An analyst reads P where it stands out to the eye, in a band of their choice.
            k = round(first * rate)
            seen = _bandpower(waves[k : k + round(rate)], rate) / _bandpower(noise, rate)
            if seen.max() > 2.0:
                break
        p, s = k, round((first + lag) * rate)
        data = noise + waves
    transients = int(rng.poisson(0.7 if event else 1.2))
    level = np.sqrt(np.mean(np.diff(noise, axis=0) ** 2, axis=0)).mean() * 3.0
    for _ in range(transients):
        data = data + _disturbance(rng, n, rate) * level * np.exp(rng.normal(1.0, 0.8))
    data, channels = _recorder(rng, data, rate, kind, level)
    return Seismogram(data.astype(np.float32), rate, channels, p, s if s is not None and s < n - rate else None)


def _bandpower(x: Array, rate: float) -> Array:
    """Root-mean-square of (samples, 3) in bands of 1-3, 3-9 and 9-27 Hz by FFT, the mean over components."""
    power = np.abs(np.fft.rfft(x - x.mean(axis=0), axis=0)) ** 2 / len(x) ** 2
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    bands = [power[(frequency >= low) & (frequency < 3 * low)].sum() for low in (1.0, 3.0, 9.0)]
    return np.asarray(np.sqrt(np.array(bands)) + 1e-30)


def _spectrum(frequency: Array, magnitude: float, distance: float, phase: str, site: dict[str, float]) -> Array:
    """Fourier amplitude of ground velocity, m, of one phase (Boore 2003, eqs 4-20, in SI units).

    C M0 (2 pi f) / (1 + (f/fc)2) / R exp(-pi f R / (Q v)) exp(-pi kappa f), fc = 0.49 v (stress drop / M0)^(1/3).
    """
    speed = site["speed"] * (1.0 if phase == "S" else site["ratio"])  # m/s
    moment = 10 ** (1.5 * magnitude + 9.1)  # N m (Hanks & Kanamori 1979)
    corner = 0.49 * site["speed"] * (site["stress"] / moment) ** (1 / 3) * (1.0 if phase == "S" else 1.4)
    quality = site["q"] * np.maximum(frequency, 0.3) ** 0.6 * (1.0 if phase == "S" else 1.3)
    kappa = site["kappa"] * (1.0 if phase == "S" else 0.6)
    constant = RADIATION[phase] * 2.0 / np.sqrt(2) / (4 * np.pi * DENSITY * speed**3)
    source = constant * moment * 2 * np.pi * frequency / (1 + (frequency / corner) ** 2)
    path = np.exp(-np.pi * frequency * distance * 1e3 / (quality * speed)) / (distance * 1e3)
    return np.asarray(source * path * np.exp(-np.pi * kappa * frequency))


def _minimum_phase(amplitude: Array) -> NDArray[np.complex128]:
    """Give a one-sided amplitude spectrum its minimum phase by folding the cepstrum (Oppenheim & Schafer, ch. 13)."""
    floor = np.maximum(amplitude, amplitude.max() * 1e-7)
    cepstrum = np.fft.irfft(np.log(floor))
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2
    cepstrum[half + 1 :] = 0
    return np.asarray(np.exp(np.fft.rfft(cepstrum)))


def _earthquake(
    rng: np.random.Generator,
    n: int,
    rate: float,
    magnitude: float,
    distance: float,
    first: float,
    lag: float,
    kind: str,
) -> Array:
    """Ground velocity, m/s (acceleration for ``HN``), (n, 3) as E, N, Z."""
    size = 2 * n
    frequency: Array = np.fft.rfftfreq(size, 1 / rate).astype(float)
    site = {
        "speed": rng.uniform(2500.0, 3600.0),
        "ratio": rng.uniform(1.65, 1.9),
        "stress": 10 ** rng.uniform(5.5, 7.3),  # Pa
        "q": 10 ** rng.uniform(1.7, 2.5),
        "kappa": rng.uniform(0.005, 0.05),  # s
    }
    azimuth, incidence = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(3, 55))
    radial = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    ray = np.sin(incidence) * radial + np.cos(incidence) * up
    sv = -np.cos(incidence) * radial + np.sin(incidence) * up
    sh = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
    twist = rng.uniform(0, 2 * np.pi)
    shear = np.cos(twist) * sh + np.sin(twist) * sv
    # Horizontal motion resonates in soft layers, vertical motion less and higher up.
    gain = np.stack([_site_gain(rng, frequency, strength) for strength in (1.0, 1.0, 0.5)], axis=1)

    def wave(phase: str, when: float, direction: Array, scale: float, coda: float) -> Array:
        """One arrival: direct motion along ``direction`` turning into scattered motion on all components."""
        amplitude = _spectrum(frequency, magnitude, distance, phase, site) * scale
        if kind == "HN":
            amplitude = amplitude * 2 * np.pi * frequency
        filters = _minimum_phase(amplitude)
        moment = 10 ** (1.5 * magnitude + 9.1)
        corner = 0.49 * site["speed"] * (site["stress"] / moment) ** (1 / 3)
        duration = 1.0 / corner + 0.05 * distance * rng.uniform(0.3, 1.0) + 0.08
        time = np.arange(size) / rate - when
        direct = _saragoni_hart(time, duration, rng.uniform(0.03, 0.25))
        tail = coda * _coda(time, duration, rng.uniform(1.5, 8.0) * (0.6 + distance / 60))
        common, scattered = rng.standard_normal(size), rng.standard_normal((size, 3))
        common[: max(0, int(when * rate) + 1)] = 0
        white = direct[:, None] * (common[:, None] * direction + 0.25 * scattered) + tail[:, None] * scattered
        # Energy of the direct part sets the level: the window is normed to unit mean-square spectrum (Boore, step 4).
        white /= np.sqrt(np.sum(direct**2)) + 1e-12
        motion = np.fft.rfft(white, axis=0) * filters[:, None] * gain
        return np.asarray(np.fft.irfft(motion, size, axis=0)) * rate

    near = rng.uniform(0.15, 1.0)  # P is often close to a node: its share varies much between stations
    waves = wave("P", first, ray * rng.choice([-1, 1]), near, rng.uniform(0.1, 0.5))
    waves += wave("S", first + lag, shear, 1.0, rng.uniform(0.15, 0.6))
    if lag > 1.5 and rng.random() < 0.5:  # reflection or depth phase between P and S
        waves += wave("P", first + rng.uniform(0.2, 0.8) * lag, ray, near * rng.uniform(0.3, 1.5), 0.2)
    if lag > 0.8 and rng.random() < 0.5:  # S converted to P under the station comes ahead of S, on the vertical
        waves += wave("S", first + lag - rng.uniform(0.2, min(1.5, 0.4 * lag)), up, rng.uniform(0.05, 0.3), 0.1)
    if distance > 100 and rng.random() < 0.6:  # P is a head wave: weak first, strong some seconds later
        waves += wave("P", first + rng.uniform(1.0, 4.0), ray, near * rng.uniform(1.5, 3.0), 0.3)
    return waves[:n]


def _saragoni_hart(time: Array, duration: float, rise: float) -> Array:
    """Envelope a (t/T)^b exp(-c t/T), peak at ``rise`` of T, 5 % left at T (Boore 2003, eqs 21-25), T = 2 duration."""
    eta, total = 0.05, 2.0 * duration
    b = -rise * np.log(eta) / (1 + rise * (np.log(rise) - 1))
    u = np.maximum(time, 0) / total
    return np.asarray(np.where(time > 0, (np.e / rise * u) ** b * np.exp(-b / rise * u), 0.0))


def _coda(time: Array, duration: float, decay: float) -> Array:
    """Single scattering: t^-1 exp(-t/decay) after a build-up over the source's duration (Aki & Chouet 1975)."""
    late = np.maximum(time, 0)
    return np.asarray((1 - np.exp(-late / duration)) / (1 + late / (2 * duration)) ** 0.7 * np.exp(-late / decay))


def _site_gain(rng: np.random.Generator, frequency: Array, strength: float) -> Array:
    """Amplification with up to three resonances."""
    gain = np.ones_like(frequency)
    for _ in range(rng.integers(0, 4)):
        centre, width = np.exp(rng.uniform(np.log(0.8), np.log(20.0))), rng.uniform(0.1, 0.5)
        height = strength * rng.exponential(1.2)
        gain += height * np.exp(-((np.log(np.maximum(frequency, 1e-3) / centre) / width) ** 2))
    return gain


def _noise(rng: np.random.Generator, n: int, rate: float, kind: str) -> Array:
    """Ground noise, in the unit of the sensor ``kind``, (n, 3): Peterson's models, tilted, modulated, with hum."""
    size = 2 * n
    frequency = np.fft.rfftfreq(size, 1 / rate)
    share = rng.uniform(0.25, 0.95)
    level = (1 - share) * np.interp(frequency, _NOISE_HZ, _LOW_DB) + share * np.interp(frequency, _NOISE_HZ, _HIGH_DB)
    knots = np.linspace(np.log(0.1), np.log(100), 6)
    rough = np.interp(np.log(np.maximum(frequency, 0.01)), knots, rng.normal(0, 5, 6))
    level = level + rough + rng.normal(0, 4) * np.log10(np.maximum(frequency, 0.1))
    power = 10 ** (level / 10)
    if kind != "HN":
        power /= (2 * np.pi * np.maximum(frequency, 0.02)) ** 2
    if kind in ("EH", "DP"):  # short-period geophones lose what lies below their natural frequency
        natural = 1.0 if kind == "EH" else 4.5
        power *= (frequency**2 / (frequency**2 + natural**2)) ** 2
    own = 10 ** rng.uniform(-2.5, 0.3) * np.median(power)  # the digitiser's own white noise
    noise = np.empty((n, 3))
    for c in range(3):
        tilt = rng.normal(0.1 if c < 2 else 0.0, 0.12)
        white = np.fft.rfft(rng.standard_normal(size)) * np.sqrt((power * 10**tilt + own) * rate / 2)
        noise[:, c] = np.fft.irfft(white, size)[:n]
    time = np.arange(n) / rate
    modulation = np.interp(time, np.linspace(0, time[-1], 8), rng.normal(0, 0.15, 8))
    noise *= np.exp(modulation)[:, None]
    if rng.random() < 0.35:  # pumps, turbines, mains
        hum = np.sin(2 * np.pi * rng.uniform(1.5, 0.45 * rate) * time + rng.uniform(0, 6))
        noise += hum[:, None] * rng.uniform(0, 1.5, 3) * noise.std(axis=0)
    return noise


def _disturbance(rng: np.random.Generator, n: int, rate: float) -> Array:
    """A vehicle, a footstep or a burst of interference: (n, 3), about 1 at most."""
    time = np.arange(n) / rate - rng.uniform(1.0, n / rate - 1.0)
    centre = rng.uniform(2.0, 0.4 * rate)
    weights = rng.uniform(0.1, 1.0, 3)
    kind = rng.integers(3)
    if kind == 0:  # swells and fades
        envelope = np.exp(-0.5 * (time / rng.uniform(0.5, 4.0)) ** 2)
    elif kind == 1:  # strikes and rings down, once or in a row
        late = time % rng.uniform(0.4, 1.2) if rng.random() < 0.5 else time
        envelope = np.where((time > 0) & (time < 6.0), np.exp(-np.maximum(late, 0) / rng.uniform(0.03, 0.25)), 0.0)
    else:  # switches on and off
        envelope = ((time > 0) & (time < rng.uniform(0.3, 5.0))).astype(float)
    sway = np.cumsum(rng.normal(0, 0.4 * rng.uniform(0.05, 1.0), (n, 3)), axis=0)
    carrier = np.sin(2 * np.pi * centre * time[:, None] + sway)
    return np.asarray(envelope[:, None] * carrier * weights)


def _recorder(
    rng: np.random.Generator, data: Array, rate: float, kind: str, level: float
) -> tuple[Array, tuple[str, ...]]:
    """What sensor and digitiser make of the motion: counts, drift, offset, spikes, dead components, gaps."""
    n = len(data)
    noise = data[: max(10, n // 20)].std() + 1e-30
    data = data / noise * np.exp(rng.uniform(np.log(0.7), np.log(2000.0)))
    spread = data.std(axis=0).mean()
    time = np.linspace(0, 1, n)[:, None]
    data = data + rng.normal(0, 20, 3) * spread  # offset
    if rng.random() < 0.3:  # drift of a sensor that warms up or settles
        data = data + rng.normal(0, 3, 3) * spread * (
            time if rng.random() < 0.5 else np.exp(-time * rng.uniform(1, 20))
        )
    if rng.random() < 0.12:  # spikes
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(n), rng.integers(3)] += rng.normal(0, 20) * spread
    if rng.random() < 0.04:  # a step of the mass or of the power supply
        data[rng.integers(n) :, rng.integers(3)] += rng.normal(0, 10) * spread
    data = np.round(data)
    letters = "12" if rng.random() < 0.15 else "EN"
    channels = (kind + letters[0], kind + letters[1], kind + "Z")
    fault = rng.random()
    if fault < 0.05:  # one horizontal is dead
        data[:, rng.integers(2)] = rng.integers(-3, 4)
    elif fault < 0.08:  # a connector hangs loose: noise only
        c = rng.integers(2)
        data[:, c] = np.round(rng.normal(0, max(spread, 2.0), n))
    if rng.random() < 0.08:  # a gap in the transmission
        start = rng.integers(n)
        data[start : start + round(rng.uniform(0.1, 1.5) * rate)] = np.nan
    if rng.random() < 0.1:  # a recorder that was triggered: archives fill up with zeros
        edge = round(n * rng.uniform(0.02, 0.3))
        data[:edge] = np.where(rng.random() < 0.8, 0.0, data[:edge])
    if rng.random() < 0.15:  # one-component station
        return data[:, 2:], (kind + "Z",)
    return data, channels
