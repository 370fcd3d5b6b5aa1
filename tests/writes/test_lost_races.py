"""A write that settles after another state of its record was stored: it learns that, and PostgreSQL logs no error."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.capabilities import POLICIES
from app.events.models import SeenState, StateMoved
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.events.store.record_states import PostgresRecordStates
from app.identifiers import new_id
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.postgres.migrate import migrate
from app.queue.enqueue import JobIntake
from app.writes.completion import Completion
from app.writes.copy_models import CopyOf
from app.writes.deps import CompletionDeps
from app.writes.models import Answer, Begun, Intent, NewOperation, Success
from app.writes.store.copy_bases import PostgresCopyBases
from app.writes.store.operations import PostgresOperations
from tests.closing import async_closing
from tests.encryption import SEALER
from tests.record_states import Record, change_to, store_state
from tests.required import required

RECORD: Record = ("customer", "crm", "1051")
NOW = datetime.now(UTC)
PHASES = Statement("SELECT operation", "SELECT phase FROM operation")
GUARDS = Statement("SELECT operation", "SELECT upsert_digest, copy_of, copied_pair FROM operation WHERE id = $1")
ANSWER = Answer(status=200, headers={}, body=b"{}")


def operations_on(database: Database) -> PostgresOperations:
    """The operations of one process."""
    secret, queue = DigestSecret(database, SEALER), JobIntake(SEALER, POLICIES)
    states, bases = PostgresRecordStates(database, SEALER, secret), PostgresCopyBases(database, secret)
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    return PostgresOperations(
        database,
        SEALER,
        lease=timedelta(seconds=30),
        retention=timedelta(days=7),
        completion=Completion(CompletionDeps(events=events, queue=queue, states=states, bases=bases)),
    )


async def begun_update(operations: PostgresOperations, *, deferred: bool) -> Begun:
    begun = await operations.begin(
        NewOperation(
            id=new_id("op_"),
            principal="key_1",
            key=uuid4().hex,
            fingerprint=hashlib.sha256(b"{}").digest(),
            correlation_id="run-1",
            traceparent=None,
            intent=Intent(
                object="customer", action="update", connection="crm", revision=1, instance="/v1/customers", body=b"{}"
            ),
            phase="sent",
            effect="update",
            deferred=deferred,
        )
    )
    assert isinstance(begun, Begun)
    return begun


@pytest.mark.parametrize("deferred", [False, True], ids=["unannounced", "announced"])
async def test_a_write_that_lost_its_state_settles_nothing_and_no_error_is_logged(
    logged: tuple[str, Path], deferred: bool
) -> None:
    url, log = logged
    await migrate(url)
    async with async_closing(Database.connect(url)) as database:
        states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
        operations = operations_on(database)
        begun = await begun_update(operations, deferred=deferred)

        async def settle(last_state: SeenState | None) -> None:
            change = change_to(RECORD, b'{"version":2}', read_at=NOW, instead_of=last_state)
            await operations.succeed(begun, Success(answer=ANSWER, remote_id="1051", change=change))

        async with database.transaction() as transaction:
            await store_state(states, transaction, RECORD, b'{"version":1}', read_at=NOW, instead_of=None)
        with pytest.raises(StateMoved):
            await settle(None)
        assert [row["phase"] for row in await database.fetch(PHASES)] == ["sent"]
        first = required(await states.get(*RECORD))
        assert first.data == b'{"version":1}'

        await settle(first)
        assert [row["phase"] for row in await database.fetch(PHASES)] == ["settled"]
        second = required(await states.get(*RECORD))
        assert (second.data, second.version) == (b'{"version":2}', 2)
        async with database.transaction() as transaction:
            with pytest.raises(StateMoved):
                await store_state(states, transaction, RECORD, b"{}", read_at=NOW, instead_of=first)

    assert "ERROR" not in log.read_text(errors="replace")


async def test_a_lost_row_gets_its_guards_back_unless_another_has_them(database: Database) -> None:
    """A copy whose row is recorded again still excludes another copy of the same record."""
    operations = operations_on(database)
    copied = CopyOf(connection="shop", remote_id="7", canonical_id="cus_1", names=("email",))
    guards = []
    for is_taken in (False, True):
        await database.execute(Statement("DELETE operation", "DELETE FROM operation"))
        begun = await begun_update(operations, deferred=False)
        assert await operations.lock_upsert("crm", "customer", "email=a@example.com", copied, begun.lease)
        await database.execute(Statement("DELETE operation", "DELETE FROM operation"))
        other = await begun_update(operations, deferred=False)
        if is_taken:
            assert await operations.lock_upsert("crm", "customer", "email=a@example.com", copied, other.lease)
        await operations.note_remote_id(begun, "1051")
        (row,) = await database.fetch(GUARDS, begun.operation.id)
        guards.append(tuple(row))
        if not is_taken:
            assert not await operations.lock_upsert("crm", "customer", "email=a@example.com", copied, other.lease)
    assert guards[0][1:] == ("cus_1", "cus_1 crm shop")
    assert guards[0][0] is not None
    assert guards[1] == (None, None, None)


async def test_only_so_many_deferrals_without_a_row_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.writes.store.operations.MOST_KEPT", 2)
    operations = operations_on(database)
    lost = [await begun_update(operations, deferred=False) for _ in range(3)]
    await database.execute(Statement("DELETE operation", "DELETE FROM operation"))
    for begun in lost:
        assert await operations.defer(begun.operation.id) is None
    for begun in lost:
        await operations.note_remote_id(begun, "1051")
    recorded = [await operations.get(begun.operation.id) for begun in lost]
    assert [operation.deferred for operation in recorded if operation is not None] == [False, True, True]
