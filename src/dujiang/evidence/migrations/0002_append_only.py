"""Triggers that refuse to change or remove a record, whoever asks."""

from django.db import migrations

SQLITE = {
    "evidence_no_update": "BEFORE UPDATE ON evidence_record",
    "evidence_no_delete": "BEFORE DELETE ON evidence_record",
    # INSERT OR REPLACE removes the old row without firing the delete trigger.
    "evidence_no_replace": """BEFORE INSERT ON evidence_record
        WHEN EXISTS (SELECT 1 FROM evidence_record WHERE sequence = NEW.sequence)""",
}

POSTGRESQL = """
CREATE FUNCTION evidence_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'evidence is append-only'; END $$;
CREATE TRIGGER evidence_no_change BEFORE UPDATE OR DELETE ON evidence_record
    FOR EACH ROW EXECUTE FUNCTION evidence_append_only();
CREATE TRIGGER evidence_no_truncate BEFORE TRUNCATE ON evidence_record
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_append_only();
"""

POSTGRESQL_UNDO = """
DROP TRIGGER evidence_no_change ON evidence_record;
DROP TRIGGER evidence_no_truncate ON evidence_record;
DROP FUNCTION evidence_append_only;
"""


def forbid(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
        return
    for name, when in SQLITE.items():
        schema_editor.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END")


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL_UNDO)
        return
    for name in SQLITE:
        schema_editor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial")]

    operations = [migrations.RunPython(forbid, allow)]
