"""The checker's formulary: what a product's name stands for, and how much of it a patient may have.

Limits are for adults, by mouth, in mg of the ingredient, as the products' labels state them (US labels, DailyMed;
methotrexate's is that of rheumatology, once a week). Kidney limits are those labels' too, by creatinine clearance or
eGFR in mL/min: below the first number no more than the second a day. It is a table to show the method with; a hospital
puts its own in its place.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drug:
    """An ingredient: its names, class, least usual and largest single dose, largest daily dose, and kidney limits."""

    names: tuple[str, ...]
    group: str
    least: float
    single: float
    daily: float
    kidney: tuple[tuple[float, float], ...] = ()


DRUGS = {
    "metformin": Drug(("二甲双胍", "格华止", "glucophage"), "biguanide", 250, 1000, 2550, ((30, 0), (45, 1000))),
    "glimepiride": Drug(("格列美脲", "亚莫利", "amaryl"), "sulfonylurea", 1, 8, 8),
    "sitagliptin": Drug(("西格列汀", "捷诺维", "januvia"), "gliptin", 25, 100, 100, ((30, 25), (45, 50))),
    "amoxicillin": Drug(("阿莫西林", "阿莫仙", "amoxil"), "penicillin", 250, 1000, 3000, ((30, 1000),)),
    "clavulanate": Drug(("克拉维酸",), "penicillin", 62.5, 250, 375),
    "cefuroxime": Drug(("头孢呋辛", "西力欣", "zinnat"), "cephalosporin", 125, 500, 1000, ((30, 500),)),
    "levofloxacin": Drug(("左氧氟沙星", "可乐必妥", "cravit"), "quinolone", 250, 750, 750, ((50, 375),)),
    "azithromycin": Drug(("阿奇霉素", "希舒美", "zithromax"), "macrolide", 250, 1000, 1000),
    "clarithromycin": Drug(("克拉霉素", "克拉仙", "klacid"), "macrolide", 250, 500, 1000, ((30, 500),)),
    "fluconazole": Drug(("氟康唑", "大扶康", "diflucan"), "azole", 50, 400, 400, ((50, 200),)),
    "ibuprofen": Drug(("布洛芬", "芬必得", "fenbid"), "nsaid", 200, 800, 3200, ((30, 0),)),
    "diclofenac": Drug(("双氯芬酸", "扶他林", "voltaren"), "nsaid", 25, 75, 200, ((30, 0),)),
    "aspirin": Drug(("阿司匹林", "拜阿司匹灵", "bayaspirin"), "salicylate", 75, 1000, 4000),
    "paracetamol": Drug(("对乙酰氨基酚", "泰诺林", "tylenol", "acetaminophen"), "analgesic", 250, 1000, 4000),
    "pseudoephedrine": Drug(("伪麻黄碱",), "decongestant", 30, 60, 240),
    "amlodipine": Drug(("氨氯地平", "络活喜", "norvasc"), "dihydropyridine", 2.5, 10, 10),
    "nifedipine": Drug(("硝苯地平", "拜新同", "adalat"), "dihydropyridine", 10, 90, 90),
    "enalapril": Drug(("依那普利", "悦宁定", "renitec"), "ras", 2.5, 40, 40),
    "losartan": Drug(("氯沙坦", "科素亚", "cozaar"), "ras", 25, 100, 100),
    "valsartan": Drug(("缬沙坦", "代文", "diovan"), "ras", 40, 320, 320),
    "metoprolol": Drug(("美托洛尔", "倍他乐克", "betaloc"), "beta-blocker", 12.5, 200, 400),
    "bisoprolol": Drug(("比索洛尔", "康忻", "concor"), "beta-blocker", 1.25, 20, 20),
    "simvastatin": Drug(("辛伐他汀", "舒降之", "zocor"), "statin", 5, 40, 40),
    "atorvastatin": Drug(("阿托伐他汀", "立普妥", "lipitor"), "statin", 10, 80, 80),
    "rosuvastatin": Drug(("瑞舒伐他汀", "可定", "crestor"), "statin", 5, 40, 40, ((30, 10),)),
    "warfarin": Drug(("华法林", "coumadin"), "vka", 1, 10, 10),
    "clopidogrel": Drug(("氯吡格雷", "波立维", "plavix"), "p2y12", 75, 300, 300),
    "rivaroxaban": Drug(("利伐沙班", "拜瑞妥", "xarelto"), "xaban", 10, 20, 30, ((15, 0), (50, 15))),
    "digoxin": Drug(("地高辛", "lanoxin"), "glycoside", 0.0625, 0.25, 0.5, ((50, 0.125),)),
    "furosemide": Drug(("呋塞米", "速尿", "lasix"), "loop", 20, 200, 600),
    "spironolactone": Drug(("螺内酯", "安体舒通", "aldactone"), "mra", 12.5, 100, 400, ((30, 0),)),
    "hydrochlorothiazide": Drug(("氢氯噻嗪",), "thiazide", 12.5, 100, 100),
    "omeprazole": Drug(("奥美拉唑", "洛赛克", "losec"), "ppi", 10, 60, 120),
    "methotrexate": Drug(("甲氨蝶呤", "trexall"), "antifolate", 7.5, 25, 25 / 7, ((30, 0),)),
    "prednisone": Drug(("泼尼松", "强的松"), "steroid", 2.5, 60, 60),
    "allopurinol": Drug(("别嘌醇", "zyloprim"), "xanthine", 50, 300, 800, ((20, 200),)),
    "colchicine": Drug(("秋水仙碱", "colcrys"), "colchicine", 0.5, 1.2, 2.4, ((30, 0.6),)),
    "gabapentin": Drug(("加巴喷丁", "neurontin"), "gabapentinoid", 100, 1200, 3600, ((30, 700), (60, 1400))),
    "pregabalin": Drug(("普瑞巴林", "乐瑞卡", "lyrica"), "gabapentinoid", 25, 300, 600, ((30, 150), (60, 300))),
    "carbamazepine": Drug(("卡马西平", "得理多", "tegretol"), "anticonvulsant", 100, 400, 1600),
    "zolpidem": Drug(("唑吡坦", "思诺思", "stilnox"), "hypnotic", 5, 10, 10),
    "sertraline": Drug(("舍曲林", "左洛复", "zoloft"), "ssri", 25, 200, 200),
    "levothyroxine": Drug(("左甲状腺素", "优甲乐", "euthyrox"), "thyroid", 0.0125, 0.3, 0.3),
    "sildenafil": Drug(("西地那非", "万艾可", "viagra"), "pde5", 25, 100, 100),
    "isosorbide": Drug(("单硝酸异山梨酯", "欣康"), "nitrate", 10, 120, 240),
}

COMBINED = {
    "氨酚伪麻": ("paracetamol", "pseudoephedrine"),
    "泰诺": ("paracetamol", "pseudoephedrine"),
    "力百汀": ("amoxicillin", "clavulanate"),
    "augmentin": ("amoxicillin", "clavulanate"),
    "缬沙坦氨氯地平": ("valsartan", "amlodipine"),
    "倍博特": ("valsartan", "amlodipine"),
}
"""Products of two ingredients; the strength that their name states is the first's."""

INTERACTIONS = {
    ("isosorbide", "sildenafil"): 3, ("clarithromycin", "simvastatin"): 3, ("clarithromycin", "colchicine"): 3,
    ("ibuprofen", "methotrexate"): 2, ("diclofenac", "methotrexate"): 2, ("fluconazole", "warfarin"): 2,
    ("ibuprofen", "warfarin"): 2, ("diclofenac", "warfarin"): 2, ("clarithromycin", "digoxin"): 2,
    ("clopidogrel", "omeprazole"): 2, ("carbamazepine", "rivaroxaban"): 2, ("carbamazepine", "clarithromycin"): 2,
    ("fluconazole", "simvastatin"): 2, ("ibuprofen", "rivaroxaban"): 2, ("clarithromycin", "rivaroxaban"): 2,
    ("aspirin", "warfarin"): 1, ("aspirin", "clopidogrel"): 1, ("levofloxacin", "warfarin"): 1,
    ("enalapril", "spironolactone"): 1, ("losartan", "spironolactone"): 1, ("aspirin", "ibuprofen"): 1,
    ("methotrexate", "omeprazole"): 1, ("spironolactone", "valsartan"): 1, ("sertraline", "warfarin"): 1,
}  # fmt: skip
"""How much two ingredients matter together, by the labels: 3 contraindicated, 2 avoid or change dose, 1 watch."""

ALLERGIES = {
    "青霉素": ("penicillin",), "penicillin": ("penicillin",), "头孢菌素": ("cephalosporin",),
    "阿司匹林": ("salicylate", "nsaid"), "解热镇痛药": ("salicylate", "nsaid"), "喹诺酮": ("quinolone",),
    "大环内酯": ("macrolide",),
}  # fmt: skip
"""The classes that a recorded allergy concerns."""
