"""Who a request comes from, what a page asks of them, and how they sign in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.views import password_change
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dujiang.identity.encrypted import cipher
from dujiang.identity.permission import PUBLIC, SECOND_FACTOR, Actor, NotAllowed, Role, require
from dujiang.messages import BadInput, Refused, Text

View = Callable[..., HttpResponse]
Acts = Mapping[str, Callable[[], object]]
"""What the forms of a page may ask for, by the value of their ``do``."""
_PROVIDER = "provider"
"""Where a session keeps what a provider said when its person signed in."""


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


def do(place: str, request: HttpRequest, acts: Acts, then: str, *parts: Any) -> HttpResponse:
    """Do what a form of the pages of ``place`` asks for and go on, or say why not."""
    act = acts.get(request.POST.get("do", ""))
    if act is None:
        raise Http404
    try:
        act()
    except Refused as error:
        why = error.text
    except BadInput as error:
        why = Text(error.in_language("zh"), error.in_language("en"))
    else:
        return redirect(then, *parts)
    return render(request, "console/refused.html", {"place": place, "why": why}, status=409)


def change_password(request: HttpRequest) -> HttpResponse:
    """Let a person change their password, if they have one."""
    user: Any = request.user
    if user.has_usable_password():
        return password_change(request)
    why = Text("您只用统一身份认证登录，没有密码", "you sign in by a provider only and have no password")
    return render(request, "console/refused.html", {"why": why}, status=409)


class SecondFactorMiddleware:
    """Sends people whose role needs a second factor to set it up, and lets them do nothing else until they have."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        user: Any = request.user
        free = request.path.startswith((reverse("set_language"), "/account/", "/static/"))
        if not free and user.is_authenticated and Role(user.role) in SECOND_FACTOR and not _has_second_factor(request):
            return redirect("mfa_activate_totp")
        return self.get_response(request)


def _has_second_factor(request: HttpRequest) -> bool:
    provider = request.session.get(_PROVIDER) or {}
    return provider.get("second_factor") or is_mfa_enabled(request.user, [Authenticator.Type.TOTP])


def _by_provider(signal_kwargs: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the provider said of a sign-in by OpenID Connect, None where it is another."""
    by = (signal_kwargs or {}).get("sociallogin")
    return by and by.account.extra_data


class SecondFactorStage(AuthenticateStage):
    """The step of a sign-in that asks for our second factor, unless the provider has asked for one and is trusted."""

    def handle(self) -> tuple[Any, bool]:
        """Return the page that asks for it, if any, and whether signing in goes on."""
        said = _by_provider(self.login.signal_kwargs)
        return (None, True) if said and said["second_factor"] else super().handle()


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by the office, not by whoever comes along."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up."""
        return False

    def get_login_stages(self) -> list[str]:
        """Ask for a second factor by our own rule."""
        stage = "allauth.mfa.stages.AuthenticateStage"
        return [f"{__name__}.SecondFactorStage" if one == stage else one for one in super().get_login_stages()]

    def post_login(self, request: HttpRequest, user: Any, **more: Any) -> HttpResponse:
        """Keep with the session what holds until it ends: the provider's second factor, and where to sign out of it."""
        said = _by_provider(more["signal_kwargs"])
        request.session[_PROVIDER] = said and {name: said[name] for name in ("second_factor", "end_session")}
        return super().post_login(request, user, **more)

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Who signed in by a provider is led to sign out there too: else the next at the desk is in at a click."""
        provider = request.session.get(_PROVIDER) or {}
        return provider.get("end_session") or super().get_logout_redirect_url(request)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets of second factors are encrypted at rest."""

    def encrypt(self, text: str) -> str:
        """Encrypt a secret."""
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt a secret."""
        return cipher().decrypt(encrypted_text.encode()).decode()
