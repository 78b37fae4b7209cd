"""Supply and demand: finding offers by words, Chinese and Latin, matching them to a need's constraints, and sharing them out.

Ranking is BM25F (Robertson, Zaragoza & Taylor 2004): a term's frequency is summed over title, keywords and text, each
weighted and normalised by its length, and saturates once; the inverse document frequency is BM25's. The words of a need
are joined by those that stand for the same (``synonyms.txt``) at a lower weight, since who needs something and who sells
it seldom call it the same. Words are cut as the data catalogue cuts them, so a search is the same on every database.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from dujiang.data.search import words
from dujiang.messages import Text, money


class Kind(StrEnum):
    """What is offered or needed."""

    PRODUCT = "product"
    MODEL = "model"
    DATA = "data"
    COMPUTE = "compute"
    TALENT = "talent"
    RESULT = "result"

    @property
    def words(self) -> Text:
        """The kind's name for people."""
        return _KINDS[self]


_KINDS = {
    Kind.PRODUCT: Text("产品与服务", "product or service"),
    Kind.MODEL: Text("模型", "model"),
    Kind.DATA: Text("数据", "data"),
    Kind.COMPUTE: Text("算力", "compute"),
    Kind.TALENT: Text("人才与培训", "talent and training"),
    Kind.RESULT: Text("科技成果", "research result"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody offers.

    ``price`` is the least in fen, None for by agreement; ``places`` are the beginnings of GB/T
    2260 codes where it is to be had, empty for everywhere; ``since`` and ``until`` when; ``capacity`` how many needs it
    can serve at once; ``domestic`` whether it runs on domestic chips and software.
    """

    key: str
    kind: Kind
    title: str
    text: str
    keywords: tuple[str, ...] = ()
    price: int | None = None
    places: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    capacity: int = 1
    domestic: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody needs: text, and what an offer must hold to: kinds, budget in fen, place, day, domestic."""

    key: str
    title: str
    text: str = ""
    kinds: frozenset[Kind] = frozenset()
    budget: int | None = None
    place: str = ""
    by: date | None = None
    domestic: bool = False


def misfits(need: Need, offer: Offer) -> list[Text]:
    """Return which of a need's constraints an offer breaks; an offer that says nothing of its price breaks none about it."""
    found = []
    if need.kinds and offer.kind not in need.kinds:
        found.append(Text(f"类别为{offer.kind.words.zh}", f"it is a {offer.kind.words.en}"))
    if need.budget is not None and offer.price is not None and offer.price > need.budget:
        found.append(
            Text(
                f"起价 {money(offer.price, 'CNY').zh} 超出预算",
                f"it begins at {money(offer.price, 'CNY').en}, above the budget",
            )
        )
    if need.place and offer.places and not any(need.place.startswith(one) for one in offer.places):
        found.append(Text("不在该地提供", "it is not to be had there"))
    if need.by and offer.since and offer.since > need.by:
        found.append(Text(f"{offer.since} 起方可提供", f"it is to be had from {offer.since}"))
    if need.by and offer.until and offer.until < need.by:
        found.append(Text(f"仅提供至 {offer.until}", f"it is to be had until {offer.until}"))
    if need.domestic and not offer.domestic:
        found.append(Text("未声明国产化", "it does not say that it is domestic"))
    return found


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, frozenset[str]]:
    """Return the words that stand for each word, as the words of a search are cut."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in Path(__file__).with_name("synonyms.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            group = line.lower().split()
            for one in group:
                found[one] |= set(group) - {one}
    return {one: frozenset(others) for one, others in found.items()}


@dataclass(frozen=True, slots=True)
class Weights:
    """The ranking's numbers, chosen on the first half of the labelled set (`dujiang support judge`)."""

    title: float = 1.0
    keywords: float = 2.0
    text: float = 1.0
    k1: float = 3.0
    b: float = 0.3
    synonym: float = 0.6


@dataclass(frozen=True, slots=True)
class Hit:
    """An offer found, its score, and what it breaks of the need."""

    offer: Offer
    score: float
    breaks: tuple[Text, ...] = ()


@dataclass(slots=True)
class Index:
    """Offers ready to be searched."""

    offers: Sequence[Offer]
    weights: Weights = Weights()
    _places: dict[str, list[tuple[int, float]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Count the words of each field of each offer."""
        fields = [(one.title, " ".join(one.keywords), one.text) for one in self.offers]
        counted = [[Counter(words(text)) for text in texts] for texts in fields]
        lengths = [max(1.0, sum(one[at].total() for one in counted) / max(1, len(counted))) for at in range(3)]
        each = (self.weights.title, self.weights.keywords, self.weights.text)
        for number, parts in enumerate(counted):
            total: Counter[str] = Counter()
            for counts, weight, mean in zip(parts, each, lengths, strict=True):
                norm = 1 - self.weights.b + self.weights.b * counts.total() / mean
                for word, count in counts.items():
                    total[word] += weight * count / norm  # type: ignore[assignment]
            for word, frequency in total.items():
                self._places.setdefault(word, []).append((number, frequency))

    def rarity(self, word: str) -> float:
        """Return a word's inverse document frequency as in BM25."""
        holding = len(self._places.get(word, ()))
        return math.log(1 + (len(self.offers) - holding + 0.5) / (holding + 0.5))

    def score(self, asked: str) -> np.ndarray:
        """Return each offer's score for a text, 0 where they share no word."""
        scores = np.zeros(len(self.offers))
        for word, weight in self._terms(asked).items():
            for number, frequency in self._places.get(word, ()):
                scores[number] += (
                    weight * self.rarity(word) * frequency * (self.weights.k1 + 1) / (frequency + self.weights.k1)
                )
        return scores

    def _terms(self, asked: str) -> dict[str, float]:
        cut = list(dict.fromkeys(words(asked)))
        terms = dict.fromkeys(cut, 1.0)
        known = synonyms()
        for word in cut:
            for other in known.get(word, ()):
                for part in words(other):
                    terms.setdefault(part, self.weights.synonym)
        return terms

    def search(self, need: Need, most: int = 20, *, strict: bool = True) -> list[Hit]:
        """Return the offers that share a word with a need, the best first.

        What breaks a constraint is left out where ``strict``, else it stands behind what breaks none, with what it breaks.
        """
        # What a need is called says most of it; its text adds the rest.
        scores = self.score(f"{need.title} {need.text}")
        hits = [
            Hit(self.offers[at], float(scores[at]), tuple(misfits(need, self.offers[at])))
            for at in np.flatnonzero(scores).tolist()
        ]
        kept = [one for one in hits if not (strict and one.breaks)]
        return sorted(kept, key=lambda one: (bool(one.breaks), -one.score, one.offer.key))[:most]


def share_out(
    scores: Mapping[tuple[str, str], float], capacity: Mapping[str, int], most: int = 1
) -> dict[str, list[str]]:
    """Introduce needs to offers so that the sum of their scores is the greatest.

    ``scores`` of (need, offer) pairs that fit. Integer programme: x in {0, 1}, at most ``most`` offers a need, at most
    ``capacity`` needs an offer (HiGHS by `scipy.optimize.milp`). Each need's own best offer would overrun those that
    everybody likes best.
    """
    # Loaded here: every command knows this module, and few ask for this.
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import lil_array

    pairs = sorted(scores)
    if not pairs:
        return {}
    needs = {one: at for at, one in enumerate(sorted({need for need, _ in pairs}))}
    offers = {one: at for at, one in enumerate(sorted({offer for _, offer in pairs}))}
    rows = lil_array((len(needs) + len(offers), len(pairs)))
    for column, (need, offer) in enumerate(pairs):
        rows[needs[need], column] = rows[len(needs) + offers[offer], column] = 1
    high = [*[most] * len(needs), *(capacity.get(one, 1) for one in offers)]
    solved = milp(
        -np.array([scores[one] for one in pairs]),
        constraints=LinearConstraint(rows.tocsr(), -np.inf, high),
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
    )
    chosen: dict[str, list[str]] = {one: [] for one in needs}
    for (need, offer), taken in zip(pairs, solved.x, strict=True):
        if taken > 0.5:
            chosen[need].append(offer)
    return {need: sorted(found, key=lambda one: -scores[need, one]) for need, found in chosen.items()}


def kinds_of(names: Iterable[str]) -> frozenset[Kind]:
    """Return kinds by name; raises ValueError for one that is none."""
    return frozenset(Kind(one) for one in names if one)
