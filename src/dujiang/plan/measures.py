"""Units of measure as plans write them, with the factor to their normal form. A new unit is a row."""

from __future__ import annotations

# (units as written, factor, normal unit). The longest match wins; letters match in any case.
_MEASURES: tuple[tuple[str, float, str], ...] = (
    ("万亿元", 1e12, "CNY"), ("千亿元", 1e11, "CNY"), ("百亿元", 1e10, "CNY"), ("十亿元", 1e9, "CNY"), ("亿元", 1e8, "CNY"),
    ("千万元", 1e7, "CNY"), ("百万元", 1e6, "CNY"), ("万元", 1e4, "CNY"), ("元", 1, "CNY"),
    ("万亿美元", 1e12, "USD"), ("亿美元", 1e8, "USD"), ("万美元", 1e4, "USD"), ("美元", 1, "USD"),
    ("个百分点", 1, "percentage point"), ("百分点", 1, "percentage point"), ("%", 1, "%"), ("‰", 0.1, "%"),
    ("百亿亿次", 1e18, "FLOP/s"), ("亿亿次", 1e16, "FLOP/s"), ("千万亿次", 1e15, "FLOP/s"), ("万亿次", 1e12, "FLOP/s"),
    ("ZB", 1e21, "B"), ("EB", 1e18, "B"), ("PB", 1e15, "B"), ("TB", 1e12, "B"), ("GB", 1e9, "B"), ("MB", 1e6, "B"),
    ("Tbit/s", 1e12, "bit/s"), ("Gbit/s", 1e9, "bit/s"), ("Mbit/s", 1e6, "bit/s"), ("Tb/s", 1e12, "bit/s"),
    ("Gb/s", 1e9, "bit/s"), ("Tbps", 1e12, "bit/s"), ("Gbps", 1e9, "bit/s"), ("Mbps", 1e6, "bit/s"),
    ("kbps", 1e3, "bit/s"), ("MHz", 1e6, "Hz"), ("GHz", 1e9, "Hz"),
    ("亿千瓦时", 1e8, "kWh"), ("万千瓦时", 1e4, "kWh"), ("千瓦时", 1, "kWh"), ("亿度", 1e8, "kWh"), ("万度", 1e4, "kWh"),
    ("TWh", 1e9, "kWh"), ("GWh", 1e6, "kWh"), ("MWh", 1e3, "kWh"), ("kWh", 1, "kWh"),
    ("万千瓦", 1e4, "kW"), ("千瓦", 1, "kW"), ("兆瓦", 1e3, "kW"), ("吉瓦", 1e6, "kW"), ("GW", 1e6, "kW"), ("MW", 1e3, "kW"),
    ("kW", 1, "kW"), ("万千伏安", 1e4, "kVA"), ("千伏安", 1, "kVA"),
    ("万平方公里", 1e10, "m2"), ("平方公里", 1e6, "m2"), ("万平方米", 1e4, "m2"), ("平方米", 1, "m2"), ("㎡", 1, "m2"),
    ("公顷", 1e4, "m2"), ("万亩", 1e4 * 10000 / 15, "m2"), ("亩", 10000 / 15, "m2"),
    ("亿立方米", 1e8, "m3"), ("万立方米", 1e4, "m3"), ("立方米", 1, "m3"),
    ("万公里", 1e7, "m"), ("公里", 1e3, "m"), ("千米", 1e3, "m"), ("km", 1e3, "m"), ("海里", 1852, "m"), ("厘米", 0.01, "m"),
    ("毫米", 0.001, "m"), ("微米", 1e-6, "m"), ("纳米", 1e-9, "m"), ("米", 1, "m"),
    ("万吨标准煤", 1e7, "kg coal equivalent"), ("吨标准煤", 1e3, "kg coal equivalent"),
    ("亿吨", 1e11, "kg"), ("万吨", 1e7, "kg"), ("吨", 1e3, "kg"), ("公斤", 1, "kg"), ("千克", 1, "kg"),
    ("微秒", 1e-6, "s"), ("纳秒", 1e-9, "s"), ("毫秒", 1e-3, "s"), ("ms", 1e-3, "s"), ("秒", 1, "s"), ("分钟", 60, "s"),
    ("万小时", 3.6e7, "s"), ("小时", 3600, "s"), ("天", 86400, "s"), ("周", 604800, "s"), ("个月", 1, "month"),
    ("个工作日", 1, "working day"), ("工作日", 1, "working day"),
    ("倍", 1, "times"),
)  # fmt: skip

# Computing power: a letter for the power, then any way of writing operations a second; the letter may stand alone.
_COMPUTE_POWERS = {"Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12}
_COMPUTE_WORDS = {"Flops": "FLOP/s", "Flop/s": "FLOP/s", "OPS": "OP/s"}

COUNTS = (
    "个", "家次", "家", "项", "座", "条", "款", "种", "类", "批", "套", "台", "辆", "架次", "架", "艘", "件", "份", "场次", "场", "处", "所", "支", "名",
    "人次", "人", "位", "户", "例", "门", "期", "组", "只", "栋", "间", "张", "卡", "块", "标准机架", "机架", "册", "篇", "部", "片", "件次", "次", "颗",
    "枚", "对", "站", "基站", "路", "字", "条次", "单", "笔", "宗", "株", "头", "词元", "Token", "tokens", "户次", "车次", "班", "课时", "学时", "集",
    "首", "端口", "量子比特", "比特",
)  # fmt: skip
"""Words that count things; with 百, 千, 万, 亿... before them they are units too."""
_POWERS = {
    "": 1.0, "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8, "十亿": 1e9, "百亿": 1e10,
    "千亿": 1e11, "万亿": 1e12,
}  # fmt: skip


def _compute() -> dict[str, tuple[float, str]]:
    """Return the ways to write computing power, such as ``EFlops``, ``EP`` (sic), ``万P`` and ``P``."""
    made: dict[str, tuple[float, str]] = {}
    for letter, factor in _COMPUTE_POWERS.items():
        made |= {f"{letter}{word}": (factor, normal) for word, normal in _COMPUTE_WORDS.items()}
    made |= {"EP": (1e18, "FLOP/s"), "E": (1e18, "FLOP/s"), "P": (1e15, "FLOP/s")}
    return made | {f"万{name}": (factor * 1e4, normal) for name, (factor, normal) in made.items()}


def _all() -> dict[str, tuple[float, str]]:
    """Return every unit by its written form in small letters; a measure of its own wins over a power with a unit."""
    made = {f"{power}{count}": (factor, count) for count in COUNTS for power, factor in _POWERS.items()}
    made |= {f"万{name}": (factor * 1e4, normal) for name, factor, normal in _MEASURES if name.isascii()}
    made |= _compute() | {name: (factor, normal) for name, factor, normal in _MEASURES}
    return {name.lower(): found for name, found in made.items()}


UNITS = _all()
"""Factor and normal unit by the unit as written, in small letters."""

COUNTERS = frozenset(f"{power}{count}".lower() for count in COUNTS for power in _POWERS)
"""The units that count things."""
DURATIONS = frozenset(
    name for name, (_, normal) in UNITS.items() if normal in ("s", "month", "working day") and not name.endswith("秒")
)
"""Units of time that more often say how long something takes than what is to be reached."""
