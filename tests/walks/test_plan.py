"""What is pulled, and how often: by default, and as the configuration says."""

from pathlib import Path
from typing import Final

import pytest

from app.settings.environment import load_settings
from app.settings.reading import SettingsError
from app.vendors.configured_connections import connections_of
from app.walks.plan import plans_of
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


def pulled(folder: Path, text: str) -> dict[str, str]:
    """Return how often each object is pulled, by connection and object."""
    file = folder / "lockstitch.toml"
    file.write_text(text)
    settings = load_settings({"LOCKSTITCH_CONFIG": str(file), "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS})
    return {f"{one.connection} {one.object}": one.frequency for one in plans_of(settings, connections_of(settings))}


def test_what_sends_no_webhooks_is_pulled_often_and_the_rest_as_a_safety_net(tmp_path: Path) -> None:
    assert pulled(tmp_path, SALES + DESK + HOOKS) == {
        "desk customer": "5m",
        "desk ticket": "1h",
        "sales customer": "5m",
        "sales order": "5m",
        "sales ticket": "5m",
    }


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
    plans = {one.object: one for one in plans_of(settings, connections_of(settings))}
    assert {one.overlap for one in plans.values()} == {600.0}
    assert plans["order"].page_size == 7
    assert plans["customer"].page_size < 1000


@pytest.mark.parametrize("every", ["5", "0s", "5 m", "1w", "never"])
def test_a_duration_that_is_none_is_refused(tmp_path: Path, every: str) -> None:
    with pytest.raises(SettingsError, match=r"\[connections.sales\].*every"):
        pulled(tmp_path, f'{SALES}\n[connections.sales.pull]\nevery = "{every}"\n')
