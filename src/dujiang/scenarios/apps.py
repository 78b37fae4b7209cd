"""The plane's name for people: scenarios and their evaluations."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Scenarios(AppConfig):
    """Names the plane."""

    name = "dujiang.scenarios"
    verbose_name = _("Scenarios")
