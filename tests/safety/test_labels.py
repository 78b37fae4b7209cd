"""Labels of generated content, explicit and implicit: what is written is found again, and what is wrong is said."""

import json
import struct
import wave
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dujiang.messages import BadInput, Refused
from dujiang.safety import files
from dujiang.safety.files import NAMESPACE, XMP, check_labels, write_labels
from dujiang.safety.labels import FIELDS, faults, header, label, producer_code, written

MADE = label("00119151010062182020X600001", "第 7 号“内容” <&>")


def test_the_label_has_the_fields_of_the_standard():
    made = label("某市智算中心", "req-1")
    assert list(made) == [
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    ]
    assert made["Label"] == "1"
    assert not faults(made)


def test_a_header_is_ascii_and_reads_back():
    made = label("某市“智算”中心🙂\n", "req-1")
    text = header(made)
    assert text.isascii() and "\n" not in text
    assert json.loads(text) == made


@pytest.mark.parametrize(
    "wrong",
    [
        "1",
        {},
        {**MADE, "Label": "4"},
        {**MADE, "Label": 1},
        {**MADE, "ProduceID": ""},
        {**MADE, "ContentProducer": ""},
        {**MADE, "ContentPropagator": "某平台"},
        {**MADE, "ContentProducer": "00119151010062182020X900001"},
        {name: MADE[name] for name in FIELDS[:-1]},
    ],
)
def test_what_is_wrong_with_a_label_is_said(wrong):
    assert faults(wrong)


def test_a_producers_code_holds_its_credit_code():
    assert producer_code("9151010062182020X6", 1) == MADE["ContentProducer"]
    with pytest.raises(Refused):
        producer_code("9151010062182020X9", 1)


def sound(path, seconds=2.0, rate=16000, channels=1, width=2, seed=1):
    """A WAV of noise and a hum, as speech might be."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    made = 0.3 * np.sin(2 * np.pi * 220 * time) + 0.1 * draw.normal(size=len(time))
    whole = np.clip(made, -1, 1) * (127 if width == 1 else 2 ** (8 * width - 1) - 1) + (128 if width == 1 else 0)
    samples = np.repeat(whole[:, None], channels, axis=1).astype({1: "u1", 2: "<i2", 4: "<i4"}[width])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def picture(path, size=(320, 200), mode="RGB", seed=1, **more):
    draw = np.random.default_rng(seed)
    Image.fromarray(draw.integers(0, 255, (size[1], size[0], 4), "u1"), "RGBA").convert(mode).save(path, "PNG", **more)
    return path


def text(path, body="一篇短文。\n\n第二段。\n"):
    path.write_text(body, encoding="utf-8")
    return path


MAKERS = {"a.txt": text, "a.md": text, "a.png": picture, "a.wav": sound}


@pytest.mark.parametrize("name", MAKERS)
def test_both_labels_are_written_and_found(tmp_path, name):
    path = MAKERS[name](tmp_path / name)
    before = check_labels(path)
    assert not before.explicit and before.implicit is None and len(before.faults) == 2
    write_labels(path, target := tmp_path / f"labelled-{name}", MADE)
    after = check_labels(target)
    assert after.good
    assert after.implicit == MADE
    # Again, with another label: replaced, not doubled.
    other = label("另一家", "8")
    write_labels(target, again := tmp_path / f"again-{name}", other)
    assert check_labels(again).implicit == other
    assert check_labels(again).good
    assert abs(again.stat().st_size - target.stat().st_size) < 200


@given(body=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=200))
@settings(max_examples=40, deadline=None)
def test_a_text_keeps_what_it_said(tmp_path_factory, body):
    folder = tmp_path_factory.mktemp("text")
    for name in ("a.txt", "a.md"):
        path = text(folder / name, "起头。\n" + body + "\n末尾。")
        write_labels(path, path, MADE)
        assert check_labels(path).good
        assert "起头。\n" + body + "\n末尾。" in path.read_text()


def test_markdown_keeps_its_front_matter(tmp_path):
    path = text(
        tmp_path / "a.md",
        "---\ntitle: 题目\nAIGC:\n  Label: '1'\n  ContentProducer: 旧\ndate: 2026-01-01\n---\n# 题目\n",
    )
    assert check_labels(path).implicit == {"Label": "1", "ContentProducer": "旧"}
    assert check_labels(path).faults
    write_labels(path, path, MADE)
    head = path.read_text().split("---\n")[1]
    assert head == f"title: 题目\ndate: 2026-01-01\nAIGC: {written(MADE)}\n"


def test_a_text_that_only_speaks_of_it_is_not_labelled(tmp_path):
    path = text(tmp_path / "a.txt", "论人工智能。\n\n有人说 AI 生成的图很多。\n\n完。\n")
    assert not check_labels(path).explicit


@pytest.mark.parametrize(
    ("size", "mode"), [((64, 64), "L"), ((1920, 1080), "RGB"), ((300, 900), "RGBA"), ((500, 500), "P")]
)
def test_a_picture_bears_words_of_a_twentieth_of_its_side(tmp_path, size, mode):
    path = picture(tmp_path / "a.png", size, mode)
    write_labels(path, path, MADE)
    assert check_labels(path).good
    assert files._drawn(*size).height >= min(size) * 0.05
    before = np.asarray(Image.open(picture(tmp_path / "b.png", size, mode)).convert("RGBA"))
    after = np.asarray(Image.open(path).convert("RGBA"))
    assert (before[: size[1] // 2] == after[: size[1] // 2]).all()  # the rest is what it was


def test_no_picture_is_taken_for_labelled(tmp_path):
    """Noise, a flat colour, a gradient, a chart's white ground, and the label scribbled over."""
    assert not any(check_labels(picture(tmp_path / "n.png", seed=seed)).explicit for seed in range(20))
    for made in (Image.new("RGB", (200, 200), "white"), Image.linear_gradient("L")):
        made.save(tmp_path / "flat.png")
        assert not check_labels(tmp_path / "flat.png").explicit
    write_labels(picture(tmp_path / "a.png"), tmp_path / "a.png", MADE)
    scribbled = Image.open(tmp_path / "a.png")
    scribbled.load()
    scribbled.paste((90, 90, 90), (270, 150, 320, 200))
    scribbled.save(tmp_path / "a.png")
    assert not check_labels(tmp_path / "a.png").explicit


def test_a_pictures_other_metadata_stays(tmp_path):
    info = PngInfo()
    info.add_text("Author", "某人")
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>题</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>'
    info.add_itxt(XMP, packet)
    path = picture(tmp_path / "a.png", pnginfo=info)
    write_labels(path, path, MADE)
    opened = Image.open(path)
    assert opened.info["Author"] == "某人"
    assert "<dc:title>题</dc:title>" in opened.info[XMP]
    assert check_labels(path).implicit == MADE
    property_ = ElementTree.fromstring(opened.info[XMP]).find(f".//{{{NAMESPACE}}}AIGC")
    assert json.loads(property_.text) == MADE  # as any reader of XML sees it


@pytest.mark.parametrize(("rate", "channels", "width"), [(8000, 1, 1), (44100, 2, 2), (48000, 1, 4)])
def test_a_sound_begins_with_the_rhythm_and_goes_on_as_it_was(tmp_path, rate, channels, width):
    path = sound(tmp_path / "a.wav", rate=rate, channels=channels, width=width)
    with wave.open(str(path)) as file:
        before = file.readframes(file.getnframes())
    write_labels(path, path, MADE)
    assert check_labels(path).good
    with wave.open(str(path)) as file:  # another program reads it
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, channels, width)
        assert file.readframes(file.getnframes()).endswith(before)


def test_no_sound_is_taken_for_labelled(tmp_path):
    assert not any(check_labels(sound(tmp_path / "a.wav", seed=seed)).explicit for seed in range(20))
    time = np.arange(32000) / 16000
    steady = (20000 * np.sin(2 * np.pi * 1000 * time)).astype("<i2").tobytes()
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(steady)
    assert not check_labels(tmp_path / "tone.wav").explicit


def test_a_file_that_is_something_else_is_told(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", 4) + b"WAVE" + b"fmt \xff\xff\xff\xff")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "a.jpg").write_bytes(b"")
    for name in ("a.png", "a.wav", "a.txt", "a.jpg"):
        with pytest.raises(BadInput):
            check_labels(tmp_path / name)
        with pytest.raises(BadInput):
            write_labels(tmp_path / name, tmp_path / "out", MADE)
    assert not (tmp_path / "out").exists()
