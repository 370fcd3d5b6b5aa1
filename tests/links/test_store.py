"""Links in PostgreSQL: attach, join, split, and what other processes see of it."""

import asyncio
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest

from app.capabilities import POLICIES
from app.errors import NotFound, StateConflict
from app.events.deps import AnnounceDeps
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.links.announce import announce
from app.links.models import LinkSource
from app.links.store import PostgresLinks
from app.postgres.database import Database, Statement
from app.postgres.digest_secret import DigestSecret
from app.queue.enqueue import JobIntake
from app.writes.copy_models import CopyResult
from app.writes.store.copy_bases import PostgresCopyBases
from canonical.copy_base import FieldBase
from canonical.parts import Link
from tests.encryption import SEALER

COPY = LinkSource(kind="copy", actor="key_1")
PERSON = LinkSource(kind="person", actor="key_1")
BASES = Statement("SELECT copy_base", "SELECT source || ' ' || target AS pair FROM copy_base ORDER BY 1")
ERASE = Statement("DELETE link", "DELETE FROM link WHERE connection = $1")
AUDIT = Statement("SELECT audit_event", "SELECT type, actor, facts FROM audit_event WHERE subject = $1 ORDER BY id")


def process(database: Database, realms: dict[str, str] | None = None) -> PostgresLinks:
    """The links as one process has them."""
    events = PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER))
    announcement = AnnounceDeps(database=database, events=events, queue=JobIntake(SEALER, POLICIES))
    return PostgresLinks(database, partial(announce, announcement), realms)


async def match_id(links: PostgresLinks, connection: str, remote_id: str) -> str:
    """The canonical id of a customer."""
    return (await links.ensure("customer", connection, [remote_id]))[remote_id]


async def by_age(links: PostgresLinks, *connections: str) -> list[tuple[str, str]]:
    """See the customer 7 of each connection. Return the ids with their connections, oldest first: those of one
    millisecond are in no order."""
    return sorted([(await match_id(links, connection, "7"), connection) for connection in connections])


async def newer(links: PostgresLinks, connection: str, than: str) -> tuple[str, str]:
    """See a customer of the connection whose id is newer than another one. Return its remote id and its id."""
    for number in count():
        made = await match_id(links, connection, f"{connection}{number}")
        if made > than:
            return f"{connection}{number}", made
    raise AssertionError


async def places(links: PostgresLinks, canonical_id: str) -> list[str]:
    return [f"{one.connection}:{one.remote_id}" for one in await links.find(canonical_id)]


async def test_an_unseen_record_gets_the_id_of_another(database: Database) -> None:
    links = process(database)
    shop = await match_id(links, "shopify", "7")
    made = await links.attach("customer", "hubspot", "51", shop, by=COPY)
    assert (made.canonical_id, made.alias, made.changed) == (shop, None, True)
    assert await match_id(links, "hubspot", "51") == shop
    assert await places(links, shop) == ["shopify:7", "hubspot:51"]
    assert not (await links.attach("customer", "hubspot", "51", shop, by=COPY)).changed
    (entry,) = await database.fetch(AUDIT, shop)
    assert (entry["type"], entry["actor"], msgspec.json.decode(entry["facts"])["by"]) == (
        "link.joined",
        "key_1",
        "copy",
    )


async def test_the_older_id_is_kept_and_the_other_is_an_alias(database: Database) -> None:
    links, other = process(database), process(database)
    await other.refresh()
    (older, first), (newer, second) = await by_age(links, "shopify", "hubspot")
    assert await match_id(other, second, "7") == newer
    made = await links.attach("customer", first, "7", newer, by=PERSON)
    assert (made.canonical_id, made.alias) == (older, newer)
    assert await match_id(links, second, "7") == older
    assert await match_id(other, second, "7") == newer  # it was not notified yet; the alias still names the record
    # Each id goes where it went before.
    assert await places(links, older) == [f"{first}:7", f"{second}:7"]
    assert await places(links, newer) == [f"{second}:7", f"{first}:7"]
    await other.refresh()
    assert await match_id(other, second, "7") == older


async def test_a_split_gives_a_record_its_own_id_back(database: Database) -> None:
    links = process(database)
    (one, a), (two, b), (three, c) = await by_age(links, "shopify", "hubspot", "zendesk")
    await links.attach("customer", b, "7", three, by=PERSON)
    await links.attach("customer", c, "7", one, by=PERSON)
    assert {await match_id(links, name, "7") for name in (a, b, c)} == {one}
    change = await links.split("customer", a, "7", by=PERSON)
    assert (change.id, change.split_id, change.left_id) == (one, one, two)
    assert await places(links, one) == [f"{a}:7"]
    assert await places(links, two) == [f"{b}:7", f"{c}:7"]
    assert await places(links, three) == [f"{c}:7", f"{b}:7"]
    await links.split("customer", c, "7", by=PERSON)
    assert [await places(links, known) for known in (two, three)] == [[f"{b}:7"], [f"{c}:7"]]
    with pytest.raises(StateConflict):
        await links.split("customer", c, "7", by=PERSON)


async def test_a_record_without_an_id_of_its_own_gets_a_new_one(database: Database) -> None:
    links = process(database)
    shop = await match_id(links, "shopify", "7")
    await links.attach("customer", "hubspot", "51", shop, by=COPY)
    change = await links.split("customer", "shopify", "7", by=PERSON)
    assert change.left_id not in (shop, change.split_id)
    assert await places(links, change.left_id) == ["hubspot:51"]
    await links.attach("customer", "hubspot", "51", shop, by=PERSON)
    assert await places(links, change.left_id) == ["hubspot:51", "shopify:7"]


async def test_what_cannot_be_joined_is_refused(database: Database) -> None:
    links = process(database, {"acme": "acme"})
    shop, other, crm = [
        await match_id(links, *place) for place in (("shopify", "7"), ("shopify", "8"), ("hubspot", "51"))
    ]
    with pytest.raises(StateConflict, match=r"."):
        await links.attach("customer", "shopify", "8", shop, by=COPY)
    await links.attach("customer", "hubspot", "51", shop, by=COPY)
    with pytest.raises(StateConflict):
        await links.attach("customer", "shopify", "8", crm, by=COPY)
    with pytest.raises(StateConflict):
        await links.attach("customer", "acme", "1", shop, by=COPY)
    with pytest.raises(NotFound):
        await links.attach("customer", "zendesk", "1", "cus_unknown", by=COPY)
    with pytest.raises(NotFound):
        await links.attach("order", "zendesk", "1", shop, by=COPY)
    assert await places(links, other) == ["shopify:8"]


async def test_simultaneous_joins_of_the_same_records_agree(database: Database) -> None:
    workers = [process(database) for _ in range(4)]
    names = ("shopify", "hubspot", "zendesk", "stripe")
    ids = {name: await match_id(workers[0], name, "7") for name in names}

    async def join(number: int) -> Any:
        one, other = names[number % 4], names[(number + 1 + number // 4 % 3) % 4]
        return await workers[number % 4].attach("customer", one, "7", ids[other], by=COPY)

    await asyncio.gather(*(join(number) for number in range(48)))
    for worker in workers:
        await worker.refresh()
        assert {await match_id(worker, name, "7") for name in names} == {min(ids.values())}
    for name, known in ids.items():
        assert (await places(workers[0], known))[0] == f"{name}:7"
        assert len(await places(workers[0], known)) == 4


async def test_a_first_read_during_an_attach_is_joined(database: Database) -> None:
    links = process(database)
    for number in range(20):
        shop = await match_id(links, "shopify", str(number))
        one, other = process(database), process(database)
        await asyncio.gather(
            one.attach("customer", "hubspot", str(number), shop, by=COPY), match_id(other, "hubspot", str(number))
        )
        assert await places(links, shop) == [f"shopify:{number}", f"hubspot:{number}"]


async def test_a_split_leaves_the_id_of_a_merged_record_to_those_it_names(database: Database) -> None:
    """The shop merges a customer into another one. Both are linked to the CRM, so their ids stay apart."""
    links = process(database)
    lost = await match_id(links, "shopify", "lost")
    await links.attach("customer", "hubspot", "51", lost, by=COPY)
    first, oldest = await newer(links, "hubspot", lost)
    kept, own = await newer(links, "shopify", oldest)
    await links.attach("customer", "shopify", kept, oldest, by=PERSON)
    await links.merge("customer", "shopify", "lost", kept)
    assert await places(links, lost) == ["hubspot:51"]

    # Its former id does not become that of the record it was merged into.
    change = await links.split("customer", "hubspot", first, by=PERSON)
    assert (change.split_id, change.left_id) == (oldest, own)
    assert await places(links, lost) == ["hubspot:51"]
    # Nor does a record get it as its own.
    await links.attach("customer", "zendesk", "7", lost, by=COPY)
    assert (await links.split("customer", "zendesk", "7", by=PERSON)).left_id == lost
    assert await places(links, lost) == ["hubspot:51"]


async def test_an_alias_of_a_merged_record_names_the_one_that_is_left(database: Database) -> None:
    links = process(database)
    crm = await match_id(links, "hubspot", "51")
    lost, alias = await newer(links, "shopify", crm)
    await links.attach("customer", "shopify", lost, crm, by=PERSON)
    other = await match_id(links, "shopify", "kept")
    await links.attach("customer", "hubspot", "52", other, by=COPY)
    await links.merge("customer", "shopify", lost, "kept")
    assert await places(links, crm) == ["hubspot:51"]
    assert "shopify:kept" in await places(links, alias)


async def copied(database: Database, connection: str, remote_id: str, *, to: str) -> None:
    """Keep the base of a copy of this customer to the customer 7 of another connection."""
    source, target = Link(connection=connection, remote_id=remote_id), Link(connection=to, remote_id="7")
    bases = PostgresCopyBases(database, DigestSecret(database, SEALER))
    base = {"first_name": FieldBase(source="1", target="2")}
    made = CopyResult(object="customer", source=source, target=target, base=base, opposite=base)
    async with database.transaction() as transaction:
        await bases.keep(transaction, made)


async def test_the_bases_of_copies_end_with_their_links(database: Database) -> None:
    links = process(database)
    shop = await match_id(links, "shopify", "7")
    for connection in ("hubspot", "zendesk"):
        await match_id(links, connection, "7")
        await links.attach("customer", connection, "7", shop, by=COPY)
        await copied(database, "shopify", "7", to=connection)
    await match_id(links, "stripe", "8")
    await copied(database, "stripe", "8", to="hubspot")

    await links.split("customer", "hubspot", "7", by=PERSON)
    left = ["hubspot stripe", "shopify zendesk", "stripe hubspot", "zendesk shopify"]
    assert [row["pair"] for row in await database.fetch(BASES)] == left

    await match_id(links, "stripe", "9")
    await links.merge("customer", "stripe", "8", "9")
    assert [row["pair"] for row in await database.fetch(BASES)] == ["shopify zendesk", "zendesk shopify"]

    await database.execute(ERASE, "zendesk")
    assert await database.fetch(BASES) == []


async def test_a_server_without_the_last_commits_empties_the_cache(database: Database) -> None:
    links, other = process(database), process(database)
    first = await match_id(links, "shopify", "7")
    await other.attach("customer", "zendesk", "8", first, by=PERSON)
    await links.refresh()
    await match_id(links, "shopify", "7")
    await database.execute(ERASE, "shopify")
    await database.execute(Statement("UPDATE link_change", "UPDATE link_change SET number = 0"))
    await links.refresh()
    assert await match_id(links, "shopify", "7") != first
