"""What pages say is said in Chinese too, and the compiled translations are those of the source."""

import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import dujiang

ROOT = Path(dujiang.__file__).parent
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_page_is_translated(template):
    with CATALOGUE.open("rb") as file:
        known = {message.id: message.string for message in read_po(file)}
    said = re.findall(r"""{% translate (["'])(.+?)\1 %}""", template.read_text())
    assert not [text for _, text in said if not known.get(text)]


def test_every_translation_is_used():
    said = {
        text for path in TEMPLATES for _, text in re.findall(r"""{% translate (["'])(.+?)\1 %}""", path.read_text())
    }
    with CATALOGUE.open("rb") as file:
        assert not [message.id for message in read_po(file) if message.id and message.id not in said]


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
