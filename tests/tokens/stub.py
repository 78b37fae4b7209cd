"""A model service to test and to measure against: OpenAI's API over plain sockets, answering at once or full of faults.

Run as a program it serves until it is ended. With ``--faults SEED`` it is late, refuses, hangs up, and sends what is
no JSON; ``--record FILE`` notes what it produced for whom, a line a request, when the last byte was handed over.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import random
from typing import ClassVar

import orjson

TEXT = "都江堰把一条江分给一片平原。"
PIECES = 16
FAULTS = ("error", "busy", "hang-up", "hang-up-late", "malformed", "no-usage", "slow")


def usage(prompt, completion, cached=0):
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def responses_usage(prompt, completion):
    return {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion,
            "input_tokens_details": {"cached_tokens": 0}}  # fmt: skip


def answer_to(path, body, prompt, completion, told):
    model = body.get("model", "m")
    if path.endswith("/embeddings"):
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [{"object": "embedding", "index": at, "embedding": [0.5, -0.25]} for at in range(len(texts))]
        return {
            "object": "list",
            "model": model,
            "data": data,
            "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
        }
    if path.endswith("/responses"):
        part = {"type": "output_text", "text": TEXT, "annotations": []}
        output = [{"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": [part]}]
        return {"id": "r1", "object": "response", "created_at": 1, "model": model, "status": "completed", "error": None,
                "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
                "usage": responses_usage(prompt, completion)}  # fmt: skip
    chat = path.endswith("/chat/completions")
    choice = {"index": 0, "finish_reason": "stop"}
    if not chat:
        choice["text"] = TEXT
    elif body.get("tools"):
        call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q":"水"}'}}
        choice |= {
            "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            "finish_reason": "tool_calls",
        }
    else:
        content = '{"水":"岷江"}' if body.get("response_format") else TEXT
        choice["message"] = {"role": "assistant", "content": content}
    made = {"id": "a1", "object": "chat.completion" if chat else "text_completion", "created": 1, "model": model,
            "choices": [choice], "echo": {name: value for name, value in body.items() if name.startswith("x_")}}  # fmt: skip
    if told:
        made["usage"] = usage(prompt, completion, prompt // 4)
    return made


def events_of(path, body, prompt, completion, told):
    """The events of a stream, without their ends."""
    model = body.get("model", "m")
    options = body.get("stream_options") or {}
    if path.endswith("/responses"):

        def event(kind, **more):
            return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **more})

        whole = answer_to(path, body, prompt, completion, told)
        yield event(
            "response.created",
            sequence_number=0,
            response={**whole, "status": "in_progress", "usage": None, "output": []},
        )
        for at in range(min(completion, PIECES)):
            yield event("response.output_text.delta", sequence_number=at + 1, item_id="m1", output_index=0,
                        content_index=0, delta=TEXT[at % len(TEXT)], logprobs=[])  # fmt: skip
        yield event("response.completed", sequence_number=99, response=whole)
        return
    chat = path.endswith("/chat/completions")
    kind = "chat.completion.chunk" if chat else "text_completion"
    for at in range(min(completion, PIECES)):
        piece = TEXT[at % len(TEXT)]
        choice = {"index": 0, "finish_reason": None} | ({"delta": {"content": piece}} if chat else {"text": piece})
        made = {"id": "a1", "object": kind, "created": 1, "model": model, "choices": [choice]}
        if options.get("continuous_usage_stats"):
            made["usage"] = usage(prompt, at + 1)
        elif options.get("include_usage"):
            made["usage"] = None
        yield b"data: " + orjson.dumps(made)
    if options.get("include_usage") and told:
        last = {"id": "a1", "object": kind, "created": 1, "model": model, "choices": []}
        yield b"data: " + orjson.dumps({**last, "usage": usage(prompt, completion, prompt // 4)})
    yield b"data: [DONE]"


def head(status, kind, length):
    how = b"content-length: %d" % length if length is not None else b"transfer-encoding: chunked"
    return b"HTTP/1.1 %d X\r\ncontent-type: %s\r\n%s\r\n\r\n" % (status, kind, how)


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Service(asyncio.Protocol):
    options = None
    random = random.Random()
    record = None
    plain: ClassVar = {}

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def connection_lost(self, why):
        self.transport = None

    def data_received(self, data):
        self.buffer = self.buffer + data if self.buffer else data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            top = self.buffer[:end]
            low = top.lower()
            at = low.find(b"content-length:")
            length = int(low[at + 15 : low.find(b"\r\n", at) if low.find(b"\r\n", at) > 0 else None]) if at > 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            method, path, _ = top.split(b" ", 2)
            if method == b"GET":
                models = {"object": "list", "data": [{"id": "m", "object": "model"}]}
                self.whole(200, orjson.dumps(models))
                continue
            if self.options.same:
                self.at_once(path.decode(), body)
                continue
            at = low.find(b"x-request-id:")
            name = (
                top[at + 13 : top.find(b"\r\n", at) if top.find(b"\r\n", at) > 0 else None].strip().decode()
                if at > 0
                else ""
            )
            task = asyncio.get_running_loop().create_task(self.late(path.decode(), orjson.loads(body), name))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    tasks: ClassVar = set()

    def whole(self, status, data):
        self.transport.write(head(status, b"application/json", len(data)) + data)

    def at_once(self, path, body):
        """Answer at once; the same answer for all is made once, so that the service is not what is measured."""
        stream = b'"stream":true' in body or b'"stream": true' in body
        asks = stream and b'"include_usage":true' in body.replace(b" ", b"")
        if (path, stream, asks) not in self.plain:
            parsed = orjson.loads(body)
            if stream:
                made = [chunked(one + b"\n\n") for one in events_of(path, parsed, 12, PIECES, True)]
            else:
                data = orjson.dumps(answer_to(path, parsed, 12, PIECES, True))
                made = head(200, b"application/json", len(data)) + data
            self.plain[path, stream, asks] = made
        made = self.plain[path, stream, asks]
        if not stream:
            self.transport.write(made)
            return
        self.transport.write(head(200, b"text/event-stream", None))
        self.next_of(iter(made))

    def next_of(self, pieces):
        """Hand over a piece each turn of the loop, as a model does that makes token after token."""
        if self.transport is None:
            return
        piece = next(pieces, None)
        if piece is None:
            self.transport.write(b"0\r\n\r\n")
        else:
            self.transport.write(piece)
            asyncio.get_running_loop().call_soon(self.next_of, pieces)

    async def late(self, path, body, name):
        chance = self.random
        fault = None
        if self.options.faults is not None and chance.random() < self.options.share:
            fault = self.options.only or chance.choice(FAULTS)
        if self.options.latency:
            await asyncio.sleep(chance.expovariate(1 / self.options.latency))
        most = body.get("max_tokens") or body.get("max_completion_tokens") or body.get("max_output_tokens") or 64
        prompt = len(orjson.dumps(body.get("messages") or body.get("input") or body.get("prompt"))) // 4 + 1
        completion = 0 if path.endswith("/embeddings") else chance.randint(1, most)
        if self.transport is None:
            return
        if fault in ("error", "busy"):
            self.whole(500 if fault == "error" else 429, b'{"error":{"message":"not now"}}')
            return
        if fault == "hang-up":
            self.transport.close()
            return
        if fault == "slow":
            await asyncio.sleep(self.options.slow)
            if self.transport is None:
                return
        told = fault != "no-usage"
        tag = body.get("user")
        if not body.get("stream"):
            data = orjson.dumps(answer_to(path, body, prompt, completion, told))
            if fault == "malformed":
                data = data[: len(data) // 2]
            top = head(200, b"application/json", len(data))
            if fault == "hang-up-late":
                self.transport.write(top + data[:20])
                self.transport.close()
                return
            if fault != "malformed":
                self.note(name, tag, prompt, completion, told, True)
            self.transport.write(top + data)
            return
        self.transport.write(head(200, b"text/event-stream", None))
        made = list(events_of(path, body, prompt, completion, told))
        for at, event in enumerate(made):
            if fault == "hang-up-late" and at == len(made) // 2:
                self.note(name, tag, prompt, at, False, False)
                self.transport.close()
                return
            if fault == "malformed" and at == 1:
                self.transport.write(chunked(b'data: {"choices": [{"usage\n\n'))
            if at == len(made) - 1:
                self.note(name, tag, prompt, completion, told, True)
            self.transport.write(chunked(event + b"\n\n"))
            if self.options.pause:
                await asyncio.sleep(self.options.pause)
            if self.transport is None:
                self.note(name, tag, prompt, at + 1, False, False)
                return
        self.transport.write(b"0\r\n\r\n")

    def note(self, name, tag, prompt, completion, told, whole):
        """Note what was produced: ``told`` is whether the client of this service can know, ``whole`` whether it was all."""
        if self.record:
            line = {"id": name, "tag": tag, "prompt": prompt, "completion": completion, "told": told, "whole": whole}
            self.record.write(orjson.dumps(line) + b"\n")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--faults", type=int)
    parser.add_argument("--share", type=float, default=0.15, help="of the requests that meet a fault")
    parser.add_argument("--only", choices=FAULTS, help="the one fault that there is")
    parser.add_argument("--latency", type=float, default=0, help="mean seconds before an answer begins")
    parser.add_argument("--pause", type=float, default=0, help="seconds between the events of a stream")
    parser.add_argument("--slow", type=float, default=0.5, help="seconds that a slow answer is late")
    parser.add_argument("--record")
    parser.add_argument("--same", action="store_true", help="the same answer for all, at once")
    Service.options = parser.parse_args()
    Service.random = random.Random(Service.options.faults or 0)
    if Service.options.record:
        Service.record = open(Service.options.record, "ab", buffering=0)  # noqa: SIM115
    gc.freeze()
    server = await asyncio.get_running_loop().create_server(Service, "127.0.0.1", Service.options.port, backlog=1024)
    print(os.getpid(), flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
