"""Labels of generated content in files: texts, PNG pictures and WAV sounds. Written, and checked.

Where the implicit label is:

- a PNG: XMP in the chunk ``iTXt`` of the name ``XML:com.adobe.xmp``, as the property ``AIGC`` of the name space of TC260;
- a WAV: a chunk ``AIGC`` of the RIFF;
- Markdown: the key ``AIGC`` of its front matter;
- a plain text, which has no metadata: its last line, ``AIGC:`` and the JSON. That is our own convention.

A picture's explicit label is drawn in its lower right corner, its height 5 % of the shorter side at least as the
standard asks; it is drawn from strokes, so that it looks the same on machines without Chinese fonts.
"""

from __future__ import annotations

import html
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dujiang.messages import BadInput, Text
from dujiang.safety.labels import EXPLICIT, WORDS, faults, written

TEXTS, PICTURES, SOUNDS = (".txt", ".md"), (".png",), (".wav",)
XMP, NAMESPACE = "XML:com.adobe.xmp", "http://www.tc260.org.cn/ns/AIGC/1.0/"
_NOTE = f"（本内容由人工智能生成，{WORDS}）"
_FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
_LAST = re.compile(r"\n?^AIGC:\s*(\{.*\})\s*\Z", re.MULTILINE)
_PROPERTY = re.compile(r"<TC260:AIGC>(.*?)</TC260:AIGC>|TC260:AIGC\s*=\s*\"(.*?)\"", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file bears: the explicit label or not, the implicit one as read (None where there is none), what is wrong."""

    explicit: bool
    implicit: Any
    faults: list[Text]

    @property
    def good(self) -> bool:
        """Whether both labels are there and right."""
        return self.explicit and self.implicit is not None and not self.faults


def write_labels(path: Path, target: Path, made: Mapping[str, str]) -> None:
    """Write a copy of a file with both labels; labels that it bears already are replaced, not doubled.

    Raises `BadInput` for a file of another kind, or that is not what its name says.
    """
    content = _kind(path)[0](path, made)
    partial = target.with_name(f".partial-{target.name}")
    partial.write_bytes(content)
    partial.replace(target)


def check_labels(path: Path) -> Checked:
    """Return what labels a file bears. Raises `BadInput` as `write_labels` does."""
    explicit, implicit = _kind(path)[1](path)
    wrong = [] if implicit is None else faults(implicit)
    if implicit is None:
        wrong.append(Text("缺少隐式标识（元数据 AIGC）", "the implicit label (AIGC in the metadata) is missing"))
    if not explicit:
        wrong.append(Text("缺少显式标识", "the explicit label is missing"))
    return Checked(explicit, implicit, wrong)


def _kind(path: Path) -> Any:
    for suffixes, handled in (
        (TEXTS, (_label_text, _check_text)),
        (PICTURES, (_label_png, _check_png)),
        (SOUNDS, (_label_wav, _check_wav)),
    ):
        if path.suffix.lower() in suffixes:
            return handled
    known = "、".join((*TEXTS, *PICTURES, *SOUNDS))
    raise BadInput(path, expected=Text(f"{known} 文件", f"a file of {known}"), found=path.suffix or path.name)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


# Texts.


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BadInput(path, expected=Text("UTF-8 文本", "text in UTF-8")) from error


def _label_text(path: Path, made: Mapping[str, str]) -> bytes:
    text = _read_text(path)
    if path.suffix.lower() == ".md":
        front, body = _front(text)
        lines = _without(front)
        text = "---\n" + "".join(f"{line}\n" for line in lines) + f"AIGC: {written(made)}\n---\n" + _noted(body)
    else:
        text = f"{_noted(_LAST.sub('', text)).rstrip(chr(10))}\n\nAIGC: {written(made)}\n"
    return text.encode()


def _noted(body: str) -> str:
    """Put the explicit label at the beginning, if the text doesn't begin or end with one."""
    return body if _says(body) else f"{_NOTE}\n\n{body.lstrip(chr(10))}"


def _says(body: str) -> bool:
    lines = [line for line in body.splitlines() if line.strip()]
    return bool(lines) and any(EXPLICIT.search(line) for line in (lines[0], lines[-1]))


def _front(text: str) -> tuple[str, str]:
    found = _FRONT.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


def _without(front: str) -> Iterator[str]:
    """Yield the lines of a front matter without its key AIGC."""
    inside = False
    for line in front.splitlines():
        if inside and line[:1] in (" ", "\t"):
            continue
        if not (inside := line.startswith("AIGC:")):
            yield line


def _check_text(path: Path) -> tuple[bool, Any]:
    text = _read_text(path)
    if path.suffix.lower() != ".md":
        found = _LAST.search(text)
        return _says(_LAST.sub("", text)), _parsed(found[1]) if found else None
    front, body = _front(text)
    lines = front.splitlines()
    at = next((place for place, line in enumerate(lines) if line.startswith("AIGC:")), None)
    if at is None:
        return _says(body), None
    rest = lines[at].removeprefix("AIGC:").strip()
    if rest:
        return _says(body), _parsed(rest)
    # Others write it as indented keys.
    fields = {}
    for line in lines[at + 1 :]:
        if line[:1] not in (" ", "\t"):
            break
        name, _, value = line.strip().partition(":")
        fields[name] = value.strip().strip("'\"")
    return _says(body), fields


# Pictures. The words are strokes on a grid of 10 by 10 a character.

_STROKES = (
    ("A", (((1, 9), (5, 1), (9, 9)), ((2.5, 6), (7.5, 6)))),
    ("I", (((5, 1), (5, 9)), ((3.5, 1), (6.5, 1)), ((3.5, 9), (6.5, 9)))),
    ("生", (((2.5, 1), (1, 4)), ((2, 3), (8.5, 3)), ((1.8, 6), (8.4, 6)), ((5, 0.8), (5, 9)), ((0.8, 9), (9.4, 9)))),
    ("成", (((1.5, 2.8), (9.2, 2.8)), ((1.8, 2.8), (1.7, 6), (0.8, 9.2)), ((1.9, 5), (4.4, 5), (4.2, 7.6), (3.3, 7.4)),
           ((5.4, 0.8), (6, 4), (7.4, 7.6), (9, 9.2), (9.2, 7.8)), ((8.4, 4.6), (6.8, 7), (4.8, 8.8)), ((7, 0.9), (8.2, 1.9)))),
)  # fmt: skip


def _drawn(width: int, height: int) -> Any:
    """Return the label as it stands on a picture of this size: a mask of its strokes (bool, rows by columns)."""
    from PIL import Image, ImageDraw

    side = max(8, -(-min(width, height) * 6 // 100))
    scale = 4
    mask = Image.new("L", (len(_STROKES) * side * scale, side * scale), 0)
    draw = ImageDraw.Draw(mask)
    for place, (_, strokes) in enumerate(_STROKES):
        for stroke in strokes:
            points = [((place * 10 + x) * side * scale / 10, y * side * scale / 10) for x, y in stroke]
            draw.line(points, fill=255, width=max(1, round(side * scale * 0.09)), joint="curve")
    return mask.resize((len(_STROKES) * side, side), Image.Resampling.BOX)


def _corner(width: int, height: int) -> tuple[Any, tuple[int, int, int, int]]:
    """Return the mask, and the box of the label on the picture with its margin."""
    mask = _drawn(width, height)
    margin = max(2, mask.height // 4)
    left, top = width - mask.width - 2 * margin, height - mask.height - 2 * margin
    return mask, (left, top, width, height)


def _open_png(path: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(path, formats=["PNG"])
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadInput(path, expected=Text("PNG 图片", "a PNG picture")) from error
    return picture


def _label_png(path: Path, made: Mapping[str, str]) -> bytes:
    import io

    from PIL.PngImagePlugin import PngInfo

    opened = _open_png(path)
    mask, box = _corner(*opened.size)
    if box[0] < 0 or box[1] < 0:
        expected = Text(
            "放得下文字标识的图片（宽至少为高的三成）", "a picture that has room for the words of the label"
        )
        raise BadInput(path, expected=expected, found="×".join(map(str, opened.size)))
    picture = opened.convert("RGBA")
    if not _bears(picture.convert("L")):
        picture.paste((0, 0, 0, 255), box)
        margin = (box[2] - box[0] - mask.width) // 2
        picture.paste((255, 255, 255, 255), (box[0] + margin, box[1] + margin), mask)
    info = PngInfo()
    for name, value in opened.info.items():
        if isinstance(value, str) and name != XMP:
            info.add_itxt(name, value)
    info.add_itxt(XMP, _xmp(opened.info.get(XMP, ""), written(made)))
    out = io.BytesIO()
    if opened.mode == "RGB":
        picture = picture.convert("RGB")
    more = {name: opened.info[name] for name in ("dpi", "icc_profile") if name in opened.info}
    picture.save(out, "PNG", pnginfo=info, **more)
    return out.getvalue()


def _xmp(packet: str, text: str) -> str:
    """Return an XMP packet with the label: the one that is there, or a new one."""
    described = f'<rdf:Description rdf:about="" xmlns:TC260="{NAMESPACE}"><TC260:AIGC>{html.escape(text)}</TC260:AIGC></rdf:Description>'
    packet = re.sub(
        rf'<rdf:Description[^>]*xmlns:TC260="{NAMESPACE}"[^>]*>\s*<TC260:AIGC>.*?</TC260:AIGC>\s*</rdf:Description>',
        "",
        packet,
        flags=re.DOTALL,
    )
    if "</rdf:RDF>" in packet and "TC260:AIGC" not in packet:
        return packet.replace("</rdf:RDF>", f"{described}</rdf:RDF>", 1)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{described}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def _bears(grey: Any) -> bool:
    """Whether the words stand in the corner: their strokes are brighter than what is around them, nearly everywhere."""
    import numpy as np

    mask, box = _corner(*grey.size)
    if box[0] < 0 or box[1] < 0:
        return False
    margin = (box[2] - box[0] - mask.width) // 2
    seen = np.asarray(
        grey.crop((box[0] + margin, box[1] + margin, box[0] + margin + mask.width, box[1] + margin + mask.height)),
        float,
    )
    strokes = np.asarray(mask, float)
    if seen.std() < 1:
        return False
    return bool(np.corrcoef(seen.ravel(), strokes.ravel())[0, 1] > 0.8)


def _check_png(path: Path) -> tuple[bool, Any]:
    picture = _open_png(path)
    found = _PROPERTY.search(str(picture.info.get(XMP, "")))
    explicit = _bears(picture.convert("RGBA").convert("L"))
    return explicit, _parsed(html.unescape(found[1] or found[2] or "")) if found else None


# Sounds.

_UNIT, _TONE = 0.1, 1000.0
"""Seconds of the rhythm's short, and the pitch of its tone (Hz)."""
_RHYTHM = (1, 1, 3, 3, 1, 1, 1, 3)
"""In units, sound and silence by turns: short-long, short-short, and a pause; a long is three shorts."""


def _chunks(path: Path) -> list[tuple[bytes, bytes]]:
    content = path.read_bytes()
    wrong = BadInput(path, expected=Text("WAV 声音（RIFF）", "a WAV sound (RIFF)"))
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise wrong
    found, at = [], 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if at + 8 + size > len(content):
            raise wrong
        found.append((name, content[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    if not {b"fmt ", b"data"} <= {name for name, _ in found}:
        raise wrong
    return found


def _format(path: Path, chunks: list[tuple[bytes, bytes]]) -> tuple[str, int, int]:
    """Return samples' NumPy type, channels and rate."""
    about = dict(chunks)[b"fmt "]
    kind, channels, rate = struct.unpack_from("<HHI", about)
    bits = struct.unpack_from("<H", about, 14)[0]
    if kind == 0xFFFE and len(about) >= 26:  # extensible: the kind stands further on
        kind = struct.unpack_from("<H", about, 24)[0]
    types = {(1, 8): "u1", (1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
    if (kind, bits) not in types or not channels or rate < 4000:
        expected = Text("8、16、32 位 PCM 或浮点的 WAV", "WAV in PCM of 8, 16 or 32 bits, or in floats")
        raise BadInput(path, expected=expected, found=f"{bits} bits, kind {kind}, {rate} Hz")
    return types[kind, bits], channels, rate


def _rhythm(rate: int) -> Any:
    """Return the rhythm as samples from -1 to 1."""
    import numpy as np

    parts = []
    for place, units in enumerate(_RHYTHM):
        time = np.arange(round(units * _UNIT * rate)) / rate
        tone = np.sin(2 * np.pi * _TONE * time) * 0.5
        edge = min(len(time) // 2, round(0.005 * rate))
        tone[:edge] *= np.linspace(0, 1, edge)
        tone[len(tone) - edge :] *= np.linspace(1, 0, edge)
        parts.append(tone if place % 2 == 0 else np.zeros(len(time)))
    return np.concatenate(parts)


def _label_wav(path: Path, made: Mapping[str, str]) -> bytes:
    import numpy as np

    chunks = _chunks(path)
    kind, channels, rate = _format(path, chunks)
    out = []
    for name, content in chunks:
        if name == b"AIGC":
            continue
        if name == b"data" and not _heard(path, chunks):
            tone = np.repeat(_rhythm(rate)[:, None], channels, axis=1)
            if kind == "u1":
                samples = np.round(tone * 127 + 128)
            elif "f" in kind:
                samples = tone
            else:
                samples = np.round(tone * (np.iinfo(kind).max))
            out.append((name, samples.astype(kind).tobytes() + content))
        else:
            out.append((name, content))
        if name == b"fmt ":
            out.append((b"AIGC", written(made).encode()))
    body = b"".join(struct.pack("<4sI", name, len(one)) + one + b"\0" * (len(one) % 2) for name, one in out)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def _heard(path: Path, chunks: list[tuple[bytes, bytes]]) -> bool:
    """Whether the sound begins with the rhythm: its tone comes and goes as the rhythm's does."""
    import numpy as np

    kind, channels, rate = _format(path, chunks)
    wanted = _rhythm(rate)
    data = dict(chunks)[b"data"]
    sound = np.frombuffer(data[: len(wanted) * channels * np.dtype(kind).itemsize], kind).astype(float)
    sound = sound[: len(sound) // channels * channels].reshape(-1, channels).mean(axis=1)
    if len(sound) < len(wanted):
        return False
    if kind == "u1":
        sound = sound - 128

    def loudness(samples: Any) -> Any:
        """The tone's strength in pieces of 20 ms."""
        piece = round(0.02 * rate)
        count = len(samples) // piece
        turned = samples[: count * piece] * np.exp(-2j * np.pi * _TONE * np.arange(count * piece) / rate)
        return np.abs(turned.reshape(count, piece).mean(axis=1))

    heard, known = loudness(sound), loudness(wanted)
    return bool(heard.std() > 0 and np.corrcoef(heard, known)[0, 1] > 0.9)


def _check_wav(path: Path) -> tuple[bool, Any]:
    chunks = _chunks(path)
    found = dict(chunks).get(b"AIGC")
    return _heard(path, chunks), None if found is None else _parsed(found.decode("utf-8", "replace").rstrip("\0"))
