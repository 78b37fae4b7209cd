"""The addresses of the pages."""

from django.urls import include, path

from dujiang.console import pages

urlpatterns = [
    path("", pages.overview, name="overview"),
    path("dispatch/<str:month>/", pages.overview, name="dispatch"),
    path("dispatch/<str:month>/report.<str:suffix>", pages.report, name="report"),
    path("plan/", pages.plan, name="plan"),
    path("scenarios/", pages.scenarios, name="scenarios"),
    path("scenarios/<path:scenario_id>/", pages.scenario, name="scenario"),
    path("evidence/", pages.records, name="records"),
    path("evidence/<int:sequence>/", pages.record, name="record"),
    path("language/", include("django.conf.urls.i18n")),
]
