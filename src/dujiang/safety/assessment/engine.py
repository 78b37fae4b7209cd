"""Runs suites on a model service by Inspect AI (UK AI Security Institute): its tasks, solvers, scorers and logs.

Targets speak OpenAI's chat completions. The provider is ours, registered with Inspect as ``dujiang``: Inspect's own
for such services needs the openai package, and this one opens no more than a connection pool. Nothing is downloaded
or reported anywhere; logs go to a folder that is named, else to one that is removed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dujiang.messages import Refused, Text
from dujiang.safety.assessment.findings import Turn

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model
    from inspect_ai.solver import Solver

AT_ONCE = 48
"""Requests that a target is sent at once."""
_SECONDS, _TRIES = 120, 3
LONGEST = 600
"""Tokens of an answer at most."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model service: ``url`` up to ``/v1``, the model's name, the key."""

    url: str
    model: str
    key: str = field(default="", repr=False)


def require_engine() -> None:
    """Return if Inspect is installed, else raise `Refused` that says how to install it."""
    if importlib.util.find_spec("inspect_ai") is None:
        raise Refused(
            Text(
                "本站未安装安全评估引擎，请执行：pip install 'dujiang[safety]'",
                "the assessment engine is not installed: pip install 'dujiang[safety]'",
            )
        )


@cache
def _provider() -> str:
    """Register our provider with Inspect, once; returns its name."""
    import aiohttp
    from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi
    from inspect_ai.tool import ToolChoice, ToolInfo

    @modelapi(name="dujiang")
    class Chat(ModelAPI):
        """A service that speaks OpenAI's chat completions."""

        _session: aiohttp.ClientSession | None = None

        async def generate(
            self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
        ) -> ModelOutput:
            if self._session is None:
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0),
                    timeout=aiohttp.ClientTimeout(total=_SECONDS),
                    headers={"authorization": f"Bearer {self.api_key}"},
                )
            body = {
                "model": self.model_name,
                "messages": [{"role": one.role, "content": one.text} for one in input],
                "max_tokens": config.max_tokens or LONGEST,
                "temperature": config.temperature or 0,
            }
            if config.seed is not None:
                body["seed"] = config.seed
            async with self._session.post(f"{self.base_url}/chat/completions", json=body) as response:
                response.raise_for_status()
                answer = await response.json()
            return ModelOutput.from_content(self.model_name, str(answer["choices"][0]["message"]["content"] or ""))

        def should_retry(self, ex: BaseException) -> bool:
            """Try again what is busy or broken, not what is wrong."""
            if isinstance(ex, aiohttp.ClientResponseError):
                return ex.status in (408, 429) or ex.status >= 500
            return isinstance(ex, aiohttp.ClientConnectionError | asyncio.TimeoutError)

        def max_connections(self) -> int:
            return AT_ONCE

        def connection_key(self) -> str:
            return str(self.base_url)

        async def aclose(self) -> None:
            if self._session is not None:
                await self._session.close()

    return "dujiang"


Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """An Inspect task, and by sample what its scorer judged: a log that isn't kept needn't be read back for that."""

    task: Task
    judged: dict[str, list[Item]] = field(default_factory=dict)

    def items(self) -> list[Item]:
        """Return all that was judged, in the order of the samples."""
        return [item for group in sorted(self.judged) for item in self.judged[group]]


def run(planned: Sequence[Planned], target: Endpoint, logs: Path | None = None, *, seed: int = 0) -> None:
    """Run tasks on a target, side by side; what was judged is in each `Planned` then.

    Raises `Refused` where the service can't be reached or doesn't speak the API.
    """
    from inspect_ai import eval_async
    from inspect_ai.model import GenerateConfig, get_model

    _reach(target)
    # Its display "none" draws all that it doesn't show, which takes a quarter of the time; "log" prints, to nobody.
    os.environ["INSPECT_DISPLAY"] = "log"
    model = get_model(
        f"{_provider()}/{target.model}",
        base_url=target.url.rstrip("/"),
        api_key=target.key or "none",
        config=GenerateConfig(max_connections=AT_ONCE, max_retries=_TRIES, timeout=_SECONDS, seed=seed),
        memoize=False,
    )

    async def held(folder: Path) -> list[EvalLog]:
        try:
            return await eval_async(
                [one.task for one in planned],
                model=model,
                max_tasks=len(planned),
                max_samples=64,
                log_dir=str(folder),
                log_level="error",
                log_samples=logs is not None,
                log_realtime=False,
                log_model_api=False,
                score_display=False,
            )
        finally:
            await model.api.aclose()

    with _folder(logs) as folder, redirect_stdout(StringIO()):
        done = asyncio.run(held(folder))
    for log in done:
        if log.status != "success":
            why = (log.error.message if log.error else log.status).strip()[:300]
            name = log.eval.task
            raise Refused(
                Text(
                    f"评估对象 {target.url} 未能完成 {name}：{why}",
                    f"the target {target.url} did not finish {name}: {why}",
                )
            )


def _reach(target: Endpoint) -> None:
    """Return if something answers at the target's address, so that one that is mistyped is told at once."""
    address = urlsplit(target.url)
    try:
        port = address.port or {"http": 80, "https": 443}[address.scheme]
        socket.create_connection((address.hostname or "", port), timeout=10).close()
    except (OSError, KeyError, ValueError) as error:
        raise Refused(
            Text(f"连不上评估对象 {target.url}：{error}", f"the target {target.url} can't be reached: {error}")
        ) from error


@contextmanager
def _folder(logs: Path | None) -> Iterator[Path]:
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        yield logs
        return
    with TemporaryDirectory(prefix="dujiang-assess-") as folder:
        yield Path(folder)


async def ask(model: Model, turns: Sequence[Turn], temperature: float = 0.0) -> list[Turn]:
    """Hold a conversation: each user turn is sent with all before it; returns the turns with the answers between them.

    Turns of other roles (system, assistant, tool) are context. A tool's result goes as a user's message that says so,
    since not every service takes the role without a call.
    """
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig

    said: list[Turn] = []
    messages: list[ChatMessage] = []
    for turn in turns:
        said.append(turn)
        if turn["role"] == "system":
            messages.append(ChatMessageSystem(content=turn["content"]))
        elif turn["role"] == "assistant":
            messages.append(ChatMessageAssistant(content=turn["content"]))
        else:
            messages.append(ChatMessageUser(content=turn["content"]))
        if turn["role"] == "user":
            output = await model.generate(messages, config=GenerateConfig(temperature=temperature, max_tokens=LONGEST))
            said.append({"role": "assistant", "content": output.completion})
            messages.append(ChatMessageAssistant(content=output.completion))
    return said


def task(
    name: str,
    groups: Mapping[str, Sequence[Item]],
    judge: Callable[[Item], Item],
    good: Callable[[Item], bool],
) -> Planned:
    """Return a task with a sample a group: its items' ``turns`` are asked all at once, and each item is judged.

    An item may set ``temperature``. ``judge`` gets the item with ``said``, the conversation, and ``answer``, its end;
    what it returns is kept. A sample's score is the share of its items that are ``good``.
    """
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
    from inspect_ai.solver import Generate, TaskState, solver

    @solver(name=f"{name}_asks")
    def asks() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            model = get_model()
            items = state.metadata["items"]
            said = await asyncio.gather(*(ask(model, one["turns"], one.get("temperature", 0.0)) for one in items))
            state.store.set("said", said)
            return state

        return solve

    @scorer(metrics=[mean()], name=f"{name}_judges")
    def judges() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            judged = [
                judge({**one, "said": said, "answer": said[-1]["content"]})
                for one, said in zip(state.metadata["items"], state.store.get("said"), strict=True)
            ]
            planned.judged[str(state.sample_id)] = judged
            return Score(value=sum(good(one) for one in judged) / len(judged), metadata={"judged": judged})

        return score

    samples = [
        Sample(id=group, input=group, metadata={"items": list(items)}) for group, items in groups.items() if items
    ]
    planned = Planned(Task(name=name, dataset=MemoryDataset(samples), solver=asks(), scorer=judges()))
    return planned


def search(
    name: str,
    batches: Callable[[], Generator[list[Item], list[Item], None]],
    judge: Callable[[Item], Item],
    good: Callable[[Item], bool],
) -> Planned:
    """Return a task of one sample that decides what to ask by what was answered.

    ``batches`` yields items, asked all at once, and is sent what they were judged to be; it ends the search.
    """
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import get_model
    from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
    from inspect_ai.solver import Generate, TaskState, solver

    @solver(name=f"{name}_searches")
    def searches() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            model = get_model()
            found: list[Item] = []
            planner = batches()
            try:
                items = next(planner)
                while True:
                    said = await asyncio.gather(
                        *(ask(model, one["turns"], one.get("temperature", 0.0)) for one in items)
                    )
                    answered = [
                        judge({**one, "said": turns, "answer": turns[-1]["content"]})
                        for one, turns in zip(items, said, strict=True)
                    ]
                    found += answered
                    items = planner.send(answered)
            except StopIteration:
                planned.judged["search"] = found
            return state

        return solve

    @scorer(metrics=[mean()], name=f"{name}_judges")
    def judges() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            found = planned.judged["search"]
            return Score(value=sum(good(one) for one in found) / len(found), metadata={"judged": found})

        return score

    planned = Planned(
        Task(name=name, dataset=MemoryDataset([Sample(id="search", input=name)]), solver=searches(), scorer=judges())
    )
    return planned
