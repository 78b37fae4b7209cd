"""Opening the store for a command or a server: Django set up, the database made or brought up to date."""

from __future__ import annotations

import os


def open_store() -> None:
    """Set up Django and apply the migrations that the database has not seen.

    Raises `django.db.utils.OperationalError` where the database can't be reached.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dujiang.settings")
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
