"""Screening public tenders for collusion (公共资源交易): which tenders should an inspector open first.

*Data.* A region's tenders over some years, simulated. Honest bidders draw costs and mark them up by the number of
competitors that they expect; trades differ in how far costs spread, some are governed by a published price norm, so that
honest bids lie close together too, and firms of one county meet more often than others. Rings of firms of one trade take turns: the one whose turn it is bids near the budget,
the others cover it with bids some per cent above, and outsiders sometimes bid honestly against them. Some cases have been
decided by a court: their tenders are labelled, as they would be in an authority's files. The generator knows the rings,
whose turn it is and each firm's cost; the method sees bids, bidders and dates, and labels of decided cases only.

*Second generator.* A ring that withholds: members stay away in turn, so that few bids are left, and covers are spread
wide on purpose, which is what rings do that have read about variance screens. The labels are still of the first kind. On
it the baseline is worse than a coin, since it takes little variation for the sign of a ring.

*Baseline.* What authorities run today: the coefficient of variation of the bids, low means suspicious (Abrantes-Metz et
al. 2006, International Journal of Industrial Organization 24).

*Method.* The screens of Huber & Imhof (2019, Machine learning with screens for detecting bid-rigging cartels,
International Journal of Industrial Organization 65) in one random forest (scikit-learn), and in another what rings leave
between tenders: firms that meet one another more than others and win from one another (Conley & Decarolis 2016, American
Economic Journal: Microeconomics 8, test groups of bidders). Both are fitted on the decided cases and have one vote each,
so that a ring that knows the screens is still seen by its company. Without decided cases it ranks by mean rank.

*Published.* Huber & Imhof classify 84 % of Swiss tenders correctly out of sample.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

FIRST = date(2021, 1, 4)
TENDERS = {"small": 300, "default": 1200, SHIFTED: 1200}
SCREENS = 8
"""Features of a tender's own bids; those after them are of its bidders."""
INSPECTED = 50
"""Tenders that an inspectorate can open in a year."""
FLAG = "decided"
"""The field of a release that says how a decided case ended: true where it was collusion."""
FORMAT = Text("OCDS 发布包（含 bids 扩展，JSON）", "OCDS release package with the bids extension (JSON)")


@dataclass(frozen=True, slots=True)
class Tender:
    """A tender: its number, day, and each bidder's bid in yuan; ``decided``: None, or whether it was collusion."""

    number: str
    day: str
    bids: tuple[tuple[str, float], ...]
    decided: bool | None = None


def cases(seed: int, size: str) -> list[Case]:
    """Return a region's tenders, a third of them in decided cases, and which of the others were rigged."""
    draw = np.random.default_rng([seed, 17])
    count = TENDERS[size]
    known, labels = _region(draw, count // 3, "past", withholding=False)
    new, truth = _region(draw, count - count // 3, "now", withholding=size == SHIFTED)
    decided = [Tender(one.number, one.day, one.bids, labels[one.number]) for one in known]
    return [Case((*decided, *new), truth)]


def _region(
    draw: np.random.Generator, count: int, name: str, *, withholding: bool
) -> tuple[list[Tender], dict[str, bool]]:
    """Return tenders of six trades, in half of which a ring is at work, and whether each was rigged."""
    tenders, rigged = [], {}
    trades = 6
    for trade in range(trades):
        firms = [f"{name}-{trade}-{firm:02d}" for firm in range(int(draw.integers(12, 24)))]
        skill = dict(zip(firms, draw.normal(0, 0.04, len(firms)), strict=True))
        norm = trade % 3 == 2
        spread = 0.025 if norm else draw.uniform(0.05, 0.12)
        ring = list(draw.choice(firms, int(draw.integers(4, 8)), replace=False)) if trade % 2 == 0 else []
        home = dict(zip(firms, draw.integers(0, 3, len(firms)).tolist(), strict=True))
        turn = 0
        for place in range(count // trades):
            cost = float(np.exp(draw.normal(14.5, 1)))
            at_work = bool(ring) and draw.random() < 0.6
            # Honest firms too meet those of their own county more than others.
            county = int(draw.integers(0, 3))
            near = np.array([4.0 if home[firm] == county else 1.0 for firm in firms])
            if at_work:
                turn += 1
                bids = _ring_bids(draw, cost, ring, turn, skill, withholding=withholding)
                comers = int(draw.integers(0, 3))
                apart = near * [firm not in ring for firm in firms]
                others = list(draw.choice(firms, comers, replace=False, p=apart / apart.sum()))
                bids |= _honest_bids(draw, cost * 1.12, others, skill, spread)
            else:
                comers = int(draw.integers(3, 10))
                bidders = list(draw.choice(firms, comers, replace=False, p=near / near.sum()))
                bids = _honest_bids(draw, cost, bidders, skill, spread)
            number = f"{name}-{trade}-{place:04d}"
            day = FIRST + timedelta(days=int(1500 * place * trades / count) + int(draw.integers(0, 5)))
            entries = sorted((str(firm), round(value, 2)) for firm, value in bids.items())
            tenders.append(Tender(number, day.isoformat(), tuple(entries)))
            rigged[number] = at_work
    return tenders, rigged


def _honest_bids(
    draw: np.random.Generator, cost: float, firms: Sequence[str], skill: dict[str, float], spread: float
) -> dict[str, float]:
    """Return bids on own costs, marked up less the more competitors are expected (first-price auction)."""
    expected = max(2, len(firms) + int(draw.integers(-1, 2)))
    return {
        firm: cost * math.exp(skill[firm] + draw.normal(0, spread)) * (1 + 1.6 * spread / math.sqrt(expected))
        for firm in firms
    }


def _ring_bids(
    draw: np.random.Generator,
    cost: float,
    ring: Sequence[str],
    turn: int,
    skill: dict[str, float],
    *,
    withholding: bool,
) -> dict[str, float]:
    """Return a ring's bids: whose turn it is near the budget; the others above it, or away."""
    winner = ring[turn % len(ring)]
    low = cost * draw.uniform(1.12, 1.25)
    others = [firm for firm in ring if firm != winner]
    if withholding:
        covers = list(draw.choice(others, 2, replace=False))
        return {winner: low} | {firm: low * (1 + draw.uniform(0.08, 0.35)) for firm in covers}
    covers = list(draw.choice(others, int(draw.integers(2, len(others) + 1)), replace=False))
    ahead = draw.uniform(0.01, 0.05)
    return {winner: low} | {firm: low * (1 + ahead + abs(draw.normal(0, 0.025)) + skill[firm] / 8) for firm in covers}


def baseline(inputs: tuple[Tender, ...]) -> Answer:
    """Return the open tenders by the coefficient of variation of their bids, lowest first."""
    return _ranked({one.number: -_variation(_values(one)) for one in inputs if one.decided is None})


def method(inputs: tuple[Tender, ...]) -> Answer:
    """Return the open tenders by the forest's share of trees that call them collusion."""
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestClassifier

    features = np.array(_features(inputs))
    decided = np.array([one.decided is not None for one in inputs])
    labels = np.array([bool(one.decided) for one in inputs])
    halves = (slice(None, SCREENS), slice(SCREENS, None))
    if len(set(labels[decided].tolist())) == 2:
        votes = []
        for half in halves:
            forest = RandomForestClassifier(300, min_samples_leaf=8, random_state=0, n_jobs=1)
            forest.fit(features[decided, half], labels[decided])
            votes.append(forest.predict_proba(features[~decided, half])[:, 1])
        scores = np.mean(votes, axis=0)
    else:
        # Suspicious is: little variation, a gap below the second bid, firms that often meet and win from one another.
        signs = features[~decided] * np.array([-1, 0, 0, -1, 1, 1, 1, 0, 1, 1, 1])
        scores = rankdata(signs, axis=0).mean(axis=1) / len(signs)
    numbers = [one.number for one in inputs if one.decided is None]
    return _ranked(dict(zip(numbers, scores.tolist(), strict=True)))


def _ranked(scores: dict[str, float]) -> Answer:
    order = sorted(scores, key=lambda number: (-scores[number], number))
    return [{"tender": number, "score": round(scores[number], 6), "place": at} for at, number in enumerate(order, 1)]


def _values(tender: Tender) -> np.ndarray:
    return np.sort([value for _, value in tender.bids])


def _variation(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 else 0.0


def _features(tenders: Sequence[Tender]) -> list[list[float]]:
    """Return each tender's screens, then the traces that its bidders left between tenders."""
    met: Counter[tuple[str, str]] = Counter()
    meetings: Counter[str] = Counter()
    lost_to: defaultdict[str, set[str]] = defaultdict(set)
    for one in tenders:
        names = [firm for firm, _ in one.bids]
        meetings.update({firm: len(names) - 1 for firm in names})
        met.update((a, b) for at, a in enumerate(names) for b in names[at + 1 :])
        best = min(one.bids, key=lambda bid: (bid[1], bid[0]))[0]
        for firm in names:
            if firm != best:
                lost_to[firm].add(best)
    rows = []
    for one in tenders:
        values, names = _values(one), [firm for firm, _ in one.bids]
        rows.append([*_screens(values), *_traces(names, met, meetings, lost_to)])
    return rows


def _screens(values: np.ndarray) -> list[float]:
    """Return CV, skewness, kurtosis, spread, relative distance, gap of the lowest two, KS to even steps, number of bids."""
    from scipy.stats import kurtosis, skew

    count = len(values)
    if count < 2:
        return [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, float(count)]
    losing = values[1:].std(ddof=1) if count > 2 else 0.0
    gap = float(values[1] - values[0])
    steps = (values - values[0]) / max(values[-1] - values[0], 1e-9)
    uniform = float(np.abs(steps - np.linspace(0, 1, count)).max())
    varied = count > 2 and float(np.ptp(values)) > 0
    return [
        _variation(values),
        float(skew(values)) if varied else 0.0,
        float(kurtosis(values)) if varied else 0.0,
        float(np.ptp(values) / values[0]),
        gap / (float(losing) + 0.005 * float(values[0])),
        gap / float(values[0]),
        uniform,
        float(count),
    ]


def _traces(
    names: Sequence[str],
    met: Counter[tuple[str, str]],
    meetings: Counter[str],
    lost_to: dict[str, set[str]],
) -> list[float]:
    """Return the share of a bidder's meetings that is with another here, mean and least, and of pairs won both ways."""
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
    if not pairs:
        return [0.0, 0.0, 0.0]
    shares = [met[a, b] / meetings[firm] for a, b in pairs for firm in (a, b)]
    mutual = float(np.mean([(b in lost_to[a]) and (a in lost_to[b]) for a, b in pairs]))
    return [float(np.mean(shares)), float(np.min(shares)), mutual]


def judge(truth: dict[str, bool], answer: Answer) -> float:
    """Return the area under the ROC curve of the open tenders; raises ValueError where one is missing."""
    from sklearn.metrics import roc_auc_score

    scores = {row["tender"]: row["score"] for row in answer}
    if scores.keys() != truth.keys():
        raise ValueError("the answer does not hold each open tender once")
    numbers = sorted(truth)
    return float(roc_auc_score([truth[one] for one in numbers], [scores[one] for one in numbers]))


def precision(truth: dict[str, bool], answer: Answer, first: int = INSPECTED) -> float:
    """Return the share of the first tenders of the list that were rigged."""
    return float(np.mean([truth[row["tender"]] for row in answer[:first]]))


def read(path: Path) -> tuple[Tender, ...]:
    """Read an OCDS release package with ``bids.details``; a release may say how its case ended (``decided``).

    Raises `BadInput` that names the release and the field.
    """
    try:
        package = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    releases = package.get("releases") if isinstance(package, dict) else None
    if not isinstance(releases, list) or not releases:
        raise BadInput(path, field="releases", expected=Text("非空的发布列表", "a list of releases, not empty"))
    tenders = tuple(_release(path, at, one) for at, one in enumerate(releases))
    if len({one.number for one in tenders}) != len(tenders):
        number, _ = Counter(one.number for one in tenders).most_common(1)[0]
        raise BadInput(path, field="ocid", expected=Text("每个 ocid 一次", "each ocid once"), found=number)
    return tenders


def _release(path: Path, at: int, given: Any) -> Tender:
    def bad(field: str, expected: Text, found: Any) -> BadInput:
        return BadInput(path, row=f"releases[{at}]", field=field, expected=expected, found=str(found)[:60])

    if not isinstance(given, dict) or not isinstance(given.get("ocid"), str) or not given["ocid"]:
        found = given.get("ocid", "") if isinstance(given, dict) else given
        raise bad("ocid", Text("采购项目标识", "the contracting process's identifier"), found)
    try:
        day = date.fromisoformat(str(given.get("date", ""))[:10]).isoformat()
    except ValueError as error:
        raise bad("date", Text("ISO 8601 日期", "an ISO 8601 date"), given.get("date", "")) from error
    decided = given.get(FLAG)
    if decided is not None and not isinstance(decided, bool):
        raise bad(FLAG, Text("true、false，或不写", "true, false, or absent"), decided)
    bids = given.get("bids")
    details = bids.get("details") if isinstance(bids, dict) else None
    if not isinstance(details, list) or not details:
        raise bad("bids.details", Text("至少一份投标", "at least one bid"), details or "")
    found_bids = {}
    for place, bid in enumerate(details):
        field = f"bids.details[{place}]"
        tenderers = bid.get("tenderers") if isinstance(bid, dict) else None
        if not (
            isinstance(tenderers, list) and tenderers and isinstance(tenderers[0], dict) and tenderers[0].get("id")
        ):
            raise bad(f"{field}.tenderers", Text("投标人标识", "the tenderer's id"), tenderers or "")
        value = bid.get("value")
        amount = value.get("amount") if isinstance(value, dict) else None
        if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 < amount < 1e15:
            raise bad(f"{field}.value.amount", Text("正的金额", "an amount above 0"), amount)
        firm = str(tenderers[0]["id"])
        if firm in found_bids:
            raise bad(f"{field}.tenderers", Text("每个投标人一份投标", "one bid a tenderer"), firm)
        found_bids[firm] = float(amount)
    return Tender(given["ocid"], day, tuple(sorted(found_bids.items())), decided)


def write(inputs: tuple[Tender, ...], path: Path) -> None:
    """Write an OCDS release package as `read` reads it."""
    releases = []
    for one in inputs:
        details = [
            {"id": f"{place}", "tenderers": [{"id": firm}], "value": {"amount": amount, "currency": "CNY"}}
            for place, (firm, amount) in enumerate(one.bids)
        ]
        release: dict[str, Any] = {"ocid": one.number, "date": f"{one.day}T00:00:00Z", "bids": {"details": details}}
        if one.decided is not None:
            release[FLAG] = one.decided
        releases.append(release)
    path.write_text(json.dumps({"version": "1.1", "releases": releases}, ensure_ascii=False), encoding="utf-8")


def picture(inputs: tuple[Tender, ...], answer: Answer) -> Any:
    """Return the tenders to open first: each one's bids, relative to the lowest, from the most suspicious down."""
    import altair as alt
    import pandas as pd

    bids = {one.number: one for one in inputs}
    rows = [
        {
            "place": f"{row['place']:02d} {row['tender']}",
            "bid": 100 * (value / min(_values(bids[row["tender"]])) - 1),
            "firm": firm,
        }
        for row in answer[:20]
        for firm, value in bids[row["tender"]].bids
    ]
    title = Text("先查这些项目：各家报价高出最低价的比例（%）", "Open these first: bids above the lowest, %")
    return (
        alt.Chart(pd.DataFrame(rows), title=str(title))
        .mark_tick(thickness=2, color="#14557b")
        .encode(
            alt.X("bid:Q", title="%"),
            alt.Y("place:N", title=None, sort=None),
            tooltip=["firm:N", alt.Tooltip("bid:Q", format=".1f")],
        )
    )


SCENARIO = Scenario(
    id="government-services/tender-fairness",
    title=Text("招投标围标串标筛查", "Screening tenders for collusion"),
    summary=Text(
        "从历次报价中找出疑似围标串标的项目，按可疑程度排序",
        "Rank tenders by how much their bids look like collusion",
    ),
    task=17,
    system=Text("公共资源交易智慧监管", "supervision of public resource trading"),
    user=Text("公共资源交易监管人员", "inspectors of public resource trading"),
    decision=Text("先调阅哪些项目的投标文件", "which tenders' papers to open first"),
    formats=(FORMAT,),
    metric=Text("未决项目的 ROC 曲线下面积", "area under the ROC curve of the open tenders"),
    unit="AUC",
    better="higher",
    margin=0.03,
    baseline_title=Text("报价变异系数", "coefficient of variation of the bids"),
    method_title=Text("报价筛查指标与随机森林", "screens of bids and bidders in a random forest"),
    source="Huber & Imhof 2019; Abrantes-Metz et al. 2006",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".json",),
    libraries=("sklearn",),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
