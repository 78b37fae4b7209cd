"""Units and people that the tests of support share."""

from credit_codes import credit_code
from dujiang.identity.actions import add_enterprise, add_person
from dujiang.identity.permission import Actor, Role
from dujiang.support.actions import facts

OFFICE, CHIEF = Actor("office", Role.OFFICE), Actor("chief", Role.OFFICE)
FIRM, BANK, SCHOOL, OTHER = "某智能公司", "某商业银行", "某职业学院", "某机器人公司"
CODES = {FIRM: credit_code("91510100MA62A0001"), BANK: credit_code("91510100MA62A0002"), SCHOOL: credit_code("12510600MA62A0003"), OTHER: credit_code("91510700MA62A0004")}  # fmt: skip
ANSWERS = {
    "place": "510107", "founded": "2020-05-01", "research_share": "62", "staff_share": "300", "revenue": "30000000",
    "patents": "4", "dishonest": "否", "compute_bought": "900000", "contracts": "5000000", "role": "企业",
}  # fmt: skip


def of(unit, name="li"):
    return Actor(name, Role.ENTERPRISE, unit)


def make_units():
    for name, code in CODES.items():
        add_enterprise(OFFICE, name, code)


def make_reviewers(count, unit=None):
    return [
        add_person(OFFICE, f"expert{at}", "某专家", Role.REVIEWER, unit, with_password=False)[0] for at in range(count)
    ]


def hand_in_all(unit=FIRM):
    facts.enter(of(unit), unit, ANSWERS)
    for title in facts.criteria().papers:
        facts.hand_in(of(unit), unit, title, "a.pdf", title.encode())
