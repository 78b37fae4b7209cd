"""Hourly supply and price of a site's power, simulated where no measurements are given, and forecasts of it.

*Solar*: pvlib. Clear sky by Haurwitz; the clear-sky index is a first-order autoregression in the normal scale, mapped to
a Beta distribution with the site's mean; Erbs splits diffuse from direct; a fixed array facing south; PVWatts DC and AC.
*Wind*: windpowerlib's model chain with the power curve of a turbine of its library. Speeds are Weibull (k = 2), by the
same autoregression in the normal scale.
*Hydro*: run of river. The logarithm of discharge is a lag-one autoregression about a seasonal mean (the form of Thomas &
Fiering 1962, here hourly with a memory of ten days); power is proportional to discharge up to the design discharge.
*Tariff*: Sichuan's time of use for large industry as announced for 2022 on by the province's Development and Reform
Commission (关于进一步完善我省分时电价机制的通知): peak 10-12 and 15-21 at 1.6 times the flat price, valley 23-7 at 0.4
times, else flat; the summer and winter critical peaks on top of that are left out. The flat price is an assumption
(`FLAT_PRICE`), as are the prices of contracts: a site's own belong in its files.

*Forecasts*: error at lead k is a first-order autoregression that starts from nothing, e_k = phi e_(k-1) + eps, so its
spread grows with the lead as sigma sqrt(1 - phi^(2k)) (autoregressive errors of wind forecasts: Söder 2004). One
innovation belongs to one hour, whenever it is forecast: a forecast is revised by what happened since, not drawn anew
(the martingale model of forecast evolution, Heath & Jackson 1994).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dujiang.compute.power import SOURCES, WINDOW, Array, Job, Market, Problem, Site
from dujiang.messages import Refused, Text

START = "2026-05-11"
"""Monday of the default week, between dry and wet season."""
FLAT_PRICE = 0.62
"""CNY/kWh with transmission, 10 kV, of the default sites: an assumption near recent agency prices, not a tariff."""
PEAK, VALLEY = 1.6, 0.4

SIGMA = {"hydro": 0.06, "wind": 0.15, "solar": 0.18}
"""Spread of a forecast's error at long leads, of installed power (solar: of what the hour has had at its best)."""
PHI = {"hydro": 0.98, "wind": 0.95, "solar": 0.90}
"""What of an error is left an hour on."""

_ZONE = "Asia/Shanghai"
_MONTHLY_DISCHARGE = (0.35, 0.32, 0.36, 0.5, 0.8, 1.25, 1.7, 1.55, 1.4, 0.95, 0.6, 0.42)
"""Discharge of a western Sichuan river by month, of the design discharge: a stylised year, low in winter, high in July."""

_GREEN = {"hydro_price": 0.20, "wind_price": 0.22, "solar_price": 0.15}
SITES = (
    Site(name="成都 Chengdu", it_kw=6000, pue=1.28, contract_kw=8000, base_kw=800, solar_kw=2500, latitude=30.66, longitude=104.06, **_GREEN),
    Site(name="雅安 Ya'an", it_kw=4000, pue=1.20, contract_kw=5000, base_kw=400, hydro_kw=3200, latitude=29.98, longitude=103.00, **_GREEN),
    Site(name="凉山 Liangshan", it_kw=3500, pue=1.22, contract_kw=4500, base_kw=300, hydro_kw=800, wind_kw=3500, solar_kw=3000, latitude=27.90, longitude=102.26, **_GREEN),
    Site(name="阿坝 Aba", it_kw=2500, pue=1.15, contract_kw=3000, base_kw=200, hydro_kw=1200, solar_kw=2500, latitude=31.90, longitude=102.22, **_GREEN),
)  # fmt: skip
"""Centres of the embedded default: places and climate are Sichuan's, sizes and contracts made up."""

_SUN = {"成都 Chengdu": 0.45, "雅安 Ya'an": 0.40, "凉山 Liangshan": 0.72, "阿坝 Aba": 0.68}
"""Mean clear-sky index of the default sites: the basin is overcast, the plateau is not."""
_WIND = {"凉山 Liangshan": 5.6}
"""Scale of the Weibull distribution at 10 m, m/s."""


def tariff(sites: Sequence[Site], hours: int, start: str = START, flat: float = FLAT_PRICE) -> Array:
    """Return the time-of-use price (sites, hours), CNY/kWh; ``start`` is a local day, hour 0 its midnight."""
    import pandas as pd

    clock = pd.date_range(start, periods=hours, freq="h").hour.to_numpy()
    factor = np.where(((clock >= 10) & (clock < 12)) | ((clock >= 15) & (clock < 21)), PEAK, 1.0)
    factor = np.where((clock >= 23) | (clock < 7), VALLEY, factor)
    return np.tile(flat * factor, (len(sites), 1))


def simulated(sites: Sequence[Site], hours: int, seed: int, start: str = START) -> Array:
    """Return available power (3 sources, sites, hours), kW, of a weather drawn by ``seed``.

    Raises `Refused` where the extra ``power`` is not installed. Sites need their latitude and longitude if they have
    sun or wind.
    """
    try:
        import pvlib  # noqa: F401
        import windpowerlib  # noqa: F401
    except ImportError as error:
        raise Refused(
            Text(
                "模拟天气需要 pvlib 和 windpowerlib：pip install 'dujiang[power]'；也可用 --weather 给出自己的数据",
                "simulated weather needs pvlib and windpowerlib: pip install 'dujiang[power]'; or give yours by --weather",
            )
        ) from error
    draw = np.random.default_rng([seed, 4])
    green = np.zeros((len(SOURCES), len(sites), hours))
    for at, site in enumerate(sites):
        # The draws are made whether or not they are used, so that a site's contract doesn't change another's weather.
        water, wind, sky = (_normal(draw, hours, phi) for phi in (np.exp(-1 / 240), 0.93, 0.88))
        if site.hydro_kw:
            green[0, at] = site.hydro_kw * _hydro(water, start)
        if site.wind_kw:
            green[1, at] = site.wind_kw * _wind(wind, _WIND.get(site.name, 5.0), start)
        if site.solar_kw:
            green[2, at] = site.solar_kw * _solar(site, sky, _SUN.get(site.name, 0.55), start)
    return green


def _normal(draw: np.random.Generator, hours: int, phi: float) -> Array:
    """Return a stationary first-order autoregression with unit variance."""
    from scipy.signal import lfilter

    noise = draw.standard_normal(hours)
    noise[1:] *= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise))


def _clock(start: str, hours: int) -> Any:
    import pandas as pd

    return pd.date_range(start, periods=hours, freq="h", tz=_ZONE)


def _hydro(state: Array, start: str) -> Array:
    months = _clock(start, len(state)).month.to_numpy()
    mean, spread = np.array(_MONTHLY_DISCHARGE)[months - 1], 0.3
    return np.minimum(mean * np.exp(spread * state - spread**2 / 2), 1.0)


def _wind(state: Array, scale: float, start: str) -> Array:
    import pandas as pd
    from scipy.stats import norm, weibull_min
    from windpowerlib import ModelChain, WindTurbine

    turbine = WindTurbine(turbine_type="V112/3000", hub_height=94)
    speed = weibull_min.ppf(norm.cdf(state), 2.0, scale=scale)
    weather = pd.DataFrame(
        {("wind_speed", 10): speed, ("roughness_length", 0): 0.1}, index=_clock(start, len(state))
    )  # fmt: skip
    weather.columns.names = ["variable_name", "height"]
    chain = ModelChain(turbine, wind_speed_model="logarithmic", density_correction=False).run_model(weather)
    return np.asarray(chain.power_output.to_numpy() / turbine.nominal_power, dtype=float).clip(0.0, 1.0)


def _solar(site: Site, state: Array, mean: float, start: str) -> Array:
    import pandas as pd
    import pvlib
    from scipy.stats import beta, norm

    # The sun of an hour is that of its middle.
    times = _clock(start, len(state)) + pd.Timedelta(minutes=30)
    place = pvlib.location.Location(site.latitude, site.longitude, tz=_ZONE)
    sun = place.get_solarposition(times)
    index = beta.ppf(norm.cdf(state), 4 * mean, 4 * (1 - mean))
    ghi = place.get_clearsky(times, model="haurwitz")["ghi"] * index
    parts = pvlib.irradiance.erbs(ghi, sun["zenith"], times)
    plane = pvlib.irradiance.get_total_irradiance(
        25, 180, sun["apparent_zenith"], sun["azimuth"], parts["dni"], ghi, parts["dhi"]
    )["poa_global"].fillna(0.0)
    cell = pvlib.temperature.faiman(plane, temp_air=15.0, wind_speed=2.0)
    direct = pvlib.pvsystem.pvwatts_dc(plane, cell, 1.0, -0.004)
    return np.asarray(pvlib.inverter.pvwatts(direct, 1.0).fillna(0.0).to_numpy(), dtype=float).clip(0.0, 1.0)


def forecasts(market: Market, seed: int | None = None, window: int = WINDOW) -> Callable[[int], Array]:
    """Return the forecast of each hour: ``forecast(now)`` is supply (3, sites, hours) as it is seen at ``now``.

    The hour itself is measured. Without ``seed`` the ``window`` hours are forecast as they will be. What comes after
    the window is the mean day of the window: nothing of it is looked up in what will be.
    """
    actual = market.green
    installed = np.array(
        [[[getattr(site, f"{source}_kw")] for site in market.sites] for source in SOURCES], dtype=float
    )
    most = np.maximum(np.broadcast_to(installed, actual.shape), actual)
    clock = np.arange(market.hours) % 24
    for hour in range(min(24, market.hours)):
        most[2][:, clock == hour] = actual[2][:, clock == hour].max(axis=1, keepdims=True)
    sigma, phi = (np.array([values[source] for source in SOURCES])[:, None] for values in (SIGMA, PHI))
    noise = np.zeros(actual.shape)
    if seed is not None:
        noise = np.random.default_rng([seed, 5]).standard_normal(actual.shape)
        noise *= (sigma * np.sqrt(1 - phi**2))[:, :, None]

    def forecast(now: int) -> Array:
        seen = actual.copy()
        end = min(now + window, market.hours)
        error = np.zeros(actual.shape[:2])
        for hour in range(now + 1, end):
            error = phi * error + noise[:, :, hour]
            seen[:, :, hour] = (actual[:, :, hour] - error * most[:, :, hour]).clip(0.0, most[:, :, hour])
        hours = np.arange(now, end)
        for hour in range(end, min(end + 24, market.hours)):
            alike = hours[clock[hours] == clock[hour]]
            mean = seen[:, :, alike if len(alike) else hours].mean(axis=2, keepdims=True)
            seen[:, :, hour::24] = mean
        return seen

    return forecast


def sample_jobs(sites: Sequence[Site], hours: int, count: int, seed: int) -> tuple[Job, ...]:
    """Return flexible jobs of a week: training that may pause, training that may not, batch inference and rendering.

    Arrivals follow the working day; each must be done some hours to two days after it could be. The mix is made up.
    """
    draw = np.random.default_rng([seed, 6])
    names = [site.name for site in sites]
    share = np.array([site.it_kw for site in sites]) / sum(site.it_kw for site in sites)
    clock = np.arange(hours) % 24
    rate = np.where((clock >= 8) & (clock < 20), 2.0, 0.7)
    releases = np.sort(draw.choice(hours, count, p=rate / rate.sum()))
    jobs = []
    for number, release in enumerate(releases, start=1):
        length = int(draw.choice([1, 2, 3, 4, 6, 8, 12], p=[0.12, 0.18, 0.2, 0.18, 0.14, 0.1, 0.08]))
        home = str(draw.choice(names, p=share))
        bound = draw.random() < 0.3
        kw = float(np.round(np.clip(draw.lognormal(np.log(420), 0.6), 40, 1600)))
        jobs.append(
            Job(
                name=f"J{number:03d}",
                release=int(release),
                deadline=int(release) + length + int(draw.choice([0, 4, 8, 16, 24, 40], p=[0.1, 0.15, 0.2, 0.2, 0.2, 0.15])),
                kw=kw,
                hours=length,
                sites=(home,) if bound else tuple(names),
                home=home,
                splittable=bool(draw.random() < 0.5),
                # Data to be moved grow with the work; 0.02 CNY a kWh of it at the median.
                move_cost=float(np.round(0.02 * kw * length * draw.lognormal(0.0, 0.8), 2)),
            )
        )  # fmt: skip
    return tuple(jobs)


def sample_problem(seed: int, hours: int = 168, count: int = 300) -> Problem:
    """Return the embedded default: Sichuan sites, ``hours`` of releases, and two days more for the last deadlines."""
    whole = hours + 56
    market = Market(SITES, simulated(SITES, whole, seed), tariff(SITES, whole))
    return Problem(market, sample_jobs(SITES, hours, count, seed))
