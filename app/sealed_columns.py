"""Every column that holds sealed values, and what each value in it belongs to: what a change of keys goes through.

A test finds every column of bytes in `schema.sql`; one that is neither here nor a digest fails it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from app.events.store import deliveries, events, record_states, subscriptions
from app.queue import enqueue
from app.webhooks.store import receipts

Row = Mapping[str, Any]


class SealedColumn(Struct, frozen=True, kw_only=True):
    """One column of one table. `key` are the columns of its primary key with their types; `belongs_to` makes of a row
    what is bound into its value, from `key` and `more`."""

    table: str
    column: str
    key: Mapping[str, str]
    belongs_to: Callable[[Row], str]
    more: Sequence[str] = ()

    @property
    def name(self) -> str:
        """As operators read it: `job.payload`."""
        return f"{self.table}.{self.column}"


ID: Final = {"id": "text"}


def _operation(column: str) -> SealedColumn:
    return SealedColumn(
        table="operation", column=column, key=ID, belongs_to=lambda row: f"operation.{column} {row['id']}"
    )


# A job that dies takes its sealed payload along, and a redrive brings it back: the dead letters come last, and whoever
# goes through all of it goes once more for what has moved meanwhile.
SEALED_COLUMNS: Final = (
    *(_operation(column) for column in ("intent", "answer", "problem", "callback")),
    SealedColumn(
        table="inbound_event", column="payload", key=ID, belongs_to=lambda row: receipts.payload_of(row["id"])
    ),
    SealedColumn(
        table="record_state",
        column="data",
        key={"object": "text", "connection": "text", "remote_id": "text"},
        belongs_to=lambda row: record_states.data_of(row["object"], row["connection"], row["remote_id"]),
    ),
    SealedColumn(table="event", column="body", key=ID, belongs_to=lambda row: events.body_of(row["id"])),
    SealedColumn(
        table="subscription", column="target_url", key=ID, belongs_to=lambda row: subscriptions.target_of(row["id"])
    ),
    SealedColumn(
        table="subscription_secret",
        column="secret",
        key={"subscription": "text", "created_at": "timestamptz"},
        belongs_to=lambda row: subscriptions.secret_of(row["subscription"]),
    ),
    SealedColumn(
        table="delivery", column="target_url", key=ID, belongs_to=lambda row: deliveries.callback_of(row["id"])
    ),
    SealedColumn(
        table="job", column="payload", key={"id": "bigint"}, belongs_to=lambda row: enqueue.payload_of(row["id"])
    ),
    SealedColumn(
        table="dead_letter",
        column="payload",
        key=ID,
        more=("job_id",),
        belongs_to=lambda row: enqueue.payload_of(row["job_id"]),
    ),
)
