"""Keeping the plan: its items amended by hand, its statistics, what units said, what was signed off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from dujiang.admin import Room, site
from dujiang.evidence.chain import canonical
from dujiang.evidence.models import Record
from dujiang.exchange import Exported, Imported, Taking
from dujiang.identity.permission import Actor
from dujiang.messages import BadInput, Refused, Text
from dujiang.plan.actions import AMENDABLE, OPS, amend, check_statistics, record_statistics
from dujiang.plan.models import Comment, Item, Programme, SignOff, Statistic
from dujiang.plan.uploads import COLUMNS, Figure
from dujiang.plan.wording import figure


class _OfProgramme(Room):
    """A room of what belongs to a programme, whose text lists don't load."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return what is kept, each with its programme's title."""
        found = super().get_queryset(request).select_related("programme")
        return found.defer("programme__text", "programme__unread")


@admin.register(Programme, site=site)
class ProgrammeRoom(Exported, Room):
    """Programmes, which are loaded from their text by command."""

    list_display = ("title", "number", "issuer", "date", "loaded")
    fields = ("title", "number", "issuer", "date", "source", "source_digest", "loaded")
    ordering = ("-loaded",)
    exported = ("title", "number", "issuer", "date", "source", "source_digest", "loaded")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return programmes without their texts."""
        return super().get_queryset(request).defer("text", "unread")

    def records_of(self, obj: Programme) -> QuerySet[Record]:
        """Return the evidence about a programme: loaded and amended."""
        return Record.objects.filter(subject=obj.key, kind__in=["plan.loaded", "plan.amended"])


def _field(name: str, item: Item) -> forms.Field:
    """Return the form field of a fact, by the type that its action asks for, with what was read as its help."""
    kind, read, holds = AMENDABLE[item.kind][name], item.read.get(name), item.facts.get(name)
    more: dict[str, Any] = {
        "label": _FACTS[name],
        "required": False,
        "initial": holds,
        "help_text": gettext("As read: %s") % _shown(read) if name in item.amended else "",
    }
    if name == "op":
        choices = [("", "—"), *((one, one) for one in OPS)]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **more)
    if kind is bool:
        return forms.BooleanField(widget=UnfoldBooleanWidget, **more)
    if kind is int:
        return forms.IntegerField(widget=UnfoldAdminTextInputWidget, **more)
    if kind is list:
        more["initial"] = "\n".join(holds or ())
        return forms.CharField(widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **more)
    if kind is str:
        return forms.CharField(widget=UnfoldAdminTextInputWidget, **more)
    return forms.FloatField(widget=UnfoldAdminTextInputWidget, **more)


def _value(name: str, item: Item, entered: Any) -> Any:
    """Return what was entered as the action takes it."""
    kind = AMENDABLE[item.kind][name]
    if kind is list:
        return [line.strip() for line in entered.splitlines() if line.strip()]
    if isinstance(entered, float) and entered.is_integer():
        return int(entered)
    return None if entered == "" else entered


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(map(str, value)) or "—"
    return "—" if value is None else str(value)


_FACTS = {
    "year": _("year"),
    "op": _("comparison"),
    "value": _("value"),
    "low": _("lowest"),
    "high": _("highest"),
    "unit": _("unit of measure"),
    "about": _("about"),
    "approximate": _("approximate"),
    "period": _("period"),
    "lead": _("lead units"),
    "cooperating": _("cooperating units"),
    "title": _("title"),
    "name": _("name"),
    "kind": _("kind"),
}


@admin.register(Item, site=site)
class ItemRoom(Exported, _OfProgramme):
    """Goals, tasks, requirements and named systems; what the reader got wrong is amended here, with the reason."""

    changes = "plan.amend"
    list_display = ("label", "kind", "position", "is_amended", "present", "programme")
    list_filter = ("kind", "present")
    search_fields = ("key",)
    ordering = ("programme", "kind", "position")
    exported = ("programme__title", "kind", "position", "read", "amended", "present")

    @display(description=_("title"))
    def label(self, obj: Item) -> str:
        """Return what the item is called."""
        return str(obj)

    @display(description=_("amended"), boolean=True)
    def is_amended(self, obj: Item) -> bool:
        """Whether people amended it."""
        return bool(obj.amended)

    @display(description=_("facts"))
    def facts(self, obj: Item) -> SafeString:
        """Return what holds of the item, and what was read where that differs."""
        rows = ((_FACTS[name], _shown(obj.facts.get(name)), self._read(obj, name)) for name in AMENDABLE[obj.kind])
        return format_html(
            "<dl>{}</dl>",
            format_html_join("", '<dt class="font-semibold">{}</dt><dd class="mb-2">{} {}</dd>', rows),
        )

    def _read(self, obj: Item, name: str) -> str:
        return f"({gettext('As read: %s') % _shown(obj.read.get(name))})" if name in obj.amended else ""

    @display(description=_("quote"))
    def quote(self, obj: Item) -> str:
        """Return the words of the plan's text that the item was read from."""
        start, end = obj.read["span"]
        return Programme.objects.values_list("text", flat=True).get(pk=obj.programme_id)[start:end]

    def get_readonly_fields(self, request: HttpRequest, obj: Item | None = None) -> Sequence[str]:
        """Return what is not amended."""
        return ("programme", "kind", "position", "present", "quote", "facts")

    def get_fieldsets(self, request: HttpRequest, obj: Item | None = None) -> list[tuple[Any, dict[str, Any]]]:
        """Return what the item is, then its facts: fields for who may amend them."""
        about = (None, {"fields": ("programme", "kind", "position", "present", "quote")})
        if not self.has_change_permission(request, obj) or obj is None:
            return [about, (_("facts"), {"fields": ("facts",)})]
        return [about, (_("facts"), {"fields": (*(f"fact_{name}" for name in AMENDABLE[obj.kind]), "why")})]

    def get_form(self, request: HttpRequest, obj: Item | None = None, change: bool = False, **more: Any) -> Any:
        """Return a form with a field for every fact of this kind of item."""
        if obj is not None and self.has_change_permission(request, obj):
            fields: dict[str, Any] = {f"fact_{name}": _field(name, obj) for name in AMENDABLE[obj.kind]}
            fields["why"] = forms.CharField(
                label=_("reason"), max_length=500, widget=UnfoldAdminTextInputWidget, help_text=_("Kept as evidence.")
            )
            more["form"] = type("Facts", (forms.ModelForm,), fields)
        return super().get_form(request, obj, change, **more)

    def write(self, actor: Actor, form: Any, change: bool) -> Item:
        """Amend every fact that was changed."""
        item = form.instance
        before = item.facts
        entered = {name: _value(name, item, form.cleaned_data[f"fact_{name}"]) for name in AMENDABLE[item.kind]}
        changed = {
            name: value
            for name, value in entered.items()
            if (value or None) != (before.get(name) or None) or (value == 0) != (before.get(name) == 0)
        }
        if not changed:
            raise Refused(Text("没有改动", "nothing was changed"))
        for name, value in changed.items():
            item = amend(actor, item, name, value, form.cleaned_data["why"])
        return item

    def records_of(self, obj: Item) -> QuerySet[Record]:
        """Return the evidence about an item."""
        marked = canonical({"key": obj.key})[1:-1]
        return Record.objects.filter(subject=obj.programme.key, kind="plan.amended", body__contains=marked)


class Statistics(Taking):
    """Tables of statistics of the current programme, by the reader that the page of statistics has."""

    columns = COLUMNS

    @staticmethod
    def check(actor: Actor, path: Path) -> Sequence[Figure]:
        """Check a table."""
        return check_statistics(actor, _current(path), path)

    @staticmethod
    def take(actor: Actor, path: Path) -> Sequence[Statistic]:
        """Take a table."""
        return record_statistics(actor, _current(path), path)


def _current(path: Path) -> Programme:
    programme = Programme.current()
    if programme is None:
        raise BadInput(
            path,
            expected=Text("已载入的方案", "a plan that is loaded"),
            remedy=Text("请先载入方案", "load the plan first"),
        )
    return programme


@admin.register(Statistic, site=site)
class StatisticRoom(Imported, Exported, _OfProgramme):
    """Figures of indicators. A wrong one is corrected by recording the right one for the same period."""

    imports = "statistic.record"
    taking = Statistics
    list_display = ("indicator", "period", "shown", "source", "vouched_by", "recorded", "evidence_link")
    search_fields = ("indicator", "source")
    ordering = ("-id",)  # as recorded, by an index that is there anyway
    sortable_by = ()
    paginator = InfinitePaginator
    fields = ("programme", "indicator", "period", "shown", "source", "vouched_by", "recorded", "evidence_link")
    readonly_fields = ("shown", "evidence_link")
    exported = (
        "programme__title", "indicator", "period", "value", "unit", "source", "vouched_by", "recorded", "evidence",
    )  # fmt: skip
    personal = frozenset({"vouched_by"})

    @display(description=_("value"))
    def shown(self, obj: Statistic) -> str:
        """Return the figure with its unit."""
        return figure(obj.value, obj.unit)

    def records_of(self, obj: Statistic) -> QuerySet[Record]:
        """Return the evidence about the same indicator and period: the figure, and what it was before or became."""
        marked = canonical({"period": obj.period})[1:-1]
        return Record.objects.filter(subject=obj.indicator[:200], kind="statistic.recorded", body__contains=marked)


@admin.register(Comment, site=site)
class CommentRoom(Exported, _OfProgramme):
    """What units said to a month's dispatch."""

    list_display = ("month", "unit", "author", "text", "written", "evidence_link")
    search_fields = ("=month", "unit", "author")
    ordering = ("-id",)
    fields = ("programme", "month", "unit", "author", "text", "written", "evidence_link")
    readonly_fields = ("evidence_link",)
    exported = ("programme__title", "month", "unit", "author", "text", "written", "evidence")


@admin.register(SignOff, site=site)
class SignOffRoom(Exported, _OfProgramme):
    """Months that were signed off."""

    list_display = ("month", "author", "signed", "programme", "evidence_link")
    ordering = ("-month",)
    fields = ("programme", "month", "author", "signed", "digest", "evidence_link")
    readonly_fields = ("digest", "evidence_link")
    exported = ("programme__title", "month", "author", "signed", "evidence")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return sign-offs without the dispatches that they froze."""
        return super().get_queryset(request).defer("made")

    @display(description=_("digest"))
    def digest(self, obj: SignOff) -> str:
        """Return the digest of the dispatch that was signed off, as evidence has it."""
        return Record.objects.get(sequence=obj.evidence).content["sha256"]
