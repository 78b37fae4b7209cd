"""Data sets of the store as the values that documents are made of."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.urls import reverse

from dujiang.data import contents
from dujiang.data.metadata import File, Record
from dujiang.data.models import Dataset, Version
from dujiang.data.terms import Access, Basis, Grade, Sensitivity, State
from dujiang.messages import Text


def site() -> str:
    """Return the address of the catalogue, as documents that leave the site name it."""
    return settings.DATA_ADDRESS.rstrip("/") + reverse("data")


def address_of(dataset: Dataset) -> str:
    """Return the persistent address of a data set."""
    return settings.DATA_ADDRESS.rstrip("/") + reverse("data-id", args=[dataset.identifier])


def record_of(dataset: Dataset, version: Version | None = None) -> Record:
    """Return a data set as values, with the files of a version, the latest published one if none is given."""
    if version is None:
        published = [one for one in dataset.versions.all() if one.state == State.PUBLISHED]
        version = max(published, key=lambda one: one.number, default=None)
    base = settings.DATA_ADDRESS.rstrip("/")
    files = tuple(
        File(
            one.name, one.media_type, one.bytes, one.sha256,
            one.url or base + reverse("data-file", args=[one.pk, one.name]),
        )
        for one in (version.distributions.all() if version else ())
    )  # fmt: skip
    about = [f"任务{dataset.task}"] if dataset.task else []
    return Record(
        identifier=dataset.identifier,
        address=address_of(dataset),
        site=site(),
        title=dataset.title,
        description=dataset.description,
        owner=dataset.owner.name,
        publisher=dataset.publisher,
        basis=Basis(dataset.basis),
        grade=Grade(dataset.grade),
        sensitivity=Sensitivity(dataset.sensitivity),
        access=Access(dataset.access),
        licence=dataset.licence,
        keywords=tuple(dataset.keywords),
        language=dataset.language,
        registered=dataset.registered,
        published=dataset.published,
        changed=dataset.changed,
        embargo_until=dataset.embargo_until,
        version=version.number if version else 0,
        version_note=version.note if version else "",
        about=" ".join([*about, dataset.project]).strip(),
        source=dataset.source_identifier if dataset.source_catalogue else "",
        files=files,
    )


def lacking(dataset: Dataset, version: Version) -> list[Text]:
    """Return what a data set's description would lack if a version of it were published."""
    from dujiang.data import dcat

    return dcat.violations(dcat.graph([record_of(dataset, version)]))


def described(dataset: Dataset) -> dict[str, Any]:
    """Return a data set as plain values, as commands and the API tell it (docs/reference/json.md)."""
    one = record_of(dataset)
    return {
        "number": dataset.pk,
        "identifier": one.identifier,
        "address": one.address,
        "title": {"zh": one.title.zh, "en": one.title.en},
        "description": one.description,
        "owner": one.owner,
        "publisher": one.publisher or one.owner,
        "basis": one.basis.value,
        "grade": one.grade.value,
        "sensitivity": one.sensitivity.value,
        "access": one.access.value,
        "licence": one.licence,
        "keywords": list(one.keywords),
        "language": one.language,
        "task": dataset.task,
        "project": dataset.project,
        "state": dataset.state,
        "embargo_until": one.embargo_until and one.embargo_until.isoformat(),
        "published": one.published and one.published.isoformat(),
        "changed": one.changed.isoformat(),
        "version": one.version or None,
        "files": [
            {
                "name": file.name,
                "media_type": file.media_type,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "url": file.url,
            }
            for file in one.files
        ],
        "source": {"catalogue": dataset.source_catalogue, "identifier": dataset.source_identifier}
        if dataset.source_catalogue
        else None,
        "evidence": dataset.evidence,
    }


def columns_of(dataset: Dataset) -> dict[str, list[tuple[str, str]]]:
    """Return the columns of a data set's tables, by file name: of those plain ones that lie in a folder of this machine.

    Those that hold personal information, and those far away, would have to be copied to be looked at.
    """
    import duckdb

    version = dataset.latest
    found: dict[str, list[tuple[str, str]]] = {}
    for one in version.distributions.select_related("content") if version else ():
        reader = _READERS.get(PurePath(one.name).suffix.lower())
        path = contents.store().path(one.key) if reader and one.content and not one.content.sealed else None
        if path is None or not path.exists():
            continue
        try:
            with duckdb.connect(":memory:", config={"threads": 1}) as base:
                rows = base.execute(f"DESCRIBE SELECT * FROM {reader}(?)", [str(path)]).fetchall()  # noqa: S608
        except duckdb.Error:
            continue  # what is no table is described as a file
        found[one.name] = [(row[0], row[1]) for row in rows]
    return found


_READERS = {".csv": "read_csv_auto", ".parquet": "read_parquet"}
