"""Operations: one canonical write each, its phase, and who may continue it.

received ── mark_sent ── sent ── succeed, fail ── settled        or, from sent, mark_unknown ── unknown
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from msgspec import UNSET, Struct, UnsetType, structs

from app.events.models import NewEvent, PreparedEvents, RecordChange, SeenState
from app.links.models import NewRecord
from app.postgres.database import Database, Transaction
from app.problem_document import Problem, ProblemDocument
from app.queue.models import BlockedReason
from app.writes.approval import Approval, ApprovalView
from app.writes.copy_models import CopyOf, CopyPlan, CopyResult
from canonical.classes import LossPolicy
from canonical.parts import Loss, ObjectName
from mappings.endpoints import Action, Product, UpsertKey

if TYPE_CHECKING:
    from app.records.map_record import Reading  # commands that list operations import no mapping

Phase = Literal["received", "sent", "settled", "unknown"]
OperationOutcome = Literal["succeeded", "failed"]
Missing = Literal["create", "refuse", "unscoped", "guest"]
"""What happens with a person who is missing at the connection: created, or not, because the caller wants none, their
key may not write customers, or the order is a guest's."""
FOR_GOOD: Final = ("permanent", "conflict")
"""The categories of a refusal that waiting does not fix."""


class Answer(Struct, frozen=True, kw_only=True):
    """A rendered answer, as recorded and replayed: status, the headers to keep, and the bytes of the body. `unfollowed`
    as in CopyPlan."""

    status: int
    headers: dict[str, str]
    body: bytes
    unfollowed: str | None = None


class References(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the references of a body are at the connection: the vendor's id of the person, the products by SKU, the
    vendor's ids of orders by the `id` in the body, what else was read for a new order (`Endpoints.find_related`), and
    what is lost.

    `is_missing`: no customer has the person's address, and one is to be created. `email` and `name` are those of the
    customer whom the body names only by an id of another connection.
    """

    person: str | None = None
    email: str | None = None
    name: str | None = None
    is_missing: bool = False
    products: dict[str, Product] = {}
    orders: dict[str, str] = {}
    related: dict[str, str] = {}
    lost: tuple[Loss, ...] = ()


class Intent(Struct, frozen=True, kw_only=True):
    """One canonical write as the caller wants it: all that a worker needs to execute it. Encrypted at rest."""

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
    loss: LossPolicy = "descriptive"
    ignored: tuple[str, ...] = ()
    merges: bool = False  # lists and recipients are merged with those of the record
    if_match: str | None = None
    body: bytes = b""
    edits_tags: bool = False  # the body adds and removes tags
    missing: Missing = "unscoped"
    references: References | None = None  # as they were sent
    part_of: str | None = None  # the operation that needs this one
    redriven: bool = False  # a person redrove the operation that needs this one
    unless_found: bool = False  # an upsert that leaves a record that exists as it is
    writer: str = ""  # who changes the record: a connection, `key:<name>` or `person`
    written_at: datetime | None = None  # when the source of the values had them
    copy_of: CopyOf | None = None
    lost: tuple[Loss, ...] = ()  # what a copy loses beyond its body, and what its body holds in another field
    total: str | None = None  # the total of an order, as it was sent
    sent: bytes = b""  # the caller's body, where `body` is another one
    emptied: tuple[str, ...] = ()  # fields that were sent without a value, and count as absent
    base: str | None = None  # the version of the base of a copy that waited for an approval; "" without a base

    def with_plan(self, plan: CopyPlan) -> "Intent":
        """Return the intent of a copy with what it sends."""
        assert self.copy_of is not None  # noqa: S101 - only a copy has a plan
        return structs.replace(self, copy_of=structs.replace(self.copy_of, plan=plan))


def named_write(action: Action, object: ObjectName) -> str:
    """Return what a write does, in words: `create order`, `comment`."""
    return action if action == object else f"{action} {object}"


class Operation(Struct, frozen=True, kw_only=True):
    """One write and its state. Times are the database's.

    `effect` is the verb that was sent (an upsert becomes a create or update). `queued`: only its job executes it.
    `deferred`: a caller got 202 for it. `redrives` counts redrives after a refusal. `callback` is the URL that is
    notified of its end. `approval`: that a person has to approve it, and whether somebody has.
    """

    id: str
    principal: str
    object: ObjectName
    action: Action
    connection: str
    phase: Phase
    outcome: OperationOutcome | None
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
    age: float  # seconds since it was sent, else since its last step, by the database clock
    due_in: float  # seconds until another worker may continue it; 0 if that is now, or it is decided
    absent_for: float | None = None  # seconds since the vendor's list lacked the record, after the last sending
    resent_for: float | None = None  # seconds since it was sent again because of that
    queued: bool = False
    deferred: bool = False
    redrives: int = 0
    callback: str | None = None
    approval: Approval | None = None
    key: str | None = None  # None if it was released

    @property
    def is_waiting_for_approval(self) -> bool:
        """Whether a person has to approve it first."""
        return self.approval is not None and self.approval.state == "waiting"

    @property
    def is_dead_letter(self) -> bool:
        """Whether it was finally refused after a caller got 202 for it. What a person has rejected is no letter that
        another one could redrive."""
        refused = self.outcome == "failed" and self.problem is not None and self.problem.category in FOR_GOOD
        return refused and self.deferred and (self.approval is None or self.approval.state == "approved")


class Undecided(Exception):
    """The write is not decided yet; a worker will decide it. `because` is the vendor's problem that delays it."""

    def __init__(self, operation_id: str, because: Problem | None = None) -> None:
        super().__init__(operation_id)
        self.operation_id = operation_id
        self.because = because


class RecordLook(Struct, frozen=True, kw_only=True):
    """The last-seen state of a record, if any, and whether a write that is sent and not decided yet may be the cause of
    what was reported. A record `is_new` without a state and a canonical id. A read that follows counts from
    `looked_at`; there is none if the record was read since (`reading`)."""

    looked_at: datetime
    state: SeenState | None
    is_under_way: bool
    is_new: bool
    reading: "Reading | None" = None


class FieldChange(Struct, frozen=True, kw_only=True):
    """A change of a watched field by a write of ours."""

    record: str  # its canonical id
    field: str
    before: str | None
    after: str | None


class Success(Struct, frozen=True, kw_only=True):
    """How a write succeeded: its answer and its record. `change` is what it changed, None for a write without effect,
    and `changes` those of watched fields. A `new` record is linked, and what a copy leaves is kept (`copied`)."""

    answer: Answer
    remote_id: str | None = None
    change: RecordChange | None = None
    changes: tuple[FieldChange, ...] = ()
    new: NewRecord | None = None
    copied: CopyResult | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """The right to continue an operation. Every later step names the token.

    `actor` is for the audit trail: the principal of a caller who waits, else Lockstitch itself.
    """

    operation_id: str
    token: str
    actor: str = "lockstitch"


class Begun(Struct, frozen=True, kw_only=True):
    """An operation that the `lease` holds. `last_state` is the last-seen state of its record when it was sent, if that
    was looked up."""

    operation: Operation
    lease: Lease
    last_state: SeenState | UnsetType | None = UNSET


class NewOperation(Struct, frozen=True, kw_only=True):
    """A new operation, recorded before anything is sent. `id` is also the marker in the request.

    `deferred`: the caller gets 202 at once.
    """

    id: str
    principal: str
    key: str
    fingerprint: bytes
    correlation_id: str
    traceparent: str | None
    intent: Intent
    phase: Literal["received", "sent"]
    effect: Action | None = None
    deferred: bool = False
    callback: str | None = None


class Publication(Struct, frozen=True, kw_only=True):
    """What a write changed, ready to publish: the values that keep its state, append its Event and link its record.
    `further` Events follow in the same transaction. `wanted`: one statement is not enough, because the last Event like
    it had a subscriber, others follow, or the end of the operation is announced."""

    values: Mapping[str, object]
    prepared: PreparedEvents
    wanted: bool
    further: tuple[NewEvent, ...] = ()
    copied: CopyResult | None = None


class Completes(Protocol):
    """Publish the end of an operation, in the transaction that decides it."""

    async def request_approval(self, transaction: Transaction, operation: Operation) -> None:
        """Publish that an operation waits for an approval."""

    async def announce(self, transaction: Transaction, operation: Operation, *, success: Success | None = None) -> None:
        """Publish the end of the operation, and what the write changed. Raises StateMoved."""

    async def prepare(self, session: Database, operation: Operation, success: Success | None) -> Publication:
        """Return what the statement that settles a write publishes."""

    async def deliver(
        self, transaction: Transaction, operation: Operation, published: Publication, rows: Sequence[Any]
    ) -> None:
        """Deliver a published change, and publish the end of an operation that is announced."""

    def last_state(self, row: Any, operation: Operation) -> SeenState | None:
        """Return the last-seen state of the record in a row that has it."""


class Delay(Struct, frozen=True, kw_only=True):
    """What holds up an undecided operation that no process works on. Times are in seconds.

    `blocked`: why its connection waits, `blocked_seconds` for how long, None until a person resumes it. `job` is the
    state of its job, if it is queued, `ahead` how many jobs go before it, `failed` the reason of its last attempt.
    `letter`: a dead letter of an earlier write of the record blocks it.
    """

    blocked: BlockedReason | None
    blocked_seconds: float | None
    job: Literal["behind", "ready", "running"] | None
    ahead: int
    due_in: float
    failed: str | None
    letter: bool


class WaitingFor(Struct, frozen=True, kw_only=True):
    """What an undecided operation waits for."""

    reason: Literal["vendor_paused", "queue", "retry", "approval"]
    """`vendor_paused`: its connection waits. `queue`: its turn. `retry`: the next attempt, or the next look at the
    vendor. `approval`: a person. Example: `"queue"`"""
    detail: str
    """What goes on, for a person. Example: `"12 writes of the connection go before it."`"""


class OperationView(Struct, frozen=True, kw_only=True):
    """The outcome of a write, as callers see it."""

    id: str
    """The operation's id; the record at the vendor carries it as its marker.
    Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d17"`"""
    state: Literal["queued", "executing", "succeeded", "failed", "unknown"]
    """The state of the write. `unknown` waits for an operator. Example: `"succeeded"`"""
    object: ObjectName
    """The object that is written. Example: `"customer"`"""
    action: Action
    """The verb. Example: `"create"`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    attempts: int
    """Number of attempts. Example: `1`"""
    correlation_id: str
    """The run that requested it. Example: `"orders-4711-1767225600000"`"""
    created_at: datetime
    """When it was requested. Example: `"2026-05-01T09:30:00Z"`"""
    updated_at: datetime
    """When its state last changed. Example: `"2026-05-01T09:30:01Z"`"""
    redriven: bool
    """Whether an operator ran it again after a refusal. Example: `false`"""
    waiting_for: WaitingFor | UnsetType = UNSET
    """What it waits for; absent while it is executed, and after its end."""
    approval: ApprovalView | UnsetType = UNSET
    """The approval that it needs or needed; absent without one."""
    part_of: str | UnsetType = UNSET
    """The operation that needs this one: its customer or requester was missing, and is created by this one.
    Example: `"op_0198f0a2b7c47d3c9a51f2e80b6c4d16"`"""
    result: Any | UnsetType = UNSET
    """The resource, if the write succeeded."""
    problem: ProblemDocument | UnsetType = UNSET
    """The problem, if the write failed or is unknown."""
