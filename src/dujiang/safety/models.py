"""What is registered, filed and reviewed; sandboxes; what is watched, alarms and incidents.

A ``subject`` names a thing as evidence does: ``model:NAME``, ``scenario:ID``, ``agent:NAME``, ``device:NAME`` or
``research:NAME``.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dujiang.messages import Text
from dujiang.safety import filing, incidents
from dujiang.safety.incidents import Level


class Thing(models.Model):
    """A model, scenario, agent, device or piece of research, with who answers for it.

    ``version`` is a digest of what it is now; ``facts`` the answers to `filing.FACTS`; ``served`` the day on which it was
    first offered to the public.
    """

    class Kind(models.TextChoices):
        """What it is."""

        MODEL = "model", _("model")
        SCENARIO = "scenario", _("scenario")
        AGENT = "agent", _("agent")
        DEVICE = "device", _("device")
        RESEARCH = "research", _("research")

    subject = models.CharField(_("subject"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    title = models.CharField(_("title"), max_length=200)
    owner = models.CharField(_("owner"), max_length=120)
    purpose = models.TextField(_("purpose"))
    data = models.TextField(_("data"))
    version = models.CharField(_("version"), max_length=80)
    facts = models.JSONField(_("facts"), default=dict)
    served = models.DateField(_("offered to the public since"), null=True)
    time = models.DateTimeField(_("registered"), auto_now_add=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["subject"]
        verbose_name = _("registered thing")
        verbose_name_plural = _("registered things")

    def __str__(self) -> str:
        return self.subject

    def in_force(self, day: date | None = None) -> list[Filing]:
        """Return its filings that hold on a day."""
        return list(self.filings.in_force(day))

    def lacking(self, *, public: bool = False) -> list[filing.Needed]:
        """Return what it needs and has not; ``public`` asks as if it were offered to the public."""
        facts = {**self.facts, "public": True} if public else self.facts
        held = {one.kind for one in self.in_force()}
        return [one for one in filing.needed(facts) if not held & set(one.kinds)]


class _Filings(models.QuerySet["Filing"]):
    def in_force(self, day: date | None = None) -> _Filings:
        """Return those that hold on a day: granted, not ended, and confirmed in time."""
        return self.filter(state=Filing.State.GRANTED, confirm_by__gte=day or timezone.localdate())

    def overdue(self, day: date | None = None) -> _Filings:
        """Return those where somebody is late: the reviewers, whoever should answer, or whoever should confirm."""
        day = day or timezone.localdate()
        waiting = Q(state__in=(Filing.State.SUBMITTED, Filing.State.ASKED), due__lt=day)
        return self.filter(waiting | Q(state=Filing.State.GRANTED, confirm_by__lt=day))


class Filing(models.Model):
    """A filing of a thing: what was written in its fields, and how far it is.

    ``due`` is until when the next step is done: the decision, or an answer where a question is open. ``external`` says
    that an authority outside decided, and ``number`` is its number. ``replaces`` is the filing that a change is about; it
    holds until the change is granted.
    """

    class State(models.TextChoices):
        """How far it is."""

        SUBMITTED = "submitted", _("under review")
        ASKED = "asked", _("a question is open")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")
        SUPERSEDED = "superseded", _("replaced by a change")
        ENDED = "ended", _("ended")

    thing = models.ForeignKey(Thing, models.PROTECT, related_name="filings", verbose_name=_("thing"))
    kind = models.CharField(_("kind"), max_length=20)
    fields = models.JSONField(_("fields"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.SUBMITTED)
    filer = models.CharField(_("filed by"), max_length=200)
    submitted = models.DateTimeField(_("submitted"))
    due = models.DateField(_("due"), null=True)
    reviewer = models.CharField(_("reviewer"), max_length=200, blank=True)
    decided = models.DateTimeField(_("decided"), null=True)
    why = models.TextField(_("reason"), blank=True)
    number = models.CharField(_("number"), max_length=60, unique=True, null=True)
    external = models.CharField(_("authority outside"), max_length=120, blank=True)
    confirm_by = models.DateField(_("to confirm by"), null=True)
    ended = models.DateTimeField(_("ended"), null=True)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="changes")
    evidence = models.BigIntegerField(_("evidence"))

    objects: Any = _Filings.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "due"])]
        verbose_name = _("filing")
        verbose_name_plural = _("filings")

    def __str__(self) -> str:
        return self.number or f"{self.kind} {self.pk}"

    @property
    def about(self) -> filing.Kind:
        """Its kind."""
        return filing.KINDS[self.kind]

    @property
    def waits(self) -> bool:
        """Whether a decision is still to come."""
        return self.state in (self.State.SUBMITTED, self.State.ASKED)

    @property
    def late(self) -> bool:
        """Whether somebody is late with it."""
        today = timezone.localdate()
        due = self.due if self.waits else self.confirm_by if self.state == self.State.GRANTED else None
        return due is not None and due < today

    @property
    def rows(self) -> list[tuple[Text, str]]:
        """Its fields as people read them: title and what is written."""
        return [
            (one.title, str(one.choices[value]) if one.choices and value in one.choices else value)
            for one in self.about.fields
            for value in [str(self.fields.get(one.name, ""))]
        ]


class Question(models.Model):
    """A reviewer's question about a filing, and its answer."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="questions")
    text = models.TextField()
    asker = models.CharField(max_length=200)
    asked = models.DateTimeField()
    answer = models.TextField(blank=True)
    answerer = models.CharField(max_length=200, blank=True)
    answered = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


class Sandbox(models.Model):
    """A permission for a time and under conditions, before a filing is granted.

    ``units`` may use it, ``most_users`` people of them at most (for a model, units). ``conditions`` are
    ``{"name", "op", "limit"}``: a measured figure that breaks one stops the sandbox. ``exit`` says when it is over.
    """

    class State(models.TextChoices):
        """Whether it runs."""

        OPEN = "open", _("runs")
        STOPPED = "stopped", _("stopped")
        LEFT = "left", _("left")

    thing = models.ForeignKey(Thing, models.PROTECT, related_name="sandboxes", verbose_name=_("thing"))
    units = models.JSONField(_("units"))
    most_users = models.PositiveIntegerField(_("users at most"))
    since = models.DateField(_("from"))
    until = models.DateField(_("until"))
    conditions = models.JSONField(_("conditions"))
    exit = models.TextField(_("exit criteria"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    why = models.TextField(_("reason"), blank=True)
    ended = models.DateTimeField(_("ended"), null=True)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("sandbox")
        verbose_name_plural = _("sandboxes")

    def __str__(self) -> str:
        return f"{self.thing} {self.pk}"

    def holds(self, day: date | None = None) -> bool:
        """Whether it lets its units in on a day."""
        return self.state == self.State.OPEN and self.since <= (day or timezone.localdate()) <= self.until

    @property
    def overdue(self) -> bool:
        """Whether its time is over and nobody has closed it."""
        return self.state == self.State.OPEN and timezone.localdate() > self.until

    def latest(self) -> dict[str, Measurement]:
        """Return the last measurement of each figure."""
        return {one.name: one for one in self.measurements.order_by("id")}


class SandboxUser(models.Model):
    """Somebody who used what is in a sandbox."""

    sandbox = models.ForeignKey(Sandbox, models.PROTECT, related_name="users")
    user = models.CharField(max_length=200)
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sandbox", "user"], name="one_sandbox_user")]


class Measurement(models.Model):
    """A figure that was measured in a sandbox."""

    sandbox = models.ForeignKey(Sandbox, models.PROTECT, related_name="measurements")
    name = models.CharField(max_length=60)
    value = models.FloatField()
    kept = models.BooleanField()
    """Whether the condition on it was kept."""
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]


class Count(models.Model):
    """How often something happened on a day, such as refusals by a filter (``series``), of a subject."""

    subject = models.CharField(max_length=200)
    series = models.CharField(max_length=20)
    day = models.DateField()
    events = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "series", "day"], name="one_count_a_day")]


class Complaint(models.Model):
    """What somebody says against something that served them; evidence holds its digest only."""

    subject = models.CharField(max_length=200)
    text = models.TextField()
    complainer = models.CharField(max_length=200)
    time = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["subject", "time"])]


class Watch(models.Model):
    """A series of a subject that is watched. ``state`` is where its detector stands, ``through`` the last day or record looked at.

    ``tolerated`` is the rate that is tolerated; null for scores and inputs, where drift is watched.
    """

    class Series(models.TextChoices):
        """What is watched."""

        REFUSALS = "refusals", _("refusals by filters")
        FAILURES = "failures", _("failed runs")
        COMPLAINTS = "complaints", _("complaints")
        SCORES = "scores", _("scores of evaluations")
        INPUTS = "inputs", _("tokens of a request, the day's mean")

    subject = models.CharField(_("subject"), max_length=200)
    series = models.CharField(_("series"), max_length=20, choices=Series.choices)
    tolerated = models.FloatField(_("tolerated rate"), null=True)
    state = models.JSONField(_("state"), default=dict)
    through = models.BigIntegerField(_("looked through"), default=0)
    statistic = models.FloatField(_("statistic"), default=0)
    looks = models.PositiveIntegerField(_("looks"), default=0)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["subject", "series"]
        verbose_name = _("watch")
        verbose_name_plural = _("watches")
        constraints = [models.UniqueConstraint(fields=["subject", "series"], name="one_watch_a_series")]

    def __str__(self) -> str:
        return f"{self.subject} {self.series}"


class Incident(models.Model):
    """Something that went wrong, from its report to its closure.

    ``people``, ``yuan`` and ``hours`` are what it did, by which it is graded; ``told`` is when the authority was told,
    ``records`` are the numbers of evidence that it is about.
    """

    class State(models.TextChoices):
        """How far it is."""

        REPORTED = "reported", _("reported")
        CONTAINED = "contained", _("contained")
        CLOSED = "closed", _("closed")

    subject = models.CharField(_("subject"), max_length=200)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("what happened"))
    level = models.CharField(_("level"), max_length=10, choices=[(one.value, one.value) for one in Level])
    critical = models.BooleanField(_("of critical infrastructure"), default=False)
    people = models.PositiveBigIntegerField(_("people"), default=0)
    yuan = models.PositiveBigIntegerField(_("yuan"), default=0)
    hours = models.FloatField(_("hours"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.REPORTED)
    reporter = models.CharField(_("reported by"), max_length=200)
    found = models.DateTimeField(_("found"))
    time = models.DateTimeField(_("reported"), auto_now_add=True)
    told = models.DateTimeField(_("authority told"), null=True)
    contained = models.DateTimeField(_("contained"), null=True)
    closed = models.DateTimeField(_("closed"), null=True)
    cause = models.TextField(_("cause"), blank=True)
    lessons = models.TextField(_("lessons"), blank=True)
    records = models.JSONField(_("records"), default=list)
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")

    def __str__(self) -> str:
        return f"{self.pk} {self.title}"

    @property
    def grade(self) -> Level:
        """Its level."""
        return Level(self.level)

    @property
    def deadlines(self) -> incidents.Deadlines:
        """Its deadlines."""
        return incidents.deadlines(
            self.grade,
            timezone.localtime(self.found),
            self.contained,
            critical=self.critical,
            workdays=settings.WORKDAYS,
        )

    @property
    def late(self) -> list[Text]:
        """What of it is late now, or was."""
        due, now = self.deadlines, timezone.now()
        found = []
        if due.report and (self.told or now) > due.report:
            found.append(Text("报告逾期", "reported outside too late"))
        if due.handle and (self.contained or now) > due.handle:
            found.append(Text("处置逾期", "handled too late"))
        if due.account and (self.closed or now) > due.account:
            found.append(Text("总结逾期", "the account is too late"))
        return found


class Alarm(models.Model):
    """A watch that told: ``statistic`` of how many looks; ``incident`` where one was opened for it."""

    watch = models.ForeignKey(Watch, models.PROTECT, related_name="alarms", verbose_name=_("watch"))
    statistic = models.FloatField(_("statistic"))
    looks = models.PositiveIntegerField(_("looks"))
    note = models.JSONField(_("note"))
    time = models.DateTimeField(_("time"), auto_now_add=True)
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="alarms")
    evidence = models.BigIntegerField(_("evidence"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
