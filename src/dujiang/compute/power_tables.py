"""Sites, jobs and hourly supply as people hand them in: CSV, UTF-8 or GB 18030, a row a site, job, or site and hour."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from dujiang.compute.power import SOURCES, Array, Job, Site
from dujiang.messages import BadInput, Text

Row = dict[str, str]
_YES, _NO = {"yes", "true", "1", "是"}, {"no", "false", "0", "否", ""}


def read_sites(path: Path) -> tuple[Site, ...]:
    """Read sites: ``site``, ``it_kw``, ``pue``, ``contract_kw`` and, where a site has them, the other fields of `Site`.

    Raises `BadInput`.
    """
    optional = [one.name for one in fields(Site) if one.name not in ("name", "it_kw", "pue", "contract_kw")]
    sites: list[Site] = []
    for number, row in _rows(path, ("site", "it_kw", "pue", "contract_kw")):
        name = _new(path, number, row, "site", [one.name for one in sites])
        values = {key: _number(path, number, row, key, least=0.0) for key in ("it_kw", "contract_kw")}
        values["pue"] = _number(path, number, row, "pue", least=1.0, most=5.0)
        for key in optional:
            if row.get(key):
                wide = {"latitude": 90.0, "longitude": 180.0}.get(key)
                values[key] = _number(path, number, row, key, least=-wide if wide else 0.0, most=wide or math.inf)
        site = Site(name=name, **values)
        if site.base_kw > site.it_kw or site.base_kw * site.pue > site.contract_kw:
            expected = Text(
                "不超过 it_kw，且乘 PUE 后不超过 contract_kw", "at most it_kw, and times the PUE at most contract_kw"
            )
            raise BadInput(path, row=number, field="base_kw", expected=expected, found=row["base_kw"])
        sites.append(site)
    return tuple(sites)


def read_jobs(path: Path, sites: Sequence[Site]) -> tuple[Job, ...]:
    """Read jobs: ``job``, ``release``, ``deadline``, ``kw``, ``hours``, and ``sites`` (parted by ;, all where empty),
    ``home`` (the first of them where empty), ``splittable`` (yes or no), ``move_cost``, ``announced``.

    Raises `BadInput`.
    """  # noqa: D205
    rooms = {site.name: site.room_kw for site in sites}
    jobs: list[Job] = []
    for number, row in _rows(path, ("job", "release", "deadline", "kw", "hours")):
        names = tuple(name.strip() for name in row.get("sites", "").split(";") if name.strip()) or tuple(rooms)
        for field, found in (("sites", names), ("home", (row.get("home") or names[0],))):
            for name in found:
                if name not in (rooms if field == "sites" else names):
                    known = "、".join(rooms if field == "sites" else names)
                    raise BadInput(
                        path, row=number, field=field, expected=Text(f"{known} 之一", f"one of {known}"), found=name
                    )
        hours = _whole(path, number, row, "hours", 1)
        release = _whole(path, number, row, "release", 0)
        deadline = _whole(path, number, row, "deadline", 0)
        if deadline < release + hours:
            expected = Text(
                f"不早于 release + hours = {release + hours}", f"no earlier than release + hours = {release + hours}"
            )
            raise BadInput(path, row=number, field="deadline", expected=expected, found=row["deadline"])
        kw = _number(path, number, row, "kw", least=0.0)
        most = max(rooms[name] for name in names)
        splittable = _yes(path, number, row, "splittable")
        if not kw or (kw > most and not splittable):
            expected = Text(
                f"大于 0、不超过站点余量 {most:g} kW", f"above 0 and at most its sites' room of {most:g} kW"
            )
            raise BadInput(path, row=number, field="kw", expected=expected, found=row["kw"])
        jobs.append(
            Job(
                name=_new(path, number, row, "job", [one.name for one in jobs]),
                release=release,
                deadline=deadline,
                kw=kw,
                hours=hours,
                sites=names,
                home=row.get("home") or names[0],
                splittable=splittable,
                move_cost=_number(path, number, row, "move_cost", least=0.0) if row.get("move_cost") else 0.0,
                announced=_whole(path, number, row, "announced", 0) if row.get("announced") else None,
            )
        )
    return tuple(jobs)


def read_weather(path: Path, sites: Sequence[Site], tariff: Array, hours: int) -> tuple[Array, Array]:
    """Read hourly supply: ``site``, ``hour`` from 0, ``hydro``, ``wind``, ``solar`` in kW, and ``tariff`` in CNY/kWh
    where the file has that column (else the given ``tariff``). Returns supply (3, sites, hours) and tariff.

    Every site has every hour of the file, and the file goes to ``hours`` at least. Raises `BadInput`.
    """  # noqa: D205
    place = {site.name: at for at, site in enumerate(sites)}
    found: dict[tuple[int, int], list[float]] = {}
    last = 0
    for number, row in _rows(path, ("site", "hour", *SOURCES)):
        if row["site"] not in place:
            known = "、".join(place)
            raise BadInput(
                path, row=number, field="site", expected=Text(f"{known} 之一", f"one of {known}"), found=row["site"]
            )
        hour = _whole(path, number, row, "hour", 0)
        key = (place[row["site"]], hour)
        if key in found:
            expected = Text("每个站点每小时只有一行", "one row a site and hour")
            raise BadInput(path, row=number, field="hour", expected=expected, found=f"{row['site']} {hour}")
        found[key] = [_number(path, number, row, source, least=0.0) for source in SOURCES]
        price = tariff[key[0], min(hour, tariff.shape[1] - 1)]
        found[key].append(_number(path, number, row, "tariff", least=0.0) if row.get("tariff") else float(price))
        last = max(last, hour + 1)
    for site, at in place.items():
        for hour in range(max(last, hours)):
            if (at, hour) not in found:
                expected = Text(
                    f"每个站点有第 0 至 {max(last, hours) - 1} 小时", f"each site's hours 0 to {max(last, hours) - 1}"
                )
                raise BadInput(
                    path,
                    field="hour",
                    expected=expected,
                    found=Text(f"缺 {site} 第 {hour} 小时", f"no {site} {hour}").zh,
                )
    table = np.array([[found[at, hour] for hour in range(last)] for at in range(len(sites))]).transpose(2, 0, 1)
    return table[:3], table[3]


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[int, Row]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, expected=Text("可以读取的文件", "a file that can be read"), found=str(error)) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise BadInput(path, expected=Text("UTF-8 或 GB18030 编码的 CSV", "CSV in UTF-8 or GB18030"))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInput(path, expected=Text("CSV 表格", "a CSV table"), found=str(error)) from error
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    for name in needed:
        if name not in heading:
            raise BadInput(
                path, row=1, field=name, expected=Text("有此列", "this column"), found="、".join(heading) or "0"
            )
    found = []
    for number, cells in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in cells):
            if len(cells) != len(heading):
                expected = Text(f"{len(heading)} 个单元格", f"{len(heading)} cells")
                raise BadInput(path, row=number, expected=expected, found=str(len(cells)))
            found.append((number, dict(zip(heading, (cell.strip() for cell in cells), strict=True))))
    if not found:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row"), found="0")
    return found


def _number(path: Path, number: int, row: Row, field: str, *, least: float, most: float = math.inf) -> float:
    try:
        value = float(row[field])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and least <= value <= most):
        above = f"{least:g}–{most:g}" if math.isfinite(most) else f">= {least:g}"
        raise BadInput(
            path, row=number, field=field, expected=Text(f"数，{above}", f"a number, {above}"), found=row[field] or "空"
        )
    return value


def _whole(path: Path, number: int, row: Row, field: str, least: int) -> int:
    text = row[field]
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) >= least):
        expected = Text(f"整数，>= {least}", f"a whole number, >= {least}")
        raise BadInput(path, row=number, field=field, expected=expected, found=text or "空")
    return int(text)


def _yes(path: Path, number: int, row: Row, field: str) -> bool:
    text = row.get(field, "").lower()
    if text not in _YES | _NO:
        raise BadInput(path, row=number, field=field, expected=Text("是 或 否", "yes or no"), found=text)
    return text in _YES


def _new(path: Path, number: int, row: Row, field: str, seen: Sequence[str]) -> str:
    if not row[field] or row[field] in seen:
        expected = Text("不为空、不重复的名称", "a name, none twice")
        raise BadInput(path, row=number, field=field, expected=expected, found=row[field] or "空")
    return row[field]
