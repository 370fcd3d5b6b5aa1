"""The Structs of dead letters and bulk redrives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from app.queue.models import DeadLetterState, DeathCategory
from canonical.parts import Instant

Word = Annotated[str, Meta(min_length=1, max_length=255)]
Cause = Annotated[str, Meta(min_length=1, max_length=1000)]
AttemptOutcome = Literal["done", "retried", "deferred", "lost", "dead"]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt at a job. `lost`: its worker died or lost the lease. `deferred`: for example by throttling."""

    job_id: int
    number: int
    kind: str
    connection: str
    outcome: AttemptOutcome
    category: DeathCategory | None
    reason: str | None
    traceparent: str | None
    started_at: datetime
    ended_at: datetime


class RedriveFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which open dead letters to redrive. A missing member matches all. `since` (inclusive) and `until` (exclusive) are
    the time of the dead letter."""

    connection: Word | None = None
    """Only this connection. Example: `"hubspot"`"""
    kind: Word | None = None
    """Only this kind of work. Example: `"ingest"`"""
    category: DeathCategory | None = None
    """Only this kind of failure. Example: `"transient"`"""
    since: Instant | None = None
    """Only those given up at or after this time. Example: `"2026-05-01T09:30:00Z"`"""
    until: Instant | None = None
    """Only those given up before this time. Example: `"2026-05-01T09:30:00Z"`"""
    correlation_id: Word | None = None
    """Only this run. Example: `"orders-4711-1767225600000"`"""
    reason: Cause | None = None
    """Only this reason. Example: `"vendor-unavailable"`"""
    path: Cause | None = None
    """Only failures at this place of the payload or the vendor's record; `[*]` is every row or item, `-` no place.
    Example: `"$.properties.email"`"""


class DeadLetterFilter(RedriveFilter, frozen=True, kw_only=True):
    """Which dead letters to list. A missing member matches all."""

    state: Literal[DeadLetterState, "all"] = "open"
    """Only dead letters in this state. Example: `"open"`"""


class DeadLetterGroup(Struct, frozen=True, kw_only=True):
    """Open dead letters with the same cause: their count, and the oldest as an example."""

    connection: str
    """The connection of the work; `-` for none. Example: `"hubspot"`"""
    kind: str
    """The kind of work. Example: `"ingest"`"""
    category: DeathCategory
    """The kind of failure. `poison` ended its worker. Example: `"transient"`"""
    reason: str
    """The reason. Example: `"vendor-unavailable"`"""
    path: str | None
    """Place in the payload, or in the vendor's record, with `[*]` for any row or item; null for none.
    Example: `"$.properties.email"`"""
    count: int
    """Number of dead letters in the group. Example: `1180`"""
    example: str
    """The oldest of them. Example: `"dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    oldest_at: datetime
    """When that was given up. Example: `"2026-05-01T09:30:00Z"`"""


class RedrivePreview(Struct, frozen=True, kw_only=True):
    """How many dead letters a redrive would queue, by cause, and how many it would skip because their work is
    queued."""

    redriven: int
    skipped: int
    groups: Sequence[DeadLetterGroup]


class NotOpen(Exception):
    """No such dead letter, or it is already redriven or discarded."""


class AlreadyQueued(Exception):
    """A job with the same dedupe key waits or runs. A redrive would do its work twice."""


RedriveState = Literal["running", "done", "cancelled"]


class Redrive(Struct, frozen=True, kw_only=True):
    """A bulk redrive and its progress. `total` dead letters matched at its start.

    `skipped` were redriven or discarded before their turn, or their work was already queued. `rate_per_second` None is
    as fast as possible.
    """

    id: str
    """The redrive's id. Example: `"rdv_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    state: RedriveState
    """The state of the redrive. Example: `"running"`"""
    filter: RedriveFilter
    """The filter of the request."""
    rate_per_second: float | None
    """Maximum rate per second; null if unlimited. Example: `20.0`"""
    total: int
    """Number that matched when it began. Example: `1200`"""
    redriven: int
    """Number that were queued again. Example: `340`"""
    skipped: int
    """Number that were decided meanwhile, or already queued. Example: `2`"""
    actor: str
    """Who requested it. Example: `"key_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    correlation_id: str
    """The run that requested it. Example: `"orders-4711-1767225600000"`"""
    created_at: datetime
    """When it began. Example: `"2026-05-01T09:30:00Z"`"""
    updated_at: datetime
    """When it last made progress. Example: `"2026-05-01T09:30:00Z"`"""
    ended_at: datetime | None
    """When it ended. Example: `null`"""


class NewRedrive(Struct, frozen=True, kw_only=True):
    """A bulk redrive to start."""

    filter: DeadLetterFilter
    rate_per_second: float | None
    actor: str
    correlation_id: str


class RedriveBatch(Struct, frozen=True, kw_only=True):
    """The next dead letters of a redrive, oldest job first. The transaction that took them holds the redrive until it
    commits."""

    redrive: Redrive
    dead_letters: Sequence[str]
