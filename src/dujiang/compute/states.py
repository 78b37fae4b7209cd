"""The states of a job: queued, placed, running, and one end."""

from __future__ import annotations

from enum import StrEnum

from dujiang.messages import Text


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PLACED = "placed"
    """Given to a pool, and not known to run yet."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Nobody knows how it ended, and it was not to be started again."""

    @property
    def words(self) -> Text:
        """The state in words."""
        return _WORDS[self]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (State.DONE, State.FAILED, State.CANCELLED, State.LOST)


_WORDS = {
    State.QUEUED: Text("排队", "queued"),
    State.PLACED: Text("已派发", "placed"),
    State.RUNNING: Text("运行中", "running"),
    State.DONE: Text("完成", "done"),
    State.FAILED: Text("失败", "failed"),
    State.CANCELLED: Text("已取消", "cancelled"),
    State.LOST: Text("失联", "lost"),
}
