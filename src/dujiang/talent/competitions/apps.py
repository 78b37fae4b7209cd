"""The plane's name for people: competitions."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Competitions(AppConfig):
    """Names the plane."""

    name = "dujiang.talent.competitions"
    label = "competitions"
    verbose_name = _("Competitions")
