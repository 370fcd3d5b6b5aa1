"""Operations: each step of a write, committed, and fenced by the lease token of whoever holds it.

A step that touches no row means that the lease is gone: somebody else has taken the operation over, and what this
owner wanted to say is void. Only the database's clock counts.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import asyncpg
import msgspec

from app.ports import Answer, Begun, Intent, Lease, LeaseLost, NewOperation, Operation, Outcome
from app.problem_document import ProblemDocument
from app.store import audit
from app.store.database import Database, Query
from app.store.sealing import Sealer
from canonical.parts import ObjectName
from mappings.spec import Action

COLUMNS = """
       id, principal, object, action, connection, phase, outcome, attempts, correlation_id, traceparent,
       fingerprint, intent, effect, remote_id, sent_at, answer, problem, created_at, updated_at,
       lease_token IS NOT NULL AND due_at > now() AS lease_live,
       coalesce(extract(epoch FROM clock_timestamp() - sent_at), 0)::float8 AS age_since_sent
"""

INSERT = Query(
    "INSERT operation",
    f"""
    INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                           traceparent, intent, phase, effect, sent_at, lease_token, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
            CASE WHEN $11 = 'sent' THEN now() END, $13, now() + $14::interval)
        ON CONFLICT (principal, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING {COLUMNS}
    """,  # noqa: S608 - no caller's text is in it
)

SELECT_BY_KEY = Query(
    "SELECT operation",
    f"SELECT {COLUMNS} FROM operation WHERE principal = $1 AND idempotency_key = $2",  # noqa: S608
)

SELECT_BY_ID = Query("SELECT operation", f"SELECT {COLUMNS} FROM operation WHERE id = $1")  # noqa: S608

# A record that has outlived its retention no longer answers for its key.
RELEASE_EXPIRED = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET idempotency_key = NULL
     WHERE principal = $1
       AND idempotency_key = $2
       AND phase = 'settled'
       AND updated_at < now() - $3::interval
    """,
)

SELECT_PAGE = Query(
    "SELECT operation",
    f"""
    SELECT {COLUMNS}
      FROM operation
     WHERE ($1::text IS NULL OR $1 = CASE phase
                WHEN 'settled'  THEN outcome
                WHEN 'unknown'  THEN 'unknown'
                WHEN 'sent'     THEN 'executing'
                WHEN 'received' THEN CASE WHEN lease_token IS NOT NULL AND due_at > now()
                                          THEN 'executing' ELSE 'queued' END
           END)
       AND object = ANY($2::text[])
       AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC
     LIMIT $4
    """,  # noqa: S608
)

TAKE_OVER = Query(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET lease_token = $2, due_at = now() + $3::interval, attempts = attempts + 1, updated_at = now()
     WHERE id = $1
       AND phase IN ('received', 'sent')
       AND due_at <= now()
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

# Unlike a job of the queue, an operation has no order to keep: the longest overdue goes first, held rows are skipped.
# While a connection is paused its operations wait, those that were sent too: to read back is to ask the vendor.
CLAIM_DUE = Query(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET lease_token = $1, due_at = now() + $2::interval, attempts = attempts + 1, updated_at = now()
     WHERE id IN (SELECT id
                    FROM operation
                   WHERE phase IN ('received', 'sent')
                     AND due_at <= now()
                     AND connection <> ALL (ARRAY(SELECT connection FROM lane WHERE blocked_until = 'infinity'))
                   ORDER BY due_at
                   LIMIT $3
                     FOR UPDATE SKIP LOCKED)
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

REOPEN = Query(
    "UPDATE operation",
    f"""
    UPDATE operation
       SET phase = 'sent', lease_token = $2, due_at = now() + $3::interval, attempts = attempts + 1, updated_at = now()
     WHERE id = $1
       AND phase = 'unknown'
    RETURNING {COLUMNS}
    """,  # noqa: S608
)

MARK_SENT = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'sent', effect = $3, remote_id = coalesce($4, remote_id), sent_at = now(),
           due_at = now() + $5::interval, updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase IN ('received', 'sent')
    """,
)

NOTE_REMOTE_ID = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET remote_id = $3, updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase = 'sent'
    """,
)

POSTPONE = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = CASE WHEN $4 THEN phase ELSE 'received' END,
           lease_token = NULL, due_at = now() + make_interval(secs => $3), updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase IN ('received', 'sent')
    """,
)

SETTLE = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'settled', outcome = $3, answer = $4, problem = $5, remote_id = coalesce($6, remote_id),
           idempotency_key = CASE WHEN $7 THEN idempotency_key END,
           lease_token = NULL, due_at = NULL, updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase IN ('received', 'sent')
    """,
)

MARK_UNKNOWN = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'unknown', problem = $3, lease_token = NULL, due_at = NULL, updated_at = now()
     WHERE id = $1 AND lease_token = $2 AND phase = 'sent'
    RETURNING correlation_id
    """,
)

FORGET = Query(
    "DELETE operation",
    """
    DELETE FROM operation
     WHERE id = $1 AND lease_token = $2 AND phase = 'received'
    """,
)

RESOLVE = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET phase = 'settled', outcome = $2, answer = $3, problem = $4, remote_id = coalesce($5, remote_id),
           -- It did not happen: the caller's retry may do it.
           idempotency_key = CASE WHEN $2 = 'succeeded' THEN idempotency_key END,
           updated_at = now()
     WHERE id = $1 AND phase = 'unknown'
    RETURNING correlation_id
    """,
)

LOCK_UPSERT = Query(
    "UPDATE operation",
    """
    UPDATE operation
       SET upsert_digest = $3
     WHERE id = $1 AND lease_token = $2 AND phase IN ('received', 'sent')
    """,
)

DELETE_EXPIRED = Query(
    "DELETE operation",
    """
    DELETE FROM operation
     WHERE id IN (SELECT id
                    FROM operation
                   WHERE phase = 'settled'
                     AND updated_at < now() - $1::interval
                   LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    """,
)


class PostgresOperations:
    """`ports.Operations` on PostgreSQL. The lease outlasts a vendor's timeout."""

    def __init__(self, database: Database, sealer: Sealer, *, lease: timedelta, retention: timedelta) -> None:
        self._database = database
        self._sealer = sealer
        self._lease = lease
        self._retention = retention

    async def begin(self, new: NewOperation) -> Begun:
        """INSERT first, never SELECT first: of any number of copies at once, one begins."""
        operation_id, token = new.id, uuid4().hex
        intent = self._sealer.seal(msgspec.msgpack.encode(new.intent), f"operation.intent {operation_id}")
        for _ in range(3):
            row = await self._database.fetch_row(
                INSERT,
                *(operation_id, new.principal, new.key, new.fingerprint, new.intent.object, new.intent.action),
                *(new.intent.connection, new.correlation_id, new.traceparent, intent, new.phase, new.effect),
                *(token, self._lease),
            )
            if row is not None:
                return Begun(operation=self._operation(row), lease=Lease(operation_id=operation_id, token=token))
            if await self._database.execute(RELEASE_EXPIRED, new.principal, new.key, self._retention):
                continue
            existing = await self.find_by_key(new.principal, new.key)
            if existing is not None:
                return Begun(operation=existing, lease=None)
            # Released between the two statements: nothing was sent, so the key is free again.
        raise RuntimeError("an idempotency key was taken and released three times in a row")

    async def find_by_key(self, principal: str, key: str) -> Operation | None:
        """The operation that a key stands for, if any."""
        row = await self._database.fetch_row(SELECT_BY_KEY, principal, key)
        return None if row is None else self._operation(row)

    async def get(self, operation_id: str) -> Operation | None:
        """One operation by id."""
        row = await self._database.fetch_row(SELECT_BY_ID, operation_id)
        return None if row is None else self._operation(row)

    async def list(
        self, *, state: str | None, objects: Sequence[ObjectName], after: str | None, limit: int
    ) -> Sequence[Operation]:
        """Newest first, below the id `after`."""
        rows = await self._database.fetch(SELECT_PAGE, state, list(objects), after, limit)
        return [self._operation(row) for row in rows]

    async def take_over(self, operation_id: str) -> Begun | None:
        """A lease on an undecided operation whose lease has run out; None when it is held or decided."""
        return await self._lease_one(TAKE_OVER, operation_id)

    async def reopen(self, operation_id: str) -> Begun | None:
        """A lease on an `unknown` operation, to look once more; None when it is not `unknown`."""
        return await self._lease_one(REOPEN, operation_id)

    async def claim_due(self, limit: int) -> Sequence[Begun]:
        """Leases on undecided operations that are due. One token serves the batch: a step names id and token."""
        token = uuid4().hex
        rows = await self._database.fetch(CLAIM_DUE, token, self._lease, limit)
        return [Begun(operation=self._operation(row), lease=Lease(operation_id=row["id"], token=token)) for row in rows]

    async def mark_sent(self, lease: Lease, *, effect: Action, remote_id: str | None) -> None:
        """Commit that the request is about to go out. Raises LeaseLost."""
        await self._step(MARK_SENT, lease, effect, remote_id, self._lease)

    async def note_remote_id(self, lease: Lease, remote_id: str) -> None:
        """The vendor did it and named the record. Raises LeaseLost."""
        await self._step(NOTE_REMOTE_ID, lease, remote_id)

    async def postpone(self, lease: Lease, *, seconds: float, sent: bool) -> None:
        """Give the lease back until `seconds` from now. Raises LeaseLost."""
        await self._step(POSTPONE, lease, seconds, sent)

    async def succeed(self, lease: Lease, *, answer: Answer, remote_id: str | None) -> None:
        """Record the answer. Raises LeaseLost."""
        await self._step(
            SETTLE, lease, "succeeded", self._sealed_answer(lease.operation_id, answer), None, remote_id, True
        )

    async def fail(self, lease: Lease, *, problem: ProblemDocument, answer: Answer | None) -> None:
        """Record a refusal; without `answer` nothing was sent, and the key is released. Raises LeaseLost."""
        sealed = None if answer is None else self._sealed_answer(lease.operation_id, answer)
        told = self._sealed_problem(lease.operation_id, problem)
        await self._step(SETTLE, lease, "failed", sealed, told, None, answer is not None)

    async def mark_unknown(self, lease: Lease, *, problem: ProblemDocument) -> None:
        """It could not be found out; audited. Raises LeaseLost."""
        told = self._sealed_problem(lease.operation_id, problem)
        async with self._database.transaction() as session:
            row = await session.fetch_row(MARK_UNKNOWN, lease.operation_id, lease.token, told)
            if row is None:
                raise LeaseLost(lease.operation_id)
            await audit.append(
                session,
                "operation.unknown",
                subject=lease.operation_id,
                actor="lockstitch",
                correlation_id=row["correlation_id"],
                facts={},
            )

    async def forget(self, lease: Lease) -> None:
        """The request was no operation at all. Raises LeaseLost."""
        await self._step(FORGET, lease)

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
        """A person decided an `unknown` operation. False when it is not `unknown` (any more)."""
        sealed = None if answer is None else self._sealed_answer(operation_id, answer)
        told = None if problem is None else self._sealed_problem(operation_id, problem)
        async with self._database.transaction() as session:
            row = await session.fetch_row(RESOLVE, operation_id, outcome, sealed, told, remote_id)
            if row is None:
                return False
            await audit.append(
                session,
                "operation.resolved",
                subject=operation_id,
                actor=actor,
                correlation_id=row["correlation_id"],
                facts={"outcome": outcome, "remote_id": remote_id},
            )
        return True

    async def lock_upsert(self, connection: str, object_name: ObjectName, value: str, lease: Lease) -> bool:
        """Reserve a unique key while this operation is undecided; False when another one holds it."""
        digest = hashlib.sha256("\0".join((connection, object_name, value)).encode()).digest()
        try:
            await self._step(LOCK_UPSERT, lease, digest)
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def delete_expired(self, limit: int) -> int:
        """Remove settled operations that have outlived their retention; how many."""
        return await self._database.execute(DELETE_EXPIRED, self._retention, limit)

    async def _step(self, query: Query, lease: Lease, *arguments: object) -> None:
        if not await self._database.execute(query, lease.operation_id, lease.token, *arguments):
            raise LeaseLost(lease.operation_id)

    async def _lease_one(self, query: Query, operation_id: str) -> Begun | None:
        token = uuid4().hex
        row = await self._database.fetch_row(query, operation_id, token, self._lease)
        if row is None:
            return None
        return Begun(operation=self._operation(row), lease=Lease(operation_id=operation_id, token=token))

    def _sealed_answer(self, operation_id: str, answer: Answer) -> bytes:
        return self._sealer.seal(msgspec.msgpack.encode(answer), f"operation.answer {operation_id}")

    def _sealed_problem(self, operation_id: str, problem: ProblemDocument) -> bytes:
        return self._sealer.seal(msgspec.msgpack.encode(problem), f"operation.problem {operation_id}")

    def _operation(self, row: asyncpg.Record) -> Operation:
        identity = row["id"]
        sealed_answer, sealed_problem = row["answer"], row["problem"]
        return Operation(
            id=identity,
            principal=row["principal"],
            object=row["object"],
            action=row["action"],
            connection=row["connection"],
            phase=row["phase"],
            outcome=row["outcome"],
            attempts=row["attempts"],
            correlation_id=row["correlation_id"],
            traceparent=row["traceparent"],
            fingerprint=row["fingerprint"],
            intent=msgspec.msgpack.decode(
                self._sealer.open(row["intent"], f"operation.intent {identity}"), type=Intent
            ),
            effect=row["effect"],
            remote_id=row["remote_id"],
            sent_at=row["sent_at"],
            lease_live=bool(row["lease_live"]),
            answer=None
            if sealed_answer is None
            else msgspec.msgpack.decode(self._sealer.open(sealed_answer, f"operation.answer {identity}"), type=Answer),
            problem=None
            if sealed_problem is None
            else msgspec.msgpack.decode(
                self._sealer.open(sealed_problem, f"operation.problem {identity}"), type=ProblemDocument
            ),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            age_since_sent=row["age_since_sent"],
        )
