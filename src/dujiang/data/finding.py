"""Keeping the words that data sets are found by, and finding data sets by them."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Count, F, FloatField, QuerySet, Sum, Value, When

from dujiang.data.models import Dataset, Word
from dujiang.data.search import rarity, weights, words

_MOST = 40
"""Words of a question that are looked at."""


def index(dataset: Dataset) -> None:
    """Keep the words of a data set as it is now; a part of writing it."""
    parts = [
        (dataset.title_zh, 5.0), (dataset.title_en, 5.0), (" ".join(dataset.keywords), 4.0), (dataset.owner.name, 2.0),
        (dataset.publisher, 2.0), (dataset.project, 2.0), (dataset.description, 1.0),
    ]  # fmt: skip
    dataset.words.all().delete()
    Word.objects.bulk_create(
        [Word(dataset=dataset, text=text, weight=weight) for text, weight in weights(parts).items()]
    )


def search(among: QuerySet[Dataset], question: str) -> QuerySet[Dataset]:
    """Return the data sets that share a word with a question, the best first; an identifier finds its own."""
    question = question.replace("\x00", " ")
    exact = among.filter(identifier=question.strip().lower())
    if exact.exists():
        return exact
    asked = words(question)[:_MOST]
    holding: dict[str, int] = dict(
        Word.objects.filter(text__in=asked).values_list("text").annotate(count=Count("id")).order_by()
    )
    rare = rarity(asked, holding, Dataset.objects.count())
    if not rare:
        return among.none()
    weight: Any = Case(
        *(When(words__text=text, then=Value(one)) for text, one in rare.items()), output_field=FloatField()
    )
    found = among.filter(words__text__in=list(rare)).annotate(score=Sum(F("words__weight") * weight))
    return found.order_by("-score", "-id")
