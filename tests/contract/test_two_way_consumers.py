"""Two connections that copy to each other need to know whose value counts, before anything starts."""

from pathlib import Path

import pytest

from tests.commands import lockstitch
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import free_port

CONNECTIONS = """
[connections.crm]
vendor = "hubspot"
credentials = { token = "env:CRM_TOKEN" }

[connections.shop]
vendor = "shopify"
base_url = "https://clay.example"
credentials = { token = "env:CRM_TOKEN" }

[connections.billing]
vendor = "stripe"
credentials = { key = "env:CRM_TOKEN" }
"""
ORDINARY = '\n[[consumers]]\nobject = "customers"\nconnection = "crm"\nsources = ["shop"]\n'
BACK = '\n[[consumers]]\nobject = "customers"\nconnection = "shop"\n'
REFUSAL = "customers:crm and customers:shop copy to each other"


@pytest.mark.parametrize(
    ("more", "lacking"),
    [
        (ORDINARY + BACK, "tax_exemption, tax_ids, timezone have none"),
        (ORDINARY + 'fields = ["emails", "notes"]\n' + BACK, "emails, notes have none"),
        (
            ORDINARY
            + 'fields = ["emails", "notes"]\n'
            + BACK
            + '\n[ownership.customers.fields.emails]\nowner = "crm"\nanyone_else = "skip"\n',
            "notes has none",
        ),
    ],
)
def test_fields_that_go_both_ways_need_an_owner(tmp_path: Path, more: str, lacking: str) -> None:
    for command in ("serve", "worker", "doctor"):
        done = _start(tmp_path, command, more)
        assert done[0] != 0
        assert REFUSAL in done[1]
        assert lacking in done[1]
        assert "[systems_of_record]" in done[1]
        assert "[ownership.customers.fields]" in done[1]


@pytest.mark.parametrize(
    "more",
    [
        ORDINARY + BACK + '\n[systems_of_record]\ncustomers = "crm"\n',
        ORDINARY + 'fields = ["emails"]\n' + BACK + 'fields = ["notes"]\n',
        ORDINARY + BACK + 'sources = ["billing"]\n',
        ORDINARY + BACK.replace("customers", "orders"),
        ORDINARY.replace("customers", "orders") + 'fields = ["number"]\n' + BACK.replace("customers", "orders")
        + '\n[ownership.orders.fields.number]\nowner = "shop"\n',
    ],
)  # fmt: skip
def test_others_start(tmp_path: Path, more: str) -> None:
    """They get as far as the database, which does not answer."""
    code, output = _start(tmp_path, "serve", more)
    assert code != 0
    assert "[[consumers]]" not in output


def test_a_vendor_that_archives_no_customers_is_named(tmp_path: Path) -> None:
    for target, is_refused in (("shop", True), ("crm", False)):
        order = f'[[consumers]]\nobject = "customers"\nconnection = "{target}"\nsources = ["billing"]\n'
        output = _start(tmp_path, "serve", order + 'on_delete = "archive"\n')[1]
        assert ("Shopify cannot archive customers" in output) == is_refused


def _start(folder: Path, command: str, more: str) -> tuple[int, str]:
    """Start a process, and return its exit code and what it says."""
    file = folder / "lockstitch.toml"
    file.write_text(CONNECTIONS + more)
    done = lockstitch(
        command,
        columns=2000,
        environment={
            "LOCKSTITCH_CONFIG": str(file),
            "LOCKSTITCH_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
            "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            "LOCKSTITCH_PORT": str(free_port()),
            "LOCKSTITCH_PROBE_PORT": "0",
            "LOCKSTITCH_WORKER_PORT": str(free_port()),
            "CRM_TOKEN": "a-token",
        },
    )
    return done.returncode, done.stdout + done.stderr
