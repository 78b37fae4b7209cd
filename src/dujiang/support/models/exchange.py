"""Supply and demand: what is offered, what is needed, and introductions with their outcome."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dujiang.identity.models import Unit
from dujiang.support import matching

KINDS = [
    ("product", _("product or service")),
    ("model", _("model")),
    ("data", _("data")),
    ("compute", _("compute")),
    ("talent", _("talent and training")),
    ("result", _("research result")),
]


class Offer(models.Model):
    """Something offered; see `matching.Offer`. ``source`` is such as ``course:3`` where another plane holds it."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="offers", verbose_name=_("unit"))
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"))
    keywords = models.JSONField(_("keywords"), default=list)
    price = models.BigIntegerField(_("least price"), null=True)
    places = models.JSONField(_("places"), default=list)
    since = models.DateField(_("from"), null=True)
    until = models.DateField(_("until"), null=True)
    capacity = models.PositiveIntegerField(_("how many at once"), default=1)
    domestic = models.BooleanField(_("domestic"), default=False)
    source = models.CharField(max_length=40, unique=True, null=True)
    closed = models.DateTimeField(_("closed"), null=True)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["closed", "evidence"])]
        verbose_name = _("offer")
        verbose_name_plural = _("offers")

    def __str__(self) -> str:
        return self.title

    def plain(self) -> matching.Offer:
        """Return it as the matching knows it."""
        return matching.Offer(
            str(self.pk), matching.Kind(self.kind), self.title, self.text, tuple(self.keywords), self.price,
            tuple(self.places), self.since, self.until, self.capacity, self.domestic,
        )  # fmt: skip


class Need(models.Model):
    """Something needed; see `matching.Need`. ``source`` is such as ``vacancy:3``."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="needs", verbose_name=_("unit"))
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), blank=True)
    kinds = models.JSONField(_("kinds"), default=list)
    budget = models.BigIntegerField(_("budget"), null=True)
    place = models.CharField(_("place"), max_length=6, blank=True)
    by = models.DateField(_("needed by"), null=True)
    domestic = models.BooleanField(_("domestic"), default=False)
    source = models.CharField(max_length=40, unique=True, null=True)
    closed = models.DateTimeField(_("closed"), null=True)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("need")
        verbose_name_plural = _("needs")

    def __str__(self) -> str:
        return self.title

    def plain(self) -> matching.Need:
        """Return it as the matching knows it."""
        return matching.Need(
            str(self.pk),
            self.title,
            self.text,
            matching.kinds_of(self.kinds),
            self.budget,
            self.place,
            self.by,
            self.domestic,
        )


class Introduction(models.Model):
    """A need introduced to an offer, to its outcome; ``amount`` of the contract in fen."""

    class State(models.TextChoices):
        """How far it is."""

        PROPOSED = "proposed", _("proposed")
        ACCEPTED = "accepted", _("in touch")
        DECLINED = "declined", _("declined")
        AGREED = "agreed", _("agreed")
        FAILED = "failed", _("came to nothing")

    need = models.ForeignKey(Need, models.PROTECT, related_name="introductions", verbose_name=_("need"))
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="introductions", verbose_name=_("offer"))
    score = models.FloatField(_("score"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PROPOSED)
    amount = models.BigIntegerField(_("amount"), default=0)
    outcome = models.TextField(_("outcome"), blank=True)
    proposer = models.CharField(max_length=200)
    proposed = models.DateTimeField(_("proposed"), auto_now_add=True)
    answered = models.DateTimeField(_("answered"), null=True)
    concluded = models.DateTimeField(_("concluded"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["need", "offer"], name="one_introduction")]
        verbose_name = _("introduction")
        verbose_name_plural = _("introductions")

    def __str__(self) -> str:
        return f"{self.need} – {self.offer}"
