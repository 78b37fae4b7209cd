"""Evaluations as they are stored, so that an interrupted one goes on with the seeds that are missing."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Evaluation(models.Model):
    """One evaluation of one version of a scenario. ``evidence`` is set when it is finished.

    ``model`` is the name of the model that the method was handed, empty where it was none.
    ``picture`` is the method's answer to the first case, as SVG. ``jobs`` are the numbers of the jobs that it ran as,
    several where it was taken up again, and ``cost`` what they cost together, in fen.
    """

    scenario = models.CharField(_("scenario"), max_length=120)
    version = models.CharField(_("version"), max_length=64)
    size = models.CharField(_("size"), max_length=20)
    libraries = models.JSONField(_("libraries"))
    seeds = models.JSONField(_("seeds"))
    model = models.CharField(_("model"), max_length=120, blank=True)
    started = models.DateTimeField(_("started"), auto_now_add=True)
    verdict = models.JSONField(_("verdict"), null=True)
    picture = models.TextField(_("picture"), blank=True)
    jobs = models.JSONField(_("jobs"), default=list)
    cost = models.BigIntegerField(_("cost"), default=0)
    evidence = models.BigIntegerField(_("evidence"), null=True)

    class Meta:
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")
        indexes = [models.Index(fields=["scenario", "-id"])]

    @classmethod
    def latest(cls, size: str | None = None) -> dict[str, Evaluation]:
        """Return the last finished evaluation of each scenario, of a size where one is given."""
        finished = (
            cls.objects.exclude(evidence=None)
            .filter(**({"size": size} if size else {}))
            .values("scenario")
            .annotate(last=models.Max("id"))
        )
        last = cls.objects.filter(id__in=[row["last"] for row in finished]).defer("picture")
        return {one.scenario: one for one in last}

    def __str__(self) -> str:
        return f"{self.scenario} {self.pk}"


class SeedScore(models.Model):
    """What a seed of an evaluation came to (`runner.SeedResult`); ``shifted`` with cases of the second generator."""

    evaluation = models.ForeignKey(Evaluation, models.CASCADE, related_name="scores")
    seed = models.IntegerField()
    shifted = models.BooleanField(default=False)
    result = models.JSONField()

    class Meta:
        ordering = ["shifted", "seed"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "shifted", "seed"], name="one_score_a_seed")]
