"""Delivery routing (物流): plan which van of a depot brings what to whom today, and in which order.

Stops want goods within hours that they name; vans carry so much, start at the depot and come back before it closes. The
cost of the day is that of the vans that go out, each with its driver, and of the distance they drive.

*Data.* Cities by the generator of Uchoa et al. (2017, European Journal of Operational Research 257, 845-858) on a square
of 30 km: the depot in the centre, in a corner or anywhere; stops anywhere, in clusters around seeds with exponential
decay, or half of each; demands of six kinds, capacity by the wanted stops a route. Hours come on top: a share of the
stops names a window of two to four hours, around which it would be served on a tour of its own. What is judged is the plan's
cost, recomputed from the stops' order; the judge knows nothing that the planner doesn't, and refuses a plan that breaks
an hour or a load. The size "shifted" has other cities: no clusters but towns along two roads, narrow windows of one hour,
demands of one parcel.

*Baseline.* What a simple routing package does: the best of savings (Clarke & Wright 1964, Operations Research 12,
568-581) with five route-shape factors (Yellow 1970), and of insertion I1 with its eight usual settings (Solomon 1987,
Operations Research 35, 254-265), which suits hours better; then 2-opt within and relocation between routes.

*Method.* PyVRP (Wouda, Lan & Kool 2024, INFORMS Journal on Computing 36, 943-955): local search over a penalised cost that
allows broken hours and loads on the way, by the number of iterations and not of seconds, so that a plan repeats; it starts from the baseline's plan.

*Published.* The package, then with hybrid genetic search in place of today's iterated local search, came first in the 2021
DIMACS challenge on vehicles with time windows (Wouda et al. 2024). Its figures are gaps to the best plans known of classic
instances in minutes to hours; the best plan of a new city is unknown, so what is scored here is the cost a stop, of a search
of seconds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.int64]
Route = list[int]
"""Stops in the order of the tour, from 1; the depot is 0 and left out."""

STOPS = {"small": (60,), "default": (150, 200, 250), "shifted": (150, 200, 250)}
ITERATIONS = 2000
"""Of local search."""
SHAPES = (0.6, 0.8, 1.0, 1.2, 1.4)
INSERTIONS = tuple(itertools.product((1.0, 2.0), (0.0, 1.0), (False, True)))
"""Of Solomon's I1: lambda, the weight of delay against detour, whether a route starts at its farthest stop or its most urgent."""
VAN_COST, KM_COST = 300.0, 1.5
"""Yuan a van and day with its driver, and a kilometre."""
SPEED = 7.0  # m/s, a city by day
SIDE, OPEN, CLOSE = 30_000, 6 * 3600, 19 * 3600  # m, s of the day


@dataclass(frozen=True, slots=True)
class Day:
    """A depot's stops of a day; index 0 is the depot.

    ``place`` (n + 1, 2) in m, ``demand`` (n + 1,), ``hours`` (n + 1, 2) in seconds of the day within which service
    begins (the depot's: in which vans are out), ``service`` (n + 1,) in s. ``speed`` in m/s; costs in yuan.
    """

    capacity: int
    place: Array
    demand: Array
    hours: Array
    service: Array
    speed: float = 1.0
    van_cost: float = 0.0
    metre_cost: float = 1.0

    @property
    def metres(self) -> Array:
        """Return distances (n + 1, n + 1) in whole m, as EUC_2D has them."""
        away = self.place[:, None, :] - self.place[None]
        return np.asarray(np.floor(np.hypot(away[..., 0], away[..., 1]) + 0.5), dtype=np.int64)

    @property
    def seconds(self) -> Array:
        """Return travel times (n + 1, n + 1) in whole s."""
        return np.ceil(self.metres / self.speed).astype(np.int64)


# --- cities --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return a day a city; the truth is the day itself, by which the plan's cost is computed."""
    made = []
    for place, stops in enumerate(STOPS[size]):
        draw = np.random.default_rng([seed, place, 3, size == "shifted"])
        day = _city(draw, stops, along_roads=size == "shifted")
        made.append(Case(day, {"day": day}))
    return made


def _city(draw: np.random.Generator, count: int, *, along_roads: bool) -> Day:
    depot = [draw.integers(0, SIDE, 2), np.array([SIDE // 2] * 2), np.array([0, 0])][draw.integers(3)]
    if along_roads:
        places, demand = _roads(draw, count), np.ones(count, dtype=np.int64)
    else:
        clustered = [0, count, count // 2][draw.integers(3)]
        places = np.vstack([draw.integers(0, SIDE, (count - clustered, 2)), _clusters(draw, clustered)])
        demand = _demands(draw, places)
    route = draw.triangular(6, 12, 20)  # stops that a van's load is good for
    capacity = max(int(np.ceil(route * demand.sum() / count)), int(demand.max()))
    place = np.vstack([depot, places]).astype(np.int64)
    service = np.concatenate([[0], draw.integers(180, 900, count)])
    day = Day(
        capacity,
        place,
        np.concatenate([[0], demand]),
        np.tile([OPEN, CLOSE], (count + 1, 1)),
        service.astype(np.int64),
        SPEED,
        VAN_COST,
        KM_COST / 1000,
    )
    # Half to all of the stops name hours; a van that goes there alone is in time and back before the depot closes.
    there = day.seconds[0, 1:]
    earliest, latest = OPEN + there, CLOSE - there - service[1:]
    share = 1.0 if along_roads else draw.uniform(0.5, 1.0)
    narrow = draw.random(count) < share
    width = 3600 if along_roads else draw.integers(2, 5, count) * 3600
    begin = (draw.uniform(earliest, latest) - width / 2).astype(np.int64) // 900 * 900
    begin = np.maximum(begin, OPEN)
    day.hours[1:, 0] = np.where(narrow, begin, OPEN)
    day.hours[1:, 1] = np.where(narrow, np.minimum(np.maximum(begin + width, earliest), latest), latest)
    return day


def _clusters(draw: np.random.Generator, count: int) -> Array:
    """Return places around 3 to 8 seeds: kept with probability sum exp(-distance / 1.2 km) (Uchoa et al., 2.2)."""
    seeds = draw.integers(0, SIDE, (draw.integers(3, 9), 2))
    kept = np.empty((0, 2), dtype=np.int64)
    while len(kept) < count:
        tried = draw.integers(0, SIDE, (4000, 2))
        away = np.linalg.norm(tried[:, None] - seeds[None], axis=2)
        kept = np.vstack([kept, tried[draw.random(len(tried)) < np.exp(-away / 1200).sum(axis=1)]])
    return kept[:count]


def _roads(draw: np.random.Generator, count: int) -> Array:
    """Return places in towns along two roads that cross."""
    angle = draw.uniform(0, np.pi / 2) + np.array([0, np.pi / 2])
    along = draw.choice(np.linspace(-0.48, 0.48, 9), count) * SIDE + draw.normal(0, 500, count)
    road = draw.integers(0, 2, count)
    across = draw.normal(0, 700, count)
    x = along * np.cos(angle[road]) - across * np.sin(angle[road])
    y = along * np.sin(angle[road]) + across * np.cos(angle[road])
    return np.clip(np.column_stack([x, y]) + SIDE / 2, 0, SIDE).astype(np.int64)


def _demands(draw: np.random.Generator, places: NDArray[Any]) -> Array:
    """Return demands of one of six kinds: unitary, small or large of small or large spread, by quadrant, few large."""
    count = len(places)
    match int(draw.integers(6)):
        case 0:
            return np.ones(count, dtype=np.int64)
        case 1:
            return draw.integers(1, 11, count)
        case 2:
            return draw.integers(5, 11, count)
        case 3:
            return draw.integers(50, 101, count)
        case 4:
            even = (places[:, 0] < SIDE / 2) == (places[:, 1] < SIDE / 2)
            return np.where(even, draw.integers(1, 51, count), draw.integers(51, 101, count))
        case _:
            return np.where(draw.random(count) < 0.2, draw.integers(50, 101, count), draw.integers(1, 11, count))


# --- plans ---------------------------------------------------------------------------------------------------------


class _Trip:
    """Costs and feasibility of routes on a day."""

    def __init__(self, day: Day) -> None:
        self.metres: list[list[int]] = day.metres.tolist()
        self.seconds: list[list[int]] = day.seconds.tolist()
        self.early: list[int] = day.hours[:, 0].tolist()
        self.late: list[int] = day.hours[:, 1].tolist()
        self.service: list[int] = day.service.tolist()
        self.demand: list[int] = day.demand.tolist()
        self.capacity = day.capacity

    def length(self, route: Route) -> int:
        """Return metres there and back."""
        return sum(self.metres[a][b] for a, b in itertools.pairwise([0, *route, 0]))

    def load(self, route: Route) -> int:
        """Return what a van carries."""
        return sum(self.demand[stop] for stop in route)

    def times(self, route: Route) -> list[tuple[int, int]] | None:
        """Return (arrival, begin of service) at each stop, leaving as the depot opens; None where one is too late."""
        now, last, times = self.early[0], 0, []
        for stop in route:
            arrival = now + self.seconds[last][stop]
            begin = max(arrival, self.early[stop])
            if begin > self.late[stop]:
                return None
            times.append((arrival, begin))
            now, last = begin + self.service[stop], stop
        return times if now + self.seconds[last][0] <= self.late[0] else None


def baseline(inputs: Day) -> Answer:
    """Return the best of savings and insertion under their settings, improved by 2-opt and relocation."""
    return _rows(inputs, _plan(inputs))


def _plan(inputs: Day) -> list[Route]:
    trip = _Trip(inputs)
    plans = [_savings(trip, shape) for shape in SHAPES] + [_insertion(trip, *setting) for setting in INSERTIONS]

    def cost(plan: list[Route]) -> float:
        return inputs.van_cost * len(plan) + inputs.metre_cost * sum(map(trip.length, plan))

    return _improved(trip, min(plans, key=cost), inputs.van_cost / inputs.metre_cost)


def _savings(trip: _Trip, shape: float) -> list[Route]:
    """Join the end of a route to the start of another by falling d(i, 0) + d(0, j) - shape d(i, j), where it can be."""
    metres, size = np.array(trip.metres), len(trip.demand)
    saved = metres[1:, :1] + metres[:1, 1:] - shape * metres[1:, 1:]
    np.fill_diagonal(saved, -1)
    ends = np.argsort(-saved, axis=None, kind="stable")[: int((saved > 0).sum())]
    route_of: dict[int, Route] = {stop: [stop] for stop in range(1, size)}
    for end in ends.tolist():
        i, j = end // (size - 1) + 1, end % (size - 1) + 1
        first, second = route_of[i], route_of[j]
        if first is second or first[-1] != i or second[0] != j:
            continue
        joined = first + second
        if trip.load(joined) <= trip.capacity and trip.times(joined) is not None:
            route_of |= dict.fromkeys(joined, joined)
    return list({id(route): route for route in route_of.values()}.values())


def _insertion(trip: _Trip, far: float, weight: float, urgent: bool) -> list[Route]:
    """Fill one route after the other: I1 of Solomon (1987) with mu 1, detour in s of driving."""
    left = set(range(1, len(trip.demand)))
    plan = []
    while left:
        seed = min(left, key=lambda stop: (trip.late[stop] if urgent else -trip.seconds[0][stop], stop))
        left.remove(seed)
        route = [seed]
        while chosen := _cheapest(trip, route, left, far, weight):
            stop, at = chosen
            route.insert(at, stop)
            left.remove(stop)
        plan.append(route)
    return plan


def _cheapest(trip: _Trip, route: Route, left: set[int], far: float, weight: float) -> tuple[int, int] | None:
    """Return the stop that gains most by going into the route, and its place there; None where none fits."""
    times = trip.times(route) or []
    tour = [0, *route, 0]
    leaves = [trip.early[0], *(begin + trip.service[stop] for (_, begin), stop in zip(times, route, strict=True))]
    begins = [*leaves[:1], *(begin for _, begin in times), leaves[-1] + trip.seconds[route[-1]][0]]
    latest = [trip.late[0]]
    for stop, after in zip(reversed(route), reversed(tour[2:]), strict=True):
        latest.append(min(trip.late[stop], latest[-1] - trip.seconds[stop][after] - trip.service[stop]))
    latest.reverse()  # of the route's stops and the depot
    room = trip.capacity - trip.load(route)
    best: tuple[float, int, int] | None = None
    for stop in left:
        if trip.demand[stop] > room:
            continue
        cheapest: tuple[float, int] | None = None
        for at in range(len(route) + 1):
            before, after = tour[at], tour[at + 1]
            begin = max(leaves[at] + trip.seconds[before][stop], trip.early[stop])
            then = begin + trip.service[stop] + trip.seconds[stop][after]
            if begin > trip.late[stop] or then > latest[at]:
                continue
            detour = trip.seconds[before][stop] + trip.seconds[stop][after] - trip.seconds[before][after]
            delay = max(then, trip.early[after]) - begins[at + 1]
            cost = (1 - weight) * detour + weight * delay
            if cheapest is None or cost < cheapest[0]:
                cheapest = cost, at
        if cheapest is not None:
            rank = (cheapest[0] - far * trip.seconds[0][stop], stop, cheapest[1])
            best = rank if best is None or rank < best else best
    return None if best is None else best[1:]


def _improved(trip: _Trip, plan: list[Route], van_metres: float) -> list[Route]:
    """Reverse pieces of routes and move stops to other places, first that helps, until nothing does."""
    plan = [_two_opt(trip, route) for route in plan]
    improved = True
    while improved:
        improved = False
        for stop in range(1, len(trip.demand)):
            source = next(route for route in plan if stop in route)
            rest = [one for one in source if one != stop]
            gain = trip.length(source) - trip.length(rest)
            best: tuple[float, int, Route] | None = None
            for place, route in enumerate(plan):
                own = route is source
                base = rest if own else route
                freed = gain + (0 if own or rest else van_metres)
                if not own and trip.load(route) + trip.demand[stop] > trip.capacity:
                    continue
                for at in range(len(base) + 1):
                    before, after = base[at - 1] if at else 0, base[at] if at < len(base) else 0
                    cost = trip.metres[before][stop] + trip.metres[stop][after] - trip.metres[before][after]
                    if freed - cost > (best[0] if best else 1e-6):
                        tried = [*base[:at], stop, *base[at:]]
                        if trip.times(tried) is not None:
                            best = (freed - cost, place, tried)
            if best is not None:
                _, place, tried = best
                changed = {id(source): rest, id(plan[place]): _two_opt(trip, tried)}
                plan = [route for route in (changed.get(id(route), route) for route in plan) if route]
                improved = True
    return plan


def _two_opt(trip: _Trip, route: Route) -> Route:
    improved = True
    while improved:
        improved = False
        for i, j in itertools.combinations(range(len(route)), 2):
            tried = [*route[:i], *reversed(route[i : j + 1]), *route[j + 1 :]]
            if trip.length(tried) < trip.length(route) and trip.times(tried) is not None:
                route, improved = tried, True
    return route


def method(inputs: Day) -> Answer:
    """Return PyVRP's plan."""
    import pyvrp
    from pyvrp.stop import MaxIterations

    count = len(inputs.demand) - 1
    metres, seconds = inputs.metres, inputs.seconds
    opens, closes = (int(hour) for hour in inputs.hours[0])
    data = pyvrp.ProblemData(
        [pyvrp.Location(int(x), int(y)) for x, y in inputs.place],
        [
            pyvrp.Client(
                stop,
                delivery=[int(inputs.demand[stop])],
                service_duration=int(inputs.service[stop]),
                tw_early=int(inputs.hours[stop, 0]),
                tw_late=int(inputs.hours[stop, 1]),
            )
            for stop in range(1, count + 1)
        ],
        [pyvrp.Depot(0, tw_early=opens, tw_late=closes)],
        [
            pyvrp.VehicleType(
                num_available=count,
                capacity=[inputs.capacity],
                fixed_cost=round(inputs.van_cost / inputs.metre_cost),  # in metres, since PyVRP counts in whole numbers
                tw_early=opens,
                tw_late=closes,
            )
        ],
        [metres],  # type: ignore[list-item]
        [seconds],  # type: ignore[list-item]
    )
    # Clients of the model are stops from 0. Started from the baseline's plan, it is never worse than that.
    first = pyvrp.Solution(data, [[stop - 1 for stop in route] for route in _plan(inputs)])
    # A parcel too many or a second too late must be able to cost more than a van.
    parameters = pyvrp.SolveParams(penalty=pyvrp.PenaltyParams(max_penalty=1e7))
    found = pyvrp.solve(data, MaxIterations(ITERATIONS), 1, False, False, parameters, first)
    best = found.best if found.is_feasible() and found.best.is_feasible() else first
    return _rows(inputs, [[one.idx + 1 for one in route if one.is_client()] for route in best.routes()])


def _rows(day: Day, plan: Sequence[Route]) -> Answer:
    """Return a plan's rows: vans by the time of their first stop, clock times, kilometres since the depot."""
    trip = _Trip(day)
    timed = [(trip.times(route) or [], route) for route in plan]
    rows: Answer = []
    for van, (times, route) in enumerate(sorted(timed, key=lambda one: (one[0][0][1], one[1])), start=1):
        metres = 0
        for order, (stop, before, (arrival, begin)) in enumerate(zip(route, [0, *route], times, strict=False), start=1):
            metres += trip.metres[before][stop]
            rows.append(
                {
                    "van": van,
                    "order": order,
                    "stop": stop,
                    "arrive": _clock(arrival),
                    "begin": _clock(begin),
                    "leave": _clock(begin + trip.service[stop]),
                    "demand": trip.demand[stop],
                    "km": round(metres / 1000, 2),
                }
            )
    return rows


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the plan's cost a stop in yuan, from vans and order alone; raises ValueError where it can't be driven."""
    day: Day = truth["day"]
    trip = _Trip(day)
    routes: dict[int, list[tuple[int, int]]] = {}
    for row in answer:
        routes.setdefault(row["van"], []).append((row["order"], row["stop"]))
    plan = [[stop for _, stop in sorted(route)] for route in routes.values()]
    count = len(day.demand) - 1
    if sorted(itertools.chain.from_iterable(plan)) != list(range(1, count + 1)):
        raise ValueError("the plan does not hold each stop once")
    for van, route in zip(routes, plan, strict=True):
        if trip.load(route) > day.capacity:
            raise ValueError(f"van {van} carries {trip.load(route)}, more than {day.capacity}")
        if trip.times(route) is None:
            raise ValueError(f"van {van} comes too late")
    return float(day.van_cost * len(plan) + day.metre_cost * sum(map(trip.length, plan))) / count


# --- files ---------------------------------------------------------------------------------------------------------

_FORMAT = Text("VRPLIB 文本（TYPE : VRPTW）", "VRPLIB text (TYPE : VRPTW)")
_NUMBERS = {"CAPACITY": "capacity", "SPEED": "speed", "VAN_COST": "van_cost", "METRE_COST": "metre_cost"}
_SECTIONS = {"NODE_COORD_SECTION": 3, "DEMAND_SECTION": 2, "TIME_WINDOW_SECTION": 3, "SERVICE_TIME_SECTION": 2}
"""Sections and the numbers a line."""
_MOST = 1_000_000_000


def read(path: Path) -> Day:
    """Read VRPLIB text with hours (TYPE VRPTW, EUC_2D, the depot is node 1); raises `BadInput`.

    Beside the standard's keys, SPEED, VAN_COST and METRE_COST may say metres a second, yuan a van and yuan a metre; without
    them cost and time are distance, as in the classic instances. SERVICE_TIME may stand for its section.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(path, expected=_FORMAT, found=type(error).__name__) from error
    keys: dict[str, tuple[int, str]] = {}
    tables: dict[str, dict[int, list[int]]] = {}
    section, wide = "", 0
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text == "EOF":
            continue
        head, _, value = (part.strip() for part in text.partition(":"))
        if re.fullmatch(r"[A-Z_]+", head):
            section, wide = head, _SECTIONS.get(head, 0)
            if head.endswith("_SECTION"):
                tables.setdefault(head, {})
            else:
                keys[head] = number, value
        elif section in _SECTIONS:
            cells = _whole(path, number, section, text.split(), wide)
            if cells[0] in tables[section]:
                expected = Text("每个节点一行", "each node once")
                raise BadInput(path, row=number, field=section, expected=expected, found=str(cells[0]))
            tables[section][cells[0]] = cells[1:]
        elif section != "DEPOT_SECTION":
            raise BadInput(path, row=number, expected=_FORMAT, found=text[:40])
    return _day(path, keys, tables)


def _whole(path: Path, number: int, section: str, cells: list[str], wide: int) -> list[int]:
    if len(cells) != wide:
        expected = Text(f"每行 {wide} 个数", f"{wide} numbers a line")
        raise BadInput(path, row=number, field=section, expected=expected, found=str(len(cells)))
    for cell in cells:
        if not re.fullmatch(r"-?\d{1,9}", cell) or (section != "NODE_COORD_SECTION" and int(cell) < 0):
            expected = Text("整数，坐标以外不为负", "whole numbers, not negative but for coordinates")
            raise BadInput(path, row=number, field=section, expected=expected, found=cell)
    return [int(cell) for cell in cells]


def _day(path: Path, keys: dict[str, tuple[int, str]], tables: dict[str, dict[int, list[int]]]) -> Day:
    for key, known in (("TYPE", "VRPTW"), ("EDGE_WEIGHT_TYPE", "EUC_2D")):
        number, found = keys.get(key, (0, ""))
        if found != known:
            raise BadInput(path, row=number or None, field=key, expected=Text(known, known), found=found or "-")
    numbers = {}
    for key, name in _NUMBERS.items():
        number, found = keys.get(key, (0, "1" if key in ("SPEED", "METRE_COST") else "0" if key == "VAN_COST" else ""))
        try:
            numbers[name] = float(found)
        except ValueError:
            numbers[name] = -1.0
        if not 0 <= numbers[name] < _MOST or (name != "van_cost" and numbers[name] <= 0):
            expected = Text("正数", "a positive number")
            raise BadInput(path, row=number or None, field=key, expected=expected, found=found or "-")
    nodes = tables.get("NODE_COORD_SECTION", {})
    if sorted(nodes) != list(range(1, len(nodes) + 1)) or len(nodes) < 2:
        expected = Text("节点从 1 起连续编号，至少两个", "nodes numbered from 1, at least two")
        raise BadInput(path, field="NODE_COORD_SECTION", expected=expected, found=str(len(nodes)))
    if "SERVICE_TIME_SECTION" not in tables:
        number, found = keys.get("SERVICE_TIME", (0, "0"))
        time = _whole(path, number, "SERVICE_TIME", [found], 1)[0]
        tables["SERVICE_TIME_SECTION"] = {node: [time if node > 1 else 0] for node in nodes}
    for section in list(_SECTIONS)[1:]:
        if tables.get(section, {}).keys() != nodes.keys():
            expected = Text(f"节点 1–{len(nodes)} 各一行", f"a line for each of nodes 1–{len(nodes)}")
            missing = sorted(set(nodes) ^ set(tables.get(section, {})))
            raise BadInput(path, field=section, expected=expected, found=f"{missing[:5]}")
    place, demand, hours, service = (
        np.array([tables[section][node] for node in sorted(nodes)], dtype=np.int64) for section in _SECTIONS
    )
    day = Day(
        capacity=int(numbers.pop("capacity")),
        place=place,
        demand=demand[:, 0],
        hours=hours,
        service=service[:, 0],
        **numbers,
    )
    trip = _Trip(day)
    for stop in range(1, len(nodes)):
        if day.demand[stop] > day.capacity:
            expected = Text(f"不超过车载量 {day.capacity}", f"at most the van's capacity, {day.capacity}")
            place_of = f"[DEMAND_SECTION] {stop + 1}"
            raise BadInput(path, row=place_of, field="demand", expected=expected, found=str(day.demand[stop]))
        if trip.times([stop]) is None:
            expected = Text(
                "单独送达也能赶上并回场的时间窗", "hours that a van going there alone can keep, and be back in time"
            )
            place_of = f"[TIME_WINDOW_SECTION] {stop + 1}"
            raise BadInput(path, row=place_of, field="hours", expected=expected, found=f"{day.hours[stop].tolist()}")
    return day


def write(inputs: Day, path: Path) -> None:
    """Write a day as VRPLIB text."""
    columns = (inputs.place, inputs.demand[:, None], inputs.hours, inputs.service[:, None])
    lines = [
        "NAME : dujiang",
        "TYPE : VRPTW",
        f"DIMENSION : {len(inputs.demand)}",
        "EDGE_WEIGHT_TYPE : EUC_2D",
        f"CAPACITY : {inputs.capacity}",
        f"SPEED : {inputs.speed!r}",
        f"VAN_COST : {inputs.van_cost!r}",
        f"METRE_COST : {inputs.metre_cost!r}",
    ]
    for section, values in zip(_SECTIONS, columns, strict=True):
        lines.append(section)
        lines += [" ".join(map(str, [node, *row])) for node, row in enumerate(values.tolist(), start=1)]
    path.write_text("\n".join([*lines, "DEPOT_SECTION", "1", "-1", "EOF"]) + "\n", encoding="utf-8")


def picture(inputs: Day, answer: Answer) -> Any:
    """Return the map: a line a van, stops by the begin of service, the depot as a square."""
    import altair as alt
    import pandas as pd

    km = inputs.place / 1000
    routes: dict[int, list[dict[str, Any]]] = {}
    for row in answer:
        routes.setdefault(row["van"], []).append(row)
    points = []
    for van, rows in routes.items():
        tour = [{"stop": 0, "begin": "", "demand": 0}, *rows, {"stop": 0, "begin": "", "demand": 0}]
        points += [
            {"van": van, "order": order, "x": km[row["stop"], 0], "y": km[row["stop"], 1]}
            | {name: row[name] for name in ("stop", "begin", "demand")}
            for order, row in enumerate(tour)
        ]
    data = pd.DataFrame(points)
    trip = _Trip(inputs)
    total = sum(trip.length([row["stop"] for row in rows]) for rows in routes.values()) / 1000
    x = alt.X("x:Q", title="东 East, km", scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", title="北 North, km", scale=alt.Scale(zero=False))
    colour = alt.Color("van:N", title="车 Van", scale=alt.Scale(scheme="tableau20"))
    hover = [alt.Tooltip(f"{name}:N") for name in ("van", "stop", "begin", "demand")]
    lines = alt.Chart(data).mark_line(strokeWidth=1.5).encode(x, y, colour, alt.Order("order:Q"), alt.Detail("van:N"))
    stops = alt.Chart(data).transform_filter("datum.stop > 0").mark_circle(size=35, opacity=1)
    depot = alt.Chart(data).transform_filter("datum.stop == 0 && datum.order == 0").mark_square(size=110, color="black")
    return alt.layer(lines, stops.encode(x, y, colour, tooltip=hover), depot.encode(x, y)).properties(
        width=620,
        height=560,
        title=f"配送路线 Routes: {len(inputs.demand) - 1} 站 stops, {len(routes)} 车 vans, {total:,.0f} km",
    )


SCENARIO = Scenario(
    id="producer-services/delivery-routing",
    title=Text("城市配送路线规划", "Delivery routing"),
    summary=Text(
        "在客户约定时段和车载量内，安排每辆车送哪些点、先后次序，使当天成本最低。",
        "Plans which van serves which stops in which order, within their hours and loads, at the least cost of the day.",
    ),
    task=3,
    system=Text("物流", "logistics"),
    user=Text("配送中心的调度员", "a delivery depot's planner"),
    decision=Text("今天出几辆车、每辆车按什么次序送", "how many vans go out today, and each one's order of stops"),
    formats=[Text("VRPLIB 带时间窗实例（.vrp）", "VRPLIB instances with time windows (.vrp)")],
    metric=Text("每站配送成本", "cost a stop"),
    unit="元 CNY",
    better="lower",
    margin=0.1,
    baseline_title=Text("节约算法加 2-opt 与移站改进", "savings with 2-opt and relocation"),
    method_title=Text("迭代局部搜索（PyVRP）", "iterated local search (PyVRP)"),
    source="Uchoa et al. 2017; Clarke & Wright 1964; Solomon 1987; Wouda, Lan & Kool 2024, first in DIMACS 2021 with hours",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".vrp", ".txt"),
    libraries=("pyvrp",),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", "shifted"),
)
