"""A run's story from every table: in order, in pages, with a sentence for each, and by indexes only."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from app.errors import NotFound
from app.monitoring.models import RunRecord
from app.monitoring.runs import SENTENCES, find_trace, read_whole_run
from app.monitoring.store.runs import SELECT_STORY, SELECT_TRACE, PostgresRuns
from app.postgres.database import SESSION_SETTINGS, Database

RUN: Final = "run-1"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
BEGAN: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)

# A vendor's webhook that becomes an Event and a delivery that fails, is given up, redriven in bulk and comes through;
# and also an operation and an export. {n} are seconds after the beginning.
WRITTEN: Final = """
INSERT INTO api_key (id, principal, name, digest, scopes, created_at) VALUES
    ('key_9', 'key_9', 'old nina', sha256('a'), '{ops:write}', now() - interval '1 day'),
    ('key_10', 'key_9', 'nina', sha256('b'), '{ops:write}', now());
INSERT INTO run_entry (correlation_id, kind, at, facts) VALUES
    ('run-1', 'request', {0},
     '{"caller": "n8n", "method": "POST", "route": "/v1/customers", "status": 202, "ms": 12.5}'),
    ('run-1', 'vendor_call', {3},
     '{"connection": "hubspot", "method": "POST", "route": "/crm", "attempt": 1, "status": 201, "outcome": "success",
       "request_id": "req-7", "ms": 80.0}'),
    ('run-1', 'note', {14}, '{"by": "n8n", "text": "Routed to billing.", "data": null}'),
    ('run-2', 'request', {0}, '{}');
INSERT INTO inbound_event (id, connection, dedupe_key, topic, payload, digest, correlation_id, received_at) VALUES
    ('in_1', 'shop', 'k', 'customers/update', '', sha256(''), 'run-1', {0}),
    ('in_2', 'legacy', 'row:00:1', 'upl_1', '', sha256(''), 'run-1', {13});
INSERT INTO upload (id, principal, idempotency_key, connection, object, digest, rows, seen, accepted, correlation_id,
                    created_at, ended_at) VALUES
    ('upl_1', 'key_1', 'k', 'legacy', 'order', sha256(''), 3, 3, 1, 'run-1', {13}, {14});
INSERT INTO operation (id, principal, fingerprint, object, action, connection, correlation_id, traceparent, intent,
                       phase, outcome, effect, answer, sent_at, created_at, updated_at) VALUES
    ('op_1', 'key_1', sha256(''), 'customer', 'create', 'hubspot', 'run-1', '00-{trace}-00f067aa0ba902b7-01', '',
     'settled', 'succeeded', 'create', '', {2}, {1}, {4});
INSERT INTO attempt (job_id, number, kind, connection, correlation_id, outcome, category, reason, started_at,
                     ended_at)
VALUES (7, 1, 'deliver', '-', 'run-1', 'retried', 'transient', 'status 500', {6}, {6}),
       (7, 2, 'deliver', '-', 'run-1', 'dead', 'transient', 'status 500', {7}, {7});
INSERT INTO event (id, type, record, scopes, body, correlation_id, created_at) VALUES
    ('evt_' || repeat('0', 36), 'customer.updated', 'customer:1051', '{customers:read}', '', 'run-1', {5});
INSERT INTO delivery (id, event, subscription, state, attempts, last_status, correlation_id, created_at, ended_at)
VALUES
    ('dlv_1', 'evt_' || repeat('0', 36), 'sub_1', 'delivered', 3, 204, 'run-1', {5}, {11});
INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id, enqueued_at,
                         category, reason, state, created_at, closed_at, closed_by) VALUES
    ('dl_1', 7, 'deliver', '-', 2, 'skip', '', 'run-1', {5},
     'transient', 'status 500', 'redriven', {8}, {10}, 'key_9');
INSERT INTO redrive (id, filter, state, total, redriven, actor, correlation_id, due_at, created_at, ended_at) VALUES
    ('rdv_1', '{}', 'done', 1, 1, 'key_9', 'run-1', NULL, {9}, {10});
INSERT INTO audit_event (type, subject, actor, correlation_id, facts, digest, at) VALUES
    ('operation.resolved', 'op_1', 'key_9', 'run-1', '{"outcome": "succeeded"}', sha256(''), {12});
"""

RUN_SENTENCES: Final = [
    "n8n called POST /v1/customers: 202 in 12 ms.",
    "shop sent a webhook of topic customers/update, recorded as in_1.",
    "Operation op_1 was received: create customer at hubspot.",
    "Operation op_1 was sent: create customer at hubspot.",
    "hubspot was called: POST /crm: 201 in 80 ms; its request id is req-7.",
    "Operation op_1 succeeded: create customer at hubspot.",
    f"Event customer.updated of customer:1051 was created: evt_{'0' * 36}.",
    f"Delivery dlv_1 of evt_{'0' * 36} is pending for subscription sub_1.",
    "Job 7 (deliver), attempt 1: failed, will be retried (status 500).",
    "Job 7 (deliver), attempt 2: failed for good (status 500).",
    "Dead letter dl_1: job 7 (deliver) failed for good: status 500.",
    "Redrive rdv_1 of 1 dead letter was started by nina.",
    "Dead letter dl_1 was redriven by nina.",
    "Redrive rdv_1 is done: 1 redriven, 0 skipped, of 1.",
    f"Delivery dlv_1 of evt_{'0' * 36} reached subscription sub_1.",
    "Audited: operation.resolved of op_1 by nina.",
    "A row of upload upl_1 was recorded as in_2.",
    "Upload upl_1 started: 3 rows of legacy with one order each.",
    "Upload upl_1 was recorded: 1 of 3 rows were new or changed.",
    "n8n noted: Routed to billing.",
]


@pytest.fixture
async def runs(database_url: str) -> AsyncIterator[PostgresRuns]:
    """Two runs, one of them long."""
    owner = await asyncpg.connect(database_url)
    statements = WRITTEN.replace("{trace}", TRACE)
    for seconds in range(15):
        at = BEGAN + timedelta(seconds=seconds)
        statements = statements.replace(f"{{{seconds}}}", f"'{at.isoformat()}'")
    await owner.execute(statements)
    await owner.close()
    database = await Database.connect(database_url)
    yield PostgresRuns(database)
    await database.close()


async def test_every_table_contributes_in_order(runs: PostgresRuns) -> None:
    story = await read_whole_run(runs, RUN, responsible={}, trace_url="http://ui.example/{trace_id}", limit=100)

    assert story is not None
    assert [entry.sentence for entry in story.data] == RUN_SENTENCES
    assert {entry.kind for entry in story.data} == SENTENCES.keys()
    (redriven,) = (entry for entry in story.data if entry.facts.get("state") == "redriven")
    assert redriven.facts["by"] == "key_9"
    assert (story.trace_id, story.trace_url) == (TRACE, f"http://ui.example/{TRACE}")
    assert (story.next_cursor, story.has_more) == (None, False)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_pages_are_the_whole_in_pieces(runs: PostgresRuns, limit: int) -> None:
    whole = await runs.story(RUN, after=None, limit=100)
    records: list[RunRecord] = []
    while page := await runs.story(RUN, after=records[-1].place if records else None, limit=limit):
        assert len(page) <= limit
        records += page
    assert records == list(whole)


async def test_steps_of_one_transaction_are_on_one_page_each(runs: PostgresRuns, database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        """
        INSERT INTO event (id, type, scopes, body, correlation_id)
        SELECT 'evt_' || lpad(to_hex(number), 36, '0'), 'customer.updated', ARRAY['scope-' || 20 - number], '', 'run-4'
          FROM generate_series(1, 12) AS number
        """
    )
    await owner.close()
    pages: list[RunRecord] = []
    while page := await runs.story("run-4", after=pages[-1].place if pages else None, limit=5):
        pages += page
    assert [record.facts["event"][-1] for record in pages] == list("123456789abc")


async def test_an_unknown_run_is_not_found(runs: PostgresRuns) -> None:
    with pytest.raises(NotFound):
        await read_whole_run(runs, "run-3", responsible={}, trace_url="", limit=1)
    assert await find_trace(runs, "run-3") == "14713de982472b500bedcac5e1409e69"  # printf %s run-3 | sha256sum


@pytest.mark.parametrize(("query", "arguments"), [(SELECT_STORY, (RUN, None, None, None, 51)), (SELECT_TRACE, (RUN,))])
async def test_reading_a_run_uses_indexes_only(
    runs: PostgresRuns, database_url: str, query: Any, arguments: tuple[Any, ...]
) -> None:
    connection = await asyncpg.connect(database_url, server_settings=SESSION_SETTINGS)
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query.sql}", *arguments))
    await connection.close()
    assert plan.count("Index") >= 4
    assert "Seq Scan" not in plan, plan
