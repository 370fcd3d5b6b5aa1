"""Dead letters as flows see them: found, inspected, run again, let go."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.lane_ports import BlockedReason
from app.queue_ports import DeadHead, DeathCategory, Transaction

DeadLetterState = Literal["open", "redriven", "discarded"]
AttemptOutcome = Literal["done", "retried", "spared", "lost", "dead"]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A job that has failed for good. `path` is where in the payload; `mapping` and `revision` say who refused."""

    id: str
    job_id: int
    kind: str
    connection: str
    order_key: str | None
    dedupe_key: str | None
    attempts: int
    dead_head: DeadHead
    correlation_id: str
    origin: str | None
    category: DeathCategory
    reason: str
    path: str | None
    mapping: str | None
    revision: int | None
    state: DeadLetterState
    enqueued_at: datetime
    created_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_because: str | None


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt at a job. `lost`: its worker died, or was too slow to keep the lease. `spared`: put off for a reason
    that is not the job's, such as a throttle."""

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
    """Open dead letters that died alike: how many, and the oldest of them as an example."""

    connection: str
    kind: str
    category: DeathCategory
    reason: str
    count: int
    example: str


class NotOpen(Exception):
    """There is no such dead letter, or somebody has redriven or discarded it already."""


class AlreadyQueued(Exception):
    """A job with the same dedupe key waits or runs: to redrive the dead one would do its work twice."""


class DeadLetters(Protocol):
    """The dead letters. What decides about one joins the caller's transaction."""

    async def list(self, which: DeadLetterFilter, *, after: str | None, limit: int) -> Sequence[DeadLetter]:
        """Newest first, below the id `after`."""

    async def count(self, which: DeadLetterFilter) -> int:
        """How many there are."""

    async def groups(self, which: DeadLetterFilter, *, limit: int) -> Sequence[DeadLetterGroup]:
        """What they died of, the most frequent first."""

    async def get(self, dead_letter_id: str) -> DeadLetter | None:
        """One by id."""

    async def payload(self, dead_letter_id: str) -> bytes | None:
        """What the handler was given. Raises SealBroken."""

    async def attempts(self, job_id: int) -> Sequence[Attempt]:
        """All attempts at its job, oldest first; those before an earlier redrive too."""

    async def redrive(
        self, transaction: Transaction, dead_letter_id: str, *, actor: str, payload: bytes | None = None
    ) -> int:
        """Enqueue it again, with another payload where one is given; the job's id.

        The job is the one that died: the same id and so the same place in its order key, the same dedupe key, origin
        and correlation id, and as many new attempts as its kind has. Raises NotOpen and AlreadyQueued.
        """

    async def redrive_all(
        self, transaction: Transaction, dead_letter_ids: Sequence[str], *, actor: str, redrive: str
    ) -> Sequence[str]:
        """Enqueue those of them again that are open and whose work is not queued already, for the bulk redrive of this
        id; the ids of these."""

    async def discard(self, transaction: Transaction, dead_letter_id: str, *, actor: str, because: str) -> None:
        """Let it go; those behind it in its order key go on. Raises NotOpen."""


class Announcer(Protocol):
    """Makes Events of what the queue decides, in the transaction of the decision."""

    async def dead_letter_created(self, transaction: Transaction, dead_letter: DeadLetter) -> None:
        """A job was given up."""

    async def connection_paused(
        self, transaction: Transaction, connection: str, why: BlockedReason, *, note: str
    ) -> None:
        """A connection works no more until a person resumes it; `note` is the person's, or what the vendor answered."""
