"""The plane's name for people: talent."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Talent(AppConfig):
    """Names the plane."""

    name = "dujiang.talent"
    verbose_name = _("Talent")
