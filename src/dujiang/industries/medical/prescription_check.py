"""Reviewing prescriptions before they are dispensed (处方调剂、药品核对): which ones should a pharmacist stop.

*Data.* A hospital's prescriptions, simulated: patients with one to three conditions get those conditions' regimens in
tablets, under generic, brand or English names, in mg, g, µg or tablets; about an eighth carry one slip: a shifted decimal
point, another unit, too often, the same line twice, an ingredient under a second name, a full dose for poor kidneys, a
harmful pair, a known allergy (`_hospital`). What is wrong is what the hand did, whether a limit is crossed or not. The
hospital knows true filtration and its own list of harmful pairs; the checker sees creatinine, where it was measured at
all, and its own formulary (`_formulary`), which lacks some brands and some pairs and forbids some of what good doctors
do on purpose.

*Second generator.* A clinic of old people with more foreign names and fewer records, whose desk mixes up names and boxes
that look alike, which no limit notices unless the dose is odd for the other product; units are never mistaken there.

*Baseline.* What a basic hospital system does: the same name twice, or a single dose above the product's largest.

*Method.* Names become ingredients (longest match first, products of two ingredients as both), amounts become mg
(pint), kidneys are estimated by CKD-EPI 2021 (Inker et al. 2021, New England Journal of Medicine 385). Then single and
daily doses, too little, kidneys, ingredient and class twice, interactions by severity and allergies by class are held
against the formulary, and each dose against what this hospital itself usually writes for that product. What speaks
against a prescription is joined as independent evidence (noisy or); the weights were chosen on seeds from 1000.

*Published.* Pharmacists' systems alert on far more than they should: 49 to 96 % of drug safety alerts are overridden
(van der Sijs et al. 2006, Journal of the American Medical Informatics Association 13), hence the budget of false alerts.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dujiang.industries.medical import _hospital
from dujiang.industries.medical._formulary import ALLERGIES, COMBINED, DRUGS, INTERACTIONS
from dujiang.scenarios.contract import SHIFTED, Answer, BadInput, Case, Resources, Scenario, Text

PRESCRIPTIONS = {"small": 500, "default": 3000, SHIFTED: 3000}
WRONG = 0.12
"""Share of prescriptions with a slip."""
BUDGET = 0.05
"""False alerts that a pharmacist bears, as a share of all prescriptions."""
DAY = date(2026, 3, 2)
DAYS = {"h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0}
CREATININE = "2160-0"
"""LOINC: creatinine in serum or plasma, here in umol/L."""
READ = ("Patient", "Observation", "AllergyIntolerance", "MedicationRequest")
"""Resources of a bundle that are looked at; others are passed over."""
FORMAT = Text(
    "FHIR R4 资源包（MedicationRequest，JSON）", "FHIR R4 bundle of MedicationRequest and what they refer to (JSON)"
)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a prescription: product as written, dose a time with its unit, and ``frequency`` times in a period."""

    name: str
    value: float
    unit: str
    frequency: int
    period: float
    period_unit: str

    @property
    def times(self) -> float:
        """Doses a day."""
        return self.frequency / (self.period * DAYS[self.period_unit])


@dataclass(frozen=True, slots=True)
class Prescription:
    """A prescription; creatinine in umol/L or None, dates in ISO 8601."""

    number: str
    day: str
    born: str
    female: bool
    creatinine: float | None
    allergies: tuple[str, ...]
    items: tuple[Item, ...]


def cases(seed: int, size: str) -> list[Case]:
    """Return a hospital's prescriptions, and which of them carry a slip, by its kind."""
    draw = np.random.default_rng([seed, 6])
    shifted = size == SHIFTED
    foreign = 0.5 if shifted else 0.15
    kinds = _hospital.SHIFTED_KINDS if shifted else _hospital.KINDS
    prescriptions, slips = [], {}
    for place in range(PRESCRIPTIONS[size]):
        who = _hospital.person(draw, old=shifted)
        lines = _hospital.prescription(draw, who, foreign=foreign)
        number = f"RX{place:05d}"
        slips[number] = ""
        if draw.random() < WRONG:
            for kind in draw.permutation(kinds):
                wrong = _hospital.err(draw, str(kind), who, lines, foreign)
                if wrong is not None:
                    lines, slips[number] = wrong, str(kind)
                    break
        day = DAY + timedelta(days=place % 90)
        born = day - timedelta(days=int(who.age * 365.25 + draw.integers(1, 360)))
        seen = None if shifted and draw.random() < 0.2 else who.creatinine
        items = tuple(
            Item(one.name, one.value, one.unit, max(1, round(one.times)), 1.0, "d" if one.times >= 1 else "wk")
            for one in lines
        )
        prescriptions.append(
            Prescription(number, day.isoformat(), born.isoformat(), who.female, seen, who.allergies, items)
        )
    return [Case(tuple(prescriptions), slips)]


def baseline(inputs: tuple[Prescription, ...]) -> Answer:
    """Return the prescriptions with a name twice or a single dose above the largest, the further above the earlier."""
    found = {}
    for one in inputs:
        signs = []
        names = Counter(item.name for item in one.items)
        signs += [(0.9, _reason("重复", "twice", name)) for name, count in names.items() if count > 1]
        for item in one.items:
            amount, known = _amount(item), _ingredients(item.name)
            if amount is not None and known and amount > DRUGS[known[0]].single:
                over = amount / DRUGS[known[0]].single
                signs.append((1 - 1 / (1 + over), _reason("单次超量", "single dose", item.name)))
        found[one.number] = signs
    return _ranked(found)


def method(inputs: tuple[Prescription, ...]) -> Answer:
    """Return the prescriptions by all that speaks against each."""
    usual = _usual(inputs)
    return _ranked({one.number: [*_doses(one, usual), *_together(one)] for one in inputs})


Sign = tuple[float, str]
"""How likely a sign means a slip, from 0 to 1, and what is said of it."""


def _reason(zh: str, en: str, *names: str) -> str:
    return f"{Text(zh, en)}: {' + '.join(names)}"


def _ranked(found: dict[str, list[Sign]]) -> Answer:
    """Return rows from the most doubtful down; a score of 0 is no alert."""
    scores = {
        number: 1 - float(np.prod([1 - weight for weight, _ in signs])) if signs else 0.0
        for number, signs in found.items()
    }
    order = sorted(scores, key=lambda number: (-round(scores[number], 6), number))
    return [
        {
            "prescription": number,
            "score": round(scores[number], 6),
            "place": place,
            "reason": "; ".join(text for weight, text in sorted(found[number], reverse=True) if weight >= 0.1),
        }
        for place, number in enumerate(order, 1)
    ]


@cache
def _known_names() -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = {name: (drug,) for drug, one in DRUGS.items() for name in (drug, *one.names)} | COMBINED
    return tuple(sorted(names.items(), key=lambda pair: (-len(pair[0]), pair[0])))


@cache
def _ingredients(name: str) -> tuple[str, ...]:
    """Return the ingredients that a product's name stands for, the first the one that its strength is of."""
    left, found = name.lower(), {}
    for known, drugs in _known_names():
        if known in left:
            found[name.lower().index(known)] = drugs
            left = left.replace(known, " ")
    return tuple(dict.fromkeys(drug for _, drugs in sorted(found.items()) for drug in drugs))


@cache
def _milligrams(unit: str) -> float | None:
    """Return how many mg a unit of mass is; None for what is none."""
    import pint

    try:
        return float(_registry().Quantity(1.0, unit.replace("mcg", "ug")).to("mg").magnitude)
    except (pint.errors.PintError, AttributeError, ValueError, AssertionError):
        return None


@cache
def _registry() -> Any:
    """Return the units of mass that drugs are written in; reading all of pint's takes longer than the review does."""
    import pint

    units: Any = pint.UnitRegistry(None)
    for unit in ("kilo- = 1e3 = k-", "milli- = 1e-3 = m-", "micro- = 1e-6 = u- = µ- = μ-", "nano- = 1e-9 = n-"):
        units.define(unit)
    units.define("gram = [mass] = g")
    return units


def _amount(item: Item) -> float | None:
    """Return a dose in mg of the first ingredient; tablets by the strength in the name, None where it isn't there."""
    factor = None if item.unit in {"片", "粒", "{tbl}", "{cap}"} else _milligrams(item.unit)
    if factor is not None:
        return item.value * factor
    strength = re.search(r"(\d+(?:\.\d+)?)\s*(mg|g|ug|mcg|μg)\b", item.name)
    within = _milligrams(strength[2]) if strength else None
    return item.value * float(strength[1]) * within if strength and within else None


def _filtration(one: Prescription) -> float | None:
    """Return the estimated filtration by CKD-EPI 2021 in mL/min/1.73 m²; None without creatinine."""
    if one.creatinine is None:
        return None
    age = (date.fromisoformat(one.day) - date.fromisoformat(one.born)).days / 365.25
    half, power, factor = (0.7, -0.241, 1.012) if one.female else (0.9, -0.302, 1.0)
    share = one.creatinine / 88.4 / half
    return float(142 * min(share, 1) ** power * max(share, 1) ** -1.2 * 0.9938**age * factor)


def _product(item: Item) -> str:
    """Return what a product's history is kept under: its ingredients, or its name without the strength."""
    return "+".join(_ingredients(item.name)) or re.sub(r"\s*\d.*", "", item.name)


def _usual(inputs: Sequence[Prescription]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each product's usual single and daily doses in this hospital, sorted, in log2 mg."""
    seen: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in inputs:
        for item in one.items:
            amount = _amount(item)
            if amount:
                seen[_product(item)].append((amount, amount * item.times))
    return {
        name: (np.sort(np.log2([each[0] for each in pairs])), np.sort(np.log2([each[1] for each in pairs])))
        for name, pairs in seen.items()
    }


def _rarity(history: np.ndarray, amount: float) -> float:
    """Return how rarely a product is written at about this dose, 0 to 1; 0 where too little has been seen."""
    if len(history) < 12:
        return 0.0
    low, high = np.searchsorted(history, [np.log2(amount) - 0.3, np.log2(amount) + 0.3])
    share = (high - low - 1) / len(history)
    return float(np.exp(-share / 0.02))


def _above(ratio: float) -> float:
    """Return the weight of a dose ``ratio`` times its limit."""
    return 0.0 if ratio <= 1.001 else 0.35 if ratio < 1.5 else 0.7 if ratio < 3 else 0.95


def _doses(one: Prescription, usual: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[Sign]:
    signs, filtration = [], _filtration(one)
    for item in one.items:
        amount = _amount(item)
        if amount is None or amount <= 0:
            continue
        daily = amount * item.times
        known = _ingredients(item.name)
        if known:
            drug = DRUGS[known[0]]
            signs.append((_above(amount / drug.single), _reason("单次超量", "single dose", item.name)))
            signs.append((_above(daily / drug.daily), _reason("日剂量超量", "daily dose", item.name)))
            signs.append((_above(drug.least * 0.7 / amount), _reason("剂量过低", "too little", item.name)))
            limits = [most for below, most in drug.kidney if filtration is not None and filtration < below]
            if limits:
                weight = 0.75 if limits[0] == 0 else 0.6 if daily > 1.2 * limits[0] else 0.0
                signs.append((weight, _reason("肾功能", "kidneys", item.name)))
        if _product(item) in usual:
            rare = [_rarity(*pair) for pair in zip(usual[_product(item)], (amount, daily), strict=True)]
            signs.append((0.75 * max(rare), _reason("本院少见剂量", "dose unusual here", item.name)))
    return signs


def _together(one: Prescription) -> list[Sign]:
    signs = []
    lines = [set(_ingredients(item.name)) or {_product(item)} for item in one.items]
    names = [item.name for item in one.items]
    for at, first in enumerate(lines):
        for other in range(at + 1, len(lines)):
            second, pair = lines[other], (names[at], names[other])
            if first & second:
                signs.append((0.95, _reason("同一成分", "same ingredient", *pair)))
                continue
            groups = [{DRUGS[drug].group for drug in each if drug in DRUGS} for each in (first, second)]
            if groups[0] & groups[1]:
                signs.append((0.6, _reason("同类药物", "same class", *pair)))
            for a in first:
                for b in second:
                    severity = INTERACTIONS.get((min(a, b), max(a, b)), 0)
                    signs.append(((0.0, 0.05, 0.6, 0.95)[severity], _reason("相互作用", "interaction", *pair)))
    forbidden = {group for allergy in one.allergies for group in ALLERGIES.get(allergy.lower(), ())}
    for name, drugs in zip(names, lines, strict=True):
        groups_of = {DRUGS[drug].group for drug in drugs if drug in DRUGS}
        if groups_of & forbidden:
            signs.append((0.95, _reason("过敏", "allergy", name)))
        elif "penicillin" in forbidden and "cephalosporin" in groups_of:
            signs.append((0.05, _reason("交叉过敏", "cross allergy", name)))
    return signs


def judge(truth: dict[str, str], answer: Answer) -> float:
    """Return the share of slips found, in %, before false alerts pass the budget; equal scores share what they hold."""
    if sorted(row["prescription"] for row in answer) != sorted(truth):
        raise ValueError("the answer does not hold each prescription once")
    wrong = np.array([truth[row["prescription"]] != "" for row in answer])
    scores = np.array([row["score"] for row in answer])
    left, found = BUDGET * len(truth), 0.0
    for score in np.unique(scores[scores > 0])[::-1]:
        here = scores == score
        false = int((here & ~wrong).sum())
        share = min(1.0, left / false) if false else 1.0
        found += share * int((here & wrong).sum())
        left -= share * false
        if share < 1:
            break
    return float(100 * found / wrong.sum())


def read(path: Path) -> tuple[Prescription, ...]:
    """Read a FHIR R4 bundle: a prescription is the MedicationRequests of one ``groupIdentifier``, else of one patient.

    Raises `BadInput` that names the entry and the element.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(path, expected=FORMAT, found=type(error).__name__) from error
    if not isinstance(given, dict) or given.get("resourceType") != "Bundle":
        found = str(given.get("resourceType", "") if isinstance(given, dict) else type(given).__name__)
        raise BadInput(path, field="resourceType", expected=Text("资源类型 Bundle", "a Bundle"), found=found)
    entries = given.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise BadInput(path, field="entry", expected=Text("条目列表", "a list of entries"), found=str(entries)[:60])
    _valid(path, None, {name: value for name, value in given.items() if name != "entry"})
    resources = [one.get("resource", {}) for one in entries]
    for at, one in enumerate(resources):
        if not isinstance(one, dict):
            expected = Text("FHIR 资源", "a FHIR resource")
            raise BadInput(path, row=f"entry[{at}]", field="resource", expected=expected, found=str(one)[:60])
        if one.get("resourceType") in READ:
            _valid(path, f"entry[{at}]", one)
    return _prescriptions(path, resources)


def _valid(path: Path, row: str | None, given: dict[str, Any]) -> None:
    """Hold a resource against FHIR R4; one by one takes half the time that a bundle in whole does."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(given["resourceType"]).model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) if isinstance(part, str) else f"[{part}]" for part in first["loc"])
        says = Text(f"符合 FHIR R4：{first['msg']}", f"FHIR R4: {first['msg']}")
        found = str(first["input"])[:60]
        raise BadInput(path, row=row, field=field.replace(".[", "["), expected=says, found=found) from error


def _prescriptions(path: Path, resources: Sequence[dict[str, Any]]) -> tuple[Prescription, ...]:
    def bad(at: int, field: str, expected: Text, found: Any) -> BadInput:
        return BadInput(path, row=f"entry[{at}]", field=field, expected=expected, found=str(found)[:60])

    patients = {f"Patient/{one.get('id')}": one for one in resources if one.get("resourceType") == "Patient"}
    creatinine: dict[str, tuple[str, float]] = {}
    allergies: defaultdict[str, list[str]] = defaultdict(list)
    items: defaultdict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for at, one in enumerate(resources):
        kind = one.get("resourceType")
        if kind == "Observation" and any(code.get("code") == CREATININE for code in one["code"].get("coding", [])):
            quantity = one.get("valueQuantity", {})
            unit = quantity.get("code", quantity.get("unit"))
            if unit != "umol/L" or not float(quantity.get("value", 0)) > 0:
                raise bad(at, "valueQuantity", Text("肌酐，umol/L，大于 0", "creatinine in umol/L, above 0"), quantity)
            who, when = one.get("subject", {}).get("reference", ""), one.get("effectiveDateTime", "")
            creatinine[who] = max(creatinine.get(who, ("", 0.0)), (when, float(quantity["value"])))
        elif kind == "AllergyIntolerance":
            allergies[one["patient"].get("reference", "")].append(one.get("code", {}).get("text", ""))
        elif kind == "MedicationRequest":
            who = one["subject"].get("reference", "")
            if who not in patients:
                raise bad(at, "subject.reference", Text("资源包内的患者", "a patient in the bundle"), who)
            for needed in ("birthDate", "gender"):
                if not patients[who].get(needed):
                    place = next(i for i, each in enumerate(resources) if each is patients[who])
                    raise bad(place, needed, Text("患者的出生日期与性别", "the patient's birth date and gender"), "")
            day = str(one.get("authoredOn", ""))[:10]
            if len(day) != 10:
                raise bad(at, "authoredOn", Text("开具日期", "the day it was written"), day)
            number = one.get("groupIdentifier", {}).get("value", who)
            items[number, who, day].append(_item(one, at, bad))
    if not items:
        raise BadInput(
            path, field="entry", expected=Text("至少一条 MedicationRequest", "a MedicationRequest"), found="0"
        )
    twice = Counter(number for number, _, _ in items)
    for number, count in twice.items():
        if count > 1:
            expected = Text("同一处方同一患者同一天", "one patient and one day a prescription")
            raise BadInput(path, field="groupIdentifier", expected=expected, found=number)
    return tuple(
        Prescription(
            number,
            day,
            patients[who]["birthDate"],
            patients[who]["gender"] == "female",
            creatinine[who][1] if who in creatinine else None,
            tuple(allergies[who]),
            tuple(found),
        )
        for (number, who, day), found in items.items()
    )


def _item(one: dict[str, Any], at: int, bad: Any) -> Item:
    concept = one.get("medicationCodeableConcept", {})
    name = concept.get("text") or next((code["display"] for code in concept.get("coding", []) if "display" in code), "")
    if not name:
        raise bad(at, "medicationCodeableConcept.text", Text("药品名称", "the product's name"), "")
    dosage = (one.get("dosageInstruction") or [{}])[0]
    field = "dosageInstruction[0]"
    quantity = (dosage.get("doseAndRate") or [{}])[0].get("doseQuantity", {})
    if not float(quantity.get("value", 0)) > 0 or not quantity.get("unit"):
        place = f"{field}.doseAndRate[0].doseQuantity"
        raise bad(at, place, Text("大于 0 的剂量及单位", "a dose above 0 with its unit"), quantity or "")
    repeat = dosage.get("timing", {}).get("repeat", {})
    period, unit = float(repeat.get("period", 1)), repeat.get("periodUnit", "d")
    if not repeat.get("frequency") or not period > 0 or unit not in DAYS:
        raise bad(
            at, f"{field}.timing.repeat", Text("每几时、几日或几周几次", "how often in h, d, wk or mo"), repeat or ""
        )
    return Item(name, float(quantity["value"]), quantity["unit"], int(repeat["frequency"]), period, unit)


def write(inputs: tuple[Prescription, ...], path: Path) -> None:
    """Write a FHIR R4 bundle as `read` reads it."""
    resources: list[dict[str, Any]] = []
    for place, one in enumerate(inputs):
        who = {"reference": f"Patient/{place}"}
        gender = "female" if one.female else "male"
        resources.append({"resourceType": "Patient", "id": f"{place}", "gender": gender, "birthDate": one.born})
        if one.creatinine is not None:
            code = {"coding": [{"system": "http://loinc.org", "code": CREATININE}]}
            quantity = {"value": one.creatinine, "unit": "umol/L", "code": "umol/L"}
            about = {"status": "final", "code": code, "subject": who, "effectiveDateTime": one.day}
            resources.append({"resourceType": "Observation", **about, "valueQuantity": quantity})
        resources += [
            {"resourceType": "AllergyIntolerance", "patient": who, "code": {"text": text}} for text in one.allergies
        ]
        for item in one.items:
            repeat = {"frequency": item.frequency, "period": item.period, "periodUnit": item.period_unit}
            dose = {"doseQuantity": {"value": item.value, "unit": item.unit}}
            resources.append(
                {
                    "resourceType": "MedicationRequest",
                    "status": "active",
                    "intent": "order",
                    "groupIdentifier": {"value": one.number},
                    "subject": who,
                    "authoredOn": one.day,
                    "medicationCodeableConcept": {"text": item.name},
                    "dosageInstruction": [{"timing": {"repeat": repeat}, "doseAndRate": [dose]}],
                }
            )
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    path.write_text(json.dumps(bundle, ensure_ascii=False), encoding="utf-8")


def picture(inputs: tuple[Prescription, ...], answer: Answer) -> Any:
    """Return the prescriptions to stop first, each with what speaks against it."""
    import altair as alt
    import pandas as pd

    rows = [
        {"prescription": row["prescription"], "doubt": 100 * row["score"], "reason": row["reason"].split("; ")[0]}
        for row in answer[:20]
        if row["score"] > 0
    ]
    title = Text("先核对这些处方：疑错程度（%）与首要理由", "Check these first: doubt, %, and the first reason")
    base = alt.Chart(pd.DataFrame(rows, columns=["prescription", "doubt", "reason"]), title=str(title)).encode(
        alt.Y("prescription:N", title=None, sort=None)
    )
    bars = base.mark_bar(color="#c9dbe6").encode(alt.X("doubt:Q", title="%", scale=alt.Scale(domain=[0, 100])))
    words = base.mark_text(align="left", dx=4).encode(x=alt.value(0), text="reason:N")
    return (bars + words).properties(width=560)


SCENARIO = Scenario(
    id="medical/prescription-check",
    title=Text("处方审核", "Reviewing prescriptions"),
    summary=Text(
        "发药前找出可能有误的处方：剂量、单位、频次、重复用药、肾功能、相互作用、过敏",
        "Find prescriptions that may be wrong before dispensing: dose, unit, frequency, duplicates, kidneys, "
        "interactions, allergies",
    ),
    task=6,
    system=Text("处方调剂、药品核对", "dispensing and checking of prescriptions"),
    user=Text("审方药师", "pharmacists who review prescriptions"),
    decision=Text("哪些处方先拦下与医生核对", "which prescriptions to hold and ask the doctor about"),
    formats=(FORMAT,),
    metric=Text(
        "每百张处方至多 5 次误报时找出的差错", "errors found at no more than 5 false alerts a 100 prescriptions"
    ),
    unit="%",
    better="higher",
    margin=10.0,
    baseline_title=Text("同名重复与单次极量", "same name twice and largest single dose"),
    method_title=Text("成分、单位与患者因素对照处方集", "ingredients, units and patient against a formulary"),
    source="Inker et al. 2021; van der Sijs et al. 2006; US labels (DailyMed)",
    cases=cases,
    read=read,
    write=write,
    baseline=baseline,
    method=method,
    judge=judge,
    picture=picture,
    suffixes=(".json",),
    libraries=("pint", "fhir.resources", "pydantic"),
    resources=Resources(seconds=60, memory_mib=2048),
    sizes=("small", "default", SHIFTED),
)
