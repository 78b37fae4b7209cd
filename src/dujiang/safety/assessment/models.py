"""Assessments as they are stored: what was found, and the report as a page."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Assessment(models.Model):
    """One assessment. ``subject`` is the thing as the register knows it: ``model:NAME`` or ``scenario:ID``.

    ``report`` is the report as plain values, ``page`` the same as a piece of HTML, ``digest`` the SHA-256 of the report
    as JSON, which is evidence.
    """

    subject = models.CharField(_("subject"), max_length=200)
    target = models.CharField(_("target"), max_length=300)
    time = models.DateTimeField(_("time"), auto_now_add=True)
    findings = models.JSONField(_("findings"))
    report = models.JSONField(_("report"))
    page = models.TextField(_("page"))
    digest = models.CharField(_("digest"), max_length=64)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("safety assessment")
        verbose_name_plural = _("safety assessments")
        indexes = [models.Index(fields=["subject", "-id"])]

    def __str__(self) -> str:
        return f"{self.subject} {self.pk}"
