"""Digests of states: whether a record that was read again has changed is known without opening its last-seen state."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from app.events.store.record_states import PostgresRecordStates
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from canonical.customer import Customer, OrderStats
from canonical.parts import CustomField
from canonical.ticket import Ticket
from tests.encryption import SEALER

TIER = CustomField(key="tier", value="gold")
LATER = datetime(2026, 5, 2, tzinfo=UTC)
ANN = Customer(first_name="Ann", last_name="Lee", custom_fields=(TIER,))
RECORD = ("customer", "shop", "1051")


@pytest.fixture
def states(database: Database) -> PostgresRecordStates:
    return PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "cus_1"},
        {"updated_at": LATER},
        {"order_stats": OrderStats(count=3, total_spent="5.00", currency="EUR")},
        {"raw": {"Name": "Ann"}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_is_not_compared_does_not_change_a_digest(
    states: PostgresRecordStates, change: dict[str, Any]
) -> None:
    assert await states.digest(RECORD, replace(ANN, **change), 1) == await states.digest(RECORD, ANN, 1)


async def test_a_value_a_revision_and_a_record_have_digests_of_their_own(states: PostgresRecordStates) -> None:
    digests = {
        await states.digest(RECORD, ANN, 1),
        await states.digest(RECORD, replace(ANN, first_name="Anna"), 1),
        await states.digest(RECORD, replace(ANN, custom_fields=()), 1),
        await states.digest(RECORD, ANN, 2),
        await states.digest(("customer", "shop", "1052"), ANN, 1),
        await states.digest(("customer", "crm", "1051"), ANN, 1),
    }
    assert len(digests) == 6


async def test_a_ticket_that_was_touched_may_have_a_comment(states: PostgresRecordStates) -> None:
    ticket = Ticket(subject="Mug arrived with a crack")
    record = ("ticket", "desk", "7")
    assert await states.digest(record, ticket, 1) != await states.digest(record, replace(ticket, updated_at=LATER), 1)


async def test_digests_need_the_key_of_the_installation(database: Database, states: PostgresRecordStates) -> None:
    same = PostgresRecordStates(database, SEALER, DigestSecret(database, SEALER))
    assert await same.digest(RECORD, ANN, 1) == await states.digest(RECORD, ANN, 1)
    assert b"Ann" not in await states.digest(RECORD, ANN, 1)
