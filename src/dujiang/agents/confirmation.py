"""What an agent may change, it changes in two steps: it is shown what would be done, and then confirms just that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core import signing

from dujiang.identity.permission import Actor
from dujiang.messages import Refused, Text

SECONDS = 600
"""How long a confirmation holds."""
_SALT = "dujiang.agents.confirmation"


def offer(actor: Actor, action: str, content: Mapping[str, Any]) -> str:
    """Return the confirmation of one actor for one action with one content, signed by the site."""
    return signing.dumps(_bound(actor, action, content), salt=_SALT)


def accept(actor: Actor, action: str, content: Mapping[str, Any], confirmation: str) -> None:
    """Return if the confirmation is for just this and still holds, else raise `Refused`.

    It is spent by what ``content`` says of the state that the action changes.
    """
    try:
        offered = signing.loads(confirmation, salt=_SALT, max_age=SECONDS)
    except signing.SignatureExpired as error:
        minutes = SECONDS // 60
        raise Refused(
            Text(
                f"确认码已过 {minutes} 分钟，请重新起草", f"the confirmation is over {minutes} minutes old: draft again"
            )
        ) from error
    except signing.BadSignature as error:
        raise Refused(Text("确认码无效，请先起草", "that is no confirmation: draft first")) from error
    if offered != _bound(actor, action, content):
        raise Refused(
            Text(
                "确认码不是为此人、此内容签发的，或已用过；请重新起草",
                "the confirmation is of somebody else, of another content, or used: draft again",
            )
        )


def _bound(actor: Actor, action: str, content: Mapping[str, Any]) -> list[str]:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return [str(actor), actor.unit, action, hashlib.sha256(text.encode()).hexdigest()]
