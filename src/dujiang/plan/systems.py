"""Named systems: the platforms, centres, bases, networks, models, data sets and mechanisms that a plan speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dujiang.plan.documents import Document

KINDS: dict[str, tuple[str, ...]] = {
    "platform": ("公共服务平台", "开放平台", "服务平台", "平台", "系统", "体系"),
    "centre": ("技术创新中心", "创新中心", "数据中心", "智算中心", "中心", "实验室", "研究院", "学院", "研究所"),
    "base": ("中试基地", "标注基地", "应用基地", "基地", "训练场", "采集工厂", "示范区", "先导区", "产业园", "集聚区"),
    "network": ("智联网", "算力网络", "传送网", "物联网", "网络", "专网"),
    "model": ("世界模型", "大模型", "模型"),
    "dataset": ("数据集", "语料库", "数据库", "算法库", "知识库", "资源库", "数据底座", "可信数据空间", "数据空间"),
    "mechanism": (
        "机制",
        "联盟",
        "“算力券”",
        "“词元(Token)券”",
        "算力券",
        "词元券",
        "“白名单”",
        "白名单",
        "计划”",
        "云教”",
    ),
}
"""The words that a name of each kind ends with."""
_KIND_OF = {word: kind for kind, words in KINDS.items() for word in words}
_SUFFIX = re.compile("|".join(re.escape(word) for word in sorted(_KIND_OF, key=len, reverse=True)))
_BOUNDARY = re.compile(
    r"[,。、;:!?()\[\]〔〕《》\n]|(?:加快|加强|推动|推进|建设|建好|建强|建立|建成|打造|构建|组建|成立|完善|提升|升级|用好|做强|支持|鼓励|探索|"
    r"开展|形成|依托|整合|联动|布局|强化|深化|培育|健全|搭建|开发|研发|发展|争取|申报|创建|落实|加速|扩容|启动|设置|设立|实施|优化|运用|利用|"
    r"启用|推广|汇集|推行|实行|改革|加大|引导|促进|拓展|提高|增强|发挥|组织|遴选|制定|聚焦|面向|围绕|针对|通过|基于|关于|以及|迭代为|纳入|"
    r"接入|赋能|适配|应用于|的|和(?!旅游)|与|及|或|在|对|向|为|以|将|把|由|到|并|等)"
)
_QUOTED = re.compile(r"“[^”\n]{2,12}”")
_EMPTY = re.compile(
    r"^(?:大|小|一批|各类|相关|有关|全省|全国|省|市|国家|行业|企业|公共|综合|服务|数据|管理|创新|技术|应用|工作|协调|协同|联动|保障|长效|监管|智能|这|该|本|新|多|其他|基础|通用|"
    r"一系列|一个|若干|高质量|人工智能|专用|重点|智慧|协作|责任|推进|产业|体制|省级|市级|国家级|现代|融合|安全|治理|\d+个?左右?|左右|以上|多个|[\d—\-]+个)*$"
)
_NUMBER = re.compile(
    r"^(?:\d+(?:[-~]\d+)?(?:余|多)?(?:个|家|座|项|所|款|批)?(?:左右|以上)?|[一二两三四五六七八九十]+(?:个|批|座|家|类))"
)


@dataclass(frozen=True, slots=True)
class System:
    """A name at ``start:end`` of the clean text, and the kind of thing that it names."""

    start: int
    end: int
    kind: str


def systems(document: Document, start: int, end: int) -> Iterator[System]:
    """Yield the named systems of a part of the text, each where it first stands."""
    norm = document.norm
    seen: set[str] = set()
    for match in _SUFFIX.finditer(norm, start, end):
        # 平台经济, 中心工作, 网络安全: the word goes on.
        if re.match(
            r"(?:经济|工作|城区|城市|安全|化|型|空间治理|建设者|攻防|主播|内|级|式|集群内)",
            norm[match.end() : match.end() + 4],
        ):
            continue
        begin = _begin(norm, max(start, match.start() - 30), match.start())
        name = norm[begin : match.end()]
        stripped = _NUMBER.sub("", name)
        begin += len(name) - len(stripped)
        core = stripped[: len(stripped) - len(match[0])]
        key = stripped
        if key in seen or len(stripped) < 4 or (_EMPTY.fullmatch(core) and not _QUOTED.search(stripped)):
            continue
        seen.add(key)
        yield System(begin, match.end(), _KIND_OF[match[0]])


def _begin(norm: str, floor: int, until: int) -> int:
    """Return where the noun phrase that ends at ``until`` begins; a quoted part is never cut."""
    begin = floor
    quoted = [match.span() for match in _QUOTED.finditer(norm, floor, min(until + 12, len(norm)))]
    for match in _BOUNDARY.finditer(norm, floor, until):
        if any(left < match.start() < right for left, right in quoted):
            continue
        begin = match.end()
    return begin
