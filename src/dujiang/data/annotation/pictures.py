"""Images that come in a zip: looked at before they are taken."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from PIL import Image, UnidentifiedImageError

from dujiang.data.annotation.values import fault
from dujiang.messages import Text

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""The formats that browsers show, by Pillow's name."""
LARGEST = 32 << 20
"""Bytes of an image."""
PIXELS = 100_000_000
"""Of an image; more would cost gigabytes to open."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class Picture(NamedTuple):
    """An image of a zip: its name there, content, and size in pixels."""

    name: str
    content: bytes
    width: int
    height: int


def pictures(path: Path) -> Iterator[Picture]:
    """Yield the images of a zip file by the names that they have there; other files are left out.

    Raises `BadInput` for what is no zip, and for an image that is broken, too large or turned by its metadata.
    """
    try:
        archive = ZipFile(path)
    except (OSError, BadZipFile) as error:
        raise fault(path, "", Text("zip 压缩包", "a zip file"), found=str(error)) from error
    with archive:
        for entry in archive.infolist():
            name = PurePosixPath(entry.filename)
            hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
            if entry.is_dir() or hidden or name.suffix.lower() not in _SUFFIXES:
                continue
            if entry.file_size > LARGEST:
                expected = Text(f"不超过 {LARGEST >> 20} MiB 的图像", f"an image of at most {LARGEST >> 20} MiB")
                raise fault(path, str(name), expected, found=f"{entry.file_size >> 20} MiB")
            try:
                content = archive.read(entry)
            except (BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
                raise fault(path, str(name), Text("完好的压缩条目", "a sound entry"), found=str(error)) from error
            yield Picture(str(name), content, *_size(path, str(name), content))


def _size(path: Path, name: str, content: bytes) -> tuple[int, int]:
    expected = Text("完好的 PNG、JPEG 或 WebP 图像", "a sound PNG, JPEG or WebP image")
    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) != 1
            sound = image.format in TYPES and width * height <= PIXELS
            if sound and not turned:
                image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise fault(path, name, expected, found=str(error)) from error
    if not sound:
        raise fault(path, name, expected, found=f"{image.format} {width} x {height}")
    if turned:
        # A browser would show it turned and a training program wouldn't, so its boxes would lie elsewhere.
        raise fault(path, name, Text("已按方向转正的图像", "an image that its EXIF data don't turn"), found="EXIF")
    return width, height


def media_type(content: bytes) -> str:
    """Return the media type of an image that was taken."""
    with Image.open(io.BytesIO(content)) as image:
        return TYPES[str(image.format)]
