"""Participants, offers, negotiations, agreements, what was asked under them, and transfers."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dujiang.data.models import Dataset
from dujiang.data.spaces import odrl, privacy
from dujiang.data.spaces.policy import Policy
from dujiang.identity.encrypted import EncryptedText
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Text

_STATES = {
    "REQUESTED": Text("已申请", "requested"),
    "OFFERED": Text("已还价", "offered"),
    "ACCEPTED": Text("已接受", "accepted"),
    "AGREED": Text("已同意", "agreed"),
    "VERIFIED": Text("已核对", "verified"),
    "FINALIZED": Text("已生效", "in force"),
    "TERMINATED": Text("已中止", "broken off"),
}


class Participant(models.Model):
    """Who trades: a unit of this site, or a foreign one by its connector's address and the key that it signs with.

    ``identifier`` is how the data space knows it.
    """

    identifier = models.CharField(max_length=200, unique=True)
    title = models.CharField(max_length=200)
    unit = models.OneToOneField(Unit, models.PROTECT, null=True, related_name="participant")
    connector = models.CharField(max_length=500, blank=True)
    public_key = models.CharField(max_length=64, blank=True)
    active = models.BooleanField(default=True)
    evidence = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(unit__isnull=False) | (~Q(connector="") & ~Q(public_key="")), name="a_foreign_one_has_a_key"
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def party(self) -> str:
        """What permission knows it by: a unit's name, a foreign one's identifier."""
        return self.unit.name if self.unit else self.identifier

    @property
    def unit_actor(self) -> Actor:
        """The actor of what one of our units' connector does by itself."""
        return Actor("connector", Role.ENTERPRISE, self.party)

    @property
    def actor(self) -> Actor:
        """The foreign participant as permission and evidence know it: it acts for itself alone."""
        return Actor(self.identifier, Role.ENTERPRISE, self.identifier)


class Offer(models.Model):
    """A data set offered under a policy. Its tables are files of one version, by their pk, or a database's schema.

    ``ethics`` says that an ethics committee's approval must be named by who asks, ``basis`` that a legal basis must.
    """

    identifier = models.CharField(max_length=80, unique=True)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="offers")
    provider = models.ForeignKey(Participant, models.PROTECT, related_name="offers")
    policy = models.JSONField()
    files = models.JSONField(default=dict)
    database = EncryptedText(blank=True)
    schema = models.CharField(max_length=63, blank=True)
    ethics = models.BooleanField(default=False)
    basis = models.BooleanField(default=False)
    open = models.BooleanField(default=True)
    made = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.identifier

    @property
    def terms(self) -> Policy:
        """The policy."""
        return odrl.policy_of(self.policy)


class Negotiation(models.Model):
    """A contract negotiation of the Dataspace Protocol, as this site's side of it knows it.

    Of two units of this site there is one row, on the provider's side. ``offer`` is the offer where it is ours.
    """

    provider_pid = models.CharField(max_length=200, blank=True)
    consumer_pid = models.CharField(max_length=200)
    side = models.CharField(max_length=10, choices=[(one, one) for one in ("provider", "consumer")])
    state = models.CharField(max_length=12)
    provider = models.ForeignKey(Participant, models.PROTECT, related_name="provided")
    consumer = models.ForeignKey(Participant, models.PROTECT, related_name="consumed")
    offer = models.ForeignKey(Offer, models.PROTECT, null=True, related_name="negotiations")
    asked = models.JSONField()
    callback = models.CharField(max_length=500, blank=True)
    purpose = models.CharField(max_length=200)
    legal_basis = models.CharField(max_length=500, blank=True)
    ethics_approval = models.CharField(max_length=200, blank=True)
    ethics_until = models.DateField(null=True)
    why = models.CharField(max_length=500, blank=True)
    begun = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["consumer", "consumer_pid"], name="one_negotiation_a_pid")]

    def __str__(self) -> str:
        return self.consumer_pid

    @property
    def state_words(self) -> Text:
        """The state for people, beside the protocol's name for it."""
        return Text(f"{_STATES[self.state].zh}（{self.state}）", f"{_STATES[self.state].en} ({self.state})")

    @property
    def foreign(self) -> Participant | None:
        """The other side, where it isn't of this site."""
        return next((one for one in (self.provider, self.consumer) if one.unit_id is None), None)


class Agreement(models.Model):
    """An agreement in force, or one that was; on the consumer's own site a copy of it.

    ``key`` is the secret of its pseudonyms. What was used of it is counted here, under the lock of the row: ``queries``
    that reached the data, ``spent`` of the privacy budget in millionths of its unit, ``due`` in fen.
    """

    identifier = models.CharField(max_length=80, unique=True)
    negotiation = models.OneToOneField(Negotiation, models.PROTECT, related_name="agreement")
    dataset = models.ForeignKey(Dataset, models.PROTECT, null=True, related_name="agreements")
    target = models.CharField(max_length=300)
    policy = models.JSONField()
    key = EncryptedText()
    signed = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=500, blank=True)
    deleted = models.DateTimeField(null=True)
    queries = models.PositiveIntegerField(default=0)
    queries_allowed = models.PositiveIntegerField(default=0)
    spent = models.PositiveBigIntegerField(default=0)
    budget = models.PositiveBigIntegerField(default=0)
    due = models.PositiveBigIntegerField(default=0)
    rows_a_person = models.PositiveIntegerField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(spent__lte=F("budget")), name="a_privacy_budget_is_not_overspent"),
            models.CheckConstraint(
                condition=Q(queries_allowed=0) | Q(queries__lte=F("queries_allowed")),
                name="no_more_queries_than_agreed",
            ),
        ]

    def __str__(self) -> str:
        return self.identifier

    @property
    def terms(self) -> Policy:
        """The policy."""
        return odrl.policy_of(self.policy)

    @property
    def in_force(self) -> bool:
        """Whether it has neither ended nor run out."""
        return self.ended is None and timezone.now() < self.terms.until and self.negotiation.state == "FINALIZED"

    @property
    def privacy(self) -> Any:
        """What was spent of the privacy budget as an epsilon; None where there is none."""
        budget = self.terms.budget
        return budget and privacy.epsilon_of(self.spent, budget)

    @property
    def delete_by(self) -> date | None:
        """When what was received is to be deleted by, once the agreement is over."""
        terms = self.terms
        if not terms.delete_after_days or self.in_force:
            return None
        return timezone.localdate(min(self.ended or terms.until, terms.until)) + timezone.timedelta(
            terms.delete_after_days
        )


class Query(models.Model):
    """A query under an agreement: what was asked, what came of it, and what is kept to audit later ones by."""

    class Outcome(models.TextChoices):
        """What came of it."""

        RUNNING = "running", _("running")
        ANSWERED = "answered", _("answered")
        REFUSED = "refused", _("refused")
        LOST = "lost", _("broken off")

    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="asked")
    # Doubled from the agreement, since the database keeps a consumer's queries of a data set one at a time by them.
    dataset = models.ForeignKey(Dataset, models.PROTECT)
    consumer = models.ForeignKey(Participant, models.PROTECT)
    actor = models.CharField(max_length=200)
    sql = models.TextField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    rule = models.CharField(max_length=20, blank=True)
    why_zh = models.CharField(max_length=300, blank=True)
    why_en = models.CharField(max_length=300, blank=True)
    rows = models.PositiveIntegerField(default=0)
    spent = models.PositiveBigIntegerField(default=0)
    due = models.PositiveBigIntegerField(default=0)
    table = models.CharField(max_length=200, blank=True)
    kept = models.JSONField(null=True)
    begun = models.DateTimeField(default=timezone.now)
    evidence = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            # Two at once would be audited against the same past.
            models.UniqueConstraint(
                fields=["dataset", "consumer"], condition=Q(outcome="running"), name="one_query_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def why(self) -> Text:
        """Why it was refused."""
        return Text(self.why_zh, self.why_en)


class Transfer(models.Model):
    """A transfer process of the Dataspace Protocol. The provider keeps a digest of its token, the consumer the token."""

    provider_pid = models.CharField(max_length=200, blank=True)
    consumer_pid = models.CharField(max_length=200)
    side = models.CharField(max_length=10, choices=[(one, one) for one in ("provider", "consumer")])
    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="transfers")
    state = models.CharField(max_length=12)
    callback = models.CharField(max_length=500, blank=True)
    endpoint = models.CharField(max_length=500, blank=True)
    token = EncryptedText(blank=True)
    digest = models.CharField(max_length=64, blank=True, db_index=True)
    begun = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["agreement", "consumer_pid"], name="one_transfer_a_pid")]

    def __str__(self) -> str:
        return self.consumer_pid


class Received(models.Model):
    """The number of a signature that was taken, so that it isn't taken again; kept until it would have run out."""

    sender = models.ForeignKey(Participant, models.CASCADE)
    number = models.CharField(max_length=80)
    expires = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sender", "number"], name="a_signature_is_taken_once")]
