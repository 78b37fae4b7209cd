"""Matching people and vacancies across a province (数智招聘), so that those placed are still there after six months.

*Data.* People with CVs in Chinese, vacancies with their texts, and who was placed where before and stayed or left; all
simulated over a graph of skills (`_labour`). CVs call a skill by other names than postings do, leave some out and claim
some too many. What the generator knows and the method doesn't: skills held and skills used; how far one skill stands in
for another; the least wage, speed on the road, burdens at home and frailty of each person; how each employer leads.
Reasons to leave add up as hazards, a form that the method does not have.

*Second generator.* Today's seekers write of most skills in words that no past CV holds, and referral keeps people: who
comes from a county where the employer's staff come from stays longer. The past placements, on which the method is
fitted, are still of the first kind.

*Baseline.* What a job exchange does: keywords (TF-IDF of words), less something for distance and for a wage below what
is asked, and who registered first chooses first. The two weights were tuned on seeds from 1001.

*Method.* A logistic regression (scikit-learn) of the past outcomes on likeness of the texts (words by rjieba, letters,
and topics of a truncated SVD, in which names of one skill come near one another, as they stand beside the same others),
distance, wage gap, years, frequent words, and the share of the employer's past placements that stayed, shrunk and
without the pair's own. The chances go into an optimal assignment (Kuhn 1955, Naval Research Logistics Quarterly 2) under
the vacancies' seats. So Bansak et al. did it (2018, Science 359), for where refugees find work.

*Judge.* Seats that still hold who was placed there after six months, as the expected share of all seats.

*Published.* Bansak et al. expect 40 to 70 % more refugees in employment than under the usual placement, on records of
their own; a score here can't be compared with that.

*Groups.* The method sees neither sex nor household. The simulated groups differ in how much of their skills they write
down, what they ask, and how far they live from the seats, so results differ even so: `by_group` says how many were
placed, left, or were passed over, and the picture shows how many were placed, beside the errors on past placements,
each rated by a model that was not fitted on it. The data say nothing on real groups, and nothing was done to close a gap.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dujiang.industries.employment._labour import Person, Province, Vacancy
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text
from dujiang.scenarios.tables import Table, choice, name, number, read_csv, whole, write_csv

Array = NDArray[np.float64]
SIZES = {"small": (130, 70, 900, 30), "default": (600, 300, 3000, 100), SHIFTED: (600, 300, 3000, 100)}
"""People who look for work, vacancies, past placements, employers."""
FAR, SHORT = 0.5, 0.5
"""What 100 km, and the whole wage short of what is asked, take from the baseline's likeness of texts."""
RIDGE = 0.01
"""Inverse strength of the method's penalty."""
TRUST = 6
"""Placements that the mean counts for beside an employer's own."""
RANKS = (8, 30)
"""Topics: about as many as trades, and as skills."""
LIKELY = 0.5
"""Chance to stay from which it is an error to pass somebody over."""
LEAST, MOST = 50, 2_000_000
"""Past placements that a fit needs, and pairs of seeker and vacancy that fit into memory."""
GROUPS = ("sex", "household")
_TITLES = {
    "女": Text("女", "women"),
    "男": Text("男", "men"),
    "农村": Text("农村", "rural"),
    "城镇": Text("城镇", "urban"),
}


@dataclass(frozen=True, slots=True)
class Market:
    """People in order of registration, vacancies (no seat left: filled), and (person, vacancy, stayed) of the past.

    Who was not placed yet looks for work.
    """

    people: tuple[Person, ...]
    vacancies: tuple[Vacancy, ...]
    placements: tuple[tuple[int, int, int], ...]


def cases(seed: int, size: str) -> list[Case]:
    """Return a province with its past, and the chance of each seeker to stay in each vacancy."""
    draw = np.random.default_rng([seed, 13])
    count, jobs, past, employers = SIZES[size]
    province = Province(draw, employers)
    before, mine = province.people(past, 0, other_words=False)
    offered, theirs = province.vacancies(past // 3, 0, 3)
    chance = province.kept(before, mine, offered, theirs, ties=False)
    taken = _placed_before(draw, before, offered)
    kept = draw.random(past) < chance[np.arange(past), taken]
    people, mine = province.people(count, past, other_words=size == SHIFTED)
    vacancies, theirs = province.vacancies(jobs, past // 3, 2)
    filled = (replace(one, seats=0) for one in offered)
    placements = tuple((at, int(taken[at]), int(kept[at])) for at in range(past))
    truth = {
        "people": tuple(one.name for one in people),
        "vacancies": tuple(one.name for one in vacancies),
        "seats": np.array([one.seats for one in vacancies]),
        "kept": province.kept(people, mine, vacancies, theirs, ties=size == SHIFTED),
    }
    return [Case(Market((*before, *people), (*filled, *vacancies), placements), truth)]


def _placed_before(
    draw: np.random.Generator, people: Sequence[Person], vacancies: Sequence[Vacancy]
) -> NDArray[np.int64]:
    """Return where officers put each person: by the trade's name in the CV, by distance and wage, and much by chance."""
    titles = np.array([one.text[2:4] for one in vacancies])
    far = _far(people, vacancies)
    same = np.zeros(far.shape)
    for title in sorted(set(titles.tolist())):
        same[:, titles == title] = np.array([title in one.cv for one in people])[:, None]
    taste = 1.5 * same - far / 30 - 4 * _short(people, vacancies) + draw.gumbel(0, 1, far.shape)
    # Over the years a seat is filled about twice.
    left = 2 * np.array([one.seats for one in vacancies])
    return _in_turn(taste, left)


def _in_turn(score: Array, seats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the vacancy of each person who chooses in turn among those with a seat left, -1 where there is none."""
    left, taken = seats.copy(), np.full(len(score), -1)
    for at, row in enumerate(score):
        if not left.any():
            break
        taken[at] = np.argmax(np.where(left > 0, row, -np.inf))
        left[taken[at]] -= 1
    return taken


def _open(market: Market) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of who looks for work, and of the vacancies with seats."""
    placed = {person for person, _, _ in market.placements}
    seeking = [at for at in range(len(market.people)) if at not in placed]
    return np.array(seeking, dtype=np.int64), np.array(
        [at for at, one in enumerate(market.vacancies) if one.seats], dtype=np.int64
    )


def _far(people: Sequence[Person], vacancies: Sequence[Vacancy]) -> Array:
    """Return (people, vacancies) km."""
    home = np.array([(one.east, one.north) for one in people])
    site = np.array([(one.east, one.north) for one in vacancies])
    return np.asarray(np.hypot(home[:, None, 0] - site[:, 0], home[:, None, 1] - site[:, 1]))


def _short(people: Sequence[Person], vacancies: Sequence[Vacancy]) -> Array:
    """Return (people, vacancies) by which share of what is asked the wage is short."""
    asked, paid = np.array([[one.asked] for one in people]), np.array([one.paid for one in vacancies])
    return np.asarray(np.clip(1 - paid / asked, 0, None))


def _words(text: str) -> list[str]:
    import rjieba

    return [word for word in rjieba.cut(text.lower()) if word.isalnum()] or [text]


def _row(person: Person, vacancy: Vacancy, chance: float | None, kept: int | None = None) -> dict[str, Any]:
    rounded = None if chance is None else round(float(chance), 6)
    return {"person": person.name, "vacancy": vacancy.name, "chance": rounded, "kept": kept}


def baseline(market: Market) -> Answer:
    """Return matches by keywords, distance and wage: who registered first chooses first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    seeking, jobs = _open(market)
    people, vacancies = [market.people[at] for at in seeking], [market.vacancies[at] for at in jobs]
    cvs, texts = [one.cv for one in people], [one.text for one in vacancies]
    vectors = TfidfVectorizer(analyzer=_words).fit(cvs + texts)
    like = (vectors.transform(cvs) @ vectors.transform(texts).T).toarray()
    score = like - FAR * _far(people, vacancies) / 100 - SHORT * _short(people, vacancies)
    taken = _in_turn(score, np.array([one.seats for one in vacancies]))
    return [_row(one, vacancies[at], None) for one, at in zip(people, taken.tolist(), strict=True) if at >= 0]


class _Pairs:
    """What the method sees of pairs of a person and a vacancy."""

    def __init__(self, market: Market) -> None:
        people, jobs = market.people, market.vacancies
        self.home = np.array([(one.east, one.north) for one in people])
        self.site = np.array([(one.east, one.north) for one in jobs])
        self.asked, self.paid = np.array([one.asked for one in people]), np.array([one.paid for one in jobs])
        self.years, self.needed = np.array([one.years for one in people]), np.array([one.needed for one in jobs])
        split = [_words(one.cv) for one in people], [_words(one.text) for one in jobs]
        self.said = np.log1p([len(words) for words in split[0]])
        self.cv, self.text = _frequent(split[0]), _frequent(split[1])
        self.likeness = _likeness([one.cv for one in people], [one.text for one in jobs], split[0] + split[1])
        self.mean = float(np.mean([kept for *_, kept in market.placements]))
        total, stayed = Counter[str](), Counter[str]()
        for _, job, kept in market.placements:
            total[jobs[job].employer] += 1
            stayed[jobs[job].employer] += kept
        self.total = np.array([total[one.employer] for one in jobs], dtype=float)
        self.stayed = np.array([stayed[one.employer] for one in jobs], dtype=float)

    def features(self, who: NDArray[np.int64], job: NDArray[np.int64], kept: NDArray[np.int64] | None = None) -> Array:
        """Return (pairs, features); ``kept``: the pairs' own outcomes, which their employers' shares leave out."""
        own, once = (0, 0) if kept is None else (kept, 1)
        stays = (self.stayed[job] - own + TRUST * self.mean) / (self.total[job] - once + TRUST)
        km = np.hypot(*(self.home[who] - self.site[job]).T)
        near, gap = np.exp(-km / 15), self.paid[job] / self.asked[who] - 1
        like = [mine[who] * theirs[job] for mine, theirs in self.likeness]
        like = [np.asarray(one.sum(axis=1)).ravel() for one in like]
        best = like[0] + like[-1]
        over, under = self.years[who] > self.needed[job] + 8, self.years[who] < self.needed[job] - 1
        return np.column_stack(
            [
                km, np.clip(km, 0, 60), np.log1p(km), near, gap, np.clip(gap, None, 0), self.years[who], self.needed[job],
                over, under, np.log(stays / (1 - stays)), self.said[who], *like, best, best * near,
                self.cv[who], self.text[job],
            ]
        )  # fmt: skip


def _frequent(split: Sequence[Sequence[str]], share: float = 0.1) -> Array:
    """Return (texts, words) which of the words that a tenth of the texts hold each one holds."""
    seen = Counter(word for words in split for word in set(words))
    often = sorted(word for word, count in seen.items() if count >= share * len(split))
    return np.array([[word in words for word in often] for words in split], dtype=float).reshape(len(split), -1)


def _likeness(cvs: Sequence[str], texts: Sequence[str], split: Sequence[Sequence[str]]) -> list[tuple[Any, Any]]:
    """Return vectors of length 1 of people and of vacancies: by words, by letters, and by topics of each rank."""
    from scipy.sparse import csr_array
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    words = TfidfVectorizer(analyzer=list, sublinear_tf=True).fit_transform(split)
    letters = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True).fit_transform([*cvs, *texts])
    ways = [csr_array(words), csr_array(letters)]
    for rank in RANKS:
        model = TruncatedSVD(min(rank, words.shape[1] - 1, words.shape[0] - 1), random_state=0)
        ways.append(normalize(model.fit_transform(words)))
    return [(one[: len(cvs)], one[len(cvs) :]) for one in ways]


def method(market: Market) -> Answer:
    """Return the matches by the learnt chances to stay; then past placements, each by a model not fitted on it."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pairs = _Pairs(market)
    who, job, kept = np.array(market.placements, dtype=np.int64).T
    known = pairs.features(who, job, kept)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=RIDGE, max_iter=500)).fit(known, kept)
    seeking, jobs = _open(market)
    # One person at a time: all pairs' features at once would be too much memory.
    chance = np.array(
        [model.predict_proba(pairs.features(np.full(len(jobs), one), jobs))[:, 1] for one in seeking.tolist()]
    )
    seats = np.repeat(np.arange(len(jobs)), [market.vacancies[one].seats for one in jobs])
    matched = zip(*linear_sum_assignment(chance[:, seats], maximize=True), strict=True)
    rows = [
        _row(market.people[seeking[at]], market.vacancies[jobs[seats[seat]]], chance[at, seats[seat]])
        for at, seat in matched
    ]
    folds = KFold(4, shuffle=True, random_state=0)
    rated = cross_val_predict(model, known, kept, cv=folds, method="predict_proba")[:, 1]
    past = zip(market.placements, rated.tolist(), strict=True)
    return rows + [_row(market.people[a], market.vacancies[b], one, stayed) for (a, b, stayed), one in past]


def _matches(truth: dict[str, Any], answer: Answer) -> list[tuple[int, int]]:
    """Return (person, vacancy) of the new matches; raises ValueError for one that can't be."""
    people, jobs = ({one: at for at, one in enumerate(truth[key])} for key in ("people", "vacancies"))
    new = [row for row in answer if row["kept"] is None]
    if any(row["person"] not in people or row["vacancy"] not in jobs for row in new):
        raise ValueError("the answer matches somebody who does not look for work, or a vacancy without seats")
    pairs = [(people[row["person"]], jobs[row["vacancy"]]) for row in new]
    if len({person for person, _ in pairs}) < len(pairs):
        raise ValueError("the answer gives a person two seats")
    if (np.bincount([job for _, job in pairs], minlength=len(jobs)) > truth["seats"]).any():
        raise ValueError("the answer fills more seats than a vacancy has")
    return pairs


def judge(truth: dict[str, Any], answer: Answer) -> float:
    """Return the expected share of all seats that hold who was placed there after six months, in %."""
    return float(100 * sum(truth["kept"][pair] for pair in _matches(truth, answer)) / truth["seats"].sum())


def by_group(market: Market, truth: dict[str, Any], answer: Answer) -> list[dict[str, Any]]:
    """Return for each group how it fared, as shares: ``placed`` of the seekers, ``left`` of those placed, by six months.

    ``passed_over``: of those with a vacancy where they would rather stay than not, who got no seat. None where a group
    has nobody to count.
    """
    matched = dict(_matches(truth, answer))
    people = {one.name: one for one in market.people}
    rows = []
    for kind in GROUPS:
        of = [str(getattr(people[one], kind)) for one in truth["people"]]
        for group in sorted(set(of)):
            mine = [at for at, one in enumerate(of) if one == group]
            stays = [truth["kept"][at, matched[at]] for at in mine if at in matched]
            able = [at not in matched for at in mine if truth["kept"][at].max() >= LIKELY]
            left, over = (1 - float(np.mean(stays)) if stays else None), (float(np.mean(able)) if able else None)
            share = len(stays) / len(mine)
            rows.append({"kind": kind, "group": group, "placed": share, "left": left, "passed_over": over})
    return rows


def rates(market: Market, answer: Answer) -> list[dict[str, Any]]:
    """Return by group the errors on past placements, of which a chance above the mean held that somebody stays.

    ``held_apt``: of those who left, the share so held; ``held_unapt``: of those who stayed, the share not.
    """
    past = [row for row in answer if row["kept"] is not None and row["chance"] is not None]
    people = {one.name: one for one in market.people}
    mean = float(np.mean([row["kept"] for row in past])) if past else 0.0
    rows = []
    for kind in GROUPS:
        for group in sorted({str(getattr(people[row["person"]], kind)) for row in past}):
            mine = [row for row in past if getattr(people[row["person"]], kind) == group]
            apt = {one: [row["chance"] >= mean for row in mine if row["kept"] == one] for one in (0, 1)}
            wrong = float(np.mean(apt[0])) if apt[0] else None
            missed = 1 - float(np.mean(apt[1])) if apt[1] else None
            rows.append({"kind": kind, "group": group, "held_apt": wrong, "held_unapt": missed})
    return rows


_PLACE = {
    "county": name(Text("市县", "county")),
    "east": number(Text("东向公里", "km east"), -5000, 5000),
    "north": number(Text("北向公里", "km north"), -5000, 5000),
}
_TABLES = {
    "people.csv": {
        "name": name(Text("求职者", "person")),
        "sex": choice(Text("性别", "sex"), {"女": "女", "男": "男"}),
        "household": choice(Text("户籍", "household"), {"城镇": "城镇", "农村": "农村"}),
        **_PLACE,
        "years": number(Text("工作年限", "years of work"), 0, 70),
        "asked": number(Text("期望月薪", "wage asked"), 100, 1_000_000),
        "cv": name(Text("简历", "CV")),
    },
    "vacancies.csv": {
        "name": name(Text("岗位", "vacancy")),
        "employer": name(Text("用人单位", "employer")),
        **_PLACE,
        "needed": number(Text("要求年限", "years needed"), 0, 70),
        "paid": number(Text("月薪", "wage"), 100, 1_000_000),
        "seats": whole(Text("空缺人数", "seats"), 0, 1000),
        "text": name(Text("岗位说明", "text")),
    },
    "placements.csv": {
        "person": name(Text("求职者", "person")),
        "vacancy": name(Text("岗位", "vacancy")),
        "kept": choice(Text("六个月后在岗", "kept six months"), {"1": 1, "0": 0}),
    },
}
_FORMAT = Text(f"含 {'、'.join(_TABLES)} 的 zip 文件", f"a zip file with {', '.join(_TABLES)}")
_LARGEST = 64 << 20


def read(path: Path) -> Market:
    """Read a zip of the three tables, people in order of registration; raises `BadInput`."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if max(archive.getinfo(one).file_size for one in _TABLES) > _LARGEST:
                raise BadInput(path, expected=Text("不超过 64 MiB 的文件", "files of at most 64 MiB"))
            members = {one: archive.read(one) for one in _TABLES}
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInput(path, expected=_FORMAT, found=str(error) or type(error).__name__) from error
    with TemporaryDirectory() as folder:
        for member, content in members.items():
            Path(folder, member).write_bytes(content)
        try:
            tables = {one: read_csv(Path(folder, one), columns) for one, columns in _TABLES.items()}
            market = _market(tables)
        except BadInput as error:
            raise error.known_as(str(path / Path(error.path).name)) from error
    seeking, jobs = _open(market)
    if not 0 < len(seeking) * len(jobs) <= MOST:
        expected = Text(
            f"有未安置的求职者和空缺岗位，相乘不超过 {MOST}", f"seekers and open vacancies, {MOST} pairs at most"
        )
        raise BadInput(path, expected=expected, found=f"{len(seeking)} × {len(jobs)}")
    if len(market.placements) < LEAST or len({kept for *_, kept in market.placements}) < 2:
        expected = Text(f"至少 {LEAST} 次安置，有去有留", f"{LEAST} placements at least, some kept and some not")
        raise BadInput(path / "placements.csv", field="kept", expected=expected, found=str(len(market.placements)))
    return market


def _market(tables: dict[str, Table]) -> Market:
    people, jobs, past = tables.values()
    places: list[dict[str, int]] = []
    for table in (people, jobs):
        places.append({})
        for at, one in enumerate(table["name"]):
            if places[-1].setdefault(one, at) != at:
                raise table.fault(at, "name", Text("不重复的名称", "a name that stands once"))
    for column, known, member in zip(("person", "vacancy"), places, _TABLES, strict=False):
        for at, one in enumerate(past[column]):
            if one not in known:
                raise past.fault(at, column, Text(f"{member} 中有此名称", f"a name of {member}"))
    seen: set[str] = set()
    for at, one in enumerate(past["person"]):
        if one in seen:
            raise past.fault(at, "person", Text("每人一次安置", "one placement a person"))
        seen.add(one)
    rows = zip(past["person"], past["vacancy"], past["kept"], strict=True)
    return Market(
        tuple(Person(*row) for row in zip(*(people[one.name] for one in fields(Person)), strict=True)),
        tuple(Vacancy(*row) for row in zip(*(jobs[one.name] for one in fields(Vacancy)), strict=True)),
        tuple((places[0][person], places[1][job], kept) for person, job, kept in rows),
    )


def write(inputs: Market, path: Path) -> None:
    """Write the zip that `read` takes."""
    past = [(inputs.people[a].name, inputs.vacancies[b].name, kept) for a, b, kept in inputs.placements]
    rows = [[astuple(one) for one in inputs.people], [astuple(one) for one in inputs.vacancies], past]
    with TemporaryDirectory() as folder, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for (member, columns), table in zip(_TABLES.items(), rows, strict=True):
            write_csv(Path(folder, member), list(columns), table)
            archive.write(Path(folder, member), member)


def picture(inputs: Market, answer: Answer) -> Any:
    """Return how many of each group got a seat, and the errors on past placements by group."""
    import altair as alt
    import pandas as pd

    matched = {row["person"] for row in answer if row["kept"] is None}
    people = [inputs.people[at] for at in _open(inputs)[0]]
    titles = {
        "placed": Text("安置比例", "placed"),
        "held_apt": Text("离岗而曾判为合适", "left, was held apt"),
        "held_unapt": Text("留任而曾判为不合适", "stayed, was held unapt"),
    }
    shares = [
        {"group": group, "what": str(titles["placed"]), "share": float(np.mean([one.name in matched for one in mine]))}
        for kind in GROUPS
        for group in sorted({getattr(one, kind) for one in people})
        for mine in [[one for one in people if getattr(one, kind) == group]]
    ]
    errors = [
        {"group": row["group"], "what": str(titles[key]), "share": row[key]}
        for row in rates(inputs, answer)
        for key in ("held_apt", "held_unapt")
        if row[key] is not None
    ]

    def bars(rows: list[dict[str, Any]], title: Text, colours: list[str]) -> Any:
        table = pd.DataFrame(rows, columns=["group", "what", "share"])
        table["group"] = [str(_TITLES[one]) for one in table["group"]]
        return (
            alt.Chart(table, width=420, title=str(title))
            .mark_bar()
            .encode(
                alt.X("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
                alt.Y("group:N", title=None, sort=None),
                alt.YOffset("what:N"),
                alt.Color(
                    "what:N",
                    title=None,
                    legend=alt.Legend(orient="bottom", labelLimit=0, columns=1),
                    scale=alt.Scale(range=colours),
                ),
                tooltip=["group:N", "what:N", alt.Tooltip("share:Q", format=".1%")],
            )
        )

    placed = bars(shares, Text("各群体求职者的安置比例", "Share of seekers placed, by group"), ["#14557b"])
    wrong = bars(errors, Text("对过往安置的误判率", "Error rates on past placements, by group"), ["#b5483a", "#7aa6c2"])
    return alt.vconcat(placed, wrong).resolve_scale(color="independent", yOffset="independent")


SCENARIO = Scenario(
    id="employment/job-matching",
    title=Text("全省人岗匹配", "Matching people and vacancies"),
    summary=Text(
        "从过往安置的去留学会谁适合哪里，把全省求职者与空缺岗位作总体最优匹配，并按群体审计",
        "Learn from past placements who stays where, match a province's seekers and seats, and audit by group",
    ),
    task=13,
    system=Text("数智招聘", "intelligent recruitment"),
    user=Text("公共就业服务机构", "public employment services"),
    decision=Text("向哪名求职者推荐哪个岗位", "which vacancy is proposed to which person"),
    formats=(
        Text(
            "zip：求职者 people.csv、岗位 vacancies.csv、过往安置 placements.csv",
            "a zip of people.csv, vacancies.csv and past placements.csv",
        ),
    ),
    metric=Text("六个月后仍在岗的席位占全部席位", "seats that keep who was placed for six months, of all seats"),
    unit="%",
    better="higher",
    margin=2.0,
    baseline_title=Text("关键词排序，先到先得", "keyword ranking, first come first served"),
    method_title=Text("学得的去留概率与最优指派", "learnt chance to stay and optimal assignment"),
    source="Bansak et al. 2018, Science 359",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".zip",),
    libraries=("rjieba", "scipy", "sklearn"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
