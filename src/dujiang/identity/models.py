"""Units and people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from dujiang.identity.encrypted import EncryptedText
from dujiang.identity.permission import Actor, Role


class Unit(models.Model):
    """A department, government, enterprise or laboratory that people act for."""

    class Kind(models.TextChoices):
        """What a unit is."""

        DEPARTMENT = "department", _("department")
        GOVERNMENT = "government", _("government")
        ENTERPRISE = "enterprise", _("enterprise or laboratory")

    name = models.CharField(_("name"), max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    division = models.CharField(_("division code"), max_length=6, blank=True)  # GB/T 2260, of a government
    credit_code = models.CharField(
        _("unified social credit code"), max_length=18, unique=True, null=True, blank=True
    )  # GB 32100, of an enterprise

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")

    def __str__(self) -> str:
        return self.name


class _People(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(username=username)


class Person(AbstractBaseUser):
    """Somebody who signs in. Evidence knows people by ``username``, never by their name."""

    username = models.CharField(_("login"), max_length=60, unique=True)
    name = EncryptedText(_("full name"))
    role = models.CharField(
        _("role"), max_length=20, choices=[(role.value, role.value) for role in Role if role is not Role.PUBLIC]
    )
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, related_name="people", verbose_name=_("unit"))
    is_active = models.BooleanField(_("may sign in"), default=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: list[str] = []
    objects: Any = _People()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.username

    @property
    def actor(self) -> Actor:
        """The person as permission and evidence know them."""
        return Actor(self.username, Role(self.role), self.unit.name if self.unit else "")


class Key(models.Model):
    """A key by which a program acts for a person. The key itself is not kept, only its digest (SHA-256)."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="keys", verbose_name=_("person"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    scopes = models.JSONField(_("scopes"))
    expires = models.DateTimeField(_("expires"))
    revoked = models.DateTimeField(_("revoked"), null=True)
    issued = models.DateTimeField(_("issued"), auto_now_add=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.pk} ({self.person})"


class Identity(models.Model):
    """An identity at an OpenID Connect provider by which a person signs in; of its subject only a keyed digest is kept."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=500)
    digest = models.CharField(max_length=64, unique=True)
    bound = models.DateTimeField(auto_now_add=True)
