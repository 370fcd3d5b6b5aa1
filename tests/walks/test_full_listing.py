"""Pulls where a vendor cannot say what has changed: everything is listed, and compared by digest."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.dev.folder import EMULATOR_CREDENTIALS
from tests.contract.facade import Facade
from tests.walks.stage import Stage, connection_table, staged


@pytest.fixture
async def stage(facade: Facade) -> AsyncIterator[Stage]:
    async with staged(facade, connection_table(facade, "woocommerce", "customers")) as stage:
        yield stage


def at_shop(stage: Stage, path: str, **fields: str) -> Any:
    """Create or change a customer at WooCommerce, as somebody else does."""
    answer = httpx.post(
        f"{stage.facade.emulators.url}/woocommerce/wp-json/wc/v3/customers{path}",
        json=fields,
        auth=(
            EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_KEY"],
            EMULATOR_CREDENTIALS["LOCKSTITCH_DEV_WOOCOMMERCE_CONSUMER_SECRET"],
        ),
    )
    assert answer.is_success, answer.text
    return answer.json()


async def test_a_change_is_found_by_its_digest_and_the_rest_is_not_written(stage: Stage) -> None:
    made = at_shop(stage, "", email="ada@example.com", first_name="Ada", last_name="Lovelace")
    assert await stage.pull() == []
    before = await stage.sql("SELECT remote_id, version FROM record_state ORDER BY remote_id")
    at_shop(stage, f"/{made['id']}", last_name="King")
    new = at_shop(stage, "", email="grace@example.com", first_name="Grace", last_name="Hopper")

    events = {event["type"]: event for event in await stage.pull()}

    assert events.keys() == {"customer.updated", "customer.created"}
    assert events["customer.updated"]["changed"] == ["display_name", "last_name"]
    assert events["customer.created"]["data"]["meta"]["remote_id"] == str(new["id"])
    after = {row["remote_id"]: row["version"] for row in await stage.sql("SELECT remote_id, version FROM record_state")}
    moved = {row["remote_id"] for row in before if after[row["remote_id"]] != row["version"]}
    assert moved == {str(made["id"])}
    assert await stage.pull() == []
