"""Jobs over HTTP: submit, poll, cancel, and take the results."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import FileResponse, Http404, HttpResponse
from ninja import Field, File, Form, Query, Router, Schema
from ninja.files import UploadedFile

from dujiang.compute import actions
from dujiang.compute.describing import described
from dujiang.compute.models import Job
from dujiang.compute.requests import JobRequest, Limits
from dujiang.compute.standing import capacity_now, pools_now, products_now
from dujiang.compute.states import State
from dujiang.identity.permission import Actor, require
from dujiang.messages import Text
from dujiang.scenarios.actions import apply_to_file
from dujiang.scenarios.registry import UnknownScenario, find

jobs = Router(tags=["jobs"])
compute = Router(tags=["compute"])
LAST = 2**63 - 1
Resource = Annotated[str, Field(max_length=40)]


class LimitsIn(Schema):
    """What a job may use; `gpu_milli` in thousandths of a card."""

    seconds: int = 3600
    memory_mib: int = 2048
    cpus: int = 1
    gpu_milli: int = 0
    gpu_kind: Resource = ""


class CommandIn(Schema):
    """A command to run on a centre's pool."""

    argv: list[str] = Field(min_length=1, max_length=1000)
    limits: LimitsIn = LimitsIn()
    product: str = Field("job", max_length=60)
    pool: str = Field("", max_length=60)
    exactly_once: bool = False
    preemptible: bool = False
    deadline: datetime | None = None

    def request(self) -> JobRequest:
        """Return it as a request."""
        fields = self.dict()
        return JobRequest(**{**fields, "limits": Limits(**fields["limits"])})


class CapacityOut(Schema):
    """Registered capacity in EFlops; `share` is the intelligent one's, in per cent, null where nothing is registered."""

    intelligent: float
    general: float
    domestic: float
    share: float | None


class OfferOut(Schema):
    """What a pool would ask for a job at most, in fen."""

    pool: str
    centre: str
    unit: str
    most: int


class JobOut(Schema):
    """A job. Money is in fen; `fault` is what was wrong with an input file, by `path`, `row`, `field`."""

    number: int
    work: str
    holder: str
    product: str
    state: State
    why: Text | None
    fault: dict[str, Any] | None
    pool: str | None
    pools: list[dict[str, Any]]
    attempts: int
    submitted: datetime
    finished: datetime | None
    exit_code: int | None
    results: list[str]
    most: int
    cost: int | None
    statement: dict[str, Any] | None
    evidence: int | None


def find_job(actor: Actor, number: int) -> Job:
    """Return a job that the actor may see; raises `Http404`, `NotAllowed`."""
    require(actor, "job.read")
    job = Job.objects.seen_by(actor).whole().filter(pk=number).first() if number <= LAST else None
    if job is None:
        raise Http404
    return job


def _job(request: Any, number: int) -> Job:
    return find_job(request.auth, number)


@jobs.get("", response=list[JobOut])
def list_jobs(
    request: Any,
    state: State | None = None,
    before: Annotated[int, Query(ge=1, le=LAST)] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    """Return the jobs that the caller may see, the latest first."""
    require(request.auth, "job.read")
    found = Job.objects.seen_by(request.auth).whole().order_by("-id")
    if state is not None:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(pk__lt=before)
    return [described(one) for one in found[:limit]]


@jobs.post("", response={201: JobOut})
def run_scenario(request: Any, scenario: Form[str], file: File[UploadedFile]) -> tuple[int, dict[str, Any]]:
    """Run a scenario's method on a file, as a job."""
    require(request.auth, "scenario.apply")
    try:
        found = find(scenario)
    except UnknownScenario as error:
        raise Http404 from error
    return 201, described(apply_to_file(request.auth, found, file.name or "", file.read()))


@jobs.post("/commands", response={201: JobOut})
def run_command(request: Any, wanted: CommandIn) -> tuple[int, dict[str, Any]]:
    """Run a command on a centre's pool, as a job."""
    return 201, described(actions.submit(request.auth, wanted.request()))


@jobs.get("/{int:number}", response=JobOut)
def job(request: Any, number: int) -> dict[str, Any]:
    """Return a job as it stands."""
    return described(_job(request, number))


@jobs.post("/{int:number}/cancel", response=JobOut)
def cancel(request: Any, number: int) -> dict[str, Any]:
    """End a job: at once where it waits, soon where it runs."""
    require(request.auth, "job.cancel")
    return described(actions.cancel(request.auth, _job(request, number).pk))


@jobs.get("/{int:number}/logs/{stream}", response={200: str})
def logs(request: Any, number: int, stream: Literal["stdout", "stderr"]) -> HttpResponse:
    """Return the end of what the job has printed."""
    text = actions.logs(request.auth, _job(request, number), stream)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@jobs.get("/{int:number}/results/{name}", response={200: bytes})
def result(request: Any, number: int, name: str) -> FileResponse:
    """Return a file that the job left."""
    try:
        path = actions.result(request.auth, _job(request, number), name)
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


@compute.post("/quote", response=list[OfferOut])
def quote(request: Any, wanted: CommandIn) -> list[Any]:
    """Return what each pool would ask for a command, the cheapest first."""
    return list(actions.quote(request.auth, wanted.request()))


@compute.get("/pools", response=list[dict[str, Any]])
def pools(request: Any) -> list[dict[str, Any]]:
    """Return the pools with their size, their state and what runs there."""
    require(request.auth, "compute.read")
    return pools_now()


@compute.get("/products", response=list[dict[str, Any]])
def products(request: Any) -> list[dict[str, Any]]:
    """Return the products with their prices, in fen an hour."""
    require(request.auth, "compute.read")
    return products_now()


@compute.get("/capacity", response=CapacityOut)
def capacity(request: Any) -> dict[str, Any]:
    """Return the registered capacity in EFlops, and the intelligent share in per cent."""
    require(request.auth, "compute.read")
    return capacity_now()
