"""The capabilities that one write and one webhook cross, in order of first entry: they read like the design's story."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context, ContextVar
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast
from uuid import uuid4

import httpx
import pytest

from app.api import handlers
from app.api_keys.store import SCOPES, PostgresKeys
from app.postgres.database import Database, Statement
from app.server import application
from app.settings.environment import load_settings
from app.wiring.runtime import open_runtime
from tests.contract.facade import SECRETS, Facade
from tests.contract.webhook_senders import contact_event, hubspot
from tests.queue.harness import until
from tests.telemetry.recording import recording

APP: Final = f"{Path(__file__).parents[2] / 'app'}/"
# What every capability stands on.
GROUND: Final = frozenset({"telemetry", "postgres", "audit", "egress", "signatures"})
INSIDE: Final = ContextVar("INSIDE", default=False)
"""Set for the tasks that the block starts, and not for background tasks that were there before."""
EVENTS: Final = Statement("SELECT event", "SELECT FROM event WHERE type = $1")
# As if somebody else had made the record: the worker then has something to tell.
FORGET: Final = Statement("DELETE record_state", "DELETE FROM record_state")
# Drift is checked in the background, at any time.
NO_DRIFT: Final = "\n[drift]\nsample_rate = 0.0\n"


class Crossing:
    """The modules of `app` whose functions are called during the block, in order of first entry, the named functions
    (`links/store.py:PostgresLinks.draw`) likewise, and the summaries of the statements, such as `SELECT link`."""

    def __init__(self) -> None:
        self.modules: dict[str, None] = {}
        self.functions: dict[str, None] = {}
        self.statements: list[str] = []

    def capabilities(self) -> list[str]:
        """The folders, without the ground."""
        folders = dict.fromkeys(module.partition("/")[0] for module in self.modules if "/" in module)
        return [folder for folder in folders if folder not in GROUND]

    def in_order(self, *names: str) -> bool:
        """Whether these modules or functions were first entered in this order."""
        entered = list(self.functions)
        places = [next(place for place, one in enumerate(entered) if one.startswith(name)) for name in names]
        return places == sorted(places)

    def note(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call; a resumed coroutine counts as one."""
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(APP) and INSIDE.get():
            module, name = file.removeprefix(APP), frame.f_code.co_name
            self.modules.setdefault(module)
            if not name.startswith("<"):  # a comprehension or a lambda
                self.functions.setdefault(f"{module}:{frame.f_code.co_qualname}")
            if (module, name) == ("postgres/database.py", "_span"):
                self.statements.append(frame.f_locals["query"].summary)


@contextmanager
def crossing() -> Iterator[Crossing]:
    crossed = Crossing()
    inside = INSIDE.set(True)
    sys.setprofile(crossed.note)
    try:
        yield crossed
    finally:
        sys.setprofile(None)
        INSIDE.reset(inside)


@pytest.fixture
def facade(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facade]:
    """Emulators, and settings for an API and a worker inside the test's process."""
    made = Facade(tmp_path, database_url, more=NO_DRIFT)
    for name, value in made.api.environment.items():
        monkeypatch.setenv(name, value)
    try:
        made.emulators.start()
        yield made
    finally:
        made.emulators.stop()
        made.vendors.close()


@pytest.fixture(autouse=True)
def traced() -> Iterator[None]:
    """Spans are recorded, as in production: whether they are is the same for the whole process of the tests."""
    with recording():
        yield


@asynccontextmanager
async def open_client(facade: Facade, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """An API inside the test's process, and a client with every scope."""
    settings = load_settings(facade.api.environment)
    async with open_runtime(settings) as runtime:
        key = await PostgresKeys(database).create("story", SCOPES)
        app = httpx.ASGITransport(cast(Any, application(runtime.dependencies, handlers())))
        headers = {"authorization": f"Bearer {key.secret}"}
        async with httpx.AsyncClient(transport=app, base_url=settings.public_url, headers=headers) as client:
            yield client


async def copy_to_hubspot(client: httpx.AsyncClient, record: str, status: int) -> Crossing:
    """Copy a customer, and return what that crossed."""
    with crossing() as crossed:
        copied = await client.post(
            f"/v1/customers/{record}/copies",
            json={"connection": "hubspot", "match_on": "email"},
            headers={"idempotency-key": str(uuid4())},
        )
    assert copied.status_code == status, copied.text
    return crossed


async def change_at_hubspot(facade: Facade, remote_id: str, title: str) -> None:
    """Change a record as if somebody else did, so that there is an Event to make."""
    changed = await asyncio.to_thread(
        httpx.patch,
        f"{facade.emulators.url}/hubspot/crm/v3/objects/contacts/{remote_id}",
        headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"},
        json={"properties": {"jobtitle": title}},
    )
    assert changed.status_code == 200, changed.text


async def create_at_hubspot(facade: Facade) -> str:
    """Create a contact as if somebody else did, and return its id."""
    made = await asyncio.to_thread(
        httpx.post,
        f"{facade.emulators.url}/hubspot/crm/v3/objects/contacts",
        headers={"authorization": f"Bearer {SECRETS['HUBSPOT_TOKEN']}"},
        json={"properties": {"lastname": "Hamilton", "email": f"{uuid4().hex}@example.com"}},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def send_webhook(client: httpx.AsyncClient, remote_id: str, **members: str) -> None:
    """Send a webhook of a changed record."""
    sent = hubspot(str(client.base_url.join("/v1/webhooks/hubspot")), contact_event(objectId=int(remote_id), **members))
    received = await client.post("/v1/webhooks/hubspot", headers=list(sent.headers), content=sent.body)
    assert received.status_code == 202, received.text


async def count_events(database: Database, number: int, kind: str = "customer.updated") -> bool:
    """Return whether there are so many Events of changed customers, or of another `kind`."""
    return len(await database.fetch(EVENTS, kind)) >= number


async def ingest_creation(facade: Facade, client: httpx.AsyncClient, database: Database, remote_id: str) -> Crossing:
    """Send the webhook of a created record, and return what a worker crosses until there is its Event."""
    await send_webhook(client, remote_id, subscriptionType="contact.creation")
    settings = load_settings(facade.api.environment)
    async with open_runtime(settings, works=True) as runtime, asyncio.timeout(60):
        assert runtime.runner is not None
        with crossing() as ingestion:
            running = asyncio.create_task(runtime.runner.run())
            await until(lambda: count_events(database, 1, "customer.created"))
            runtime.runner.stop()
            await running
    return ingestion


async def test_a_copy_reads_each_thing_once(facade: Facade, database: Database) -> None:
    async with open_client(facade, database) as client:
        for name in ("Lovelace", "Hopper"):  # the first one fetches the account facts
            body = {"last_name": name, "emails": [{"address": f"{name.lower()}@example.com"}]}
            made = await client.post(
                "/v1/customers?connection=shopify", json=body, headers={"idempotency-key": str(uuid4())}
            )
            assert made.status_code == 201, made.text
            first = await copy_to_hubspot(client, made.json()["id"], 201)
        again = await copy_to_hubspot(client, made.json()["id"], 200)
    # The links of the id, once before the source is read; for a new copy again under its lock, then those of the join.
    # One of them is in the cache, unless the notice of the change before has just dropped it.
    assert first.statements.count("SELECT link") in (7, 8)
    assert again.statements.count("SELECT link") == 1
    # Before the source is read, under the lock, and at the end: another copy may have ended in between.
    assert again.statements.count("SELECT copy_base") == 3


async def test_a_webhook_of_a_new_record_stores_all_of_it_at_once(facade: Facade, database: Database) -> None:
    async with open_client(facade, database) as client:
        ingestion = await ingest_creation(facade, client, database, await create_at_hubspot(facade))
    # The claim reads the receipt. The state is read before the record, and checked where the job ends.
    counted = Counter(ingestion.statements)
    assert [counted[one] for one in ("SELECT inbound_event", "SELECT record_state", "DELETE job")] == [0, 2, 1]
    assert [counted[one] for one in ("INSERT link", "INSERT match_key", "SELECT link")] == [0, 0, 0]
    assert counted["SELECT digest_secret"] == 0  # it was loaded when the process began


async def test_a_new_record_keeps_an_id_that_another_process_gave_it(facade: Facade, database: Database) -> None:
    async with open_client(facade, database) as client:
        remote_id = await create_at_hubspot(facade)
        read = await client.get(f"/v1/customers/hubspot:{remote_id}")
        assert read.status_code == 200, read.text
        await ingest_creation(facade, client, database, remote_id)
        feed = await client.get("/v1/events", params={"type": "customer.created"})
    assert [one["data"]["id"] for one in feed.json()["data"]] == [read.json()["id"]]


async def test_a_write_and_a_webhook_cross_the_documented_capabilities(facade: Facade, database: Database) -> None:
    settings = load_settings(facade.api.environment)
    async with open_client(facade, database) as client:
        writes = list[Crossing]()
        for _ in range(4):  # the first one fetches the account facts, and another may open a database connection
            with crossing() as write:
                written = await client.post(
                    "/v1/customers", json={"last_name": "Lovelace"}, headers={"idempotency-key": str(uuid4())}
                )
            assert written.status_code == 201, written.text
            writes.append(write)
        write = min(writes, key=lambda one: len(one.functions))
        remote_id = written.json()["meta"]["remote_id"]
        await change_at_hubspot(facade, remote_id, "Potter")
        with crossing() as receipt:
            await send_webhook(client, remote_id)
        await database.execute(FORGET)
        async with open_runtime(settings, works=True) as runtime, asyncio.timeout(60):
            assert runtime.runner is not None
            with crossing() as ingestion:
                running = asyncio.create_task(runtime.runner.run())
                await until(lambda: count_events(database, len(writes) + 1, "customer.created"))
                # The second webhook finds account facts, a link and a last-seen state. It is sent outside the crossing.
                await change_at_hubspot(facade, remote_id, "Weaver")
                first, ingestion.modules = ingestion.modules, dict[str, None]()
                await asyncio.create_task(send_webhook(client, remote_id), context=Context())
                await until(lambda: count_events(database, 1))
                second, ingestion.modules = ingestion.modules, first
                runtime.runner.stop()
                await running

    # http → writes → records → vendors → writes → links → events → answer. Revisions run the mapping, credentials hold
    # the vendor's and note the use of keys.
    assert write.capabilities() == [
        *("http", "api_keys", "credentials", "writes", "records", "vendors", "revisions", "drift", "links"),
        "events",
    ]
    assert write.in_order(
        "http/admission.py",
        "writes/resolved_write.py",
        "writes/prepare.py",
        "writes/store/operations.py",
        "writes/execute.py",
        "vendors/attempts.py",
        "writes/finish.py",
        "records/resources.py",
        "links/match_keys.py",
        "records/compare.py",
        "writes/completion.py",
        "events/store/events.py",
    )
    # webhooks → queue → webhooks → records → vendors → events. Vendors know the account that may send, and a claim asks
    # them what may be called. The last seen state is read before the record. Writes under way are waited for.
    assert receipt.statements == ["SELECT job", "INSERT inbound_event"]  # the first one numbers 256 jobs beforehand
    assert receipt.capabilities() == ["http", "webhooks", "vendors", "credentials", "queue"]
    assert ingestion.capabilities() == [
        *("queue", "vendors", "webhooks", "records", "drift", "writes", "events", "credentials", "revisions", "links"),
    ]
    assert ingestion.in_order(
        "queue/claim.py",
        "webhooks/ingest.py",
        "webhooks/refetch.py",
        "records/fetch.py",
        "vendors/attempts.py",
        "records/map_record.py:map_record",
        "events/store/events.py",
    )
    # A story that needs many more modules than today has lost its thread. A context manager that is a class, because
    # it is entered often, counts as three functions.
    assert len(write.modules) <= 57
    assert len(write.functions) <= 246
    # 66 and 60. Meanwhile leases may be swept, or a database connection opened.
    assert len(receipt.modules | first) <= 69
    assert len(receipt.modules | second) <= 63
