"""What people are told, in Chinese first and English beside it.

Pages translate with gettext; modules that compute may not import Django, and their messages reach the
terminal, a page and a JSON file alike, so they carry both languages with them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike, fspath
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A short text in Chinese and in English."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}"

    def in_language(self, language: str) -> str:
        """Return the text in ``language`` (``zh``, ``zh-hans``, ``en``...)."""
        return self.en if language.startswith("en") else self.zh


def money(amount: int, unit: str) -> Text:
    """Return an amount in minor units as people write it: fen of CNY as 12.34 元, tokens as 1,000 词元."""
    if unit == "CNY":
        sign, whole = "-" if amount < 0 else "", abs(amount)
        yuan = f"{sign}{whole // 100:,}.{whole % 100:02d}"
        return Text(f"{yuan} 元", f"CNY {yuan}")
    return Text(f"{amount:,} 词元", f"{amount:,} tokens")


class BadInput(ValueError):
    """A file (or a value given by a person) that can't be used; nothing of it has been taken.

    The message names the place, what was expected, what was found, and what to do.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        expected: Text,
        found: str = "",
        row: int | str | None = None,
        field: str | None = None,
        remedy: Text = Text("请改正后重试", "correct it and try again"),
    ) -> None:
        """Describe the fault.

        ``row`` counts as the person's tool shows it (a CSV's heading is row 1); a string names a place that has
        no row, such as ``[PIPES] P12``.
        """
        self.path, self.row, self.field = fspath(path), row, field
        self.expected, self.found, self.remedy = expected, found, remedy
        super().__init__(f"{self.in_language('zh')}\n{self.in_language('en')}")

    def as_json(self) -> dict[str, Any]:
        """Return the fault's parts as plain values, and the whole message, each text in both languages."""
        return {
            "path": self.path,
            "row": self.row,
            "field": self.field,
            "expected": asdict(self.expected),
            "found": self.found,
            "remedy": asdict(self.remedy),
            "message": {"zh": self.in_language("zh"), "en": self.in_language("en")},
        }

    def known_as(self, path: str) -> BadInput:
        """Return the same fault of the file under the name that its sender knows it by."""
        return BadInput(
            path, expected=self.expected, found=self.found, row=self.row, field=self.field, remedy=self.remedy
        )

    def in_language(self, language: str) -> str:
        """Return the message in one language."""
        english = language.startswith("en")
        place = [f"File {self.path}" if english else f"文件 {self.path}"]
        if isinstance(self.row, int):
            place.append(f"row {self.row}" if english else f"第 {self.row} 行")
        elif self.row:
            place.append(self.row)
        if self.field:
            place.append(f"field {self.field}" if english else f"字段 {self.field}")
        expected, remedy = self.expected.in_language(language), self.remedy.in_language(language)
        if english:
            found = f", found {self.found}" if self.found else ""
            return f"{', '.join(place)}: expected {expected}{found}; {remedy}."
        found = f"，实为 {self.found}" if self.found else ""
        return f"{'，'.join(place)}：应为{expected}{found}；{remedy}。"


class Refused(ValueError):
    """What was asked can't be done; the message says why and what to do."""

    def __init__(self, text: Text) -> None:
        self.text = text
        super().__init__(f"{text.zh}\n{text.en}")
