"""People as ORCID's API gives them (record, version 3.0, JSON): one record, or a list of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from dujiang.messages import BadInput, Text


class Researcher(NamedTuple):
    """What a record says; ``place`` is where it stands in the file. Values are as written, to be checked."""

    place: str
    name: str
    orcid: str
    email: str
    employer: str
    keywords: list[str]


def read(path: Path) -> list[Researcher]:
    """Return the people of a file; raises `BadInput` that names the record and the field."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        expected = Text("ORCID 3.0 的 JSON", "JSON of ORCID's version 3.0")
        raise BadInput(path, expected=expected, found=str(error)) from error
    records = content if isinstance(content, list) else [content]
    if not records:
        raise BadInput(path, expected=Text("至少一条记录", "at least one record"))
    return [_Reader(path, f"record {number}").read(one) for number, one in enumerate(records, start=1)]


class _Reader:
    def __init__(self, path: Path, place: str) -> None:
        self.path, self.place = path, place

    def _bad(self, field: str, expected: Text, found: Any) -> BadInput:
        shown = "空" if found is None else str(found)[:80]
        return BadInput(self.path, row=self.place, field=field, expected=expected, found=shown)

    def _at(self, value: Any, *names: str) -> Any:
        """Return what stands under names; None where something on the way is missing or null."""
        for depth, name in enumerate(names):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._bad(".".join(names[:depth]), Text("JSON 对象", "an object"), value)
            value = value.get(name)
        return value

    def _text(self, value: Any, *names: str) -> str:
        found = self._at(value, *names)
        if found is None:
            return ""
        if not isinstance(found, str) or "\x00" in found:
            raise self._bad(".".join(names), Text("文本", "a text"), found)
        return found.strip()

    def _list(self, value: Any, *names: str) -> list[Any]:
        found = self._at(value, *names)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self._bad(".".join(names), Text("JSON 数组", "a list"), found)
        return found

    def read(self, one: Any) -> Researcher:
        if not isinstance(one, dict):
            raise self._bad("", Text("JSON 对象", "an object"), one)
        orcid = self._text(one, "orcid-identifier", "path")
        if not orcid:
            raise self._bad("orcid-identifier.path", Text("ORCID", "an ORCID iD"), None)
        name = self._name(one)
        if not name:
            raise self._bad("person.name", Text("姓名", "a name"), None)
        emails = [self._text(each, "email") for each in self._list(one, "person", "emails", "email")]
        keywords = [self._text(each, "content") for each in self._list(one, "person", "keywords", "keyword")]
        return Researcher(
            self.place, name, orcid, next(filter(None, emails), ""), self._employer(one), list(filter(None, keywords))
        )

    def _name(self, one: Any) -> str:
        if credit := self._text(one, "person", "name", "credit-name", "value"):
            return credit
        given = self._text(one, "person", "name", "given-names", "value")
        family = self._text(one, "person", "name", "family-name", "value")
        # A name in Chinese characters has the family's first.
        return f"{given} {family}".strip() if (given + family).isascii() else family + given

    def _employer(self, one: Any) -> str:
        """Return the first employer that somebody is still with."""
        for group in self._list(one, "activities-summary", "employments", "affiliation-group"):
            for summary in self._list(group, "summaries"):
                if self._at(summary, "employment-summary", "end-date") is None:
                    return self._text(summary, "employment-summary", "organization", "name")
        return ""
