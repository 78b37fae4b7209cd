"""What a client meets: the official Python client, unchanged, against a gateway over a stub of a model service."""

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

import openai
import pytest
from running import KEY, running_stub

from dujiang.tokens.keys import digest
from ports import free_port
from waiting import until

ASK = [{"role": "user", "content": "都江堰是谁修的？"}]


@cache
def client_at(url, key, timeout):
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=timeout)


def client(gateway, key=KEY, timeout=60):
    return client_at(gateway.url, key, timeout)


@pytest.fixture
def running(gateway, stub):
    gateway.configure([stub])
    gateway.start()
    return gateway


def settled(gateway):
    """The sum of the statement's lines once the gateway has ended."""
    gateway.stop()
    total = [0] * 8
    for line in gateway.statement().values():
        total = [a + b for a, b in zip(total, line, strict=True)]
    return dict(
        zip(
            ("requests", "failed", "counted", "abandoned", "prompt", "cached", "completion", "cost"), total, strict=True
        )
    )


def test_every_endpoint_by_the_official_client(running):
    ours = client(running)
    assert [one.id for one in ours.models.list()] == ["m"]
    assert ours.models.retrieve("m").owned_by == "某智算中心"
    chat = ours.chat.completions.create(model="m", messages=ASK, max_tokens=20)
    assert chat.choices[0].message.content
    plain = ours.completions.create(model="m", prompt="水", max_tokens=20)
    assert plain.choices[0].text
    vectors = ours.embeddings.create(model="m", input=["水", "江"], encoding_format="float")
    assert len(vectors.data) == 2
    response = ours.responses.create(model="m", input="水", max_output_tokens=20)
    assert response.output_text
    used = [one.usage for one in (chat, plain, vectors)]
    total = settled(running)
    assert total["requests"] == 4
    assert total["prompt"] == sum(one.prompt_tokens for one in used) + response.usage.input_tokens
    assert total["completion"] == sum(one.completion_tokens for one in used[:2]) + response.usage.output_tokens
    assert total["failed"] == total["counted"] == 0


def test_streams_by_the_official_client(running):
    ours = client(running)
    chunks = list(ours.chat.completions.create(model="m", messages=ASK, max_tokens=20, stream=True))
    assert "".join(one.choices[0].delta.content for one in chunks)
    assert all(one.usage is None for one in chunks), "nobody asked for the usage"
    asked = list(
        ours.chat.completions.create(
            model="m", messages=ASK, max_tokens=20, stream=True, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].choices == [] and asked[-1].usage.completion_tokens > 0
    pieces = list(ours.completions.create(model="m", prompt="水", max_tokens=20, stream=True))
    assert pieces[0].choices[0].text
    events = list(ours.responses.create(model="m", input="水", max_output_tokens=20, stream=True))
    assert events[-1].type == "response.completed"
    total = settled(running)
    assert total["requests"] == 4
    assert total["counted"] == total["failed"] == 0
    assert total["completion"] >= asked[-1].usage.completion_tokens + events[-1].response.usage.output_tokens


def test_tools_schemas_images_and_unknown_fields_go_through(running):
    ours = client(running)
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    called = ours.chat.completions.create(model="m", messages=ASK, tools=[tool])
    assert json.loads(called.choices[0].message.tool_calls[0].function.arguments) == {"q": "水"}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    made = ours.chat.completions.create(model="m", messages=ASK, response_format=schema)
    assert json.loads(made.choices[0].message.content)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    unknown = {"x_deep": {"a": [1, 2.5, None, "值"]}, "x_flag": True}
    seen = ours.chat.completions.create(model="m", messages=[{"role": "user", "content": [image]}], extra_body=unknown)
    assert seen.echo == unknown


def test_answers_bear_the_label_of_generated_content(running):
    raw = client(running).chat.completions.with_raw_response.create(model="m", messages=ASK, max_tokens=5)
    label = json.loads(raw.headers["aigc"])
    assert (label["Label"], label["ContentProducer"], label["ProduceID"]) == (
        "1",
        "某智算中心",
        raw.headers["x-request-id"],
    )
    assert label == raw.parse().AIGC
    with client(running).chat.completions.with_streaming_response.create(
        model="m", messages=ASK, max_tokens=5, stream=True
    ) as streamed:
        assert json.loads(streamed.headers["aigc"])["Label"] == "1"
        streamed.read()


def test_policy_leaves_the_label_off(gateway, stub):
    gateway.configure([stub], model="label = false")
    gateway.start()
    raw = client(gateway).chat.completions.with_raw_response.create(model="m", messages=ASK, max_tokens=5)
    assert "aigc" not in raw.headers
    assert not hasattr(raw.parse(), "AIGC")


def refused(call, status, code):
    with pytest.raises(openai.APIStatusError) as found:
        call()
    assert (found.value.status_code, found.value.code) == (status, code)
    message = found.value.body["message"]
    assert any("一" <= sign <= "鿿" for sign in message) and any("a" <= sign <= "z" for sign in message)
    return found.value


def test_refusals_are_in_the_form_that_clients_know(running):
    ours = client(running)
    refused(client(running, "sk-other").models.list, 401, "invalid_api_key")
    refused(
        lambda: client(running, "sk-other").chat.completions.create(model="m", messages=ASK), 401, "invalid_api_key"
    )
    refused(lambda: ours.chat.completions.create(model="other", messages=ASK), 404, "model_not_found")
    refused(lambda: ours.models.retrieve("other"), 404, "model_not_found")
    refused(lambda: ours.responses.create(model="m", input="水", background=True), 400, "unsupported_parameter")
    refused(ours.files.list, 404, "unknown_url")
    for body in (b"{", b"[]", b'{"model": 5}', b""):
        request = urllib.request.Request(
            running.url + "/chat/completions", body, {"authorization": f"Bearer {KEY}"}, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as found:
            urllib.request.urlopen(request)
        assert found.value.code in (400, 404)
        assert json.loads(found.value.read())["error"]["message_zh"]
    assert settled(running)["requests"] == 0


def test_a_key_is_for_its_models_until_it_expires_and_revoked_within_a_second(gateway, stub):
    keys = [
        (KEY, "holder", ""),
        ("sk-dujiang-none", "holder", "models = ['m']"),
        ("sk-dujiang-past", "holder", "expires = 2020-01-01"),
    ]
    gateway.configure([stub], keys=keys, workers=2)
    gateway.start()
    refused(client(gateway, "sk-dujiang-past").models.list, 401, "invalid_api_key")
    ask = lambda: client(gateway, "sk-dujiang-none").chat.completions.create(model="m", messages=ASK, max_tokens=4)  # noqa: E731
    ask()
    gateway.configure([stub], keys=keys[:1], workers=2)
    time.sleep(1)
    for _ in range(20):  # both processes
        refused(ask, 401, "invalid_api_key")
    client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=4)


def test_limits_a_minute(gateway, stub):
    keys = [
        ("sk-dujiang-reqs", "holder", "requests_a_minute = 3"),
        ("sk-dujiang-toks", "holder", "tokens_a_minute = 2000"),
    ]
    gateway.configure([stub], keys=keys)
    gateway.start()
    ours = client(gateway, "sk-dujiang-reqs")
    for _ in range(3):
        ours.chat.completions.create(model="m", messages=ASK, max_tokens=4)
    told = refused(
        lambda: ours.chat.completions.create(model="m", messages=ASK, max_tokens=4), 429, "rate_limit_exceeded"
    )
    assert 1 <= int(told.response.headers["retry-after"]) <= 60
    other = client(gateway, "sk-dujiang-toks")
    told = refused(
        lambda: other.chat.completions.create(model="m", messages=ASK, max_tokens=4000), 400, "request_over_limit"
    )
    assert told.param == "max_tokens"
    for _ in range(5):  # each reserves some 850 and uses a few
        other.chat.completions.create(model="m", messages=ASK, max_tokens=400)


def test_the_budget_is_not_overspent_by_concurrent_requests(gateway, stub):
    """1 fen in the voucher; a request costs up to about 0.6 fen and uses less."""
    gateway.configure([stub], amount="0.01", price=("2.00", "0.50", "100.00"))
    gateway.start()

    def ask(_):
        try:
            return client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=50).usage
        except openai.RateLimitError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(ask, range(300)))
    codes = {one for one in told if isinstance(one, str)}
    good = [one for one in told if not isinstance(one, str)]
    assert good
    assert codes <= {"insufficient_quota", "quota_reserved"}
    assert "insufficient_quota" in codes
    total = settled(gateway)
    assert total["cost"] <= 1_000_000
    assert total["completion"] == sum(one.completion_tokens for one in good)
    [(_, _, amount, held, spent)] = gateway.bank().vouchers()
    assert held == 0
    assert spent == total["cost"] // 1_000_000 * 1_000_000 <= amount


def test_a_failing_service_is_passed_over_and_nothing_is_charged_for_it(gateway, stub):
    with running_stub("--faults", 1, "--share", 1.1) as bad:
        gateway.configure([(bad, "answer = 5"), (stub, "rank = 1")])
        gateway.start()
        for _ in range(20):
            try:
                client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=10)
            except openai.APIStatusError as error:
                assert error.status_code in (502, 503, 504)  # noqa: PT017
        assert gateway.metric("dujiang_gateway_retries_total") > 0
        assert gateway.metric("dujiang_gateway_upstream_failures_total") > 0
    total = settled(gateway)
    assert total["requests"] == 20


def test_a_stream_whose_service_broke_off_ends_at_once_on_a_quiet_gateway(gateway):
    """Nothing else goes on that would have the garbage collector end it."""
    with running_stub("--faults", 1, "--share", 1.1, "--only", "hang-up-late") as broken:
        gateway.configure([broken])
        gateway.start()
        asked = urllib.request.Request(
            f"{gateway.url}/chat/completions",
            json.dumps({"model": "m", "messages": ASK, "max_tokens": 20, "stream": True}).encode(),
            {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        )
        for _ in range(5):
            with urllib.request.urlopen(asked, timeout=10) as told:
                assert "stream_broken" in told.read().decode()


def test_a_service_that_is_not_there_opens_its_breaker(gateway, stub):
    gateway.configure([(f"http://127.0.0.1:{free_port()}/v1", "connect = 1"), (stub, "rank = 1")])
    gateway.start()
    for _ in range(12):
        client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=10)
    assert gateway.metric("dujiang_gateway_retries_total") < 12, "it is left alone"
    assert settled(gateway)["failed"] == 0


def test_without_any_service_it_says_so(gateway):
    gateway.configure([f"http://127.0.0.1:{free_port()}/v1"])
    gateway.start()
    for _ in range(3):
        with pytest.raises(openai.APIStatusError) as found:
            client(gateway).chat.completions.create(model="m", messages=ASK)
        assert found.value.code in ("upstream_failed", "no_upstream")
    assert settled(gateway)["cost"] == 0


def test_what_the_service_refuses_is_passed_on_uncharged(gateway):
    """A service that knows no such field answers 400; its words reach the client."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"error":{"message":"no such field","type":"invalid_request_error","code":"bad","param":null}}'
        writer.write(
            b"HTTP/1.1 400 X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            % len(body)
        )
        writer.write(body)
        await writer.drain()
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        gateway.configure([f"http://127.0.0.1:{port}/v1"])
        await asyncio.to_thread(gateway.start)
        ours = openai.AsyncOpenAI(base_url=gateway.url, api_key=KEY, max_retries=0)
        with pytest.raises(openai.BadRequestError, match="no such field"):
            await ours.chat.completions.create(model="m", messages=ASK)
        server.close()

    asyncio.run(main())
    total = settled(gateway)
    assert (total["requests"], total["failed"], total["cost"]) == (1, 1, 0)


@pytest.mark.parametrize("usage", ["end", "chunks"])
def test_a_client_that_hangs_up_is_charged_for_what_was_produced(gateway, usage, tmp_path):
    record = tmp_path / "record"
    with running_stub("--pause", 0.05, "--record", record) as url:
        gateway.configure([(url, f'usage = "{usage}"')])
        gateway.start()
        stream = client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=500, stream=True)
        next(iter(stream))
        stream.close()
        until(lambda: record.exists() and record.read_text().endswith("\n"))
        total = settled(gateway)
    [produced] = [json.loads(line) for line in record.read_text().splitlines()]
    assert total["requests"] == 1
    assert total["counted"] == 0
    if usage == "end":
        # The rest was read, and the service says how much it was.
        assert produced["whole"] and total["completion"] == produced["completion"]
    else:
        # It was cut off, and charged as the last event said.
        assert not produced["whole"]
        assert 1 <= total["completion"] <= produced["completion"]


def test_a_client_that_hangs_up_on_a_whole_answer_is_charged_for_it(gateway, tmp_path):
    record = tmp_path / "record"
    with running_stub("--faults", 1, "--share", 0, "--latency", 0.3, "--record", record) as url:
        gateway.configure([url])
        gateway.start()
        with pytest.raises(openai.APITimeoutError):
            client(gateway, timeout=0.01).chat.completions.create(model="m", messages=ASK, max_tokens=500)
        time.sleep(3)
        total = settled(gateway)
    produced = [json.loads(line) for line in record.read_text().splitlines()]
    assert total["completion"] == sum(one["completion"] for one in produced)
    assert total["requests"] == len(produced)


def test_words_are_refused_before_and_after_and_in_streams(gateway, stub):
    gateway.configure([stub], model='refuse_words = ["禁词", "分给一片"]')
    gateway.start()
    ours = client(gateway)
    refused(
        lambda: ours.chat.completions.create(model="m", messages=[{"role": "user", "content": "有禁词"}]),
        400,
        "content_filter",
    )
    # The stub's answer has the other word.
    refused(lambda: ours.chat.completions.create(model="m", messages=ASK, max_tokens=30), 400, "content_filter")
    heard = []
    stream = ours.chat.completions.create(model="m", messages=ASK, max_tokens=30, stream=True)
    with pytest.raises(openai.APIError, match="filtered"):
        heard.extend(chunk.choices[0].delta.content for chunk in stream)
    assert "分给一片" not in "".join(heard)
    total = settled(gateway)
    assert total["requests"] == 2
    assert total["completion"] > 0, "what was produced is charged"


def test_prompts_are_kept_only_for_a_key_that_asks_and_encrypted(gateway, stub):
    keys = [(KEY, "holder", ""), ("sk-dujiang-keep", "holder", "keep_days = 7")]
    gateway.configure([stub], keys=keys)
    gateway.start()
    for secret in (KEY, "sk-dujiang-keep"):
        for stream in (False, True):
            told = client(gateway, secret).chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"秘密 {secret}"}], max_tokens=5, stream=stream
            )
            if stream:
                list(told)
    gateway.stop()
    files = [path for path in gateway.folder.rglob("*") if path.is_file() and path != gateway.file]
    assert not [path for path in files if "秘密".encode() in path.read_bytes()]
    bank = gateway.bank()
    assert bank.kept("test") == []
    kept = bank.kept("keep")
    assert len(kept) == 2
    assert all("秘密 sk-dujiang-keep" in one.content.decode() for one in kept)
    assert all(6.9 < (one.until - one.at) / 86400 < 7.1 for one in kept)
    # Once their time is over they are gone with the next that are kept.
    with sqlite3.connect(gateway.folder / "run" / "gateway.sqlite3") as database:
        database.execute("UPDATE exchange SET until = 1")
    assert bank.kept("keep") == []
    bank.keep([])
    assert database.execute("SELECT count(*) FROM exchange").fetchone() == (0,)


def test_neither_logs_nor_journal_hold_content_or_secrets(running):
    client(running).chat.completions.create(model="m", messages=[{"role": "user", "content": "秘密的话"}], max_tokens=5)
    running.stop()
    for path in running.folder.rglob("*"):
        if path.is_file() and path != running.file:
            data = path.read_bytes()
            assert "秘密的话".encode() not in data
            assert KEY.encode() not in data
    lines = [json.loads(line) for line in running.log.read_text().splitlines() if line.startswith("{")]
    [request] = [line for line in lines if "model" in line]
    assert (request["status"], request["usage"], request["key"]) == (200, "reported", "test")
    assert digest(KEY) not in running.log.read_text()


def test_requests_in_flight_are_answered_before_it_ends(gateway):
    with running_stub("--pause", 0.1) as url:
        gateway.configure([url])
        gateway.start()
        stream = client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=500, stream=True)
        chunks = [next(iter(stream))]
        gateway.process.terminate()
        chunks += list(stream)
        assert chunks[-1].choices[0].delta.content
        gateway.process.wait(30)
        total = settled(gateway)
    assert total["requests"] == 1
    assert total["counted"] == 0
    [(_, _, _, held, _)] = gateway.bank().vouchers()
    assert held == 0, "what was leased and not spent is given back"


def test_the_price_is_the_one_in_force_and_the_cost_is_told(gateway, stub):
    gateway.configure([stub], price=("1.00", "1.00", "0.00"))
    gateway.start()
    raw = client(gateway).chat.completions.with_raw_response.create(model="m", messages=ASK, max_tokens=5)
    assert int(raw.headers["x-cost-micro-fen"]) == raw.parse().usage.prompt_tokens * 100


def test_what_costs_nothing_needs_no_voucher(gateway, stub):
    gateway.configure([stub], amount="0.00", price=("0.00", "0.00", "0.00"))
    gateway.start()
    for _ in range(3):
        client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=4)
    gateway.kill()
    gateway.start()
    total = settled(gateway)
    assert (total["requests"], total["cost"]) == (3, 0)


def test_a_voucher_that_grows_is_seen_without_a_new_start(gateway, stub):
    gateway.configure([stub], amount="0.00")
    gateway.start()
    ask = lambda: client(gateway).chat.completions.create(model="m", messages=ASK, max_tokens=4)  # noqa: E731
    refused(ask, 429, "insufficient_quota")
    gateway.configure([stub], amount="1.00")

    def served():
        with suppress(openai.RateLimitError):
            return ask()

    assert until(served)
