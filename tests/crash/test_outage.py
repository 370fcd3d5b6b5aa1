"""A vendor is down for a day, everything that concerns it dies, it comes back and all is redriven while workers are
killed: in the end everything is as if there had been no outage.

The day is simulated: what waits for a time is put back by hours in the database. `LOCKSTITCH_OUTAGE_RECORDS` makes it
as large as you like.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.callers import Caller, expect
from tests.contract.facade import Facade
from tests.contract.webhook_driver import WebhookDriver

pytestmark = pytest.mark.long

RECORDS: Final = int(os.environ.get("LOCKSTITCH_OUTAGE_RECORDS", "24"))
ROUNDS: Final = 13
HOURS_EACH: Final = 2
PATIENCE: Final = 120.0
# What differs between any two runs: ids and times, and what stems from them.
FLEETING: Final = {"id", "meta", "created_at", "updated_at"}
KEPT_AT_VENDOR: Final = ("lastname", "jobtitle", "company", "email")

PASS_TIME: Final = (
    """
    UPDATE job
       SET run_at = run_at - $1::text::interval, give_up_at = give_up_at - $1::text::interval
     WHERE state <> 'running'
    """,
    "UPDATE operation SET due_at = due_at - $1::text::interval WHERE due_at IS NOT NULL AND lease_token IS NULL",
    "UPDATE lane SET blocked_until = blocked_until - $1::text::interval WHERE blocked_until < 'infinity'",
)


class Business:
    """A business that works with its customers, whether or not their vendor is there."""

    def __init__(self, facade: Facade, caller: Caller) -> None:
        self.facade = facade
        self.caller = caller
        self.driver = WebhookDriver(facade, caller)
        self.ids: dict[str, tuple[str, str]] = {}

    def begin(self) -> None:
        """Customers come into being, and are told of."""
        for number in range(RECORDS):
            mark = f"mark{number:04d}"
            made = self.caller.create(
                "/v1/customers?connection=hubspot",
                {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}]},
            )
            self.ids[mark] = made["id"], made["meta"]["remote_id"]
            self.driver.send("hubspot", "customer", "created", made["meta"]["remote_id"])
        self.until_nothing_waits()

    def go_on_at_the_vendor(self) -> None:
        """Somebody changes them and archives a few; nothing of that has been told yet."""
        for number, (customer, _) in enumerate(self.ids.values()):
            if number % 10 == 9:
                assert self.caller.write("DELETE", f"/v1/customers/{customer}").status_code == 200
            else:
                self.patch(customer, {"job_title": f"Owner {number}"}, expect=200)

    def tell(self) -> None:
        """Webhooks of these changes, and of the same ones again."""
        for number, (_, remote_id) in enumerate(self.ids.values()):
            for _ in range(2):
                self.driver.send("hubspot", "customer", "deleted" if number % 10 == 9 else "updated", remote_id)

    def write(self) -> None:
        """Two writes of each record one after the other, of which the second one counts."""
        for number, (customer, _) in enumerate(self.ids.values()):
            if _is_written(number):
                for company in ("Before", f"Mugs {number}"):
                    self.patch(customer, {"company_name": company}, expect=202, prefer="respond-async")

    def tell_of_writes(self) -> None:
        """Once they have been done, the vendor tells of them like of any change."""
        for number, (_, remote_id) in enumerate(self.ids.values()):
            if _is_written(number):
                self.driver.send("hubspot", "customer", "updated", remote_id)
        self.until_nothing_waits()

    def patch(self, customer: str, body: dict[str, Any], *, expect: int, **headers: str) -> None:
        answer = self.caller.write("PATCH", f"/v1/customers/{customer}", body, headers=headers)
        assert answer.status_code == expect, answer.text

    def until(self, condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < give_up, f"{what}: {self.open()}\n{self.facade.worker.log[-2000:]}"
            time.sleep(0.1)

    def until_nothing_waits(self) -> None:
        self.until(lambda: self.count("SELECT count(*) AS count FROM job") == 0, "jobs wait")
        self.until(lambda: not self.open()["operations"], "operations wait")

    def count(self, query: str) -> int:
        return self.facade.sql(query)[0]["count"]

    def open(self) -> dict[str, Any]:
        """What is not decided, for the one who reads a failure."""
        return {
            "jobs": self.facade.sql("SELECT kind, state, count(*) FROM job GROUP BY kind, state"),
            "operations": self.facade.sql(
                "SELECT phase, count(*) FROM operation WHERE phase <> 'settled' GROUP BY phase"
            ),
            "dead": self.facade.sql("SELECT kind, reason, state, count(*) FROM dead_letter GROUP BY 1, 2, 3"),
        }

    def announced(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """By mark: the last Event of each record, as a subscriber has it in the end."""
        last: dict[str, tuple[str, dict[str, Any]]] = {}
        remote_ids = {remote_id: mark for mark, (_, remote_id) in self.ids.items()}
        path = "/v1/events?limit=250&type=customer.created,customer.updated,customer.deleted"
        cursor: str | None = ""
        while cursor is not None:
            page = expect(self.caller.get(f"{path}&after={cursor}" if cursor else path)).json()
            for event in page["data"]:
                data = event["data"]
                mark = remote_ids[data["meta"]["remote_id"]]
                kept = {name: value for name, value in data.items() if name not in FLEETING}
                last[mark] = "deleted" if event["type"] == "customer.deleted" else "there", kept
            cursor = page["next_cursor"] if page["has_more"] else None
        return last

    def stored(self) -> dict[str, dict[str, Any]]:
        """By mark: what the vendor has."""
        contacts = {}
        for record in self.facade.vendors.records("hubspot", "contacts", holding="mark"):
            kept = {name: record["properties"].get(name) for name in KEPT_AT_VENDOR}
            contacts[kept["lastname"]] = {**kept, "archived": record.get("archived", False)}
        return contacts


@contextmanager
def business(url: str) -> Iterator[Business]:
    with tempfile.TemporaryDirectory(prefix="lockstitch-outage-") as folder:
        facade = Facade(Path(folder), url, vendors_last=True)
        with facade.running(), facade.calling() as caller:
            yield Business(facade, caller)


@pytest.fixture
def undisturbed(module_database_url: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """How it ends where nothing goes wrong."""
    with business(module_database_url) as quiet:
        quiet.begin()
        quiet.go_on_at_the_vendor()
        quiet.write()
        quiet.until_nothing_waits()
        quiet.tell()
        quiet.until_nothing_waits()
        quiet.tell_of_writes()
        return quiet.announced(), quiet.stored()


def test_after_an_outage_everything_is_as_if_there_had_been_none(
    undisturbed: tuple[dict[str, Any], dict[str, Any]], database_url: str
) -> None:
    with business(database_url) as hit:
        hit.begin()
        hit.go_on_at_the_vendor()
        hit.facade.emulators.kill()
        hit.tell()
        hit.write()
        _let_a_day_pass(hit)
        dead = Counter(row["kind"] for row in hit.facade.sql("SELECT kind FROM dead_letter WHERE state = 'open'"))
        assert dead["ingest"] == 2 * RECORDS
        assert dead["execute"] > 0

        hit.facade.emulators.start()
        _redrive_while_workers_are_killed(hit, dead.total())
        hit.until_nothing_waits()
        assert hit.count("SELECT count(*) AS count FROM dead_letter WHERE state = 'open'") == 0, hit.open()

        hit.tell_of_writes()
        announced, stored = undisturbed
        assert hit.stored() == stored
        assert hit.announced() == announced


def _is_written(number: int) -> bool:
    return number % 3 == 0 and number % 10 != 9


def _let_a_day_pass(hit: Business) -> None:
    """Hours go by until all has been tried and given up; what waits behind a dead letter stays where it is."""
    for _ in range(ROUNDS):
        hit.until(
            lambda: (
                hit.count(
                    "SELECT count(*) AS count FROM job WHERE state = 'running' OR (state = 'ready' AND run_at <= now())"
                )
                == 0
            ),
            "attempts are under way",
        )
        for statement in PASS_TIME:
            hit.facade.sql(statement, f"{HOURS_EACH} hours")
    hit.until(lambda: hit.count("SELECT count(*) AS count FROM job WHERE state <> 'behind'") == 0, "some live")


def _redrive_while_workers_are_killed(hit: Business, total: int) -> None:
    answer = expect(hit.caller.post("/ops/redrives", json={"filter": {}, "rate_per_second": 40}), 201)
    path = answer.headers["location"]
    assert answer.json()["total"] == total

    def poll() -> dict[str, Any]:
        return hit.caller.get(path).json()

    for share in (0.1, 0.4, 0.7):
        hit.until(lambda share=share: poll()["redriven"] >= share * total, "the redrive goes on")  # type: ignore[misc]
        hit.facade.worker.kill()
        hit.facade.worker.start()
    hit.until(lambda: poll()["state"] == "done", "the redrive ends")
    assert (poll()["redriven"], poll()["skipped"]) == (total, 0)
