"""Who leads and who joins a task, in the ways in which plans write it.

Known ways, each with full- or half-width punctuation and in any kind of brackets: units before the first comma lead and
those after it join (the common rule, stated or not); the first unit leads where the document says so; ☆, ★, * or (牵头)
marks a leader where the document says so; labels (牵头单位：…；配合单位：…); sentences (由甲牵头，乙配合); no comma: all lead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dujiang.messages import Text

OPEN, CLOSE = "([〔【", ")]〕】"
MARKS = "☆★*※▲△●◎"

_LEAD_LABELS = ("牵头责任单位", "牵头单位", "牵头部门", "主责单位", "主办单位", "主管单位", "牵头")
_JOIN_LABELS = (
    "配合单位", "配合部门", "协同单位", "协办单位", "参与单位", "参加单位", "支持单位", "协作单位", "配合", "参与",
)  # fmt: skip
_ALL_LABELS = ("责任单位", "责任部门", "负责单位", "负责部门", "落实单位", "实施单位", "承办单位", "责任主体")
_LABEL = re.compile(
    "|".join(sorted((f"{label}[:]" for label in (*_LEAD_LABELS, *_JOIN_LABELS, *_ALL_LABELS)), key=len, reverse=True))
)
_KEYWORD = re.compile(
    "|".join(sorted((*_LEAD_LABELS, *_JOIN_LABELS[:-2], *_ALL_LABELS), key=len, reverse=True))
    + "|按.{0,4}职责|分工负责"
)
_NOTE = re.compile(r"[(\[〔][^()\[\]〔〕]*(?:下同|为牵头|是牵头|排名)[^()\[\]〔〕]*[)\]〕]")
_NOTE_AFTER = re.compile(r"[。,;:]?[^。、,;]{0,20}(?:为|是|系)牵头(?:单位|部门)?(?:[,]?下同)?[。]?$")
_TAIL = re.compile(
    r"(?:等)?(?:有关|相关|各有关|各相关)?(?:部门|单位|省直部门|市直部门)?[,]?(?:按照|按|依)(?:照)?(?:各自)?(?:部门)?(?:职责|职能)(?:和)?(?:分工|任务)?"
    r"(?:分别|共同)?(?:负责|落实|做好|推进|抓好)?(?:落实)?[。.]?$"
)
_ETC = re.compile(r"等(?:部门|单位|有关部门|有关单位|相关部门|相关单位)?(?:负责|参与|配合)?$")
_LEADS = re.compile(r"^(?:由)?(?P<lead>.+?)(?:共同)?牵头(?:负责|组织|实施|落实|推进|,?会同)*[,;。]?(?P<rest>.*)$")
_NAME_END = re.compile(
    r"(?:厅|局|委|办|部|院|中心|公司|集团|政府|总队|支队|管委会|委员会|银行|学院|大学|学校|协会|联盟|处|署|所|社|军区|公室|联社|分行"
    r"|支行|分局|省|市|州|盟|区|县|旗|单位|部门|企业|新区|园区|开发区|组|专班|会|电网|电信|移动|联通|铁塔)(?:\([^()]*\))?$"
)
_EDGES = re.compile(r"^(?:由|及|和|以及)|等$|[。.]$")
_NAME = re.compile(r"[\u3400-\u9fff〇A-Za-z0-9·“”\"()〔〕\[\]+/-]{2,40}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the document says of its own way: how leaders are told from those who join."""

    name: str = "comma"
    stated: bool = False


@dataclass(slots=True)
class Responsible:
    """The units of a task, and what of the bracket was not understood."""

    lead: list[str] = field(default_factory=list)
    cooperating: list[str] = field(default_factory=list)
    unread: list[Text] = field(default_factory=list)


def rule_of(norm: str) -> Rule:
    """Return the rule that a document states, or the common one."""
    if re.search(
        rf"(?:标|带|加|注|有|打)?[“\"]?[{MARKS}][”\"]?(?:号|标识|标记)?(?:的)?(?:单位|部门)?(?:为|是|表示|系)[^,。)]{{0,6}}牵头",
        norm,
    ):
        return Rule("mark", True)
    if re.search(
        r"(?:列|排|名列|排名|位列|列在|排在)(?:在)?(?:第一|首|前|最前)(?:位|名|个)?(?:的)?(?:单位|部门|者)?(?:为|是|系)[^,。)]{0,6}牵头|(?:第一|首)(?:个|家|位)?(?:单位|部门)(?:为|是|系)[^,。)]{0,6}牵头",
        norm,
    ):
        return Rule("first", True)
    if re.search(r"(?:逗号|分号|,|;)[”\"]?(?:之)?前(?:的)?(?:单位|部门)?(?:为|是|系)[^,。)]{0,6}牵头", norm):
        return Rule("comma", True)
    return Rule()


def brackets(norm: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the outermost bracketed parts of ``norm[start:end]`` as (inside start, inside end)."""
    depth = 0
    opened = start
    for index in range(start, end):
        letter = norm[index]
        if letter in OPEN:
            if depth == 0:
                opened = index + 1
            depth += 1
        elif letter in CLOSE and depth:
            depth -= 1
            if depth == 0:
                yield opened, index
    if depth and end - opened < 300:
        # A bracket that was never closed: what follows it may still be read.
        yield opened, end


def places(norm: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where a task names its units: bracketed parts and labelled lines of ``norm[start:end]``."""
    found: list[tuple[int, int]] = []
    for inside, close in brackets(norm, start, end):
        text = norm[inside:close]
        at_end = not re.search(r"[\u4e00-\u9fff]", norm[close + 1 : end].split("\n", maxsplit=1)[0])
        if _KEYWORD.search(text) or (re.search("牵头|配合|负责", text) and at_end) or (at_end and _units_only(text)):
            found.append((inside, close))
    taken = list(found)
    # Labelled without a bracket: 责任单位：… to the end of the line or sentence.
    for match in re.finditer(
        r"(?:^|\n|。|;|\t)(?P<body>(?:牵头|责任|负责|配合|主办|落实)(?:责任)?(?:单位|部门)[:].+?)(?=[。\n]|$)",
        norm[start:end],
    ):
        place = (start + match.start("body"), start + match.end("body"))
        if not any(one[0] <= place[0] < one[1] for one in taken):
            found.append(place)
    for match in re.finditer(r"(?:^|[。\n])(?P<body>由[^。\n,]{2,60}牵头[^。\n]{0,120})", norm[start:end]):
        place = (start + match.start("body"), start + match.end("body"))
        if not any(one[0] <= place[0] < one[1] for one in found):
            found.append(place)
    return sorted(found)


def _units_only(text: str) -> bool:
    bare = re.sub(rf"[{re.escape(MARKS)}]", "", _without_tail(text))
    names = [name for name in re.split("[、,;]", bare) if name]
    return (
        bool(names)
        and all(_NAME_END.search(name) and len(name) <= 30 for name in names)
        and (len(names) > 1 or len(names[0]) >= 3)
    )


def _without_tail(text: str) -> str:
    return _ETC.sub("", _TAIL.sub("", text.strip("。;,、 ")))


def responsible(text: str, norm: str, rule: Rule) -> Responsible:
    """Read the units of a bracket or labelled line; ``text`` and ``norm`` are the same length."""
    result = Responsible()
    note = _NOTE.search(norm)
    while note:
        text = text[: note.start()] + text[note.end() :]
        norm = norm[: note.start()] + norm[note.end() :]
        note = _NOTE.search(norm)
    if after := _NOTE_AFTER.search(norm):
        text, norm = text[: after.start()], norm[: after.start()]
    labels = list(_LABEL.finditer(norm))
    if labels:
        _labelled(text, norm, labels, rule, result)
    elif match := _LEADS.match(norm):
        _sentence(text, match, result)
    else:
        body = re.sub(r"^[:]", "", norm)
        _listed(text[len(norm) - len(body) :], body, rule, result)
    result.lead = list(dict.fromkeys(result.lead))
    result.cooperating = [name for name in dict.fromkeys(result.cooperating) if name not in result.lead]
    return result


def _labelled(text: str, norm: str, labels: list[re.Match[str]], rule: Rule, result: Responsible) -> None:
    leaders = any(label[0].rstrip(":") in _LEAD_LABELS for label in labels)
    for number, label in enumerate(labels):
        end = labels[number + 1].start() if number + 1 < len(labels) else len(norm)
        name = label[0].rstrip(":")
        part, raw = norm[label.end() : end], text[label.end() : end]
        if name in _LEAD_LABELS and not re.search("牵头|配合", part):
            result.lead += _names(raw, part, result)
        elif name in _JOIN_LABELS or (name in _ALL_LABELS and leaders):
            result.cooperating += _names(raw, part, result)
        elif match := _LEADS.match(part):
            _sentence(raw, match, result)
        else:
            _listed(raw, part, rule, result)


def _sentence(text: str, match: re.Match[str], result: Responsible) -> None:
    lead = slice(*match.span("lead"))
    rest = slice(*match.span("rest"))
    result.lead += _names(text[lead], match["lead"], result)
    joined = re.sub(
        r"(?:等)?(?:配合|参与|参加|协同|协助|会同|负责|落实|推进|共同|做好|支持|分工)+[。.]?$",
        "",
        _without_tail(match["rest"]),
    )
    joined = re.sub(r"^(?:会同|联合|,)+", "", joined)
    offset = match["rest"].find(joined) if joined else 0
    raw = text[rest][max(offset, 0) : max(offset, 0) + len(joined)]
    if joined:
        result.cooperating += _names(raw, joined, result)


def _listed(text: str, norm: str, rule: Rule, result: Responsible) -> None:
    tail = _TAIL.search(norm)
    body = _without_tail(norm)
    raw = text[norm.find(body) : norm.find(body) + len(body)] if body else ""
    if rule.name == "mark" or any(mark in body for mark in MARKS) or re.search(r"\(牵头(?:单位|部门)?\)", body):
        _marked(raw, body, result)
        return
    if rule.name == "first":
        names = _names(raw, body, result)
        result.lead += names[:1]
        result.cooperating += names[1:]
        return
    cuts = [index for index, letter in enumerate(body) if letter in ",;" and _depth(body, index) == 0]
    if not cuts:
        result.lead += _names(raw, body, result)
        return
    if tail and not rule.stated and "、" not in body:
        # 甲，乙，丙按职责分工负责: the commas only list.
        result.lead += _names(raw, body, result)
        return
    if len(cuts) > 1 and "、" not in body and not rule.stated:
        result.unread.append(
            Text(
                "逗号是分开单位还是分开牵头与配合不明，按首个逗号前为牵头处理",
                "commas may list units or part leaders from the rest; read as the latter",
            )
        )
    cut = cuts[0]
    result.lead += _names(raw[:cut], body[:cut], result)
    result.cooperating += _names(raw[cut + 1 :], body[cut + 1 :], result)


def _marked(raw: str, body: str, result: Responsible) -> None:
    marked = re.compile(rf"[{re.escape(MARKS)}]|\(牵头(?:单位|部门)?\)")
    leaders = False
    for name, norm in _split(raw, body):
        clean, plain = _unmarked(name, norm, marked)
        checked = _names(clean, plain, result)
        if marked.search(norm):
            leaders = True
            result.lead += checked
        else:
            result.cooperating += checked
    if not leaders:
        result.lead, result.cooperating = result.cooperating, []


def _unmarked(name: str, norm: str, marked: re.Pattern[str]) -> tuple[str, str]:
    keep = [True] * len(norm)
    for match in marked.finditer(norm):
        keep[match.start() : match.end()] = [False] * (match.end() - match.start())
    return (
        "".join(letter for letter, kept in zip(name, keep, strict=True) if kept),
        "".join(letter for letter, kept in zip(norm, keep, strict=True) if kept),
    )


def _depth(text: str, index: int) -> int:
    before = text[:index]
    return sum(before.count(letter) for letter in OPEN) - sum(before.count(letter) for letter in CLOSE)


def _split(raw: str, norm: str) -> Iterator[tuple[str, str]]:
    """Yield the parts between 、 , and ; outside brackets."""
    depth = start = 0
    for index, letter in enumerate(norm):
        depth += (letter in OPEN) - (letter in CLOSE)
        if letter in "、,;" and depth <= 0:
            yield raw[start:index], norm[start:index]
            start = index + 1
    yield raw[start:], norm[start:]


def _names(raw: str, norm: str, result: Responsible) -> list[str]:
    """Return the units' names as written; what does not look like a name goes to ``unread``."""
    names = []
    body = _without_tail(norm)
    at = norm.find(body) if body else 0
    for part, plain_part in _split(raw[at : at + len(body)], body):
        name, plain = (_EDGES.sub("", one.strip()) for one in (part, plain_part))
        if not plain:
            continue
        if _NAME.fullmatch(plain) and re.search(r"[\u4e00-\u9fff]", plain) and plain.count("(") == plain.count(")"):
            names.append(name)
        else:
            result.unread.append(Text(f"不像单位名称：{name}", f"not like a unit's name: {name}"))
    return names
