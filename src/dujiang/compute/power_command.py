"""``dujiang compute power``: what following water, wind, sun and tariff saves, on given or simulated sites and jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text as Styled

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Refused, Text
from dujiang.terminal import Json, both, console, errors, plain_errors, say, table, write_json

if TYPE_CHECKING:
    from dujiang.compute.power import Outcome, Problem
    from dujiang.compute.power_comparison import Comparison

_KINDS = {
    "hydro": (Text("水电", "hydro"), "#2b7bba"),
    "wind": (Text("风电", "wind"), "#5ab4ac"),
    "solar": (Text("光伏", "solar"), "#e6a700"),
    "grid": (Text("网电", "grid"), "#8c8c8c"),
}
_BAR = 60


def power_command(
    sites: Annotated[Path | None, typer.Option(metavar="CSV", help="站点 / sites")] = None,
    jobs: Annotated[Path | None, typer.Option(metavar="CSV", help="可调作业 / flexible jobs")] = None,
    weather: Annotated[
        Path | None, typer.Option(metavar="CSV", help="逐小时电力供给与电价 / hourly supply and price")
    ] = None,
    hours: Annotated[
        int, typer.Option(min=24, max=744, help="模拟作业到达的小时数 / hours in which simulated jobs arrive")
    ] = 168,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, max=100, help="次数：每次另行模拟误差和未给出的数据 / draws of errors and of what is simulated"
        ),
    ] = 1,
    json_file: Json = None,
    picture: Annotated[Path | None, typer.Option(help="逐小时电力构成图 / chart of the power mix by hour")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="写入存证并显示于算力页面 / put on record and show on the page of compute")
    ] = False,
) -> None:
    """算电融合：可调作业随水风光与电价错峰移地，与即到即跑和最优下界比较 / Shift jobs in time and place with water, wind, sun and tariff."""
    with plain_errors():
        from dujiang.charts import save, svg
        from dujiang.compute.power_comparison import compare
        from dujiang.compute.power_network import Network

        if record and not (sites and jobs and weather):
            raise Refused(
                Text(
                    "模拟数据不写入存证：请给出 --sites、--jobs 与 --weather",
                    "what is simulated is not put on record: name --sites, --jobs and --weather",
                )
            )
        found: list[tuple[Problem, Comparison]] = []
        network = None
        for seed in range(seeds):
            with errors.status(f"{seed + 1}/{seeds}"):
                if seed == 0 or not (jobs and weather):
                    problem = _problem(sites, jobs, weather, hours, seed)
                    network = Network(problem)
                found.append((problem, compare(problem, seed, network)))
        rows = _rows([one for _, one in found])
        _print(rows, found)
        if picture:
            save(_chart(*found[0]), picture)
        report = _json(rows, found)
        write_json(json_file, report)
        if record and sites and jobs and weather:
            _record(report, svg(_chart(*found[0]).to_dict()), {"sites": sites, "jobs": jobs, "weather": weather})


def _record(report: dict[str, Any], picture: str, files: dict[str, Path]) -> None:
    from dujiang.store import open_store

    open_store()
    from dujiang.compute.actions import record_power_plan

    plan = record_power_plan(at_the_terminal(), report, picture, files)
    say(Text(f"已写入存证 {plan.evidence}", f"Put on record: evidence {plan.evidence}"))


def _problem(sites: Path | None, jobs: Path | None, weather: Path | None, hours: int, seed: int) -> Problem:
    from dujiang.compute.power import Market, Problem
    from dujiang.compute.power_tables import read_jobs, read_sites, read_weather
    from dujiang.compute.supply import SITES, sample_jobs, simulated, tariff

    places = read_sites(sites) if sites else SITES
    work = read_jobs(jobs, places) if jobs else sample_jobs(places, hours, round(300 * hours / 168), seed)
    period = max(job.deadline for job in work)
    price = tariff(places, period)
    if weather:
        green, price = read_weather(weather, places, price, period)
    else:
        green = simulated(places, period, seed)
    return Problem(Market(places, green, price), work)


def _rows(found: list[Comparison]) -> list[dict[str, Any]]:
    """Return a row a policy, means over the draws; shares from 0 to 1."""
    import numpy as np

    from dujiang.compute.power_comparison import POLICIES

    bound = float(np.mean([one.bound for one in found]))
    today = float(np.mean([one.outcomes["run-at-once"].cost for one in found]))
    rows = []
    for key in POLICIES:
        outcomes: list[Outcome] = [one.outcomes[key] for one in found]
        cost = float(np.mean([one.cost for one in outcomes]))
        seconds = [second for one in outcomes for second in one.replan_seconds]
        rows.append(
            {
                "policy": key,
                "cost": cost,
                "saved": 1 - cost / today if today else None,
                "above_bound": cost / bound - 1 if bound > 0 else None,
                "moves": float(np.mean([one.moves for one in outcomes])),
                "green_share": float(np.mean([one.green_share for one in outcomes])),
                "missed": float(np.mean([one.missed for one in outcomes])),
                "undone": float(np.mean([one.undone for one in outcomes])),
                "replan_seconds": float(np.mean(seconds)) if seconds else None,
            }
        )
    saved = 1 - bound / today if today else None
    rows.append({"policy": "bound", "cost": bound, "saved": saved, "above_bound": 0.0 if bound > 0 else None})
    return rows


def _print(rows: list[dict[str, Any]], found: list[tuple[Problem, Comparison]]) -> None:
    from dujiang.compute.power_comparison import POLICIES

    shown = table(
        Text("做法", "Policy"),
        Text("作业电费与迁移费（元）", "Energy and moves of the jobs (CNY)"),
        Text("比即到即跑省", "Saved"),
        Text("高于下界", "Above the bound"),
        Text("绿电占比", "Green share"),
        Text("误期", "Missed"),
        Text("每次规划（秒）", "Re-plan (s)"),
    )
    names = {**POLICIES, "bound": Text("下界（松弛，全知）", "bound (relaxed, all-knowing)")}
    for row in rows:
        shown.add_row(
            both(names[row["policy"]]),
            f"{row['cost']:,.0f}",
            _share(row["saved"]),
            _share(row["above_bound"]),
            _share(row.get("green_share")),
            f"{row['missed']:g}" if "missed" in row else "—",
            f"{row['replan_seconds']:.3f}" if row.get("replan_seconds") else "—",
        )
    console.print(shown)
    problem, compared = found[0]
    late = max(one.bound_late for _, one in found)
    if late > 1:
        say(
            Text(
                f"下界也有 {late:,.0f} kWh 作业无法按期完成：“高于下界”不可比",
                f"even the bound leaves {late:,.0f} kWh late: “above the bound” can't be compared",
            )
        )
    say(Text("一天各时电力构成（滚动规划，预测有误差）", "Power mix by hour of the day (rolling, wrong forecasts)"))
    for line in _bars(problem, compared.outcomes["rolling"]):
        console.print(line)
    legend = Styled()
    for name, color in _KINDS.values():
        legend.append("█ ", style=color)
        legend.append(f"{name}  ")
    console.print(legend)


def _share(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f} %"


def _bars(problem: Problem, outcome: Outcome) -> list[Styled]:
    """Return a bar an hour of the day: mean power of each source, scaled to the largest hour."""
    import numpy as np

    clock = np.arange(problem.market.hours) % 24
    total = outcome.mix.sum(axis=1)
    mean = np.array([total[:, clock == hour].mean(axis=1) for hour in range(min(24, problem.market.hours))])
    scale = _BAR / max(float(mean.sum(axis=1).max()), 1e-9)
    lines = []
    for hour, values in enumerate(mean):
        line = Styled(f"{hour:02d} ")
        edges = np.round(np.concatenate([[0.0], values.cumsum()]) * scale).astype(int)
        for width, (_, color) in zip(np.diff(edges), _KINDS.values(), strict=True):
            line.append("█" * int(width), style=color)
        price = problem.market.tariff[:, clock == hour].mean()
        line.append(f" {values.sum() / 1000:.1f} MW  {price:.2f} 元/kWh", style="dim")
        lines.append(line)
    return lines


def _chart(problem: Problem, compared: Comparison) -> Any:
    """Return the power mix by hour of run-at-once above that of the planner."""
    import altair as alt
    import pandas as pd

    from dujiang.compute.power_comparison import POLICIES

    names = [str(name) for name, _ in _KINDS.values()]
    data = pd.DataFrame(
        [
            {"hour": hour, "kind": name, "order": order, "mw": float(power) / 1000, "policy": str(POLICIES[key])}
            for key in ("run-at-once", "rolling")
            for order, (name, values) in enumerate(zip(names, compared.outcomes[key].mix.sum(axis=1), strict=True))
            for hour, power in enumerate(values)
        ]
    )
    return (
        alt.Chart(data)
        .mark_area(interpolate="step-after")
        .encode(
            alt.X("hour:Q", title="小时 Hour"),
            alt.Y("mw:Q", title="MW", stack="zero"),
            alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=names, range=[color for _, color in _KINDS.values()]),
                sort=names,
            ),
            alt.Order("order:O"),
            tooltip=["hour:Q", "kind:N", "mw:Q"],
        )
        .properties(width=760, height=180)
        .facet(row=alt.Row("policy:N", title=None, sort=[str(POLICIES["run-at-once"]), str(POLICIES["rolling"])]))
    )


def _json(rows: list[dict[str, Any]], found: list[tuple[Problem, Comparison]]) -> dict[str, Any]:
    """Return the comparison, and of the first draw the planner's mix and schedule."""
    import numpy as np

    problem, compared = found[0]
    outcome = compared.outcomes["rolling"]
    market = problem.market
    return {
        "seeds": len(found),
        "sites": [site.name for site in market.sites],
        "jobs": len(problem.jobs),
        "hours": market.hours,
        "bound_late": max(one.bound_late for _, one in found),
        "policies": rows,
        "mix": [
            {
                "site": site.name,
                "hour": hour,
                **{kind: round(float(outcome.mix[at, place, hour]), 3) for at, kind in enumerate(_KINDS)},
                "tariff": float(market.tariff[place, hour]),
            }
            for place, site in enumerate(market.sites)
            for hour in range(market.hours)
        ],
        "schedule": [
            {
                "job": problem.jobs[number].name,
                "site": market.sites[place].name,
                "hour": int(hour),
                "kw": round(float(outcome.schedule[number, place, hour]), 3),
            }
            for number, place, hour in np.argwhere(outcome.schedule > 1e-6)
        ],
    }
