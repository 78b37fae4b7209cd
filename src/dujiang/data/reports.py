"""Inspecting what was deposited, and keeping of the report what a data set's page may show to all who see it.

That is counts and shares: examples, extremes and lists of values are of the data themselves, and stay out. Whoever may
read the files gets the whole report from ``dujiang data inspect``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from dujiang.data import contents
from dujiang.data.models import Dataset, Distribution, Inspection
from dujiang.evidence.actions import append
from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text

if TYPE_CHECKING:
    from dujiang.data.inspection.corpus_report import CorpusReport
    from dujiang.data.inspection.table_report import TableReport
    from dujiang.data.inspection.tables import Progress

_TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".db", ".sqlite", ".sqlite3")
_LINES = (".jsonl", ".ndjson")
_CORPORA = (*_LINES, ".txt")
"""Suffixes, as `inspection.sources` and `inspection.documents` have them, which load what reads them."""


def inspectable(distribution: Distribution) -> bool:
    """Return whether a file is here and of a kind that can be inspected."""
    return distribution.content_id is not None and Path(distribution.name).suffix.lower() in {*_TABLES, *_CORPORA}


def inspect(actor: Actor, dataset: Dataset, progress: Progress = lambda _: None) -> list[Inspection]:
    """Inspect the files of a data set's latest version, and keep what came of it; the last of each file stands.

    Raises `NotAllowed`; `Refused` where there is no file that can be inspected; `BadInput` for one that can't be read.
    """
    require(actor, "data.inspect", [dataset.owner.name])
    version = dataset.versions.order_by("-number").first()
    files = [one for one in version.distributions.all() if inspectable(one)] if version else []
    if version is None or not files:
        known = "、".join((*_TABLES, *_CORPORA))
        raise Refused(Text(f"没有可检验的文件；可检验：{known}", f"there is no file to inspect; what can be: {known}"))
    made = []
    for file in files:
        shown = _shown(file, progress)
        with transaction.atomic():
            body = {"version": version.number, "file": file.name, "sha256": file.sha256, **shown}
            entry = append(actor, "data.inspected", dataset.identifier, body)
            values = {"by": actor.name, "at": timezone.now(), "shown": shown, "evidence": entry.sequence}
            made.append(Inspection.objects.update_or_create(distribution=file, defaults=values)[0])
    return made


def _shown(file: Distribution, progress: Progress) -> dict[str, Any]:
    from dujiang.data.inspection.corpus_report import inspect_corpus
    from dujiang.data.inspection.documents import holds_texts
    from dujiang.data.inspection.table_report import inspect_table

    with contents.under_its_name(file) as source:
        suffix = source.suffix.lower()
        if suffix in _TABLES or (suffix in _LINES and not holds_texts(source)):
            return _of_table(inspect_table(source, as_of=timezone.localdate(), progress=progress))
        return _of_corpus(inspect_corpus(source, progress=progress))


def _of_table(report: TableReport) -> dict[str, Any]:
    from dujiang.data.inspection.rules import DIMENSIONS

    return {
        "kind": "table",
        "rows": report.rows,
        "rejected": report.rejected,
        "columns": len(report.columns),
        "scores": [
            {"title": _plain(DIMENSIONS[one]), "score": score}
            for one, score in report.scores.items()
            if score is not None
        ],
        "rules": len(report.results),
        "broken": [
            {"title": _plain(one.rule.about.title), "columns": list(one.rule.columns), "failed": one.failed}
            for one in report.results
            if not one.held
        ],
        "personal": [{"title": _plain(one.title), "where": one.column, "share": one.share} for one in report.personal],
    }


def _of_corpus(report: CorpusReport) -> dict[str, Any]:
    from dujiang.data.inspection.generative import STATES, items
    from dujiang.data.inspection.personal import DETECTORS

    return {
        "kind": "corpus",
        "rows": report.documents,
        "rejected": report.malformed,
        "exact_copies": report.exact_copies,
        "near_copies": report.near_copies,
        "requirements": [{"title": _plain(one.title), "state": _plain(STATES[one.state])} for one in items(report)],
        "personal": [
            {"title": _plain(DETECTORS[kind].title), "where": "", "share": count / max(1, report.documents)}
            for kind, count in report.personal.items()
            if count
        ],
    }


def _plain(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
