"""Operations: each step of a write, committed, and fenced by a lease token.

A step that touches no row means that the lease is lost: another worker has taken the operation over, and this owner's
result is void. Only the clock of the database counts. An unannounced refusal is one statement. Any other end is a
transaction with its Events and the jobs that deliver them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_hex

import asyncpg
import msgspec

from app.audit import record
from app.errors import StoreUnavailable
from app.events.models import StateMoved
from app.links.models import RecordKnown
from app.links.statements import NEW_RECORD_TABLES
from app.postgres.database import Database, NamedStatement, Session, Transaction, refusing
from app.postgres.encryption import Sealer
from app.problem_document import ProblemDocument
from app.queue.models import LeaseLost
from app.writes.copy_models import CopyOf, CopyPlan
from app.writes.models import (
    Answer,
    Begun,
    Completes,
    Intent,
    Lease,
    NewOperation,
    Operation,
    OperationOutcome,
    Publication,
    References,
    Success,
)
from app.writes.store import statements as sql
from app.writes.store.guards import MOST_KEPT, KeptGuards, guards_of
from app.writes.store.lost_rows import restore
from app.writes.store.reader import OperationReader
from app.writes.store.rows import begun_operation, entry, entry_of_change
from app.writes.store.unsure_begins import UnsureBegins
from canonical.parts import ObjectName
from mappings.endpoints import Action


class PostgresOperations(OperationReader):
    """The record of writes: intent before the call, outcome before the answer. The lease outlasts a vendor's timeout.

    Every change of state is audited in its own transaction. What a write changed is published there, with the record's
    last-seen state. An end is announced there if the operation is queued or deferred or has a callback; so are every
    `unknown` and its resolution.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        *,
        lease: timedelta,
        retention: timedelta,
        completion: Completes,
    ) -> None:
        super().__init__(database, sealer)
        self._lease = lease
        self._retention = retention
        self._completion = completion
        self._guards = KeptGuards()
        self._deferred_without_row: dict[str, None] = {}  # in their order
        self._unsure = UnsureBegins(database)

    async def begin(self, new: NewOperation) -> Begun | Operation:
        """Insert an operation, or return the one that its key already names. INSERT comes first, so one of several
        copies begins."""
        token = token_hex(16)
        arguments = sql.INSERT.arguments(self._rows.new(new, token, self._lease))
        for _ in range(3):
            try:
                row = await self._database.fetch_row(sql.INSERT, *arguments)
            except StoreUnavailable:
                self._unsure.add(new, token)
                raise
            if row is not None:
                lease = Lease(operation_id=new.id, token=token, actor=new.principal)
                return Begun(operation=begun_operation(new, row, self._lease), lease=lease)
            if await self._database.execute(sql.RELEASE_EXPIRED, new.principal, new.key, self._retention):
                continue
            existing = await self.find_by_key(new.principal, new.key)
            if existing is not None:
                return existing
            # Released between the two statements. Nothing was sent, so the key is free again.
        raise RuntimeError("an idempotency key was taken and released three times in a row")

    async def add_queued(self, transaction: Transaction, new: NewOperation) -> Operation | None:
        """Insert a `received` operation for a job, which the caller enqueues. None if its key names one already."""
        arguments = sql.INSERT.arguments(self._rows.new(new, None, None))
        row = await transaction.fetch_row(sql.INSERT, *arguments)
        if row is None and await transaction.execute(sql.RELEASE_EXPIRED, new.principal, new.key, self._retention):
            row = await transaction.fetch_row(sql.INSERT, *arguments)
        return None if row is None else begun_operation(new, row, None)

    async def release(self, principal: str, key: str | None, session: Session | None = None) -> None:
        """Free the key of a settled operation, so that it begins another one."""
        await (session or self._database).execute(sql.RELEASE_EXPIRED, principal, key, timedelta(0))

    async def take_over(self, operation_id: str) -> Begun | None:
        """Lease an undecided operation whose lease has ended, for its caller. None if it is held or decided."""
        token = token_hex(16)
        row = await self._database.fetch_row(sql.TAKE_OVER, operation_id, token, self._lease)
        return None if row is None else self._begun(row, token, actor=row["principal"])

    async def reopen(self, operation_id: str, *, actor: str) -> Begun | None:
        """Lease an `unknown` operation to check it once more. None if it is not `unknown`."""
        existing, token = await self.get(operation_id), token_hex(16)
        if existing is None:
            return None
        noted = entry("operation.reopened", existing, actor=actor)
        values = {"id": operation_id, "token": token, "lease": self._lease, **record.values_of(noted)}
        row = await self._database.fetch_row(sql.REOPEN, *sql.REOPEN.arguments(values))
        return None if row is None else self._begun(row, token, actor=actor)

    async def due_in(self) -> float:
        """Return the seconds until `claim_due` may claim one: 0 or less if one is due, infinite without any. A shorter
        time notifies the workers."""
        seconds: float = await self._database.fetch_value(sql.DUE_IN)
        return seconds

    async def claim_due(self, limit: int) -> Sequence[Begun]:
        """Lease undecided operations that are due, except queued ones. One token serves the whole batch."""
        token = token_hex(16)
        rows = await self._database.fetch(sql.CLAIM_DUE, token, self._lease, limit)
        return [self._begun(row, token) for row in rows]

    async def take_queued(self, operation_id: str) -> Begun | None:
        """Lease an undecided queued operation for its job. None if it is decided, or still held."""
        token = token_hex(16)
        row = await self._database.fetch_row(sql.TAKE_QUEUED, operation_id, token, self._lease)
        return None if row is None else self._begun(row, token)

    async def defer(self, operation_id: str) -> Operation | None:
        """Record that a caller gets 202. Returns the operation, which may be decided by now, or None without one."""
        row = await self._database.fetch_row(sql.DEFER, operation_id)
        if row is not None:
            return self._rows.open(row)
        existing = await self.get(operation_id)
        if existing is None:
            self._deferred_without_row[operation_id] = None  # in case its owner records it again
            if len(self._deferred_without_row) > MOST_KEPT:
                del self._deferred_without_row[next(iter(self._deferred_without_row))]
        return existing

    async def mark_sent(
        self,
        begun: Begun,
        *,
        effect: Action,
        remote_id: str | None,
        references: References | None = None,
        plan: CopyPlan | None = None,
        anew: bool = False,
    ) -> Begun:
        """Commit that the request is about to be sent, and return the operation as it is then. `references` and the
        `plan` of a copy are kept with the intent, so a repeat sends the same. `anew`: it is sent again, as the vendor's
        list lacks the record. Raises LeaseLost."""
        intent, sealed = begun.operation.intent, None
        if references not in (None, References(), intent.references):
            intent = msgspec.structs.replace(intent, references=references)
        if plan is not None:
            intent = intent.with_plan(plan)
        if intent is not begun.operation.intent:
            sealed = self._rows.intent(begun.operation.id, intent)
        operation = msgspec.structs.replace(
            begun.operation,
            phase="sent",
            effect=effect,
            remote_id=remote_id or begun.operation.remote_id,
            intent=intent,
            resent_for=0.0 if anew else begun.operation.resent_for,
        )
        noted = entry("operation.sent", operation, actor=begun.lease.actor, **({"anew": True} if anew else {}))
        row = await self._step(
            *(sql.MARK_SENT, begun, noted),
            effect=effect,
            remote_id=remote_id,
            intent=sealed,
            lease=self._lease,
            anew=anew,
        )
        operation = msgspec.structs.replace(operation, sent_at=row["sent_at"])
        return Begun(operation=operation, lease=begun.lease, last_state=self._completion.last_state(row, operation))

    async def note_remote_id(self, begun: Begun, remote_id: str) -> None:
        """Record the remote id of a write that the vendor carried out; only reading it is left. Raises LeaseLost."""
        await self._step(sql.NOTE_REMOTE_ID, begun, remote_id=remote_id)

    async def postpone(self, begun: Begun, *, seconds: float, sent: bool, absent: bool = False) -> None:
        """Release the lease; a worker continues after `seconds`. `sent` False: back to `received`. `absent`: the vendor
        does not list the record. Raises LeaseLost."""
        noted = entry(
            "operation.postponed",
            begun.operation,
            actor=begun.lease.actor,
            seconds=round(seconds, 3),
            phase=begun.operation.phase if sent else "received",
            **({"absent": True} if absent else {}),
        )
        await self._step(sql.POSTPONE, begun, noted, seconds=seconds, sent=sent, absent=absent)

    async def succeed(self, begun: Begun, success: Success) -> None:
        """Record the answer, audit the changed fields, publish the change, link a new record, and keep the base of a
        copy. Raises LeaseLost, StateMoved, RecordKnown."""
        remote_id = success.remote_id or begun.operation.remote_id
        operation = msgspec.structs.replace(begun.operation, remote_id=remote_id)
        entries = [entry("operation.succeeded", operation, actor=begun.lease.actor)]
        entries += [entry_of_change(operation, change) for change in success.changes]
        published = await self._completion.prepare(self._database, begun.operation, success)
        sealed = self._rows.answer(operation.id, success.answer)
        await self._settle(
            begun,
            entries,
            published,
            outcome="succeeded",
            answer=sealed,
            problem=None,
            remote_id=success.remote_id,
            keeps_answer=True,
        )

    async def fail(
        self,
        begun: Begun,
        *,
        problem: ProblemDocument,
        answer: Answer | None,
        sent: bool = False,
        unless_deferred: bool = False,
    ) -> bool:
        """Record a refusal, with `answer` for replays.

        Without an answer, or if nothing was `sent` and it is not deferred, the key is released instead. With
        `unless_deferred`, a deferred operation stays as it is, and the result is False. Raises LeaseLost.
        """
        operation = begun.operation
        noted = entry("operation.failed", operation, actor=begun.lease.actor, problem=problem.code, sent=sent)
        sealed, why = self._rows.answer(operation.id, answer), self._rows.problem(operation.id, problem)
        published = await self._completion.prepare(self._database, operation, None)
        return await self._settle(
            begun,
            [noted],
            published,
            outcome="failed",
            answer=sealed,
            problem=why,
            remote_id=None,
            keeps_answer=sent,
            also_deferred=not unless_deferred,
        )

    async def revise(self, begun: Begun, intent: Intent) -> Begun:
        """Replace the intent by one with another mapping revision, before anything is sent. Raises LeaseLost."""
        await self._step(sql.REVISE, begun, intent=self._rows.intent(begun.operation.id, intent))
        return msgspec.structs.replace(begun, operation=msgspec.structs.replace(begun.operation, intent=intent))

    async def mark_unknown(self, begun: Begun, *, problem: ProblemDocument) -> None:
        """Record that the outcome could not be found out. Announced. Raises LeaseLost."""
        lease = begun.lease
        why = self._rows.problem(lease.operation_id, problem)
        noted = entry("operation.unknown", begun.operation, actor=lease.actor, problem=problem.code)
        async with self._database.transaction() as session:
            row = await self._step(sql.MARK_UNKNOWN, begun, noted, session=session, problem=why)
            await self._completion.announce(session, self._rows.open(row))

    async def forget(self, begun: Begun, *, because: str) -> bool:
        """Delete the operation of an invalid request. False if it is deferred or queued, or the lease is lost."""
        lease = begun.lease
        noted = entry("operation.forgotten", begun.operation, actor=lease.actor, problem=because)
        gone = await self._database.fetch_value(sql.FORGET, *sql.FORGET.arguments(_values(begun, noted)))
        return gone is not None

    async def resolve(
        self, operation_id: str, *, actor: str, success: Success | None = None, problem: ProblemDocument | None = None
    ) -> bool:
        """Record an operator's decision on an `unknown` operation, a success or a failure with its problem. Audited and
        announced. False if it is decided. Raises StateMoved."""
        outcome: OperationOutcome = "failed" if success is None else "succeeded"
        answer, remote_id = (None, None) if success is None else (success.answer, success.remote_id)
        sealed, why = self._rows.answer(operation_id, answer), self._rows.problem(operation_id, problem)
        async with self._database.transaction() as session:
            row = await session.fetch_row(sql.RESOLVE, operation_id, outcome, sealed, why, remote_id)
            if row is None:
                return False
            operation = self._rows.open(row)
            await record.append(session, entry("operation.resolved", operation, actor=actor, outcome=outcome))
            await self._completion.announce(session, operation, success=success)
        return True

    async def resolved_by(self, operation_id: str) -> tuple[str, datetime] | None:
        """Return the name or principal of the operator who decided an operation, and when. None if no one did."""
        row = await self._database.fetch_row(sql.RESOLVED_BY, operation_id)
        return None if row is None else (row["by"], row["at"])

    async def lock_upsert(
        self, connection: str, object_name: ObjectName, value: str | None, copied: CopyOf | None, lease: Lease
    ) -> bool:
        """Reserve a unique key, the copy of an id, and its pair of records while this operation is undecided. False if
        another one holds one of them. Raises LeaseLost."""
        guards = guards_of(connection, object_name, value, copied)
        try:
            locked = await self._database.fetch_value(sql.LOCK_UPSERT, lease.operation_id, lease.token, *guards)
        except asyncpg.UniqueViolationError:
            return False
        if locked is None:
            raise LeaseLost(lease.operation_id)
        self._guards.keep(lease.operation_id, guards)
        return True

    async def is_taken(self, connection: str, object_name: ObjectName, remote_id: str, operation_id: str) -> bool:
        """Return whether another operation made the record."""
        return bool(await self._database.fetch_value(sql.TAKEN, connection, object_name, remote_id, operation_id))

    async def unknown_copy(self, connection: str, object_name: ObjectName, canonical_id: str) -> str | None:
        """Return an operation that may or may not have created the copy of this record at the connection."""
        row = await self._database.fetch_row(sql.UNKNOWN_COPY, connection, object_name, canonical_id)
        return None if row is None else str(row["id"])

    async def _settle(
        self,
        begun: Begun,
        entries: Sequence[record.Entry],
        published: Publication,
        *,
        also_deferred: bool = True,
        **outcome: object,
    ) -> bool:
        """Settle the operation. False only without `also_deferred`, for one that is deferred. Raises LeaseLost,
        StateMoved, RecordKnown, and StoreUnavailable if the row was lost, and the whole step has to be repeated."""
        operation, (noted, *further) = begun.operation, entries
        values = {**_values(begun, noted, **outcome), "also_deferred": also_deferred, **published.values}
        with refusing(NEW_RECORD_TABLES, RecordKnown):
            if not (published.wanted or further) and (
                await self._database.fetch_value(sql.SETTLE_UNANNOUNCED, *sql.SETTLE_UNANNOUNCED.arguments(values))
            ):
                return True
            async with self._database.transaction() as session:
                rows = await session.fetch(sql.SETTLE_ANNOUNCED, *sql.SETTLE_ANNOUNCED.arguments(values))
                if rows:
                    await record.append(session, *further)
                    await self._completion.deliver(session, self._rows.open(rows[0]), published, rows)
                    return True
                if await session.fetch_value(sql.HELD, operation.id, values["token"]):
                    if not also_deferred:
                        return False
                    raise StateMoved
        if await self._restore(self._database, begun):
            # What else the write has committed, such as the link of a copy, may be lost too.
            raise StoreUnavailable("The database had lost this write. It is recorded again.")
        raise LeaseLost(operation.id)

    async def _step(
        self,
        query: NamedStatement,
        begun: Begun,
        noted: record.Entry | None = None,
        *,
        session: Session | None = None,
        **values: object,
    ) -> asyncpg.Record:
        """Run the statement, and return its one row. Raises LeaseLost without one."""
        arguments, place = query.arguments(_values(begun, noted, **values)), session or self._database
        row = await place.fetch_row(query, *arguments)
        if row is None and await self._restore(place, begun):
            row = await place.fetch_row(query, *arguments)
        if row is None:
            raise LeaseLost(begun.operation.id)
        return row

    async def _restore(self, session: Database | Session, begun: Begun) -> bool:
        operation = begun.operation
        if operation.id in self._deferred_without_row:
            operation = msgspec.structs.replace(operation, deferred=True)
            begun = msgspec.structs.replace(begun, operation=operation)
        return await restore(session, self._rows, begun, self._lease, self._guards.of(operation.id))

    def _begun(self, row: asyncpg.Record, token: str, *, actor: str = "lockstitch") -> Begun:
        lease = Lease(operation_id=row["id"], token=token, actor=actor)
        return Begun(operation=self._rows.open(row), lease=lease)


def _values(begun: Begun, noted: record.Entry | None, **values: object) -> dict[str, object]:
    """Return the values of a step that only the owner of the lease may take, with its audit entry."""
    audited = {} if noted is None else record.values_of(noted)
    return {"id": begun.lease.operation_id, "token": begun.lease.token, **values, **audited}
