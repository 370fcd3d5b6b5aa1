"""The Structs of the queue. Seconds are floats on the database clock.

transaction                           one transaction of the caller: business rows and new jobs
  await queue.enqueue(transaction, NewJob(kind="ingest", connection="hubspot", payload=…, order_key=…))

async def ingest(job, finishing):     a handler, run by `queue.runner`; see `queue.finishing`
    …
    async with finishing() as transaction:
        …                             business rows, outgoing jobs; the job is gone when the block commits
    return Done()
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final, Literal, Protocol, TypeAlias

import asyncpg
from msgspec import Struct

from app.postgres.database import Statement, Transaction

INTERNAL: Final = "-"
"""The lane of jobs without a connection."""
NOT_CONNECTIONS: Final = (INTERNAL, "sub_", "callbacks-")
"""How the names of lanes begin that are no connections. `sub_` and `callbacks-` are those of deliveries."""
VENDOR_ANSWERED: Final = "(HTTP "
"""In the reason of a failure that is a vendor's refusal, before its status and code."""

DeadHead = Literal["block", "skip"]
DeathCategory = Literal["transient", "throttle", "permanent", "auth", "conflict", "poison"]


class BudgetShare(IntEnum):
    """The shares of a vendor account's budget, those first that go first: callers' requests; webhooks, deliveries and
    copies; walks; backfills. Each has a floor that the others leave free."""

    INTERACTIVE = 0
    EVENTS = 1
    PULL = 2
    BACKFILL = 3


class JobPolicy(Struct, frozen=True, kw_only=True):
    """The retry policy of a job kind.

    Back-off is exponential with full jitter: a uniform choice below `base_seconds`, doubled with each failure, and
    below `cap_seconds`. A job dies after `max_attempts`, or if the next attempt would come later than `give_up_seconds`
    after the first. `dead_head`: a dead job blocks later jobs of its order key until someone decides (`block`), or does
    not (`skip`). An attempt is cancelled after `attempt_seconds`. `share`: that of the connection's
    budget from which its requests are paid.
    """

    max_attempts: int = 8
    base_seconds: float = 1.0
    cap_seconds: float = 300.0
    give_up_seconds: float | None = None
    dead_head: DeadHead = "skip"
    attempt_seconds: float = 120.0
    share: BudgetShare = BudgetShare.EVENTS


class NewJob(Struct, frozen=True, kw_only=True):
    """A job to enqueue. `payload` is encrypted at rest.

    Jobs with one `order_key` at one connection run one at a time, in the order of the commits that enqueued them. A
    waiting one (for `after` seconds, or its next attempt) delays those behind it. It is not enqueued while an
    unfinished job has the same kind, connection and `dedupe_key`. `correlation_id` and `traceparent` default to those
    of the current task. `origin` is the id of its cause: a receipt, an event, an operation. `share` is that of its kind
    if None.
    """

    kind: str
    payload: bytes
    connection: str = INTERNAL
    order_key: str | None = None
    dedupe_key: str | None = None
    after: float = 0.0
    correlation_id: str | None = None
    traceparent: str | None = None
    origin: str | None = None
    share: BudgetShare | None = None


class Job(Struct, frozen=True, kw_only=True):
    """A leased job in its `attempt`-th attempt. `probe`: it tests whether a blocked lane works again. `loaded` has what
    `Load` names."""

    id: int
    kind: str
    connection: str
    order_key: str | None
    dedupe_key: str | None
    attempt: int
    deferred: int
    lease_token: str
    payload: bytes
    correlation_id: str
    traceparent: str | None
    origin: str | None
    created_at: datetime
    started_at: datetime
    probe: bool
    share: BudgetShare
    loaded: asyncpg.Record


class Load(Struct, frozen=True, kw_only=True):
    """What handlers of some kinds read first, as SQL text: it comes with the claim of their jobs, in `Job.loaded`.

    The statement selects `columns` of all kinds from the jobs `claimed` and `joins`, which are lookups of one row; they
    are null for jobs of other kinds. `parts` are further parts of its WITH.
    """

    columns: str
    joins: str
    parts: str = ""


class Claimed(Struct, frozen=True, kw_only=True):
    """Claimed jobs. `full`: lanes that now have all the jobs they may have. `more`: other lanes may have jobs that are
    due. `due_in`: seconds until the next claim may find some, if this one has none; None until a job is enqueued or
    finished, or a lane is resumed."""

    jobs: Sequence[Job]
    full: Collection[str]
    more: bool
    due_in: float | None = None


# ---------------------------------------------------------------- outcomes
# A `reason` is stored and shown to operators. It holds no personal data.


class Done(Struct, frozen=True, kw_only=True):
    """The job is done. The runner deletes it if the handler did not use `finishing`."""


class Retry(Struct, frozen=True, kw_only=True):
    """Retry the job: `after` seconds, else after `at_least` seconds and the back-off of its kind.

    `record` writes in the transaction that releases the job. Where it returns False, the job has nothing left to wait
    for and is due at once.
    """

    reason: str
    after: float | None = None
    at_least: float = 0.0
    record: Callable[[Transaction], Awaitable[bool]] | None = None


class Throttled(Struct, frozen=True, kw_only=True):
    """The vendor asks for a pause. The whole connection waits `retry_after` seconds, or longer each time if None."""

    reason: str
    retry_after: float | None = None


class Unauthorised(Struct, frozen=True, kw_only=True):
    """The credential is refused. The connection is paused until a person resumes it; its jobs wait."""

    reason: str


class Deferred(Struct, frozen=True, kw_only=True):
    """The job could not be tried, for an outside reason. It keeps its place and attempts, and waits `after` seconds."""

    reason: str
    after: float = 1.0


class Exhausted(Struct, frozen=True, kw_only=True):
    """The handler gives up after enough attempts: a transient failure."""

    reason: str


class Permanent(Struct, frozen=True, kw_only=True):
    """The job can never succeed. `path` is the place in the payload; `mapping` and `revision` refused it.

    `skip`: later jobs of its order key continue, regardless of the policy.
    """

    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False


class Conflict(Struct, frozen=True, kw_only=True):
    """The vendor or the system of record disagrees, and a person must decide. `skip` as for Permanent. `record` writes
    in the transaction that makes the dead letter."""

    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False
    record: Callable[[Transaction], Awaitable[None]] | None = None


JobOutcome: TypeAlias = Done | Retry | Throttled | Unauthorised | Deferred | Exhausted | Permanent | Conflict


class JobFailure(Struct, frozen=True, kw_only=True):
    """The cause of a failed attempt, without personal data. `skip` as for Permanent."""

    category: DeathCategory
    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False


# ------------------------------------------------------------------- queue


class Enqueuer(Protocol):
    """Enqueues jobs: `JobIntake`, and the `PostgresQueue` of a process that works on them."""

    async def enqueue(self, transaction: Transaction, *jobs: NewJob, query: Statement = ...) -> list[int | None]:
        """Add jobs in the caller's transaction, and return their ids, None for one that exists already. `query`: what
        `enqueue.adding` returns.

        Give all jobs of a transaction in one call: keys are locked in one order then, and no two callers deadlock.
        """


BlockedReason = Literal["throttle", "auth", "account", "operator"]
PauseReason = Literal["auth", "account", "operator"]
"""Why a connection is paused: its credential is refused, it opens another account than before, or an operator asked."""


class Allowance(Struct, frozen=True, kw_only=True):
    """How many jobs of a share of a connection may start now, and in how many seconds more may if that is 0."""

    jobs: int
    opens_in: float


Allowances: TypeAlias = Mapping[tuple[str, BudgetShare], Allowance]
"""By connection and share, for those whose budget is short."""


CONNECT: Final = ": lockstitch connect "
"""What the note of a pause says of a connection that a person must authorise."""


class Lane(Struct, frozen=True, kw_only=True):
    """The lane of a connection. After its blocked time a lane is half open: one job probes it."""

    connection: str
    blocked_reason: BlockedReason | None
    blocked_seconds: float | None  # remaining; None until a person resumes it
    blocked_until: datetime | None
    blocked_note: str | None
    blocked_at: datetime | None
    probing: bool


class Pause(Struct, frozen=True, kw_only=True):
    """A pause of a connection in the whole installation, for reads, writes and jobs.

    `until_resumed`: it lasts until a person resumes it. After a refused credential, a resumed pause stays, without
    `until_resumed`, until the vendor accepts one request.
    """

    reason: PauseReason
    note: str | None
    since: datetime
    until_resumed: bool

    @property
    def needs_connect(self) -> bool:
        """Whether only a person can end it, by `lockstitch connect`: its grant has ended. A resume would not help."""
        return self.reason == "auth" and CONNECT in (self.note or "")


class QueueFigures(Struct, frozen=True, kw_only=True):
    """The jobs of one kind at one connection. Ages are in seconds, 0 without a job."""

    connection: str
    kind: str
    depth: int  # all jobs
    ready: int  # could start now, by order and time
    running: int
    blocked_keys: int  # keys blocked by a job that waits for its next attempt, or by a dead letter
    oldest_age: float  # since it was enqueued
    lag: float  # how long the longest waiting one could have started, or is tried in vain


DeadLetterState = Literal["open", "redriven", "discarded"]


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A job that finally failed. `path` is the place in the payload; `mapping` and `revision` refused it."""

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
    closed_reason: str | None


class Announcer(Protocol):
    """Publishes Events about the queue, in its transactions. `events`, above the queue, implements it."""

    async def dead_letter_created(self, transaction: Transaction, dead_letter: DeadLetter) -> None:
        """Publish that a job became a dead letter."""

    async def connection_paused(
        self, transaction: Transaction, connection: str, why: BlockedReason, *, note: str
    ) -> None:
        """Publish a pause until a person resumes it. `note` is the person's, or the vendor's answer."""


class LeaseLost(Exception):
    """Another owner has taken the job or operation over. Nothing of this owner was written."""
