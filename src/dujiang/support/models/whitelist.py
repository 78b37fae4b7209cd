"""The white list for financing, banks that read it by consent, and loans through the green channel."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dujiang.identity.models import Unit


class Listing(models.Model):
    """An application for the white list and its decision.

    ``answers`` and ``papers`` are what it was judged by; ``findings`` what the criteria came to, a row a criterion;
    ``edition`` is a digest of the file of criteria. ``until`` is when it is to be reviewed.
    """

    class State(models.TextChoices):
        """How far it is."""

        SUBMITTED = "submitted", _("under review")
        RETURNED = "returned", _("returned")
        LISTED = "listed", _("on the white list")
        DECLINED = "declined", _("declined")
        ENDED = "ended", _("taken off")

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="listings", verbose_name=_("unit"))
    answers = models.JSONField(_("answers"))
    papers = models.JSONField(_("papers"))
    records = models.JSONField(_("evidence shown"))
    findings = models.JSONField(_("findings"))
    edition = models.CharField(max_length=64)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.SUBMITTED)
    applicant = models.CharField(max_length=200)
    submitted = models.DateTimeField(_("submitted"))
    due = models.DateField(_("due"))
    decided = models.DateTimeField(_("decided"), null=True)
    decider = models.CharField(max_length=200, blank=True)
    why = models.TextField(_("reason"), blank=True)
    until = models.DateField(_("to be reviewed by"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "until"])]
        verbose_name = _("place on the white list")
        verbose_name_plural = _("places on the white list")

    def __str__(self) -> str:
        return f"{self.unit} {self.pk}"

    def holds(self, day: date | None = None) -> bool:
        """Whether it stands on a day."""
        return (
            self.state == self.State.LISTED and self.until is not None and (day or timezone.localdate()) <= self.until
        )

    @property
    def late(self) -> bool:
        """Whether its decision, or its review, is late."""
        due = (
            self.due if self.state == self.State.SUBMITTED else self.until if self.state == self.State.LISTED else None
        )
        return due is not None and due < timezone.localdate()


class Bank(models.Model):
    """A unit that the office has admitted to lend by the white list."""

    unit = models.OneToOneField(Unit, models.PROTECT, related_name="bank", verbose_name=_("unit"))
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        verbose_name = _("bank")
        verbose_name_plural = _("banks")

    def __str__(self) -> str:
        return str(self.unit)


class Consent(models.Model):
    """A unit's consent that a bank reads its place on the white list, and its facts where ``facts`` says so."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="consents", verbose_name=_("unit"))
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="consents", verbose_name=_("bank"))
    facts = models.BooleanField(_("with the facts"), default=False)
    until = models.DateField(_("until"))
    withdrawn = models.DateTimeField(_("withdrawn"), null=True)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("consent")
        verbose_name_plural = _("consents")

    def __str__(self) -> str:
        return f"{self.unit} {self.bank}"

    @property
    def holds(self) -> bool:
        """Whether the bank may read now."""
        return self.withdrawn is None and timezone.localdate() <= self.until


class Loan(models.Model):
    """A loan that a unit on the white list asks a bank for, through the green channel; amounts in fen."""

    class State(models.TextChoices):
        """How far it is."""

        ASKED = "asked", _("asked for")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")
        PAID = "paid", _("paid out")

    listing = models.ForeignKey(Listing, models.PROTECT, related_name="loans")
    bank = models.ForeignKey(Bank, models.PROTECT, related_name="loans", verbose_name=_("bank"))
    amount = models.BigIntegerField(_("amount"))
    purpose = models.TextField(_("purpose"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ASKED)
    approved = models.BigIntegerField(_("approved amount"), default=0)
    why = models.TextField(_("reason"), blank=True)
    asked = models.DateTimeField(_("asked for"))
    decided = models.DateTimeField(_("decided"), null=True)
    paid = models.DateTimeField(_("paid out"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("loan")
        verbose_name_plural = _("loans")

    def __str__(self) -> str:
        return f"{self.pk} {self.listing.unit}"
