"""Calls for landmark scenarios, applications, reviews, and what is paid and taken back."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dujiang.identity.models import Unit


class Call(models.Model):
    """A call. Amounts in fen; ``criteria`` are ``{name: {"zh", "en", "weight"}}``, ``instalments`` ``[title, share, kinds]``.

    ``least`` is the score below which nothing is funded, ``each`` how many review an application.
    """

    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"))
    budget = models.BigIntegerField(_("budget"))
    most = models.BigIntegerField(_("most for one"))
    least = models.FloatField(_("least score"))
    each = models.PositiveSmallIntegerField(_("reviewers of each"))
    opens = models.DateField(_("opens"))
    closes = models.DateField(_("closes"))
    criteria = models.JSONField(_("criteria"))
    instalments = models.JSONField(_("instalments"))
    settled = models.DateTimeField(_("settled"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("call for landmark scenarios")
        verbose_name_plural = _("calls for landmark scenarios")

    def __str__(self) -> str:
        return self.title

    def takes(self, day: date | None = None) -> bool:
        """Whether it takes applications on a day."""
        return self.settled is None and self.opens <= (day or timezone.localdate()) <= self.closes

    @property
    def weights(self) -> dict[str, int]:
        """Its criteria's weights."""
        return {name: int(one["weight"]) for name, one in self.criteria.items()}


class Landmark(models.Model):
    """An application built on a scenario; ``verdict`` is the record by which the scenario ran through when it applied."""

    class State(models.TextChoices):
        """How far it is."""

        SUBMITTED = "submitted", _("submitted")
        REVIEWED = "reviewed", _("with reviewers")
        FUNDED = "funded", _("funded")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("funding taken back")

    call = models.ForeignKey(Call, models.PROTECT, related_name="applications", verbose_name=_("call"))
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="landmarks", verbose_name=_("unit"))
    partners = models.JSONField(_("partners"), default=list)
    scenario = models.CharField(_("scenario"), max_length=120)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"))
    amount = models.BigIntegerField(_("amount"))
    verdict = models.BigIntegerField(_("verdict"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.SUBMITTED)
    score = models.JSONField(_("calibrated score"), null=True)
    submitted = models.DateTimeField(_("submitted"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("landmark scenario")
        verbose_name_plural = _("landmark scenarios")

    def __str__(self) -> str:
        return self.title

    @property
    def units(self) -> list[str]:
        """The units that it is of."""
        return [self.unit.name, *self.partners]

    @property
    def paid(self) -> int:
        """What was paid, in fen."""
        return sum(one.amount for one in self.instalments.all() if one.paid)

    @property
    def taken_back(self) -> int:
        """What was asked back, in fen."""
        return sum(one.amount for one in self.clawbacks.all())


class Interest(models.Model):
    """A reviewer's declared interest in a unit: work, kin, shares, work together. It is known to the office only."""

    reviewer = models.CharField(_("reviewer"), max_length=60)
    unit = models.CharField(_("unit"), max_length=120)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reviewer", "unit"], name="one_interest")]


class Assignment(models.Model):
    """An application given to a reviewer; ``scores`` by criterion, ``score`` weighted, once they have judged."""

    landmark = models.ForeignKey(Landmark, models.PROTECT, related_name="assignments")
    reviewer = models.CharField(_("reviewer"), max_length=60)
    scores = models.JSONField(_("scores"), null=True)
    score = models.FloatField(_("score"), null=True)
    why = models.TextField(_("reason"), blank=True)
    recused = models.BooleanField(_("stepped back"), default=False)
    time = models.DateTimeField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["landmark", "reviewer"], name="one_assignment")]


class Instalment(models.Model):
    """A part of an award, in fen, paid once evidence of its kinds is shown."""

    landmark = models.ForeignKey(Landmark, models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=80)
    amount = models.BigIntegerField()
    kinds = models.JSONField()
    records = models.JSONField(default=list)
    paid = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)
    evidence = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["landmark", "number"], name="one_instalment")]


class Clawback(models.Model):
    """What is asked back of an award, in fen, and what of it came back."""

    landmark = models.ForeignKey(Landmark, models.PROTECT, related_name="clawbacks")
    amount = models.BigIntegerField()
    returned = models.BigIntegerField(default=0)
    why = models.TextField()
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
