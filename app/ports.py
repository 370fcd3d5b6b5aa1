"""What flows need from the world, as Protocols, and the Structs that cross those borders.

`store` and `outbound` implement them, `wiring` puts them together, flows know nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import UNSET, Struct, UnsetType

from app.problem_document import ProblemDocument
from canonical.parts import ObjectName
from mappings.http import VendorRefusal, VendorReply, VendorRequest
from mappings.spec import Action, Manifest, UpsertKey, Vendor

Phase = Literal["received", "sent", "settled", "unknown"]
Outcome = Literal["succeeded", "failed"]


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls. `principal` stays the same when the key is rotated; idempotency keys are scoped by it."""

    principal: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None


class Connection(Struct, frozen=True, kw_only=True):
    """One authorised account at a vendor, as configured; of a vendor that is an intake, where its webhooks come from."""

    name: str
    vendor: Manifest


class CalledConnection(Connection, frozen=True, kw_only=True):
    """A connection at a vendor that Lockstitch calls."""

    vendor: Vendor[Any]


class Connections(Struct, frozen=True, kw_only=True):
    """All connections, and which one is the system of record of each object."""

    by_name: Mapping[str, Connection]
    systems_of_record: Mapping[ObjectName, str]


# ---------------------------------------------------------------- outbound


class VendorRefused(Exception):
    """The vendor understood and said no; nothing was changed by this request."""

    def __init__(self, connection: str, status: int, refusal: VendorRefusal) -> None:
        super().__init__(f"{connection} refused: {refusal.kind}")
        self.connection = connection
        self.status = status
        self.refusal = refusal


class ReplyLost(Exception):
    """A request that changes something went out and no usable reply came back: it may have happened or not.

    `why` is a short reason without personal data: `timeout`, `reset`, `status 502`.
    """

    def __init__(self, connection: str, why: str) -> None:
        super().__init__(f"{connection}: reply lost ({why})")
        self.connection = connection
        self.why = why


class LineState(Struct, frozen=True, kw_only=True):
    """How this process sees a connection: where it leads, and what keeps requests back for how many `seconds` more."""

    base_url: str  # without what may be a secret
    state: Literal["working", "throttled", "failing", "unauthorised"]
    seconds: float


class Vendors(Protocol):
    """The one client for all vendors."""

    async def send(self, connection: Connection, request: VendorRequest, *, deadline: float) -> VendorReply:
        """Authenticate, pace, send, and retry where that is safe; `deadline` is on the clock of `time.monotonic`.

        Raises VendorRefused for a definite no of the vendor; ReplyLost when a request with an effect may have been
        carried out; and, certain that nothing was changed: VendorUnavailable, VendorTimeout, VendorThrottled,
        VendorAuthFailed, ConnectionPaused.
        """

    async def account(self, connection: Connection, *, deadline: float) -> Any:
        """The facts about the account (the vendor's account Struct), cached. Raises like `send`."""

    def state(self, connection: Connection) -> LineState | None:
        """How a connection is; None for one that nothing is ever sent on."""


# ------------------------------------------------------------------- store


class SealBroken(Exception):
    """A sealed value cannot be opened: its key is not configured, or the value was changed."""


class Answer(Struct, frozen=True, kw_only=True):
    """A rendered answer, as it is recorded and replayed: status, the headers worth keeping, the body's bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


class Intent(Struct, frozen=True, kw_only=True):
    """One canonical write as the caller meant it; all that a worker needs to carry it out. Encrypted at rest."""

    object: ObjectName
    action: Action
    connection: str
    revision: int
    instance: str  # the caller's path, for the problem document
    remote_id: str | None = None  # the record to change
    parent: str | None = None  # the ticket's remote id, for a comment
    canonical_id: str | None = None
    upsert_on: UpsertKey | None = None
    upsert_value: str | None = None
    lossy: bool = False
    if_match: str | None = None
    body: bytes = b""


class Operation(Struct, frozen=True, kw_only=True):
    """One write and how far it has come. `effect` is the verb that was really sent (an upsert ends up as create or
    update). `queued`: it is for its job in the queue to begin it, and for nobody else. `deferred`: somebody was told that
    it would be decided later. `callback` is the URL that is told of its end. Times are the database's."""

    id: str
    principal: str
    object: ObjectName
    action: Action
    connection: str
    phase: Phase
    outcome: Outcome | None
    attempts: int
    correlation_id: str
    traceparent: str | None
    fingerprint: bytes
    intent: Intent
    effect: Action | None
    remote_id: str | None
    sent_at: datetime | None
    lease_live: bool
    answer: Answer | None
    problem: ProblemDocument | None
    created_at: datetime
    updated_at: datetime
    age_since_sent: float  # seconds by the database clock; 0 when not sent
    due_in: float  # seconds until somebody else may go on with it; 0 when that is now, or it is decided
    queued: bool = False
    deferred: bool = False
    callback: str | None = None


class FieldChange(Struct, frozen=True, kw_only=True):
    """A named field of a record that a write of ours has changed."""

    record: str  # as in an order key: `customer:1051`
    field: str
    before: str | None
    after: str | None


class Lease(Struct, frozen=True, kw_only=True):
    """The right to go on with an operation: every later step names the token. `actor` is who goes on, for the audit
    trail: the principal of a caller who waits, else Lockstitch itself."""

    operation_id: str
    token: str
    actor: str = "lockstitch"


class LeaseLost(Exception):
    """Somebody else has taken the operation over; what this owner wanted to write is void."""


class Begun(Struct, frozen=True, kw_only=True):
    """Either a new operation, held by `lease`, or the one that the key already stands for (`lease` None)."""

    operation: Operation
    lease: Lease | None

    def held(self) -> Lease:
        """The lease, for a step that only its owner may take. Raises LeaseLost without one."""
        if self.lease is None:
            raise LeaseLost(self.operation.id)
        return self.lease


class NewOperation(Struct, frozen=True, kw_only=True):
    """What is written before anything else happens. `id` is chosen beforehand: the request carries it as marker."""

    id: str
    principal: str
    key: str
    fingerprint: bytes
    correlation_id: str
    traceparent: str | None
    intent: Intent
    phase: Literal["received", "sent"]
    effect: Action | None = None
    callback: str | None = None


class Operations(Protocol):
    """The record of writes: intent before the call, outcome before the answer, each step fenced by a lease.

    Every change of state is audited in its own transaction. The end of an operation that is queued or deferred, or has
    a callback, is announced there as well, and so is every `unknown` and what a person makes of it.
    """

    async def begin(self, new: NewOperation) -> Begun:
        """INSERT … ON CONFLICT on (principal, key); on a conflict the operation that is there."""

    async def enlist(self, transaction: Transaction, new: NewOperation) -> Operation | None:
        """Add a `received` operation that a job will begin, which the caller enqueues; None when its key stands for one
        already."""

    async def find_by_key(self, principal: str, key: str) -> Operation | None:
        """The operation that a key stands for, if any."""

    async def get(self, operation_id: str) -> Operation | None:
        """One operation by id."""

    async def list(
        self, *, state: str | None, objects: Sequence[ObjectName], after: str | None, limit: int
    ) -> Sequence[Operation]:
        """Operations newest first, below the id `after`."""

    async def take_over(self, operation_id: str) -> Begun | None:
        """A lease on an undecided operation whose lease has run out; None when it is held or decided."""

    async def reopen(self, operation_id: str, *, actor: str) -> Begun | None:
        """A lease on an `unknown` operation, to look once more; None when it is not `unknown`."""

    async def claim_due(self, limit: int) -> Sequence[Begun]:
        """Leases on undecided operations that are due: lease run out, or postponed until now. None of those queued."""

    async def take_turn(self, operation_id: str) -> Begun | None:
        """A lease on an undecided `queued` operation, for its job, which is the judge of when; None when it is decided,
        or still held."""

    async def defer(self, operation_id: str) -> Operation | None:
        """Note that somebody is told that it will be decided later. The operation as it is then: decided, where that was
        faster. None when there is no such operation (any more)."""

    async def mark_sent(self, begun: Begun, *, effect: Action, remote_id: str | None) -> Begun:
        """Commit that the request is about to go out; the operation as it is then. Raises LeaseLost."""

    async def note_remote_id(self, begun: Begun, remote_id: str) -> None:
        """The vendor did it and named the record; what is left is to read it. Raises LeaseLost."""

    async def postpone(self, begun: Begun, *, seconds: float, sent: bool) -> None:
        """Give the lease back; a worker goes on after `seconds`. `sent=False`: nothing went out, back to received.
        Raises LeaseLost."""

    async def succeed(
        self, begun: Begun, *, answer: Answer, remote_id: str | None, changes: Sequence[FieldChange] = ()
    ) -> None:
        """Record the answer, and audit what it changed. Raises LeaseLost."""

    async def fail(
        self, begun: Begun, *, problem: ProblemDocument, answer: Answer | None, unless_deferred: bool = False
    ) -> bool:
        """Record a final refusal; without `answer` the key is released, because nothing was sent.

        With `unless_deferred` nothing is recorded where somebody was told that it would be decided later: then False.
        Raises LeaseLost.
        """

    async def mark_unknown(self, begun: Begun, *, problem: ProblemDocument) -> None:
        """It could not be found out. Raises LeaseLost."""

    async def forget(self, begun: Begun, *, because: str) -> bool:
        """The request turned out not to be an operation at all (a field was invalid): remove it. False, and nothing is
        removed, where somebody was told that it would be decided later, or the lease is lost."""

    async def resolve(
        self,
        operation_id: str,
        *,
        outcome: Outcome,
        remote_id: str | None,
        actor: str,
        answer: Answer | None,
        problem: ProblemDocument | None,
    ) -> bool:
        """A person decided an `unknown` operation; audited. False when it is not `unknown` (any more)."""

    async def lock_upsert(self, connection: str, object_name: ObjectName, value: str, lease: Lease) -> bool:
        """Reserve a unique key for this operation while it is undecided; False when another one holds it."""

    async def delete_expired(self, limit: int) -> int:
        """Remove settled operations that have outlived their retention; how many."""


class OperationAnnouncer(Protocol):
    """Tells of the end of operations, in the transaction of the decision."""

    async def operation_finished(self, transaction: Transaction, operation: Operation) -> None:
        """It is settled, or `unknown`; its `callback`, where it has one, is told too."""


class KnownLink(Struct, frozen=True, kw_only=True):
    """What a canonical id stands for at one connection."""

    object: ObjectName
    connection: str
    remote_id: str


class Links(Protocol):
    """Canonical id ↔ vendor id."""

    async def ensure(self, object_name: ObjectName, connection: str, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """The canonical id of each remote id, made where there is none yet."""

    async def find(self, canonical_id: str) -> Sequence[KnownLink]:
        """Where a canonical id is known; empty for one that never was."""


class Keys(Protocol):
    """Callers' API keys."""

    async def find(self, secret: str) -> Caller | None:
        """Who holds this key, if it is valid now."""


class Page(Struct, frozen=True, kw_only=True):
    """The list envelope."""

    data: Sequence[Any]
    next_cursor: str | None
    has_more: bool


class OperationView(Struct, frozen=True, kw_only=True):
    """An Operation as callers see it."""

    id: str
    state: Literal["queued", "executing", "succeeded", "failed", "unknown"]
    object: ObjectName
    action: Action
    connection: str
    attempts: int
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    result: Any | UnsetType = UNSET
    problem: ProblemDocument | UnsetType = UNSET
