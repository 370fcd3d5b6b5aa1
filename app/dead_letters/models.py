"""The Structs of dead letters and bulk redrives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from app.postgres.database import Transaction
from app.queue.models import DeadLetter, DeadLetterState, DeathCategory

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
    """Open dead letters that died alike: how many, and the oldest of them as an example."""

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


class Redrives(Protocol):
    """The bulk redrives."""

    async def start(self, transaction: Transaction, new: NewRedrive) -> Redrive:
        """Begin one with the letters that match now, and no others; done at once where there are none."""

    async def list(self, *, after: str | None, limit: int) -> Sequence[Redrive]:
        """Newest first, below the id `after`."""

    async def get(self, redrive_id: str) -> Redrive | None:
        """One by id."""

    async def cancel(self, transaction: Transaction, redrive_id: str, *, actor: str) -> bool:
        """Go on no more; a batch that is under way is waited for. False when it does not run (any more)."""

    async def take_batch(self, transaction: Transaction, limit: int) -> RedriveBatch | None:
        """Of the running redrive that has waited longest, as many letters as its rate allows by now; None when none is
        due. One that another transaction holds is left to it."""

    async def note_batch(self, transaction: Transaction, batch: RedriveBatch, *, redriven: int) -> None:
        """How many letters of the batch were redriven; the others were skipped. The last batch ends the redrive."""
