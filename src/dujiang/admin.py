"""The admin, for record-keeping: its site and what the rooms of all planes share.

A plane's ``admin.py`` puts its models in rooms here. Who may enter is asked of `identity.permission` at every address,
as pages do; what is written goes through the plane's actions; an object's history is the evidence about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from allauth.account.views import logout
from django import forms
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.sites import UnfoldAdminSite

from dujiang.evidence.models import Record
from dujiang.identity.permission import Actor, allowed, require
from dujiang.identity.web import View, actor_of, page
from dujiang.messages import Refused, Text

ENTER = "admin.read"
"""The action that every address of the admin asks for, beside its own."""
_KEPT = {"index", "jsi18n", "autocomplete", "app_list"}
_SHOWN = 100
"""Records of a history, the latest first."""


class Site(UnfoldAdminSite):
    """The admin's site. People sign in, sign out and change passwords where everybody does."""

    final_catch_all_view = False
    index_title = gettext_lazy("Records")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether whoever asks may enter."""
        return allowed(actor_of(request), ENTER)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the addresses, each with its declared rule."""
        found = [one for one in super().get_urls() if isinstance(one, URLResolver) or one.name in _KEPT]
        for one in _patterns(found):
            one.callback = page(ENTER)(one.callback)
        return [*found, path("logout/", page("account.use")(logout), name="logout")]


def _patterns(found: list[Any]) -> list[URLPattern]:
    return [
        pattern for one in found for pattern in (_patterns(one.url_patterns) if isinstance(one, URLResolver) else [one])
    ]


_WORDS = {
    "what": gettext_lazy("what happened"),
    "name": gettext_lazy("name"),
    "role": gettext_lazy("role"),
    "unit": gettext_lazy("unit"),
    "active": gettext_lazy("may sign in"),
    "key": gettext_lazy("key"),
    "scopes": gettext_lazy("scopes"),
    "expires": gettext_lazy("expires"),
    "file": gettext_lazy("file"),
    "row": gettext_lazy("row"),
    "sha256": gettext_lazy("digest"),
    "item": gettext_lazy("item"),
    "field": gettext_lazy("field"),
    "before": gettext_lazy("before"),
    "after": gettext_lazy("after"),
    "why": gettext_lazy("reason"),
    "programme": gettext_lazy("programme"),
    "title": gettext_lazy("title"),
    "period": gettext_lazy("period"),
    "value": gettext_lazy("value"),
    "source": gettext_lazy("source"),
    "vouched_by": gettext_lazy("vouched by"),
    "new": gettext_lazy("items new"),
    "changed": gettext_lazy("items changed"),
    "same": gettext_lazy("items unchanged"),
    "gone": gettext_lazy("items no longer in the text"),
    "amended": gettext_lazy("items amended"),
}
"""What the fields of records are called, of those that histories mostly show; others keep their own names."""


def _told(record: Record) -> list[tuple[Any, str]]:
    """Return a record's content as lines: what each field is called, and its value."""
    return [(_WORDS.get(name, name), _shown(value)) for name, value in record.content.items()]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return "、".join(map(str, value)) or "—"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "—" if value is None else str(value)


site = Site()


class Room(ModelAdmin):
    """A model's pages: a list, an object, its history; forms only where an action is named that they call.

    ``reads``, ``adds`` and ``changes`` are actions of `identity.permission`. Nothing is ever deleted here: evidence
    refers to what is kept.
    """

    reads = ENTER
    adds: str | None = None
    changes: str | None = None
    list_per_page = 50
    show_full_result_count = False
    show_facets = False
    list_fullwidth = True

    def may(self, request: HttpRequest, action: str | None) -> bool:
        """Whether whoever asks may do this at all."""
        return action is not None and allowed(actor_of(request), action)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the room is shown."""
        return self.may(request, self.reads)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the room is read."""
        return self.may(request, self.reads)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether something may be added."""
        return self.may(request, self.adds)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether something may be changed."""
        return self.may(request, self.changes)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes."""
        return False

    def rules(self) -> dict[str, str | None]:
        """Return the action that each kind of address asks for; an address without one is not served."""
        return {"changelist": self.reads, "history": self.reads, "change": self.reads, "add": self.adds}

    @property
    def urls(self) -> list[URLPattern]:
        """The addresses that are served, each with its declared rule."""
        rules, served = self.rules(), []
        start = f"{self.opts.app_label}_{self.opts.model_name}_"
        for one in self.get_urls():
            what = (one.name or "").removeprefix(start)
            if action := rules.get(what):
                view = self._written(one.callback) if what == "change" else one.callback
                one.callback = page(action)(view)
                served.append(one)
        return served

    def _written(self, view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            if request.method == "POST":
                if self.changes is None:
                    return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
                require(actor_of(request), self.changes)
            return view(request, *arguments, **named)

        return asked

    def write(self, actor: Actor, form: Any, change: bool) -> Model:
        """Call the action that a valid form asks for, and return what it made; may raise `Refused`."""
        raise NotImplementedError

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **more: Any) -> Any:
        """Return a form whose validation ends with the action, so that what it refuses is said in the form."""
        made = super().get_form(request, obj, change, **more)
        if not (self.has_change_permission(request, obj) if change else self.has_add_permission(request)):
            return made
        return type(made.__name__, (_Acting, made), {"act": lambda form: self.write(actor_of(request), form, change)})

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """The action has written already."""
        obj.pk = form.written.pk

    def log_addition(self, *arguments: Any) -> None:
        """Evidence says what happened."""

    def log_change(self, *arguments: Any) -> None:
        """Evidence says what happened."""

    def records_of(self, obj: Any) -> QuerySet[Record]:
        """Return the evidence about an object."""
        return Record.objects.filter(sequence=obj.evidence)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show the evidence about an object, the latest first."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("History"),
            "subtitle": str(obj),
            "opts": self.opts,
            "original": obj,
            "records": [(one, _told(one)) for one in self.records_of(obj).order_by("-sequence")[:_SHOWN]],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "console/admin/history.html", context)

    @display(description=gettext_lazy("evidence"))
    def evidence_link(self, obj: Any) -> SafeString | str:
        """Return a link to the record behind an object."""
        return record_link(obj.evidence)


def record_link(sequence: int | None) -> SafeString | str:
    """Return a link to an evidence record."""
    return format_html('<a href="{}">{}</a>', reverse("record", args=[sequence]), sequence) if sequence else "—"


def by_words(parameter: str, title: Any, words: Mapping[str, Text]) -> type[SimpleListFilter]:
    """Return a filter of a list by a field whose values have words in both languages."""

    def lookups(self: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, worded(word)) for value, word in words.items()]

    def queryset(self: Any, request: HttpRequest, found: QuerySet) -> QuerySet:
        return found.filter(**{parameter: self.value()}) if self.value() else found

    named = {"parameter_name": parameter, "title": title, "lookups": lookups, "queryset": queryset}
    return type("Filter", (SimpleListFilter,), named)


def worded(text: Text) -> str:
    """Return a text in the page's language."""
    return text.in_language(get_language() or "zh-hans")


class _Acting(forms.BaseForm):
    """A form whose validation ends with the action that it asks for."""

    act: Callable[[Any], Model]

    def is_valid(self) -> bool:
        """Whether the fields are right and the action was done; what the action refuses is an error of the form."""
        if not super().is_valid():
            return False
        try:
            self.written = self.act()
        except Refused as error:
            self.add_error(None, worded(error.text))
            return False
        return True
