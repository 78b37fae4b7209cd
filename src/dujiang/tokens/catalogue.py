"""What a gateway knows: models with their prices and policies, the services behind them, and holders' keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dujiang.tokens.counting import Limits
from dujiang.tokens.filters import Filter
from dujiang.tokens.keys import Key
from dujiang.tokens.prices import PriceList
from dujiang.tokens.upstreams import Upstream


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is offered."""

    name: str
    provider: str
    """The unit that offers it, and that is paid by the vouchers."""
    limits: Limits
    prices: PriceList
    upstreams: tuple[Upstream, ...]
    label: bool = True
    """Whether answers bear the label of generated content."""
    open_to: frozenset[str] | None = None
    """The only holders that it answers, where it lacks the filing that the public would need; None for all."""
    refuses: Filter = field(default_factory=lambda: Filter((), ()))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it, at one revision."""

    models: Mapping[str, Model]
    keys: Mapping[str, Key]
    """By digest."""
