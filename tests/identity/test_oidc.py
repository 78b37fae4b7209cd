"""Signing in by OpenID Connect, against a real provider on loopback, through the whole code flow."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

import jwt
import pytest
import requests
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, RequestFactory
from typer.testing import CliRunner

import openid
from dujiang.cli import app
from dujiang.evidence.models import Record
from dujiang.identity.actions import add_person, bind_identity, change_person, unbind_identity, units_of_plan
from dujiang.identity.models import Identity, Person
from dujiang.identity.oidc import OpenIDConnectAdapter
from dujiang.identity.permission import Actor, NotAllowed, Role
from dujiang.identity.providers import Provider
from dujiang.messages import Refused

OFFICE = Actor("tester", Role.OFFICE)
SITE = "http://testserver"
LOGIN = "/account/oidc/sso/login/"


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    return tmp_path_factory.getbasetemp() / "node"


@pytest.fixture(scope="module")
def running(modules):
    provider = openid.Provider(modules, SITE)
    yield provider
    provider.stop()


@pytest.fixture
def sso(running, settings):
    """The provider, which the site knows and has bound nobody of."""
    about = Provider("sso", "统一认证", running.issuer, "dujiang", openid.SECRET)
    settings.OIDC_PROVIDERS = (about,)

    def trust(**more):
        settings.OIDC_PROVIDERS = (replace(about, **more),)

    running.trust = trust
    return running


@pytest.fixture
def li(db):
    units_of_plan(["科技厅"])
    return add_person(OFFICE, "li", "李某某", Role.LEAD_UNIT, "科技厅", with_password=False)[0]


class Browser:
    """One browser: the provider, and a site that is served, over HTTP; a site of this process through its client."""

    def __init__(self, site=SITE, language="zh-hans"):
        self.site, self.http = site, requests.Session()
        self.http.headers["Accept-Language"] = language
        self.client = Client(headers={"accept-language": language}) if site == SITE else None

    def fetch(self, address, form=None):
        """Open an address, or send a form to it; returns status, text and where it leads."""
        if self.client and address.startswith(self.site):
            path = address.removeprefix(self.site)
            told = self.client.get(path) if form is None else self.client.post(path, form)
            return told.status_code, told.content.decode(), told.headers.get("Location")
        method = "GET" if form is None else "POST"
        told = self.http.request(method, address, data=form, allow_redirects=False, timeout=30)
        return told.status_code, told.text, told.headers.get("Location")

    def visit(self, address, form=None, until="\0"):
        """As `fetch`, going where it leads, or as far as an address that begins with ``until``."""
        address = urljoin(self.site, address)
        status, text, to = self.fetch(address, form)
        while to:
            address = urljoin(address, to)
            if address.startswith(until):
                return address
            status, text, to = self.fetch(address)
        self.address, self.status, self.text = address, status, text
        return address

    def to_provider(self, next_path="/evidence/"):
        """Press the button of the sign-in page; returns the address of the authorization request."""
        self.visit(f"{self.site}/account/login/?next={next_path}")
        path = re.search(rf'action="({LOGIN}[^"]*)"', self.text)[1].replace("&amp;", "&")
        form = {}
        if not self.client:
            form["csrfmiddlewaretoken"] = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.text)[1]
        status, self.text, to = self.fetch(self.site + path, form)
        self.status = status
        return to

    def as_account(self, request, account, **how):
        """Sign in at the provider; returns the address of its answer, not yet opened."""
        page = self.visit(request)
        return self.visit(page, {"account": account, **how}, until=self.site)

    def sign_in(self, account, **how):
        self.visit(self.as_account(self.to_provider(), account, **how))
        return self


def query(address):
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def altered(address, **more):
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query=urlencode({**query(address), **more})))


def test_whom_the_office_has_bound_signs_in(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    browser = Browser()
    request = query(browser.to_provider())
    assert request["scope"] == "openid"
    assert request["code_challenge_method"] == "S256"
    assert request["response_type"] == "code"
    assert len(request["state"]) >= 16 and len(request["nonce"]) >= 16
    browser.sign_in("subject-1")
    assert (browser.status, urlsplit(browser.address).path) == (200, "/evidence/")
    assert "李某某" in browser.text
    browser.visit("/account/password/")
    assert (browser.status, "没有密码" in browser.text) == (409, True)


def test_nothing_about_the_person_is_taken_or_kept(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    Browser().sign_in("subject-1")
    assert not SocialAccount.objects.exists()
    kept = [*Record.objects.values_list("body", flat=True), *(str(one.get_decoded()) for one in Session.objects.all())]
    with connection.cursor() as cursor:
        cursor.execute("SELECT issuer, digest FROM identity_identity")
        kept += map(str, cursor.fetchall())
    assert "subject-1" not in "".join(kept)
    assert sso.issuer in "".join(kept)
    body = json.loads(Record.objects.order_by("-sequence").first().body)
    assert body == {"what": "identity bound", "issuer": sso.issuer, "identity": li.identities.get().pk, "by": "subject"}


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "推进办公室添加并绑定"), ("en", "added and bound by the")])
def test_an_unknown_identity_is_refused(sso, li, language, said):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    # Neither a login's nor a person's name makes one known where the site doesn't say so.
    for account in ("subject-2", "li", "李某某"):
        browser = Browser(language=language).sign_in(account)
        assert browser.status == 403
        assert said in browser.text
        assert not Session.objects.filter(session_data__contains="_auth_user_id").exists()
        assert browser.client.get("/account/2fa/").status_code == 302
    assert Person.objects.count() == 1


def test_who_is_revoked_is_refused(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    browser = Browser().sign_in("subject-1")
    assert browser.status == 200
    change_person(OFFICE, "li", active=False)
    assert browser.client.get("/account/2fa/").status_code == 302
    again = Browser().sign_in("subject-1")
    assert (again.status, "已停用" in again.text) == (403, True)
    change_person(OFFICE, "li", active=True)
    unbind_identity(OFFICE, "li", sso.issuer)
    assert Browser().sign_in("subject-1").status == 403
    with pytest.raises(Refused, match="no identity"):
        unbind_identity(OFFICE, "li", sso.issuer)


def test_a_login_claim_binds_once_where_the_site_trusts_it(sso, li):
    sso.trust(login_claim="preferred_username")
    browser = Browser()
    assert set(query(browser.to_provider())["scope"].split()) == {"openid", "profile"}
    assert browser.sign_in("li").status == 200
    assert Browser().sign_in("li").status == 200
    assert Browser().sign_in("wang").status == 403
    body = json.loads(Record.objects.order_by("-sequence").first().body)
    assert (body["what"], body["by"]) == ("identity bound", "preferred_username")
    assert Identity.objects.count() == 1
    # Another subject that is called the same there is not the same person.
    unbind_identity(OFFICE, "li", sso.issuer)
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    refused = Browser(language="en").sign_in("li")
    assert (refused.status, "another identity" in refused.text) == (403, True)


def test_the_configuration_of_another_issuer_is_refused(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    sso.trust(issuer=f"{sso.issuer}/")  # the same document, which names an issuer without the stroke
    browser = Browser(language="en")
    browser.to_provider()
    assert (browser.status, "not completed" in browser.text) == (401, True)


def test_a_provider_that_does_not_answer_is_no_server_error(sso, li):
    sso.trust(issuer="http://127.0.0.1:9")
    browser = Browser()
    browser.to_provider()
    assert (browser.status, "没有完成" in browser.text) == (401, True)


def refused(browser, answer):
    browser.visit(answer)
    return browser.status == 401 and browser.client.get("/account/2fa/").status_code == 302


def test_an_answer_of_another_issuer_or_without_one_of_its_parts_is_refused(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    for change in ({"iss": "http://127.0.0.1:1"}, {"state": "x" * 16}, {"code": "x" * 43}):
        browser = Browser()
        answer = browser.as_account(browser.to_provider(), "subject-1")
        assert refused(browser, altered(answer, **change)), change


def test_an_answer_counts_once_and_in_its_own_browser(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    browser, other = Browser(), Browser()
    answer = browser.as_account(browser.to_provider(), "subject-1")
    assert refused(other, answer)
    other.to_provider()
    assert refused(other, altered(answer, state=query(other.to_provider())["state"]))  # PKCE: not its code
    browser = Browser()
    answer = browser.as_account(browser.to_provider(), "subject-1")
    browser.visit(answer)
    assert browser.status == 200
    browser.visit(answer)
    assert browser.status == 401


def test_an_id_token_with_another_nonce_is_refused(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    browser = Browser()
    answer = browser.as_account(altered(browser.to_provider(), nonce="another-sign-in"), "subject-1")
    assert refused(browser, answer)


def test_whoever_aborts_at_the_provider_is_told_so(sso, li):
    browser = Browser(language="en")
    assert refused(browser, browser.as_account(browser.to_provider(), ""))
    assert "not completed" in browser.text


def test_a_request_cannot_ask_the_provider_for_more(sso, li):
    told = Client().post(f"{LOGIN}?scope=email&process=connect&auth_params=prompt%3Dnone%26state%3Dx&next=//evil.test/")
    request = query(told["Location"])
    assert request["scope"] == "openid"
    assert request["state"] != "x" and "prompt" not in request
    assert Client().get(LOGIN).status_code == 405
    assert Client().post("/account/oidc/other/login/").status_code == 404


def test_id_tokens_are_verified(sso, settings):
    adapter = OpenIDConnectAdapter(RequestFactory().get("/"), "sso")
    [about] = settings.OIDC_PROVIDERS
    kid = requests.get(f"{sso.issuer}/jwks", timeout=10).json()["keys"][0]["kid"]
    now = datetime.now(UTC)
    claims = {"iss": sso.issuer, "aud": "dujiang", "sub": "subject-1", "nonce": "n", "iat": now}
    good = {**claims, "exp": now + timedelta(minutes=5)}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        jwt.encode(good, stranger, "RS256", {"kid": kid}),
        jwt.encode(good, openid.SECRET * 2, "HS256", {"kid": kid}),
        jwt.encode(good, None, "none", {"kid": kid}),
        jwt.encode(good, stranger, "RS256", {"kid": "unknown"}),
        "no.token",
        None,
    ):
        with pytest.raises(OAuth2Error):
            adapter._claims(about, token)


def code(person):
    secret = get_adapter().decrypt(Authenticator.objects.get(user=person, type="totp").data["secret"])
    return f"{hotp_value(secret, int(time.time()) // 30):06d}"


@pytest.fixture
def zhang(sso, db):
    person, _ = add_person(OFFICE, "zhang", "张某某", Role.OFFICE, None, with_password=False)
    bind_identity(OFFICE, "zhang", sso.issuer, "subject-9")
    return person


def test_the_office_still_needs_its_second_factor(sso, zhang):
    browser = Browser().sign_in("subject-9", amr="pwd otp")  # said, but not trusted
    assert urlsplit(browser.address).path == "/account/2fa/totp/activate/"
    assert browser.client.get("/evidence/")["Location"] == "/account/2fa/totp/activate/"
    TOTP.activate(zhang, generate_totp_secret())
    browser = Browser().sign_in("subject-9")
    assert urlsplit(browser.address).path == "/account/2fa/authenticate/"
    assert browser.client.get("/account/2fa/").status_code == 302
    assert browser.client.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    told = browser.client.post("/account/2fa/authenticate/", {"code": code(zhang)})
    assert told["Location"] == "/evidence/"
    assert browser.client.get("/evidence/").status_code == 200


@pytest.mark.parametrize("factor", [{"amr": frozenset({"otp", "mfa"})}, {"acr": frozenset({"otp"})}])
def test_a_second_factor_of_a_trusted_provider_is_taken(sso, zhang, factor):
    sso.trust(**factor)
    [said] = factor
    browser = Browser().sign_in("subject-9", **{said: "otp"})
    assert urlsplit(browser.address).path == "/evidence/"
    assert urlsplit(Browser().sign_in("subject-9", **{said: "pwd"}).address).path == "/account/2fa/totp/activate/"
    TOTP.activate(zhang, generate_totp_secret())
    assert urlsplit(Browser().sign_in("subject-9", **{said: "otp"}).address).path == "/evidence/"
    assert urlsplit(Browser().sign_in("subject-9").address).path == "/account/2fa/authenticate/"


def test_signing_out_is_said_to_the_provider(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    browser = Browser().sign_in("subject-1")
    to = browser.client.post("/account/logout/")["Location"]
    assert to.startswith(f"{sso.issuer}/session/end?")
    assert browser.client.get("/account/2fa/").status_code == 302
    # Until the person says yes there, its session goes on: no form is asked.
    browser.visit(browser.to_provider(), until=f"{SITE}/account")
    page = browser.visit(to)
    form = dict(re.findall(r'name="(xsrf)" value="([^"]+)"', browser.text))
    browser.visit(urljoin(page, re.search(r'action="([^"]+)"', browser.text)[1]), {**form, "logout": "yes"}, until=SITE)
    browser.visit(browser.to_provider())
    assert 'name="account"' in browser.text


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OFFICE])
def test_nobody_but_the_office_binds(sso, li, role):
    for act in (
        lambda: bind_identity(Actor("somebody", role), "li", sso.issuer, "subject-1"),
        lambda: unbind_identity(Actor("somebody", role), "li", sso.issuer),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_what_cannot_be_bound_leaves_nothing(sso, li):
    bind_identity(OFFICE, "li", sso.issuer, "subject-1")
    before = Record.objects.count()
    for issuer, subject, said in (
        (sso.issuer, "subject-1", "bound to 'li'"),
        (sso.issuer, "", "characters"),
        (sso.issuer, "x" * 256, "characters"),
        ("https://other.example", "subject-2", "no provider"),
    ):
        with pytest.raises(Refused, match=said):
            bind_identity(OFFICE, "li", issuer, subject)
    assert (Identity.objects.count(), Record.objects.count()) == (1, before)


def test_the_office_binds_at_the_terminal(sso, db, tmp_path):
    def run(*arguments):
        done = CliRunner().invoke(app, ["person", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "without a password" in run("add", "shen", "--role", "auditor", "--no-password")
    assert not Person.objects.get().has_usable_password()
    run("bind", "shen", "--issuer", sso.issuer, "--subject", "subject-1")
    run("list", "--json", str(tmp_path / "people.json"))
    [shen] = json.loads((tmp_path / "people.json").read_text())
    assert shen["issuers"] == [sso.issuer]
    run("unbind", "shen", "--issuer", sso.issuer)
    assert not Identity.objects.exists()
    assert "no identity" in CliRunner().invoke(app, ["person", "unbind", "shen", "--issuer", sso.issuer]).output


@pytest.mark.usefixtures("sso", "db")
def test_the_sign_in_page_offers_the_provider():
    for language, said in (("zh-hans", "用统一身份登录： 统一认证"), ("en", "Sign in by 统一认证")):
        browser = Browser(language=language)
        browser.visit("/account/login/")
        assert said in browser.text


def test_a_served_site_signs_a_person_in_over_http(site, modules):
    provider = openid.Provider(modules)
    config = site.home.parent / "oidc.toml"
    config.write_text(provider.settings(), encoding="utf-8")
    site.environment |= {"DUJIANG_OIDC": str(config)}
    told = site.run("person", "list", check=False)
    assert told.returncode == 1
    assert "keys/oidc-sso" in told.stderr.replace("\n", "")
    (site.home / "keys").mkdir(parents=True, exist_ok=True)
    (site.home / "keys" / "oidc-sso").write_text(f"{openid.SECRET}\n")
    code = f"""
from dujiang.identity.actions import add_person, bind_identity
from dujiang.identity.permission import Role, at_the_terminal
add_person(at_the_terminal(), "shen", "", Role.AUDITOR, None, with_password=False)
bind_identity(at_the_terminal(), "shen", {provider.issuer!r}, "subject-1")
"""
    assert site.python(code).wait() == 0
    with site.serving() as address:
        try:
            provider.start(address)
            browser = Browser(address).sign_in("subject-1")
            assert (browser.status, urlsplit(browser.address).path) == (200, "/evidence/")
            assert "shen" in browser.text
            assert Browser(address).sign_in("subject-2").status == 403
        finally:
            provider.stop()
    log = (site.home.parent / "served.log").read_text()
    assert openid.SECRET not in log
