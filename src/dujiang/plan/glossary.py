"""English words of AI+ plans and their Chinese, so that a question in English finds what the plan says in Chinese."""

from __future__ import annotations

import re

from dujiang.plan.industries import INDUSTRIES

TERMS: dict[str, str] = {
    # What is asked.
    "how many": "多少", "how much": "多少", "how large": "多大", "how big": "多大", "what is the target for": "目标 多少",
    "when": "什么时候", "which year": "哪一年", "who leads": "由谁牵头", "who is responsible for": "由谁负责", "lead unit": "牵头单位",
    "which department leads": "哪个部门牵头", "which unit leads": "哪个单位牵头", "which units cooperate on": "哪些配合单位",
    "which task": "哪项任务", "cooperating units": "配合单位", "responsible units": "责任单位", "leads": "牵头", "lead": "牵头",
    "cooperates": "配合", "cooperate": "配合", "responsible": "负责", "now": "目前", "current": "目前", "currently": "目前",
    "so far": "目前", "progress": "进展", "behind schedule": "滞后", "late": "滞后", "already": "已经", "today": "目前",
    # What plans speak of.
    "artificial intelligence": "人工智能", "ai": "人工智能", "company": "企业", "companies": "企业", "enterprise": "企业",
    "enterprises": "企业", "firms": "企业", "industry chain": "链上", "industry": "产业", "industries": "行业",
    "each industry": "每个行业", "every year": "每年", "a year": "每年", "industry's size": "产业规模", "industrial scale": "产业规模",
    "size of the industry": "产业规模", "scale": "规模", "computing power": "算力", "computing capacity": "算力规模",
    "intelligent computing": "智算", "intelligent computing capacity": "智算规模", "intelligent computing share": "智算占比",
    "compute": "算力", "computing": "算力", "compute voucher": "算力券", "compute vouchers": "算力券", "computing vouchers": "算力券",
    "token voucher": "词元券", "token vouchers": "词元券", "vouchers": "券", "voucher": "券", "token": "词元",
    "penetration rate": "普及率", "adoption rate": "普及率", "smart terminals": "智能终端", "intelligent terminals": "智能终端",
    "agents": "智能体", "agent": "智能体", "industry clusters": "产业集群", "industrial clusters": "产业集群", "clusters": "集群",
    "emerging": "新兴", "national": "国家级", "factories": "工厂", "factory": "工厂", "smart manufacturing": "智能制造",
    "smart factories": "智能工厂", "advanced": "先进", "large model": "大模型", "large models": "大模型", "benchmark": "标杆",
    "models": "模型", "model": "模型", "scenario": "场景", "scenarios": "场景", "typical scenarios": "典型场景",
    "landmark scenarios": "标志性应用场景", "public platforms": "公共平台", "platform": "平台", "platforms": "平台",
    "laboratories": "实验室", "laboratory": "实验室", "data set": "数据集", "data sets": "数据集", "datasets": "数据集",
    "high-quality": "高质量", "corpus": "语料库", "data space": "数据空间", "data spaces": "数据空间", "trusted": "可信",
    "data annotation": "数据标注", "annotation": "标注", "annotation bases": "数据标注基地", "training grounds": "训练场",
    "robots": "机器人", "robot": "机器人", "earthquake": "地震", "earthquakes": "地震", "seismic": "地震", "fire": "消防",
    "forest fire": "森林防灭火", "flood": "防汛", "weather": "气象", "disaster": "灾害", "safety": "安全", "security": "安全",
    "supervision": "监管", "sandbox": "沙盒", "regulatory sandbox": "沙盒监管", "ethics": "伦理", "white list": "白名单",
    "special bonds": "专项债", "special bond": "专项债", "fund": "基金", "budget": "预算 多少 亿元", "talent": "人才", "school": "学校",
    "schools": "学校", "teachers": "教师", "hospital": "医院", "hospitals": "医院", "health care": "医疗", "medical": "医疗",
    "elder care": "康养", "elderly": "老年人", "agriculture": "农业", "rural": "农村", "energy": "能源", "power grid": "电网",
    "transport": "交通运输", "traffic": "交通", "education": "教育", "employment": "就业", "jobs": "就业", "manufacturing": "制造",
    "low-altitude": "低空", "low altitude": "低空", "routes": "航线", "tourism": "旅游", "culture": "文化", "commerce": "商贸",
    "emergency management": "应急管理", "government services": "政务服务", "cyberspace": "网络空间", "public safety": "公共安全",
    "international cooperation": "国际合作", "science": "科学", "research": "研究", "geology": "地质", "mining": "矿产",
    "quantum": "量子", "quantum computing": "量子计算", "quantum communication": "量子通信", "finance department": "财政厅",
    "finance": "财政", "chain office": "链长办", "director": "主任", "mayor": "市长", "pilots": "飞手", "trained": "培训",
    "cities": "城市", "city": "城市", "city governments": "市政府", "smart": "智能", "intelligent": "智能", "driving": "驾驶",
    "firm": "企业", "share": "占比", "in charge of": "负责", "handles": "负责", "is led by": "由 牵头", "led by": "由 牵头", "fire-fighting": "消防",
    "firefighting": "消防", "recruitment": "招聘", "alone": "独居", "living alone": "独居", "home": "居家", "protected": "安全", "hallucination": "幻觉",
    "hallucinations": "幻觉", "unmanned": "无人", "retail": "零售", "foreign": "外资", "foreign companies": "外资企业", "foreign-funded": "外资",
    "drone": "无人机", "drones": "无人机", "algorithm": "算法", "algorithms": "算法", "competition": "赛", "competitions": "赛", "contest": "赛",
    "farm machinery": "农机", "machinery": "装备", "equipment": "装备", "terminals": "终端", "digital": "数字", "virtual": "虚拟", "films": "电影",
    "creative": "文创", "museum": "文物", "relics": "文物", "heritage": "文化遗产", "ultra-high-definition": "超高清", "video": "视频", "pharmacy": "药房",
    "pharmacies": "药房", "drugs": "药品", "diagnosis": "诊断", "grass-roots": "基层", "primary care": "基层医疗", "disease": "疾病", "insurance": "医保",
    "law": "法律", "legal": "法律", "finance industry": "金融", "logistics": "物流", "software": "软件", "industrial software": "工业软件", "materials": "材料",
    "chemistry": "化学", "new drugs": "新药", "drug discovery": "新药研发", "breeding": "育种", "crops": "农产品", "farmland": "农田", "hilly": "丘陵",
    "inspection": "巡检", "floods": "防汛", "drought": "抗旱", "grid": "电网", "power transmission": "输电", "renewables": "新能源", "new energy": "新能源",
    "green power": "绿电", "green electricity": "绿电", "roads": "公路", "highway": "公路", "payment": "支付", "glasses": "眼镜", "wearables": "智能穿戴",
    "shopping": "商圈", "business districts": "商圈", "general education": "通识教育", "skills": "技能", "skill training": "技能培训", "vocational": "职业",
    "defence": "国防", "defense": "国防", "military": "军民", "gas": "燃气", "police": "警务", "network security": "网络安全", "cybersecurity": "网络安全",
    "red-blue": "红蓝对抗", "urban": "城市", "lifeline": "生命线", "planning": "规划", "bidding": "公共资源交易", "public resource trading": "公共资源交易",
    "one thing": "一件事", "belt and road": "一带一路", "conference": "大会", "data centre": "数据中心", "data center": "数据中心", "data centres": "数据中心",
    "backbone": "骨干", "optical": "全光", "network": "网络", "hub": "枢纽", "scheduling": "调度", "dispatch": "调度", "dispatching": "调度", "ownership": "确权",
    "annotate": "标注", "collection": "采集", "synthesis": "合成", "college": "学院", "academy": "学院", "regulation": "条例", "regulations": "条例",
    "filing": "备案", "review": "审查", "risk": "风险", "risks": "风险", "loan": "融资", "loans": "融资", "credit": "融资", "private capital": "社会资本",
    "social capital": "社会资本", "investment": "投资", "policy": "政策", "policies": "政策", "associations": "协会", "alliance": "联盟", "laws": "条例",
    "penetration": "普及率", "population": "人口", "output value": "产值", "patents": "专利", "standards": "标准", "ministry": "部门", "central bank": "人民银行",
    "chongqing": "重庆", "chengdu": "成都", "mianyang": "绵阳", "sichuan": "四川", "guangdong": "广东", "beijing": "北京", "shanghai": "上海", "zhejiang": "浙江",
    "guizhou": "贵州", "yibin": "宜宾", "zigong": "自贡", "ya'an": "雅安", "changhong": "长虹", "tianfu": "天府", "nuclear": "核电", "nuclear power": "核电",
    "street": "街", "bank": "银行", "hydrogen": "氢能", "satellites": "卫星", "satellite": "卫星", "blockchain": "区块链", "metaverse": "元宇宙",
    "system": "体系", "systems": "系统", "promoted": "推进", "mechanism": "机制", "mechanisms": "机制", "centre": "中心", "center": "中心",
    "utilisation": "利用率", "utilization": "利用率", "case": "案例", "cases": "案例", "base stations": "基站",
}  # fmt: skip
"""The field's English, as `docs` and pages use it, and what plans call it."""
EVERYDAY: dict[str, str] = {
    "公司": "企业", "厂商": "企业", "厂家": "企业", "商家": "企业", "老师": "教师", "药店": "药房", "民间资金": "社会资本", "民间资本": "社会资本",
    "民间投资": "社会资本", "老人": "老年人", "年纪大": "老年人", "高龄": "老年人", "长者": "老年人", "残疾": "困难", "看病": "诊疗", "问诊": "诊疗",
    "医生": "诊断", "大夫": "诊断", "贷款": "融资", "借钱": "融资", "找工作": "就业", "失业": "就业冲击", "招工": "招聘", "求职": "招聘",
    "种地": "农业", "种田": "农业", "务农": "农业", "农民": "农业", "养猪": "养殖", "种子": "育种", "文旅": "文化旅游", "景区": "文旅",
    "比赛": "赛", "竞赛": "赛", "自动驾驶": "智能驾驶", "无人驾驶": "智能驾驶", "机械狗": "机器人(犬)", "机器狗": "机器人(犬)",
    "救火": "消防", "灭火": "消防", "山火": "森林防灭火", "找矿": "找矿", "采矿": "矿产", "天气": "气象", "停车": "城市治理", "黑客": "网络攻防",
    "诈骗": "治安", "造假": "生成内容", "胡说": "幻觉", "编造": "幻觉", "隐私": "数据安全", "买东西": "消费", "购物": "消费", "无人店": "无人零售",
    "无人超市": "无人零售", "养老": "康养", "敬老院": "养老机构", "国外": "外资", "外国": "外资", "出国": "国际", "省钱": "降低成本", "太贵": "成本",
    "便宜": "降低成本", "智能设备": "智能终端", "手机": "智能终端", "软件": "软件", "占多大比重": "占比", "比重": "占比", "电费": "绿电",
    "打工人": "劳动者", "工人": "劳动者", "职工": "劳动者", "学生": "学伴", "课堂": "教学", "上课": "教学", "小学": "基础教育", "中学": "基础教育",
    "博士": "本硕博", "研究生": "本硕博", "救援": "救援", "救灾": "救援", "办事": "高效办成一件事", "招投标": "公共资源交易", "招标": "公共资源交易",
    "警察": "警务", "民警": "警务", "法规": "条例", "立法": "条例", "伦理审批": "伦理审查", "发债": "专项债", "债券": "专项债",
}  # fmt: skip
"""What people say, and what plans write; used where a plan has the one and not the other."""
_EMPTY = re.compile(
    r"(?:a|an|the|of|to|in|on|at|by|for|with|from|and|or|is|are|be|been|being|was|were|will|would|shall|"
    r"should|must|may|can|could|do|does|did|has|have|had|there|it|its|that|this|these|those|which|what|who|"
    r"whom|whose|how|any|some|about|say|says|said|plan|plans|planned|task|tasks|target|targets|department|"
    r"departments|unit|units|exist|exists|used|use|uses|set|required|require|requires|need|needed|needs|"
    r"built|build|building|launch|launched|give|gives|given|deployed|started|start|host|hosts|hosted|"
    r"besides|than|as|per|year|years|province|province's|city's|large|many|much|me|tell|please|we|our|they|"
    r"their|involved|aim|aims|under|made|make|opened|open)"
)
_INDUSTRY = {one.title.en.lower(): one.title.zh for one in INDUSTRIES.values()}
_ALL = {**_INDUSTRY, **TERMS}
_KNOWN = re.compile(
    rf"(?<![a-z])(?:{'|'.join(re.escape(one) for one in sorted(_ALL, key=len, reverse=True))})(?![a-z])"
)


def in_chinese(question: str) -> str:
    """Return a question in the plan's words; English words that the glossary lacks stay, and so count as not found.

    A question with Chinese in it is taken as it is, but for AI, which plans write out.
    """
    if re.search("[\u3400-\u9fff]", question):
        return re.sub(r"(?<![A-Za-z])AI(?![A-Za-z])", "人工智能", question)
    said = _KNOWN.sub(lambda match: f" {_ALL[match[0]]} ", question.lower())
    return re.sub(r"[a-z][a-z'’-]*", lambda match: " " if _EMPTY.fullmatch(match[0]) else match[0], said)


def in_plan_words(question: str, known: str) -> str:
    """Return a question with everyday words that a plan's text lacks put in words that it has."""
    for said, written in EVERYDAY.items():
        if said in question and said not in known and written in known:
            question = question.replace(said, written)
    return question
