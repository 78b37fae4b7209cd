"""What pages say is said in Chinese too, and the compiled translations are those of the source."""

import gettext
import io
from pathlib import Path

import import_export
import pytest
import unfold
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

import dujiang

ROOT = Path(dujiang.__file__).parent
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
TEMPLATES = sorted(ROOT.glob("**/templates/**/*.html"))
SOURCES = sorted(ROOT.glob("**/*.py"))


def said_by(path):
    """The texts of a template or module that are translated by gettext: each a text, or a singular and a plural."""
    text = path.read_text()
    if path.suffix != ".py":
        # What templates indent is no Python.
        text = "\n".join(map(str.strip, templatize(text, origin=str(path)).splitlines()))
    source = io.BytesIO(text.encode())
    for _, _, texts, _ in extract_python(source, ["_", "gettext", "gettext_lazy", "ngettext"], [], {}):
        yield texts[:2] if isinstance(texts, tuple) else texts


def catalogue():
    with CATALOGUE.open("rb") as file:
        return {message.id: message.string for message in read_po(file) if message.id}


@pytest.mark.parametrize(
    "path", [*TEMPLATES, *(one for one in SOURCES if any(said_by(one)))], ids=lambda path: path.name
)
def test_every_text_is_translated(path):
    known = catalogue()
    assert not [text for text in said_by(path) if not known.get(text)]


def test_every_translation_is_used():
    # The admin's libraries say some things that they ship no Chinese for; tests/console/test_admin.py reads its pages.
    theirs = [path for library in (unfold, import_export) for path in Path(library.__file__).parent.glob("**/*.*")]
    paths = [*TEMPLATES, *SOURCES, *(path for path in theirs if path.suffix in (".py", ".html"))]
    assert not set(catalogue()) - {text for path in paths for text in said_by(path)}


def test_the_compiled_catalogue_is_up_to_date():
    with CATALOGUE.open("rb") as file:
        fresh = io.BytesIO()
        write_mo(fresh, read_po(file))
    fresh.seek(0)
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        # `make messages` compiles it.
        compiled, made = (dict(gettext.GNUTranslations(one)._catalog) for one in (file, fresh))
    # The header holds the time of compiling.
    del compiled[""], made[""]
    assert compiled == made


def test_no_text_is_translated_twice():
    said = [line for line in CATALOGUE.read_text().splitlines() if line.startswith("msgid ")]
    assert len(said) == len(set(said))
