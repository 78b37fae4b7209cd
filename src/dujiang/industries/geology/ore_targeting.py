"""Drill targets from gravity and magnetics (智能找矿决策): five holes, chosen before anybody has seen the ore.

Massive sulphide or magnetite ore is denser and more magnetic than its host. Other rocks are one or the other: gabbro is
dense, serpentinite and dykes are magnetic and keep a magnetisation of their own. A survey gives one number of each field
a station; what lies below is not unique. A hole is expensive. The measure is the metres of ore that a vertical hole of
350 m cuts, the mean of five that are at least 100 m apart.

*Data.* An area of 0.8 km with a station every 80 m, simulated by SimPEG (Cockett et al. 2015, Computers & Geosciences 85,
142-154) on cells of 25 x 25 x 10 m; ore is judged on the bodies themselves. What the generator knows and neither way does:
a lens of ore, a dense and a magnetic barren body, each with an undulating border and uneven grade; terrain; hollows filled
with light sediment; a regional trend; noise, stations left out and a part that nobody could enter.

*Second generator.* Sheets cut by a fault instead of lenses, ore that keeps a magnetisation too, a step in the basement,
lines of magnetics that are off by what each day differs, and a flatter field, as in Guangxi.

*Baseline.* What a survey report marks: the regional trend taken off by a robust surface of second order, magnetics
reduced to the pole, both scaled, and the five highest places of their product, far enough apart. On seeds from 1000 on the
product was better than either field, their sum and the lower of the two.

*Method.* Both fields are inverted together for a few ellipsoids, each of ore, dense or magnetic rock with what specimens say
of it (parametric inversion: McMillan et al. 2015, Geophysics 80, K109-K119), on the sensitivities of SimPEG's cells. Bodies
are added, merged and taken out by the evidence of the fit. The chance that each is ore, times the metres that holes cut of
shapes drawn from its covariance, are the metres expected. The baseline's map counts beside them, since a lens that the
inversion missed shows there; the five holes are those of the largest sum.

*Where it stands.* Ahead of the baseline by some two metres a hole, which takes a hundred surveys to be sure of: a survey's
gain scatters by ten. By the inversion alone it loses where a barren body passes for ore what it gains where it finds the
lens, as neither field says well which of two bodies close together is both. A regression learnt from imagined grounds,
beside it or in its place, was no better.

*Published.* No published figure stands beside these surveys.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.industries.geology import _bodies, _ground
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

SIZES = {"small": 1, "default": 16, SHIFTED: 16}
"""Surveys of a seed."""
SIDE = 800.0  # m: of the area
HOLES, DEPTH, APART = 5, 350.0, 100.0
"""Holes to be drilled, their depth and least distance in m."""
FIELDS = {False: (50_000.0, 48.0, -2.0), True: (45_500.0, 32.0, -3.0)}
"""The Earth's field in nT and degrees about Sichuan's, and, for the second generator, about Guangxi's."""


@dataclass(frozen=True, slots=True)
class Readings:
    """One field at stations.

    ``places`` (stations, 3) are east, north and elevation in m, ``values`` and ``errors`` (stations,) in mGal or nT.
    """

    places: Array
    values: Array
    errors: Array


@dataclass(frozen=True, slots=True)
class Survey:
    """Gravity (complete Bouguer, more over dense rock) and total-field magnetics over an area.

    ``field`` is the Earth's intensity in nT, inclination and declination in degrees.
    """

    gravity: Readings
    magnetic: Readings
    field: tuple[float, float, float]


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return surveys; the truth is the ground below."""
    draws = (np.random.default_rng([seed, place, 8]) for place in range(SIZES[size]))
    return [_case(draw, size == SHIFTED) for draw in draws]


def _case(draw: np.random.Generator, other: bool) -> Case:
    field = FIELDS[other]
    terrain = _ground.waves(draw, 350.0, 2)
    ground = _ground.Ground((), terrain, float(draw.uniform(20.0, 60.0)), SIDE)
    axis = np.arange(0.0, SIDE + 1, _ground.SPACING)
    places = np.array([(x, y) for y in axis for x in axis])
    line = np.repeat(np.arange(len(axis)), len(axis))
    places += draw.normal(0.0, 4.0, places.shape)
    places = np.column_stack([places, ground.surface(places) + 0.5])
    bodies = {kind: _ground.body(draw, ground, kind, field, other=other) for kind in ("ore", "dense", "magnetic")}
    ground = _ground.Ground((bodies["ore"],), terrain, ground.relief, SIDE)
    cover = _ground.waves(draw, 150.0, 2)
    every = [bodies[kind] for kind in ("dense", "magnetic", "ore")]
    gravity, magnetic = _ground.fields(places, every, ground, cover, draw.uniform(0.5, 3.0), field)
    ways = (places[:, :2] - SIDE / 2) / 1600.0
    gravity += _regional(draw, ways, 1.5, other)
    magnetic += _regional(draw, ways, 60.0, other)
    gravity += draw.normal(0.0, 0.02, len(places))
    magnetic += draw.normal(0.0, 4.0, len(places))
    if other:  # each line was walked on another day
        magnetic += draw.normal(0.0, 6.0, len(axis))[line]
    corner, extent = draw.uniform(0.0, SIDE, 2), draw.uniform(0.1, 0.22, 2) * SIDE
    closed = np.all(np.abs(places[:, :2] - corner) < extent / 2, axis=1)
    kept = []
    for values, digits, error in ((gravity, 3, 0.025), (magnetic, 1, 6.0)):
        here = ~closed & (draw.random(len(places)) > 0.08)
        kept.append(Readings(places[here].round(1), values[here].round(digits), np.full(int(here.sum()), error)))
    return Case(Survey(kept[0], kept[1], field), ground)


def _regional(draw: np.random.Generator, ways: Array, scale: float, other: bool) -> Array:
    """Return a smooth regional field at ways (n, 2) from the middle, and over a fault in the basement where ``other``."""
    trend = ways @ draw.normal(0.0, scale, 2) + (ways**2) @ draw.normal(0.0, scale, 2) / 2
    if other:
        angle = draw.uniform(0.0, 2 * np.pi)
        across = ways @ np.array([math.cos(angle), math.sin(angle)])
        trend += scale * draw.uniform(0.3, 0.8) * np.arctan(across / draw.uniform(0.1, 0.3)) / np.pi
    return np.asarray(trend)


def judge(truth: _ground.Ground, answer: Answer) -> float:
    """Return the metres of ore a hole, the mean of five; raises ValueError where the holes are not as agreed."""
    holes = np.array([(row["east"], row["north"]) for row in answer], dtype=float)
    if holes.shape != (HOLES, 2) or not np.isfinite(holes).all():
        raise ValueError(f"{HOLES} holes are drilled, each with east and north")
    gaps = np.linalg.norm(holes[:, None] - holes, axis=2)[np.triu_indices(HOLES, 1)]
    if gaps.min() < APART - 1:
        raise ValueError(f"holes are at least {APART:g} m apart")
    return float(np.mean([truth.metres(hole, DEPTH) for hole in holes]))


# --- baseline -----------------------------------------------------------------------------------------------------


def _residual(readings: Readings) -> Array:
    """Return readings less the regional trend: a surface of second order by Huber's loss."""
    from scipy.optimize import least_squares

    ways = readings.places[:, :2] - readings.places[:, :2].mean(axis=0)
    x, y = (ways / np.abs(ways).max()).T
    terms = np.column_stack([np.ones_like(x), x, y, x * y, x * x, y * y])
    scale = 1.5 * float(np.median(np.abs(readings.values - np.median(readings.values)))) + 1e-9
    start = np.zeros(6)
    start[0] = np.median(readings.values)
    found = least_squares(lambda k: (terms @ k - readings.values) / scale, start, loss="soft_l1", f_scale=0.3)
    return np.asarray(readings.values - terms @ found.x)


_GRID = 25.0


def _grid(inputs: Survey) -> tuple[Array, Array]:
    """Return the eastings and northings of a grid over the stations of gravity."""
    low, high = inputs.gravity.places[:, :2].min(axis=0), inputs.gravity.places[:, :2].max(axis=0)
    return np.arange(low[0], high[0] + 1, _GRID), np.arange(low[1], high[1] + 1, _GRID)


def _gridded(readings: Readings, values: Array, east: Array, north: Array) -> Array:
    """Return values on a grid (north, east): cubic between stations, the nearest one's beyond them."""
    from scipy.interpolate import griddata

    mesh = np.meshgrid(east, north)
    inside = griddata(readings.places[:, :2], values, tuple(mesh), method="cubic")
    beyond = griddata(readings.places[:, :2], values, tuple(mesh), method="nearest")
    return np.asarray(np.where(np.isfinite(inside), inside, beyond))


def _to_the_pole(grid: Array, field: tuple[float, float, float]) -> Array:
    """Return total-field anomalies reduced to the pole (Blakely 1995, section 12.3), the grid mirrored at its edges."""
    rows, columns = grid.shape
    wide = np.pad(grid, ((rows // 2,) * 2, (columns // 2,) * 2), mode="reflect")
    inclination, declination = np.radians(field[1:])
    north, east = np.meshgrid(
        2 * np.pi * np.fft.fftfreq(wide.shape[0]), 2 * np.pi * np.fft.fftfreq(wide.shape[1]), indexing="ij"
    )
    size = np.hypot(north, east)
    size[0, 0] = 1.0
    level = np.cos(inclination) * (np.cos(declination) * north + np.sin(declination) * east) / size
    theta = np.sin(inclination) + 1j * level
    theta[0, 0] = 1.0
    reduced = np.fft.ifft2(np.fft.fft2(wide) / theta**2).real
    return np.asarray(reduced[rows // 2 : rows // 2 + rows, columns // 2 : columns // 2 + columns])


def _anomalies(inputs: Survey) -> tuple[Array, Array, Array, Array]:
    """Return the grid's eastings and northings, residual gravity and magnetics reduced to the pole, each scaled."""
    east, north = _grid(inputs)
    dense = _gridded(inputs.gravity, _residual(inputs.gravity), east, north)
    magnetic = _to_the_pole(_gridded(inputs.magnetic, _residual(inputs.magnetic), east, north), inputs.field)
    return east, north, dense / dense.std(), magnetic / magnetic.std()


def _highest(east: Array, north: Array, score: Array) -> list[tuple[float, float, float]]:
    """Return the five highest places of a grid (north, east) that are far enough apart, with their scores."""
    left = score.astype(float).copy()
    taken: list[tuple[float, float, float]] = []
    ways = np.stack(np.meshgrid(east, north), axis=2)
    while len(taken) < HOLES:
        row, column = np.unravel_index(int(np.argmax(left)), left.shape)
        taken.append((float(east[column]), float(north[row]), float(score[row, column])))
        left[np.linalg.norm(ways - ways[row, column], axis=2) < APART] = -np.inf
    return taken


def _marked(inputs: Survey) -> Array:
    """Return the product of both anomalies (north, east) where both are high, else 0."""
    _, _, dense, magnetic = _anomalies(inputs)
    return np.asarray(np.clip(dense, 0.0, None) * np.clip(magnetic, 0.0, None))


def baseline(inputs: Survey) -> Answer:
    """Return the five highest places of both anomalies together."""
    return _answer(_highest(*_grid(inputs), _marked(inputs)))


def _answer(holes: Sequence[tuple[float, float, float]]) -> Answer:
    return [
        {"hole": place, "east": round(east, 1), "north": round(north, 1), "score": round(score, 2)}
        for place, (east, north, score) in enumerate(holes, start=1)
    ]


# --- method -------------------------------------------------------------------------------------------------------


_CANDIDATES = 800
_TRUST = 40.0
"""Metres that the highest anomalies are worth beside those that the inversion expects."""


def method(inputs: Survey) -> Answer:
    """Return the five holes that together promise the most metres of ore."""
    east, north = _grid(inputs)
    holes = np.stack(np.meshgrid(east, north), axis=2).reshape(-1, 2)
    marked = _marked(inputs).ravel()
    hint = np.clip(marked / max(float(np.quantile(marked, 0.99)), 1e-9), 0.0, 1.0)
    return _answer(_together(holes, _bodies.expected(inputs, holes, DEPTH) + _TRUST * hint))


def _together(holes: Array, metres: Array) -> list[tuple[float, float, float]]:
    """Return the five holes (east, north, metres) far enough apart with the largest sum that exchanging two can reach.

    The hole with most metres may stand where it keeps three others out, so each is tried as the first.
    """
    order = np.argsort(-metres, kind="stable")[:_CANDIDATES]
    places, worth = holes[order], metres[order]
    close = np.linalg.norm(places[:, None] - places, axis=2) < APART

    def following(taken: list[int]) -> list[int]:
        while len(taken) < HOLES:
            left = np.where(close[taken].any(axis=0), -1.0, worth)
            if left.max() < 0:
                break
            taken = [*taken, int(np.argmax(left))]
        return taken

    def total(taken: list[int]) -> float:
        return float(worth[taken].sum()) if len(taken) == HOLES else -1.0

    best = max((following([first]) for first in range(len(order))), key=total)
    improved = total(best) >= 0
    while improved:
        improved = False
        for one, other in combinations(range(HOLES), 2):
            kept = [hole for place, hole in enumerate(best) if place not in (one, other)]
            free = np.flatnonzero(~close[kept].any(axis=0))
            pairs = np.where(close[np.ix_(free, free)], -1.0, worth[free, None] + worth[free])
            first, second = np.unravel_index(int(np.argmax(pairs)), pairs.shape)
            if pairs[first, second] > worth[[best[one], best[other]]].sum() + 1e-9:
                best, improved = [*kept, int(free[first]), int(free[second])], True
                break
    best = sorted(best, key=lambda hole: -worth[hole])
    return [(float(places[hole, 0]), float(places[hole, 1]), float(worth[hole])) for hole in best]


# --- files --------------------------------------------------------------------------------------------------------

_LEAST = 25
"""Stations of a field: fewer show no body."""
FORMAT = Text(
    "UBC-GIF 观测文件（重力 .grv 与磁法 .mag）的 .zip 压缩包",
    "a .zip of two UBC-GIF observation files, gravity (.grv) and magnetics (.mag)",
)


def read(path: Path) -> Survey:
    """Read a .zip that holds a UBC-GIF gravity (.grv) and a magnetic (.mag) observation file; raises `BadInput`.

    Gravity counts positive over dense rock, as in those files; each station has an error (standard deviation). Lines that
    begin with ``!`` are remarks.
    """
    lines = {}
    try:
        with zipfile.ZipFile(path) as packed:
            for suffix in (".grv", ".mag"):
                names = [name for name in packed.namelist() if name.lower().endswith(suffix)]
                if len(names) != 1:
                    expected = Text(f"恰好一个 {suffix} 文件", f"exactly one {suffix} file")
                    raise BadInput(path, field=suffix, expected=expected, found=str(len(names)))
                text = packed.read(names[0]).decode("ascii", "replace")
                parts = ((at, line.split("!")[0].split()) for at, line in enumerate(text.splitlines(), start=1))
                lines[suffix] = [(f"{names[0]}:{at}", cells) for at, cells in parts if cells]
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    if len(lines[".mag"]) < 2:
        raise BadInput(path, field=".mag", expected=Text("地磁场与磁化方向两行", "two lines of the field"), found="-")
    bounds = (("inclination", (-90.0, 90.0)), ("declination", (-360.0, 360.0)), ("intensity", (1e4, 1e5)))
    field = [_number(path, *lines[".mag"][0], place, *given) for place, given in enumerate(bounds)]
    gravity = _readings(path, lines[".grv"], "gravity_mGal", 1e4)
    magnetic = _readings(path, lines[".mag"][2:], "tmi_nT", 1e6)
    apart = np.abs(gravity.places[:, :2].mean(axis=0) - magnetic.places[:, :2].mean(axis=0))
    if np.any(apart > np.ptp(gravity.places[:, :2], axis=0)):
        expected = Text("与重力测区重叠", "the area of the gravity stations")
        raise BadInput(path, field="east, north", expected=expected, found=f"{apart.round()} m")
    return Survey(gravity, magnetic, (field[2], field[0], field[1]))


def _number(path: Path, at: str, cells: list[str], place: int, name: str, bounds: tuple[float, float]) -> float:
    """Return the number at a place of a line; ``at`` names the file in the .zip and its line."""
    cell = cells[place] if place < len(cells) else ""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not bounds[0] <= value <= bounds[1]:
        expected = Text(f"数值 {bounds[0]:g} – {bounds[1]:g}", f"a number, {bounds[0]:g} – {bounds[1]:g}")
        raise BadInput(path, row=at, field=name, expected=expected, found=cell)
    return value


def _readings(path: Path, lines: list[tuple[str, list[str]]], name: str, most: float) -> Readings:
    """Return the readings of lines, the first of which holds their number: east, north, elevation, value, error."""
    if not lines:
        raise BadInput(path, field="stations", expected=Text("测点数", "the number of stations"), found="-")
    count = int(_number(path, *lines[0], 0, "stations", (_LEAST, 20_000)))
    if count != len(lines) - 1:
        expected = Text(f"{count} 个测点", f"{count} stations")
        raise BadInput(path, row=lines[0][0], field="stations", expected=expected, found=str(len(lines) - 1))
    names = ("east", "north", "elevation", name, "error")
    bounds = ((-1e8, 1e8), (-1e8, 1e8), (-500.0, 9000.0), (-most, most), (1e-6, most))
    rows, seen = [], set()
    for at, cells in lines[1:]:
        row = [_number(path, at, cells, *given) for given in zip(range(5), names, bounds, strict=True)]
        if tuple(row[:2]) in seen:
            expected = Text("每个位置一个测点", "one station at a place")
            raise BadInput(path, row=at, field="east, north", expected=expected, found=" ".join(cells[:2]))
        seen.add(tuple(row[:2]))
        rows.append(row)
    table = np.array(rows)
    if np.ptp(table[:, :2], axis=0).min() <= 0:
        expected = Text("面积性测量，不是单条测线", "an area, not a single line")
        raise BadInput(path, field="east, north", expected=expected, found="0 m")
    return Readings(table[:, :3], table[:, 3], table[:, 4])


def write(inputs: Survey, path: Path) -> None:
    """Write the .zip that `read` takes."""
    intensity, inclination, declination = (repr(float(one)) for one in inputs.field)
    first = [f"{inclination} {declination} {intensity}", f"{inclination} {declination} 1"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, heading, readings in (("gravity.grv", [], inputs.gravity), ("magnetic.mag", first, inputs.magnetic)):
            table = np.column_stack([readings.places, readings.values, readings.errors]).tolist()
            lines = [*heading, str(len(table)), *(" ".join(repr(one) for one in row) for row in table)]
            # A fixed time, so that the same survey is the same file.
            packed.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), "\n".join(lines) + "\n")


def picture(inputs: Survey, answer: Answer) -> Any:
    """Return maps of both residual anomalies with the holes numbered on them."""
    import altair as alt
    import pandas as pd

    east, north, dense, magnetic = _anomalies(inputs)
    holes = pd.DataFrame(answer)
    away = max(float(np.ptp(east)), float(np.ptp(north))) / 340
    maps = []
    for title, values, readings in (
        (Text("剩余重力", "Residual gravity"), dense, inputs.gravity),
        (Text("化极磁异常", "Magnetics reduced to the pole"), magnetic, inputs.magnetic),
    ):
        x, y = np.meshgrid(east[::2], north[::2])
        cells = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "value": values[::2, ::2].ravel().round(2)})
        cells["x2"], cells["y2"] = cells["x"] + 2 * _GRID, cells["y"] + 2 * _GRID
        domain = alt.Scale(zero=False, nice=False)
        image = (
            alt.Chart(cells)
            .mark_rect(stroke=None)
            .encode(
                alt.X("x:Q", title="东 East, m", scale=domain),
                alt.X2("x2:Q"),
                alt.Y("y:Q", title="北 North, m", scale=domain),
                alt.Y2("y2:Q"),
                alt.Color(
                    "value:Q", title="σ", scale=alt.Scale(scheme="redblue", reverse=True, domain=[-3, 3], clamp=True)
                ),
            )
        )
        stations = pd.DataFrame(readings.places[:, :2], columns=["east", "north"])
        dots = alt.Chart(stations).mark_circle(size=4, color="#666666", opacity=0.6).encode(x="east:Q", y="north:Q")
        marks = alt.Chart(holes).mark_point(size=110, filled=True, color="black").encode(x="east:Q", y="north:Q")
        texts = alt.Chart(holes).mark_text(color="white", fontSize=9).encode(x="east:Q", y="north:Q", text="hole:N")
        maps.append(
            (image + dots + marks + texts).properties(
                width=round(float(np.ptp(east)) / away), height=round(float(np.ptp(north)) / away), title=str(title)
            )
        )
    return alt.hconcat(*maps, title="建议孔位 Proposed holes")


SCENARIO = Scenario(
    id="geology/ore-targeting",
    title=Text("钻探靶位优选", "Drill targets"),
    summary=Text(
        "由重力与磁法测量圈出既重又有磁性的矿体，给出预期见矿最多的五个直孔。",
        "Finds bodies both dense and magnetic in gravity and magnetics, and the five vertical holes that promise most ore.",
    ),
    task=8,
    system=Text("智能找矿决策", "decisions in mineral exploration"),
    user=Text("勘查地球物理工程师", "exploration geophysicists"),
    decision=Text("五个钻孔打在哪里", "where to drill five holes"),
    formats=(FORMAT,),
    metric=Text("平均每孔见矿米数", "metres of ore hit a hole"),
    unit="m",
    better="higher",
    margin=0.0,
    baseline_title=Text("剩余重力与化极磁异常的五个最高处", "five highest places of residual gravity and magnetics"),
    method_title=Text("重磁联合参数反演与期望见矿米数", "joint parametric inversion and expected metres"),
    source="Cockett et al. 2015, Comput. Geosci. 85; McMillan et al. 2015, Geophysics 80; Blakely 1995",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("simpeg", "discretize", "scipy"),
    resources=Resources(seconds=60, memory_mib=4096),
    sizes=("small", "default", SHIFTED),
)
