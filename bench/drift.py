"""How soon drift is told, beside River's detectors, each set to be as seldom wrong: a false alarm in 1,000 looks or fewer.

Ours is set by its bound, with no simulation. River's have no such setting: of a few settings of each the quickest is taken
whose runs to a false alarm, simulated on the same figures (cut at `MOST`), are 1,000 looks on average or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

RUNS, MOST, REFERENCE = 20, 3000, 200
BETWEEN = 1000
SHIFTS = {"1 sd higher": (1.0, 1.0), "3 times as wide": (0.0, 3.0)}
Told = Callable[[float], bool]


def rows() -> list[dict[str, Any]]:
    """Compare delays after each change, in looks."""
    found = []
    ours = {name: _delay(_ours, change) for name, change in SHIFTS.items()}
    for name, settings in _river().items():
        kept = next((one for one in settings if _run(one) >= BETWEEN), None)
        for change, moved in SHIFTS.items():
            label = f"River {name}" + ("" if kept else ": no setting of these")
            peer = _delay(kept, moved) if kept else None
            found.append(
                {
                    "bench": f"looks until told, {change}",
                    "ours": ours[change],
                    "peer": peer,
                    "peer_name": label,
                    "unit": "looks",
                }
            )
    found.append(
        {
            "bench": "looks to a false alarm",
            "ours": _run(_ours),
            "peer": None,
            "peer_name": f"cut at {MOST}",
            "unit": "looks",
        }
    )
    return found


def _ours(seed: int) -> Told:
    from dujiang.safety.drift import Drift

    watch = Drift.new([], seed=seed)
    return lambda figure: watch.feed(figure) >= BETWEEN


def _river() -> dict[str, list[Callable[[int], Told]]]:
    from river import drift

    def told(make: Callable[[int], Any]) -> Callable[[int], Told]:
        def begin(seed: int) -> Told:
            detector = make(seed)

            def feed(figure: float) -> bool:
                detector.update(figure)
                return bool(detector.drift_detected)

            return feed

        return begin

    return {
        "ADWIN": [told(lambda _, d=d: drift.ADWIN(delta=d, clock=1)) for d in (0.05, 0.01, 0.002, 1e-4)],
        "PageHinkley": [told(lambda _, t=t: drift.PageHinkley(threshold=t, delta=0.25)) for t in (5, 10, 20, 40)],
        "KSWIN": [told(lambda seed, a=a: drift.KSWIN(alpha=a, seed=seed)) for a in (1e-3, 1e-4, 1e-5)],
    }


def _figures(seed: int) -> Iterator[float]:
    draw = np.random.default_rng(seed)
    while True:
        yield from draw.normal(size=500).tolist()


def _run(make: Callable[[int], Told]) -> float:
    """Return the mean number of looks to an alarm where nothing changes, cut at `MOST`."""
    lengths = []
    for seed in range(RUNS):
        told, figures = make(seed), _figures(seed)
        lengths.append(next((look for look in range(1, MOST) if told(next(figures))), MOST))
    return float(np.mean(lengths))


def _delay(make: Callable[[int], Told], change: tuple[float, float]) -> float:
    """Return the mean number of looks from the change to an alarm, of runs without a false one before it."""
    delays = []
    for seed in range(RUNS):
        told, figures = make(seed), _figures(seed)
        if any(told(next(figures)) for _ in range(REFERENCE)):
            continue
        mean, spread = change
        delays.append(next((look for look in range(1, MOST) if told(mean + spread * next(figures))), MOST))
    return float(np.mean(delays))
