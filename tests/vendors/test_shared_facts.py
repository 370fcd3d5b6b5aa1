"""Account facts are fetched for the object that needs them, and shared by all processes in the database."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app.postgres.database import Database, Statement
from app.vendors.fact_store import PostgresAccountFacts
from mappings.http import VendorRequest
from tests.encryption import SEALER
from tests.vendors.acme import REAL_TIME, Account, Asker, asking, within
from tests.vendors.vendor_server import Call, Reply, VendorServer, running_vendor

STAGES, FIELDS, OWNERS = (
    VendorRequest(method="GET", path=path, route=path) for path in ("/stages", "/fields", "/owners")
)
SETUP = tuple(
    VendorRequest(method="POST", path=f"/{kind}/fields", route="/fields", body=b'{"name":"mark"}', effect=True)
    for kind in ("people", "tickets")
)
FACTS: dict[str, Any] = {
    "account_requests": (STAGES, FIELDS, OWNERS),
    "account_needs": {"ticket": (STAGES,), "customer": (FIELDS,)},
    "setup": SETUP,
    "setup_of": {"customer": SETUP[:1], "ticket": SETUP[1:]},
}
WRITE = VendorRequest(method="POST", path="/things", route="/things", body=b"{}", effect=True)
OLDER = Statement("UPDATE account_fact", "UPDATE account_fact SET asked_at = asked_at - $1::interval")
REQUESTS = Statement("SELECT account_fact", "SELECT request FROM account_fact")
DAMAGE = Statement("UPDATE account_fact", "UPDATE account_fact SET payload = $1")
PAYLOADS = Statement("SELECT account_fact", "SELECT payload FROM account_fact")


def echo(call: Call) -> Reply:
    return Reply(body=f"{call.target} of Ada Lovelace".encode())


@asynccontextmanager
async def process(database: Database, vendor: VendorServer, **more: Any) -> AsyncIterator[Asker]:
    """A client with the memory of a new process."""
    shared = PostgresAccountFacts(database, SEALER)
    async with asking(vendor.url, shared=shared, **{**REAL_TIME, **FACTS, **more}) as acme:
        yield acme


async def account(acme: Asker, object_name: Any, max_age: float | None = None) -> Account:
    return await acme.client.account(acme.connection, deadline=within(30.0), object_name=object_name, max_age=max_age)


async def test_an_object_asks_only_for_what_it_needs(database: Database) -> None:
    async with running_vendor(echo) as vendor, process(database, vendor) as acme:
        assert (await account(acme, "ticket")).answers == ("/stages of Ada Lovelace", None, None)
        assert vendor.targets() == ["GET /stages"]
        assert (await account(acme, "customer")).answers[1] == "/fields of Ada Lovelace"
        assert vendor.targets() == ["GET /stages", "GET /fields"]
        assert None not in (await account(acme, None)).answers
        assert sorted(vendor.targets()) == ["GET /fields", "GET /owners", "GET /stages"]


async def test_another_process_asks_nothing(database: Database) -> None:
    async with running_vendor(echo) as vendor:
        async with process(database, vendor) as first:
            known = await account(first, "ticket")
            await first.client.send(first.connection, WRITE, deadline=within(30.0), object_name="ticket")
            assert vendor.targets() == ["GET /stages", "POST /tickets/fields", "POST /things"]
        async with process(database, vendor) as second:
            assert await account(second, "ticket") == known
            await second.client.send(second.connection, WRITE, deadline=within(30.0), object_name="ticket")
        assert vendor.targets()[3:] == ["POST /things"]


async def test_facts_that_are_too_old_are_fetched(database: Database) -> None:
    async with running_vendor(echo) as vendor:
        async with process(database, vendor) as first:
            await account(first, "ticket")
        await database.execute(OLDER, timedelta(minutes=9))
        async with process(database, vendor) as second:
            # Facts older than a minute do not refuse a write.
            await account(second, "ticket", max_age=60.0)
        assert vendor.targets() == ["GET /stages"] * 2
        await database.execute(OLDER, timedelta(minutes=11))
        async with process(database, vendor) as third:
            await account(third, "ticket")
        assert vendor.targets() == ["GET /stages"] * 3


async def test_facts_of_another_credential_or_address_do_not_count(database: Database) -> None:
    async with running_vendor(echo) as vendor, running_vendor(echo) as other:
        async with process(database, vendor) as first:
            await account(first, "ticket")
        async with process(database, vendor, read_secret=lambda reference: "another-secret-9") as second:
            await account(second, "ticket")
        assert vendor.targets() == ["GET /stages"] * 2
        async with process(database, other, read_secret=lambda reference: "another-secret-9") as third:
            await account(third, "ticket")
        assert other.targets() == ["GET /stages"]


@pytest.mark.parametrize("damaged", [b"\x00", zlib.compress(b"\xc1"), zlib.compress(msgspec.msgpack.encode([1, 2]))])
async def test_a_fact_that_no_longer_decodes_is_fetched(database: Database, damaged: bytes) -> None:
    async with running_vendor(echo) as vendor:
        async with process(database, vendor) as first:
            known = await account(first, "ticket")
        request = await database.fetch_value(REQUESTS)
        sealed = SEALER.seal(damaged, f"account_fact {first.connection.name} {request.hex()}")
        await database.execute(DAMAGE, sealed)
        async with process(database, vendor) as second:
            assert await account(second, "ticket") == known
        async with process(database, vendor) as third:
            assert await account(third, "ticket") == known
        assert vendor.targets() == ["GET /stages"] * 2


async def test_a_refusal_is_a_fact_too(database: Database) -> None:
    async with running_vendor(Reply(status=403)) as vendor:
        for _ in range(2):
            async with process(database, vendor) as acme:
                assert (await account(acme, "ticket")).answers == (None, None, None)
        assert vendor.targets() == ["GET /stages"]


async def test_a_temporary_failure_is_not_shared(database: Database) -> None:
    def half(call: Call) -> Reply:
        return Reply(status=503) if call.target == "/owners" else echo(call)

    async with running_vendor(half) as vendor:
        async with process(database, vendor) as first:
            assert (await account(first, None)).answers[2] is None
        vendor.always = echo
        async with process(database, vendor) as second:
            assert (await account(second, None)).answers[2] == "/owners of Ada Lovelace"


async def test_a_side_load_of_a_fact_is_answered_from_what_is_known(database: Database) -> None:
    async with running_vendor(echo) as vendor:
        async with process(database, vendor) as first:
            await account(first, "ticket")
            for _ in range(3):
                reply = await first.client.send(first.connection, OWNERS, deadline=within(30.0))
                assert reply.body == b"/owners of Ada Lovelace"
            assert (await account(first, "ticket")).answers == ("/stages of Ada Lovelace", None, reply.body.decode())
        async with process(database, vendor) as second:
            assert (await second.client.send(second.connection, OWNERS, deadline=within(30.0))).body == reply.body
        assert vendor.targets() == ["GET /stages", "GET /owners"]


async def test_a_refused_side_load_of_a_fact_is_asked_once(database: Database) -> None:
    async with running_vendor(Reply(status=403)) as vendor, process(database, vendor) as acme:
        for _ in range(3):
            assert (await acme.client.send(acme.connection, OWNERS, deadline=within(30.0))).status == 403
        assert vendor.targets() == ["GET /owners"]


async def test_many_objects_at_once_ask_once(database: Database) -> None:
    async with running_vendor(echo) as vendor, process(database, vendor) as acme:
        await asyncio.gather(*(account(acme, name) for name in ("ticket", "customer", None) for _ in range(5)))
        assert sorted(vendor.targets()) == ["GET /fields", "GET /owners", "GET /stages"]


async def test_names_of_people_are_sealed(database: Database) -> None:
    async with running_vendor(echo) as vendor, process(database, vendor) as acme:
        await account(acme, None)
    rows = await database.fetch(PAYLOADS)
    assert len(rows) == 3
    assert not any(b"Lovelace" in row["payload"] for row in rows)


async def test_a_database_that_is_down_costs_only_calls(database: Database) -> None:
    async with running_vendor(echo) as vendor, process(database, vendor) as acme:
        await database.close()
        assert (await account(acme, "ticket")).answers[0] == "/stages of Ada Lovelace"
        await acme.client.send(acme.connection, WRITE, deadline=within(30.0), object_name="ticket")


async def test_a_refused_setup_is_tried_again_by_the_next_process(database: Database) -> None:
    """An operator gives the credential the right that it lacks, and restarts."""
    async with running_vendor(echo) as vendor:
        for answer in (Reply(status=403), Reply(status=409), None):
            if answer is not None:
                vendor.then(answer)
            async with process(database, vendor) as acme:
                await acme.client.send(acme.connection, WRITE, deadline=within(30.0), object_name="ticket")
        setup, write = "POST /tickets/fields", "POST /things"
        assert vendor.targets() == [setup, write, setup, write, write]


async def test_facts_that_cannot_be_renewed_stay_as_they_were(database: Database) -> None:
    """Without them, a record would read with the documented defaults, such as another status."""

    def half(call: Call) -> Reply:
        return Reply(status=503) if call.target == "/owners" else echo(call)

    at_once_old = replace(REAL_TIME["patience"], account_age=0.0)
    async with running_vendor(echo) as vendor, process(database, vendor, patience=at_once_old) as acme:
        known = await account(acme, None)
        vendor.always = half
        assert await account(acme, None, max_age=0.0) == known
