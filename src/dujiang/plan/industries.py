"""The industries that AI+ plans name, and the words by which a plan's task is known to be about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dujiang.messages import Text


class Industry(NamedTuple):
    """An industry: its title, and words of which a task's title holds one; the longest match wins."""

    title: Text
    words: tuple[str, ...]


INDUSTRIES: dict[str, Industry] = {
    "science": Industry(Text("科学研究", "Science"), ("科学研究", "科研", "科学技术", "科技创新")),
    "manufacturing": Industry(Text("制造", "Manufacturing"), ("制造", "新型工业化", "工业")),
    "producer-services": Industry(
        Text("生产性服务业", "Producer services"), ("生产性服务", "现代服务业", "服务业", "金融", "物流")
    ),
    "agriculture": Industry(Text("农业", "Agriculture"), ("农业", "农村", "乡村")),
    "low-altitude": Industry(Text("低空", "Low-altitude economy"), ("低空",)),
    "medical": Industry(Text("医疗", "Health care"), ("医疗", "医药", "健康")),
    "culture": Industry(Text("文化旅游", "Culture and tourism"), ("文化旅游", "文旅", "文化", "旅游")),
    "geology": Industry(Text("地质矿产", "Geology and mining"), ("地质", "矿产", "矿山")),
    "energy": Industry(Text("能源", "Energy"), ("能源", "电力", "电网")),
    "transport": Industry(Text("交通运输", "Transport"), ("交通", "运输")),
    "commerce": Industry(Text("商贸", "Commerce"), ("商贸", "消费", "商务", "贸易")),
    "education": Industry(Text("教育", "Education"), ("教育", "教学")),
    "employment": Industry(Text("就业", "Employment"), ("就业", "人力资源")),
    "elder-care": Industry(Text("康养", "Elder care"), ("康养", "养老")),
    "civil-military": Industry(Text("军民融合", "Civil-military integration"), ("军民", "国防")),
    "emergency": Industry(Text("应急管理", "Emergency management"), ("应急", "防灾", "气象")),
    "government-services": Industry(Text("政务服务", "Government services"), ("政务",)),
    "urban-governance": Industry(
        Text("城乡治理", "Urban and rural governance"), ("城乡治理", "城市治理", "社会治理", "城市管理", "生态")
    ),
    "cyberspace": Industry(
        Text("网络空间治理和公共安全", "Cyberspace and public safety"), ("网络空间", "公共安全", "网络安全")
    ),
    "international": Industry(
        Text("国际合作", "International cooperation"), ("国际合作", "全球合作", "对外合作", "开放合作")
    ),
}


def industry_of(title: str) -> str | None:
    """Return the industry that a task's title is about, or None."""
    found = [(len(word), name) for name, industry in INDUSTRIES.items() for word in industry.words if word in title]
    return max(found, key=lambda match: match[0])[1] if found else None


def tasks_by_industry(titles: Mapping[int, str]) -> dict[str, int]:
    """Return the task number of each industry that has one; of two tasks the first."""
    tasks: dict[str, int] = {}
    for number, title in titles.items():
        if (name := industry_of(title)) is not None:
            tasks.setdefault(name, number)
    return tasks
