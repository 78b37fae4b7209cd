"""The model gateway beside LiteLLM's proxy, Portkey's gateway and a bare pass-through, on loopback, in one run.

All stand before the same stub of a model service and are asked by the same client over 16 connections, one worker each;
ours with keys, limits, holds, journal, labels and log on. "Added" is a latency less that of asking the stub directly.
Then the same overspend test: 64 requests at once, with money for a fraction of them; and a production trace, replayed.

`make bench-peers` installs the peers; those that are not there are left out by name.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import psutil

from dujiang.tokens.keys import digest

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".peers"
KEY = "sk-dujiang-bench"
CONNECTIONS, SECONDS, ROUNDS = 16, 3, 3
BURST = 64
TRACE_ROWS = 1500
SPEEDS = (1, 5, 20)
Row = dict[str, Any]


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(command: list[str], url: str, **more: str) -> Iterator[psutil.Process]:
    """Run a server until the end of the block, from when it answers."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **more}
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        made = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(url, timeout=10)
                    break
                except urllib.error.HTTPError:
                    break
                except OSError as error:
                    if made.poll() is not None:
                        raise RuntimeError((Path(folder) / "log").read_text()[-2000:]) from error
                    time.sleep(0.1)
            yield psutil.Process(made.pid)
        finally:
            made.terminate()
            with suppress(subprocess.TimeoutExpired):
                made.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(made.pid, signal.SIGKILL)


@contextmanager
def _stub(*options: str) -> Iterator[int]:
    port = _port()
    command = [sys.executable, str(ROOT / "tests" / "tokens" / "stub.py"), "--port", str(port), *options]
    with _process(command, f"http://127.0.0.1:{port}/v1/models"):
        yield port


@contextmanager
def _bare(stub: int) -> Iterator[tuple[int, psutil.Process]]:
    port = _port()
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "asyncio", "--no-ws", "--no-log"]
    command += ["--port", str(port), "bench._bare:app"]
    with _process(command, f"http://127.0.0.1:{port}/v1/models", BARE_UPSTREAM=f"http://127.0.0.1:{stub}") as made:
        yield port, made


@contextmanager
def _ours(stub: int, amount: str = "100000000.00", output: str = "8.00") -> Iterator[tuple[int, psutil.Process]]:
    port = _port()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.toml"
        file.write_text(
            f"""
listen = "127.0.0.1:{port}"
folder = "run"
[[upstream]]
name = "stub"
url = "http://127.0.0.1:{stub}/v1"
concurrency = 4096
[[model]]
name = "m"
provider = "某智算中心"
upstreams = ["stub"]
context = 32768
output = 4096
price = [{{input = "2.00", cached = "0.50", output = "{output}"}}]
[[key]]
id = "bench"
sha256 = "{digest(KEY)}"
holder = "某企业"
requests_a_minute = 100000000
tokens_a_minute = 100000000000
[[voucher]]
id = "v"
holder = "某企业"
amount = "{amount}"
""",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "dujiang.cli", "gateway", "--config", str(file)]
        with _process(command, f"http://127.0.0.1:{port}/health") as made:
            yield port, made


@contextmanager
def _litellm(stub: int, budget: float = 0) -> Iterator[tuple[int, psutil.Process]]:
    """LiteLLM's proxy with its master key; its key database wants a download that works only online."""
    port = _port()
    limits = f"\n      max_budget: {budget}\n      budget_duration: 1d" if budget else ""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "litellm.yaml"
        file.write_text(
            f"""
model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: http://127.0.0.1:{stub}/v1
      api_key: none
      input_cost_per_token: 0.000002
      output_cost_per_token: 0.008{limits}
general_settings:
  master_key: {KEY}
""",
            encoding="utf-8",
        )
        command = [str(PEERS / "litellm" / "bin" / "litellm"), "--config", str(file), "--port", str(port)]
        command += ["--host", "127.0.0.1", "--num_workers", "1"]
        url = f"http://127.0.0.1:{port}/health/liveliness"
        with _process(command, url, LITELLM_LOG="ERROR", LITELLM_LOCAL_MODEL_COST_MAP="True") as made:
            yield port, made


@contextmanager
def _portkey(stub: int) -> Iterator[tuple[int, psutil.Process]]:
    port = _port()
    start = PEERS / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    command = ["node", str(start), f"--port={port}", "--headless"]
    with _process(command, f"http://127.0.0.1:{port}/", TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost") as made:
        yield port, made


def _portkey_headers(stub: int) -> list[str]:
    return ["x-portkey-provider: openai", f"x-portkey-custom-host: http://127.0.0.1:{stub}/v1"]


def _memory(process: psutil.Process) -> float:
    """Resident MiB of a process and those it started."""
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 2**20


def _body(stream: bool) -> str:
    message = {"role": "user", "content": "都江堰是谁修的？请简单回答。"}
    return json.dumps({"model": "m", "messages": [message], "max_tokens": 64, "stream": stream}, ensure_ascii=False)


def _load(port: int, stream: bool, headers: list[str]) -> dict[str, float] | None:
    """Return a round's figures, None where requests fail."""
    command = [sys.executable, str(ROOT / "bench" / "_load.py"), "--port", str(port), "--key", KEY]
    command += ["--body", _body(stream), "--seconds", str(SECONDS), "--connections", str(CONNECTIONS)]
    for one in headers:
        command += ["--header", one]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if told["failures"] or not told["requests"]:
        return None
    return {"rate": told["requests"] / told["seconds"], "p50": told["p50"] * 1e3, "p99": told["p99"] * 1e3}


def _rounds(ports: dict[str, tuple[int, list[str]]], stream: bool) -> dict[str, dict[str, float] | None]:
    """Return each gateway's median round; they take turns, so that what else the machine does meets all alike."""
    found: dict[str, list[Any]] = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, (port, headers) in ports.items():
            found[name].append(_load(port, stream, headers))
    return {
        name: None if None in rounds else {key: sorted(one[key] for one in rounds)[ROUNDS // 2] for key in rounds[0]}
        for name, rounds in found.items()
    }


def _burst(port: int, headers: dict[str, str]) -> int:
    """Send many requests at once, twice over; returns how many were answered."""

    async def ask(session: aiohttp.ClientSession) -> bool:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        async with session.post(
            url, data=_body(False), headers={"content-type": "application/json", **headers}
        ) as told:
            await told.read()
            return told.status == 200

    async def main() -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return sum([sum(await asyncio.gather(*(ask(session) for _ in range(BURST)))) for _ in range(2)])

    return asyncio.run(main())


def _overspend() -> list[Row]:
    """What is spent of a budget of one unit of money when requests of 0.128 each come at once.

    The stub reports 16 tokens of completion; at 8,000 a million tokens they cost 0.128. The most that a request can cost,
    64 tokens, is 0.512: so ours may let two at a time in and seven in all.
    """
    rows = []
    headers = {"authorization": f"Bearer {KEY}"}
    with _stub("--same") as stub, _ours(stub, amount="1.00", output="8000.00") as (port, _):
        ours = _burst(port, headers) * 0.128
    litellm = None
    if (PEERS / "litellm").exists():
        with _stub("--same") as stub, _litellm(stub, budget=1.0) as (port, _):
            litellm = _burst(port, headers) * 0.128
    rows.append({"bench": "spent of a budget of 1", "ours": ours, "peer": litellm, "peer_name": "LiteLLM", "unit": "x"})
    return rows


def _replay() -> list[Row]:
    """A production trace's first requests at several speeds: whether the gateway keeps up, and what it adds."""
    data = os.environ.get("DUJIANG_DATA")
    if not data:
        print("DUJIANG_DATA does not name the folder of real workloads: the trace is not replayed")
        return []
    with (Path(data) / "tokens" / "AzureLLMInferenceTrace_code.csv").open(newline="") as file:
        lines = [row for _, row in zip(range(TRACE_ROWS), csv.DictReader(file), strict=False)]
    times = [datetime.fromisoformat(row["TIMESTAMP"][:26]).timestamp() for row in lines]
    rows = []
    for speed in SPEEDS:
        # The slower a replay the longer it takes: at each speed half a minute of the trace's clock is enough.
        count = sum(1 for one in times if one - times[0] <= 20 * speed)
        with _stub("--same") as stub:
            direct = asyncio.run(_replayed(stub, lines[:count], times, speed))
            with _ours(stub) as (port, _):
                ours = asyncio.run(_replayed(port, lines[:count], times, speed))
        rows.append(
            {
                "bench": f"trace at {speed}x ({count} requests), p99",
                "ours": ours,
                "peer": direct,
                "peer_name": "direct",
                "unit": "ms",
            }
        )
    return rows


async def _replayed(port: int, lines: list[dict[str, str]], times: list[float], speed: int) -> float:
    """Send prompts of the trace's lengths at its times; returns the 99th percentile of the latencies in ms."""
    took: list[float] = []

    async def ask(session: aiohttp.ClientSession, at: float, prompt: int, output: int) -> None:
        await asyncio.sleep(at)
        body = {"model": "m", "messages": [{"role": "user", "content": "word " * prompt}], "max_tokens": max(1, output)}
        started = time.perf_counter()
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        async with session.post(url, json=body, headers={"authorization": f"Bearer {KEY}"}) as told:
            await told.read()
            if told.status != 200:
                raise RuntimeError(f"the replay was answered {told.status}")
        took.append(time.perf_counter() - started)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(
            *(
                ask(session, (at - times[0]) / speed, int(row["ContextTokens"]), int(row["GeneratedTokens"]))
                for at, row in zip(times, lines, strict=False)
            )
        )
    return sorted(took)[len(took) * 99 // 100] * 1e3


def _compared(kind: str, ours: Any, theirs: Any, direct: Any, name: str) -> Iterator[Row]:
    if theirs is None:
        print(f"{name} fails with {kind}: left out")
        return
    yield {"bench": kind, "ours": ours["rate"], "peer": theirs["rate"], "peer_name": name, "unit": "1/s"}
    if theirs is direct:
        return
    for share in ("p50", "p99"):
        added = {"ours": ours[share] - direct[share], "peer": theirs[share] - direct[share]}
        yield {"bench": f"{kind}, added {share}", **added, "peer_name": name, "unit": "ms"}


def rows() -> list[Row]:
    """Measure each gateway in turn."""
    peers = {"bare pass-through": _bare}
    if (PEERS / "litellm").exists():
        peers["LiteLLM"] = _litellm
    if (PEERS / "node_modules" / "@portkey-ai").exists() and shutil.which("node"):
        peers["Portkey"] = _portkey
    for name in {"LiteLLM", "Portkey"} - set(peers):
        print(f"{name} is not installed (make bench-peers): left out")
    found: list[Row] = []
    with ExitStack() as running:
        stub = running.enter_context(_stub("--same"))
        ports: dict[str, tuple[int, list[str]]] = {"direct": (stub, [])}
        processes = {}
        for name, server in {"ours": _ours, **peers}.items():
            port, processes[name] = running.enter_context(server(stub))
            ports[name] = port, _portkey_headers(stub) if name == "Portkey" else []
        _rounds(ports, False)  # the first requests open connections and fill caches
        before = _memory(processes["ours"])
        for kind, figures in {"answers": _rounds(ports, False), "streams": _rounds(ports, True)}.items():
            for name in ("direct", *peers):
                found += _compared(kind, figures["ours"], figures[name], figures["direct"], name)
        memory = {name: _memory(process) for name, process in processes.items()}
    for name in peers:
        found.append(
            {"bench": "memory", "ours": memory["ours"], "peer": memory[name], "peer_name": name, "unit": "MiB"}
        )
    grown = memory["ours"] - before
    found.append({"bench": "memory grown under load", "ours": grown, "peer": None, "peer_name": "", "unit": "MiB"})
    return found + _overspend() + _replay()
