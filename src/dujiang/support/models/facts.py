"""What a unit says of itself once, and the papers that it hands in."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dujiang.identity.models import Unit


class Profile(models.Model):
    """The facts that a unit has entered, as it wrote them, by the facts' names.

    Evidence, which everybody reads, holds a digest over them and ``salt``, so that small numbers can't be guessed from it.
    """

    unit = models.OneToOneField(Unit, models.PROTECT, related_name="profile", verbose_name=_("unit"))
    answers = models.JSONField(_("answers"), default=dict)
    salt = models.CharField(max_length=32)
    time = models.DateTimeField(_("entered"), auto_now=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("facts of a unit")
        verbose_name_plural = _("facts of units")

    def __str__(self) -> str:
        return str(self.unit)


class Paper(models.Model):
    """A paper that a unit handed in. ``about`` is empty for what is about the unit itself, else such as ``bond:3``."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="papers", verbose_name=_("unit"))
    about = models.CharField(max_length=40, blank=True)
    title = models.CharField(_("title"), max_length=80)
    name = models.CharField(_("file"), max_length=120)
    sha256 = models.CharField(_("digest"), max_length=64)
    content = models.BinaryField()
    time = models.DateTimeField(_("handed in"), auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["unit", "about", "title"])]
        verbose_name = _("paper")
        verbose_name_plural = _("papers")

    def __str__(self) -> str:
        return self.title
