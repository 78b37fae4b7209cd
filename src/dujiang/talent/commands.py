"""``dujiang talent``: skills, people, demand, analyses, what is late, what is past its retention."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

talent = typer.Typer(name="talent", help="人才 / Talent: people, skills, demand, analyses.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE")]
UnitName = Annotated[str, typer.Option("--unit", help="单位 / the unit")]


class Language(StrEnum):
    """The language of a taxonomy's labels."""

    ZH = "zh"
    EN = "en"


class Table(StrEnum):
    """A table that somebody fills in."""

    PEOPLE = "people"
    VACANCIES = "vacancies"
    NEEDS = "needs"
    PATHS = "paths"


@talent.command("template")
def template_command(
    which: Annotated[Table, typer.Argument(metavar="TABLE", help="people、vacancies、needs、paths")], file: File
) -> None:
    """写出待填的空表 / Write an empty Excel table to fill in."""
    with plain_errors():
        from dujiang.talent import uploads

        uploads.empty_table(getattr(uploads, which.value.upper())).save(file)
        say(Text(f"已写出 {file}", f"Wrote {file}"))


@talent.command("skills")
def skills_command(
    file: File, language: Annotated[Language, typer.Option(help="标签语言 / language of the labels")] = Language.EN
) -> None:
    """载入技能分类（ESCO 的 CSV） / Load skills in ESCO's CSV form: skills, groups or broader relations."""
    with plain_errors():
        open_store()
        from dujiang.talent.intake import load_broader, load_skills

        if "broader" in file.name.lower():
            count = load_broader(at_the_terminal(), file)
            say(Text(f"已载入 {count} 条上下位关系", f"Loaded {count} broader relations"))
            return
        count = load_skills(at_the_terminal(), file, language.value)
        say(Text(f"已载入 {count} 项技能", f"Loaded {count} skills"))


@talent.command("import")
def import_command(
    file: File,
    unit: UnitName = "",
    industry: Annotated[str, typer.Option(help="ORCID 用：行业 / for ORCID: the industry")] = "",
    level: Annotated[str, typer.Option(help="ORCID 用：等级 / for ORCID: the level")] = "",
    city: Annotated[str, typer.Option(help="ORCID 用：市州 / for ORCID: the city")] = "",
    purpose: Annotated[list[str] | None, typer.Option(help="ORCID 用：同意用途 / for ORCID: consented to")] = None,
    given: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="ORCID 用：同意日期 / consented")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="ORCID 用：保存期限 / kept until")
    ] = None,
    paper: Annotated[str, typer.Option(help="ORCID 用：同意书编号 / for ORCID: where the consents are")] = "",
    json_file: Json = None,
) -> None:
    """导入人才（Excel、CSV 或 ORCID 的 JSON） / Take in people: a table, or ORCID's JSON."""
    with plain_errors():
        open_store()
        from dujiang.talent.intake import import_orcid, import_people

        if file.suffix.lower() == ".json":
            if given is None or until is None:
                raise typer.BadParameter("--given, --until")
            taken = import_orcid(
                at_the_terminal(), file, {"industry": industry, "level": level, "city": city}, purposes=purpose or [],
                given=given.date(), until=until.date(), paper=paper, unit=unit,
            )  # fmt: skip
        else:
            taken = import_people(at_the_terminal(), file, unit)
        say(
            Text(
                f"已导入 {len(taken.records)} 人，{len(taken.pairs)} 对可能重复，待人工判定",
                f"Took in {len(taken.records)} people; {len(taken.pairs)} pairs may be one person's and wait for a decision",
            )
        )
        if taken.unknown:
            listed = "、".join(taken.unknown[:20])
            say(Text(f"技能分类中没有：{listed}", f"Not in the taxonomy: {listed}"))
        write_json(
            json_file,
            {
                "records": [one.pk for one in taken.records],
                "pairs": [_pair(one) for one in taken.pairs],
                "unknown": taken.unknown,
            },
        )


def _pair(one: Any) -> dict[str, Any]:
    return {
        "id": one.pk, "first": one.first_id, "second": one.second_id, "probability": one.probability,
        "reasons": one.reasons,
    }  # fmt: skip


@talent.command("duplicates")
def duplicates_command(
    pair: Annotated[int | None, typer.Argument(metavar="PAIR", help="要判定的一对 / the pair to decide")] = None,
    keep: Annotated[int | None, typer.Option(help="合并，保留此档案 / merge, and keep this record")] = None,
    different: Annotated[bool, typer.Option("--different", help="不是同一人 / two people")] = False,
    json_file: Json = None,
) -> None:
    """查重，或判定一对 / Look for duplicates, or decide on a pair."""
    with plain_errors():
        open_store()
        from dujiang.messages import Refused
        from dujiang.talent import intake
        from dujiang.talent.models import Pair
        from dujiang.talent.terms import DETAILS, State

        if pair is not None:
            one = Pair.objects.filter(pk=pair).first()
            if one is None or (keep is None) == (not different):
                raise Refused(
                    Text(
                        "请给出存在的编号，并以 --keep 或 --different 判定",
                        "give a pair that is there, and --keep or --different",
                    )
                )
            if different:
                intake.different(at_the_terminal(), one)
            else:
                intake.merge(at_the_terminal(), one, keep or 0)
            say(Text(f"已判定 {pair}", f"Decided on {pair}"))
            return
        intake.look(at_the_terminal())
        found = Pair.objects.filter(state=State.OPEN)
        rows = table(Text("编号", "Id"), Text("档案", "Records"), Text("概率", "Probability"), Text("相符项", "Agrees"))
        for one in found:
            agrees = "、".join(DETAILS[name].zh if name in DETAILS else "市（州）" for name in one.reasons)
            rows.add_row(str(one.pk), f"{one.first_id} {one.second_id}", f"{one.probability:.3f}", agrees)
        console.print(rows)
        write_json(json_file, [_pair(one) for one in found])


@talent.command("demand")
def demand_command(
    which: Annotated[Table, typer.Argument(metavar="TABLE", help="vacancies、needs、paths")],
    file: File,
    unit: UnitName = "",
) -> None:
    """载入岗位、任务需求或成长路径 / Load vacancies, needs of tasks or growth paths."""
    with plain_errors():
        open_store()
        from dujiang.messages import Refused
        from dujiang.talent import intake

        actor = at_the_terminal()
        match which:
            case Table.VACANCIES:
                count = intake.load_vacancies(actor, file, unit)
            case Table.NEEDS:
                count = intake.load_needs(actor, file, unit)
            case Table.PATHS:
                count = intake.load_paths(actor, file)
            case Table.PEOPLE:
                raise Refused(Text("请用 dujiang talent import", "use dujiang talent import"))
        say(Text(f"已载入 {count} 行", f"Loaded {count} rows"))


@talent.command("analyse")
def analyse_command(
    quarter: Annotated[str, typer.Argument(metavar="QUARTER", help="如 2026Q3 / such as 2026Q3")],
    json_file: Json = None,
) -> None:
    """分析并公布一个季度，或显示已公布的 / Analyse a quarter and publish it, or show what was published."""
    with plain_errors():
        open_store()
        from dujiang.talent.analyses import publish
        from dujiang.talent.models import Analysis, Skill

        made = Analysis.objects.filter(quarter=quarter).first() or publish(at_the_terminal(), quarter)
        report = made.report
        say(
            Text(
                f"{quarter}：{_shown(report['tables']['total'][0]['count'])} 人，需求 {report['demand']['total']} 人，"
                f"隐去 {report['withheld']} 个数（少于 {report['minimum']} 人）",
                f"{quarter}: {_shown(report['tables']['total'][0]['count'])} people, {report['demand']['total']} wanted, "
                f"{report['withheld']} figures withheld (fewer than {report['minimum']})",
            )
        )
        titles = {one.uri: one.title for one in Skill.objects.filter(uri__in=[gap["skill"] for gap in report["gaps"]])}
        rows = table(
            Text("技能", "Skill"),
            Text("等级", "Level"),
            Text("需求", "Wanted"),
            Text("现有", "People"),
            Text("缺口", "Gap"),
        )
        for gap in report["gaps"][:30]:
            title = titles.get(gap["skill"], Text(gap["skill"], gap["skill"]))
            rows.add_row(both(title), gap["level"], str(gap["wanted"]), _shown(gap["stock"]), _shown(gap["gap"]))
        console.print(rows)
        write_json(json_file, {"quarter": quarter, "report": report, "evidence": made.evidence})


def _shown(figure: float | None) -> str:
    return "·" if figure is None else f"{figure:g}"


@talent.command("late")
def late_command(unit: UnitName = "", json_file: Json = None) -> None:
    """逾期的“一人一策”事项 / Measures of people's plans that are late."""
    with plain_errors():
        open_store()
        from dujiang.talent.actions import late_measures

        late = late_measures(unit)
        rows = table(
            Text("事项", "Measure"), Text("档案", "Record"), Text("责任单位", "Responsible"), Text("期限", "Until")
        )
        for one in late:
            rows.add_row(str(one.pk), str(one.talent_id), one.responsible.name, f"[red]{one.until}[/red]")
        console.print(rows)
        write_json(
            json_file,
            [
                {"id": one.pk, "record": one.talent_id, "responsible": one.responsible.name, "until": str(one.until)}
                for one in late
            ],
        )


@talent.command("erase")
def erase_command(json_file: Json = None) -> None:
    """删除超过保存期限的档案（宜每日定时） / Erase the records past their retention; once a day is good."""
    with plain_errors():
        open_store()
        from dujiang.talent.actions import erase_expired

        gone = [one.pk for one in erase_expired(at_the_terminal())]
        say(Text(f"已删除 {len(gone)} 份档案", f"Erased {len(gone)} records"))
        write_json(json_file, gone)
