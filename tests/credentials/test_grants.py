"""Which grant a connection uses, and the scopes it asks for, by its table in `lockstitch.toml`."""

from pathlib import Path

import pytest

from app.credentials.grants import grant_of, needed_scopes
from app.settings.connections import ConnectionSettings
from app.settings.file import read_config_file
from app.settings.reading import SettingsError
from mappings.registry import VENDORS
from tests.required import required

APP = 'credentials = { client_id = "env:ID", client_secret = "env:SECRET" }'


def connection(folder: Path, vendor: str, *lines: str) -> ConnectionSettings:
    """A connection `crm`, as written in the file."""
    path = folder / "lockstitch.toml"
    path.write_text("\n".join([f'[connections.crm]\nvendor = "{vendor}"', *lines]), encoding="utf-8")
    return read_config_file(path).connections["crm"]


def kind(folder: Path, vendor: str, *lines: str) -> str | None:
    grant = grant_of(connection(folder, vendor, *lines), VENDORS[vendor])
    return None if grant is None else grant.kind


def test_the_names_of_the_credentials_select_a_grant(tmp_path: Path) -> None:
    assert kind(tmp_path, "hubspot", APP) == "authorization_code"
    assert kind(tmp_path, "hubspot", 'credentials = { token = "env:T" }') is None
    assert kind(tmp_path, "medusa", 'credentials = { email = "env:E", password = "env:P" }') == "login"
    assert kind(tmp_path, "medusa", 'credentials = { api_key = "env:K" }') is None
    assert kind(tmp_path, "zendesk", 'credentials = { email = "env:E", token = "env:T" }') is None


@pytest.mark.parametrize("grant", ["client_credentials", "authorization_code"])
def test_a_vendor_with_several_grants_needs_the_name(tmp_path: Path, grant: str) -> None:
    assert kind(tmp_path, "shopify", APP, f'grant = "{grant}"') == grant
    with pytest.raises(SettingsError, match="lacks grant: name one of client_credentials, authorization_code"):
        kind(tmp_path, "shopify", APP)


def test_an_impossible_grant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HubSpot has authorization_code"):
        kind(tmp_path, "hubspot", APP, 'grant = "client_credentials"')
    with pytest.raises(SettingsError, match="Stripe has none"):
        kind(tmp_path, "stripe", 'credentials = { key = "env:K" }', 'grant = "login"')
    with pytest.raises(SettingsError, match="credentials lacks client_secret"):
        kind(tmp_path, "zendesk", 'credentials = { client_id = "env:ID" }', 'grant = "authorization_code"')


def test_scopes_follow_the_access(tmp_path: Path) -> None:
    def scopes(*lines: str) -> tuple[str, ...]:
        settings = connection(tmp_path, "shopify", APP, 'grant = "client_credentials"', *lines)
        return needed_scopes(settings, VENDORS["shopify"], required(grant_of(settings, VENDORS["shopify"])))

    assert scopes() == ("read_products", "write_customers", "write_orders")
    assert scopes('access = { customers = "read" }') == ("read_customers",)
    assert scopes('access = { orders = "read" }', 'scopes = ["read_all_orders"]') == (
        *("read_all_orders", "read_customers", "read_orders"),
    )
    assert scopes('access = { orders = "read" }', "stock = {}") == (
        *("read_customers", "read_inventory", "read_locations", "read_orders", "read_products"),
    )
    with pytest.raises(SettingsError, match="access has unknown object leads"):
        scopes('access = { leads = "read" }')
