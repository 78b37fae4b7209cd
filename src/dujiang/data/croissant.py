"""Data sets as Croissant 1.0 (MLCommons, http://mlcommons.org/croissant/1.0), which machine-learning libraries load data by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dujiang.data.metadata import Record

Columns = Sequence[tuple[str, str]]
"""A table's columns: name, and type as DuckDB names it."""
_CONTEXT: dict[str, Any] = {
    "@language": "zh",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = (
    (re.compile("BOOL"), "sc:Boolean"),
    (re.compile("INT"), "sc:Integer"),
    (re.compile("FLOAT|DOUBLE|DECIMAL|REAL"), "sc:Float"),
    (re.compile("DATE|TIME"), "sc:Date"),
)


def as_json(one: Record, columns: Mapping[str, Columns] | None = None) -> dict[str, Any]:
    """Return a data set's metadata in Croissant's JSON-LD; ``columns`` are those of its tables, by file name."""
    files = [
        {
            "@type": "cr:FileObject",
            "@id": f"file-{number}",
            "name": file.name,
            "contentUrl": file.url,
            "encodingFormat": file.media_type,
            **({"contentSize": f"{file.bytes} B"} if file.bytes is not None else {}),
            **({"sha256": file.sha256} if file.sha256 else {}),
        }
        for number, file in enumerate(one.files, 1)
    ]
    tables = [
        _record_set(number, file.name, columns[file.name])
        for number, file in enumerate(one.files, 1)
        if columns and columns.get(file.name)
    ]
    published = one.published or one.registered
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": one.title.zh,
        **({"alternateName": one.title.en} if one.title.en != one.title.zh else {}),
        "description": one.description or one.title.zh,
        "url": one.address,
        "identifier": one.identifier,
        "license": one.licence_address or one.licence or one.access.words.en,
        "citeAs": f"{one.owner}（{published.year}）：{one.title.zh}，版本 {one.version or 1}。{one.address}",
        "creator": {"@type": "sc:Organization", "name": one.owner},
        "publisher": {"@type": "sc:Organization", "name": one.publisher or one.owner},
        "datePublished": published.date().isoformat(),
        "dateModified": one.changed.date().isoformat(),
        "inLanguage": one.language,
        "keywords": list(one.keywords),
        "version": f"{one.version or 1}.0.0",
        "isLiveDataset": False,
        "distribution": files,
        **({"recordSet": tables} if tables else {}),
    }


def _record_set(number: int, name: str, columns: Columns) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": f"table-{number}",
        "name": name,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"table-{number}/{at}",
                "name": column,
                "dataType": next((ours for theirs, ours in _TYPES if theirs.search(kind)), "sc:Text"),
                "source": {"fileObject": {"@id": f"file-{number}"}, "extract": {"column": column}},
            }
            for at, (column, kind) in enumerate(columns, 1)
        ],
    }
