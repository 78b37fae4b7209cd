"""Tables, ORCID's JSON and ESCO's CSV are taken whole or not at all; duplicates are told, and merged by somebody only."""

import copy
import json
from datetime import date

import pytest
from openpyxl import Workbook

from dujiang.evidence.models import Record
from dujiang.identity.permission import NotAllowed
from dujiang.messages import BadInput, Refused
from dujiang.talent import actions, intake
from dujiang.talent.models import Consent, Need, Pair, Path, Skill, Talent, Vacancy
from dujiang.talent.uploads import NEEDS, PATHS, PEOPLE, VACANCIES
from talent.people import FIRM, FIRM_STAFF, LI, OFFICE, OTHER, in_days, recorded, skills, units

pytestmark = pytest.mark.django_db
CONSENT = {
    "purposes": "计入人才统计分析；向用人单位推荐",
    "given": "2026-01-05",
    "until": "2027-01-05",
    "paper": "同意书 7",
}
PERSON = {**LI, "skills": "机器视觉；ML", "entered": "2024-03-01", **CONSENT}


@pytest.fixture(autouse=True)
def _around(db):
    units()
    skills()


def sheet(path, columns, *rows):
    book = Workbook()
    book.active.append([title.zh for title in columns.values()])
    for row in rows:
        book.active.append([row.get(name, "") for name in columns])
    book.save(path)
    return path


def orcid_record(orcid="0000-0002-1825-0097", given="小明", family="李"):
    return {
        "orcid-identifier": {"path": orcid},
        "person": {
            "name": {"given-names": {"value": given}, "family-name": {"value": family}, "credit-name": None},
            "emails": {"email": [{"email": "li@example.org"}]},
            "keywords": {"keyword": [{"content": "Machine Learning"}, {"content": "basket weaving"}]},
        },
        "activities-summary": {
            "employments": {
                "affiliation-group": [
                    {"summaries": [{"employment-summary": {"end-date": {"year": {"value": "2020"}}, "organization": {"name": "旧"}}}]},
                    {"summaries": [{"employment-summary": {"end-date": None, "organization": {"name": FIRM}}}]},
                ]
            }
        },
    }  # fmt: skip


def take_orcid(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False))
    common = {"industry": "science", "level": "senior", "city": "510100"}
    return intake.import_orcid(
        OFFICE, path, common, purposes=["analysis"], given=in_days(-9), until=in_days(300), paper="同意书 8"
    )


def test_a_table_of_people_is_taken_with_the_consents(tmp_path):
    path = sheet(
        tmp_path / "people.xlsx", PEOPLE, PERSON, {**PERSON, "name": "王二", "phone": "", "email": "", "orcid": ""}
    )
    taken = intake.import_people(FIRM_STAFF, path)
    first, second = taken.records
    assert first.about.name == "李小明" and first.unit.name == FIRM and first.entered == date(2024, 3, 1)
    assert {str(skill) for skill in second.skills.all()} == {"机器视觉", "机器学习"}
    assert first.purposes(date(2026, 6, 1)) == {"analysis", "matching"}
    assert Consent.objects.first().paper == "同意书 7"
    body = Record.objects.get(kind="talent.imported").content
    assert body["records"] == [first.pk, second.pk] and len(body["sha256"]) == 64
    with pytest.raises(NotAllowed):
        intake.import_people(FIRM_STAFF, path, OTHER)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("phone", "12", "手机"), ("orcid", "0000-0002-1825-0090", "ORCID"), ("skills", "炼丹", "没有“炼丹”"),
        ("industry", "炼金", "行业"), ("city", "伦敦", "GB/T 2260"), ("until", "2026-01-01", "保存期限"),
        ("purposes", "卖钱", "同意用途"), ("paper", "", "同意书编号"), ("entered", "去年", "来川"), ("level", "大师", "等级"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_told_by_row_and_column_and_nothing_is_kept(tmp_path, field, value, said):
    path = sheet(tmp_path / "people.xlsx", PEOPLE, PERSON, {**PERSON, field: value})
    with pytest.raises(BadInput, match=said) as told:
        intake.import_people(OFFICE, path)
    assert told.value.row == 3 and told.value.remedy
    assert not Talent.objects.exists() and not Record.objects.filter(kind__startswith="talent").exists()


def test_orcid_gives_name_employer_email_and_known_skills(tmp_path):
    taken = take_orcid(
        tmp_path / "orcid.json", [orcid_record(), orcid_record("0000-0001-5109-3700", "Josiah", "Carberry")]
    )
    first, second = taken.records
    assert (first.about.name, first.about.employer, first.about.email) == ("李小明", FIRM, "li@example.org")
    assert second.about.name == "Josiah Carberry"
    assert [str(skill) for skill in first.skills.all()] == ["机器学习"] and taken.unknown == ["basket weaving"]


@pytest.mark.parametrize(
    ("at", "value", "field"),
    [
        (("orcid-identifier", "path"), "0000-0002-1825-0098", "orcid"),
        (("orcid-identifier", "path"), None, "orcid-identifier.path"),
        (("person", "name"), None, "person.name"),
        (("person", "name", "given-names"), [1], "person.name.given-names"),
        (("person", "emails", "email"), {"a": 1}, "person.emails.email"),
    ],
)
def test_what_is_wrong_in_orcids_json_is_told_by_record_and_field(tmp_path, at, value, field):
    wrong = copy.deepcopy(orcid_record("0000-0001-5109-3700"))
    place = wrong
    for name in at[:-1]:
        place = place[name]
    place[at[-1]] = value
    with pytest.raises(BadInput) as told:
        take_orcid(tmp_path / "orcid.json", [orcid_record(), wrong])
    assert (told.value.row, told.value.field) == ("record 2", field)
    assert not Talent.objects.exists()


@pytest.mark.parametrize("content", ["{", "[]", "[1]", "[[]]"])
def test_what_is_no_record_is_told(tmp_path, content):
    (tmp_path / "o.json").write_text(content)
    with pytest.raises(BadInput):
        intake.import_orcid(
            OFFICE, tmp_path / "o.json", {}, purposes=["analysis"], given=in_days(0), until=in_days(9), paper="p"
        )


def test_a_duplicate_is_told_and_merged_by_somebody_only(tmp_path):
    one = recorded(employer="", phone="")
    taken = take_orcid(tmp_path / "orcid.json", orcid_record())
    [pair], [other] = taken.pairs, taken.records
    assert pair.probability > 0.99 and {"orcid", "name", "email"} <= set(pair.reasons)
    assert Talent.objects.filter(state="active").count() == 2
    with pytest.raises(NotAllowed):
        intake.merge(FIRM_STAFF, pair, one.pk)
    with pytest.raises(Refused, match="两者之一"):
        intake.merge(OFFICE, pair, 10**6)
    kept = intake.merge(OFFICE, pair, other.pk)
    assert kept == other and kept.about.employer == FIRM and kept.about.born == 1990 and kept.person == one.person
    assert {str(skill) for skill in kept.skills.all()} == {"机器视觉", "机器学习"}
    assert kept.consents.count() == 2 and "plan" in kept.purposes()
    one.refresh_from_db()
    assert (one.state, one.details, one.merged_into) == ("merged", "", other)
    with pytest.raises(Refused, match="已判定"):
        intake.different(OFFICE, pair)
    person = kept.person.actor
    actions.withdraw(person, kept)
    one.refresh_from_db()
    assert one.state == "erased"


def test_two_people_who_are_told_apart_are_not_told_again(tmp_path):
    recorded()
    [pair] = take_orcid(tmp_path / "orcid.json", orcid_record()).pairs
    intake.different(OFFICE, pair)
    assert intake.look(OFFICE) == [] and Pair.objects.get().state == "different"
    with pytest.raises(NotAllowed):
        intake.look(FIRM_STAFF)


ESCO = (
    "conceptType,conceptUri,skillType,reuseLevel,preferredLabel,altLabels,status\n"
    'KnowledgeSkillCompetence,esco:ml,knowledge,cross-sector,machine learning,"statistical learning\nML",released\n'
    "KnowledgeSkillCompetence,esco:nlp,skill/competence,cross-sector,language processing,,released\n"
    "KnowledgeSkillCompetence,esco:old,knowledge,,telegraphy,,obsolete\n"
    "SkillGroup,esco:ai,,,artificial intelligence,,released\n"
)


def test_escos_files_are_loaded_in_both_languages_and_again(tmp_path):
    (tmp_path / "skills_en.csv").write_text(ESCO)
    assert intake.load_skills(OFFICE, tmp_path / "skills_en.csv", "en") == 3
    (tmp_path / "skills_zh.csv").write_text("conceptUri,preferredLabel\nesco:nlp,自然语言处理\n")
    assert intake.load_skills(OFFICE, tmp_path / "skills_zh.csv", "zh") == 1
    one = Skill.objects.get(uri="esco:nlp")
    assert (one.label_zh, one.label_en, one.kind) == ("自然语言处理", "language processing", "skill/competence")
    assert Skill.objects.get(uri="esco:ml").alternatives == "\nML\nstatistical learning\n统计学习\n"
    assert intake.skill_numbers()["statistical learning"] == Skill.objects.get(uri="esco:ml").pk
    relations = tmp_path / "broaderRelationsSkillPillar_en.csv"
    relations.write_text("conceptType,conceptUri,broaderType,broaderUri\nK,esco:ml,G,esco:ai\nK,esco:nlp,K,esco:ml\n")
    assert intake.load_broader(OFFICE, relations) == intake.load_broader(OFFICE, relations) == 2
    assert [skill.uri for skill in Skill.objects.get(uri="esco:ai").narrower.all()] == ["esco:ml"]
    relations.write_text("conceptUri,broaderUri\nesco:ml,esco:nlp\nesco:nlp,esco:ml\n")
    with pytest.raises(BadInput, match="循环"):
        intake.load_broader(OFFICE, relations)
    relations.write_text("conceptUri,broaderUri\nesco:ml,esco:none\n")
    with pytest.raises(BadInput, match="已载入"):
        intake.load_broader(OFFICE, relations)
    (tmp_path / "skills_en.csv").write_text("conceptUri,preferredLabel\nesco:x,x\nesco:x,y\n")
    with pytest.raises(BadInput, match="不重复"):
        intake.load_skills(OFFICE, tmp_path / "skills_en.csv", "en")


VACANCY = {
    "reference": "A1", "title": "视觉工程师", "industry": "制造", "level": "中级", "city": "成都市", "skills": "机器视觉",
    "number": "3", "opened": "2026-01-01", "closes": "2099-12-31",
}  # fmt: skip


def test_a_units_vacancies_are_loaded_changed_filled_and_told_to_other_planes(tmp_path):
    path = sheet(tmp_path / "v.xlsx", VACANCIES, VACANCY, {**VACANCY, "reference": "A2", "number": "1", "filled": "1"})
    assert intake.load_vacancies(FIRM_STAFF, path) == 2
    [line] = actions.open_vacancies(FIRM)
    assert (line.reference, line.open, line.skills, line.city) == ("A1", 3, ["esco:vision"], "510100")
    assert actions.open_vacancies(OTHER) == []
    intake.load_vacancies(FIRM_STAFF, sheet(path, VACANCIES, {**VACANCY, "number": "5"}))
    intake.fill(FIRM_STAFF, Vacancy.objects.get(reference="A1"), 1)
    assert [one.open for one in actions.open_vacancies()] == [4]
    with pytest.raises(Refused, match="0 至 5"):
        intake.fill(FIRM_STAFF, Vacancy.objects.get(reference="A1"), 9)
    with pytest.raises(NotAllowed):
        intake.load_vacancies(FIRM_STAFF, path, OTHER)
    for field, value in (("number", "0"), ("closes", "2025-01-01"), ("filled", "9"), ("reference", "")):
        with pytest.raises(BadInput) as told:
            intake.load_vacancies(FIRM_STAFF, sheet(path, VACANCIES, {**VACANCY, field: value}))
        assert told.value.row == 2 and field in told.value.field


def test_needs_and_growth_paths_are_loaded(tmp_path):
    need = {"task": "1", "industry": "energy", "level": "senior", "city": "绵阳市", "skill": "ML", "number": "4", "by": "2027-06-30"}  # fmt: skip
    path = sheet(tmp_path / "n.xlsx", NEEDS, need)
    assert intake.load_needs(FIRM_STAFF, path) == intake.load_needs(FIRM_STAFF, path) == 1
    assert Need.objects.get().skill.uri == "esco:ml" and Need.objects.get().city == "510700"
    step = {"skill": "ML", "start": "中级", "end": "副高级", "years": "4"}
    assert intake.load_paths(OFFICE, sheet(path, PATHS, step)) == 1
    assert Path.objects.get().years == 4
    for field, value in (("end", "初级"), ("years", "0"), ("skill", "炼丹")):
        with pytest.raises(BadInput):
            intake.load_paths(OFFICE, sheet(path, PATHS, {**step, field: value}))
    with pytest.raises(NotAllowed):
        intake.load_paths(FIRM_STAFF, path)
