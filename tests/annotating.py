"""What tests of annotation share: names, and tables of items."""

import json

from dujiang.identity.permission import Actor, Role

OFFICE = Actor("tester", Role.OFFICE)
UNIT, BASE = "数据局", "某标注公司"
LABELS = ["正面", "负面"]


def table(folder, texts, name="items.jsonl", **more):
    path = folder / name
    path.write_text("".join(json.dumps({"key": f"k{n}", "text": one, **more}) + "\n" for n, one in enumerate(texts)))
    return path
