"""Leak localisation in a city's water network (城市生命线): say where to dig when pressures tell that water is lost.

A utility has a hydraulic model of its network (EPANET), a few dozen pressure loggers and its tanks' levels. A leak
lowers the pressure a little at each logger, by how much depends on where it is; consumption, a model that is never
quite right and the loggers' noise hide it. The question is the point along the pipes at which a crew starts listening.

*Data.* The networks that ship in WNTR (Klise et al. 2017, Environmental Modelling & Software 95, 420-431): the small
size takes Net3, the default size Net3, ky4 and ky10, and several leaks of each. What the simulator knows and the method
doesn't: the true roughness of each pipe (log-normal about the model's, 10 %), the true mean consumption of each node
(30 %), that of each day (3 %), hour (5 %) and node and hour (20 %), each logger's offset (0.5 m) and noise (0.1 m), and
the leak: at a random place along a random pipe, chances by length, an emitter of 2 to 6 % of the mean consumption
(FAVAD with exponent 0.5, May 1994). The method works on the utility's model and on the readings of fourteen days
without the leak and three with it.

*Second generator.* (`shifted`) A new quarter, drawn street by street, comes in Net3's place; the pipes are rougher by
more, the loggers noisier, and they drift. The leak is a crack that pressure opens (an exponent of 0.8 to 1.4), and
grows over its three days from a third of its flow. Odd consumption carries over from hour to hour; a valve in a loop
has been shut all the time; and on the day that the leak starts three of the ten largest consumers halve or double what
they take, which moves pressures as a leak does. The method knows of none of it: it supposes a steady leak of exponent
0.5, pipes that are open as the model has them, and the consumption of the days before. Most of the gain is made in ky4
and ky10; in the quarter no logger is far from the leak.

*Baseline.* What the duty officer does: the pipe at the logger whose mean pressure fell most against the same hours of
the days before.

*Method.* The change of each reading against the same hours of the days before is compared with what a leak at each
point would cause, simulated by EPANET node by node and interpolated along pipes: sensitivity-based localisation (Pérez
et al. 2011, Control Engineering Practice 19, 1157-1167) in its probabilistic form. The scatter of the readings'
residuals, by hour, and how it links the loggers is learnt from the days without the leak (Ledoit & Wolf 2004). The
answer is the point with the least expected pipe distance to the leak under the posterior. What sets it back are hours
in which pumps start at other times than usual, most of all in ky10, where thirteen pumps follow tank levels.

*Published.* The BattLeDIM competition (Vrachimis et al. 2022, J. Water Resour. Plan. Manage. 148(12)) counts a leak as
found within 300 m of pipe, on a network of 43 km with 33 pressure sensors; ours have one logger for 7 to 17 km.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

Array = NDArray[np.float64]

QUARTER = "quarter"
"""The second generator's own network, a new one each seed."""
NETWORKS = {"small": ("Net3",), "default": ("Net3", "ky4", "ky10"), SHIFTED: (QUARTER, "ky4", "ky10")}
LEAKS = {"small": 4, "default": 3, SHIFTED: 3}
"""Leaks of each network, one at a time; its loggers stay where they are."""
SENSORS = {QUARTER: 8, "Net3": 10, "ky4": 25, "ky10": 25}
BEFORE, SINCE = 14, 3
"""Days without the leak and with it that a case holds."""
SPACING = 200.0
"""Metres between the points of a pipe at which a leak is considered."""
EVERY = 6
"""Of the 24 hours, each sixth is simulated with a leak at each node: hours differ less than nodes."""
_UNIT, _USUAL = 0.02, 0.05
"""Leaks as a share of the mean consumption: the one that is simulated, and the scale of those that are expected."""
_CLIP = 3.0  # standard deviations
_CONSIDERED, _LISTED = 3000, 20  # points, rows
_NETWORK, _READINGS = "network.inp", "pressures.csv"
_LARGEST = 64 << 20  # bytes of a file in a user's archive


class _World(NamedTuple):
    """How far the truth lies from the model; the first six are standard deviations, of logarithms or in m."""

    roughness: float
    node: float
    hour_of_node: float
    day: float
    offset: float
    noise: float
    leak: tuple[float, float]
    """Its least and largest flow, as a share of the mean consumption."""
    exponent: tuple[float, float] = (0.5, 0.5)
    """Of pressure, in the leak's flow."""
    grown: tuple[float, ...] = (1.0,) * SINCE
    """Share of its flow that the leak has on each of its days."""
    carried: float = 0.0
    """Share of an hour's odd consumption that the next hour keeps."""
    drift: float = 0.0
    """A logger's random walk, m a day."""
    shut: int = 0
    """Valves that were forgotten shut."""
    changed: int = 0
    """Large consumers that take half or twice as much since the leak."""


_FIRST = _World(0.1, 0.3, 0.2, 0.03, 0.5, 0.1, leak=(0.02, 0.06))
_SECOND = _World(
    0.2, 0.4, 0.25, 0.04, 0.8, 0.15, leak=(0.03, 0.08), exponent=(0.8, 1.4), grown=(0.35, 0.7, 1.0), carried=0.7,
    drift=0.02, shut=1, changed=3,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Survey:
    """A network and its loggers' readings.

    ``model`` is EPANET's input text. ``pressure`` (times, sensors), a tank's is its level, in metres of water, NaN where a reading is missing;
    ``times`` are ISO 8601, local; ``leaking`` tells the rows since the leak is suspected.
    """

    model: str
    sensors: tuple[str, ...]
    times: tuple[str, ...]
    leaking: tuple[bool, ...]
    pressure: Array


# --- the network --------------------------------------------------------------------------------------------------


def _network(model: str) -> Any:
    """Return WNTR's network of an EPANET text, set to a day in hourly steps."""
    import wntr

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / _NETWORK
        path.write_text(model, encoding="utf-8")
        network = wntr.network.WaterNetworkModel(str(path))
    network.options.time.duration = 24 * 3600
    network.options.time.hydraulic_timestep = 3600
    network.options.quality.parameter = "NONE"
    network.options.hydraulic.accuracy = 1e-5  # the finest that EPANET takes: a leak moves heads by centimetres
    network.options.hydraulic.trials = 200
    return network


def _text(network: Any) -> str:
    """Return a network as EPANET text in litres a second and metres."""
    import wntr

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _NETWORK
        wntr.network.write_inpfile(network, str(path), units="LPS")
        text = path.read_text(encoding="utf-8")
    return text[text.index("[TITLE]") :]  # what stands before it tells the folder and the hour


@contextmanager
def _epanet(network: Any) -> Iterator[Any]:
    """EPANET itself with the network open for hydraulic analysis."""
    from wntr.epanet.toolkit import ENepanet, logger
    from wntr.network import write_inpfile

    logger.setLevel("ERROR")  # low pressures are what is looked for
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _NETWORK
        write_inpfile(network, str(path), units="LPS")
        epanet = ENepanet()
        epanet.ENopen(str(path), str(path.with_suffix(".rpt")), str(path.with_suffix(".bin")))
        try:
            epanet.ENopenH()
            yield epanet
            epanet.ENcloseH()
        finally:
            epanet.ENclose()


_DEMAND, _EMITTER, _LEVEL, _PRESSURE, _LEAST, _MOST = 1, 3, 8, 11, 20, 21  # EPANET codes of node values
_NODES, _TANK = 0, 2


def _simulate(epanet: Any, nodes: Sequence[int], factors: Array, levels: Array) -> Array:
    """Return pressures (24, nodes) in m at the full hours of a day.

    ``factors`` (24, junctions) multiply the junctions' base demands, ``levels`` (tanks,) the tanks' levels at midnight.
    """
    demands = [epanet.ENgetnodevalue(1 + j, _DEMAND) for j in range(factors.shape[1])]
    tanks = [i for i in range(1, epanet.ENgetcount(_NODES) + 1) if epanet.ENgetnodetype(i) == _TANK]
    usual = [epanet.ENgetnodevalue(tank, _LEVEL) for tank in tanks]
    for tank, level, factor in zip(tanks, usual, levels, strict=True):
        least, most = epanet.ENgetnodevalue(tank, _LEAST), epanet.ENgetnodevalue(tank, _MOST)
        epanet.ENsetnodevalue(tank, _LEVEL, min(max(level * factor, least), most))
    pressure = np.empty((24, len(nodes)))
    epanet.ENinitH(0)
    now, step = 0, 1
    while step > 0 and now < 24 * 3600:
        for j, base in enumerate(demands):
            epanet.ENsetnodevalue(1 + j, _DEMAND, base * factors[now // 3600, j])
        now = epanet.ENrunH()
        if now % 3600 == 0:
            pressure[now // 3600] = [epanet.ENgetnodevalue(node, _PRESSURE) for node in nodes]
        step = epanet.ENnextH()
        now += step
    for j, base in enumerate(demands):
        epanet.ENsetnodevalue(1 + j, _DEMAND, base)
    for tank, level in zip(tanks, usual, strict=True):
        epanet.ENsetnodevalue(tank, _LEVEL, level)
    return pressure


def _signatures(epanet: Any, sensors: Sequence[int], nodes: Sequence[int], flow: float) -> Array:
    """Return the fall of pressure (hours, sensors, nodes) in m if about ``flow`` l/s leaked at each node in turn.

    Each leak is solved within the running day, then taken out again; it is too short to change a tank.
    """
    from wntr.epanet.exceptions import EpanetException

    falls = []
    epanet.ENinitH(0)
    now, step = 0, 1
    while step > 0 and now < 24 * 3600:
        now = epanet.ENrunH()
        if now % (EVERY * 3600) == 0:
            before = np.array([epanet.ENgetnodevalue(sensor, _PRESSURE) for sensor in sensors])
            emitters = [flow / math.sqrt(max(epanet.ENgetnodevalue(node, _PRESSURE), 1.0)) for node in nodes]
            fall = np.empty((len(sensors), len(nodes)))
            for place, (node, emitter) in enumerate(zip(nodes, emitters, strict=True)):
                own = epanet.ENgetnodevalue(node, _EMITTER)
                epanet.ENsetnodevalue(node, _EMITTER, own + emitter)
                try:
                    epanet.ENrunH()
                    fall[:, place] = before - [epanet.ENgetnodevalue(sensor, _PRESSURE) for sensor in sensors]
                except EpanetException:
                    fall[:, place] = 0.0  # behind a pump at rest: nothing flows there, no logger can tell
                epanet.ENsetnodevalue(node, _EMITTER, own)
            epanet.ENrunH()
            falls.append(fall)
        step = epanet.ENnextH()
        now += step
    return np.array(falls)


# --- places on the network ----------------------------------------------------------------------------------------

Link = tuple[str, str, str, float]
"""Name, start node, end node, length in m (0 of a pump or valve)."""


def _links(network: Any) -> tuple[Link, ...]:
    links = [(name, network.get_link(name)) for name in network.link_name_list]
    return tuple(
        (name, link.start_node_name, link.end_node_name, float(getattr(link, "length", 0.0))) for name, link in links
    )


class _Streets:
    """Distances along pipes, whatever their direction of flow."""

    def __init__(self, links: Sequence[Link]) -> None:
        from scipy.sparse import coo_array

        self.link = {link[0]: link for link in links}
        self.node = {name: i for i, name in enumerate(sorted({end for link in links for end in link[1:3]}))}
        shortest: dict[tuple[int, int], float] = {}
        for _, start, end, length in links:
            ends = (self.node[start], self.node[end])
            # A pump or valve is no distance, but a zero would be no edge.
            shortest[ends] = min(max(length, 1e-6), shortest.get(ends, math.inf))
        rows, columns = zip(*shortest, strict=True)
        size = len(self.node)
        self.graph = coo_array((list(shortest.values()), (rows, columns)), shape=(size, size)).tocsr()

    def from_nodes(self, nodes: Sequence[int] | NDArray[np.int64]) -> Array:
        """Return metres (nodes, all nodes) along pipes; infinite where there is no way."""
        from scipy.sparse.csgraph import dijkstra

        return np.asarray(dijkstra(self.graph, directed=False, indices=nodes))

    def ends(self, pipe: str) -> tuple[int, int, float]:
        """Return the indices of a pipe's end nodes, and its length in m."""
        _, start, end, length = self.link[pipe]
        return self.node[start], self.node[end], length

    def metres(self, one: tuple[str, float], other: tuple[str, float]) -> float:
        """Return the distance between two points, each a pipe and the metres from its start node."""
        start, end, length = self.ends(one[0])
        from_ends = self.from_nodes([start, end])
        first, second, other_length = self.ends(other[0])
        ways = [
            near + from_ends[row, node] + far
            for row, near in ((0, one[1]), (1, length - one[1]))
            for node, far in ((first, other[1]), (second, other_length - other[1]))
        ]
        return float(min(ways + ([abs(one[1] - other[1])] if one[0] == other[0] else [])))


# --- cases --------------------------------------------------------------------------------------------------------


def cases(seed: int, size: str) -> list[Case]:
    """Return a case a leak; ``inputs`` is a `Survey`, ``truth`` holds the leak's pipe and place, and the links."""
    world = _SECOND if size == SHIFTED else _FIRST
    made = []
    for place, name in enumerate(NETWORKS[size]):
        laid = _laid([seed, place], name)
        made += [_case(laid, [seed, place, leak], world) for leak in range(LEAKS[size])]
    return made


class _Laid(NamedTuple):
    """A network as its utility knows it: WNTR's, its EPANET text and links, its loggers and tanks, usual pressures (m)."""

    network: Any
    model: str
    links: tuple[Link, ...]
    sensors: list[str]
    usual: Array
    """Mean of the day by junction."""


def _laid(seed: Sequence[int], name: str) -> _Laid:
    from wntr.library import ModelLibrary

    draw = np.random.default_rng([*seed, 17])
    shipped = None if name == QUARTER else Path(ModelLibrary().get_filepath(name))
    network = _network(shipped.read_text(encoding="utf-8") if shipped else _quarter(draw))
    links = _links(network)
    junctions = network.junction_name_list
    sensors = _placed(draw, _Streets(links), junctions, SENSORS[name]) + network.tank_name_list
    with _epanet(network) as epanet:
        nodes = [epanet.ENgetnodeindex(junction) for junction in junctions]
        usual = _simulate(epanet, nodes, np.ones((24, len(junctions))), np.ones(network.num_tanks))
    return _Laid(network, _text(network), links, sensors, usual.mean(axis=0))


def _case(laid: _Laid, seed: Sequence[int], world: _World) -> Case:
    import wntr
    from scipy.signal import lfilter

    draw, aside = (np.random.default_rng([*seed, code]) for code in (18, 81))
    network, model, links, sensors, usual = laid
    junctions = network.junction_name_list
    leak, place, flow, head = _leak(draw, network, usual, world.leak)
    true = _network(model)
    for pipe in true.pipe_name_list:
        true.get_link(pipe).roughness *= draw.lognormal(0.0, world.roughness)
    for pipe in _shut(aside, true, leak, world.shut):
        true.get_link(pipe).initial_status = "Closed"
    exponent = aside.uniform(*world.exponent)
    true.options.hydraulic.emitter_exponent = exponent
    length = true.get_link(leak).length
    true = wntr.morph.split_pipe(true, leak, "leaking", "leak", split_at_point=place / length)
    own = draw.lognormal(0.0, world.node, len(junctions))
    changed = _changed(aside, network, own, world.changed)
    offsets = draw.normal(0.0, world.offset, len(sensors))
    kept: Array = np.zeros((1, len(junctions)))
    readings = []
    with _epanet(true) as epanet:
        nodes = [epanet.ENgetnodeindex(sensor) for sensor in sensors]
        order = [epanet.ENgetnodeid(1 + j) for j in range(len(junctions) + 1)]
        for day in range(BEFORE + SINCE):
            if day >= BEFORE:
                emitter = world.grown[day - BEFORE] * flow / head**exponent
                epanet.ENsetnodevalue(epanet.ENgetnodeindex("leak"), _EMITTER, emitter)
            odd = draw.normal(0.0, world.hour_of_node, (24, len(junctions))) * math.sqrt(1 - world.carried**2)
            odd, kept = lfilter([1.0], [1.0, -world.carried], odd, axis=0, zi=kept)
            factors = own * np.exp(odd) * (changed if day >= BEFORE else 1.0)
            factors *= draw.lognormal(0.0, world.day) * draw.lognormal(0.0, 0.05, (24, 1))
            by_name = dict(zip(junctions, factors.T, strict=True)) | {"leak": np.ones(24)}
            levels = draw.lognormal(0.0, 0.05, network.num_tanks)
            simulated = _simulate(epanet, nodes, np.column_stack([by_name[name] for name in order]), levels)
            offsets += aside.normal(0.0, world.drift, len(sensors))
            readings.append(simulated + offsets + draw.normal(0.0, world.noise, simulated.shape))
    first = datetime.fromisoformat("2026-03-02") + timedelta(days=int(draw.integers(0, 200)))
    times = [(first + timedelta(hours=hour)).isoformat(timespec="minutes") for hour in range(24 * (BEFORE + SINCE))]
    leaking = (False,) * (24 * BEFORE) + (True,) * (24 * SINCE)
    survey = Survey(model, tuple(sensors), tuple(times), leaking, np.concatenate(readings).round(2).astype(np.float64))
    return Case(survey, {"pipe": leak, "position_m": place, "links": links})


def _quarter(draw: np.random.Generator) -> str:
    """Return the model of a quarter of some 25 km of streets, fed by gravity: a grid that lacks a fifth of its streets.

    Pipes are as wide as 0.8 m/s takes where water goes the shortest way; the streets beside it are of 100 mm.
    """
    import networkx
    import wntr

    streets = networkx.grid_2d_graph(9, 9)
    for one in list(streets.edges):
        streets.edges[one]["length"] = draw.uniform(120.0, 320.0)
    every = list(streets.edges)
    for one in draw.permutation(len(every))[: len(every) // 5]:
        length = streets.edges[every[one]]["length"]
        streets.remove_edge(*every[one])
        if not networkx.is_connected(streets):
            streets.add_edge(*every[one], length=length)
    demand = {place: float(draw.lognormal(-7.3, 0.7)) for place in streets}  # m3/s
    flow = dict.fromkeys(map(frozenset, streets.edges), 0.0)
    for place, way in networkx.single_source_dijkstra_path(streets, (0, 0), weight="length").items():
        for ends in itertools.pairwise(way):
            flow[frozenset(ends)] += demand[place]
    network = wntr.network.WaterNetworkModel()
    hours = np.arange(24)
    day = 0.5 + 0.8 * np.exp(-(((hours - 8) / 3) ** 2)) + 0.9 * np.exp(-(((hours - 19) / 3) ** 2))
    network.add_pattern("day", list(day / day.mean()))
    name = {place: f"J{place[0]}{place[1]}" for place in streets}
    for place, base in demand.items():
        at = (260.0 * place[0], 260.0 * place[1])
        height = 12.0 + 5.0 * math.sin(at[0] / 700.0) + 5.0 * math.cos(at[1] / 500.0)
        network.add_junction(name[place], base, "day", height, at)
    network.add_reservoir("source", 65.0, coordinates=(-400.0, 0.0))
    network.add_pipe("main", "source", name[0, 0], 400.0, 0.5, 120.0)
    for start, end in streets.edges:
        wide = math.sqrt(4 * flow[frozenset((start, end))] / (math.pi * 0.8))
        sold = next(one for one in (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8) if one >= wide)
        length = streets.edges[start, end]["length"]
        network.add_pipe(f"{name[start]}-{name[end]}", name[start], name[end], length, sold, 120.0)
    network.options.time.pattern_timestep = 3600
    return _text(network)


def _shut(draw: np.random.Generator, network: Any, leak: str, count: int) -> list[str]:
    """Draw pipes whose valves were forgotten shut: of the narrower half, each in a loop so that no one is cut off."""
    import networkx

    open_pipes = [pipe for _, pipe in network.pipes() if str(pipe.initial_status) == "Open" and not pipe.check_valve]
    shut: list[str] = []
    for _ in range(count):
        graph = networkx.Graph([(one.start_node_name, one.end_node_name) for one in open_pipes if one.name not in shut])
        bridges = {frozenset(ends) for ends in networkx.bridges(graph)}
        pipes = [one for one in open_pipes if one.name not in (leak, *shut)]
        pipes = [one for one in pipes if frozenset((one.start_node_name, one.end_node_name)) not in bridges]
        middle = float(np.median([one.diameter for one in pipes]))
        narrow = [one.name for one in pipes if one.diameter <= middle]
        shut.append(narrow[int(draw.integers(len(narrow)))])
    return shut


def _changed(draw: np.random.Generator, network: Any, own: Array, count: int) -> Array:
    """Return factors of consumption: of the ten largest consumers, ``count`` halve or double theirs."""
    import wntr

    mean = wntr.metrics.average_expected_demand(network)[network.junction_name_list].to_numpy() * own
    factors = np.ones(len(mean))
    large = np.argsort(-mean, kind="stable")[:10]
    for place in draw.choice(large, count, replace=False):
        factors[place] = draw.choice([0.5, 2.0])
    return factors


def _placed(draw: np.random.Generator, streets: _Streets, junctions: Sequence[str], count: int) -> list[str]:
    """Place loggers as far from each other as can be: greedy k-centre (Gonzalez 1985), from a random junction."""
    places = [streets.node[junction] for junction in junctions]
    chosen = [int(draw.integers(len(junctions)))]
    nearest = np.full(len(junctions), np.inf)
    while len(chosen) < count:
        away = streets.from_nodes([places[chosen[-1]]])[0, places]
        nearest = np.minimum(nearest, away)
        chosen.append(int(np.argmax(np.where(np.isfinite(nearest), nearest, -1.0))))
    return [junctions[i] for i in sorted(chosen)]


def _leak(
    draw: np.random.Generator, network: Any, pressure: Array, least_most: tuple[float, float]
) -> tuple[str, float, float, float]:
    """Draw a leak where there is pressure: its pipe, metres from its start, l/s, and the usual pressure there (m)."""
    import wntr

    mean = dict(zip(network.junction_name_list, pressure, strict=True))
    pipes = [
        pipe
        for _, pipe in network.pipes()
        if not pipe.check_valve
        and str(pipe.initial_status) == "Open"
        and min(mean.get(end, 0.0) for end in (pipe.start_node_name, pipe.end_node_name)) > 10.0
    ]
    lengths = np.array([pipe.length for pipe in pipes])
    pipe = pipes[draw.choice(len(pipes), p=lengths / lengths.sum())]
    share = draw.uniform(*least_most)
    flow = 1000 * float(wntr.metrics.average_expected_demand(network).sum()) * share
    head = (mean[pipe.start_node_name] + mean[pipe.end_node_name]) / 2
    return pipe.name, float(draw.uniform(0.0, 1.0) * pipe.length), flow, head


# --- finding it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Hourly means of pressures in m.

    ``change`` (hours of the days with the leak, sensors) is against the same hours before, ``hour`` those of the
    model's day; ``noise`` (hours of the days without, sensors) is what changes without a leak, at ``noise_hour``.
    """

    sensors: tuple[str, ...]
    change: Array
    hour: NDArray[np.int64]
    noise: Array
    noise_hour: NDArray[np.int64]


def _evidence(inputs: Survey, network: Any) -> _Evidence:
    """Reduce the readings to hours of the model's day."""
    import pandas as pd

    start = int(network.options.time.start_clocktime // 3600)
    # A logger that is silent half of the time says little; the others' hours count only where all of them speak.
    known = np.isfinite(inputs.pressure)
    heard = known.mean(axis=0) > 0.5
    sensors = tuple(sensor for sensor, there in zip(inputs.sensors, heard, strict=True) if there)
    frame = pd.DataFrame(inputs.pressure[:, heard], columns=list(sensors))
    moments = pd.to_datetime(pd.Series(inputs.times))
    frame["leaking"], frame["day"], frame["hour"] = (
        list(inputs.leaking),
        moments.dt.date,
        (moments.dt.hour - start) % 24,
    )
    hourly = frame.groupby(["leaking", "day", "hour"]).mean().dropna().reset_index()
    before, since = hourly[~hourly["leaking"]], hourly[hourly["leaking"]]
    mean, count = before.groupby("hour")[list(sensors)].mean(), before.groupby("hour").size()
    since = since[since["hour"].isin(count.index)]
    before = before[before["hour"].map(count) > 1]
    # The mean of n days holds 1/n of the day itself, which makes residuals smaller than a new day's change is.
    n = before["hour"].map(count).to_numpy(float)
    residual = (before[list(sensors)].to_numpy() - mean.loc[before["hour"]].to_numpy()) * np.sqrt((n + 1) / (n - 1))[
        :, None
    ]
    change = since[list(sensors)].to_numpy() - mean.loc[since["hour"]].to_numpy()
    return _Evidence(sensors, change, since["hour"].to_numpy(), residual, before["hour"].to_numpy())


def _points(links: Sequence[Link]) -> list[tuple[str, float, float]]:
    """Return points at which a leak is considered: pipe, metres from its start, metres of pipe that it stands for."""
    points = []
    for name, _, _, length in links:
        parts = math.ceil(length / SPACING)
        points += [(name, length * (part + 0.5) / parts, length / parts) for part in range(parts)]
    return points


def _along(
    network: Any, streets: _Streets, sensors: Sequence[str], points: Sequence[tuple[str, float, float]]
) -> Array:
    """Return the fall of pressure (hours, sensors, points) in m that a leak of `_UNIT` at each point would cause.

    Within a pipe it goes in proportion from one end's to the other's: what leaks there is drawn through both.
    """
    import wntr

    flow = 1000 * _UNIT * float(wntr.metrics.average_expected_demand(network).sum())
    junctions = network.junction_name_list
    with _epanet(network) as epanet:
        at_sensors, at_junctions = ([epanet.ENgetnodeindex(name) for name in names] for names in (sensors, junctions))
        falls = _signatures(epanet, at_sensors, at_junctions, flow)
    # Reservoirs and tanks keep their level whatever leaks.
    at_nodes = np.zeros((*falls.shape[:2], len(streets.node)))
    at_nodes[:, :, [streets.node[name] for name in junctions]] = falls
    first, second, length = (
        np.array(column) for column in zip(*(streets.ends(pipe) for pipe, *_ in points), strict=True)
    )
    part = np.array([metres for _, metres, _ in points]) / length
    return np.asarray((1 - part) * at_nodes[:, :, first] + part * at_nodes[:, :, second])


def _posterior(evidence: _Evidence, fall: Array, metres: Array) -> Array:
    """Return the probability of each point; a leak is as likely on each metre of pipe, and small more than large."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.special import log_ndtr
    from sklearn.covariance import LedoitWolf

    # Pumps and tanks make some hours restless; a day's odd one (a pump an hour late) must not outweigh the rest.
    scale = _scale(evidence)
    noise = np.clip(evidence.noise / scale[evidence.noise_hour], -_CLIP, _CLIP)
    change = evidence.change / scale[evidence.hour]
    usual = np.median(change, axis=0)
    change = np.clip(change, usual - np.abs(usual) - _CLIP, usual + np.abs(usual) + _CLIP)
    root = cholesky(LedoitWolf(assume_centered=True).fit(noise).covariance_, lower=True)
    white = solve_triangular(root, change.T, lower=True).T
    fit, weight = np.zeros(fall.shape[2]), np.full(fall.shape[2], (_UNIT / _USUAL) ** 2)
    for hour in np.unique(evidence.hour):
        signature = solve_triangular(root, fall[hour // EVERY] / scale[hour][:, None], lower=True)
        fit -= white[evidence.hour == hour].sum(axis=0) @ signature
        weight += (evidence.hour == hour).sum() * np.square(signature).sum(axis=0)
    # With r = -a s + noise and a half-normal prior of a, the integral over a is closed.
    log = np.square(fit) / (2 * weight) - np.log(weight) / 2 + log_ndtr(fit / np.sqrt(weight)) + np.log(metres)
    chance = np.exp(log - log.max())
    return np.asarray(chance / chance.sum())


def _scale(evidence: _Evidence) -> Array:
    """Return the standard deviation (24, sensors) of residuals by hour, drawn to each sensor's own over all hours."""
    square = np.square(evidence.noise)
    pooled, own = square.mean(axis=0), 4.0  # the pooled one counts as much as four days
    hours = [square[evidence.noise_hour == hour] for hour in range(24)]
    return np.sqrt([(hour.sum(axis=0) + own * pooled) / (len(hour) + own) for hour in hours]) + 1e-6


# A utility asks about one leak after another: what its model alone tells is worked out once.


@lru_cache(maxsize=4)
def _utility(model: str) -> tuple[Any, _Streets, list[tuple[str, float, float]]]:
    """Return a model's network, its streets and the points at which a leak is considered."""
    network = _network(model)
    streets = _Streets(_links(network))
    return network, streets, _points([link for link in streets.link.values() if link[3] > 0])


@lru_cache(maxsize=4)
def _falls(model: str, sensors: tuple[str, ...]) -> Array:
    """Return the fall of pressure of `_along` for all points of a model."""
    network, streets, points = _utility(model)
    return _along(network, streets, sensors, points)


def method(inputs: Survey) -> Answer:
    """Return where to dig first and, below it, the likeliest pipes."""
    network, streets, points = _utility(inputs.model)
    evidence = _evidence(inputs, network)
    fall = _falls(inputs.model, evidence.sensors)
    chance = _posterior(evidence, fall, np.array([metres for *_, metres in points]))
    likely = np.argsort(-chance, kind="stable")
    likely = likely[: 1 + int(np.searchsorted(np.cumsum(chance[likely]), 0.995))][:_CONSIDERED]
    best = likely[np.argmin(_distances(streets, [points[i] for i in likely]) @ chance[likely])]
    by_pipe: dict[str, list[int]] = {}
    for i in likely:
        by_pipe.setdefault(points[i][0], []).append(int(i))
    probability = {pipe: float(chance[own].sum()) for pipe, own in by_pipe.items()}
    rows = [_row(network, 1, points[best][0], points[best][1], probability[points[best][0]])]
    for pipe in sorted(probability, key=lambda name: -probability[name])[:_LISTED]:
        if pipe != points[best][0]:
            rows.append(_row(network, len(rows) + 1, pipe, points[by_pipe[pipe][0]][1], probability[pipe]))
    return rows


def _distances(streets: _Streets, points: Sequence[tuple[str, float, float]]) -> Array:
    """Return metres along pipes between points (points, points)."""
    first, second, length = (
        np.array(column) for column in zip(*(streets.ends(pipe) for pipe, *_ in points), strict=True)
    )
    nodes, index = np.unique(np.concatenate([first, second]), return_inverse=True)
    between = np.minimum(streets.from_nodes(nodes)[:, nodes], sum(link[3] for link in streets.link.values()))
    start, end = index[: len(points)], index[len(points) :]
    to_start = np.array([metres for _, metres, _ in points])
    to_end = length - to_start
    far = np.minimum(
        np.minimum(
            to_start[:, None] + between[np.ix_(start, start)] + to_start,
            to_start[:, None] + between[np.ix_(start, end)] + to_end,
        ),
        np.minimum(
            to_end[:, None] + between[np.ix_(end, start)] + to_start,
            to_end[:, None] + between[np.ix_(end, end)] + to_end,
        ),
    )
    pipes = np.unique([pipe for pipe, *_ in points], return_inverse=True)[1]
    same = pipes[:, None] == pipes
    return np.asarray(np.where(same, np.minimum(far, np.abs(to_start[:, None] - to_start)), far))


def baseline(inputs: Survey) -> Answer:
    """Return the pipe at the logger whose mean pressure fell most."""
    network = _network(inputs.model)
    evidence = _evidence(inputs, network)
    fallen = zip(evidence.sensors, evidence.change.mean(axis=0), strict=True)
    # A tank's level says how much was pumped, not where water is lost.
    _, sensor = min((float(change), sensor) for sensor, change in fallen if sensor in network.junction_name_list)
    pipes = [network.get_link(name) for name in network.get_links_for_node(sensor)]
    pipe = min((one for one in pipes if one.link_type == "Pipe"), key=lambda one: (one.length, one.name))
    return [_row(network, 1, pipe.name, 0.0 if pipe.start_node_name == sensor else pipe.length, None)]


def _row(network: Any, rank: int, pipe: str, metres: float, probability: float | None) -> dict[str, Any]:
    link = network.get_link(pipe)
    (x0, y0), (x1, y1) = link.start_node.coordinates, link.end_node.coordinates
    part = metres / link.length
    return {
        "rank": rank,
        "pipe": pipe,
        "from_node": link.start_node_name,
        "position_m": round(metres, 1),
        "x": round(float(x0 + part * (x1 - x0)), 2),
        "y": round(float(y0 + part * (y1 - y0)), 2),
        "probability": None if probability is None else round(probability, 4),
    }


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the distance in m along pipes from the first row's point to the leak.

    Raises ValueError where the first row names no place on a pipe, or one from which no pipe leads to the leak.
    """
    streets = _Streets(truth["links"])
    pipe, metres = answer[0]["pipe"], answer[0]["position_m"]
    # Positions are rounded to the decimetre.
    if pipe not in streets.link or not -0.1 <= metres <= streets.link[pipe][3] + 0.1:
        raise ValueError(f"no such place: pipe {pipe!r}, {metres} m from its start")
    length = streets.link[pipe][3]
    far = streets.metres((truth["pipe"], truth["position_m"]), (pipe, min(max(float(metres), 0.0), length)))
    if not math.isfinite(far):
        raise ValueError(f"no pipe leads from pipe {pipe!r} to the leak")
    return far


# --- files --------------------------------------------------------------------------------------------------------

_ARCHIVE = Text(
    f"含 {_NETWORK}（EPANET 管网模型）和 {_READINGS}（压力记录）的 zip 文件",
    f"a zip file with {_NETWORK} (EPANET network) and {_READINGS} (pressures)",
)
_PERIODS = {"normal": False, "leak": True}


def read(path: Path) -> Survey:
    """Read a zip with ``network.inp`` (EPANET 2.2) and ``pressures.csv``; raises `BadInput`.

    The CSV has the columns ``time`` (ISO 8601, local), ``period`` (``normal`` or ``leak``) and one a logger, named as
    its node, in metres of water; an empty cell is a missing reading. At least two days without the leak are needed.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            model, readings = _member(archive, path, _NETWORK), _member(archive, path, _READINGS)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInput(path, expected=_ARCHIVE, found=type(error).__name__) from error
    network = _opened(path, model)
    survey = _survey(path / _READINGS, model, readings, set(network.node_name_list))
    evidence = _evidence(survey, network)
    loggers = set(evidence.sensors) & set(network.junction_name_list)
    if not loggers or not len(evidence.change) or not len(evidence.noise):
        expected = Text(
            "至少一个记录过半的压力点、两天漏损前的记录（period=normal）及与其同一钟点的漏损后记录（period=leak）",
            "a logger that is silent less than half of the time, two days before the leak (period normal) and hours of "
            "the same time of day since (period leak)",
        )
        found = f"压力点 loggers {len(loggers)}, normal {len(evidence.noise)} h, leak {len(evidence.change)} h"
        raise BadInput(path / _READINGS, field="period", expected=expected, found=found)
    return survey


def _member(archive: zipfile.ZipFile, path: Path, name: str) -> str:
    try:
        if archive.getinfo(name).file_size > _LARGEST:
            expected = Text(f"不超过 {_LARGEST >> 20} MiB", f"at most {_LARGEST >> 20} MiB")
            raise BadInput(path / name, expected=expected, found=f"{archive.getinfo(name).file_size >> 20} MiB")
        content = archive.read(name)
    except KeyError as error:
        raise BadInput(path, expected=_ARCHIVE, found=", ".join(archive.namelist()[:5]) or "-") from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding).replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    raise BadInput(
        path / name, expected=Text("UTF-8 或 GB 18030 文本", "text in UTF-8 or GB 18030"), found=repr(content[:20])
    )


def _opened(path: Path, model: str) -> Any:
    """Return the network, which EPANET has solved once."""
    expected = Text("EPANET 2.2 能计算的管网模型", "a network that EPANET 2.2 can solve")
    try:
        network = _network(model)
        with _epanet(network) as epanet:
            epanet.ENinitH(0)
            epanet.ENrunH()
    except Exception as error:  # WNTR's parser raises whatever its lines make Python raise
        reason = str(error).strip().splitlines()
        raise BadInput(
            path / _NETWORK, expected=expected, found=reason[0] if reason else type(error).__name__
        ) from error
    if not network.num_junctions or not network.num_pipes:
        found = f"[JUNCTIONS] {network.num_junctions}, [PIPES] {network.num_pipes}"
        raise BadInput(path / _NETWORK, expected=expected, found=found)
    return network


def _survey(path: Path, model: str, readings: str, nodes: set[str]) -> Survey:
    rows = list(csv.reader(io.StringIO(readings)))
    header = [cell.strip() for cell in rows[0]] if rows else []
    sensors = header[2:]
    if header[:2] != ["time", "period"] or not sensors:
        expected = Text("表头为 time、period 和各压力点的节点编号", "a header of time, period and the loggers' nodes")
        raise BadInput(path, row=1, field="time,period", expected=expected, found=",".join(header)[:80])
    for place, sensor in enumerate(sensors):
        if sensor not in nodes or sensor in sensors[:place]:
            expected = Text(f"{_NETWORK} 中的节点，各一列", f"nodes of {_NETWORK}, each once")
            raise BadInput(path, row=1, field=sensor, expected=expected, found=sensor)
    times, leaking, values = [], [], []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            expected = Text(f"{len(header)} 列", f"{len(header)} columns")
            raise BadInput(path, row=number, expected=expected, found=str(len(row)))
        times.append(_time(path, number, row[0].strip()))
        if row[1].strip() not in _PERIODS:
            expected = Text("normal（漏损前）或 leak（漏损后）", "normal (before the leak) or leak (since)")
            raise BadInput(path, row=number, field="period", expected=expected, found=row[1])
        leaking.append(_PERIODS[row[1].strip()])
        values.append([_metres(path, number, name, cell.strip()) for name, cell in zip(sensors, row[2:], strict=True)])
    pressure = np.array(values, dtype=float).reshape(len(values), len(sensors))
    return Survey(model, tuple(sensors), tuple(times), tuple(leaking), pressure)


def _time(path: Path, number: int, cell: str) -> str:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError as error:
        expected = Text("时间，如 2026-03-02T14:00", "a time such as 2026-03-02T14:00")
        raise BadInput(path, row=number, field="time", expected=expected, found=cell) from error
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


def _metres(path: Path, number: int, name: str, cell: str) -> float:
    try:
        value = float(cell or "nan")
    except ValueError:
        value = math.inf
    if cell and not -100 <= value <= 1000:
        expected = Text(
            "压力（米水柱，-100 至 1000），缺测留空", "a pressure in m of water, -100 to 1000; empty where missing"
        )
        raise BadInput(path, row=number, field=name, expected=expected, found=cell)
    return value


def write(inputs: Survey, path: Path) -> None:
    """Write a survey as the zip that `read` takes."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["time", "period", *inputs.sensors])
    for time, leaking, values in zip(inputs.times, inputs.leaking, inputs.pressure, strict=True):
        cells = ["" if math.isnan(value) else repr(float(value)) for value in values]
        table.writerow([time, "leak" if leaking else "normal", *cells])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_NETWORK, inputs.model)
        archive.writestr(_READINGS, text.getvalue())


def picture(inputs: Survey, answer: Answer) -> Any:
    """Return a map: pipes coloured by the probability of the leak, loggers as triangles, where to dig as a ring."""
    import altair as alt
    import pandas as pd

    network = _network(inputs.model)
    chance = {row["pipe"]: row["probability"] for row in answer}
    pipes = pd.DataFrame(
        [
            {
                "pipe": name,
                "x": link.start_node.coordinates[0],
                "y": link.start_node.coordinates[1],
                "x2": link.end_node.coordinates[0],
                "y2": link.end_node.coordinates[1],
                "probability": chance.get(name) or 0.0,
            }
            for name, link in network.links()
        ]
    )
    loggers = pd.DataFrame(
        [
            {"node": name, "x": network.get_node(name).coordinates[0], "y": network.get_node(name).coordinates[1]}
            for name in inputs.sensors
        ]
    )
    dig = pd.DataFrame([{key: row[key] for key in ("pipe", "x", "y")} for row in answer[:1]])
    x = alt.X("x:Q", axis=None, scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(zero=False))
    base = alt.Chart(pipes).encode(x, y, x2="x2:Q", y2="y2:Q")
    mains = base.mark_rule(stroke="#c8c8c8", strokeWidth=1)
    likely = base.transform_filter("datum.probability > 0").mark_rule(strokeWidth=4)
    colour = alt.Color("probability:Q", title="概率 Probability", scale=alt.Scale(scheme="orangered", domainMin=0))
    tooltip = [alt.Tooltip("pipe:N", title="管段 Pipe"), alt.Tooltip("probability:Q", title="概率 Probability")]
    triangles = alt.Chart(loggers).mark_point(shape="triangle-up", filled=True, color="#2166ac", size=45)
    ring = alt.Chart(dig).mark_point(size=260, strokeWidth=2.5, color="black")
    return alt.layer(
        mains,
        likely.encode(color=colour, tooltip=tooltip),
        triangles.encode(x, y, tooltip=[alt.Tooltip("node:N", title="压力点 Logger")]),
        ring.encode(x, y, tooltip=[alt.Tooltip("pipe:N", title="开挖处 Dig here")]),
    ).properties(width=640, height=480, title="漏点概率 Where the leak is（▲ 压力点 loggers，○ 首选 dig first）")


SCENARIO = Scenario(
    id="urban-governance/water-leak",
    title=Text("供水管网漏点定位", "Leak localisation in water networks"),
    summary=Text(
        "根据管网压力变化判断漏点在哪段管上，指引检漏人员先到哪里。",
        "Tells from changes of pressure on which pipe a leak is, and where a crew should listen first.",
    ),
    task=18,
    system=Text("城市生命线安全工程", "the safety of a city's lifelines"),
    user=Text("供水企业的调度员和检漏班组", "a water utility's dispatchers and leak crews"),
    decision=Text("从哪段管的哪个位置开始检漏开挖", "at which place of which pipe to start listening and digging"),
    formats=[
        Text(
            "zip：EPANET 管网模型 network.inp 与压力记录 pressures.csv",
            "a zip of the EPANET network network.inp and the loggers' pressures.csv",
        )
    ],
    metric=Text("沿管道到漏点的距离", "distance along pipes to the leak"),
    unit="m",
    better="lower",
    margin=100.0,
    baseline_title=Text("压降最大压力点旁的管段", "the pipe at the logger with the largest drop"),
    method_title=Text("基于水力模型与残差学习的定位", "model-based localisation with learnt residuals"),
    source="Pérez et al. 2011; BattLeDIM (Vrachimis et al. 2022) counts 300 m as found; WNTR (Klise et al. 2017)",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("sklearn", "wntr"),
    resources=Resources(seconds=60, memory_mib=3072),
    sizes=("small", "default", SHIFTED),
)
