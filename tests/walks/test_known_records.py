"""Pulls do not map a record again that is known by the vendor's bytes, and map it if anything else differs."""

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from msgspec import Raw
from msgspec.structs import replace

from app.records.known_records import digests_of
from mappings.registry import mapping_of
from tests.contract.facade import Facade
from tests.contract.webhook_driver import record_receipt
from tests.walks.stage import Stage, connection_table, staged

pytestmark = pytest.mark.anyio

NAME: Final = "pulled-hubspot"
VERSIONS: Final = "SELECT remote_id, version FROM record_state ORDER BY 1"
SOURCES: Final = "SELECT remote_id FROM record_state WHERE source IS NULL"
# A record that is mapped is then written.
WITHOUT_DIGEST: Final = "UPDATE record_state SET digest = NULL"
OTHER_SOURCE: Final = "UPDATE record_state SET source = sha256('') WHERE remote_id = $1"


@pytest.fixture
async def stage(facade: Facade, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    facade.vendors.limit("hubspot", per_minute=1_000_000, search_lag=0.0)
    drift = f"[drift]\nsample_rate = {getattr(request, 'param', 0)}\n"
    async with staged(facade, drift + connection_table(facade, "hubspot", "customers", page=2)) as stage:
        yield stage


def contact(stage: Stage, **properties: Any) -> dict[str, Any]:
    """Place a contact at HubSpot, as somebody there does."""
    return stage.vendors.place("hubspot", "contacts", {"properties": {"lastname": "Lovelace"} | properties})


async def written_by_a_pull(stage: Stage) -> set[str]:
    """Pull, and return the records whose states were written."""
    before = {row["remote_id"]: row["version"] for row in await stage.sql(VERSIONS)}
    assert await stage.pull() == []
    return {row["remote_id"] for row in await stage.sql(VERSIONS) if before[row["remote_id"]] != row["version"]}


async def test_a_record_is_known_until_something_else_replaces_its_state(stage: Stage) -> None:
    made = [contact(stage)["id"] for _ in range(5)]
    await stage.pull()
    await stage.pull()
    assert await stage.sql(SOURCES) == []
    await stage.sql(WITHOUT_DIGEST)

    assert await written_by_a_pull(stage) == set()

    await stage.sql(OTHER_SOURCE, made[0])
    assert await written_by_a_pull(stage) == {made[0]}
    assert await written_by_a_pull(stage) == set()

    stage.vendors.place("hubspot", "contacts", {"id": made[1], "properties": {"lastname": "King"}})
    await record_receipt(
        *(stage.facade.database_url, NAME, "contact.propertyChange", "contact", made[1], None), payload=b"{}"
    )
    await stage.until("SELECT EXISTS (SELECT FROM event) AND NOT EXISTS (SELECT FROM job WHERE kind = 'ingest')")
    assert [row["remote_id"] for row in await stage.sql(SOURCES)] == [made[1]]
    assert await written_by_a_pull(stage) == set()  # it is mapped, and has the digest of the webhook's read


@pytest.mark.parametrize("stage", [1, 0.05], indirect=True)
async def test_drift_detection_sees_all_records_while_it_wants_them(stage: Stage) -> None:
    """With a rate of 1, and while it learns."""
    contact(stage)
    await stage.pull()
    await stage.sql(WITHOUT_DIGEST)

    assert await written_by_a_pull(stage) != set()


async def test_other_facts_bytes_or_revisions_are_not_the_same(stage: Stage) -> None:
    connection = stage.deps.connections.by_name[NAME]
    first, second = (mapping_of(connection.vendor, "customer", revision) for revision in (1, 2))
    assert first is not None
    assert second is not None
    account = await stage.deps.vendors.account(connection, deadline=time.monotonic() + 60, object_name="customer")
    record = Raw(b'{"id": "1"}')

    async def digest(mapping: Any, account: Any, record: Raw) -> bytes:
        digests = await digests_of(stage.deps, connection, mapping, [record], account)
        assert digests is not None
        return digests[0]

    same = await digest(second, account, record)
    assert same == await digest(second, account, Raw(b'{"id": "1"}'))
    others = [
        await digest(first, account, record),
        await digest(second, replace(account, owners={}), record),
        await digest(second, account, Raw(b'{"id": "2"}')),
    ]
    assert same not in others


async def test_a_contact_is_mapped_again_when_an_owner_has_another_name(stage: Stage) -> None:
    """The name is no part of the contact, but of the facts that the mapping reads."""
    owner = {"id": "77", "email": "ida@example.com", "firstName": "Ida", "lastName": "Rhodes"}
    stage.vendors.place("hubspot", "owners", owner)
    made = contact(stage, hubspot_owner_id="77")
    await stage.pull()
    await stage.sql(WITHOUT_DIGEST)
    assert await written_by_a_pull(stage) == set()
    stage.vendors.place("hubspot", "owners", owner | {"lastName": "Hopper"})
    assert await written_by_a_pull(stage) == set()  # the facts are ten minutes old at most
    connection = stage.deps.connections.by_name[NAME]
    await stage.deps.vendors.account(connection, deadline=time.monotonic() + 60, max_age=0.0)

    assert made["id"] in await written_by_a_pull(stage)
