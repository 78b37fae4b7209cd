"""The ledger's arithmetic: which grants a hold takes from, what a settlement pays, and which issuer bears it.

All amounts are integers in minor units: fen of CNY, or tokens. A `Book` holds the accounts and holds that a group of
requests concerns, takes the requests one after the other, and collects the rows to be written. It knows no database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dujiang.identity.permission import Actor, require
from dujiang.messages import Refused, Text, money

MOST = 10**15
"""The most that one request may name: ten trillion yuan; sums of thousands of them still fit the database's integers."""
SETTLED, RELEASED, EXPIRED = "settled", "released", "expired"


@dataclass(slots=True)
class GrantAccount:
    """A holder's account of one grant. ``posted`` is what is left of it, ``held`` the part of that under hold.

    ``province`` is the part of ``amount`` that the province bears, the rest is ``city``'s (a GB/T 2260 code, empty
    where the province bears all; ``issuer`` is the province's). ``since`` and ``until`` are ISO dates, both included.
    """

    id: int
    holder: str
    unit: str
    programme: int
    issuer: str
    city: str
    amount: int
    province: int
    since: str
    until: str
    products: tuple[str, ...]
    posted: int
    held: int

    @property
    def free(self) -> int:
        """What a hold may still take."""
        return self.posted - self.held

    def good_for(self, product: str, day: str) -> bool:
        """Whether it pays for a product on a day."""
        return self.since <= day <= self.until and covers(self.products, product)

    def borne_by_province(self, amount: int) -> int:
        """Return the province's part of the next ``amount`` that leaves the account; the city bears the rest.

        Of the first n that leave, the province bears floor(n x province / amount), whoever gets them and in whatever
        portions: each portion's part is the difference of two such floors. So a portion is at most one minor unit off
        its share, and all portions of a grant together are exactly the grant's shares.
        """
        out = self.amount - self.posted
        return (out + amount) * self.province // self.amount - out * self.province // self.amount


def covers(products: Collection[str], product: str) -> bool:
    """Whether a product is among those that vouchers are good for; ``gpu.*`` names all that begin so, none means any."""
    return not products or any(
        product == one or (one.endswith("*") and product.startswith(one[:-1])) for one in products
    )


class Wanted(NamedTuple):
    """A hold that is asked for. ``until`` is an ISO time in UTC, as the ledger keeps times."""

    key: str
    holder: str
    product: str
    provider: str
    amount: int
    unit: str
    until: str


class Settle(NamedTuple):
    """Pay ``amount`` of a hold and release the rest."""

    key: str
    amount: int


class Release(NamedTuple):
    """Give a hold up."""

    key: str


class Extend(NamedTuple):
    """Let a hold last longer."""

    key: str
    until: str


class Part(NamedTuple):
    """What a hold takes from the account of a grant."""

    account: int
    amount: int


@dataclass(slots=True)
class Hold:
    """Vouchers put aside for a product. ``state`` is ``held``, ``settled``, ``released`` or ``expired``.

    ``until`` is an ISO time in UTC; ``paid`` what a settlement took.
    """

    id: int
    key: str
    holder: str
    product: str
    provider: str
    amount: int
    unit: str
    until: str
    parts: tuple[Part, ...]
    state: str = "held"
    paid: int = 0


class Share(NamedTuple):
    """What an issuer bears; ``issuer`` is a GB/T 2260 code, empty for the site itself."""

    issuer: str
    amount: int


class Settlement(NamedTuple):
    """What a hold paid, what went back, and the issuers' shares of what was paid."""

    key: str
    amount: int
    released: int
    shares: tuple[Share, ...]


class MonthFigure(NamedTuple):
    """What an issuer's part of a programme granted, paid and got back in a month, and what is outstanding at its end."""

    programme: str
    title: str
    unit: str
    issuer: str
    granted: int
    spent: int
    returned: int
    outstanding: int


class Transfer(NamedTuple):
    """A posting from the ``debit`` account to the ``credit`` account, for a hold or for none.

    ``province`` is the part that the province bears where the debit is a grant's.
    """

    debit: int
    credit: int
    amount: int
    province: int
    hold: int | None


Request = Wanted | Settle | Release | Extend
Done = Hold | Settlement
Member = tuple[Actor, Request]


@dataclass(slots=True)
class Written:
    """The rows that a group of requests leaves."""

    holds: list[tuple[Hold, str, str]] = field(default_factory=list)
    """With who asked for it, and until when at first."""
    transfers: list[Transfer] = field(default_factory=list)
    settled_by: list[tuple[Actor, str]] = field(default_factory=list)
    """Who settled and in which unit of money, a transfer each."""
    outcomes: list[tuple[int, str, int, str]] = field(default_factory=list)
    """Hold, how it ended, what it paid, who said so."""
    extensions: list[tuple[int, str, str]] = field(default_factory=list)
    pending: dict[int, str] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    posted: Counter[int] = field(default_factory=Counter)
    held: Counter[int] = field(default_factory=Counter)
    spent: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By programme and issuer."""


@dataclass
class Book:
    """The accounts and holds that a group of requests concerns; ``now`` and ``day`` are when they are asked."""

    now: str
    day: str
    accounts: dict[int, GrantAccount]
    holds: dict[str, Hold]
    providers: Mapping[tuple[str, str], int]
    shares: dict[int, tuple[Share, ...]]
    """Of the holds that were settled before."""
    openings: Callable[[Actor, str, str, str, int], tuple[list[GrantAccount], int]]
    """Opens accounts of open programmes for a holder, unit and product where they give at least what is short; with
    what they give at most."""
    next_hold: int
    written: Written = field(default_factory=Written)

    def __post_init__(self) -> None:
        self._by_holder: dict[tuple[str, str], list[GrantAccount]] = defaultdict(list)
        for one in sorted(self.accounts.values(), key=lambda one: (one.until, one.id)):
            self._by_holder[one.holder, one.unit].append(one)
        self._may: dict[tuple[Actor, str, str], PermissionError | None] = {}

    def answer(self, actor: Actor, request: Request) -> Done:
        """Carry a request out; raises `Refused` or `NotAllowed`, and then nothing of it is done."""
        match request:
            case Wanted():
                return self._hold(actor, request)
            case Settle():
                return self._settle(actor, *request)
            case Release():
                return self._release(actor, *request)
            case Extend():
                return self._extend(actor, *request)

    def expire(self, holds: Iterable[Hold]) -> None:
        """Release holds that have outlasted their time."""
        for one in holds:
            self._end(one, EXPIRED, 0, "")

    def _hold(self, actor: Actor, wanted: Wanted) -> Hold:
        self._require(actor, wanted.holder, wanted.provider)
        key, holder, product, provider, amount, unit, until = wanted
        there = self.holds.get(key)
        if there is not None:
            # A retry may count its time anew, so `until` is no part of what must be the same.
            if (there.holder, there.product, there.provider, there.amount, there.unit) == wanted[1:6]:
                return there
            raise Refused(
                Text(
                    f"预留 {key} 已存在而内容不同：{there.holder}、{there.product}、{there.provider}、{there.amount}",
                    f"hold {key} is there with other content: {there.holder}, {there.product}, {there.provider}, {there.amount}",
                )
            )
        _check(amount)
        if until <= self.now:
            raise Refused(
                Text(f"预留期限 {until} 已过", f"the hold's time {until} has passed; name one that lies ahead")
            )
        parts, short = self._take(holder, unit, product, amount)
        if short:
            opened, most = self.openings(actor, holder, unit, product, short)
            for one in opened:
                self.accounts[one.id] = one
                mine = self._by_holder[holder, unit]
                mine.append(one)
                mine.sort(key=lambda one: (one.until, one.id))
            if not opened:
                raise Refused(_short(holder, unit, product, amount, short - most))
            parts, _ = self._take(holder, unit, product, amount)
        for account, taken in parts:
            self.accounts[account].held += taken
            self.written.held[account] += taken
        made = Hold(self.next_hold, key, holder, product, provider, amount, unit, until, tuple(parts))
        self.next_hold += 1
        self.holds[key] = made
        self.written.holds.append((made, str(actor), until))
        self.written.pending[made.id] = until
        return made

    def _take(self, holder: str, unit: str, product: str, amount: int) -> tuple[list[Part], int]:
        """Return the parts that grants give, those that expire first before others, and what is short."""
        parts: list[Part] = []
        for one in self._by_holder.get((holder, unit), ()):
            if amount == 0:
                break
            free = one.posted - one.held
            if free > 0 and one.good_for(product, self.day):
                taken = min(free, amount)
                parts.append(Part(one.id, taken))
                amount -= taken
        return parts, amount

    def _settle(self, actor: Actor, key: str, amount: int) -> Settlement:
        hold = self._found(actor, key)
        _check(amount)
        if hold.state == SETTLED and hold.paid == amount:
            return Settlement(key, amount, hold.amount - amount, self.shares[hold.id])
        if hold.state != "held":
            raise Refused(_over(hold))
        if amount > hold.amount:
            raise Refused(
                Text(
                    f"结算 {money(amount, hold.unit).zh} 超过预留 {key} 的 {money(hold.amount, hold.unit).zh}",
                    f"{money(amount, hold.unit).en} is more than hold {key} has, {money(hold.amount, hold.unit).en}",
                )
            )
        provider = self.providers[hold.provider, hold.unit]
        written, rest, borne = self.written, amount, Counter[str]()
        for account, taken in hold.parts:
            paid = min(taken, rest)
            if paid == 0:
                break
            rest -= paid
            one = self.accounts[account]
            province = one.borne_by_province(paid)
            one.posted -= paid
            written.posted[account] -= paid
            written.posted[provider] += paid
            written.transfers.append(Transfer(account, provider, paid, province, hold.id))
            written.settled_by.append((actor, hold.unit))
            for issuer, part in ((one.issuer, province), (one.city, paid - province)):
                written.spent[one.programme, issuer] += part
                borne[issuer] += part
        shares = shared(borne)
        self.shares[hold.id] = shares
        self._end(hold, SETTLED, amount, str(actor))
        return Settlement(key, amount, hold.amount - amount, shares)

    def _release(self, actor: Actor, key: str) -> Hold:
        hold = self._found(actor, key)
        if hold.state == SETTLED:
            raise Refused(_over(hold))
        if hold.state == "held":
            self._end(hold, RELEASED, 0, str(actor))
        return hold

    def _extend(self, actor: Actor, key: str, until: str) -> Hold:
        hold = self._found(actor, key)
        if hold.state != "held":
            raise Refused(_over(hold))
        if until > hold.until:
            hold.until = until
            self.written.extensions.append((hold.id, until, str(actor)))
            self.written.pending[hold.id] = until
        return hold

    def _end(self, hold: Hold, how: str, paid: int, by: str) -> None:
        for account, taken in hold.parts:
            self.accounts[account].held -= taken
            self.written.held[account] -= taken
        hold.state, hold.paid = how, paid
        self.written.outcomes.append((hold.id, how, paid, by))
        self.written.pending.pop(hold.id, None)
        self.written.ended.append(hold.id)

    def _found(self, actor: Actor, key: str) -> Hold:
        hold = self.holds.get(key)
        if hold is None:
            raise Refused(Text(f"没有预留 {key}", f"there is no hold {key}"))
        self._require(actor, hold.holder, hold.provider)
        return hold

    def _require(self, actor: Actor, holder: str, provider: str) -> None:
        """Ask the rule once a group, since asking costs more than the posting."""
        asked = (actor, holder, provider)
        if asked not in self._may:
            try:
                require(actor, "voucher.hold", [holder, provider])
                self._may[asked] = None
            except PermissionError as error:
                self._may[asked] = error
        refusal = self._may[asked]
        if refusal is not None:
            raise refusal


def shared(borne: Mapping[str, int]) -> tuple[Share, ...]:
    """Return issuers' shares in the order of their codes, without those that bear nothing."""
    return tuple(Share(issuer, amount) for issuer, amount in sorted(borne.items()) if amount)


def _check(amount: int) -> None:
    if not isinstance(amount, int) or not 0 <= amount <= MOST:
        raise Refused(
            Text(
                f"金额 {amount} 应为 0 至 {MOST} 的整数（分或词元）",
                f"{amount} is no amount: a whole number of fen or tokens from 0 to {MOST}",
            )
        )


def _short(holder: str, unit: str, product: str, amount: int, short: int) -> Text:
    needed, there, lacking = (money(one, unit) for one in (amount, amount - short, short))
    return Text(
        f"“{holder}”可用于 {product} 的券不足：需 {needed.zh}，可用 {there.zh}，差 {lacking.zh}；请申请发放",
        f"the vouchers of {holder} that are good for {product} don't suffice: {needed.en} needed, {there.en} there, "
        f"{lacking.en} short; apply for more",
    )


def _over(hold: Hold) -> Text:
    how = {
        SETTLED: Text(f"已结算 {hold.paid}", f"was settled with {hold.paid}"),
        RELEASED: Text("已释放", "was released"),
        EXPIRED: Text("已过期", "has expired"),
    }[hold.state]
    return Text(f"预留 {hold.key} {how.zh}", f"hold {hold.key} {how.en}")
