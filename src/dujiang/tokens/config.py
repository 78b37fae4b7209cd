"""The file that a gateway runs by (TOML).

It says where the gateway listens and keeps its journal, and whether its models, keys and vouchers are those of the
site (``store = "site"``) or stand in the file itself, for a gateway that runs alone. docs/reference/gateway.md lists
the fields.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Refused, Text
from dujiang.tokens.catalogue import Catalogue, Model
from dujiang.tokens.counting import Limits
from dujiang.tokens.escrow import SITE_TIME
from dujiang.tokens.filebank import Voucher
from dujiang.tokens.filters import Filter
from dujiang.tokens.keys import Key
from dujiang.tokens.prices import Price, PriceList, fen
from dujiang.tokens.upstreams import Upstream

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Config:
    """How a gateway runs."""

    path: Path
    host: str
    port: int
    folder: Path
    """Where journals are, and the SQLite file of one that runs alone."""
    workers: int
    site: bool
    """Whether models, keys and vouchers are the site's."""
    block: int
    """Micro-fen leased at a time."""
    keep_days: int
    """How long posted journals stay."""
    log: bool
    """Whether each request leaves a line in the log."""


class _Table:
    """A table of the file whose fields are taken one by one; what is left over is not known."""

    def __init__(self, path: Path, where: str, values: Any) -> None:
        self.path, self.where = path, where
        if not isinstance(values, dict):
            raise BadInput(path, row=where, expected=Text("一个表", "a table"), found=repr(values))
        self._left = dict(values)

    def take(self, name: str, kind: type, default: Any = _MISSING) -> Any:
        value = self._left.pop(name, default)
        if value is _MISSING or (value is not default and (type(value) is not kind)):
            found = "" if value is _MISSING else repr(value)
            kinds = {str: "文本 / a text", int: "整数 / a whole number", bool: "true, false", list: "列表 / a list"}
            zh, _, en = kinds.get(kind, kind.__name__).partition(" / ")
            raise BadInput(self.path, row=self.where, field=name, expected=Text(zh, en or zh), found=found)
        return value

    def texts(self, name: str) -> list[str]:
        value: list[Any] = self.take(name, list, [])
        if not all(isinstance(one, str) for one in value):
            raise BadInput(self.path, row=self.where, field=name, expected=Text("文本列表", "a list of texts"))
        return value

    def positive(self, name: str, default: Any = _MISSING, least: int = 1) -> int:
        value: int = self.take(name, int, default)
        if value < least:
            expected = Text(f"不小于 {least} 的整数", f"a whole number of {least} or more")
            raise BadInput(self.path, row=self.where, field=name, expected=expected, found=str(value))
        return value

    def moment(self, name: str, default: float) -> float:
        value = self._left.pop(name, None)
        if value is None:
            return default
        if isinstance(value, datetime):
            return value.replace(tzinfo=value.tzinfo or SITE_TIME).timestamp()
        if isinstance(value, date):
            return datetime.combine(value, time(), SITE_TIME).timestamp()
        expected = Text("日期，如 2027-01-01", "a date, such as 2027-01-01")
        raise BadInput(self.path, row=self.where, field=name, expected=expected, found=repr(value))

    def price(self, name: str, default: str | None = None) -> int:
        text = self.take(name, str) if default is None else self.take(name, str, default)
        try:
            return fen(text)
        except Refused as error:
            raise BadInput(self.path, row=self.where, field=name, expected=_PRICE, found=text) from error

    def tables(self, name: str) -> list[_Table]:
        values = self.take(name, list, [])
        return [_Table(self.path, f"{name} {at}", one) for at, one in enumerate(values, 1)]

    def end(self) -> None:
        if self._left:
            name = next(iter(self._left))
            raise BadInput(self.path, row=self.where, field=name, expected=Text("已知的字段", "a field that is known"))


_PRICE = Text("至多两位小数的元数，如 2.50", "yuan with two decimals at most, such as 2.50")


def _parsed(path: Path) -> _Table:
    try:
        return _Table(path, "", tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(path, expected=Text("可读的 TOML 文件", "a readable TOML file"), found=str(error)) from error


def read(path: Path) -> Config:
    """Read how the gateway runs; raises `BadInput`."""
    table = _parsed(path)
    store = table.take("store", str, "file")
    if store not in ("file", "site"):
        raise BadInput(path, field="store", expected=Text("file 或 site", "file or site"), found=store)
    host, _, port = table.take("listen", str, "127.0.0.1:8100").rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadInput(path, field="listen", expected=Text("地址:端口", "host:port"), found=f"{host}:{port}")
    return Config(
        path.resolve(),
        host,
        int(port),
        (path.parent / table.take("folder", str, "gateway")).resolve(),
        table.positive("workers", 1),
        store == "site",
        max(1, table.price("block", "5.00")) * 1_000_000,
        table.positive("keep_days", 30),
        table.take("log", bool, True),
    )


def read_catalogue(path: Path) -> tuple[Catalogue, list[Voucher]]:
    """Read models, keys and vouchers of a gateway that runs alone; raises `BadInput`."""
    table = _parsed(path)
    for name in ("listen", "folder", "workers", "store", "block", "keep_days", "log"):
        table._left.pop(name, None)
    upstreams = {one.name: one for one in map(_upstream, table.tables("upstream"))}
    models = {one.name: one for one in (_model(each, upstreams) for each in table.tables("model"))}
    keys = {one.digest: one for one in (_key(each, models) for each in table.tables("key"))}
    vouchers = [_voucher(each) for each in table.tables("voucher")]
    table.end()
    return Catalogue(models, keys), vouchers


def _upstream(table: _Table) -> Upstream:
    variable = table.take("key_env", str, "")
    usage = table.take("usage", str, "end")
    if usage not in ("end", "chunks", "none"):
        raise BadInput(
            table.path, row=table.where, field="usage", expected=Text("end、chunks 或 none", "end, chunks or none")
        )
    made = Upstream(
        table.take("name", str),
        table.take("url", str).rstrip("/"),
        os.environ.get(variable, "") if variable else "",
        table.take("model", str, ""),
        table.positive("weight", 1),
        table.positive("rank", 0, 0),
        table.positive("concurrency", 256),
        table.positive("connect", 5),
        table.positive("answer", 600),
        usage,
    )
    table.end()
    return made


def _model(table: _Table, upstreams: Mapping[str, Upstream]) -> Model:
    name = table.take("name", str)
    served = []
    for one in table.texts("upstreams"):
        if one not in upstreams:
            known = Text(f"已列出的服务：{'、'.join(upstreams)}", f"one of {', '.join(upstreams)}")
            raise BadInput(table.path, row=table.where, field="upstreams", expected=known, found=one)
        served.append(upstreams[one])
    prices = []
    for each in table.tables("price"):
        plain = each.price("input")
        price = Price(plain, each.price("cached", _same(plain)), each.price("output", "0"))
        prices.append((each.moment("since", 0.0), price))
        each.end()
    try:
        refuses = Filter(table.texts("refuse_words"), table.texts("refuse_patterns"))
    except Refused as error:
        raise BadInput(table.path, row=table.where, field="refuse_patterns", expected=error.text) from error
    limits = Limits(
        table.positive("context"),
        table.positive("output"),
        table.positive("overhead", 256, 0),
        table.positive("image", 16384),
    )
    provider, label = table.take("provider", str, ""), table.take("label", bool, True)
    table.end()
    return Model(name, provider, limits, PriceList(prices), tuple(served), label, refuses=refuses)


def _same(price: int) -> str:
    return f"{price // 100}.{price % 100:02d}"


def _key(table: _Table, models: Mapping[str, Model]) -> Key:
    allowed = frozenset(table.texts("models"))
    if unknown := sorted(allowed - set(models)):
        known = Text(f"已列出的模型：{'、'.join(models)}", f"one of {', '.join(models)}")
        raise BadInput(table.path, row=table.where, field="models", expected=known, found=unknown[0])
    made = Key(
        table.take("id", str),
        table.take("sha256", str).lower(),
        table.take("holder", str),
        allowed,
        table.positive("requests_a_minute", 0, 0),
        table.positive("tokens_a_minute", 0, 0),
        table.moment("expires", float("inf")),
        table.positive("keep_days", 0, 0),
    )
    if len(made.digest) != 64 or set(made.digest) - set("0123456789abcdef"):
        expected = Text("密钥的 SHA-256，64 位十六进制", "the key's SHA-256, 64 hex digits")
        raise BadInput(table.path, row=table.where, field="sha256", expected=expected, found=made.digest)
    table.end()
    return made


def _voucher(table: _Table) -> Voucher:
    made = Voucher(
        table.take("id", str),
        table.take("holder", str),
        table.price("amount") * 1_000_000,
        table.moment("expires", float("inf")),
    )
    table.end()
    return made
