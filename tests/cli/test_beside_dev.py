"""Commands in a shell without settings, beside a running `lockstitch dev`, have the settings of its processes."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import ROOT, exits, lockstitch
from tests.contract.waiting import until
from tests.encryption import ENCRYPTION_KEYS
from tests.forked import Forked

CONFIG = """
[connections.crm]
vendor = "hubspot"
base_url = "http://127.0.0.1:9"
credentials = { client_id = "env:APP_ID", client_secret = "env:APP_SECRET" }

[connections.desk]
vendor = "zendesk"
base_url = "http://127.0.0.1:9"
credentials = { email = "env:APP_ID", token = "env:APP_SECRET" }

[systems_of_record]
customers = "crm"

[ownership.customers]
owner = "crm"
contact = "sales@example.com"
"""


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The folder of a `lockstitch dev` that was started with a configuration and on a port of its own."""
    config = tmp_path / "own.toml"
    config.write_text(CONFIG)
    facts = {"database_url": database_url, "webhook_secrets": {}, "config": str(config)}
    facts["public_url"] = "http://127.0.0.1:9123"
    (tmp_path / "dev.json").write_text(json.dumps(facts))
    (tmp_path / "encryption-key").write_text(ENCRYPTION_KEYS)
    return {"LOCKSTITCH_DATA_DIR": str(tmp_path), "APP_ID": "an-id", "APP_SECRET": "a-secret"}


def read(environment: dict[str, str], *command: str) -> Any:
    return json.loads(exits(lockstitch(*command, "--json", environment=environment)).stdout)


def test_ownership_and_contract_are_those_of_its_configuration(environment: dict[str, str]) -> None:
    explained = read(environment, "ownership", "explain", "customer", "emails")
    assert explained["emails"]["ownership"]["owner"] == "crm"
    contract = read(environment, "contract", "show", "customer")
    assert "sales@example.com" in json.dumps(contract)


def test_the_link_of_connect_leads_to_its_port(environment: dict[str, str], tmp_path: Path) -> None:
    screen = tmp_path / "screen"
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    streams = (Path(os.devnull), screen, screen)
    process = Forked("app.cli", ["connect", "crm"], environment={**own, **environment}, folder=ROOT, streams=streams)
    try:
        screen_text = until(lambda: screen.read_text() if screen.exists() else "", lambda text: "http" in text)
        assert "http://127.0.0.1:9123/oauth/start?run=" in screen_text
    finally:
        os.kill(process.pid, signal.SIGKILL)
