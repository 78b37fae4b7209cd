"""Tables of enterprises and of people, as the office fills them in: a row each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, TypeVar

from dujiang.identity.codes import LOGIN, credit_code
from dujiang.identity.permission import UNIT_ROLES, Role
from dujiang.messages import BadInput, Refused, Text
from dujiang.sheets import fault, read_rows

ENTERPRISES: dict[str, Text] = {
    "name": Text("单位名称", "name"),
    "credit_code": Text("统一社会信用代码", "unified social credit code"),
}
PEOPLE: dict[str, Text] = {
    "username": Text("登录名", "login"),
    "name": Text("姓名", "name"),
    "role": Text("角色", "role"),
    "unit": Text("所属单位", "unit"),
}
"""The columns, by name; a heading may be the name, its Chinese or its English title."""
_REMEDY = Text("请补上此列", "add this column")
_LONGEST_NAME = 120
Row = TypeVar("Row")


class NewEnterprise(NamedTuple):
    """An enterprise or laboratory of a table; ``row`` as the person's tool shows it."""

    row: int
    name: str
    credit_code: str


class NewPerson(NamedTuple):
    """Somebody of a table; ``unit`` is empty where they belong to none."""

    row: int
    username: str
    name: str
    role: Role
    unit: str


def read_enterprises(path: Path, names: Collection[str], codes: Collection[str]) -> list[NewEnterprise]:
    """Read a table of enterprises that are neither among the ``names`` nor the ``codes`` known already.

    Raises `BadInput` for the first row that can't be used.
    """
    names, codes = set(names), set(codes)
    found = []
    for number, row in read_rows(path, ENTERPRISES, remedy=_REMEDY):

        def bad(field: str, expected: Text, number: int = number, row: dict[str, str] = row) -> BadInput:
            return fault(path, number, field, ENTERPRISES[field], row, expected)

        if not 1 <= len(row["name"]) <= _LONGEST_NAME:
            raise bad("name", Text(f"1 至 {_LONGEST_NAME} 字", f"1 to {_LONGEST_NAME} characters"))
        try:
            code = credit_code(row["credit_code"])
        except Refused as error:
            expected = Text(
                "18 位统一社会信用代码，末位校验码相符（GB 32100），单元格为文本格式",
                "18 characters with the right check character (GB 32100), in a cell of text format",
            )
            raise bad("credit_code", expected) from error
        if row["name"] in names:
            raise bad("name", Text("尚未登记且表内不重复的单位", "a unit not yet there, once in the table"))
        if code in codes:
            raise bad("credit_code", Text("尚未登记且表内不重复的代码", "a code not yet there, once in the table"))
        names.add(row["name"])
        codes.add(code)
        found.append(NewEnterprise(number, row["name"], code))
    return _some(path, found)


def read_people(path: Path, logins: Collection[str], units: Collection[str]) -> list[NewPerson]:
    """Read a table of people, none of them with one of the ``logins``, each of one of the ``units`` or of none.

    Raises `BadInput` for the first row that can't be used.
    """
    roles = {
        key: role for role in Role if role is not Role.PUBLIC for key in (role.value, role.words.zh, role.words.en)
    }
    logins = set(logins)
    found = []
    for number, row in read_rows(path, PEOPLE, remedy=_REMEDY):

        def bad(field: str, expected: Text, number: int = number, row: dict[str, str] = row) -> BadInput:
            return fault(path, number, field, PEOPLE[field], row, expected)

        if not LOGIN.fullmatch(row["username"]):
            raise bad(
                "username",
                Text(
                    "小写字母开头，由小写字母、数字和 . _ - 组成，2 至 60 位",
                    "2 to 60 small letters, digits, . _ -, a letter first",
                ),
            )
        if row["username"] in logins:
            raise bad("username", Text("尚无人使用且表内不重复的登录名", "a login not yet taken, once in the table"))
        role = roles.get(row["role"])
        if role is None:
            zh = "、".join(role.words.zh for role in Role if role is not Role.PUBLIC)
            raise bad("role", Text(zh, ", ".join(role.words.en for role in Role if role is not Role.PUBLIC)))
        if row["unit"] and row["unit"] not in units:
            raise bad("unit", Text("在册的单位", "a unit that is there"))
        if not row["unit"] and role in UNIT_ROLES:
            raise bad("unit", Text(f"{role.words.zh}所属的单位", f"the unit of the {role.words.en}"))
        logins.add(row["username"])
        found.append(NewPerson(number, row["username"], row["name"], role, row["unit"]))
    return _some(path, found)


def _some(path: Path, found: list[Row]) -> list[Row]:
    if not found:
        raise BadInput(path, expected=Text("至少一行数据", "at least one row"))
    return found
