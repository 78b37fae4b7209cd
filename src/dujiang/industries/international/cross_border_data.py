"""Personal data in tables that go abroad (数据领域合作、依法依规): which columns hold it, and what the law then asks.

*Data.* Tables in the languages of Belt and Road countries, made by Faker: names, numbers and addresses of people among
goods, orders and firms. Headings are in the office's own language, or short, or say nothing, and about one in eight is
another column's. The generator (`_exports`) knows what it put into each column; the method sees headings, a sample of
cells, and what an exporter declares: people in the whole table, people exported since 1 January, purpose.

*Second generator.* Other countries, whose offices write their own digits and put name and telephone into one column.

*Baseline.* What a data catalogue does first: keywords of several languages in the headings.

*Method.* The cells speak first: format, check digits (of five national numbers, Luhn, ISO 7064 for IBAN), telephone plans (phonenumbers),
words of illness and faith, how dates lie, how often cells repeat, and whether numbers count on. Where they say nothing
certain, the heading does.

*Law.* Provisions on Promoting and Regulating Cross-border Data Flows (促进和规范数据跨境流动规定, Cyberspace Administration of
China, 22 March 2024), articles 3 to 5, 7 and 8; what is sensitive as in GB/T 35273-2020, annex B. Figures count people
since 1 January; minors under 14 aren't told apart. It helps whoever prepares an export to see the duty; it isn't advice.

*Published.* None to set beside it; Hulsebos et al. (2019, Sherlock, KDD) type columns at F1 0.89 by learnt features, on
78 semantic types of mostly English tables.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dujiang.industries.international import _exports
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

TABLES = {"small": 24, "default": 120, SHIFTED: 120}
ROWS = 40
LARGE, SOME, SENSITIVE = 1_000_000, 100_000, 10_000
"""People since 1 January: articles 7 and 8."""
PURPOSES = ("general", "contract", "staff", "emergency", "transit")
"""Articles 4 and 5: needed for the person's own contract, staff by labour rules, emergencies, collected abroad."""
FORMAT = Text(
    "数据包（Frictionless Data Package，内含数据，JSON）", "Frictionless Data Package with inline data (JSON)"
)
Level = Literal["none", "personal", "sensitive"]


@dataclass(frozen=True, slots=True)
class Export:
    """A table that is to go abroad: headings with sampled cells, and what the exporter declares.

    ``people`` in the whole table; ``earlier`` and ``earlier_sensitive``: people exported since 1 January, those without
    and those with sensitive data; ``critical``: an operator of critical information infrastructure; ``important``: data
    that an authority has named important.
    """

    name: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    people: int
    earlier: int = 0
    earlier_sensitive: int = 0
    purpose: str = "general"
    critical: bool = False
    important: bool = False


def duty(export: Export, level: Level) -> str:
    """Return ``none``, ``contract`` (or certification) or ``assessment`` for a table whose gravest column is ``level``.

    Provisions of 22 March 2024: important data and critical operators are assessed (article 7); no personal data, or a
    purpose of articles 4 and 5, needs nothing; else by the people counted since 1 January.
    """
    if export.important:
        return "assessment"
    if level == "none" or export.purpose != "general":
        return "none"
    plain = export.earlier + (export.people if level == "personal" else 0)
    grave = export.earlier_sensitive + (export.people if level == "sensitive" else 0)
    if export.critical or plain >= LARGE or grave >= SENSITIVE:
        return "assessment"
    return "contract" if plain >= SOME or grave > 0 else "none"


def cases(seed: int, size: str) -> list[Case]:
    """Return tables of several countries, and of each column what it holds about people."""
    from faker import Faker

    draw = np.random.default_rng([seed, 20])
    shifted = size == SHIFTED
    places = _exports.SHIFTED_PLACES if shifted else _exports.PLACES
    fakes = {}
    for place in places:
        fakes[place] = Faker(place)
        fakes[place].seed_instance(int(draw.integers(2**31)))
    exports, truth = [], {}
    for number in range(TABLES[size]):
        place = places[number % len(places)]
        columns = _exports.table(draw, fakes[place], place, ROWS, shifted=shifted)
        export = Export(
            f"T{number:03d}",
            tuple((heading, tuple(cells)) for _, heading, cells in columns),
            int(10 ** draw.uniform(2.5, 6.3)),
            int(10 ** draw.uniform(3, 5.5)) if draw.random() < 0.3 else 0,
            int(10 ** draw.uniform(1, 3.5)) if draw.random() < 0.1 else 0,
            str(draw.choice(PURPOSES, p=[0.8, 0.06, 0.06, 0.02, 0.06])),
            bool(draw.random() < 0.08),
            bool(draw.random() < 0.04),
        )
        levels = [_exports.LEVELS.get(kind, "none") for kind, _, _ in columns]
        exports.append(export)
        truth[export.name] = {"levels": tuple(levels), "duty": duty(export, _gravest(levels))}
    return [Case(tuple(exports), truth)]


def _gravest(levels: Sequence[str]) -> Level:
    return "sensitive" if "sensitive" in levels else "personal" if "personal" in levels else "none"


def _answer(inputs: Sequence[Export], found: Sequence[Sequence[tuple[Level, str]]]) -> Answer:
    return [
        {"table": export.name, "column": at, "heading": heading, "level": level, "why": why, "duty": owed}
        for export, columns in zip(inputs, found, strict=True)
        for owed in [duty(export, _gravest([level for level, _ in columns]))]
        for at, ((heading, _), (level, why)) in enumerate(zip(export.columns, columns, strict=True))
    ]


def baseline(inputs: tuple[Export, ...]) -> Answer:
    """Return each column by keywords in its heading, and each table's duty."""
    return _answer(inputs, [[_by_heading(heading) for heading, _ in one.columns] for one in inputs])


def method(inputs: tuple[Export, ...]) -> Answer:
    """Return each column by its cells, then its heading, and each table's duty."""
    return _answer(inputs, [[_by_cells(heading, cells) for heading, cells in one.columns] for one in inputs])


KEYWORDS: tuple[tuple[Level, str, str], ...] = (
    ("none", "firm or goods", r"compan|公司|企业|товар|product|item|品名|şirket|компан|goods|filename|hostname|itm_|co_nm"),
    ("none", "server", r"\bip\b|ip address|server|服务器|host"),
    ("sensitive", "identity", r"身份证|证件|护照|passport|паспорт|national.?id|\bnid\b|identity|\bssn\b|\bnik\b|kimlik|cccd|pesel|снилс|инн"),
    ("sensitive", "account", r"卡号|账号|账户|银行|card|карт|kart|thẻ|iban|account|acct|сч[её]т|\bpan\b"),
    ("sensitive", "health", r"诊断|病|健康|diagnos|диагноз|chẩn đoán|health|disease|\bdx\b|\bicd"),
    ("sensitive", "faith", r"宗教|信仰|religio|вероисп|agama|faith|\bdin\b"),
    ("sensitive", "position", r"定位|经纬|坐标|latlon|\blat\b|\blon\b|gps|координат|location|coordinat"),
    ("personal", "birth", r"出生|生日|birth|\bdob\b|рожден|ngày sinh|lahir|doğum|urodzen"),
    ("personal", "name", r"姓名|收件人|联系人|name|фио|имя|họ và tên|nama|soyad|nazwisko|_nm\b|contact|cntct"),
    ("personal", "phone", r"电话|手机|phone|mobile|\btel|тел|điện thoại|\bhp\b|telefon"),
    ("personal", "email", r"邮箱|e-?mail|почт|thư điện tử|surel|e-posta|\beml\b"),
    ("personal", "address", r"地址|住址|addr|адрес|địa chỉ|alamat|adres"),
)  # fmt: skip
"""Level, kind and pattern of headings; the first that fits counts."""


def _by_heading(heading: str) -> tuple[Level, str]:
    for level, kind, pattern in KEYWORDS:
        if re.search(pattern, heading.lower()):
            return level, f"heading: {kind}"
    return "none", ""


FIRM = re.compile(
    r"公司|集团|有限|\b(ltd|inc|llc|plc|corp|group|gmbh|co|tbk|a\.?ş|s\.?a|sp|and sons)\b|ооо|оао|зао|\bао\b|\bип\b|нпо|công ty|"
    r"\b(pt|cv|ud|pd|perum)\b|ltd\. şti|บริษัท|ห้างหุ้นส่วน|شرکت|سرمایه|گروه|მეწარმე|შპს|\bmmc\b|\basc\b|qsc|spół|fundacja|"
    r"stowarzyszenie|bank|ব্যাংক|লিমিটেড|बैंक|шарк",
    re.IGNORECASE,
)
STREET = re.compile(
    r"[路街道巷弄]|市|省|\b(st|street|road|rd|ave|avenue|suite|apt|box|lane|drive|jl|jalan|gang|gg|no|cad|sok|sk|mah|ul|al|pl|"
    r"aleja|ulica|đường|phố|phường|ул|д|пер|пр|наб|бул|кв|küç|pr)\b|улиц|проспект|переул|ถ\.|หมู่|ซอย|улиця|ქ\.|ქუჩა|"
    r"prospekti|kuçə|sokağı|خیابان|بلوار|কাউন্টি|হোল্ডিং|रोड|मार्ग|घर",
    re.IGNORECASE,
)
ILL = re.compile(
    r"血压|糖尿|哮喘|胃炎|肝炎|癌|肿瘤|心脏|抑郁|肺炎|гиперт|диабет|астма|гастрит|hypertens|diabet|asthma|hepatit|cancer|"
    r"gastrit|depress|huyết áp|tiểu đường|hipertansi|\b[A-TV-Z]\d\d(\.\d{1,2})?$",
    re.IGNORECASE,
)
FAITH = re.compile(
    r"佛教|道教|基督|天主|伊斯兰|ислам|православ|буддиз|islam|muslim|müslüman|buddh|hindu|christ|katoli|kristen|protestan|"
    r"yahudi|jewish|مسلم|اسلام",
    re.IGNORECASE,
)
PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d\s().x-]{6,20}\d(?![\w.])")


def _plain(cell: str) -> str:
    """Return a cell with every script's digits as 0-9."""
    return "".join(
        str(unicodedata.digit(letter)) if letter.isdigit() and not letter.isascii() else letter for letter in cell
    )


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def _iban(cell: str) -> bool:
    cell = cell.replace(" ", "")
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", cell):
        return False
    return int("".join(str(int(letter, 36)) for letter in cell[4:] + cell[:4])) % 97 == 1


def _identity(cell: str) -> bool:
    """Return whether a cell passes a national number's check: China, Thailand, Türkiye, Poland, or Indonesia's date."""
    if re.fullmatch(r"[1-9]\d{16}[\dXx]", cell):
        total = sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(cell[:17]))
        return "10X98765432"[total % 11] == cell[17].upper()
    if not cell.isdecimal():
        return False
    digits = [int(digit) for digit in cell]
    if len(digits) == 13:
        return (11 - sum(digit * (13 - at) for at, digit in enumerate(digits[:12])) % 11) % 10 == digits[12]
    if len(digits) == 11:
        turkish = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10 == digits[9] and sum(digits[:10]) % 10 == digits[
            10
        ]
        weighed = sum(digit * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), strict=True))
        return turkish or (weighed % 10 == 0 and 1 <= int(cell[2:4]) % 20 <= 12 and 1 <= int(cell[4:6]) <= 31)
    return len(digits) == 16 and 1 <= int(cell[6:8]) % 40 <= 31 and 1 <= int(cell[8:10]) <= 12


def _year(cell: str) -> int:
    """Return a date's year; 0 for what is no date."""
    found = re.fullmatch(r"((?:19|20)\d\d)[-/.]?(\d\d)[-/.]?(\d\d)|(\d\d)[-/.](\d\d)[-/.]((?:19|20)\d\d)", cell)
    return int(found[1] or found[6]) if found else 0


def _telephone(cell: str) -> bool:
    """Return whether a cell is a number of a telephone plan, or is punctuated as only telephone numbers are."""
    import phonenumbers

    digits = re.sub(r"\D", "", cell.split("x", maxsplit=1)[0])
    if not PHONE.fullmatch(cell) or not 7 <= len(digits) <= 15:
        return False
    if cell.startswith(("+", "0")) or (re.search(r"[()\s x-]", cell) and not _year(cell)):
        return True
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(cell, "CN")))
    except phonenumbers.NumberParseException:
        return False


def _counts_on(cells: Sequence[str]) -> bool:
    """Return whether numbers of one length run up by small steps, as a clerk's or a machine's do."""
    numbers = [int(cell) for cell in cells if cell.isdecimal()]
    if len(numbers) < 0.9 * len(cells) or len(numbers) < 3:
        return False
    steps = np.diff(np.array(numbers, dtype=float))
    return bool((steps > 0).mean() > 0.9 and np.median(steps) < 1000)


def _by_cells(heading: str, cells: Sequence[str]) -> tuple[Level, str]:
    """Return what a column holds about people, and what says so."""
    filled = [_plain(cell).strip() for cell in cells if cell.strip()]
    if not filled:
        return "none", "empty"

    def share(fits: Any) -> float:
        return sum(bool(fits(cell)) for cell in filled) / len(filled)

    level, said = _by_heading(heading)
    varied = len(set(filled)) / len(filled)
    numeric = share(lambda cell: re.fullmatch(r"[\d\s-]+", cell))
    lengths = {len(re.sub(r"\D", "", cell)) for cell in filled}
    if share(_identity) > 0.7:
        return "sensitive", "cells: identity number with check digit"
    if share(_iban) > 0.6:
        return "sensitive", "cells: IBAN with check digits"
    if numeric > 0.9 and share(lambda cell: 12 <= len(cell) <= 19 and cell.isdecimal() and _luhn(cell)) > 0.8:
        return "sensitive", "cells: card number with check digit"
    if share(lambda cell: re.fullmatch(r"-?\d{1,2}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}", cell)) > 0.6:
        return "sensitive", "cells: coordinates"
    if share(ILL.search) > 0.5 and varied < 0.8:
        return "sensitive", "cells: words of illness"
    if share(FAITH.search) > 0.5 and varied < 0.8:
        return "sensitive", "cells: words of faith"
    if share(lambda cell: re.fullmatch(r"\S+@\S+\.\S+", cell)) > 0.5:
        return "personal", "cells: email"
    if share(lambda cell: re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", cell)) > 0.6:
        return "none", "cells: network addresses"
    years = [year for year in map(_year, filled) if year]
    if len(years) > 0.8 * len(filled):
        born = max(years) - min(years) > 15 and np.median(years) < 2012
        return ("personal", "cells: dates over decades") if born else ("none", "cells: recent dates")
    if _counts_on(filled):
        return "none", "cells: numbers that count on"
    if share(lambda cell: re.fullmatch(r"\d+(\.\d+)?", cell)) > 0.9 and max(lengths) < 7:
        return "none", "cells: amounts"
    if share(_telephone) > 0.6:
        return "personal", "cells: telephone numbers"
    if numeric > 0.9:
        return (level, said) if said.endswith(("identity", "account", "phone")) else ("none", "cells: numbers")
    if share(PHONE.search) > 0.05 and share(lambda cell: STREET.search(cell) and len(cell) > 12) < 0.3:
        return "personal", "cells: telephone numbers within text"
    if share(lambda cell: re.fullmatch(r"[A-Z]{2,4}\d{5,}", cell)) > 0.6 or varied < 0.5:
        return "none", "cells: codes or few values"
    if share(FIRM.search) > 0.35:
        return "none", "cells: firms"
    with_digits = share(lambda cell: re.search(r"\d", cell))
    if with_digits > 0.5 and np.median([len(cell) for cell in filled]) > 12:
        return "personal", "cells: addresses"
    words = [len(cell.split()) for cell in filled]
    short = np.median([len(cell) for cell in filled]) <= 40 and with_digits < 0.05
    if (
        short
        and varied > 0.8
        and (1.5 < np.mean(words) < 5 or share(lambda cell: re.fullmatch(r"[\u4e00-\u9fff]{2,4}", cell)) > 0.8)
    ):
        return "personal", "cells: names"
    return level, said


def judge(truth: dict[str, dict[str, Any]], answer: Answer) -> float:
    """Return the mean, in %, of the columns' F1 and the share of tables with the right duty.

    F1 is of columns that hold personal data, found with the right level. Raises ValueError where a column is missing.
    """
    found = {(row["table"], row["column"]): row["level"] for row in answer}
    right = {(name, at): level for name, one in truth.items() for at, level in enumerate(one["levels"])}
    if found.keys() != right.keys() or len(answer) != len(right):
        raise ValueError("the answer does not hold each column once")
    hits = sum(level != "none" and found[key] == level for key, level in right.items())
    said = sum(level != "none" for level in found.values())
    there = sum(level != "none" for level in right.values())
    f1 = 2 * hits / (said + there) if said + there else 1.0
    duties = {row["table"]: row["duty"] for row in answer}
    share = float(np.mean([duties[name] == one["duty"] for name, one in truth.items()]))
    return 100 * (f1 + share) / 2


def read(path: Path) -> tuple[Export, ...]:
    """Read a data package with inline rows; each resource's ``export`` says what the exporter declares.

    Raises `BadInput` that names the resource and the field.
    """
    try:
        package = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    resources = package.get("resources") if isinstance(package, dict) else None
    if not isinstance(resources, list) or not resources:
        raise BadInput(path, field="resources", expected=Text("非空的资源列表", "a list of resources, not empty"))
    exports = tuple(_resource(path, at, one) for at, one in enumerate(resources))
    names = [one.name for one in exports]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise BadInput(
                path, row=f"resources[{at}]", field="name", expected=Text("不重名", "each name once"), found=name
            )
    return exports


def _resource(path: Path, at: int, given: Any) -> Export:
    def bad(field: str, expected: Text, found: Any = "") -> BadInput:
        return BadInput(path, row=f"resources[{at}]", field=field, expected=expected, found=str(found)[:60])

    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not given["name"]:
        raise bad("name", Text("资源名称", "the resource's name"), given)
    data = given.get("data")
    if not isinstance(data, list) or len(data) < 2 or not all(isinstance(row, list) for row in data):
        raise bad("data", Text("首行为表头，其后为数据行", "a row of headings, then rows"), data or "")
    for place, row in enumerate(data):
        if len(row) != len(data[0]):
            raise bad(f"data[{place}]", Text(f"{len(data[0])} 格", f"{len(data[0])} cells"), len(row))
    declared = given.get("export")
    if not isinstance(declared, dict):
        raise bad("export", Text("出境申报项", "what the exporter declares"), declared or "")
    counts = {}
    for field in ("people", "earlier", "earlier_sensitive"):
        value = declared.get(field, None if field == "people" else 0)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise bad(f"export.{field}", Text("人数，非负整数", "people, a whole number from 0"), value)
        counts[field] = value
    purpose = declared.get("purpose", "general")
    if purpose not in PURPOSES:
        raise bad("export.purpose", Text(f"{', '.join(PURPOSES)} 之一", f"one of {', '.join(PURPOSES)}"), purpose)
    flags = {}
    for field in ("critical", "important"):
        flags[field] = declared.get(field, False)
        if not isinstance(flags[field], bool):
            raise bad(f"export.{field}", Text("true 或 false", "true or false"), flags[field])
    columns = [["" if cell is None else str(cell) for cell in column] for column in zip(*data, strict=True)]
    return Export(
        given["name"],
        tuple((column[0], tuple(column[1:])) for column in columns),
        counts["people"],
        counts["earlier"],
        counts["earlier_sensitive"],
        purpose,
        flags["critical"],
        flags["important"],
    )


def write(inputs: tuple[Export, ...], path: Path) -> None:
    """Write a data package as `read` reads it."""
    resources = []
    for one in inputs:
        rows = [
            [heading for heading, _ in one.columns],
            *map(list, zip(*(cells for _, cells in one.columns), strict=True)),
        ]
        fields = ("people", "earlier", "earlier_sensitive", "purpose", "critical", "important")
        resources.append({"name": one.name, "data": rows, "export": {field: getattr(one, field) for field in fields}})
    path.write_text(json.dumps({"resources": resources}, ensure_ascii=False), encoding="utf-8")


def picture(inputs: tuple[Export, ...], answer: Answer) -> Any:
    """Return each table's columns by what they hold about people, under the table's duty."""
    import altair as alt
    import pandas as pd

    levels = {"none": "无 / none", "personal": "个人信息 / personal", "sensitive": "敏感 / sensitive"}
    duties = {"none": "免申报 / none", "contract": "标准合同或认证 / contract", "assessment": "安全评估 / assessment"}
    rows = [
        {**row, "level": levels[row["level"]], "duty": duties[row["duty"]]}
        for row in answer
        if row["table"] in {one.name for one in inputs[:24]}
    ]
    title = Text("各表各列的个人信息与出境义务", "Personal data by table and column, and the duty")
    return (
        alt.Chart(pd.DataFrame(rows), title=str(title))
        .mark_rect(stroke="white")
        .encode(
            alt.X("column:O", title=None),
            alt.Y("table:N", title=None),
            alt.Color(
                "level:N",
                title=None,
                scale=alt.Scale(domain=list(levels.values()), range=["#e6e6e6", "#7fb2d0", "#b2402a"]),
            ),
            alt.Row("duty:N", title=None),
            tooltip=["heading:N", "level:N", "why:N"],
        )
        .resolve_scale(y="independent")
    )


SCENARIO = Scenario(
    id="international/cross-border-data",
    title=Text("数据出境核查", "Checking data that go abroad"),
    summary=Text(
        "在多语言表格中识别个人信息与敏感个人信息，并按规定给出出境义务",
        "Find personal and sensitive data in tables of several languages, and name the duty on export",
    ),
    task=20,
    system=Text("数据领域国际合作", "international cooperation in data"),
    user=Text("企业数据合规人员", "those who prepare a firm's exports of data"),
    decision=Text("哪些列先脱敏，办理哪种出境手续", "which columns to mask, and which procedure an export needs"),
    formats=(FORMAT,),
    metric=Text("列识别 F1 与义务判定正确率的均值", "mean of the columns' F1 and the share of right duties"),
    unit="%",
    better="higher",
    margin=5.0,
    baseline_title=Text("列名关键词", "keywords in the headings"),
    method_title=Text("格式、校验位、词典与分布证据", "format, check digits, words and distribution of the cells"),
    source="Provisions of 22 March 2024 (CAC); GB/T 35273-2020; Hulsebos et al. 2019",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".json",),
    libraries=("faker", "phonenumbers"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
