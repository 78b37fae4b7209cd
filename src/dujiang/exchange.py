"""Excel in and out of the admin's lists: what is taken goes through an action, every row or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import capfirst
from django.utils.translation import get_language
from import_export.admin import ExportMixin, ImportMixin
from import_export.formats.base_formats import XLSX, Format
from import_export.resources import ModelResource, Resource
from import_export.results import Error, Result, RowResult
from import_export.tmp_storages import CacheStorage
from unfold.contrib.import_export.forms import ImportForm

from dujiang.admin import worded
from dujiang.identity.encrypted import cipher
from dujiang.identity.permission import Actor, allowed
from dujiang.identity.web import actor_of
from dujiang.messages import BadInput, Text
from dujiang.sheets import received


class Listing(ModelResource):
    """A list as an Excel table, headed as its page is; ``personal`` fields only for who may read of people."""

    personal: frozenset[str] = frozenset()

    def __init__(self, actor: Actor, **_: Any) -> None:
        super().__init__()
        self.actor = actor

    def get_export_order(self) -> list[str]:
        """Return the fields that this actor may have."""
        hidden = frozenset() if allowed(self.actor, "identity.read") else self.personal
        return [name for name in super().get_export_order() if name not in hidden]

    def get_export_headers(self, selected_fields: Any = None) -> list[str]:
        """Return the fields' names in the page's language."""
        fields = (self._meta.model._meta.get_field(name.split("__")[0]) for name in self.get_export_order())
        return [capfirst(str(field.verbose_name)) for field in fields]


class Exported(ExportMixin):
    """A room whose list can be had in Excel, as filtered and searched; ``exported`` are its fields."""

    exported: Sequence[str] = ()
    personal: frozenset[str] = frozenset()
    export_formats = (XLSX,)
    skip_export_form = True

    def rules(self) -> dict[str, str | None]:
        """Exporting is reading."""
        return {**super().rules(), "export": self.reads}

    def get_export_resource_classes(self, request: HttpRequest) -> list[type[Listing]]:
        """Return the table's class."""
        meta = type("Meta", (), {"model": self.model, "fields": self.exported, "export_order": self.exported})
        return [type("Table", (Listing,), {"Meta": meta, "personal": self.personal})]

    def get_export_resource_kwargs(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        """Say for whom the table is."""
        return {"actor": actor_of(request)}

    def get_export_filename(self, request: HttpRequest, queryset: QuerySet, file_format: Any) -> str:
        """Return the file's name."""
        return f"{self.opts.model_name}.xlsx"


class Uploaded(CacheStorage):
    """An upload between its preview and its confirmation: it may hold people's names, so it is encrypted."""

    CACHE_LIFETIME = 3600

    def save(self, data: bytes) -> None:
        """Keep the upload."""
        super().save(cipher().encrypt(data))

    def read(self) -> bytes:
        """Return the upload; empty where it is kept no longer."""
        try:
            return cipher().decrypt(super().read() or b"")
        except InvalidToken:
            return b""


class Table(Format):
    """A table as it was sent; the action reads it."""

    def __init__(self, encoding: str | None = None) -> None:
        """Take the library's guess at the encoding, which the reader has no need of."""

    def get_title(self) -> str:
        """Return what is taken."""
        return "Excel (.xlsx), CSV"

    def can_import(self) -> bool:
        """It can."""
        return True

    def create_dataset(self, in_stream: bytes) -> bytes:
        """Return the file's content as it is."""
        return in_stream


class Taking(Resource):
    """Takes a table through an action, or checks it for the preview."""

    columns: Mapping[str, Text]
    check: Callable[[Actor, Path], Sequence[Any]]
    take: Callable[[Actor, Path], Sequence[Any]]

    @classmethod
    def get_display_name(cls) -> str:
        """Return the class's name, which no page shows: a room takes one kind of table."""
        return cls.__name__

    def get_user_visible_fields(self) -> list[Any]:
        """Return the columns that a table has."""
        return [SimpleNamespace(column_name=title) for title in self._titles()]

    def _titles(self) -> list[str]:
        return [worded(title) for title in self.columns.values()]

    def import_data(self, dataset: bytes, dry_run: bool = False, *, file_name: str, user: Any, **_: Any) -> Result:
        """Take every row or none; a row that can't be used is the result's error."""
        result = Result()
        result.diff_headers = self._titles()
        result.taken = []
        try:
            if not dataset:
                expected = Text("一小时内上传的文件", "a file sent within the hour")
                raise BadInput(file_name, expected=expected, remedy=Text("请重新上传", "send it again"))
            with received(file_name, dataset) as path:
                rows = self.check(user.actor, path)
                result.taken = [] if dry_run else self.take(user.actor, path)
        except BadInput as error:
            result.append_base_error(Error(error.in_language(get_language() or "zh-hans")))
            return result
        for row in rows:
            one = RowResult()
            one.import_type = RowResult.IMPORT_TYPE_NEW
            one.diff = [str(getattr(row, name, "")) for name in self.columns]
            result.append_row_result(one)
            result.increment_row_result_total(one)
        return result


class Imported(ImportMixin):
    """A room that takes tables: ``imports`` is the action asked for, ``taking`` what takes them."""

    imports: str
    taking: type[Taking]
    import_export_change_list_template = "admin/import_export/change_list_import_export.html"
    import_formats = (Table,)
    import_form_class = ImportForm
    tmp_storage_class = Uploaded
    skip_admin_log = True

    def rules(self) -> dict[str, str | None]:
        """Importing is for who may do what the rows ask for."""
        return {**super().rules(), "import": self.imports, "process_import": self.imports}

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether tables are taken from whoever asks."""
        return self.may(request, self.imports)

    def get_import_resource_classes(self, request: HttpRequest) -> list[type[Taking]]:
        """Return what takes the table."""
        return [self.taking]

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        """Say what was taken; or why nothing was, where something came between preview and confirmation."""
        if not result.has_errors():
            return self.taken(request, result)
        for error in result.base_errors:
            messages.error(request, error.error)
        return redirect(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_import")

    def taken(self, request: HttpRequest, result: Result) -> HttpResponse:
        """Answer to a table that was taken."""
        return super().process_result(result, request)
