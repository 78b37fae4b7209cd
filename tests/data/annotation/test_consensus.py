"""What answers amount to, what a model's words are worth, and which images are taken."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dujiang.data.annotation.agreement import iou
from dujiang.data.annotation.consensus import CLOSE, consensus, majority
from dujiang.data.annotation.labels import Box, Kind, Span
from dujiang.data.annotation.pictures import media_type, pictures
from dujiang.data.annotation.prelabel import answer, messages
from dujiang.messages import BadInput


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=7))
def test_a_majority_is_more_than_half(answers):
    found = majority(answers)
    assert (found is not None) == any(2 * answers.count(one) > len(answers) for one in "abc")
    assert found is None or 2 * answers.count(found) > len(answers)


def test_spans_must_be_the_same():
    one = (Span(0, 2, "a"),)
    assert consensus([one, one]) == one
    assert consensus([(), ()]) == ()
    assert consensus([one, (Span(0, 3, "a"),)]) is None
    assert consensus([one, ()]) is None


SIDES = st.integers(0, 100).map(float), st.integers(0, 100).map(float), st.integers(20, 60).map(float)


@settings(max_examples=60, deadline=None)
@given(*SIDES, st.integers(-3, 3), st.integers(-3, 3))
def test_boxes_that_are_close_become_their_mean(x, y, side, dx, dy):
    one, other = Box(x + 5, y + 5, side, side, "a"), Box(x + 5 + dx, y + 5 + dy, side, side, "a")
    found = consensus([(one,), (other,), (one,)])
    if iou(one, other) < CLOSE:
        assert found is None
        return
    (mean,) = found
    assert min(one.x, other.x) <= mean.x <= max(one.x, other.x)
    assert min(one.y, other.y) <= mean.y <= max(one.y, other.y)
    assert min(iou(mean, one), iou(mean, other)) >= iou(one, other) - 0.02


def test_boxes_that_one_did_not_draw_are_for_somebody_to_decide():
    one, other = Box(0, 0, 10, 10, "a"), Box(50, 50, 10, 10, "a")
    assert consensus([(one, other), (one,)]) is None
    assert consensus([(one,), (Box(0, 0, 10, 10, "b"),)]) is None
    assert consensus([(one, other), (other, one)]) == (one, other)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"label": "正面"}', "正面"),
        ('好的，结果是：```json\n{"label": "负面"}\n```', "负面"),
        ('{"label": "中性"}', None),
        ("正面", None),
        ('{"label": ["正面"]}', None),
        ("[]", None),
    ],
)
def test_what_a_model_says_of_a_class(said, found):
    assert answer(Kind.CHOICE, ["正面", "负面"], "文本", said) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('[{"text": "成都", "label": "LOC"}]', (Span(0, 2, "LOC"),)),
        (
            '[{"text": "成都", "label": "LOC"}, {"text": "成都", "label": "LOC"}]',
            (Span(0, 2, "LOC"), Span(5, 7, "LOC")),
        ),
        ('[{"text": "重庆", "label": "LOC"}, {"text": "成都", "label": "PER"}, 5]', ()),
        ("[]", ()),
        ("没有", None),
    ],
)
def test_what_a_model_says_of_spans(said, found):
    assert answer(Kind.SPANS, ["LOC"], "成都人去了成都", said) == found


def test_a_model_is_asked_by_the_guideline():
    asked = messages(Kind.SPANS, "地名都标。", ["LOC"], "成都")
    assert "地名都标。" in asked[0]["content"] and asked[1]["content"] == "成都"
    with pytest.raises(ValueError, match="boxes"):
        messages(Kind.BOXES, "", [], "")


def zipped(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def picture(form="PNG", **more):
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, form, **more)
    return out.getvalue()


def test_images_of_a_zip_are_taken_with_their_size(tmp_path):
    path = zipped(
        tmp_path / "x.zip", **{"a/1.png": picture(), "2.jpg": picture("JPEG"), "read.me": b"", "._3.png": b"x"}
    )
    taken = list(pictures(path))
    assert [(one.name, one.width, one.height) for one in taken] == [("a/1.png", 30, 20), ("2.jpg", 30, 20)]
    assert [media_type(one.content) for one in taken] == ["image/png", "image/jpeg"]


def test_an_image_that_will_not_do_is_told_by_its_name(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6
    for content in (b"x", picture()[:60], picture("GIF"), picture("JPEG", exif=turned)):
        with pytest.raises(BadInput, match=r"b\.png"):
            list(pictures(zipped(tmp_path / "x.zip", **{"b.png": content})))
    (tmp_path / "no.zip").write_bytes(b"no")
    with pytest.raises(BadInput, match="zip"):
        list(pictures(tmp_path / "no.zip"))
