"""What pages say is said in Chinese too, and the compiled translations are those of the source."""

import gettext
import io
from pathlib import Path

import pytest
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

import dujiang

ROOT = Path(dujiang.__file__).parent
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))


def said(template):
    """What a template says, as Django takes it to be translated: a text, or a singular and a plural."""
    source = io.BytesIO(templatize(template.read_text(), origin=str(template)).encode())
    for _, _, texts, _ in extract_python(source, ["gettext", "ngettext"], [], {}):
        yield texts[:2] if isinstance(texts, tuple) else texts


def known():
    with CATALOGUE.open("rb") as file:
        return {message.id: message.string for message in read_po(file) if message.id}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_page_is_translated(template):
    translated = known()
    assert not [text for text in said(template) if not translated.get(text)]


def test_every_translation_is_used():
    assert not set(known()) - {text for template in TEMPLATES for text in said(template)}


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
