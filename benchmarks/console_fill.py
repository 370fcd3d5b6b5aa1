"""Rows for the pages of the console: failed, unknown and waiting writes, dead letters, jobs, drift, states, decisions.

Row 1 is the newest. Each row n of a table belongs to the run `run-n`; a hundredth of the entries are of the run WIDE.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import asyncpg

from app.audit.record import insert_text
from app.errors import VendorRejected
from app.events.store.subscriptions import target_of
from app.monitoring.failure_terms import digest_of_query
from app.postgres.database import Database
from app.postgres.digest_secret import DigestSecret
from app.postgres.encryption import Sealer
from app.problem_document import document_of
from app.writes.models import Intent
from app.writes.store.rows import OperationRows
from benchmarks.growth import AGE, fill_history, without_indexes
from benchmarks.stage import ENCRYPTION_KEY

ADDRESS: Final = "ada@example.com"
"""What a ten-thousandth of the failures and customers have."""
WIDE: Final = "wide"
DAYS: Final = 29
SUBSCRIPTIONS: Final = 100
KEYS: Final = 500
DECISIONS: Final = (
    *("job.redriven", "job.discarded", "connection.paused", "api_key.created", "credential.rotated"),
    *("mapping.activated", "drift.acknowledged", "subscription.replayed", "operation.resolved", "console.signed_in"),
)
UNKNOWN, WAITING = 0, 6
"""The last digits of row numbers of operations in these states; 1 to 5 are those of failed ones."""

_ID: Final = "lpad(to_hex($2::bigint - n), 32, '0')"
_KEYS: Final = "ARRAY[CASE n % 10000 WHEN 5 THEN (SELECT digest FROM sought) ELSE sha256(n::text::bytea) END]"
_SERIES: Final = "generate_series($1::bigint, $2::bigint) AS n"
FILL: Final = {
    "operation": f"""
        INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                               intent, answer, problem, phase, outcome, remote_id, due_at, queued, sent_at, approval,
                               approve_by, failure_keys, created_at, updated_at)
        SELECT 'op_' || {_ID}, 'key_bench', 'k-' || n, sha256(n::text::bytea), 'customer', 'create', 'hubspot',
               'run-' || n, coalesce(sealed.intent, decode(repeat('5a', 300), 'hex')),
               CASE WHEN kind > {WAITING} THEN decode(repeat('5a', 600), 'hex') END, problem,
               CASE kind WHEN {UNKNOWN} THEN 'unknown' WHEN {WAITING} THEN 'received' ELSE 'settled' END,
               CASE WHEN kind BETWEEN 1 AND 5 THEN 'failed' WHEN kind > {WAITING} THEN 'succeeded' END,
               n::text, CASE kind WHEN {WAITING} THEN now() END, kind = {WAITING},
               CASE WHEN kind <> {WAITING} THEN at END, CASE kind WHEN {WAITING} THEN 'waiting' END,
               CASE kind WHEN {WAITING} THEN now() + interval '1 day' END, CASE WHEN kind < {WAITING} THEN {_KEYS} END,
               at, at
          FROM (SELECT n, n % 10 AS kind, {AGE} AS at FROM {_SERIES}) AS each
          LEFT JOIN sealed USING (n)
    """,  # noqa: S608 - no caller's text is in it
    "dead_letter": f"""
        INSERT INTO dead_letter (id, job_id, kind, connection, order_key, dedupe_key, attempts, dead_head, payload,
                                 correlation_id, enqueued_at, category, reason, path, state, created_at, closed_at,
                                 closed_by, closed_reason, failure_keys)
        SELECT 'dl_' || {_ID}, -n, CASE n % 2 WHEN 0 THEN 'ingest' ELSE 'deliver' END,
               CASE n % 2 WHEN 0 THEN 'hubspot' ELSE 'sub_' || n % {SUBSCRIPTIONS} END, 'customer:' || n,
               md5(n::text), 8, 'skip', decode(repeat('5a', 200), 'hex'), 'run-' || n, at, 'permanent',
               CASE n % 10000 WHEN 5000 THEN 'rare' ELSE 'unmappable-' || n % 30 END,
               CASE n % 10000 WHEN 5000 THEN '$.rare' ELSE '$.properties.' || n % 7 END,
               state, at, CASE WHEN state <> 'open' THEN at END, CASE WHEN state <> 'open' THEN 'ada' END,
               CASE WHEN state <> 'open' THEN 'done' END, {_KEYS}
          FROM (SELECT n, CASE WHEN n % 4 > 0 THEN 'open' WHEN n % 8 = 0 THEN 'redriven' ELSE 'discarded' END AS state,
                       {AGE} AS at
                  FROM {_SERIES}) AS each
    """,  # noqa: S608
    "job": f"""
        INSERT INTO job (kind, connection, order_key, dedupe_key, state, run_at, attempts, max_attempts, dead_head,
                         payload, correlation_id, created_at)
        SELECT kind, CASE kind WHEN 'deliver' THEN 'sub_' || n % {SUBSCRIPTIONS} ELSE 'hubspot' END,
               CASE kind WHEN 'ingest' THEN 'customer:' || n END,
               CASE kind WHEN 'deliver' THEN 'dlv_' || md5(($2 + n)::text) ELSE 'in_' || md5(n::text) END, 'ready',
               at, 1, 12, 'skip', decode(repeat('5a', 100), 'hex'), 'run-' || n, at
          FROM (SELECT n, CASE n % 4 WHEN 0 THEN 'deliver' ELSE 'ingest' END AS kind, {AGE} AS at
                  FROM {_SERIES}) AS each
    """,  # noqa: S608
    "delivery": f"""
        INSERT INTO delivery (id, event, subscription, state, attempts, last_status, last_error, correlation_id,
                              created_at)
        SELECT 'dlv_' || md5(($2 + n)::text), 'evt_' || lpad(to_hex(n), 36, '0'), 'sub_' || n % {SUBSCRIPTIONS},
               'pending', 3, 503, 'HTTP 503', 'run-' || n, {AGE}
          FROM {_SERIES}
         WHERE n % 4 = 0
    """,  # noqa: S608
    "run_entry": f"""
        INSERT INTO run_entry (correlation_id, kind, at, facts)
        SELECT CASE n % 100 WHEN 0 THEN '{WIDE}' ELSE 'run-' || n END, 'request', {AGE},
               '{{"caller":"n8n","method":"POST","route":"/v1/customers","status":422,"ms":84.2}}'
          FROM {_SERIES}
    """,  # noqa: S608
    "drift_finding": f"""
        INSERT INTO drift_finding (id, connection, object, mapping, revision, source, path, kind, expected, found,
                                   policy, count, first_seen, last_seen, acknowledged_at, acknowledged_by)
        SELECT 'drf_' || {_ID}, CASE n % 4 WHEN 0 THEN 'shop' ELSE 'hubspot' END, 'customer', 'hubspot.customer', 1,
               'record', '$.properties.f' || n, 'unknown_field', 'nothing', 'string',
               CASE n % 3 WHEN 0 THEN 'freeze' ELSE 'evolve' END, 1, {AGE}, {AGE},
               CASE WHEN n % 2 = 0 THEN now() END, CASE WHEN n % 2 = 0 THEN 'ada' END
          FROM {_SERIES}
    """,  # noqa: S608
    "link": f"""
        INSERT INTO link (object, connection, remote_id, canonical_id, own_id, created_at)
        SELECT 'customer', 'hubspot', n::text, 'cus_' || md5(n::text), 'cus_' || md5(n::text), {AGE} FROM {_SERIES}
    """,  # noqa: S608
    "match_key": f"""
        INSERT INTO match_key (connection, remote_id, digest, name, is_staff, seen_at)
        SELECT 'hubspot', n::text, ({_KEYS})[1], ''::bytea, false, {AGE} FROM {_SERIES}
    """,  # noqa: S608
    "record_state": f"""
        INSERT INTO record_state (object, connection, remote_id, data, seen_at, read_at)
        SELECT 'customer', 'hubspot', n::text, decode(repeat('5a', 300), 'hex'), {AGE}, {AGE} FROM {_SERIES}
    """,  # noqa: S608
    "redrive": f"""
        INSERT INTO redrive (id, filter, state, total, redriven, actor, correlation_id, due_at, created_at, ended_at)
        SELECT 'rdv_' || {_ID}, '{{"state":"open"}}', 'done', 7, 7, 'key_bench', 'run-' || n, NULL, {AGE}, now()
          FROM {_SERIES}
    """,  # noqa: S608
}
FILL_DECISIONS: Final = insert_text(
    rows=f"""
    SELECT (ARRAY{list(DECISIONS)})[1 + n % {len(DECISIONS)}], 'job_' || n, 'key_' || n % {KEYS}, 'run-' || n,
           '{{"connection":"hubspot","kind":"ingest"}}'
      FROM generate_series(1, $1::bigint) AS n
"""  # noqa: S608
)
FILL_KEYS: Final = f"""
    INSERT INTO api_key (id, principal, name, digest, scopes)
    SELECT 'key_' || n, 'key_' || n, 'flow-' || n, sha256(n::text::bytea), ARRAY['events:read']
      FROM generate_series(0, {KEYS} - 1) AS n
"""  # noqa: S608
INSERT_SUBSCRIPTION: Final = """
    INSERT INTO subscription (id, principal, target_url, digest, events, failing_since, failures)
    VALUES ($1, 'key_1', $2, $3, ARRAY['*'], CASE WHEN $4 THEN now() - interval '1 hour' END, 3)
"""


async def fill(database_url: str, rows: int) -> None:
    """Fill every table that a page reads."""
    sealer = Sealer([("k1", ENCRYPTION_KEY)])
    database = await Database.connect(database_url, max_size=1)
    try:
        digest = digest_of_query(await DigestSecret(database, sealer).load(), ADDRESS)
    finally:
        await database.close()
    connection = await asyncpg.connect(database_url)
    try:
        await fill_history(connection, database_url, rows)
        await connection.execute("CREATE TEMP TABLE sought (digest bytea)")
        await connection.execute("INSERT INTO sought VALUES ($1)", digest)
        await connection.execute("CREATE TEMP TABLE sealed (n bigint PRIMARY KEY, intent bytea, problem bytea)")
        await connection.copy_records_to_table("sealed", records=_sealed(OperationRows(sealer), rows))
        await connection.execute("ANALYZE sealed")
        async with without_indexes(connection, [*FILL, "audit_event", "api_key", "subscription"]):
            for statement in FILL.values():
                await connection.execute(statement, 1, rows, timedelta(), timedelta(days=DAYS))
            await connection.execute(FILL_DECISIONS, rows // 10)
            await connection.execute(FILL_KEYS)
            for number in range(SUBSCRIPTIONS):
                await connection.execute(INSERT_SUBSCRIPTION, *_subscription(sealer, number))
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def id_of(prefix: str, number: int, rows: int) -> str:
    """Return the id of a row."""
    return f"{prefix}_{rows - number:032x}"


def _sealed(store: OperationRows, rows: int) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Yield number, intent and problem of each operation that is not a success."""
    intent = Intent(
        object="customer",
        action="create",
        connection="hubspot",
        revision=2,
        instance="/v1/customers",
        body=b'{"first_name":"Ada","last_name":"Lovelace","emails":[{"address":"ada@example.com"}]}',
    )
    problem = document_of(
        VendorRejected("HubSpot refused the data: Property values were not valid."),
        public_url="https://lockstitch.example",
        instance="/v1/customers",
        correlation_id="run",
    )
    for number in range(1, rows + 1):
        kind = number % 10
        if kind <= WAITING:
            name = id_of("op", number, rows)
            yield number, store.intent(name, intent), None if kind == WAITING else store.problem(name, problem)


def _subscription(sealer: Sealer, number: int) -> tuple[str, bytes, bytes, bool]:
    name = f"sub_{number}"
    url = f"https://flow-{number}.example/hook"
    return name, sealer.seal(url.encode(), target_of(name)), number.to_bytes(32), number % 4 == 0
