"""Named systems: the platforms, centres, bases, networks, models, data sets and mechanisms that a plan speaks of.

A candidate is a noun phrase that ends with a word of its kind and has more before that word than what any such thing
would have. People look candidates over, so a phrase is taken rather than dropped where it could be a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dujiang.plan.divisions import PLACE, PLACES
from dujiang.plan.documents import Document
from dujiang.plan.phrases import COMPOUNDS

KINDS: dict[str, tuple[str, ...]] = {
    "platform": ("平台", "大脑", "驾驶舱", "一张图", "枢纽"),
    "system": ("系统", "体系"),
    "centre": ("中心", "节点", "交易所"),
    "institute": ("研究院", "学院", "研究所", "创新院"),
    "laboratory": ("实验室",),
    "base": ("基地", "训练场", "工厂", "示范区", "先导区", "试验区", "产业园", "园区", "集聚区", "试验场", "港湾"),
    "network": ("联网", "网络", "传送网", "专网", "算力网", "一张网", "骨干网"),
    "model": ("模型", "智能体"),
    "dataset": ("数据集", "语料库", "数据库", "算法库", "知识库", "资源库", "模型库", "场景库", "数据底座", "样本库"),
    "data space": ("数据空间",),
    "alliance": ("联盟", "联合体"),
    "fund": ("基金",),
    "voucher": ("算力券", "词元券", "模型券", "数据券", "语料券", "创新券", "券”"),
    "mechanism": ("机制", "制度", "白名单", "名单”"),
    "programme": ("计划”", "工程”", "行动”"),
}
"""The words that a name of each kind ends with."""
_KIND_OF = {word: kind for kind, words in KINDS.items() for word in words}
_HEAD = re.compile("|".join(re.escape(word) for word in sorted(_KIND_OF, key=len, reverse=True)))
_GOES_ON = re.compile(
    r"(?:经济|工作|城区|城市|安全|化|型(?!号)|性|空间治理|建设者|攻防|主播|内(?!蒙)|级|式|论|群|算法|权|图|法|产品|企业|领域|技术|产业|资源|应用率|化率|数量|规模|接入率|商|用户|终端|医院|设备)"
)
_LINKS = re.compile(r"以及|和(?!旅游|信息化|国)|与|及")
# Verbs that a name is the object of and hardly ever has inside.
_VERBS = (
    "建设|建成|建好|建立|建强|打造|形成|培育|引进|集聚|聚集|推出|推进|推动|推广|推行|组建|认定|创建|争创|支持|落地|实施|完善|搭建|设立|成立|探索|健全|优化|加强|强化|深化|提升|提高"
    "|扩大|扩容|拓展|用好|依托|发挥|整合|升级|构建|研发|开发|孵化|布局|部署|启动|启用|加快|鼓励|引导|落实|加速|接入|纳入|聚焦|面向|围绕|针对|汇聚|汇集|出台|制定|编制|开展|举办|突破"
    "|新增|新建|改造|上线|运用|利用|参与|争取|带动|促进|确保|力争|实现|做强|做大|做优|重点|进一步|积极|持续|逐步|设置|迭代|筹建|谋划|加大|改革|增强|遴选|选树|申报|借助|借力|充分|发放|使用|采购|覆盖|吸纳"
)
_BOUNDARY = re.compile(
    rf"[,。、;:!?()\[\]〔〕《》\n\t]|(?:{_VERBS})|\d{{4}}年(?:底|末|前)*|\d(?:亿元|万元|公里)|关于|迭代为|应用于|通过|基于|利用|的|或|对|向|(?<!行)为(?!民)|以(?!太|上|下|内)|将|把|由|(?<!直)到|并|等(?:地)?|是|在(?!线)|让|从|现有"
)
_QUOTED = re.compile(r"“[^”\n]{2,14}”")
# Names that have no word of their kind: 升级“四川云教”.
_BARE_QUOTE = re.compile(
    r"(?:升级|上线|建好|用好|扩容|启动|设立|发放|推出|建设|做强|迭代)(?P<name>“[^”\n]{2,12}”)(?=[,。、;和与及]|建设|应用|$)"
)
_COMMON = re.compile(
    r"^(?:大型|超大型|超大规模|中小型|大|小|各类|相关|有关|全省|全国|全市|国省级|省部级|省市|省|市|县|国家|行业|企业|公共|综合|服务|数据|管理|创新|技术|应用|工作|协调|协同|联动|保障|长效"
    r"|监管|智能|这|该|本|新型|新|多元|其他|基础|通用|垂直|高质量|高水平|高效|人工智能|专用|重点|智慧|协作|责任|推进|产业|体制|省级|市级|国家级|现代|融合|安全|治理|算力|大|标准|示范"
    r"|先进|专业|特色|优秀|典型|统一|开放|共享|多模态|轻量化|端侧|部门|沟通|会商|激励|考核|评价|评估|反馈|投入|动态|调整|运行|联合|科研|教育|数字化|数字|信息|政策|制度|组织|工业|标杆|核心|关键|主要"
    r"|世界级|区域|生态|风险|防控|容错|免责|流通|干湿|试点|培养|配套|体系|领域|成熟|完善|健全|灵活|有效|常态化|一体化|市场化|社会|资源|平台|模型|网络|互联|互联网|世界|和|与|、|物|移动|宽带|计算机|操作)*$"
)
_COUNTED = re.compile(
    r"(?:\d(?:个|家|座|项|所|款|批|处|套|条|张)(?:左右|以上|以内)?|[一二两三四五六七八九十百]+(?:批|个|系列|座|家|款)|若干|各类|各级|多个|多家|一些|每个|任何)[^,。;:]{0,12}$"
)
_NUMBERED = re.compile(r"(?:数量|数|总数)?(?:达到|达|超过|超|突破|不少于|不低于|增至|约)?\d+")
_OF_LEVEL = re.compile(rf"(?:国家|全国|全省|全市|省|市|县|区域|长三角|粤港澳|成渝|京津冀|{'|'.join(PLACES)})")
_BUILT = re.compile(
    r"(?:建设|建成|建好|搭建|打造|升级|开发|研发|构建|建立|组建|成立|设立|完善|探索|健全|用好|整合|推广|推进|上线)$"
)
_LONGEST = 34


@dataclass(frozen=True, slots=True)
class System:
    """A name at ``start:end`` of the clean text, and the kind of thing that it names."""

    start: int
    end: int
    kind: str


def systems(document: Document, start: int, end: int) -> Iterator[System]:
    """Yield the named systems of a part of the text, each where it first stands."""
    norm = document.norm
    found: dict[int, System] = {}
    for match in _HEAD.finditer(norm, start, end):
        one = _candidate(norm, start, match)
        if one is not None:
            # 全国一体化算力网络 / …枢纽节点: of names that begin alike the longest counts.
            found[one.start] = one
    for match in _BARE_QUOTE.finditer(norm, start, end):
        one = System(*match.span("name"), "platform")
        if not any(other.start <= one.start and one.end <= other.end for other in found.values()):
            found[one.start] = one
    seen: set[str] = set()
    for one in sorted(found.values(), key=lambda one: one.start):
        name = norm[one.start : one.end]
        if name not in seen:
            seen.add(name)
            yield one


def _candidate(norm: str, floor: int, match: re.Match[str]) -> System | None:
    stop, kind = match.end(), _KIND_OF[match[0]]
    closed = norm[stop - 1] == "”"
    if (
        not closed
        and norm[stop : stop + 1] == "”"
        and norm.rfind("“", max(floor, stop - 16), stop) > norm.rfind("”", max(floor, stop - 16), stop)
    ):
        stop, closed = stop + 1, True
    if _GOES_ON.match(norm, stop) or _NUMBERED.match(norm, stop):
        return None
    begin = _begin(norm, max(floor, match.start() - _LONGEST), match.start(), stop)
    name = norm[begin:stop]
    # Of several that are counted (10个平台, 一批实验室) none is named.
    if name.count("“") != name.count("”") or len(name) < 4 or _COUNTED.search(norm[max(floor, begin - 20) : begin + 6]):
        return None
    core = name[: match.start() - begin]
    quoted = bool(_QUOTED.search(name))
    of_a_place = len(core) > 5 and _OF_LEVEL.match(name)
    if not quoted and (len(core) < 3 or (_COMMON.fullmatch(core) and not of_a_place)):
        return None
    before = norm[max(floor, begin - 4) : begin]
    if kind == "system" and not quoted:
        # Systems of every sort are spoken of; those of a place, or that are being built, have names.
        if name.endswith("体系") and not name.endswith("模型体系"):
            return None
        if not (_OF_LEVEL.match(name) or _BUILT.search(before)):
            return None
    if kind == "model" and norm.startswith("模型体系", match.start()):
        return None
    if kind == "system" and name.endswith("模型体系"):
        kind = "model"
    return System(begin, stop, kind)


def _begin(norm: str, floor: int, until: int, stop: int) -> int:
    """Return where the noun phrase that ends at ``until`` begins; a quoted part is never cut."""
    quoted = [match.span() for match in _QUOTED.finditer(norm, max(0, floor - 14), stop)]
    begin = floor
    at = floor
    while match := _BOUNDARY.search(norm, at, until):
        at = match.end()
        if any(left < match.start() < right for left, right in quoted):
            continue
        compound = COMPOUNDS.match(norm, match.start(), stop)
        if compound:
            # 研发中心: a noun that begins like a verb.
            at = max(at, min(compound.end(), until))
            continue
        begin = match.end()
    begin = _listed_places(norm, floor, begin)
    # 甲平台和乙中心 are two; 智能研发与演示平台 is one; in 甲、乙和丙中心 the last stands alone.
    for link in _LINKS.finditer(norm, begin, until):
        left = norm[begin : link.start()]
        if any(a < link.start() < b for a, b in quoted):
            continue
        if _HEAD.search(left[-4:]) or (norm[begin - 1 : begin] == "、" and not PLACE.match(left)) or len(left) < 2:
            begin = link.end()
    while begin < until and norm[begin] in " 、":
        begin += 1
    return begin


def _listed_places(norm: str, floor: int, begin: int) -> int:
    """Take in the places before the last one of a list that shares the name's end: 成都、绵阳机器人训练场."""
    ending = re.compile(
        rf"(?:(?:{'|'.join(PLACES)})(?:国家级|省级|市级|城市|市)?(?:、|和|与))+(?:(?:{'|'.join(PLACES)})等地)?$"
    )
    match = ending.search(norm, floor, begin)
    if match is None:
        ending = re.compile(rf"(?:(?:{'|'.join(PLACES)})、)+(?:{'|'.join(PLACES)})等地$")
        match = ending.search(norm, floor, begin)
    return match.start() if match else begin
