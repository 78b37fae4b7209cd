"""Data sets as DataCite 4.6 metadata (kernel-4), as JSON and as XML, ready for whoever registers their identifiers."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from dujiang.data.metadata import Record
from dujiang.data.terms import Access

KERNEL = "http://datacite.org/schema/kernel-4"
_SPDX = "https://spdx.org/licenses/"
# COAR's names would be as good; these are what OpenAIRE's guidelines ask for.
_RIGHTS = {
    Access.OPEN: "info:eu-repo/semantics/openAccess",
    Access.RESTRICTED: "info:eu-repo/semantics/restrictedAccess",
    Access.CLOSED: "info:eu-repo/semantics/closedAccess",
}
_EMBARGOED = "info:eu-repo/semantics/embargoedAccess"


def as_json(one: Record) -> dict[str, Any]:
    """Return a data set's metadata in DataCite's JSON."""
    prefix, _, suffix = one.identifier.partition("/")
    published = one.published or one.registered
    titles = [{"title": one.title.zh, "lang": "zh"}]
    if one.title.en != one.title.zh:
        titles.append({"title": one.title.en, "lang": "en", "titleType": "TranslatedTitle"})
    dates = [
        {"date": one.registered.date().isoformat(), "dateType": "Submitted"},
        {"date": one.changed.date().isoformat(), "dateType": "Updated"},
    ]
    if one.published:
        dates.append({"date": one.published.date().isoformat(), "dateType": "Issued"})
    if one.embargo_until:
        dates.append({"date": one.embargo_until.isoformat(), "dateType": "Available"})
    made: dict[str, Any] = {
        # What is no DOI has its identifier among the others; JSON has no place for its kind.
        **({"doi": one.identifier, "prefix": prefix, "suffix": suffix} if is_doi(one.identifier) else {}),
        "url": one.address,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Dataset"},
        "creators": [{"name": one.owner, "nameType": "Organizational"}],
        "titles": titles,
        "publisher": {"name": one.publisher or one.owner},
        # Of what is under embargo, the year that it ends.
        "publicationYear": str(max(published.date(), one.embargo_until or published.date()).year),
        "subjects": [{"subject": word} for word in one.keywords],
        "contributors": [{"name": one.owner, "nameType": "Organizational", "contributorType": "RightsHolder"}],
        "dates": dates,
        "language": one.language,
        "alternateIdentifiers": [
            *([] if is_doi(one.identifier) else [_other(one.identifier, "Handle")]),
            *([_other(one.source, "source")] if one.source else []),
        ],
        "sizes": [f"{file.bytes} bytes" for file in one.files if file.bytes is not None],
        "formats": sorted({file.media_type for file in one.files if file.media_type}),
        "version": str(one.version or 1),
        "rightsList": _rights(one),
        "descriptions": [{"description": one.description, "descriptionType": "Abstract", "lang": one.language}]
        if one.description
        else [],
        "schemaVersion": KERNEL,
    }
    made["sizes"] = list(dict.fromkeys(made["sizes"]))
    return {name: value for name, value in made.items() if value != []}


def is_doi(identifier: str) -> bool:
    """Whether an identifier is a DOI: its prefix is a directory's of the DOI system."""
    return identifier.startswith("10.")


def _other(identifier: str, kind: str) -> dict[str, str]:
    return {"alternateIdentifier": identifier, "alternateIdentifierType": kind}


def _rights(one: Record) -> list[dict[str, str]]:
    kind = _EMBARGOED if one.embargo_until else _RIGHTS[one.access]
    found = [{"rights": one.access.words.en, "rightsUri": kind}]
    if one.licence:
        said = {"rights": one.licence}
        if one.licence_address:
            said["rightsUri"] = one.licence_address
        if one.spdx:
            said |= {"rightsIdentifier": one.spdx, "rightsIdentifierScheme": "SPDX", "schemeUri": _SPDX}
        found.append(said)
    return found


def element(one: Record) -> ET.Element:
    """Return a data set's metadata as DataCite's XML, of the same values as `as_json`."""
    values = as_json(one)
    root = ET.Element(f"{{{KERNEL}}}resource")

    def add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
        made = ET.SubElement(parent, f"{{{KERNEL}}}{name}")
        made.text = text or None
        for attribute, value in attributes.items():
            if value:
                made.set("{http://www.w3.org/XML/1998/namespace}lang" if attribute == "lang" else attribute, value)
        return made

    add(root, "identifier", one.identifier, identifierType="DOI" if is_doi(one.identifier) else "Handle")
    creators = add(root, "creators")
    for creator in values["creators"]:
        add(add(creators, "creator"), "creatorName", creator["name"], nameType=creator["nameType"])
    titles = add(root, "titles")
    for title in values["titles"]:
        add(titles, "title", title["title"], lang=title["lang"], titleType=title.get("titleType", ""))
    add(root, "publisher", values["publisher"]["name"])
    add(root, "publicationYear", values["publicationYear"])
    add(root, "resourceType", "Dataset", resourceTypeGeneral="Dataset")
    if values.get("subjects"):
        subjects = add(root, "subjects")
        for subject in values["subjects"]:
            add(subjects, "subject", subject["subject"])
    contributors = add(root, "contributors")
    for one_ in values["contributors"]:
        holder = add(contributors, "contributor", contributorType=one_["contributorType"])
        add(holder, "contributorName", one_["name"], nameType=one_["nameType"])
    dates = add(root, "dates")
    for date in values["dates"]:
        add(dates, "date", date["date"], dateType=date["dateType"])
    add(root, "language", values["language"])
    # The identifier itself is said above, with its kind.
    others = [other for other in values.get("alternateIdentifiers", ()) if other["alternateIdentifierType"] == "source"]
    if others:
        identifiers = add(root, "alternateIdentifiers")
        for other in others:
            add(identifiers, "alternateIdentifier", other["alternateIdentifier"], alternateIdentifierType="source")
    for plural, singular in (("sizes", "size"), ("formats", "format")):
        if values.get(plural):
            parent = add(root, plural)
            for value in values[plural]:
                add(parent, singular, value)
    add(root, "version", values["version"])
    rights = add(root, "rightsList")
    for right in values["rightsList"]:
        add(
            rights, "rights", right["rights"], rightsURI=right.get("rightsUri", ""),
            rightsIdentifier=right.get("rightsIdentifier", ""),
            rightsIdentifierScheme=right.get("rightsIdentifierScheme", ""), schemeURI=right.get("schemeUri", ""),
        )  # fmt: skip
    if values.get("descriptions"):
        descriptions = add(root, "descriptions")
        for said in values["descriptions"]:
            add(descriptions, "description", said["description"], lang=said["lang"], descriptionType="Abstract")
    return root


def as_xml(one: Record) -> bytes:
    """Return a data set's metadata as a DataCite XML document."""
    ET.register_namespace("", KERNEL)
    made: bytes = ET.tostring(element(one), "utf-8", xml_declaration=True)
    return made + b"\n"
