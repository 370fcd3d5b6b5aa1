"""Operations: each step of a write, committed, and fenced by the lease token of whoever holds it.

A step that touches no row means that the lease is gone: somebody else has taken the operation over, and what this
owner wanted to say is void. Only the database's clock counts. An end that nobody is told of is one statement; one that
is announced is a transaction with the Event and the jobs that deliver it.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from app.audit import record
from app.postgres.database import Database, Statement, Transaction
from app.postgres.encryption import Sealer
from app.problem_document import ProblemDocument
from app.queue.models import LeaseLost
from app.writes.models import (
    Announce,
    Answer,
    Begun,
    FieldChange,
    Intent,
    Lease,
    NewOperation,
    Operation,
    OperationOutcome,
)
from app.writes.store.audit_entries import entry, entry_of_change, first_entries
from app.writes.store.rows import OperationRows
from app.writes.store.statements import (
    CLAIM_DUE,
    DEFER,
    FORGET,
    HELD,
    INSERT,
    LOCK_UPSERT,
    MARK_SENT,
    MARK_UNKNOWN,
    NOTE_REMOTE_ID,
    PAGES,
    POSTPONE,
    RELEASE_EXPIRED,
    REOPEN,
    RESOLVE,
    REVISE,
    SELECT_BY_ID,
    SELECT_BY_KEY,
    SETTLE_ANNOUNCED,
    SETTLE_UNNOTICED,
    TAKE_OVER,
    TAKE_TURN,
)
from canonical.parts import ObjectName
from mappings.spec import Action


class OperationReader:
    """Looks operations up."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._rows = OperationRows(sealer)

    async def get(self, operation_id: str) -> Operation | None:
        """One operation by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, operation_id)
        return None if row is None else self._rows.open(row)


class PostgresOperations(OperationReader):
    """`Operations` on PostgreSQL. The lease outlasts a vendor's timeout."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        *,
        lease: timedelta,
        retention: timedelta,
        announce: Announce,
    ) -> None:
        super().__init__(database, sealer)
        self._lease = lease
        self._retention = retention
        self._announce = announce

    async def begin(self, new: NewOperation) -> Begun:
        """INSERT first, never SELECT first: of any number of copies at once, one begins."""
        token = uuid4().hex
        arguments = self._new(new, token)
        for _ in range(3):
            row = await self._database.fetch_row(INSERT, *arguments)
            if row is not None:
                lease = Lease(operation_id=new.id, token=token, actor=new.principal)
                return Begun(operation=self._rows.open(row), lease=lease)
            if await self._database.execute(RELEASE_EXPIRED, new.principal, new.key, self._retention):
                continue
            existing = await self.find_by_key(new.principal, new.key)
            if existing is not None:
                return Begun(operation=existing, lease=None)
            # Released between the two statements: nothing was sent, so the key is free again.
        raise RuntimeError("an idempotency key was taken and released three times in a row")

    async def enlist(self, transaction: Transaction, new: NewOperation) -> Operation | None:
        """Add one that a job will begin; None when its key stands for an operation already."""
        arguments = self._new(new, None)
        row = await transaction.fetch_row(INSERT, *arguments)
        if row is None and await transaction.execute(RELEASE_EXPIRED, new.principal, new.key, self._retention):
            row = await transaction.fetch_row(INSERT, *arguments)
        return None if row is None else self._rows.open(row)

    async def find_by_key(self, principal: str, key: str) -> Operation | None:
        """The operation that a key stands for, if any."""
        row = await self._database.fetch_row(SELECT_BY_KEY, principal, key)
        return None if row is None else self._rows.open(row)

    async def list(
        self, *, state: str | None, objects: Sequence[ObjectName], after: str | None, limit: int
    ) -> Sequence[Operation]:
        """Newest first, below the id `after`."""
        rows = await self._database.fetch(PAGES[state], list(objects), after, limit)
        return [self._rows.open(row) for row in rows]

    async def take_over(self, operation_id: str) -> Begun | None:
        """A lease on an undecided operation whose lease has run out; None when it is held or decided. It is for a
        caller, who goes on with what is his."""
        token = uuid4().hex
        row = await self._database.fetch_row(TAKE_OVER, operation_id, token, self._lease)
        return None if row is None else self._begun(row, token, actor=row["principal"])

    async def reopen(self, operation_id: str, *, actor: str) -> Begun | None:
        """A lease on an `unknown` operation, to look once more; None when it is not `unknown`."""
        existing, token = await self.get(operation_id), uuid4().hex
        if existing is None:
            return None
        noted = entry("operation.reopened", existing, actor=actor)
        row = await self._database.fetch_row(REOPEN, operation_id, token, self._lease, *record.columns_of([noted]))
        return None if row is None else self._begun(row, token, actor=actor)

    async def claim_due(self, limit: int) -> Sequence[Begun]:
        """Leases on undecided operations that are due. One token serves the batch: a step names id and token."""
        token = uuid4().hex
        rows = await self._database.fetch(CLAIM_DUE, token, self._lease, limit)
        return [self._begun(row, token) for row in rows]

    async def take_turn(self, operation_id: str) -> Begun | None:
        """A lease on an undecided queued operation, for its job; None when it is decided, or still held."""
        token = uuid4().hex
        row = await self._database.fetch_row(TAKE_TURN, operation_id, token, self._lease)
        return None if row is None else self._begun(row, token)

    async def defer(self, operation_id: str) -> Operation | None:
        """Note that somebody is told that it will be decided later; the operation as it is then."""
        row = await self._database.fetch_row(DEFER, operation_id)
        return await self.get(operation_id) if row is None else self._rows.open(row)

    async def mark_sent(self, begun: Begun, *, effect: Action, remote_id: str | None) -> Begun:
        """Commit that the request is about to go out; the operation as it is then. Raises LeaseLost."""
        operation = msgspec.structs.replace(
            begun.operation, phase="sent", effect=effect, remote_id=remote_id or begun.operation.remote_id
        )
        noted = entry("operation.sent", operation, actor=begun.held().actor)
        await self._step(MARK_SENT, begun, effect, remote_id, self._lease, *record.columns_of([noted]))
        return Begun(operation=operation, lease=begun.lease)

    async def note_remote_id(self, begun: Begun, remote_id: str) -> None:
        """The vendor did it and named the record. Raises LeaseLost."""
        await self._step(NOTE_REMOTE_ID, begun, remote_id)

    async def postpone(self, begun: Begun, *, seconds: float, sent: bool) -> None:
        """Give the lease back until `seconds` from now. Raises LeaseLost."""
        noted = entry(
            "operation.postponed",
            begun.operation,
            actor=begun.held().actor,
            seconds=round(seconds, 3),
            phase=begun.operation.phase if sent else "received",
        )
        await self._step(POSTPONE, begun, seconds, sent, *record.columns_of([noted]))

    async def succeed(
        self, begun: Begun, *, answer: Answer, remote_id: str | None, changes: Sequence[FieldChange] = ()
    ) -> None:
        """Record the answer, and audit what it changed. Raises LeaseLost."""
        operation = msgspec.structs.replace(begun.operation, remote_id=remote_id or begun.operation.remote_id)
        entries = [entry("operation.succeeded", operation, actor=begun.held().actor)]
        entries += [entry_of_change(operation, change) for change in changes]
        sealed = self._rows.answer(operation.id, answer)
        await self._settle(begun, entries, "succeeded", sealed, None, remote_id, True)

    async def fail(
        self,
        begun: Begun,
        *,
        problem: ProblemDocument,
        answer: Answer | None,
        sent: bool = False,
        unless_deferred: bool = False,
    ) -> bool:
        """Record a refusal, and `answer` for replays; where nothing was `sent` only if it is deferred. False with
        `unless_deferred` where it is. Raises LeaseLost."""
        operation = begun.operation
        noted = entry("operation.failed", operation, actor=begun.held().actor, problem=problem.code, sent=sent)
        sealed, told = self._rows.answer(operation.id, answer), self._rows.problem(operation.id, problem)
        return await self._settle(begun, [noted], "failed", sealed, told, None, sent, unless_deferred=unless_deferred)

    async def revise(self, begun: Begun, intent: Intent) -> Begun:
        """Go on with another revision of the mapping; nothing has been sent. Raises LeaseLost."""
        await self._step(REVISE, begun, self._rows.intent(begun.operation.id, intent))
        return msgspec.structs.replace(begun, operation=msgspec.structs.replace(begun.operation, intent=intent))

    async def mark_unknown(self, begun: Begun, *, problem: ProblemDocument) -> None:
        """It could not be found out; announced. Raises LeaseLost."""
        lease = begun.held()
        told = self._rows.problem(lease.operation_id, problem)
        noted = entry("operation.unknown", begun.operation, actor=lease.actor, problem=problem.code)
        async with self._database.transaction() as session:
            row = await session.fetch_row(
                MARK_UNKNOWN, lease.operation_id, lease.token, told, *record.columns_of([noted])
            )
            if row is None:
                raise LeaseLost(lease.operation_id)
            await self._announce(session, self._rows.open(row))

    async def forget(self, begun: Begun, *, because: str) -> bool:
        """The request was no operation at all. False where somebody was told that it will be decided later, or the
        lease is lost."""
        lease = begun.held()
        noted = entry("operation.forgotten", begun.operation, actor=lease.actor, problem=because)
        gone = await self._database.fetch_value(FORGET, lease.operation_id, lease.token, *record.columns_of([noted]))
        return gone is not None

    async def resolve(
        self,
        operation_id: str,
        *,
        outcome: OperationOutcome,
        remote_id: str | None,
        actor: str,
        answer: Answer | None,
        problem: ProblemDocument | None,
    ) -> bool:
        """A person decided an `unknown` operation; announced. False when it is not `unknown` (any more)."""
        sealed, told = self._rows.answer(operation_id, answer), self._rows.problem(operation_id, problem)
        async with self._database.transaction() as session:
            row = await session.fetch_row(RESOLVE, operation_id, outcome, sealed, told, remote_id)
            if row is None:
                return False
            operation = self._rows.open(row)
            await record.append_all(session, [entry("operation.resolved", operation, actor=actor, outcome=outcome)])
            await self._announce(session, operation)
        return True

    async def lock_upsert(self, connection: str, object_name: ObjectName, value: str, lease: Lease) -> bool:
        """Reserve a unique key while this operation is undecided; False when another one holds it."""
        digest = hashlib.sha256("\0".join((connection, object_name, value)).encode()).digest()
        try:
            locked = await self._database.fetch_value(LOCK_UPSERT, lease.operation_id, lease.token, digest)
        except asyncpg.UniqueViolationError:
            return False
        if locked is None:
            raise LeaseLost(lease.operation_id)
        return True

    async def _settle(
        self, begun: Begun, entries: Sequence[record.Entry], *outcome: object, unless_deferred: bool = False
    ) -> bool:
        """Whether it is settled now; not so only with `unless_deferred`. Raises LeaseLost."""
        lease, operation, noted = begun.held(), begun.operation, record.columns_of(entries)
        if not (operation.queued or operation.deferred or operation.callback is not None) and (
            await self._database.fetch_value(SETTLE_UNNOTICED, lease.operation_id, lease.token, *outcome, *noted)
        ):
            return True
        async with self._database.transaction() as session:
            row = await session.fetch_row(
                SETTLE_ANNOUNCED, lease.operation_id, lease.token, *outcome, not unless_deferred, *noted
            )
            if row is not None:
                await self._announce(session, self._rows.open(row))
                return True
            if unless_deferred and await session.fetch_value(HELD, lease.operation_id, lease.token):
                return False
        raise LeaseLost(lease.operation_id)

    async def _step(self, query: Statement, begun: Begun, *arguments: object) -> None:
        lease = begun.held()
        if await self._database.fetch_value(query, lease.operation_id, lease.token, *arguments) is None:
            raise LeaseLost(lease.operation_id)

    def _new(self, new: NewOperation, token: str | None) -> tuple[Any, ...]:
        """The arguments of INSERT; without a token for one that is queued."""
        intent = new.intent
        return (
            *(new.id, new.principal, new.key, new.fingerprint, intent.object, intent.action, intent.connection),
            *(new.correlation_id, new.traceparent, self._rows.intent(new.id, intent), new.phase, new.effect),
            *(token, None if token is None else self._lease, self._rows.callback(new.id, new.callback), new.deferred),
            *record.columns_of(first_entries(new, queued=token is None)),
        )

    def _begun(self, row: asyncpg.Record, token: str, *, actor: str = "lockstitch") -> Begun:
        lease = Lease(operation_id=row["id"], token=token, actor=actor)
        return Begun(operation=self._rows.open(row), lease=lease)
