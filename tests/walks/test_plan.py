"""What is pulled, and how often: by default, and as the configuration says."""

from pathlib import Path
from typing import Final

import pytest

from app.settings.environment import Settings, load_settings
from app.settings.reading import SettingsError
from app.vendors.configured_connections import connections_of
from app.walks.plan import pull_plans_of
from app.walks.pull.freshness import rules_of
from tests.encryption import ENCRYPTION_KEYS

SALES: Final = """
[connections.sales]
vendor = "salesforce"
base_url = "https://example.my.salesforce.com"
credentials = { token = "env:TOKEN" }
"""
DESK: Final = """
[connections.desk]
vendor = "freshdesk"
base_url = "https://example.freshdesk.com"
credentials = { token = "env:TOKEN" }
webhook_secrets = ["env:SECRET"]
"""
HOOKS: Final = """
[connections.hooks]
vendor = "hubspot"
webhook_secrets = ["env:SECRET"]
"""


SHOP: Final = """
[connections.shop]
vendor = "woocommerce"
base_url = "https://shop.example"
credentials = { consumer_key = "env:KEY", consumer_secret = "env:SECRET" }
"""


def settings_of(folder: Path, text: str) -> Settings:
    file = folder / "lockstitch.toml"
    file.write_text(text)
    return load_settings({"LOCKSTITCH_CONFIG": str(file), "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS})


def pulled(folder: Path, text: str) -> dict[str, str]:
    """Return how often each object is pulled, by connection and object."""
    settings = settings_of(folder, text)
    return {
        f"{one.connection} {one.object}": one.frequency for one in pull_plans_of(settings, connections_of(settings))
    }


def limited(folder: Path, text: str) -> dict[str, tuple[int, str | None]]:
    """Return each freshness limit, and why pulls cannot keep it, by connection and object."""
    settings = settings_of(folder, text)
    return {
        f"{one.connection} {one.object}": (one.limit, one.unreachable)
        for one in rules_of(settings, connections_of(settings))
        if one.limit is not None
    }


def test_what_sends_no_webhooks_is_pulled_often_and_the_rest_as_a_safety_net(tmp_path: Path) -> None:
    assert pulled(tmp_path, SALES + DESK + HOOKS) == {
        "desk customer": "5m",
        "desk ticket": "1h",
        "sales customer": "5m",
        "sales order": "5m",
        "sales ticket": "5m",
    }


def test_what_is_outside_the_access_of_a_connection_is_not_pulled(tmp_path: Path) -> None:
    assert pulled(tmp_path, SALES + 'access = { customers = "read" }\n') == {"sales customer": "5m"}


def test_what_hints_name_is_pulled_often_too(tmp_path: Path) -> None:
    pay = (
        '[connections.pay]\nvendor = "stripe"\nbase_url = "https://api.stripe.com"\ncredentials = { key = "env:KEY" }\n'
    )
    assert pulled(tmp_path, pay) == {"pay customer": "5m", "pay order": "5m"}


def test_webhooks_that_are_not_verified_do_not_count(tmp_path: Path) -> None:
    without = DESK.replace('webhook_secrets = ["env:SECRET"]\n', "")
    assert pulled(tmp_path, without) == {"desk customer": "5m", "desk ticket": "5m"}


def test_the_narrowest_table_counts(tmp_path: Path) -> None:
    tables = """
    [pull]
    every = "2h"
    [connections.desk.pull]
    every = "30s"
    customers = { every = "1d" }
    [connections.sales.pull.orders]
    every = "off"
    """
    assert pulled(tmp_path, SALES + DESK + tables) == {
        "desk customer": "1d",
        "desk ticket": "30s",
        "sales customer": "2h",
        "sales ticket": "2h",
    }


def test_overlap_and_page_are_limited_by_the_vendor(tmp_path: Path) -> None:
    file = tmp_path / "lockstitch.toml"
    file.write_text(f'{SALES}\n[connections.sales.pull]\noverlap = "10m"\npage = 1000\norders = {{ page = 7 }}\n')
    settings = load_settings({"LOCKSTITCH_CONFIG": str(file), "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS})
    plans = {one.object: one for one in pull_plans_of(settings, connections_of(settings))}
    assert {one.overlap for one in plans.values()} == {600.0}
    assert plans["order"].page_size == 7
    assert plans["customer"].page_size < 1000


@pytest.mark.parametrize("every", ["5", "0s", "5 m", "1w", "never"])
def test_a_duration_that_is_none_is_refused(tmp_path: Path, every: str) -> None:
    with pytest.raises(SettingsError, match=r"\[connections.sales\].*every"):
        pulled(tmp_path, f'{SALES}\n[connections.sales.pull]\nevery = "{every}"\n')


def test_an_object_is_pulled_twice_within_its_limit(tmp_path: Path) -> None:
    ownership = """
    [ownership.customers]
    owner = "sales"
    freshness_seconds = 100
    [ownership.orders]
    owner = "sales"
    freshness_seconds = 3600
    [ownership.tickets]
    owner = "desk"
    freshness_seconds = 900
    """
    assert pulled(tmp_path, SALES + DESK + ownership) == {
        "desk customer": "5m",
        "desk ticket": "450s",
        "sales customer": "60s",
        "sales order": "5m",
        "sales ticket": "5m",
    }
    assert limited(tmp_path, SALES + DESK + ownership) == {
        "sales customer": (100, None),
        "sales order": (3600, None),
        "desk ticket": (900, None),
    }


def test_a_limit_that_pulls_cannot_keep_is_named(tmp_path: Path) -> None:
    ownership = """
    [connections.sales.pull]
    customers = { every = "15m" }
    orders = { every = "off" }
    [ownership.customers]
    owner = "sales"
    freshness_seconds = 900
    [ownership.customers.fields.emails]
    owner = "shop"
    freshness_seconds = 120
    [ownership.orders]
    owner = "sales"
    freshness_seconds = 900
    [ownership.tickets]
    owner = "hooks"
    freshness_seconds = 30
    """
    limits = limited(tmp_path, SALES + SHOP + HOOKS + ownership)
    assert {name: limit for name, (limit, _) in limits.items()} == {
        "sales customer": 900,
        "shop customer": 120,
        "sales order": 900,
        "hooks ticket": 30,
    }
    assert limits["sales customer"][1] == "the limit is 900 s, but it is pulled only every 15m"
    assert str(limits["shop customer"][1]).endswith("is pulled only every 1h")
    assert str(limits["sales order"][1]).endswith('is not pulled: every is "off"')
    assert str(limits["hooks ticket"][1]).endswith("is not pulled: the connection has no list of it")


def test_stock_is_pulled_where_it_is_configured(tmp_path: Path) -> None:
    table = "[connections.shop.stock]\n"
    assert pulled(tmp_path, SHOP).get("shop stock_level") is None
    assert pulled(tmp_path, SHOP + table)["shop stock_level"] == "15m"
    fresh = f"{SHOP}{table}freshness_seconds = 600\n"
    assert pulled(tmp_path, fresh)["shop stock_level"] == "300s"
    assert limited(tmp_path, f'{fresh}[pull]\nevery = "off"\n')["shop stock_level"] == (
        *(600, 'the limit is 600 s, but it is not pulled: every is "off"'),
    )
    with pytest.raises(SettingsError, match="only of Medusa, Shopify, WooCommerce"):
        pulled(tmp_path, f"{DESK}[connections.desk.stock]\n")
    with pytest.raises(SettingsError, match=r"stock.*threshold"):
        settings_of(tmp_path, f"{SHOP}{table}threshold = -1\n")
