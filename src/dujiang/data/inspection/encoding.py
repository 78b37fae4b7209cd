"""Texts that were read in the wrong encoding, found by reading them back.

A run of suspicious characters is a fault only where encoding it as what it was taken for and decoding it as what it was
gives a text; what merely looks odd is left alone. Runs that lost bytes can't be read back; the commonest of those are known
by what they turn into (锟斤拷, 烫烫烫).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dujiang.messages import Text

FAULTS = {
    "utf8-as-gbk": Text("UTF-8 误作 GBK", "UTF-8 taken for GBK"),
    "gbk-as-latin": Text("GBK 误作西文编码", "GBK taken for Latin-1"),
    "utf8-as-latin": Text("UTF-8 误作西文编码", "UTF-8 taken for Latin-1 or Windows-1252"),
    "lost": Text("已丢失的字节（锟斤拷、�）", "bytes lost (U+FFFD, 锟斤拷)"),
    "memory": Text("未初始化内存（烫烫烫、屯屯屯）", "memory not set (烫烫烫, 屯屯屯)"),
    "control": Text("控制字符", "control characters"),
}
_LOST = re.compile(r"�+|(?:锟斤拷|锟叫斤拷)+")
_MEMORY = re.compile(r"烫{3,}|屯{3,}|葺{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]+")
# What the bytes of UTF-8's Chinese are in Windows-1252: a lead byte E2-EF and two continuations, or C3 and one.
_LATIN = re.compile(r"(?:[Â-ï][\x80-¿ŒœŠšŸŽžƒˆ˜–—‘’‚“”„†‡•…‰‹›€™]{1,2})+")
_LATIN_GBK = re.compile(r"(?:[\xa1-\xf7][\xa1-\xfe]){3,}")
_HAN = re.compile(r"[一-鿿㐀-䶿-　-〿＀-￯]{2,}")
_FREQUENT = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏兴切"
)


def faults(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, the characters) of the encoding faults of a text."""
    if text.isascii():
        if match := _CONTROL.search(text):
            yield "control", match.group()
        return
    for kind, pattern in (("lost", _LOST), ("memory", _MEMORY), ("control", _CONTROL)):
        for match in pattern.finditer(text):
            yield kind, match.group()
    western: list[tuple[int, int]] = []
    for match in _LATIN_GBK.finditer(text):
        run = match.group()
        if not _decoded(run, "latin-1", "utf-8") and (was := _decoded(run, "latin-1", "gbk")) and _chinese(was):
            western.append(match.span())
            yield "gbk-as-latin", run
    for match in _LATIN.finditer(text):
        inside = any(begin <= match.start() < end for begin, end in western)
        if not inside and any(_decoded(match.group(), taken, "utf-8") for taken in ("cp1252", "latin-1")):
            yield "utf8-as-latin", match.group()
    for match in _HAN.finditer(text):
        if _was_utf8(match.group()):
            yield "utf8-as-gbk", match.group()


def _was_utf8(run: str) -> bool:
    """Return whether a run is UTF-8 taken for GBK: most of its GBK bytes are Chinese in UTF-8, which right Chinese's aren't.

    Some may have been lost, since not all pairs of bytes are characters of GBK.
    """
    data = run.encode("gb18030", "ignore")
    was = "".join(char for char in data.decode("utf-8", "ignore") if not char.isascii())
    return len(was) >= 2 and len(was.encode()) >= 0.6 * len(data) and _chinese(was)


def _chinese(text: str) -> bool:
    """Return whether a text reads as Chinese: a fifth of it and more are frequent characters."""
    return sum(char in _FREQUENT for char in text) >= 0.2 * len(text)


def _decoded(run: str, taken: str, was: str) -> str:
    try:
        text = run.encode(taken).decode(was)
    except UnicodeError:
        return ""
    return text if text != run and not text.isascii() else ""
