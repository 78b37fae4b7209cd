"""The store: the models are what the migrations make, and it is made once."""

from django.core.management import call_command


def test_no_migration_is_missing(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_processes_that_open_a_new_store_at_once_make_it_once(new_site):
    opening = [new_site.python("print('open')") for _ in range(4)]
    assert [one.communicate(timeout=120) for one in opening] == [("open\n", "")] * 4
