"""The pool of projects for special bonds, their steps, and how building and spending go."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dujiang.identity.models import Unit
from dujiang.support import bonds


class BondProject(models.Model):
    """A project; ``plan`` is as `bonds.plan_of` reads it, ``issued`` the day on which its bond was issued."""

    class State(models.TextChoices):
        """Where it stands within its stage."""

        OPEN = "open", _("being prepared")
        SUBMITTED = "submitted", _("under review")
        RETURNED = "returned", _("returned")

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="bond_projects", verbose_name=_("unit"))
    title = models.CharField(_("title"), max_length=200)
    plan = models.JSONField(_("plan"))
    stage = models.CharField(
        _("stage"), max_length=12, default="planned", choices=[(one.name, one.name) for one in bonds.STAGES]
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    issued = models.DateField(_("issued"), null=True)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("bond project")
        verbose_name_plural = _("bond projects")

    def __str__(self) -> str:
        return self.title

    @property
    def about(self) -> bonds.Stage:
        """Its stage."""
        return bonds.BY_NAME[self.stage]

    @property
    def terms(self) -> bonds.Plan:
        """Its plan."""
        return bonds.plan_of(self.plan)


class BondStep(models.Model):
    """A handing in of a stage's papers, and what was decided; ``accepted`` is null while it waits."""

    project = models.ForeignKey(BondProject, models.PROTECT, related_name="steps")
    stage = models.CharField(max_length=12)
    papers = models.JSONField()
    submitter = models.CharField(max_length=200)
    submitted = models.DateTimeField(_("submitted"))
    accepted = models.BooleanField(null=True)
    decider = models.CharField(max_length=200, blank=True)
    decided = models.DateTimeField(_("decided"), null=True)
    why = models.TextField(_("reason"), blank=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    @property
    def about(self) -> bonds.Stage:
        """Its stage."""
        return bonds.BY_NAME[self.stage]


class Built(models.Model):
    """A milestone that was reached."""

    project = models.ForeignKey(BondProject, models.PROTECT, related_name="built")
    title = models.CharField(max_length=120)
    day = models.DateField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "title"], name="one_milestone_built")]


class BondPayment(models.Model):
    """Money that a project paid, in fen, for one of its uses."""

    project = models.ForeignKey(BondProject, models.PROTECT, related_name="payments")
    use = models.CharField(max_length=12)
    amount = models.BigIntegerField()
    payee = models.CharField(max_length=120)
    day = models.DateField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    @property
    def about(self) -> bonds.Use:
        """What it was for."""
        return bonds.USES[self.use]
