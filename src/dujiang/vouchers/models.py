"""Programmes, applications and grants; and the ledger: accounts, transfers between them, holds and how they ended.

Only `Account` and `Tally` change (balances and sums, which `verify` computes anew from the rest) and `Pending` loses
rows; everything else is append-only, and triggers in the database keep it so.
"""

from __future__ import annotations

from django.db import models

Money = models.BigIntegerField
"""Fen of CNY, or tokens."""
Time = models.CharField
"""An ISO time in UTC with microseconds, as evidence has it: it compares as text, in raw SQL on both databases."""


class Unit(models.TextChoices):
    """What vouchers are counted in: fen of CNY, or model tokens."""

    CNY = "CNY", "算力券（元）"
    TOKEN = "token", "词元券（词元）"


class Programme(models.Model):
    """A programme of vouchers. Its terms never change: a new year's programme is a new one.

    ``issuer`` is the province's GB/T 2260 code, empty where the site itself gives out vouchers. ``shares`` are the
    complement rules (`terms.Complement`), ``kinds`` and ``divisions`` say who may apply, ``cap`` is the most that a
    holder gets in a year, ``products`` (space between) what the vouchers are good for, ``open`` that nobody reviews.
    ``idle_days``: a grant that nothing has been spent of for so long goes back.
    """

    code = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=200)
    unit = models.CharField(max_length=10, choices=Unit)
    issuer = models.CharField(max_length=6, blank=True)
    shares = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    divisions = models.JSONField(default=list)
    products = models.CharField(max_length=1000, blank=True)
    cap = Money()
    since = models.DateField()
    until = models.DateField()
    idle_days = models.PositiveIntegerField(null=True)
    open = models.BooleanField(default=False)
    time = Time(max_length=27)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title


class Closing(models.Model):
    """A programme takes no more applications and gives no more grants; what was granted stays good."""

    programme = models.OneToOneField(Programme, models.PROTECT, related_name="closing")
    why = models.CharField(max_length=500)
    time = Time(max_length=27)
    evidence = models.BigIntegerField()


class Allotment(models.Model):
    """Money that an issuer puts into a programme; its account may go below zero by the sum of them, no further."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="allotments")
    issuer = models.CharField(max_length=6, blank=True)
    amount = Money()
    time = Time(max_length=27)
    evidence = models.BigIntegerField()


class Application(models.Model):
    """What a unit applies for. ``city`` is the GB/T 2260 code of the city that would complement."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="applications")
    holder = models.CharField(max_length=120)
    city = models.CharField(max_length=6, blank=True)
    amount = Money()
    purpose = models.CharField(max_length=1000)
    time = Time(max_length=27)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["holder"])]


class Review(models.Model):
    """A reviewer's word on an application; the last one counts. ``amount`` is what they would grant."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="reviews")
    reviewer = models.CharField(max_length=200)
    approved = models.BooleanField()
    amount = Money()
    why = models.CharField(max_length=1000)
    time = Time(max_length=27)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]


class Grant(models.Model):
    """Vouchers given to a holder: ``amount`` in all, ``province`` of it the province's, the rest ``city``'s."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="grants")
    application = models.OneToOneField(Application, models.PROTECT, null=True, related_name="grant")
    holder = models.CharField(max_length=120)
    city = models.CharField(max_length=6, blank=True)
    amount = Money()
    province = Money()
    since = models.DateField()
    until = models.DateField()
    time = Time(max_length=27)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["holder", "programme"])]


class Account(models.Model):
    """An account: ``posted`` less ``held`` is never below ``floor``, which the database checks.

    An issuer's (``owner`` a GB/T 2260 code) is one of a programme and goes below zero by what it has granted; a
    holder's is one of a grant; a provider's is one of a unit of money.
    """

    class Kind(models.TextChoices):
        ISSUER = "issuer"
        HOLDER = "holder"
        PROVIDER = "provider"

    kind = models.CharField(max_length=10, choices=Kind)
    owner = models.CharField(max_length=120, blank=True)
    unit = models.CharField(max_length=10, choices=Unit)
    programme = models.ForeignKey(Programme, models.PROTECT, null=True, related_name="accounts")
    grant = models.OneToOneField(Grant, models.PROTECT, null=True, related_name="account")
    floor = Money(default=0)
    posted = Money(default=0)
    held = Money(default=0)

    class Meta:
        indexes = [models.Index(fields=["owner", "unit"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(posted__gte=models.F("floor") + models.F("held")), name="no_account_below_its_floor"
            ),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="nothing_held_is_negative"),
            models.UniqueConstraint(
                fields=["owner", "programme"], condition=models.Q(kind="issuer"), name="one_account_an_issuer"
            ),
            models.UniqueConstraint(
                fields=["owner", "unit"], condition=models.Q(kind="provider"), name="one_account_a_provider"
            ),
        ]


class Hold(models.Model):
    """Vouchers put aside. ``parts`` are pairs of account and amount, as JSON text; ``until`` as it was at first."""

    id = models.BigIntegerField(primary_key=True)
    key = models.CharField(max_length=200, unique=True)
    holder = models.CharField(max_length=120)
    product = models.CharField(max_length=200)
    provider = models.CharField(max_length=120)
    amount = Money()
    unit = models.CharField(max_length=10, choices=Unit)
    until = Time(max_length=27)
    parts = models.TextField()
    actor = models.CharField(max_length=200)
    time = Time(max_length=27)


class Pending(models.Model):
    """A hold that has not ended, and until when it holds; the row goes when it ends."""

    hold = models.OneToOneField(Hold, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="pending")
    until = Time(max_length=27, db_index=True)


class Extension(models.Model):
    """A hold was let last longer."""

    hold = models.ForeignKey(Hold, models.DO_NOTHING, db_constraint=False, related_name="extensions")
    until = Time(max_length=27)
    actor = models.CharField(max_length=200)
    time = Time(max_length=27)


class Outcome(models.Model):
    """How a hold ended, once: its key is the hold's. ``amount`` is what it paid."""

    hold = models.OneToOneField(Hold, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="outcome")
    how = models.CharField(max_length=10)
    amount = Money()
    actor = models.CharField(max_length=200)
    time = Time(max_length=27)


class Transfer(models.Model):
    """A posting: ``amount`` from the account ``debit`` to the account ``credit``, so that all balances sum to zero.

    ``province`` is the province's part where the debit is a grant's; ``hold`` is what a settlement paid.
    """

    id = models.BigIntegerField(primary_key=True)
    debit = models.ForeignKey(Account, models.DO_NOTHING, db_constraint=False, related_name="debits")
    credit = models.ForeignKey(Account, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="credits")
    amount = Money()
    province = Money()
    hold = models.ForeignKey(Hold, models.DO_NOTHING, null=True, db_constraint=False, related_name="transfers")
    time = Time(max_length=27)

    class Meta:
        indexes = [models.Index(fields=["credit", "time"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, province__gte=0, province__lte=models.F("amount")),
                name="a_transfer_moves_something",
            )
        ]


class Tally(models.Model):
    """What an issuer's part of a programme granted, paid and got back in a month: what reports read."""

    month = models.CharField(max_length=7)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="tallies")
    issuer = models.CharField(max_length=6, blank=True)
    granted = Money(default=0)
    spent = Money(default=0)
    returned = Money(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["programme", "issuer", "month"], name="one_voucher_tally_a_month")
        ]
