"""Subscribers on a real socket, Events appended as capabilities append them, and a Lockstitch that delivers with a
short retry ladder."""

import asyncio
import base64
import hashlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from standardwebhooks.webhooks import Webhook

from app.capabilities import POLICIES
from app.events.models import Callback, NewEvent
from app.events.store.deliveries import PostgresDeliveries
from app.events.store.events import PostgresEvents
from app.postgres.database import Database, Statement, Transaction
from app.queue.enqueue import JobIntake
from tests.closing import async_closing
from tests.conftest import TEMPLATE, _made_from
from tests.contract.callers import Caller
from tests.contract.facade import Facade
from tests.contract.processes import Process
from tests.contract.waiting import TIMEOUT, until
from tests.encryption import SEALER
from tests.http_server import LocalServer, Reply, Request

LADDER: Final = (0.2, 0.2, 0.3, 600)
"""A subscription is disabled after all pauses, see `let_it_have_failed_for_long`."""
ATTEMPTS: Final = len(LADDER) + 1
OWN_EVENTS: Final = Statement("SELECT event", "SELECT id FROM event WHERE created_at = now() ORDER BY id")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a hook answers, so many seconds after it was asked, or once `held` is set."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0
    until: threading.Event | None = None


@dataclass(frozen=True, kw_only=True)
class Post:
    """What a hook received."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    def proven_by(self, secret: str) -> dict[str, Any]:
        """The body, after the official package has verified it. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Hook:
    """One path of the subscribers' server: `script` is answered in turn, then `always`."""

    url: str
    always: Answer = Answer()
    script: deque[Answer] = field(default_factory=deque)
    posts: list[Post] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0

    def then(self, *answers: Answer) -> "Hook":
        """Append to the script."""
        self.script.extend(answers)
        return self

    def received(self, count: int) -> list[Post]:
        """The posts, once there are so many."""
        until(lambda: len(self.posts) >= count)
        return list(self.posts)


class SubscriberServer(LocalServer):
    """Every path is a hook of its own."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = defaultdict(lambda: Hook(url=""))
        super().__init__(self._receive, keep_alive=True)

    def _receive(self, request: Request) -> Reply:
        hook = self._hooks[request.path]
        answer = hook.script.popleft() if hook.script else hook.always
        hook.posts.append(Post(headers=request.headers, body=request.body, at=time.monotonic()))
        hook.under_way += 1
        hook.most_at_once = max(hook.most_at_once, hook.under_way)
        time.sleep(answer.after)
        if answer.until is not None:
            answer.until.wait(TIMEOUT)
        hook.under_way -= 1
        return Reply(status=answer.status, headers=answer.headers)

    def hook(self, name: str, always: Answer | None = None) -> Hook:
        """The hook of this name."""
        path = f"/hooks/{name}"
        hook = self._hooks[path]
        hook.url = f"{self.url}{path}"
        hook.always = always or Answer()
        return hook


class Delivering:
    """A running API and worker over a database of their own, allowed to deliver to one port of this machine."""

    def __init__(self, folder: Path, database_url: str, **environment: str) -> None:
        self.subscribers = SubscriberServer()
        self.facade = Facade(folder, database_url)
        self.environment = {
            "LOCKSTITCH_EGRESS_ALLOW": f"127.0.0.1/32:{self.subscribers.port}",
            "LOCKSTITCH_DELIVERY_LADDER": ",".join(map(str, LADDER)),
            **environment,
        }
        self.api = self.facade.process("serve", **self.environment)
        self.worker = self.facade.process("worker", **self.environment)

    @contextmanager
    def running(self) -> Iterator["Delivering"]:
        """Started, and stopped at the end of the block."""
        processes: tuple[Process, ...] = (self.api, self.worker)
        try:
            for process in processes:
                process.start()
            yield self
        finally:
            for process in processes:
                process.stop()
            self.subscribers.close()

    def publish(self, *events: NewEvent) -> list[str]:
        """Append Events in one transaction, as flows do; their ids."""

        async def append(database: Database, transaction: Transaction) -> list[str]:
            jobs = await PostgresEvents(database, SEALER, PostgresDeliveries(database, SEALER)).append(
                transaction, *events
            )
            await JobIntake(SEALER, POLICIES).enqueue(transaction, *jobs)
            rows = await transaction.fetch(OWN_EVENTS)
            return [row["id"] for row in rows]

        return self._in_transaction(append)

    def call_back(self, event_id: str, *, target_url: str, principal: str) -> None:
        """Ask for an Event to be delivered to one address, as an operation with a callback does."""

        async def consign(database: Database, transaction: Transaction) -> None:
            event = await PostgresEvents(database, SEALER).get(event_id)
            assert event is not None
            deliveries = PostgresDeliveries(database, SEALER)
            callback = Callback(target_url=target_url, principal=principal, withheld=b'{"withheld": true}')
            job = await deliveries.call_back(transaction, event, callback)
            await JobIntake(SEALER, POLICIES).enqueue(transaction, job)

        self._in_transaction(consign)

    def let_leases_run_out(self) -> None:
        """As if the time had passed after which a worker that is gone is missed."""
        self.facade.sql("UPDATE job SET lease_until = now() WHERE state = 'running'")

    def let_the_last_pause_run_out(self, subscription: str, *, disables: bool) -> None:
        """As if the time before the last attempt at the only delivery had passed, once it has begun."""
        waits = "SELECT FROM job WHERE connection = $1 AND state = 'ready' AND run_at > now() + interval '1 minute'"
        until(lambda: self.facade.sql(waits, subscription))
        if disables:
            self.let_it_have_failed_for_long(subscription)
        self.facade.sql("UPDATE job SET run_at = now() WHERE connection = $1", subscription)

    def let_it_have_failed_for_long(self, subscription: str) -> None:
        """As if nothing had been delivered for longer than all pauses."""
        longer = "UPDATE subscription SET failing_since = failing_since - interval '1 hour' WHERE id = $1"
        self.facade.sql(longer, subscription)

    def audited(self, subject: str) -> list[str]:
        """The types of what the audit trail says of a subject, oldest first."""
        rows = self.facade.sql("SELECT type FROM audit_event WHERE subject = $1 ORDER BY id", subject)
        return [row["type"] for row in rows]

    def deliveries(self, subscription: str) -> list[dict[str, Any]]:
        """The deliveries of a subscription, oldest first."""
        return self.facade.sql("SELECT * FROM delivery WHERE subscription = $1 ORDER BY id", subscription)

    def states(self, subscription: str) -> list[str]:
        return [row["state"] for row in self.deliveries(subscription)]

    def _in_transaction(self, do: Callable[[Database, Transaction], Any]) -> Any:
        async def connect_and_do() -> Any:
            opening = Database.connect(self.facade.database_url, max_size=2)
            async with async_closing(opening) as database, database.transaction() as transaction:
                return await do(database, transaction)

        return asyncio.run(connect_and_do())


@contextmanager
def delivering_over(server_url: str, folder: Path, **environment: str) -> Iterator[Delivering]:
    """A Lockstitch that delivers, over a database of its own."""
    for url in _made_from(server_url, TEMPLATE):
        with Delivering(folder, url, **environment).running() as running:
            yield running


@contextmanager
def owning(delivering: Delivering) -> Iterator[Caller]:
    """A caller with every scope. Its subscriptions are deleted afterwards."""
    with delivering.facade.calling(url=delivering.api.url) as calling:
        yield calling
        for one in calling.get("/v1/subscriptions?limit=250").json()["data"]:
            calling.delete(f"/v1/subscriptions/{one['id']}")


def subscribe(caller: Caller, hook: Hook, *events: str, **more: Any) -> dict[str, Any]:
    """A new subscription of this hook, to everything where nothing is named."""
    answer = caller.post("/v1/subscriptions", json={"target_url": hook.url, "events": events or ("*",), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def news(number: int = 0, *, record: str | None = None, **more: Any) -> NewEvent:
    """An Event about the customer with this number."""
    fields = {"type": "customer.updated", "connection": "hubspot", "changed": ("emails",), **more}
    return NewEvent(data=msgspec.json.encode({"number": number}), record=record, **fields)


def secret_of_key(key: str) -> str:
    """What a caller makes of his own API key to verify callbacks (docs/events.md)."""
    return "whsec_" + base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()
