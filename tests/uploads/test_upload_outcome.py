"""The rows of an export are counted right, and in linear time, also before the database knows how many there are."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from opentelemetry import trace

from app.postgres.database import Database, Statement
from app.uploads.models import NewUpload, Upload, UploadOutcome
from app.uploads.store import OUTCOMES, PostgresUploads
from app.uploads.views import UploadView, list_uploads
from tests.telemetry.recording import recording

ROWS = 30_000
BAD = 2_000
EXPLAIN = Statement("EXPLAIN", f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {OUTCOMES.sql}")
RECEIPTS = Statement(
    "INSERT inbound_event",
    """
    INSERT INTO inbound_event (id, connection, dedupe_key, topic, payload, digest, correlation_id, settled_at)
    SELECT 'in_' || place, 'legacy', 'row:' || place, 'upl_1', '', decode(repeat('00', 32), 'hex'), 'run-1',
           CASE WHEN place > $2 THEN now() END
      FROM generate_series(1, $1::integer) AS place
    """,
)
# Two letters of each bad row: the older one was redriven, and every tenth of the newer ones is discarded.
LETTERS = Statement(
    "INSERT dead_letter",
    """
    INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id, origin,
                             enqueued_at, category, reason, state, closed_at, closed_by, closed_reason)
    SELECT 'dl_' || age || lpad(place::text, 9, '0'), place, 'ingest', 'legacy', 1, 'skip', '', 'run-1',
           'in_' || place, now(), 'permanent', 'is not an e-mail address', state,
           CASE WHEN state <> 'open' THEN now() END, CASE WHEN state <> 'open' THEN 'ada' END,
           CASE WHEN state <> 'open' THEN 'seen' END
      FROM generate_series(1, $1::integer) AS place, generate_series(1, 2) AS age,
           LATERAL (SELECT CASE WHEN age = 1 THEN 'redriven' WHEN place % 10 = 0 THEN 'discarded' ELSE 'open' END)
                AS of (state)
    """,
)


def upload(upload_id: str, correlation_id: str, rows: int) -> Upload:
    return Upload(
        id=upload_id,
        connection="legacy",
        object="customer",
        digest=bytes(32),
        rows=rows,
        seen=rows,
        accepted=rows,
        correlation_id=correlation_id,
        created_at=datetime.now(UTC),
        ended_at=None,
    )


def rows_visited(node: dict[str, Any]) -> float:
    """The rows that a step of an executed plan and those below it made or dropped."""
    kinds = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    own: float = sum(node.get(kind, 0) for kind in kinds) * node["Actual Loops"]
    return own + sum(rows_visited(below) for below in node.get("Plans", ()))


async def test_an_export_with_many_bad_rows_is_counted_in_linear_time(database: Database) -> None:
    await database.execute(RECEIPTS, ROWS, BAD + 1)
    await database.execute(LETTERS, BAD)
    (outcome,) = await PostgresUploads(database).outcomes([upload("upl_1", "run-1", ROWS)])
    plan = await database.fetch_value(EXPLAIN, ["upl_1"], ["run-1"], ["legacy"])

    assert outcome == UploadOutcome(settled=ROWS - BAD - 1, refused=BAD - BAD // 10, discarded=BAD // 10)
    assert rows_visited(msgspec.json.decode(plan)[0]["Plan"]) < 30 * ROWS


RECEIPT = Statement(
    "INSERT inbound_event",
    """
    INSERT INTO inbound_event (id, connection, dedupe_key, topic, payload, digest, correlation_id, settled_at)
    SELECT 'in_' || $1 || place, 'legacy', 'row:' || $1 || place, $1, '', decode(repeat('00', 32), 'hex'), $2,
           CASE WHEN place <= $3 THEN now() END
      FROM generate_series(1, 3) AS place
    """,
)


async def test_a_page_of_exports_is_counted_in_one_question(database: Database) -> None:
    uploads = PostgresUploads(database)
    for settled in (1, 2, 3):
        begun = await uploads.begin(
            NewUpload(
                principal="key_1",
                idempotency_key=f"export-{settled}",
                connection="legacy",
                object="customer",
                digest=bytes(32),
                rows=3,
                correlation_id="one-run",
            )
        )
        async with database.transaction() as transaction:
            await uploads.advance(transaction, begun, number=3, accepted=3)
        await database.execute(RECEIPT, begun.id, "one-run", settled)

    with recording(queries=True) as spans:
        with trace.get_tracer("test").start_as_current_span("list"):
            page = await list_uploads(uploads, "legacy", after=None, limit=50)
        statements = [span.name for span in spans.finished()]

    views = [one for one in page.data if isinstance(one, UploadView)]
    assert [(one.settled, one.waiting, one.state) for one in views] == [
        (3, 0, "done"),
        (2, 1, "working"),
        (1, 2, "working"),
    ]
    assert statements == ["SELECT upload", "SELECT inbound_event", "list"]


async def test_an_empty_page_has_no_outcomes(database: Database) -> None:
    assert await PostgresUploads(database).outcomes([]) == []
