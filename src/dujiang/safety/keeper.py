"""The first program inside a confinement: sets the limits that the kernel holds, becomes nobody, and runs the code.

``keeper.py JSON COMMAND...``; it is started by `confinement` and needs nothing but Python. The JSON holds ``limits``
(names of `resource` and values, -1 for none), ``user``, the number to become, null where it is that already, and
``folder``, where it works.
"""

from __future__ import annotations

import json
import os
import resource
import sys


def main(held: str, command: list[str]) -> None:
    """Set limits, drop what is left of root, and become the command."""
    wanted = json.loads(held)
    for name, value in wanted["limits"].items():
        kind, most = getattr(resource, name, None), resource.RLIM_INFINITY
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        most = hard if value < 0 else value if hard == most else min(value, hard)
        resource.setrlimit(kind, (most, most))
    if (user := wanted["user"]) is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)  # and with it all capabilities are gone
    os.umask(0o022)
    try:
        os.chdir(wanted["folder"])
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
