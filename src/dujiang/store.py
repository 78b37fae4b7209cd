"""Opening the store for a command or a server: Django set up, the database made or brought up to date."""

from __future__ import annotations

import fcntl
import os


def open_store() -> None:
    """Set up Django and apply the migrations that the database has not seen.

    Raises `django.db.utils.OperationalError` where the database can't be reached.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dujiang.settings")
    import django
    from django.apps import apps
    from django.conf import settings

    if not apps.ready:
        django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    def behind() -> bool:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    if behind():
        # Of processes that open a new store at once, one makes it.
        with (settings.HOME / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if behind():
                call_command("migrate", interactive=False, verbosity=0)
