"""What models a site offers and at what price, who has keys, and what gateways spent."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from dujiang.identity.encrypted import EncryptedText


class Upstream(models.Model):
    """A model service; see `dujiang.tokens.upstreams.Upstream` for the fields. Its key is encrypted."""

    name = models.SlugField(max_length=60, unique=True)
    url = models.CharField(max_length=300)
    secret = EncryptedText(blank=True)
    model = models.CharField(max_length=120, blank=True)
    weight = models.PositiveIntegerField(default=1)
    rank = models.PositiveIntegerField(default=0)
    concurrency = models.PositiveIntegerField(default=256)
    connect = models.FloatField(default=5)
    answer = models.FloatField(default=600)
    usage = models.CharField(max_length=10, default="end")

    def __str__(self) -> str:
        return self.name


class Model(models.Model):
    """A model that is offered by ``provider``, a unit. Sizes in tokens.

    ``public`` says that its answers are served to the public, for which it needs a filing; otherwise units ask it for
    their own work.
    """

    name = models.CharField(max_length=120, unique=True)
    provider = models.CharField(max_length=120)
    upstreams = models.ManyToManyField(Upstream, related_name="models")
    context = models.PositiveIntegerField()
    output = models.PositiveIntegerField()
    overhead = models.PositiveIntegerField(default=256)
    image = models.PositiveIntegerField(default=16384)
    label = models.BooleanField(default=True)
    public = models.BooleanField(default=False)
    refuse_words = models.JSONField(default=list)
    refuse_patterns = models.JSONField(default=list)
    offered = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def price(self, at: datetime | None = None) -> Price | None:
        """Return the price in force."""
        return self.prices.filter(since__lte=at or timezone.now()).order_by("-since").first()


class Price(models.Model):
    """Fen per million tokens, from a time on. A price never changes: a new one follows."""

    model = models.ForeignKey(Model, models.PROTECT, related_name="prices")
    since = models.DateTimeField()
    input = models.BigIntegerField()
    cached = models.BigIntegerField()
    output = models.BigIntegerField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-since"]
        constraints = [models.UniqueConstraint(fields=["model", "since"], name="one_price_at_a_time")]


class Key(models.Model):
    """A holder's key of the gateway. The key itself is not kept, only its digest (SHA-256)."""

    holder = models.CharField(max_length=120)
    note = models.CharField(max_length=120, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    for_models = models.JSONField(default=list)
    requests_a_minute = models.PositiveIntegerField(default=0)
    tokens_a_minute = models.PositiveIntegerField(default=0)
    keep_days = models.PositiveIntegerField(default=0)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True)
    issued = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["holder"])]

    @property
    def good(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and self.expires > timezone.now()


class Revision(models.Model):
    """One row, whose number rises whenever a gateway must look anew."""

    number = models.BigIntegerField(default=0)


class Gateway(models.Model):
    """A gateway process: when it was last seen, and how far its journal is posted."""

    name = models.CharField(max_length=60, primary_key=True)
    seen = models.DateTimeField()
    posted = models.BigIntegerField(default=0)


class Lease(models.Model):
    """Money that a gateway holds of a holder's vouchers, under its key there; amounts in micro-fen.

    ``booked`` is what the vouchers are to pay of it, once nothing more will be spent.
    """

    class State(models.TextChoices):
        """A lease is open, then closing until the vouchers have paid, then closed."""

        OPEN = "open"
        CLOSING = "closing"
        CLOSED = "closed"

    key = models.CharField(max_length=80, primary_key=True)
    gateway = models.CharField(max_length=60)
    holder = models.CharField(max_length=120)
    provider = models.CharField(max_length=120)
    amount = models.BigIntegerField()
    spent = models.BigIntegerField(default=0)
    booked = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["gateway", "state"]), models.Index(fields=["holder", "state"])]


class Carry(models.Model):
    """Micro-fen spent and not yet booked, less than a fen as a rule."""

    holder = models.CharField(max_length=120)
    provider = models.CharField(max_length=120)
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["holder", "provider"], name="one_carry")]


class Line(models.Model):
    """A line of a statement: a key's use of a model on a day. Figures as in `dujiang.tokens.bank.Tally`."""

    key = models.ForeignKey(Key, models.PROTECT, related_name="lines")
    model = models.CharField(max_length=120)
    day = models.DateField()
    requests = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    counted = models.BigIntegerField(default=0)
    abandoned = models.BigIntegerField(default=0)
    prompt = models.BigIntegerField(default=0)
    cached = models.BigIntegerField(default=0)
    completion = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-day", "model"]
        indexes = [models.Index(fields=["day"])]
        constraints = [models.UniqueConstraint(fields=["key", "model", "day"], name="one_line_a_day")]


class Exchange(models.Model):
    """A prompt with its answer, kept encrypted for a holder who asked for it, until its time."""

    id = models.CharField(max_length=80, primary_key=True)
    key = models.ForeignKey(Key, models.PROTECT, related_name="exchanges")
    at = models.DateTimeField()
    until = models.DateTimeField(db_index=True)
    content = EncryptedText()
