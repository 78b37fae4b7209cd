"""The kinds of evidence. A plane that leaves a new kind of record adds its row here."""

from __future__ import annotations

from typing import NamedTuple

from dujiang.messages import Text


class Kind(NamedTuple):
    """A kind of evidence: its title, what its subject names, and whether its subjects are tallied one by one.

    Subjects are tallied where a report asks for the latest record of each, as with scenarios; it costs a row a
    subject and month.
    """

    title: Text
    subject: Text
    by_subject: bool = False


KINDS: dict[str, Kind] = {
    "plan.loaded": Kind(Text("载入方案", "plan loaded"), Text("方案", "programme")),
    "plan.amended": Kind(Text("人工修订", "plan amended"), Text("方案条目", "item of a programme")),
    "statistic.recorded": Kind(Text("登记统计数据", "statistic recorded"), Text("指标", "indicator")),
    "scenario.evaluated": Kind(Text("场景评测", "scenario evaluated"), Text("场景", "scenario"), by_subject=True),
    "scenario.tried": Kind(Text("场景试跑", "scenario tried"), Text("场景", "scenario")),
    "dispatch.commented": Kind(Text("月调度意见", "comment on a dispatch"), Text("月份", "month")),
    "dispatch.signed-off": Kind(Text("签发月调度", "dispatch signed off"), Text("月份", "month")),
    "identity.changed": Kind(Text("人员与单位变更", "people or units changed"), Text("人员或单位", "person or unit")),
    "job.submitted": Kind(Text("提交作业", "job submitted"), Text("作业", "job")),
    "job.preempted": Kind(Text("作业让位", "job stopped for another"), Text("作业", "job")),
    "job.finished": Kind(Text("作业结束与结算", "job finished and settled"), Text("作业", "job")),
    "compute.capacity": Kind(
        Text("登记算力规模", "registered capacity"), Text("规模或占比", "capacity or share"), True
    ),
    "compute.registered": Kind(Text("算力登记", "compute registered"), Text("算力中心", "compute centre")),
    "compute.power-planned": Kind(Text("算电融合排布", "jobs planned by power"), Text("站点", "sites")),
    "voucher.programme": Kind(Text("券计划变更", "voucher programme changed"), Text("券计划", "voucher programme")),
    "voucher.applied": Kind(Text("申请发券", "vouchers applied for"), Text("申请", "application")),
    "voucher.reviewed": Kind(Text("评审发券申请", "application for vouchers reviewed"), Text("申请", "application")),
    "voucher.granted": Kind(Text("发券", "vouchers granted"), Text("发放", "grant")),
    "voucher.settled": Kind(Text("券结算批次", "batch of vouchers settled"), Text("过账序号", "postings")),
    "voucher.returned": Kind(Text("券收回", "vouchers went back"), Text("发放", "grant")),
    "voucher.reconciled": Kind(Text("券对账", "vouchers reconciled"), Text("供应方与月份", "provider and month")),
    "token.offered": Kind(
        Text("模型、服务或价格变更", "models, services or prices changed"), Text("模型或服务", "model or service")
    ),
    "token.key": Kind(Text("模型密钥变更", "keys of models changed"), Text("持券单位", "holder")),
    "token.settled": Kind(Text("词元结算批次", "batch of tokens settled"), Text("网关", "gateway")),
    "data.registered": Kind(Text("登记数据集", "data set registered"), Text("数据集", "data set")),
    "data.changed": Kind(Text("数据集变更", "data set changed"), Text("数据集", "data set")),
    "data.deposited": Kind(Text("汇交数据", "data deposited"), Text("数据集", "data set")),
    "data.reviewed": Kind(Text("审核汇交数据", "deposit reviewed"), Text("数据集", "data set")),
    "data.inspected": Kind(Text("检验数据集", "data set inspected"), Text("数据集", "data set")),
    "data.fetched": Kind(Text("取用非开放数据", "data that are not open fetched"), Text("数据集", "data set")),
    "data.duty": Kind(Text("汇交责任", "duty to deposit"), Text("单位", "unit")),
    "data.harvested": Kind(Text("采集数据目录", "catalogue harvested"), Text("目录", "catalogue")),
    "data.fixity": Kind(Text("数据完好性检查", "fixity check"), Text("存储位置", "places")),
    "space.participant": Kind(
        Text("数据空间参与方变更", "participant of the data space changed"), Text("参与方", "participant")
    ),
    "space.offered": Kind(Text("数据要约", "data offered"), Text("要约", "offer")),
    "space.negotiated": Kind(Text("数据合约协商", "contract negotiated"), Text("协商", "negotiation")),
    "space.agreed": Kind(Text("签订数据合约", "agreement made"), Text("合约", "agreement")),
    "space.answered": Kind(Text("合约查询已答复", "query answered under an agreement"), Text("合约", "agreement")),
    "space.refused": Kind(Text("合约查询被拒绝", "query refused under an agreement"), Text("合约", "agreement")),
    "space.transferred": Kind(Text("数据传输", "data transfer"), Text("传输", "transfer")),
    "space.ended": Kind(Text("数据合约终止与删除", "agreement ended, data deleted"), Text("合约", "agreement")),
    "safety.assessed": Kind(Text("安全评估", "safety assessed"), Text("对象", "thing")),
    "safety.registered": Kind(
        Text("登记模型、场景或设备", "model, scenario or device registered"), Text("对象", "thing")
    ),
    "safety.filed": Kind(Text("备案与审查材料", "papers of a filing or review"), Text("对象", "thing")),
    "safety.decided": Kind(Text("备案与审查决定", "filing or review decided"), Text("对象", "thing")),
    "safety.refused": Kind(
        Text("未备案拒绝服务", "not served for want of a filing"), Text("对象或网关", "thing or gateway")
    ),
    "safety.sandbox": Kind(Text("沙盒许可、进入与退出", "sandbox permitted, entered or left"), Text("对象", "thing")),
    "safety.measured": Kind(Text("沙盒测量", "measured in a sandbox"), Text("对象", "thing")),
    "safety.watched": Kind(Text("风险监测变更", "watch changed"), Text("对象", "thing")),
    "safety.alarmed": Kind(Text("风险告警", "alarm of a watch"), Text("对象", "thing")),
    "safety.complained": Kind(Text("投诉", "complaint"), Text("对象", "thing")),
    "safety.incident": Kind(Text("安全事件", "safety incident"), Text("事件", "incident")),
    "support.facts": Kind(Text("企业情况与材料", "facts and papers of a unit"), Text("单位", "unit")),
    "support.listed": Kind(Text("融资白名单", "white list for financing"), Text("单位", "unit")),
    "support.consent": Kind(Text("授权银行查询", "consent that a bank reads"), Text("单位", "unit")),
    "support.consulted": Kind(Text("银行查询白名单", "white list read by a bank"), Text("单位", "unit")),
    "support.loan": Kind(Text("绿色通道贷款", "loan through the green channel"), Text("单位", "unit")),
    "support.bond": Kind(Text("专项债项目", "special bond project"), Text("项目", "project")),
    "support.landmark": Kind(Text("标志性应用场景", "landmark scenarios"), Text("申报书或批次", "application or call")),
    "support.standing": Kind(
        Text("标志性场景数", "landmark scenarios in force"), Text("事项", "what"), by_subject=True
    ),
    "support.exchange": Kind(Text("供需对接", "supply and demand"), Text("供给或需求", "offer or need")),
    "annotation.base": Kind(Text("登记标注基地", "annotation base registered"), Text("单位", "unit")),
    "annotation.project": Kind(Text("标注项目变更", "annotation project changed"), Text("项目", "project")),
    "annotation.items": Kind(Text("标注任务入库", "items to annotate taken in"), Text("项目", "project")),
    "annotation.accepted": Kind(Text("标注验收批次", "batch of labels accepted"), Text("项目", "project")),
    "annotation.exported": Kind(Text("标注导出", "labels exported"), Text("项目", "project")),
    "talent.recorded": Kind(Text("人才档案变更", "record of a person changed"), Text("人才", "person")),
    "talent.consented": Kind(Text("同意与撤回", "consent given or withdrawn"), Text("人才", "person")),
    "talent.seen": Kind(Text("查看人才档案", "record of a person seen"), Text("人才", "person")),
    "talent.erased": Kind(Text("删除人才档案", "record of a person erased"), Text("人才", "person")),
    "talent.imported": Kind(Text("导入人才档案", "records of people imported"), Text("文件", "file")),
    "talent.merged": Kind(Text("重复档案判定", "possible duplicates decided"), Text("人才", "person")),
    "talent.achieved": Kind(Text("人才成果", "achievement of a person"), Text("人才或登录名", "person or login")),
    "talent.demanded": Kind(Text("岗位与用人需求", "vacancies and needs"), Text("单位", "unit")),
    "talent.skills": Kind(Text("技能分类与成长路径", "skills and growth paths"), Text("文件或技能", "file or skill")),
    "talent.analysed": Kind(Text("人才季度分析", "quarter's analysis of talent"), Text("季度", "quarter")),
    "talent.planned": Kind(Text("一人一策", "measure of a person's plan"), Text("人才", "person")),
    "talent.delegated": Kind(Text("认定授权变更", "delegation to certify changed"), Text("单位", "unit")),
    "talent.certified": Kind(Text("企业认定证书", "certificate by an enterprise"), Text("证书", "certificate")),
    "talent.audited": Kind(Text("认定抽查", "certificates audited"), Text("单位", "unit")),
    "talent.trained": Kind(Text("订单式培养", "order-based training"), Text("单位", "unit")),
    "competition.called": Kind(Text("发布或取消竞赛", "competition called or cancelled"), Text("竞赛", "competition")),
    "competition.entered": Kind(Text("参赛", "entered a competition"), Text("竞赛", "competition")),
    "competition.judged": Kind(Text("评判参赛作品", "entry judged"), Text("竞赛", "competition")),
    "competition.reviewed": Kind(Text("评审申报", "application reviewed"), Text("竞赛", "competition")),
    "competition.boarded": Kind(Text("公布最终榜单", "final board published"), Text("竞赛", "competition")),
    "competition.appealed": Kind(
        Text("竞赛申诉与取消资格", "appeals and disqualifications"), Text("竞赛", "competition")
    ),
    "competition.awarded": Kind(Text("确认获奖", "winners confirmed"), Text("竞赛", "competition")),
    "competition.rerun": Kind(Text("重跑榜单", "board made again"), Text("竞赛", "competition")),
    "evidence.checkpointed": Kind(Text("签署检查点", "checkpoint signed"), Text("记录序号", "sequence")),
}
