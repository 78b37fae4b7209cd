"""A programme's whole way by commands: declared, applied for, reviewed, granted, spent, reconciled, verified."""

import json
from datetime import UTC, datetime, timedelta

from django.db import connection

from credit_codes import credit_code
from dujiang.identity.permission import Actor, Role
from dujiang.vouchers import actions
from dujiang.vouchers.models import Application, Grant


def test_a_voucher_from_declaration_to_the_provider_s_invoice(db, command, tmp_path):
    command("unit", "add", "绵阳某公司", "--code", credit_code("91510700MA6AAAAAX"))
    declare = ["voucher", "programme", "sc", "--title", "四川省算力券", "--cap", "1000", "--budget", "500"]
    terms = ["--issuer", "510000", "--share", "51=50%", "--kind", "enterprise", "--product", "gpu.*"]
    assert "sc" in command(*declare, *terms).stdout
    assert "四川省算力券" in command("voucher", "programme").stdout
    command("voucher", "allot", "sc", "--amount", "200", "--issuer", "510700")
    command("voucher", "apply", "sc", "--holder", "绵阳某公司", "--amount", "300", "--purpose", "训练")
    application = Application.objects.get().pk
    told = command("voucher", "grant", application, check=False)
    assert told.returncode == 1
    assert "尚未评审" in told.stderr
    assert "300.00" in command("voucher", "review").stdout
    command("voucher", "review", application, "--approve", "--amount", "250.50", "--why", "用途明确")
    assert "CNY 125.25" in command("voucher", "grant", application).stdout
    assert "250.50" in command("voucher", "balance", "绵阳某公司", "--product", "gpu.a").stdout
    who, until = Actor("li", Role.OFFICE), datetime.now(UTC) + timedelta(hours=1)
    for key, amount in (("job-1", 12345), ("job-2", 655)):
        actions.hold(
            who, key=key, holder="绵阳某公司", product="gpu.a", provider="算力中心", amount=amount, until=until
        )
        actions.settle(who, key, amount)
    command("voucher", "statement", "绵阳某公司", "--json", tmp_path / "s.json")
    statement = json.loads((tmp_path / "s.json").read_text())
    assert [(one["spent"], one["free"]) for one in statement["grants"]] == [(13000, 12050)]
    assert {one["key"]: one["amount"] for one in statement["payments"]} == {"job-1": 12345, "job-2": 655}
    invoice = tmp_path / "账单.csv"
    invoice.write_text("预留号,金额\njob-1,123.45\njob-2,6.55\n", encoding="utf-8")
    command("voucher", "reconcile", "算力中心", invoice)
    invoice.write_text("预留号,金额\njob-1,123.46\njob-2,6.55\n", encoding="utf-8")
    told = command("voucher", "reconcile", "算力中心", invoice, "--json", tmp_path / "r.json", check=False)
    assert told.returncode == 1
    assert "123.46" in told.stdout
    assert json.loads((tmp_path / "r.json").read_text())["differences"] == [
        {"key": "job-1", "row": 2, "invoiced": 12346, "settled": 12345}
    ]
    assert "120.50" in command("voucher", "clawback", Grant.objects.get().pk, "--why", "到期").stdout
    assert "130.00" in command("voucher", "accounts").stdout
    assert "分户账无误" in command("voucher", "verify").stdout
    command("voucher", "close", "sc", "--why", "期满")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE vouchers_account SET posted = posted + 1 WHERE kind = 'provider'")
    told = command("voucher", "verify", check=False)
    assert told.returncode == 1
    assert "合计为 1" in told.stdout
    assert "按过账应为" in told.stdout
