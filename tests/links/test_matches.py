"""Customers are matched by their primary e-mail address: joined where that is configured, else proposed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from itertools import permutations

import pytest

from app.links.join_and_split import split
from app.links.match_keys import MatchFacts
from app.links.match_statements import LOCK
from app.links.models import LinkSource, RecordName
from app.links.statements import NEW_RECORD_VALUES, ONE_NEW_RECORD, new_record_text
from app.postgres.database import Database, NamedStatement, Statement, Transaction
from tests.links.match_process import ALL_PAIRS, KEYS, Process, ids_of
from tests.queue.harness import until

SYSTEMS = ("shopify", "hubspot", "zendesk")
WAITING = Statement("SELECT pg_locks", "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
DISCONNECT = Statement(
    "SELECT pg_locks",
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
)
SETTLE = NamedStatement(
    "INSERT link",
    f"WITH settled AS (SELECT 1), {new_record_text(ONE_NEW_RECORD, source='settled')} SELECT FROM settled",  # noqa: S608
)
PERSON = LinkSource(kind="person", actor="key_1")
PEOPLE = 60


async def sight_everybody(database: Database, auto_join: Sequence[tuple[str, str]]) -> list[int]:
    """See these people at three systems at once, in three processes. Return how many ids each person has."""
    processes = [Process(database, auto_join) for _ in SYSTEMS]
    await asyncio.gather(
        *(
            processes[(number + place) % 3].sight(system, str(number), f"person{number}@example.com")
            for number in range(PEOPLE)
            for place, system in enumerate(SYSTEMS)
        )
    )
    return [len(await ids_of(database, str(number))) for number in range(PEOPLE)]


@pytest.fixture
async def patient(database_url: str) -> AsyncIterator[Database]:
    """A database for whose connections 600 callers may wait, also on a busy machine."""
    opened = await Database.connect(database_url, max_size=16, acquire_timeout=120.0, command_timeout=120.0)
    yield opened
    await opened.close()


async def test_simultaneous_first_reads_make_one_id_per_person(patient: Database) -> None:
    assert await sight_everybody(patient, ALL_PAIRS) == [1] * PEOPLE


async def test_nothing_is_joined_unless_it_is_configured(patient: Database) -> None:
    assert await sight_everybody(patient, ()) == [3] * PEOPLE
    open_reviews = await Process(patient).matches.list_open(after=None, limit=1000)
    assert len(open_reviews) == 3 * PEOPLE
    assert {one.reasons for one in open_reviews} == {("not_configured",)}


async def test_a_name_that_says_less_does_not_contradict(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    await process.sight("shopify", "1", "ann@example.com", "ann lee")
    await process.sight("hubspot", "1", "ann@example.com", "ann")
    await process.sight("zendesk", "1", "ann@example.com", "")
    assert len(await ids_of(database)) == 1


@pytest.mark.parametrize("order", list(permutations(SYSTEMS)))
async def test_a_record_without_a_name_joins_no_two_people(database: Database, order: Sequence[str]) -> None:
    process, names = Process(database, ALL_PAIRS), dict(zip(SYSTEMS, ("ann lee", "", "bob kay"), strict=True))
    for _ in range(2):
        for system in order:
            await process.sight(system, "1", "family@example.com", names[system])
    ids = {one: (await process.links.ensure("customer", one, ["1"]))["1"] for one in SYSTEMS}
    ann, bob = (system for system in SYSTEMS if names[system])
    assert ids[ann] != ids[bob]
    open_reviews = await process.matches.list_open(after=None, limit=10)
    pairs = [{one.connection, one.other_connection} for one in open_reviews if "names_contradict" in one.reasons]
    assert {ann, bob} in pairs


async def test_an_open_proposal_stays_although_others_are_joined(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    await process.sight("shopify", "1", "family@example.com", "ann lee")
    await process.sight("hubspot", "1", "family@example.com", "bob kay")
    before = await process.matches.list_open(after=None, limit=10)
    await process.sight("zendesk", "1", "family@example.com", "")
    await process.sight("zendesk", "1", "family@example.com", "ann")
    after = await process.matches.list_open(after=None, limit=10)
    assert {one.id for one in before} <= {one.id for one in after}
    assert len(await ids_of(database)) == 3


async def test_the_names_of_linked_records_with_other_addresses_count(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    shop = await process.sight("shopify", "1", "ann@example.com", "")
    await process.sight("hubspot", "2", "bob@example.com", "bob kay")
    await process.links.attach("customer", "hubspot", "2", shop, by=LinkSource(kind="person", actor="key_1"))
    assert await process.sight("zendesk", "1", "ann@example.com", "ann lee") != shop
    assert await process.reasons() == [("names_contradict",)]


@pytest.mark.parametrize(
    ("email", "name", "is_staff", "reason"),
    [
        ("ann@example.com", "bob lee", False, "names_contradict"),
        ("info@example.com", "ann lee", False, "role_mailbox"),
        ("no-reply+7@example.com", "ann lee", False, "role_mailbox"),
        ("ann@example.com", "ann lee", True, "staff"),
    ],
)
async def test_a_doubtful_match_is_proposed(
    database: Database, email: str, name: str, is_staff: bool, reason: str
) -> None:
    process = Process(database, ALL_PAIRS)
    shop = await process.sight("shopify", "1", email)
    assert await process.sight("zendesk", "1", email, name, is_staff=is_staff) != shop
    assert await process.reasons() == [(reason,)]


async def test_two_candidates_are_proposed(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    ids = {await process.sight("shopify", number, "ann@example.com") for number in ("1", "2")}
    assert await process.sight("hubspot", "1", "ann@example.com") not in ids
    assert await process.reasons() == [("several_candidates",)] * 2
    # The second one turns out to be somebody else, so one candidate is left.
    await process.sight("shopify", "2", "ben@example.com")
    assert await process.reasons() == [("several_candidates",)]
    await process.sight("shopify", "1", "ann@example.com", "ann maria lee")
    assert await process.sight("hubspot", "1", "ann@example.com") in ids
    assert await process.reasons() == []


async def test_a_customer_that_is_linked_elsewhere_is_proposed(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    shop = await process.sight("shopify", "1", "ann@example.com")
    other = await process.sight("hubspot", "2", "other@example.com")
    await process.links.attach("customer", "hubspot", "2", shop, by=LinkSource(kind="person", actor="key_1"))
    assert await process.sight("hubspot", "1", "ann@example.com") not in (shop, other)
    assert await process.reasons() == [("linked_elsewhere",)]


async def test_an_address_of_many_customers_proposes_nothing(database: Database) -> None:
    process = Process(database)
    for number in range(21):
        await process.sight("shopify", str(number), "shared@example.com")
    await process.sight("hubspot", "1", "shared@example.com")
    assert await process.reasons() == []


async def test_matches_stay_inside_a_realm(database: Database) -> None:
    process = Process(database, ALL_PAIRS, {"hubspot": "acme", "zendesk": "acme"})
    shop = await process.sight("shopify", "1", "ann@example.com")
    await process.sight("hubspot", "1", "ann@example.com")
    desk = await process.sight("zendesk", "1", "ann@example.com")
    assert await ids_of(database) == {shop, desk}
    assert await process.reasons() == []


async def test_a_split_pair_is_not_joined_again(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    shop = await process.sight("shopify", "1", "ann@example.com")
    await process.sight("hubspot", "1", "ann@example.com")
    await process.links.split("customer", "hubspot", "1", by=LinkSource(kind="person", actor="key_1"))
    crm = await process.sight("hubspot", "1", "ann@example.com", "ann l lee")
    assert crm != shop
    # The third system may join one of them, and does not bring them together.
    desk = await process.sight("zendesk", "1", "ann@example.com")
    assert desk in (shop, crm)
    await process.sight("hubspot", "1", "ann@example.com", "ann m lee")
    await process.sight("shopify", "1", "ann@example.com", "ann n lee")
    ids = {one: (await process.links.ensure("customer", one, ["1"]))["1"] for one in SYSTEMS}
    assert ids["shopify"] != ids["hubspot"]


async def test_links_from_before_a_realm_was_named_stop_no_read(database: Database) -> None:
    before = Process(database, ALL_PAIRS)
    await before.sight("shopify", "1", "ann@example.com")
    await before.sight("hubspot", "1", "ann@example.com")
    after = Process(database, ALL_PAIRS, {"hubspot": "acme"})
    desk = await after.sight("zendesk", "1", "ann@example.com")
    assert {desk} < await ids_of(database)
    assert await after.reasons() == []


async def test_a_candidate_that_is_split_off_meanwhile_is_still_the_one_joined(database: Database) -> None:
    process = Process(database, ALL_PAIRS)
    places = [(await process.sight(system, "1", None), system) for system in ("shopify", "hubspot")]
    (older, stranger), (newer, ann) = sorted(places)
    await process.sight(stranger, "1", "ben@example.com")
    await process.sight(ann, "1", "ann@example.com")
    await process.links.attach("customer", ann, "1", older, by=PERSON)
    is_split, may_end = asyncio.Event(), asyncio.Event()

    async def split_slowly(transaction: Transaction) -> None:
        record = RecordName(object="customer", connection=ann, remote_id="1")
        await split(transaction, record, PERSON, None)
        is_split.set()
        await may_end.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Process(database).links.change(split_slowly))
        await is_split.wait()
        reading = tasks.create_task(process.sight("zendesk", "1", "ann@example.com"))
        async with asyncio.timeout(30.0):
            await until(lambda: database.fetch(WAITING))
        may_end.set()
    assert reading.result() == newer


async def settle(process: Process, database: Database, email: str) -> None:
    """Make a customer at zendesk, as a write does."""
    drawn = process.links.draw("customer", "zendesk", "1")
    assert drawn is not None
    new = await process.matches.with_key(drawn, MatchFacts(connection="zendesk", remote_id="1", email=email))
    await database.execute(SETTLE, *SETTLE.arguments(dict(zip(NEW_RECORD_VALUES, new.row(), strict=True))))
    process.links.stored(new)
    process.matches.stored(new)


async def test_a_customer_that_a_write_made_is_matched_before_the_process_ends(database: Database) -> None:
    process = Process(database)
    await process.sight("shopify", "1", "ann@example.com")
    async with process.matches.running():
        await settle(process, database, "ann@example.com")
    assert await process.reasons() == [("not_configured",)]


async def test_a_customer_is_matched_although_the_process_ends_meanwhile(database: Database) -> None:
    process = Process(database)
    await process.sight("shopify", "1", "ann@example.com")
    (key,) = await database.fetch(KEYS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process.matches.running())
        async with database.transaction() as other:
            await other.execute(LOCK, key["digest"])
            await settle(process, database, "ann@example.com")
            await until(lambda: database.fetch(WAITING))
            ending = asyncio.create_task(stack.pop_all().aclose())
            await asyncio.sleep(0)  # it cancels the step that waits
        await ending
    assert await process.reasons() == [("not_configured",)]


async def test_a_customer_is_matched_although_the_database_was_away_meanwhile(database: Database) -> None:
    process = Process(database)
    await process.sight("shopify", "1", "ann@example.com")
    (key,) = await database.fetch(KEYS)
    async with process.matches.running():
        async with database.transaction() as other:
            await other.execute(LOCK, key["digest"])
            await settle(process, database, "ann@example.com")
            await until(lambda: database.fetch(WAITING))
            await database.execute(DISCONNECT)
        async with asyncio.timeout(30.0):
            await until(process.reasons)
    assert await process.reasons() == [("not_configured",)]


async def test_a_customer_that_changed_before_it_was_matched_may_change_back(database: Database) -> None:
    process = Process(database)
    await process.sight("shopify", "1", "ann@example.com")
    async with process.matches.running():
        await settle(process, database, "ann@example.com")
        await process.sight("zendesk", "1", "bob@example.com", "")
        await process.links.refresh()
        await process.links.ensure("customer", "zendesk", ["1"])
    assert await process.reasons() == []
    await process.sight("zendesk", "1", "ann@example.com", "")
    assert await process.reasons() == [("not_configured",)]


async def test_an_unchanged_customer_costs_no_statement(database: Database) -> None:
    process = Process(database)
    await process.sight("shopify", "1", "ann@example.com")
    await database.close()
    assert (await process.sight("shopify", "1", "ann@example.com")).startswith("cus_")
