"""Windows of waveforms: as values, from miniSEED and to it, and from labelled archives (npz) in ``DUJIANG_DATA``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from dujiang.industries.emergency._synthetics import Seismogram, seismogram
from dujiang.scenarios.contract import BadInput, Text

LOWEST_RATE = 20.0  # Hz: below it a local P has no band left
SHORTEST = 8.0  # s
SPLIT = 10.0  # s: a longer gap of the vertical divides a record
LENGTH = 28.0  # s of a window that is cut for cases: the labelled archive has 30 s before P
SIMULATED = "SY"  # the FDSN's network code of synthetic seismograms


@dataclass(frozen=True)
class Window:
    """A stretch of one instrument's record.

    ``station``   network.station.location.band-and-instrument code, e.g. ``NC.MCV..EH``.
    ``channels``  codes of the columns, e.g. ``("EHE", "EHN", "EHZ")``; one of them is vertical (Z or 3).
    ``rate``      samples a second. ``start``: UTC time of the first sample, ISO 8601.
    ``data``      float32 (samples, channels), any unit; NaN where there is no data.
    """

    station: str
    channels: tuple[str, ...]
    rate: float
    start: str
    data: NDArray[np.float32]

    @property
    def vertical(self) -> int:
        """Column of the vertical component."""
        return _vertical(self.channels)

    @property
    def horizontals(self) -> list[int]:
        """Columns of the other components, at most two."""
        return [c for c in range(len(self.channels)) if c != self.vertical][:2]


@dataclass(frozen=True)
class Example:
    """A window with an analyst's arrivals, in samples from its start; None where there is none."""

    window: Window
    p: int | None
    s: int | None


@dataclass(frozen=True)
class Waveforms:
    """What a picker gets: ``windows`` to pick, and labelled ``examples`` of other stations to learn or tune on."""

    windows: tuple[Window, ...]
    examples: tuple[Example, ...]


def _vertical(channels: Sequence[str]) -> int:
    letters = [code[-1:].upper() for code in channels]
    return letters.index("Z") if "Z" in letters else letters.index("3")


# --- labelled archives -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labelled:
    """A record of an archive; ``start`` of its window is not known and does not matter."""

    place: str
    window: Window
    p: int | None
    s: int | None


def archive() -> list[Path]:
    """Return the labelled archives that ``DUJIANG_DATA`` points at."""
    folder = os.environ.get("DUJIANG_DATA")
    return sorted((Path(folder) / "seismic").glob("*.npz")) if folder else []


def labelled(paths: Sequence[Path]) -> list[Labelled]:
    """Read archives: ``data`` (n, samples, components), ``p_sample``, ``s_sample``, ``channels``, ``name``.

    ``sampling_rate`` (one, or one a record) is 100 Hz where absent. A pick that is negative, NaN or outside the
    record is none. Raises `BadInput`.
    """
    found: list[Labelled] = []
    for path in paths:
        try:
            with np.load(path) as held:
                arrays = {name: held[name] for name in held.files}
        except (OSError, ValueError) as error:
            raise BadInput(path, expected=Text("npz 数组文件", "an npz file of arrays"), found=str(error)) from error
        for name in ("data", "p_sample", "s_sample"):
            if name not in arrays:
                raise BadInput(path, field=name, expected=Text("数组", "an array"), found=", ".join(arrays))
        data = arrays["data"]
        if data.ndim != 3:
            raise BadInput(
                path,
                field="data",
                expected=Text("（条数、采样点、分量）三维数组", "three dimensions (records, samples, components)"),
                found=str(data.shape),
            )
        if data.shape[1] < data.shape[2]:
            data = data.swapaxes(1, 2)
        n = len(data)
        rates = np.broadcast_to(np.asarray(arrays.get("sampling_rate", 100.0), dtype=float).ravel(), n)
        names = arrays["name"].astype(str) if "name" in arrays else np.array([f"XX_R{i:05d}" for i in range(n)])
        codes = np.asarray(arrays.get("channels", "E_N_Z"), dtype=str)
        for i in range(n):
            one = str(codes if codes.ndim == 0 else codes[i]) if codes.ndim < 2 else "_".join(codes[i])
            parts = (str(names[i]).replace(".", "_") + "_").split("_")
            record = _record(data[i], one, float(rates[i]), parts[0], parts[1])
            if record is None:
                continue
            picks = [_pick(arrays[field][i], len(data[i])) for field in ("p_sample", "s_sample")]
            found.append(Labelled(f"{parts[0]}_{parts[1]}", record, *picks))
    return found


def _pick(value: Any, samples: int) -> int | None:
    first = float(np.ravel(value)[0]) if np.size(value) else np.nan
    return round(first) if np.isfinite(first) and 0 < first < samples else None


def _record(data: NDArray[Any], codes: str, rate: float, network: str, station: str) -> Window | None:
    """Make a window of the components that are there; None without a vertical that moves."""
    names = [code for code in codes.replace(",", "_").replace(" ", "_").split("_") if code]
    columns = data.shape[1]
    if len(names) != columns:
        # Archives keep absent components as columns of zeros, in the order E, N, Z.
        prefix = names[0][:2] if names and len(names[0]) > 1 else ""
        order = {"E": 0, "1": 0, "N": 1, "2": 1, "Z": columns - 1, "3": columns - 1}
        placed = {order[name[-1]]: name for name in names if name[-1] in order}
        names = [placed.get(c, prefix + "ENZ"[3 - columns :][c]) for c in range(min(columns, 3))]
    alive = [c for c in range(len(names)) if np.isfinite(data[:, c]).any() and np.nanstd(data[:, c]) > 0]
    kept = tuple(names[c] for c in alive)
    if not any(code[-1] in "Z3" for code in kept):
        return None
    prefix = kept[0][:-1]
    return Window(f"{network}.{station}..{prefix}", kept, rate, clock(0), data[:, alive].astype(np.float32))


def clock(index: int) -> str:
    """Start time of a case's window: they stand 10 minutes apart, so that a file of them has no overlaps."""
    stamp = np.datetime64("2024-01-01T00:00:00.000000") + np.timedelta64(10 * index, "m")
    return f"{stamp}Z"


def crop(rng: np.random.Generator, record: Labelled, quiet: bool) -> Example | None:
    """Cut a window of `LENGTH` at random, with arrivals or ``quiet`` from before P; gain and polarity at random.

    None where the record has no such stretch.
    """
    window = record.window
    rate, n = window.rate, len(window.data)
    length = min(n, round(LENGTH * rate))
    if record.p is None:
        if not quiet or record.s is not None:
            return None
        start = int(rng.integers(0, n - length + 1))
    elif quiet:
        length = min(length, record.p - round(rate))
        if length < 15 * rate:
            return None
        start = int(rng.integers(0, record.p - round(rate) - length + 1))
    else:
        lag = 0 if record.s is None else record.s - record.p
        low, high = round(3 * rate), length - min(lag, length // 2) - round(3 * rate)
        start = record.p - int(rng.integers(low, max(low + 1, high)))
        start = min(max(start, 0), n - length)
    data = window.data[start : start + length]
    z = data[:, window.vertical]
    if np.mean(np.diff(z) != 0) < 0.3:
        return None
    gain = np.float32(rng.choice([-1.0, 1.0]) * np.exp(rng.uniform(np.log(0.1), np.log(10.0))))
    inside = [None if quiet or pick is None else pick - start for pick in (record.p, record.s)]
    picks = [pick if pick is not None and 0 <= pick < length else None for pick in inside]
    return Example(Window(window.station, window.channels, rate, window.start, data * gain), *picks)


def simulated(
    rng: np.random.Generator, count: int, series: str = "S", make: Callable[..., Seismogram] = seismogram
) -> list[Example]:
    """Return windows that ``make`` makes, every other one of noise alone, each of a station of its own."""
    made = []
    for i in range(count):
        rate = float(rng.choice([100.0, 100.0, 100.0, 50.0, 40.0, 200.0]))
        one = make(rng, LENGTH, rate, i % 2 == 0)
        station = f"{SIMULATED}.{series}{i:04d}..{one.channels[-1][:-1]}"
        made.append(Example(Window(station, one.channels, rate, clock(i), one.data), one.p, one.s))
    return made


# --- miniSEED ----------------------------------------------------------------------------------------------------


def write_miniseed(windows: Sequence[Window], path: Path) -> None:
    """Write windows as miniSEED of 32-bit floats, which keeps them bit by bit; gaps (NaN) divide traces."""
    from obspy import Stream, Trace, UTCDateTime

    stream = Stream()
    for window in windows:
        network, station, location, _ = window.station.split(".")
        for c, channel in enumerate(window.channels):
            for start, stop in _runs(np.isfinite(window.data[:, c])):
                trace = Trace(np.ascontiguousarray(window.data[start:stop, c], dtype=np.float32))
                trace.stats.update({"network": network, "station": station, "location": location, "channel": channel})
                trace.stats.sampling_rate = window.rate
                trace.stats.starttime = UTCDateTime(window.start) + start / window.rate
                stream.append(trace)
    stream.write(str(path), format="MSEED", encoding="FLOAT32", reclen=4096)


def _runs(there: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, there, False].astype(int)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def read_miniseed(path: Path) -> tuple[Window, ...]:
    """Read miniSEED of any number of instruments; each stretch without a long gap of its vertical is a window.

    Traces may be split or overlap (the later one holds). Stretches shorter than `SHORTEST` beside longer ones are
    left out. Channels that are not of a seismometer's components (log, state of health) are passed over. Raises
    `BadInput`.
    """
    import obspy

    if not path.is_file():
        raise BadInput(path, expected=Text("miniSEED 文件", "a miniSEED file"), found="no such file")
    if path.stat().st_size == 0:
        raise BadInput(path, expected=Text("miniSEED 波形", "miniSEED waveforms"), found="0 bytes", remedy=_EXPORT)
    try:
        stream = obspy.read(str(path), format="MSEED")
    except Exception as error:  # obspy's reader raises many kinds, some of them bare
        found = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        raise BadInput(
            path, expected=Text("miniSEED 波形", "miniSEED waveforms"), found=found, remedy=_EXPORT
        ) from error
    groups: dict[str, dict[str, list[Any]]] = {}
    for trace in stream:
        code = trace.stats.channel.strip().upper()
        if code[-1:] in set("ZNE123") and trace.data.dtype.kind in "if" and trace.stats.npts:
            key = f"{trace.stats.network}.{trace.stats.station}.{trace.stats.location}.{code[:-1]}"
            groups.setdefault(key, {}).setdefault(code, []).append(trace)
    if not groups:
        raise BadInput(
            path,
            field="channel",
            expected=Text(
                "以 Z、N、E、1、2、3 结尾的地震计通道", "channels of a seismometer, ending in Z, N, E, 1, 2 or 3"
            ),
            found=", ".join(sorted({trace.id for trace in stream})) or "no traces",
        )
    windows: list[Window] = []
    for key in sorted(groups):
        windows += _instrument(path, key, groups[key])
    return tuple(windows)


_EXPORT = Text("请用台网软件重新导出 miniSEED 后再试", "export it again as miniSEED and try again")


def _instrument(path: Path, key: str, traces: dict[str, list[Any]]) -> list[Window]:
    """Check one instrument's traces and lay them on a common grid of samples."""

    def bad(where: str, field: str, expected: Text, found: str, remedy: Text) -> NoReturn:
        raise BadInput(path, row=where, field=field, expected=expected, found=found, remedy=remedy)

    codes = sorted(traces)
    if not any(code[-1] in "Z3" for code in codes):
        bad(
            key,
            "channel",
            Text("有垂直分量（Z 或 3）", "a vertical component (Z or 3)"),
            ", ".join(codes),
            Text("请补上该台的垂直分量，或从文件中去掉该台", "add that station's vertical, or leave the station out"),
        )
    up = codes[_vertical(codes)]
    rate = float(traces[up][0].stats.sampling_rate)
    for code in codes:
        for trace in traces[code]:
            own = float(trace.stats.sampling_rate)
            if own < LOWEST_RATE:
                bad(
                    trace.id,
                    "sampling_rate",
                    Text(f"采样率不低于 {LOWEST_RATE:g} Hz", f"a sampling rate of {LOWEST_RATE:g} Hz or more"),
                    f"{own:g} Hz",
                    Text("请用更高采样率的通道（如 HH、BH、EH）", "use a faster channel (HH, BH, EH)"),
                )
            if abs(own - rate) > 1e-3 * rate:
                bad(
                    trace.id,
                    "sampling_rate",
                    Text(f"与垂直分量一致的 {rate:g} Hz", f"{rate:g} Hz as on the vertical"),
                    f"{own:g} Hz",
                    Text("请先重采样到同一采样率", "resample the components to one rate first"),
                )
    values = np.concatenate([np.ma.filled(np.ma.asarray(t.data, dtype=float), np.nan) for t in traces[up]])
    finite = values[np.isfinite(values)]
    if not len(finite) or np.ptp(finite) == 0:
        bad(
            traces[up][0].id,
            "data",
            Text("有起伏的数据", "data that moves"),
            "no finite sample" if not len(finite) else f"{len(finite)} samples, all {finite[0]:g}",
            Text("该通道可能断线或标定中，请换时段或去掉该台", "the channel may be dead: take another time or station"),
        )
    windows = []
    longest = 0.0
    for first, last in _spans(traces[up]):
        n = round((last - first) * rate) + 1
        longest = max(longest, n / rate)
        if n < SHORTEST * rate:
            continue
        data = np.full((n, len(codes)), np.nan, dtype=np.float32)
        for c, code in enumerate(codes):
            for trace in traces[code]:
                at = round((trace.stats.starttime - first) * rate)
                part = np.ma.filled(np.ma.asarray(trace.data, dtype=np.float32), np.nan)
                part = part[max(0, -at) : max(0, n - at)]
                data[max(0, at) : max(0, at) + len(part), c] = part
        data[~np.isfinite(data)] = np.nan
        windows.append(Window(key, tuple(codes), rate, str(first), data))
    if not windows:
        bad(
            traces[up][0].id,
            "npts",
            Text(f"至少 {SHORTEST:g} 秒不中断的波形", f"{SHORTEST:g} s or more without a long gap"),
            f"{longest:.2f} s",
            Text("请导出更长的时段", "export a longer stretch"),
        )
    return windows


def _spans(traces: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Start and end times of stretches whose traces lie less than `SPLIT` apart."""
    spans: list[tuple[Any, Any]] = []
    for trace in sorted(traces, key=lambda one: one.stats.starttime):
        start, end = trace.stats.starttime, trace.stats.endtime
        if spans and start - spans[-1][1] < SPLIT:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
