"""The addresses of the pages."""

from django.urls import include, path
from django.views.i18n import set_language

from dujiang.admin import site
from dujiang.api import api
from dujiang.compute import pages as compute
from dujiang.console import pages as console
from dujiang.data import pages as data
from dujiang.data import tus
from dujiang.data.annotation import pages as annotation
from dujiang.data.spaces import binding as dsp
from dujiang.data.spaces import pages as spaces
from dujiang.evidence import pages as evidence
from dujiang.identity.web import page
from dujiang.plan import pages as plan
from dujiang.safety import pages as safety
from dujiang.safety.assessment import pages as assessment
from dujiang.scenarios import pages as scenarios
from dujiang.support import pages as support
from dujiang.talent.competitions import pages as competitions
from dujiang.tokens import pages as tokens
from dujiang.vouchers import pages as vouchers

urlpatterns = [
    path("", console.overview, name="overview"),
    path("cities/<str:division>/", console.city, name="city"),
    path("dispatch/", plan.dispatch, name="dispatch"),
    path("dispatch/<str:month>/", plan.dispatch, name="month"),
    path("dispatch/<str:month>/report.<str:suffix>", plan.report, name="report"),
    path("dispatch/<str:month>/comment/", plan.comment, name="comment"),
    path("dispatch/<str:month>/sign-off/", plan.sign_off, name="sign-off"),
    path("statistics/", plan.statistics, name="statistics"),
    path("statistics/template.xlsx", plan.statistics_template, name="statistics-template"),
    path("plan/", plan.plan, name="plan"),
    path("ask/", plan.ask, name="ask"),
    path("plan/goals/<int:number>/", plan.goal, name="goal"),
    path("plan/tasks/<int:number>/", plan.task, name="task"),
    path("plan/units/<str:name>/", plan.unit, name="unit"),
    path("scenarios/", scenarios.scenarios, name="scenarios"),
    path("scenarios/<path:scenario_id>/try/", scenarios.try_on_file, name="try"),
    path("scenarios/<path:scenario_id>/try/<int:number>/", scenarios.trial, name="trial"),
    path("scenarios/<path:scenario_id>/try/<int:number>/cancel/", scenarios.cancel_trial, name="cancel-trial"),
    path("scenarios/<path:scenario_id>/try/<int:number>/<str:name>", scenarios.trial_file, name="trial-file"),
    path("scenarios/<path:scenario_id>/picture.svg", scenarios.picture, name="picture"),
    path("scenarios/<path:scenario_id>/", scenarios.scenario, name="scenario"),
    path("vouchers/", vouchers.programmes, name="vouchers"),
    path("vouchers/statement/", vouchers.statement, name="voucher-statement"),
    path("vouchers/apply/", vouchers.apply, name="voucher-apply"),
    path("vouchers/applications/", vouchers.applications, name="voucher-applications"),
    path("vouchers/applications/<int:number>/review/", vouchers.review, name="voucher-review"),
    path("vouchers/applications/<int:number>/grant/", vouchers.grant, name="voucher-grant"),
    path("compute/", compute.pools, name="compute"),
    path("compute/power.svg", compute.power_picture, name="power-picture"),
    path("jobs/", compute.jobs, name="jobs"),
    path("jobs/<int:number>/", compute.job, name="job"),
    path("jobs/<int:number>/cancel/", compute.cancel, name="job-cancel"),
    path("jobs/<int:number>/results/<str:result>", compute.result, name="job-result"),
    path("models/", tokens.models, name="models"),
    path("models/keys/", tokens.keys, name="token-keys"),
    path("models/keys/<int:number>/revoke/", tokens.revoke, name="token-key-revoke"),
    path("models/usage/", tokens.usage, name="token-usage"),
    path("models/usage/usage.csv", tokens.usage_table, name="token-usage-table"),
    path("models/spend/", tokens.spend, name="token-spend"),
    path("data/", data.catalogue, name="data"),
    path("data/new/", data.new, name="data-new"),
    path("data/mine/", data.mine, name="data-mine"),
    path("data/reviews/", data.reviews, name="data-reviews"),
    path("data/duties/", data.deposit_duties, name="data-duties"),
    path("data/sets/<int:number>/", data.dataset, name="data-set"),
    path("data/sets/<int:number>/edit/", data.edit, name="data-edit"),
    path("data/sets/<int:number>/uploads/", tus.create, name="data-uploads"),
    path("data/sets/<int:number>/inspect/", data.inspect, name="data-inspect"),
    path("data/sets/<int:number>/submit/", data.submit, name="data-submit"),
    path("data/sets/<int:number>/review/", data.review, name="data-review"),
    path("data/sets/<int:number>/withdraw/", data.withdraw, name="data-withdraw"),
    path("data/sets/<int:number>/<str:form>", data.metadata, name="data-metadata"),
    path("data/uploads/<str:token>/", tus.upload, name="data-upload"),
    path("data/files/<int:number>/remove/", data.remove, name="data-remove"),
    path("data/files/<int:number>/<str:name>", data.file, name="data-file"),
    path("data/catalogue/<str:form>", data.whole_catalogue, name="data-catalogue"),
    path("data/spaces/", spaces.offers, name="spaces"),
    path("data/spaces/offers/<int:number>/", spaces.offer, name="space-offer"),
    path("data/spaces/offers/<int:number>/withdraw/", spaces.withdraw, name="space-offer-withdraw"),
    path("data/spaces/new/<int:number>/", spaces.new, name="space-new"),
    path("data/spaces/requests/", spaces.requests, name="space-requests"),
    path("data/spaces/requests/<int:number>/", spaces.answer, name="space-answer"),
    path("data/spaces/agreements/", spaces.agreements, name="space-agreements"),
    path("data/spaces/agreements/<int:number>/", spaces.agreement, name="space-agreement"),
    path("data/spaces/agreements/<int:number>/provenance.ttl", spaces.proof, {"form": "ttl"}, name="space-proof"),
    path(
        "data/spaces/agreements/<int:number>/provenance.jsonld",
        spaces.proof,
        {"form": "jsonld"},
        name="space-proof-json",
    ),
    path("data/spaces/uses/", spaces.uses, name="space-uses"),
    path("data/oai/", data.oai_pmh, name="data-oai"),
    path("data/id/<path:identifier>", data.by_identifier, name="data-id"),
    path("annotation/", annotation.projects, name="annotation"),
    path("annotation/open/", annotation.open_project, name="annotation-open"),
    path("annotation/<slug:code>/", annotation.project, name="annotation-project"),
    path("annotation/<slug:code>/label/", annotation.label, name="annotation-label"),
    path("annotation/<slug:code>/adjudicate/", annotation.adjudicate, name="annotation-adjudicate"),
    path("annotation/<slug:code>/images/<int:number>/", annotation.image, name="annotation-image"),
    path("annotation/<slug:code>/export/<slug:form>/", annotation.exported, name="annotation-export"),
    path("annotation/<slug:code>/guideline/", annotation.guideline, name="annotation-guideline"),
    path("annotation/<slug:code>/items/", annotation.items, name="annotation-items"),
    path("annotation/<slug:code>/prelabel/", annotation.prelabel, name="annotation-prelabel"),
    path("annotation/<slug:code>/member/", annotation.member, name="annotation-member"),
    path("annotation/<slug:code>/close/", annotation.close, name="annotation-close"),
    path("competitions/", competitions.competitions, name="competitions"),
    path("competitions/reviews/", competitions.reviews, name="competition-reviews"),
    path("competitions/<slug:code>/", competitions.competition, name="competition"),
    path("safety/", safety.register, name="safety"),
    path("safety/things/<path:subject>/", safety.thing, name="safety-thing"),
    path("safety/filings/<int:number>/", safety.filed, name="safety-filing"),
    path("safety/work/", safety.work, name="safety-work"),
    path("safety/sandboxes/", safety.sandboxes, name="safety-sandboxes"),
    path("safety/sandboxes/<int:number>/", safety.sandbox, name="safety-sandbox"),
    path("safety/incidents/", safety.incidents, name="safety-incidents"),
    path("safety/incidents/<int:number>/", safety.incident, name="safety-incident"),
    path("safety/risk/", safety.risk, name="safety-risk"),
    path("dsp/", include("dujiang.data.spaces.urls")),
    path(".well-known/dspace-version", dsp.versions, name="dsp-versions"),
    path("safety/assessments/", assessment.assessments, name="safety-assessments"),
    path("safety/assessments/<int:number>/", assessment.assessment, name="safety-assessment"),
    path(
        "safety/assessments/<int:number>/report.<str:suffix>", assessment.assessment_file, name="safety-assessment-file"
    ),
    path("support/", support.home, name="support"),
    path("support/what-if/", support.what_if, name="support-what-if"),
    path("support/papers/<int:number>/", support.paper, name="support-paper"),
    path("support/white-list/", support.white_list, name="support-white-list"),
    path("support/white-list/<int:number>/", support.listing, name="support-listing"),
    path("support/lending/", support.lending, name="support-lending"),
    path("support/bonds/", support.bonds, name="support-bonds"),
    path("support/bonds/<int:number>/", support.bond, name="support-bond"),
    path("support/landmarks/", support.landmarks, name="support-landmarks"),
    path("support/landmarks/calls/<int:number>/", support.call, name="support-call"),
    path("support/landmarks/<int:number>/", support.landmark, name="support-landmark"),
    path("support/reviews/", support.reviews, name="support-reviews"),
    path("support/exchange/", support.exchange, name="support-exchange"),
    path("support/exchange/offers/<int:number>/", support.offer, name="support-offer"),
    path("support/exchange/needs/<int:number>/", support.need, name="support-need"),
    path("evidence/", evidence.records, name="records"),
    path("evidence/verify/", evidence.verify, name="verify"),
    path("evidence/<int:sequence>/", evidence.record, name="record"),
    path("admin/", site.urls),
    path("api/v1/", api.urls),
    path("account/", include("dujiang.identity.urls")),
    path("language/setlang/", page("language.set")(set_language), name="set_language"),
]
