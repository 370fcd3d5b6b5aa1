"""The Structs of alarms and runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from app.queue.models import PauseReason
from canonical.parts import Instant

ALARMS: Final = (
    *("dead_letters", "job_lag", "unknown_operations", "late_approvals", "disabled_subscriptions", "drift"),
    *("connection_paused", "connection_throttled", "connection_failing", "connection_webhooks_refused"),
    *("credential_missing", "credential_refused", "credential_expired", "credential_due"),
    *("freshness_breached", "subscription_failing", "consumer_paused", "audit_broken", "audit_tail"),
    *("database_away", "database_unwritable", "schema_differs", "settings_differ", "encryption_keys_differ"),
    *("worker_gone", "sent_twice", "erasure_running"),
)
"""The names of alarms, up to the first dot. `docs/runbook.md` has a section for each."""

NoticeState = Literal["raised", "standing", "over"]
LOOKED_AT: Final = 10_000
"""Writes, and dead letters, to which a filter is applied at once."""
FailureState = Literal["failed", "unknown", "open", "redriven", "discarded"]


class Trouble(Struct, frozen=True, kw_only=True):
    """A connection that is paused until a person resumes it, throttled or failing for long, or that refuses its
    webhooks; a consumer that would have removed too much, or writes a record again and again; a subscription to which
    nothing is delivered; an erasure that is not done; or a credential of the vault that needs a person. `why`, in a few
    words or in the vendor's code."""

    name: str
    problem: (
        PauseReason
        | Literal[
            "throttled",
            "failing",
            "webhooks",
            "removals",
            "loop",
            "undelivered",
            "unerased",
            "missing",
            "refused",
            "expired",
            "due",
        ]
    )
    why: str | None = None
    since: datetime | None = None


class Beat(Struct, frozen=True, kw_only=True):
    """The heartbeat of a process: since when it runs, and for how long it has been silent, in seconds. `settings` is a
    digest of those that all processes share; `keys` are the ids of its encryption keys, of which the first encrypts."""

    process: str  # host:pid
    role: Literal["api", "worker"]
    settings: str
    keys: Sequence[str]
    age: float
    silent: float


class AlarmFigures(Struct, frozen=True, kw_only=True):
    """The figures that raise alarms. Ages are in seconds, 0 without a row. `…_since`: the oldest of what is counted."""

    dead_letters: int
    unknown_operations: int
    disabled_subscriptions: int
    troubles: Sequence[Trouble]
    job_lag: float  # how long the longest waiting job could have started; not on stopped connections
    lagging: str | None  # that job's connection
    too_old: Sequence[tuple[str, str, datetime]] = ()  # connection, object, and since when they are over their limit
    late_approvals: int = 0  # have waited for a day, or for half of their time
    alarming_drift: int = 0  # unacknowledged changes at paths with the policy freeze or reject
    dead_letters_since: datetime | None = None
    unknown_since: datetime | None = None
    disabled_since: datetime | None = None
    drift_since: datetime | None = None
    approvals_since: datetime | None = None
    beats: Sequence[Beat] = ()
    sent_twice: Sequence[tuple[str, str]] = ()  # operations that were sent with one idempotency key


class Alarm(Struct, frozen=True, kw_only=True):
    """A condition that needs a person. Texts hold no personal data; `name` stays the same while it lasts."""

    name: str
    summary: str
    next_step: str
    link: str | None = None
    since: datetime | None = None


class AlarmNotice(Struct, frozen=True, kw_only=True):
    """A notification to send by the holder of `token`: raised, still standing, or over."""

    name: str
    state: NoticeState
    summary: str
    since: datetime
    token: str


class Message(Struct, frozen=True, kw_only=True):
    """A notification for a person."""

    alarm: str
    state: NoticeState
    summary: str
    next_step: str
    link: str | None
    since: datetime


StoryKind = Literal[
    "request",
    "upload",
    "receipt",
    "operation",
    "vendor_call",
    "attempt",
    "event",
    "delivery",
    "dead_letter",
    "redrive",
    "audit",
    "note",
]


class StoryPosition(Struct, frozen=True, kw_only=True):
    """A position in the story of a run: by time, then by usual causality, then by key."""

    at: datetime
    rank: int
    key: str


class RunRecord(Struct, frozen=True, kw_only=True):
    """One step of a run. `facts` differ by kind, and hold no personal data."""

    place: StoryPosition
    kind: StoryKind
    facts: dict[str, Any]


class Failure(Struct, frozen=True, kw_only=True):
    """A failed or unknown write, a dead letter, or a read that failed with 500 or 502.

    `what`: the action, the kind of job, or method and route. `key`: the name of the API key of a call. `connection` is
    empty for a read that failed at none. `why` holds no personal data; that of a write is added later.
    """

    at: datetime
    state: FailureState
    id: str
    what: str
    connection: str
    object: str | None
    remote_id: str | None
    correlation_id: str
    key: str | None
    why: str | None
    path: str | None


class FailureFilter(Struct, frozen=True, kw_only=True):
    """Which failures."""

    state: FailureState | None = None
    """Only in this state. Without it, all but closed dead letters."""
    connection: str | None = None
    """Only at this connection."""
    object: str | None = None
    """Only of this object."""
    key: str | None = None
    """Only calls with the API key of this name."""
    since: Instant | None = None
    """Only at this time or later."""


class FailurePosition(Struct, frozen=True, kw_only=True):
    """A position in the list."""

    at: datetime
    id: str


class Unkeyed(Struct, frozen=True, kw_only=True):
    """A failure without keys. `kind` is that of a dead letter."""

    table: Literal["operation", "dead_letter"]
    id: str
    kind: str
