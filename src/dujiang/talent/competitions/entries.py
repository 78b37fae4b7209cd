"""Entries as they are uploaded: one Python file, or a plain zip archive with ``entry.py`` at its top.

Nothing of an entry runs or is parsed here; what it holds is only looked at, name by name, and unpacked into memory
within bounds, whatever the archive says of itself.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib

from dujiang.messages import BadInput, Text

MAIN = "entry.py"
"""The file that defines ``method(inputs)``."""
LARGEST_FILE, LARGEST_ARCHIVE, LARGEST_UNPACKED = 1 << 20, 8 << 20, 64 << 20
"""Bytes of a Python file, of an archive, and of all that is in it."""
MOST_FILES, LONGEST_NAME, DEEPEST = 500, 200, 12
_CHUNK = 1 << 16
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(name: str, content: bytes) -> dict[str, bytes]:
    """Return an entry's files by their path; raises `BadInput` naming what is wrong with it."""
    if name.lower().endswith(".py"):
        return _python(name, content)
    if name.lower().endswith(".zip"):
        return _archive(name, content)
    expected = Text("一个 .py 文件或 .zip 压缩包", "a .py file or a .zip archive")
    raise BadInput(name, expected=expected, found=name.rpartition(".")[2])


def _python(name: str, content: bytes) -> dict[str, bytes]:
    if len(content) > LARGEST_FILE:
        raise BadInput(
            name,
            expected=Text(f"至多 {LARGEST_FILE >> 20} MiB", f"at most {LARGEST_FILE >> 20} MiB"),
            found=f"{len(content)} B",
        )
    _check_text(name, MAIN, content)
    return {MAIN: content}


def _check_text(name: str, inside: str, content: bytes) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadInput(
            name, row=inside, expected=Text("UTF-8 文本", "UTF-8 text"), found=f"byte {error.start}"
        ) from error
    if "\0" in text:
        raise BadInput(name, row=inside, expected=Text("UTF-8 文本", "UTF-8 text"), found="NUL")


def _archive(name: str, content: bytes) -> dict[str, bytes]:
    def bad(expected: Text, found: str, inside: str | None = None) -> BadInput:
        return BadInput(name, row=inside, expected=expected, found=found)

    if len(content) > LARGEST_ARCHIVE:
        most = LARGEST_ARCHIVE >> 20
        raise bad(Text(f"至多 {most} MiB", f"at most {most} MiB"), f"{len(content)} B")
    broken = Text("完好的 zip 压缩包", "a sound zip archive")
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    left = LARGEST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                raise bad(Text(f"至多 {MOST_FILES} 个文件", f"at most {MOST_FILES} files"), str(len(members)))
            for one in members:
                inside = one.filename[:LONGEST_NAME]
                if (wrong := _wrong(one)) is not None:
                    raise bad(wrong, ascii(inside)[1:-1], ascii(inside)[1:-1])
                # Where letters' case does not tell files apart, one would take the other's place.
                if one.filename.rstrip("/").casefold() in seen:
                    raise bad(Text("每个名称一次", "each name once"), inside, inside)
                seen.add(one.filename.rstrip("/").casefold())
                if one.is_dir():
                    continue
                parts = []
                with archive.open(one) as member:
                    # What it says of its size is not believed: it is counted.
                    while part := member.read(_CHUNK):
                        left -= len(part)
                        if left < 0:
                            most = LARGEST_UNPACKED >> 20
                            raise bad(Text(f"展开后至多 {most} MiB", f"at most {most} MiB unpacked"), inside, inside)
                        parts.append(part)
                files[one.filename] = b"".join(parts)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, BadInput):
            raise
        raise bad(broken, str(error)[:200]) from error
    if MAIN not in files:
        raise bad(Text(f"顶层有 {MAIN}", f"{MAIN} at the top"), ", ".join(sorted(files)[:5]) or "—")
    for inside, each in files.items():
        if any(other.startswith(f"{inside}/") for other in files):
            raise bad(Text("文件或目录之一", "either a file or a folder"), inside, inside)
        if inside.endswith(".py"):
            _check_text(name, inside, each)
    return files


def _wrong(one: zipfile.ZipInfo) -> Text | None:
    """Return what a member of an archive should have been, None where it is a plain file or folder."""
    # Bits that Unix's zip keeps above the DOS ones; archives of other systems have none.
    kind = stat.S_IFMT(one.external_attr >> 16)
    path = one.filename
    parts = path.rstrip("/").split("/")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return Text("普通文件，不是链接或设备", "a plain file, no link or device")
    if one.flag_bits & 0x1:
        return Text("未加密的文件", "a file that is not encrypted")
    if one.compress_type not in _PLAIN:
        return Text("未压缩或 deflate 压缩的文件", "a file that is stored or deflated")
    safe = path.isprintable() and not set(path) & set('\\:*?"<>|') and one.orig_filename == path
    if len(path) > LONGEST_NAME or len(parts) > DEEPEST or not safe or path.encode("utf-8", "replace").decode() != path:
        return Text("普通的文件名", "a plain file name")
    if any(part in ("", ".", "..") or part != part.strip() for part in parts):
        return Text("压缩包内的相对路径", "a path within the archive")
    return None
