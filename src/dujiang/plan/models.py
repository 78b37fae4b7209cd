"""The plan as it is stored: what the reader found in the text, and what people amended beside it."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Programme(models.Model):
    """A plan that is being carried out. ``key`` is its document number, or its title where it has none."""

    key = models.CharField(_("key"), max_length=200, unique=True)
    title = models.CharField(_("title"), max_length=500)
    issuer = models.CharField(_("issuer"), max_length=200, blank=True)
    number = models.CharField(_("document number"), max_length=100, blank=True)
    date = models.DateField(_("date"), null=True)
    text = models.TextField(_("text"))
    source = models.CharField(_("source file"), max_length=500)
    source_digest = models.CharField(_("digest of the source"), max_length=64)
    unread = models.JSONField(_("not understood"), default=list)
    loaded = models.DateTimeField(_("loaded"), auto_now=True)

    class Meta:
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")

    @classmethod
    def current(cls) -> Programme | None:
        """Return the programme that was loaded last, which pages and API are about."""
        return cls.objects.order_by("-loaded").first()

    def __str__(self) -> str:
        return self.title


class Item(models.Model):
    """A goal, task, requirement or named system of a programme.

    ``read`` is what the reader found, replaced when the text is loaded again; ``amended`` holds the fields that
    people changed, which loading leaves alone. An item that a new text no longer has is kept as not ``present``.
    ``key`` says which item it is across loads.
    """

    class Kind(models.TextChoices):
        GOAL = "goal", _("goal")
        TASK = "task", _("task")
        REQUIREMENT = "requirement", _("requirement")
        SYSTEM = "system", _("named system")

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="items", verbose_name=_("programme"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    key = models.CharField(_("key"), max_length=400)
    position = models.PositiveIntegerField(_("number in order"))
    read = models.JSONField(_("as read"))
    amended = models.JSONField(_("amended"), default=dict)
    present = models.BooleanField(_("in the text"), default=True)

    class Meta:
        verbose_name = _("item of the plan")
        verbose_name_plural = _("items of the plan")
        ordering = ["kind", "position"]
        constraints = [models.UniqueConstraint(fields=["programme", "kind", "key"], name="one_item_a_key")]

    @property
    def facts(self) -> dict[str, Any]:
        """What holds of the item: as read, with people's amendments."""
        return {**self.read, **self.amended}

    def __str__(self) -> str:
        facts = self.facts
        return str(facts.get("title") or facts.get("name") or facts.get("about") or facts.get("text") or self.key)


class Statistic(models.Model):
    """An uploaded figure of an indicator. A later record for the same period replaces the earlier one in reports.

    ``value`` is in ``unit``; ``period_end`` the last day of ``period`` (2026, 2026-Q3, 2026-10).
    """

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="statistics", verbose_name=_("programme"))
    indicator = models.CharField(_("indicator"), max_length=400)
    period = models.CharField(_("period"), max_length=10)
    period_end = models.DateField(_("last day"))
    value = models.FloatField(_("value"))
    unit = models.CharField(_("unit of measure"), max_length=40)
    source = models.CharField(_("source document"), max_length=500)
    vouched_by = models.CharField(_("vouched by"), max_length=200)
    recorded = models.DateTimeField(_("recorded"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("statistic")
        verbose_name_plural = _("statistics")
        indexes = [
            models.Index(fields=["programme", "indicator", "-period_end", "-evidence"]),
            models.Index(fields=["programme", "-evidence"]),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.period}"


class Comment(models.Model):
    """What a unit says to a month's dispatch. ``author`` is a login; the record of evidence holds the text's digest."""

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="comments", verbose_name=_("programme"))
    month = models.CharField(_("month"), max_length=7)
    author = models.CharField(_("author"), max_length=60)
    unit = models.CharField(_("unit"), max_length=120, blank=True)
    text = models.TextField(_("text"))
    written = models.DateTimeField(_("written"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["evidence"]
        indexes = [models.Index(fields=["programme", "month"])]

    def __str__(self) -> str:
        return f"{self.month} {self.unit or self.author}"


class SignOff(models.Model):
    """A month's dispatch as the office signed it off; from then on it is shown as it was. ``made`` is its JSON."""

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="sign_offs", verbose_name=_("programme"))
    month = models.CharField(_("month"), max_length=7)
    made = models.JSONField(_("dispatch as signed off"))
    author = models.CharField(_("signed by"), max_length=60)
    signed = models.DateTimeField(_("signed"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("sign-off")
        verbose_name_plural = _("sign-offs")
        constraints = [models.UniqueConstraint(fields=["programme", "month"], name="one_sign_off_a_month")]

    def __str__(self) -> str:
        return self.month
