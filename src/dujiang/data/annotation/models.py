"""Projects with their guidelines, members and items; who was given which item, what they said; and what is on record."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from dujiang.data.annotation.agreement import Scale
from dujiang.data.annotation.labels import Annotated, Answer, Kind, Prediction, Synthetic, from_json
from dujiang.data.models import Dataset
from dujiang.identity.models import Person, Unit


class Base(models.Model):
    """An annotation base (标注基地): a unit that the plan, or the office, named one; where, by GB/T 2260."""

    class Level(models.TextChoices):
        """Who named it."""

        NATIONAL = "national"
        PROVINCIAL = "provincial"

    unit = models.OneToOneField(Unit, models.PROTECT, related_name="annotation_base")
    level = models.CharField(max_length=12, choices=Level)
    division = models.CharField(max_length=6)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["level", "division", "id"]

    def __str__(self) -> str:
        return self.unit.name


class Project(models.Model):
    """A project of a unit, worked on at a base or by the unit's own people.

    ``overlap`` people label each item; ``gold_share`` of what a person is given are items whose answer is known; what
    was given comes back after ``lease_minutes``. Prices in fen, of an answer and of an adjudication; ``model_cost`` in
    fen is what pre-labels cost so far. ``answered``, ``adjudicated`` and ``accepted`` count what people did here, not
    what came with a file. ``tail`` is the position of the last item, ``pending`` how many accepted
    labels are not on record yet, ``pending_since`` when the first of them was accepted.
    """

    code = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=[(one.value, one.value) for one in Kind])
    scale = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in Scale], default=Scale.NOMINAL.value
    )
    labels = models.JSONField()
    unit = models.ForeignKey(Unit, models.PROTECT, related_name="annotation_projects")
    base = models.ForeignKey(Base, models.PROTECT, null=True, blank=True, related_name="projects")
    dataset = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="annotation_projects")
    overlap = models.PositiveSmallIntegerField(default=2)
    gold_share = models.FloatField(default=0.05)
    lease_minutes = models.PositiveIntegerField(default=30)
    price = models.PositiveIntegerField(default=0)
    adjudication_price = models.PositiveIntegerField(default=0)
    model_cost = models.PositiveIntegerField(default=0)
    answered = models.BigIntegerField(default=0)
    adjudicated = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    tail = models.BigIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    pending_since = models.DateTimeField(null=True)
    opened = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title

    @property
    def of(self) -> Kind:
        """What its labels are."""
        return Kind(self.kind)

    @property
    def guideline(self) -> Guideline | None:
        """The guideline in force."""
        return self.guidelines.order_by("-version").first()


class Guideline(models.Model):
    """A version of a project's guideline. A version never changes; answers say by which they were given."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    version = models.PositiveIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=71)
    author = models.CharField(max_length=60)
    published = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_guideline_a_version")]


class Member(models.Model):
    """Somebody who labels in a project, or adjudicates too; exports know them by ``number``.

    No item up to ``cursor`` is left that they may be given, as what comes back is put at the tail; ``gold_cursor``
    is the same of items whose answer is known. ``served`` counts what they were given.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, models.PROTECT, related_name="annotation_memberships")
    number = models.PositiveIntegerField()
    adjudicates = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    cursor = models.BigIntegerField(default=0)
    gold_cursor = models.BigIntegerField(default=0)
    served = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "person"], name="one_membership"),
            models.UniqueConstraint(fields=["project", "number"], name="one_member_a_number"),
        ]


class Item(models.Model):
    """An item to be labelled: a text, or an image that lies under its digest.

    ``slots`` is how many more people it may be given to now, ``given`` how many have answered. ``position`` is its
    place in the queue. ``accepted`` numbers the project's accepted labels in the order in which they were.
    """

    class State(models.TextChoices):
        """Open until enough have answered; then accepted, or disputed until somebody decides."""

        OPEN = "open"
        DISPUTED = "disputed"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    project = models.ForeignKey(Project, models.CASCADE, related_name="items")
    key = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    image = models.CharField(max_length=255, blank=True)
    image_digest = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    synthetic = models.JSONField(null=True)
    prediction = models.JSONField(null=True)
    gold = models.BooleanField(default=False)
    answer = models.JSONField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    slots = models.PositiveSmallIntegerField()
    given = models.PositiveSmallIntegerField(default=0)
    position = models.BigIntegerField()
    accepted = models.BigIntegerField(null=True)
    adjudicator = models.ForeignKey(Member, models.PROTECT, null=True, related_name="adjudicated")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="one_annotated_item_a_key"),
            models.UniqueConstraint(fields=["project", "accepted"], name="one_acceptance_a_number"),
        ]
        indexes = [
            models.Index(fields=["project", "position"], condition=Q(slots__gt=0), name="items_to_give"),
            models.Index(fields=["project", "position"], condition=Q(gold=True), name="items_of_gold"),
            models.Index(fields=["project", "position"], condition=Q(state="disputed"), name="items_in_dispute"),
            models.Index(fields=["project", "state"], name="items_by_state"),
        ]

    @property
    def content(self) -> Annotated:
        """What the pure modules know it as, without what was said about it."""
        made = Synthetic(**self.synthetic) if self.synthetic else None
        return Annotated(self.key, self.text, self.image, self.width, self.height, synthetic=made)

    def said(self, kind: Kind) -> Answer | None:
        """Return the accepted, or known, answer."""
        return None if self.answer is None else from_json(kind, self.answer)

    def predicted(self, kind: Kind) -> Prediction | None:
        """Return what a model said."""
        if self.prediction is None:
            return None
        found = self.prediction
        return Prediction(from_json(kind, found["answer"]), found.get("model", ""), found.get("score"))


class Assignment(models.Model):
    """An item given to somebody until a time, and their answer once there is one. Nobody is given an item twice.

    ``shown`` says that they saw what a model had said, ``seconds`` how long they took. Without an answer it was skipped.
    """

    item = models.ForeignKey(Item, models.CASCADE, related_name="assignments")
    project = models.ForeignKey(Project, models.CASCADE, related_name="assignments")
    member = models.ForeignKey(Member, models.PROTECT, related_name="assignments")
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True)
    until = models.DateTimeField()
    shown = models.BooleanField(default=False)
    answer = models.JSONField(null=True)
    submitted = models.DateTimeField(null=True)
    seconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "member"], name="an_item_once_to_each")]
        indexes = [
            models.Index(fields=["project", "until"], condition=Q(submitted=None), name="items_given_out"),
            models.Index(fields=["member", "submitted"], name="answers_of_a_member"),
            models.Index(fields=["project", "submitted"], name="answers_of_a_project"),
        ]


class Batch(models.Model):
    """Accepted labels ``first`` to ``last`` of a project, put on record at once; amounts in fen.

    ``answers`` and ``adjudications`` are those paid since the batch before, ``cost`` what they and pre-labels cost.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="batches")
    base = models.ForeignKey(Base, models.PROTECT, null=True, related_name="batches")
    month = models.CharField(max_length=7)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    synthetic = models.PositiveIntegerField()
    answers = models.PositiveIntegerField()
    adjudications = models.PositiveIntegerField()
    cost = models.BigIntegerField()
    digest = models.CharField(max_length=71)
    evidence = models.BigIntegerField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["month", "base"])]
        constraints = [
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="a_batch_has_labels"),
            models.UniqueConstraint(fields=["project", "first"], name="one_batch_a_label"),
        ]
