"""Evaluations as they are stored, so that an interrupted one goes on with the seeds that are missing."""

from __future__ import annotations

from django.db import models


class Evaluation(models.Model):
    """One evaluation of one version of a scenario. ``evidence`` is set when it is finished.

    ``model`` is the name of the model that the method was handed, empty where it was none.
    ``picture`` is the method's answer to the first case, as SVG. ``jobs`` are the numbers of the jobs that it ran as,
    several where it was taken up again, and ``cost`` what they cost together, in fen.
    """

    scenario = models.CharField(max_length=120)
    version = models.CharField(max_length=64)
    size = models.CharField(max_length=20)
    libraries = models.JSONField()
    seeds = models.JSONField()
    model = models.CharField(max_length=120, blank=True)
    started = models.DateTimeField(auto_now_add=True)
    verdict = models.JSONField(null=True)
    picture = models.TextField(blank=True)
    jobs = models.JSONField(default=list)
    cost = models.BigIntegerField(default=0)
    evidence = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["scenario", "-id"])]

    @classmethod
    def latest(cls) -> dict[str, Evaluation]:
        """Return the last finished evaluation of each scenario."""
        finished = cls.objects.exclude(evidence=None).values("scenario").annotate(last=models.Max("id"))
        last = cls.objects.filter(id__in=[row["last"] for row in finished]).defer("picture")
        return {one.scenario: one for one in last}


class SeedScore(models.Model):
    """What a seed of an evaluation came to (`runner.SeedResult`)."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="scores")
    seed = models.IntegerField()
    result = models.JSONField()

    class Meta:
        ordering = ["seed"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "seed"], name="one_score_a_seed")]
