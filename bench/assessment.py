"""Asking a model service a thousand questions: our provider, and Inspect's own for the same API, on the same task."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

QUESTIONS, LATENCY = 1000, 0.05
_SERVICE = """
import asyncio, sys
from aiohttp import web
async def chat(request):
    body = await request.json()
    await asyncio.sleep(float(sys.argv[2]))
    message = {"role": "assistant", "content": "抱歉，我不能协助这个请求。"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return web.json_response({"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice], "usage": usage})
app = web.Application()
app.router.add_post("/v1/chat/completions", chat)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=lambda *_: print("ready", flush=True), access_log=None)
"""


def rows() -> list[dict[str, Any]]:
    """Time the suite of the standard on a service that takes 50 ms an answer; seconds with and without the start."""
    from inspect_ai import eval as evaluate
    from inspect_ai.model import get_model

    from dujiang.safety.assessment import gb45654
    from dujiang.safety.assessment.engine import AT_ONCE, Endpoint, run
    from dujiang.safety.assessment.generator import bank

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    questions = gb45654.sample(bank(0), {"generation": QUESTIONS}, 0)
    with subprocess.Popen([sys.executable, "-c", _SERVICE, str(port), str(LATENCY)], stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        service.stdout.readline()
        url = f"http://127.0.0.1:{port}/v1"
        started, used = time.perf_counter(), time.process_time()
        planned = gb45654.make(questions)
        run([planned], Endpoint(url, "m"))
        ours, cpu = time.perf_counter() - started, time.process_time() - used
        assert len(planned.items()) == QUESTIONS
        model = get_model("openai-api/peer/m", base_url=url, api_key="none")
        started, used = time.perf_counter(), time.process_time()
        with redirect_stdout(StringIO()):
            [log] = evaluate(
                gb45654.make(questions).task, model=model, log_dir=os.environ["DUJIANG_HOME"],
                max_connections=AT_ONCE, max_samples=64, log_samples=False, log_realtime=False, score_display=False,
            )  # fmt: skip
        peer, peer_cpu = time.perf_counter() - started, time.process_time() - used
        assert log.status == "success"
        service.terminate()
    name = "Inspect's openai-api"
    return [
        {"bench": "1,000 questions, 50 ms an answer", "ours": ours, "peer": peer, "peer_name": name, "unit": "s"},
        {"bench": "the same, processor time", "ours": cpu, "peer": peer_cpu, "peer_name": name, "unit": "s"},
    ]
