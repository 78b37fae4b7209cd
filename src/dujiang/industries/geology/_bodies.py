"""Joint inversion of gravity and magnetics for a few bodies, on the sensitivities of SimPEG's cells.

A body is an ellipsoid of one kind of rock; its parameters have a Gaussian distribution beforehand. Bodies are added, moved,
merged and taken out as long as the evidence (Laplace's approximation) grows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dujiang.industries.geology import _ground

if TYPE_CHECKING:
    from dujiang.industries.geology.ore_targeting import Readings, Survey

Array = NDArray[np.float64]

SHAPE = 8
"""Parameters of a body's shape: its centre east, north and up, logarithms of three half lengths, strike and dip. After them
come density in g/cm3 and susceptibility along the Earth's field and along two axes across it."""
ROCKS = {
    "ore": ((0.8, 0.12, 0.0, 0.0), (0.25, 0.05, 0.02, 0.02)),
    "dense": ((0.28, 0.01, 0.0, 0.0), (0.08, 0.01, 0.005, 0.005)),
    "magnetic": ((0.03, 0.07, 0.0, 0.0), (0.08, 0.04, 0.04, 0.04)),
}
"""What specimens of a district's rocks say: mean and deviation of the last four parameters."""
LENGTHS = {"ore": (130.0, 100.0, 28.0), "dense": (190.0, 150.0, 42.0), "magnetic": (160.0, 120.0, 35.0)}
"""Usual half lengths in m."""
SCATTER = 0.35  # of the logarithms of half lengths
DEPTH, DIP = (150.0, 60.0), (45.0, 25.0)
"""Of a body's centre below the ground in m, and its dip in degrees: mean and deviation."""
COVER, LEVEL, REACH = 0.012, 2.0, 80.0
"""What thin cover adds to gravity in mGal, and levelling to magnetics in nT, and over how many metres it is alike."""
SHAPELESS = 0.015
"""Share of a field's range that ellipsoids leave unexplained, as real bodies are none."""
TREND = (5.0, 300.0)
"""Deviation of a regional trend's coefficients in mGal and nT."""
PRICE, HEAT = 2.0, 3.0
"""Logarithm of the odds against one more body; and what differences in evidence are divided by for a chance of ore."""
MOST = 7
NEAR, MERGED = 300.0, 200.0
"""Metres within which bodies are moved together, and may be one."""
CELL = np.array([50.0, 50.0, 40.0])
DRAWS = 30
_STEPS = np.array([4.0, 4.0, 4.0, 0.03, 0.03, 0.03, 0.04, 0.04])
"""Of the differences that stand for derivatives of a shape."""


def _ball(count: int) -> Array:
    """Return points (count, 3) spread evenly through the unit ball."""
    place = np.arange(count) + 0.5
    up, turn = 1 - 2 * place / count, math.pi * (1 + math.sqrt(5)) * place
    ring = np.sqrt(1 - up**2)
    radius = np.cbrt((np.random.default_rng(0).permutation(count) + 0.5) / count)
    return np.column_stack([ring * np.cos(turn), ring * np.sin(turn), up]) * radius[:, None]


_BALL = _ball(64)


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its rock, its parameters (12,), and mean and deviation of each beforehand."""

    rock: str
    values: Array
    mean: Array
    deviation: Array

    @property
    def strain(self) -> Array:
        """How many deviations each parameter is off its mean."""
        return (self.values - self.mean) / self.deviation

    def away(self, other: Body) -> float:
        """Return the horizontal distance of centres in m."""
        return float(np.linalg.norm(self.values[:2] - other.values[:2]))


class Found(NamedTuple):
    """Bodies, the cost (minus the logarithm of the evidence), and the inverse covariance of their parameters."""

    bodies: list[Body]
    cost: float
    normal: Array


class Problem:
    """A survey's readings and the fields of cells, both whitened by what readings scatter."""

    def __init__(self, survey: Survey) -> None:
        import discretize

        self.stations = np.vstack([survey.gravity.places, survey.magnetic.places])
        low, high = self.stations.min(axis=0), self.stations.max(axis=0)
        self.counts = np.ceil((high - low + [200.0, 200.0, 520.0]) / CELL).astype(int)
        self.origin = np.array([low[0] - 100.0, low[1] - 100.0, high[2] + 10.0 - self.counts[2] * CELL[2]])
        mesh = discretize.TensorMesh(
            [[size] * count for size, count in zip(CELL, self.counts, strict=True)], origin=self.origin
        )
        active = discretize.utils.active_from_xyz(mesh, self.stations, method="nearest")
        self.number = np.where(active, np.cumsum(active) - 1, -1)
        earth = _ground.along(survey.field)
        level = np.cross(earth, [0.0, 0.0, 1.0]) if abs(earth[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
        level /= np.linalg.norm(level)
        dense = -np.asarray(_ground.simulation_of_gravity(survey.gravity.places, mesh, active, "ram").G)
        vector = np.asarray(
            _ground.simulation_of_magnetics(survey.magnetic.places, survey.field, mesh, active, "ram").G
        ).reshape(len(survey.magnetic.values), 3, -1)
        self.split = len(survey.gravity.values)
        whiten = []
        for readings, wide, trend in ((survey.gravity, COVER, TREND[0]), (survey.magnetic, LEVEL, TREND[1])):
            scatter = math.hypot(wide, SHAPELESS * float(np.ptp(readings.values)))
            whiten.append(np.linalg.inv(np.linalg.cholesky(_covariance(readings, scatter, trend))))
        self.readings = np.concatenate(
            [
                way @ (one.values - np.median(one.values))
                for way, one in zip(whiten, (survey.gravity, survey.magnetic), strict=True)
            ]
        )
        self.dense = np.ascontiguousarray((whiten[0] @ dense).T)
        self.magnetic = [
            np.ascontiguousarray((whiten[1] @ sum(part * vector[:, axis] for axis, part in enumerate(way))).T)
            for way in (earth, level, np.cross(earth, level))
        ]

    def surface(self, places: Array) -> Array:
        """Return the elevation in m of the station nearest to each place (n, 2 or more)."""
        from scipy.spatial import cKDTree

        return np.asarray(self.stations[cKDTree(self.stations[:, :2]).query(places[:, :2])[1], 2])

    def filled(self, shapes: Array) -> tuple[NDArray[np.int64], Array]:
        """Return numbers of cells, and the share of each (shapes, cells) that the ellipsoids of shapes (n, 8) fill."""
        count, half = len(shapes), np.exp(shapes[:, 3:6])
        turned = np.stack([_ground.rotation(strike, dip) for strike, dip in shapes[:, 6:8]])
        points = shapes[:, None, :3] + (_BALL * half[:, None]) @ turned
        volume = 4 / 3 * np.pi * half.prod(axis=1) / len(_BALL) / CELL.prod()
        at = (points - self.origin) / CELL - 0.5
        low = np.clip(np.floor(at).astype(int), 0, self.counts - 2)
        part = np.clip(at - low, 0.0, 1.0)
        # A box of cells about all of the shapes; each point is spread over the eight cells around it.
        least = low.reshape(-1, 3).min(axis=0)
        box = low.reshape(-1, 3).max(axis=0) + 2 - least
        x, y, z = np.moveaxis(low - least, 2, 0)
        place = x + box[0] * (y + box[1] * z) + np.arange(count)[:, None] * box.prod()
        corners = np.array([i + box[0] * (j + box[1] * k) for k in (0, 1) for j in (0, 1) for i in (0, 1)])
        ways = np.stack([1 - part, part])
        share = ways[None, None, :, ..., 0] * ways[None, :, None, ..., 1] * ways[:, None, None, ..., 2]
        share = share.reshape(8, count, -1) * volume[:, None]
        found = np.bincount((place + corners[:, None, None]).ravel(), share.ravel(), count * int(box.prod()))
        found = found.reshape(count, -1)
        x, y, z = (np.arange(size) + start for size, start in zip(box, least, strict=True))
        cells = self.number[(x + self.counts[0] * (y[:, None] + self.counts[1] * z[:, None, None])).ravel()]
        kept = np.flatnonzero((cells >= 0) & found.any(axis=0))  # what is above the ground is no rock
        return cells[kept], np.asarray(found[:, kept], dtype=float)

    def unit(self, shapes: Array) -> Array:
        """Return fields (shapes, 4, readings) of unit density and of unit susceptibility along three axes."""
        cells, share = self.filled(shapes)
        fields = np.zeros((len(shapes), 4, len(self.readings)))
        fields[:, 0, : self.split] = share @ self.dense[cells]
        for axis, kernel in enumerate(self.magnetic, start=1):
            fields[:, axis, self.split :] = share @ kernel[cells]
        return fields

    def field(self, *bodies: Body) -> Array:
        """Return the whitened readings over bodies."""
        total = np.zeros(len(self.readings))
        for one in bodies:
            total += one.values[SHAPE:] @ self.unit(one.values[None, :SHAPE])[0]
        return total

    def slopes(self, body: Body) -> tuple[Array, Array]:
        """Return a body's field (readings,) and its derivatives (12, readings) by the parameters in deviations."""
        unit = self.unit(body.values[:SHAPE] + np.vstack([np.zeros(SHAPE), np.diag(_STEPS)]))
        fields = np.tensordot(unit, body.values[SHAPE:], (1, 0))
        slope = np.vstack([(fields[1:] - fields[0]) / _STEPS[:, None], unit[0]])
        return fields[0], slope * body.deviation[:, None]

    def body(self, rock: str, shape: Array) -> Body:
        """Return a body of a rock with a shape (8,), about whose place and strike it may vary."""
        mean, deviation = ROCKS[rock]
        below = float(self.surface(shape[None])[0]) - DEPTH[0]
        before = np.array([*shape[:2], below, *np.log(LENGTHS[rock]), shape[6], math.radians(DIP[0]), *mean])
        wide = np.array([200.0, 200.0, DEPTH[1], *[SCATTER] * 3, 1.5, math.radians(DIP[1]), *deviation])
        return Body(rock, np.array([*shape, *mean]), before, wide)

    def fit(self, bodies: list[Body], rest: Array, steps: int) -> Found:
        """Return bodies moved by Levenberg and Marquardt to explain ``rest``."""
        if not bodies:
            return Found([], 0.5 * float(rest @ rest), np.zeros((0, 0)))
        damping = 1.0
        bodies, cost, normal, downhill = self._linear(bodies, rest)
        for _ in range(steps):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), downhill).reshape(len(bodies), -1)
            tried = [
                Body(one.rock, one.values + np.clip(move, -1.5, 1.5) * one.deviation, one.mean, one.deviation)
                for one, move in zip(bodies, step, strict=True)
            ]
            new = _cost(tried, rest - self.field(*tried))
            if new < cost:
                gained = cost - new
                bodies, cost, normal, downhill = self._linear(tried, rest)
                damping = max(damping / 4, 1e-3)
                if gained < 0.01 * max(1.0, 0.01 * cost):
                    break
            else:
                damping *= 5
                if damping > 1e4:
                    break
        return Found(bodies, cost + 0.5 * float(np.linalg.slogdet(normal)[1]) + PRICE * len(bodies), normal)

    def _linear(self, bodies: list[Body], rest: Array) -> tuple[list[Body], float, Array, Array]:
        """Return bodies, their cost, its second derivatives (Gauss and Newton) and the way down."""
        fields, slopes = zip(*(self.slopes(one) for one in bodies), strict=True)
        slope, error = np.vstack(slopes), rest - np.sum(fields, axis=0)
        strain = np.concatenate([one.strain for one in bodies])
        return bodies, _cost(bodies, error), slope @ slope.T + np.eye(len(slope)), slope @ error - strain

    def search(self) -> Found:
        """Return the bodies that explain the survey."""
        spots, unit = self._spots()
        now = best = Found([], 0.5 * float(self.readings @ self.readings), np.zeros((0, 0)))
        failed = 0
        # One body alone may not pay where two would: the search goes on over one that doesn't.
        while len(now.bodies) < MOST and failed < 2:
            now = self._added(now.bodies, spots, unit)
            now = self.fit(self._improved(now.bodies, now.bodies[-1:]), self.readings, 6)
            failed = failed + 1 if now.cost > best.cost - 0.1 else 0
            best = min(now, best, key=lambda found: found.cost)
        for _ in range(2):
            best = self.fit(self._improved(best.bodies, best.bodies), self.readings, 8)
        return best

    def _added(self, bodies: list[Body], spots: Array, unit: Array) -> Found:
        """Return bodies and one more, of the rock and place that explain most."""
        rest = self.readings - self.field(*bodies)
        tries = []
        for rock in ROCKS:
            place = spots[int(np.argmax(_gains(rock, unit, rest)))]
            shapes = [
                np.array([*place, *np.log(LENGTHS[rock]), strike, math.radians(DIP[0])])
                for strike in np.arange(4) * np.pi / 2
            ]
            alone = (self.fit([self.body(rock, shape)], rest, 5) for shape in shapes)
            tries.append(min(alone, key=lambda found: found.cost))
        tries.sort(key=lambda found: found.cost)
        together = (self.fit([*bodies, *one.bodies], self.readings, 8) for one in tries[:2])
        return min(together, key=lambda found: found.cost)

    def _spots(self) -> tuple[Array, Array]:
        """Return places (n, 3) all over the area at three depths, and the unit fields of a million cubic metres there."""
        low, high = self.stations.min(axis=0), self.stations.max(axis=0)
        ways = [np.arange(low[axis] + 50.0, high[axis], 80.0) for axis in (0, 1)]
        flat = np.array([(x, y, 0.0) for x in ways[0] for y in ways[1]])
        spots = np.vstack(
            [np.column_stack([flat[:, :2], self.surface(flat) - depth]) for depth in (80.0, 140.0, 220.0)]
        )
        radius = math.log(100.0 * (3 / (4 * math.pi)) ** (1 / 3))
        shapes = np.column_stack([spots, np.full((len(spots), 3), radius), np.zeros((len(spots), 2))])
        # Neighbours share a box of cells.
        return spots, np.concatenate([self.unit(shapes[at : at + 16]) for at in range(0, len(shapes), 16)])

    def _near(self, one: Body, bodies: list[Body]) -> tuple[list[Body], list[Body], Array]:
        """Return the others near a body, those far away, and the readings less the field of these."""
        near = [other for other in bodies if other is not one and other.away(one) < NEAR]
        far = [other for other in bodies if other is not one and other.away(one) >= NEAR]
        return near, far, self.readings - self.field(*far)

    def _improved(self, bodies: list[Body], which: Sequence[Body]) -> list[Body]:
        """Return bodies after another rock, no body and one for two were tried for each of ``which``."""
        for one in which:
            if not any(one is other for other in bodies):
                continue
            near, far, rest = self._near(one, bodies)
            tries = [near, *([self.body(rock, one.values[:SHAPE]), *near] for rock in ROCKS if rock != one.rock)]
            for other in near:
                if one.away(other) < MERGED:
                    shape = np.array([*(one.values + other.values)[:3] / 2, *one.values[3:SHAPE]])
                    left = [third for third in near if third is not other]
                    tries += [[self.body(rock, shape), *left] for rock in ROCKS]
            best = min((self.fit(some, rest, 6) for some in tries), key=lambda found: found.cost)
            if best.cost < self.fit([one, *near], rest, 3).cost - 0.1:
                bodies = [*far, *best.bodies]
        return bodies

    def prospects(self, bodies: list[Body]) -> list[tuple[float, Array, Array]]:
        """Return for each body the chance that it is ore, its shape (8,) if it is, and that shape's covariance."""
        found = []
        for one in bodies:
            near, _, rest = self._near(one, bodies)
            same = {one.rock: one}
            tries = [
                self.fit([same.get(rock) or self.body(rock, one.values[:SHAPE]), *near], rest, 8) for rock in ROCKS
            ]
            costs = np.array([each.cost for each in tries])
            chances = np.exp(-(costs - costs.min()) / HEAT)
            ore = tries[0].bodies[0]
            spread = (
                np.linalg.inv(tries[0].normal)[:SHAPE, :SHAPE] * np.outer(ore.deviation, ore.deviation)[:SHAPE, :SHAPE]
            )
            found.append((float(chances[0] / chances.sum()), ore.values[:SHAPE], spread))
        return found


def _cost(bodies: Sequence[Body], error: Array) -> float:
    return 0.5 * float(error @ error + sum(one.strain @ one.strain for one in bodies))


def _covariance(readings: Readings, scatter: float, trend: float) -> Array:
    """Return the covariance (n, n) of readings: their errors, what is alike over `REACH`, a trend of second order."""
    flat = readings.places[:, :2] - readings.places[:, :2].mean(axis=0)
    apart = np.sum((flat[:, None] - flat) ** 2, axis=2)
    x, y = (flat / np.abs(flat).max()).T
    terms = np.column_stack([np.ones_like(x), x, y, x * y, x * x, y * y])
    alike = scatter**2 * np.exp(-apart / (2 * REACH**2))
    return np.asarray(np.diag(readings.errors**2) + alike + trend**2 * terms @ terms.T)


def _gains(rock: str, unit: Array, rest: Array) -> Array:
    """Return how much a body of a rock at each spot (n,) would explain of ``rest``; its volume may be half or double."""
    volume = 4 / 3 * math.pi * math.prod(LENGTHS[rock]) / 1e6
    mean, deviation = (volume * np.array(one) for one in ROCKS[rock])
    root = np.linalg.cholesky(np.diag(deviation**2) + 0.25 * np.outer(mean, mean))
    scaled = np.einsum("ab,nad->nbd", root, unit)
    error = rest - np.tensordot(unit, mean, (1, 0))
    match = np.einsum("nbd,nd->nb", scaled, error)
    inner = np.einsum("nbd,ncd->nbc", scaled, scaled) + np.eye(4)
    explained = np.einsum("nb,nb->n", match, np.linalg.solve(inner, match[..., None])[..., 0])
    return np.asarray(explained - np.einsum("nd,nd->n", error, error) - np.linalg.slogdet(inner)[1])


def metres(shape: Array, holes: Array, top: Array, depth: float) -> Array:
    """Return the metres that vertical holes (n, 2) from elevations ``top`` (n,) to ``depth`` cut of an ellipsoid (8,)."""
    axes = _ground.rotation(shape[6], shape[7]) / np.exp(shape[3:6])[:, None]
    start, up = (np.column_stack([holes, np.zeros(len(holes))]) - shape[:3]) @ axes.T, axes[:, 2]
    # |axes (hole + z up - centre)| = 1 is a quadratic of the elevation z.
    a, b, c = up @ up, start @ up, (start**2).sum(axis=1) - 1.0
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    low, high = np.maximum((-b - root) / a, top - depth), np.minimum((-b + root) / a, top)
    return np.asarray(np.maximum(high - low, 0.0))


def expected(survey: Survey, holes: Array, depth: float) -> Array:
    """Return the metres of ore (n,) expected in vertical holes (n, 2): chances of ore times metres, over likely shapes."""
    problem = Problem(survey)
    top, draw = problem.surface(holes), np.random.default_rng(0)
    total = np.zeros(len(holes))
    for chance, shape, spread in problem.prospects(problem.search().bodies):
        for likely in draw.multivariate_normal(shape, spread, DRAWS, method="cholesky"):
            total += chance / DRAWS * metres(likely, holes, top, depth)
    return total
