"""Who a request comes from, what a page asks of them, and how they sign in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dujiang.identity.encrypted import cipher
from dujiang.identity.permission import PUBLIC, SECOND_FACTOR, Actor, NotAllowed, Role, require

View = Callable[..., HttpResponse]


def actor_of(request: HttpRequest) -> Actor:
    """Return who a request comes from."""
    user: Any = request.user
    return user.actor if user.is_authenticated else PUBLIC


def page(action: str) -> Callable[[View], View]:
    """Declare what a page asks of whoever opens it; the public is sent to sign in, others are told what is missing."""

    def declare(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            actor = actor_of(request)
            try:
                require(actor, action)
                return view(request, *arguments, **named)
            except NotAllowed as error:
                if actor is PUBLIC:
                    return redirect_to_login(request.get_full_path())
                return render(request, "console/refused.html", {"why": error.text}, status=403)

        asked.action = action  # type: ignore[attr-defined]
        return asked

    return declare


class SecondFactorMiddleware:
    """Sends people whose role needs a second factor to set it up, and lets them do nothing else until they have."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        user: Any = request.user
        free = request.path.startswith((reverse("set_language"), "/account/", "/static/"))
        if not free and user.is_authenticated and Role(user.role) in SECOND_FACTOR and not _has_second_factor(user):
            return redirect("mfa_activate_totp")
        return self.get_response(request)


def _has_second_factor(user: Any) -> bool:
    return is_mfa_enabled(user, [Authenticator.Type.TOTP])


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by the office, not by whoever comes along."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up."""
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """Encrypt a secret."""
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret."""
        return cipher().decrypt(encrypted_text.encode()).decode()
