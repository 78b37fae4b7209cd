"""Part design (智能研发): the lightest bracket that is stiff enough, found with few simulations.

A bracket is cut from sheet metal of a given gauge; its outline tapers and holes lighten it. Each finite-element run takes
time, so that only forty are allowed. What is asked for is the lightest design whose compliance (force times displacement
under it, N mm) keeps a limit, also when it is made: sheets are thinner, alloys softer and cuts elsewhere than drawn.

*Data.* Plane stress by scikit-fem, bilinear quadrilaterals on a fixed grid of 40 x 20 over the blank; an element counts by
the share of it that is material, which is the simplest finite cell method (Parvizian, Duester & Rank 2007, Computational
Mechanics 41). Brackets are clamped at the left and loaded at the tip; aluminium alloys, sizes, loads and limits are drawn.
`simulate` is nominal, and all that method and baseline call; the budget counts each call. What the generator knows that
they don't: how far the shop strays from the stated tolerances, its bias in thickness, the scatter of cuts in place and
size, and the 24 parts that it makes. Strength, buckling and fatigue are not looked at.

*Second generator.* A shelf bracket: slots instead of holes, a straight upper edge that bears the load, and a shop whose
scatter has heavy tails and whose cutter takes off more than drawn.

*Baseline.* A Latin hypercube of a part of the budget, another about its lightest design that keeps the limit with a
margin, and so on in a range that halves: better, on seeds from 1000 on, than one hypercube of the whole budget. Its margin
and rounds were chosen there.

*Method.* Gaussian processes (Matern 5/2, a length a parameter) of mass and of the logarithm of compliance, and the design
of the largest expected improvement in mass times the probability that it keeps the limit with a margin: constrained
expected improvement (Schonlau, Welch & Jones 1998; Gardner et al. 2014, ICML). It recommends the lightest of the designs
that it simulated and that keep it.

*Measure.* Grams of the chosen design as drawn, plus the mass of a whole blank times the share of made parts that break the
limit: each of those is thrown away and an uncut plate is mounted in its place.

*Published.* No published figure stands beside these brackets.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios import tables
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

CASES = {"small": 1, "default": 3, SHIFTED: 3}
BUDGET, FIRST = 40, 12
"""Simulations of a search, and those of the method's space-filling start."""
ROUNDS = (16, 12, 12)
"""Simulations in each of the baseline's hypercubes."""
BASELINE_MARGIN, METHOD_MARGIN = 2.6, 3.0
"""Margins, in standard deviations of what the stated tolerances of thickness and modulus do to compliance."""
ALLOYS = ((68900.0, 2.70), (71700.0, 2.81), (73100.0, 2.78))  # 6061, 7075, 2024: MPa, g/cm3
POISSON = 0.33
GRID = (40, 20)
VOID = 1e-4  # stiffness of what is cut away, so that the system stays regular
PARTS = 24  # that the judge makes
CANDIDATES = 512
CAP, REFIT = 0.5, 4
"""Of the logarithm of compliance beyond what is allowed; and runs after which lengths are fitted anew."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A design parameter and its range in mm."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket to be designed: lengths in mm, modulus in MPa, density in g/cm3, forces in N, limit in N mm.

    Tolerances are standard deviations in %.
    """

    length: float
    height: float
    thickness: float
    modulus: float
    density: float
    force_x: float
    force_y: float
    limit: float
    thickness_tolerance: float
    modulus_tolerance: float
    simulations: int
    parameters: tuple[Parameter, ...]

    @property
    def slots(self) -> bool:
        """Whether it is a shelf with slots; an arm with holes otherwise."""
        return any(one.name.startswith("slot") for one in self.parameters)

    @property
    def blank(self) -> float:
        """Mass of the uncut plate in g."""
        return self.length * self.height * self.thickness * self.density / 1000

    def allowed(self, deviations: float) -> float:
        """Return the compliance that keeps the limit with a margin: thickness and modulus both divide compliance."""
        spread = math.hypot(self.thickness_tolerance, self.modulus_tolerance) / 100
        return self.limit / (1 + deviations * spread)


@dataclass(frozen=True, slots=True)
class Run:
    """A simulated design: values of the parameters in mm, mass in g, compliance in N mm."""

    values: tuple[float, ...]
    mass: float
    compliance: float


# --- the simulation ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _plate(length: float, height: float, slots: bool) -> Any:
    """Return element matrices of an uncut plate (modulus and thickness 1), its free degrees of freedom and its load."""
    import skfem
    from skfem.models.elasticity import linear_elasticity, plane_stress

    mesh = skfem.MeshQuad.init_tensor(
        *(np.linspace(0, end, n + 1) for end, n in zip((length, height), GRID, strict=True))
    )
    basis = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementQuad1()))
    parts = linear_elasticity(*plane_stress(1.0, POISSON)).coo_data(basis)
    x, y = mesh.p
    loaded = (y > height - 1e-6) & (x >= length / 2) if slots else (x > length - 1e-6) & (abs(y - height / 2) <= 10)
    load = np.zeros((2, basis.N))
    for axis in range(2):
        load[axis, basis.nodal_dofs[axis, loaded]] = 1 / loaded.sum()
    free = np.setdiff1d(np.arange(basis.N), basis.nodal_dofs[:, x < 1e-6])
    return parts.data.reshape(-1, mesh.nelements), parts.indices, basis.N, free, load, mesh.p[:, mesh.t].mean(axis=1)


def material(bracket: Bracket, design: dict[str, float], points: Array, width: float) -> Array:
    """Return the share of material at points (2, n) in mm, from 0 to 1 across a border of ``width`` mm.

    ``design`` holds the parameters, and may hold ``<cutout>_dx`` and ``_dy`` where a cut strays.
    """
    x, y = points
    depth = bracket.height + (design["tip_depth"] - bracket.height) * x / bracket.length
    upper = bracket.height if bracket.slots else (bracket.height + depth) / 2
    inside = np.minimum(upper - y, y - upper + depth)
    if bracket.slots:
        inside = y - (bracket.height - depth)  # the upper edge and the ends are the blank's own
    for cutout in sorted({name.split("_")[0] for name in design if name != "tip_depth"}):
        centre = design[f"{cutout}_x"]
        there = bracket.height + (design["tip_depth"] - bracket.height) * centre / bracket.length
        middle = bracket.height - there / 2 if bracket.slots else bracket.height / 2
        away = np.abs(x - centre - design.get(f"{cutout}_dx", 0.0))
        if bracket.slots:
            radius = design[f"{cutout}_width"] / 2
            away = np.maximum(away - max(design[f"{cutout}_length"] / 2 - radius, 0.0), 0.0)
        else:
            radius = design[f"{cutout}_radius"]
        inside = np.minimum(inside, np.hypot(away, y - middle - design.get(f"{cutout}_dy", 0.0)) - radius)
    return np.asarray(np.clip(0.5 + inside / width, 0.0, 1.0))


def solve(bracket: Bracket, design: dict[str, float]) -> tuple[float, float]:
    """Return mass in g and compliance in N mm of a design by finite elements."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import spsolve

    data, indices, size, free, load, centres = _plate(bracket.length, bracket.height, bracket.slots)
    steps = np.array([bracket.length / GRID[0], bracket.height / GRID[1]])
    # Four points an element, each a quarter of it.
    quarters = [np.array([[i], [j]]) / 4 * steps[:, None] for i in (-1, 1) for j in (-1, 1)]
    share = np.mean([material(bracket, design, centres + one, float(steps.min()) / 2) for one in quarters], axis=0)
    stiffness = coo_matrix(((data * (VOID + (1 - VOID) * share)).ravel(), indices), shape=(size, size)).tocsc()
    force = (bracket.force_x * load[0] + bracket.force_y * load[1])[free]
    shift = spsolve(stiffness[free][:, free], force, permc_spec="MMD_AT_PLUS_A")
    return bracket.blank * float(share.mean()), float(force @ shift) / (bracket.modulus * bracket.thickness)


def simulate(bracket: Bracket, values: Sequence[float]) -> Run:
    """Simulate a design as drawn; one call is one of the budget."""
    names = [one.name for one in bracket.parameters]
    return Run(tuple(values), *solve(bracket, dict(zip(names, values, strict=True))))


# --- cases ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the parts are made: factors of the stated tolerances, bias of thickness, scatter of cuts in mm, tails."""

    seed: int
    factor: float
    bias: float
    place: float
    kerf: float
    freedom: float  # of Student's t; infinite for the normal distribution


def cases(seed: int, size: str) -> list[Case]:
    """Return brackets to design; the truth is the bracket and the shop that makes it."""
    draw = np.random.default_rng([seed, 15])
    slots = size == SHIFTED
    made = []
    for _ in range(CASES[size]):
        length, height = round(float(draw.uniform(100, 140)), 1), round(float(draw.uniform(50, 70)), 1)
        modulus, density = ALLOYS[int(draw.integers(len(ALLOYS)))]
        force, angle = (
            float(draw.uniform(200, 800)),
            math.radians(draw.uniform(*((-110, -70) if slots else (-150, -60)))),
        )
        fixed = (length, height, float(draw.choice([3.0, 4.0, 5.0])), modulus, density)
        forces = (round(force * math.cos(angle), 1), round(force * math.sin(angle), 1))
        parameters = _parameters(length, height, slots)
        solid = solve(Bracket(*fixed, *forces, 1.0, 2.0, 2.0, BUDGET, parameters), {"tip_depth": height})[1]
        limit = float(f"{solid * draw.uniform(1.4, 2.0):.4g}")
        tolerances = round(float(draw.uniform(0.8, 2)), 2), round(float(draw.uniform(0.8, 2)), 2)
        bracket = Bracket(*fixed, *forces, limit, *tolerances, BUDGET, parameters)
        shop = Shop(
            int(draw.integers(1 << 30)),
            float(draw.uniform(0.8, 1.3)),
            float(draw.uniform(-0.015, 0.005)),
            float(draw.uniform(0.1, 0.4)),
            float(draw.uniform(0.05, 0.2)) if slots else 0.0,
            4.0 if slots else math.inf,
        )
        made.append(Case(bracket, {"bracket": bracket, "shop": shop}))
    return made


def _parameters(length: float, height: float, slots: bool) -> tuple[Parameter, ...]:
    def one(name: str, low: float, high: float) -> Parameter:
        return Parameter(name, round(low, 1), round(high, 1))

    found = [one("tip_depth", 0.4 * height, height)]
    if slots:
        for number, low, high in ((1, 0.22, 0.38), (2, 0.6, 0.75)):
            found.append(one(f"slot{number}_x", low * length, high * length))
            found.append(one(f"slot{number}_length", 0.12 * length, 0.4 * length))
            found.append(one(f"slot{number}_width", 4.0, 0.6 * height))
    else:
        for number, low, high in ((1, 0.15, 0.3), (2, 0.4, 0.6), (3, 0.68, 0.82)):
            found.append(one(f"hole{number}_x", low * length, high * length))
            found.append(one(f"hole{number}_radius", 3.0, 0.36 * height))
    return tuple(found)


def parts(bracket: Bracket, design: dict[str, float], shop: Shop) -> Array:
    """Return the compliances in N mm of the parts that the shop makes of a design."""
    draw = np.random.default_rng([shop.seed, 3])

    def noise(count: int) -> Array:
        if math.isinf(shop.freedom):
            return draw.normal(size=count)
        return draw.standard_t(shop.freedom, count) * math.sqrt(1 - 2 / shop.freedom)

    cutouts = sorted({name.split("_")[0] for name in design if name != "tip_depth"})
    found = []
    for _ in range(PARTS):
        thickness, modulus = shop.factor / 100 * noise(2)
        made = dict(design)
        for cutout in cutouts:
            made[f"{cutout}_dx"], made[f"{cutout}_dy"] = shop.place * noise(2)
            for name in (f"{cutout}_radius", f"{cutout}_width"):
                if name in made:
                    made[name] += shop.kerf + shop.place / 4 * float(noise(1)[0])
        factors = (1 + shop.bias + thickness * bracket.thickness_tolerance) * (1 + modulus * bracket.modulus_tolerance)
        found.append(solve(bracket, made)[1] / factors)
    return np.array(found)


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return grams of the chosen design, plus those of a blank for each part that breaks the limit, a part.

    Raises ValueError for a design outside its ranges, more simulations than allowed or not one choice.
    """
    bracket: Bracket = truth["bracket"]
    for row in answer:
        if not all(one.low <= row[one.name] <= one.high for one in bracket.parameters):
            raise ValueError(f"design {row['design']}: parameters outside their ranges")
    chosen = [row for row in answer if row["state"] != "simulated"]
    if len(chosen) != 1:
        raise ValueError(f"{len(chosen)} designs chosen, expected 1")
    if len(answer) - 1 > bracket.simulations:
        raise ValueError(f"{len(answer) - 1} simulations, expected {bracket.simulations} at most")
    design = {one.name: float(chosen[0][one.name]) for one in bracket.parameters}
    broken = float((parts(bracket, design, truth["shop"]) > bracket.limit).mean())
    return solve(bracket, design)[0] + broken * bracket.blank


# --- baseline and method -------------------------------------------------------------------------------------------


def _values(bracket: Bracket, unit: Array) -> tuple[float, ...]:
    """Return parameters in mm, to a hundredth, at a point of the unit cube."""
    return tuple(
        min(max(round(one.low + float(x) * (one.high - one.low), 2), one.low), one.high)
        for one, x in zip(bracket.parameters, unit, strict=True)
    )


def _choice(runs: Sequence[Run], allowed: float) -> int:
    """Return the place of the lightest design that keeps ``allowed``; of the stiffest where none does."""
    kept = [place for place, run in enumerate(runs) if run.compliance <= allowed]
    if kept:
        return min(kept, key=lambda place: runs[place].mass)
    return min(range(len(runs)), key=lambda place: runs[place].compliance)


def _answer(bracket: Bracket, runs: Sequence[Run], allowed: float) -> Answer:
    names = [one.name for one in bracket.parameters]

    def row(place: int, state: str) -> dict[str, Any]:
        run = runs[place]
        shown = {"mass_g": round(run.mass, 2), "compliance_Nmm": float(f"{run.compliance:.5g}")}
        return {"design": place + 1, "state": state, **dict(zip(names, run.values, strict=True)), **shown}

    best = _choice(runs, allowed)
    state = "chosen" if runs[best].compliance <= allowed else "too soft"
    return [*(row(place, "simulated") for place in range(len(runs))), row(best, state)]


def baseline(inputs: Bracket) -> Answer:
    """Answer the lightest design of Latin hypercubes, each about the best of those before."""
    from scipy.stats import qmc

    allowed = inputs.allowed(BASELINE_MARGIN)
    runs: list[Run] = []
    points: list[Array] = []
    draw = np.random.default_rng(1)
    for number, count in enumerate(_rounds(inputs.simulations)):
        unit = qmc.LatinHypercube(len(inputs.parameters), rng=draw).random(count)
        if number:
            centre = points[_choice(runs, allowed)]
            unit = np.clip(centre + (unit - 0.5) / 2**number, 0.0, 1.0)
        runs += [simulate(inputs, _values(inputs, one)) for one in unit]
        points += list(unit)
    return _answer(inputs, runs, allowed)


def _rounds(budget: int) -> list[int]:
    """Return the counts of the baseline's rounds in proportion to `ROUNDS`, which add up to the budget."""
    ends = np.rint(np.cumsum(ROUNDS) / sum(ROUNDS) * budget).astype(int)
    return [count for count in np.diff(ends, prepend=0).tolist() if count]


def method(inputs: Bracket) -> Answer:
    """Answer the lightest design found by constrained expected improvement."""
    from scipy.stats import qmc

    allowed = inputs.allowed(METHOD_MARGIN)
    count = len(inputs.parameters)
    points = qmc.LatinHypercube(count, rng=np.random.default_rng(2)).random(min(FIRST, inputs.simulations))
    runs = [simulate(inputs, _values(inputs, one)) for one in points]
    mass, compliance = _process(count), _process(count)
    while len(runs) < inputs.simulations:
        # Lengths move little with one more run: they are fitted anew after some runs.
        anew = (len(runs) - FIRST) % REFIT == 0
        _fit(mass, points, np.array([run.mass for run in runs]), anew)
        # How much too soft a design is that is far too soft tells nothing of those near the limit.
        soft = np.minimum(np.log([run.compliance / allowed for run in runs]), CAP)
        _fit(compliance, points, soft, anew)
        following = _next(mass, compliance, points, runs, allowed)
        points = np.vstack([points, following])
        runs.append(simulate(inputs, _values(inputs, following)))
    return _answer(inputs, runs, allowed)


def _process(count: int) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern

    kernel = ConstantKernel(1.0, (0.05, 100.0)) * Matern(np.ones(count), (0.1, 20.0), nu=2.5)
    return GaussianProcessRegressor(kernel, alpha=1e-5, normalize_y=True)


def _fit(process: Any, points: Array, values: Array, anew: bool) -> None:
    if hasattr(process, "kernel_"):
        process.kernel = process.kernel_
    process.optimizer = "fmin_l_bfgs_b" if anew else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a length at its bound: a parameter that hardly matters
        process.fit(points, values)


def _next(mass: Any, compliance: Any, points: Array, runs: Sequence[Run], allowed: float) -> Array:
    """Return the point of the largest expected improvement in mass times probability to keep ``allowed``."""
    from scipy.stats import norm, qmc

    draw = np.random.default_rng(len(runs))
    best = _choice(runs, allowed)
    whole = qmc.LatinHypercube(points.shape[1], rng=draw).random(CANDIDATES)
    moved = draw.normal(size=(2 * CANDIDATES, points.shape[1])) * draw.choice([0.02, 0.06, 0.15], (2 * CANDIDATES, 1))
    moved *= draw.random(moved.shape) < draw.choice([0.3, 1.0], (2 * CANDIDATES, 1))
    candidates = np.clip(np.vstack([whole, points[best] + moved]), 0.0, 1.0)
    mean, deviation = compliance.predict(candidates, return_std=True)
    kept = norm.cdf(-mean / np.maximum(deviation, 1e-6))
    if runs[best].compliance > allowed:
        return np.asarray(candidates[np.argmax(kept)])
    mean, deviation = mass.predict(candidates, return_std=True)
    deviation = np.maximum(deviation, 1e-6)
    z = (runs[best].mass - mean) / deviation
    return np.asarray(candidates[np.argmax(deviation * (z * norm.cdf(z) + norm.pdf(z)) * kept)])


# --- files ---------------------------------------------------------------------------------------------------------

UNITS = {
    "mm": {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4},
    "MPa": {"MPa": 1.0, "GPa": 1000.0},
    "g/cm3": {"g/cm3": 1.0, "kg/m3": 0.001},
    "N": {"N": 1.0, "kN": 1000.0},
    "N*mm": {"N*mm": 1.0, "N*m": 1000.0, "J": 1000.0},
    "%": {"%": 1.0},
    "1": {"1": 1.0},
}
"""Units that a file may use, by the unit that they are turned into."""
FIXED = {
    "length": ("mm", 10.0, 5000.0),
    "height": ("mm", 10.0, 5000.0),
    "thickness": ("mm", 0.1, 200.0),
    "modulus": ("MPa", 100.0, 1e6),
    "density": ("g/cm3", 0.1, 25.0),
    "force_x": ("N", -1e7, 1e7),
    "force_y": ("N", -1e7, 1e7),
    "limit": ("N*mm", 1e-9, 1e12),
    "thickness_tolerance": ("%", 0.0, 20.0),
    "modulus_tolerance": ("%", 0.0, 20.0),
    "simulations": ("1", 10.0, 200.0),
}
"""What a file says once: unit, least and most."""
_DESIGN = re.compile(r"tip_depth|hole[1-9]_(x|radius)|slot[1-9]_(x|length|width)")
_NUMBER = tables.number(Text("数值", "value"), -1e15, 1e15)
_COLUMNS = {
    "parameter": tables.name(Text("参数", "parameter")),
    "low": tables.Column(Text("下限", "low"), _NUMBER.expected, _NUMBER.parse),
    "high": tables.Column(Text("上限", "high"), _NUMBER.expected, _NUMBER.parse),
    "unit": tables.name(Text("单位", "unit")),
}


def read(path: Path) -> Bracket:
    """Read a table of parameters (CSV or .xlsx): parameter, low, high, unit; raises `BadInput`.

    What is given has the same low and high; what may be chosen has a range. Cutouts are ``hole1_x`` and ``hole1_radius``,
    or ``slot1_x``, ``slot1_length`` and ``slot1_width``, up to nine of one kind.
    """
    table = tables.read_csv(path, _COLUMNS)
    fixed: dict[str, float] = {}
    ranges: dict[str, Parameter] = {}
    places: dict[str, int] = {}
    for place, name in enumerate(table["parameter"]):
        if name not in FIXED and not _DESIGN.fullmatch(name):
            expected = Text("已知的参数名，如 length、hole1_x", "a known parameter, such as length or hole1_x")
            raise table.fault(place, "parameter", expected)
        if name in places:
            raise table.fault(place, "parameter", Text("每个参数只出现一次", "each parameter once"))
        places[name] = place
        unit, least, most = FIXED.get(name, ("mm", 0.0, 5000.0))
        if table["unit"][place] not in UNITS[unit]:
            raise table.fault(place, "unit", Text(f"{'、'.join(UNITS[unit])} 之一", f"one of {', '.join(UNITS[unit])}"))
        low, high = (table[end][place] * UNITS[unit][table["unit"][place]] for end in ("low", "high"))
        if not least <= low <= most:
            raise table.fault(place, "low", Text(f"{least:g} – {most:g} {unit}", f"{least:g} – {most:g} {unit}"))
        if not low <= high <= most or (name in FIXED and low != high):
            expected = (
                Text("给定值：与下限相同", "the same as low, as it is given")
                if name in FIXED
                else Text(f"不小于下限、不大于 {most:g}", f"low or more, {most:g} at most")
            )
            raise table.fault(place, "high", expected)
        if name == "simulations" and low != int(low):
            raise table.fault(place, "low", Text("整数", "a whole number"))
        if name in FIXED:
            fixed[name] = low
        else:
            ranges[name] = Parameter(name, low, high)
    slots = any(name.startswith("slot") for name in ranges)
    for name in ranges:
        if slots and name.startswith("hole"):
            raise table.fault(places[name], "parameter", Text("孔与槽不并用", "holes or slots, not both"))
    cutouts = sorted({name.split("_")[0] for name in ranges if name != "tip_depth"})
    needed = [*FIXED, "tip_depth"]
    for cutout in cutouts:
        needed += [f"{cutout}_{end}" for end in (("x", "length", "width") if slots else ("x", "radius"))]
    for name in needed:
        if name not in places:
            raise BadInput(path, field=name, expected=Text("有此参数一行", "a row of this parameter"), found="-")
    for name, place in places.items():
        end = fixed["height"] if name.endswith(("depth", "width")) else fixed["length"]
        if name in ranges and ranges[name].high > end:
            raise table.fault(place, "high", Text(f"不超出板料：{end:g} mm", f"within the blank, {end:g} mm"))
    if ranges["tip_depth"].low <= 0:
        raise table.fault(places["tip_depth"], "low", Text("大于 0", "above 0"))
    if not any(one.low < one.high for one in ranges.values()):
        raise BadInput(path, field="high", expected=Text("至少一个参数有范围", "a range of at least one"), found="0")
    bracket = Bracket(**{**fixed, "simulations": int(fixed["simulations"])}, parameters=tuple(ranges.values()))  # type: ignore[arg-type]
    solid = solve(bracket, {"tip_depth": bracket.height})[1]
    if bracket.limit <= solid or not solid:
        expected = Text(f"大于整板的柔度 {solid:.4g} N*mm", f"above the uncut plate's compliance, {solid:.4g} N*mm")
        raise table.fault(places["limit"], "low", expected)
    return bracket


def write(inputs: Bracket, path: Path) -> None:
    """Write the table that `read` takes."""
    rows: list[list[Any]] = []
    for name, (unit, _, _) in FIXED.items():
        value = float(getattr(inputs, name))
        rows.append([name, value, value, unit])
    rows += [[one.name, float(one.low), float(one.high), "mm"] for one in inputs.parameters]
    tables.write_csv(path, list(_COLUMNS), rows)


def picture(inputs: Bracket, answer: Answer) -> Any:
    """Return the chosen bracket's shape, and mass against compliance of all designs with the limit."""
    import altair as alt
    import pandas as pd

    chosen = answer[-1]
    design = {one.name: float(chosen[one.name]) for one in inputs.parameters}
    across = 120
    step = inputs.length / across
    down = max(round(inputs.height / step), 1)
    x, y = np.meshgrid((np.arange(across) + 0.5) * step, (np.arange(down) + 0.5) * inputs.height / down)
    share = material(inputs, design, np.array([x.ravel(), y.ravel()]), step)
    cells = pd.DataFrame(
        {"x": x.ravel(), "x2": x.ravel() + step, "y": y.ravel(), "y2": y.ravel() + inputs.height / down}
    )
    cells["share"] = share.round(2)
    shape = (
        alt.Chart(cells[cells["share"] > 0])
        .mark_rect(color="#2b7bba", stroke=None)
        .encode(
            alt.X("x:Q", title="mm", scale=alt.Scale(domain=[0, inputs.length], nice=False)),
            alt.X2("x2:Q"),
            alt.Y("y:Q", title="mm", scale=alt.Scale(domain=[0, inputs.height], nice=False)),
            alt.Y2("y2:Q"),
            opacity=alt.Opacity("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0, 1])),
        )
        .properties(width=480, height=round(480 * inputs.height / inputs.length), title="选定设计 Chosen design")
    )
    runs = pd.DataFrame(answer)[["design", "state", "mass_g", "compliance_Nmm"]]
    colour = alt.Color(
        "state:N",
        title=None,
        scale=alt.Scale(domain=["simulated", "chosen", "too soft"], range=["#999999", "#d62728", "#ff7f0e"]),
        legend=alt.Legend(
            labelExpr="{simulated: '已仿真 simulated', chosen: '选定 chosen', 'too soft': '刚度不足 too soft'}[datum.label]"
        ),
    )
    compliance = alt.X("compliance_Nmm:Q", title="柔度 Compliance, N mm", scale=alt.Scale(type="log", zero=False))
    points = (
        alt.Chart(runs)
        .mark_point(filled=True, size=60)
        .encode(compliance, alt.Y("mass_g:Q", title="质量 Mass, g", scale=alt.Scale(zero=False)), colour)
    )
    line = alt.Chart(pd.DataFrame({"limit": [inputs.limit]})).mark_rule(strokeDash=[4, 4]).encode(x="limit:Q")
    title = f"支架 Bracket: {chosen['mass_g']:.1f} g, 整板 blank {inputs.blank:.1f} g"
    trade = (points + line).properties(width=480, height=220, title="虚线为柔度上限 Dashed: the limit")
    return alt.vconcat(shape, trade, title=title)


SCENARIO = Scenario(
    id="civil-military/part-design",
    title=Text("支架轻量化设计", "Light brackets"),
    summary=Text(
        "用几十次仿真找到刚度够用的最轻支架，并为制造误差留出余量（仅民用）。",
        "Finds the lightest bracket that is stiff enough in some tens of simulations, with a margin for how it is made.",
    ),
    task=15,
    system=Text("国产工业软件与智能研发", "domestic industrial software and intelligent development"),
    user=Text("结构设计工程师", "engineers who design structures"),
    decision=Text("支架的外形与开孔尺寸", "a bracket's outline and its cutouts"),
    formats=[
        Text(
            "参数表：参数、下限、上限、单位（.csv、.xlsx）",
            "a table of parameters: parameter, low, high, unit (.csv, .xlsx)",
        )
    ],
    metric=Text(
        "同一柔度上限下的质量（含超限惩罚）", "mass at the same compliance limit, with a penalty for breaking it"
    ),
    unit="g",
    better="lower",
    margin=0.0,
    baseline_title=Text("逐步缩小的拉丁超立方抽样", "Latin hypercubes in a shrinking range"),
    method_title=Text("高斯过程代理与带约束的期望改进", "Gaussian processes and constrained expected improvement"),
    source="Parvizian, Duester & Rank 2007, Comput. Mech. 41; Schonlau, Welch & Jones 1998; Gardner et al. 2014, ICML",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".csv", ".xlsx"),
    libraries=("skfem", "sklearn"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
