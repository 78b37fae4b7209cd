"""Who leads and who joins a task, in the ways in which plans write it.

Known ways, each with full- or half-width punctuation and in any kind of brackets: units before the first comma lead and
those after it join (the common rule, stated or not); the first unit leads where the document says so; ☆, ★, * or (牵头)
marks a leader where the document says so; labels (牵头单位：…；配合单位：…); sentences (由甲牵头，乙配合); no comma: all lead.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from dujiang.messages import Text

OPEN, CLOSE = "([〔【", ")]〕】"
MARKS = "☆★*※▲△●◎"

_WHO = ("单位", "部门", "责任单位", "责任部门", "处室", "地区", "主体")
_LEAD_LABELS = tuple(
    f"{role}{who}" for role in ("牵头", "总牵头", "主要牵头", "主责", "主办", "主管") for who in ("", *_WHO)
)
_JOIN_LABELS = tuple(
    f"{role}{who}"
    for role in ("配合", "协同", "协办", "参与", "参加", "支持", "协作", "协助", "协同配合")
    for who in ("", *_WHO)
)
_ALL_LABELS = tuple(
    f"{role}{who}"
    for role in ("责任", "负责", "落实", "实施", "承办", "主要责任")
    for who in ("单位", "部门", "主体", "处室", "科室")
)
LABEL = re.compile(
    "|".join(sorted((f"{label}[:]" for label in (*_LEAD_LABELS, *_JOIN_LABELS, *_ALL_LABELS)), key=len, reverse=True))
)
_KEYWORD = re.compile(
    "|".join(
        sorted((one for one in (*_LEAD_LABELS, *_JOIN_LABELS, *_ALL_LABELS) if len(one) > 3), key=len, reverse=True)
    )
    + "|按.{0,4}职责|分工负责"
)
_NOTE = re.compile(r"[(\[〔][^()\[\]〔〕]*(?:下同|为牵头|是牵头|排名)[^()\[\]〔〕]*[)\]〕]")
_NOTE_AFTER = re.compile(r"[。,;:]?[^。、,;]{0,20}(?:为|是|系)牵头(?:单位|部门)?(?:[,]?下同)?[。]?$")
_TAIL = re.compile(
    r"(?:等(?:各)?(?:有关|相关)?(?:部门|单位|省直部门|市直部门)?(?:\(单位\))?|[,])?"
    r"(?:(?:按照|按|依据|依)(?:照)?(?:各自)?(?:部门)?(?:职责职能|职能职责|职责|职能|分工)(?:和)?(?:分工|任务)?(?:分别|共同)?(?:负责|落实|做好|推进|抓好|配合)?(?:落实|实施)?"
    r"|(?:分工|分别|共同|具体)负责(?:落实)?|(?<=[局厅委办府门位部会)])负责(?:落实|实施)?)[。.]?$"
)
_ETC = re.compile(r"等(?:部门|单位|有关部门|有关单位|相关部门|相关单位)?(?:负责|参与|配合)?$")
_LEADS = re.compile(r"^(?:由)?(?P<lead>.+?)(?:共同)?牵头(?:负责|组织|实施|落实|推进|,?会同)*[,;。]?(?P<rest>.*)$")
_TOGETHER = re.compile(r"^(?:由)?(?P<lead>.+?)会同(?P<rest>.+?)(?:负责|落实|实施|推进)?[。]?$")
_MARKED_LEAD = re.compile(r"\((?:总)?牵头(?:单位|部门|负责)?\)")
_NAME_END = re.compile(
    r"(?:厅|局|委|办|部|院|中心|公司|集团|政府|总队|支队|管委会|委员会|银行|学院|大学|学校|协会|联盟|处|署|所|社|军区|公室|联社|分行"
    r"|支行|分局|省|市|州|盟|区|县|旗|单位|部门|企业|新区|园区|开发区|组|专班|会|电网|电信|移动|联通|铁塔)(?:\([^()]*\))?$"
)
_AND_ALL = re.compile(r"(?:以及|和|及|与)(?=各|有关|相关|其他)")
# 省教育厅 省财政厅: names that only a blank parts.
_RUN_ON = re.compile(r"(?<=[厅局委办])(?=(?:省|市|区|县)[\u4e00-\u9fff]{2,12}(?:厅|局|委|办)$)")
_ROLE_AFTER = re.compile(
    r"(?<=[厅局委办府院门位心司会区])(?:等)?(?:按.{0,4}职责.{0,6})?(?:配合|参与|落实|实施|负责|协助|支持)+$"
)
_EDGES = re.compile(r"^(?:由|及|和|以及)|等$|[。.]$")
_NAME = re.compile(r"(?:[\u3400-\u9fff〇A-Za-z0-9·“”\"+/-]|[(〔\[][\u3400-\u9fffA-Za-z0-9、,·“”]{1,40}[)〕\]]){2,40}")
# 各市、县（市、区）人民政府 is one name.
_OF_DISTRICTS = re.compile(r"各(?:设区|地级(?:以上)?|省辖)?(?:市|市\(州\)|市州|区|地|盟市)、(?=(?:各)?(?:县|旗|自治))")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a document tells leaders from those who join: ``comma``, ``first`` or ``mark``, and whether it says so.

    Without a statement commas part leaders from the rest, as is common; ``lists`` says that the document's brackets
    use commas alone, several at a time, so that they only list.
    """

    name: str = "comma"
    stated: bool = False
    lists: bool = False


@dataclass(slots=True)
class Responsible:
    """The units of a task, and what of the bracket was not understood."""

    lead: list[str] = field(default_factory=list)
    cooperating: list[str] = field(default_factory=list)
    unread: list[Text] = field(default_factory=list)
    guessed: bool = False
    """Whether units were taken to lead because they stand before a comma, in a document that doesn't say so."""


def rule_of(norm: str, named: Sequence[tuple[int, int]] = ()) -> Rule:
    """Return the rule that a document states, else what its brackets (``named``, as from `places`) let see."""
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
    plain = [_outside(norm[left:right]) for left, right in named if not _LEADS.match(norm[left:right])]
    mixed = any("," in one and "、" in one for one in plain)
    return Rule(lists=not mixed and any(one.count(",") > 1 for one in plain))


def _outside(text: str) -> str:
    """Return a text without what stands in inner brackets."""
    return re.sub(r"[(〔\[][^()〔〕\[\]]*[)〕\]]", "", text)


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
        elif depth and (letter in CLOSE or letter == "\n"):
            # A bracket that was never closed ends with its paragraph: what follows it may still be read.
            depth = depth - 1 if letter != "\n" else 0
            if depth == 0:
                yield opened, index
    if depth:
        yield opened, end


def places(norm: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where units are named: bracketed parts, labelled lines, and sentences that only say who does it."""
    found: list[tuple[int, int]] = []
    for inside, close in brackets(norm, start, end):
        text = norm[inside:close]
        at_end = not re.search(r"[\u4e00-\u9fff]", norm[close + 1 : end].split("\n", maxsplit=1)[0][:20])
        if _KEYWORD.search(text) or (at_end and (_ROLE.search(text) or _units_only(text))):
            found.append((inside, close))
    edges = [edge for place in found for edge in place]

    def add(match: re.Match[str]) -> None:
        # Two edges around a place, an odd number before it: it stands inside a bracket that was taken.
        if bisect(edges, match.start("body")) % 2 == 0:
            later.append(match.span("body"))

    later: list[tuple[int, int]] = []
    for match in _LABELLED.finditer(norm, start, end):
        add(match)
    for match in _SENTENCE.finditer(norm, start, end):
        if _by_sentence(match["body"]):
            add(match)
    return sorted({*found, *later})


_LABELLED = re.compile(
    r"(?:(?<=[\n。;\t)])|^)(?P<body>(?:主要)?(?:牵头|责任|负责|配合|主办|落实)(?:责任)?(?:单位|部门)[:][^。\n]+)"
)
_SENTENCE = re.compile(
    r"(?<=[。\n])(?P<body>[^。\n(〔\[【]{4,200}(?:\([^()]{1,30}\)[^。\n(〔\[【]{0,100}){0,6})(?=。?(?:\n|$)|。)"
)
_ROLE = re.compile("牵头|配合|负责")


def _by_sentence(text: str) -> bool:
    """Say whether a sentence does nothing but name units and what they do: 由甲牵头, 乙配合; ★甲、乙."""
    match = re.fullmatch(
        r"(?:由)?(?P<names>.+?)(?:按.{0,4}职责.{0,8}(?:负责|落实)|(?:共同)?牵头.*|负责(?:落实|实施|推进)?|会同.+负责)",
        text,
    )
    if match:
        names = match["names"].split("会同")
        return all(_units_only(one) for one in names if one) and (len(text) < 120)
    return text[0] in MARKS and _units_only(text)


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
    labels = list(LABEL.finditer(norm))
    if labels:
        _labelled(text, norm, labels, rule, result)
    elif _MARKED_LEAD.search(norm):
        _marked(text, norm, result)
    elif match := _LEADS.match(norm) or _TOGETHER.match(norm):
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
        if _MARKED_LEAD.search(part):
            _marked(raw, part, result)
        elif name in _LEAD_LABELS and not re.search("牵头|配合", part):
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
    if rule.name == "mark" or any(mark in body for mark in MARKS):
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
    if not rule.stated and "、" not in body and (tail or rule.lists):
        # 甲，乙，丙按职责分工负责: the commas only list.
        result.lead += _names(raw, body, result)
        if not tail:
            result.unread.append(
                Text(
                    "逗号只分开单位,未说明牵头单位,均按牵头处理",
                    "commas only list the units, none is said to lead; all are taken to lead",
                )
            )
        return
    result.guessed = not rule.stated
    cut = cuts[0]
    result.lead += _names(raw[:cut], body[:cut], result)
    result.cooperating += _names(raw[cut + 1 :], body[cut + 1 :], result)


def _marked(raw: str, body: str, result: Responsible) -> None:
    marked = re.compile(rf"[{re.escape(MARKS)}]|{_MARKED_LEAD.pattern}")
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
    whole = {match.end() - 1 for match in _OF_DISTRICTS.finditer(norm)}
    for index, letter in enumerate(norm):
        depth += (letter in OPEN) - (letter in CLOSE)
        if letter in "、,;" and depth <= 0 and index not in whole:
            yield raw[start:index], norm[start:index]
            start = index + 1
    yield raw[start:], norm[start:]


def _names(raw: str, norm: str, result: Responsible) -> list[str]:
    """Return the units' names as written; what does not look like a name goes to ``unread``."""
    names = []
    body = _without_tail(norm)
    at = norm.find(body) if body else 0
    # 文化和旅游厅和各市政府: only the second 和 parts names.
    parted = _AND_ALL.sub(lambda match: "、" * len(match[0]), body)
    for part, plain_part in _split(raw[at : at + len(body)], parted):
        kept = _ROLE_AFTER.sub("", plain_part)
        name, plain = (_EDGES.sub("", one.strip()) for one in (part[: len(kept)], kept))
        if not plain:
            continue
        if not _NAME.fullmatch(plain.replace("、", "") if _OF_DISTRICTS.match(plain) else plain) or not _is_name(plain):
            result.unread.append(Text(f"不像单位名称：{name}", f"not like a unit's name: {name}"))
            continue
        edges = [0, *(match.start() for match in _RUN_ON.finditer(plain)), len(plain)]
        names += [name[left:right] for left, right in pairwise(edges)]
    return names


def _is_name(plain: str) -> bool:
    return bool(re.search(r"[\u4e00-\u9fff]", plain)) and (len(plain) <= 16 or bool(_NAME_END.search(plain)))
