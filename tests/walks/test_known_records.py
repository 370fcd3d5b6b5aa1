"""Pulls do not map a record again that is known by the vendor's bytes, and map it if anything else differs."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Raw
from msgspec.structs import replace

from app.postgres.database import Statement
from app.queue.claim import job_of
from app.queue.models import LeaseLost
from app.records.known_records import code_of, digests_of
from app.telemetry.metrics import registry
from app.walks.models import NewWalk, Walk
from app.walks.start import page_job
from mappings.registry import mapping_of
from tests.contract.facade import Facade
from tests.contract.webhook_driver import record_receipt
from tests.required import required
from tests.walks.stage import Stage, connection_table, staged

NAME: Final = "pulled-hubspot"
VERSIONS: Final = "SELECT remote_id, version FROM record_state ORDER BY 1"
SOURCES: Final = "SELECT remote_id FROM record_state WHERE source IS NULL"
# A record that is mapped is then written.
WITHOUT_DIGEST: Final = "UPDATE record_state SET digest = NULL"
LAST_RUN: Final = """
    SELECT facts::json ->> 'pages' AS pages, facts::json ->> 'records' AS records, facts::json ->> 'changed' AS changed
      FROM audit_event
     WHERE type = 'walk.completed'
     ORDER BY id DESC
     LIMIT 1
"""
LEASED: Final = """
    UPDATE job
       SET state = 'running', attempts = 1, lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour',
           started_at = now()
    RETURNING *
"""
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
    before = looked_at()
    contact(stage)
    records = len(stage.vendors.records("hubspot", "contacts"))
    for pull in (1, 2, 3):
        await stage.pull()
        async with asyncio.timeout(30):
            while looked_at() < before + records * pull:  # noqa: ASYNC110 - it looks in the background
                await asyncio.sleep(0.02)


def looked_at() -> float:
    """How many records drift detection has looked at."""
    labels = {"connection": NAME, "outcome": "looked"}
    return registry.get_sample_value("lockstitch_drift_records_total", labels) or 0.0


async def test_a_job_reads_several_pages_of_known_records(stage: Stage) -> None:
    for _ in range(20):
        contact(stage)
    await stage.pull()
    async with asyncio.timeout(60):
        while True:  # on a slow machine, each page has a job of its own
            await stage.pull()
            await stage.sql("DELETE FROM attempt")
            await stage.pull()
            (run,) = await stage.sql(LAST_RUN)
            (jobs,) = await stage.sql("SELECT count(*) FROM attempt WHERE kind = 'walk'")
            if jobs["count"] < int(run["pages"]) - 5:
                break
    records = len(stage.vendors.records("hubspot", "contacts"))
    assert (int(run["records"]), int(run["changed"])) == (records, 0)


async def test_a_walk_without_the_lease_of_its_job_does_not_go_on(stage: Stage) -> None:
    new = NewWalk(
        id="walk_1", connection=NAME, object="customer", purpose="pull", since=None, is_baseline=False, page_size=2,
        correlation_id="run-1",
    )  # fmt: skip
    async with stage.database.transaction() as transaction:
        await stage.deps.walks.start(transaction, new)
        await stage.deps.queue.enqueue(transaction, page_job(new, after=3600.0))
    walk = await stage.deps.walks.get(new.id)
    assert isinstance(walk, Walk)
    job = job_of(required(await stage.database.fetch_row(Statement("UPDATE job", LEASED))), b"", probe=False)

    walk = await stage.deps.walks.go_on(walk, "2", 2, job)
    await stage.database.execute(Statement("UPDATE job", LEASED))  # by another worker
    with pytest.raises(LeaseLost):
        await stage.deps.walks.go_on(walk, "4", 2, job)
    assert await stage.sql("SELECT cursor, pages, records FROM walk") == [{"cursor": "2", "pages": 1, "records": 2}]


async def test_other_facts_bytes_or_revisions_are_not_the_same(stage: Stage) -> None:
    connection = stage.deps.connections.by_name[NAME]
    first, second = (mapping_of(connection.vendor, "customer", revision) for revision in (1, 2))
    assert first is not None
    assert second is not None
    account = await stage.deps.vendors.account(connection, deadline=time.monotonic() + 60, object_name="customer")
    record = Raw(b'{"id": "1"}')

    async def digest(mapping: Any, account: Any, record: Raw) -> bytes:
        return required(await digests_of(stage.deps, connection, mapping, [record], account))[0]

    same = await digest(second, account, record)
    assert same == await digest(second, account, Raw(b'{"id": "1"}'))
    others = [
        await digest(first, account, record),
        await digest(second, replace(account, owners={}), record),
        await digest(second, account, Raw(b'{"id": "2"}')),
    ]
    assert same not in others


def test_changed_code_of_a_mapping_is_not_the_same(tmp_path: Path) -> None:
    digests = []
    for number, text in enumerate(("REVISION = 1", "REVISION = 2", "REVISION = 2")):
        module = tmp_path / f"{number}/mappings/acme/customer_r1.py"
        module.parent.mkdir(parents=True)
        module.write_text(text)
        digests.append(code_of("acme", tmp_path / str(number)))
    assert digests[0] != digests[1] == digests[2]
    assert code_of("hubspot") != code_of("stripe")


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
