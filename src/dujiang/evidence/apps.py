"""The plane's name for people: the ledger."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Evidence(AppConfig):
    """Names the plane."""

    name = "dujiang.evidence"
    verbose_name = _("Evidence")
