"""Keeping units, people and the keys of the API."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from openpyxl import Workbook
from unfold.decorators import action, display

from dujiang.admin import Room, by_words, site, worded
from dujiang.evidence.models import Record
from dujiang.exchange import Exported, Imported, Taking
from dujiang.identity.actions import (
    add_enterprise,
    add_enterprises,
    add_people,
    add_person,
    change_person,
    check_enterprises,
    check_people,
    rename_enterprise,
    revoke_key,
)
from dujiang.identity.models import Key, Person, Unit
from dujiang.identity.permission import Actor, Role
from dujiang.identity.uploads import ENTERPRISES, PEOPLE
from dujiang.identity.web import actor_of

_ROLES = {role.value: role.words for role in Role if role is not Role.PUBLIC}


class Enterprises(Taking):
    """Tables of enterprises."""

    columns = ENTERPRISES
    check = staticmethod(check_enterprises)
    take = staticmethod(add_enterprises)


class People(Taking):
    """Tables of people."""

    columns = PEOPLE
    check = staticmethod(check_people)
    take = staticmethod(add_people)


@admin.register(Unit, site=site)
class UnitRoom(Imported, Exported, Room):
    """Units: those of a plan come with it, enterprises are added by their code."""

    reads, adds, changes, imports = "identity.read", "identity.edit", "identity.edit", "identity.edit"
    taking = Enterprises
    list_display = ("name", "kind", "division", "credit_code")
    list_filter = ("kind",)
    search_fields = ("name", "credit_code")
    ordering = ("name",)
    exported = ("name", "kind", "division", "credit_code")

    def get_fields(self, request: HttpRequest, obj: Unit | None = None) -> Sequence[str]:
        """Return what there is to say of a unit; only an enterprise has a code to be added by."""
        return ("name", "credit_code") if obj is None else ("name", "kind", "division", "credit_code")

    def get_readonly_fields(self, request: HttpRequest, obj: Unit | None = None) -> Sequence[str]:
        """Return what stays: a code is for life, and a plan's units are named in the plan."""
        if obj is None:
            return ()
        kept = ("kind", "division", "credit_code")
        return kept if obj.kind == Unit.Kind.ENTERPRISE else ("name", *kept)

    def get_form(self, request: HttpRequest, obj: Unit | None = None, change: bool = False, **more: Any) -> Any:
        """Return the form, in which an enterprise's code must be given."""
        form = super().get_form(request, obj, change, **more)
        if "credit_code" in form.base_fields:
            form.base_fields["credit_code"].required = True
        return form

    def has_change_permission(self, request: HttpRequest, obj: Unit | None = None) -> bool:
        """Whether the unit may be renamed."""
        return super().has_change_permission(request, obj) and (obj is None or obj.kind == Unit.Kind.ENTERPRISE)

    def write(self, actor: Actor, form: Any, change: bool) -> Unit:
        """Add an enterprise, or rename it."""
        name = form.cleaned_data["name"]
        if change:
            return rename_enterprise(actor, form.instance.credit_code, name)
        return add_enterprise(actor, name, form.cleaned_data["credit_code"])

    def records_of(self, obj: Unit) -> QuerySet[Record]:
        """Return the evidence about an enterprise; a plan's unit came with the plan, which has its own history."""
        return Record.objects.filter(kind="identity.changed", subject=f"unit:{obj.credit_code or ''}")


@admin.register(Person, site=site)
class PersonRoom(Imported, Exported, Room):
    """People who sign in."""

    reads, adds, changes, imports = "identity.read", "identity.edit", "identity.edit", "identity.edit"
    taking = People
    list_display = ("username", "name", "role_words", "unit", "is_active")
    list_filter = (by_words("role", _("role"), _ROLES), "is_active")
    search_fields = ("username", "unit__name")
    list_select_related = ("unit",)
    ordering = ("username",)
    autocomplete_fields = ("unit",)
    exported = ("username", "name", "role", "unit__name", "is_active")
    personal = frozenset({"name"})

    @display(description=_("role"), ordering="role")
    def role_words(self, obj: Person) -> str:
        """Return the role in words."""
        return worded(_ROLES[obj.role])

    def get_fields(self, request: HttpRequest, obj: Person | None = None) -> Sequence[str]:
        """Return what there is to say of a person."""
        role = "role" if self.may(request, self.changes) else "role_words"
        return ("username", "name", role, "unit") if obj is None else ("username", "name", role, "unit", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> Sequence[str]:
        """Return what stays: evidence knows people by their login."""
        return ("role_words", *(("username",) if obj else ()))

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        """Return the roles in words."""
        if db_field.name == "role":
            more["choices"] = [("", "—"), *((value, worded(words)) for value, words in _ROLES.items())]
        return super().formfield_for_choice_field(db_field, request, **more)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        """Return a field; a name is one line, and may be left out."""
        field = super().formfield_for_dbfield(db_field, request, **more)
        if db_field.name == "name":
            field.widget.attrs["rows"] = 1
            field.required = False
        return field

    def write(self, actor: Actor, form: Any, change: bool) -> Person:
        """Add a person, or change them."""
        data = form.cleaned_data
        unit = data["unit"].name if data["unit"] else None
        if change:
            return change_person(
                actor,
                form.instance.username,
                role=Role(data["role"]),
                active=data["is_active"],
                name=data["name"],
                unit=unit or "",
            )
        person, form.password = add_person(actor, data["username"], data["name"], Role(data["role"]), unit)
        return person

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        """Hand the first password on to the answer."""
        super().save_model(request, obj, form, change)
        obj.first_password = getattr(form, "password", None)

    def response_add(self, request: HttpRequest, obj: Person, post_url_continue: str | None = None) -> HttpResponse:
        """Show the first password, once."""
        return self._passwords(request, [(obj, obj.first_password)])

    def taken(self, request: HttpRequest, result: Any) -> HttpResponse:
        """Hand out the first passwords, once."""
        return self._passwords(request, result.taken)

    def _passwords(self, request: HttpRequest, made: Sequence[tuple[Person, str]]) -> HttpResponse:
        """Return the page with first passwords as a file in it, so that nothing is kept anywhere."""
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append([gettext("login"), gettext("first password")])
        for person, password in made:
            sheet.append([person.username, password])
        out = BytesIO()
        book.save(out)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("First passwords"),
            "opts": self.opts,
            "made": [(person.username, password) for person, password in made],
            "file": base64.b64encode(out.getvalue()).decode(),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "console/admin/passwords.html", context)

    def records_of(self, obj: Person) -> QuerySet[Record]:
        """Return the evidence about a person, their keys with it."""
        return Record.objects.filter(kind="identity.changed", subject=f"person:{obj.username}")


@admin.register(Key, site=site)
class KeyRoom(Exported, Room):
    """Keys of the API: issued by command, for whoever runs the program; revoked here too."""

    reads = "identity.read"
    list_display = ("id", "person", "allows", "issued", "expires", "revoked")
    list_filter = (("revoked", admin.EmptyFieldListFilter),)
    search_fields = ("person__username",)
    list_select_related = ("person",)
    ordering = ("-id",)
    fields = ("person", "allows", "issued", "expires", "revoked")
    exported = ("id", "person__username", "scopes", "issued", "expires", "revoked")
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether keys may be revoked."""
        return self.may(request, "key.issue")

    @display(description=_("scopes"))
    def allows(self, obj: Key) -> str:
        """Return the actions that the key allows."""
        return ", ".join(obj.scopes)

    @action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Key]) -> None:
        """Revoke keys at once, all of the chosen that are not yet, or none."""
        with transaction.atomic():
            numbers = [revoke_key(actor_of(request), key.pk).pk for key in queryset.filter(revoked=None)]
        messages.success(request, gettext("Revoked: %s") % (", ".join(map(str, numbers)) or "—"))

    def records_of(self, obj: Key) -> QuerySet[Record]:
        """Return the evidence about a key."""
        return Record.objects.filter(
            kind="identity.changed", subject=f"person:{obj.person.username}", body__contains=f'"key":{obj.pk},'
        )
