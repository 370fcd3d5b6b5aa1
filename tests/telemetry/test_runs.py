"""What a run did is kept until it is written, in bounds, and costs no call anything."""

from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import pytest

from app.monitoring.store.run_entries import recording_runs
from app.postgres.database import Database
from app.telemetry import bind, mark_replayed, name_caller, name_route, server_span, vendor_span
from app.telemetry.runs import RunEntry, RunRecorder, entries_dropped, recorder
from tests.closing import async_closing
from tests.queue.harness import until


@pytest.fixture
def recorded() -> Iterator[RunRecorder]:
    """The process's recorder, taking notes."""
    recorder.open()
    yield recorder
    recorder.close()


def dropped() -> float:
    (metric,) = entries_dropped.collect()
    return metric.samples[0].value


def note(to: RunRecorder, number: int) -> None:
    with bind("run-1"):
        to.note("request", datetime.now(UTC), {"number": number})


def numbers(entries: list[RunEntry]) -> list[int]:
    return [entry.facts["number"] for entry in entries]


def test_a_call_is_noted_with_who_made_it(recorded: RunRecorder) -> None:
    with bind("run-1"), server_span("POST") as call:
        name_route("/v1/customers")
        name_caller("n8n")
        mark_replayed()
        call.status = 201
    (entry,) = recorded.take(10)
    assert (entry.correlation_id, entry.kind) == ("run-1", "request")
    assert entry.facts.keys() >= {"method", "route", "status", "ms", "caller", "replayed"}
    assert (entry.facts["caller"], entry.facts["replayed"], entry.facts["status"]) == ("n8n", True, 201)


@pytest.mark.parametrize(("route", "caller"), [("/v1/customers", None), ("/metrics", "n8n"), (None, "n8n")])
def test_what_is_no_call_of_a_run_is_not_noted(recorded: RunRecorder, route: str | None, caller: str | None) -> None:
    with bind("run-1"), server_span("GET") as call:
        if route is not None:
            name_route(route)
        if caller is not None:
            name_caller(caller)
        call.status = 200
    assert recorded.take(10) == []


def test_a_request_to_a_vendor_is_noted_also_when_it_fails(recorded: RunRecorder) -> None:
    facts = {"connection": "shop", "vendor": "hubspot", "method": "GET", "base_url": "https://a.example"}
    with bind("run-1"):
        with vendor_span(**facts, route="/crm/{id}", resend_count=1) as call:
            call.answered(429, "req-7")
            call.failed("throttled")
        with pytest.raises(OSError), vendor_span(**facts, route="/crm/{id}", resend_count=0):
            raise OSError
    first, second = recorded.take(10)
    assert first.facts.items() >= {"attempt": 2, "status": 429, "request_id": "req-7", "outcome": "throttled"}.items()
    assert (second.facts["outcome"], second.facts["status"]) == ("OSError", None)


def test_nothing_is_recorded_without_a_recorder_or_run() -> None:
    closed, opened = RunRecorder(), RunRecorder()
    opened.open()
    note(closed, 1)
    opened.note("request", datetime.now(UTC), {})
    assert closed.take(10) == opened.take(10) == []


def test_what_has_no_room_is_dropped_and_counted() -> None:
    small, before = RunRecorder(room=3), dropped()
    small.open()
    for number in range(5):
        note(small, number)
    assert dropped() - before == 2
    taken = small.take(2)
    note(small, 5)
    note(small, 6)
    small.put_back(taken)  # of which none has room any more
    assert dropped() - before == 4
    assert numbers(small.take(10)) == [2, 5, 6]


def test_what_is_put_back_keeps_its_place() -> None:
    roomy = RunRecorder()
    roomy.open()
    for number in range(4):
        note(roomy, number)
    roomy.put_back(roomy.take(2))
    assert numbers(roomy.take(10)) == [0, 1, 2, 3]


async def test_entries_are_written_in_batches_and_the_last_ones_at_the_end(database_url: str) -> None:
    database, source = await Database.connect(database_url), RunRecorder()
    async with recording_runs(database, source):
        for number in range(2_500):
            note(source, number)
    assert await written(database_url) == list(range(2_500))
    await database.close()


async def test_a_database_that_is_away_costs_nothing_that_has_room(database_url: str) -> None:
    database, source = await Database.connect(database_url), RunRecorder()
    owner = await asyncpg.connect(database_url)
    async with recording_runs(database, source):
        await owner.execute("BEGIN")
        await owner.execute("LOCK TABLE run_entry")
        note(source, 1)
        await until(lambda: owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        await owner.execute("COMMIT")
        await until(lambda: owner.fetchval("SELECT count(*) FROM run_entry"))
    assert await written(database_url) == [1]
    await owner.close()
    await database.close()


async def written(url: str) -> list[int]:
    async with async_closing(asyncpg.connect(url)) as connection:
        rows = await connection.fetch("SELECT (facts::jsonb->>'number')::int AS number FROM run_entry ORDER BY id")
        return [row["number"] for row in rows]
