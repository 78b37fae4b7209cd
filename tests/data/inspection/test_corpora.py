"""A corpus whose faults were put there: each is found, however the corpus is cut into pieces and wherever they are read."""

import dataclasses
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dujiang.data.inspection import documents
from dujiang.data.inspection.contamination import benchmark, dirty, hits
from dujiang.data.inspection.corpus_report import inspect_corpus, read_words, write_sample
from dujiang.data.inspection.generative import State, items
from dujiang.data.inspection.writing import to_docx, to_html, to_json
from dujiang.messages import BadInput

CHARACTERS = "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京"
FOOT = "本页内容仅供学习参考使用"


def texts(count, seed=1):
    draw = random.Random(seed)
    return ["".join(draw.choices(CHARACTERS, k=draw.randint(60, 120))) for _ in range(count)]


@pytest.fixture
def corpus(tmp_path):
    made = texts(300)
    made[10] = made[3]
    made[11] = made[4][:-2]
    made[20] += "，电话13812345678"
    made[21] += "，违禁词甲在此"
    for at in range(30, 60):
        made[at] += "\n" + FOOT
    made[70] = made[70].encode().decode("latin-1")
    made[80] = "The cat is on the mat and it was in the house for the night."
    with (tmp_path / "c.jsonl").open("wb") as file:
        for at, text in enumerate(made):
            line = json.dumps(
                {"text": text, "source": f"https://s{at % 3}.cn/{at}", "license": "CC-BY-4.0" if at % 2 else ""},
                ensure_ascii=False,
            )
            file.write(line.encode("gb18030" if at == 90 else "utf-8") + b"\n")
        file.write(b'\nnot json\n[1]\n{"n": 1}\n')
    (tmp_path / "exam.txt").write_text(f"{made[5][20:60]}\n{texts(1, 99)[0]}\n短题\n")
    (tmp_path / "words.txt").write_text("# 词表\n违禁词甲\n违禁词乙\n")
    return tmp_path, made


@pytest.mark.parametrize("size", [documents.PIECE, 4096])
def test_each_fault_is_found(corpus, size, monkeypatch):
    folder, made = corpus
    monkeypatch.setattr(documents, "PIECE", size)
    monkeypatch.setattr(documents.pieces, "__defaults__", (size,))
    # One core: processes would not know of the pieces' size.
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    found = inspect_corpus(
        folder / "c.jsonl", banned=read_words(folder / "words.txt"), benchmarks=[folder / "exam.txt"]
    )
    assert (found.documents, found.malformed, found.recoded) == (300, 3, 1)
    assert [one.line for one in found.first_malformed] == [302, 303, 304]
    assert (found.exact_copies, found.near_copies) == (1, 1)
    assert [(example.line, count) for example, count in found.largest] == [(4, 2), (5, 2)]
    assert found.personal["mobile"] == found.with_personal == 1
    assert found.examples["personal:mobile"][0].line == 21
    assert "13812345678" not in to_json(found).decode()
    assert (found.with_banned, dict(found.banned)) == (1, {"违禁词甲": 1})
    assert found.boilerplate == ((FOOT, 30),)
    assert found.encoding["utf8-as-latin"] == 1
    assert found.languages["en"] == 1
    assert dict(found.sources) == {"s0.cn": 100, "s1.cn": 100, "s2.cn": 100}
    assert (found.without_source, found.without_licence) == (0, 150)
    (contaminated,) = found.contamination
    assert (contaminated.items, contaminated.too_short, contaminated.dirty, contaminated.first) == (3, 1, 1, (1,))
    assert found.lengths["total"] == sum(map(len, (text.strip() for text in made)))
    states = {one.title.en: one.state for one in items(found)}
    assert states["traceable sources"] is State.MISSED
    # Two words are no list that could settle it.
    assert states["sample by technical means"] is states["blocked sources"] is State.OPEN
    long = dataclasses.replace(found, words=10_000)
    assert {one.title.en: one.state for one in items(long)}["sample by technical means"] is State.MET
    write_sample(found, folder / "sample.csv")
    assert (folder / "sample.csv").read_text(encoding="utf-8-sig").count(FOOT) == 30


def test_sources_with_too_much_are_blocked(tmp_path):
    with (tmp_path / "c.jsonl").open("w") as file:
        for at, text in enumerate(texts(100)):
            bad = at % 2 == 0 and at < 20
            file.write(json.dumps({"text": text + ("违禁" if bad else ""), "source": "ab"[at % 2]}) + "\n")
    found = inspect_corpus(tmp_path / "c.jsonl", banned=["违禁"])
    assert dict(found.banned_by_source) == {"a": (10, 50)}
    states = {one.title.en: one.state for one in items(found)}
    assert states["blocked sources"] is State.MISSED
    assert states["sample by technical means"] is State.MISSED


def test_parquet_text_and_folders_and_processes_say_the_same(tmp_path):
    made = texts(200, 5)
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"content": made[:100]}), tmp_path / "in" / "a.parquet", row_group_size=30)
    (tmp_path / "in" / "b.txt").write_text("\n".join(made[100:]) + "\n\n")
    (tmp_path / "all.txt").write_text("\n".join(made) + "\n")
    two, one = inspect_corpus(tmp_path / "in"), inspect_corpus(tmp_path / "all.txt")
    for name in ("documents", "characters", "lengths", "languages", "near_copies", "encoding"):
        assert getattr(two, name) == getattr(one, name), name


def test_reports_are_in_both_languages_and_load_nothing(corpus):
    folder, _ = corpus
    found = inspect_corpus(folder / "c.jsonl")
    page = to_html(found).decode()
    assert "语料检验报告" in page
    assert "Near" not in page
    assert '<span lang="en">Duplicates</span>' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert to_docx(found)[:2] == b"PK"


@pytest.mark.parametrize(
    ("name", "content"),
    [("c.jsonl", b""), ("c.jsonl", b"{}\n"), ("c.parquet", b"PAR1"), ("c.doc", b"x"), ("c.jsonl", b"\x00\xff\n")],
)
def test_what_is_no_corpus_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match="c"):
        inspect_corpus(tmp_path / name)
    with pytest.raises(BadInput):
        inspect_corpus(tmp_path / "none.jsonl")


def test_common_phrases_and_case_and_punctuation_in_contamination():
    phrase = "依照中华人民共和国法律和有关规定办理"
    of = benchmark("b", ["The Quick brown fox jumps over the lazy dog and runs far away today", phrase])
    corpus = ["the quick, BROWN fox jumps over the lazy dog -- and runs far away"] + [
        f"{n}号文：{phrase}" for n in range(11)
    ]
    assert dirty(of, hits(corpus, of)).tolist() == [0]
    assert dirty(of, hits(corpus[:5], of)).tolist() == [0, 1]
    assert dirty(of, hits(["no such thing"], of)).tolist() == []
