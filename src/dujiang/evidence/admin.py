"""Looking through evidence: nothing is added, changed or removed here."""

from __future__ import annotations

import json
from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from dujiang.admin import Room, by_words, record_link, site, worded
from dujiang.evidence.chain import seal
from dujiang.evidence.kinds import KINDS
from dujiang.evidence.models import Record


@admin.register(Record, site=site)
class RecordRoom(Room):
    """The ledger. A list of it to keep is `dujiang evidence export`, which can be verified anywhere."""

    list_display = ("sequence", "when", "kind_words", "subject", "actor", "sealed")
    list_filter = (by_words("kind", _("kind"), {name: kind.title for name, kind in KINDS.items()}),)
    search_fields = ("=subject", "=actor")
    search_help_text = _("The whole subject or actor, such as person:li")
    ordering = ("-sequence",)
    sortable_by = ()
    paginator = InfinitePaginator
    fields = ("number", "time", "actor", "kind_words", "subject", "content", "previous", "digest", "sealed")
    readonly_fields = ("number", "kind_words", "content", "sealed")

    @display(description=_("sequence"))
    def number(self, obj: Record) -> SafeString | str:
        """Return the record's number with a link to its page."""
        return record_link(obj.sequence)

    @display(description=_("time"))
    def when(self, obj: Record) -> datetime:
        """Return when it was appended, on the site's clock."""
        return obj.moment

    @display(description=_("kind"))
    def kind_words(self, obj: Record) -> str:
        """Return the kind in words."""
        return worded(obj.about.title)

    @display(description=_("seal holds"), boolean=True)
    def sealed(self, obj: Record) -> bool:
        """Whether the record's content is what its digest was computed of."""
        fields = (obj.sequence, obj.time, obj.actor, obj.kind, obj.subject, obj.body, obj.previous)
        return seal(*fields, obj.digest.partition(":")[0]) == obj.digest

    @display(description=_("body"))
    def content(self, obj: Record) -> SafeString:
        """Return the body, a field a line."""
        return format_html(
            '<pre class="whitespace-pre-wrap break-all">{}</pre>',
            json.dumps(obj.content, ensure_ascii=False, indent=2),
        )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Find by number, or by whole subject or actor."""
        if search_term.isascii() and search_term.isdigit() and len(search_term) < 19:
            return queryset.filter(sequence=int(search_term)), False
        return super().get_search_results(request, queryset, search_term)

    def records_of(self, obj: Record) -> QuerySet[Record]:
        """Return the record, and what else there is about its subject."""
        return Record.objects.filter(subject=obj.subject, kind=obj.kind)
