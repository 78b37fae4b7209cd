"""Codes of places and enterprises (GB/T 2260 divisions, GB 32100 unified social credit codes, by python-stdnum), logins."""

from __future__ import annotations

import re
from functools import cache

from dujiang.messages import Refused, Text

_ETHNIC = "藏|羌|彝|苗|侗|土家|布依|傣|景颇|傈僳|哈尼|壮|白|回|蒙古|朝鲜|哈萨克|柯尔克孜|黎"
_AUTONOMOUS = re.compile(rf"(?:(?:{_ETHNIC})族?)*自治州$")
_ENDS = re.compile(r"(?:(?:(?:壮|回|维吾尔)族?)?自治区|特别行政区|省|市|地区|盟|州)$")
_NO_PLACE = re.compile(r"^市辖区$|^县$|直辖县|^林区$")
LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,59}")
"""What a login looks like."""
_OFFICES = re.compile(r"(?:人民政府|政府)(?:办公厅|办公室)?$")


@cache
def _by_full_name() -> dict[str, str]:
    """Return codes of provinces and prefectures by name; those no longer in force are left out."""
    from stdnum import numdb

    table = numdb.get("cn/loc")
    codes: dict[str, str] = {}
    for province in range(11, 83):
        for place in range(100):
            code = f"{province}{place:02d}00"
            parts = table.info(code)
            if len(parts) < 2 or "county" not in parts[1][1]:
                continue
            name = _in_force(parts[1][1]["county"])
            if name and not _NO_PLACE.search(name):
                codes.setdefault(name, code)
    return codes


@cache
def _by_name() -> dict[str, str]:
    """Return the same codes by full and short name."""
    codes: dict[str, str] = {}
    for name, code in _by_full_name().items():
        codes.setdefault(name, code)
        codes.setdefault(_short(name), code)
    return codes


def short_names() -> set[str]:
    """Return the short names of provinces and prefectures: 四川, 广西, 绵阳, 阿坝."""
    return {_short(name) for name in _by_full_name()}


def _in_force(entry: str) -> str:
    """Return the name that holds today of an entry such as ``[-1987]渡口市[1987-]攀枝花市``, or an empty string."""
    if not entry.startswith("["):
        return entry
    names = re.findall(r"\[\d*-(\d*)\]([^\[]+)", entry)
    return next((name.strip() for ended, name in names if not ended), "")


def _short(name: str) -> str:
    return _AUTONOMOUS.sub("", name) if name.endswith("自治州") else _ENDS.sub("", name)


def province_of(text: str) -> str:
    """Return the GB/T 2260 code of the province that a text (a plan's title or issuer) names first, or an empty string."""
    known = {name: code for name, code in _by_name().items() if code.endswith("0000")}
    at = {text.find(name): code for name, code in known.items() if name in text}
    return at[min(at)] if at else ""


def prefectures(province: str) -> dict[str, str]:
    """Return a province's prefectures by code, with their short names (成都, 阿坝); ``province`` is such as 510000."""
    named: dict[str, str] = {}
    for name, code in _by_name().items():
        if code != province and code.startswith(province[:2]):
            named[code] = min(named.get(code, name), name, key=len)
    return dict(sorted(named.items()))


def division_of(unit: str) -> str:
    """Return the GB/T 2260 code of the province or prefecture whose government a unit is, or an empty string.

    Takes official short names: 绵阳市, 绵阳市政府, 阿坝州人民政府.
    """
    place = _OFFICES.sub("", unit)
    known = _by_name()
    return known.get(place) or (known.get(_short(place), "") if _ENDS.search(place) else "")


def credit_code(value: str) -> str:
    """Return a unified social credit code (GB 32100-2015) in its normal form; raises `Refused`."""
    from stdnum.cn import uscc
    from stdnum.exceptions import ValidationError

    try:
        return str(uscc.validate(value))
    except ValidationError as error:
        text = Text(
            f"统一社会信用代码“{value}”不对：应为 18 位，末位为校验码（GB 32100）",
            f"{value!r} is no unified social credit code: expected 18 characters, the last of them the check (GB 32100)",
        )
        raise Refused(text) from error
