"""The plane's name for people: the plan and what is recorded of it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Plan(AppConfig):
    """Names the plane."""

    name = "dujiang.plan"
    verbose_name = _("The plan")
