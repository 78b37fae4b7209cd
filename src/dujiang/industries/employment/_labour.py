"""A province's labour market, simulated: people and their CVs, vacancies, and how soon somebody leaves a seat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# By trade its title, then its skills: the posting's term, three that people write, and one of the second generator.
TRADES = {
    "会计": "会计核算 做账 记账 账务处理 全盘账,纳税申报 报税 税务 跑税务局 涉税事项,成本分析 成本核算 算成本 成本会计 费用测算,"
    "用友软件 用友 U8 财务软件 ERP系统,出纳 现金管理 银行对账 跑银行 资金收付",
    "仓储": "仓库管理 库管 仓管 管仓库 物资保管,叉车驾驶 开叉车 叉车证 叉车 场内车辆,盘点 点库存 库存盘点 清库 账实核对,"
    "物流调度 排车 调车 派车 运输安排,分拣打包 分拣 打包 配货 拣货装箱",
    "货运": "货车驾驶 开货车 B2驾照 跑长途 重卡司机,车辆保养 修车 车辆维护 汽修 机务,道路运输资格 货运资格证 从业资格 上岗证 营运证,"
    "冷链运输 冷藏车 跑冷链 冷链 温控运输,装卸 卸货 装车 搬运 上下货",
    "电工": "电气维修 修电路 电工证 强电 供配电检修,PLC编程 PLC 西门子 工控 自动化控制,焊接 电焊 氩弧焊 焊工证 金属连接,"
    "设备安装 装机器 机电安装 安装调试 机械就位,低压配电 配电柜 接线 低压电工 开关柜",
    "数控": "数控车床 CNC 开数控 车工 机加工,机械制图 CAD 看图纸 制图 工程图样,质量检验 质检 QC 卡尺测量 来料检测,"
    "模具维修 修模 模具 钳工 工装,注塑 注塑机 调机 塑料成型 啤机",
    "护理": "老年护理 照顾老人 护工 养老护理 长者照护,急救 心肺复苏 急救证 CPR 院前处置,康复训练 康复 理疗 推拿 功能锻炼,"
    "给药管理 发药 配药 服药照看 药品分发,母婴护理 月嫂 育婴 带孩子 产后照料",
    "厨师": "川菜烹饪 炒菜 掌勺 川菜 热菜,面点制作 白案 做面食 包子 点心,食品安全 健康证 食安 卫生管理 餐饮合规,"
    "采购 买菜 食材采购 进货 供应商管理,切配 墩子 切菜 配菜 备料",
    "电商": "短视频剪辑 剪辑 剪映 拍抖音 PR后期,直播带货 主播 直播 带货 网络销售,网店运营 开网店 淘宝 店铺 店铺后台,"
    "客户服务 客服 售后 接电话 顾客沟通,平面设计 PS 美工 Photoshop 视觉物料",
    "文员": "办公软件 Office Excel 打字 表格处理,档案管理 整理档案 归档 资料员 卷宗,招聘 招人 人事 HR 人员引进,"
    "公文写作 写材料 写公文 文秘 起草文稿,会务接待 接待 前台 会务 来访服务",
}
TITLES = tuple(TRADES)
SKILLS = tuple(tuple(skill.split(" ")) for trade in TRADES.values() for skill in trade.split(","))
TRADE = np.repeat(np.arange(len(TITLES)), len(SKILLS) // len(TITLES))
FILLERS = ("吃苦耐劳", "服从安排", "性格开朗", "有责任心", "身体健康", "能加班", "做事踏实", "学习能力强")
CITIES = 12


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks for work: sex, kind of household, home (km east and north), years of work, CNY a month asked, CV."""

    name: str
    sex: str
    household: str
    county: str
    east: float
    north: float
    years: float
    asked: float
    cv: str


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Seats of one kind at an employer; ``paid`` in CNY a month, place in km, ``needed`` years of work."""

    name: str
    employer: str
    county: str
    east: float
    north: float
    needed: float
    paid: float
    seats: int
    text: str


def graph() -> Array:
    """Return (skills, skills) how far one skill stands in for another: itself, its trade's, the next trade's first."""
    same = (TRADE[:, None] == TRADE) * 0.35
    each = len(SKILLS) // len(TITLES)
    for trade in range(len(TITLES)):
        last, following = trade * each + each - 2, ((trade + 1) % len(TITLES)) * each
        same[last, following] = same[following, last] = 0.5
    np.fill_diagonal(same, 1.0)
    return np.asarray(same)


class Province:
    """Cities, employers, and the people and vacancies drawn there; what they keep to themselves is in ``hidden``."""

    def __init__(self, draw: np.random.Generator, employers: int) -> None:
        self.draw = draw
        self.places = draw.uniform([0, 0], [320, 220], (CITIES, 2))
        self.weight = np.array([6.0, 3.0, *np.ones(CITIES - 2)])
        self.weight /= self.weight.sum()
        self.employers = employers
        self.city = draw.choice(CITIES, employers, p=self.weight)
        self.site = self.places[self.city] + draw.normal(0, 7, (employers, 2))
        self.trade = draw.integers(0, len(TITLES), employers)
        self.strain = 0.025 * np.exp(draw.normal(0, 0.9, employers))  # how people are led, as a hazard a month
        self.origin = draw.integers(0, CITIES, (employers, 2))  # where those come from who work there already

    def people(self, count: int, first: int, *, other_words: bool) -> tuple[list[Person], dict[str, Any]]:
        """Return people and what they don't tell: skills held, least wage, speed, burden, frailty and home's number."""
        draw, found = self.draw, []
        hidden: dict[str, list[Any]] = {
            key: [] for key in ("held", "least", "speed", "burden", "frailty", "moves", "city")
        }
        market = draw.normal(0, 0.12, len(TITLES))
        for at in range(count):
            sex, rural = ("女", "男")[int(draw.integers(2))], bool(draw.random() < 0.45)
            weights = np.ones(CITIES) / CITIES if rural else self.weight
            city = int(draw.choice(CITIES, p=weights))
            home = self.places[city] + draw.normal(0, 22 if rural else 6, 2)
            trade = int(draw.integers(len(TITLES)))
            held = draw.random(len(SKILLS)) < np.where(trade == TRADE, 0.62, 0.03)
            near = (trade + 1) % len(TITLES) == TRADE
            held |= near & (draw.random(len(SKILLS)) < 0.2)
            years = float(np.round(draw.gamma(1.6, 3.5), 1))
            worth = 3600 * np.exp(
                market[trade] + 0.25 * np.log1p(years) / 2 + 0.05 * held.sum() / 3 + draw.normal(0, 0.12)
            )
            burden, moves = bool(draw.random() < (0.4 if sex == "女" else 0.2)), bool(draw.random() < 0.4)
            told = draw.random(len(SKILLS)) < np.where(held, 0.62 if sex == "女" else 0.75, 0.012)
            asked = round(worth * (0.97 if sex == "女" else 1.05) * np.exp(draw.normal(0, 0.08)), -2)
            cv = _cv(draw, np.flatnonzero(told), TITLES[trade], years, burden, moves, other_words=other_words)
            household = "农村" if rural else "城镇"
            found.append(
                Person(
                    f"P{first + at:05d}",
                    sex,
                    household,
                    f"{city + 1:02d}市",
                    round(float(home[0]), 1),
                    round(float(home[1]), 1),
                    years,
                    float(asked),
                    cv,
                )
            )
            values = (held, worth, 40.0 if draw.random() < (0.4 if rural else 0.55) else 20.0, burden,
                      float(np.exp(draw.normal(0, 0.35))), moves, city)  # fmt: skip
            for key, value in zip(hidden, values, strict=True):
                hidden[key].append(value)
        return found, {key: np.array(values) for key, values in hidden.items()}

    def vacancies(self, count: int, first: int, seats: int) -> tuple[list[Vacancy], dict[str, Any]]:
        """Return vacancies of ``seats`` seats at most and what they don't tell: all skills used, night work, lodging."""
        draw, found = self.draw, []
        hidden: dict[str, list[Any]] = {key: [] for key in ("used", "night", "lodging", "employer")}
        for at in range(count):
            employer = int(draw.integers(self.employers))
            trade = int(self.trade[employer]) if draw.random() < 0.7 else int(draw.integers(len(TITLES)))
            used = np.zeros(len(SKILLS), dtype=bool)
            used[draw.choice(np.flatnonzero(trade == TRADE), int(draw.integers(2, 5)), replace=False)] = True
            night, lodging = bool(draw.random() < 0.3), bool(draw.random() < 0.35)
            needed = float(draw.choice([0, 1, 3, 5], p=[0.4, 0.3, 0.2, 0.1]))
            paid = 4700 * np.exp(0.06 * needed + (0.08 if night else 0) + draw.normal(0, 0.15))
            asked = [SKILLS[one][0] for one in np.flatnonzero(used & (draw.random(len(SKILLS)) < 0.85))]
            text = f"招聘{TITLES[trade]}，" + (f"要求{'、'.join(asked)}" if asked else "条件面议")
            text += ("，倒班" if night else "") + ("，包住宿" if lodging else "") + f"，{draw.choice(FILLERS)}"
            found.append(
                Vacancy(
                    f"V{first + at:05d}",
                    f"单位{employer + 1:03d}",
                    f"{int(self.city[employer]) + 1:02d}市",
                    round(float(self.site[employer, 0]), 1),
                    round(float(self.site[employer, 1]), 1),
                    needed,
                    float(np.round(paid, -2)),
                    int(draw.integers(1, seats + 1)),
                    text,
                )
            )
            for key, value in zip(hidden, (used, night, lodging, employer), strict=True):
                hidden[key].append(value)
        return found, {key: np.array(values) for key, values in hidden.items()}

    def kept(
        self, people: list[Person], mine: dict[str, Any], seats: list[Vacancy], theirs: dict[str, Any], *, ties: bool
    ) -> Array:
        """Return (people, vacancies) the chance that somebody placed there still is after six months.

        Reasons to leave add up as hazards a month; ``ties``: people of a county where the staff come from stay longer.
        """
        stands_in = (graph()[None] * mine["held"][:, None, :]).max(axis=2)
        used = theirs["used"].astype(float)
        lacking = 1 - stands_in @ used.T / used.sum(axis=1)
        home = np.array([(one.east, one.north) for one in people])
        site = np.array([(one.east, one.north) for one in seats])
        hours = np.linalg.norm(home[:, None] - site, axis=2) / mine["speed"][:, None]
        away = 0.11 * np.clip(hours - 0.5, 0, 2)
        lodged = theirs["lodging"] & mine["moves"][:, None]
        paid = np.array([one.paid for one in seats])
        short = np.clip(1 - paid / mine["least"][:, None], 0, None)
        years = np.array([one.years for one in people])[:, None]
        needed = np.array([one.needed for one in seats])
        hazard = (
            0.2 * lacking**1.5
            + np.where(lodged, 0.03, away)
            + 0.35 * short
            + 0.12 * (theirs["night"] & mine["burden"][:, None])
            + 0.03 * ((years > needed + 8) | (years < needed - 1))
            + self.strain[theirs["employer"]]
        ) * mine["frailty"][:, None]
        if ties:
            fellow = (mine["city"][:, None, None] == self.origin[theirs["employer"]]).any(axis=2)
            hazard *= np.where(fellow, 0.4, 1.1)
        return np.asarray(np.exp(-6 * hazard))


def _cv(
    draw: np.random.Generator, told: NDArray[np.int64], title: str, years: float, burden: bool, moves: bool, *, other_words: bool
) -> str:  # fmt: skip
    words = []
    for skill in draw.permutation(told):
        names = SKILLS[skill]
        other = other_words and draw.random() < 0.7
        words.append(names[4] if other else names[int(draw.choice(4, p=[0.25, 0.3, 0.25, 0.2]))])
    parts = [f"{years:.0f}年工作经验"] if draw.random() < 0.6 else []
    parts += [f"做过{title}"] if draw.random() < (0.15 if other_words else 0.3) else []
    if words:
        parts.append(
            str(draw.choice(["熟悉", "会", "精通", "从事过"])) + str(draw.choice(["、", "，", " "])).join(words)
        )
    parts += ["需照顾家里"] if burden and draw.random() < 0.6 else []
    parts += ["可住宿舍"] if moves and draw.random() < 0.6 else []
    parts += [str(one) for one in draw.choice(FILLERS, int(draw.integers(1, 3)), replace=False)]
    return "，".join(parts)
