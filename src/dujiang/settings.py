"""Django's settings. What a site may choose comes from the environment; docs/reference/settings.md lists it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import dj_database_url
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from dujiang.identity.providers import read_providers
from dujiang.keys import site_secret

HOME = Path(os.environ.get("DUJIANG_HOME") or Path.home() / ".local" / "share" / "dujiang")
"""Where the embedded database, keys and files live."""
HOME.mkdir(parents=True, exist_ok=True)


SECRET_KEY = site_secret(HOME, "secret-key", lambda: secrets.token_urlsafe(48).encode()).decode()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("DUJIANG_HOSTS", "127.0.0.1,localhost").split(",")

if url := os.environ.get("DUJIANG_DATABASE_URL"):
    DATABASES = {"default": dj_database_url.parse(url, conn_max_age=60)}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME / "dujiang.sqlite3",
            "OPTIONS": {
                # Writers queue at BEGIN rather than fail at COMMIT; a commit that was acknowledged is on disk.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EVIDENCE_DIGEST = os.environ.get("DUJIANG_DIGEST", "sha256")
"""``sha256``, or ``sm3`` where a site must use national algorithms; records written before keep theirs."""

COMPUTE_GIVE_UP_SECONDS = float(os.environ.get("DUJIANG_COMPUTE_GIVE_UP", "120"))
"""How long a compute pool may not answer before what ran there is taken as lost."""

DATA_PREFIX = os.environ.get("DUJIANG_DATA_PREFIX", "99999")
"""What the identifiers of data sets begin with; the default is for trials, a site asks its registry for one of its own."""

DATA_ADDRESS = os.environ.get("DUJIANG_ADDRESS", "http://127.0.0.1:8000")
"""The address at which others reach the site, for what leaves it: identifiers and metadata."""
DATA_EMAIL = os.environ.get("DUJIANG_EMAIL", "")
"""Whom harvesters write to about the catalogue."""
DATA_STORE = os.environ.get("DUJIANG_DATA_STORE") or str(HOME / "data")
"""Where deposited files are kept: a folder, or an address that fsspec knows, such as s3://bucket/prefix."""
DATA_BACKUP = os.environ.get("DUJIANG_DATA_BACKUP", "")
"""The second place of the same, empty for none."""
WORKDAYS = Path(days) if (days := os.environ.get("DUJIANG_WORKDAYS")) else None
"""The State Council's arrangements of days off for years that `dujiang.safety.workdays` does not know."""

AUTH_USER_MODEL = "identity.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
ACCOUNT_ADAPTER = "dujiang.identity.web.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_SESSION_REMEMBER = False  # a session ends with the browser
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "overview"
ACCOUNT_RATE_LIMITS = {"login_failed": "5/10m/key"}
"""After five wrong passwords for a login it is locked for ten minutes, right password or not."""
MFA_ADAPTER = "dujiang.identity.web.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Dujiang"
MFA_TOTP_TOLERANCE = 1  # a code holds half a minute longer, for slow hands and clocks (RFC 6238, 5.2)
OIDC_PROVIDERS = read_providers(Path(oidc) if (oidc := os.environ.get("DUJIANG_OIDC")) else None, HOME, os.environ)
SOCIALACCOUNT_ADAPTER = "dujiang.identity.oidc.Adapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "dujiang.identity.oidc.OpenIDConnect"}}
SESSION_COOKIE_AGE = 12 * 3600
# Shared by the processes of a site, so that lock-outs count in all of them.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": HOME / "cache"}}

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # before the admin, whose pages it draws
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "dujiang.console",  # before allauth, whose pages it frames
    "unfold.contrib.import_export",
    "import_export",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "dujiang.evidence",
    "dujiang.plan",
    "dujiang.scenarios",
    "dujiang.compute",
    "dujiang.tokens",
    "dujiang.vouchers",
    "dujiang.data",
    "dujiang.data.spaces.apps.Spaces",
    "dujiang.safety",
    "dujiang.safety.assessment",
    "dujiang.talent",
    "dujiang.data.annotation",
    "dujiang.support",
    "dujiang.talent.competitions.apps.Competitions",
    "dujiang.identity",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dujiang.identity.web.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "dujiang.urls"
ASGI_APPLICATION = "dujiang.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dujiang.console.frame.navigation",
            ],
        },
    }
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).parent / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

UNFOLD = {
    "SITE_TITLE": _("Dujiang"),
    "SITE_HEADER": _("Dujiang"),
    "SITE_SUBHEADER": _("Records"),
    "SITE_SYMBOL": "water",
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "SITE_FAVICONS": [{"rel": "icon", "href": "data:,"}],
    "BORDER_RADIUS": "4px",
    "COLORS": {"primary": {**dict.fromkeys(("50", "100"), "#eef3f6"), **dict.fromkeys(("200", "300"), "#a9c6d9"),
        "400": "#6ea6c8", "500": "#4b8fb8", **dict.fromkeys(("600", "700", "800"), "#14557b"),
        **dict.fromkeys(("900", "950"), "#0d3a55")}},
    "ACCOUNT": {"navigation": [
        {"title": _("Second factor"), "link": reverse_lazy("mfa_index")},
        {"title": _("Change the password"), "link": reverse_lazy("account_change_password")},
    ]},
}  # fmt: skip
"""The admin's looks: the console's colours."""
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True  # what people typed in is never run by their reader's Excel

STATIC_URL = "static/"
# Pages are served from the package's own files: there is nothing to collect or to fetch.
WHITENOISE_USE_FINDERS = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
