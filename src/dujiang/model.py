"""A client of an OpenAI-compatible model service that keeps to a budget of tokens and says the same thing twice.

It is small and synchronous, so that it can be handed to a method in a worker process. Answers are kept by the digest of
the request: within a run the same prompt has the same answer, whatever the service does.
"""

from __future__ import annotations

import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TIMEOUT = 120
_OVERHEAD = 64
"""Bytes that stand for what a service puts around a message."""


class OverBudget(RuntimeError):
    """What is left of the budget may not suffice for the request, so it was not sent."""


class NoAnswer(RuntimeError):
    """The service can't be reached, refuses, or answers with something else than the API says."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where models are had: ``url`` up to ``/v1``, the key, names of the models; prices in CNY per million tokens."""

    url: str
    key: str = field(repr=False)
    chat: str = ""
    embedding: str = ""
    input_price: float | None = None
    output_price: float | None = None

    def model(self, kind: str) -> str:
        """Return the name of the model of a kind (chat, embedding), empty where there is none."""
        return {"chat": self.chat, "embedding": self.embedding}[kind]


def service(environment: Mapping[str, str] = os.environ) -> Service | None:
    """Return the service that the environment names, or None; raises ValueError for prices that are no two numbers."""
    url = environment.get("DUJIANG_MODEL_URL", "").rstrip("/")
    if not url:
        return None
    prices: list[float | None] = [
        float(price) for price in environment.get("DUJIANG_MODEL_PRICES", "").split(",") if price
    ]
    if len(prices) not in (0, 2):
        raise ValueError("DUJIANG_MODEL_PRICES: 输入价,输出价 / input price,output price")
    names = environment.get("DUJIANG_MODEL_CHAT", ""), environment.get("DUJIANG_MODEL_EMBEDDING", "")
    return Service(url, environment.get("DUJIANG_MODEL_KEY", ""), *names, *(prices or [None, None]))


@dataclass(slots=True)
class Use:
    """What was used: the model, requests sent, tokens as the service counts them, cost in CNY where prices are known.

    ``prompts`` are the digests of the requests. Where the service counts no tokens, the most it can be is counted.
    """

    model: str
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    prompts: list[str] = field(default_factory=list)


class Client:
    """A model service for one piece of work, which may use ``tokens`` of it; ``kept`` are answers by request digest."""

    def __init__(self, where: Service, kind: str, tokens: int, kept: MutableMapping[str, Any] | None = None) -> None:
        self._where = where
        self._left = tokens
        self.kept: MutableMapping[str, Any] = {} if kept is None else kept
        self.used = Use(where.model(kind))

    def chat(self, messages: Sequence[Mapping[str, str]], most: int = 1024) -> str:
        """Return what the model says, at temperature 0, in at most ``most`` tokens; raises `OverBudget`, `NoAnswer`."""
        body = {"model": self._where.chat, "messages": list(messages), "temperature": 0, "seed": 0, "max_tokens": most}
        answer = self._ask("/chat/completions", body, most)
        try:
            return str(answer["choices"][0]["message"]["content"] or "")
        except (KeyError, IndexError, TypeError) as error:
            raise NoAnswer(f"chat/completions: {error!r}") from error

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text; raises `OverBudget`, `NoAnswer`."""
        answer = self._ask("/embeddings", {"model": self._where.embedding, "input": list(texts)}, 0)
        try:
            return [list(map(float, one["embedding"])) for one in sorted(answer["data"], key=lambda one: one["index"])]
        except (KeyError, TypeError, ValueError) as error:
            raise NoAnswer(f"embeddings: {error!r}") from error

    def _ask(self, path: str, body: Mapping[str, Any], most: int) -> Any:
        content = json.dumps({"path": path, **body}, ensure_ascii=False, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self.used.prompts:
            self.used.prompts.append(digest)
        if digest in self.kept:
            return self.kept[digest]
        # A token is at least a byte.
        prompt = len(content) + _OVERHEAD
        if prompt + most > self._left:
            raise OverBudget(
                f"余额 {self._left} 词元，可能需要 {prompt + most} / {self._left} tokens left, {prompt + most} may be needed"
            )
        answer = self._sent(path, body)
        self._count(answer.get("usage") or {}, prompt, most)
        self.kept[digest] = answer
        return answer

    def _sent(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self._where.key}"}
        request = urllib.request.Request(self._where.url + path, json.dumps(body).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310
                answer = json.load(response)
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{path}: {error}") from error
        if not isinstance(answer, dict):
            raise NoAnswer(f"{path}: {type(answer).__name__}")
        return answer

    def _count(self, usage: Mapping[str, Any], prompt: int, most: int) -> None:
        read, written = int(usage.get("prompt_tokens", prompt)), int(usage.get("completion_tokens", most))
        self._left -= read + written
        used = self.used
        used.requests += 1
        used.input_tokens += read
        used.output_tokens += written
        if self._where.input_price is not None and self._where.output_price is not None:
            cost = (read * self._where.input_price + written * self._where.output_price) / 1e6
            used.cost = (used.cost or 0.0) + cost
