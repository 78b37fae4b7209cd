"""The program inside a confinement: hands an entry its inputs, case by case, and writes down what it answers.

``inside.py``, with the entry's files in ``entry/`` beside it and the inputs as `codec.write_inputs` wrote them. It is a
convenience to the entry, no guard: whatever the entry does here, its answers are read with distrust outside. It stands
alone, since the site's program is not there.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
import traceback
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

NO_METHOD, RAISED, NO_MEMORY = 3, 4, 5
"""Exit codes: no method in the entry, the method raised, no memory was left."""


def load(folder: Path) -> list[Any]:
    """Return the inputs of each case."""
    plain = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        return [_value(one, arrays) for one in plain]


def _value(plain: Any, arrays: Any) -> Any:
    if isinstance(plain, list):
        return [_value(one, arrays) for one in plain]
    if not isinstance(plain, dict):
        return plain
    held = plain["of"]
    match plain["is"]:
        case "bytes":
            return base64.b64decode(held)
        case "array":
            return arrays[held]
        case "tuple":
            parts = [_value(one, arrays) for one in held]
            return namedtuple("Row", plain["names"])(*parts) if plain["names"] else tuple(parts)
        case "dict":
            return {_value(key, arrays): _value(one, arrays) for key, one in held}
    return SimpleNamespace(**{name: _value(one, arrays) for name, one in held})


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a cell is a string, a number or None, not {type(value).__name__}")


def main() -> int:
    """Answer every case; returns the exit code."""
    here = Path(__file__).parent
    try:
        inputs = load(here)
        sys.path.insert(0, str(here / "entry"))
        spec = importlib.util.spec_from_file_location("entry", here / "entry" / "entry.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["entry"] = module
        spec.loader.exec_module(module)
        method = getattr(module, "method", None)
        if not callable(method):
            print("entry.py defines no method(inputs)", file=sys.stderr)
            return NO_METHOD
        answers = json.dumps([method(one) for one in inputs], default=_cell)
    except MemoryError:
        return NO_MEMORY
    except Exception:
        traceback.print_exc()
        return RAISED
    Path("answers.json").write_text(answers, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
