"""The records as they are stored, and their monthly tallies."""

from __future__ import annotations

from django.db import models

from dujiang.evidence.kinds import KINDS, Kind


class Record(models.Model):
    """A record of what happened. Database triggers refuse to update or delete one; see `chain` for the seal."""

    sequence = models.BigIntegerField(primary_key=True)
    time = models.CharField(max_length=27)
    actor = models.CharField(max_length=200)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    previous = models.CharField(max_length=80)
    digest = models.CharField(max_length=80)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "sequence"]),
            models.Index(fields=["subject", "sequence"]),
        ]

    @property
    def about(self) -> Kind:
        """The record's kind."""
        return KINDS[self.kind]


class Tally(models.Model):
    """How many records of a kind a month holds, its first and last: what reports read instead of the history.

    Kept in the transaction that appends. ``subject`` is empty in the row that counts all subjects of the kind.
    """

    month = models.CharField(max_length=7)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, blank=True)
    count = models.BigIntegerField()
    first = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "month", "subject"], name="one_tally_a_month")]
