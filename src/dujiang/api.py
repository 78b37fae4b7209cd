"""The HTTP API: each plane's routes under one address, with one way to say who calls and what went wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from dujiang import __version__
from dujiang.compute.api import compute, jobs
from dujiang.data.annotation.api import router as annotation
from dujiang.data.api import router as data
from dujiang.data.spaces.api import router as spaces
from dujiang.evidence.api import router as evidence
from dujiang.identity.actions import BAD_KEY, actor_by_key
from dujiang.identity.permission import PUBLIC, Actor, NotAllowed
from dujiang.identity.web import actor_of
from dujiang.messages import BadInput, Refused, Text
from dujiang.plan.api import router as plan
from dujiang.safety.api import router as safety
from dujiang.scenarios.api import router as scenarios
from dujiang.support.api import router as support
from dujiang.talent.api import router as talent
from dujiang.talent.competitions.api import router as competitions
from dujiang.tokens.api import router as tokens
from dujiang.vouchers.api import router as vouchers


class Caller(HttpBearer):
    """Who calls: by a key; or, to read, by the session of a browser; or the public."""

    def __call__(self, request: HttpRequest) -> Actor | None:
        """Return the actor; None for a key that is not good."""
        if "Authorization" in request.headers:
            return super().__call__(request)
        # A browser sends its session along whoever made it call, so a session alone changes nothing.
        return actor_of(request) if request.method in ("GET", "HEAD") else PUBLIC

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """Return who acts by the key."""
        return actor_by_key(token)


api = NinjaAPI(
    title="都江 Dujiang",
    version=__version__,
    description="方案、月调度、场景与存证 / The plan, its dispatch, scenarios and evidence.",
    auth=Caller(),
    docs_url=None,  # the library's page loads its script from outside
    urls_namespace="api",
)
api.add_router("", plan)
api.add_router("/scenarios", scenarios)
api.add_router("/evidence", evidence)
api.add_router("/spaces", spaces)
api.add_router("/vouchers", vouchers)
api.add_router("/jobs", jobs)
api.add_router("/compute", compute)
api.add_router("/tokens", tokens)
api.add_router("/safety", safety)
api.add_router("/support", support)
api.add_router("/talent", talent)
api.add_router("/annotation", annotation)
api.add_router("/data", data)
api.add_router("/competitions", competitions)


def _problem(status: int, text: Text, **more: Any) -> HttpResponse:
    """Return a problem (RFC 9457) in both languages."""
    body = {"title": HTTPStatus(status).phrase, "status": status, "detail": text.zh, "detail_en": text.en, **more}
    return HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type="application/problem+json")


@api.exception_handler(NotAllowed)
def _not_allowed(request: HttpRequest, error: NotAllowed) -> HttpResponse:
    return _problem(403, error.text)


@api.exception_handler(AuthenticationError)
def _unknown_key(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return _problem(401, BAD_KEY)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return _problem(409, error.text)


@api.exception_handler(BadInput)
def _bad_input(request: HttpRequest, error: BadInput) -> HttpResponse:
    text = Text(error.in_language("zh"), error.in_language("en"))
    return _problem(422, text, row=error.row, field=error.field)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _problem(404, Text("没有这一项", "there is no such thing"))


@api.exception_handler(ValidationError)
def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [{"where": list(map(str, one["loc"])), "why": one["msg"]} for one in error.errors]
    return _problem(422, Text("请求不合接口定义", "the request is not as the API defines it"), faults=faults)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _problem(error.status_code, Text("请求无法处理", str(error)))
