"""A taxonomy of skills in the form of ESCO's CSV files: skills or skill groups, and their broader relations.

ESCO has no Chinese labels: a file of the same form with the same addresses and Chinese labels adds them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from dujiang.messages import BadInput, Text
from dujiang.sheets import fault, read_rows

CONCEPTS: dict[str, Text] = {
    "conceptType": Text("概念类型", "concept type"),
    "conceptUri": Text("概念地址", "concept address"),
    "skillType": Text("技能类型", "skill type"),
    "preferredLabel": Text("首选名称", "preferred label"),
    "altLabels": Text("其他名称", "other labels"),
    "status": Text("状态", "status"),
}
RELATIONS: dict[str, Text] = {
    "conceptUri": Text("概念地址", "concept address"),
    "broaderUri": Text("上位概念地址", "address of the broader concept"),
}
_LONGEST = 200


class Concept(NamedTuple):
    """A skill, or a group of skills."""

    uri: str
    kind: str
    label: str
    alternatives: list[str]


def read_concepts(path: Path) -> list[Concept]:
    """Return the concepts of a table such as skills_en.csv or skillGroups_en.csv; those not in force are left out.

    Raises `BadInput`.
    """
    found: dict[str, Concept] = {}
    for number, row in read_rows(path, CONCEPTS, optional=("conceptType", "skillType", "altLabels", "status")):
        uri, label = row["conceptUri"], row["preferredLabel"]
        if not 1 <= len(uri) <= _LONGEST or uri in found:
            expected = Text(
                f"1 至 {_LONGEST} 字且表内不重复的地址", f"an address of 1 to {_LONGEST} characters, once in the table"
            )
            raise fault(path, number, "conceptUri", CONCEPTS["conceptUri"], row, expected)
        if not 1 <= len(label) <= 300:
            expected = Text("1 至 300 字", "1 to 300 characters")
            raise fault(path, number, "preferredLabel", CONCEPTS["preferredLabel"], row, expected)
        if row["status"] not in ("", "released"):
            continue
        kind = "group" if "group" in row["conceptType"].lower() else row["skillType"] or "skill/competence"
        others = [one for part in row["altLabels"].replace("|", "\n").split("\n") if (one := part.strip())]
        found[uri] = Concept(uri, kind[:40], label, others)
    if not found:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row"))
    return list(found.values())


def read_broader(path: Path, known: Collection[str]) -> list[tuple[str, str]]:
    """Return (narrower, broader) of a table such as broaderRelationsSkillPillar_en.csv; raises `BadInput`.

    Both have to be ``known``; what is narrower than itself, by however many steps, is a fault.
    """
    found: dict[str, list[str]] = {}
    rows: dict[str, int] = {}
    for number, row in read_rows(path, RELATIONS):
        for name, title in RELATIONS.items():
            if row[name] not in known:
                expected = Text("已载入的技能", "a skill that is loaded")
                raise fault(path, number, name, title, row, expected)
        found.setdefault(row["conceptUri"], []).append(row["broaderUri"])
        rows.setdefault(row["conceptUri"], number)
    if circle := _circle(found):
        raise BadInput(
            path, row=rows[circle], field="broaderUri", found=circle,
            expected=Text("没有循环的上下位关系", "no skill that is broader than itself"),
        )  # fmt: skip
    return [(one, broader) for one, all_ in found.items() for broader in all_]


def _circle(edges: dict[str, list[str]]) -> str:
    """Return a concept that is broader than itself, or an empty string (depth first, without recursion)."""
    done: set[str] = set()
    for start in edges:
        path: dict[str, None] = {}
        stack = [(start, False)]
        while stack:
            one, leaving = stack.pop()
            if leaving:
                path.pop(one)
                done.add(one)
            elif one in path:
                return one
            elif one not in done:
                path[one] = None
                stack.append((one, True))
                stack += [(broader, False) for broader in edges.get(one, [])]
    return ""
