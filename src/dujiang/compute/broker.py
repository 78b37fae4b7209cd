"""Which pool a job goes to, and why: what it costs there, when it would start, what its deadline and vouchers allow.

Everything is in fen, so that unlike things compare: the quote, what moving its data costs, an hour's wait at
`WAIT_FEN_AN_HOUR`, and the energy at the pool's price of power where there is one. A pool where the job would miss its
deadline, or that its vouchers don't reach, is taken only where no other is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dujiang.messages import Text, money

WAIT_FEN_AN_HOUR = 100
"""What an hour of waiting counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pool that can run a job.

    ``most`` is its quote in fen, ``wait`` the seconds until it has room. ``move`` is what bringing the job's data there
    costs in fen, 0 where it lies there. ``kwh`` and ``power`` (fen a kWh, None where nobody says) are the job's energy.
    ``payable`` says whether the holder's vouchers reach.
    """

    pool: str
    most: int
    wait: float
    move: int = 0
    kwh: float = 0.0
    power: float | None = None
    payable: bool = True

    @property
    def score(self) -> float:
        """What it comes to, in fen."""
        return self.most + self.move + WAIT_FEN_AN_HOUR * self.wait / 3600 + self.kwh * (self.power or 0.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was thought of a pool; ``chosen`` is the one that the job goes to."""

    pool: str
    chosen: bool
    why: Text


def choose(candidates: Sequence[Candidate], seconds: float, due_in: float | None = None) -> list[Judged]:
    """Judge the pools for a job of at most ``seconds``, due in so many seconds; the chosen one is first.

    Returns an empty list where there is no candidate.
    """

    def late(one: Candidate) -> bool:
        return due_in is not None and one.wait + seconds > due_in

    # Of pools that are all too late the earliest is best.
    order = sorted(
        candidates, key=lambda one: (not one.payable, late(one), one.wait if late(one) else 0.0, one.score, one.pool)
    )
    return [Judged(one.pool, number == 0, _why(one, late(one))) for number, one in enumerate(order)]


def _why(one: Candidate, late: bool) -> Text:
    most = money(one.most, "CNY")
    zh, en = [f"至多 {most.zh}"], [f"at most {most.en}"]
    if one.wait:
        zh.append(f"约 {one.wait / 60:.0f} 分钟后有空位")
        en.append(f"room in some {one.wait / 60:.0f} min")
    else:
        zh.append("现有空位")
        en.append("room now")
    if one.move:
        moved = money(one.move, "CNY")
        zh.append(f"数据迁移 {moved.zh}")
        en.append(f"moving its data {moved.en}")
    if one.power is not None:
        zh.append(f"电价 {one.power / 100:.2f} 元/kWh")
        en.append(f"power at CNY {one.power / 100:.2f}/kWh")
    if late:
        zh.append("赶不上截止时间")
        en.append("misses the deadline")
    if not one.payable:
        zh.append("券额不足")
        en.append("the vouchers do not reach")
    return Text("，".join(zh), ", ".join(en))
