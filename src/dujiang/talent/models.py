"""People's records and consents, skills, demand, plans, certificates, training.

What identifies somebody is one encrypted text (`terms.Details`); industry, level, city and skills are in the clear, so
that they can be counted, and tied to a number only. Evidence knows people as ``talent:NUMBER``.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import models
from django.utils import timezone

from dujiang.identity.encrypted import EncryptedText
from dujiang.identity.models import Person, Unit
from dujiang.messages import Text
from dujiang.plan.dispatch import industry_title
from dujiang.talent.terms import Details, Level, Purpose, State


class Skill(models.Model):
    """A skill or a group of skills of the taxonomy; ``alternatives`` one a line, in any language."""

    uri = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    label_zh = models.CharField(max_length=300, blank=True)
    label_en = models.CharField(max_length=300, blank=True)
    alternatives = models.TextField(blank=True)
    broader = models.ManyToManyField("self", symmetrical=False, related_name="narrower")
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["label_zh", "label_en"]

    def __str__(self) -> str:
        return self.label_zh or self.label_en

    @property
    def title(self) -> Text:
        """Its label in both languages, as far as the taxonomy has them."""
        return Text(self.label_zh or self.label_en, self.label_en or self.label_zh)


class _Coded(models.Model):
    """What has an industry, a level and a city: keys of `plan.industries` and `terms.Level`, a GB/T 2260 code."""

    industry = models.CharField(max_length=40, blank=True)
    level = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=6, blank=True)

    class Meta:
        abstract = True

    @property
    def industry_title(self) -> Text:
        """The industry's title."""
        return industry_title(self.industry)

    @property
    def level_title(self) -> Text:
        """The level's title."""
        return Level(self.level).words if self.level else Text("", "")


class Talent(_Coded):
    """A person's record. ``entered`` and ``left`` are when they came to and went from the province's pool.

    ``unit`` is who recorded them and answers for the consent, none for those who recorded themselves.
    """

    person = models.OneToOneField(Person, models.SET_NULL, null=True, related_name="talent")
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="talents")
    details = EncryptedText()
    skills = models.ManyToManyField(Skill, related_name="talents")
    entered = models.DateField(null=True)
    left = models.DateField(null=True)
    state = models.CharField(max_length=20, default=State.ACTIVE.value)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged")
    recorded = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"talent:{self.pk}"

    @property
    def about(self) -> Details:
        """What is personal; whoever shows it to somebody else leaves evidence (`actions.see`)."""
        return Details.of_text(self.details)

    @property
    def state_words(self) -> Text:
        """Where the record stands."""
        return State(self.state).words

    def purposes(self, day: date | None = None) -> frozenset[str]:
        """Return what is consented to on a day."""
        held = self.consents.in_force(day)
        return frozenset(purpose for one in held for purpose in one.purposes)


class _Consents(models.QuerySet["Consent"]):
    def in_force(self, day: date | None = None) -> _Consents:
        """Return those that hold on a day, today where none is given."""
        today = day or timezone.localdate()
        return self.filter(given__lte=today, until__gte=today, withdrawn=None)


class Consent(models.Model):
    """What somebody consented to, from when to when; ``paper`` says where their signature is, ``self`` by themselves."""

    talent = models.ForeignKey(Talent, models.CASCADE, related_name="consents")
    purposes = models.JSONField()
    given = models.DateField()
    until = models.DateField()
    paper = models.CharField(max_length=200)
    withdrawn = models.DateTimeField(null=True)
    evidence = models.BigIntegerField()
    objects: Any = _Consents.as_manager()

    class Meta:
        ordering = ["-given", "-id"]

    @property
    def words(self) -> list[Text]:
        """The purposes for people."""
        return [Purpose(one).words for one in self.purposes]


class Achievement(models.Model):
    """What somebody achieved, such as a place in a competition. It waits under their login until they have a record."""

    talent = models.ForeignKey(Talent, models.CASCADE, null=True, related_name="achievements")
    login = models.CharField(max_length=60, blank=True)
    what_zh = models.CharField(max_length=300)
    what_en = models.CharField(max_length=300)
    time = models.DateTimeField(auto_now_add=True)
    source = models.BigIntegerField()
    evidence = models.BigIntegerField()

    @property
    def what(self) -> Text:
        """What it is."""
        return Text(self.what_zh, self.what_en)


class Pair(models.Model):
    """Two records that may be one person's; somebody decides. ``probability`` and ``reasons`` are `duplicates`'."""

    first = models.ForeignKey(Talent, models.CASCADE, related_name="+")
    second = models.ForeignKey(Talent, models.CASCADE, related_name="+")
    probability = models.FloatField()
    reasons = models.JSONField()
    state = models.CharField(max_length=20, default=State.OPEN.value)
    decided_by = models.CharField(max_length=200, blank=True)
    evidence = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-probability", "id"]
        constraints = [models.UniqueConstraint(fields=["first", "second"], name="one_pair")]


class Vacancy(_Coded):
    """Places that a unit has to fill; ``reference`` is the unit's own number of it."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="vacancies")
    reference = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    skills = models.ManyToManyField(Skill, related_name="vacancies")
    number = models.PositiveIntegerField()
    opened = models.DateField()
    closes = models.DateField()
    filled = models.PositiveIntegerField(default=0)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["closes", "id"]
        constraints = [models.UniqueConstraint(fields=["unit", "reference"], name="one_vacancy_a_reference")]

    @property
    def open(self) -> int:
        """Places not yet filled."""
        return max(0, self.number - self.filled)


class Need(_Coded):
    """People whom a task of the plan needs by a day."""

    task = models.PositiveIntegerField()
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="+")
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="needs")
    number = models.PositiveIntegerField()
    by = models.DateField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["task", "by", "id"]


class Path(models.Model):
    """How people grow in a skill: from a level to the next in so many years."""

    skill = models.ForeignKey(Skill, models.PROTECT, related_name="paths")
    start = models.CharField(max_length=20)
    end = models.CharField(max_length=20)
    years = models.FloatField()
    evidence = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["skill", "start", "end"], name="one_path")]


class Analysis(models.Model):
    """A quarter's analysis as it was published: what is in it has been through `suppression`."""

    quarter = models.CharField(max_length=6, unique=True)
    report = models.JSONField()
    made = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-quarter"]


class Measure(models.Model):
    """A measure of somebody's own plan: the need, what is done, by whom, until when, with what outcome."""

    talent = models.ForeignKey(Talent, models.CASCADE, related_name="measures")
    need = EncryptedText()
    measure = EncryptedText()
    responsible = models.ForeignKey(Unit, models.PROTECT, related_name="measures")
    until = models.DateField()
    outcome = EncryptedText()
    state = models.CharField(max_length=20, default=State.OPEN.value)
    closed = models.DateTimeField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["until", "id"]

    @property
    def state_words(self) -> Text:
        """Where it stands."""
        return State(self.state).words

    @property
    def late(self) -> bool:
        """Whether it is open after its day."""
        return self.state == State.OPEN and self.until < timezone.localdate()


class Delegation(models.Model):
    """What an enterprise may certify: a skill up to a level, so many people, by which rules (`certifying.RULES`)."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="delegations")
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="delegations")
    level = models.CharField(max_length=20)
    quota = models.PositiveIntegerField()
    rules = models.JSONField()
    since = models.DateField()
    until = models.DateField()
    state = models.CharField(max_length=20, default=State.VALID.value)
    why = models.TextField(blank=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def holds(self, day: date | None = None) -> bool:
        """Whether it holds on a day, today where none is given."""
        return self.state == State.VALID and self.since <= (day or timezone.localdate()) <= self.until

    @property
    def level_title(self) -> Text:
        """The highest level."""
        return Level(self.level).words

    @property
    def state_words(self) -> Text:
        """Where it stands."""
        return State(self.state).words


class Certificate(models.Model):
    """What an enterprise certified; ``facts`` are what the rules asked for."""

    number = models.CharField(max_length=40, unique=True)
    delegation = models.ForeignKey(Delegation, models.PROTECT, related_name="certificates")
    talent = models.ForeignKey(Talent, models.PROTECT, related_name="certificates")
    level = models.CharField(max_length=20)
    facts = models.JSONField()
    issued = models.DateField()
    state = models.CharField(max_length=20, default=State.VALID.value)
    why = models.TextField(blank=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    @property
    def level_title(self) -> Text:
        """The level certified."""
        return Level(self.level).words

    @property
    def state_words(self) -> Text:
        """Where it stands."""
        return State(self.state).words


class Audit(models.Model):
    """A sample of an enterprise's certificates, drawn by a seed that nobody chose, and what it came to."""

    delegation = models.ForeignKey(Delegation, models.PROTECT, related_name="audits")
    confidence = models.FloatField()
    tolerated = models.FloatField()
    population = models.PositiveIntegerField()
    seed = models.CharField(max_length=64)
    seed_record = models.BigIntegerField()
    auditor = models.CharField(max_length=200)
    result = models.JSONField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]


class Checked(models.Model):
    """A certificate of a sample: sound, not sound, or not looked at yet."""

    audit = models.ForeignKey(Audit, models.PROTECT, related_name="sample")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="checks")
    sound = models.BooleanField(null=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]


class School(models.Model):
    """A unit that trains people."""

    unit = models.OneToOneField(Unit, models.PROTECT, related_name="school")
    evidence = models.BigIntegerField()

    def __str__(self) -> str:
        return self.unit.name


class Order(_Coded):
    """An enterprise's order of people with a skill."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="orders")
    title = models.CharField(max_length=200)
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="orders")
    number = models.PositiveIntegerField()
    by = models.DateField()
    state = models.CharField(max_length=20, default=State.OPEN.value)
    outcome = models.TextField(blank=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["by", "id"]

    @property
    def state_words(self) -> Text:
        """Where it stands."""
        return State(self.state).words

    @property
    def placed(self) -> int:
        """How many of those trained for it work at the enterprise."""
        return Trainee.objects.filter(course__order=self, state=State.PLACED, placed_with=self.unit).count()

    @property
    def late(self) -> bool:
        """Whether its day is past and people are missing."""
        return self.state == State.OPEN and self.by < timezone.localdate() and self.placed < self.number


class Course(models.Model):
    """A school's course: for an order, or open to whoever needs it."""

    school = models.ForeignKey(School, models.PROTECT, related_name="courses")
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="courses")
    title = models.CharField(max_length=200)
    skill = models.ForeignKey(Skill, models.PROTECT, related_name="courses")
    level = models.CharField(max_length=20)
    places = models.PositiveIntegerField()
    since = models.DateField()
    until = models.DateField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["since", "id"]

    @property
    def free(self) -> int:
        """Places that nobody has taken."""
        return max(0, self.places - self.trainees.exclude(state=State.DROPPED).count())

    @property
    def level_title(self) -> Text:
        """The level that it leads to."""
        return Level(self.level).words


class Trainee(models.Model):
    """Somebody on a course, where they were placed, and whether they stayed for six months."""

    course = models.ForeignKey(Course, models.PROTECT, related_name="trainees")
    talent = models.ForeignKey(Talent, models.PROTECT, related_name="trainings")
    state = models.CharField(max_length=20, default=State.ENROLLED.value)
    placed_with = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+")
    placed = models.DateField(null=True)
    stayed = models.BooleanField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["course", "talent"], name="once_on_a_course")]

    @property
    def state_words(self) -> Text:
        """Where they stand."""
        return State(self.state).words
