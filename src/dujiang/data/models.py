"""Data sets, their versions and files, what a file's bytes are kept as, and who has yet to deposit what."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils import timezone

from dujiang.data.terms import Access, Grade, Sensitivity, State
from dujiang.identity.models import Unit
from dujiang.identity.permission import Actor, Role
from dujiang.messages import Text


class _Datasets(models.QuerySet["Dataset"]):
    def seen_by(self, actor: Actor) -> _Datasets:
        """Return the data sets whose metadata an actor may read: what was published, and what they have to do with."""
        if actor.role in (Role.OFFICE, Role.AUDITOR):
            return self
        public = Q(state__in=[State.PUBLISHED, State.WITHDRAWN])
        if actor.role is Role.REVIEWER:
            return self.filter(public | Q(state=State.REVIEW))
        return self.filter(public | Q(owner__name=actor.unit)) if actor.unit else self.filter(public)


class Dataset(models.Model):
    """A data set in the catalogue.

    ``identifier`` is persistent: it is never given to another. ``task`` is the number of the plan's task, ``project``
    the number of the project, that it is deposited for. Its metadata are for everybody once it is published; its bytes
    for nobody but its owner before ``embargo_until``. ``source`` says where a harvested one was found: the catalogue's
    address and the identifier there; such a data set has no bytes here. ``changed`` is what harvesters ask by.
    """

    identifier = models.CharField(max_length=120, unique=True)
    title_zh = models.CharField(max_length=300)
    title_en = models.CharField(max_length=300, blank=True)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(Unit, models.PROTECT, related_name="datasets")
    publisher = models.CharField(max_length=300, blank=True)  # where it is another than the owner
    basis = models.CharField(max_length=24)
    grade = models.CharField(max_length=12, default=Grade.GENERAL.value)
    sensitivity = models.CharField(max_length=20, default=Sensitivity.NONE.value)
    access = models.CharField(max_length=12, default=Access.RESTRICTED.value)
    licence = models.CharField(max_length=300, blank=True)  # an SPDX identifier, an address, or words
    keywords = models.JSONField(default=list)
    language = models.CharField(max_length=20, default="zh")  # BCP 47
    task = models.PositiveIntegerField(null=True, blank=True)
    project = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=12, default=State.DRAFT.value)
    embargo_until = models.DateField(null=True, blank=True)
    withdrawn_why = models.CharField(max_length=500, blank=True)
    registered = models.DateTimeField(auto_now_add=True)
    registered_by = models.CharField(max_length=60)
    published = models.DateTimeField(null=True, blank=True)
    changed = models.DateTimeField(default=timezone.now, db_index=True)
    source_catalogue = models.CharField(max_length=500, blank=True)
    source_identifier = models.CharField(max_length=500, blank=True)
    source_digest = models.CharField(max_length=64, blank=True)
    evidence = models.BigIntegerField()

    objects = _Datasets.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source_catalogue", "source_identifier"],
                condition=~Q(source_catalogue=""),
                name="one_data_set_a_source",
            ),
            # What is open to everybody holds nothing that the law keeps from everybody.
            models.CheckConstraint(
                condition=~Q(access="open") | Q(grade="general", sensitivity="none"), name="open_data_is_general"
            ),
        ]

    def __str__(self) -> str:
        return self.title_zh

    @property
    def title(self) -> Text:
        """What people call it."""
        return Text(self.title_zh, self.title_en or self.title_zh)

    def embargoed(self, on: date | None = None) -> bool:
        """Whether its bytes are still kept back on a day, today where none is given."""
        return self.embargo_until is not None and (on or timezone.localdate()) < self.embargo_until

    @property
    def latest(self) -> Version | None:
        """The latest published version."""
        return self.versions.filter(state=State.PUBLISHED).order_by("-number").first()


class Word(models.Model):
    """A word that a data set is found by, and how much it says of it (`search`)."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="words")
    text = models.CharField(max_length=60)
    weight = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["text"])]
        constraints = [models.UniqueConstraint(fields=["dataset", "text"], name="one_word_a_text")]


class Version(models.Model):
    """A version of a data set: what was deposited at one time. Once it is submitted its files don't change.

    ``people`` are the logins of all who had a hand in it, none of whom may review it.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=12, default=State.DRAFT.value)
    deposited = models.DateTimeField(auto_now_add=True)
    deposited_by = models.CharField(max_length=60)
    people = models.JSONField(default=list)
    reviewed = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=60, blank=True)
    review = models.CharField(max_length=1000, blank=True)
    evidence = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.dataset} {self.number}"


class Content(models.Model):
    """Bytes that are kept at ``key`` in the store and in its backup: the digest (SHA-256) of what lies there.

    ``sha256`` and ``bytes`` are of the content itself, which is not what lies there where it is ``sealed``. The same
    plain content is kept once, however many files are it. ``checked`` is when every copy was last found good; while
    ``damage`` says what was found, nothing could be put right.
    """

    key = models.CharField(max_length=64, primary_key=True)
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    sealed = models.BooleanField(default=False)
    stored_bytes = models.BigIntegerField()
    stored = models.DateTimeField(auto_now_add=True)
    checked = models.DateTimeField(null=True, db_index=True)
    damage = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.key


class Distribution(models.Model):
    """A file of a version: its bytes are a `Content`; those of a harvested one are at ``url`` and not here."""

    version = models.ForeignKey(Version, models.CASCADE, related_name="distributions")
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=120, default="application/octet-stream")
    bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    content = models.ForeignKey(Content, models.PROTECT, null=True, db_column="key", related_name="distributions")
    url = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="one_file_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Where its bytes lie in the store; empty where they are not here."""
        return self.content_id or ""


class Inspection(models.Model):
    """What the last inspection of a file came to, as far as a page may show it (`reports`)."""

    distribution = models.OneToOneField(Distribution, models.CASCADE, related_name="inspection")
    at = models.DateTimeField()
    by = models.CharField(max_length=60)
    shown = models.JSONField()
    evidence = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.distribution)


class Upload(models.Model):
    """A file of a draft that is coming in: ``length`` bytes, of which its staged file (`staging`) says how many are there.

    ``sha256`` is what its sender says that it is, if they do. Once ``distribution`` is set it is whole, and kept for a
    while so that a sender who never heard that it ended can ask.
    """

    token = models.CharField(max_length=40, unique=True)
    version = models.ForeignKey(Version, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=120)
    length = models.BigIntegerField()
    sealed = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, blank=True)
    by = models.CharField(max_length=60)
    expires = models.DateTimeField(db_index=True)
    distribution = models.ForeignKey(Distribution, models.CASCADE, null=True, related_name="uploads")


class Duty(models.Model):
    """That a unit is to deposit data of a task or project of the plan by a day. A published data set of it meets it."""

    unit = models.ForeignKey(Unit, models.PROTECT, related_name="deposit_duties")
    title = models.CharField(max_length=300)
    task = models.PositiveIntegerField(null=True, blank=True)
    project = models.CharField(max_length=120, blank=True)
    due = models.DateField()
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["due", "id"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "task", "project", "title"], name="one_duty_a_title"),
            models.CheckConstraint(condition=Q(task__isnull=False) | ~Q(project=""), name="a_duty_is_of_something"),
        ]

    def __str__(self) -> str:
        return self.title


class Harvest(models.Model):
    """A catalogue was read: how many of its data sets were new, changed, the same or gone, and what could not be read."""

    catalogue = models.CharField(max_length=500)
    form = models.CharField(max_length=10)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)
    counts = models.JSONField()
    faults = models.JSONField(default=list)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
