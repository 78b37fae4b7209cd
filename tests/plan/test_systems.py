"""Named systems: noun phrases without the verbs around them, and what is only spoken of left out."""

import pytest

from dujiang.plan.reader import read_text


def systems_of(sentence):
    found = read_text(f"某省方案\n一、重点任务\n（一）甲任务。{sentence}").as_json()
    assert all(one["task"] == 1 for one in found["systems"])
    return [(one["name"], one["kind"]) for one in found["systems"]]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("加快建设全省低空智联网，夯实保障能力。", [("全省低空智联网", "network")]),
        ("建好国家视频创新中心、视觉融合技术创新中心等平台。", [("国家视频创新中心", "centre"), ("视觉融合技术创新中心", "centre")]),
        ("推进“天府消安”数字消防体系建设，推进“谛听”地震波大模型应用。", [("“天府消安”数字消防体系", "system"), ("“谛听”地震波大模型", "model")]),
        ("持续提升省算力调度平台服务能级。", [("省算力调度平台", "platform")]),
        ("升级“四川云教”，建立融资“白名单”，启动“词元券”。", [("“四川云教”", "platform"), ("融资“白名单”", "mechanism"), ("“词元券”", "voucher")]),
        ("建好成都城市、绵阳企业可信数据空间。", [("成都城市、绵阳企业可信数据空间", "data space")]),
        ("构建产研一体的智能研发与演示平台。", [("智能研发与演示平台", "platform")]),
        ("探索“沙盒监管”机制，建立人工智能人才数据库。", [("“沙盒监管”机制", "mechanism"), ("人工智能人才数据库", "dataset")]),
        ("建设省大数据服务管理平台和贵阳大数据交易所。", [("省大数据服务管理平台", "platform"), ("贵阳大数据交易所", "centre")]),
    ],
)  # fmt: skip
def test_names(sentence, expected):
    assert systems_of(sentence) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "发展平台经济，保障网络安全，培育一批智能工厂。",
        "建成10个创新中心，打造多个公共服务平台。",
        "加快智能驾驶系统等产品研发，完善工作机制，提升基础模型性能。",
    ],
)
def test_what_has_no_name(sentence):
    assert systems_of(sentence) == []
