"""Pauses of the whole installation: kept in the database, seen by every process, no question to it per request."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.errors import ConnectionPaused, VendorAuthFailed, VendorThrottled, VendorUnavailable
from app.postgres.cached_table import CachedTables
from app.postgres.database import Database, Statement
from app.postgres.listen import Listener
from app.queue.lanes import PostgresLanes
from app.queue.pauses import PostgresPauses
from app.settings.reading import read_secret_file
from app.vendors.authorize import end_pause
from tests.queue.harness import until
from tests.vendors.acme import QUICK, READ, REAL_TIME, WRITE, Asker, asking
from tests.vendors.vendor_server import OK, Call, Reply, running_vendor

REFUSED = Reply(status=401)
LOCK_LANES = Statement("SELECT lane", "SELECT FROM lane FOR UPDATE")
WAITING = Statement("SELECT pg_locks", "SELECT count(*) FROM pg_locks WHERE NOT granted")
PAUSED_BY_OPERATOR = Statement(
    "UPDATE lane",
    "UPDATE lane SET blocked_reason = 'operator', blocked_note = 'moving', blocked_at = clock_timestamp()",
)
THROTTLE_ENDS = Statement("UPDATE lane", "UPDATE lane SET blocked_until = now()")
AUDITED = Statement("SELECT audit_event", "SELECT type, actor FROM audit_event ORDER BY id")


@asynccontextmanager
async def process(
    database: Database, database_url: str, url: str, read_secret: Callable[[str], str] = lambda reference: "secret"
) -> AsyncIterator[tuple[Asker, PostgresPauses]]:
    """A client in a process of its own, as far as pauses go."""
    pauses = PostgresPauses(database)
    async with (
        CachedTables.open(database, Listener(database_url)) as tables,
        asking(url, read_secret=read_secret, pauses=pauses, **REAL_TIME) as acme,
    ):
        await tables.keep(pauses)
        yield acme, pauses


def refuses(process: Asker) -> bool:
    """Whether this process knows that the vendor refuses the credential."""
    state = process.client.state(process.connection)
    return state is not None and state.unauthorised_seconds is not None


async def audited(database: Database) -> list[tuple[str, str]]:
    return [(row["type"], row["actor"]) for row in await database.fetch(AUDITED)]


async def test_a_person_stops_a_connection_for_every_process(database: Database, database_url: str) -> None:
    operator = PostgresPauses(database)
    async with (
        running_vendor() as vendor,
        process(database, database_url, vendor.url) as (one, seen_by_one),
        process(database, database_url, vendor.url) as (two, seen_by_two),
    ):
        assert await operator.pause("acme", actor="ada", note="the account moves")
        await until(lambda: seen_by_one.known.get("acme") is not None and seen_by_two.known.get("acme") is not None)
        for acme in (one, two):
            with pytest.raises(ConnectionPaused) as paused:
                await acme.send(WRITE)
            assert (paused.value.category, paused.value.until_resumed) == ("transient", True)
            assert "the account moves" in paused.value.detail
        assert vendor.calls == []
        assert await operator.resume("acme", actor="ada")
        await until(lambda: seen_by_one.known.get("acme") is None and seen_by_two.known.get("acme") is None)
        assert (await one.send(READ)).status == (await two.send(WRITE)).status == 200
    assert await audited(database) == [("connection.paused", "ada"), ("connection.resumed", "ada")]


async def test_waiting_requests_obey_a_pause_that_begins_meanwhile(database: Database, database_url: str) -> None:
    operator = PostgresPauses(database)
    async with running_vendor() as vendor, process(database, database_url, vendor.url) as (acme, pauses):
        vendor.then(Reply(status=429, headers=(("retry-after", "60"),)))
        waiting = [asyncio.create_task(acme.send(READ, seconds=90.0))]
        await until(lambda: [one.state for one in acme.client.observe().values()] == ["throttled"])
        waiting += [asyncio.create_task(acme.send(READ, seconds=90.0)) for _ in range(3)]
        await operator.pause("acme", actor="ada", note="stop")
        await until(lambda: "acme" in pauses.known)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {ConnectionPaused}
        assert len(vendor.calls) == 1


async def test_of_many_refusals_at_once_one_pauses_the_connection(database: Database, database_url: str) -> None:
    async with (
        running_vendor(REFUSED) as vendor,
        process(database, database_url, vendor.url) as (one, _),
        process(database, database_url, vendor.url) as (two, _),
    ):
        outcomes = await asyncio.gather(
            *(acme.send(READ) for acme in (one, two) for _ in range(6)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} <= {VendorAuthFailed, ConnectionPaused}
        assert any(isinstance(outcome, VendorAuthFailed) for outcome in outcomes)
        for acme in (one, two):
            with pytest.raises(ConnectionPaused) as paused:
                await acme.send(READ)
            assert paused.value.category == "auth"
            assert paused.value.next_step.endswith("POST /ops/connections/acme/resume.")
    assert await audited(database) == [("connection.paused", "lockstitch")]


async def test_after_a_resume_one_request_of_each_process_goes_first(database: Database, database_url: str) -> None:
    secrets = {"now": "old"}

    def judge(call: Call) -> Reply:
        return OK if call.headers["authorization"] == "Bearer new" else REFUSED

    operator = PostgresPauses(database)
    async with (
        running_vendor(judge) as vendor,
        process(database, database_url, vendor.url, lambda _: secrets["now"]) as (one, seen_by_one),
        process(database, database_url, vendor.url, lambda _: secrets["now"]) as (two, seen_by_two),
    ):
        with pytest.raises(VendorAuthFailed):
            await one.send(READ)
        await until(lambda: seen_by_two.known.get("acme") is not None)
        # Time alone heals nothing, and neither does the new credential: a person has to say so.
        secrets["now"] = "new"
        await asyncio.sleep(0.5)
        for acme in (one, two):
            with pytest.raises(ConnectionPaused):
                await acme.send(READ)
        assert len(vendor.calls) == 1

        await operator.resume("acme", actor="ada")
        await until(
            lambda: all(
                not pause.until_resumed for pauses in (seen_by_one, seen_by_two) if (pause := pauses.known.get("acme"))
            )
        )
        assert (await one.send(READ)).status == 200
        await until(lambda: seen_by_one.known.get("acme") is None and seen_by_two.known.get("acme") is None)
        assert (await two.send(READ)).status == 200
        assert len(vendor.calls) == 3
    assert [lane.blocked_reason for lane in await PostgresLanes(database).list()] == [None]
    assert await audited(database) == [
        ("connection.paused", "lockstitch"),
        ("connection.resumed", "ada"),
        ("connection.resumed", "lockstitch"),
    ]


async def test_a_credential_accepted_in_one_process_is_shown_by_all(database: Database, database_url: str) -> None:
    operator = PostgresPauses(database)
    async with (
        running_vendor() as vendor,
        process(database, database_url, vendor.url) as (one, seen_by_one),
        process(database, database_url, vendor.url) as (two, seen_by_two),
    ):
        vendor.then(REFUSED)
        with pytest.raises(VendorAuthFailed):
            await one.send(READ)
        await until(lambda: seen_by_two.known.get("acme") is not None)
        await operator.resume("acme", actor="ada")
        await until(
            lambda: all(
                (pause := pauses.known.get("acme")) and not pause.until_resumed for pauses in (seen_by_one, seen_by_two)
            )
        )
        assert refuses(one)  # nothing has tried the credential yet
        assert (await two.send(READ)).status == 200
        await until(lambda: not refuses(one))
    assert len(vendor.calls) == 2


async def test_after_a_resume_one_request_tries_the_credential_first(database: Database, database_url: str) -> None:
    operator = PostgresPauses(database)
    async with running_vendor(REFUSED) as vendor, process(database, database_url, vendor.url) as (acme, pauses):
        with pytest.raises(VendorAuthFailed):
            await acme.send(READ)
        await operator.resume("acme", actor="ada")
        await until(lambda: (pause := pauses.known.get("acme")) is not None and not pause.until_resumed)
        probe_may_end = asyncio.Event()
        vendor.always = OK
        vendor.then(Reply(until=probe_may_end))
        requests = [asyncio.create_task(acme.send(WRITE)) for _ in range(5)]
        await vendor.received(2)
        await asyncio.sleep(0.1)
        assert len(vendor.calls) == 2
        probe_may_end.set()
        assert {reply.status for reply in await asyncio.gather(*requests)} == {200}


async def test_a_resume_ends_a_throttle_in_every_process(database: Database, database_url: str) -> None:
    """Also for a request that is waiting already."""
    operator = PostgresPauses(database)
    async with (
        running_vendor() as vendor,
        process(database, database_url, vendor.url) as (one, _),
        process(database, database_url, vendor.url) as (two, seen_by_two),
    ):
        vendor.then(Reply(status=429, headers=(("retry-after", "60"),)))
        with pytest.raises(VendorThrottled):
            await one.send(READ)
        await until(lambda: "acme" in seen_by_two.throttled)
        waiting = asyncio.create_task(two.send(READ, seconds=90.0))
        with pytest.raises(VendorThrottled):
            await one.send(READ)
        assert len(vendor.calls) == 1
        await operator.resume("acme", actor="ada")
        async with asyncio.timeout(30):
            assert (await waiting).status == 200
            assert (await one.send(READ)).status == 200
    assert await audited(database) == [("connection.throttled", "lockstitch"), ("connection.resumed", "ada")]


async def test_a_resume_ends_the_pause_after_failures(database: Database, database_url: str) -> None:
    operator = PostgresPauses(database)
    async with running_vendor(Reply(status=503)) as vendor, process(database, database_url, vendor.url) as (acme, _):
        for _ in range(2):
            with pytest.raises((VendorUnavailable, ConnectionPaused)):
                await acme.send(READ)
        vendor.always = OK
        await operator.resume("acme", actor="ada")
        await until(lambda: not acme.client.observe())
        assert (await acme.send(READ)).status == 200


async def test_a_renewed_credential_is_tried_before_a_pause(database: Database, database_url: str) -> None:
    secrets = {"now": "old"}

    def judge(call: Call) -> Reply:
        return OK if call.headers["authorization"] == "Bearer new" else REFUSED

    async with (
        running_vendor(judge) as vendor,
        process(database, database_url, vendor.url, lambda _: secrets["now"]) as (acme, _),
    ):
        secrets["now"] = "new"
        replies = await asyncio.gather(*(acme.send(WRITE) for _ in range(4)))
        assert {reply.status for reply in replies} == {200}
        secrets["now"] = "newer"  # and that one is refused for good
        vendor.always = REFUSED
        with pytest.raises(VendorAuthFailed):
            await acme.send(WRITE)
    assert await audited(database) == [("connection.paused", "lockstitch")]


async def test_a_secret_that_is_being_replaced_needs_no_resume(database: Database, tmp_path: Path) -> None:
    accepted, file = "new", tmp_path / "token"
    file.write_text("old")

    def judge(call: Call) -> Reply:
        return OK if call.headers["authorization"] == f"Bearer {accepted}" else REFUSED

    def read(_reference: str) -> str:
        return read_secret_file(f"file:{file}")

    async with (
        running_vendor(judge) as vendor,
        asking(vendor.url, read_secret=read, pauses=PostgresPauses(database)) as acme,
    ):
        file.write_text("")
        asyncio.get_running_loop().call_later(0.3, file.write_text, "new")
        assert (await acme.send(WRITE)).status == 200
        accepted = "newer"
        file.unlink()
        with pytest.raises(ConnectionPaused) as paused:
            await acme.send(WRITE)
        assert "cannot be read" in paused.value.detail
        file.write_text("newer")
        await asyncio.sleep(QUICK.unauthorised_pause)
        assert (await acme.send(WRITE)).status == 200
    assert await audited(database) == []


async def test_a_secret_that_stays_unreadable_pauses_the_connection(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    async with (
        running_vendor(lambda _call: REFUSED) as vendor,
        asking(
            vendor.url, read_secret=lambda _: read_secret_file(f"file:{file}"), pauses=PostgresPauses(database)
        ) as acme,
    ):
        file.unlink()
        with pytest.raises(ConnectionPaused):
            await acme.send(WRITE)
        await asyncio.sleep(QUICK.unauthorised_pause)
        with pytest.raises(VendorAuthFailed):
            await acme.send(WRITE)
    assert await audited(database) == [("connection.paused", "lockstitch")]


async def test_while_the_database_is_away_what_was_known_holds(database_url: str) -> None:
    database = await Database.connect(database_url, max_size=1)
    pauses = PostgresPauses(database)
    await PostgresPauses(database).pause("other", actor="ada", note="stop")
    await pauses.refresh()
    await database.close()
    async with (
        running_vendor(REFUSED) as vendor,
        asking(vendor.url, also={"other": vendor.url}, pauses=pauses, **REAL_TIME) as acme,
    ):
        with pytest.raises(ConnectionPaused):
            await acme.on("other").send(READ)
        with pytest.raises(VendorAuthFailed):
            await acme.send(READ)
        with pytest.raises(ConnectionPaused):  # this process keeps to it all the same
            await acme.send(READ)
        assert len(vendor.calls) == 1


async def test_a_mended_credential_does_not_end_a_newer_pause_of_an_operator(database: Database) -> None:
    pauses = PostgresPauses(database)
    await pauses.refuse("acme", "the vendor refuses it")
    async with database.transaction() as operator:
        await operator.execute(LOCK_LANES)
        mending = asyncio.create_task(end_pause(pauses, "acme", actor="ada"))
        await until(lambda: database.fetch_value(WAITING))
        await operator.execute(PAUSED_BY_OPERATOR)
    left = await mending
    assert left is not None
    assert (left.reason, left.note, left.until_resumed) == ("operator", "moving", True)
    await pauses.refresh()
    assert pauses.known.get("acme") == left
    assert await audited(database) == [("connection.paused", "lockstitch")]


async def test_a_throttle_that_one_process_meets_stops_the_others_and_one_of_them_probes(
    database: Database, database_url: str
) -> None:
    async with (
        running_vendor() as vendor,
        process(database, database_url, vendor.url) as (one, seen_by_one),
        process(database, database_url, vendor.url) as (two, seen_by_two),
    ):
        vendor.then(Reply(status=429, headers=(("retry-after", "3600"),)))
        with pytest.raises(VendorThrottled):
            await one.send(READ)
        await until(lambda: "acme" in seen_by_two.throttled)
        with pytest.raises(VendorThrottled) as throttled:
            await two.send(READ)
        assert 3000 < (throttled.value.retry_after or 0) <= 3600
        assert len(vendor.calls) == 1

        await database.execute(THROTTLE_ENDS)
        probe_may_end = asyncio.Event()
        vendor.then(Reply(until=probe_may_end))
        for pauses in (seen_by_one, seen_by_two):
            await pauses.refresh()
        sending = [asyncio.create_task(each.send(READ, seconds=60.0)) for each in (one, two) * 3]
        await vendor.received(2)
        await until(lambda: (seen_by_two.throttled.get("acme", 0)) > time.monotonic())
        assert len(vendor.calls) == 2
        probe_may_end.set()
        assert {reply.status for reply in await asyncio.gather(*sending)} == {200}
        assert len(vendor.calls) == 1 + 6
    assert await audited(database) == [("connection.throttled", "lockstitch"), ("connection.resumed", "lockstitch")]
