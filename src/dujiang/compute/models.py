"""Centres, pools and what they sell; jobs and their attempts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from dujiang.compute.capacity import Equipment
from dujiang.compute.places import Nodes, Place
from dujiang.compute.pricing import Rate
from dujiang.compute.requests import Limits
from dujiang.compute.states import State
from dujiang.identity.permission import Actor, allowed
from dujiang.messages import Text


class Centre(models.Model):
    """A compute centre. ``unit`` runs it and is paid; ``counted`` says whether the plan's capacity counts it."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    unit = models.CharField(max_length=120)
    division = models.CharField(max_length=6, blank=True)  # GB/T 2260
    location = models.CharField(max_length=200, blank=True)
    pue = models.FloatField(null=True)
    power_contract = models.CharField(max_length=200, blank=True)
    counted = models.BooleanField(default=True)
    evidence = models.BigIntegerField()

    def __str__(self) -> str:
        return self.name


class Pool(models.Model):
    """A set of nodes of a centre that one executor reaches.

    ``site_python`` says that the site's own Python and folders are at the same paths there, which named work needs.
    ``gone_since`` is set while the pool does not answer.
    """

    class Kind(models.TextChoices):
        LOCAL = "local"
        RAY = "ray"
        SLURM = "slurm"

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    key = models.SlugField(max_length=60, unique=True)
    centre = models.ForeignKey(Centre, models.PROTECT, related_name="pools")
    kind = models.CharField(max_length=10, choices=Kind)
    settings = models.JSONField(default=dict)
    site_python = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    gone_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    @property
    def place(self) -> Place:
        """The pool as `places` takes it."""
        nodes = [
            Nodes(one.nodes, one.cpus, one.memory_mib, one.accelerator, one.accelerators) for one in self.groups.all()
        ]
        return Place(self.key, self.centre.key, self.centre.unit, nodes)


class NodeGroup(models.Model):
    """Nodes of a kind in a pool: what one of them has.

    ``accelerator`` is a key of `accelerators`, empty for none; ``fp16_tflops`` a card's peak where it is not known
    there, with the ``source`` that states it.
    """

    pool = models.ForeignKey(Pool, models.CASCADE, related_name="groups")
    nodes = models.PositiveIntegerField()
    cpus = models.PositiveIntegerField()
    memory_mib = models.PositiveIntegerField()
    cpu_fp32_tflops = models.FloatField(default=0.0)
    accelerator = models.CharField(max_length=40, blank=True)
    accelerators = models.PositiveIntegerField(default=0)
    fp16_tflops = models.FloatField(default=0.0)
    source = models.CharField(max_length=300, blank=True)

    @property
    def equipment(self) -> Equipment:
        """The nodes as `capacity` takes them."""
        return Equipment(self.nodes, self.cpu_fp32_tflops, self.accelerator, self.accelerators, self.fp16_tflops)


class Product(models.Model):
    """Something that centres sell. A reserved block costs what was booked, the others what was used."""

    class Kind(models.TextChoices):
        INSTANCE = "instance"
        JOB = "job"
        RESERVED = "reserved"
        SERVING = "serving"

    key = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    title_zh = models.CharField(max_length=120)
    title_en = models.CharField(max_length=120)

    class Meta:
        ordering = ["key"]

    @property
    def title(self) -> Text:
        """What people call it."""
        return Text(self.title_zh, self.title_en)

    def rates(self) -> list[Rate]:
        """Return its prices."""
        return [one.rate for one in self.prices.select_related("centre")]


class Price(models.Model):
    """A price of a product; see `pricing.Rate`. ``centre`` is null where it holds at any."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="prices")
    resource = models.CharField(max_length=40)
    fen = models.PositiveIntegerField()
    centre = models.ForeignKey(Centre, models.CASCADE, null=True)
    from_hour = models.PositiveSmallIntegerField(default=0)
    until_hour = models.PositiveSmallIntegerField(default=24)
    valid_from = models.DateField()
    valid_until = models.DateField()

    @property
    def rate(self) -> Rate:
        """The price as `pricing` takes it."""
        place = self.centre.key if self.centre else ""
        return Rate(self.resource, self.fen, place, self.from_hour, self.until_hour, self.valid_from, self.valid_until)


class _Jobs(models.QuerySet["Job"]):
    def whole(self) -> _Jobs:
        """Return the jobs with what a list of them shows."""
        return self.select_related("product").prefetch_related("attempts__pool")

    def seen_by(self, actor: Actor) -> _Jobs:
        """Return the jobs that an actor may read."""
        if not allowed(actor, "job.read"):
            return self.none()
        return self if allowed(actor, "job.read", []) else self.filter(holder=actor.unit)


class Job(models.Model):
    """Work that somebody asked for: an argv with input files, its limits, what it was quoted and what it cost.

    ``offers`` are the pools that may run it, the cheapest first (`places.Offer`), ``most`` what the dearest would ask;
    ``hold_key`` is the hold of vouchers for it (the last of ``holds``), of which ``provider`` is paid; it is empty where
    a unit's own machine works for the unit and its vouchers do not reach. ``rates`` are the prices of its product when
    it was submitted (`pricing.Rate`), by which it is charged. ``pools`` is what was thought of each pool when it was
    placed (`broker.Judged`, the chosen one first).

    ``work`` is ``command`` where the submitter wrote the argv, else the name of the work, such as
    ``scenario:manufacturing/job-shop``. ``holder`` pays. ``why`` says how it came to its end (``zh`` and ``en``),
    ``fault`` holds a `messages.BadInput` that the work reported. Money is in fen.
    """

    work = models.CharField(max_length=150)
    submitter = models.CharField(max_length=200)
    holder = models.CharField(max_length=120)
    product = models.ForeignKey(Product, models.PROTECT)
    argv = models.JSONField()
    inputs = models.JSONField(default=list)
    seconds = models.PositiveIntegerField()
    memory_mib = models.PositiveIntegerField()
    cpus = models.PositiveIntegerField()
    gpu_milli = models.PositiveIntegerField(default=0)
    gpu_kind = models.CharField(max_length=40, blank=True)
    exactly_once = models.BooleanField(default=False)
    preemptible = models.BooleanField(default=False)
    deadline = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=State.QUEUED.value)
    cancel_asked = models.BooleanField(default=False)
    submitted = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)
    offers = models.JSONField(default=list)
    most = models.BigIntegerField(default=0)
    holds = models.PositiveSmallIntegerField(default=0)
    hold_key = models.CharField(max_length=120, blank=True)
    provider = models.CharField(max_length=120, blank=True)
    rates = models.JSONField(default=list)
    cost = models.BigIntegerField(null=True)
    statement = models.JSONField(null=True)
    why = models.JSONField(default=dict)
    pools = models.JSONField(default=list)
    fault = models.JSONField(null=True)
    submitted_evidence = models.BigIntegerField(null=True)
    evidence = models.BigIntegerField(null=True)

    objects = _Jobs.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "id"]), models.Index(fields=["holder", "-id"])]

    @property
    def limits(self) -> Limits:
        """What it may use."""
        return Limits(self.seconds, self.memory_mib, self.cpus, self.gpu_milli, self.gpu_kind)

    @property
    def folder(self) -> Any:
        """Where the job's files are: ``input/``, and a folder an attempt."""
        return settings.HOME / "jobs" / str(self.pk)

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return State(self.state).ended

    @property
    def last(self) -> Attempt | None:
        """The latest attempt."""
        return max(self.attempts.all(), key=lambda one: one.number, default=None)

    def results(self) -> list[str]:
        """Return the names of the files that its last attempt left, without those that it was given."""
        last = self.last
        work = last.folder / "work" if last else None
        if work is None or not work.is_dir():
            return []
        return sorted(
            one.name
            for one in work.iterdir()
            if one.is_file() and not one.is_symlink() and one.name not in self.inputs and not one.name.startswith(".")
        )


class Attempt(models.Model):
    """One run of a job in a pool.

    A lost one may have run, nobody knows how far; a withdrawn one never did. ``handle`` is the executor's;
    ``outcome`` is `executors.base.Outcome`. ``preempted`` says that it was stopped for others.
    """

    class State(models.TextChoices):
        PLACED = "placed"
        RUNNING = "running"
        ENDED = "ended"
        LOST = "lost"
        WITHDRAWN = "withdrawn"

    job = models.ForeignKey(Job, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    pool = models.ForeignKey(Pool, models.PROTECT, related_name="attempts")
    state = models.CharField(max_length=10, choices=State, default=State.PLACED)
    handle = models.CharField(max_length=200, blank=True)
    placed = models.DateTimeField(auto_now_add=True)
    preempted = models.BooleanField(default=False)
    outcome = models.JSONField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_attempt_a_number")]
        indexes = [models.Index(fields=["state"])]

    @property
    def folder(self) -> Any:
        """Where it runs."""
        return self.job.folder / str(self.number)


class PowerPlan(models.Model):
    """A plan of flexible jobs by power that was put on record: what `compute power` reports, and its chart as SVG."""

    report = models.JSONField()
    picture = models.TextField()
    recorded = models.DateTimeField(auto_now_add=True)
    evidence = models.BigIntegerField()
