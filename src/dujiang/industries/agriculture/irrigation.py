"""Irrigation scheduling (灌溉决策): decide by a rule, before the season, when a field is watered and by how much.

Water, and the labour of each turn, cost money; a dry spell at flowering costs grain. A turn (灌水) puts up to some
40 mm on the field, and the season's quota is limited. The measure is the net income of the seasons that follow:

    income = price * dry yield - water price * depth - labour * turns - all other costs       (CNY a hectare)

*Data.* AquaCrop-OSPy (Kelly & Foster 2021, Agricultural Water Management 254, 106976) with three of the climates that
ship in it: Champion, Nebraska, and Córdoba, Argentina, under maize, Tunis under wheat. None is from Sichuan; a user's
own weather is read in the same format. The rule is made on the twelve years before, and is judged on the four after.
What the simulator knows and neither rule does: the weather of the judged years; the field's true soil (field capacity
and wilting point off the map's texture by 8 %), true efficiency of application (0.70 to 0.95; 0.85 is assumed) and
true cultivar (water productivity, harvest index and crop coefficient off by 5 %); the water in the soil at planting; the
probe's offset (6 % of available water, one for the field) and noise (3 %, each day).

*Baseline.* A calendar as extension services give it out: turns on fixed days, from the mean year's deficit of water by
FAO-56's single crop coefficients (Allen et al. 1998, tables 11 and 12), which is CROPWAT's way; a turn is left out after
rain. Its depth, its factor, the deficit allowed and the rain that stands for a turn are tuned on AquaCrop.

*Method.* Soil-moisture triggers: a turn as soon as the probe shows more than a stage's share of the available water
used up, with a share for each of early growth, flowering and ripening, and the depth. They are found by the same search on
AquaCrop over the same years with the same number of simulated seasons.

*Published.* Foster, Brozović & Butler (2014, Water Resources Research 50(8)) and Kelly & Foster (2021) optimise
AquaCrop's moisture targets by stage in this way. On 16 pairs of maize fields in Nebraska, depletion thresholds by probes
took a third less water than the farmers' own judgement at nearly the same yield (Irmak et al. 2012, Transactions of the
ASABE 55(3), 881-894); here the measure is income, as the calendar may well use less water and lose grain.
"""

from __future__ import annotations

import copy
import io
import math
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

# climate, crop, planting (month, day), price of grain in CNY a tonne
SITES = (
    ("champion", "Maize", (5, 1), 2300.0),
    ("cordoba", "Maize", (10, 15), 2300.0),
    ("tunis", "Wheat", (12, 1), 2500.0),
)
SOILS = ("LoamySand", "SandyLoam", "Loam", "SiltLoam")
YEARS = {"small": (4, 1, 2, 4), "default": (12, 4, 4, 12)}
"""Years before, years judged; of the years before those simulated, and how many rules are tried on them."""
EFFICIENCY, AT_PLANTING = 0.85, 80.0  # assumed: share of water that reaches the soil; % of available water
CAPACITY = 40.0  # mm a turn
STAGES = ("early", "flowering", "ripening")
OTHER_COSTS = 9000.0  # CNY a hectare: seed, fertiliser, machines, land
# FAO-56: length of initial, development, middle and late stage as shares of the season, and the coefficients.
CURVES = {"Maize": ((0.17, 0.28, 0.33, 0.22), (0.3, 1.2, 0.6)), "Wheat": ((0.14, 0.21, 0.40, 0.25), (0.4, 1.15, 0.4))}


@dataclass(frozen=True, slots=True)
class Field:
    """A field and the weather of the years before.

    ``weather`` (days, 4) holds least and most temperature in °C, rain and reference evapotranspiration in mm; ``first``
    is its first day, ISO 8601. ``price`` is in CNY a tonne of dry grain, ``water`` in CNY a cubic metre, ``turn`` in
    CNY a hectare and turn, ``quota`` in mm a season, net of nothing: what is measured at the field's inlet.
    """

    crop: str
    soil: str
    planting: str
    price: float
    water: float
    turn: float
    quota: float
    first: str
    weather: Array
    effort: tuple[int, int]


Rule = Callable[[int, int, float, float], float]
"""Depth in mm of a morning: of the day after planting, stage (1-4), rain of three days in mm, share used up."""


# --- a season -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Season:
    """How a season of the true field differs from what is assumed.

    ``soil`` and ``cultivar`` are factors: of field capacity and wilting point; of water productivity, harvest index and
    crop coefficient. ``probe`` (days,) is added to the share of available water used up that the probe shows.
    """

    year: int
    soil: tuple[float, float] = (1.0, 1.0)
    cultivar: tuple[float, float, float] = (1.0, 1.0, 1.0)
    efficiency: float = EFFICIENCY
    at_planting: float = AT_PLANTING
    probe: Array | None = None


def _started(field: Field, season: Season) -> Any:
    """Return AquaCrop at the eve of planting."""
    import pandas as pd
    from aquacrop import AquaCropModel, Crop, InitialWaterContent, IrrigationManagement, Soil

    _plain_rounding()
    frame = pd.DataFrame(field.weather, columns=["MinTemp", "MaxTemp", "Precipitation", "ReferenceET"])
    frame["ReferenceET"] = frame["ReferenceET"].clip(lower=0.1)  # as AquaCrop's own reader does
    frame["Date"] = pd.date_range(field.first, periods=len(frame))
    known = Soil(field.soil)
    soil = Soil("custom", cn=known.cn, rew=known.rew)
    layer = known.profile.iloc[0]
    holding = (layer.th_wp * season.soil[1], min(layer.th_fc * season.soil[0], layer.th_s - 0.02))
    soil.add_layer(known.zSoil, *holding, layer.th_s, layer.Ksat, 100)
    crop = Crop(field.crop, planting_date=field.planting.replace("-", "/"))
    for name, factor in zip(("WP", "HI0", "Kcb"), season.cultivar, strict=True):
        setattr(crop, name, getattr(crop, name) * factor)
    planting = date.fromisoformat(f"{season.year}-{field.planting}")
    model = AquaCropModel(
        planting.strftime("%Y/%m/%d"),
        (planting + timedelta(days=int(crop.MaturityCD) + 20)).strftime("%Y/%m/%d"),
        frame,
        soil,
        crop,
        InitialWaterContent(wc_type="Pct", value=[season.at_planting]),
        IrrigationManagement(5, AppEff=100 * season.efficiency, MaxIrr=CAPACITY),
    )
    model._initialize()
    return model


@cache
def _plain_rounding() -> None:
    """Let AquaCrop round Python's numbers where it rounds NumPy's: the same results in half the time."""
    from importlib import import_module

    module: Any = import_module("aquacrop.solution.root_zone_water")
    module.round = lambda number, digits: round(float(number), digits)


def _income(field: Field, model: Any, rule: Rule, season: Season) -> tuple[float, list[dict[str, float]]]:
    """Return a season's net income, CNY/ha, and its days; ``model`` is used up.

    Each morning the rule sees the day after planting, the crop's stage, the rain of the three days before in mm and the
    share of available water that the probe shows as used up.
    """
    state, days, used, turns = model._init_cond, [], 0.0, 0
    rain = model._weather[:, 2]
    while not model._clock_struct.model_is_finished:
        step = model._clock_struct.time_step_counter
        shown = float(state.depletion / state.taw) if state.taw > 0 else 0.0
        shown += 0.0 if season.probe is None else float(season.probe[state.dap])
        wanted = rule(int(state.dap) + 1, int(state.growth_stage), float(rain[max(0, step - 3) : step].sum()), shown)
        depth = min(wanted, CAPACITY, field.quota - used)
        depth = depth if depth >= 5.0 else 0.0  # less does not wet the field
        model._param_struct.IrrMngt.depth = depth
        used, turns = used + depth, turns + (depth > 0)
        model.run_model(initialize_model=False)
        state = model._init_cond
        days.append({"shown": shown, "depth": depth, "rain": float(rain[step])})
    grain = float(model.get_simulation_results()["Dry yield (tonne/ha)"].iloc[0])
    # 1 mm is 10 m3 a hectare.
    return field.price * grain - 10 * field.water * used - field.turn * turns - OTHER_COSTS, days


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return a field; the truth holds the field with all weather, and the true seasons."""
    from aquacrop.utils import get_filepath

    before, after, simulated, tried = YEARS[size]
    draw = np.random.default_rng([seed, 4])
    climate, crop, (month, day), price = SITES[int(draw.integers(len(SITES)))]
    table = np.loadtxt(get_filepath(f"{climate}_climate.txt"), skiprows=1)
    weather = table[:, 3:7]
    origin, last = date(*(int(x) for x in table[0, 2::-1])), date(*(int(x) for x in table[-1, 2::-1]))
    start = int(draw.integers(origin.year, last.year - before - after))
    planting = f"{month:02d}-{day:02d}"
    known = (date(start + before, month, day) - origin).days  # the rule is made on the eve of planting
    field = Field(
        crop=crop,
        soil=str(draw.choice(SOILS)),
        planting=planting,
        price=price,
        water=round(draw.uniform(0.3, 1.2), 2),
        turn=round(draw.uniform(90.0, 300.0)),
        quota=round(draw.uniform(120.0, 350.0)),
        first=date(start, month, day).isoformat(),
        weather=weather[(date(start, month, day) - origin).days : known].copy(),
        effort=(simulated, tried),
    )
    capacity, wilting = (float(x) for x in draw.normal(1.0, 0.08, 2))
    productivity, harvest, coefficient = (float(x) for x in draw.normal(1.0, 0.05, 3))
    efficiency, offset = float(draw.uniform(0.70, 0.95)), draw.normal(0.0, 0.06)
    seasons = [
        Season(
            year=start + before + place,
            soil=(capacity, wilting),
            cultivar=(productivity, harvest, coefficient),
            efficiency=efficiency,
            at_planting=float(draw.uniform(50.0, 100.0)),
            probe=offset + draw.normal(0.0, 0.03, 300),
        )
        for place in range(after)
    ]
    return [Case(field, {"field": replace(field, first=origin.isoformat(), weather=weather), "seasons": seasons})]


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the mean net income, CNY a hectare, of the seasons after; raises ValueError for a rule that is none."""
    field: Field = truth["field"]
    rule = _rule(answer)
    return float(np.mean([_income(field, _started(field, season), rule, season)[0] for season in truth["seasons"]]))


def _rule(answer: Answer) -> Rule:
    """Return the rule that an answer's rows state: turns on days, or a trigger a stage."""
    if not all(0 <= row["depth_mm"] <= CAPACITY for row in answer):
        raise ValueError(f"a turn is 0 to {CAPACITY} mm")
    if all("day" in row for row in answer):
        turns = {row["day"]: (row["depth_mm"], row["unless_rain_mm"]) for row in answer}

        def calendar(day: int, stage: int, rain: float, shown: float) -> float:
            depth, unless = turns.get(day, (0.0, 0.0))
            return float(depth) if rain < unless else 0.0

        return calendar
    triggers = {row["stage"]: (row["used_up_pct"] / 100, row["depth_mm"]) for row in answer}
    if triggers.keys() != set(STAGES):
        raise ValueError(f"a trigger is needed for each of {', '.join(STAGES)}")

    def probe(day: int, stage: int, rain: float, shown: float) -> float:
        trigger, depth = triggers[STAGES[max(0, stage - 2)]]
        return float(depth) if shown > trigger else 0.0

    return probe


# --- making the rule ----------------------------------------------------------------------------------------------


def _best(field: Field, starts: Sequence[Sequence[float]], made: Callable[[Array], Answer]) -> Answer:
    """Return the rule with the highest mean income over typical years.

    ``made`` turns numbers of 0 to 1 into a rule's rows; ``starts`` are tried first, then Nelder & Mead's (1965) simplex
    goes on from the best, until `Field.effort` is spent. The years are those that stand for equal parts of all by
    rain less evapotranspiration.
    """
    from scipy.optimize import minimize

    simulated, tried = field.effort
    seasons = [Season(year) for year in _typical(field, simulated)]
    begun = [_started(field, season) for season in seasons]

    def loss(numbers: Array) -> float:
        rule = _rule(made(np.clip(numbers, 0.0, 1.0)))
        incomes = [
            _income(field, copy.deepcopy(model), rule, season)[0] for model, season in zip(begun, seasons, strict=True)
        ]
        outside = float(np.abs(numbers - np.clip(numbers, 0.0, 1.0)).sum())
        return -float(np.mean(incomes)) + 1000 * outside

    losses = [loss(np.array(start)) for start in starts[:tried]]
    best = np.array(starts[int(np.argmin(losses))])
    left = tried - len(losses)
    if left > len(best) + 1:
        steps = np.where(best > 0.5, -0.2, 0.2)
        simplex = np.vstack([best, best + np.diag(steps)])
        found = minimize(loss, best, method="Nelder-Mead", options={"maxfev": left, "initial_simplex": simplex})
        best = found.x if found.fun < min(losses) else best
    return made(np.clip(best, 0.0, 1.0))


def _seasons(field: Field) -> list[int]:
    """Return the years of planting whose seasons the weather holds in whole."""
    first = date.fromisoformat(field.first)
    last = first + timedelta(days=len(field.weather) - 1)
    days = _days(field.crop) + 21
    return [
        year
        for year in range(first.year, last.year + 1)
        if first <= date.fromisoformat(f"{year}-{field.planting}") <= last - timedelta(days=days)
    ]


def _days(crop: str) -> int:
    from aquacrop import Crop

    return int(Crop(crop, planting_date="01/01").MaturityCD)


def _weather(field: Field, year: int) -> Array:
    """Return the weather (days, 4) of a season."""
    start = (date.fromisoformat(f"{year}-{field.planting}") - date.fromisoformat(field.first)).days
    return field.weather[start : start + _days(field.crop)]


def _typical(field: Field, count: int) -> list[int]:
    years = _seasons(field)
    surplus = [float((own[:, 2] - own[:, 3]).sum()) for own in (_weather(field, year) for year in years)]
    order = np.argsort(surplus, kind="stable")
    return sorted({years[order[int(len(years) * (part + 0.5) / count)]] for part in range(count)})


def baseline(inputs: Field) -> Answer:
    """Return the calendar by the mean year's deficit, tuned."""
    own = np.stack([_weather(inputs, year) for year in _seasons(inputs)]).mean(axis=0)
    need = _coefficients(inputs.crop) * own[:, 3] - 0.8 * own[:, 2]  # CROPWAT's fixed share of effective rain
    need = np.convolve(np.pad(need, 7, mode="edge"), np.ones(15) / 15, mode="valid")

    def made(numbers: Array) -> Answer:
        factor, depth = 0.4 + numbers[0], round(10 + 30 * float(numbers[1]))
        deficit, unless = -80.0 * numbers[2], round(3 + 57 * float(numbers[3]))
        rows = []
        for day, mm in enumerate(need, start=1):
            deficit = deficit + factor * mm
            if deficit >= depth * EFFICIENCY:
                deficit -= depth * EFFICIENCY
                rows.append({"day": day, "depth_mm": depth, "unless_rain_mm": unless})
        return rows

    # Factor, depth, the deficit allowed at first, the rain that stands for a turn.
    starts = [
        (0.6, 1.0, 0.5, 0.3),
        (0.4, 1.0, 0.8, 0.3),
        (0.2, 1.0, 0.8, 0.3),
        (0.4, 0.5, 0.5, 0.3),
        (0.8, 1.0, 0.3, 0.5),
        (0.3, 1.0, 1.0, 0.8),
    ]
    return _best(inputs, starts, made)


def _coefficients(crop: str) -> Array:
    """Return FAO-56's single crop coefficient of each day."""
    (initial, development, middle, _), (first, most, last) = CURVES[crop]
    ends = np.cumsum([initial, development, middle])
    return np.interp(np.linspace(0.0, 1.0, _days(crop)), [*ends, 1.0], [first, most, most, last])


def method(inputs: Field) -> Answer:
    """Return the trigger of each stage, as a share of the available water used up, and the depth of a turn."""

    def made(numbers: Array) -> Answer:
        depth = round(10 + 30 * float(numbers[3]))
        return [
            {"stage": stage, "used_up_pct": round(20 + 80 * float(share)), "depth_mm": depth}
            for stage, share in zip(STAGES, numbers, strict=False)
        ]

    # Shares in early growth, flowering and ripening, and the depth; FAO-56 allows 0.55 for both crops.
    starts = [
        (0.45, 0.45, 0.45, 1.0),
        (0.6, 0.45, 0.75, 1.0),
        (0.75, 0.6, 0.9, 1.0),
        (0.45, 0.3, 0.6, 0.5),
        (0.9, 0.45, 1.0, 1.0),
        (0.6, 0.75, 0.9, 1.0),
    ]
    return _best(inputs, starts, made)


# --- files --------------------------------------------------------------------------------------------------------

_WEATHER, _SETTINGS = "weather.txt", "field.toml"
_LARGEST = 16 << 20  # bytes of a file in a user's archive
_COLUMNS = ("Day", "Month", "Year", "Tmin(C)", "Tmax(C)", "Prcp(mm)", "Et0(mm)")
_LIMITS = {"Tmin(C)": (-60.0, 60.0), "Tmax(C)": (-60.0, 60.0), "Prcp(mm)": (0.0, 1000.0), "Et0(mm)": (0.0, 30.0)}
_NUMBERS = {"price": (100.0, 100_000.0), "water": (0.0, 100.0), "turn": (0.0, 10_000.0), "quota": (0.0, 3000.0)}
_YEARS_NEEDED = 3


def read(path: Path) -> Field:
    """Read a zip with ``weather.txt`` and ``field.toml``; raises `BadInput`.

    The weather is in AquaCrop's form: a heading, then lines of day, month, year, °C, °C, mm, mm. The settings are crop,
    soil, planting (month-day), price, water, turn and quota, as in `Field`. The weather has every day, without gaps, and three whole seasons or more.
    """
    path = Path(path)
    archive = Text(f"含 {_WEATHER} 和 {_SETTINGS} 的 zip 文件", f"a zip file with {_WEATHER} and {_SETTINGS}")
    try:
        with zipfile.ZipFile(path) as opened:
            members = {name: opened.getinfo(name) for name in (_WEATHER, _SETTINGS)}
            if max(member.file_size for member in members.values()) > _LARGEST:
                raise BadInput(path, expected=Text("不超过 16 MiB 的文件", "files of at most 16 MiB"))
            texts = {name: opened.read(name).decode("utf-8-sig") for name in members}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(path, expected=archive, found=str(error) or type(error).__name__) from error
    settings = _settings(path / _SETTINGS, texts[_SETTINGS])
    first, weather = _days_of(path / _WEATHER, texts[_WEATHER])
    field = Field(**settings, first=first, weather=weather, effort=YEARS["default"][2:])
    if len(_seasons(field)) < _YEARS_NEEDED:
        expected = Text(
            f"至少 {_YEARS_NEEDED} 个完整生长季的逐日气象", f"daily weather of {_YEARS_NEEDED} whole seasons"
        )
        raise BadInput(path / _WEATHER, field="Year", expected=expected, found=str(len(_seasons(field))))
    return field


def _settings(path: Path, text: str) -> dict[str, Any]:
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, expected=Text("TOML 文件", "a TOML file"), found=str(error)) from error
    for key, choices in (("crop", tuple(CURVES)), ("soil", SOILS)):
        if given.get(key) not in choices:
            names = ", ".join(choices)
            raise BadInput(
                path, field=key, expected=Text(f"其中之一：{names}", f"one of {names}"), found=_shown(given, key)
            )
    planting = str(given.get("planting", ""))
    try:
        date.fromisoformat(f"2001-{planting}")
    except ValueError as error:
        expected = Text("播种的月-日，如 05-01", "month and day of planting, such as 05-01")
        raise BadInput(path, field="planting", expected=expected, found=_shown(given, "planting")) from error
    numbers = {}
    for key, (least, most) in _NUMBERS.items():
        value = given.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            expected = Text(f"{least:g} 至 {most:g} 的数", f"a number from {least:g} to {most:g}")
            raise BadInput(path, field=key, expected=expected, found=_shown(given, key))
        numbers[key] = float(value)
    return {"crop": given["crop"], "soil": given["soil"], "planting": planting, **numbers}


def _shown(given: dict[str, Any], key: str) -> str:
    return repr(given[key])[:60] if key in given else "-"


def _days_of(path: Path, text: str) -> tuple[str, Array]:
    """Return the first day, ISO 8601, and the weather (days, 4)."""
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    heading = Text(f"表头：{' '.join(_COLUMNS)}", f"the heading {' '.join(_COLUMNS)}")
    if not lines or len(lines[0][1]) != len(_COLUMNS) or lines[0][1][:3] != list(_COLUMNS[:3]):
        raise BadInput(path, row=1, expected=heading, found=" ".join(lines[0][1])[:60] if lines else "-")
    days, rows = [], []
    for number, cells in lines[1:]:
        if len(cells) != len(_COLUMNS):
            expected = Text(f"{len(_COLUMNS)} 列", f"{len(_COLUMNS)} columns")
            raise BadInput(path, row=number, expected=expected, found=str(len(cells)))
        days.append(_day(path, number, cells))
        if len(days) > 1 and days[-1] - days[-2] != timedelta(days=1):
            expected = Text(f"{days[-2]} 的次日", f"the day after {days[-2]}")
            raise BadInput(path, row=number, field="Day", expected=expected, found=str(days[-1]))
        rows.append([_number(path, number, name, cell) for name, cell in zip(_COLUMNS[3:], cells[3:], strict=True)])
        if rows[-1][0] > rows[-1][1]:
            expected = Text(f"不低于最低温 {cells[3]}", f"no less than the least temperature, {cells[3]}")
            raise BadInput(path, row=number, field=_COLUMNS[4], expected=expected, found=cells[4])
    if not days:
        raise BadInput(path, row=2, expected=Text("逐日气象", "daily weather"), found="-")
    return days[0].isoformat(), np.array(rows, dtype=float)


def _day(path: Path, number: int, cells: Sequence[str]) -> date:
    try:
        return date(int(cells[2]), int(cells[1]), int(cells[0]))
    except ValueError as error:
        expected = Text("日 月 年，如 1 5 1998", "day, month and year, such as 1 5 1998")
        raise BadInput(path, row=number, field="Day", expected=expected, found=" ".join(cells[:3])) from error


def _number(path: Path, number: int, name: str, cell: str) -> float:
    least, most = _LIMITS[name]
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        expected = Text(f"{least:g} 至 {most:g} 的数", f"a number from {least:g} to {most:g}")
        raise BadInput(path, row=number, field=name, expected=expected, found=cell)
    return value


def write(inputs: Field, path: Path) -> None:
    """Write a field as the zip that `read` takes."""
    text = io.StringIO("\t".join(_COLUMNS) + "\n")
    text.seek(0, io.SEEK_END)
    first = date.fromisoformat(inputs.first)
    for place, row in enumerate(inputs.weather):
        day = first + timedelta(days=place)
        text.write("\t".join([str(day.day), str(day.month), str(day.year), *(repr(float(x)) for x in row)]) + "\n")
    settings = [f'{key} = "{getattr(inputs, key)}"' for key in ("crop", "soil", "planting")]
    settings += [f"{key} = {float(getattr(inputs, key))!r}" for key in _NUMBERS]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_WEATHER, text.getvalue())
        archive.writestr(_SETTINGS, "\n".join(settings) + "\n")


def picture(inputs: Field, answer: Answer) -> Any:
    """Return the last season of the inputs under the rule: water used up, rain and turns by day."""
    import altair as alt
    import pandas as pd

    year = _seasons(inputs)[-1]
    rule = _rule(answer)
    income, days = _income(inputs, _started(inputs, Season(year)), rule, Season(year))
    data = pd.DataFrame([{"day": place, **row} for place, row in enumerate(days, start=1)])
    data["used"] = 100 * data["shown"]
    turns = data[data["depth"] > 0]
    scale = alt.Scale(domain=[0, len(data) + 1], nice=False)
    axis = alt.X("day:Q", title="播种后天数 Days after planting", scale=scale)
    used = alt.Chart(data).mark_line(color="#8c510a").encode(axis, alt.Y("used:Q", title="已耗有效水 Used up, %"))
    marks = alt.Chart(turns).mark_rule(color="#2166ac", strokeDash=[3, 3]).encode(axis)
    rain = alt.Chart(data).mark_bar(color="#92c5de").encode(axis, alt.Y("rain:Q", title="降水 Rain, mm"))
    water = alt.Chart(turns).mark_bar(color="#2166ac", size=4).encode(axis, alt.Y("depth:Q", title="灌水 Turn, mm"))
    title = f"{year}: 净收入 net income {income:,.0f} CNY/ha, 灌水 {len(turns)} 次 turns, {turns['depth'].sum():.0f} mm"
    return alt.vconcat(
        alt.layer(used, marks).properties(width=640, height=180, title=title),
        alt.layer(rain, water).properties(width=640, height=110),
    )


SCENARIO = Scenario(
    id="agriculture/irrigation",
    title=Text("灌溉决策", "Irrigation scheduling"),
    summary=Text(
        "按田块的土壤、作物、水价和历年天气，定出哪个生育阶段土壤水耗到几成该灌、每次灌多少。",
        "Finds, from a field's soil, crop, water price and past weather, at which dryness of each stage to irrigate, and how much.",
    ),
    task=4,
    system=Text("高标准农田", "high-standard farmland"),
    user=Text("灌区管理员和种植大户", "irrigation district officers and large growers"),
    decision=Text(
        "何时灌、灌多少，配额留给哪个生育阶段", "when and how much to irrigate, and which stage the quota is kept for"
    ),
    formats=[
        Text("AquaCrop 逐日气象文本与田块 TOML 的 zip", "a zip of AquaCrop daily weather text and a field's TOML"),
    ],
    metric=Text("每公顷净收入", "net income a hectare"),
    unit="CNY/ha",
    better="higher",
    margin=200.0,
    baseline_title=Text("按多年平均缺水量排定并调优的灌水日历", "a calendar by the mean year's deficit, tuned"),
    method_title=Text("按生育阶段优化的墒情阈值", "soil-moisture triggers optimised by stage"),
    source=(
        "Kelly & Foster 2021, AquaCrop-OSPy; Foster, Brozović & Butler 2014; Allen et al. 1998, FAO-56; "
        "climates by AquaCrop-OSPy"
    ),
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("aquacrop",),
    resources=Resources(seconds=60, memory_mib=2048),
)
