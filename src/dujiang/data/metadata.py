"""A data set's description as values, from which the documents of each standard are made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from dujiang.data.terms import Access, Basis, Grade, Sensitivity
from dujiang.messages import Text


@dataclass(frozen=True, slots=True)
class File:
    """A file: its name, media type, length in bytes and SHA-256 in hex where they are known, and where it is had."""

    name: str
    media_type: str
    bytes: int | None
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Record:
    """A data set. ``address`` is its page, ``site`` that of the catalogue; ``files`` are those of ``version``.

    ``language`` is a BCP 47 tag, ``licence`` an SPDX identifier, an address or words. ``published`` is None for a draft,
    ``version`` 0 where nothing has been published. ``about`` names the plan's task or the project, if any.
    """

    identifier: str
    address: str
    site: str
    title: Text
    description: str
    owner: str
    publisher: str
    basis: Basis
    grade: Grade
    sensitivity: Sensitivity
    access: Access
    licence: str
    keywords: tuple[str, ...]
    language: str
    registered: datetime
    published: datetime | None
    changed: datetime
    embargo_until: date | None
    version: int
    version_note: str
    about: str
    source: str
    files: tuple[File, ...]

    @property
    def licence_address(self) -> str:
        """The address of the licence, empty where it is only words."""
        if self.licence.startswith(("http://", "https://")):
            return self.licence
        known = _SPDX.get(self.licence.upper())
        return known[1] if known else ""

    @property
    def spdx(self) -> str:
        """The licence's SPDX identifier, empty where it has none that is known here."""
        known = _SPDX.get(self.licence.upper())
        return known[0] if known else ""


_SPDX = {
    name.upper(): (name, address)
    for name, address in (
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
        ("CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
        ("CC-BY-ND-4.0", "https://creativecommons.org/licenses/by-nd/4.0/"),
        ("CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
        ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
        ("ODC-By-1.0", "https://opendatacommons.org/licenses/by/1-0/"),
        ("PDDL-1.0", "https://opendatacommons.org/licenses/pddl/1-0/"),
        ("MulanPSL-2.0", "https://license.coscl.org.cn/MulanPSL2"),
        ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
        ("MIT", "https://opensource.org/license/mit"),
    )
}
"""Licences that data are often under: SPDX identifier and address."""
