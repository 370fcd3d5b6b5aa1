"""Retention: what has ended and is old goes, what somebody still needs stays, and no table is read to find out."""

import json
from datetime import timedelta
from typing import Any, Final

import asyncpg
import msgspec
import pytest

from app.monitoring.retention import MAX_BATCHES, reap
from app.monitoring.store.retention import STATEMENTS, PostgresRetention
from app.postgres.database import SESSION_SETTINGS, Database, Statement
from app.settings.file import RetentionSettings
from app.telemetry import render_metrics
from tests.closing import async_closing
from tests.plans import nodes_of, rows_read

KEEP = RetentionSettings(receipts=30, events=20, deliveries=10, attempts=20, dead_letters=90, runs=20)
OPERATIONS = timedelta(days=7)

# Rows of each kind with the numbers `$1` to `$2` that ended before `$3`.
NUMBERS = "generate_series($1::integer, $2::integer) AS number, (SELECT now() - $3::interval AS at) AS ended"
RECEIPT = """
    INSERT INTO inbound_event (id, connection, dedupe_key, payload, digest, correlation_id, received_at, settled_at)
    SELECT 'in_' || lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || substr(md5(number::text), 1, 20),
           'shop', 'key-' || number, '', sha256(''), 'run-' || number, at
"""
ROWS: Final = {
    "receipts": f"{RECEIPT}, at FROM {NUMBERS} RETURNING id",
    "unsettled_receipts": f"{RECEIPT}, NULL FROM {NUMBERS} RETURNING id",
    "events": f"""
        INSERT INTO event (id, type, scopes, body, correlation_id, created_at)
        SELECT 'evt_' || lpad(to_hex(number), 36, '0'), 'customer.created', '{{{{customers:read}}}}', '',
               'run-' || number, at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "deliveries": f"""
        INSERT INTO delivery (id, event, subscription, correlation_id, state, ended_at)
        SELECT 'dlv_' || number, 'evt', 'sub_1', 'run-' || number, 'delivered', at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "attempts": f"""
        INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, started_at, ended_at)
        SELECT number, 1, 'deliver', 'shop', 'run-' || number, 'done', at, at
          FROM {NUMBERS}
        RETURNING job_id AS id""",  # noqa: S608
    "dead_letters": f"""
        INSERT INTO dead_letter (id, job_id, kind, connection, dedupe_key, attempts, dead_head, payload, correlation_id,
                                 origin, enqueued_at, category, reason, state, closed_at, closed_by)
        SELECT 'dl_' || number, number, 'deliver', 'shop', 'dlv_' || number, 8, 'skip', '', 'run-' || number,
               'origin-' || number, at, 'permanent', 'no', 'redriven', at, 'ada'
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "redrives": f"""
        INSERT INTO redrive (id, filter, total, actor, correlation_id, state, due_at, ended_at)
        SELECT 'rdv_' || number, '{{}}', 0, 'ada', 'run-' || number, 'done', NULL, at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "backfills": f"""
        INSERT INTO backfill (id, connection, object, is_dry_run, state, actor, correlation_id, ended_at)
        SELECT 'bf_' || number, 'crm', 'customer', false, 'completed', 'ada', 'run-' || number, at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "run_entries": f"""
        INSERT INTO run_entry (correlation_id, kind, at, facts)
        SELECT 'run-' || number, 'request', at, '{{}}'
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "operations": f"""
        INSERT INTO operation (id, principal, idempotency_key, fingerprint, object, action, connection, correlation_id,
                               intent, phase, outcome, answer, updated_at)
        SELECT 'op_' || number, 'key_1', 'key-' || number, sha256(''), 'customer', 'create', 'crm', 'run-' || number,
               '', 'settled', 'succeeded', '', at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
    "match_keys": f"""
        INSERT INTO match_key (connection, remote_id, digest, name, is_staff, seen_at)
        SELECT 'crm', number::text, sha256(''), '', false, at
          FROM {NUMBERS}
        RETURNING remote_id AS id""",  # noqa: S608
    "caller_budgets": f"""
        INSERT INTO caller_budget (principal, taken, calls, at)
        SELECT 'key_' || number, 1, 1, at
          FROM {NUMBERS}
        RETURNING principal AS id""",  # noqa: S608
    "heartbeats": f"""
        INSERT INTO heartbeat (process, role, holder, settings, keys, seen_at)
        SELECT 'w:' || number, 'worker', number, '', '{{}}', at
          FROM {NUMBERS}
        RETURNING process AS id""",  # noqa: S608
    "claims": f"""
        INSERT INTO claim (name, id, principal, correlation_id, expires_at)
        SELECT 'order-' || number, 'clm_' || number, 'key_1', 'run-' || number, at
          FROM {NUMBERS}
        RETURNING id""",  # noqa: S608
}
TABLES: Final = {
    "receipts": "inbound_event",
    "unsettled_receipts": "inbound_event",
    "events": "event",
    "deliveries": "delivery",
    "attempts": "attempt",
    "dead_letters": "dead_letter",
    "redrives": "redrive",
    "backfills": "backfill",
    "run_entries": "run_entry",
    "operations": "operation",
    "match_keys": "match_key",
    "caller_budgets": "caller_budget",
    "heartbeats": "heartbeat",
    "claims": "claim",
}
DAYS: Final = {
    **{"receipts": 30, "unsettled_receipts": 30, "events": 20, "deliveries": 10, "attempts": 20, "dead_letters": 90},
    **{"redrives": 90, "backfills": 30, "run_entries": 20, "operations": 7, "match_keys": 365, "heartbeats": 1},
    "claims": 1,
    "caller_budgets": 1,
}


async def sql(database: Database, statement: str, *arguments: Any) -> list[Any]:
    return await database.fetch(Statement("TEST", statement), *arguments)


async def place(database: Database, kind: str, number: int, days: float) -> Any:
    (row,) = await sql(database, ROWS[kind], number, number, timedelta(days=days))
    return row["id"]


async def left(database: Database, kind: str) -> int:
    (row,) = await sql(database, f"SELECT count(*) AS count FROM {TABLES[kind]}")  # noqa: S608 - a name of ours
    return row["count"]


def retention(database: Database, keep: RetentionSettings = KEEP) -> PostgresRetention:
    return PostgresRetention(database, keep, operations=OPERATIONS)


@pytest.mark.parametrize("kind", ROWS)
async def test_what_is_older_than_its_retention_goes(database: Database, kind: str) -> None:
    for number in range(7):
        await place(database, kind, number, DAYS[kind] + 0.01)
    for number in range(10, 13):
        await place(database, kind, number, DAYS[kind] - 0.01)

    assert await reap(retention(database), rows=3, pause=0.0) == (7, False)

    assert await left(database, kind) == 3
    assert f'lockstitch_rows_reaped_total{{kind="{kind}"}}'.encode() in render_metrics()
    assert await reap(retention(database), rows=3, pause=0.0) == (0, False)


async def test_open_proposals_about_a_customer_go_with_its_key(database: Database) -> None:
    await place(database, "match_keys", 1, 400)
    await sql(
        database,
        """INSERT INTO link_review (id, connection, remote_id, other_connection, other_remote_id, reasons, state,
                                    closed_at, closed_by)
           SELECT 'lrv_' || one.name, connection, remote_id, connection, remote_id || one.name, '{not_configured}',
                  one.name, one.at, one.by
             FROM match_key,
                  (VALUES ('open', NULL, NULL), ('refused', now(), 'ada')) AS one (name, at, by)""",
    )

    assert await reap(retention(database)) == (1, False)
    assert [row["id"] for row in await sql(database, "SELECT id FROM link_review")] == ["lrv_refused"]


async def test_a_receipt_stays_while_a_job_or_dead_letter_may_settle_it(
    database: Database,
) -> None:
    waiting, dead, discarded = [await place(database, "unsettled_receipts", number, 400) for number in range(3)]
    await sql(
        database,
        """INSERT INTO job (kind, connection, dedupe_key, state, max_attempts, dead_head, payload, correlation_id)
           VALUES ('ingest', 'shop', $1, 'ready', 8, 'skip', '', 'run-0')""",
        waiting,
    )
    for number, origin in ((1, dead), (2, discarded)):
        await place(database, "dead_letters", number, 1)
        await sql(database, "UPDATE dead_letter SET origin = $1 WHERE job_id = $2", origin, number)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL WHERE job_id = 1")

    assert await reap(retention(database)) == (1, False)
    assert {row["id"] for row in await sql(database, "SELECT id FROM inbound_event")} == {waiting, dead}


async def test_every_attempt_at_what_is_not_decided_stays(database: Database) -> None:
    for number in (1, 2, 3):
        await place(database, "attempts", number, 400)
    await sql(
        database,
        """INSERT INTO job (id, kind, connection, state, max_attempts, dead_head, payload, correlation_id)
           VALUES (1, 'deliver', 'shop', 'ready', 8, 'skip', '', 'run-1')""",
    )
    await place(database, "dead_letters", 2, 1)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL")

    assert await reap(retention(database)) == (1, False)
    assert {row["job_id"] for row in await sql(database, "SELECT job_id FROM attempt")} == {1, 2}


async def test_a_dead_delivery_stays_for_its_redrive_and_a_while_after_it(database: Database) -> None:
    for number in range(4):
        await place(database, "deliveries", number, 400)
    await sql(database, "UPDATE delivery SET state = 'dead' WHERE id <> 'dlv_3'")
    for number in range(3):
        await place(database, "dead_letters", number, 1)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL WHERE job_id = 0")
    await sql(database, "UPDATE dead_letter SET closed_at = now() - interval '11 days' WHERE job_id = 1")

    assert await reap(retention(database)) == (2, False)
    assert {row["id"] for row in await sql(database, "SELECT id FROM delivery")} == {"dlv_0", "dlv_2"}


async def test_a_redriven_delivery_stays_while_it_waits(database: Database) -> None:
    await place(database, "deliveries", 1, 400)
    await sql(database, "UPDATE delivery SET state = 'dead'")
    await place(database, "dead_letters", 1, 11)
    await sql(
        database,
        """INSERT INTO job (kind, connection, dedupe_key, state, max_attempts, dead_head, payload, correlation_id)
           VALUES ('deliver', 'sub_1', 'dlv_1', 'ready', 8, 'skip', '', 'run-1')""",
    )

    await reap(retention(database))
    assert await left(database, "deliveries") == 1

    await sql(database, "DELETE FROM job")
    await reap(retention(database))
    assert await left(database, "deliveries") == 0


@pytest.mark.parametrize("phase", ["received", "sent", "unknown"])
async def test_an_undecided_operation_stays(database: Database, phase: str) -> None:
    await place(database, "operations", 1, 400)
    await sql(
        database,
        """UPDATE operation SET phase = $1, outcome = NULL, sent_at = now(),
                                due_at = CASE WHEN $1 <> 'unknown' THEN now() + interval '1 day' END""",
        phase,
    )
    assert await reap(retention(database)) == (0, False)


async def test_a_refused_operation_stays_while_a_redrive_may_carry_it_out(database: Database) -> None:
    kept, discarded, other = [await place(database, "operations", number, 400) for number in range(3)]
    await sql(database, "UPDATE operation SET outcome = 'failed', answer = NULL")
    for number, origin in ((0, kept), (1, discarded)):
        await place(database, "dead_letters", number, 1)
        await sql(database, "UPDATE dead_letter SET origin = $1, kind = 'execute' WHERE job_id = $2", origin, number)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL WHERE job_id = 0")

    assert await reap(retention(database)) == (2, False)
    assert [row["id"] for row in await sql(database, "SELECT id FROM operation")] == [kept]
    assert other != kept


async def test_open_dead_letters_and_running_redrives_stay(database: Database) -> None:
    await place(database, "dead_letters", 1, 400)
    await sql(database, "UPDATE dead_letter SET state = 'open', closed_at = NULL, closed_by = NULL")
    await place(database, "redrives", 1, 400)
    await sql(database, "UPDATE redrive SET state = 'running', ended_at = NULL, due_at = now()")
    assert await reap(retention(database)) == (0, False)


async def test_the_rest_of_a_cancelled_redrive_is_deleted_in_batches(database: Database) -> None:
    await place(database, "redrives", 1, 0)
    await sql(database, "UPDATE redrive SET state = 'cancelled', total = 20")
    await sql(
        database,
        "INSERT INTO redrive_letter SELECT 'rdv_1', number, 'dl_' || number FROM generate_series(1, 20) AS number",
    )
    assert await retention(database).reap("redrive_letters", 8) == 8
    assert await reap(retention(database), rows=5, pause=0.0) == (12, False)
    assert await left(database, "redrives") == 1


async def test_a_rotated_secret_of_a_subscription_goes_a_day_after_its_end(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO subscription (id, principal, target_url, digest, events)
           VALUES ('sub_1', 'key_1', '', sha256(''), '{customer.*}')""",
    )
    await sql(
        database,
        """INSERT INTO subscription_secret (subscription, secret, created_at, not_after)
           SELECT 'sub_1', '', now() - make_interval(days => age), now() - days
             FROM (VALUES (9, interval '2 days'), (8, '23 hours'), (7, NULL)) AS secret (age, days)""",
    )
    assert await reap(retention(database)) == (1, False)
    (row,) = await sql(database, "SELECT count(*) AS count FROM subscription_secret")
    assert row["count"] == 2


async def test_uses_of_removed_keys_and_secrets_go(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO api_key (id, principal, name, digest, scopes, created_at, rotated_at, expires_at, revoked_at)
           SELECT id, principal, name, sha256(id::bytea), '{ops:read}', now() - interval '9 days', rotated_at,
                  rotated_at, revoked_at
             FROM (VALUES ('key_old', 'key_old', 'n8n', now() - interval '1 day', NULL),
                          ('key_new', 'key_old', 'n8n', NULL, NULL),
                          ('key_gone', 'key_gone', 'make', NULL, now())
                  ) AS key (id, principal, name, rotated_at, revoked_at)""",
    )
    await sql(database, "INSERT INTO credential (name, kind) VALUES ('crm', 'secret')")
    await sql(
        database,
        """INSERT INTO credential_version (credential, version, state, payload)
           VALUES ('crm', 1, 'revoked', NULL), ('crm', 2, 'current', '1')""",
    )
    kept = {"key_old", "key_new", "vault:crm#2", "env:TOKEN"}  # a rotated key's scopes still count for its successor
    gone = ["key_gone", "key_unknown", "vault:crm#1", "vault:crm.tokens#7"]
    await sql(
        database,
        """INSERT INTO last_use (subject, part, used_at)
           SELECT subject, 'read', now() - interval '31 days' FROM unnest($1::text[]) AS subject
           UNION ALL SELECT 'vault:crm#1', 'write', now() - interval '29 days'""",
        [*kept, *gone],
    )
    assert await reap(retention(database)) == (len(gone), False)
    assert {row["subject"] for row in await sql(database, "SELECT subject FROM last_use")} == kept | {"vault:crm#1"}


async def test_the_trail_and_what_was_last_seen_have_no_retention(database: Database) -> None:
    await sql(
        database,
        """INSERT INTO record_state (object, connection, remote_id, data, seen_at, read_at)
           VALUES ('customer', 'crm', '1', '', now() - interval '10 years', now())""",
    )
    assert not {"audit", "record_states", "links"} & set(PostgresRetention.kinds)
    assert await reap(retention(database)) == (0, False)


async def test_a_great_lot_of_one_kind_leaves_the_others_their_turn(database: Database) -> None:
    await sql(database, ROWS["deliveries"], 1, 50, timedelta(days=400))
    await sql(database, ROWS["run_entries"], 1, 1, timedelta(days=400))
    assert await reap(retention(database), rows=2, pause=0.0) == (2 * MAX_BATCHES + 1, True)
    assert await left(database, "run_entries") == 0
    assert await reap(retention(database), rows=2, pause=0.0) == (50 - 2 * MAX_BATCHES, False)


async def test_two_workers_share_the_work_and_neither_waits(database: Database) -> None:
    for number in range(20):
        await place(database, "run_entries", number, 400)
    async with database.transaction() as session:
        assert await session.execute(STATEMENTS["run_entries"], timedelta(days=1), 8) == 8
        assert await retention(database).reap("run_entries", 100) == 12
    assert await left(database, "run_entries") == 0


def test_a_receipt_outlives_the_time_for_which_vendors_repeat() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"receipts": 6}, RetentionSettings)
    assert msgspec.convert({"receipts": 7}, RetentionSettings).receipts == 7


@pytest.mark.parametrize(
    ("kind", "young", "old"),
    [(kind, 20_000, 5) for kind in ROWS if kind not in ("heartbeats", "caller_budgets")] + [("attempts", 0, 20_000)],
)
async def test_no_table_is_read_to_find_what_is_old(
    database: Database, database_url: str, kind: str, young: int, old: int
) -> None:
    gone = min(old, 500)
    await sql(database, ROWS[kind], 1, young, timedelta())
    await sql(database, ROWS[kind], young + 1, young + old, timedelta(days=500))
    if not young:
        await sql(database, ROWS["dead_letters"], 1, old, timedelta())
    if kind == "match_keys":
        await sql(
            database,
            """INSERT INTO link_review (id, connection, remote_id, other_connection, other_remote_id, reasons)
               SELECT 'lrv_' || n, 'a', n, 'b', n, '{phone}' FROM generate_series(1, 20000) AS n""",
        )
    await sql(database, f"VACUUM ANALYZE {TABLES[kind]}, job, dead_letter, link_review")
    async with async_closing(asyncpg.connect(database_url, server_settings=SESSION_SETTINGS)) as connection:
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {STATEMENTS[kind].sql}", timedelta(days=DAYS[kind]), 500
        )
    plan = json.loads(explained)[0]["Plan"]
    reads = [node for node in nodes_of(plan) if "Relation Name" in node and node["Node Type"] != "ModifyTable"]
    assert {node["Node Type"] for node in reads} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan"}
    assert sum(rows_read(node) for node in reads) <= 10 * gone
    assert await left(database, kind) == young + old - gone
