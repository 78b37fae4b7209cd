"""Uploads are looked at and never run: links, bombs, ways out of the folder and broken archives are refused by name."""

import io
import stat
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dujiang.messages import BadInput
from dujiang.talent.competitions import entries
from dujiang.talent.competitions.entries import unpack

METHOD = b"def method(inputs):\n    return []\n"


def archive(members, **options):
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, **options) as made:
        warnings.simplefilter("ignore")
        for name, content in members:
            made.writestr(name, content)
    return file.getvalue()


def link(name, kind=stat.S_IFLNK):
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, (kind | 0o777) << 16
    return made


def test_a_file_and_an_archive_are_unpacked():
    assert unpack("Mine.PY", METHOD) == {"entry.py": METHOD}
    members = [("entry.py", METHOD), ("weights/", b""), ("weights/w.npy", b"\x00\xff"), ("说明.txt", "好".encode())]
    assert unpack("a.zip", archive(members)) == {
        "entry.py": METHOD, "weights/w.npy": b"\x00\xff", "说明.txt": "好".encode(),
    }  # fmt: skip


BAD = {
    "a link": [("entry.py", METHOD), (link("out"), b"/etc/passwd")],
    "a pipe": [("entry.py", METHOD), (link("pipe", stat.S_IFIFO), b"")],
    "a device": [("entry.py", METHOD), (link("null", stat.S_IFCHR), b"")],
    "the folder above": [("entry.py", METHOD), ("../out.py", b"")],
    "the folder above, further in": [("entry.py", METHOD), ("a/../../out.py", b"")],
    "the root": [("entry.py", METHOD), ("/etc/cron.d/x", b"")],
    "a drive": [("entry.py", METHOD), ("C:x", b"")],
    "a backslash": [("entry.py", METHOD), ("a\\..\\b", b"")],
    "a line break": [("entry.py", METHOD), ("a\nb", b"")],
    "a name twice": [("entry.py", METHOD), ("entry.py", b"x = 1")],
    "a name twice but for case": [("entry.py", METHOD), ("Entry.py", b"x = 1")],
    "a file and a folder": [("entry.py", METHOD), ("a", b""), ("a/b", b"")],
    "nothing to run": [("main.py", METHOD)],
    "no text": [("entry.py", b"\xff\xfe")],
    "a NUL": [("entry.py", b"a\0b")],
    "many files": [("entry.py", METHOD), *((f"f{n}", b"") for n in range(entries.MOST_FILES))],
    "a long name": [("entry.py", METHOD), ("a" * 300, b"")],
    "a deep folder": [("entry.py", METHOD), ("a/" * 20 + "b", b"")],
    "a bomb": [("entry.py", METHOD), ("zeros", bytes(entries.LARGEST_UNPACKED))],
}


@pytest.mark.parametrize("name", BAD)
def test_an_archive_that_is_none_is_refused(name):
    with pytest.raises(BadInput) as told:
        unpack("a.zip", archive(BAD[name]))
    assert "a.zip" in str(told.value) and "\n\n" not in str(told.value)


def test_a_size_that_is_a_lie_is_found():
    content = bytearray(archive([("entry.py", METHOD), ("zeros", bytes(1000))]))
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(BadInput):
        unpack("a.zip", bytes(content))


def test_what_is_encrypted_or_packed_otherwise_is_refused():
    content = bytearray(archive([("entry.py", METHOD)]))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadInput, match="encrypted"):
        unpack("a.zip", bytes(content))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("entry.py", METHOD)
    with pytest.raises(BadInput, match="deflated"):
        unpack("a.zip", file.getvalue())


def test_files_that_are_too_large_or_of_another_kind_are_refused():
    for name, content in [
        ("a.py", b"#" * (entries.LARGEST_FILE + 1)),
        ("a.zip", bytes(entries.LARGEST_ARCHIVE + 1)),
        ("a.tar.gz", b""),
        ("a", METHOD),
        ("a.zip", METHOD),
    ]:
        with pytest.raises(BadInput):
            unpack(name, content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_or_read_never_worse(data):
    content = bytearray(archive([("entry.py", METHOD), ("b/c.txt", b"x" * 100)]))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        files = unpack("a.zip", bytes(content))
    except BadInput:
        return
    assert "entry.py" in files
