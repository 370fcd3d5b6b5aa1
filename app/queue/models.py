"""The Structs and Protocols of the queue. Seconds are floats on the database clock.

transaction                           one transaction of the caller: business rows and new jobs
  await queue.enqueue(transaction, NewJob(kind="ingest", connection="hubspot", payload=…, order_key=…))

async def ingest(job, finishing):     a handler, run by `queue.runner`
    …
    async with finishing() as transaction:
        …                             business rows, outgoing jobs; the job is gone when the block commits
    return Done()
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from app.postgres.database import Transaction

INTERNAL: Final = "-"
"""The lane of work that belongs to no connection."""

DeadHead = Literal["block", "skip"]
DeathCategory = Literal["transient", "throttle", "permanent", "auth", "conflict", "poison"]


class JobPolicy(Struct, frozen=True, kw_only=True):
    """How patient the queue is with jobs of one kind.

    Back-off is exponential with full jitter: a uniform choice below `base_seconds` doubled with each
    failure, and below `cap_seconds`.
    A job dies after `max_attempts`, or when the next attempt would come later than `give_up_seconds` after the first.
    `dead_head`: whether its death holds up those behind it in its order key until a person has decided (`block`) or not
    (`skip`). One attempt is cut off after `attempt_seconds`.
    """

    max_attempts: int = 8
    base_seconds: float = 1.0
    cap_seconds: float = 300.0
    give_up_seconds: float | None = None
    dead_head: DeadHead = "skip"
    attempt_seconds: float = 120.0


class NewJob(Struct, frozen=True, kw_only=True):
    """Work to be done once. `payload` is sealed at rest.

    Jobs with one `order_key` at one connection run one after the other, in the order of the commits that enqueued them;
    one that waits (`after` seconds, or for its next attempt) holds up those behind it. While a job with the same kind,
    connection and `dedupe_key` is unfinished, this one is not enqueued. `correlation_id` and `traceparent` are those of
    the current task where they are not given. `origin` names what it stems from: a receipt, an event, an operation.
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


class Job(Struct, frozen=True, kw_only=True):
    """A job at work: the `attempt`-th, held by `lease_token`. `probe`: it shows whether a blocked lane works again."""

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


class Claimed(Struct, frozen=True, kw_only=True):
    """What a claim found. `due_in`: seconds until the next one may find something; None for not before something is
    enqueued, resumed or finished."""

    jobs: Sequence[Job]
    due_in: float | None


# ---------------------------------------------------------------- outcomes
# A `reason` is kept and shown to operators: words without personal data.


class Done(Struct, frozen=True, kw_only=True):
    """It is done. Where the handler did not use `finishing`, the runner takes the job away."""


class Retry(Struct, frozen=True, kw_only=True):
    """It may work another time: `after` seconds, else after the back-off of its kind, which begins when `at_least`
    seconds are over."""

    reason: str
    after: float | None = None
    at_least: float = 0.0


class Throttled(Struct, frozen=True, kw_only=True):
    """The vendor asks for a pause: the whole connection waits `retry_after` seconds, and longer each time where the
    vendor does not say."""

    reason: str
    retry_after: float | None = None


class Unauthorised(Struct, frozen=True, kw_only=True):
    """Our credential is not accepted: the connection is paused until a person resumes it; its jobs wait."""

    reason: str


class Deferred(Struct, frozen=True, kw_only=True):
    """It could not be tried, for no reason of its own: it keeps its place and its attempts, and waits `after` seconds
    at least."""

    reason: str
    after: float = 1.0


class Exhausted(Struct, frozen=True, kw_only=True):
    """It has been tried for as long as the handler finds right: given up as a transient failure."""

    reason: str


class Permanent(Struct, frozen=True, kw_only=True):
    """It can never work as it is. `path` is where in the payload, `mapping` and `revision` say who refused. `skip`:
    those behind it go on, whatever the policy of its kind."""

    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False


class Conflict(Struct, frozen=True, kw_only=True):
    """The vendor or the system of record says otherwise, and a person has to decide. `skip` as for Permanent."""

    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False


JobOutcome: TypeAlias = Done | Retry | Throttled | Unauthorised | Deferred | Exhausted | Permanent | Conflict
Finishing: TypeAlias = Callable[[], AbstractAsyncContextManager[Transaction]]
Handler: TypeAlias = Callable[[Job, Finishing], Awaitable[JobOutcome]]


class JobFailure(Struct, frozen=True, kw_only=True):
    """Why an attempt failed, in words without personal data. `skip` as for Permanent."""

    category: DeathCategory
    reason: str
    path: str | None = None
    mapping: str | None = None
    revision: int | None = None
    skip: bool = False


# ------------------------------------------------------------------- queue


class Enqueuer(Protocol):
    """What flows need of the queue."""

    async def enqueue(self, transaction: Transaction, *jobs: NewJob) -> list[int | None]:
        """Add jobs in the caller's transaction; their ids, None for one that is there already.

        Give all jobs of a transaction in one call: keys are locked in one order then, and no two callers can wait for
        each other.
        """


BlockedReason = Literal["throttle", "auth", "operator"]
PauseReason = Literal["auth", "operator"]


class LaneSettings(Struct, frozen=True, kw_only=True):
    """How fast one connection's jobs may start: `rate` a second, and `burst` at once when it has been idle."""

    rate: float | None
    burst: float = 1.0


class Lane(Struct, frozen=True, kw_only=True):
    """One connection's lane now. A lane with a reason whose time is over is half open: one job probes."""

    connection: str
    rate: float | None
    burst: float
    tokens: float
    blocked_reason: BlockedReason | None
    blocked_seconds: float | None  # what is left; None for until a person resumes it
    blocked_note: str | None
    blocked_at: datetime | None
    probing: bool


class Pause(Struct, frozen=True, kw_only=True):
    """What stops a connection in the whole installation, for reads, writes and jobs alike.

    `held`: until a person resumes it. After a refused credential he is not yet right by that: the pause is there, and
    not held, until the vendor has accepted one request.
    """

    reason: PauseReason
    note: str | None
    since: datetime
    held: bool


class QueueFigures(Struct, frozen=True, kw_only=True):
    """What waits and runs of one kind at one connection; ages in seconds, 0 for none."""

    connection: str
    kind: str
    depth: int  # all of them
    ready: int  # could start now, as far as order and time go
    running: int
    blocked_keys: int  # keys held up by a failed job that waits for its next attempt, or by a dead letter
    oldest_age: float  # since it was enqueued
    lag: float  # how long the longest waiting one could have started already


DeadLetterState = Literal["open", "redriven", "discarded"]


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
    closed_reason: str | None


class Announcer(Protocol):
    """Makes Events of what the queue decides, in the transaction of the decision."""

    async def dead_letter_created(self, transaction: Transaction, dead_letter: DeadLetter) -> None:
        """A job was given up."""

    async def connection_paused(
        self, transaction: Transaction, connection: str, why: BlockedReason, *, note: str
    ) -> None:
        """A connection works no more until a person resumes it; `note` is the person's, or what the vendor answered."""


class LeaseLost(Exception):
    """Somebody else has taken the operation over; what this owner wanted to write is void."""
