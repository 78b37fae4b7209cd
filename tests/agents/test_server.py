"""`dujiang mcp` as an agent meets it: the SDK's own client, over standard input and output and over HTTP."""

import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from dujiang.scenarios.registry import find
from ports import free_port, listens
from waiting import until

PLAN = """某省推进“人工智能+”行动方案

一、发展目标
到2027年，智能终端普及率超过60%。

二、重点任务
（一）“人工智能+”制造。到2027年，智能工厂达到100家。（责任单位：经济和信息化厅，科技厅）
"""
SETTING_UP = """
import json, sys
from pathlib import Path
from dujiang.identity.actions import add_enterprise, add_person, issue_key
from dujiang.identity.permission import RULES, Role, at_the_terminal
from dujiang.plan.actions import load
office = at_the_terminal()
load(office, Path(sys.argv[1]))
add_enterprise(office, "某公司", "91110000600037341L")
keys = {}
for login, role, unit in (("zhang", Role.OFFICE, None), ("li", Role.LEAD_UNIT, "科技厅"), ("chen", Role.ENTERPRISE, "某公司")):
    add_person(office, login, "", role, unit)
    keys[login] = issue_key(office, login, list(RULES), 7)[1]
keys["reader"] = issue_key(office, "li", ["plan.read", "dispatch.read"], 7)[1]
print(json.dumps(keys))
"""


@pytest.fixture
def keys(site, tmp_path):
    (tmp_path / "plan.txt").write_text(PLAN, encoding="utf-8")
    out, err = site.python(SETTING_UP, str(tmp_path / "plan.txt")).communicate()
    assert out, err
    return json.loads(out)


@contextmanager
def served(site):
    """Serve agents over HTTP on a free port; yields the address."""
    port = free_port()
    command = [sys.executable, "-m", "dujiang.cli", "mcp", "--http", "--port", str(port)]
    server = subprocess.Popen(command, env=site.environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: listens(port) or server.poll() is not None)
        assert server.poll() is None
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait(20)


@asynccontextmanager
async def calling(address, secret=None, **client):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), **client) as agent,
    ):
        yield agent


def workshop(tmp_path):
    """A small file of the job shop's format."""
    scenario = find("manufacturing/job-shop").scenario
    path = tmp_path / f"workshop{scenario.suffixes[0]}"
    scenario.write(scenario.cases(0, "small")[0].inputs, path)
    return path


async def told(agent, tool, **arguments):
    """Return a tool's structured result."""
    result = await agent.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    content = result.structured_content
    return content["result"] if set(content) == {"result"} else content


async def refused(agent, tool, **arguments):
    """Return what a tool says when it refuses: Chinese, then English."""
    result = await agent.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    zh, en = result.content[0].text.split("\n", 1)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    return en


def test_the_terminal_is_served_over_standard_input_and_output(site, keys, tmp_path):
    async def talk():
        command = StdioServerParameters(
            command=sys.executable, args=["-m", "dujiang.cli", "mcp"], env={**os.environ, **site.environment}
        )
        async with Client(stdio_client(command)) as agent:
            tools = {one.name: one for one in (await agent.list_tools()).tools}
            changing = {name for name, one in tools.items() if not one.annotations.read_only_hint}
            assert changing == {"send_comment", "start_run"}
            assert changing == {name for name, one in tools.items() if one.annotations.destructive_hint}
            assert all(one.output_schema and one.description for one in tools.values())
            found = await told(agent, "search_plan", query="智能工厂", what=["goal"])
            [hit] = found["hits"]
            assert "智能工厂达到100家" in PLAN[slice(*hit["span"])] or hit["text"]
            assert (await told(agent, "read_evidence", sequence=hit["evidence"][0]))["kind"] == "plan.loaded"
            assert (await told(agent, "read_dispatch", month="2026-10"))["dispatch"]["month"] == "2026-10"
            drafted = await told(agent, "draft_comment", month="2026-10", text="请按月报送。")
            sending = {"month": "2026-10", "text": "请按月报送。", "confirmation": drafted["confirmation"]}
            sent = await told(agent, "send_comment", **sending)
            record = await told(agent, "read_evidence", sequence=sent["evidence"])
            assert (record["kind"], record["subject"]) == ("dispatch.commented", "2026-10")
            assert record["actor"].startswith("office:")
            assert "used" in await refused(agent, "send_comment", **sending)
            run = {"scenario": "manufacturing/job-shop", "path": str(workshop(tmp_path))}
            drafted = await told(agent, "draft_run", **run)
            job = await told(agent, "start_run", **run, confirmation=drafted["confirmation"])
            for _ in range(10):
                done = await told(agent, "read_job", number=job["number"], wait=30, limit=1)
                if done["job"]["state"] == "done":
                    break
            assert len(done["rows"]) == 1
            for tool, arguments, said in (
                ("search_plan", {"limit": 0, "query": "x"}, "limit: Input should be greater"),
                ("search_plan", {"query": "x", "what": ["everything"]}, "what.0"),
                ("search_plan", {"words": "x"}, "no argument words"),
                ("search_plan", {}, "give a query"),
                ("read_dispatch", {"month": "2026-13"}, "month"),
                ("read_evidence", {}, "sequence: Field required"),
                ("read_evidence", {"sequence": 10**6}, "no such thing"),
                ("describe_scenario", {"scenario": "none/none"}, "no scenario none/none"),
                ("burn_plan", {}, "there is no tool burn_plan"),
                ("draft_run", {"scenario": "manufacturing/job-shop", "path": str(tmp_path / "none.txt")}, "exists"),
            ):
                assert said in await refused(agent, tool, **arguments), (tool, arguments)

    anyio.run(talk)


def test_a_key_says_who_calls_over_http(site, keys, tmp_path):
    async def talk(address):
        async with calling(address) as public, calling(address, keys["chen"]) as enterprise:
            assert (await told(public, "search_plan", query="智能"))["total"] >= 2
            assert "public:public may not scenario.apply" in await refused(
                public, "draft_run", scenario="manufacturing/job-shop", path="/etc/passwd"
            )
            assert "over HTTP" in await refused(
                enterprise, "draft_run", scenario="manufacturing/job-shop", path="/etc/passwd"
            )
            for agent in (public, enterprise):
                assert "may not dispatch.comment" in await refused(agent, "draft_comment", month="2026-10", text="好")
        async with calling(address, keys["li"]) as li, calling(address, keys["zhang"]) as office:
            drafted = await told(li, "draft_comment", month="2026-10", text="已开工。")
            sending = {"month": "2026-10", "text": "已开工。", "confirmation": drafted["confirmation"]}
            assert "somebody else" in await refused(office, "send_comment", **sending)
            assert "another content" in await refused(li, "send_comment", **{**sending, "text": "已完工。"})
            assert (await told(li, "send_comment", **sending))["unit"] == "科技厅"
            assert "used" in await refused(li, "send_comment", **sending)
            drafted = await told(office, "draft_comment", month="2026-10", text="请补报。")
            sent = await told(
                office, "send_comment", month="2026-10", text="请补报。", confirmation=drafted["confirmation"]
            )
            assert (await told(office, "read_evidence", sequence=sent["evidence"]))["actor"] == "office:zhang"
            site.run("person", "change", "zhang", "--no-active")
            assert "not known, expired or revoked" in await refused(office, "search_evidence")
        async with calling(address, keys["reader"]) as reader, calling(address, "wrong") as stranger:
            assert (await told(reader, "search_plan", query="智能"))["hits"]
            assert "may not dispatch.comment" in await refused(reader, "draft_comment", month="2026-10", text="好")
            assert "not known" in await refused(stranger, "search_plan", query="智能")
        async with calling(address, keys["li"], mode="legacy") as older:  # an agent of the protocol's earlier versions
            assert (await told(older, "search_evidence", kind="dispatch.commented"))[1]["actor"] == "lead-unit:li"
        async with httpx2.AsyncClient(headers={"Host": "evil.example"}) as rebound:
            assert (await rebound.post(address, json={})).status_code == 421

    with served(site) as address:
        anyio.run(talk, address)
