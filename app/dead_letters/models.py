"""The Structs of dead letters and bulk redrives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from app.queue.models import DeadLetterState, DeathCategory

AttemptOutcome = Literal["done", "retried", "deferred", "lost", "dead"]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt at a job. `lost`: its worker died, or was too slow to keep the lease. `deferred`: put off for
    a reason outside the job, such as a throttle."""

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


class DeadLetterFilter(Struct, frozen=True, kw_only=True):
    """Which dead letters; what is None does not matter. `since` and `until` are about when it died, the one inclusive,
    the other not."""

    state: DeadLetterState | None = "open"
    connection: str | None = None
    kind: str | None = None
    category: DeathCategory | None = None
    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str | None = None


class DeadLetterGroup(Struct, frozen=True, kw_only=True):
    """Open dead letters with the same failure: their number, and the oldest of them as an example."""

    connection: str
    """The connection of the work; `-` for none. Example: `"hubspot"`"""
    kind: str
    """The kind of work. Example: `"ingest"`"""
    category: DeathCategory
    """The kind of failure. `poison` ended its worker. Example: `"transient"`"""
    reason: str
    """The reason. Example: `"vendor-unavailable"`"""
    count: int
    """Number of dead letters in the group. Example: `1180`"""
    example: str
    """The oldest of them. Example: `"dl_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""


class NotOpen(Exception):
    """There is no such dead letter, or somebody has redriven or discarded it already."""


class AlreadyQueued(Exception):
    """A job with the same dedupe key waits or runs: to redrive the dead one would do its work twice."""


RedriveState = Literal["running", "done", "cancelled"]


class Redrive(Struct, frozen=True, kw_only=True):
    """A bulk redrive and how far it has come. `total` letters matched when it began; `skipped` are those that somebody
    had redriven or discarded before they had their turn, or whose work was queued already. Without `rate_per_second`
    it goes as fast as it can."""

    id: str
    filter: DeadLetterFilter
    rate_per_second: float | None
    state: RedriveState
    total: int
    redriven: int
    skipped: int
    actor: str
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class NewRedrive(Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    filter: DeadLetterFilter
    rate_per_second: float | None
    actor: str
    correlation_id: str


class RedriveBatch(Struct, frozen=True, kw_only=True):
    """The letters of a redrive whose turn it is, oldest job first. The redrive is held by the transaction that took
    them; they have had their turn when it commits."""

    redrive: Redrive
    dead_letters: Sequence[str]
