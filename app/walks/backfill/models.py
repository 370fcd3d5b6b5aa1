"""The Structs of backfills."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.walks.models import ListedObject
from canonical.parts import Instant

BackfillState = Literal["running", "paused", "completed", "cancelled", "failed"]


class BackfillRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to backfill, how fast, and who gets an Event for each record."""

    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ListedObject
    """The object. Example: `"customer"`"""
    since: Instant | None = None
    """Only records that changed at or after this time. Null: all. Example: `"2026-01-01T00:00:00Z"`"""
    rate: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    """Most records per second. Null: as many as the budget of the connection allows. Example: `50.0`"""
    deliver: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)] | None = None
    """Ids of subscriptions, and consumers as `consumer:customers:crm`, that get an Event for each record. Null: no
    Events. Example: `["sub_0198f0a2b7c47d3c9a51f2e80b6c4d17"]`"""
    dry_run: bool = False
    """Only count; store nothing. Example: `false`"""


class NewBackfill(Struct, frozen=True, kw_only=True):
    """A backfill to start."""

    id: str
    """The backfill's id. Example: `"bf_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    object: ListedObject
    """The object. Example: `"customer"`"""
    since: datetime | None
    """Only records that changed at or after this time; null if all. Example: `null`"""
    rate: float | None
    """Most records per second; null if unlimited. Example: `50.0`"""
    deliver: tuple[str, ...] | None
    """Who gets an Event for each record; null if no one. Example: `null`"""
    dry_run: bool
    """Whether it only counts. Example: `false`"""
    actor: str
    """Who requested it. Example: `"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """The run that requested it. Example: `"orders-4711-1767225600000"`"""


class BackfillProgress(NewBackfill, frozen=True, kw_only=True):
    """A backfill after its last committed page."""

    state: BackfillState
    """The state of the backfill. Example: `"running"`"""
    failure: str | None
    """The code of the problem that ended it; null without one. Example: `null`"""
    total: int | None
    """Records to expect; null if unknown. Example: `12000`"""
    pages: int
    """Pages read so far. Example: `34`"""
    records: int
    """Records in these pages. Example: `3400`"""
    new: int
    """Those that Lockstitch had not seen. Example: `3100`"""
    known: int
    """Those that equal their last-seen state, or are deleted. Example: `296`"""
    differing: int
    """Those that differ from their last-seen state. It stays, so the next read reports the change. Example: `3`"""
    unreadable: int
    """Those that cannot be mapped. Example: `1`"""
    created_at: datetime
    """When it began. Example: `"2026-05-01T09:30:00Z"`"""
    updated_at: datetime
    """When it last made progress. Example: `"2026-05-01T09:31:08Z"`"""
    ended_at: datetime | None
    """When it ended. Example: `null`"""


class Backfill(BackfillProgress, frozen=True, kw_only=True):
    """A backfill as it is stored. `resumed_at`: when it began or last went on, with `resumed_with` records."""

    resumed_at: datetime
    resumed_with: int


class BackfillView(BackfillProgress, frozen=True, kw_only=True):
    """A backfill and its progress."""

    share: float | None
    """The share that is done, from 0 to 1; null if unknown. Example: `0.2833`"""
    eta_seconds: float | None
    """Estimated seconds left; null if unknown, or if it does not run. Example: `172.0`"""
