"""The records as they are stored, and their monthly tallies."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from dujiang.evidence.kinds import KINDS, Kind


class Record(models.Model):
    """A record of what happened. Database triggers refuse to update or delete one; see `chain` for the seal."""

    sequence = models.BigIntegerField(_("sequence"), primary_key=True)
    time = models.CharField(_("time (UTC)"), max_length=27)
    actor = models.CharField(_("actor"), max_length=200)
    kind = models.CharField(_("kind"), max_length=50)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("body"))
    previous = models.CharField(_("digest before"), max_length=80)
    digest = models.CharField(_("digest"), max_length=80)

    class Meta:
        verbose_name = _("evidence record")
        verbose_name_plural = _("evidence records")
        indexes = [
            models.Index(fields=["kind", "sequence"]),
            models.Index(fields=["subject", "sequence"]),
        ]

    @property
    def about(self) -> Kind:
        """The record's kind."""
        return KINDS[self.kind]

    @property
    def moment(self) -> datetime:
        """When it was appended."""
        return datetime.fromisoformat(self.time)

    @property
    def content(self) -> dict[str, Any]:
        """The body as values."""
        return dict(json.loads(self.body))

    def __str__(self) -> str:
        return str(self.sequence)


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
