"""One gateway process: what happens to a request from its key to its settlement.

A request is checked, the most that it can cost is held, it goes to a service, and what it did cost is settled before
its last byte goes to the client. What a holder is charged for:

- An answer that came whole: what the service reports, else the stated count.
- A service that failed before it produced anything: nothing; the request may go to another service. Once a byte has
  gone to the client it can't.
- A client that hangs up: what was produced. Of a stream whose events carry usage, the last one says, and the service
  is cut off; otherwise the rest of the answer is read, for `LINGER` seconds at most, and then counted.
- A stream that the service breaks off, or that is stopped by a filter: what was produced until then.

Each request settles exactly once, and never for more than was held.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Any

import aiohttp
import orjson

from dujiang.messages import Text
from dujiang.safety import labels
from dujiang.tokens import errors, sse
from dujiang.tokens.bank import Exchange, PurseName
from dujiang.tokens.catalogue import Catalogue, Model
from dujiang.tokens.counting import counted, most, reported
from dujiang.tokens.errors import Headers, Refusal
from dujiang.tokens.escrow import Escrow, Short
from dujiang.tokens.filters import Hold, answered, asked
from dujiang.tokens.keys import Key, digest
from dujiang.tokens.limits import Window
from dujiang.tokens.metrics import Metrics
from dujiang.tokens.prices import NOTHING, Price, Usage
from dujiang.tokens.upstreams import ATTEMPTS, RETRIED, RetryBudget, Service, choose

PATHS = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"})
_ASKS_USAGE = frozenset({"/v1/chat/completions", "/v1/completions"})
LINGER = 30.0
"""Seconds for which an answer is read on whose client has hung up."""
log = logging.getLogger("dujiang.tokens")


class Retry(Exception):
    """The service produced nothing; another may. ``why`` is what the client is told if none does."""

    def __init__(self, why: Refusal) -> None:
        super().__init__()
        self.why = why


class Job:
    """A request on its way."""

    id: str
    """As client and service know it; there once its cost is held."""
    number: int
    """Of its hold."""
    price: Price
    bound: Usage
    sent: bytes
    """The body that goes to the service."""
    started: float

    def __init__(self, path: str, key: Key, model: Model, body: dict[str, Any], stream: bool) -> None:
        self.path, self.key, self.model, self.body, self.stream = path, key, model, body, stream
        self.settled = False
        self.status = 0
        self.cost = 0
        self.usage = NOTHING
        self.how = "failed"
        self.hide = False
        self.service: Service | None = None
        self.requests: Window | None = None
        self.tokens: Window | None = None


class Listener:
    """The client's end of a stream."""

    __slots__ = ("_keeps", "_transport", "heard", "until")

    def __init__(self, transport: Any, *, keeps: bool) -> None:
        self._transport, self._keeps = transport, keeps
        self.heard: list[bytes] = []
        """What was given, where it is to be kept."""
        self.until: float | None = None
        """Until when the answer is read on, since the client has hung up."""

    async def give(self, out: bytes) -> None:
        """Give bytes to the client, if it is still there."""
        if not out or self.until:
            return
        if self._keeps:
            self.heard.append(out)
        try:
            await self._transport.send_bytes(out)
        except Exception:  # granian's own errors have no public name
            self.until = time.monotonic() + LINGER

    def end(self) -> None:
        """End the answer: granian does when nobody holds its end any more.

        The error of a service that broke off is kept by its response, and with its traceback the frames that hold us;
        that circle is only taken apart by the garbage collector, for which a client would wait.
        """
        self._transport = None


async def _next(content: aiohttp.StreamReader, blocks: sse.Blocks, until: float | None = None) -> bytes:
    """Return the next whole events, none at the end; raises TimeoutError past ``until``."""
    while True:
        if until is None:
            data = await content.readany()
        else:
            data = await asyncio.wait_for(content.readany(), until - time.monotonic())
        if not data:
            return b""
        if block := blocks.feed(data):
            return block


class Gateway:
    """The process."""

    def __init__(self, escrow: Escrow, catalogue: Catalogue, *, logs: bool) -> None:
        self.escrow = escrow
        self.metrics = Metrics()
        self.kept: list[Exchange] = []
        self.lines: list[bytes] = []
        self.refused: Counter[tuple[str, str, str]] = Counter()
        """Refusals that the ledger has not been told of, by holder, model and code."""
        self.seen = time.monotonic()
        """When the ledger was last in reach."""
        self.share = 1
        self.in_flight = 0
        self._logs = logs
        self._services: dict[str, Service] = {}
        self._windows: dict[str, tuple[Window, Window]] = {}
        self._retries = RetryBudget()
        self._timeouts: dict[Service, aiohttp.ClientTimeout] = {}
        self._headers: dict[Service, dict[str, str]] = {}
        self.session: aiohttp.ClientSession
        self.change(catalogue)

    def change(self, catalogue: Catalogue) -> None:
        """Take a new catalogue in; services that did not change keep their state."""
        self.catalogue = catalogue
        specs = {one.name: one for model in catalogue.models.values() for one in model.upstreams}
        old = self._services
        self._services = {
            name: old[name] if name in old and old[name].spec == spec else Service(spec) for name, spec in specs.items()
        }
        self._of_model = {
            name: [self._services[one.name] for one in model.upstreams] for name, model in catalogue.models.items()
        }
        self._timeouts = {
            one: aiohttp.ClientTimeout(total=None, sock_connect=one.spec.connect, sock_read=one.spec.answer)
            for one in self._services.values()
        }
        self._headers = {one: _upstream_headers(one) for one in self._services.values()}
        keys = {key.id for key in catalogue.keys.values()}
        self._windows = {name: windows for name, windows in self._windows.items() if name in keys}

    async def open(self) -> None:
        """Open connections to the services."""
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            skip_auto_headers=("User-Agent", "Accept"),
            json_serialize=lambda value: orjson.dumps(value).decode(),
            read_bufsize=2**18,
        )

    # A request, from its key to its hold.

    def key_of(self, authorization: str | None) -> Key:
        """Return the key of a request; raises `Refusal`."""
        secret = authorization[7:] if authorization and authorization[:7].lower() == "bearer " else ""
        key = self.catalogue.keys.get(digest(secret))
        if key is None or key.expires <= time.time():
            raise errors.UNKNOWN_KEY
        return key

    def job(self, path: str, key: Key, raw: bytes) -> Job:
        """Read a request; raises `Refusal`."""
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise errors.NOT_JSON from None
        if type(body) is not dict:
            raise errors.NOT_JSON
        name = body.get("model")
        model = self.catalogue.models.get(name) if isinstance(name, str) else None
        if model is None or not key.allows(model.name):
            raise errors.model_unknown(name)
        if body.get("background"):
            text = Text("不支持 background：其用量无从计量", "background is not offered: what it uses can't be metered")
            raise errors.bad_request("unsupported_parameter", text, "background")
        job = Job(path, key, model, body, body.get("stream") is True)
        price = model.prices.at(time.time())
        if price is None:
            raise errors.NO_PRICE
        job.price = price
        if job.stream and path in _ASKS_USAGE:
            options = body.get("stream_options")
            options = dict(options) if isinstance(options, dict) else {}
            job.hide = options.get("include_usage") is not True
            body["stream_options"] = {**options, "include_usage": True}
        # What goes on is what was read, so that the service can't understand a request otherwise than the gateway did.
        job.sent = orjson.dumps(body)
        job.bound = most(path, body, job.sent, model.limits)
        if model.open_to is not None and key.holder != model.provider and key.holder not in model.open_to:
            self.refused[key.holder, model.name, errors.NOT_FILED.code] += 1
            raise errors.NOT_FILED
        if model.refuses and model.refuses.finds(asked(body)):
            self.refused[key.holder, model.name, errors.CONTENT.code] += 1
            raise errors.CONTENT
        return job

    def admit(self, job: Job) -> None:
        """Keep the key's limits; raises `Refusal`."""
        key = job.key
        if not key.requests_a_minute and not key.tokens_a_minute:
            return
        now = time.monotonic()
        windows = self._windows.get(key.id)
        if windows is None:
            windows = self._windows[key.id] = Window(), Window()
        requests, tokens = windows
        if key.requests_a_minute:
            limit = max(1, key.requests_a_minute // self.share)
            if not requests.reserve(now, 1, limit):
                raise errors.too_many(Text("请求数", "requests"), key.requests_a_minute, requests.wait(now, 1, limit))
            job.requests = requests
        if key.tokens_a_minute:
            limit = max(1, key.tokens_a_minute // self.share)
            amount = job.bound.prompt + job.bound.completion
            if amount > limit or not tokens.reserve(now, amount, limit):
                if job.requests:
                    job.requests.use(now, 1, 0)
                if amount > limit:
                    raise errors.over_limit(limit, amount)
                raise errors.too_many(Text("词元数", "tokens"), key.tokens_a_minute, tokens.wait(now, amount, limit))
            job.tokens = tokens

    async def hold(self, job: Job) -> None:
        """Hold the most that the request can cost; raises `Refusal`."""
        purse = PurseName(job.key.holder, job.model.provider)
        amount = job.price.most(job.bound)
        try:
            number = self.escrow.hold(purse, amount, job.key.id, job.model.name)
            if number is None:
                number = await self.escrow.hold_soon(purse, amount, job.key.id, job.model.name)
        except Short as error:
            raise errors.MONEY_HELD if error.soon else errors.NO_MONEY from None
        except OSError:
            raise errors.NO_JOURNAL from None
        job.number = number
        job.id = f"{self.escrow.journal.name}-{number}"

    def settle(self, job: Job, usage: Usage, how: str) -> None:
        """Settle the request, once; what comes later changes nothing."""
        if job.settled:
            return
        job.settled = True
        cost = job.price.cost(usage)
        name = job.service.spec.name if job.service else ""
        job.usage, job.how = usage, how
        try:
            job.cost = self.escrow.settle(job.number, cost, name, usage, how)
        except OSError:
            # The hold stays in the journal, and ends as abandoned when the gateway starts anew.
            log.exception("the journal can't be written")
            return
        counters, model = self.metrics.counters, job.model.name
        if cost > job.cost:
            counters["over_hold_micro_fen", name] += cost - job.cost
        counters["tokens", model, "prompt"] += usage.prompt
        counters["tokens", model, "completion"] += usage.completion
        counters["cost_micro_fen", model] += job.cost

    def end(self, job: Job) -> None:
        """Account for a request that is over."""
        if not job.settled:
            self.settle(job, NOTHING, "failed")
        now = time.monotonic()
        if job.requests:
            job.requests.use(now, 1, 1)
        if job.tokens:
            job.tokens.use(now, job.bound.prompt + job.bound.completion, job.usage.prompt + job.usage.completion)
        took = now - job.started
        self.metrics.counters["requests", job.model.name, str(job.status)] += 1
        self.metrics.took(job.model.name, took)
        if self._logs:
            self.lines.append(
                orjson.dumps(
                    {
                        "at": time.time(), "id": job.id, "key": job.key.id, "model": job.model.name, "path": job.path,
                        "upstream": job.service.spec.name if job.service else None, "status": job.status,
                        "stream": job.stream, "usage": job.how, "prompt": job.usage.prompt, "cached": job.usage.cached,
                        "completion": job.usage.completion, "micro_fen": job.cost, "seconds": round(took, 4),
                    }
                )
            )  # fmt: skip

    # The services.

    async def relay(self, path: str, authorization: str | None, proto: Any) -> None:
        """Serve a request."""
        job: Job | None = None
        self.in_flight += 1
        try:
            key = self.key_of(authorization)
            raw = await proto()
            asking = self.job(path, key, raw)
            asking.started = time.monotonic()
            self.admit(asking)
            try:
                await self.hold(asking)
            except Refusal:
                now = time.monotonic()
                if asking.requests:
                    asking.requests.use(now, 1, 0)
                if asking.tokens:
                    asking.tokens.use(now, asking.bound.prompt + asking.bound.completion, 0)
                raise
            job = asking
            await self._try_services(job, proto)
        except Refusal as refusal:
            self.metrics.counters["refused", refusal.code] += 1
            headers = refusal.headers()
            if job:
                job.status = refusal.status
                headers.append(("x-request-id", job.id))
                self.settle(job, NOTHING, "failed")
            proto.response_bytes(refusal.status, headers, refusal.body)
        finally:
            self.in_flight -= 1
            if job:
                self.end(job)

    async def _try_services(self, job: Job, proto: Any) -> None:
        services = self._of_model[job.model.name]
        tried: list[Service] = []
        self._retries.request()
        while True:
            now = time.monotonic()
            service = choose(services, now, tried)
            if service is None:
                raise errors.NO_UPSTREAM
            job.service = service
            service.in_flight += 1
            service.breaker.start()
            try:
                await self._ask(job, service, proto)
                return
            except Retry as retry:
                self.metrics.counters["upstream_failures", service.spec.name] += 1
                service.breaker.fail(time.monotonic())
                tried.append(service)
                if len(tried) >= ATTEMPTS or not self._retries.take():
                    raise retry.why from None
                self.metrics.counters["retries", job.model.name] += 1
            except BaseException:
                service.breaker.pass_over()
                raise
            finally:
                service.in_flight -= 1

    async def _ask(self, job: Job, service: Service, proto: Any) -> None:
        """Ask a service and pass its answer on; raises `Retry` where it produced nothing, `Refusal`."""
        spec = service.spec
        sent = job.sent
        if spec.model or (spec.usage == "chunks" and job.stream and job.path in _ASKS_USAGE):
            body = {**job.body, "model": spec.model or job.model.name}
            if spec.usage == "chunks" and job.stream and job.path in _ASKS_USAGE:
                body["stream_options"] = {**body["stream_options"], "continuous_usage_stats": True}
            sent = orjson.dumps(body)
        headers = self._headers[service] | {"X-Request-Id": job.id}
        try:
            response = await self.session.post(
                spec.url + job.path[3:],
                data=sent,
                headers=headers,
                timeout=self._timeouts[service],
                allow_redirects=False,
            )
        except aiohttp.ServerTimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise Retry(errors.UPSTREAM_FAILED) from None
            # It may be producing an answer now: sent again, it would produce two.
            service.breaker.fail(time.monotonic())
            raise errors.UPSTREAM_SLOW from None
        except (aiohttp.ClientError, OSError):
            raise Retry(errors.UPSTREAM_FAILED) from None
        try:
            status = response.status
            if status in RETRIED or status in (401, 403):
                raise Retry(errors.NO_UPSTREAM if status == 429 else errors.UPSTREAM_FAILED)
            if job.stream and status == 200:
                await self._stream(job, service, response, proto)
            else:
                await self._whole(job, service, response, proto)
        finally:
            response.close() if not response.content.at_eof() else response.release()

    async def _whole(self, job: Job, service: Service, response: aiohttp.ClientResponse, proto: Any) -> None:
        """Read an answer whole, settle it, and pass it on."""
        try:
            body = await response.read()
        except aiohttp.ServerTimeoutError:
            service.breaker.fail(time.monotonic())
            raise errors.UPSTREAM_SLOW from None
        except (aiohttp.ClientError, OSError):
            raise Retry(errors.UPSTREAM_FAILED) from None
        status = job.status = response.status
        if status != 200:
            # The service refuses the request itself.
            service.breaker.succeed()
            self.settle(job, NOTHING, "failed")
            headers = [("content-type", response.content_type), ("x-request-id", job.id), ("x-should-retry", "false")]
            proto.response_bytes(status, headers, body)
            return
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Retry(errors.UPSTREAM_FAILED) from None
        service.breaker.succeed()
        usage = reported(answer) if type(answer) is dict else None
        if usage is None:
            self.settle(job, counted(len(job.sent), 0, len(body), job.bound), "counted")
        else:
            self.settle(job, usage, "reported")
        if job.model.refuses and job.model.refuses.finds(answered(answer)):
            self.refused[job.key.holder, job.model.name, errors.CONTENT.code] += 1
            raise errors.CONTENT
        headers = [
            ("content-type", "application/json"),
            ("x-request-id", job.id),
            ("x-cost-micro-fen", str(job.cost)),
        ]
        if job.model.label and job.path != "/v1/embeddings":
            label = labels.label(job.model.provider, job.id)
            headers.append(("aigc", labels.header(label)))
            if type(answer) is dict:
                body = orjson.dumps({**answer, "AIGC": label})
        if job.key.keep_days:
            self._keep(job, body)
        proto.response_bytes(200, headers, body)

    async def _stream(self, job: Job, service: Service, response: aiohttp.ClientResponse, proto: Any) -> None:
        """Pass a stream on as it comes, and settle it before its end goes on."""
        blocks, meter = sse.Blocks(), sse.Meter(job.hide)
        try:
            # Until something has come another service may still answer.
            block = await _next(response.content, blocks)
        except aiohttp.ServerTimeoutError:
            service.breaker.fail(time.monotonic())
            raise errors.UPSTREAM_SLOW from None
        except (aiohttp.ClientError, OSError, sse.Broken):
            raise Retry(errors.UPSTREAM_FAILED) from None
        if not block:
            raise Retry(errors.UPSTREAM_FAILED)
        service.breaker.succeed()
        job.status = 200
        headers: Headers = [
            ("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"), ("x-request-id", job.id),
        ]  # fmt: skip
        if job.model.label:
            headers.append(("aigc", labels.header(labels.label(job.model.provider, job.id))))
        client = Listener(proto.response_stream(200, headers), keeps=bool(job.key.keep_days))
        try:
            await self._pass_on(job, service, response, client, block, blocks, meter)
        finally:
            client.end()

    async def _pass_on(
        self,
        job: Job,
        service: Service,
        response: aiohttp.ClientResponse,
        client: Listener,
        block: bytes,
        blocks: sse.Blocks,
        meter: sse.Meter,
    ) -> None:
        """Pass on a stream that has begun, to its end."""
        refuses = Hold(job.model.refuses) if job.model.refuses else None
        last = b""
        try:
            while block:
                out = meter.feed(block)
                if refuses:
                    out, stopped = refuses.feed(out)
                    if stopped:
                        self.refused[job.key.holder, job.model.name, errors.CONTENT.code] += 1
                        last = errors.broken_stream(Text("内容被过滤", "the content was filtered"))
                        break
                    if meter.done:
                        out += refuses.rest()
                if meter.done:
                    self._settle_stream(job, meter)
                await client.give(out)
                if client.until and service.spec.usage == "chunks" and meter.usage is not None:
                    break
                block = await _next(response.content, blocks, client.until)
            else:
                last = refuses.rest() if refuses else b""
        except (aiohttp.ClientError, OSError, sse.Broken, TimeoutError):
            if not client.until:
                self.metrics.counters["upstream_failures", service.spec.name] += 1
                last = errors.broken_stream(Text("模型服务中断", "the model service broke off"))
        self._settle_stream(job, meter)
        await client.give(last)
        if job.key.keep_days:
            self._keep(job, b"".join(client.heard))

    def _settle_stream(self, job: Job, meter: sse.Meter) -> None:
        if meter.usage is not None:
            self.settle(job, meter.usage, "reported")
        else:
            self.settle(job, counted(len(job.sent), meter.events, meter.beyond, job.bound), "counted")

    def _keep(self, job: Job, answer: bytes) -> None:
        now = time.time()
        content = orjson.dumps({"request": job.body, "answer": answer.decode("utf-8", "replace")})
        self.kept.append(Exchange(job.id, job.key.id, now, now + job.key.keep_days * 86400, content))

    # What is done every now and then.

    async def check_services(self) -> None:
        """Ask each service whether it is well."""

        async def check(service: Service) -> None:
            try:
                url, headers = service.spec.url + "/models", self._headers[service]
                timeout = aiohttp.ClientTimeout(total=service.spec.connect)
                async with self.session.get(url, headers=headers, timeout=timeout) as response:
                    service.well = response.status < 500
            except (aiohttp.ClientError, OSError, TimeoutError):
                service.well = False

        await asyncio.gather(*map(check, list(self._services.values())))

    def gauge(self) -> None:
        """Note how things stand now."""
        gauges = self.metrics.gauges
        gauges.clear()
        now = time.monotonic()
        for name, service in self._services.items():
            gauges["in_flight", name] = service.in_flight
            gauges["upstream_well", name] = int(service.well and service.breaker.lets(now))
        gauges["free_micro_fen",] = sum(purse.free for purse in self.escrow.purses.values())
        gauges["held_micro_fen",] = sum(purse.held for purse in self.escrow.purses.values())
        gauges["journal_unposted",] = self.escrow.unposted

    def models(self, key: Key) -> list[dict[str, Any]]:
        """Return the models that a key is for, as the API lists them."""
        return [
            {"id": model.name, "object": "model", "created": 0, "owned_by": model.provider or "dujiang"}
            for model in self.catalogue.models.values()
            if key.allows(model.name)
        ]


def _upstream_headers(service: Service) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if service.spec.secret:
        headers["Authorization"] = f"Bearer {service.spec.secret}"
    return headers
