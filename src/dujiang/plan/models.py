"""The plan as it is stored: what the reader found in the text, and what people amended beside it."""

from __future__ import annotations

from typing import Any

from django.db import models


class Programme(models.Model):
    """A plan that is being carried out. ``key`` is its document number, or its title where it has none."""

    key = models.CharField(max_length=200, unique=True)
    title = models.CharField(max_length=500)
    issuer = models.CharField(max_length=200, blank=True)
    number = models.CharField(max_length=100, blank=True)
    date = models.DateField(null=True)
    text = models.TextField()
    source = models.CharField(max_length=500)
    source_digest = models.CharField(max_length=64)
    unread = models.JSONField(default=list)
    loaded = models.DateTimeField(auto_now=True)

    @classmethod
    def current(cls) -> Programme | None:
        """Return the programme that was loaded last, which pages and API are about."""
        return cls.objects.order_by("-loaded").first()


class Item(models.Model):
    """A goal, task, requirement or named system of a programme.

    ``read`` is what the reader found, replaced when the text is loaded again; ``amended`` holds the fields that
    people changed, which loading leaves alone. An item that a new text no longer has is kept as not ``present``.
    ``key`` says which item it is across loads.
    """

    class Kind(models.TextChoices):
        GOAL = "goal"
        TASK = "task"
        REQUIREMENT = "requirement"
        SYSTEM = "system"

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="items")
    kind = models.CharField(max_length=12, choices=Kind)
    key = models.CharField(max_length=400)
    position = models.PositiveIntegerField()
    read = models.JSONField()
    amended = models.JSONField(default=dict)
    present = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "position"]
        constraints = [models.UniqueConstraint(fields=["programme", "kind", "key"], name="one_item_a_key")]

    @property
    def facts(self) -> dict[str, Any]:
        """What holds of the item: as read, with people's amendments."""
        return {**self.read, **self.amended}


class Statistic(models.Model):
    """An uploaded figure of an indicator. A later record for the same period replaces the earlier one in reports.

    ``value`` is in ``unit``; ``period_end`` the last day of ``period`` (2026, 2026-Q3, 2026-10).
    """

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="statistics")
    indicator = models.CharField(max_length=400)
    period = models.CharField(max_length=10)
    period_end = models.DateField()
    value = models.FloatField()
    unit = models.CharField(max_length=40)
    source = models.CharField(max_length=500)
    vouched_by = models.CharField(max_length=200)
    recorded = models.DateTimeField()
    evidence = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["programme", "indicator", "-period_end", "-evidence"]),
            models.Index(fields=["programme", "-evidence"]),
        ]


class Comment(models.Model):
    """What a unit says to a month's dispatch. ``author`` is a login; the record of evidence holds the text's digest."""

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="comments")
    month = models.CharField(max_length=7)
    author = models.CharField(max_length=60)
    unit = models.CharField(max_length=120, blank=True)
    text = models.TextField()
    written = models.DateTimeField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["evidence"]
        indexes = [models.Index(fields=["programme", "month"])]


class SignOff(models.Model):
    """A month's dispatch as the office signed it off; from then on it is shown as it was. ``made`` is its JSON."""

    programme = models.ForeignKey(Programme, models.CASCADE, related_name="sign_offs")
    month = models.CharField(max_length=7)
    made = models.JSONField()
    author = models.CharField(max_length=60)
    signed = models.DateTimeField()
    evidence = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["programme", "month"], name="one_sign_off_a_month")]
