"""Triggers that refuse to change or remove what the ledger has written, whoever asks."""

from django.db import migrations

TABLES = {
    "programme": "id = NEW.id OR code = NEW.code",
    "closing": "id = NEW.id OR programme_id = NEW.programme_id",
    "allotment": "id = NEW.id",
    "application": "id = NEW.id",
    "review": "id = NEW.id",
    "grant": "id = NEW.id OR application_id = NEW.application_id",
    "hold": "id = NEW.id OR key = NEW.key",
    "extension": "id = NEW.id",
    "outcome": "hold_id = NEW.hold_id",
    "transfer": "id = NEW.id",
}
"""The append-only tables, each with what makes a row take another's place."""

SQLITE = (
    {
        f"vouchers_{table}_{name}": f"BEFORE {when.upper()} ON vouchers_{table}"
        for table in TABLES
        for name, when in (("no_update", "update"), ("no_delete", "delete"))
    }
    | {
        # INSERT OR REPLACE removes the old row without firing the delete trigger.
        f"vouchers_{table}_no_replace": f"""BEFORE INSERT ON vouchers_{table}
        WHEN EXISTS (SELECT 1 FROM vouchers_{table} WHERE {same})"""
        for table, same in TABLES.items()
    }
    | {
        "vouchers_account_no_delete": "BEFORE DELETE ON vouchers_account",
        "vouchers_account_no_change": """BEFORE UPDATE OF id, kind, owner, unit, programme_id, grant_id
        ON vouchers_account""",
    }
)

FUNCTION = """
CREATE FUNCTION vouchers_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the voucher ledger is append-only'; END $$;
"""
POSTGRESQL = """
CREATE TRIGGER vouchers_{table}_no_change BEFORE UPDATE OR DELETE ON vouchers_{table}
    FOR EACH ROW EXECUTE FUNCTION vouchers_append_only();
CREATE TRIGGER vouchers_{table}_no_truncate BEFORE TRUNCATE ON vouchers_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_append_only();
"""
ACCOUNTS = """
CREATE TRIGGER vouchers_account_no_change BEFORE UPDATE OF id, kind, owner, unit, programme_id, grant_id
    ON vouchers_account FOR EACH ROW EXECUTE FUNCTION vouchers_append_only();
CREATE TRIGGER vouchers_account_no_delete BEFORE DELETE ON vouchers_account
    FOR EACH ROW EXECUTE FUNCTION vouchers_append_only();
CREATE TRIGGER vouchers_account_no_truncate BEFORE TRUNCATE ON vouchers_account
    FOR EACH STATEMENT EXECUTE FUNCTION vouchers_append_only();
"""


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(FUNCTION)
        for table in TABLES:
            schema_editor.execute(POSTGRESQL.format(table=table))
        schema_editor.execute(ACCOUNTS)
        return
    for name, when in SQLITE.items():
        schema_editor.execute(
            f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'the voucher ledger is append-only'); END"
        )


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION vouchers_append_only CASCADE")
        return
    for name in SQLITE:
        schema_editor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0001_initial")]

    operations = [migrations.RunPython(forbid, allow)]
