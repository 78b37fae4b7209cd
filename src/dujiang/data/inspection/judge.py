"""How good the detectors are, on sets whose labels are known because they were made: precision and recall by kind.

What is not to be found is made to look like what is: order numbers as long as identity numbers, digits that pass one check and
not another, places and firms that begin with a family name, French that looks like a wrong encoding. Made sets are easier
than life: they say where a detector fails by construction, not how often it will fail on a site's data.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dujiang.data.inspection import scripts
from dujiang.data.inspection.encoding import faults
from dujiang.data.inspection.personal import found, in_column
from dujiang.messages import Text

SEED = 20261125
CASES = 4000
TITLES = {
    "personal": Text("文本中的个人信息", "personal data in texts"),
    "columns": Text("含个人信息的列", "columns of personal data"),
    "encoding": Text("编码错误", "encoding faults"),
    "language": Text("语言", "language"),
}
_SENTENCES = {
    "zh-Hans": ("全省人工智能产业规模持续扩大，企业数量稳步增长。", "患者自述咳嗽三天，夜间加重，无发热。", "请于本周五前提交季度报告，逾期不予受理。", "水利工程两千年来灌溉着成都平原的农田。", "这个项目的经费由省级财政和地方共同承担。"),
    "zh-Hant": ("這個問題還沒有得到解決，請稍後再試。", "臺灣與香港使用繁體中文進行書寫。", "學生們在圖書館裡讀書，準備期末考試。", "醫院開設了夜間門診，為市民提供服務。"),
    "en": ("The river is shared by all the fields of the plain, and it has been for two thousand years.", "Patients were asked to return for a visit in the third week of the trial.", "This is the first of the reports that we will publish this year."),
    "latin": ("Le fleuve arrose toutes les plaines depuis deux mille ans, grâce à un ouvrage célèbre.", "Der Fluss bewässert die Felder der Ebene seit zweitausend Jahren.", "El río riega los campos de la llanura desde hace dos mil años."),
    "ja": ("成都平原は二千年以上にわたって灌漑されてきました。", "この報告書は今年の最初のものです。", "病院では夜間の診療も行っています。"),
    "ko": ("이 강은 이천 년 동안 평야의 논밭을 적셔 왔습니다.", "환자는 사흘 동안 기침을 했다고 말했다.", "보고서는 금요일까지 제출해 주십시오."),
    "bo": ("བོད་ཡིག་ནི་བོད་མིའི་སྐད་ཡིག་ཡིན།", "སློབ་གྲྭ་འདི་ལ་སློབ་མ་མང་པོ་ཡོད།"),
    "ii": ("ꆈꌠꉙꇬꄜꐨꌠ", "ꃅꄜꐨꒉꉪꁱ"),
    "arabic": ("بۇ دەريا ئىككى مىڭ يىلدىن بېرى ئېتىزلارنى سۇغىرىپ كەلدى", "الماء يصل إلى جميع الحقول منذ ألفي عام"),
    "cyrillic": ("Река орошает поля равнины уже две тысячи лет.", "Отчёт необходимо представить до пятницы."),
    "th": ("แม่น้ำสายนี้หล่อเลี้ยงทุ่งนามาสองพันปี", "กรุณาส่งรายงานภายในวันศุกร์"),
}  # fmt: skip
_FAMILIES, _GIVEN = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹蒲苟敬",
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英子涵一诺梓轩欣怡浩然",
)
_PLACES = ("成都市武侯区", "绵阳市涪城区", "四川省德阳市旌阳区", "宜宾市翠屏区", "四川省乐山市市中区", "泸州市江阳区")
_ROADS = ("人民南路", "天府大道", "临园路", "长江大道", "一环路南四段", "建设街")
_NOT_NAMES = (
    "高新区",
    "黄金周",
    "王者荣耀",
    "马铃薯",
    "周边游",
    "白菜",
    "江油市",
    "金融街",
    "石油",
    "龙泉驿",
    "方便面",
    "万达广场",
    "夏季达沃斯",
    "武侯祠",
    "安全生产",
    "常规检查",
)


@dataclass(frozen=True, slots=True)
class Measure:
    """Precision and recall of a kind, None where nothing was called or was to be called so, of ``labelled`` cases."""

    what: str
    kind: str
    precision: float | None
    recall: float | None
    labelled: int


def judge(seed: int = SEED, cases: int = CASES) -> list[Measure]:
    """Return the measures of all detectors; ``cases`` are the texts of each set, columns a tenth as many."""
    return [
        *_personal(random.Random(seed), cases),
        *_columns(random.Random(seed), cases),
        *_encoding(random.Random(seed), cases),
        *_language(random.Random(seed), cases),
    ]


def measures(what: str, wanted: Sequence[set[str]], called: Sequence[set[str]]) -> list[Measure]:
    """Return a measure a kind, by the kinds that each case is labelled with and was called."""
    made = []
    for kind in sorted(set().union(*wanted, *called)):
        right = sum(kind in one and kind in other for one, other in zip(wanted, called, strict=True))
        labelled, said = sum(kind in one for one in wanted), sum(kind in one for one in called)
        made.append(
            Measure(what, kind, right / said if said else None, right / labelled if labelled else None, labelled)
        )
    return made


def resident_id(draw: random.Random) -> str:
    """Return an identity number with a right check digit, of a county of Sichuan."""
    place = draw.choice(("510104", "510107", "510703", "510603", "511502", "511102", "510502"))
    born = date(1940, 1, 1) + timedelta(draw.randrange(28000))
    digits = f"{place}{born:%Y%m%d}{draw.randrange(1000):03d}"
    return digits + "10X98765432"[sum(int(digit) * 2 ** (17 - n) for n, digit in enumerate(digits)) % 11]


def bank_card(draw: random.Random) -> str:
    """Return a card of 19 or 16 digits with a right check digit."""
    body = "62" + "".join(draw.choices("0123456789", k=draw.choice((13, 16))))
    return next(body + digit for digit in "0123456789" if _luhn(body + digit))


def _luhn(digits: str) -> bool:
    return (
        sum(int(digit) if n % 2 == 0 else sum(divmod(2 * int(digit), 10)) for n, digit in enumerate(reversed(digits)))
        % 10
        == 0
    )


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def _written(draw: random.Random) -> tuple[str, str]:
    """Return (kind, how it is written)."""
    kind = draw.choice(("resident-id", "bank-card", "mobile", "landline", "email", "passport", "plate"))
    match kind:
        case "resident-id":
            text = resident_id(draw)
        case "bank-card":
            text = bank_card(draw)
            text = " ".join(text[at : at + 4] for at in range(0, len(text), 4)) if draw.random() < 0.3 else text
        case "mobile":
            text = "1" + draw.choice("3456789") + _digits(draw, 9)
            text = draw.choice((text, text, f"+86 {text}", f"{text[:3]}-{text[3:7]}-{text[7:]}"))
        case "landline":
            text = draw.choice(("028-{}", "(028){}", "0816-{}")).format(draw.choice("2345678") + _digits(draw, 7))
        case "email":
            text = (
                "".join(draw.choices("abcdefgh.xyz_", k=4)).strip("._")
                + f"u{draw.randrange(999)}@"
                + draw.choice(("qq.com", "163.com", "mail.scu.edu.cn"))
            )
        case "passport":
            text = draw.choice(("E" + _digits(draw, 8), "G" + _digits(draw, 8), "EA" + _digits(draw, 7)))
        case _:
            text = (
                "川"
                + draw.choice("ABCEF")
                + draw.choice(("", "·"))
                + draw.choice(
                    (_digits(draw, 5), "D" + _digits(draw, 5), "12" + draw.choice("ABCEF") + _digits(draw, 2))
                )
            )
    return kind, text


def _decoy(draw: random.Random) -> str:
    """Return what looks like personal data and isn't."""
    number = resident_id(draw)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10 if number[-1].isdigit() else 0)
    while True:
        card = "62" + _digits(draw, 17)
        if not _luhn(card):
            break
    return draw.choice(
        (
            wrong, card, f"订单号{_digits(draw, 20)}", f"2024{_digits(draw, 10)}", f"ISBN 9787{_digits(draw, 9)}", f"v{_digits(draw, 2)}.{_digits(draw, 3)}.{_digits(draw, 4)}",
            f"{_digits(draw, 3)},{_digits(draw, 3)}.{_digits(draw, 2)}元", f"A{_digits(draw, 5)}型", f"uuid {draw.getrandbits(64):016x}", "川A级景区", f"1{_digits(draw, 5)}件", f"@{_digits(draw, 6)}",
            f"第{_digits(draw, 4)}-{_digits(draw, 4)}号文", f"{'1' + _digits(draw, 14)}",
        )
    )  # fmt: skip


def _personal(draw: random.Random, cases: int) -> Iterator[Measure]:
    wanted, called = [], []
    for _ in range(cases):
        parts, kinds = [draw.choice(_SENTENCES["zh-Hans"])], set()
        for _ in range(draw.randrange(3)):
            kind, text = _written(draw)
            kinds.add(kind)
            parts.append(
                draw.choice(("联系", "号码：", "为 ", "（")) + text + draw.choice(("。", "，", "）", " 等", "\n"))
            )
        for _ in range(draw.randrange(2)):
            parts.append(draw.choice(("编号", "批次 ", "见")) + _decoy(draw) + "，")
        draw.shuffle(parts)
        wanted.append(kinds)
        called.append({kind for kind, _, _ in found("".join(parts))})
    yield from measures("personal", wanted, called)


def _columns(draw: random.Random, cases: int) -> Iterator[Measure]:
    headings = {
        "resident-id": ("身份证号", "证件号码", "id_no", "a1"), "mobile": ("手机", "联系电话", "phone", "c3"), "email": ("邮箱", "email", "f"), "name": ("姓名", "患者姓名", "name", "联系人"),
        "address": ("住址", "联系地址", "address", "k2"), "bank-card": ("卡号", "bank_card", "x"), "plate": ("车牌号", "plate", "h"), "": ("编号", "备注", "数量", "地点", "code", "日期", "名称", "name", "品名"),
    }  # fmt: skip
    wanted, called = [], []
    for _ in range(cases // 10):
        kind = draw.choice(tuple(headings))
        values = [_cell(draw, kind) for _ in range(200)] if kind else _plain(draw)
        values = [value if draw.random() > 0.05 else draw.choice(("", "无", "不详")) for value in values]
        wanted.append({kind} - {""})
        told = in_column(draw.choice(headings[kind]), values)
        called.append({told.kind} if told else set())
    yield from measures("columns", wanted, called)


def _cell(draw: random.Random, kind: str) -> str:
    if kind == "name":
        return draw.choice(_FAMILIES) + "".join(draw.choices(_GIVEN, k=draw.choice((1, 2, 2))))
    if kind == "address":
        return (
            draw.choice(_PLACES)
            + draw.choice(_ROADS)
            + f"{draw.randrange(1, 300)}号"
            + draw.choice(("", f"{draw.randrange(1, 20)}栋{draw.randrange(1, 30)}0{draw.randrange(1, 9)}室"))
        )
    while True:
        made, text = _written(draw)
        if made == kind:
            return text


def _plain(draw: random.Random) -> list[str]:
    """Return a column without personal data."""
    match draw.randrange(6):
        case 0:
            return [_digits(draw, 18) for _ in range(200)]
        case 1:
            return [f"{draw.randrange(10**6)}" for _ in range(200)]
        case 2:
            return [draw.choice(_NOT_NAMES) for _ in range(200)]
        case 3:
            return [(date(2020, 1, 1) + timedelta(draw.randrange(2000))).isoformat() for _ in range(200)]
        case 4:
            return [draw.choice(_PLACES)[:3] for _ in range(200)]
        case _:
            return [draw.choice(_SENTENCES["zh-Hans"]) for _ in range(200)]


def _encoding(draw: random.Random, cases: int) -> Iterator[Measure]:
    clean = [
        *_SENTENCES["zh-Hans"],
        *_SENTENCES["zh-Hant"],
        *_SENTENCES["en"],
        *_SENTENCES["latin"],
        *_SENTENCES["ja"],
        "Größe: 5 µm ± 0,2 – „gut“ © 2024 ½ £3",
        "naïve café déjà vu — “quoted” €5",
        "烫金工艺与屯田制度，斤两分明。",
        "标题\t第二列\r\n数据 ✓ 😀",
    ]
    broken = {
        "utf8-as-gbk": lambda text: text.encode().decode("gbk", "ignore"),
        "utf8-as-latin": lambda text: text.encode().decode("latin-1"),
        "gbk-as-latin": lambda text: text.encode("gbk").decode("latin-1"),
        "lost": lambda text: text[:5] + draw.choice(("�", "锟斤拷")) + text[5:],
        "memory": lambda text: text[:4] + draw.choice(("烫烫烫烫", "屯屯屯")),
        "control": lambda text: text[:4] + draw.choice("\x00\x07\x1b") + text[4:],
    }
    wanted: list[set[str]] = []
    called = []
    for _ in range(cases // 4):
        kind = draw.choice(("", "", *broken))
        text = broken[kind](draw.choice(_SENTENCES["zh-Hans"])) if kind else draw.choice(clean)
        wanted.append({kind} - {""})
        # UTF-8 in Latin-1 has control characters in it too, which is no second fault.
        told = {one for one, _ in faults(text)}
        called.append(told - {"control"} if kind.endswith("latin") else told)
    yield from measures("encoding", wanted, called)


def _language(draw: random.Random, cases: int) -> Iterator[Measure]:
    texts, wanted = [], []
    for _ in range(cases // 4):
        language = draw.choice(tuple(_SENTENCES))
        text = "".join(draw.choices(_SENTENCES[language], k=draw.randint(1, 3)))
        # Chinese texts name products and firms in Latin letters.
        texts.append(f"{text} GPT-4 {_digits(draw, 4)} AI+" if draw.random() < 0.3 else text)
        wanted.append({language})
    called = [{one} for one in scripts.languages(texts, scripts.counts(texts))]
    yield from measures("language", wanted, called)
