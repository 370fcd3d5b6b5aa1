"""A new operation as `begin` and `add_queued` return it is the one that is stored."""

import hashlib
from typing import Literal

import msgspec
import pytest

from app.identifiers import new_id
from app.postgres.database import Database
from app.writes.models import Begun, Intent, NewOperation, Operation
from tests.required import required
from tests.writes.test_lost_races import operations_on


def new_operation(phase: Literal["received", "sent"]) -> NewOperation:
    return NewOperation(
        id=new_id("op_"),
        principal="key_1",
        key="order-1",
        fingerprint=hashlib.sha256(b"{}").digest(),
        correlation_id="run-1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        intent=Intent(
            object="customer", action="create", connection="crm", revision=1, instance="/v1/customers", body=b"{}"
        ),
        phase=phase,
        effect="create" if phase == "sent" else None,
        deferred=True,
        callback="https://n8n.example.com/webhook-waiting/1051",
    )


def timeless(operation: Operation) -> Operation:
    """The operation without the seconds that pass between two looks."""
    assert operation.age < 10
    return msgspec.structs.replace(operation, age=0.0, due_in=float(round(operation.due_in, -1)))


@pytest.mark.parametrize("phase", ["received", "sent"])
async def test_begin_returns_the_stored_operation(database: Database, phase: Literal["received", "sent"]) -> None:
    operations = operations_on(database)
    begun = await operations.begin(new_operation(phase))
    assert isinstance(begun, Begun)
    stored = required(await operations.get(begun.operation.id))
    assert timeless(begun.operation) == timeless(stored)


async def test_a_queued_operation_is_returned_as_it_is_stored(database: Database) -> None:
    operations = operations_on(database)
    async with database.transaction() as transaction:
        queued = await operations.add_queued(transaction, new_operation("received"))
    assert queued is not None
    stored = required(await operations.get(queued.id))
    assert timeless(queued) == timeless(stored)
