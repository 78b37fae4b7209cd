"""How many tokens a request can use at most, and how many it did use.

**The most.** A byte-level tokeniser makes at most one token of a byte, so the bytes of the request's JSON bound its
prompt: the JSON spells out more around each message than a chat template does. Definitions of tools and schemas count
twice, since templates print them with spaces and escapes. Images have the model's stated bound each; what the model
service fetches by itself (files, audio, an earlier answer) can be as long as the context. No prompt is longer than
the context. The completion is bounded by what the request allows, else by the model's longest answer, for each choice.

**What was used** is what the model service reports. Where it reports nothing a stated count stands in: of the prompt,
a token for three bytes of the request; of the completion, a token for each event of a stream, or for three bytes
beyond the bare event, whichever is more. Neither is ever more than the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dujiang.tokens.prices import Usage

BYTES_A_TOKEN = 3
"""Where nobody reports a count. A Chinese character has 3 bytes and is about a token or less, an English token about 4."""
_FETCHED = (b'"type":"input_audio"', b'"type":"file"', b'"type":"input_file"', b'"type":"video_url"')
_REFERENCES = ("previous_response_id", "conversation", "prompt_cache_id")


@dataclass(frozen=True, slots=True)
class Limits:
    """A model's sizes in tokens."""

    context: int
    """The longest prompt with its completion."""
    output: int
    """The longest completion where the request states none."""
    overhead: int = 256
    """What the service's chat template adds of its own."""
    image: int = 16384
    """The most for one image."""


def most(path: str, body: Mapping[str, Any], sent: bytes, limits: Limits) -> Usage:
    """Return the most tokens that a request can use; ``sent`` is ``body`` as the compact JSON that goes to the service."""
    prompts = _prompts(body, "input") if path == "/v1/embeddings" else 1
    if path == "/v1/completions":
        prompts = _prompts(body, "prompt")
    size = len(sent) * (
        2 if "tools" in body or "functions" in body or "response_format" in body or "text" in body else 1
    )
    prompt = size + limits.overhead * prompts
    if b'"image' in sent or b'"input_image"' in sent:
        images = sent.count(b'"type":"image_url"') + sent.count(b'"type":"input_image"')
        prompt += images * limits.image
    whole = limits.context * prompts
    if path == "/v1/embeddings":
        return Usage(min(prompt, whole), 0, 0)
    if any(mark in sent for mark in _FETCHED) or any(body.get(name) for name in _REFERENCES):
        prompt = whole
    if path == "/v1/responses" and isinstance(body.get("prompt"), Mapping):
        prompt = whole  # a prompt kept by the service
    given = [
        body[name] for name in ("max_tokens", "max_completion_tokens", "max_output_tokens") if _count(body.get(name))
    ]
    output = min(max(given), limits.context) if given else limits.output
    choices = max(body["n"] if _count(body.get("n")) else 1, body["best_of"] if _count(body.get("best_of")) else 1)
    if body.get("prediction"):
        output += size  # rejected tokens of a prediction are billed too
    return Usage(min(prompt, whole), 0, output * choices * prompts)


def _count(value: Any) -> bool:
    return type(value) is int and value > 0


def _prompts(body: Mapping[str, Any], name: str) -> int:
    """How many prompts a request holds: texts, or lists of token numbers."""
    value = body.get(name)
    return len(value) if isinstance(value, list) and value and not isinstance(value[0], int) else 1


def reported(answer: Mapping[str, Any]) -> Usage | None:
    """Return the usage that a service reports in an answer or in an event of a stream; None where it is not there.

    Both spellings are understood: ``prompt_tokens``/``completion_tokens``, and ``input_tokens``/``output_tokens`` of
    the responses API, whose events hold it inside ``response``.
    """
    usage = answer.get("usage")
    if not isinstance(usage, Mapping):
        inner = answer.get("response")
        usage = inner.get("usage") if isinstance(inner, Mapping) else None
        if not isinstance(usage, Mapping):
            return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    details = usage.get("prompt_tokens_details")
    if prompt is None:
        prompt, completion = usage.get("input_tokens"), usage.get("output_tokens", 0)
        details = usage.get("input_tokens_details")
    if type(prompt) is not int or type(completion) is not int or prompt < 0 or completion < 0:
        return None
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    if type(cached) is not int or not 0 <= cached <= prompt:
        cached = 0
    return Usage(prompt, cached, completion)


def counted(sent: int, events: int, beyond: int, bound: Usage) -> Usage:
    """Return the count that stands in where nothing was reported.

    ``sent`` are the bytes of the request, ``events`` those of the stream that hold something, ``beyond`` their bytes
    over as many of the shortest one.
    """
    prompt = -(-sent // BYTES_A_TOKEN)
    completion = max(events, -(-beyond // BYTES_A_TOKEN))
    return Usage(min(prompt, bound.prompt), 0, min(completion, bound.completion))
