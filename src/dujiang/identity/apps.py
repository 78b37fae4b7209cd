"""The plane's name for people: units, people and their keys."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Identity(AppConfig):
    """Names the plane."""

    name = "dujiang.identity"
    verbose_name = _("People and units")
