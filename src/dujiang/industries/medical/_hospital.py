"""A hospital that writes prescriptions, with the slips that people make; it knows nothing of the formulary's limits.

Doctors have habits: each condition has its regimens, doses come in tablets, and whoever knows that the kidneys are poor
gives less, by a habit of their own. Some do on purpose what a table forbids: two drugs that are watched together, a
cephalosporin after an old allergy to penicillin, a high dose by a specialist. Errors are what hands and haste do (Lewis et
al. 2009, Drug Safety 32: dose, then omission, frequency, and interaction head the list of prescribing errors).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Habit(NamedTuple):
    """A product as the hospital stocks it: names, tablet in mg, tablets a time, times a day, share left to poor kidneys."""

    names: tuple[str, ...]
    tablet: float
    tablets: tuple[float, ...]
    times: tuple[float, ...]
    spared: float = 1.0


STOCK = {
    "metformin": Habit(("二甲双胍片", "格华止", "盐酸二甲双胍缓释片", "Metformin"), 500, (1, 1, 2), (2, 3), 0.4),
    "glimepiride": Habit(("格列美脲片", "亚莫利", "佑苏"), 2, (1, 2), (1,)),
    "sitagliptin": Habit(("西格列汀片", "捷诺维", "Januvia"), 100, (1,), (1,), 0.5),
    "amoxicillin": Habit(("阿莫西林胶囊", "阿莫仙", "Amoxicillin"), 250, (2, 2, 4), (3,), 0.5),
    "amoxicillin+": Habit(("阿莫西林克拉维酸钾片", "力百汀", "Augmentin"), 500, (1,), (2, 3), 0.6),
    "cefuroxime": Habit(("头孢呋辛酯片", "西力欣", "达力新"), 250, (1, 2), (2,), 0.5),
    "levofloxacin": Habit(("左氧氟沙星片", "可乐必妥", "左克"), 500, (1,), (1,), 0.5),
    "azithromycin": Habit(("阿奇霉素片", "希舒美", "维宏"), 250, (2, 1), (1,)),
    "clarithromycin": Habit(("克拉霉素片", "克拉仙", "Klacid"), 250, (2, 1), (2,), 0.5),
    "fluconazole": Habit(("氟康唑胶囊", "大扶康", "Fluconazole"), 50, (1, 2, 4), (1,), 0.5),
    "ibuprofen": Habit(("布洛芬缓释胶囊", "芬必得", "Ibuprofen"), 300, (1,), (2, 3), 0.0),
    "diclofenac": Habit(("双氯芬酸钠片", "扶他林", "英太青"), 25, (1, 2), (3, 2), 0.0),
    "aspirin": Habit(("阿司匹林肠溶片", "拜阿司匹灵", "Aspirin"), 100, (1,), (1,)),
    "paracetamol": Habit(("对乙酰氨基酚片", "泰诺林", "必理通", "Acetaminophen"), 500, (1, 1, 2), (3, 4)),
    "cold": Habit(("氨酚伪麻片", "泰诺"), 325, (1, 2), (3,)),
    "amlodipine": Habit(("苯磺酸氨氯地平片", "络活喜", "施慧达", "Norvasc"), 5, (1, 1, 2), (1,)),
    "nifedipine": Habit(("硝苯地平控释片", "拜新同", "Adalat"), 30, (1, 2), (1,)),
    "enalapril": Habit(("依那普利片", "悦宁定", "Enalapril"), 10, (1, 0.5), (1, 2), 0.5),
    "losartan": Habit(("氯沙坦钾片", "科素亚", "Cozaar"), 50, (1, 2), (1,)),
    "valsartan": Habit(("缬沙坦胶囊", "代文", "Valsartan"), 80, (1, 2), (1,)),
    "valsartan+": Habit(("缬沙坦氨氯地平片", "倍博特"), 80, (1,), (1,)),
    "metoprolol": Habit(("酒石酸美托洛尔片", "倍他乐克", "Betaloc"), 25, (1, 2), (2,)),
    "bisoprolol": Habit(("比索洛尔片", "康忻", "博苏"), 5, (1, 0.5), (1,)),
    "simvastatin": Habit(("辛伐他汀片", "舒降之", "Simvastatin"), 20, (1, 2), (1,)),
    "atorvastatin": Habit(("阿托伐他汀钙片", "立普妥", "阿乐"), 20, (1, 2, 0.5), (1,)),
    "rosuvastatin": Habit(("瑞舒伐他汀钙片", "可定", "Crestor"), 10, (1, 2), (1,), 0.5),
    "warfarin": Habit(("华法林钠片", "Warfarin"), 2.5, (1, 1, 1.5, 2), (1,)),
    "clopidogrel": Habit(("硫酸氢氯吡格雷片", "波立维", "泰嘉"), 75, (1,), (1,)),
    "rivaroxaban": Habit(("利伐沙班片", "拜瑞妥", "Xarelto"), 20, (1,), (1,), 0.75),
    "digoxin": Habit(("地高辛片", "Digoxin"), 0.25, (0.5, 1), (1,), 0.5),
    "furosemide": Habit(("呋塞米片", "速尿", "Furosemide"), 20, (1, 2, 4), (1, 2)),
    "spironolactone": Habit(("螺内酯片", "安体舒通", "Aldactone"), 20, (1, 2), (1,), 0.0),
    "hydrochlorothiazide": Habit(("氢氯噻嗪片",), 25, (0.5, 1), (1,)),
    "omeprazole": Habit(("奥美拉唑肠溶胶囊", "洛赛克", "奥克", "Losec"), 20, (1, 2), (1, 2)),
    "methotrexate": Habit(("甲氨蝶呤片", "Methotrexate"), 2.5, (4, 5, 6), (1 / 7,), 0.5),
    "prednisone": Habit(("醋酸泼尼松片", "强的松"), 5, (1, 2, 4, 8), (1,)),
    "allopurinol": Habit(("别嘌醇片", "Allopurinol"), 100, (1, 2, 3), (1,), 0.4),
    "colchicine": Habit(("秋水仙碱片", "Colchicine"), 0.5, (1, 2), (1, 2), 0.5),
    "gabapentin": Habit(("加巴喷丁胶囊", "派汀", "Neurontin"), 300, (1, 2), (3,), 0.4),
    "pregabalin": Habit(("普瑞巴林胶囊", "乐瑞卡", "Lyrica"), 75, (1, 2), (2,), 0.5),
    "carbamazepine": Habit(("卡马西平片", "得理多", "Tegretol"), 200, (1, 0.5), (2, 3)),
    "zolpidem": Habit(("酒石酸唑吡坦片", "思诺思", "Stilnox"), 10, (1, 0.5), (1,)),
    "sertraline": Habit(("盐酸舍曲林片", "左洛复", "Zoloft"), 50, (1, 2), (1,)),
    "levothyroxine": Habit(("左甲状腺素钠片", "优甲乐", "Euthyrox"), 0.05, (0.5, 1, 1.5, 2), (1,)),
    "sildenafil": Habit(("西地那非片", "万艾可", "Viagra"), 50, (1, 2), (1,)),
    "isosorbide": Habit(("单硝酸异山梨酯片", "欣康"), 20, (1,), (2, 3)),
}

CONDITIONS = {
    "高血压": (("amlodipine",), ("losartan", "hydrochlorothiazide"), ("nifedipine", "metoprolol"), ("valsartan+",)),
    "糖尿病": (("metformin",), ("metformin", "glimepiride"), ("metformin", "sitagliptin")),
    "冠心病": (("aspirin", "atorvastatin", "metoprolol"), ("aspirin", "clopidogrel", "rosuvastatin"),
              ("aspirin", "simvastatin", "isosorbide")),
    "心力衰竭": (("enalapril", "bisoprolol", "spironolactone", "furosemide"), ("valsartan", "metoprolol", "digoxin")),
    "心房颤动": (("warfarin", "metoprolol"), ("rivaroxaban", "bisoprolol"), ("warfarin", "aspirin", "digoxin")),
    "肺部感染": (("amoxicillin",), ("amoxicillin+",), ("cefuroxime", "azithromycin"), ("levofloxacin",)),
    "胃炎": (("omeprazole",), ("omeprazole", "clarithromycin", "amoxicillin")),
    "疼痛": (("ibuprofen",), ("diclofenac", "omeprazole"), ("paracetamol",), ("gabapentin",), ("pregabalin",)),
    "感冒": (("cold",), ("paracetamol",)),
    "痛风": (("allopurinol",), ("colchicine", "allopurinol")),
    "类风湿": (("methotrexate", "prednisone"), ("methotrexate", "diclofenac")),
    "失眠抑郁": (("zolpidem",), ("sertraline",), ("sertraline", "zolpidem")),
    "甲减": (("levothyroxine",),),
    "癫痫": (("carbamazepine",),),
    "真菌感染": (("fluconazole",),),
    "男科": (("sildenafil",),),
}  # fmt: skip
"""Regimens by condition."""

HARM = (
    ("sildenafil", "isosorbide"), ("simvastatin", "clarithromycin"), ("colchicine", "clarithromycin"),
    ("methotrexate", "ibuprofen"), ("warfarin", "fluconazole"), ("warfarin", "diclofenac"), ("digoxin", "clarithromycin"),
    ("rivaroxaban", "carbamazepine"), ("glimepiride", "fluconazole"), ("warfarin", "carbamazepine"),
    ("carbamazepine", "fluconazole"), ("furosemide", "ibuprofen"),
)  # fmt: skip
"""What pharmacists of this hospital have seen go wrong; not the formulary's table."""

FAMILIES = {
    "青霉素": ("amoxicillin", "amoxicillin+"),
    "头孢菌素": ("cefuroxime",),
    "解热镇痛药": ("ibuprofen", "diclofenac", "aspirin"),
    "喹诺酮": ("levofloxacin",),
}

TWINS = {
    "paracetamol": "cold", "cold": "paracetamol", "amoxicillin": "amoxicillin+", "amoxicillin+": "amoxicillin",
    "amlodipine": "valsartan+", "valsartan": "valsartan+",
}  # fmt: skip
"""Products that share an ingredient."""

ALIKE = (
    ("metformin", "metoprolol"), ("losartan", "valsartan"), ("amlodipine", "nifedipine"), ("sertraline", "simvastatin"),
    ("digoxin", "levothyroxine"), ("clarithromycin", "azithromycin"), ("gabapentin", "pregabalin"),
    ("carbamazepine", "clopidogrel"), ("prednisone", "metoprolol"),
)  # fmt: skip
"""Names or boxes that are taken for one another."""

KINDS = ("tenfold", "unit", "often", "twice", "twin", "kidney", "harm", "allergy")
SHIFTED_KINDS = ("tenfold", "often", "twin", "kidney", "harm", "allergy", "alike")


class Line(NamedTuple):
    """A line as the hospital keeps it: product, name written, dose a time in mg, times a day, and how the dose is written."""

    product: str
    name: str
    dose: float
    times: float
    unit: str
    value: float


class Person(NamedTuple):
    """A patient; ``kidneys`` is the true filtration in mL/min, which no one sees."""

    age: int
    female: bool
    kidneys: float
    creatinine: float | None
    allergies: tuple[str, ...]


def person(draw: np.random.Generator, *, old: bool) -> Person:
    """Return a patient; creatinine is what muscle makes (Cockcroft & Gault 1976) over what the kidneys filter."""
    age = int(np.clip(draw.normal(74 if old else 56, 9 if old else 17), 18, 98))
    female = bool(draw.random() < 0.5)
    kidneys = max(8.0, 118 - 0.75 * max(0, age - 30) + draw.normal(0, 12))
    if draw.random() < (0.22 if old else 0.12):
        kidneys *= draw.uniform(0.2, 0.6)
    weight = draw.normal(58 if female else 68, 9)
    made = (28 - 0.2 * age) * weight * (0.85 if female else 1.0) * draw.lognormal(0, 0.1)  # mg a day
    creatinine = 88.4 * 100 * made / (kidneys * 1440)
    seen = round(float(creatinine), 0) if draw.random() < 0.7 or kidneys < 30 else None
    allergies = (str(draw.choice(list(FAMILIES), p=[0.5, 0.15, 0.2, 0.15])),) if draw.random() < 0.1 else ()
    return Person(age, female, float(kidneys), seen, allergies)


def line(draw: np.random.Generator, product: str, who: Person, *, foreign: float, careful: bool = True) -> Line | None:
    """Return a line of a product as a doctor who knows the patient writes it; None where they'd leave it out."""
    habit = STOCK[product]
    dose = habit.tablet * float(draw.choice(habit.tablets))
    times = float(draw.choice(habit.times))
    if careful and who.kidneys < 45:
        if habit.spared == 0:
            return None
        dose *= habit.spared
    if draw.random() < 0.02:
        dose *= 2  # a specialist's choice
    latin = [name for name in habit.names[1:] if name.isascii()] or list(habit.names)
    name = str(draw.choice(latin if draw.random() < foreign else habit.names))
    if draw.random() < 0.75:
        grams = habit.tablet >= 100 and draw.random() < 0.6
        name += f" {habit.tablet / 1000:g}g" if grams else f" {habit.tablet:g}mg"
        if draw.random() < 0.4:
            return Line(product, name, dose, times, "片", round(dose / habit.tablet, 3))
    if dose >= 100 and draw.random() < 0.6:
        return Line(product, name, dose, times, "g", round(dose / 1000, 5))
    if dose < 1 and draw.random() < 0.5:
        return Line(product, name, dose, times, "ug", round(dose * 1000, 3))
    return Line(product, name, dose, times, "mg", round(dose, 4))


def prescription(draw: np.random.Generator, who: Person, *, foreign: float) -> list[Line]:
    """Return what is written for one to three conditions, each product once, known allergies and pairs avoided."""
    wanted: dict[str, None] = {}
    names = list(CONDITIONS)
    for condition in draw.choice(len(names), int(draw.choice([1, 2, 3], p=[0.35, 0.4, 0.25])), replace=False):
        regimens = CONDITIONS[names[int(condition)]]
        wanted |= dict.fromkeys(regimens[int(draw.integers(len(regimens)))])
    for family in who.allergies:
        wanted = {one: None for one in wanted if one not in FAMILIES[family]}
    for first, second in [*HARM, *TWINS.items()]:
        if first in wanted and second in wanted:
            del wanted[second]
    lines = [line(draw, one, who, foreign=foreign) for one in wanted]
    return [one for one in lines if one is not None] or [_sure(draw, "omeprazole", who, foreign)]


def _sure(draw: np.random.Generator, product: str, who: Person, foreign: float) -> Line:
    written = line(draw, product, who, foreign=foreign, careful=False)
    assert written is not None
    return written


def err(draw: np.random.Generator, kind: str, who: Person, lines: list[Line], foreign: float) -> list[Line] | None:
    """Return the lines with a slip of a kind; None where this patient gives no occasion for it."""
    at = int(draw.integers(len(lines)))
    one = lines[at]

    def put(changed: Line) -> list[Line]:
        return [*lines[:at], changed, *lines[at + 1 :]]

    def add(product: str) -> list[Line]:
        return [*lines, _sure(draw, product, who, foreign)]

    if kind == "tenfold":
        factor = 10.0 if draw.random() < 0.65 else 0.1
        return put(one._replace(dose=one.dose * factor, value=round(one.value * factor, 6)))
    if kind == "unit":
        other = {"mg": "g" if one.dose >= 50 else "ug", "g": "mg", "ug": "mg", "片": "mg"}[one.unit]
        return put(one._replace(unit=other))
    if kind == "often":
        times = 1.0 if one.times < 1 else one.times * float(draw.choice([2, 3, 4]))
        return put(one._replace(times=times))
    if kind == "twice":
        return [*lines, one]
    if kind == "twin":
        product = TWINS.get(one.product, one.product) if draw.random() < 0.5 else one.product
        added = add(product)
        return added if added[-1].name.split()[0] != one.name.split()[0] else None
    if kind == "kidney":
        spared = [name for name, habit in STOCK.items() if habit.spared < 1]
        if who.kidneys >= 40:
            return None
        return add(str(draw.choice([name for name in spared if name not in {each.product for each in lines}])))
    if kind == "harm":
        have = {each.product for each in lines}
        pairs = [pair for pair in HARM if (pair[0] in have) != (pair[1] in have)]
        if not pairs:
            return None
        first, second = pairs[int(draw.integers(len(pairs)))]
        return add(second if first in have else first)
    if kind == "allergy":
        return add(str(draw.choice(FAMILIES[who.allergies[0]]))) if who.allergies else None
    swaps = dict(ALIKE) | {second: first for first, second in ALIKE}
    if one.product not in swaps:
        return None
    product = swaps[one.product]
    name = STOCK[product].names[0]
    return put(one._replace(product=product, name=f"{name} {one.name.split()[-1]}" if " " in one.name else name))
