"""The plane's name for people: safety."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Safety(AppConfig):
    """Names the plane."""

    name = "dujiang.safety"
    verbose_name = _("Safety")
