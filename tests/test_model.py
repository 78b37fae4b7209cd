"""The client of a model service: it keeps to its budget, counts what it used, and says the same thing twice."""

import pytest

import models
from dujiang.model import Client, NoAnswer, OverBudget, Service, service

ASKED = [{"role": "user", "content": "多少家"}]


def where(stub, **more):
    return Service(stub.url, "secret", "small", "vectors", **more)


def test_it_asks_at_temperature_0_and_counts_what_it_used():
    with models.serving(lambda prompt: f"听到{prompt}") as stub:
        client = Client(where(stub, input_price=2.0, output_price=8.0), "chat", 10_000)
        assert client.chat(ASKED) == "听到多少家"
    [request] = stub.requests
    assert (request["path"], request["key"], request["temperature"]) == ("/v1/chat/completions", "Bearer secret", 0)
    used = client.used
    assert (used.model, used.requests, used.input_tokens, used.output_tokens) == ("small", 1, 100, 20)
    assert used.cost == pytest.approx((100 * 2 + 20 * 8) / 1e6)
    assert len(used.prompts) == 1


def test_the_same_prompt_is_answered_from_what_was_kept():
    said = iter(["一", "二"])
    with models.serving(lambda prompt: next(said)) as stub:
        first = Client(where(stub), "chat", 10_000)
        assert [first.chat(ASKED), first.chat(ASKED)] == ["一", "一"]
        second = Client(where(stub), "chat", 0, first.kept)
        assert second.chat(ASKED) == "一"
    assert (len(stub.requests), first.used.requests, second.used.requests) == (1, 1, 0)
    assert first.used.prompts == second.used.prompts


def test_it_sends_nothing_that_its_budget_might_not_cover():
    with models.serving(lambda prompt: "好") as stub:
        client = Client(where(stub), "chat", 1500)
        client.chat(ASKED)
        client.chat([*ASKED, *ASKED])
        with pytest.raises(OverBudget):
            client.chat([*ASKED] * 3)
    assert len(stub.requests) == 2


def test_what_a_service_does_not_count_is_counted_as_the_most_it_can_be():
    with models.serving(lambda prompt: "好", usage=False) as stub:
        client = Client(where(stub), "chat", 10_000)
        client.chat(ASKED, most=50)
    assert client.used.output_tokens == 50
    assert client.used.input_tokens > len("多少家".encode())


def test_vectors_come_in_the_order_of_their_texts():
    with models.serving(lambda prompt: "") as stub:
        assert Client(where(stub), "embedding", 10_000).embed(["一", "一二三"]) == [[1.0, 1.0], [3.0, 1.0]]


def test_a_service_that_is_not_there_is_said():
    with pytest.raises(NoAnswer):
        Client(Service("http://127.0.0.1:9/v1", "", "small"), "chat", 10_000).chat(ASKED)


def test_the_environment_names_the_service():
    assert service({}) is None
    names = {"DUJIANG_MODEL_URL": "http://x/v1/", "DUJIANG_MODEL_CHAT": "c", "DUJIANG_MODEL_PRICES": "2,8"}
    found = service({**names, "DUJIANG_MODEL_KEY": "secret"})
    assert (found.url, found.chat, found.output_price) == ("http://x/v1", "c", 8.0)
    assert "secret" not in repr(found)
    with pytest.raises(ValueError, match="PRICES"):
        service({**names, "DUJIANG_MODEL_PRICES": "2"})
