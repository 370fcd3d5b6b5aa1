"""One Event and one record's state: the document of the contract, sealed at rest, replaced by who knew it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app import telemetry
from app.events.metrics import expect_changes
from app.events.models import Cause, NewEvent, StateMoved
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.events.store.subscriptions import PostgresSubscriptions
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import SealBroken
from app.telemetry.metrics import registry
from tests.encryption import SEALER
from tests.events.numbered_events import EVERYTHING, all_of, append, body, changed
from tests.record_states import store_state

ROWS = Statement("SELECT event", "SELECT event::text AS everything FROM event")


async def test_an_event_is_the_document_of_the_contract_and_sealed_at_rest(
    database: Database, events: PostgresEvents
) -> None:
    with telemetry.bind("run-77"):
        await append(
            database,
            events,
            NewEvent(
                type="customer.updated",
                data=b'{"id":"cus_1","emails":[{"address":"canary@example.com"}]}',
                connection="shop",
                changed=("emails",),
                occurred_at=datetime(2026, 5, 1, 9, 29, 58, tzinfo=UTC),
                caused_by=Cause(operation_id="op_1", correlation_id="run-76"),
                record="customer:1051",
                origin="in_1",
            ),
        )

    (event,) = await events.feed(types=(), after=None, limit=10)
    assert list(body(event)) == [
        *("id", "type", "timestamp", "occurred_at", "api_version", "connection", "correlation_id", "caused_by"),
        *("changed", "data"),
    ]
    assert body(event) == {
        "id": event.id,
        "type": "customer.updated",
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "occurred_at": "2026-05-01T09:29:58Z",
        "api_version": "v1",
        "connection": "shop",
        "correlation_id": "run-77",
        "caused_by": {"operation_id": "op_1", "correlation_id": "run-76"},
        "changed": ["emails"],
        "data": {"id": "cus_1", "emails": [{"address": "canary@example.com"}]},
    }
    assert (event.record, event.origin) == ("customer:1051", "in_1")
    got = await events.get(event.id)
    assert got is not None
    assert bytes(got.body) == bytes(event.body)
    assert await events.get("evt_" + 36 * "0") is None
    assert "canary" not in (await database.fetch(ROWS))[0]["everything"]
    (audited,) = await database.fetch(Statement("SELECT audit_event", "SELECT type, subject, facts FROM audit_event"))
    assert (audited["type"], audited["subject"]) == ("event.appended", event.id)
    assert "canary" not in audited["facts"]


async def test_a_body_that_was_moved_to_another_event_is_noticed(database: Database, events: PostgresEvents) -> None:
    await append(database, events, changed(1), changed(2))
    await database.execute(
        Statement("UPDATE event", "UPDATE event SET body = (SELECT body FROM event ORDER BY id LIMIT 1)")
    )

    with pytest.raises(SealBroken):
        await events.feed(types=(), after=None, limit=10)


async def test_appending_returns_the_delivery_jobs(database: Database) -> None:
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    await PostgresSubscriptions(database, SEALER).create(EVERYTHING)
    async with database.transaction() as session:
        jobs = await events.append(session, changed(1), changed(2))
        assert await events.append(session) == ()

    assert [job.origin for job in jobs] == [event.id for event in await all_of(events)]


async def test_a_state_is_replaced_only_after_a_comparison(database: Database) -> None:
    states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))

    async def put(data: bytes, instead_of: Any, *, deleted: bool = False) -> None:
        async with database.transaction() as session:
            await store_state(
                *(states, session, ("customer", "shop", "1051"), data),
                read_at=datetime.now(UTC),
                instead_of=instead_of,
                deleted=deleted,
            )

    assert await states.get("customer", "shop", "1051") is None
    await put(b"1", None)
    with pytest.raises(StateMoved):
        await put(b"late", None)
    first = await states.get("customer", "shop", "1051")
    await put(b"2", first, deleted=True)
    with pytest.raises(StateMoved):
        await put(b"late", first)

    second = await states.get("customer", "shop", "1051")
    assert first is not None
    assert second is not None
    assert (first.data, first.deleted, second.data, second.deleted) == (b"1", False, b"2", True)
    assert second.version > first.version


async def test_a_change_of_a_record_is_counted_once_by_connection_and_object(
    database: Database, events: PostgresEvents
) -> None:
    def counted() -> dict[str, float]:
        labels = ({"connection": "counted", "object": name} for name in ("customer", "order", "ticket"))
        return {
            one["object"]: registry.get_sample_value("lockstitch_record_changes_total", one) or 0.0 for one in labels
        }

    expect_changes(["counted"])
    for type in ("order.created", "order.updated", "order.paid", "ticket.deleted", "ticket.comment_added"):
        await append(database, events, changed(type=type, connection="counted"))
    await append(database, events, changed(type="customer.created"))
    assert counted() == {"customer": 0.0, "order": 2.0, "ticket": 1.0}
