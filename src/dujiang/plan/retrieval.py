"""Finding the passages that answer a question, by the words that they share, each weighed by how rare it is.

A plan is a few hundred sentences that say each thing once, so what tells an answerable question from a near miss (the
same words but for another year, place or thing) is not how alike question and passage are but what of the question the
passage lacks. The score is therefore the share of the question that a passage covers, 0 to 1.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dujiang.plan.documents import document
from dujiang.plan.passages import Passage

# Words of a question that name nothing: what is asked for, politeness, grammar, comparison.
_EMPTY = re.compile(
    "还有谁|之外|除了|这件事|这一块|这块|有关|主抓|对接|还差|有没有办法|得到|帮助|想在|之前|大概|大约|一下|属于"
    "|能不能用|能用|会用|用不用|可不可以|怎么用|用上|不会用|干什么|做什么|好处|用处|作用|争取|拿下|交出|定的|怎么定|发生|参加"
    "|是多少|有多少|多少|多大|多久|怎么样|怎么办|怎么|怎样|如何|哪一年|哪年|哪里|哪个|哪些|哪项|哪份|哪家|哪几个|哪两个|什么时候|什么"
    "|为什么|几个|几家|几条|几项|几名|请问|是否|有没有|能不能|会不会|可以|需要|应当|应该|要求|本方案|方案|计划|文件|规定|提到|提及"
    "|安排|说法|打算|措施|举措|方面|领域|工作|任务|目标|指标|数量|总数|达到|做到|实现|预计|至少|最少|最低|最高|超过|突破|不少于|以上|左右"
    "|全省|我省|本省|省内|全市|我市|牵头|配合|负责|责任|单位|部门|参与|承担|主管|目前|现在|当前|如今|已经|至今|迄今|今年|去年"
    "|进展|进度|情况|完成|现值|最新|序时|滞后|落后|建成|形成|明确"
)
_LITTLE = frozenset("的了是有在由和与及对把被让将到用做提说等或里中上下其个家年月日底末前谁哪几吗呢吧请要归")
"""Letters of grammar: a pair with one of them that no passage has is no word."""
_WORD = re.compile(r"[\u3400-\u9fff]+|[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with the share of the question that it covers, 0 to 1, and how much of it the question is about."""

    passage: Passage
    score: float
    focus: float


def terms(text: str) -> list[str]:
    """Return the pairs of characters and Latin words of a text; a lone character between empty words counts alone."""
    found: list[str] = []
    for word in _WORD.findall(text):
        if word.isascii() or len(word) == 1:
            found.append(word)
        else:
            found += [word[at : at + 2] for at in range(len(word) - 1)]
    return found


def plain(text: str) -> str:
    """Return a text in simplified characters, half width and small letters."""
    return document(text).norm.lower()


def asked(question: str) -> list[str]:
    """Return the terms of a question that may name something."""
    return list(dict.fromkeys(terms(_EMPTY.sub(" ", re.sub(r"\d+(?:\.\d+)?", " ", plain(question))))))


def named_things(question: str) -> list[str]:
    """Return the Chinese words of a question between the words that name nothing."""
    return re.findall("[\u3400-\u9fff]+", re.sub("[的在由和与及谁哪吗里跟是]", " ", _EMPTY.sub(" ", question)))


class Index:
    """Passages ready to be searched; ``common`` is what holds of all of them, such as the plan's title."""

    def __init__(self, passages: Sequence[Passage], common: str = "") -> None:
        """Count in how many passages each term stands."""
        self.passages = list(passages)
        self._common = set(terms(plain(common)))
        self._own = [set(terms(plain(one.text))) for one in passages]
        self._with = [own | set(terms(plain(one.title))) for own, one in zip(self._own, passages, strict=True)]
        self._in = Counter(term for found in self._with for term in found)

    def weight(self, term: str) -> float:
        """Return a term's weight, its inverse document frequency as in BM25 (Robertson & Zaragoza 2009, eq. 3.3)."""
        count = self._in[term]
        return math.log(1 + (len(self.passages) - count + 0.5) / (count + 0.5))

    def search(self, question: str, among: Iterable[int] | None = None) -> list[Hit]:
        """Return the passages that share a term with a question, those that cover most of it first."""
        weights = {
            term: self.weight(term)
            for term in asked(question)
            if term not in self._common and (term in self._in or not _LITTLE & set(term))
        }
        whole = sum(weights.values())
        if not whole:
            return []
        hits = []
        for at in range(len(self.passages)) if among is None else among:
            shared = sum(weight for term, weight in weights.items() if term in self._with[at])
            if shared:
                own = sum(weight for term, weight in weights.items() if term in self._own[at])
                hits.append(Hit(self.passages[at], shared / whole, own / (1 + len(self._own[at])) ** 0.5))
        return sorted(hits, key=lambda hit: (-hit.score, -hit.focus))
