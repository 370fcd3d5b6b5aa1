"""Which writes of ours may have caused a change that was found at a vendor."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from app.events.store.record_states import PostgresRecordStates
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.records.models import ReportedChange
from app.writes.store.own_writes import PostgresOwnWrites
from tests.encryption import SEALER
from tests.record_states import store_state

NOW: Final = datetime.now(UTC)
SENT = Statement(
    "INSERT operation",
    """
    INSERT INTO operation (id, principal, fingerprint, object, action, connection, correlation_id, intent, phase,
                           effect, remote_id, sent_at, due_at)
    VALUES ('op_1', 'key_1', sha256(''), 'customer', $1, 'shop', 'run-1', '', 'sent', $1, $2, now(), now())
    """,
)


def change(remote_id: str, created_at: datetime | None) -> ReportedChange:
    return ReportedChange(
        connection="shop", object="customer", remote_id=remote_id, received_at=None, created_at=created_at
    )


@pytest.mark.parametrize(
    ("effect", "age", "waits"),
    [
        ("create", None, True),
        ("create", timedelta(0), True),
        ("create", timedelta(seconds=90), True),  # by a clock that is late
        ("create", timedelta(minutes=10), False),
        ("upsert", timedelta(minutes=10), True),
    ],
)
async def test_an_unseen_record_waits_only_for_a_write_that_may_have_created_it(
    database: Database, effect: str, age: timedelta | None, waits: bool
) -> None:
    states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
    writes = PostgresOwnWrites(database, states.open, lease=timedelta(seconds=60))
    await database.execute(SENT, effect, None)
    created_at = None if age is None else datetime.now(UTC) - age

    (check,) = await writes.check([[change("1051", created_at)]])

    assert (check.is_under_way, check.version, check.digest) == (waits, None, None)


async def test_a_record_waits_for_its_own_write_and_others_do_not(database: Database) -> None:
    states = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
    writes = PostgresOwnWrites(database, states.open, lease=timedelta(seconds=60))
    await database.execute(SENT, "update", "1051")
    async with database.transaction() as transaction:
        await store_state(states, transaction, ("customer", "shop", "1052"), b"{}", read_at=NOW, instead_of=None)

    changed, other = await writes.check([[change("1051", NOW)], [change("1052", NOW)]])

    assert changed.is_under_way
    assert not other.is_under_way
    assert (other.version, other.deleted) == (1, False)
    assert other.seen_at is not None
