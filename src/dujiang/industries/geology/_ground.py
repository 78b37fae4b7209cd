"""Ground that a survey is simulated over: ore and barren bodies, terrain, cover, a regional trend, and fields by SimPEG.

Ore of massive sulphide or magnetite is denser and more magnetic than its host. Gabbro is dense, serpentinite and dykes are
magnetic, and some keep a magnetisation of their own. Hollows hold light sediment. No body is a perfect ellipsoid: its
border undulates and its grade varies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SPACING = 80.0
"""Metres between stations and between lines."""
_CELLS = (25.0, 25.0, 10.0)
_DEEP = 650.0
_STEP = 2.0  # m of a core that is logged as ore or not


@dataclass(frozen=True, slots=True)
class Waves:
    """A smooth random function of places, mean 0 and standard deviation 1: ``waves`` (n, dimensions) in 1/m, ``phases`` (n,)."""

    waves: Array
    phases: Array

    def __call__(self, places: Array) -> Array:
        """Return values (n,) at places (n, dimensions) in m."""
        return np.asarray(math.sqrt(2 / len(self.phases)) * np.cos(places @ self.waves.T + self.phases).sum(axis=1))


def waves(draw: np.random.Generator, length: float, dimensions: int) -> Waves:
    """Return a random function that varies over about ``length`` m."""
    return Waves(draw.normal(0.0, np.pi / (2 * length), (24, dimensions)), draw.uniform(0.0, 2 * np.pi, 24))


@dataclass(frozen=True, slots=True)
class Body:
    """A lens or, where ``slab``, a faulted sheet about ``centre`` (3,) in m.

    ``axes`` (3, 3) holds unit rows along strike, down dip and across, each over its half length. ``density`` in g/cm3 and
    ``magnetisation`` (3,), as effective susceptibility along east, north and up, are against the host. ``throw`` in m
    along the dip is what a fault across the strike moved one half by.
    """

    centre: Array
    axes: Array
    density: float
    magnetisation: Array
    border: Waves
    slab: bool = False
    throw: float = 0.0

    def inside(self, places: Array) -> NDArray[np.bool_]:
        """Return which places (n, 3) lie in the body."""
        within = (places - self.centre) @ self.axes.T
        if self.slab:
            within[:, 1] -= np.where(within[:, 0] > 0, self.throw * np.linalg.norm(self.axes[1]), 0.0)
        far = np.abs(within).max(axis=1) if self.slab else np.linalg.norm(within, axis=1)
        near = far < 2.0
        near[near] = far[near] <= 1.0 + 0.1 * np.clip(self.border(places[near]), -2.0, 2.0)
        return np.asarray(near)

    def grade(self, places: Array) -> Array:
        """Return the factor of density and magnetisation at places: its mean is 1."""
        return np.asarray(1.0 + 0.1 * np.clip(self.border(places[:, ::-1]), -2.0, 2.0))


@dataclass(frozen=True, slots=True)
class Ground:
    """What only the judge knows: the ore, the terrain (elevation in m over east and north) and the side of the area."""

    ore: tuple[Body, ...]
    terrain: Waves
    relief: float
    side: float

    def surface(self, places: Array) -> Array:
        """Return the elevation in m at places (n, 2 or more)."""
        return self.relief * self.terrain(places[:, :2])

    def metres(self, hole: Array, depth: float) -> float:
        """Return the metres of ore in a vertical hole at (east, north) of ``depth`` m."""
        steps = np.arange(_STEP / 2, depth, _STEP)
        top = float(self.surface(hole[None])[0])
        core = np.column_stack([np.tile(hole, (len(steps), 1)), top - steps])
        return _STEP * float(np.any([body.inside(core) for body in self.ore], axis=0).sum())


def along(field: tuple[float, float, float]) -> Array:
    """Return the unit vector (east, north, up) of a field given by intensity, inclination and declination in degrees."""
    inclination, declination = np.radians(field[1:])
    level = math.cos(inclination)
    return np.array([level * math.sin(declination), level * math.cos(declination), -math.sin(inclination)])


def rotation(strike: float, dip: float) -> Array:
    """Return unit rows (3, 3) along strike, down dip and across, of angles in radians."""
    east, north, cos, sin = math.sin(strike), math.cos(strike), math.cos(dip), math.sin(dip)
    return np.array([[east, north, 0.0], [north * cos, -east * cos, -sin], [-north * sin, east * sin, -cos]])


def body(
    draw: np.random.Generator, ground: Ground, kind: str, field: tuple[float, float, float], *, other: bool
) -> Body:
    """Return a random ``ore``, ``dense`` or ``magnetic`` body under the ground; ``other``: of the second generator."""
    turned = rotation(draw.uniform(0.0, 2 * np.pi), np.radians(draw.uniform(20.0, 80.0 if other else 70.0)))
    size = {"ore": (0.8, 1.0), "dense": (1.0, 1.8), "magnetic": (0.7, 1.5)}[kind]
    half = np.array([draw.uniform(90, 200), draw.uniform(70, 150), draw.uniform(20, 40)]) * draw.uniform(*size)
    if kind == "ore" and other:
        half *= (0.9, 0.9, 0.7)  # a sheet's corners are full
    reach = float(np.linalg.norm(turned[:, 2] * half))
    centre = np.append(draw.uniform(0.15, 0.85, 2) * ground.side, 0.0)
    centre[2] = float(ground.surface(centre[None])[0]) - reach - draw.uniform(30.0, 120.0)
    induced, kept = along(field), draw.normal(0.0, 1.0, 3)
    kept /= np.linalg.norm(kept)
    border = waves(draw, 50.0, 3)
    throw = float(draw.normal(0.0, 40.0)) if other else 0.0
    if kind == "ore":
        density, induction = draw.uniform(0.5, 1.2), draw.uniform(0.05, 0.2)
        magnetisation = induction * (induced + (0.4 * draw.random() * kept if other else 0.0))
    elif kind == "dense":
        density, magnetisation = draw.uniform(0.15, 0.4), draw.uniform(0.0, 0.02) * induced
    else:
        density, magnetisation = (
            draw.uniform(-0.05, 0.1),
            draw.uniform(0.02, 0.12) * (induced + draw.uniform(0.0, 1.0) * kept),
        )
    slab = other and kind != "dense"
    return Body(centre, turned / half[:, None], float(density), magnetisation, border, slab, throw)


def fields(
    places: Array,
    bodies: Sequence[Body],
    ground: Ground,
    cover: Waves,
    thickness: float,
    field: tuple[float, float, float],
) -> tuple[Array, Array]:
    """Return gravity in mGal (more over dense rock) and total-field anomaly in nT at places (n, 3) by SimPEG."""
    import discretize

    counts = [round((ground.side + 400.0) / _CELLS[0])] * 2
    peak = float(ground.surface(places).max()) + 40.0
    counts.append(round((peak + _DEEP) / _CELLS[2]))
    mesh = discretize.TensorMesh(
        [[cell] * count for cell, count in zip(_CELLS, counts, strict=True)], origin=[-200.0, -200.0, -_DEEP]
    )
    layer, centres = counts[0] * counts[1], mesh.cell_centers
    below = np.tile(ground.surface(centres[:layer]), counts[2]) - centres[:, 2]
    filled = np.tile(np.clip(thickness * cover(centres[:layer, :2]), 0.0, None), counts[2])
    density, magnetisation = np.zeros(len(centres)), np.zeros((len(centres), 3))
    density[(below > 0) & (below < filled)] = -0.3
    for one in bodies:
        at = np.flatnonzero(
            (below > 0) & (np.linalg.norm(centres - one.centre, axis=1) < 2.5 / np.linalg.norm(one.axes, axis=1).min())
        )
        at = at[one.inside(centres[at])]
        grade = one.grade(centres[at])
        density[at], magnetisation[at] = grade * one.density, grade[:, None] * one.magnetisation
    dense, magnetic = density != 0, magnetisation.any(axis=1)
    heavy = simulation_of_gravity(places, mesh, dense, "forward_only").dpred(density[dense])
    total = simulation_of_magnetics(places, field, mesh, magnetic, "forward_only").dpred(
        magnetisation[magnetic].T.ravel()
    )
    return -np.asarray(heavy), np.asarray(total)


def simulation_of_gravity(places: Array, mesh: Any, active: Any, keep: str) -> Any:
    """Return SimPEG's gravity of cells; its gz points up, so that dense rock gives less."""
    from simpeg import maps
    from simpeg.potential_fields import gravity

    receivers = gravity.receivers.Point(places, components="gz")
    return gravity.simulation.Simulation3DIntegral(
        survey=gravity.survey.Survey(gravity.sources.SourceField([receivers])),
        mesh=mesh,
        rhoMap=maps.IdentityMap(nP=int(active.sum())),
        active_cells=active,
        engine="geoana",
        store_sensitivities=keep,
    )


def simulation_of_magnetics(places: Array, field: tuple[float, float, float], mesh: Any, active: Any, keep: str) -> Any:
    """Return SimPEG's total field of cells that each have a magnetisation vector: all easts first, then norths, then ups."""
    from simpeg import maps
    from simpeg.potential_fields import magnetics

    receivers = magnetics.receivers.Point(places, components="tmi")
    source = magnetics.sources.UniformBackgroundField(
        [receivers], amplitude=field[0], inclination=field[1], declination=field[2]
    )
    return magnetics.simulation.Simulation3DIntegral(
        survey=magnetics.survey.Survey(source),
        mesh=mesh,
        chiMap=maps.IdentityMap(nP=3 * int(active.sum())),
        active_cells=active,
        engine="geoana",
        store_sensitivities=keep,
        model_type="vector",
    )
