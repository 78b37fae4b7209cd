"""Strategic deconfliction of drones over a city (低空感知、决策、管控): plan a period's flights free of conflict.

Deliveries and inspections leave vertiports all over a city and cross each other between its towers. Two drones lose
separation when they come within 32 m across and 7.6 m (25 ft) in height: what Metropolis II, the European study of
separation in urban air space, takes. The measure is losses of separation a flight hour, each minute of mean delay
counted as a tenth of one more: a plan that keeps everybody on the ground is none.

*Data.* Our own kinematic simulation in steps of a second. BlueSky, the field's open simulator, is not used: it needs a C
compiler where it is installed, and its navigation data is under the GPL. What the simulator knows and neither planner does:
the true wind (forecast error of 1.2 m/s a component, gusts a drone), departures late by up to half a minute, navigation
error (3 m), and one flight in twelve that nobody announced and that yields to nobody. In flight all drones, however planned,
stop and wait for those before them in the list when they are about to come too close.

*Baseline.* Concept of operations of today: the shortest route around towers in the layer of one's direction of flight (one
of eight, as in the layers concept of Metropolis, Sunil et al. 2015, 11th USA/Europe ATM Seminar), departures from one
vertiport spaced.

*Method.* Flights are planned one after the other as operational intents in the sense of ASTM F3548-21: volumes of space and
time that nobody else may hold. A volume is an H3 cell with its neighbours, a layer and a few seconds; for each flight
the cheapest departure and layer is taken whose
volumes are free on the shortest way around the towers (networkx). The time kept free before and behind, and the
baseline's spacing at vertiports, were chosen on seeds from 1000.

*Published.* Sunil et al. 2015 find that layers by direction have fewer conflicts than full mix; Morfin Veytia et al. (2022,
Metropolis II) that central planning in space and time has fewer still and more sensitivity to wind.
"""

from __future__ import annotations

import heapq
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]
Place = tuple[float, float]
"""Longitude and latitude in degrees, or east and north in m."""

ACROSS, ABOVE = 32.0, 7.6  # m: separation
LAYERS = tuple(60.0 + 10.0 * layer for layer in range(8))  # m above ground
CLIMB = 3.0  # m/s, up and down
CLEARANCE = 30.0  # m from a tower
LATEST = 600.0  # s: the longest that a departure may be put off
MINUTE_COUNTS = 0.1
SIZES = {"small": (40, 500.0), "default": (160, 1800.0)}
"""Flights, and the seconds in which they ask to depart."""
_CENTRE = (104.065, 30.655)
_EAST, _NORTH = 111_320.0 * math.cos(math.radians(_CENTRE[1])), 110_850.0  # m a degree


@dataclass(frozen=True, slots=True)
class Tower:
    """A tower, as a circle: ``at`` longitude and latitude, ``radius`` and ``height`` in m."""

    at: Place
    radius: float
    height: float


@dataclass(frozen=True, slots=True)
class Flight:
    """A request: from and to are places of vertiports, ``departure`` in s from the period's start, ``speed`` in m/s."""

    name: str
    origin: Place
    destination: Place
    departure: float
    speed: float


@dataclass(frozen=True, slots=True)
class Period:
    """A period's flights over a city; ``wind`` is the forecast, m/s towards east and north."""

    towers: tuple[Tower, ...]
    flights: tuple[Flight, ...]
    wind: tuple[float, float]


# --- routes -------------------------------------------------------------------------------------------------------


def _metres(place: Place) -> Place:
    return (place[0] - _CENTRE[0]) * _EAST, (place[1] - _CENTRE[1]) * _NORTH


def _degrees(place: Place) -> Place:
    return round(_CENTRE[0] + place[0] / _EAST, 6), round(_CENTRE[1] + place[1] / _NORTH, 6)


class _Air:
    """The ways around the towers that reach into each layer."""

    def __init__(self, towers: Sequence[Tower], ports: Sequence[Place]) -> None:
        self.towers = [(_metres(one.at), one.radius + CLEARANCE, one.height + 10.0) for one in towers]
        self.ports = [_metres(port) for port in ports]
        self._graphs: dict[float, Any] = {}
        self._routes: dict[tuple[Place, Place, float], tuple[Place, ...] | None] = {}

    def blocking(self, layer: float) -> tuple[Array, Array]:
        """Return centres (towers, 2) and radii of what must be flown around in a layer."""
        there = [(centre, radius) for centre, radius, height in self.towers if height > layer]
        return np.array([centre for centre, _ in there]).reshape(-1, 2), np.array([radius for _, radius in there])

    def clear(self, start: Place, ends: Array, layer: float, slack: float = 1e-6) -> NDArray[np.bool_]:
        """Say which of the straight ways from a place to ``ends`` (n, 2) come no nearer to a tower than they may."""
        centres, radii = self.blocking(layer)
        if not len(centres):
            return np.ones(len(ends), dtype=bool)
        way = ends - start
        length = np.maximum((way**2).sum(axis=1), 1e-9)
        along = np.clip(((centres[None] - start) * way[:, None]).sum(axis=2) / length[:, None], 0.0, 1.0)
        nearest = np.asarray(start) + along[:, :, None] * way[:, None]
        return np.asarray((np.linalg.norm(nearest - centres, axis=2) >= radii - slack).all(axis=1))

    def _graph(self, layer: float) -> Any:
        """Return the visibility graph of vertiports and of octagons about the towers."""
        import networkx as nx

        if layer not in self._graphs:
            centres, radii = self.blocking(layer)
            angles = np.arange(8) * np.pi / 4
            ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) / math.cos(np.pi / 8)
            corners = (centres[:, None] + (radii[:, None, None] + 1e-3) * ring).reshape(-1, 2)
            nodes = [*self.ports, *((float(x), float(y)) for x, y in corners)]
            graph = nx.Graph()
            graph.add_nodes_from(nodes)
            points = np.array(nodes)
            for place, node in enumerate(nodes):
                for other in np.flatnonzero(self.clear(node, points[place + 1 :], layer)) + place + 1:
                    graph.add_edge(node, nodes[other], weight=math.dist(node, nodes[other]))
            self._graphs[layer] = graph
        return self._graphs[layer]

    def route(self, start: Place, end: Place, layer: float) -> tuple[Place, ...] | None:
        """Return the shortest way around the towers, or None where there is none."""
        import networkx as nx

        key = (start, end, layer)
        if key not in self._routes:
            if self.clear(start, np.array([end]), layer)[0]:
                self._routes[key] = (start, end)
            else:
                try:
                    found = nx.astar_path(self._graph(layer), start, end, heuristic=math.dist, weight="weight")
                    self._routes[key] = tuple(found)
                except nx.NetworkXNoPath:
                    self._routes[key] = None
        return self._routes[key]


def _ground_speed(speed: float | Array, course: Array, wind: Array) -> Array:
    """Return m/s along courses (n, 2) of unit length in a wind (n, 2): the wind triangle, no slower than 2 m/s."""
    along = (course * wind).sum(axis=1)
    across = wind - along[:, None] * course
    made: Array = np.maximum(along + np.sqrt(np.maximum(speed**2 - (across**2).sum(axis=1), 1.0)), 2.0)
    return made


def _flown(route: Sequence[Place], layer: float, speed: float, wind: Place, step: float) -> Array:
    """Return the flight as planned, (n, 4): seconds since departure, east, north and height in m, every ``step`` s."""
    up = layer / CLIMB
    points, times = [(*route[0], 0.0), (*route[0], layer)], [0.0, up]
    for one, other in itertools.pairwise(route):
        length = math.dist(one, other)
        course = np.array([[(other[0] - one[0]) / length, (other[1] - one[1]) / length]])
        times.append(times[-1] + length / float(_ground_speed(speed, course, np.array([wind]))[0]))
        points.append((*other, layer))
    points.append((*route[-1], 0.0))
    times.append(times[-1] + up)
    moments = np.arange(0.0, times[-1] + step, step)
    columns = np.array(points).T
    flown: Array = np.column_stack([moments, *(np.interp(moments, times, column) for column in columns)])
    return flown


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return a period; the truth holds it with the unannounced flights, the true wind and the errors' seed."""
    flights, period = SIZES[size]
    draw = np.random.default_rng([seed, 5])
    hubs = draw.normal(0.0, 900.0, (3, 2))
    ports: list[Place] = []
    while len(ports) < 24:
        hub = hubs[int(draw.integers(3))] if draw.random() < 0.5 else np.zeros(2)
        at = hub + draw.normal(0.0, 350.0 if hub.any() else 1300.0, 2)
        if all(math.dist(at, other) > 200.0 for other in ports):
            ports.append((float(at[0]), float(at[1])))
    towers: list[Tower] = []
    while len(towers) < 30:
        at, radius = draw.normal(0.0, 1100.0, 2), float(draw.uniform(20.0, 70.0))
        if all(math.dist(at, port) > radius + CLEARANCE + 60.0 for port in ports):
            towers.append(Tower(_degrees((at[0], at[1])), round(radius, 1), round(float(draw.uniform(40.0, 150.0)), 1)))
    asked = np.sort(draw.uniform(0.0, period, flights))
    popular = draw.dirichlet(np.full(len(ports), 1.5))
    requests = []
    for number, departure in enumerate(asked):
        origin, destination = _pair(draw, ports, popular)
        name = f"UA{number + 1:03d}"
        speed = round(float(draw.uniform(11.0, 16.0)), 1)
        requests.append(Flight(name, _degrees(origin), _degrees(destination), round(float(departure), 1), speed))
    others = []
    for _ in range(flights // 12):
        origin, destination = _pair(draw, ports, popular)
        layer, begun = float(draw.choice(LAYERS)), float(draw.uniform(0.0, period))
        others.append({"route": (origin, destination), "layer": layer, "departure": begun, "speed": 14.0})
    wind = draw.normal(0.0, 3.0, 2)
    true = wind + draw.normal(0.0, 1.2, 2)
    inputs = Period(tuple(towers), tuple(requests), (round(float(wind[0]), 1), round(float(wind[1]), 1)))
    truth = {"period": inputs, "others": others, "wind": true, "seed": int(draw.integers(1 << 31))}
    return [Case(inputs, truth)]


def _pair(draw: np.random.Generator, ports: Sequence[Place], popular: Array) -> tuple[Place, Place]:
    while True:
        one, other = (ports[int(place)] for place in draw.choice(len(ports), 2, replace=False, p=popular))
        if math.dist(one, other) > 800.0:
            return one, other


# --- judging ------------------------------------------------------------------------------------------------------


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return losses of separation a flight hour, plus a tenth of the mean delay in minutes.

    Raises ValueError for a plan that does not hold each flight once, or holds one that can't be flown.
    """
    flown = simulate(truth, answer)
    return flown.losses / flown.hours + MINUTE_COUNTS * flown.delay


@dataclass(frozen=True, slots=True)
class Flown:
    """What came of a plan: losses of separation, hours in the air and mean delay in minutes."""

    losses: int
    hours: float
    delay: float


def simulate(truth: dict[str, Any], answer: Answer) -> Flown:
    """Fly a plan second by second; a loss is counted once for each time that two drones come too close."""
    period: Period = truth["period"]
    plans, air = _plans(period, answer), _air(period)
    routes = [plan["route"] for plan in plans] + [other["route"] for other in truth["others"]]
    layers = np.array([plan["layer"] for plan in plans] + [other["layer"] for other in truth["others"]])
    speeds = np.array([flight.speed for flight in period.flights] + [other["speed"] for other in truth["others"]])
    own, count = len(plans), len(routes)
    draw = np.random.default_rng(truth["seed"])
    late = np.minimum(draw.exponential(8.0, count), 30.0)
    start = np.array([plan["departure"] for plan in plans] + [other["departure"] for other in truth["others"]]) + late
    corners = max(len(route) for route in routes)
    points = np.array([[*route, *[route[-1]] * (corners - len(route))] for route in routes])
    legs = np.linalg.norm(np.diff(points, axis=1), axis=2)
    ends = np.cumsum(legs, axis=1)
    courses = np.diff(points, axis=1) / np.maximum(legs, 1e-9)[:, :, None]
    every = np.arange(count)

    along, height = np.zeros(count), np.zeros(count)
    state = np.zeros(count, dtype=int)  # 0 waits on the ground, 1 climbs, 2 flies, 3 descends, 4 is down
    arrived, gust, off = np.zeros(count), np.zeros((count, 2)), np.zeros((count, 2))
    close, losses, seconds, now = np.zeros((count, count), dtype=bool), 0, 0.0, 0.0
    while (state[:own] < 4).any() and now < 3 * 3600.0:
        gust = 0.9 * gust + draw.normal(0.0, 0.4, (count, 2))
        off = 0.95 * off + draw.normal(0.0, 3.0 * math.sqrt(1 - 0.95**2), (count, 2))
        state[(state == 0) & (start <= now)] = 1
        leg = np.minimum((along[:, None] >= ends - 1e-6).sum(axis=1), corners - 2)
        course = courses[every, leg]
        gone = along - (ends[every, leg] - legs[every, leg])
        at = points[every, leg] + gone[:, None] * course + off
        ground = _ground_speed(speeds, course, truth["wind"] + gust)
        there = np.flatnonzero((state > 0) & (state < 4))
        velocity = np.where((state == 2)[:, None], ground[:, None] * course, 0.0)
        rate = CLIMB * ((state == 1).astype(float) - (state == 3))
        losses += _count(there, at, height, close)
        waiting = _yielding(there, at, height, velocity, rate, own)
        moving = np.ones(count, dtype=bool)
        moving[waiting] = False
        along = np.where((state == 2) & moving, np.minimum(along + ground, ends[:, -1]), along)
        height = np.clip(height + np.where(moving, rate, 0.0), 0.0, layers)
        landed = (state == 3) & (height <= 0.0)
        arrived[landed] = now
        state[landed] = 4
        state[(state == 2) & (along >= ends[:, -1] - 1e-6)] = 3
        state[(state == 1) & (height >= layers)] = 2
        seconds += len(there)
        now += 1.0
    arrived[state < 4] = now
    free = [_alone(air, flight, truth["wind"]) for flight in period.flights]
    return Flown(losses, seconds / 3600.0, float(np.mean(arrived[:own] - np.array(free))) / 60.0)


def _count(there: NDArray[np.int64], at: Array, height: Array, close: NDArray[np.bool_]) -> int:
    """Return how many pairs have newly come too close; ``close`` remembers those that are."""
    near = np.zeros_like(close)
    if len(there) > 1:
        apart = np.linalg.norm(at[there][:, None] - at[there], axis=2)
        above = np.abs(height[there][:, None] - height[there])
        near[np.ix_(there, there)] = np.triu((apart < ACROSS) & (above < ABOVE), 1)
    new = int((near & ~close).sum())
    close[:] = near
    return new


def _yielding(
    there: NDArray[np.int64], at: Array, height: Array, velocity: Array, rate: Array, own: int
) -> NDArray[np.int64]:
    """Return the drones that stop: another before them in the list would come too close within 12 s if they didn't."""
    if len(there) < 2:
        return there[:0]
    place, speed = at[there][:, None] - at[there], velocity[there][:, None] - velocity[there]
    square = np.maximum((speed**2).sum(axis=2), 1e-6)
    when = np.clip(-(place * speed).sum(axis=2) / square, 0.0, 12.0)
    nearest = np.linalg.norm(place + when[:, :, None] * speed, axis=2)
    above = np.abs((height[there][:, None] - height[there]) + when * (rate[there][:, None] - rate[there]))
    now = np.linalg.norm(place, axis=2)
    threat = (nearest < ACROSS + 10.0) & (above < ABOVE + 3.0) & (nearest < now - 1.0)
    first = there[:, None] > there[None, :]  # the row yields to the column
    first |= (there[None, :] >= own) & (there[:, None] < own)
    first &= there[:, None] < own
    stopped: NDArray[np.int64] = there[(threat & first).any(axis=1)]
    return stopped


def _alone(air: _Air, flight: Flight, wind: Array) -> float:
    """Return when a flight would be down if it were alone: at once, by the shortest way in the lowest layer."""
    ways = [(layer, air.route(_metres(flight.origin), _metres(flight.destination), layer)) for layer in LAYERS]
    times = [
        _flown(route, layer, flight.speed, (float(wind[0]), float(wind[1])), 1.0)[-1, 0]
        for layer, route in ways
        if route is not None
    ]
    return flight.departure + float(min(times))


def _plans(period: Period, answer: Answer) -> list[dict[str, Any]]:
    """Return plans in the order of the requests; raises ValueError."""
    rows = {row["flight"]: row for row in answer}
    if len(rows) != len(answer) or rows.keys() != {flight.name for flight in period.flights}:
        raise ValueError("the plan does not hold each flight once")
    air, plans = _air(period), []
    for flight in period.flights:
        row = rows[flight.name]
        if row["layer_m"] not in LAYERS or not 0.0 <= row["departure_s"] - flight.departure <= LATEST + 1.0:
            raise ValueError(f"{flight.name}: no such layer, or a departure too early or more than {LATEST:g} s late")
        route = [_metres((float(x), float(y))) for x, y in (point.split(",") for point in row["route"].split(" "))]
        ends = math.dist(route[0], _metres(flight.origin)) + math.dist(route[-1], _metres(flight.destination))
        # Places are rounded to the decimetre.
        clear = [air.clear(one, np.array([other]), row["layer_m"], 1.0)[0] for one, other in itertools.pairwise(route)]
        if ends > 5.0 or len(route) < 2:
            raise ValueError(f"{flight.name}: the route does not lead from vertiport to vertiport")
        if not all(clear):
            raise ValueError(f"{flight.name}: the route leads into a tower")
        plans.append({"route": route, "layer": float(row["layer_m"]), "departure": float(row["departure_s"])})
    return plans


@cache
def _air_of(towers: tuple[Tower, ...], ports: tuple[Place, ...]) -> _Air:
    return _Air(towers, ports)


def _air(period: Period) -> _Air:
    ports = dict.fromkeys(place for flight in period.flights for place in (flight.origin, flight.destination))
    return _air_of(period.towers, tuple(ports))


# --- planning -----------------------------------------------------------------------------------------------------

SPACED = 40.0  # s between departures from one vertiport
MARGIN, DRIFT = 15.0, 0.1
"""Seconds kept free before and behind, and as many more for each second flown: the wind is not quite as forecast."""
_CELLS = 11  # H3's resolution: cells 50 m from centre to centre
_STEP = 10.0  # s by which a departure is put off


def _row(flight: Flight, layer: float, departure: float, route: Sequence[Place]) -> dict[str, Any]:
    places = [f"{x:.6f},{y:.6f}" for x, y in (_degrees(place) for place in route)]
    return {"flight": flight.name, "departure_s": round(departure, 1), "layer_m": layer, "route": " ".join(places)}


def baseline(inputs: Period) -> Answer:
    """Return the shortest routes in the layers of their directions, departures from one vertiport spaced."""
    air, rows = _air(inputs), []
    left: dict[Place, float] = {}
    for flight in sorted(inputs.flights, key=lambda one: one.departure):
        start, end = _metres(flight.origin), _metres(flight.destination)
        heading = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1])) % 360.0
        own = min(int(heading // (360.0 / len(LAYERS))), len(LAYERS) - 1)
        # Where towers leave no way in one's own layer, the next one above it that has one.
        layer, route = next(
            (layer, route)
            for layer in [*LAYERS[own:], *reversed(LAYERS[:own])]
            if (route := air.route(start, end, layer)) is not None
        )
        departure = min(max(flight.departure, left.get(start, -SPACED) + SPACED), flight.departure + LATEST)
        left[start] = departure
        rows.append(_row(flight, layer, departure, route))
    return rows


Volume = tuple[str, int, float]
"""An H3 cell, a level of ten metres, and seconds since departure."""


def _volumes(route: Sequence[Place], layer: float, speed: float, wind: Place) -> tuple[list[Volume], float]:
    """Return the volumes that a flight is in, and its duration in s."""
    import h3

    flown = _flown(route, layer, speed, wind, 2.0)
    volumes = []
    for moment, x, y, height in flown.tolist():
        cell = h3.latlng_to_cell(_CENTRE[1] + y / _NORTH, _CENTRE[0] + x / _EAST, _CELLS)
        # Who climbs or descends is between two levels and holds both.
        volumes += [(cell, level, moment) for level in {math.floor(height / 10), math.ceil(height / 10)}]
    return volumes, float(flown[-1, 0])


def _spans(volumes: Sequence[Volume], departure: float) -> dict[tuple[str, int], tuple[float, float]]:
    """Return when a flight holds which cells and levels: those that it is in and those about them."""
    import h3

    spans: dict[tuple[str, int], tuple[float, float]] = {}
    for cell, level, moment in volumes:
        more = MARGIN + DRIFT * moment
        for near in h3.grid_disk(cell, 1):
            begin, end = spans.get((near, level), (math.inf, -math.inf))
            spans[near, level] = min(begin, departure + moment - more), max(end, departure + moment + more)
    return spans


def method(inputs: Period) -> Answer:
    """Return each flight's cheapest departure, layer and route among those whose volumes are free."""
    air, rows = _air(inputs), []
    held: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)

    def free(volumes: Sequence[Volume], departure: float) -> bool:
        return not any(
            begin <= departure + moment <= end
            for cell, level, moment in volumes
            for begin, end in held.get((cell, level), ())
        )

    for flight in sorted(inputs.flights, key=lambda one: one.departure):
        ways: list[tuple[float, tuple[Place, ...], list[Volume]]] = []
        queue: list[tuple[float, int, float]] = []
        for layer in LAYERS:
            route = air.route(_metres(flight.origin), _metres(flight.destination), layer)
            if route is not None:
                volumes, duration = _volumes(route, layer, flight.speed, inputs.wind)
                queue.append((duration, len(ways), 0.0))
                ways.append((layer, route, volumes))
        heapq.heapify(queue)
        first = queue[0]  # the shortest one at once where nothing is free in time
        while queue:
            cost, way, wait = heapq.heappop(queue)
            if free(ways[way][2], flight.departure + wait):
                first = (cost, way, wait)
                break
            if wait + _STEP <= LATEST:
                heapq.heappush(queue, (cost + _STEP, way, wait + _STEP))
        _, way, wait = first
        layer, route, volumes = ways[way]
        for key, span in _spans(volumes, flight.departure + wait).items():
            held[key].append(span)
        rows.append(_row(flight, layer, flight.departure + wait, route))
    return rows


# --- files --------------------------------------------------------------------------------------------------------

_EXTENT = 0.4  # degrees from the centre: H3's cells and the plane both hold over a city
_LIMITS = {
    "radius_m": (1.0, 500.0),
    "height_m": (1.0, 1000.0),
    "departure_s": (0.0, 86_400.0),
    "speed_mps": (3.0, 60.0),
}


def read(path: Path) -> Period:
    """Read GeoJSON (RFC 7946); raises `BadInput`.

    Towers are points with ``kind`` tower, ``radius_m`` and ``height_m``; flights are lines of two places with ``kind``
    flight, ``name``, ``departure_s`` and ``speed_mps``; ``wind_mps``, beside the features, is the forecast towards east
    and north. A fault's row says which feature it is, from 0.
    """
    path = Path(path)
    expected = Text("GeoJSON 的 FeatureCollection", "a FeatureCollection in GeoJSON")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(path, expected=expected, found=str(error)[:80]) from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or content.get("type") != "FeatureCollection":
        raise BadInput(path, field="type", expected=expected, found=type(content).__name__)
    wind = content.get("wind_mps")
    if not _two_numbers(wind) or max(map(abs, wind)) > 20.0:
        forecast = Text("预报风的东、北分量（米每秒，不超过 20）", "the wind towards east and north, m/s, at most 20")
        raise BadInput(path, field="wind_mps", expected=forecast, found=repr(wind)[:60])
    found = [_feature(path, number, one) for number, one in enumerate(features)]
    towers = tuple(one for one in found if isinstance(one, Tower))
    period = Period(towers, tuple(one for one in found if isinstance(one, Flight)), (float(wind[0]), float(wind[1])))
    names = [one.name for one in period.flights]
    if not names or len(set(names)) < len(names):
        needed = Text("至少一架次飞行，名称各不相同", "at least one flight, and each name once")
        twice = next((name for name in names if names.count(name) > 1), "0")
        raise BadInput(path, field="properties.name", expected=needed, found=twice)
    air = _air(period)
    for one in period.flights:
        if all(air.route(_metres(one.origin), _metres(one.destination), layer) is None for layer in LAYERS):
            expected = Text("楼宇之间有路可飞的起降点", "vertiports with a way between the towers")
            raise BadInput(path, row=one.name, field="geometry.coordinates", expected=expected, found="-")
    return period


def _two_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2 and all(_number(one) for one in value[:2])


def _number(value: Any, least: float = -1e9, most: float = 1e9) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _feature(path: Path, number: int, given: Any) -> Tower | Flight:
    def check(field: str, value: Any, right: bool, expected: Text) -> None:
        if not right:
            raise BadInput(path, row=f"features[{number}]", field=field, expected=expected, found=repr(value)[:60])

    given = given if isinstance(given, dict) else {}
    properties, geometry = (
        given.get(key) if isinstance(given.get(key), dict) else {} for key in ("properties", "geometry")
    )
    kind = properties.get("kind")
    check("properties.kind", kind, kind in ("tower", "flight"), Text("tower 或 flight", "tower or flight"))
    numbers = []
    for field in ("radius_m", "height_m") if kind == "tower" else ("departure_s", "speed_mps"):
        value, (least, most) = properties.get(field), _LIMITS[field]
        expected = Text(f"{least:g} 至 {most:g} 的数", f"a number from {least:g} to {most:g}")
        check(f"properties.{field}", value, _number(value, least, most), expected)
        numbers.append(float(value))
    shape, count = ("Point", 1) if kind == "tower" else ("LineString", 2)
    places = geometry.get("coordinates")
    places = [places] if kind == "tower" else places
    right = geometry.get("type") == shape and isinstance(places, list) and len(places) == count
    expected = Text(f"{count} 个点的 {shape}", f"a {shape} of {count} place(s)")
    check("geometry", geometry, right and all(map(_two_numbers, places)), expected)
    for x, y, *_ in places:
        near = f"{_CENTRE[0]:g}, {_CENTRE[1]:g} ± {_EXTENT:g}°"
        inside = max(abs(x - _CENTRE[0]), abs(y - _CENTRE[1])) <= _EXTENT
        check("geometry.coordinates", (x, y), inside, Text(f"经度、纬度在 {near}", f"degrees in {near}"))
    at = [(round(float(x), 6), round(float(y), 6)) for x, y, *_ in places]
    if kind == "tower":
        return Tower(at[0], *numbers)
    far = math.dist(_metres(at[0]), _metres(at[1])) >= 100.0
    check("geometry.coordinates", at, far, Text("相距 100 米以上的起降点", "vertiports more than 100 m apart"))
    name = properties.get("name")
    check("properties.name", name, isinstance(name, str) and bool(name.strip()), Text("名称", "a name"))
    return Flight(str(name), at[0], at[1], *numbers)


def write(inputs: Period, path: Path) -> None:
    """Write a period as the GeoJSON that `read` takes."""

    def feature(shape: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
        geometry = {"type": shape, "coordinates": coordinates}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    features = [
        feature("Point", list(one.at), kind="tower", radius_m=one.radius, height_m=one.height) for one in inputs.towers
    ]
    for one in inputs.flights:
        ends, asked = [list(one.origin), list(one.destination)], {"departure_s": one.departure, "speed_mps": one.speed}
        features.append(feature("LineString", ends, kind="flight", name=one.name, **asked))
    content = {"type": "FeatureCollection", "wind_mps": list(inputs.wind), "features": features}
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def picture(inputs: Period, answer: Answer) -> Any:
    """Return the map of the planned routes, coloured by layer, with the towers."""
    import altair as alt
    import pandas as pd

    rows = [
        {"flight": row["flight"], "layer": row["layer_m"], "order": order, "x": x / 1000, "y": y / 1000}
        for row in answer
        for order, (x, y) in enumerate(
            _metres((float(a), float(b))) for a, b in (point.split(",") for point in row["route"].split(" "))
        )
    ]
    towers = [
        {"x": x / 1000, "y": y / 1000, "height": tower.height, "radius": tower.radius}
        for tower in inputs.towers
        for x, y in [_metres(tower.at)]
    ]
    asked = {flight.name: flight.departure for flight in inputs.flights}
    wait = float(np.mean([row["departure_s"] - asked[row["flight"]] for row in answer]))
    x = alt.X("x:Q", title="东 East, km", scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", title="北 North, km", scale=alt.Scale(zero=False))
    routes = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(opacity=0.55, strokeWidth=1.2)
        .encode(
            x,
            y,
            alt.Color("layer:O", title="高度层 Layer, m", scale=alt.Scale(scheme="turbo")),
            detail="flight:N",
            order="order:Q",
        )
    )
    marks = (
        alt.Chart(pd.DataFrame(towers, columns=["x", "y", "height", "radius"]))
        .mark_circle(color="#444444", opacity=0.8)
        .encode(x, y, alt.Size("radius:Q", title="楼宇半径 Tower radius, m"), tooltip=["height:Q", "radius:Q"])
    )
    title = f"{len(answer)} 架次 flights，平均推迟起飞 mean wait on the ground {wait:.0f} s"
    return alt.layer(routes, marks).properties(width=560, height=520, title=title)


SCENARIO = Scenario(
    id="low-altitude/deconfliction",
    title=Text("低空飞行航线冲突消解", "Deconfliction of drone flights over a city"),
    summary=Text(
        "为一个时段内全城的无人机架次安排起飞时刻、高度层和绕楼航线，使其在预报风下互不冲突。",
        "Gives a period's drone flights over a city departures, layers and routes around towers that don't conflict.",
    ),
    task=5,
    system=Text("低空智联网", "the low-altitude intelligent network"),
    user=Text("低空飞行服务站的计划员", "planners of a low-altitude flight service station"),
    decision=Text(
        "每架次何时起飞、走哪个高度层、从哪侧绕行", "when each flight departs, in which layer, and which way around"
    ),
    formats=[Text("GeoJSON（RFC 7946）：楼宇和飞行申请", "GeoJSON (RFC 7946) of towers and requested flights")],
    metric=Text(
        "每飞行小时失去间隔次数，平均延误每分钟另计 0.1",
        "losses of separation a flight hour, plus 0.1 for each minute of mean delay",
    ),
    unit="1/h",
    better="lower",
    margin=0.2,
    baseline_title=Text(
        "按航向分层的最短航线，同场起飞留间隔", "shortest routes in layers by direction, departures spaced"
    ),
    method_title=Text("四维空域预留的逐架次搜索", "flight by flight search with four-dimensional reservations"),
    source="ASTM F3548-21; Sunil et al. 2015 (Metropolis); Morfin Veytia et al. 2022 (Metropolis II)",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".geojson", ".json"),
    libraries=("h3", "networkx"),
    resources=Resources(seconds=60, memory_mib=2048),
)
