"""The OpenID Connect providers by which a site lets people sign in, read from its file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dujiang.messages import BadInput, Text

_ID = re.compile(r"[a-z][a-z0-9-]{0,30}")
LONGEST_ISSUER = 500
"""Characters."""
_FIELDS = {"name", "issuer", "client_id", "login_claim", "second_factor"}


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. ``login_claim`` names the claim that equals a person's login, where the site trusts it to.

    ``amr`` (RFC 8176) and ``acr`` are the values by which the provider says that it asked for a second factor, where
    the site trusts it to.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    secret: str = field(repr=False)
    login_claim: str = ""
    amr: frozenset[str] = frozenset()
    acr: frozenset[str] = frozenset()

    def had_second_factor(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claims of an ID token say so."""
        amr = claims.get("amr")
        said = {one for one in amr if isinstance(one, str)} if isinstance(amr, list) else set()
        return bool(said & self.amr) or claims.get("acr") in self.acr


def read_providers(path: Path | None, home: Path, environment: Mapping[str, str]) -> tuple[Provider, ...]:
    """Return the providers of a site's file, a table a provider; none without a file.

    A provider's secret stands in the environment (``DUJIANG_OIDC_SECRET_`` and its id) or in ``keys/oidc-`` and its id
    under ``home``. Raises `BadInput`.
    """
    if path is None:
        return ()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(path, expected=Text("可读取的文件", "a file that can be read")) from error
    except ValueError as error:
        raise BadInput(path, expected=Text("TOML 格式", "TOML"), found=str(error)) from error
    return tuple(_provider(path, key, table, home, environment) for key, table in tables.items())


def _provider(path: Path, key: str, table: Any, home: Path, environment: Mapping[str, str]) -> Provider:
    if not _ID.fullmatch(key):
        raise BadInput(path, row=f"[{key}]", expected=Text("小写字母、数字和 - 组成的标识", "an id of a-z, 0-9 and -"))
    if not isinstance(table, dict):
        raise BadInput(path, field=key, expected=Text(f"一节 [{key}]", f"a table [{key}]"), found=repr(table))

    def bad(name: str, expected: Text, found: object = "") -> BadInput:
        return BadInput(path, row=f"[{key}]", field=name, expected=expected, found=str(found))

    if unknown := sorted(set(table) - _FIELDS):
        known = ", ".join(sorted(_FIELDS))
        raise bad(unknown[0], Text(f"以下字段之一：{known}", f"one of {known}"))
    for name in ("name", "issuer", "client_id", "login_claim"):
        value = table.get(name, "" if name == "login_claim" else None)
        if not isinstance(value, str) or (not value and name in table):
            raise bad(name, Text("非空文字", "a text"), "" if value is None else repr(value))
    if not _safe(table["issuer"]):
        expected = Text("https 地址（仅本机可用 http）", "an https address (http on this machine only)")
        raise bad("issuer", expected, table["issuer"])
    factor = table.get("second_factor", {})
    if not isinstance(factor, dict) or set(factor) - {"amr", "acr"}:
        raise bad("second_factor", Text("amr 或 acr 的取值", "values of amr or acr"), repr(factor))
    values = {}
    for name in ("amr", "acr"):
        listed = factor.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
            raise bad(f"second_factor.{name}", Text("文字列表", "a list of texts"), repr(listed))
        values[name] = frozenset(listed)
    return Provider(
        key,
        table["name"],
        table["issuer"],
        table["client_id"],
        _secret(path, key, home, environment),
        table.get("login_claim", ""),
        **values,
    )


def _safe(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
    except ValueError:
        return False
    if parts.query or parts.fragment or not parts.hostname or len(issuer) > LONGEST_ISSUER:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(path: Path, key: str, home: Path, environment: Mapping[str, str]) -> str:
    variable = "DUJIANG_OIDC_SECRET_" + key.upper().replace("-", "_")
    file = home / "keys" / f"oidc-{key}"
    secret = environment.get(variable) or (file.read_text(encoding="utf-8").strip() if file.is_file() else "")
    if not secret:
        raise BadInput(
            path,
            row=f"[{key}]",
            expected=Text("客户端密钥", "a client secret"),
            remedy=Text(f"请写入 {file}，或设置 {variable}", f"write it to {file} or set {variable}"),
        )
    return secret
