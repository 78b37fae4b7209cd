"""Tables as offices along the Belt and Road send them, their columns labelled with care, in short, or wrongly."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

PLACES = ("zh_CN", "ru_RU", "th_TH", "vi_VN", "id_ID", "tr_TR", "uz_UZ", "ar_SA")
SHIFTED_PLACES = ("fa_IR", "bn_BD", "hi_IN", "pl_PL", "ka_GE", "az_AZ", "ne_NP", "zh_CN")

LEVELS = {
    "name": "personal", "phone": "personal", "email": "personal", "address": "personal", "birth": "personal",
    "contact": "personal", "note with phones": "personal",
    "identity": "sensitive", "card": "sensitive", "iban": "sensitive", "health": "sensitive", "faith": "sensitive",
    "position": "sensitive",
}  # fmt: skip
"""What a column holds about people; all other kinds hold nothing."""
COMMON = ("name", "phone", "email", "address", "birth", "note with phones")
GRAVE = ("identity", "card", "iban", "health", "faith", "position")
OTHER = ("company", "order", "tracking", "shipped", "goods", "price", "quantity", "city", "container", "note", "site")

HEADS = {
    "name": {"zh": "收件人", "ru": "ФИО", "vi": "Họ và tên", "id": "Nama lengkap", "tr": "Ad soyad", "pl": "Imię i nazwisko",
             "en": "customer name", "short": "cust_nm"},
    "phone": {"zh": "联系电话", "ru": "Телефон", "vi": "Số điện thoại", "id": "No. HP", "tr": "Cep telefonu", "pl": "Telefon",
              "en": "mobile", "short": "tel1"},
    "email": {"zh": "电子邮箱", "ru": "Эл. почта", "vi": "Thư điện tử", "id": "Surel", "tr": "E-posta", "pl": "E-mail",
              "en": "email", "short": "eml"},
    "address": {"zh": "收货地址", "ru": "Адрес", "vi": "Địa chỉ", "id": "Alamat", "tr": "Adres", "pl": "Adres",
                "en": "address", "short": "addr1"},
    "birth": {"zh": "出生日期", "ru": "Дата рождения", "vi": "Ngày sinh", "id": "Tanggal lahir", "tr": "Doğum tarihi",
              "pl": "Data urodzenia", "en": "date of birth", "short": "dob"},
    "contact": {"en": "contact", "short": "cntct"},
    "note with phones": {"zh": "备注", "ru": "Примечание", "en": "remarks", "short": "rmk"},
    "identity": {"zh": "身份证号", "ru": "Номер паспорта", "vi": "CCCD", "id": "NIK", "tr": "TC kimlik no", "pl": "PESEL",
                 "en": "national id", "short": "nid"},
    "card": {"zh": "银行卡号", "ru": "Номер карты", "vi": "Số thẻ", "id": "Nomor kartu", "tr": "Kart no", "pl": "Numer karty",
             "en": "card number", "short": "pan"},
    "iban": {"zh": "账号", "ru": "Счёт", "en": "account", "short": "acct"},
    "health": {"zh": "诊断", "ru": "Диагноз", "vi": "Chẩn đoán", "en": "diagnosis", "short": "dx"},
    "faith": {"zh": "宗教信仰", "ru": "Вероисповедание", "id": "Agama", "en": "religion", "short": "rel"},
    "position": {"zh": "定位", "ru": "Координаты", "en": "location", "short": "latlon"},
    "company": {"zh": "公司名称", "ru": "Компания", "tr": "Şirket", "en": "company name", "short": "co_nm"},
    "order": {"zh": "订单号", "ru": "Номер заказа", "en": "order id", "short": "ord"},
    "tracking": {"zh": "运单号", "ru": "Трек-номер", "en": "tracking no", "short": "trk"},
    "shipped": {"zh": "发货日期", "ru": "Дата отгрузки", "en": "ship date", "short": "dt1"},
    "goods": {"zh": "品名", "ru": "Наименование", "en": "product name", "short": "itm_nm"},
    "price": {"zh": "单价", "ru": "Цена", "en": "price", "short": "amt"},
    "quantity": {"zh": "数量", "ru": "Кол-во", "en": "quantity", "short": "qty"},
    "city": {"zh": "目的地", "ru": "Город", "en": "destination", "short": "dst"},
    "container": {"zh": "箱号", "ru": "Контейнер", "en": "container", "short": "cntr"},
    "note": {"zh": "备注", "ru": "Примечание", "en": "remarks", "short": "rmk"},
    "site": {"zh": "服务器地址", "en": "ip address", "short": "host"},
}  # fmt: skip
VAGUE = ("field{}", "col_{}", "列{}", "备用{}", "attr{}", "ext{}", "Поле{}")

ILLS = ("高血压", "2型糖尿病", "支气管哮喘", "慢性胃炎", "гипертония", "сахарный диабет", "hypertension", "asthma",
        "type 2 diabetes", "hepatitis B", "I10", "E11.9", "J45.0", "K29.5", "tăng huyết áp", "diabetes melitus")  # fmt: skip
FAITHS = (
    "佛教",
    "伊斯兰教",
    "无",
    "ислам",
    "православие",
    "Islam",
    "Buddhism",
    "Hindu",
    "Katolik",
    "Kristen",
    "Müslüman",
)
GOODS = ("cotton yarn", "轴承 6204", "茶叶 250g", "насос центробежный", "LED panel 60x60", "花椒", "泡菜坛", "tyre 205/55R16",
         "photovoltaic module", "拖拉机配件", "raisins", "серебряный провод")  # fmt: skip
NOTES = (
    "易碎品",
    "leave at the gate",
    "срочно",
    "下午送达",
    "call before delivery",
    "без замены",
    "自提",
    "gift wrap",
    "加急",
)


def table(
    draw: np.random.Generator, fake: Any, place: str, rows: int, *, shifted: bool
) -> list[tuple[str, str, list[str]]]:
    """Return a table's columns as (kind, heading, cells)."""
    # A third of the tables hold nothing about people, a third something grave.
    sort = int(draw.integers(0, 3))
    kinds = [str(one) for one in draw.choice(OTHER, int(draw.integers(3, 6)), replace=False)]
    if sort > 0:
        kinds += [str(one) for one in draw.choice(COMMON, int(draw.integers(1, 4)), replace=False)]
        if shifted and draw.random() < 0.5:
            kinds.append("contact")
    if sort > 1:
        kinds.append(str(draw.choice(GRAVE)))
    kinds = [kinds[int(at)] for at in draw.permutation(len(kinds))]
    return [
        (kind, _heading(draw, kind, place, at), _cells(draw, fake, kind, place, rows, shifted=shifted))
        for at, kind in enumerate(kinds)
    ]


def _heading(draw: np.random.Generator, kind: str, place: str, at: int) -> str:
    chance, heads = draw.random(), HEADS[kind]
    if chance < 0.45:
        return heads.get(place[:2], heads["en"])
    if chance < 0.7:
        return heads["short"]
    if chance < 0.88:
        return str(draw.choice(VAGUE)).format(at)
    return HEADS[str(draw.choice(list(HEADS)))]["en"]  # somebody moved a column


def _cells(draw: np.random.Generator, fake: Any, kind: str, place: str, rows: int, *, shifted: bool) -> list[str]:
    start = int(draw.integers(10**5, 10**6))
    day = date(2026, 1, 1)
    form = str(draw.choice(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y%m%d"]))
    cities = [fake.city() for _ in range(8)]

    def one(row: int) -> str:
        match kind:
            case "name":
                return str(fake.name())
            case "phone":
                return _phone(draw, fake, place)
            case "email":
                return str(fake.email())
            case "address":
                return str(fake.address()).replace("\n", ", ")
            case "birth":
                return (date(1940, 1, 1) + timedelta(days=int(draw.integers(0, 24500)))).strftime(form)
            case "contact":
                return f"{fake.name()} / {_phone(draw, fake, place)}"
            case "note" | "note with phones":
                said = str(draw.choice(NOTES)) if draw.random() < 0.7 else ""
                told = kind == "note with phones" and draw.random() < 0.25
                return f"{said} {_phone(draw, fake, place)}".strip() if told else said
            case "identity":
                return _identity(draw, place)
            case "card":
                return str(fake.credit_card_number())
            case "iban":
                return str(fake.iban())
            case "health":
                return str(draw.choice(ILLS))
            case "faith":
                return str(draw.choice(FAITHS))
            case "position":
                return f"{draw.uniform(5, 55):.6f}, {draw.uniform(25, 120):.6f}"
            case "company":
                return str(fake.company())
            case "order":
                return f"2026{start + row}"
            case "tracking":
                return _digits(draw, 13)
            case "shipped":
                return (day + timedelta(days=int(draw.integers(0, 120)))).strftime(form)
            case "goods":
                return str(draw.choice(GOODS))
            case "price":
                return f"{draw.lognormal(4, 1):.2f}"
            case "quantity":
                return str(int(draw.integers(1, 400)))
            case "city":
                return str(draw.choice(cities))
            case "container":
                return f"{draw.choice(['MSKU', 'COSU', 'TEMU'])}{_digits(draw, 7)}"
            case _:
                return ".".join(str(int(part)) for part in draw.integers(1, 254, 4))

    cells = [one(row) if draw.random() > 0.04 else "" for row in range(rows)]
    native = {"fa_IR": 0x6F0, "bn_BD": 0x9E6, "hi_IN": 0x966, "ne_NP": 0x966}.get(place)
    if shifted and native and draw.random() < 0.6:
        cells = [cell.translate({48 + digit: native + digit for digit in range(10)}) for cell in cells]
    return cells


def _digits(draw: np.random.Generator, count: int) -> str:
    return str(int(draw.integers(1, 10))) + "".join(str(int(digit)) for digit in draw.integers(0, 10, count - 1))


def _phone(draw: np.random.Generator, fake: Any, place: str) -> str:
    return (
        f"1{draw.choice(['38', '59', '77', '86'])}{_digits(draw, 8)}" if place == "zh_CN" else str(fake.phone_number())
    )


def _identity(draw: np.random.Generator, place: str) -> str:
    """Return a number of a country's form, with its check digits where it has them, else 10 to 14 digits."""
    born = date(1945, 1, 1) + timedelta(days=int(draw.integers(0, 22000)))
    if place == "zh_CN":  # GB 11643
        body = f"{draw.choice(['510104', '510107', '110101', '440305'])}{born:%Y%m%d}{int(draw.integers(1, 999)):03d}"
        return body + "10X98765432"[sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(body)) % 11]
    if place == "th_TH":
        body = _digits(draw, 12)
        return body + str((11 - sum(int(digit) * (13 - at) for at, digit in enumerate(body)) % 11) % 10)
    if place == "tr_TR":
        body = _digits(draw, 9)
        odd, even = (sum(int(digit) for digit in body[first::2]) for first in (0, 1))
        body += str((7 * odd - even) % 10)
        return body + str(sum(int(digit) for digit in body) % 10)
    if place == "id_ID":
        return (
            f"{_digits(draw, 6)}{born.day + 40 * int(draw.integers(2)):02d}{born:%m%y}{int(draw.integers(1, 99)):04d}"
        )
    if place == "pl_PL":
        body = f"{born:%y%m%d}{_digits(draw, 4)}"
        return body + str(-sum(int(digit) * weight for digit, weight in zip(body, (1, 3, 7, 9) * 3, strict=False)) % 10)
    return _digits(draw, {"ru_RU": 10, "uz_UZ": 14}.get(place, 12))
