from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scenarios", "0004_model"),
    ]

    operations = [
        migrations.AddField(
            model_name="seedscore",
            name="shifted",
            field=models.BooleanField(default=False),
        ),
        migrations.RemoveConstraint(model_name="seedscore", name="one_score_a_seed"),
        migrations.AddConstraint(
            model_name="seedscore",
            constraint=models.UniqueConstraint(fields=("evaluation", "shifted", "seed"), name="one_score_a_seed"),
        ),
        migrations.AlterModelOptions(name="seedscore", options={"ordering": ["shifted", "seed"]}),
    ]
