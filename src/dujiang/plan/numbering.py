"""The numbers that Word writes before paragraphs by itself, which the paragraphs' text does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docx.oxml.ns import qn

_HAN = "零一二三四五六七八九"


def labels(document: Any) -> Callable[[Any], str]:
    """Return a function that gives a paragraph's number as Word shows it; to be asked in the document's order."""
    try:
        root = document.part.numbering_part.element
    except (KeyError, NotImplementedError):
        return lambda paragraph: ""
    abstracts = {one.get(qn("w:abstractNumId")): one for one in root.findall(qn("w:abstractNum"))}
    lists = {}
    for one in root.findall(qn("w:num")):
        reference = one.find(qn("w:abstractNumId"))
        if reference is not None:
            lists[one.get(qn("w:numId"))] = reference.get(qn("w:val"))
    counted: dict[str, dict[int, int]] = {}

    def label(paragraph: Any) -> str:
        list_id, level = _place(paragraph)
        abstract = lists.get(list_id)
        if abstract is None or abstract not in abstracts:
            return ""
        levels = {int(one.get(qn("w:ilvl"))): one for one in abstracts[abstract].findall(qn("w:lvl"))}
        if level not in levels:
            return ""
        numbers = counted.setdefault(abstract, {})
        numbers[level] = numbers.get(level, _start(levels[level]) - 1) + 1
        for deeper in [one for one in numbers if one > level]:
            del numbers[deeper]
        text = _value(levels[level], "w:lvlText", "")
        for upper in range(level + 1):
            if upper in levels:
                style = _value(levels[upper], "w:numFmt", "decimal")
                text = text.replace(f"%{upper + 1}", _written(numbers.get(upper, _start(levels[upper])), style))
        return "" if _value(levels[level], "w:numFmt", "decimal") == "bullet" else text

    return label


def _place(paragraph: Any) -> tuple[str | None, int]:
    """Return the list and level of a paragraph, from itself or from its style."""
    holders = [paragraph._p.pPr]
    style = paragraph.style
    while style is not None and len(holders) < 10:
        holders.append(style.element.pPr)
        style = style.base_style
    for properties in holders:
        place = properties.numPr if properties is not None else None
        if place is not None and place.numId is not None:
            return str(place.numId.val), int(place.ilvl.val) if place.ilvl is not None else 0
    return None, 0


def _value(element: Any, name: str, default: str) -> str:
    found = element.find(qn(name))
    return default if found is None else str(found.get(qn("w:val"), default))


def _start(level: Any) -> int:
    return int(_value(level, "w:start", "1"))


def _written(number: int, style: str) -> str:
    if style == "decimalEnclosedCircle" and 1 <= number <= 20:
        return chr(ord("①") + number - 1)
    if style.startswith(("chinese", "taiwanese", "japanese", "ideograph")) and 0 < number < 100:
        tens, ones = divmod(number, 10)
        head = ("" if tens == 1 else _HAN[tens]) + "十" if tens else ""
        return head + (_HAN[ones] if ones else "")
    return str(number)
