"""The addresses of the pages."""

from django.urls import include, path
from django.views.i18n import set_language

from dujiang.api import api
from dujiang.console import pages
from dujiang.identity.web import page

urlpatterns = [
    path("", pages.overview, name="overview"),
    path("dispatch/<str:month>/", pages.overview, name="dispatch"),
    path("dispatch/<str:month>/report.<str:suffix>", pages.report, name="report"),
    path("dispatch/<str:month>/comment/", pages.comment, name="comment"),
    path("dispatch/<str:month>/sign-off/", pages.sign_off, name="sign-off"),
    path("statistics/", pages.statistics, name="statistics"),
    path("statistics/template.xlsx", pages.statistics_template, name="statistics-template"),
    path("plan/", pages.plan, name="plan"),
    path("plan/goals/<int:number>/", pages.goal, name="goal"),
    path("plan/tasks/<int:number>/", pages.task, name="task"),
    path("plan/units/<str:name>/", pages.unit, name="unit"),
    path("scenarios/", pages.scenarios, name="scenarios"),
    path("scenarios/<path:scenario_id>/", pages.scenario, name="scenario"),
    path("evidence/", pages.records, name="records"),
    path("evidence/verify/", pages.verify, name="verify"),
    path("evidence/<int:sequence>/", pages.record, name="record"),
    path("api/v1/", api.urls),
    path("account/", include("dujiang.identity.urls")),
    path("language/setlang/", page("language.set")(set_language), name="set_language"),
]
