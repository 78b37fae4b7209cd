"""Stored assessments, and their name for people."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class Assessments(AppConfig):
    """Names what is stored."""

    name = "dujiang.safety.assessment"
    label = "assessment"
    verbose_name = _("Safety assessments")
