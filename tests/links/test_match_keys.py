"""The key of a customer: what it is made of, which secret makes it, and that an erasure removes it."""

import msgspec

from app.capabilities import SEALED_COLUMNS
from app.credentials.encryption_rotation import KeyRotation
from app.links.match_keys import match_facts_of
from app.monitoring.store.heartbeats import read_keys
from app.postgres.database import Database
from app.postgres.encryption import Sealer
from canonical.customer import Customer, Email
from tests.encryption import KEY
from tests.links.match_process import ALL_PAIRS, KEYS, Process, ids_of


def test_what_a_customer_is_matched_by() -> None:
    emails = (Email(address="Old@example.com"), Email(address="Ann@Example.com", is_primary=True))
    customer = Customer(first_name="Zoë", last_name="van Dam-Lee", emails=emails)
    facts = match_facts_of(customer, "shopify", "1", is_staff=False)
    assert (facts.email, facts.name) == ("ann@example.com", frozenset({"zoe", "van", "dam", "lee"}))
    erased = msgspec.structs.replace(customer, status="erasure_requested")
    assert match_facts_of(erased, "shopify", "1", is_staff=False).email is None
    unnamed = Customer(display_name="ann@example.com", emails=emails)
    assert match_facts_of(unnamed, "shopify", "1", is_staff=False).name == frozenset()
    for address in ("ann@münchen.de", "ann@xn--mnchen-3ya.de"):
        of_domain = msgspec.structs.replace(customer, emails=(Email(address=address, is_primary=True),))
        assert match_facts_of(of_domain, "shopify", "1", is_staff=False).email == "ann@xn--mnchen-3ya.de"
    lookalike = msgspec.structs.replace(customer, emails=(Email(address="\u212aay@example.com", is_primary=True),))
    assert match_facts_of(lookalike, "shopify", "1", is_staff=False).email != "kay@example.com"


async def test_keys_survive_a_rotation_of_the_encryption_keys(database: Database) -> None:
    await Process(database).sight("shopify", "1", "ann@example.com")
    rotated = Sealer((("k2", bytes(range(32, 64))), ("k1", KEY)))
    done = await KeyRotation(database, rotated, SEALED_COLUMNS, read_keys).rotate(actor="cli:nina")
    assert (done.left, done.unreadable) == (0, 0)
    only_new = Sealer((("k2", bytes(range(32, 64))),))
    await Process(database, ALL_PAIRS, sealer=only_new).sight("hubspot", "1", "ann@example.com")
    assert len(await ids_of(database)) == 1


async def test_a_lost_encryption_key_stops_the_matching_alone(database: Database) -> None:
    await Process(database).sight("shopify", "1", "ann@example.com")
    stranger = Sealer((("k2", bytes(range(32, 64))),))
    crm = await Process(database, ALL_PAIRS, sealer=stranger).sight("hubspot", "1", "ann@example.com")
    assert crm.startswith("cus_")
    assert len(await database.fetch(KEYS)) == 1


async def test_a_key_that_another_process_changed_is_stored_anew(database: Database) -> None:
    process, other = Process(database, ALL_PAIRS), Process(database, ALL_PAIRS)
    for one in (process, other):
        await one.links.refresh()
    shop = await process.sight("shopify", "1", "ann@example.com")
    await other.sight("shopify", "1", "ben@example.com")  # a slip, which is put right
    await process.links.refresh()
    await process.sight("shopify", "1", "ann@example.com")
    assert await process.sight("hubspot", "1", "ben@example.com") != shop
    assert await process.sight("zendesk", "1", "ann@example.com") == shop


async def test_an_erasure_after_a_return_is_an_erasure_too(database: Database) -> None:
    process, other = Process(database), Process(database)
    for one in (process, other):
        await one.links.refresh()
    await process.sight("shopify", "1", "ann@example.com")
    await process.sight("shopify", "1", None)
    await other.sight("shopify", "1", "ann@example.com")
    await process.links.refresh()
    await process.sight("shopify", "1", None)
    assert await database.fetch(KEYS) == []


async def test_what_is_erased_is_not_matched(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    shop = await process.sight("shopify", "1", "ann@example.com")
    await process.sight("shopify", "1", None)
    assert await database.fetch(KEYS) == []
    assert await process.sight("hubspot", "1", "ann@example.com") != shop
