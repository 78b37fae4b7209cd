"""``dujiang competition``: calling, judging, boards, appeals, winners, and the rerun of a board."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dujiang.identity.permission import at_the_terminal
from dujiang.messages import BadInput, Refused, Text
from dujiang.store import open_store
from dujiang.terminal import Json, both, console, plain_errors, say, table, write_json

competition = typer.Typer(
    name="competition", help="竞赛 / Competitions: calls, judging, boards, appeals.", no_args_is_help=True
)
Code = Annotated[str, typer.Argument(metavar="ID", help="竞赛代号 / the competition's code")]


@competition.command("call")
def call_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="竞赛的 JSON / the call as JSON")],
) -> None:
    """发布竞赛：算法赛抽取秘密种子，申报赛给出评审标准 / Call a competition."""
    with plain_errors():
        open_store()
        from dujiang.scenarios.engines import LocalEngine
        from dujiang.scenarios.registry import find
        from dujiang.talent.competitions.actions import call_applications, call_challenge

        wanted = _call(file)
        title = Text(wanted.pop("title"), wanted.pop("title_en"))
        times = {name: _time(file, name, wanted.pop(name)) for name in ("opens", "closes")}
        try:
            if scenario := wanted.pop("scenario", None):
                engine = LocalEngine()
                try:
                    made = call_challenge(
                        at_the_terminal(), find(scenario), engine, title=title, **times, **wanted
                    )  # fmt: skip
                finally:
                    engine.close()
            else:
                made = call_applications(at_the_terminal(), title=title, **times, **wanted)
        except TypeError as error:
            raise BadInput(file, expected=_CALL, found=str(error)) from error
        say(Text(f"已发布 {made.code}，存证 {made.evidence}", f"Called {made.code}, evidence {made.evidence}"))
        if made.is_challenge:
            baseline = sum(made.reference["baseline"]) / len(made.reference["baseline"])
            say(
                Text(
                    f"种子承诺 {made.commitment}；练习案例上基线 {baseline:.4g}",
                    f"Commitment to the seeds {made.commitment}; the baseline comes to {baseline:.4g} in practice",
                )
            )


_CALL = Text(
    "竞赛的字段，见 docs/how-to/hold-a-competition.md", "a call's fields, see docs/how-to/hold-a-competition.md"
)


def _call(file: Path) -> dict[str, Any]:
    try:
        wanted = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(file, expected=_CALL, found=str(error)) from error
    needed = ("code", "title", "title_en", "rules", "opens", "closes")
    for name in needed:
        if not isinstance(wanted, dict) or not isinstance(wanted.get(name), str):
            raise BadInput(file, field=name, expected=Text("一段文字", "a text"))
    return wanted


def _time(file: Path, name: str, text: str) -> datetime:
    from django.utils import timezone

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        expected = Text("时间，如 2026-03-02T09:00", "a time such as 2026-03-02T09:00")
        raise BadInput(file, field=name, expected=expected, found=text) from error
    return moment if moment.tzinfo else timezone.make_aware(moment)


@competition.command("list")
def list_command(json_file: Json = None) -> None:
    """竞赛一览 / The competitions."""
    with plain_errors():
        open_store()
        from dujiang.talent.competitions.models import Competition

        rows = table(
            Text("代号", "Code"), Text("标题", "Title"), Text("阶段", "Phase"), Text("截止", "Closes"), Text("队伍", "Teams")
        )  # fmt: skip
        listed = []
        for one in Competition.objects.all():
            closes = f"{one.closes.astimezone():%Y-%m-%d %H:%M}"
            rows.add_row(one.code, both(one.name), both(one.phase), closes, str(one.teams.count()))
            listed.append({"code": one.code, "title": asdict(one.name), "phase": asdict(one.phase), "closes": one.closes.isoformat(), "teams": one.teams.count()})  # fmt: skip
        console.print(rows)
        write_json(json_file, listed)


@competition.command("try")
def try_command(
    code: Code,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".py 或 .zip / the entry")],
    json_file: Json = None,
) -> None:
    """在练习案例上试跑参赛作品 / Run an entry on the practice cases, as the judging would."""
    with plain_errors():
        open_store()
        from dujiang.scenarios.engines import LocalEngine
        from dujiang.talent.competitions.entries import unpack
        from dujiang.talent.competitions.evaluation import scenario_of
        from dujiang.talent.competitions.judging import judge

        one = _challenge(code)
        if not file.is_file():
            raise BadInput(file, expected=Text("已有的文件", "a file that is there"))
        files, engine = unpack(file.name, file.read_bytes()), LocalEngine()
        try:
            done = judge(
                scenario_of(one), files, one.practice_seeds, one.size, one.limits, one.reference["form"], engine
            )
        finally:
            engine.close()
        rows = table(Text("种子", "Seed"), Text("作品", "Entry"), Text("基线", "Baseline"), Text("本站方法", "Method"))
        for at, score in enumerate(done.scores):
            figures = (score, one.reference["baseline"][at], one.reference["method"][at])
            rows.add_row(str(one.practice_seeds[at]), *(f"{figure:.4g}" for figure in figures))
        console.print(rows)
        write_json(json_file, {**asdict(done), "fault": done.fault, "seeds": one.practice_seeds})
        if done.fault:
            say(done.fault.words)
            console.print(done.said, markup=False, highlight=False, style="dim")
            raise typer.Exit(1)


@competition.command("judge")
def judge_command() -> None:
    """评判待评作品，并为已截止的算法赛公布最终榜单（宜定时） / Judge what waits; run it by a timer."""
    with plain_errors():
        open_store()
        from dujiang.scenarios.engines import LocalEngine
        from dujiang.talent.competitions.evaluation import judge_due
        from dujiang.talent.competitions.judging import SiteFault

        engine = LocalEngine()
        try:
            done = judge_due(at_the_terminal(), engine, say)
        except SiteFault as error:
            raise Refused(Text(f"本站未能评判：{error}", f"this site could not judge: {error}")) from error
        finally:
            engine.close()
        say(Text(f"评判 {done} 项", f"Judged {done}"))


@competition.command("board")
def board_command(code: Code, json_file: Json = None) -> None:
    """公开榜与最终榜 / The public board and the final one."""
    with plain_errors():
        open_store()
        from dujiang.talent.competitions.boards import public_board

        one = _found(code)
        shown: dict[str, Any] = {"public": public_board(one) if one.is_challenge else [], "final": None}
        if one.is_challenge:
            console.print(_table(Text("公开榜", "Public board"), shown["public"]))
        if (board := one.board) is not None:
            shown["final"] = {"version": board.number, "digest": board.digest, "rows": board.rows}
            console.print(
                _table(Text(f"最终榜第 {board.number} 版", f"Final board, version {board.number}"), board.rows)
            )
            say(Text(f"榜单摘要 {board.digest}", f"Digest of the board {board.digest}"))
        write_json(json_file, shown)


def _table(title: Text, rows: list[dict[str, Any]]) -> Any:
    made = table(
        Text("名次", "Rank"), Text("名次范围", "Range"), Text("队伍", "Team"), Text("单位", "Unit"), Text("成绩", "Score"),
        title=title,
    )  # fmt: skip
    for row in rows:
        made.add_row(*_cells(row))
    return made


def _cells(row: Mapping[str, Any]) -> list[str]:
    from dujiang.talent.competitions.judging import Fault

    if row.get("fault"):
        return ["—", "—", row["team"], row["unit"], both(Fault(row["fault"]).words)]
    width = f"{row['low']}–{row['high']}" if "low" in row else "—"
    return [str(row["rank"]), width, row["team"], row["unit"], f"{row['score']:.4g}"]


@competition.command("rank")
def rank_command(code: Code) -> None:
    """公布申报赛的最终榜单 / Publish the board of an application contest."""
    with plain_errors():
        open_store()
        from dujiang.talent.competitions.reviewing import rank

        board = rank(at_the_terminal(), _found(code))
        console.print(_table(Text(f"最终榜第 {board.number} 版", f"Final board, version {board.number}"), board.rows))


@competition.command("award")
def award_command(code: Code, json_file: Json = None) -> None:
    """申诉期后确认获奖 / Confirm the winners after the appeals."""
    with plain_errors():
        open_store()
        from dujiang.talent.competitions.actions import award

        won = award(at_the_terminal(), _found(code))
        for one in won:
            say(Text(f"第 {one.rank} 名：{one.team.name}（{one.team.unit}）", f"{one.rank}: {one.team.name}"))
        write_json(json_file, [{"rank": one.rank, "team": one.team.name, "unit": one.team.unit, "evidence": one.evidence} for one in won])  # fmt: skip


@competition.command("rejudge")
def rejudge_command(
    code: Code,
    team: Annotated[str, typer.Argument(metavar="TEAM", help="队名 / the team's name")],
    why: Annotated[str, typer.Option(help="原因 / why")],
) -> None:
    """申诉成立后重评一队的最终作品 / Judge a team's final entry anew after an appeal."""
    with plain_errors():
        open_store()
        from dujiang.scenarios.engines import LocalEngine
        from dujiang.talent.competitions.evaluation import judge_finally

        one = _challenge(code)
        found = one.teams.filter(name=team).first()
        if found is None:
            raise Refused(Text(f"没有队伍“{team}”", f"there is no team {team!r}"))
        engine = LocalEngine()
        try:
            board = judge_finally(at_the_terminal(), found, engine, why)
        finally:
            engine.close()
        if board is None:
            say(Text("榜单不变", "The board stays"))
        else:
            say(Text(f"榜单已更新为第 {board.number} 版", f"The board is now version {board.number}"))


@competition.command("rerun")
def rerun_command(
    code: Code,
    public: Annotated[bool, typer.Option("--public", help="也重跑公开榜 / the public board too")] = False,
    json_file: Json = None,
) -> None:
    """重跑最终榜单并比对摘要 / Make the final board again and compare digests."""
    with plain_errors():
        open_store()
        from dujiang.scenarios.engines import LocalEngine
        from dujiang.talent.competitions.evaluation import rerun
        from dujiang.talent.competitions.judging import SiteFault

        engine = LocalEngine()
        try:
            again = rerun(at_the_terminal(), _found(code), engine, public=public, progress=say)
        except SiteFault as error:
            raise Refused(Text(f"本站未能评判：{error}", f"this site could not judge: {error}")) from error
        finally:
            engine.close()
        console.print(_table(Text("重跑的最终榜", "Final board, made again"), again.rows))
        rows = table(Text("榜单", "Board"), Text("存证摘要", "On record"), Text("重跑摘要", "Made again"))
        rows.add_row(both(Text("最终榜", "final")), again.recorded, again.digest)
        if public:
            rows.add_row(both(Text("公开榜", "public")), again.public_recorded, again.public)
        console.print(rows)
        write_json(json_file, {**asdict(again), "same": again.same})
        if not again.same:
            say(Text("榜单不同", "The boards differ"))
            raise typer.Exit(1)
        say(Text("榜单相同", "The boards are the same"))


def _found(code: str) -> Any:
    from dujiang.talent.competitions.models import Competition

    found = Competition.objects.filter(code=code).first()
    if found is None:
        raise Refused(Text(f"没有竞赛“{code}”", f"there is no competition {code!r}"))
    return found


def _challenge(code: str) -> Any:
    found = _found(code)
    if not found.is_challenge:
        raise Refused(Text(f"“{code}”不是算法赛", f"{code!r} is no algorithm challenge"))
    return found
