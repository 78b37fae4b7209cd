"""Personal data: found in texts by form and check digit, and said of columns with how sure it is.

What can be computed is computed: identity numbers by GB 11643's check digit, bank cards by
Luhn's, so that any 18 digits are not a person. Names and addresses have no check; in a column they are told by their form
together with its heading, in running text they are not looked for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from stdnum import luhn
from stdnum.iso7064 import mod_11_2

from dujiang.messages import Text


@dataclass(frozen=True, slots=True)
class Detector:
    """A kind of personal data: how it is written, what has to be true of what is found, and headings that hint at it.

    ``sensitive`` says whether it is sensitive personal information as GB/T 35273-2020's annex B gives examples of it.
    """

    title: Text
    pattern: str
    test: Callable[[str], bool]
    heading: str
    sensitive: bool


def _always(text: str) -> bool:
    return True


def resident_id(text: str) -> bool:
    """Return whether a text is a resident identity number: a province, a day of birth, ISO 7064's check digit.

    Counties are not asked for: a number keeps the code that its county had when it was given, so lists of the codes in force in
    the year of birth refuse many that are right.
    """
    if text[:2] not in _PROVINCE_CODES or not mod_11_2.is_valid(text.upper()):
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return born <= datetime.now(UTC).date()


def bank_card(text: str) -> bool:
    """Return whether digits are a card's: Luhn's check, and an issuer's prefix (62 UnionPay, 4 Visa, 51-55 Mastercard)."""
    digits = re.sub(r"[ -]", "", text)
    known = digits.startswith("62") and len(digits) in (16, 17, 18, 19)
    known = known or (len(digits) == 16 and (digits[0] == "4" or "51" <= digits[:2] <= "55"))
    return known and luhn.is_valid(digits)


# The hundred most frequent family names of the 2020 census report cover some 85 % of people; compound ones beside them.
_FAMILY = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦"
    "付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_COMPOUND = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯"
_PROVINCE_CODES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    ]
)
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤川青藏琼宁"

DETECTORS: Mapping[str, Detector] = {
    "resident-id": Detector(
        Text("居民身份号码", "resident identity number"),
        r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{9}[\dXx](?![0-9A-Za-z])",
        resident_id,
        r"身份证|证件号|公民身份|id_?(?:card|no|number)|identity",
        True,
    ),
    "bank-card": Detector(
        Text("银行卡号", "bank card"),
        r"(?<![0-9A-Za-z])(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?:[ -]?\d{1,3})?|\d{16,19})(?![0-9A-Za-z])",
        bank_card,
        r"银行卡|卡号|账号|account|card_?(?:no|number)",
        True,
    ),
    "mobile": Detector(
        Text("手机号码", "mobile number"),
        r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d(?:\d{8}|[- ]\d{4}[- ]\d{4})(?![0-9A-Za-z])",
        _always,
        r"手机|电话|联系方式|mobile|phone|tel",
        False,
    ),
    "landline": Detector(
        Text("固定电话", "landline"),
        r"(?<![0-9A-Za-z-])(?:\(0\d{2,3}\)|（0\d{2,3}）|0\d{2,3}-)[2-9]\d{6,7}(?![0-9A-Za-z])",
        _always,
        r"电话|座机|phone|tel",
        False,
    ),
    "email": Detector(
        Text("电子邮件地址", "e-mail address"),
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
        _always,
        r"邮箱|邮件|e-?mail",
        False,
    ),
    "passport": Detector(
        Text("护照号码", "passport"),
        # Ordinary passports of China: E and a letter but I or O, or G, then digits; diplomatic and service ones D, S, P.
        r"(?<![0-9A-Za-z])(?:E[A-HJ-NP-Z]\d{7}|[EGDSP]\d{8})(?![0-9A-Za-z])",
        _always,
        r"护照|passport",
        True,
    ),
    "plate": Detector(
        Text("车牌号码", "licence plate"),
        # GA 36-2018: a province, a letter, five characters, six for new energy; no I or O.
        rf"[{_PROVINCES}][A-HJ-NP-Z][ ·•]?(?:[DF][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[DF]|[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警])(?![A-Za-z0-9])",
        lambda text: bool(re.search(r"\d", text)),
        r"车牌|号牌|plate",
        False,
    ),
}
"""What is found in running text as well as in columns."""

_NAME = re.compile(rf"(?:[{_FAMILY}]|{_COMPOUND})[一-鿿·]{{1,3}}")
_ADDRESS = re.compile(
    r"(?=.{6,})(?:.{2,8}?(?:省|自治区|市|州|县|区|旗)).*?(?:[路街道巷弄村社镇乡]|小区|大道|花园|大厦)"
    r".*?(?:\d+|[一二三四五六七八九十]+)(?:号|栋|幢|单元|室|楼|组|弄|座)"
)
_COLUMNS: Mapping[str, Detector] = {
    **DETECTORS,
    "name": Detector(
        Text("姓名", "name"),
        _NAME.pattern,
        lambda text: len(text) <= 5,
        r"姓名|名字|联系人|患者|法人|full_?name|^name$",
        False,
    ),
    "address": Detector(Text("住址", "address"), _ADDRESS.pattern, _always, r"住址|地址|居住|户籍|address", False),
}
"""What is found in columns."""
_PREFILTER = re.compile(r"\d{5}|@|\d{4}[ -]\d{4}|[A-Z]\d|[A-HJ-NP-Z][·•]")
_COMBINED = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{one.pattern})" for name, one in DETECTORS.items()))


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data in a column: its kind, the share of the values that are such, and how sure that the column is.

    ``confidence`` is the lower bound of Wilson's 95 % interval of that share, raised where the heading says so too.
    """

    column: str
    kind: str
    title: Text
    share: float
    confidence: float
    sensitive: bool


def found(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (kind, what is written, where) of the personal data in a text; what overlaps is counted once."""
    at = 0
    while match := _COMBINED.search(text, at):
        at = match.start() + 1
        for name, one in DETECTORS.items():
            # A run of digits may be a card where it is no identity number, so every kind is asked.
            other = _compiled(name).match(text, match.start())
            if other and one.test(other.group()):
                yield name, other.group(), other.start()
                at = max(other.end(), at)
                break


def masked(text: str) -> str:
    """Return personal data as it may stand in a report: its first three characters and its last two."""
    return text[:3] + "*" * max(1, len(text) - 5) + text[-2:] if len(text) > 5 else text[:1] + "*" * (len(text) - 1)


def without(text: str) -> str:
    """Return a text with the personal data in it masked."""
    for _, written, at in list(found(text)):
        text = text[:at] + masked(written) + text[at + len(written) :]
    return text


def counted(texts: Iterable[str]) -> Counter[str]:
    """Return how often each kind stands in texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        if _PREFILTER.search(text):
            counts.update(kind for kind, _, _ in found(text))
    return counts


@cache
def _compiled(name: str) -> re.Pattern[str]:
    return re.compile(_COLUMNS[name].pattern)


def in_column(column: str, values: Iterable[str]) -> Finding | None:
    """Return the kind of personal data that a column seems to hold, by its values and heading, or None.

    Names and addresses count only with their heading, or where nearly all values look so.
    """
    texts = [text.strip() for text in values if text and text.strip()]
    if not texts:
        return None
    best: Finding | None = None
    for name, one in _COLUMNS.items():
        pattern = _compiled(name)
        hits = sum(
            1
            for text in texts
            if (match := pattern.fullmatch(text) if name != "address" else pattern.search(text))
            and one.test(match.group())
        )
        hinted = re.search(one.heading, column, re.IGNORECASE) is not None
        low = wilson(hits, len(texts))[0]
        need = 0.05 if hinted else 0.9 if name in ("name", "passport") else 0.3
        if hits < 1 or (low < need and hits / len(texts) < need):
            continue
        confidence = 1 - (1 - low) * (0.3 if hinted else 1.0)
        made = Finding(column, name, one.title, hits / len(texts), round(confidence, 4), one.sensitive)
        if best is None or made.confidence > best.confidence:
            best = made
    return best


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's interval of a share, 95 % by default (Wilson 1927); (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    share = hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)
