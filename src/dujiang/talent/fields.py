"""What people write of a person, brought into one form, or told what was expected instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

from dujiang.identity.codes import division_of, prefectures
from dujiang.messages import Text
from dujiang.plan.industries import INDUSTRIES
from dujiang.talent.terms import Details, Level, Purpose

LONGEST_YEARS = 5
"""A consent runs for so many years at most; then the person is asked again. The law asks for the shortest that will do."""
_EMAIL = re.compile(r"[^@\s\x00]{1,64}@[^@\s\x00]+\.[^@\s\x00]{2,}")
_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dX])")
_SEPARATORS = re.compile(r"[;；、|\n]+")


class Unfit(ValueError):
    """A value that can't be used: which field, and what was expected."""

    def __init__(self, field: str, expected: Text) -> None:
        self.field, self.expected = field, expected
        super().__init__(f"{field}: {expected}")


def plain(text: str) -> str:
    """Return a text in NFKC, without spaces around it or more than one between words."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def name(text: str) -> str:
    """Return a name."""
    found = plain(text)
    if not 2 <= len(found) <= 80 or any(unicodedata.category(one)[0] == "C" for one in found):
        raise Unfit("name", Text("2 至 80 字的姓名", "a name of 2 to 80 characters"))
    return found


def phone(text: str) -> str:
    """Return a phone number: eleven digits of a mainland mobile, or + and up to fifteen digits (E.164)."""
    found = re.sub(r"[\s()-]", "", plain(text))
    found = re.sub(r"^(?:\+|00)86(?=1\d{10}$)", "", found)
    if not re.fullmatch(r"1[3-9]\d{9}|\+[1-9]\d{6,14}", found):
        raise Unfit(
            "phone",
            Text("11 位手机号，或以 + 开头的国际号码", "a mobile number of 11 digits, or + and a country's code"),
        )
    return found


def email(text: str) -> str:
    """Return an address in small letters."""
    found = plain(text).lower()
    if not _EMAIL.fullmatch(found) or len(found) > 254:
        raise Unfit("email", Text("形如 li@example.org 的邮箱", "an address such as li@example.org"))
    return found


def orcid(text: str) -> str:
    """Return an ORCID iD in groups of four; its last character is checked (ISO 7064, MOD 11-2)."""
    from stdnum.iso7064 import mod_11_2

    found = _ORCID.fullmatch(plain(text).upper().replace("HTTPS://ORCID.ORG/", "").replace("HTTP://ORCID.ORG/", ""))
    if not found or not mod_11_2.is_valid("".join(found.groups())):
        raise Unfit(
            "orcid",
            Text("16 位 ORCID，末位校验码相符", "an ORCID iD of 16 characters with the right check character"),
        )
    return "-".join(found.groups())


def born(text: str) -> int:
    """Return a year of birth."""
    found = plain(text)
    if not re.fullmatch(r"(?:19|20)\d\d", found):
        raise Unfit("born", Text("4 位出生年份", "a year of birth of four digits"))
    return int(found)


def employer(text: str) -> str:
    """Return an employer's name."""
    found = plain(text)
    if len(found) > 120 or "\x00" in found:
        raise Unfit("employer", Text("不超过 120 字", "120 characters at most"))
    return found


_DETAILS: dict[str, Callable[[str], object]] = {
    "name": name, "phone": phone, "email": email, "orcid": orcid, "employer": employer, "born": born,
}  # fmt: skip


def details(values: Mapping[str, str]) -> Details:
    """Return what is personal; all but the name may be missing. Raises `Unfit`."""
    given = {field: values.get(field, "") for field in _DETAILS}
    made = {field: read(given[field]) for field, read in _DETAILS.items() if given[field].strip() or field == "name"}
    return Details(**made)  # type: ignore[arg-type]


def industry(text: str) -> str:
    """Return an industry's key; takes its title in either language too."""
    known = {key: one for one, about in INDUSTRIES.items() for key in (one, about.title.zh, about.title.en)}
    found = known.get(plain(text))
    if found is None:
        raise Unfit("industry", _one_of([about.title for about in INDUSTRIES.values()]))
    return found


def level(text: str) -> str:
    """Return a level's key; takes its words, or the first of them, too."""
    known: dict[str, str] = {}
    for one in Level:
        for key in (one.value, one.words.zh, one.words.en, one.words.zh.split("（")[0]):
            known[key] = one.value
    found = known.get(text.strip()) or known.get(plain(text))
    if found is None:
        raise Unfit("level", _one_of([one.words for one in Level]))
    return found


def city(text: str) -> str:
    """Return the GB/T 2260 code of a prefecture; takes its name too."""
    found = plain(text)
    code = found if found.isdecimal() else division_of(found)
    if len(code) != 6 or code not in prefectures(code[:2] + "0000"):
        raise Unfit("city", Text("市（州）名称或 6 位代码（GB/T 2260）", "a prefecture, by name or code (GB/T 2260)"))
    return code


def purposes(text: str) -> list[str]:
    """Return purposes of a consent, separated by ; or 、."""
    known = {key: one.value for one in Purpose for key in (one.value, one.words.zh, one.words.en)}
    found = [known.get(one) for one in several(text)]
    if not found or None in found:
        raise Unfit("purposes", _one_of([one.words for one in Purpose]))
    return sorted({one for one in found if one})


def several(text: str) -> list[str]:
    """Return the parts of a cell that holds several values."""
    return [part for one in _SEPARATORS.split(text) if (part := plain(one))]


def day(field: str, text: str) -> date:
    """Return a day."""
    try:
        return date.fromisoformat(plain(text)[:10])
    except ValueError as error:
        raise Unfit(field, Text("日期，如 2026-11-30", "a day, such as 2026-11-30")) from error


def term(given: date, until: date) -> None:
    """Check a consent's term; raises `Unfit`."""
    if not given < until <= date(given.year + LONGEST_YEARS, given.month, min(given.day, 28)):
        expected = Text(
            f"晚于同意之日，至多 {LONGEST_YEARS} 年", f"after the day of the consent, {LONGEST_YEARS} years at most"
        )
        raise Unfit("until", expected)


def whole(field: str, text: str, most: int = 1_000_000) -> int:
    """Return a whole number from 1."""
    found = plain(text)
    if not found.isdecimal() or not 1 <= int(found) <= most:
        raise Unfit(field, Text(f"1 至 {most} 的整数", f"a whole number from 1 to {most}"))
    return int(found)


def _one_of(titles: list[Text]) -> Text:
    return Text("、".join(one.zh for one in titles) + " 之一", "one of " + ", ".join(one.en for one in titles))
