"""Signing in by OpenID Connect: allauth's flow, made strict, for people whom the office has added."""

from __future__ import annotations

import logging
import secrets
from typing import Any
from urllib.parse import urlencode

import jwt
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from dujiang.identity.actions import LONGEST_SUBJECT, sign_in_by
from dujiang.identity.encrypted import keyed_digest
from dujiang.identity.providers import Provider
from dujiang.messages import Refused, Text

_log = logging.getLogger(__name__)
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a public key: with none, or with the client's secret, an ID token is not taken."""
_LEEWAY = 30
"""Seconds that the provider's clock may differ."""


def provider_of(key: str) -> Provider:
    """Return the site's provider of that id; raises `Http404`."""
    found = next((one for one in settings.OIDC_PROVIDERS if one.id == key), None)
    if found is None:
        raise Http404
    return found


class OpenIDConnectAdapter(OpenIDConnectOAuth2Adapter):
    """The protocol's client: what allauth leaves open is checked."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's configuration, which must be of the issuer that the site named (Discovery 1.0, 4.3)."""
        config: dict[str, Any] = super().openid_config
        if config.get("issuer") != provider_of(self.provider_id).issuer:
            raise OAuth2Error(f"configuration of another issuer: {config.get('issuer')!r}")
        return config

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **more: Any) -> SocialLogin:
        """Return the sign-in of an ID token that holds; raises `OAuth2Error`."""
        about = provider_of(self.provider_id)
        # RFC 9207: a provider that names itself in its answer must be the one that was asked.
        if request.GET.get("iss", about.issuer) != about.issuer:
            raise OAuth2Error("answer of another issuer")
        claims = self._claims(about, more["response"].get("id_token"))
        login = claims.get(about.login_claim) if about.login_claim else None
        if about.login_claim and login is None:
            asked = self._fetch_user_info(token.token)
            if not isinstance(asked, dict) or asked.get("sub") != claims["sub"]:  # Core 1.0, 5.3.2
                raise OAuth2Error("claims of another subject")
            login = asked.get(about.login_claim)
        data = {
            "identity": keyed_digest(about.issuer, claims["sub"]),
            "nonce": claims["nonce"],
            "login": login if isinstance(login, str) else None,
            "second_factor": about.had_second_factor(claims),
            "end_session": self._end_session(request, about),
        }
        return self.get_provider().sociallogin_from_response(request, data)

    def _end_session(self, request: HttpRequest, about: Provider) -> str | None:
        """Return where signing out is said to the provider (RP-Initiated Logout 1.0), if it listens."""
        endpoint = self.openid_config.get("end_session_endpoint")
        if not endpoint:
            return None
        back = request.build_absolute_uri(reverse(settings.ACCOUNT_LOGOUT_REDIRECT_URL))
        return f"{endpoint}?{urlencode({'client_id': about.client_id, 'post_logout_redirect_uri': back})}"

    def _claims(self, about: Provider, id_token: str | None) -> dict[str, Any]:
        """Return the claims of an ID token, checked as Core 1.0, 3.1.3.7 asks; the nonce is compared later."""
        with get_adapter().get_requests_session() as session:
            told = session.get(self.openid_config["jwks_uri"])
            told.raise_for_status()
        try:
            keys = [key for key in jwt.PyJWKSet.from_dict(told.json()).keys if key.public_key_use in (None, "sig")]
            kid = jwt.get_unverified_header(id_token or "").get("kid")
            [key] = [key for key in keys if kid in (None, key.key_id)]
            claims: dict[str, Any] = jwt.decode(
                id_token or "",
                key.key,
                algorithms=_ALGORITHMS,
                issuer=about.issuer,
                audience=about.client_id,
                leeway=_LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise OAuth2Error("ID token") from error
        if claims.get("azp", about.client_id) != about.client_id or not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
            raise OAuth2Error("ID token for another client, or with no subject")
        return claims


class OpenIDConnect(OpenIDConnectProvider):
    """A provider of the site's file."""

    oauth2_adapter_class = OpenIDConnectAdapter
    pkce_enabled_default = True

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Take nothing from the request but where to go afterwards: neither scopes nor what to do with the identity."""
        return {"process": AuthProcess.LOGIN, "next_url": get_next_redirect_url(request)}

    def redirect(self, request: HttpRequest, process: Any, next_url: Any = None, data: Any = None, **more: Any) -> Any:
        """Send the person to the provider, with a nonce that the ID token must bring back."""
        nonce = secrets.token_urlsafe(16)
        return super().redirect(request, process, next_url, data, auth_params={"nonce": nonce}, nonce=nonce, **more)

    def get_default_scope(self) -> list[str]:
        """Ask for no more than the subject, and the profile where its claim is the login."""
        return ["openid", "profile"] if provider_of(self.sub_id).login_claim else ["openid"]

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return what the identity is known by: sessions and the store hold no subject."""
        return str(data["identity"])

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Take no field of the person from the provider."""
        return {}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        """Take no e-mail address from the provider."""
        return []


class Adapter(DefaultSocialAccountAdapter):
    """Whom an identity is of is the office's to say."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """Return the providers of the site's file, and of nowhere else."""
        return [
            SocialApp(
                provider=OpenIDConnect.id,
                provider_id=one.id,
                name=one.name,
                client_id=one.client_id,
                secret=one.secret,
                settings={"server_url": f"{one.issuer.rstrip('/')}/.well-known/openid-configuration"},
            )
            for one in settings.OIDC_PROVIDERS
            if provider in (None, OpenIDConnect.id, one.id) and client_id in (None, one.client_id)
        ]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in the person whose identity it is, or refuse."""
        data = sociallogin.account.extra_data
        if not constant_time_compare(data["nonce"], sociallogin.state.get("nonce", "")):
            _log.warning("%s: ID token of another sign-in", sociallogin.account.provider)
            raise ImmediateHttpResponse(_failed(request))
        about = provider_of(sociallogin.account.provider)
        try:
            sociallogin.user = sign_in_by(about, data["identity"], data["login"])
        except Refused as error:
            raise ImmediateHttpResponse(_refused(request, error.text, 403)) from error

    def on_authentication_error(self, request: HttpRequest, provider: Any, **more: Any) -> None:
        """Say that it did not succeed; the cause goes to the log, not to whoever tries."""
        _log.warning("%s: not signed in: %s", provider.sub_id, more.get("exception") or more.get("error"))
        raise ImmediateHttpResponse(_failed(request))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Nobody signs up."""
        return False


def _refused(request: HttpRequest, why: Text, status: int) -> HttpResponse:
    return render(request, "console/refused.html", {"why": why}, status=status)


def _failed(request: HttpRequest) -> HttpResponse:
    why = Text(
        "统一身份认证没有完成：请重新登录；若仍不成功，请联系推进办公室",
        "signing in by the provider was not completed: try again, or ask the programme office",
    )
    return _refused(request, why, 401)


@require_POST
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send a person to a provider."""
    provider_of(provider_id)
    try:
        return OAuth2LoginView.adapter_view(OpenIDConnectAdapter(request, provider_id))(request)
    except (RequestException, OAuth2Error, KeyError, ValueError) as error:
        _log.warning("%s: no configuration: %s", provider_id, error)
        return _failed(request)


@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Receive a person from a provider."""
    provider_of(provider_id)
    return OAuth2CallbackView.adapter_view(OpenIDConnectAdapter(request, provider_id))(request)
