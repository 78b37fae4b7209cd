"""The plane's name for people: support."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Support(AppConfig):
    """Names the plane."""

    name = "dujiang.support"
    verbose_name = _("Policy support")
