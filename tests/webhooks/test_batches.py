"""A worker that takes a burst of webhooks: batches, and what must not spread in them."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.waiting import until
from tests.webhooks.burst import Burst, burst_over, number_of

MANY = 40
HURRY = "UPDATE job SET run_at = now() WHERE state = 'ready'"


@pytest.fixture
def burst(tmp_path: Path, database_url: str) -> Iterator[Burst]:
    with burst_over(tmp_path, database_url) as opened:
        yield opened


def test_keyed_records_in_one_batch_keep_their_order(burst: Burst) -> None:
    records = 8
    burst.record(range(64), records)
    burst.worker.start()
    burst.await_end()

    assert burst.posted() == dict.fromkeys(range(64), 1)
    in_order = defaultdict(list)
    for post in burst.hook.posts:
        in_order[number_of(post.event) % records].append(number_of(post.event))
    assert all(numbers == sorted(numbers) for numbers in in_order.values())
    assert burst.transactions() < 64
    assert burst.outcomes() == {("ingest", "done"): 64, ("deliver", "done"): 64}


def test_a_poisoned_receipt_fails_alone(burst: Burst) -> None:
    poisoned, *_ = burst.record(range(MANY))
    burst.forbid("INSERT ON event", f"NEW.origin = '{poisoned}'")
    burst.worker.start()
    until(lambda: len(burst.posted()) == MANY - 1 and burst.outcomes()["ingest", "retried"])
    assert poisoned not in burst.events()
    assert burst.sql("SELECT DISTINCT origin FROM job WHERE kind = 'ingest'") == [{"origin": poisoned}]

    burst.sql("DROP TRIGGER forbidden ON event")
    burst.sql(HURRY)
    burst.await_end()
    assert burst.posted() == dict.fromkeys(range(MANY), 1)
    assert burst.outcomes()["ingest", "done"] == burst.outcomes()["deliver", "done"] == MANY
    assert {row["reason"] for row in burst.sql("SELECT reason FROM attempt WHERE outcome = 'retried'")} == {
        "RaiseError"
    }


def test_a_delivery_that_cannot_be_recorded_fails_alone(burst: Burst) -> None:
    burst.record(range(MANY))
    burst.forbid("UPDATE ON delivery", "NEW.correlation_id = 'run-7'")
    burst.worker.start()
    until(lambda: len(burst.posted()) == MANY and burst.outcomes()["deliver", "retried"])
    until(lambda: burst.outcomes()["deliver", "done"] == MANY - 1)

    burst.sql("DROP TRIGGER forbidden ON delivery")
    burst.sql(HURRY)
    burst.await_end()
    posted = burst.posted()
    assert posted.pop(7) > 1
    assert set(posted.values()) == {1}
    assert len({post.headers["webhook-id"] for post in burst.hook.posts if number_of(post.event) == 7}) == 1
    states = burst.sql("SELECT state, count(*) AS number FROM delivery GROUP BY state")
    assert states == [{"state": "delivered", "number": MANY}]
    assert burst.sql("SELECT DISTINCT attempts FROM delivery") == [{"attempts": 1}]


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing_and_repeats_no_event(burst: Burst) -> None:
    receipts = burst.record(range(MANY))
    # What a batch does last: its Events are appended, and its jobs are deleted, but not committed.
    with burst.holding("SELECT 1 FROM inbound_event WHERE id = ANY ($1) FOR UPDATE", receipts):
        assert burst.events() == []
        burst.worker.kill()
    burst.running.let_leases_run_out()
    burst.worker.start()
    burst.await_end()

    assert sorted(burst.events()) == sorted(receipts)
    assert burst.posted() == dict.fromkeys(range(MANY), 1)
    assert burst.sql("SELECT count(*) AS number FROM inbound_event WHERE settled_at IS NULL") == [{"number": 0}]


def test_a_job_whose_lease_was_lost_leaves_its_batch(burst: Burst) -> None:
    receipts = burst.record(range(MANY), MANY)
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('gateway' || chr(31) || 'parcel:7', 0))"
    with burst.holding(lock):
        burst.sql("UPDATE job SET lease_token = gen_random_uuid() WHERE order_key = 'parcel:7' AND kind = 'ingest'")
    until(lambda: len(burst.posted()) == MANY - 1)
    until(lambda: burst.sql("SELECT order_key FROM job") == [{"order_key": "parcel:7"}])

    burst.running.let_leases_run_out()
    burst.await_end()
    assert sorted(burst.events()) == sorted(receipts)
    assert burst.posted() == dict.fromkeys(range(MANY), 1)
