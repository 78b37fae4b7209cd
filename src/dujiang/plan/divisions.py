"""Places that stand at the head of a name: provinces and prefectures by their short names, and new areas."""

from __future__ import annotations

import re

from dujiang.identity.codes import short_names

_NEW_AREAS = (
    "滨海 浦东 临港 两江 万州 涪陵 永川 雄安 和林格尔 横琴 天府 贵安 西咸"  # districts that plans name like prefectures
)
PLACES = sorted({*short_names(), *_NEW_AREAS.split()}, key=lambda name: (-len(name), name))
PLACE = re.compile(rf"(?:{'|'.join(PLACES)})")
"""A place's short name."""
