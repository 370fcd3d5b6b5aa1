"""What a worker asks the database to ingest one webhook: each thing once."""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import httpx
import pytest

from app.postgres.migrate import migrate
from app.settings.environment import load_settings
from app.wiring.runtime import Runtime, open_runtime
from tests.contract.facade import SECRETS, Facade
from tests.contract.webhook_driver import record_receipt
from tests.contract.webhook_senders import contact_event
from tests.queue.harness import until
from tests.webhooks.test_road import is_idle, running

# Drift is checked in the background, at any time.
NO_DRIFT: Final = "\n[drift]\nsample_rate = 0.0\n"
TABLES: Final = ("inbound_event", "record_state", "operation")
CONTACTS: Final = "hubspot/crm/v3/objects/contacts"


class Road:
    """A contact at an emulated HubSpot, whose webhooks one worker in this process ingests."""

    def __init__(self, facade: Facade, log: Path) -> None:
        self.facade = facade
        self.log = log
        self.remote_id = self.vendor("POST", CONTACTS, {"lastname": "Lovelace"})["id"]

    def vendor(self, method: str, path: str, properties: dict[str, str]) -> Any:
        answer = httpx.request(
            method,
            f"{self.facade.emulators.url}/{path}",
            headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"},
            json={"properties": properties},
        )
        assert answer.is_success, answer.text
        return answer.json()

    async def change(self, runtime: Runtime, title: str) -> list[str]:
        """Change the contact, ingest its webhook, and return the statements that the worker ran."""
        before = len(self.log.read_text(errors="replace"))
        await asyncio.to_thread(self.vendor, "PATCH", f"{CONTACTS}/{self.remote_id}", {"jobtitle": title})
        payload = json.dumps(contact_event(objectId=int(self.remote_id))).encode()
        await record_receipt(
            *(self.facade.database_url, "hubspot", "contact.propertyChange", "contact", self.remote_id, None),
            payload=payload,
        )
        await until(partial(is_idle, runtime.database))
        return statements_in(self.log.read_text(errors="replace")[before:])


@pytest.fixture
def road(tmp_path: Path, logged: tuple[str, Path]) -> Iterator[Road]:
    url, log = logged
    asyncio.run(migrate(url))
    facade = Facade(tmp_path, url, more=NO_DRIFT)
    try:
        facade.emulators.start()
        with patch.dict(os.environ, facade.worker.environment):
            yield Road(facade, log)
    finally:
        facade.emulators.stop()
        facade.vendors.close()


async def test_a_webhook_reads_each_thing_once(road: Road) -> None:
    async with open_runtime(load_settings(os.environ), works=True) as runtime:
        assert runtime.runner is not None
        async with running(runtime.runner):
            await road.change(runtime, "Potter")  # fetches the account facts
            statements = await road.change(runtime, "Painter")

    reads = Counter(table for one in statements for table in TABLES if is_read(one, table))
    # The claim reads the receipt. Writes under way are looked for with the state, and once more before it is stored.
    assert reads == {"record_state": 2, "operation": 2}
    assert sum(is_read(one, "record_state") and "data" in one for one in statements) == 1


def is_read(statement: str, table: str) -> bool:
    return f"FROM {table} " in statement and "INSERT INTO" not in statement and "UPDATE job" not in statement


def statements_in(log: str) -> list[str]:
    """Return the statements of Lockstitch in a log."""
    statements = re.findall(r"^lockstitch \d+ LOG:  (?:execute [^:]*|statement): (.*\n(?:\t.*\n)*)", log, re.MULTILINE)
    return [" ".join(one.split()) for one in statements]
