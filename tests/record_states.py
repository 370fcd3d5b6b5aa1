"""The last-seen state of a record, stored by a test."""

from datetime import datetime

from app.events.models import RecordChange, SeenState
from app.events.store.record_states import PostgresRecordStates
from app.postgres.database import Transaction
from canonical.parts import ObjectName

Record = tuple[ObjectName, str, str]
"""Object, connection and remote id."""


async def store_state(
    states: PostgresRecordStates,
    transaction: Transaction,
    record: Record,
    data: bytes,
    *,
    read_at: datetime,
    instead_of: SeenState | None,
    deleted: bool = False,
) -> None:
    """Store a state in the place of another one, None for the first. Raises StateMoved."""
    await states.replace(transaction, change_to(record, data, read_at=read_at, instead_of=instead_of, deleted=deleted))


def change_to(
    record: Record,
    data: bytes,
    *,
    read_at: datetime,
    instead_of: SeenState | None,
    deleted: bool = False,
) -> RecordChange:
    """Return a change to a state, without an Event."""
    object_name, connection, remote_id = record
    return RecordChange(
        object=object_name,
        connection=connection,
        remote_id=remote_id,
        type=None,
        data=b"{}",
        last_state=instead_of,
        state=data,
        read_at=read_at,
        deleted=deleted,
    )
