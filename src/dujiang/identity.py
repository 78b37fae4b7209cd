"""Who acts, and what their role may do. Actions ask here before they write."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from enum import StrEnum

from dujiang.messages import Text


class Role(StrEnum):
    """The part that a person plays in the plan."""

    OFFICE = "office"
    LEAD_UNIT = "lead-unit"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts, as evidence names them."""

    name: str
    role: Role

    def __str__(self) -> str:
        return f"{self.role}:{self.name}"


MAY: dict[str, frozenset[Role]] = {
    "plan.load": frozenset({Role.OFFICE}),
    "plan.amend": frozenset({Role.OFFICE}),
    "statistic.record": frozenset({Role.OFFICE, Role.LEAD_UNIT}),
    "scenario.evaluate": frozenset({Role.OFFICE, Role.LEAD_UNIT}),
    "evidence.checkpoint": frozenset({Role.OFFICE, Role.AUDITOR}),
}
"""Which roles may do what."""


class NotAllowed(PermissionError):
    """The actor's role may not do this."""

    def __init__(self, actor: Actor, action: str) -> None:
        roles = ", ".join(sorted(MAY[action]))
        text = Text(
            f"{actor} 无权执行 {action}；可执行的角色：{roles}", f"{actor} may not {action}; these roles may: {roles}"
        )
        super().__init__(f"{text.zh}\n{text.en}")


def require(actor: Actor, action: str) -> None:
    """Return if the actor may do this, else raise `NotAllowed`."""
    if actor.role not in MAY[action]:
        raise NotAllowed(actor, action)


def at_the_terminal() -> Actor:
    """Return the actor of a command typed on the server: whoever may log in there runs the site for the office."""
    return Actor(getpass.getuser(), Role.OFFICE)
