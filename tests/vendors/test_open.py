"""Opening the client from what the operator configured."""

import time
from pathlib import Path

import pytest

from app.credentials.secrets import Secrets
from app.settings.environment import Settings, load_settings
from app.settings.reading import SettingsError
from app.vendors.configured_connections import connections_of
from app.vendors.models import Connection
from app.vendors.open_client import open_vendor_client
from mappings.http import VendorRequest
from mappings.registry import MANIFESTS, VENDORS, active, manifest_of
from tests.vendors.vendor_server import running_vendor


def settings_of(folder: Path, text: str) -> Settings:
    """Settings read from a file with this text."""
    file = folder / "lockstitch.toml"
    file.write_text(text)
    return load_settings({"LOCKSTITCH_CONFIG": str(file)})


async def test_a_configured_connection_reaches_its_vendor(tmp_path: Path) -> None:
    async with running_vendor() as vendor:
        settings = settings_of(
            tmp_path,
            f"""
            [connections.desk]
            vendor = "zendesk"
            base_url = "{vendor.url}"
            credentials = {{ email = "env:DESK_EMAIL", token = "env:DESK_TOKEN" }}
            """,
        )
        environment = {"DESK_EMAIL": "ops@example.com", "DESK_TOKEN": "t-1"}
        async with open_vendor_client(settings, Secrets(environment)) as client:
            reply = await client.send(
                Connection(name="desk", vendor=VENDORS["zendesk"]),
                VendorRequest(method="GET", path="/api/v2/tickets", route="/api/v2/tickets"),
                deadline=time.monotonic() + 5,
            )
    assert reply.status == 200
    assert vendor.targets() == ["GET /api/v2/tickets"]
    assert vendor.calls[0].headers["authorization"].startswith("Basic ")


async def test_all_configuration_errors_are_reported_at_once(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        """
        [connections.crm]
        vendor = "hubspot"
        [connections.shop]
        vendor = "shopify"
        credentials = { token = "env:SHOP_TOKEN" }
        [connections.desk]
        vendor = "zendesk"
        base_url = "https://example.zendesk.com"
        credentials = { email = "env:DESK_EMAIL", token = "env:DESK_TOKEN" }
        [connections.books]
        vendor = "quickbooks"
        """,
    )
    environment = {"SHOP_TOKEN": "secret-1", "DESK_EMAIL": "ops@example.com"}
    with pytest.raises(SettingsError) as complaint:
        async with open_vendor_client(settings, Secrets(environment)):
            pass
    lines = str(complaint.value).splitlines()
    assert len(lines) == 4
    for part in ("[connections.crm] credentials lacks token", "[connections.shop] lacks base_url", "DESK_TOKEN"):
        assert any(part in line for line in lines)
    known = ", ".join(sorted(MANIFESTS))
    assert f"[connections.books] unknown vendor 'quickbooks'. Known are: {known}." in lines
    assert "secret-1" not in str(complaint.value)


async def test_a_setting_of_another_vendor_is_refused(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        """
        [connections.shop]
        vendor = "shopify"
        base_url = "https://example.myshopify.com"
        credentials = { token = "env:SHOP_TOKEN" }
        default_account = "Web customers"
        """,
    )
    with pytest.raises(SettingsError, match="Shopify has no setting default_account"):
        async with open_vendor_client(settings, Secrets({"SHOP_TOKEN": "secret-1"})):
            pass


@pytest.mark.parametrize("secret", ["two\nlines", "ümlaut", "nul\x00"])
async def test_a_secret_that_no_header_can_carry_is_complained_about(tmp_path: Path, secret: str) -> None:
    settings = settings_of(
        tmp_path, '[connections.crm]\nvendor = "hubspot"\ncredentials = { token = "env:CRM_TOKEN" }\n'
    )
    with pytest.raises(SettingsError) as complaint:
        async with open_vendor_client(settings, Secrets({"CRM_TOKEN": secret})):
            pass
    assert "[connections.crm]" in str(complaint.value)
    assert secret not in str(complaint.value)


async def test_a_vendor_of_which_only_webhooks_are_taken_is_not_called(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, '[connections.crm]\nvendor = "hubspot"\nwebhook_secrets = ["env:CRM_WEBHOOK_SECRET"]\n'
    )
    assert settings.connections["crm"].only_takes_webhooks
    vendor = manifest_of("hubspot", only_takes_webhooks=True)
    assert (vendor.title, vendor.mappings, active(vendor, "customer")) == ("HubSpot", (), None)
    assert vendor.webhooks is not None
    assert vendor.webhooks.notice("contact.creation", "contact", "1051", b"{}") is None
    async with open_vendor_client(settings, Secrets({})) as client:
        assert client.state(Connection(name="crm", vendor=vendor)) is None


async def test_one_setting_for_calls_makes_it_a_vendor_that_is_called(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        """
        [connections.crm]
        vendor = "hubspot"
        base_url = "https://api.hubapi.com"
        webhook_secrets = ["env:CRM_WEBHOOK_SECRET"]
        """,
    )
    with pytest.raises(SettingsError, match="credentials lacks token"):
        async with open_vendor_client(settings, Secrets({})):
            pass


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "standard-webhooks"])
def test_a_custom_field_of_lines_is_refused_where_lines_have_none(tmp_path: Path, vendor: str) -> None:
    settings = settings_of(
        tmp_path,
        f"""
        [connections.crm]
        vendor = "{vendor}"
        base_url = "https://crm.example.com"
        credentials = {{ token = "env:CRM_TOKEN" }}
        [connections.crm.custom_fields]
        customers = [{{ key = "tier", vendor_field = "line:tier" }}]
        orders = [{{ key = "gift", vendor_field = "gift" }}, {{ key = "engraving", vendor_field = "line:Engraving" }}]
        """,
    )
    with pytest.raises(SettingsError) as complaint:
        connections_of(settings)
    assert str(complaint.value) == (
        "connections.crm.custom_fields.orders[1]: vendor_field 'line:Engraving' names a field of order lines, and "
        f"{MANIFESTS[vendor].title} has no custom fields of lines. Remove it, or name a field of the order."
    )
