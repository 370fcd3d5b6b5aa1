"""What has become of an export's rows is counted right, and soon, also before the database knows how many there are."""

from datetime import UTC, datetime

import pytest

from app.store.database import Database, Query
from app.store.uploads import PostgresUploads
from app.upload_ports import Outcome, Upload

pytestmark = pytest.mark.anyio

ROWS = 30_000
BAD = 2_000
RECEIPTS = Query(
    "INSERT inbound_event",
    """
    INSERT INTO inbound_event (id, connection, dedupe_key, topic, payload, digest, correlation_id, settled_at)
    SELECT 'in_' || place, 'legacy', 'row:' || place, 'upl_1', '', decode(repeat('00', 32), 'hex'), 'run-1',
           CASE WHEN place > $2 THEN now() END
      FROM generate_series(1, $1::integer) AS place
    """,
)
# Two letters of each bad row: the older one was redriven, and every tenth of the newer ones is discarded.
LETTERS = Query(
    "INSERT dead_letter",
    """
    INSERT INTO dead_letter (id, job_id, kind, connection, attempts, dead_head, payload, correlation_id, origin,
                             enqueued_at, category, reason, state, closed_at, closed_by, closed_because)
    SELECT 'dl_' || age || lpad(place::text, 9, '0'), place, 'ingest', 'legacy', 1, 'skip', '', 'run-1',
           'in_' || place, now(), 'permanent', 'is no e-mail address', state,
           CASE WHEN state <> 'open' THEN now() END, CASE WHEN state <> 'open' THEN 'ada' END,
           CASE WHEN state <> 'open' THEN 'seen' END
      FROM generate_series(1, $1::integer) AS place, generate_series(1, 2) AS age,
           LATERAL (SELECT CASE WHEN age = 1 THEN 'redriven' WHEN place % 10 = 0 THEN 'discarded' ELSE 'open' END)
                AS of (state)
    """,
)


async def test_an_export_with_many_bad_rows_is_counted_at_once(database_url: str) -> None:
    impatient = await Database.connect(database_url, settings={"statement_timeout": "2500"})
    try:
        await impatient.execute(RECEIPTS, ROWS, BAD + 1)
        await impatient.execute(LETTERS, BAD)
        upload = Upload(
            id="upl_1",
            connection="legacy",
            object="customer",
            digest=bytes(32),
            rows=ROWS,
            seen=ROWS,
            accepted=ROWS,
            correlation_id="run-1",
            created_at=datetime.now(UTC),
            ended_at=None,
        )
        outcome = await PostgresUploads(impatient).outcome(upload)
    finally:
        await impatient.close()

    assert outcome == Outcome(settled=ROWS - BAD - 1, refused=BAD - BAD // 10, discarded=BAD // 10)
