"""Files of annotated items: what is written reads back the same, as others read it, and a fault is told where it is."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dujiang.data.annotation import coco, conll, formats, jsonl, labelstudio
from dujiang.data.annotation.labels import (
    Annotated,
    Box,
    Kind,
    Prediction,
    Span,
    Synthetic,
    checked,
    from_json,
    to_json,
)
from dujiang.messages import BadInput, Refused

LABELS = ["人名", "PER", "a b", "100%"]
WORDS = st.text("四川省成都AI算力 ,.\n😀𠀀é", min_size=1, max_size=30).filter(str.strip)
SYNTHETIC = st.none() | st.builds(
    Synthetic, st.sampled_from(["某公司", "lab"]), st.sampled_from(["", "m 1"]), st.just("sha256:ab")
)


@st.composite
def spans(draw, text):
    made = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text) - 1))
        made.append(Span(start, draw(st.integers(start + 1, len(text))), draw(st.sampled_from(LABELS))))
    return tuple(sorted(set(made)))


@st.composite
def boxes(draw, width, height):
    made = []
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(st.integers(0, 10 * width - 10)), draw(st.integers(0, 10 * height - 10))
        w, h = draw(st.integers(1, 10 * width - x)), draw(st.integers(1, 10 * height - y))
        made.append(Box(x / 10, y / 10, w / 10, h / 10, draw(st.sampled_from(LABELS))))
    return tuple(sorted(set(made)))


@st.composite
def items(draw, kind):
    made = []
    for key in draw(
        st.lists(st.text("k1 /%号", min_size=1, max_size=4).filter(str.strip), min_size=1, max_size=3, unique=True)
    ):
        if kind is Kind.BOXES:
            width, height = draw(st.integers(20, 3000)), draw(st.integers(20, 3000))
            item = Annotated(key, image=f"{len(made)}.png", width=width, height=height)
            answers = boxes(width, height)
        else:
            item = Annotated(key, draw(WORDS))
            answers = st.sampled_from(LABELS) if kind is Kind.CHOICE else spans(item.text)
        made.append(
            replace(
                item,
                answer=draw(st.none() | answers),
                answers={who: draw(answers) for who in draw(st.sets(st.sampled_from("123")))},
                prediction=draw(st.none() | st.builds(Prediction, answers, st.just("m"), st.sampled_from([None, 0.5]))),
                synthetic=draw(SYNTHETIC),
            )
        )
    return made


KINDS = pytest.mark.parametrize("kind", Kind)
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@KINDS
@SOME
@given(data=st.data())
def test_label_studio_and_jsonl_lose_nothing(kind, data, tmp_path):
    made = data.draw(items(kind))
    for form, suffix in (("label-studio", ".json"), ("jsonl", ".jsonl")):
        path = tmp_path / f"out{suffix}"
        path.write_text(formats.write(form, made, kind, LABELS), encoding="utf-8")
        assert formats.read(path, kind) == made


@SOME
@given(items(Kind.BOXES))
def test_coco_keeps_accepted_boxes_and_provenance(tmp_path, made):
    path = tmp_path / "out.json"
    path.write_text(coco.write(made, LABELS, "标题"), encoding="utf-8")
    accepted = [replace(one, answers={}, prediction=None) for one in made if one.answer is not None]
    assert coco.read(path) == accepted


def entities(item):
    """A text's spans without its blanks, which CoNLL doesn't keep."""
    return [("".join(item.text[one.start : one.end].split()), one.label) for one in item.answer]


def apart(found):
    return all(one.end <= other.start for one, other in pairwise(found))


@SOME
@given(items(Kind.SPANS))
def test_conll_keeps_what_spans_hold(tmp_path, made):
    path = tmp_path / "out.conll"
    accepted = [one for one in made if one.answer is not None]
    whole = all(apart(one.answer) and all(one.text[s.start : s.end].strip() for s in one.answer) for one in accepted)
    if not whole:
        with pytest.raises(Refused):
            conll.write(made)
        return
    path.write_text(conll.write(made), encoding="utf-8")
    read = conll.read(path)
    assert [(one.key, entities(one), one.synthetic) for one in read] == [
        (one.key, entities(one), one.synthetic) for one in accepted
    ]
    assert ["".join(one.text.split()) for one in read] == ["".join(one.text.split()) for one in accepted]
    # Once its blanks are those of the format, nothing changes any more.
    path.write_text(conll.write(read), encoding="utf-8")
    assert conll.read(path) == read


def test_conll_is_laid_out_as_the_task_was():
    item = Annotated("a/1", "U.N. 官员 Ekeus heads", answer=(Span(8, 13, "PER"),), synthetic=None)
    assert conll.write([item]).splitlines() == [
        "-DOCSTART- a%2F1 -X- O",
        "",
        *[f"{token} -X- -X- {tag}" for token, tag in (
            ("U", "O"), (".", "O"), ("N", "O"), (".", "O"), ("官", "O"), ("员", "O"), ("Ekeus", "B-PER"), ("heads", "O"),
        )],
        "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-PER I-PER O B-LOC", ["a b", "d"]),  # BIO
        ("I-PER I-PER O I-LOC", ["a b", "d"]),  # IOB, as CoNLL-2003 itself has it
        ("I-PER B-PER O O", ["a", "b"]),
        ("B-PER E-PER O S-LOC", ["a b", "d"]),  # BIOES
        ("B-PER L-PER U-LOC U-LOC", ["a b", "c", "d"]),  # BILOU
        ("O I-PER I-LOC I-LOC", ["b", "c d"]),
        ("S-PER I-PER O O", ["a", "b"]),
    ],
)
def test_every_way_of_tagging_is_read(tmp_path, tags, found):
    path = tmp_path / "x.bio"
    path.write_text("\n".join(f"{token} {tag}" for token, tag in zip("abcd", tags.split(), strict=True)))
    (item,) = conll.read(path)
    assert [item.text[one.start : one.end] for one in item.answer] == found


def test_sentences_are_items_where_there_are_no_documents(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("成 B-LOC\n都 I-LOC\n\nhello O\nworld O\n")
    assert conll.read(path) == [
        Annotated("1", "成都", answer=(Span(0, 2, "LOC"),)),
        Annotated("2", "hello world", answer=()),
    ]


def test_label_studios_own_export_is_read(tmp_path):
    """As its documentation shows it: other regions beside, people as numbers or objects, no size in the data."""
    box = {"x": 50.8, "y": 5.87, "width": 12.4, "height": 10.46, "rotation": 0, "rectanglelabels": ["Moonwalker"]}
    around = {"from_name": "tag", "to_name": "img", "original_width": 1000, "original_height": 500}
    tasks = [
        {
            "id": 7,
            "data": {"image": "https://example.com/1.jpg"},
            "annotations": [
                {"id": "1001", "completed_by": {"id": 10, "email": "x@example.com"}, "was_cancelled": False,
                 "result": [{**around, "type": "rectanglelabels", "value": box}, {"type": "choices", "value": {}}]},
                {"completed_by": 11, "was_cancelled": True, "result": []},
            ],
            "predictions": [{"model_version": "model 1", "score": 0.7, "result": []}],
        }
    ]  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    (item,) = formats.read(path, Kind.BOXES)
    assert (item.key, item.width, item.height) == ("7", 1000, 500)
    assert item.answers == {"10": (Box(508.0, 29.4, 124.0, 52.3, "Moonwalker"),)}
    assert item.prediction == Prediction((), "model 1", 0.7)


def test_spans_that_a_browser_counted_are_understood(tmp_path):
    text = "😀😀成都"
    value = {"start": 4, "end": 6, "text": "成都", "labels": ["LOC"]}
    task = {"data": {"text": text}, "annotations": [{"result": [{"type": "labels", "value": value}]}]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([task]))
    (item,) = labelstudio.read(path, Kind.SPANS)
    assert item.answers == {"": (Span(2, 4, "LOC"),)}


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("x.json", "{", Kind.CHOICE, "JSON"),
        ("x.json", "{}", Kind.CHOICE, "list of tasks"),
        ("x.json", "[]", Kind.CHOICE, "at least one item"),
        ("x.json", '[{"data": {"text": 5}}]', Kind.CHOICE, "data.text"),
        ("x.json", '[{"data": {"image": "a.png"}}]', Kind.BOXES, "original_width"),
        ("x.json", '[{"data": {"text": "a"}, "meta": {"synthetic": {"model": "m"}}}]', Kind.CHOICE, "generator"),
        ("x.json", '[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "labels", "value": {}}]}]}]', Kind.SPANS,
         "whole labels"),
        ("x.json", '{"images": 5, "categories": []}', Kind.BOXES, "images"),
        ("x.json", '{"images": [{"id": 1, "file_name": "a", "width": 0, "height": 5}], "categories": [], "annotations": []}',
         Kind.BOXES, "images[1]"),
        ("x.json", '{"images": [], "categories": [], "annotations": [{"image_id": 1, "category_id": 1, "bbox": []}]}',
         Kind.BOXES, "annotations[1]"),
        ("x.conll", "word", Kind.SPANS, "row 1|1: expected"),
        ("x.conll", "word B-", Kind.SPANS, "BIO tag"),
        ("x.jsonl", '{"text": "a"}\n{"no": 1}', Kind.CHOICE, "2"),
        ("x.jsonl", '{"key": "k", "text": "a"}\n{"key": "k", "text": "b"}', Kind.CHOICE, "key of its own"),
        ("x.csv", "text,label\n,a\n", Kind.CHOICE, "row 2"),
        ("x.csv", "text,label\nb,a\n", Kind.SPANS, "no column of labels"),
        ("x.csv", "text,model\nb,m\n", Kind.CHOICE, "generated"),
        ("x.csv", "text\nb\n", Kind.BOXES, "COCO"),
        ("x.conll", "a O", Kind.CHOICE, ".csv"),
    ],
)  # fmt: skip
def test_a_fault_is_told_where_it_is(tmp_path, name, content, kind, said):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(BadInput) as told:
        formats.read(path, kind)
    assert any(part in str(told.value) for part in said.split("|"))
    assert name in str(told.value)


def test_a_table_of_texts_says_what_was_generated(tmp_path):
    path = tmp_path / "文本.csv"
    path.write_text("编号,文本,标签,生成者,模型,提示词摘要\n1,好,正面,某公司,m,sha256:ab\n2,差,,,,\n", encoding="utf-8")
    one, two = formats.read(path, Kind.CHOICE)
    assert one == Annotated("1", "好", answer="正面", synthetic=Synthetic("某公司", "m", "sha256:ab"))
    assert (two.answer, two.synthetic) == (None, None)


@KINDS
@SOME
@given(data=st.data())
def test_what_is_sent_is_checked_and_put_in_order(kind, data):
    (item, *_) = data.draw(items(kind))
    if item.answer is None:
        return
    sent = to_json(item.answer)
    assert checked(kind, sent if isinstance(sent, str) else sent[::-1] * 2, LABELS, item) == item.answer
    assert from_json(kind, json.loads(json.dumps(sent))) == item.answer


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (Kind.CHOICE, "unknown"),
        (Kind.CHOICE, ["PER"]),
        (Kind.CHOICE, None),
        (Kind.SPANS, "PER"),
        (Kind.SPANS, [5]),
        (Kind.SPANS, [{"start": 0, "end": 6, "label": "PER"}]),
        (Kind.SPANS, [{"start": 2, "end": 2, "label": "PER"}]),
        (Kind.SPANS, [{"start": False, "end": True, "label": "PER"}]),
        (Kind.SPANS, [{"start": 0, "end": 1, "label": "LOC"}]),
        (Kind.SPANS, [{"start": 0, "end": 1, "label": ["PER"]}]),
        (Kind.BOXES, [{"x": 0, "y": 0, "width": 11, "height": 1, "label": "PER"}]),
        (Kind.BOXES, [{"x": float("nan"), "y": 0, "width": 1, "height": 1, "label": "PER"}]),
        (Kind.BOXES, [{"x": 0, "y": 0, "width": 0.01, "height": 1, "label": "PER"}]),
        (Kind.BOXES, [{"x": "0", "y": 0, "width": 1, "height": 1, "label": "PER"}]),
    ],
)
def test_what_is_no_answer_is_refused(kind, sent):
    with pytest.raises(Refused):
        checked(kind, sent, LABELS, Annotated("k", "hello", "i.png", 10, 10))


def test_a_form_that_does_not_hold_the_kind_is_none():
    with pytest.raises(KeyError):
        formats.write("coco", [], Kind.SPANS, [])
    assert jsonl.write([]) == ""
