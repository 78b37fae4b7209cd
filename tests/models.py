"""A stub of an OpenAI-compatible service on loopback, whose answers a test decides."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub:
    """The service: ``url`` up to /v1, and the bodies of the requests that came, in order."""

    def __init__(self, says: Callable[[str], str], usage: bool = True) -> None:
        self.requests: list[dict] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                stub.requests.append({"path": self.path, "key": self.headers["authorization"], **body})
                if self.path.endswith("/embeddings"):
                    vectors = [[float(len(text)), 1.0] for text in body["input"]]
                    answer = {"data": [{"index": at, "embedding": one} for at, one in enumerate(vectors)][::-1]}
                else:
                    said = says(body["messages"][-1]["content"])
                    answer = {"choices": [{"message": {"role": "assistant", "content": said}}]}
                if usage:
                    answer["usage"] = {"prompt_tokens": 100, "completion_tokens": 20}
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@contextmanager
def serving(says: Callable[[str], str], *, usage: bool = True) -> Iterator[Stub]:
    stub = Stub(says, usage)
    thread = threading.Thread(target=stub.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        stub.server.server_close()


def _first(prompt: str) -> str:
    return re.search(r"^\[1\] (?:（[^\n]*?）)?(.*)$", prompt, re.M)[1]


def faithful(prompt: str) -> str:
    """Say what the first passage says, and cite it."""
    return f"{_first(prompt)}[1]"


def hallucinating(prompt: str) -> str:
    """Say what the first passage says with each number changed and a unit that it doesn't have, and cite it."""
    wrong = re.sub(r"\d+", lambda match: str(int(match[0]) * 3 + 1), _first(prompt))
    return f"{wrong}[1]\n此项由财政厅牵头，投资88亿元。[1]\n另有专家认为前景广阔，各界反响热烈。\n重庆市同步推广。[9]"
