"""Competitions, teams, entries and applications, reviews, boards, appeals and winners."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dujiang.identity.encrypted import EncryptedText, cipher
from dujiang.messages import Text
from dujiang.scenarios.contract import Resources
from dujiang.talent.competitions.judging import Fault
from dujiang.talent.competitions.ladder import Standing


class Competition(models.Model):
    """A contest with its rules.

    A challenge has a scenario: ``version`` is that of its source, ``seeds`` the secret ones (encrypted, JSON with
    ``public``, ``private`` and ``salt``), ``commitment`` their SHA-256, ``reference`` what the site's own methods come to
    on ``practice_seeds``, as `judging.Reference` has it. An application contest has ``criteria`` (title in both languages,
    weight) and ``each``, the reviewers of an application.
    """

    class Kind(models.TextChoices):
        """What is judged."""

        CHALLENGE = "challenge", _("algorithm challenge")
        APPLICATION = "application", _("application contest")

    class State(models.TextChoices):
        """How far it is."""

        CALLED = "called", _("called")
        BOARDED = "boarded", _("final board published")
        AWARDED = "awarded", _("winners confirmed")
        CANCELLED = "cancelled", _("cancelled")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    title = models.CharField(_("title"), max_length=200)
    title_en = models.CharField(_("English title"), max_length=200)
    rules = models.TextField(_("rules"))
    opens = models.DateTimeField(_("opens"))
    closes = models.DateTimeField(_("closes"))
    appeal_days = models.PositiveIntegerField(_("days for appeals"))
    prizes = models.PositiveIntegerField(_("places with a prize"))
    scenario = models.CharField(_("scenario"), max_length=120, blank=True)
    version = models.CharField(_("version of the scenario"), max_length=64, blank=True)
    size = models.CharField(_("size"), max_length=20, blank=True)
    entries_a_day = models.PositiveIntegerField(_("entries a day"), default=0)
    seconds = models.FloatField(_("seconds a seed"), default=0)
    memory_mib = models.PositiveIntegerField(_("memory in MiB"), default=0)
    practice_seeds = models.JSONField(_("practice seeds"), default=list)
    seeds = EncryptedText(_("secret seeds"), blank=True)
    commitment = models.CharField(_("commitment to the seeds"), max_length=64, blank=True)
    reference = models.JSONField(_("reference"), default=dict)
    criteria = models.JSONField(_("criteria"), default=list)
    each = models.PositiveIntegerField(_("reviewers an application"), default=0)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.CALLED)
    appeals_until = models.DateTimeField(_("appeals until"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-opens", "code"]
        verbose_name = _("competition")
        verbose_name_plural = _("competitions")

    def __str__(self) -> str:
        return self.code

    @property
    def name(self) -> Text:
        """Its title."""
        return Text(self.title, self.title_en)

    @property
    def is_challenge(self) -> bool:
        """Whether entries are methods."""
        return self.kind == self.Kind.CHALLENGE

    @property
    def is_open(self) -> bool:
        """Whether entries are taken now."""
        return self.state == self.State.CALLED and self.opens <= timezone.now() < self.closes

    @property
    def phase(self) -> Text:
        """Where it stands, for people."""
        now = timezone.now()
        if self.state != self.State.CALLED:
            late = self.state == self.State.BOARDED and self.appeals_until and now >= self.appeals_until
            return _ENDED if late else _PHASES[self.state]
        return _BEFORE if now < self.opens else _OPEN if now < self.closes else _JUDGING

    @property
    def limits(self) -> Resources:
        """What an entry may use on a seed's cases."""
        return Resources(seconds=self.seconds, memory_mib=self.memory_mib)

    def secret_seeds(self, part: str) -> list[int]:
        """Return the seeds of a part (public, private)."""
        return list(json.loads(self.seeds)[part])

    def commits(self) -> bool:
        """Whether the seeds are those that were committed to."""
        return hashlib.sha256(self.seeds.encode()).hexdigest() == self.commitment

    @property
    def board(self) -> Board | None:
        """The final board's last version."""
        found: Board | None = self.boards.order_by("-number").first()
        return found


_BEFORE, _OPEN = Text("未开始", "not open yet"), Text("接受参赛", "open")
_JUDGING, _ENDED = Text("评判中", "being judged"), Text("待确认获奖", "winners to be confirmed")
_PHASES = {
    "boarded": Text("公示与申诉", "appeals"),
    "awarded": Text("已确认获奖", "winners confirmed"),
    "cancelled": Text("已取消", "cancelled"),
}


class Team(models.Model):
    """Who takes part: one team a unit, so that nobody gets more entries by more names.

    ``members`` are logins beside the ``leader``'s. ``standing`` is what the public board holds of it: what it shows, and
    the losses behind it (encrypted). ``out`` says why it was disqualified.
    """

    competition = models.ForeignKey(Competition, models.PROTECT, related_name="teams")
    name = models.CharField(_("name"), max_length=60)
    unit = models.CharField(_("unit"), max_length=120)
    leader = models.CharField(_("leader"), max_length=60)
    members = models.JSONField(_("members"), default=list)
    standing = EncryptedText(_("standing"), blank=True)
    out = models.TextField(_("disqualified for"), blank=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [
            models.UniqueConstraint(fields=["competition", "unit"], name="one_team_a_unit"),
            models.UniqueConstraint(fields=["competition", "name"], name="one_team_a_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def people(self) -> list[str]:
        """The logins of all who are in it."""
        return [self.leader, *self.members]

    @property
    def stands(self) -> Standing | None:
        """Its standing on the public board."""
        if not self.standing:
            return None
        held = json.loads(self.standing)
        return Standing(held["shows"], tuple(held["losses"]))

    @property
    def final(self) -> Entry | None:
        """The entry that counts at the end: the chosen one, or else the best on the public board, or the last."""
        good = self.entries.filter(state=Entry.State.JUDGED)
        chosen: Entry | None = (
            good.filter(chosen=True).first()
            or good.filter(moved=True).order_by("-number").first()
            or good.order_by("-number").first()
        )
        return chosen


class Entry(models.Model):
    """A method that a team sent in: the upload (encrypted), and what it came to.

    ``fault`` is of `judging.Fault`; ``practice`` are its scores on the practice seeds and ``said`` what it printed there.
    ``scores`` and ``private_scores`` (encrypted) are those on the hidden seeds; the team is told ``moved``, whether the
    board moved.
    """

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", _("waiting")
        JUDGING = "judging", _("being judged")
        JUDGED = "judged", _("judged")
        FAILED = "failed", _("failed")

    team = models.ForeignKey(Team, models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField(_("number"))
    name = models.CharField(_("file"), max_length=200)
    digest = models.CharField(_("SHA-256"), max_length=64)
    sealed = models.BinaryField(_("content"))
    received = models.DateTimeField(_("received"))
    sender = models.CharField(_("sender"), max_length=200)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    claimed = models.DateTimeField(_("claimed"), null=True)
    fault = models.CharField(_("fault"), max_length=12, blank=True)
    hidden = models.BooleanField(_("reached hidden cases"), default=False)
    practice = models.JSONField(_("scores in practice"), default=list)
    said = models.TextField(_("printed in practice"), blank=True)
    scores = EncryptedText(_("scores"), blank=True)
    moved = models.BooleanField(_("moved the board"), default=False)
    chosen = models.BooleanField(_("chosen for the end"), default=False)
    private_scores = EncryptedText(_("final scores"), blank=True)
    private_fault = models.CharField(_("final fault"), max_length=12, blank=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [models.UniqueConstraint(fields=["team", "number"], name="one_entry_a_number")]

    def __str__(self) -> str:
        return f"{self.team} {self.number}"

    @property
    def content(self) -> bytes:
        """The upload."""
        return cipher().decrypt(bytes(self.sealed))

    @property
    def why(self) -> Text | None:
        """Why it failed, for people."""
        return Fault(self.fault).words if self.fault else None


class Application(models.Model):
    """What a team applies with to an application contest."""

    team = models.OneToOneField(Team, models.PROTECT, related_name="application")
    title = models.CharField(_("title"), max_length=200)
    problem = models.TextField(_("problem"))
    approach = models.TextField(_("approach"))
    effect = models.TextField(_("effect"))
    submitted = models.DateTimeField(_("submitted"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("application to a contest")
        verbose_name_plural = _("applications to contests")

    def __str__(self) -> str:
        return self.title


class Conflict(models.Model):
    """A reviewer who may not review a team, and why: their unit's, or declared."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="conflicts")
    reviewer = models.CharField(_("reviewer"), max_length=60)
    why = models.TextField(_("reason"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        verbose_name = _("conflict of interest")
        verbose_name_plural = _("conflicts of interest")
        constraints = [models.UniqueConstraint(fields=["team", "reviewer"], name="one_conflict_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.reviewer} – {self.team}"


class Review(models.Model):
    """A reviewer's work on an application: ``marks`` of 0 to 10, one a criterion, None until it is done."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="reviews")
    reviewer = models.CharField(_("reviewer"), max_length=60)
    marks = models.JSONField(_("marks"), null=True)
    comment = models.TextField(_("comment"), blank=True)
    done = models.DateTimeField(_("done"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("review of an application")
        verbose_name_plural = _("reviews of applications")
        constraints = [models.UniqueConstraint(fields=["application", "reviewer"], name="one_review_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.reviewer} – {self.application}"

    @property
    def score(self) -> float:
        """The weighted marks, of 0 to 100."""
        weights = [one["weight"] for one in self.application.team.competition.criteria]
        total: float = sum(weight * mark for weight, mark in zip(weights, self.marks, strict=True))
        return 10 * total / sum(weights)


class Board(models.Model):
    """A version of the final board; ``digest`` is of its rows without what differs in the last bits."""

    competition = models.ForeignKey(Competition, models.PROTECT, related_name="boards")
    number = models.PositiveIntegerField(_("version"))
    rows: Any = models.JSONField(_("rows"))
    digest = models.CharField(_("digest"), max_length=64)
    why = models.TextField(_("reason"), blank=True)
    time = models.DateTimeField(_("published"))
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-number"]
        verbose_name = _("final board")
        verbose_name_plural = _("final boards")
        constraints = [models.UniqueConstraint(fields=["competition", "number"], name="one_board_a_version")]

    def __str__(self) -> str:
        return f"{self.competition} {self.number}"


class Appeal(models.Model):
    """A team's appeal against the final board; ``late`` ones came after the days for appeals and say why."""

    class State(models.TextChoices):
        """What was decided."""

        OPEN = "open", _("being dealt with")
        UPHELD = "upheld", _("upheld")
        DISMISSED = "dismissed", _("dismissed")

    team = models.ForeignKey(Team, models.PROTECT, related_name="appeals")
    text = models.TextField(_("text"))
    late = models.BooleanField(_("late"))
    why_late = models.TextField(_("why late"), blank=True)
    filed = models.DateTimeField(_("filed"))
    filer = models.CharField(_("filed by"), max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    answer = models.TextField(_("answer"), blank=True)
    decider = models.CharField(_("decided by"), max_length=200, blank=True)
    decided = models.DateTimeField(_("decided"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")

    def __str__(self) -> str:
        return f"{self.team} {self.pk}"


class Winner(models.Model):
    """A team with a prize; ``revoked`` where a later board took its place away."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="wins")
    rank = models.PositiveIntegerField(_("rank"))
    board = models.ForeignKey(Board, models.PROTECT)
    revoked = models.BooleanField(_("revoked"), default=False)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["rank", "id"]
        verbose_name = _("winner")
        verbose_name_plural = _("winners")

    def __str__(self) -> str:
        return f"{self.team} {self.rank}"
