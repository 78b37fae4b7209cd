"""What a client is told when its request can't be served, in the form of OpenAI's API and in both languages."""

from __future__ import annotations

import orjson

from dujiang.messages import Text

Headers = list[tuple[str, str]]


class Refusal(Exception):
    """A request is not served. ``retry`` says whether the same request may be worth another try, and after how long."""

    def __init__(
        self, status: int, kind: str, code: str, text: Text, *, param: str | None = None, retry: int = 0
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.retry = status, code, retry
        error = {"message": str(text), "message_zh": text.zh, "message_en": text.en}
        self.body = orjson.dumps({"error": {**error, "type": kind, "param": param, "code": code}})

    def headers(self) -> Headers:
        """Return the headers that go with it; the official clients try again only where they say so."""
        headers = [("content-type", "application/json"), ("x-should-retry", "true" if self.retry else "false")]
        return [*headers, ("retry-after", str(self.retry))] if self.retry else headers


def bad_request(code: str, text: Text, param: str | None = None) -> Refusal:
    """The request itself is at fault."""
    return Refusal(400, "invalid_request_error", code, text, param=param)


UNKNOWN_KEY = Refusal(
    401,
    "authentication_error",
    "invalid_api_key",
    Text("密钥无效、过期或已吊销", "the key is not known, expired or revoked"),
)
NO_SUCH_PATH = Refusal(404, "invalid_request_error", "unknown_url", Text("没有这个接口", "there is no such address"))
NOT_JSON = bad_request("invalid_json", Text("请求体不是 JSON 对象", "the body is not a JSON object"))
TOO_LARGE = Refusal(413, "invalid_request_error", "too_large", Text("请求过大", "the request is too large"))
CONTENT = bad_request("content_filter", Text("内容不符合该模型的使用规则", "the content is against this model's rules"))
NOT_FILED = Refusal(
    403,
    "invalid_request_error",
    "not_filed",
    Text(
        "该模型尚未备案，不能向公众提供服务",
        "the model lacks the filing that it needs to be served to the public",
    ),
)
NO_MONEY = Refusal(
    429,
    "insufficient_quota",
    "insufficient_quota",
    Text(
        "词元券余额不足以支付此请求的最高费用；可减小 max_tokens 或申领新券",
        "the vouchers do not hold the most that this request can cost; lower max_tokens or apply for a voucher",
    ),
)
MONEY_HELD = Refusal(
    429,
    "insufficient_quota",
    "quota_reserved",
    Text("词元券余额暂被进行中的请求占用", "what is left on the vouchers is held for requests in progress"),
    retry=1,
)
NO_PRICE = Refusal(503, "server_error", "no_price", Text("该模型没有现行价格", "the model has no price in force"))
NO_UPSTREAM = Refusal(
    503,
    "server_error",
    "no_upstream",
    Text("该模型的服务暂不可用", "no service of this model can take it now"),
    retry=1,
)
UPSTREAM_FAILED = Refusal(
    502, "server_error", "upstream_failed", Text("模型服务出错，未计费", "the model service failed; nothing is charged")
)
UPSTREAM_SLOW = Refusal(
    504,
    "server_error",
    "upstream_timeout",
    Text("模型服务超时，未计费", "the model service took too long; nothing is charged"),
)
NO_JOURNAL = Refusal(
    503, "server_error", "journal_failed", Text("网关日志不可写，暂停服务", "the gateway can't write its journal")
)
BLIND = Refusal(
    503,
    "server_error",
    "ledger_unreachable",
    Text("券账本长时间不可达，暂停服务", "the ledger is out of reach for too long"),
)


def model_unknown(name: object) -> Refusal:
    """There is no such model, or the key is not for it: the answer is the same."""
    text = Text(f"没有模型“{name}”，或密钥不可用于它", f"there is no model {name!r}, or the key is not for it")
    return Refusal(404, "invalid_request_error", "model_not_found", text, param="model")


def too_many(what: Text, limit: int, wait: int) -> Refusal:
    """A limit a minute is reached."""
    text = Text(f"已达每分钟{what.zh}上限 {limit}", f"the limit of {limit} {what.en} a minute is reached")
    return Refusal(429, "rate_limit_error", "rate_limit_exceeded", text, retry=wait)


def over_limit(limit: int, most: int) -> Refusal:
    """A request could by itself use more tokens than the limit allows in a minute."""
    text = Text(
        f"此请求最多可用 {most} 个词元，超过每分钟上限 {limit}；请减小 max_tokens",
        f"this request can use {most} tokens, over the limit of {limit} a minute; lower max_tokens",
    )
    return bad_request("request_over_limit", text, "max_tokens")


def broken_stream(text: Text) -> bytes:
    """Return the last event of a stream that did not come to its end."""
    error = {"message": str(text), "type": "server_error", "param": None, "code": "stream_broken"}
    return b"data: " + orjson.dumps({"error": error}) + b"\n\n"
