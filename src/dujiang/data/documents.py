"""A data set's description in each standard's form, by a name that addresses and commands use."""

from __future__ import annotations

import json
from typing import NamedTuple

from dujiang.data import describing
from dujiang.data.models import Dataset
from dujiang.data.terms import State
from dujiang.messages import Text


class Form(NamedTuple):
    """A form: what people call it, and its media type."""

    title: str
    media_type: str


FORMS = {
    "dcat.ttl": Form("DCAT 3, Turtle", "text/turtle"),
    "dcat.jsonld": Form("DCAT 3, JSON-LD", "application/ld+json"),
    "dcat.rdf": Form("DCAT 3, RDF/XML", "application/rdf+xml"),
    "datacite.json": Form("DataCite 4.6, JSON", "application/vnd.datacite.datacite+json"),
    "datacite.xml": Form("DataCite 4.6, XML", "application/vnd.datacite.datacite+xml"),
    "croissant.json": Form("Croissant 1.0", 'application/ld+json; profile="http://mlcommons.org/croissant/1.0"'),
}
DCAT = ("dcat.ttl", "dcat.jsonld", "dcat.rdf")
TITLE = Text("数据目录", "Data catalogue")


def accepted(header: str) -> str | None:
    """Return the form that an Accept header asks for first, None where a page is as welcome."""
    for part in header.split(","):
        media = part.partition(";")[0].strip()
        if media in ("text/html", "application/xhtml+xml", "*/*"):
            return None
        found = next((name for name, form in FORMS.items() if form.media_type == media), None)
        if found:
            return found
    return None


def written(one: Dataset, form: str) -> bytes:
    """Return a data set's description; raises KeyError for a form that is not one."""
    from dujiang.data import croissant, datacite, dcat

    record = describing.record_of(one)
    match form:
        case "datacite.json":
            return _json(datacite.as_json(record))
        case "datacite.xml":
            return datacite.as_xml(record)
        case "croissant.json":
            return _json(croissant.as_json(record, describing.columns_of(one)))
    if form not in DCAT:
        raise KeyError(form)
    return dcat.written(dcat.graph([record]), form.removeprefix("dcat."))


def catalogue(form: str) -> bytes:
    """Return the site's own published data sets as a DCAT catalogue, in a form of `DCAT`."""
    from dujiang.data import dcat

    found = Dataset.objects.filter(state=State.PUBLISHED, source_catalogue="").select_related("owner")
    records = [describing.record_of(one) for one in found.prefetch_related("versions__distributions")]
    made = dcat.catalogue(describing.site(), TITLE, TITLE.zh, records)
    return dcat.written(made, form.removeprefix("dcat."))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
