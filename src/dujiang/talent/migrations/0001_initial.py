import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import dujiang.identity.encrypted


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("identity", "0003_identities"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Analysis",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quarter", models.CharField(max_length=6, unique=True)),
                ("report", models.JSONField()),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("evidence", models.BigIntegerField()),
            ],
            options={
                "ordering": ["-quarter"],
            },
        ),
        migrations.CreateModel(
            name="Audit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("confidence", models.FloatField()),
                ("tolerated", models.FloatField()),
                ("population", models.PositiveIntegerField()),
                ("seed", models.CharField(max_length=64)),
                ("seed_record", models.BigIntegerField()),
                ("auditor", models.CharField(max_length=200)),
                ("result", models.JSONField(null=True)),
                ("evidence", models.BigIntegerField()),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=40, unique=True)),
                ("level", models.CharField(max_length=20)),
                ("facts", models.JSONField()),
                ("issued", models.DateField()),
                ("state", models.CharField(default="valid", max_length=20)),
                ("why", models.TextField(blank=True)),
                ("evidence", models.BigIntegerField()),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Checked",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sound", models.BooleanField(null=True)),
                ("note", models.TextField(blank=True)),
                (
                    "audit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sample", to="talent.audit"
                    ),
                ),
                (
                    "certificate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checks", to="talent.certificate"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.CharField(max_length=20)),
                ("quota", models.PositiveIntegerField()),
                ("rules", models.JSONField()),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("state", models.CharField(default="valid", max_length=20)),
                ("why", models.TextField(blank=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="delegations", to="identity.unit"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="certificate",
            name="delegation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="certificates", to="talent.delegation"
            ),
        ),
        migrations.AddField(
            model_name="audit",
            name="delegation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="audits", to="talent.delegation"
            ),
        ),
        migrations.CreateModel(
            name="School",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("evidence", models.BigIntegerField()),
                (
                    "unit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="school", to="identity.unit"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Skill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uri", models.CharField(max_length=200, unique=True)),
                ("kind", models.CharField(max_length=40)),
                ("label_zh", models.CharField(blank=True, max_length=300)),
                ("label_en", models.CharField(blank=True, max_length=300)),
                ("alternatives", models.TextField(blank=True)),
                ("evidence", models.BigIntegerField()),
                ("broader", models.ManyToManyField(related_name="narrower", to="talent.skill")),
            ],
            options={
                "ordering": ["label_zh", "label_en"],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("industry", models.CharField(blank=True, max_length=40)),
                ("level", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(blank=True, max_length=6)),
                ("title", models.CharField(max_length=200)),
                ("number", models.PositiveIntegerField()),
                ("by", models.DateField()),
                ("state", models.CharField(default="open", max_length=20)),
                ("outcome", models.TextField(blank=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="identity.unit"
                    ),
                ),
                (
                    "skill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="talent.skill"
                    ),
                ),
            ],
            options={
                "ordering": ["by", "id"],
            },
        ),
        migrations.CreateModel(
            name="Need",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("industry", models.CharField(blank=True, max_length=40)),
                ("level", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(blank=True, max_length=6)),
                ("task", models.PositiveIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("by", models.DateField()),
                ("evidence", models.BigIntegerField()),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="identity.unit"
                    ),
                ),
                (
                    "skill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="needs", to="talent.skill"
                    ),
                ),
            ],
            options={
                "ordering": ["task", "by", "id"],
            },
        ),
        migrations.AddField(
            model_name="delegation",
            name="skill",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="delegations", to="talent.skill"
            ),
        ),
        migrations.CreateModel(
            name="Course",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("level", models.CharField(max_length=20)),
                ("places", models.PositiveIntegerField()),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("evidence", models.BigIntegerField()),
                (
                    "order",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="courses",
                        to="talent.order",
                    ),
                ),
                (
                    "school",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="courses", to="talent.school"
                    ),
                ),
                (
                    "skill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="courses", to="talent.skill"
                    ),
                ),
            ],
            options={
                "ordering": ["since", "id"],
            },
        ),
        migrations.CreateModel(
            name="Talent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("industry", models.CharField(blank=True, max_length=40)),
                ("level", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(blank=True, max_length=6)),
                ("details", dujiang.identity.encrypted.EncryptedText()),
                ("entered", models.DateField(null=True)),
                ("left", models.DateField(null=True)),
                ("state", models.CharField(default="active", max_length=20)),
                ("recorded", models.DateTimeField(auto_now_add=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "merged_into",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merged",
                        to="talent.talent",
                    ),
                ),
                (
                    "person",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="talent",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("skills", models.ManyToManyField(related_name="talents", to="talent.skill")),
                (
                    "unit",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="talents",
                        to="identity.unit",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Measure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("need", dujiang.identity.encrypted.EncryptedText()),
                ("measure", dujiang.identity.encrypted.EncryptedText()),
                ("until", models.DateField()),
                ("outcome", dujiang.identity.encrypted.EncryptedText()),
                ("state", models.CharField(default="open", max_length=20)),
                ("closed", models.DateTimeField(null=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "responsible",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="measures", to="identity.unit"
                    ),
                ),
                (
                    "talent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="measures", to="talent.talent"
                    ),
                ),
            ],
            options={
                "ordering": ["until", "id"],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("purposes", models.JSONField()),
                ("given", models.DateField()),
                ("until", models.DateField()),
                ("paper", models.CharField(max_length=200)),
                ("withdrawn", models.DateTimeField(null=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "talent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="consents", to="talent.talent"
                    ),
                ),
            ],
            options={
                "ordering": ["-given", "-id"],
            },
        ),
        migrations.AddField(
            model_name="certificate",
            name="talent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="certificates", to="talent.talent"
            ),
        ),
        migrations.CreateModel(
            name="Achievement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("login", models.CharField(blank=True, max_length=60)),
                ("what_zh", models.CharField(max_length=300)),
                ("what_en", models.CharField(max_length=300)),
                ("time", models.DateTimeField(auto_now_add=True)),
                ("source", models.BigIntegerField()),
                ("evidence", models.BigIntegerField()),
                (
                    "talent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="achievements",
                        to="talent.talent",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Path",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("start", models.CharField(max_length=20)),
                ("end", models.CharField(max_length=20)),
                ("years", models.FloatField()),
                ("evidence", models.BigIntegerField()),
                (
                    "skill",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="paths", to="talent.skill"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("skill", "start", "end"), name="one_path")],
            },
        ),
        migrations.CreateModel(
            name="Pair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("probability", models.FloatField()),
                ("reasons", models.JSONField()),
                ("state", models.CharField(default="open", max_length=20)),
                ("decided_by", models.CharField(blank=True, max_length=200)),
                ("evidence", models.BigIntegerField(null=True)),
                (
                    "first",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="talent.talent"
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="talent.talent"
                    ),
                ),
            ],
            options={
                "ordering": ["-probability", "id"],
                "constraints": [models.UniqueConstraint(fields=("first", "second"), name="one_pair")],
            },
        ),
        migrations.CreateModel(
            name="Trainee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(default="enrolled", max_length=20)),
                ("placed", models.DateField(null=True)),
                ("stayed", models.BooleanField(null=True)),
                ("evidence", models.BigIntegerField()),
                (
                    "course",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trainees", to="talent.course"
                    ),
                ),
                (
                    "placed_with",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="identity.unit"
                    ),
                ),
                (
                    "talent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trainings", to="talent.talent"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [models.UniqueConstraint(fields=("course", "talent"), name="once_on_a_course")],
            },
        ),
        migrations.CreateModel(
            name="Vacancy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("industry", models.CharField(blank=True, max_length=40)),
                ("level", models.CharField(blank=True, max_length=20)),
                ("city", models.CharField(blank=True, max_length=6)),
                ("reference", models.CharField(max_length=60)),
                ("title", models.CharField(max_length=200)),
                ("number", models.PositiveIntegerField()),
                ("opened", models.DateField()),
                ("closes", models.DateField()),
                ("filled", models.PositiveIntegerField(default=0)),
                ("evidence", models.BigIntegerField()),
                ("skills", models.ManyToManyField(related_name="vacancies", to="talent.skill")),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="vacancies", to="identity.unit"
                    ),
                ),
            ],
            options={
                "ordering": ["closes", "id"],
                "constraints": [models.UniqueConstraint(fields=("unit", "reference"), name="one_vacancy_a_reference")],
            },
        ),
    ]
